//! The picture: well-formed, the same every time, true where it has room to say so.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use roxmltree::Document;
use std::fs;
use support::{Ran, sandgate};

const OFFICE: &str = "examples/policies/database-one-office.json";
const AGENT: &str = "examples/policies/agent-one-model-one-code-host.json";

fn map(arguments: &[&str], document: &str) -> String {
    let Ran { code, out, err } = sandgate(&[&["map"], arguments].concat(), document);
    assert_eq!((code, &*err), (0, ""));
    out
}

/// Every text of a picture that is seen, and every one that is told when it is pointed at.
fn texts(svg: &str) -> [Vec<String>; 2] {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    [["text", "desc"], ["title", "title"]].map(|names| {
        let nodes = document.descendants().filter(|node| names.contains(&node.tag_name().name()));
        nodes.map(|node| node.text().unwrap_or_default().to_owned()).collect()
    })
}

/// Whether one of the texts is this. The sentence above the map can be two lines: it stands in the
/// description as one.
fn has(texts: &[String], text: &str) -> bool {
    texts.iter().any(|other| other == text || text.ends_with('.') && other.contains(text))
}

#[test]
fn a_policy_that_allows_one_network_says_so_and_points_at_it() {
    let [seen, told] = texts(&map(&[OFFICE, "--direction", "ingress"], ""));
    for text in [
        "Ingress of database-one-office.json: who may reach the sandbox",
        "64 IPv4 addresses are allowed on port 5432 only; everything else is denied.",
        "203.0.113.64/26 (documentation)",
        "allowed on port 5432 only",
        "denied",
        "10 private",
        "IPv6 is not in the picture: all of it is denied.",
        "Clients whose address is unknown are denied. Port 49983 is left out: the operator opens it to everybody.",
    ] {
        assert!(has(&seen, text), "{text}: {seen:?}");
    }
    assert!(has(&told, "203.0.113.64/26: allowed on port 5432 only\n`allowIn[0]` `203.0.113.64/26:5432`"), "{told:?}");
    assert!(has(&told, "denied\n`denyIn[0]` `0.0.0.0/0`"), "{told:?}");
}

#[test]
fn names_are_shown_as_names_and_what_the_operator_denies_as_denied() {
    let [seen, told] = texts(&map(&[AGENT], ""));
    for text in ["allowed by name only", "8.8.8.8", "allowed on port 53, else by name", "192.168.0.0/16 (private)"] {
        assert!(has(&seen, text), "{text}: {seen:?}");
    }
    assert!(told.iter().any(|text| text.starts_with("allowed by name only\napi.openai.com, ")), "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("8.8.8.8: ") && text.contains("name server")), "{told:?}");
}

#[test]
fn a_change_shows_what_opens_and_what_closes_and_who_decides_before_and_after() {
    let [seen, told] = texts(&map(
        &["-", "--diff", OFFICE, "--direction", "ingress"],
        r#"{
        "allowIn": ["203.0.113.64/27:5432", "198.51.100.7"], "denyIn": ["0.0.0.0/0"]
    }"#,
    ));
    for text in [
        "From database-one-office.json to standard input: what changes in ingress",
        "1 IPv4 address opens; 32 IPv4 addresses close on port 5432; the rest, in grey, stays as it was.",
        "198.51.100.7 (documentation)",
        "opens",
        "203.0.113.96/27 (documentation)",
        "closes on port 5432",
        "still denied",
    ] {
        assert!(has(&seen, text), "{text}: {seen:?}");
    }
    let expected = "203.0.113.96/27: closes on port 5432\n\
        before: `allowIn[0]` `203.0.113.64/26:5432`\nafter: `denyIn[0]` `0.0.0.0/0`";
    assert!(has(&told, expected), "{told:?}");
    let [seen, _] = texts(&map(&[OFFICE, "--diff", OFFICE], ""));
    assert!(has(&seen, "Nothing changes for IPv4."));
}

#[test]
fn a_name_that_opens_is_told_with_the_name() {
    let document = r#"{"allowOut": ["api.openai.com", "github.com", "*.github.com", "*.githubusercontent.com", "pypi.org"],
        "denyOut": ["0.0.0.0/0"]}"#;
    let [seen, told] = texts(&map(&["-", "--diff", AGENT], document));
    assert!(has(&seen, "opens for pypi.org"), "{seen:?}");
    let server = told.iter().find(|text| text.starts_with("8.8.8.8: ")).unwrap();
    assert!(server.ends_with("after: `allowOut[4]` `pypi.org`"), "{server}");
}

/// Other ports than most addresses have are painted alike, so a label has to say so.
#[test]
fn a_network_that_differs_in_ports_only_is_pointed_at() {
    let document = r#"{"allowIn": [":443", "192.0.2.7:22"], "denyIn": ["0.0.0.0/0"]}"#;
    let [seen, _] = texts(&map(&["-", "--direction", "ingress"], document));
    assert!(has(&seen, "allowed on port 443 only") && has(&seen, "allowed on ports 22 and 443 only"), "{seen:?}");
}

#[test]
fn hostile_names_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("<script>&\u{202e}\u{1b}\"'.json");
    fs::write(&file, r#"{"denyOut": ["0.0.0.0/0"]}"#).unwrap();
    let svg = map(&[file.to_str().unwrap()], "");
    let [seen, _] = texts(&svg);
    assert!(has(&seen, r#"Egress of <script>&\u{202e}\u{1b}"'.json: what the sandbox may reach"#), "{seen:?}");
    assert!(!svg.contains("<script") && !svg.contains('\u{202e}') && !svg.contains('\u{1b}'));
}

/// Networks of every size all over the space: the file grows with what can be seen of them.
#[test]
fn ten_thousand_entries_make_a_file_of_reasonable_size() {
    let entry = |number: u32| {
        let bits = number.wrapping_mul(0x9e37_79b1) & 0xffff_ff00 | 1 << 24;
        format!("\"{}/24\"", std::net::Ipv4Addr::from_bits(bits))
    };
    let entries: Vec<String> = (0..10_000).map(entry).collect();
    let document = format!(r#"{{"allowIn": [{}], "denyIn": ["0.0.0.0/0"]}}"#, entries.join(","));
    let svg = map(&["-", "--direction", "ingress"], &document);
    let [seen, _] = texts(&svg);
    assert!(svg.len() < 400_000, "{}", svg.len());
    let counted = seen.iter().filter_map(|text| text.strip_suffix(" networks")?.replace(',', "").parse::<usize>().ok());
    assert!(counted.sum::<usize>() > 9_000, "{seen:?}");
}

#[test]
fn a_picture_is_written_to_a_file_and_failures_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.svg");
    let file = file.to_str().unwrap();
    assert_eq!(map(&[OFFICE, "-o", file], ""), "");
    assert_eq!(fs::read_to_string(file).unwrap(), map(&[OFFICE], ""));
    let code = |arguments: &[&str]| sandgate(&[&["map"], arguments].concat(), "").code;
    assert_eq!(code(&["no-such-file.json"]), 2);
    assert_eq!(code(&["examples/policies/refused.json"]), 2);
    assert_eq!(code(&[OFFICE, "--diff", "examples/policies/refused.json"]), 2);
    assert_eq!(code(&["-", "--diff", "-"]), 2);
    assert_eq!(code(&[OFFICE, "--direction", "sideways"]), 2);
    assert_eq!(code(&[OFFICE, "-o", &format!("{file}/below")]), 2);
}
