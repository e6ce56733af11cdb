//! Which names a change of egress can be about: those that two policies' patterns tell apart.

use super::names::{Left, NameTerm, Names, left_of, widest};
use crate::{
    config::List,
    entry::{DomainPattern, Entry, HostName},
    policy::Policy,
};
use alloc::{collections::BTreeMap, vec::Vec};

/// Whether a name matches the patterns of the old and of the new policy. `None`: either way.
///
/// These are all conditions there can be: what a policy decides about a place depends on nothing
/// else of a name.
pub(super) type Condition = [Option<bool>; 2];

/// The conditions that some name meets, or a connection without one.
pub(super) struct Conditions {
    matching: [Option<HostName>; 2],
    met: Vec<Met>,
    index: BTreeMap<Condition, usize>,
}

/// The names that meet a condition, and one of them, or none where none is needed.
pub(super) struct Met {
    pub(super) names: Names,
    pub(super) witness: Option<HostName>,
}

impl Conditions {
    pub(super) fn new(old: &Policy, new: &Policy) -> Self {
        let (old, new) = (patterns(old), patterns(new));
        let either: Vec<&DomainPattern> = old.iter().chain(&new).copied().collect();
        let [old_left, new_left] = [&old, &new].map(|patterns| left_of(patterns, &[]));
        let matching = [&old_left, &new_left].map(|left| left.first().map(|left| left.witness));
        let mut this = Self { matching, met: Vec::new(), index: BTreeMap::new() };
        this.add([None, None], Names::Any, None);
        this.add_matching([Some(true), None], old_left);
        this.add_matching([None, Some(true)], new_left);
        this.add_matching([Some(true), Some(false)], left_of(&old, &new));
        this.add_matching([Some(false), Some(true)], left_of(&new, &old));
        this.add([Some(false), None], Names::NotMatching(widest(&old)), None);
        this.add([None, Some(false)], Names::NotMatching(widest(&new)), None);
        this.add([Some(false), Some(false)], Names::NotMatching(widest(&either)), None);
        this
    }

    fn add_matching(&mut self, condition: Condition, left: Vec<Left>) {
        let witness = left.first().map(|left| left.witness);
        if witness.is_some() {
            let terms: Vec<NameTerm> = left.into_iter().map(|left| left.term).collect();
            self.add(condition, Names::Matching(terms), witness);
        }
    }

    fn add(&mut self, condition: Condition, names: Names, witness: Option<HostName>) {
        let number = self.met.iter().position(|met| met.names == names).unwrap_or_else(|| {
            self.met.push(Met { names, witness });
            self.met.len().saturating_sub(1)
        });
        self.index.insert(condition, number);
    }

    /// A name that matches the patterns of the old policy, and one for the new, if they have any.
    pub(super) fn matching(&self) -> [Option<HostName>; 2] {
        self.matching
    }

    /// The number of the names that meet a condition. Conditions that the same names meet have
    /// the same one.
    pub(super) fn number(&self, condition: Condition) -> Option<usize> {
        self.index.get(&condition).copied()
    }

    /// The names with this number.
    pub(super) fn met(&self, number: usize) -> Option<&Met> {
        self.met.get(number)
    }
}

fn patterns(policy: &Policy) -> Vec<&DomainPattern> {
    let entries = policy.entries(List::AllowOut).iter();
    let patterns = entries.filter_map(|entry| match entry {
        Entry::Pattern(pattern) => Some(pattern),
        Entry::Address(_) => None,
    });
    patterns.collect()
}
