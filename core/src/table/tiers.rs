//! Which rule answers: the first of the first tier that holds an address and a port.

use super::{
    address::Address,
    answer::{Answer, Link, pack, unpack_before_last},
    flat::{Rule, SortedRules, flatten},
    ports,
};
use alloc::{boxed::Box, vec::Vec};
use core::hint::select_unpredictable;

/// The rule that answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) tier: u32,
    pub(crate) number: u32,
}

/// Rules over one address family: ranges by the standard library's binary search, which does not
/// branch on what it compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TierTable<A> {
    keys: Box<[A]>,
    /// The length of a range's network and the link to its answer.
    words: Box<[u32]>,
    programs: Box<[u32]>,
    /// The link of what no range holds.
    outside: u32,
}

impl<A: Address> TierTable<A> {
    pub(crate) fn new(rules: &SortedRules<A>) -> Self {
        let flat = flatten(rules, Rule::answer);
        let words: Vec<u32> = flat.ranges.iter().map(|range| pack(range.len, range.link)).collect();
        let keys: Vec<A> = flat.ranges.iter().map(|range| range.first).collect();
        let programs = flat.programs.into();
        Self { keys: keys.into(), words: words.into(), programs, outside: flat.outside.word() }
    }

    /// The first rule of the first tier that holds the address and the port.
    #[inline]
    pub(crate) fn find(&self, address: A, port: u16) -> Option<Hit> {
        let place = self.keys.partition_point(|key| *key <= address).wrapping_sub(1);
        let link = match (self.keys.get(place), self.words.get(place)) {
            (Some(key), Some(&word)) => {
                select_unpredictable(address <= key.last_of(unpack_before_last(word)), word, self.outside)
            }
            _ => self.outside,
        };
        let answer = ports::resolve(&self.programs, Link::from_word(link), port);
        (answer != Answer::NONE).then(|| Hit { tier: answer.tier(), number: answer.number() })
    }
}
