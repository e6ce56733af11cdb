//! Ingress: the steps I-1 to I-7.

use super::{
    Judgement, Ruling,
    families::{Families, FamiliesBuilder, addresses},
};
use crate::{decision::Reason, options::Options, table::NO_TIER, validate::Rules};
use alloc::boxed::Box;
use core::net::IpAddr;

mod tier {
    pub(super) const ALLOW: u8 = 0;
    pub(super) const DENY: u8 = 1;

    /// A bit for each tier that allows; no tier allows as well (I-7).
    pub(super) const ALLOWED: u32 = 1 << ALLOW | 1 << super::NO_TIER;
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ingress {
    table: Families,
    exempt_ports: Box<[u16]>,
    has_rules: bool,
    ipv6: bool,
}

impl Ingress {
    pub(super) fn new(rules: &Rules, options: &Options) -> Self {
        let mut table = FamiliesBuilder::default();
        table.allow(tier::ALLOW, addresses(&rules.allow_in));
        table.deny(tier::DENY, addresses(&rules.deny_in));
        Self {
            table: table.build(),
            exempt_ports: options.guardrails.exempt_ports.clone().into(),
            has_rules: !(rules.allow_in.is_empty() && rules.deny_in.is_empty()),
            ipv6: options.capabilities.ipv6_ingress,
        }
    }

    /// Whether the client may reach the port.
    #[inline]
    pub(super) fn allows(&self, client: Option<IpAddr>, port: u16) -> bool {
        match client {
            // The common case is one search and one bit.
            Some(client @ IpAddr::V4(_)) if self.has_rules => {
                tier::ALLOWED & (1 << self.table.tier(client, port)) != 0 || self.exempt_ports.contains(&port)
            }
            _ => self.judge(client, port).verdict == Ruling::Allow,
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
