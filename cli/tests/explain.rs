//! The look of an explanation, its JSON and its exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::sandgate;

const OFFICE: &str = "examples/policies/database-one-office.json";
const AGENT: &str = "examples/policies/agent-one-model-one-code-host.json";

fn explain(arguments: &[&str], document: &str) -> String {
    let ran = sandgate(&[&["explain"], arguments].concat(), document);
    assert!(ran.err.is_empty(), "{}", ran.err);
    ran.out
}

#[test]
fn a_denial_shows_the_entry_that_came_close_and_what_would_allow_it() {
    insta::assert_snapshot!(explain(&[OFFICE, "--in", "203.0.113.70", "--port", "80"], ""));
}

#[test]
fn an_allow_by_name_shows_the_name_as_it_is_read_and_where_to_connect() {
    insta::assert_snapshot!(explain(&[AGENT, "--out", "203.0.113.1", "--port", "443", "--sni", "API.openai.com."], ""));
}

#[test]
fn two_addresses_of_one_destination_each_have_their_steps() {
    let document = r#"{"allowOut": ["192.0.2.0/24"], "denyOut": ["198.51.100.0/24", "198.51.100.1"]}"#;
    insta::assert_snapshot!(explain(&["-", "--out", "64:ff9b::c633:6401", "--port", "443"], document));
}

#[test]
fn what_the_operator_decides_no_entry_changes() {
    insta::assert_snapshot!(explain(&[AGENT, "--out", "10.0.0.1", "--port", "443", "--host", "a b"], ""));
}

#[test]
fn the_side_effects_of_a_change_are_noted() {
    insta::assert_snapshot!(explain(&["-", "--in", "::ffff:203.0.113.7", "--port", "22"], "{}"));
}

#[test]
fn explain_prints_the_documented_json() {
    let out = explain(&[OFFICE, "--in", "192.0.2.1", "--port", "0", "--format", "json"], "");
    let mut answer: Value = serde_json::from_str(&out).unwrap();
    let steps = answer["addresses"][0]["steps"].take();
    let expected = json!({
        "direction": "ingress",
        "input": {"address": "192.0.2.1", "canonical": "192.0.2.1", "embedded": null, "port": 0, "host": null},
        "verdict": "deny",
        "reason": "deny-entry",
        "entry": {"list": "denyIn", "index": 0, "text": "0.0.0.0/0"},
        "name": null,
        "addresses": [{"address": "192.0.2.1", "verdict": "deny", "reason": "deny-entry", "steps": null}],
        "decidedBy": 0,
        "combination": null,
        "others": [],
        "more": 0,
        "flips": [{
            "edit": "add",
            "list": "allowIn",
            "index": 1,
            "text": "192.0.2.1/32",
            "verdict": "allow",
            "reason": "allow-entry",
            "note": null
        }],
        "noFlip": null
    });
    assert_eq!(answer, expected);
    let outcomes: Vec<_> = steps.as_array().unwrap().iter().map(|step| step["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes[4..], ["does-not-apply", "decides", "not-reached"]);
    assert_eq!(steps[5]["rule"], "I-6");
    assert_eq!(steps[5]["title"], "deny entry");
    assert_eq!(steps[5]["why"], "`denyIn[0]` `0.0.0.0/0` matches");
}

#[test]
fn the_exit_code_of_an_explanation_is_its_verdict() {
    let code = |arguments: &[&str]| sandgate(&[&["explain"], arguments].concat(), "").code;
    assert_eq!(code(&[OFFICE, "--in", "203.0.113.70", "--port", "5432"]), 0);
    assert_eq!(code(&[OFFICE, "--in", "nonsense", "--port", "5432"]), 1);
    assert_eq!(code(&[OFFICE, "--in", "203.0.113.070", "--port", "5432"]), 1);
    assert_eq!(code(&[AGENT, "--out", "203.0.113.1", "--port", "443", "--sni", "api.openai.com"]), 3);
    assert_eq!(code(&[AGENT, "--out", "nonsense", "--port", "443"]), 2);
    assert_eq!(code(&["examples/policies/refused.json", "--out", "192.0.2.1", "--port", "443"]), 2);
    assert_eq!(code(&[OFFICE, "--in", "203.0.113.70"]), 2);
    assert_eq!(code(&[OFFICE, "--port", "443"]), 2);
}

#[test]
fn an_explanation_has_no_colour_in_a_pipe_and_no_control_characters_of_the_question() {
    let sni = ["--sni", "\u{1b}[31ma"];
    let out = explain(&[&[AGENT, "--out", "203.0.113.1", "--port", "443"], &sni[..]].concat(), "");
    assert!(!out.contains('\x1b'));
}
