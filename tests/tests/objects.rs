//! Documents that are no text: objects of another language, and policies that were saved.

use sandgate::{
    Code, Form, Guardrails, Limits, NetworkConfig, NetworkUpdate, Options, Policy, Spelling, check_objects,
};
use sandgate_conformance::vector::{self, Case};
use serde_json::{Value, json};

/// Every policy of the vectors with its options.
fn policies() -> impl Iterator<Item = (Value, Options)> {
    vector::all().into_iter().filter_map(|(_, vector)| match vector.case {
        Case::Decide { policy, options, .. } | Case::Resolved { policy, options, .. } => {
            Some((policy, options.to_options()))
        }
        _ => None,
    })
}

fn snake(document: &Value) -> Value {
    let snake = |name: &String| {
        let letters = name.chars().flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase()));
        letters.collect::<String>()
    };
    document.as_object().unwrap().iter().map(|(name, value)| (snake(name), value.clone())).collect()
}

#[test]
fn objects_compile_to_what_their_text_compiles_to_in_either_spelling() {
    let mut count = 0;
    for (document, options) in policies() {
        let policy = Policy::from_json(&document.to_string(), &options).unwrap();
        assert_eq!(Policy::from_objects(&document, Spelling::Wire, &options).unwrap().unwrap(), policy);
        assert_eq!(Policy::from_objects(snake(&document), Spelling::WireOrSnake, &options).unwrap().unwrap(), policy);
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_policy_that_was_saved_is_restored_with_its_options() {
    for (document, options) in policies() {
        let policy = Policy::from_json(&document.to_string(), &options).unwrap();
        let saved = serde_json::to_string(&policy).unwrap();
        let restored: Policy = serde_json::from_str(&saved).unwrap();
        assert_eq!(restored, policy);
        assert_eq!(restored.options(), &options);
    }
}

#[test]
fn a_saved_policy_is_restored_though_its_canonical_text_is_longer_than_its_limits() {
    let options =
        Options { limits: Limits { document_bytes: 40, entry_bytes: 9, ..Limits::default() }, ..Options::default() };
    let policy = Policy::from_json(r#"{"denyOut": ["192.0.2.1"]}"#, &options).unwrap();
    let restored: Policy = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
    assert_eq!(restored, policy);
    assert_eq!(restored.options().limits.entry_bytes, 9);
}

#[test]
fn a_saved_policy_that_was_tampered_with_is_refused() {
    let saved = |config: Value| json!({"config": config, "options": {}});
    for config in [json!({"denyin": []}), json!({"denyOut": ["10.1.2.3/8"]}), json!({"allowIn": ["192.0.2.1"]})] {
        assert!(serde_json::from_value::<Policy>(saved(config.clone())).is_err(), "{config}");
    }
    let more = json!({"config": {}, "options": {}, "guardrails": {}});
    assert!(serde_json::from_value::<Policy>(more).is_err());
    assert!(serde_json::from_value::<Policy>(saved(json!({}))).is_ok());
}

#[test]
fn a_field_under_both_spellings_is_given_twice_and_told_as_it_was_written() {
    let document = json!({"deny_in": ["0.0.0.0/0"], "denyIn": []});
    let report = check_objects(document, Form::Config, Spelling::WireOrSnake, &Options::default()).unwrap();
    assert_eq!(report.diagnostics()[0].code(), Code::DuplicateField);
    assert_eq!(report.diagnostics()[0].path(), "/denyIn");
    let document = json!({"deny_out": ["x y"]});
    let report = check_objects(document, Form::Config, Spelling::WireOrSnake, &Options::default()).unwrap();
    assert_eq!(report.diagnostics()[0].path(), "/deny_out/0");
}

#[test]
fn updates_and_guardrails_know_both_spellings_too() {
    let update = json!({"allow_out": ["192.0.2.1"], "mask_request_host": "a.example"});
    let update = NetworkUpdate::from_objects(&update, Spelling::WireOrSnake).unwrap().unwrap();
    assert_eq!((update.allow_out.len(), update.mask_request_host.as_deref()), (1, Some("a.example")));
    let config = NetworkConfig::from_objects(&json!({"deny_in": []}), Spelling::Wire).unwrap();
    assert!(config.unwrap_err().contains(Code::UnknownField));
    let guardrails = json!({"always_denied": [], "exemptPorts": [80], "name_server": null});
    let guardrails = Guardrails::from_objects(&guardrails, Spelling::WireOrSnake).unwrap().unwrap();
    assert_eq!(guardrails, Guardrails { exempt_ports: vec![80], ..Guardrails::none() });
}

#[test]
fn a_value_that_json_does_not_have_is_a_wrong_type() {
    use serde::de::value::{BytesDeserializer, Error};
    let bytes = BytesDeserializer::<Error>::new(b"{}");
    let report = check_objects(bytes, Form::Config, Spelling::Wire, &Options::default()).unwrap();
    assert!(report.contains(Code::WrongType));
}
