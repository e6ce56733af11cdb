//! Ingress: the steps I-1 to I-7.

use super::{
    Judgement,
    families::{Families, FamiliesBuilder, SortedFamilies, addresses},
};
use crate::{
    decision::Reason,
    entry::{AddressEntry, Network},
    options::Options,
    table::NO_TIER,
    validate::Rules,
};
use alloc::boxed::Box;
use core::net::IpAddr;

mod tier {
    pub(super) const ALLOW: u8 = 0;
    pub(super) const DENY: u8 = 1;
}

/// A bit for each tier that allows; no tier allows as well (I-7).
pub(super) const ALLOWED: u32 = 1 << tier::ALLOW | 1 << NO_TIER;

#[derive(Debug)]
pub(super) struct Ingress {
    table: Families,
    exempt_ports: Box<[u16]>,
    has_rules: bool,
    ipv6: bool,
}

/// The rules of ingress.
pub(super) fn sort(rules: &Rules) -> SortedFamilies {
    let mut table = FamiliesBuilder::default();
    table.allow(tier::ALLOW, addresses(&rules.allow_in));
    table.deny(tier::DENY, addresses(&rules.deny_in));
    table.build()
}

impl Ingress {
    pub(super) fn new(sorted: &SortedFamilies, rules: &Rules, options: &Options) -> Self {
        Self {
            table: sorted.tiers(),
            exempt_ports: options.guardrails.exempt_ports.clone().into(),
            has_rules: !(rules.allow_in.is_empty() && rules.deny_in.is_empty()),
            ipv6: options.capabilities.ipv6_ingress,
        }
    }

    /// Makes I-4 a rule: where IPv6 ingress is off, no rule about an IPv6 client matters.
    pub(super) fn close_ipv6(&self, sorted: &mut SortedFamilies) {
        if self.has_rules && !self.ipv6 {
            let mut closed = FamiliesBuilder::default();
            closed.deny(tier::DENY, [(0, AddressEntry::of_network(Network::ALL_IPV6))].into_iter());
            sorted.v6 = closed.build().v6;
        }
    }

    pub(super) fn judge(&self, client: Option<IpAddr>, port: u16) -> Judgement {
        if self.exempt_ports.contains(&port) {
            return Judgement::allow(Reason::ExemptPort);
        }
        if !self.has_rules {
            return Judgement::allow(Reason::NoRules);
        }
        let Some(client) = client.map(|client| client.to_canonical()) else {
            return Judgement::deny(Reason::UnknownClient);
        };
        if client.is_ipv6() && !self.ipv6 {
            return Judgement::deny(Reason::Ipv6IngressOff);
        }
        match self.table.find(client, port) {
            Some(hit) if hit.tier == u32::from(tier::ALLOW) => Judgement::allow(Reason::AllowEntry).by(hit.number),
            Some(hit) => Judgement::deny(Reason::DenyEntry).by(hit.number),
            None => Judgement::allow(Reason::DefaultAllow),
        }
    }
}
