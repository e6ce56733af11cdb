//! What it takes to compare the core with the obvious evaluator: the same policy for both, the
//! answers of both in the same words, and the questions at which an answer can change.

use crate::naive::{self, Answer, Seen};
use sandgate::{Decision, Destination, Host, List, Options, Policy, Verdict};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The same policy as the plain data of the obvious evaluator.
#[must_use]
pub fn rules(policy: &Policy) -> naive::Rules {
    let config = policy.config();
    let Options { guardrails, capabilities, .. } = policy.options();
    naive::Rules {
        allow_out: config.allow_out,
        deny_out: config.deny_out,
        allow_in: config.allow_in,
        deny_in: config.deny_in,
        allow_internet_access: config.allow_internet_access,
        always_denied: guardrails.always_denied.iter().map(ToString::to_string).collect(),
        always_allowed: guardrails.always_allowed.iter().map(ToString::to_string).collect(),
        exempt_ports: guardrails.exempt_ports.clone(),
        name_server: guardrails.name_server.map(|server| server.to_string()),
        ipv6_ingress: capabilities.ipv6_ingress,
    }
}

/// A decision of the core in the words of the evaluator.
#[must_use]
pub fn answer(decision: &Decision<'_>) -> Answer {
    Answer {
        verdict: decision.verdict().as_str(),
        reason: decision.reason().as_str(),
        entry: decision.entry().map(|entry| (entry.list().as_str(), entry.index())),
        name: match decision.verdict() {
            Verdict::AllowByName(by_name) => Some(by_name.name().to_string()),
            Verdict::Allow | Verdict::Deny => None,
        },
    }
}

/// A question, egress or ingress.
#[derive(Debug, Clone)]
pub struct Question {
    /// The destination, or the client.
    pub address: IpAddr,
    /// The port of either.
    pub port: u16,
    /// What the client calls the destination, and whether it said so in TLS.
    pub host: Option<(bool, String)>,
}

impl Question {
    /// The answer of the core as egress.
    #[must_use]
    pub fn egress<'p>(&self, policy: &'p Policy) -> Decision<'p> {
        let host = self.host.as_ref().map(|(sni, text)| match sni {
            true => Host::Sni(text.as_bytes()),
            false => Host::Header(text.as_bytes()),
        });
        policy.decide_egress(&Destination { address: self.address, port: self.port, host })
    }

    /// The answer of the obvious evaluator as egress.
    #[must_use]
    pub fn naive_egress(&self, rules: &naive::Rules) -> Answer {
        let host = self.host.as_ref().map(|(sni, text)| match sni {
            true => Seen::Sni(text.as_bytes()),
            false => Seen::Header(text.as_bytes()),
        });
        rules.egress(self.address, self.port, host)
    }

    /// The client of the same question as ingress: unknown where a name was seen in TLS, so that
    /// unknown clients are asked about as well.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        let unknown = self.host.as_ref().is_some_and(|(sni, _)| *sni);
        (!unknown).then_some(self.address)
    }
}

/// The addresses and ports at which the answers of a policy can change.
#[derive(Debug, Clone)]
pub struct Edges {
    /// The first and last address of every network and their neighbours, in every spelling.
    pub addresses: Vec<IpAddr>,
    /// The first and last port of every range and their neighbours.
    pub ports: Vec<u16>,
}

impl Edges {
    /// The edges of everything that a policy holds.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let config = policy.config();
        let guardrails = &policy.options().guardrails;
        let mut edges = Self { addresses: Vec::new(), ports: vec![0, 1, 53, 443, 65535] };
        for entry in List::ALL.into_iter().flat_map(|list| config.list(list)) {
            edges.around_entry(entry);
        }
        for network in guardrails.always_denied.iter().chain(&guardrails.always_allowed) {
            edges.around_network(&network.to_string());
        }
        if let Some(server) = guardrails.name_server {
            edges.around_network(&format!("{}/{}", server.address, if server.address.is_ipv4() { 32 } else { 128 }));
            edges.around_ports(server.port, server.port);
        }
        for port in &guardrails.exempt_ports {
            edges.around_ports(*port, *port);
        }
        edges.around_network("203.0.113.0/24");
        edges
    }

    /// Adds those of a canonical entry.
    ///
    /// # Panics
    ///
    /// If the entry is not canonical.
    pub fn around_entry(&mut self, entry: &str) {
        // A pattern has no slash, and no address has an edge at it.
        let Some((base, rest)) = entry.split_once('/') else { return };
        let (length, ports) = rest.split_once(':').unwrap_or((rest, ""));
        self.around_network(&format!("{}/{}", base.trim_start_matches('['), length.trim_end_matches(']')));
        if let Some((low, high)) = ports.split_once('-').or((!ports.is_empty()).then_some((ports, ports))) {
            self.around_ports(low.parse().unwrap(), high.parse().unwrap());
        }
    }

    fn around_ports(&mut self, low: u16, high: u16) {
        self.ports.extend([low.saturating_sub(1), low, high, high.saturating_add(1)]);
    }

    fn around_network(&mut self, network: &str) {
        let (base, length) = network.split_once('/').unwrap();
        let length: u32 = length.parse().unwrap();
        match base.parse().unwrap() {
            IpAddr::V4(base) => {
                let first = base.to_bits();
                let last = first | u32::MAX.checked_shr(length).unwrap_or(0);
                for bits in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
                    let address = Ipv4Addr::from_bits(bits);
                    self.addresses.extend([IpAddr::V4(address), IpAddr::V6(address.to_ipv6_mapped())]);
                    self.addresses.extend(embeddings(bits).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
                }
            }
            IpAddr::V6(base) => {
                let first = base.to_bits();
                let last = first | u128::MAX.checked_shr(length).unwrap_or(0);
                for bits in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
                    self.addresses.push(IpAddr::V6(Ipv6Addr::from_bits(bits)));
                }
            }
        }
    }
}

/// The addresses that carry an IPv4 address.
#[must_use]
pub fn embeddings(inner: u32) -> [u128; 4] {
    let inner = u128::from(inner);
    [0x64_ff9b << 96 | inner, 0x2002 << 112 | inner << 80, 0xffff << 32 << 16 | inner, inner]
}
