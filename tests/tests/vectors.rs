//! Runs every vector against the core, one named test each.

use libtest_mimic::{Arguments, Failed, Trial};
use sandgate::{
    ClientAddress, Decision, Destination, Entry, Explanation, Guardrails, HostBits, HostMask, List, NetworkConfig,
    NetworkUpdate, Options, ParseError, Policy, Repair, Repairs, Report, Verdict, check, diff, equivalent,
    from_internal_header, parse_address, repair, tightens,
};
use sandgate_conformance::{
    analysis::{Witness, without_sentences, witnesses},
    vector::{
        self, Asked, Case, Compared, Expected, ExpectedEntry, ExpectedRepair, Flaw, Form, Mode, PlainOptions, Query,
        Side, Vector,
    },
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    fmt::Debug,
    hash::{Hash, Hasher},
    net::IpAddr,
    process::ExitCode,
};

/// What a vector finds: nothing, or how the core differs from it.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vector::all().into_iter().map(|(file, vector)| {
        let name = format!("{}::{}", file.trim_end_matches(".json"), vector.name);
        Trial::test(name, move || run(&vector).map_err(|why| Failed::from(format!("{why}\n{}", vector.comment))))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn run(vector: &Vector) -> Outcome {
    match &vector.case {
        Case::Entry { entry, canonical, flaw } => run_entry(entry, canonical.as_deref(), flaw.as_ref()),
        Case::Check { document, text, form, options, valid, diagnostics, more, canonical } => {
            let text = text.clone().or_else(|| document.as_ref().map(Value::to_string)).ok_or("no document")?;
            let options = options.to_options();
            run_check(&text, *form, &options, *valid, diagnostics, *more)?;
            canonical.as_ref().map_or(Ok(()), |canonical| run_canonical(&text, &options, canonical))
        }
        Case::Decide { policy, options, queries } => {
            let policy = compile(policy, options)?;
            queries.iter().try_for_each(|asked| run_query(&policy, asked))
        }
        Case::Resolved { policy, options, addresses } => {
            let policy = compile(policy, options)?;
            let guardrails = &policy.options().guardrails;
            addresses.iter().try_for_each(|resolved| {
                same(&resolved.address, !guardrails.always_denies(address(&resolved.address)?), resolved.allowed)
            })
        }
        Case::Summary { policy, options, text, fingerprint, effects } => {
            let policy = compile(policy, options)?;
            same("text", policy.canonical_text(), text.join("\n") + "\n")?;
            same("fingerprint", &policy.fingerprint().to_string(), fingerprint)?;
            let found: Vec<String> = policy.effects().iter().map(|effect| effect.code().to_owned()).collect();
            same("effects", &found, effects)
        }
        Case::Client { mode, peer, forwarded_for, client } => {
            let derived = client_address(mode)?.derive(address(peer)?, forwarded_for);
            same("client", derived.map(|client| client.to_string()), client.clone())
        }
        Case::InternalHeader { values, client } => {
            same("client", from_internal_header(values).map(|client| client.to_string()), client.clone())
        }
        Case::Mask { mask, masked, flaw } => run_mask(mask, masked.as_ref(), flaw.as_ref()),
        Case::Update { config, update, result } => {
            let config = NetworkConfig::from_json(&config.to_string()).map_err(|report| report.to_string())?;
            let update = NetworkUpdate::from_json(&update.to_string()).map_err(|report| report.to_string())?;
            let replaced = serde_json::to_value(config.replaced_by(&update)).map_err(|error| error.to_string())?;
            same("result", &replaced, result)
        }
        Case::Same { left, right, same: expected } => {
            let (left, right) = (side(left)?, side(right)?);
            same("equal", left == right, *expected)?;
            same("equally hashed", hash(&left) == hash(&right), *expected)
        }
        Case::Guardrails { document, valid, diagnostics } => {
            let report = Guardrails::from_json(&document.to_string()).err();
            same("valid", report.is_none(), *valid && diagnostics.is_empty())?;
            report.map_or(Ok(()), |report| run_diagnostics(&report, diagnostics))
        }
        Case::Explain { policy, options, query, explanation } => {
            let found = json(&explain(&compile(policy, options)?, query)?)?;
            same("explanation", &without_sentences(&found)?, explanation)
        }
        Case::Diff(compared) => run_diff(compared),
        Case::Repair(wanted) => run_repair(wanted),
    }
}

fn run_entry(text: &str, canonical: Option<&str>, flaw: Option<&Flaw>) -> Outcome {
    match (text.parse::<Entry>(), flaw) {
        (Ok(entry), None) => {
            let canonical = canonical.ok_or("the vector expects nothing")?;
            same("canonical text", entry.to_string().as_str(), canonical)?;
            same("the canonical text, parsed", canonical.parse(), Ok(entry))
        }
        (Err(error), Some(flaw)) => run_flaw(&error, text, flaw),
        (Ok(entry), Some(flaw)) => Err(format!("`{text}` is accepted as `{entry}`, not refused as {}", flaw.code)),
        (Err(error), None) => Err(format!("`{text}` is refused: {}: {error}", error.code())),
    }
}

fn run_mask(text: &str, masked: Option<&BTreeMap<String, String>>, flaw: Option<&Flaw>) -> Outcome {
    match (text.parse::<HostMask>(), flaw) {
        (Ok(mask), None) => {
            same("as written", mask.to_string().as_str(), text)?;
            let masked = masked.ok_or("the vector expects nothing")?;
            masked.iter().try_for_each(|(port, host)| {
                let port = port.parse().map_err(|_| format!("`{port}` is not a port"))?;
                same("masked host", mask.masked(port).to_string(), host.clone())
            })
        }
        (Err(error), Some(flaw)) => run_flaw(&error, text, flaw),
        (Ok(_), Some(flaw)) => Err(format!("`{text}` is accepted, not refused as {}", flaw.code)),
        (Err(error), None) => Err(format!("`{text}` is refused: {}: {error}", error.code())),
    }
}

fn run_flaw(error: &ParseError, text: &str, flaw: &Flaw) -> Outcome {
    same("code", error.code().as_str(), flaw.code.as_str())?;
    if let Some(span) = error.span() {
        text.get(span.clone()).ok_or_else(|| format!("span {span:?} is not in `{text}`"))?;
    }
    if let Some((start, end)) = flaw.span {
        same("span", error.span(), Some(start..end))?;
    }
    run_help(error.help().as_deref(), &flaw.help, &flaw.help_lacks)
}

fn run_help(help: Option<&str>, has: &[String], lacks: &[String]) -> Outcome {
    let help = help.unwrap_or_default();
    for text in has {
        if !help.contains(&format!("`{text}`")) {
            return Err(format!("the help `{help}` does not offer `{text}`"));
        }
    }
    match lacks.iter().find(|text| help.contains(*text)) {
        Some(text) => Err(format!("the help `{help}` contains `{text}`")),
        None => Ok(()),
    }
}

fn run_check(text: &str, form: Form, options: &Options, valid: bool, expected: &[Expected], more: usize) -> Outcome {
    let form = match form {
        Form::Config => sandgate::Form::Config,
        Form::Update => sandgate::Form::Update,
    };
    let report = check(text, form, options);
    run_diagnostics(&report, expected)?;
    same("valid", report.is_valid(), valid)?;
    same("more", report.more(), more)
}

fn run_diagnostics(report: &Report, expected: &[Expected]) -> Outcome {
    let found: Vec<_> = report.diagnostics().iter().map(|found| (found.code().as_str(), found.path())).collect();
    let wanted: Vec<_> = expected.iter().map(|wanted| (wanted.code.as_str(), wanted.path.as_str())).collect();
    same("diagnostics", found, wanted)?;
    for (found, wanted) in report.diagnostics().iter().zip(expected) {
        same("severity", found.severity().as_str(), wanted.severity.as_deref().unwrap_or("error"))?;
        if let Some((start, end)) = wanted.span {
            same("span", found.span(), Some(start..end))?;
        }
        run_help(found.help().as_deref(), &wanted.help, &wanted.help_lacks)?;
    }
    Ok(())
}

fn run_canonical(text: &str, options: &Options, canonical: &BTreeMap<String, Vec<String>>) -> Outcome {
    let config = Policy::from_json(text, options).map_err(|report| report.to_string())?.config();
    for list in List::ALL {
        if let Some(texts) = canonical.get(list.as_str()) {
            same(list.as_str(), config.list(list), texts.as_slice())?;
        }
    }
    Ok(())
}

fn run_query(policy: &Policy, asked: &Asked) -> Outcome {
    let (decision, masked, boolean) = match &asked.query {
        Query::Ingress { client, port } => {
            let client = client.as_deref().and_then(parse_address);
            let masked = policy.masked_host(*port).map(|host| host.to_string());
            (policy.decide_ingress(client, *port), masked, Some(policy.allows_ingress(client, *port)))
        }
        query @ Query::Egress { address, port, .. } => {
            let destination = query.destination().ok_or_else(|| format!("`{address}` is not an address"))?;
            let boolean = destination.host.is_none().then(|| policy.allows_egress(destination.address, *port));
            (policy.decide_egress(&destination), None, boolean)
        }
    };
    run_decision(&decision, asked).map_err(|why| format!("{:?}: {why}", asked.query))?;
    run_explanation(policy, asked).map_err(|why| format!("{:?}, explained: {why}", asked.query))?;
    same("masked host", masked, asked.masked_host.clone())?;
    boolean.map_or(Ok(()), |boolean| same("the boolean question", boolean, decision.is_allowed()))
}

fn run_decision(decision: &Decision<'_>, asked: &Asked) -> Outcome {
    let entry = decision.entry().map(|entry| ExpectedEntry {
        list: entry.list().as_str().into(),
        index: entry.index(),
        text: entry.entry().to_string(),
    });
    let name = match decision.verdict() {
        Verdict::AllowByName(by_name) => Some(by_name.name().to_string()),
        Verdict::Allow | Verdict::Deny => None,
    };
    let found = (decision.verdict().as_str(), decision.reason().as_str(), entry.as_ref(), name.as_ref());
    same("decision", found, (&asked.verdict, &asked.reason, asked.entry.as_ref(), asked.name.as_ref()))
}

fn run_explanation(policy: &Policy, asked: &Asked) -> Outcome {
    let explanation = explain(policy, &asked.query)?;
    let name = explanation.name.map(|name| name.to_string());
    let entry = explanation.entry.map(|entry| ExpectedEntry {
        list: entry.list.as_str().into(),
        index: entry.index,
        text: entry.entry.to_string(),
    });
    let found = (explanation.verdict.as_str(), explanation.reason.as_str(), entry.as_ref(), name.as_ref());
    same("decision", found, (&asked.verdict, &asked.reason, asked.entry.as_ref(), asked.name.as_ref()))
}

fn run_diff(compared: &Compared) -> Outcome {
    let (old, new) = (side(&compared.old)?, side(&compared.new)?);
    let difference = json(&diff(&old, &new))?;
    same("difference", &difference, &compared.difference)?;
    let unequal = equivalent(&old, &new).err();
    same("equivalent", unequal.is_none(), compared.equivalent)?;
    same("what is not equivalent", &json(&unequal.unwrap_or_default())?, &difference)?;
    let wider = tightens(&old, &new).err();
    same("tightens", wider.is_none(), compared.tightens)?;
    let widening = json(&wider.unwrap_or_default())?;
    same("widening", &widening, &compared.widening())?;
    let witnesses = witnesses(&difference)?.into_iter().chain(witnesses(&widening)?);
    for Witness { query, before, after } in witnesses {
        for (policy, answer) in [(&old, before), (&new, after)] {
            let decision = decide(policy, &query)?;
            same(&format!("the witness {query:?}"), &json(&sandgate::Outcome::from(&decision))?, &answer)?;
        }
    }
    Ok(())
}

fn decide<'p>(policy: &'p Policy, query: &Query) -> Result<Decision<'p>, String> {
    Ok(match query {
        Query::Ingress { client, port } => policy.decide_ingress(client.as_deref().and_then(parse_address), *port),
        query @ Query::Egress { .. } => policy.decide_egress(&query.destination().ok_or("no address")?),
    })
}

fn explain(policy: &Policy, query: &Query) -> Result<Explanation, String> {
    Ok(match query {
        Query::Ingress { client, port } => policy.explain_ingress(client.as_deref().and_then(given), *port),
        Query::Egress { address, .. } => {
            let destination = query.destination().ok_or("no address")?;
            let address = given(address).ok_or("no address")?;
            policy.explain_egress(&Destination { address, ..destination })
        }
    })
}

/// An address that is not yet read as the one that is judged: an explanation tells both.
fn given(text: &str) -> Option<IpAddr> {
    parse_address(text)?;
    text.parse().ok()
}

fn run_repair(wanted: &vector::Repaired) -> Outcome {
    let host_bits = wanted.host_bits.map(|meaning| match meaning {
        vector::HostBits::Network => HostBits::Network,
        vector::HostBits::Address => HostBits::Address,
    });
    let how = Repairs { host_bits, minimize: wanted.minimize };
    let (text, done, report) = match repair(&wanted.text, how, &wanted.options.to_options()) {
        Ok(done) => (done.text, done.repairs, None),
        Err(undone) => (undone.text, undone.repairs, Some(undone.report)),
    };
    same("repaired", &text, &wanted.repaired)?;
    let done: Vec<_> = done.iter().map(expected_repair).collect();
    same("repairs", &done, &wanted.repairs)?;
    same("repaired for good", report.is_none(), wanted.left.is_empty())?;
    report.map_or(Ok(()), |report| run_diagnostics(&report, &wanted.left))
}

fn expected_repair(Repair { list, index, before, after, reasons, .. }: &Repair) -> ExpectedRepair {
    let (list, reasons) = (list.to_string(), reasons.len());
    ExpectedRepair { list, index: *index, before: before.clone(), after: after.clone(), reasons }
}

fn client_address(mode: &Mode) -> Result<ClientAddress, String> {
    let networks = |texts: &Vec<String>| texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, ParseError>>();
    let proxies = mode.trusted_proxies.as_ref().map(networks).transpose().map_err(|error| error.to_string())?;
    match (mode.peer, mode.trusted_hops, proxies) {
        (true, None, None) => Ok(ClientAddress::Peer),
        (false, Some(hops), proxies) => Ok(ClientAddress::TrustedHops { hops, proxies }),
        (false, None, Some(proxies)) => Ok(ClientAddress::TrustedProxies(proxies)),
        _ => Err("the vector names no mode".into()),
    }
}

fn compile(document: &Value, options: &PlainOptions) -> Result<Policy, String> {
    Policy::from_json(&document.to_string(), &options.to_options()).map_err(|report| report.to_string())
}

fn side(side: &Side) -> Result<Policy, String> {
    compile(&side.policy, &side.options)
}

fn json(value: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn address(text: &str) -> Result<IpAddr, String> {
    parse_address(text).ok_or_else(|| format!("`{text}` is not an address"))
}

fn hash(policy: &Policy) -> u64 {
    let mut hasher = DefaultHasher::new();
    policy.hash(&mut hasher);
    hasher.finish()
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is mostly made for the comparison")]
fn same<F: PartialEq<W> + Debug, W: Debug>(what: &str, found: F, wanted: W) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what}: found {found:?}, wanted {wanted:?}")) }
}
