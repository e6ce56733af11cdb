//! Second opinions: other programs read the same texts, and every difference is on a list.
//!
//! `tests/opinions/README.md` says what the lists are.

mod dns;
mod generated;
mod lists;
mod networks;
mod whatwg;

use sandgate::{AddressEntry, Entry};
use sandgate_conformance::opinions::{self, Asked, Difference};
use std::{collections::BTreeSet, fmt::Write};

/// The network that a text means as an entry. An entry with ports is no network alone.
fn network(text: &str) -> Option<String> {
    let entry: AddressEntry = text.parse().ok()?;
    entry.ports().is_all().then(|| entry.network().to_string())
}

/// The host that a text means as an entry: a pattern in its canonical text, or one address.
fn host(text: &str) -> Option<String> {
    match text.parse().ok()? {
        Entry::Pattern(pattern) => Some(pattern.to_string()),
        // A text with a length means a network.
        Entry::Address(entry) if entry.ports().is_all() && !text.contains('/') => {
            let network = entry.network();
            (network.first() == network.last()).then(|| address(network.first()))
        }
        Entry::Address(_) => None,
    }
}

/// How the lists write a host that is an address.
fn address(address: impl std::fmt::Display) -> String {
    format!("address {address}")
}

/// Compares two readings of every text with the list of this name.
fn compare_texts(list: &str, sandgate: impl Fn(&str) -> Option<String>, opinion: impl Fn(&str) -> Option<String>) {
    let read = |input: String| Difference { sandgate: sandgate(&input), opinion: opinion(&input), input };
    compare(list, opinions::inputs().into_iter().map(read));
}

/// Fails unless the readings that differ are those on the list of this name.
fn compare(name: &str, readings: impl Iterator<Item = Difference>) {
    let list = &opinions::lists()[name];
    let found: BTreeSet<Difference> = readings.filter(|reading| reading.sandgate != reading.opinion).collect();
    let listed: BTreeSet<Difference> = list.differences().cloned().collect();
    let line = |Difference { input, sandgate, opinion }: &Difference| serde_json::json!({ "input": input, "sandgate": sandgate, "opinion": opinion });
    let mut message = String::new();
    for new in found.difference(&listed) {
        // The rule that refuses it as an entry is often the one that explains it.
        let error = if list.asked == Asked::Texts { new.input.parse::<Entry>().err() } else { None };
        let rules = error.map_or("?".into(), |error| error.code().rules().join(" or "));
        writeln!(message, "not on the list, rule {rules}: {}", line(new)).unwrap();
    }
    for gone in listed.difference(&found) {
        writeln!(message, "on the list, and no difference: {}", line(gone)).unwrap();
    }
    assert!(message.is_empty(), "tests/opinions/{name}.json:\n{message}");
}
