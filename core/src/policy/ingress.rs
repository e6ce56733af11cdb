//! Ingress: the steps I-1 to I-7.

use super::{
    Judgement,
    families::{Families, FamiliesBuilder, SortedFamilies, addresses},
};
use crate::{
    decision::Reason,
    entry::{AddressEntry, Network},
    options::Options,
    table::{Hit, NO_TIER},
    validate::Rules,
};
use alloc::boxed::Box;
use core::net::IpAddr;

pub(super) mod tier {
    pub(in crate::policy) const ALLOW: u8 = 0;
    pub(in crate::policy) const DENY: u8 = 1;
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
        let client = client.map(|client| client.to_canonical());
        let before = self.judge_without_rules(self.exempt_ports.contains(&port), client.map(|client| client.is_ipv6()));
        match (before, client) {
            (Some(judgement), _) => judgement,
            (None, Some(client)) => Self::judge_found(self.table.find(client, port)),
            (None, None) => Judgement::deny(Reason::UnknownClient),
        }
    }

    /// I-1 to I-4, which ask no rule. Whether the client is IPv6 is unknown if the client is.
    pub(super) fn judge_without_rules(&self, is_exempt: bool, is_ipv6: Option<bool>) -> Option<Judgement> {
        match is_ipv6 {
            _ if is_exempt => Some(Judgement::allow(Reason::ExemptPort)),
            _ if !self.has_rules => Some(Judgement::allow(Reason::NoRules)),
            None => Some(Judgement::deny(Reason::UnknownClient)),
            Some(true) if !self.ipv6 => Some(Judgement::deny(Reason::Ipv6IngressOff)),
            Some(_) => None,
        }
    }

    /// I-5 to I-7: the judgement of what the rules say.
    pub(super) fn judge_found(hit: Option<Hit>) -> Judgement {
        match hit {
            Some(hit) if hit.tier == u32::from(tier::ALLOW) => Judgement::allow(Reason::AllowEntry).by(hit.number),
            Some(hit) => Judgement::deny(Reason::DenyEntry).by(hit.number),
            None => Judgement::allow(Reason::DefaultAllow),
        }
    }
}
