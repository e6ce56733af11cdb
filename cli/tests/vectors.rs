//! Every vector that the command can be asked, asked of the command.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use sandgate::Limits;
use sandgate_conformance::{
    analysis::{Witness, without_sentences, witnesses},
    vector::{self, Asked, Case, Compared, ExpectedRepair, Form, HostBits, PlainOptions, Query, Repaired, Vector},
};
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
        Case::Summary { policy, options, text, fingerprint, effects } => {
            let Some(platform) = platform(options, folder) else { return false };
            let with = |arguments: &[&str]| {
                let platform = platform.iter().map(String::as_str);
                sandgate(&arguments.iter().copied().chain(platform).collect::<Vec<_>>(), &policy.to_string()).out
            };
            assert_eq!(with(&["fingerprint", "--text"]).lines().collect::<Vec<_>>(), *text, "{}", vector.name);
            assert_eq!(with(&["fingerprint"]).trim(), fingerprint, "{}", vector.name);
            let answer: Value = serde_json::from_str(&with(&["lint", "--format", "json"])).unwrap();
            let found = answer["effects"].as_array().unwrap().iter().map(|effect| effect["code"].as_str().unwrap());
            assert_eq!(found.collect::<Vec<_>>(), *effects, "{}", vector.name);
        }
        Case::Explain { policy, options, query, explanation } => {
            let Some(platform) = platform(options, folder) else { return false };
            explain(vector, policy, &platform, query, explanation);
        }
        Case::Diff(compared) => {
            // The command takes one set of options for both documents.
            if compared.old.options != compared.new.options {
                return false;
            }
            let Some(platform) = platform(&compared.old.options, folder) else { return false };
            diff(vector, compared, &platform, folder);
        }
        Case::Repair(repaired) => {
            let Some(platform) = platform(&repaired.options, folder) else { return false };
            fix(vector, repaired, &platform);
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
    let answers = answers(vector, policy, platform, queries.iter().map(|asked| &asked.query), folder);
    for (answer, asked) in answers.iter().zip(queries) {
        let entry =
            asked.entry.as_ref().map(|entry| json!({"list": entry.list, "index": entry.index, "text": entry.text}));
        let wanted = json!({
            "verdict": asked.verdict,
            "reason": asked.reason,
            "entry": entry,
            "name": asked.name,
            "maskedHost": asked.masked_host,
        });
        assert_eq!(*answer, wanted, "{}: {:?}", vector.name, asked.query);
    }
    assert_eq!(answers.len(), queries.len());
}

/// One answer for each query.
fn answers<'q>(
    vector: &Vector,
    policy: &Value,
    platform: &[String],
    queries: impl Iterator<Item = &'q Query>,
    folder: &Path,
) -> Vec<Value> {
    let file = folder.join("policy.json");
    fs::write(&file, policy.to_string()).unwrap();
    let lines: Vec<String> = queries.map(|query| line(query).to_string()).collect();
    let mut arguments = vec!["decide", file.to_str().unwrap(), "--batch", "-", "--format", "json"];
    arguments.extend(platform.iter().map(String::as_str));
    let ran = sandgate(&arguments, &lines.join("\n"));
    assert_eq!(ran.code, 0, "{}: {}{}", vector.name, ran.out, ran.err);
    ran.out.lines().map(|answer| serde_json::from_str(answer).unwrap()).collect()
}

fn explain(vector: &Vector, policy: &Value, platform: &[String], query: &Query, explanation: &Value) {
    let number;
    let mut arguments = vec!["explain", "-", "--format", "json", "--port"];
    match query {
        Query::Ingress { client, port } => {
            number = port.to_string();
            arguments.extend([&*number, "--in", client.as_deref().unwrap_or("unknown")]);
        }
        Query::Egress { address, port, host, sni } => {
            number = port.to_string();
            arguments.extend([&*number, "--out", address]);
            arguments.extend(host.iter().flat_map(|host| ["--host", host]));
            arguments.extend(sni.iter().flat_map(|sni| ["--sni", sni]));
        }
    }
    arguments.extend(platform.iter().map(String::as_str));
    let ran = sandgate(&arguments, &policy.to_string());
    let found = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", vector.name, ran.err));
    assert_eq!(without_sentences(&found).as_ref(), Ok(explanation), "{}", vector.name);
}

fn fix(vector: &Vector, wanted: &Repaired, platform: &[String]) {
    let mut arguments = vec!["fix", "-", "--format", "json"];
    arguments.extend(platform.iter().map(String::as_str));
    arguments.extend(wanted.host_bits.iter().flat_map(|meaning| match meaning {
        HostBits::Network => ["--host-bits", "network"],
        HostBits::Address => ["--host-bits", "address"],
    }));
    arguments.extend(wanted.minimize.then_some("--minimize"));
    let ran = sandgate(&arguments, &wanted.text);
    let found: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", vector.name, ran.err));
    assert_eq!(found["text"], *wanted.repaired, "{}", vector.name);
    let counted = |repair: &Value| {
        let mut repair = repair.clone();
        repair["reasons"] = repair["reasons"].as_array().unwrap().len().into();
        serde_json::from_value::<ExpectedRepair>(repair).unwrap()
    };
    let repairs: Vec<_> = found["repairs"].as_array().unwrap().iter().map(counted).collect();
    assert_eq!(repairs, wanted.repairs, "{}", vector.name);
    let found = found["diagnostics"].as_array().unwrap().iter();
    let left: Vec<_> = found.map(|left| (left["code"].as_str().unwrap(), left["path"].as_str().unwrap())).collect();
    let wanted: Vec<_> = wanted.left.iter().map(|left| (&*left.code, &*left.path)).collect();
    assert_eq!(left, wanted, "{}", vector.name);
    assert_eq!(ran.code, i32::from(!left.is_empty()), "{}", vector.name);
}

fn diff(vector: &Vector, compared: &Compared, platform: &[String], folder: &Path) {
    let [old, new] = [("old.json", &compared.old), ("new.json", &compared.new)].map(|(name, side)| {
        let file = folder.join(name);
        fs::write(&file, side.policy.to_string()).unwrap();
        file
    });
    let mut arguments =
        vec!["diff", old.to_str().unwrap(), new.to_str().unwrap(), "--fail-on-widen", "--format", "json"];
    arguments.extend(platform.iter().map(String::as_str));
    let ran = sandgate(&arguments, "");
    let found: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", vector.name, ran.err));
    assert_eq!(found, compared.difference, "{}", vector.name);
    assert_eq!(ran.code, i32::from(!compared.tightens), "{}", vector.name);

    let witnesses = witnesses(&found).unwrap();
    let queries = || witnesses.iter().map(|Witness { query, .. }| query);
    let answers = [&compared.old, &compared.new].map(|side| answers(vector, &side.policy, platform, queries(), folder));
    for (index, Witness { query, before, after }) in witnesses.iter().enumerate() {
        for (answers, wanted) in answers.iter().zip([before, after]) {
            for field in ["verdict", "reason", "entry"] {
                assert_eq!(answers[index][field], wanted[field], "{}: {query:?}", vector.name);
            }
        }
    }
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
