//! A policy as a map: which rules hold where, and what is decided where they do.
//!
//! Comparing whole policies asks about regions instead of addresses. So it needs the rules as
//! rectangles of addresses and ports, and the judgement of what holds in a place. Both are those
//! that decide: the rules as they were sorted for the tables, the judges as they judge a query.

use super::{
    Policy,
    egress::{self, Found, Named, is_always_denied},
    families::SortedFamilies,
    ingress,
};
use crate::{
    address::{CARRY_NOTHING, embeddings},
    decision::{Reason, Ruling},
    entry::HostName,
    table::{Hit, NameTable, Rule},
};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// A rectangle of addresses and ports, both inclusive, in which a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plot {
    pub(crate) first: u128,
    pub(crate) last: u128,
    pub(crate) port_low: u16,
    pub(crate) port_high: u16,
    pub(crate) ground: Ground,
}

/// What holds in a place: a bit for each tier that has a rule there.
///
/// ```text
///     bit 0 to 4      the tiers of an address, the first that answers lowest
///     bit 5 to 9      the same of the IPv4 address that it carries (A-3)
///     bit 10          the address carries one
///     bit 11          it does not, though it lies where those lie that do
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ground(u32);

const TIERS: u32 = 5;
const TIER_BITS: u32 = 0b1_1111;
const CARRIES: u32 = 1 << 10;
const CARRIES_NOTHING: u32 = 1 << 11;
const NAME_SERVER: u32 = 1 << egress::tier::NAME_SERVER;
const ALWAYS_ALLOWED: u32 = 1 << egress::tier::ALWAYS_ALLOWED;
/// I-1 answers before the lists, as E-1 does.
const EXEMPT: u32 = ALWAYS_ALLOWED;

impl Ground {
    /// How many bits there are.
    pub(crate) const BITS: u32 = 12;

    /// The ground in the low bits of a word.
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word & ((1 << Self::BITS) - 1))
    }

    /// A word whose low bits are the ground.
    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    /// The ground without what can no longer matter: of the tiers, all behind the first. The name
    /// server does not answer for others, and others do not for it (A-3).
    pub(crate) fn normal(self) -> Self {
        let (outer, inner) = (self.0 & TIER_BITS, self.0 >> TIERS & TIER_BITS);
        let place = self.0 & (CARRIES | CARRIES_NOTHING);
        let is_plain = place & CARRIES_NOTHING != 0;
        let inner = if is_plain { 0 } else { first_tiers(inner) };
        let place = if is_plain { CARRIES_NOTHING } else { place };
        Self(place | inner << TIERS | first_tiers(outer))
    }

    fn outer(self) -> Found {
        found(self.0 & TIER_BITS)
    }

    fn inner(self) -> Option<Found> {
        let carries = self.0 & (CARRIES | CARRIES_NOTHING) == CARRIES;
        carries.then(|| found(self.0 >> TIERS & TIER_BITS))
    }
}

fn first_tiers(tiers: u32) -> u32 {
    let others = tiers & !NAME_SERVER;
    let first = others & others.wrapping_neg();
    if first == ALWAYS_ALLOWED { first } else { first | tiers & NAME_SERVER }
}

fn found(tiers: u32) -> Found {
    let others = tiers & !NAME_SERVER;
    let hit = (others != 0).then(|| Hit { tier: others.trailing_zeros(), number: 0 });
    Found { hit, name_server: tiers & NAME_SERVER != 0 }
}

/// Whose address a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    V4,
    V6,
    Unknown,
}

impl Policy {
    /// Where the rules of egress hold, among IPv4 and among IPv6 destinations.
    pub(crate) fn egress_plots(&self) -> [Vec<Plot>; 2] {
        let mut sorted = egress::sort(&self.origin.rules, &self.origin.options.guardrails);
        self.origin.egress.add_name_server(&mut sorted);
        let [v4, mut v6] = plots(&sorted, |tier| 1_u32.checked_shl(tier).unwrap_or_default());
        let embed = |plot: &Plot| {
            let address = |bits: u128| u32::try_from(bits).map_or(Ipv4Addr::BROADCAST, Ipv4Addr::from_bits);
            let ground = Ground(plot.ground.0 << TIERS);
            let plot = Plot { ground, ..*plot };
            embeddings(address(plot.first), address(plot.last)).map(|(first, last)| Plot { first, last, ..plot })
        };
        v6.extend(v4.iter().flat_map(embed));
        let everywhere =
            |(first, last), bits| Plot { first, last, port_low: 0, port_high: u16::MAX, ground: Ground(bits) };
        v6.extend(embeddings(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST).map(|range| everywhere(range, CARRIES)));
        v6.push(everywhere(CARRY_NOTHING, CARRIES_NOTHING));
        [v4, v6]
    }

    /// Where the rules of ingress hold, among IPv4 and among IPv6 clients and the unknown ones,
    /// which are one address.
    pub(crate) fn ingress_plots(&self) -> [Vec<Plot>; 3] {
        let sorted = ingress::sort(&self.origin.rules);
        let [mut v4, mut v6] = plots(&sorted, |tier| match u8::try_from(tier) {
            Ok(ingress::tier::ALLOW) => 1 << egress::tier::ALLOW,
            _ => 1 << egress::tier::DENY,
        });
        let exempt = |last: u128| {
            self.origin.options.guardrails.exempt_ports.iter().map(move |&port| Plot {
                first: 0,
                last,
                port_low: port,
                port_high: port,
                ground: Ground(EXEMPT),
            })
        };
        v4.extend(exempt(u128::from(u32::MAX)));
        v6.extend(exempt(u128::MAX));
        [v4, v6, exempt(0).collect()]
    }

    /// The judgement of egress where this holds, for a name that the caller has or has not.
    pub(crate) fn egress_ruling(&self, ground: Ground, name: Option<&HostName>) -> Ruling {
        self.origin.egress.judge_found(ground.outer(), ground.inner(), self.tables.names().zip(name)).verdict
    }

    /// Whether a name can allow egress where this holds, and what is decided without one.
    pub(crate) fn egress_without_name(&self, ground: Ground) -> (bool, Ruling, Reason) {
        let judge = |named: Named<'_>| self.origin.egress.judge_found(ground.outer(), ground.inner(), named);
        // A pattern matches this name, whatever the patterns are.
        let any = NameTable::new([(0, "*")].into_iter());
        let name = HostName::from_sni(b"a");
        let named = judge(self.tables.names().and(Some(&any)).zip(name.as_ref()));
        let plain = judge(None);
        (named.verdict == Ruling::AllowByName, plain.verdict, plain.reason)
    }

    /// Whether an address is denied where this holds if a name resolves to it (E-8).
    pub(crate) fn denies_resolved(ground: Ground) -> bool {
        is_always_denied(ground.outer(), ground.inner())
    }

    /// The judgement of ingress where this holds.
    pub(crate) fn ingress_ruling(&self, ground: Ground, peer: Peer) -> Ruling {
        self.ingress_judgement(ground, peer).0
    }

    /// The same, and why.
    pub(crate) fn ingress_judgement(&self, ground: Ground, peer: Peer) -> (Ruling, Reason) {
        let is_ipv6 = match peer {
            Peer::V4 => Some(false),
            Peer::V6 => Some(true),
            Peer::Unknown => None,
        };
        let before = self.origin.ingress.judge_without_rules(ground.0 & EXEMPT != 0, is_ipv6);
        let hit = found(ground.0).hit.map(|hit| Hit {
            tier: u32::from(if hit.tier == u32::from(egress::tier::ALLOW) {
                ingress::tier::ALLOW
            } else {
                ingress::tier::DENY
            }),
            ..hit
        });
        let judgement = before.unwrap_or_else(|| ingress::Ingress::judge_found(hit));
        (judgement.verdict, judgement.reason)
    }
}

fn plots(sorted: &SortedFamilies, bits: impl Fn(u32) -> u32) -> [Vec<Plot>; 2] {
    let v4 = sorted.v4.iter().map(|rule| plot(rule, u128::from(u32::MAX), bits(rule.tier.into())));
    let v6 = sorted.v6.iter().map(|rule| plot(rule, u128::MAX, bits(rule.tier.into())));
    [v4.collect(), v6.collect()]
}

fn plot<A: Copy + Into<u128>>(rule: &Rule<A>, all: u128, bits: u32) -> Plot {
    let first = rule.first.into();
    let last = first | all.checked_shr(rule.len.into()).unwrap_or_default();
    Plot { first, last, port_low: rule.port_low, port_high: rule.port_high, ground: Ground(bits) }
}
