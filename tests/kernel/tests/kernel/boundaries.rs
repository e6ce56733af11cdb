//! Policies at the ends of what there is: each of their boundaries, and the packets beyond it.

use crate::lab::{
    LINK, Lab,
    packets::Kind,
    probe::{Question, Tally, compare},
};
use sandgate::{
    Capabilities, Direction, Guardrails, Options, Policy,
    nftables::{Established, Place, Settings},
};
use sandgate_conformance::compare::Edges;
use std::{collections::BTreeSet, num::NonZeroU16};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("the_broadcast_address", || check(&["255.255.255.255"], &["255.255.255.255"])),
        ("all_of_ipv4_and_so_of_ipv6", || check(&["0.0.0.0/0"], &["0.0.0.0/0"])),
        ("the_last_network_of_ipv4", || check(&["240.0.0.0/4"], &["240.0.0.0/4"])),
        ("all_of_ipv6", || check(&["::/0"], &["::/0"])),
        ("the_last_network_of_ipv6", || check(&["ffff::/16"], &["ffff::/16"])),
        ("nested_networks", || {
            let nested =
                &["203.0.0.0/8", "203.0.113.0/24:80", "203.0.113.128/25:443", "[2001:db8::/32]:80", "2001:db8:1::/48"];
            check(nested, nested);
        }),
        ("adjacent_networks", || {
            let adjacent =
                &["203.0.113.0/25", "203.0.113.128/25", "203.0.114.0/24", "2001:db8::/33", "2001:db8:8000::/33"];
            check(adjacent, adjacent);
        }),
        ("adjacent_networks_with_other_ports", || {
            let adjacent =
                &["203.0.113.0/25:1-80", "203.0.113.128/25:80-443", "[2001:db8::/33]:7", "[2001:db8:8000::/33]:8"];
            check(adjacent, adjacent);
        }),
        ("ports_at_both_ends", || {
            let ends = &[
                "203.0.113.0/24:1",
                "203.0.113.7:65535",
                "203.0.113.8:1-65534",
                "198.51.100.0/24:2-65535",
                ":1",
                ":65535",
            ];
            check(ends, ends);
        }),
        ("all_ports_of_nothing_else", || check(&[":1-65535"], &[":1-65535"])),
    ]
}

pub(crate) fn all_settings() -> Vec<Settings> {
    let name = || LINK.parse().expect("a name");
    let proxies = [None, NonZeroU16::new(8080)];
    let with =
        |established| proxies.map(|proxy| Settings { established, ..Settings::new(Place::interface(name(), proxy)) });
    let all = [with(Established::Keep), with(Established::Recheck)].concat();
    // Reasons are told apart where packets are counted.
    let counted = [1, 2].map(|number: usize| Settings { counters: true, ..all[number].clone() });
    [&all[..], &counted].concat()
}

/// The questions at and around every boundary of a policy: TCP and UDP to every port, and what
/// has no port.
pub(crate) fn questions(policy: &Policy) -> Vec<Question> {
    let edges = Edges::of(policy);
    let (addresses, ports): (BTreeSet<_>, BTreeSet<_>) =
        (edges.addresses.iter().collect(), edges.ports.iter().collect());
    let kinds = |address| {
        let with_port = ports.iter().flat_map(|port| [Kind::Tcp(**port), Kind::Udp(**port)]);
        with_port.chain([Kind::Echo, Kind::Gre]).map(move |kind| Question { address, kind }).collect::<Vec<_>>()
    };
    addresses.into_iter().flat_map(|address| kinds(*address)).collect()
}

/// Entries as the only ones that deny, and as the only ones that allow, with the operator's layer
/// and without, in both directions and all settings.
fn check(deny: &[&str], allow: &[&str]) {
    let lab = Lab::get();
    let mut tally = Tally::default();
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let denied = serde_json::json!({"denyOut": deny, "denyIn": deny});
    let mut with_names = allow.to_vec();
    with_names.push("*.example.com");
    let allowed = serde_json::json!({
        "allowOut": with_names, "denyOut": ["0.0.0.0/0"], "allowIn": allow, "denyIn": ["0.0.0.0/0"]
    });
    for guardrails in [Guardrails::none(), Guardrails::default()] {
        let options = Options { guardrails, capabilities, ..Options::default() };
        for document in [&denied, &allowed] {
            let policy = Policy::from_json(&document.to_string(), &options).unwrap_or_else(|report| panic!("{report}"));
            tally.policies += 1;
            let questions = questions(&policy);
            for settings in all_settings() {
                for direction in [Direction::Egress, Direction::Ingress] {
                    compare(lab, &policy, direction, &settings, &questions, &mut tally)
                        .unwrap_or_else(|why| panic!("{why}"));
                }
            }
        }
    }
    eprintln!("{tally:?}");
}
