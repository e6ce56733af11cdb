//! `sandgate test`, on the example policies and on expectations that are wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::{fs, path::Path};
use support::sandgate;

const FOLDER: &str = "examples/policies";

/// The files of the examples whose names end so, as the command is given them.
fn files(end: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER);
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> =
        names.filter(|name| name.ends_with(end)).map(|name| format!("{FOLDER}/{name}")).collect();
    files.sort();
    files
}

fn run(expectations: &Value) -> support::Ran {
    run_text(&expectations.to_string())
}

fn run_text(expectations: &str) -> support::Ran {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), expectations).unwrap();
    sandgate(&["test", file.path().to_str().unwrap()], "")
}

fn asked(query: &Value, verdict: &str) -> Value {
    json!({"policy": {"denyIn": ["192.0.2.1"]}, "queries": [{"query": query, "verdict": verdict}]})
}

#[test]
fn every_example_policy_has_expectations_and_meets_them() {
    let expectations = files(".expect.json");
    let policies = files(".json").len() - expectations.len();
    assert!(policies >= 8);
    assert_eq!(policies, expectations.len());
    let mut arguments = vec!["test", "--format", "json"];
    arguments.extend(expectations.iter().map(String::as_str));
    let ran = sandgate(&arguments, "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let tested: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(tested.len(), policies);
    for tested in tested {
        let is_refused = tested["file"].as_str().unwrap().ends_with("refused.expect.json");
        assert!(is_refused || tested["passed"].as_u64().unwrap() >= 6, "{} asks too little", tested["file"]);
        assert_eq!(tested["failed"], 0);
    }
}

#[test]
fn an_answer_that_is_not_expected_is_shown_with_the_entry_that_gave_it() {
    let query = json!({"direction": "ingress", "client": "192.0.2.1", "port": 22});
    let ran = run(&asked(&query, "allow"));
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("FAILED "));
    assert!(ran.out.contains("expected allow\n"));
    assert!(ran.out.contains("found    deny, deny-entry, `denyIn[0]` `192.0.2.1/32`\n"));
    assert!(ran.out.ends_with("0 passed, 1 failed in 1 file\n"));
    assert_eq!(run(&asked(&query, "deny")).code, 0);
}

#[test]
fn a_reason_and_an_entry_are_compared_if_they_are_stated() {
    let expect = |stated: Value| {
        let mut query =
            json!({"query": {"direction": "ingress", "client": "192.0.2.1", "port": 22}, "verdict": "deny"});
        query.as_object_mut().unwrap().extend(stated.as_object().unwrap().clone());
        run(&json!({"policy": {"denyIn": ["192.0.2.1"]}, "queries": [query]})).code
    };
    assert_eq!(expect(json!({})), 0);
    assert_eq!(expect(json!({"reason": "deny-entry"})), 0);
    assert_eq!(expect(json!({"reason": "default-allow"})), 1);
    assert_eq!(expect(json!({"entry": {"list": "denyIn", "index": 0, "text": "192.0.2.1/32"}})), 0);
    assert_eq!(expect(json!({"entry": {"list": "denyIn", "index": 1, "text": "192.0.2.1/32"}})), 1);
    assert_eq!(expect(json!({"resaon": "deny-entry"})), 2);
}

#[test]
fn a_policy_that_must_be_refused_has_to_be() {
    let refused = |policy: Value, diagnostics: Value| run(&json!({"policy": policy, "diagnostics": diagnostics})).code;
    let bad = json!({"denyOut": ["10.0.0.0/33"]});
    assert_eq!(refused(bad.clone(), json!([{"code": "invalid-prefix-length", "path": "/denyOut/0"}])), 0);
    assert_eq!(refused(bad, json!([])), 1);
    assert_eq!(refused(json!({}), json!([])), 1);
    assert_eq!(refused(json!({}), json!([{"code": "invalid-prefix-length", "path": "/denyOut/0"}])), 1);
}

#[test]
fn a_policy_that_draws_only_warnings_is_not_refused() {
    let policy = json!({"allowOut": ["10.0.0.0/8"], "denyOut": ["192.0.2.1"]});
    let warning = json!([{"code": "allow-in-always-denied", "path": "/allowOut/0"}]);
    let ran = run(&json!({"policy": policy, "diagnostics": warning}));
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("expected /allowOut/0 allow-in-always-denied\n"), "{}", ran.out);
    assert!(ran.out.contains("found    a valid policy, with /allowOut/0 allow-in-always-denied\n"), "{}", ran.out);
}

#[test]
fn what_stands_in_the_file_is_judged_as_it_is_written() {
    let ask = |policy: &str, options: &str| {
        let query = r#"{"query": {"direction": "ingress", "client": null, "port": 1}, "verdict": "allow"}"#;
        run_text(&format!(r#"{{"policy": {policy}, "options": {options}, "queries": [{query}]}}"#))
    };
    assert_eq!(ask(r#"{"denyIn": []}"#, "{}").code, 0);
    for (policy, options) in [
        (r#"{"denyIn": ["0.0.0.0/0"], "denyIn": []}"#, "{}"),
        ("{}", r#"{"guardrails": {"exemptPorts": [2], "exemptPorts": [1]}}"#),
    ] {
        let ran = ask(policy, options);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{policy} {options}");
        assert!(ran.err.contains("duplicate-field"), "{}", ran.err);
    }
    let ran = run_text(
        r#"{"policy": {"denyIn": [], "denyIn": []}, "diagnostics": [{"code": "duplicate-field", "path": "/denyIn"}]}"#,
    );
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn a_client_that_is_not_an_address_is_a_mistake_of_the_file_with_its_place() {
    let text = "{\"policy\": {\"denyIn\": [\"0.0.0.0/0\"]}, \"queries\": [\n\
        {\"query\": {\"direction\": \"ingress\", \"client\": \"203.0.113.7\", \"port\": 1}, \"verdict\": \"deny\"},\n\
        {\"query\": {\"direction\": \"ingress\", \"client\": \"203.0.113.7x\", \"port\": 1}, \"verdict\": \"deny\"}]}";
    let ran = run_text(text);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("found `203.0.113.7x` at line 3 column 71"), "{}", ran.err);
    assert_eq!(run_text(&text.replace("\"203.0.113.7x\"", "null")).code, 0);
}

#[test]
fn expectations_that_ask_nothing_or_cannot_be_asked_have_no_result() {
    let nothing = json!({"policy": {}});
    let no_address = asked(&json!({"direction": "egress", "address": "example.com", "port": 443}), "deny");
    let invalid = json!({"policy": {"allowIn": ["192.0.2.1"]}, "queries": []});
    let both = json!({"policy": {}, "queries": [{"query": {"direction": "ingress", "client": null, "port": 1}, "verdict": "allow"}], "diagnostics": []});
    let missing = json!({"policy": "there-is-no-such-file.json", "queries": []});
    let unknown = json!({"policy": {}, "question": []});
    for expectations in [nothing, no_address, invalid, both, missing, unknown] {
        let ran = run(&expectations);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{expectations}");
        assert!(!ran.err.is_empty());
    }
}
