//! Entries, names and their parts: what is read, how it is written back, and what an error says.

use crate::{
    cases,
    worlds::{LABELS, host, item, pattern},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::TestCaseResult,
};
use sandgate::{
    AddressEntry, Code, DomainPattern, Entry, HostMask, HostName, NameServer, Network, ParseError, PortRange,
    parse_address,
};
use sandgate_conformance::{
    errors::{offers, points_into},
    naive::{self, Seen},
};
use std::{
    fmt::{Debug, Display},
    net::IpAddr,
    str::FromStr,
};

/// Pieces of entries, good and bad ones.
const PIECES: &[&str] = &[
    "0.0.0.0",
    "10.0.0.0",
    "10.1.2.3",
    "8.8.8.8",
    "255.255.255.255",
    "256",
    "01",
    "1",
    "::",
    "::ffff:",
    "::ffff:10.0.0.0",
    "2001:db8::",
    "2001:DB8::1",
    "64:ff9b::",
    "fe80::1%eth0",
    "[",
    "]",
    "/",
    "/0",
    "/8",
    "/24",
    "/32",
    "/33",
    "/96",
    "/104",
    "/128",
    "/255.0.0.0",
    ":",
    ":80",
    ":443-80",
    ":80-443",
    ":1-65535",
    ":0",
    ":65536",
    ":080",
    "-",
    "-443",
    "*",
    "*.",
    ".",
    "..",
    "a",
    "example.com",
    "Ex_1",
    "xn--",
    "xn--bcher-kva",
    "0x",
    "0x7f",
    "http://",
    "user@",
    "?q",
    "#f",
    "%",
    "/path",
    " ",
    "\t",
    "\u{a0}",
    "\0",
    "b\u{fc}cher",
    "B\u{dc}CHER",
    "\u{ff41}",
    "\u{3002}",
    "\u{ad}",
    "\u{df}",
    "\u{200d}",
    "\u{5d0}",
    "\u{661}",
    "\u{1f600}",
    "e\u{301}",
];

fn pieces() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..5).prop_map(|pieces| pieces.concat())
}

/// Names at the limits of N-3.
fn long_name() -> impl Strategy<Value = String> {
    let label =
        prop_oneof![select(&["a", "-", "_", "7"]).prop_map(str::to_owned), (60..66_usize).prop_map(|n| "x".repeat(n))];
    (select(&["", "*."]), vec(label, 3..7), select(&["", "."]), 0..64_usize)
        .prop_map(|(star, labels, dot, tail)| format!("{star}{}.{}{dot}", labels.join("."), "t".repeat(tail)))
}

/// One character of a text taken out, or a piece put in.
fn damaged(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, any::<Index>(), prop_oneof![Just(""), select(PIECES)]).prop_map(|(text, place, piece)| {
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        let place = place.index(characters.len() + 1);
        if piece.is_empty() && place < characters.len() {
            characters.remove(place);
        } else {
            characters.insert(place, piece.to_owned());
        }
        characters.concat()
    })
}

fn written() -> impl Strategy<Value = String> {
    (item(), any::<bool>()).prop_map(|(item, ports)| item.text(ports))
}

/// Texts from valid to arbitrary.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => written(),
        3 => damaged(written()),
        3 => pieces(),
        1 => long_name(),
        1 => "[0-9.:/\\[\\]x-]{0,12}",
        1 => any::<String>(),
    ]
}

fn is_inverse<T: FromStr<Err = ParseError> + Display + PartialEq + Debug>(text: &str) -> TestCaseResult {
    match text.parse::<T>() {
        Ok(value) => {
            let canonical = value.to_string();
            let again = canonical.parse::<T>();
            prop_assert_eq!(again.as_ref(), Ok(&value), "{:?} is written {:?}", text, &canonical);
            prop_assert_eq!(again.unwrap().to_string(), canonical);
        }
        Err(error) => points_into(text, &error).map_err(TestCaseError::fail)?,
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn what_is_parsed_is_written_so_that_it_parses_to_itself_and_errors_point_into_the_text(text in text()) {
        is_inverse::<Entry>(&text)?;
        is_inverse::<AddressEntry>(&text)?;
        is_inverse::<DomainPattern>(&text)?;
        is_inverse::<Network>(&text)?;
        is_inverse::<HostMask>(&text)?;
        is_inverse::<NameServer>(&text)?;
        is_inverse::<PortRange>(&text)?;
    }

    #[test]
    fn an_address_entry_is_what_the_grammar_says(text in text()) {
        let canonical = text.parse::<AddressEntry>().ok().map(|entry| entry.to_string());
        prop_assert_eq!(canonical, naive::address_entry(&text), "{:?}", text);
    }

    #[test]
    fn an_entry_is_an_address_entry_or_else_a_pattern(text in text()) {
        // An encoded label is judged by what it encodes (N-4), which the obvious evaluator does not read.
        if !text.is_ascii() || text.to_ascii_lowercase().contains("xn--") {
            return Ok(());
        }
        let expected = naive::address_entry(&text).or_else(|| naive::ascii_pattern(&text));
        prop_assert_eq!(text.parse::<Entry>().ok().map(|entry| entry.to_string()), expected, "{:?}", text);
    }

    #[test]
    fn what_a_help_offers_to_write_is_an_entry(text in text()) {
        let Err(error) = text.parse::<Entry>() else { return Ok(()) };
        for offer in offers(&error) {
            prop_assert!(offer.parse::<Entry>().is_ok(), "{:?}: {} offers {:?}", text, error.code(), offer);
        }
    }

    #[test]
    fn the_help_for_host_bits_keeps_the_ports_and_never_offers_everything(
        address in "(10|203|0)\\.[01]\\.2\\.[0-3]|2001:db8::[0-3]|::[1-3]|::ffff:10\\.1\\.0\\.[0-3]",
        length in 0..=128_u8,
        ports in select(&["", ":80", ":80-443"]),
    ) {
        let host = format!("{address}/{length}");
        let text = if address.contains(':') && !ports.is_empty() { format!("[{host}]{ports}") } else { host + ports };
        let Err(error) = text.parse::<Entry>() else { return Ok(()) };
        if error.code() != Code::HostBits {
            return Ok(());
        }
        prop_assert!(!offers(&error).is_empty(), "{}", text);
        for offer in offers(&error) {
            let Ok(Entry::Address(entry)) = offer.parse() else { panic!("{text} offers {offer}") };
            prop_assert!(entry.network().prefix_len() > 0, "{} offers {}", text, offer);
            let kept = entry.to_string();
            prop_assert!(kept.ends_with(ports) && (ports.is_empty() == entry.ports().is_all()), "{} offers {}", text, offer);
        }
    }

    #[test]
    fn an_address_is_strict_and_unmapped(text in prop_oneof![pieces(), "[0-9a-f.:]{0,12}", any::<IpAddr>().prop_map(|ip| ip.to_string())]) {
        // The grammar of the standard library is that of G-2; the vectors hold it to that.
        prop_assert_eq!(parse_address(&text), text.parse::<IpAddr>().ok().map(|address| address.to_canonical()));
    }

    #[test]
    fn a_port_range_is_what_the_grammar_says(low in 0..=65536_u32, high in 0..=65536_u32, zeros in select(&["", "", "0"])) {
        let text = format!("{zeros}{low}-{high}");
        let (valid, kept) = (zeros.is_empty() && 1 <= low && low <= high && high <= 65535, text.parse::<PortRange>());
        prop_assert_eq!(kept.is_ok(), valid);
        if let Ok(range) = kept {
            for port in [0, 1, low - 1, low, high, high + 1, 65535].into_iter().filter_map(|port| u16::try_from(port).ok()) {
                let inside = range.is_all() || (low..=high).contains(&port.into());
                prop_assert_eq!(range.contains(port), inside, "{} holds {}", text, port);
            }
        }
    }
}

/// Bytes as clients send them.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(&[
        ".", ":", ":443", ":0", ":65536", ":0443", "-", "a", "COM", "0x", "0x7F", "7", "_", "%", "[::1]", "\0",
        "\u{e9}", " ", "*",
    ]);
    prop_oneof![
        4 => host().prop_map(String::into_bytes),
        2 => vec(prop_oneof![piece, select(LABELS)], 0..6).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => damaged(host()).prop_map(String::into_bytes),
        1 => long_name().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_host_name_is_read_as_the_obvious_evaluator_reads_it(sent in sent()) {
        let name = |name: Option<HostName>| name.map(|name| name.to_string());
        prop_assert_eq!(name(HostName::from_sni(&sent)), naive::host_name(Seen::Sni(&sent)), "SNI {:?}", sent);
        prop_assert_eq!(name(HostName::from_header(&sent)), naive::host_name(Seen::Header(&sent)), "header {:?}", sent);
    }

    #[test]
    fn a_pattern_matches_the_names_that_the_obvious_evaluator_matches(pattern in pattern(), sent in sent()) {
        let Some(name) = HostName::from_header(&sent) else { return Ok(()) };
        let pattern: DomainPattern = pattern.parse().unwrap();
        prop_assert_eq!(pattern.matches(&name), naive::matches(pattern.as_str(), name.as_str()), "{} and {}", pattern, name);
    }

    #[test]
    fn a_pattern_without_a_star_is_a_name_that_can_be_sent_and_matches_itself(text in text()) {
        let Ok(Entry::Pattern(pattern)) = text.parse() else { return Ok(()) };
        let Some(name) = pattern.name() else { return Ok(()) };
        let sent = HostName::from_sni(name.as_bytes());
        prop_assert!(sent.is_some(), "{} cannot be sent", name);
        prop_assert_eq!(pattern.matches(&sent.unwrap()), !pattern.is_wildcard());
    }
}
