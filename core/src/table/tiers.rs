//! Networks with ports, in tiers, flattened to disjoint ranges of addresses.
//!
//! A range begins at a key of the [`Tree`] and ends where its network does, so that one key and
//! one word describe it: the word holds the network's length and a [`Link`] to the answer. After
//! a network that lies within another, the rest of the other begins again as a range of its own.
//! Addresses that no network but the one of length 0 holds need no range: `outside` is their link.
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
    answer::{Answer, Link, pack, unpack_len},
    ports::{Above, PortRule, Programs, ProgramsBuilder},
    tree::Tree,
};
use alloc::vec::Vec;

/// An address as an integer.
pub(crate) trait Address: Copy + Ord {
    /// How many bits it has.
    const BITS: u8;
    /// The highest address.
    const MAX: Self;
    /// The address with every bit set after the first `len`.
    fn last_of(self, len: u32) -> Self;
    /// The next address, if there is one.
    fn next(self) -> Option<Self>;
}

macro_rules! address {
    ($($integer:ty)*) => {$(
        impl Address for $integer {
            #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the widths are 8 to 128")]
            const BITS: u8 = <$integer>::BITS as u8;
            const MAX: Self = <$integer>::MAX;

            #[inline]
            fn last_of(self, len: u32) -> Self {
                self | <$integer>::MAX.checked_shr(len).unwrap_or_default()
            }

            #[inline]
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}

address!(u8 u32 u128);

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

/// The rule that answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) tier: u32,
    pub(crate) number: u32,
}

/// Rules over one address family, with `B` keys to a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TierTable<A, const B: usize> {
    ranges: Tree<A, B>,
    programs: Programs,
    /// The link of what no range holds.
    outside: u32,
}

/// A network whose range is not over yet.
struct Open<A> {
    last: A,
    len: u8,
    above: Above,
}

impl<A: Address, const B: usize> TierTable<A, B> {
    /// Compiles rules, in any order.
    pub(crate) fn new(mut rules: Vec<Rule<A>>) -> Self {
        let answer = |rule: &Rule<A>| Answer::new(rule.tier, rule.number);
        rules.sort_unstable_by_key(|rule| (rule.first, rule.len, answer(rule)));
        let mut programs = ProgramsBuilder::default();
        let mut ranges: Vec<(A, u32)> = Vec::with_capacity(rules.len());
        let mut open: Vec<Open<A>> = Vec::new();
        let mut outside = Above::NOTHING;
        let mut ports: Vec<PortRule> = Vec::new();
        for network in rules.chunk_by(|one, other| (one.first, one.len) == (other.first, other.len)) {
            let Some(&Rule { first, len, .. }) = network.first() else { continue };
            close(&mut open, &mut ranges, |over| over.last < first);
            // Within a network the least answer comes first.
            let is_all = |rule: &&Rule<A>| rule.port_low == 0;
            let own_all = network.iter().find(is_all).map_or(Answer::NONE, answer);
            ports.clear();
            ports.extend(
                network.iter().filter(|rule| !is_all(rule)).map(|rule| (rule.port_low, rule.port_high, answer(rule))),
            );
            let above = programs.network(own_all, &ports, open.last().map_or(outside, |around| around.above));
            if len == 0 {
                outside = above;
                continue;
            }
            push(&mut ranges, first, len, above.link);
            open.push(Open { last: first.last_of(len.into()), len, above });
        }
        close(&mut open, &mut ranges, |_| true);
        // Empty slots of the tree answer for the highest address, as the last range does or not.
        let highest = ranges.last().filter(|(first, word)| first.last_of(unpack_len(*word)) == A::MAX);
        let at_highest = highest.map_or(pack(A::BITS, outside.link), |(_, word)| *word);
        Self {
            ranges: Tree::new(&ranges, A::MAX, at_highest),
            programs: programs.build(),
            outside: outside.link.word(),
        }
    }

    /// The first rule of the first tier that holds the address and the port.
    #[inline]
    pub(crate) fn find(&self, address: A, port: u16) -> Option<Hit> {
        let answer = self.answer(address, port);
        (answer != Answer::NONE).then(|| Hit { tier: answer.tier(), number: answer.number() })
    }

    /// The tier of that rule, or [`NO_TIER`](super::NO_TIER): all that a boolean question needs,
    /// without a branch on what was found.
    #[inline]
    pub(crate) fn tier(&self, address: A, port: u16) -> u32 {
        self.answer(address, port).tier()
    }

    #[inline]
    fn answer(&self, address: A, port: u16) -> Answer {
        let (first, word) = self.ranges.last_not_above(address, (address, self.outside));
        let is_inside = address <= first.last_of(unpack_len(word));
        let link = if is_inside { word } else { self.outside };
        self.programs.resolve(Link::from_word(link), port)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.ranges.bytes().saturating_add(self.programs.bytes())
    }
}

/// Closes the innermost networks as long as they are over. The network around each begins again
/// behind it.
fn close<A: Address>(open: &mut Vec<Open<A>>, ranges: &mut Vec<(A, u32)>, is_over: impl Fn(&Open<A>) -> bool) {
    while let Some(over) = open.pop_if(|over| is_over(over)) {
        if let Some(around) = open.last()
            && over.last < around.last
            && let Some(first) = over.last.next()
        {
            push(ranges, first, around.len, around.above.link);
        }
    }
}

/// Begins a range. One that begins at the same address has no address left.
fn push<A: Address>(ranges: &mut Vec<(A, u32)>, first: A, len: u8, link: Link) {
    ranges.pop_if(|(other, _)| *other == first);
    ranges.push((first, pack(len, link)));
}
