//! Egress: the steps E-1 to E-7 for an address, and A-3 for an address that carries another.

use super::{
    Judgement,
    families::{Families, FamiliesBuilder, SortedFamilies, addresses, guardrail_entries},
};
use crate::{
    address::embedded_ipv4,
    decision::{Reason, Ruling},
    entry::{AddressEntry, Entry, HostName},
    guardrails::{Guardrails, NameServer},
    table::{Hit, NO_TIER, NameTable},
    validate::Rules,
};
use core::net::IpAddr;

/// The tiers in which the table looks, in the order of the steps.
pub(super) mod tier {
    pub(in crate::policy) const ALWAYS_ALLOWED: u8 = 0;
    pub(in crate::policy) const NAME_SERVER: u8 = 1;
    pub(in crate::policy) const ALWAYS_DENIED: u8 = 2;
    pub(in crate::policy) const ALLOW: u8 = 3;
    pub(in crate::policy) const DENY: u8 = 4;
}

/// A bit for each tier that allows; no tier allows as well (E-7).
pub(super) const ALLOWED: u32 = 1 << tier::ALWAYS_ALLOWED | 1 << tier::NAME_SERVER | 1 << tier::ALLOW | 1 << NO_TIER;

#[derive(Debug)]
pub(super) struct Egress {
    table: Families,
    /// The name server, if E-2 opens it. It is no rule of the table: A-3 asks what E-3 says of an
    /// address, whatever E-2 says of it.
    name_server: Option<NameServer>,
    internet_access: bool,
}

/// The address rules of egress.
pub(super) fn sort(rules: &Rules, guardrails: &Guardrails) -> SortedFamilies {
    let mut table = FamiliesBuilder::default();
    table.allow(tier::ALWAYS_ALLOWED, guardrail_entries(&guardrails.always_allowed));
    table.deny(tier::ALWAYS_DENIED, guardrail_entries(&guardrails.always_denied));
    table.allow(tier::ALLOW, addresses(&rules.allow_out));
    if rules.internet_access {
        table.deny(tier::DENY, addresses(&rules.deny_out));
    } else {
        table.deny(tier::DENY, [(0, AddressEntry::ALL_TRAFFIC)].into_iter());
    }
    table.build()
}

/// The patterns of `allowOut`, if it has any.
pub(super) fn names(rules: &Rules) -> Option<NameTable> {
    let patterns = rules.allow_out.iter().filter_map(|entry| match entry {
        Entry::Pattern(pattern) => Some(pattern.as_str()),
        Entry::Address(_) => None,
    });
    let names = NameTable::new((0..).zip(patterns));
    (!names.is_empty()).then_some(names)
}

/// What the rules say of an address and a port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) hit: Option<Hit>,
    /// Whether they are the name server that E-2 opens.
    pub(super) name_server: bool,
}

impl Found {
    fn by(self, tier: u8) -> Option<u32> {
        self.hit.filter(|hit| hit.tier == u32::from(tier)).map(|hit| hit.number)
    }

    fn is(self, tier: u8) -> bool {
        self.by(tier).is_some()
    }
}

/// The patterns, and the host name to look for in them.
pub(super) type Named<'n> = Option<(&'n NameTable, &'n HostName)>;

impl Egress {
    pub(super) fn new(sorted: &SortedFamilies, rules: &Rules, guardrails: &Guardrails, has_names: bool) -> Self {
        let name_server = guardrails.name_server.filter(|server| has_names && !covers(rules, *server));
        let name_server =
            name_server.map(|NameServer { address, port }| NameServer { address: address.to_canonical(), port });
        Self { table: sorted.tiers(), name_server, internet_access: rules.internet_access }
    }

    /// Makes E-2 a rule: for an address that carries no other it is a step like the others.
    pub(super) fn add_name_server(&self, sorted: &mut SortedFamilies) {
        if let Some(NameServer { address, port }) = self.name_server {
            sorted.insert(tier::NAME_SERVER, address, port);
        }
    }

    /// The judgement of a destination with the host name it is for.
    pub(super) fn judge(&self, address: IpAddr, port: u16, name: Named<'_>) -> Judgement {
        let address = address.to_canonical();
        let inner = embedded_ipv4(address).map(|inner| self.found(inner, port));
        self.judge_found(self.found(address, port), inner, name)
    }

    /// What the rules say of one address.
    #[inline]
    fn found(&self, address: IpAddr, port: u16) -> Found {
        let name_server = self.name_server == Some(NameServer { address, port });
        Found { hit: self.table.find(address, port), name_server }
    }

    /// The judgement of what the rules say of an address, and of the one that it carries.
    pub(super) fn judge_found(&self, outer: Found, inner: Option<Found>, name: Named<'_>) -> Judgement {
        match inner {
            None => self.judge_one(outer, name),
            Some(inner) => self.judge_both(outer, inner, name),
        }
    }

    /// two addresses, one connection.
    fn judge_both(&self, outer: Found, inner: Found, name: Named<'_>) -> Judgement {
        if is_always_denied(outer, Some(inner)) {
            return Judgement::deny(Reason::AlwaysDenied);
        }
        let outer_judged = self.judge_one(outer, name);
        if outer.is(tier::ALWAYS_ALLOWED) {
            return outer_judged;
        }
        let inner_judged = self.judge_one(inner, name);
        match (outer_judged.verdict, inner_judged.verdict) {
            (Ruling::Allow | Ruling::AllowByName, Ruling::Deny) => inner_judged,
            (Ruling::Allow, Ruling::AllowByName) => Judgement { verdict: Ruling::AllowByName, ..outer_judged },
            (Ruling::Deny, _) | (_, Ruling::Allow | Ruling::AllowByName) => outer_judged,
        }
    }

    /// One of the two addresses of A-3 by itself: always denied comes before everything.
    pub(super) fn judge_one_of_two(&self, address: IpAddr, port: u16, name: Named<'_>) -> Judgement {
        let found = self.found(address, port);
        if found.is(tier::ALWAYS_DENIED) {
            return Judgement::deny(Reason::AlwaysDenied);
        }
        self.judge_one(found, name)
    }

    /// E-1 to E-7 for one address and what the rules say of it.
    fn judge_one(&self, found: Found, name: Named<'_>) -> Judgement {
        let by = |tier| found.by(tier);
        if by(tier::ALWAYS_ALLOWED).is_some() {
            return Judgement::allow(Reason::AlwaysAllowed);
        }
        if found.name_server {
            return Judgement::allow(Reason::NameServer);
        }
        if by(tier::ALWAYS_DENIED).is_some() {
            return Judgement::deny(Reason::AlwaysDenied);
        }
        if let Some(index) = by(tier::ALLOW) {
            return Judgement::allow(Reason::AllowEntry).by(index);
        }
        if let Some(index) = name.and_then(|(names, name)| names.find(name.as_bytes())) {
            return Judgement { verdict: Ruling::AllowByName, reason: Reason::AllowName, entry: Some(index) };
        }
        match by(tier::DENY) {
            Some(_) if !self.internet_access => Judgement::deny(Reason::InternetAccessOff),
            Some(index) => Judgement::deny(Reason::DenyEntry).by(index),
            None => Judgement::allow(Reason::DefaultAllow),
        }
    }
}

/// E-3 and not E-1, of an address or of the one that it carries: what E-8 denies.
pub(super) fn is_always_denied(outer: Found, inner: Option<Found>) -> bool {
    outer.is(tier::ALWAYS_DENIED) || inner.is_some_and(|inner| inner.is(tier::ALWAYS_DENIED))
}

/// E-2: whether a deny entry other than all traffic covers the name server.
fn covers(rules: &Rules, server: NameServer) -> bool {
    let covers = |entry: AddressEntry| entry.network().denies(server.address) && entry.ports().contains(server.port);
    rules.internet_access
        && addresses(&rules.deny_out).any(|(_, entry)| entry != AddressEntry::ALL_TRAFFIC && covers(entry))
}
