//! Where a request ends: the sandbox, the node and the edge never read it differently from the
//! client, and nobody leaves any of it out.

use crate::world::{World, ask, read_head, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const CHUNKED: &str = "5\r\nhello\r\n0\r\n\r\n";

/// Sends a request through the edge and through the node alone. The head that the server of the
/// sandbox reads has this line, and this body follows; then the server waits for another head, and
/// none comes before the client has its answer.
async fn arrives(world: &World, server: &TcpListener, [head, body]: [&str; 2], [line, expected]: [&str; 2]) {
    for at in [world.edge, world.node] {
        let mut client = TcpStream::connect(at).await.unwrap();
        let request = format!("{head}\r\nHost: {}\r\n\r\n{body}", world.host());
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut served, _) = within(server.accept()).await.unwrap();
        let asked = read_head(&mut served).await;
        let lengths: Vec<&str> = asked
            .lines()
            .filter(|line| line.starts_with("content-length:") || line.starts_with("transfer-encoding:"))
            .collect();
        assert_eq!(lengths, Vec::from_iter(Some(line).filter(|line| !line.is_empty())), "{head}");
        let mut arrived = vec![0; expected.len()];
        within(served.read_exact(&mut arrived)).await.unwrap();
        assert_eq!(String::from_utf8(arrived).unwrap(), expected, "{head}");
        served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_head(&mut client).await.contains(" 200 ok\r\n"), "{head}");
        let mut rest = Vec::new();
        let _ = within(served.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{head}: {:?}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_arrives_whatever_the_method_is() {
    let (world, server) = World::new("{}").await;
    let line = "transfer-encoding: chunked";
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "QUERY"] {
        let head = format!("{method} / HTTP/1.1\r\nTransfer-Encoding: chunked");
        arrives(&world, &server, [&head, CHUNKED], [line, CHUNKED]).await;
    }
    let upgrade = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked";
    arrives(&world, &server, [upgrade, CHUNKED], [line, CHUNKED]).await;
    // Not even a client that calls it a matter of its connection can have it left out.
    let named = "GET / HTTP/1.1\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked";
    arrives(&world, &server, [named, CHUNKED], [line, CHUNKED]).await;
    world.stop().await;
}

#[tokio::test]
async fn a_body_of_known_length_and_no_body_stay_what_they_are() {
    let (world, server) = World::new("{}").await;
    let known = ["content-length: 5", "hello"];
    arrives(&world, &server, ["GET / HTTP/1.1\r\nContent-Length: 5", "hello"], known).await;
    arrives(&world, &server, ["GET / HTTP/1.0\r\nContent-Length: 5", "hello"], known).await;
    let named = "GET / HTTP/1.1\r\nConnection: content-length\r\nContent-Length: 5";
    arrives(&world, &server, [named, "hello"], known).await;
    arrives(&world, &server, ["GET / HTTP/1.1", ""], ["", ""]).await;
    arrives(&world, &server, ["GET / HTTP/1.0", ""], ["", ""]).await;
    world.stop().await;
}

#[tokio::test]
async fn two_lengths_do_not_make_two_requests() {
    let (world, server) = World::new("{}").await;
    // For who believes the number, the rest of the body is a request.
    let body = "21\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n\r\n0\r\n\r\n";
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Connection: transfer-encoding\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
    ] {
        for method in ["GET", "POST"] {
            let head = format!("{method} / HTTP/1.1\r\n{lengths}");
            arrives(&world, &server, [&head, body], ["transfer-encoding: chunked", body]).await;
        }
    }
    for refused in [
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, identity",
        "GET / HTTP/1.1\r\nTransfer-Encoding: xchunked",
        "GET / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5",
        "GET / HTTP/1.1\r\nContent-Length: +4",
    ] {
        for at in [world.edge, world.node] {
            let request = format!("{refused}\r\nHost: {}\r\nConnection: close\r\n\r\n{CHUNKED}", world.host());
            assert_eq!(ask(at, &request).await.status, 400, "{refused}");
        }
    }
    world.stop().await;
}
