//! Address ranges with ports, in tiers.

use alloc::{boxed::Box, vec::Vec};

/// A range of addresses and a range of ports, both inclusive, and what to call the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Rule<A> {
    pub(crate) first: A,
    pub(crate) last: A,
    pub(crate) port_low: u16,
    pub(crate) port_high: u16,
    /// The caller's number for the rule. Within a tier, rules come in rising order of it.
    pub(crate) index: u32,
}

/// The rule that answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) tier: u8,
    pub(crate) index: u32,
}

/// Rules over one address family. `A` is the address as an integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TierTable<A> {
    rules: Box<[(u8, Rule<A>)]>,
}

impl<A: Copy + Ord> TierTable<A> {
    /// Compiles the rules, each with its tier. Lower tiers answer first.
    pub(crate) fn new(mut rules: Vec<(u8, Rule<A>)>) -> Self {
        rules.sort_by_key(|(tier, rule)| (*tier, rule.index));
        Self { rules: rules.into() }
    }

    /// The first rule of the first tier that holds the address and the port.
    pub(crate) fn find(&self, address: A, port: u16) -> Option<Hit> {
        let holds = |rule: &Rule<A>| {
            rule.first <= address && address <= rule.last && rule.port_low <= port && port <= rule.port_high
        };
        let (tier, rule) = self.rules.iter().find(|(_, rule)| holds(rule))?;
        Some(Hit { tier: *tier, index: rule.index })
    }
}
