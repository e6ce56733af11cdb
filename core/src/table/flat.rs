//! Networks with ports, in tiers, flattened to disjoint ranges of addresses.
//!
//! A range begins at a key and ends where its network does, so that one key and one word describe
//! it: the word holds the network's length and a [`Link`] to the answer. After a network that lies
//! within another, the rest of the other begins again as a range of its own. Addresses that no
//! network but the one of length 0 holds need no range: `outside` is their link.
//!
//! ```text
//!     networks     0.0.0.0/0   10.0.0.0/8            10.1.0.0/16
//!
//!     keys                     10.0.0.0     10.1.0.0      10.2.0.0
//!     words                    /8 -> a      /16 -> b      /8 -> a      outside -> c
//!
//!     10.1.2.3     the last key not above it is 10.1.0.0; it is in /16; b
//!     11.0.0.1     the last key not above it is 10.2.0.0; it is not in /8; c
//! ```
//!
//! Networks never overlap in part, so this is linear in the rules, for every set of rules: a
//! network has one range to begin with, and adds at most one to the network around it.

use super::{
    address::Address,
    answer::{Answer, Link},
    ports::{Above, PortRule, ProgramsBuilder},
};
use alloc::vec::Vec;

/// A network, a range of ports, and what the rule is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule<A> {
    /// The lowest address of the network.
    pub(crate) first: A,
    /// The bits that all addresses of the network share with it.
    pub(crate) len: u8,
    pub(crate) port_low: u16,
    pub(crate) port_high: u16,
    /// Below [`NO_TIER`](super::NO_TIER). Lower tiers answer first.
    pub(crate) tier: u8,
    /// The rule's number in its tier. Lower numbers answer first.
    pub(crate) number: u32,
}

impl<A: Address> Rule<A> {
    pub(super) fn answer(&self) -> Answer {
        Answer::new(self.tier, self.number)
    }

    /// Networks before those that they hold; within a network the least answer first.
    fn order(&self) -> A::Order {
        self.first.order(self.answer().behind(self.len))
    }
}

/// Rules in the order in which they are flattened.
#[derive(Debug, Clone)]
pub(crate) struct SortedRules<A>(Vec<Rule<A>>);

impl<A: Address> SortedRules<A> {
    /// Sorts rules that come in any order.
    pub(crate) fn new(mut rules: Vec<Rule<A>>) -> Self {
        rules.sort_unstable_by_key(Rule::order);
        Self(rules)
    }

    /// The rules, each network before those that it holds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rule<A>> {
        self.0.iter()
    }

    /// Adds a rule in its place.
    pub(crate) fn insert(&mut self, rule: Rule<A>) {
        let place = self.0.partition_point(|other| other.order() < rule.order());
        self.0.insert(place, rule);
    }
}

/// A range: its lowest address, the length of its network, and its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<A> {
    pub(super) first: A,
    pub(super) len: u8,
    pub(super) link: Link,
}

/// Rules, flattened.
pub(super) struct Flat<A> {
    /// In order of their lowest addresses, which are distinct.
    pub(super) ranges: Vec<Range<A>>,
    pub(super) programs: Vec<u32>,
    /// The link of what no range holds.
    pub(super) outside: Link,
}

/// A network whose range is not over yet.
struct Open<A> {
    last: A,
    len: u8,
    above: Above,
}

/// Flattens rules to ranges of the answers that `answer` gives. It must keep their order.
pub(super) fn flatten<A: Address>(rules: &SortedRules<A>, answer: impl Fn(&Rule<A>) -> Answer) -> Flat<A> {
    let SortedRules(rules) = rules;
    let mut programs = ProgramsBuilder::default();
    let mut ranges: Vec<Range<A>> = Vec::with_capacity(rules.len());
    let mut open: Vec<Open<A>> = Vec::new();
    let mut outside = Above::NOTHING;
    let mut ports: Vec<PortRule> = Vec::new();
    for network in rules.chunk_by(|one, other| (one.first, one.len) == (other.first, other.len)) {
        let Some(&Rule { first, len, .. }) = network.first() else { continue };
        close(&mut open, &mut ranges, |over| over.last < first);
        let is_all = |rule: &&Rule<A>| (rule.port_low, rule.port_high) == (0, u16::MAX);
        let own_all = network.iter().find(is_all).map_or(Answer::NONE, &answer);
        ports.clear();
        ports.extend(
            network.iter().filter(|rule| !is_all(rule)).map(|rule| (rule.port_low, rule.port_high, answer(rule))),
        );
        // Answers that are equal leave the order of their ports open.
        ports.sort_unstable_by_key(|&(low, high, answer)| (answer, low, high));
        ports.dedup();
        let above = programs.network(own_all, &ports, open.last().map_or(outside, |around| around.above));
        if len == 0 {
            outside = above;
            continue;
        }
        push(&mut ranges, Range { first, len, link: above.link });
        open.push(Open { last: first.last_of(u32::from(len.saturating_sub(1))), len, above });
    }
    close(&mut open, &mut ranges, |_| true);
    Flat { ranges, programs: programs.build(), outside: outside.link }
}

/// Closes the innermost networks as long as they are over. The network around each begins again
/// behind it.
fn close<A: Address>(open: &mut Vec<Open<A>>, ranges: &mut Vec<Range<A>>, is_over: impl Fn(&Open<A>) -> bool) {
    while let Some(over) = open.pop_if(|over| is_over(over)) {
        if let Some(around) = open.last()
            && over.last < around.last
            && let Some(first) = over.last.next()
        {
            push(ranges, Range { first, len: around.len, link: around.above.link });
        }
    }
}

/// Begins a range. One that begins at the same address has no address left.
fn push<A: Address>(ranges: &mut Vec<Range<A>>, range: Range<A>) {
    ranges.pop_if(|other| other.first == range.first);
    ranges.push(range);
}
