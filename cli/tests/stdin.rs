//! Standard input is read once, whichever argument stands for it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use support::{sandgate, sandgate_in};
use tempfile::TempDir;

const POLICY: &str = "examples/policies/internet-off.json";

#[test]
fn two_arguments_cannot_both_be_standard_input() {
    let batch = ["decide", "-", "--batch", "-"];
    let commands: [(&[&str], &str); 14] = [
        (&["diff", "-", "-"], "OLD and NEW"),
        (&["diff", "-", POLICY, "--guardrails", "-"], "OLD and --guardrails"),
        (&["diff", POLICY, "-", "--guardrails", "-"], "NEW and --guardrails"),
        (&batch, "FILE and --batch"),
        (&["decide", POLICY, "--batch", "-", "--guardrails", "-"], "--guardrails and --batch"),
        (&["explain", "-", "--in", "192.0.2.1", "--port", "1", "--guardrails", "-"], "FILE and --guardrails"),
        (&["map", "-", "--diff", "-"], "FILE and --diff"),
        (&["map", POLICY, "--diff", "-", "--guardrails", "-"], "--guardrails and --diff"),
        (&["lint", "-", POLICY, "-"], "FILE and FILE"),
        (&["lint", "--guardrails", "-"], "FILE and --guardrails"),
        (&["test", "-", "-"], "FILE and FILE"),
        (&["check", "--guardrails", "-"], "FILE and --guardrails"),
        (&["nft", "--guardrails", "-"], "FILE and --guardrails"),
        (&["fix", "--guardrails", "-"], "FILE and --guardrails"),
    ];
    for (arguments, named) in commands {
        let ran = sandgate(arguments, "{}");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(&format!("{named} are standard input, which is read only once")), "{}", ran.err);
    }
}

#[test]
fn guardrails_on_standard_input_hold_for_all_policies() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.json", "{}"), ("b.json", r#"{"denyOut": ["198.51.100.7"]}"#)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let run = |arguments: &[&str]| sandgate_in(folder.path(), arguments, r#"{"alwaysDenied": ["198.51.100.0/24"]}"#);
    let diff = run(&["diff", "a.json", "b.json", "--guardrails", "-"]);
    assert_eq!((diff.code, diff.out.as_str(), diff.err.as_str()), (0, "nothing changes\n", ""));
    let lint = run(&["lint", "a.json", "b.json", "--guardrails", "-", "--format", "json"]);
    assert_eq!((lint.out.lines().count(), lint.err.as_str()), (2, ""));
    let map = run(&["map", "a.json", "--diff", "b.json", "--guardrails", "-"]);
    assert_eq!((map.code, map.err.as_str()), (0, ""));
}

#[test]
fn the_policy_beside_an_expectation_file_is_never_standard_input() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let query = r#"{"query": {"direction": "ingress", "client": null, "port": 1}, "verdict": "deny"}"#;
    let file = folder.path().join("expect.json");
    fs::write(&file, format!(r#"{{"policy": "-", "queries": [{query}]}}"#)).unwrap();
    assert_eq!(sandgate_in(folder.path(), &["test", "expect.json"], "{}").code, 2);
    fs::write(folder.path().join("-"), r#"{"denyIn": ["0.0.0.0/0"]}"#).unwrap();
    assert_eq!(sandgate_in(folder.path(), &["test", "expect.json"], "{}").code, 0);
}
