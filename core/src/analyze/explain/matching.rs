//! The entries that match a question, whatever decides it.

use super::{
    super::cited::{CitedEntry, Direction},
    input::Input,
};
use crate::{
    config::List,
    entry::{AddressEntry, Entry},
    policy::Policy,
};
use alloc::vec::Vec;
use core::net::IpAddr;

/// The entries that match besides the one that decided.
pub(super) struct Matching {
    pub(super) others: Vec<CitedEntry>,
    /// How many there are beyond those that were kept.
    pub(super) more: usize,
}

impl Matching {
    pub(super) fn find(policy: &Policy, direction: Direction, input: &Input, deciding: Option<&CitedEntry>) -> Self {
        let mut matching = Self { others: Vec::new(), more: 0 };
        let keep = policy.options().limits.diagnostics;
        for list in direction.lists() {
            for (index, entry) in policy.entries(list).iter().enumerate() {
                let is_deciding = deciding.is_some_and(|deciding| (deciding.list, deciding.index) == (list, index));
                if is_deciding || !matches(list, entry, input) {
                    continue;
                }
                if matching.others.len() < keep {
                    matching.others.push(CitedEntry { list, index, entry: entry.clone() });
                } else {
                    matching.more = matching.more.saturating_add(1);
                }
            }
        }
        matching
    }
}

fn matches(list: List, entry: &Entry, input: &Input) -> bool {
    match entry {
        Entry::Address(entry) => {
            entry.ports().contains(input.port) && input.judged().any(|address| holds(list, *entry, address))
        }
        Entry::Pattern(pattern) => input.name().is_some_and(|name| pattern.matches(name)),
    }
}

/// Whether the network of an entry holds an address, as it stands in this list.
pub(super) fn holds(list: List, entry: AddressEntry, address: IpAddr) -> bool {
    if list.denies() { entry.network().denies(address) } else { entry.network().contains(address) }
}

/// The address entries of a list, with their places in it.
pub(super) fn addresses(policy: &Policy, list: List) -> impl Iterator<Item = (usize, AddressEntry)> {
    policy.entries(list).iter().enumerate().filter_map(|(index, entry)| match entry {
        Entry::Address(entry) => Some((index, *entry)),
        Entry::Pattern(_) => None,
    })
}
