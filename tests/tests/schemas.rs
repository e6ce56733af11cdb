//! The schemas describe what they say they describe: the vector files and the documents.

use sandgate_conformance::vector::{self, Case, Form};
use serde_json::Value;
use std::fs;

fn schema(path: &str) -> jsonschema::Validator {
    let text = fs::read_to_string(vector::repository().join(path)).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn every_vector_file_follows_the_vector_schema() {
    let schema = schema("tests/vector.schema.json");
    for (name, text) in vector::texts("tests/vectors") {
        let file: Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = schema.validate(&file) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
}

#[test]
fn every_vector_has_a_name_of_its_own() {
    let mut names: Vec<String> = vector::all().into_iter().map(|(_, vector)| vector.name).collect();
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

/// A schema cannot say everything, but it must never refuse what is valid.
#[test]
fn the_document_schemas_accept_every_valid_document() {
    let (config, update) =
        (schema("docs/schemas/network-config.schema.json"), schema("docs/schemas/network-update.schema.json"));
    let mut accepted = 0;
    for (_, vector) in vector::all() {
        let Case::Check { document: Some(document), form, valid: true, .. } = &vector.case else { continue };
        // The schema writes each field under its first name only.
        if document.get("allow_internet_access").is_some() {
            continue;
        }
        let schema = if matches!(form, Form::Update) { &update } else { &config };
        assert!(schema.is_valid(document), "{}: {document}", vector.name);
        accepted += 1;
    }
    assert!(accepted > 20, "only {accepted} documents");
}

#[test]
fn the_entry_schema_accepts_every_valid_entry_and_refuses_most_others() {
    let config = schema("docs/schemas/network-config.schema.json");
    let (mut refused, mut all) = (0, 0);
    for (_, vector) in vector::all() {
        let Case::Entry { entry, flaw, .. } = &vector.case else { continue };
        let accepts = config.is_valid(&serde_json::json!({ "allowOut": [entry] }));
        if flaw.is_some() {
            all += 1;
            refused += usize::from(!accepts);
        } else {
            assert!(accepts, "{}: {entry}", vector.name);
        }
    }
    assert!(refused * 2 > all, "{refused} of {all} bad entries refused");
}
