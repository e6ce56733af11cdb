//! Arbitrary JSON and arbitrary bytes as documents: every door judges alike, and every diagnostic
//! can be found in the text.

use sandgate::{
    Capabilities, Code, Diagnostic, Form, Guardrails, HostBits, Limits, NetworkConfig, Options, Policy, Repairs,
    Report, Source, Spelling, check, check_objects, equivalent, nftables, repair,
};
use sandgate_conformance::vector::{self, Case};
use serde_json::Value;

/// The input is a byte of options and the text.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Some((&bits, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let is = |bit: u8| bits & bit != 0;
    let form = if is(1) { Form::Update } else { Form::Config };
    let options = Options {
        capabilities: Capabilities { egress_ports: is(2), ipv6_ingress: is(4) },
        guardrails: if is(8) { Guardrails::none() } else { Guardrails::default() },
        limits: Limits { diagnostics: if is(16) { 2 } else { 100 }, ..Limits::default() },
    };
    let report = check(&text, form, &options);
    let value = serde_json::from_str::<Value>(&text);

    counts(&report, options.limits.diagnostics);
    places(&text, &report);
    // What JSON has not is refused at the latest where it is passed over.
    assert!(value.is_ok() || !report.is_valid(), "a text that is no JSON is valid");
    if let Ok(value) = value
        && report.more() == 0
        && !report.contains(Code::InvalidJson)
        && !repeats(&report)
    {
        report.diagnostics().iter().for_each(|diagnostic| resolves(diagnostic, &value));
        assert_eq!(check_objects(&value, form, Spelling::Wire, &options).as_ref().ok(), Some(&report));
    }
    if matches!(form, Form::Config) {
        doors(&text, &report, &options);
        let host_bits = is(64).then_some(if is(128) { HostBits::Network } else { HostBits::Address });
        repairs(&text, Repairs { host_bits, minimize: is(32) }, &options);
    }
}

/// Whether a field is there twice: a `Value` keeps the last of them.
fn repeats(report: &Report) -> bool {
    let mut unknown: Vec<&str> = report
        .diagnostics()
        .iter()
        .filter(|diagnostic| diagnostic.code() == Code::UnknownField)
        .map(Diagnostic::path)
        .collect();
    unknown.sort_unstable();
    unknown.windows(2).any(|pair| pair[0] == pair[1]) || report.contains(Code::DuplicateField)
}

fn counts(report: &Report, most: usize) {
    let kept = report.diagnostics().len();
    assert_eq!(report.error_count() + report.warning_count(), kept + report.more());
    assert!(kept <= most && (report.more() == 0 || kept == most));
    assert_eq!(report.is_valid(), report.error_count() == 0);
}

/// Every place lies in the text, on character boundaries, and is what the diagnostic says.
fn places(text: &str, report: &Report) {
    let ranges = Source::new(text).locate_all(report);
    assert_eq!(ranges.len(), report.diagnostics().len());
    for (diagnostic, range) in report.diagnostics().iter().zip(ranges) {
        let Some(range) = range else {
            // Only what is about the whole document has no place.
            assert!(diagnostic.path().is_empty(), "{diagnostic} has no place");
            continue;
        };
        let place = text.get(range.clone()).unwrap_or_else(|| panic!("{diagnostic} is at {range:?}"));
        if diagnostic.code() == Code::UnknownField {
            let name: String = serde_json::from_str(place).expect("a name");
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            assert_eq!(pointer, diagnostic.path());
        }
    }
    assert_eq!(Source::places(text, report).len(), report.diagnostics().len());
}

/// The path of a diagnostic is there, and its span is a part of the text at it.
fn resolves(diagnostic: &Diagnostic, document: &Value) {
    let at = document.pointer(diagnostic.path());
    assert!(at.is_some() || diagnostic.code() == Code::MissingDenyAll, "{diagnostic} is nowhere");
    if let (Some(span), Some(Value::String(text))) = (diagnostic.span(), at) {
        assert!(text.get(span.clone()).is_some(), "{diagnostic}: {span:?} of {text:?}");
    }
}

/// Whichever way a document comes in, it is judged alike, and what is written of it says the same.
fn doors(text: &str, report: &Report, options: &Options) {
    let policy = Policy::from_json(text, options);
    assert_eq!(policy.is_ok(), report.is_valid());
    let Ok(policy) = policy else { return };
    let config = NetworkConfig::from_json(text).expect("a valid document has a shape");
    assert_eq!(Policy::compile(&config, options).as_ref(), Ok(&policy));
    assert_eq!(Policy::compile(&policy.config(), options).as_ref(), Ok(&policy));
    let saved = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&saved).unwrap(), policy);
}

/// What is repaired is valid and says the same as before, and what is not is refused for a reason.
fn repairs(text: &str, how: Repairs, options: &Options) {
    let before = Policy::from_json(text, options);
    match repair(text, how, options) {
        Ok(repaired) => {
            let after = Policy::from_json(&repaired.text, options).expect("what is repaired is valid");
            if let Ok(before) = before {
                assert!(how.minimize || before.fingerprint() == after.fingerprint());
                assert!(equivalent(&before, &after).is_ok());
            }
            // A policy has its rules for the kernel, whatever it is.
            let place = nftables::Place::interface("tap0".parse().expect("a name"), None);
            assert!(!nftables::lower(&after, &nftables::Settings::new(place)).to_string().is_empty());
        }
        Err(left) => {
            assert!(before.is_err() && !left.report.is_valid());
            assert_eq!(left.report, check(&left.text, Form::Config, options));
        }
    }
}

/// The documents of the vectors, and their policies.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let (text, form, options) = match case {
        Case::Check { text: Some(text), form, options, .. } => (text.clone(), *form, options),
        Case::Check { document: Some(document), form, options, .. } => (document.to_string(), *form, options),
        Case::Repair(repaired) => (repaired.text.clone(), vector::Form::Config, &repaired.options),
        Case::Decide { policy, options, .. } => (policy.to_string(), vector::Form::Config, options),
        _ => return Vec::new(),
    };
    let bits = u8::from(matches!(form, vector::Form::Update))
        | u8::from(options.egress_ports) << 1
        | u8::from(options.ipv6_ingress) << 2
        | u8::from(options.guardrails.is_some()) << 3;
    vec![[&[bits], text.as_bytes()].concat()]
}
