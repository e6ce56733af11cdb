//! Client addresses and host masks are what the obvious evaluator makes of them.

use crate::{
    cases,
    worlds::{compile, network_text, options},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use sandgate::{ClientAddress, HostMask, Network, NetworkConfig, from_internal_header};
use sandgate_conformance::naive;
use std::{net::IpAddr, num::NonZeroUsize};

const ADDRESSES: &[&str] = &[
    "203.0.113.0",
    "203.0.113.7",
    "10.0.0.1",
    "10.0.0.2",
    "::ffff:10.0.0.1",
    "::ffff:cb00:7107",
    "2001:db8::1",
    "2001:DB8::2",
    "::1",
    "64:ff9b::a00:1",
];

const NO_ADDRESSES: &[&str] = &[
    "",
    "unknown",
    "_hidden",
    "10.0.0.01",
    "10.0.0.256",
    "10.1",
    "0x0a000001",
    "10.0.0.1.",
    "10.0.0.1/32",
    "fe80::1%eth0",
    "[10.0.0.1]",
    "[10.0.0.1]:80",
    "[::1",
    "::1]",
    "[::1]80",
    "[::1]:",
    "[[::1]]",
    "10.0.0.1:",
    "10.0.0.1:0",
    "10.0.0.1:080",
    "10.0.0.1:+80",
    "10.0.0.1:65536",
    "10.0.0.1:80:80",
    "10.0.0.1 80",
    "for=10.0.0.1",
    "\"10.0.0.1\"",
    "\u{a0}10.0.0.1",
    "\u{b}10.0.0.1",
    "10.0.0.\u{661}",
];

fn trusted() -> impl Strategy<Value = Vec<String>> {
    let near = select(&["10.0.0.0/8", "10.0.0.1/32", "10.0.0.2/31", "2001:db8::/127", "0.0.0.0/0", "::/0", "::1/128"]);
    vec(prop_oneof![4 => near.prop_map(str::to_owned), 1 => network_text()], 0..4)
}

fn trust() -> impl Strategy<Value = naive::Trust> {
    prop_oneof![
        1 => Just(naive::Trust::Peer),
        3 => (1..4_usize, option::of(trusted())).prop_map(|(hops, proxies)| naive::Trust::Hops(hops, proxies)),
        4 => trusted().prop_map(naive::Trust::Proxies),
    ]
}

/// The same mode for the core.
fn mode(trust: &naive::Trust) -> ClientAddress {
    let networks = |texts: &Vec<String>| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Network>>();
    match trust {
        naive::Trust::Peer => ClientAddress::Peer,
        naive::Trust::Hops(hops, proxies) => ClientAddress::TrustedHops {
            hops: NonZeroUsize::new(*hops).unwrap(),
            proxies: proxies.as_ref().map(networks),
        },
        naive::Trust::Proxies(proxies) => ClientAddress::TrustedProxies(networks(proxies)),
    }
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    let address = (select(ADDRESSES), 0..5_u8).prop_map(|(address, form)| match (address.contains(':'), form) {
        (false, 0) => format!("{address}:5555"),
        (true, 0) => format!("[{address}]:65535"),
        (true, 1) => format!("[{address}]"),
        (_, 2) => format!(" {address}\t"),
        _ => address.to_owned(),
    });
    prop_oneof![
        8 => address.prop_map(String::into_bytes),
        1 => select(NO_ADDRESSES).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(select(b"0123.:[],f% \x00\xff".as_slice()), 0..6),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(element(), 0..4).prop_map(|elements| elements.join(b",".as_slice())), 0..4)
}

fn peer() -> impl Strategy<Value = IpAddr> {
    select(ADDRESSES).prop_map(|address| address.parse().unwrap())
}

/// Pieces of masks, so that most generated ones are nearly right.
fn mask() -> impl Strategy<Value = String> {
    let pieces = select(&[
        "${PORT}",
        "{port}",
        "app",
        "App",
        "example.com",
        "a",
        "-",
        ".",
        ":",
        ":8080",
        "0x",
        "xn--",
        "7",
        "_",
        "10.0.0.1",
        "[::1]",
        "[",
        "]",
        "*",
        "/",
        " ",
        "%",
        "$",
        "{PORT}",
        "${port}",
        "{",
        "}",
        "0",
        "65535",
        "65536",
        "\u{e9}",
        "\0",
        "\r\n",
    ]);
    let long = (1..80_usize, 1..6_usize).prop_map(|(label, labels)| vec!["a".repeat(label); labels].join("."));
    let free = vec(pieces, 0..7).prop_map(|pieces| pieces.concat());
    let near = (
        "[a-c]{0,2}",
        select(&["${PORT}", "{port}", ""]),
        "[a-c0-9-]{0,2}",
        select(&["", ".", ".d", ".d:80", ".7", ":${PORT}"]),
    )
        .prop_map(|(before, place, after, end)| format!("{before}{place}{after}{end}"));
    let edge = (select(&["${PORT}", "{port}{port}"]), 50..64_usize, 0..4_usize, 0..70_usize).prop_map(
        |(place, label, labels, last)| {
            format!(
                "{place}{}{}.{}",
                "a".repeat(label),
                format!(".{}", "b".repeat(59)).repeat(labels),
                "c".repeat(last)
            )
        },
    );
    prop_oneof![4 => free, 4 => near, 1 => long, 2 => edge, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn the_client_is_the_one_that_the_obvious_evaluator_finds(trust in trust(), peer in peer(), lines in lines()) {
        let borrowed: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(mode(&trust).derive(peer, &lines), naive::client(&trust, peer, &borrowed));
    }

    #[test]
    fn how_elements_are_spread_over_lines_does_not_matter(
        trust in trust(),
        peer in peer(),
        lines in vec(vec(element(), 1..4).prop_map(|elements| elements.join(b",".as_slice())), 1..4),
    ) {
        let joined = lines.join(b", ".as_slice());
        prop_assert_eq!(mode(&trust).derive(peer, &lines), mode(&trust).derive(peer, &[joined]));
    }

    /// The property that trusting anything rests on: what stands further left is the client's to write.
    #[test]
    fn what_a_client_puts_before_an_untrusted_address_changes_nothing(
        proxies in trusted(),
        peer in peer(),
        lines in lines(),
        client in peer(),
    ) {
        let mode = mode(&naive::Trust::Proxies(proxies.clone()));
        let honest = [client.to_string().into_bytes()];
        let forged: Vec<_> = lines.into_iter().chain(honest.clone()).collect();
        if proxies.iter().any(|network| network.parse::<Network>().unwrap().contains(client)) {
            return Ok(());
        }
        prop_assert_eq!(mode.derive(peer, &forged), mode.derive(peer, &honest));
    }

    #[test]
    fn only_one_value_of_the_internal_header_is_a_client(values in vec(select(ADDRESSES), 0..3)) {
        let expected = match values.as_slice() {
            [only] => Some(only.parse::<IpAddr>().unwrap().to_canonical()),
            _ => None,
        };
        prop_assert_eq!(from_internal_header(&values), expected);
    }

    #[test]
    fn a_mask_is_accepted_exactly_if_the_obvious_evaluator_accepts_it(text in mask()) {
        prop_assert_eq!(text.parse::<HostMask>().is_ok(), naive::is_mask(&text), "{:?}", text);
    }

    #[test]
    fn a_mask_is_written_as_it_was_with_the_port_put_in(text in mask(), port in any::<u16>()) {
        let Ok(mask) = text.parse::<HostMask>() else { return Ok(()) };
        prop_assert_eq!(mask.to_string(), text.as_str());
        prop_assert_eq!(mask.masked(port).to_string(), naive::masked(&text, port));
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_request_is_masked_except_to_exempt_ports_and_to_port_0(
        options in options(),
        port in prop_oneof![select(&[0, 1, 53, 443, 49983, 65535]), any::<u16>()],
    ) {
        let mask = "app-${PORT}.example.com:{port}";
        let config = NetworkConfig { mask_request_host: Some(mask.into()), ..NetworkConfig::default() };
        let policy = compile(&config, &options);
        let masked = port != 0 && !options.guardrails.exempt_ports.contains(&port);
        prop_assert_eq!(policy.masked_host(port).map(|host| host.to_string()), masked.then(|| naive::masked(mask, port)));
    }
}
