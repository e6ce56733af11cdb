//! `ipnet`, whose networks the core uses and whose parser it does not.

use crate::{compare, compare_texts, network};
use ipnet::IpNet;
use sandgate::{Guardrails, NetworkConfig, Options, Policy};
use sandgate_conformance::opinions::{self, Difference};
use std::net::IpAddr;

/// A network, or an address as a network of its own.
pub(crate) fn ipnet(text: &str) -> Option<String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.ok().map(|network| network.to_string())
}

#[test]
fn ipnet_reads_the_same_networks_except_where_listed() {
    compare_texts("ipnet", network, ipnet);
}

#[test]
fn ipnet_holds_the_same_addresses_except_where_listed() {
    let options = Options { guardrails: Guardrails::none(), ..Options::default() };
    let word = |inside| Some(if inside { "in" } else { "out" }.to_owned());
    let read = |(address, network): (String, String)| {
        let config = NetworkConfig { deny_out: vec![network.clone()], ..NetworkConfig::default() };
        let policy = Policy::compile(&config, &options).unwrap();
        let (parsed, held): (IpAddr, IpNet) = (address.parse().unwrap(), network.parse().unwrap());
        Difference {
            input: format!("{address} in {network}"),
            sandgate: word(!policy.allows_egress(parsed, 443)),
            opinion: word(held.contains(&parsed)),
        }
    };
    compare("ipnet-contains", opinions::memberships().into_iter().map(read));
}
