//! What holds for every text and not only for those that were thought of.

use crate::{dns, host, network, networks, whatwg};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use sandgate::{AddressEntry, Code, DomainPattern, Entry, HostName};
use sandgate_conformance::opinions;
use std::fmt::Debug;

/// A text of the inputs.
fn input() -> impl Strategy<Value = String> {
    select(opinions::inputs().into_iter().filter(|input| input.len() < 80).collect::<Vec<_>>())
}

/// An input, one with a character put in, taken out or taken twice, or the parts of two.
fn text() -> impl Strategy<Value = String> {
    let changed =
        (input(), any::<Index>(), select(vec!["", "0", "1", ".", ":", "-", "/", "%", "x", "\u{ad}", "\u{3002}"]));
    let changed = changed.prop_map(|(text, place, piece)| {
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        let place = place.index(characters.len() + 1);
        match characters.get(place).cloned() {
            Some(_) if piece.is_empty() => drop(characters.remove(place)),
            Some(twice) if piece == "x" => characters.insert(place, twice),
            _ => characters.insert(place, piece.to_owned()),
        }
        characters.concat()
    });
    let joined = (input(), input(), any::<(Index, Index)>()).prop_map(|(left, right, (end, start))| {
        let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
        let (end, start) = (end.index(left.len() + 1), start.index(right.len() + 1));
        left[..end].iter().chain(&right[start..]).collect()
    });
    let label =
        select(vec!["a", "1", "0x1", "com", "-a", "a_b", "xn--fsq", "xn--a", "b\u{fc}cher", "\u{5d0}", "\u{df}"]);
    let labels = vec(label, 1..5).prop_map(|labels| labels.join("."));
    prop_oneof![1 => input(), 4 => changed, 2 => joined, 2 => labels]
}

/// Asks about the same texts in every run.
fn always<T: Debug>(texts: impl Strategy<Value = T>, holds: impl Fn(T) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(config, seed).run(&texts, holds).unwrap();
}

#[test]
fn a_network_is_the_same_network_to_ipnet_unless_it_is_mapped_or_a_spelling_of_entries() {
    always(text(), |text| {
        let Some(ours) = network(&text) else { return Ok(()) };
        match networks::ipnet(&text) {
            // G-9: the IPv4 network in an IPv4-mapped one.
            Some(theirs) if theirs.contains(':') && theirs.contains('.') => {
                prop_assert!(!ours.contains(':'), "{:?}", text);
            }
            Some(theirs) => prop_assert_eq!(ours, theirs, "{:?}", text),
            // G-1 and G-10: brackets, and all ports.
            None => prop_assert!(text.contains('[') || text.ends_with(":1-65535"), "{:?}", text),
        }
        Ok(())
    });
}

#[test]
fn a_network_to_ipnet_is_refused_by_a_rule_about_networks() {
    use Code::{HostBits, LeadingZero, MappedNetwork, UnspecifiedNetwork};
    always(text(), |text| {
        if networks::ipnet(&text).is_some()
            && let Err(error) = text.parse::<AddressEntry>()
        {
            let expected = [HostBits, LeadingZero, MappedNetwork, UnspecifiedNetwork].contains(&error.code());
            // N-2: a `::` that stands for no group.
            let empty = error.code() == Code::InvalidAddress && text.contains("::");
            prop_assert!(expected || empty, "{:?}: {}", text, error.code());
        }
        Ok(())
    });
}

#[test]
fn a_host_is_the_same_host_to_url_unless_it_is_mapped() {
    always(text(), |text| {
        let Some(ours) = host(&text) else { return Ok(()) };
        match whatwg::url_host(&text) {
            Some(theirs) if theirs.contains("::ffff:") && !ours.contains(':') => {}
            Some(theirs) => prop_assert_eq!(ours, theirs, "{:?}", text),
            None => prop_assert!(text.ends_with(":1-65535"), "{:?}", text),
        }
        Ok(())
    });
}

#[test]
fn an_address_to_url_is_never_a_name() {
    always(text(), |text| {
        if whatwg::url_host(&text).is_some_and(|host| host.starts_with("address")) {
            prop_assert!(!matches!(text.parse(), Ok(Entry::Pattern(_))), "{:?}", text);
            prop_assert!(HostName::from_sni(text.as_bytes()).is_none(), "{:?}", text);
            prop_assert!(HostName::from_header(text.as_bytes()).is_none(), "{:?}", text);
        }
        Ok(())
    });
}

#[test]
fn a_name_on_the_wire_is_the_same_name_to_url_unless_it_refuses_an_encoded_label() {
    always(text(), |text| {
        let Some(name) = HostName::from_sni(text.as_bytes()) else { return Ok(()) };
        match whatwg::url_host(&text) {
            Some(theirs) => prop_assert_eq!(name.as_str(), theirs, "{:?}", text),
            // N-7: an encoded label is not decoded here.
            None => prop_assert!(name.as_str().contains("xn--"), "{:?}", text),
        }
        Ok(())
    });
}

#[test]
fn a_name_on_the_wire_is_the_same_name_to_hickory() {
    always(text(), |text| {
        let Some(name) = HostName::from_sni(text.as_bytes()) else { return Ok(()) };
        prop_assert_eq!(Some(name.to_string()), dns::ascii(&text), "{:?}", text);
        Ok(())
    });
}

#[test]
fn a_pattern_is_the_same_name_to_hickory_unless_it_refuses_an_underscore() {
    always(text(), |text| {
        let Ok(pattern) = text.parse::<DomainPattern>() else { return Ok(()) };
        match dns::unicode(&text) {
            Some(theirs) => prop_assert_eq!(pattern.to_string(), theirs, "{:?}", text),
            None => prop_assert!(text.contains('_'), "{:?}", text),
        }
        Ok(())
    });
}
