//! Every vector that the command can be asked, asked of the command.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use sandgate::Limits;
use sandgate_conformance::vector::{self, Asked, Case, Form, PlainOptions, Query, Vector};
use serde_json::{Value, json};
use std::{fs, path::Path};
use support::sandgate;

#[test]
fn the_command_answers_every_vector_as_the_core_does() {
    let folder = tempfile::tempdir().unwrap();
    let asked = vector::all().iter().filter(|(_, vector)| ask(vector, folder.path())).count();
    assert!(asked > 300, "only {asked} vectors can be asked of the command");
}

/// Asks the command, if it can be asked, and says whether it could.
fn ask(vector: &Vector, folder: &Path) -> bool {
    match &vector.case {
        Case::Entry { entry, flaw, .. } => {
            // With every capability, as the vectors of this kind have it, and in a valid document.
            let document = json!({ "allowOut": [entry], "denyOut": ["0.0.0.0/0"] }).to_string();
            let answer = check(vector, &["--egress-ports", "--ipv6-ingress", "--no-guardrails"], &document);
            let found = answer["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] == "error");
            assert_eq!(
                found.map(|found| found["code"].as_str().unwrap()).collect::<Vec<_>>(),
                flaw.iter().map(|flaw| &flaw.code).collect::<Vec<_>>(),
                "{}",
                vector.name
            );
        }
        Case::Check { document, text, form, options, valid, diagnostics, .. } => {
            let Some(mut platform) = platform(options, folder) else { return false };
            if matches!(form, Form::Update) {
                platform.push("--update".into());
            }
            let document = text.clone().unwrap_or_else(|| document.as_ref().unwrap().to_string());
            let answer = check(vector, &platform.iter().map(String::as_str).collect::<Vec<_>>(), &document);
            assert_eq!(answer["valid"], *valid, "{}", vector.name);
            let found = answer["diagnostics"].as_array().unwrap().iter();
            let found: Vec<_> =
                found.map(|found| (found["code"].as_str().unwrap(), found["path"].as_str().unwrap())).collect();
            let wanted: Vec<_> =
                diagnostics.iter().map(|wanted| (wanted.code.as_str(), wanted.path.as_str())).collect();
            assert_eq!(found, wanted, "{}", vector.name);
        }
        Case::Decide { policy, options, queries } => {
            let Some(platform) = platform(options, folder) else { return false };
            decide(vector, policy, &platform, queries, folder);
        }
        Case::Client { mode, peer, forwarded_for, client } => {
            let hops = mode.trusted_hops.map(|hops| hops.to_string());
            let mut arguments = vec!["client-ip", "--format", "json", "--peer", peer];
            arguments.extend(forwarded_for.iter().flat_map(|line| ["--xff", line]));
            arguments.extend(hops.iter().flat_map(|hops| ["--trusted-hops", hops]));
            arguments.extend(mode.trusted_proxies.iter().flatten().flat_map(|proxy| ["--trusted-proxy", proxy]));
            if mode.trusted_proxies.as_ref().is_some_and(Vec::is_empty) {
                return false;
            }
            let ran = sandgate(&arguments, "");
            assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["client"], json!(client), "{}", vector.name);
        }
        Case::Resolved { .. }
        | Case::InternalHeader { .. }
        | Case::Mask { .. }
        | Case::Update { .. }
        | Case::Same { .. }
        | Case::Guardrails { .. } => return false,
    }
    true
}

fn check(vector: &Vector, platform: &[&str], document: &str) -> Value {
    let ran = sandgate(&[&["check", "--format", "json"], platform].concat(), document);
    let answer: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", vector.name, ran.err));
    assert_eq!(ran.code, i32::from(answer["valid"] == false), "{}", vector.name);
    answer
}

fn decide(vector: &Vector, policy: &Value, platform: &[String], queries: &[Asked], folder: &Path) {
    let file = folder.join("policy.json");
    fs::write(&file, policy.to_string()).unwrap();
    let lines: Vec<String> = queries.iter().map(|asked| line(&asked.query).to_string()).collect();
    let mut arguments = vec!["decide", file.to_str().unwrap(), "--batch", "-", "--format", "json"];
    arguments.extend(platform.iter().map(String::as_str));
    let ran = sandgate(&arguments, &lines.join("\n"));
    assert_eq!(ran.code, 0, "{}: {}{}", vector.name, ran.out, ran.err);
    for (answer, asked) in ran.out.lines().zip(queries) {
        let entry =
            asked.entry.as_ref().map(|entry| json!({"list": entry.list, "index": entry.index, "text": entry.text}));
        let wanted = json!({
            "verdict": asked.verdict,
            "reason": asked.reason,
            "entry": entry,
            "name": asked.name,
            "maskedHost": asked.masked_host,
        });
        assert_eq!(serde_json::from_str::<Value>(answer).unwrap(), wanted, "{}: {:?}", vector.name, asked.query);
    }
    assert_eq!(ran.out.lines().count(), queries.len());
}

fn line(query: &Query) -> Value {
    let mut line = match query {
        Query::Ingress { client, port } => json!({"direction": "ingress", "client": client, "port": port}),
        Query::Egress { address, port, host, sni } => {
            json!({"direction": "egress", "address": address, "port": port, "host": host, "sni": sni})
        }
    };
    line.as_object_mut().unwrap().retain(|name, value| !value.is_null() || name == "client");
    line
}

/// The arguments for a vector's options; `None` if the command has none for them.
fn platform(options: &PlainOptions, folder: &Path) -> Option<Vec<String>> {
    if options.limits != Limits::default() {
        return None;
    }
    let mut arguments = Vec::new();
    match &options.guardrails {
        None => {}
        Some(Value::String(_)) => arguments.push("--no-guardrails".into()),
        Some(document) => {
            let file = folder.join("guardrails.json");
            fs::write(&file, document.to_string()).unwrap();
            arguments.extend(["--guardrails".into(), file.to_str().unwrap().into()]);
        }
    }
    arguments.extend(options.egress_ports.then(|| "--egress-ports".into()));
    arguments.extend(options.ipv6_ingress.then(|| "--ipv6-ingress".into()));
    Some(arguments)
}
