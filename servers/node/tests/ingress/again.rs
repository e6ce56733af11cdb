//! What is under way is judged again: it ends soon after it is no longer allowed, and its end
//! does not look like one of its own.

use crate::world::{World, read_head, within};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

const DENY_ALL: &str = r#"{"denyIn": ["0.0.0.0/0"]}"#;
const PIECE: &[u8] = b"1\r\nx\r\n";

/// How a request under way loses its permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    PolicyChanged,
    SandboxRemoved,
}

impl Loss {
    fn happen(self, world: &World) {
        match self {
            Self::PolicyChanged => world.update(DENY_ALL, None),
            Self::SandboxRemoved => world.registry.remove("abc"),
        }
    }
}

/// Every way to lose it, while bytes move and while none does.
const LOSSES: [(Loss, bool); 4] = [
    (Loss::PolicyChanged, true),
    (Loss::PolicyChanged, false),
    (Loss::SandboxRemoved, true),
    (Loss::SandboxRemoved, false),
];

/// Writes pieces, or nothing, until that fails.
fn keep_writing(mut to: impl AsyncWrite + Unpin + Send + 'static, writes: bool) -> JoinHandle<()> {
    tokio::spawn(async move {
        while writes && to.write_all(PIECE).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if !writes {
            std::future::pending::<()>().await;
        }
    })
}

/// All that comes before the end, however the end comes.
async fn read_all(from: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = within(from.read_to_end(&mut all)).await;
    String::from_utf8(all).unwrap()
}

/// A request, and what the server of the sandbox is asked.
async fn begin(world: &World, server: &tokio::net::TcpListener, request: &str) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(world.edge).await.unwrap();
    client.write_all(format!("{request} / HTTP/1.1\r\nHost: {}\r\n", world.host()).as_bytes()).await.unwrap();
    let rest: &[u8] = if request == "POST" { b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" } else { b"\r\n" };
    client.write_all(rest).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    read_head(&mut served).await;
    (client, served)
}

#[tokio::test]
async fn an_answer_under_way_ends_broken_when_it_is_no_longer_allowed() {
    for (loss, moves) in LOSSES {
        let (mut world, server) = World::new("{}").await;
        let (mut client, mut served) = begin(&world, &server, "GET").await;
        served.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await.unwrap();
        assert!(read_head(&mut client).await.starts_with("http/1.1 200 "));
        let mut piece = [0; PIECE.len()];
        within(client.read_exact(&mut piece)).await.unwrap();
        let (mut reading, writing) = served.into_split();
        let writing = keep_writing(writing, moves);
        loss.happen(&world);
        let answer = read_all(&mut client).await;
        assert!(!answer.contains("0\r\n"), "{loss:?}: the answer looks complete: {answer:?}");
        assert_eq!(read_all(&mut reading).await, "", "the sandbox's side ends as well");
        writing.abort();
        if loss == Loss::PolicyChanged {
            assert_eq!(world.denied().await.reason, "unknown-client");
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn a_request_under_way_ends_broken_when_it_is_no_longer_allowed() {
    for (loss, moves) in LOSSES {
        let (world, server) = World::new("{}").await;
        let (client, mut served) = begin(&world, &server, "POST").await;
        let (mut reading, writing) = client.into_split();
        let writing = keep_writing(writing, moves);
        loss.happen(&world);
        let asked = read_all(&mut served).await;
        assert!(!asked.contains("0\r\n"), "{loss:?}: the request looks complete: {asked:?}");
        let answer = read_all(&mut reading).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{loss:?}: {answer}");
        writing.abort();
        world.stop().await;
    }
}

#[tokio::test]
async fn a_request_goes_on_after_its_answer_began_no_longer_than_it_is_allowed() {
    let (world, server) = World::new("{}").await;
    let (mut client, mut served) = begin(&world, &server, "POST").await;
    served.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("http/1.1 200 "));
    let (mut reading, writing) = client.into_split();
    let writing = keep_writing(writing, true);
    Loss::PolicyChanged.happen(&world);
    let asked = read_all(&mut served).await;
    assert!(!asked.contains("0\r\n"), "the request looks complete: {asked:?}");
    assert_eq!(read_all(&mut reading).await, "");
    writing.abort();
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_begins_too_late_is_none() {
    for loss in [Loss::PolicyChanged, Loss::SandboxRemoved] {
        let (world, server) = World::new("{}").await;
        let (mut client, mut served) = begin(&world, &server, "GET").await;
        loss.happen(&world);
        let answer = read_head(&mut client).await;
        assert!(answer.starts_with("http/1.1 403 "), "{loss:?}: {answer}");
        assert_eq!(read_all(&mut served).await, "", "the sandbox's side ends as well");
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_still_allowed_is_not_disturbed() {
    let (world, server) = World::new("{}").await;
    let (mut client, mut served) = begin(&world, &server, "GET").await;
    served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na").await.unwrap();
    read_head(&mut client).await;
    for document in [r#"{"maskRequestHost": "app.example"}"#, r#"{"denyOut": ["0.0.0.0/0"]}"#] {
        world.update(document, None);
        // Long enough to be judged again.
        tokio::time::sleep(Duration::from_millis(1300)).await;
        served.write_all(b"b").await.unwrap();
    }
    let mut body = [0; 3];
    within(client.read_exact(&mut body)).await.unwrap();
    assert_eq!(&body, b"abb");
    world.stop().await;
}
