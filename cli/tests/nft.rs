//! `sandgate nft`: the listing that people read, and what scripts rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::fs;
use support::sandgate;

const EXAMPLE: [&str; 9] = [
    "nft",
    "examples/nftables/policy.json",
    "--guardrails",
    "examples/nftables/guardrails.json",
    "--egress-ports",
    "--interface",
    "tap0",
    "--proxy-port",
    "8080",
];

#[test]
fn the_documentation_shows_what_the_command_prints() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/nftables.md")).unwrap();
    let listing = sandgate(&EXAMPLE, "").out.replace('\t', "    ");
    assert!(page.contains(&format!("```text\n{listing}```\n")), "docs/nftables.md should show\n{listing}");
    for file in ["policy", "guardrails"] {
        let path = format!("{}/../examples/nftables/{file}.json", env!("CARGO_MANIFEST_DIR"));
        assert!(page.contains(&fs::read_to_string(path).unwrap()), "{file}.json is not in docs/nftables.md");
    }
}

#[test]
fn json_is_one_document_in_either_spelling_of_the_argument() {
    let short = sandgate(&[&EXAMPLE[..], &["--json"]].concat(), "");
    let long = sandgate(&[&EXAMPLE[..], &["--format", "json"]].concat(), "");
    assert_eq!((short.code, &short.out), (0, &long.out));
    let document: Value = serde_json::from_str(&short.out).unwrap();
    let statements = document["nftables"].as_array().unwrap();
    let tables: Vec<&Value> = statements.iter().take(3).collect();
    assert!(tables[0]["add"]["table"] == tables[1]["delete"]["table"] && tables[0] == tables[2]);
    // Everything is about the one table.
    for statement in statements {
        let object = statement.as_object().unwrap().values().next().unwrap().as_object().unwrap();
        let (kind, about) = object.iter().next().unwrap();
        assert_eq!(about[if kind == "table" { "name" } else { "table" }], "sandgate_tap0");
    }
}

#[test]
fn names_that_nobody_decides_are_told_beside_the_rules() {
    let policy = r#"{"allowOut": ["example.com"], "denyOut": ["0.0.0.0/0"]}"#;
    let without = sandgate(&["nft", "--interface", "tap0"], policy);
    assert!(without.code == 0 && without.err.contains("--proxy-port") && !without.out.contains("redirect"));
    let with = sandgate(&["nft", "--interface", "tap0", "--proxy-port", "8080"], policy);
    assert!(with.code == 0 && with.err.is_empty() && with.out.contains("redirect to :8080"));
    assert!(sandgate(&["nft"], "{}").err.is_empty());
}

#[test]
fn a_name_that_says_more_than_a_name_is_a_usage_error() {
    for name in ["tap*", "x; flush ruleset", "a\"b", "a\nb", "", ".", "sixteen-letters-"] {
        let ran = sandgate(&["nft", "--interface", name], "{}");
        assert!(ran.code == 2 && ran.out.is_empty(), "{name:?}: {ran:?}");
    }
    assert_eq!(sandgate(&["nft", "--proxy-port", "8080"], "{}").code, 2, "a proxy is on the node");
    assert_eq!(sandgate(&["nft", "--interface", "tap0", "--proxy-port", "0"], "{}").code, 2);
}

#[test]
fn a_policy_that_is_not_valid_prints_no_rules() {
    let ran = sandgate(&["nft", "--interface", "tap0"], r#"{"denyOut": ["10.1.2.3/8"]}"#);
    assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains("host-bits"));
}

#[test]
fn a_replacement_under_traffic_is_three_steps_to_the_other_table() {
    let step = |name: &str| sandgate(&[&EXAMPLE[..], &["--turn", "second", "--step", name]].concat(), "");
    let [prepare, enforce, retire] = ["prepare", "enforce", "retire"].map(|name| step(name).out);
    assert!(prepare.starts_with("create table inet sandgate2_tap0\n") && !prepare.contains(" hook "));
    assert!(enforce.starts_with("table inet sandgate2_tap0 {\n") && !enforce.contains("elements"));
    let delete = "add table inet sandgate_tap0\ndelete table inet sandgate_tap0\n";
    assert_eq!(retire, format!("delete chain inet sandgate2_tap0 both_in_force\n{delete}"));
    let json = sandgate(&[&EXAMPLE[..], &["--step", "retire", "--json"]].concat(), "").out;
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["nftables"][2]["delete"]["table"]["name"], "sandgate2_tap0");
}
