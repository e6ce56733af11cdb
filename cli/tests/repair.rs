//! `sandgate fix`: what is written, what is told, and what is left to the author.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use support::sandgate;

const LEGACY: &str = r#"{
  "allowOut": [
    "API.Example.com.",
    "api.example.com",
    "10.0.0.0/08"
  ],
  "denyOut": ["0.0.0.0/0", "198.51.100.7"],
  "denyIn": ["10.1.2.3/8"]
}
"#;

#[test]
fn every_change_is_told_with_its_reason_and_the_rest_stays() {
    let ran = sandgate(&["fix", "--host-bits", "network", "--minimize"], LEGACY);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(format!("{}\n{}", ran.out, ran.err));
    let again = sandgate(&["fix", "--minimize"], &ran.out);
    assert_eq!((again.code, again.out.as_str(), again.err.as_str()), (0, ran.out.as_str(), ""));
}

#[test]
fn what_only_the_author_knows_is_refused_with_what_could_be_meant() {
    let ran = sandgate(&["fix"], LEGACY);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    insta::assert_snapshot!(ran.err);
    let octal = sandgate(&["fix"], r#"{"denyIn": ["10.0.0.0/016"]}"#);
    assert_eq!(octal.code, 1);
    assert!(octal.err.contains("some programs read as octal"));
}

#[test]
fn only_a_document_that_becomes_valid_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    let path = file.to_str().unwrap();
    fs::write(&file, LEGACY).unwrap();
    assert_eq!(sandgate(&["fix", "--write", path], "").code, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), LEGACY);

    let check = sandgate(&["fix", "--check", "--host-bits", "address", path], "");
    assert_eq!(check.code, 1);
    assert!(check.out.contains("`denyIn[0]` `10.1.2.3/8` is `10.1.2.3/32`"));
    assert_eq!(fs::read_to_string(&file).unwrap(), LEGACY);

    assert_eq!(sandgate(&["fix", "--write", "--host-bits", "address", path], "").code, 0);
    let check = sandgate(&["fix", "--check", path], "");
    assert_eq!((check.code, check.out.as_str()), (0, ""));
    assert_eq!(sandgate(&["check", path], "").code, 0);
}
