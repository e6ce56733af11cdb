//! What an edge tells a node about requests, and what it does when there is no node.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it is wrong")]

use sandgate::ClientAddress;
use sandgate_edge::{Config, Edge, EdgeError, Routes, Timeouts};
use sandgate_proxy::Secret;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// Knows one sandbox, and cannot find out about another.
struct Known(SocketAddr);

impl Routes for Known {
    type Error = io::Error;

    async fn node_of(&self, sandbox: &str) -> Result<Option<SocketAddr>, io::Error> {
        match sandbox {
            "abc" => Ok(Some(self.0)),
            "lost" => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(None),
        }
    }
}

fn config(client_address: ClientAddress, secret: &str) -> Config {
    Config {
        listen: vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
        domain: "sandbox.example".into(),
        client_address,
        secret: Secret::new(secret),
        connections: 10,
        connections_per_peer: 10,
        timeouts: Timeouts { grace: Duration::from_millis(200), ..Timeouts::default() },
    }
}

/// An edge and its two addresses, before a node that answers with what it is asked.
async fn edge(client_address: ClientAddress) -> (Vec<SocketAddr>, CancellationToken) {
    let node = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = Edge::bind(config(client_address, "s3cret"), Known(node.local_addr().unwrap())).unwrap();
    let (addresses, shutdown) = (edge.addresses().unwrap(), CancellationToken::new());
    tokio::spawn(edge.run(shutdown.clone()));
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = node.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", head.len());
            connection.write_all(&[answer.as_bytes(), &head].concat()).await.unwrap();
        }
    });
    (addresses, shutdown)
}

async fn ask(at: SocketAddr, sandbox: &str, lines: &str) -> String {
    let mut connection = TcpStream::connect(at).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: 80-{sandbox}.sandbox.example\r\nConnection: close\r\n{lines}\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("it takes too long").unwrap();
    answer.to_ascii_lowercase()
}

fn values<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    answer.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[tokio::test]
async fn the_node_hears_the_client_and_the_secret_from_the_edge_alone() {
    let (at, shutdown) = edge(ClientAddress::Peer).await;
    let forged = "Sandgate-Client-Address: 203.0.113.7\r\nsandgate-client-address: 203.0.113.8\r\nSandgate-Edge-Secret: x\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: sandgate-client-address, sandgate-edge-secret\r\n";
    for (at, client) in [(at[0], "127.0.0.1"), (at[1], "::1")] {
        let answer = ask(at, "abc", forged).await;
        assert_eq!(values(&answer, "sandgate-client-address"), [client]);
        assert_eq!(values(&answer, "sandgate-edge-secret"), ["s3cret"]);
        assert_eq!(values(&answer, "x-forwarded-for"), ["203.0.113.9", client]);
    }
    shutdown.cancel();
}

#[tokio::test]
async fn an_unknown_client_has_no_address_at_the_node() {
    let (at, shutdown) = edge(ClientAddress::TrustedProxies(vec!["127.0.0.0/8".parse().unwrap()])).await;
    for lines in ["", "Sandgate-Client-Address: 203.0.113.7\r\n", "X-Forwarded-For: 203.0.113.7, bogus\r\n"] {
        let answer = ask(at[0], "abc", lines).await;
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        assert_eq!(values(&answer, "sandgate-client-address"), Vec::<&str>::new(), "{lines}");
    }
    // Named in `Connection`, the chain is still what the balancer wrote.
    let answer = ask(at[0], "abc", "X-Forwarded-For: 203.0.113.7\r\nConnection: x-forwarded-for\r\n").await;
    assert_eq!(values(&answer, "sandgate-client-address"), ["203.0.113.7"]);
    assert_eq!(values(&ask(at[1], "abc", "").await, "sandgate-client-address"), ["::1"]);
    shutdown.cancel();
}

#[tokio::test]
async fn without_a_node_there_is_a_short_answer() {
    let (at, shutdown) = edge(ClientAddress::Peer).await;
    assert!(ask(at[0], "none", "").await.starts_with("http/1.1 404 "));
    assert!(ask(at[0], "lost", "").await.starts_with("http/1.1 502 "));
    shutdown.cancel();
}

#[test]
fn an_edge_without_a_secret_that_can_be_sent_does_not_start() {
    for secret in ["", "two\r\nlines"] {
        let edge = Edge::bind(config(ClientAddress::Peer, secret), Known("127.0.0.1:1".parse().unwrap()));
        assert!(matches!(edge.map(drop), Err(EdgeError::Secret)));
    }
}
