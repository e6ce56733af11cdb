//! Each service as a process: from its arguments to its end.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

fn service(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandgate-servers"));
    command.args(words).env("RUST_LOG", "info");
    command
}

/// A folder with the files that services read.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "shown-by-the-edge-to-the-node\n").unwrap();
    fs::write(folder.path().join("keys"), "blue:0123456789abcdef\n").unwrap();
    folder
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Starts a service, waits until it listens, and tells it to stop with a signal. What it logged.
fn runs_and_stops(words: &[&str], listens: &str, signal: &str) -> Vec<Value> {
    let mut child = service(&["--log-format", "json"]).args(words).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        let record: Value = serde_json::from_str(&line).unwrap();
        let message = record.pointer("/fields/message").and_then(Value::as_str).unwrap_or_default();
        if message.contains(listens) {
            send(&child, signal);
        }
        log.push(record);
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {log:#?}");
    let last = log.last().and_then(|record| record.pointer("/fields/message")).and_then(Value::as_str);
    assert_eq!(last, Some("stopped"), "{log:#?}");
    log
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_api_listens_and_stops_when_it_is_told_to() {
    let folder = folder();
    let (keys, database) = (path(folder.path(), "keys"), path(folder.path(), "api.db"));
    let database = format!("sqlite:{database}");
    let words = ["api", "--listen", "127.0.0.1:0", "--key-file", &keys, "--database", &database];
    for signal in ["-TERM", "-INT"] {
        runs_and_stops(&words, "the control API listens", signal);
    }
}

#[test]
fn the_node_listens_and_stops_when_it_is_told_to() {
    let folder = folder();
    let (secret, state) = (path(folder.path(), "secret"), path(folder.path(), "state"));
    let words = [
        "node",
        "--listen",
        "127.0.0.1:0",
        "--ingress-listen",
        "127.0.0.1:0",
        "--kernel",
        "absent",
        "--state",
        &state,
        "--domain",
        "sandboxes.example",
        "--edge-secret",
        &secret,
        "--proxy-port",
        "27443",
    ];
    for signal in ["-TERM", "-INT"] {
        runs_and_stops(&words, "the node agent answers", signal);
    }
}

#[test]
fn the_edge_listens_and_stops_when_it_is_told_to() {
    let folder = folder();
    let secret = path(folder.path(), "secret");
    let edge = ["edge", "--listen", "127.0.0.1:0", "--domain", "sandboxes.example", "--edge-secret", &secret];
    for client in [&["--peer"][..], &["--trusted-hops", "1"], &["--trusted-proxy", "10.0.0.0/8"]] {
        runs_and_stops(&[&edge[..], client].concat(), "the edge listens", "-TERM");
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_before_anything_starts() {
    let folder = folder();
    let (secret, short) = (path(folder.path(), "secret"), path(folder.path(), "short"));
    fs::write(&short, "secret\n").unwrap();
    let edge = |file: &str, client: &[&str]| {
        let words = ["edge", "--domain", "sandboxes.example", "--edge-secret", file];
        refused(&[&words[..], client].concat())
    };
    assert!(edge(&secret, &[]).contains("--trusted-hops"), "there is no default for whom to believe");
    assert!(edge(&secret, &["--peer", "--trusted-hops", "1"]).contains("cannot be used with"));
    assert!(edge(&secret, &["--trusted-hops", "0"]).contains("invalid value"));
    assert!(edge(&short, &["--peer"]).contains("fewer than 16 characters"));
    assert!(edge("/nowhere/secret", &["--peer"]).contains("cannot be read"));
    assert!(refused(&["api"]).contains("there is no API key"));

    let guardrails = path(folder.path(), "guardrails.json");
    let node = ["node", "--domain", "d.example", "--edge-secret", &secret, "--guardrails", &guardrails, "--state"];
    let node = [&node[..], &[folder.path().to_str().unwrap(), "--kernel", "absent"]].concat();
    fs::write(&guardrails, r#"{"nameServer": null}"#).unwrap();
    assert!(refused(&node).contains("names need a name server"));
    fs::write(&guardrails, r#"{"alwaysDenied": []}"#).unwrap();
    assert!(refused(&node).contains("sandboxes could reach one another"));
    fs::write(&guardrails, "{").unwrap();
    assert!(refused(&node).contains("the guardrails are not valid"));
}

/// What a command says that does not start.
fn refused(words: &[&str]) -> String {
    let Output { status, stderr, .. } = service(words).env_clear().output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{words:?} starts: {said}");
    said
}
