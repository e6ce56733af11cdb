//! The obvious evaluator answers the vectors too: it is no use if it agrees with the core and both
//! are wrong.

use crate::worlds::compile;
use sandgate::{Host, NetworkConfig, Options, Policy, parse_address};
use sandgate_conformance::{
    compare::rules,
    naive::{Seen, Trust, client, is_mask, masked},
    vector::{self, Asked, Case, Mode, PlainOptions, Query},
};
use serde_json::Value;

fn policy(document: &Value, options: &PlainOptions) -> (Policy, Options) {
    let options = options.to_options();
    let config = NetworkConfig::from_json(&document.to_string()).unwrap();
    (compile(&config, &options), options)
}

fn asked(policy: &Policy, asked: &Asked, vector: &str) {
    let rules = rules(policy);
    let answer = match &asked.query {
        Query::Ingress { client, port } => rules.ingress(client.as_deref().and_then(parse_address), *port),
        query @ Query::Egress { .. } => {
            let destination = query.destination().unwrap();
            let host = destination.host.map(|host| match host {
                Host::Sni(name) => Seen::Sni(name),
                Host::Header(value) => Seen::Header(value),
            });
            rules.egress(destination.address, destination.port, host)
        }
    };
    let entry = asked.entry.as_ref().map(|entry| (entry.list.as_str(), entry.index));
    let found = (answer.verdict, answer.reason, answer.entry, answer.name.as_ref());
    let wanted = (asked.verdict.as_str(), asked.reason.as_str(), entry, asked.name.as_ref());
    assert_eq!(found, wanted, "{vector}: {:?}", asked.query);
}

fn trust(mode: &Mode) -> Trust {
    match (mode.trusted_hops, &mode.trusted_proxies) {
        (Some(hops), proxies) => Trust::Hops(hops.get(), proxies.clone()),
        (None, Some(proxies)) => Trust::Proxies(proxies.clone()),
        (None, None) => Trust::Peer,
    }
}

#[test]
fn the_obvious_evaluator_agrees_with_every_vector() {
    for (_, vector) in vector::all() {
        match &vector.case {
            Case::Decide { policy: document, options, queries } => {
                let (policy, _) = policy(document, options);
                for query in queries {
                    asked(&policy, query, &vector.name);
                }
            }
            Case::Resolved { policy: document, options, addresses } => {
                let rules = rules(&policy(document, options).0);
                for resolved in addresses {
                    let denied = rules.denies_resolved(parse_address(&resolved.address).unwrap());
                    assert_eq!(!denied, resolved.allowed, "{}: {}", vector.name, resolved.address);
                }
            }
            Case::Client { mode, peer, forwarded_for, client: wanted } => {
                let lines: Vec<&[u8]> = forwarded_for.iter().map(String::as_bytes).collect();
                let found = client(&trust(mode), parse_address(peer).unwrap(), &lines);
                assert_eq!(found.map(|client| client.to_string()), *wanted, "{}", vector.name);
            }
            Case::Mask { mask, masked: wanted, .. } => {
                assert_eq!(is_mask(mask), wanted.is_some(), "{}", vector.name);
                for (port, host) in wanted.iter().flatten() {
                    assert_eq!(&masked(mask, port.parse().unwrap()), host, "{}", vector.name);
                }
            }
            _ => {}
        }
    }
}
