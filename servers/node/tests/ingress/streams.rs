//! What lasts longer than a question and an answer, and what must not last.

use crate::world::{World, ask, read_head, say_what_is_asked, within};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SHORT: Duration = Duration::from_millis(200);
/// The key and its answer from the standard of WebSockets.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// `Hello`, masked, and its answer, not masked, from the same place.
const HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const HELLO_BACK: [u8; 7] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];

async fn web_socket(world: &World, server: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(world.edge).await.unwrap();
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
        world.host()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    let asked = read_head(&mut served).await;
    assert!(asked.contains("\r\nconnection: upgrade\r\n") && asked.contains("\r\nupgrade: websocket\r\n"), "{asked}");
    assert!(asked.contains(&KEY.to_ascii_lowercase()));
    let agreed = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    served.write_all(agreed.as_bytes()).await.unwrap();
    let answer = read_head(&mut client).await;
    assert!(answer.starts_with("http/1.1 101 ") && answer.contains(&ACCEPT.to_ascii_lowercase()), "{answer}");
    assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    (client, served)
}

#[tokio::test]
async fn a_web_socket_passes_and_ends_when_it_is_no_longer_allowed() {
    let (mut world, server) = World::new("{}").await;
    let (mut client, mut served) = web_socket(&world, &server).await;
    client.write_all(&HELLO).await.unwrap();
    let mut frame = [0; HELLO.len()];
    within(served.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame, HELLO);
    served.write_all(&HELLO_BACK).await.unwrap();
    let mut frame = [0; HELLO_BACK.len()];
    within(client.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame, HELLO_BACK);
    world.update(r#"{"denyIn": ["0.0.0.0/0"]}"#, None);
    assert!(!matches!(within(client.read(&mut frame)).await, Ok(1..)));
    assert!(!matches!(within(served.read(&mut frame)).await, Ok(1..)));
    assert_eq!(world.denied().await.reason, "unknown-client");
    world.stop().await;
}

#[tokio::test]
async fn a_web_socket_ends_when_one_side_has_ended_and_the_other_is_silent() {
    let (world, server) = World::with("{}", |config| config.timeouts.idle = Duration::from_secs(1)).await;
    let (mut client, mut served) = web_socket(&world, &server).await;
    client.shutdown().await.unwrap();
    assert_eq!(within(served.read(&mut [0])).await.unwrap(), 0);
    assert!(!matches!(within(client.read(&mut [0])).await, Ok(1..)));
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_stalls_ends_even_if_the_next_request_has_begun() {
    let (world, server) = World::with("{}", |config| config.timeouts.idle = Duration::from_secs(1)).await;
    let mut client = TcpStream::connect(world.node).await.unwrap();
    // A server that has the beginning of the next request does not read on.
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\nGET /next", world.host());
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    read_head(&mut served).await;
    served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").await.unwrap();
    read_head(&mut client).await;
    assert_eq!(within(client.read_u8()).await.unwrap(), b'a');
    assert!(!matches!(within(client.read(&mut [0])).await, Ok(1..)));
    assert!(!matches!(within(served.read(&mut [0])).await, Ok(1..)));
    world.stop().await;
}

#[tokio::test]
async fn an_open_web_socket_does_not_keep_the_services_from_stopping() {
    let (world, server) = World::new("{}").await;
    let (mut client, _served) = web_socket(&world, &server).await;
    world.stop().await;
    assert!(!matches!(within(client.read(&mut [0])).await, Ok(1..)));
}

#[tokio::test]
async fn another_upgrade_is_a_request_like_any_other() {
    let (world, server) = World::new("{}").await;
    say_what_is_asked(server);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        world.host()
    );
    let answer = ask(world.edge, &request).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("upgrade") && !answer.body.contains("settings"), "{}", answer.body);
    world.stop().await;
}

#[tokio::test]
async fn a_sandbox_cannot_switch_protocols_unasked() {
    let (world, server) = World::new("{}").await;
    tokio::spawn(async move {
        let (mut served, _) = server.accept().await.unwrap();
        read_head(&mut served).await;
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        served.write_all(switch).await.unwrap();
        let _ = served.read_to_end(&mut Vec::new()).await;
    });
    assert_eq!(world.get(world.edge, "").await.status, 502);
    world.stop().await;
}

#[tokio::test]
async fn bodies_pass_piece_by_piece_in_both_directions() {
    let (world, server) = World::new("{}").await;
    let mut client = TcpStream::connect(world.edge).await.unwrap();
    // Two lengths: the one that counts is the one of the pieces, and the other goes no further.
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nfirst\r\n",
        world.host()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    let asked = read_head(&mut served).await;
    assert!(asked.contains("transfer-encoding: chunked") && !asked.contains("content-length"), "{asked}");
    let mut piece = [0; 10];
    within(served.read_exact(&mut piece)).await.unwrap();
    assert_eq!(&piece, b"5\r\nfirst\r\n");
    // The answer begins before the request has ended.
    served.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("http/1.1 200 "));
    let mut piece = [0; 8];
    within(client.read_exact(&mut piece)).await.unwrap();
    assert_eq!(&piece, b"3\r\none\r\n");
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    let mut rest = [0; 16];
    within(served.read_exact(&mut rest)).await.unwrap();
    assert_eq!(&rest, b"6\r\nsecond\r\n0\r\n\r\n");
    served.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    let mut rest = [0; 13];
    within(client.read_exact(&mut rest)).await.unwrap();
    assert_eq!(&rest, b"3\r\ntwo\r\n0\r\n\r\n");
    world.stop().await;
}

#[tokio::test]
async fn a_sandbox_that_does_not_answer_is_said_to() {
    let (world, server) = World::with("{}", |config| config.timeouts.answer = Duration::from_secs(1)).await;
    // The kernel takes the connection, and nobody reads.
    let silent = world.get(world.node, "").await;
    assert_eq!(silent.status, 504);
    drop(server);
    for at in [world.edge, world.node] {
        let closed = world.get(at, "").await;
        assert_eq!(closed.status, 502);
        assert!(!closed.body.contains("127.0"), "{}", closed.body);
    }
    world.registry.remove("abc");
    assert_eq!(world.get(world.edge, "").await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn requests_under_way_to_a_sandbox_are_bounded() {
    let (world, server) = World::with("{}", |config| config.requests_per_sandbox = 1).await;
    let mut first = TcpStream::connect(world.edge).await.unwrap();
    first.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", world.host()).as_bytes()).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    read_head(&mut served).await;
    served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").await.unwrap();
    read_head(&mut first).await;
    assert_eq!(world.get(world.edge, "").await.status, 503, "an answer that has not ended holds its place");
    served.write_all(b"b").await.unwrap();
    drop(served);
    say_what_is_asked(server);
    let mut body = [0; 2];
    within(first.read_exact(&mut body)).await.unwrap();
    // The place is free when the node has sent the end, which the client may see first.
    within(async { while world.get(world.edge, "").await.status != 200 {} }).await;
    world.stop().await;
}

#[tokio::test]
async fn connections_that_wait_at_many_ports_are_bounded_too() {
    const ROOM: usize = 4;
    let (world, _server) = World::with("{}", |config| config.requests_per_sandbox = ROOM).await;
    let open = Arc::new(AtomicUsize::new(0));
    let mut client = TcpStream::connect(world.node).await.unwrap();
    let mut most = 0;
    for number in 0..4 * ROOM {
        let (server, counted) = (TcpListener::bind(("127.0.1.1", 0)).await.unwrap(), Arc::clone(&open));
        let port = server.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut served, _) = server.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            read_head(&mut served).await;
            served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            // The connection stays, until the node ends it.
            let _ = served.read(&mut [0]).await;
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        let request = format!("GET / HTTP/1.1\r\nHost: {port}-abc.sandbox.example\r\nAccept: text/html\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = read_head(&mut client).await;
        assert!(number >= ROOM || answer.contains(" 200 "), "{number}: {answer}");
        let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        within(client.read_exact(&mut vec![0; length.parse().unwrap()])).await.unwrap();
        most = most.max(open.load(Ordering::Relaxed));
    }
    assert!(most <= ROOM, "{most} are open");
    // They do not wait long.
    within(async {
        while open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(SHORT).await;
        }
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let (world, _server) = World::with("{}", |config| config.timeouts.head = SHORT).await;
    for at in [world.edge, world.node] {
        let silent = TcpStream::connect(at).await.unwrap();
        let mut slow = TcpStream::connect(at).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        for mut client in [silent, slow] {
            let mut answer = Vec::new();
            // It may be told that it was too slow, or nothing.
            let _ = within(client.read_to_end(&mut answer)).await;
            assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
        }
    }
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    let mut client = TcpStream::connect(world.edge).await.unwrap();
    let _ = client.write_all(endless.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = within(client.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{:?}", String::from_utf8_lossy(&answer));
    world.stop().await;
}

#[tokio::test]
async fn connections_of_one_peer_are_bounded() {
    let (world, server) = World::with("{}", |config| config.connections_per_peer = 1).await;
    say_what_is_asked(server);
    let held = TcpStream::connect(world.node).await.unwrap();
    let mut beyond = TcpStream::connect(world.node).await.unwrap();
    assert!(!matches!(within(beyond.read(&mut [0])).await, Ok(1..)));
    drop(held);
    world.stop().await;
}
