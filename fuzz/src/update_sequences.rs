//! A configuration and the updates that are applied to it one after another (D-4).

use sandgate::{Form, NetworkConfig, NetworkUpdate, Options, Policy, check};
use sandgate_conformance::vector::Case;

/// The input is lines: the JSON of a configuration, then those of updates.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let Some(created) = lines.next().and_then(|line| NetworkConfig::from_json(line).ok()) else { return };
    let updates: Vec<NetworkUpdate> = lines.filter_map(update).collect();
    let result = updates.iter().fold(created.clone(), |config, update| config.replaced_by(update));

    // Only the last update says what is there, and only internet access remembers an earlier one.
    let mut expected = created.clone();
    if let Some(last) = updates.last() {
        let stated = updates.iter().rev().find_map(|update| update.allow_internet_access);
        expected = created.replaced_by(&NetworkUpdate { allow_internet_access: stated, ..last.clone() });
        assert_eq!(expected.allow_internet_access, stated.unwrap_or(created.allow_internet_access));
        assert_eq!(expected.allow_out, last.allow_out);
        assert_eq!(expected.deny_out, last.deny_out);
        assert_eq!(expected.allow_in, last.allow_in);
        assert_eq!(expected.deny_in, last.deny_in);
        assert_eq!(expected.mask_request_host, last.mask_request_host);
    }
    assert_eq!(result, expected);
    assert_eq!(result.allow_public_traffic, created.allow_public_traffic);

    // What is stored is what was meant: the text of the result reads as the result.
    let stored = serde_json::to_string(&result).unwrap();
    assert_eq!(NetworkConfig::from_json(&stored).as_ref(), Ok(&result));
    let options = Options::default();
    assert_eq!(Policy::from_json(&stored, &options), Policy::compile(&result, &options));
}

fn update(line: &str) -> Option<NetworkUpdate> {
    let update = NetworkUpdate::from_json(line).ok()?;
    let written = serde_json::to_string(&update).unwrap();
    assert_eq!(NetworkUpdate::from_json(&written).as_ref(), Ok(&update));
    // The order of the fields and the names they go by change no judgement.
    let is_valid = |text| check(text, Form::Update, &Options::default()).is_valid();
    assert_eq!(is_valid(line), is_valid(&written), "{line:?} is written {written:?}");
    Some(update)
}

/// The updates of the vectors, once and twice.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    match case {
        Case::Update { config, update, .. } => vec![
            format!("{config}\n{update}").into_bytes(),
            format!("{config}\n{update}\n{{\"allowInternetAccess\":true}}\n{update}").into_bytes(),
        ],
        Case::Check { document: Some(document), .. } => vec![format!("{document}\n{document}").into_bytes()],
        _ => Vec::new(),
    }
}
