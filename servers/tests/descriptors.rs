//! Services with few file descriptors: what is held of them, and what goes on all the same.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it is wrong")]

use sandgate::{NetworkConfig, Options, Policy};
use sandgate_contract::node::{CreateRequest, UpdateRequest, node_client::NodeClient};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Where one test's node answers edges.
const INGRESS: &str = "127.0.0.1:27080";

/// A node that may have so many descriptors, and perhaps more if it asks for them.
fn node(folder: &Path, [soft, hard]: [usize; 2], [ingress, proxy]: [&str; 2]) -> Command {
    fs::write(folder.join("secret"), "shown-by-the-edge-to-the-node\n").unwrap();
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--nofile={soft}:{hard}"))
        .arg(env!("CARGO_BIN_EXE_sandgate-servers"))
        .args(["--log-format", "json", "node", "--kernel", "absent", "--pool-ipv4", "127.65.0.0/16"])
        .args(["--listen", "127.0.0.1:0", "--ingress-listen", ingress, "--proxy-port", proxy])
        .args(["--domain", "sandboxes.example"])
        .arg("--edge-secret")
        .arg(folder.join("secret"))
        .arg("--state")
        .arg(folder.join("state"))
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped());
    command
}

/// A service that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads the log up to a message. The record with it, and the messages before.
fn log_until(log: &mut BufReader<ChildStderr>, message: &str) -> (Value, Vec<String>) {
    let mut before = Vec::new();
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {before:#?}");
        let record: Value = serde_json::from_str(&line).expect(&line);
        let said = record.pointer("/fields/message").and_then(Value::as_str).unwrap_or_default().to_owned();
        if said == message {
            return (record, before);
        }
        before.push(said);
    }
}

fn limit(process: &Child) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().to_owned()
}

/// Asks for a port of the sandbox `abc`, and keeps the connection.
async fn hold(port: u16) -> std::io::Result<TcpStream> {
    let mut client = TcpStream::connect(INGRESS).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {port}-abc.sandboxes.example\r\n\r\n");
    client.write_all(request.as_bytes()).await?;
    Ok(client)
}

#[tokio::test]
async fn connections_that_are_held_do_not_keep_a_policy_from_being_replaced() {
    const LIMIT: usize = 600;
    let folder = TempDir::new().unwrap();
    let mut running = Running(node(folder.path(), [LIMIT; 2], [INGRESS, "27444"]).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let (record, _) = log_until(&mut log, "the node agent answers");
    let address: SocketAddr = record.pointer("/fields/address").and_then(Value::as_str).unwrap().parse().unwrap();
    let channel = || NodeClient::connect(format!("http://{address}"));

    let open = NetworkConfig::from_json("{}").unwrap();
    let closed = NetworkConfig::from_json(r#"{"denyIn": ["0.0.0.0/0"]}"#).unwrap();
    let fingerprint = |config| Policy::compile(config, &Options::default()).unwrap().fingerprint().to_string();
    let creation = CreateRequest {
        sandbox: "abc".into(),
        generation: 1,
        egress: Some((&open).into()),
        ingress: Some((&open).into()),
        allow_public_traffic: true,
        traffic_access_token: "token".into(),
        end_time: None,
        fingerprint: fingerprint(&open),
    };
    channel().await.unwrap().create(creation).await.unwrap();

    // The sandbox takes every connection and never answers: each holds two descriptors of the node.
    let server = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = server.accept().await {
            held.push(connection);
        }
    });
    let mut clients = Vec::new();
    for _ in 0..LIMIT {
        clients.extend(hold(port).await);
    }
    // What is beyond what it takes has been ended: it has seen them all.
    let mut last = clients.pop().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), last.read(&mut [0])).await;
    assert!(!matches!(ended.expect("it holds more than it takes"), Ok(1..)));

    let change = UpdateRequest {
        sandbox: "abc".into(),
        generation: 2,
        end_time: None,
        egress: Some((&closed).into()),
        ingress: Some((&closed).into()),
        fingerprint: fingerprint(&closed),
    };
    let updated =
        tokio::time::timeout(Duration::from_secs(20), async { channel().await.unwrap().update(change).await });
    updated.await.expect("it answers").expect("it has what it needs for it");
}

#[test]
fn a_node_takes_the_descriptors_that_it_may_have_and_refuses_to_begin_with_too_few() {
    let (folder, ports) = (TempDir::new().unwrap(), ["127.0.0.1:0", "27445"]);
    let mut running = Running(node(folder.path(), [300, 900], ports).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let (_, said) = log_until(&mut log, "the node agent answers");
    assert!(said.iter().any(|said| said.contains("a limit of open files of ")), "{said:?}");
    assert_eq!(limit(&running.0), "900");
    drop(running);

    let refused = node(folder.path(), [300; 2], ports).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("at least 336 are needed: raise the hard limit"), "{said}");
}
