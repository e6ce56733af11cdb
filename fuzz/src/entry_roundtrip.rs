//! Texts as entries and their parts: accepted exactly where the obvious evaluator accepts them,
//! written so that they parse to themselves, and refused with errors that point into the text.

use sandgate::{AddressEntry, DomainPattern, Entry, NameServer, Network, ParseError, PortRange};
use sandgate_conformance::{
    errors::{offers, points_into},
    naive,
    vector::Case,
};
use serde_json::Value;
use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

/// The input is the text.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let entry = parse::<Entry>(text);
    let address = parse::<AddressEntry>(text);
    parse::<DomainPattern>(text);
    parse::<Network>(text);
    parse::<PortRange>(text);
    parse::<NameServer>(text);

    assert_eq!(address.map(|entry| entry.to_string()), naive::address_entry(text));
    // An encoded label is judged by what it encodes (N-4), which the obvious evaluator does not read.
    if text.is_ascii() && !text.to_ascii_lowercase().contains("xn--") {
        let expected = naive::address_entry(text).or_else(|| naive::ascii_pattern(text));
        assert_eq!(entry.map(|entry| entry.to_string()), expected);
    }
}

fn parse<T: FromStr<Err = ParseError> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            let canonical = value.to_string();
            let again: T = canonical.parse().expect("what is written is read");
            assert_eq!(again, value, "{text:?} is written {canonical:?}");
            assert_eq!(again.to_string(), canonical);
            Some(value)
        }
        Err(error) => {
            points_into(text, &error).unwrap();
            for offer in offers(&error) {
                let repaired = offer.parse::<T>();
                assert!(repaired.is_ok(), "{text:?}: {} offers {offer:?}", error.code());
            }
            None
        }
    }
}

/// The entries that the vectors ask about, and those of their documents.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    match case {
        Case::Entry { entry, .. } => vec![entry.clone().into_bytes()],
        Case::Check { document: Some(document), .. } | Case::Decide { policy: document, .. } => {
            let lists = document.as_object().into_iter().flat_map(|fields| fields.values());
            let entries = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
            entries.map(|entry| entry.as_bytes().to_vec()).collect()
        }
        _ => Vec::new(),
    }
}
