//! A reader that has gone away takes nothing from the answer: the exit code still says it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// The exit code where nobody reads standard output.
fn unread(folder: &TempDir, arguments: &[&str]) -> Option<i32> {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let command = Command::new(env!("CARGO_BIN_EXE_sandgate"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::null())
        .status();
    command.unwrap().code()
}

const FILES: [(&str, &str); 8] = [
    ("deny.json", r#"{"denyOut": ["0.0.0.0/0"], "allowOut": ["example.com", "192.0.2.1"]}"#),
    ("open.json", "{}"),
    ("invalid.json", r#"{"denyOut": ["10.1.2.3/8"]}"#),
    ("legacy.json", r#"{"denyOut": ["10.0.0.0/08"]}"#),
    ("short.json", r#"{"denyOut": ["192.0.2.1"]}"#),
    (
        "fails.expect.json",
        r#"{"policy": {}, "queries": [{"query": {"direction": "ingress", "client": null, "port": 1}, "verdict": "deny"}]}"#,
    ),
    ("decided.jsonl", r#"{"direction": "ingress", "client": null, "port": 1}"#),
    ("undecided.jsonl", r#"{"direction": "egress", "address": "example.com", "port": 1}"#),
];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Each of these commands, with each of its formats.
#[track_caller]
fn ends(code: i32, commands: &[&str], formats: &[&str]) {
    let folder = folder();
    for command in commands {
        for format in formats {
            let mut arguments: Vec<&str> = command.split(' ').collect();
            if !format.is_empty() {
                arguments.extend(["--format", format]);
            }
            assert_eq!(unread(&folder, &arguments), Some(code), "{arguments:?}");
        }
    }
}

const PLAIN: &[&str] = &["text", "json"];
const REVIEW: &[&str] = &["text", "json", "github", "sarif"];

#[test]
fn the_verdict_of_a_decision_stays() {
    for command in ["decide", "explain"] {
        let ask = |question: &str| format!("{command} deny.json --out {question} --port 443");
        ends(0, &[&ask("192.0.2.1")], PLAIN);
        ends(1, &[&ask("192.0.2.2")], PLAIN);
        ends(3, &[&ask("192.0.2.2 --sni example.com")], PLAIN);
    }
}

#[test]
fn a_batch_stays_decided_or_not() {
    ends(0, &["decide open.json --batch decided.jsonl"], PLAIN);
    ends(2, &["decide open.json --batch undecided.jsonl"], PLAIN);
}

#[test]
fn a_batch_that_could_not_go_on_is_not_decided() {
    let folder = folder();
    // More than any buffer holds.
    let (_, query) = FILES[6];
    fs::write(folder.path().join("long.jsonl"), format!("{query}\n").repeat(10_000)).unwrap();
    for format in PLAIN {
        let arguments = ["decide", "open.json", "--batch", "long.jsonl", "--format", format];
        assert_eq!(unread(&folder, &arguments), Some(2));
    }
}

#[test]
fn what_is_not_valid_stays_so() {
    ends(0, &["check open.json"], PLAIN);
    ends(1, &["check invalid.json"], PLAIN);
    ends(1, &["lint invalid.json"], REVIEW);
    ends(1, &["fix invalid.json", "fix --check legacy.json"], PLAIN);
    ends(1, &["fmt --check short.json", "fmt invalid.json"], &[""]);
}

#[test]
fn a_change_that_widens_stays_one() {
    ends(1, &["diff --fail-on-widen deny.json open.json"], REVIEW);
    ends(0, &["diff deny.json open.json"], REVIEW);
}

#[test]
fn an_expectation_that_is_not_met_stays_so() {
    ends(1, &["test fails.expect.json", "test --verbose fails.expect.json"], PLAIN);
}

#[test]
fn a_command_whose_code_is_no_answer_ends_well() {
    ends(0, &["client-ip --peer 192.0.2.1", "nft open.json", "fix open.json"], PLAIN);
    let others = ["fingerprint open.json", "fingerprint --text open.json", "fmt open.json", "map open.json"];
    ends(0, &others, &[""]);
    ends(0, &["schema", "completions bash"], &[""]);
}

#[test]
fn a_repair_is_written_though_nobody_reads_what_it_was() {
    for format in PLAIN {
        let folder = folder();
        assert_eq!(unread(&folder, &["fix", "--write", "legacy.json", "--format", format]), Some(0));
        let text = fs::read_to_string(Path::new(folder.path()).join("legacy.json")).unwrap();
        assert_eq!(text, r#"{"denyOut": ["10.0.0.0/8"]}"#);
    }
}
