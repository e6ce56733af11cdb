//! What the address entries of a list cover: which of them covers another, and which ports they
//! cover over the whole of a network.
//!
//! Networks lie within one another or apart. So what covers a network is the entries of the
//! networks around it, of which there are at most as many as an address has bits, and the entries
//! within it, as far as both its halves are covered.

use super::ports::PortSet;
use crate::entry::{AddressEntry, Network, PortRange};
use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::net::IpAddr;

/// The entries of a list.
#[derive(Debug, Default)]
pub(super) struct Cover {
    denies: bool,
    is_ipv4_only: bool,
    v4: Vec<Group>,
    v6: Vec<Group>,
}

/// A network by its first address, in the high bits, and its length.
type Place = (u128, u8);

/// Every address of a family.
const WHOLE: Place = (0, 0);

/// The entries of one network.
#[derive(Debug)]
struct Group {
    place: Place,
    ports: PortSet,
    /// In the order of their lowest ports, wider ranges first.
    entries: Vec<Ports>,
}

impl Group {
    /// An entry that covers these ports, and is not the one with just these.
    fn covering(&self, ports: PortRange, is_itself: bool) -> Option<usize> {
        let before = match self.entries.binary_search_by_key(&order(ports), |entry| order_of(entry.range)) {
            Ok(at) if is_itself => at,
            Ok(at) => at.saturating_add(1),
            Err(at) => at,
        };
        let (high, index) = self.entries.get(before.checked_sub(1)?)?.reach;
        (ports.high() <= high).then_some(index)
    }
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    range: (u16, u16),
    /// The first entry of the list with this network and these ports.
    first: usize,
    /// The highest port up to here, and the entry that it belongs to.
    reach: (u16, usize),
}

/// How much more may be looked at. What covers what can be entangled so that the work is out of
/// proportion to the entries; then it is better to say that not all was examined.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// Enough for entries that are not made to be entangled.
    pub(super) fn for_entries(count: usize) -> Self {
        Self(count.saturating_mul(1 << 8).saturating_add(1 << 20))
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.0 = self.0.checked_sub(steps)?;
        Some(())
    }
}

fn place(network: Network) -> Place {
    let first = match network.first() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (first, network.prefix_len())
}

/// The first bits of an address.
fn masked(address: u128, len: u8) -> u128 {
    address & !u128::MAX.checked_shr(len.into()).unwrap_or(0)
}

impl Cover {
    /// The entries with their numbers. In a deny list all IPv4 addresses mean all addresses.
    pub(super) fn new(entries: impl Iterator<Item = (usize, AddressEntry)>, denies: bool) -> Self {
        let (v6, v4): (Vec<_>, Vec<_>) = entries
            .map(|(index, entry)| (entry.network().is_ipv6(), (place(entry.network()), entry.ports(), index)))
            .partition(|(is_ipv6, _)| *is_ipv6);
        let [v4, v6] = [v4, v6].map(|family| groups(family.into_iter().map(|(_, entry)| entry).collect()));
        Self { denies, is_ipv4_only: false, v4, v6 }
    }

    /// Without IPv6.
    pub(super) fn ipv4_only(mut self) -> Self {
        self.is_ipv4_only = true;
        self.v6.clear();
        self
    }

    /// The entries of all IPv4 addresses, where they mean IPv6 as well.
    fn of_all(&self) -> Option<&Group> {
        self.v4.first().filter(|group| self.denies && !self.is_ipv4_only && group.place == WHOLE)
    }

    fn family(&self, network: Network) -> &[Group] {
        if network.is_ipv6() { &self.v6 } else { &self.v4 }
    }

    /// The first entry of the list that is equal to this one.
    pub(super) fn first(&self, entry: AddressEntry) -> Option<usize> {
        let groups = self.family(entry.network());
        let group = groups.binary_search_by_key(&place(entry.network()), |group| group.place).ok()?;
        let entries = &groups.get(group)?.entries;
        let at = entries.binary_search_by_key(&order(entry.ports()), |entry| order_of(entry.range)).ok()?;
        entries.get(at).map(|entry| entry.first)
    }

    /// An entry of the list that covers this one and is another: the widest network first.
    pub(super) fn covering(&self, entry: AddressEntry) -> Option<usize> {
        let (network, ports) = (entry.network(), entry.ports());
        let mut around = around(self.family(network), place(network));
        let found = around.find_map(|group| group.covering(ports, group.place == place(network)));
        found.or_else(|| self.of_all().filter(|_| network.is_ipv6())?.covering(ports, false))
    }

    /// Which entries of a list leave something that no entry of this one covers. `None` in place
    /// of an answer if the budget does not suffice to tell.
    pub(super) fn left_of(&self, asked: &Self, budget: &mut Budget) -> Option<BTreeSet<usize>> {
        let mut left = BTreeSet::new();
        let v4 = asked.v4.iter().map(|group| (&self.v4, group));
        let v6 = asked.v6.iter().chain(asked.of_all()).map(|group| (&self.v6, group));
        for (cover, group) in v4.chain(v6) {
            let within = within(cover, group.place, budget)?;
            let sets: Vec<&PortSet> = around(cover, group.place).map(|group| &group.ports).chain([&within]).collect();
            for entry in &group.entries {
                if !all_in(&sets, entry.range, budget)? {
                    left.insert(entry.first);
                }
            }
        }
        Some(left)
    }

    /// Whether the entries cover all IPv4 traffic that there is: `0.0.0.0/8` is no destination, and
    /// the grammar has no part of it (G-8).
    pub(super) fn covers_all_ipv4(&self, budget: &mut Budget) -> Option<bool> {
        for len in 1..=8_u8 {
            let place = ((1_u128 << 127).checked_shr(u32::from(len).saturating_sub(1)).unwrap_or(0), len);
            let within = within(&self.v4, place, budget)?;
            let sets: Vec<&PortSet> = around(&self.v4, place).map(|group| &group.ports).chain([&within]).collect();
            if !all_in(&sets, (1, u16::MAX), budget)? {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// The groups of the networks around a place and of itself, the widest first.
fn around(groups: &[Group], (first, len): Place) -> impl Iterator<Item = &Group> {
    (0..=len).filter_map(move |len| {
        let at = groups.binary_search_by_key(&(masked(first, len), len), |group| group.place).ok()?;
        groups.get(at)
    })
}

/// Whether every port of a range is in one of the sets.
fn all_in(sets: &[&PortSet], (low, high): (u16, u16), budget: &mut Budget) -> Option<bool> {
    let mut port = low;
    loop {
        budget.spend(sets.len())?;
        match sets.iter().filter_map(|set| set.end(port)).max() {
            None => return Some(false),
            Some(end) if high <= end => return Some(true),
            Some(end) => port = end.saturating_add(1),
        }
    }
}

/// The ports that are covered over the whole of a network by the entries of it and within it.
fn within(groups: &[Group], (first, len): Place, budget: &mut Budget) -> Option<PortSet> {
    let start = groups.partition_point(|group| group.place < (first, len));
    let last = first | u128::MAX.checked_shr(len.into()).unwrap_or(0);
    let end = groups.partition_point(|group| group.place.0 <= last);
    covered(groups.get(start..end).unwrap_or_default(), (first, len), budget)
}

/// The ports that these groups, which lie within a network, cover over the whole of it.
fn covered(groups: &[Group], (first, len): Place, budget: &mut Budget) -> Option<PortSet> {
    let (own, below) = match groups.split_first() {
        Some((own, below)) if own.place == (first, len) => (own.ports.clone(), below),
        _ => (PortSet::default(), groups),
    };
    budget.spend(own.len().saturating_add(1))?;
    let half = len.saturating_add(1);
    if below.is_empty() || own.is_all() || half > 128 {
        return Some(own);
    }
    let second = first | (1_u128 << 127).checked_shr(len.into()).unwrap_or(0);
    let (low, high) = below.split_at_checked(below.partition_point(|group| group.place.0 < second))?;
    // Where one half holds nothing there is nothing to look for in the other.
    if low.is_empty() || high.is_empty() {
        return Some(own);
    }
    let low = covered(low, (first, half), budget)?;
    if low.is_empty() {
        return Some(own);
    }
    let high = covered(high, (second, half), budget)?;
    budget.spend(low.len().saturating_add(high.len()))?;
    Some(own.union(&low.intersection(&high)))
}

fn order(ports: PortRange) -> (u16, u16) {
    order_of((ports.low(), ports.high()))
}

/// Lower ports first, then wider ranges: what covers a range stands before it.
fn order_of((low, high): (u16, u16)) -> (u16, u16) {
    (low, u16::MAX ^ high)
}

fn groups(mut entries: Vec<(Place, PortRange, usize)>) -> Vec<Group> {
    entries.sort_unstable_by_key(|&(place, ports, index)| (place, order(ports), index));
    // The first of equal entries stands for all of them.
    entries.dedup_by_key(|&mut (place, ports, _)| (place, order(ports)));
    let mut groups: Vec<Group> = Vec::new();
    for same in entries.chunk_by(|one, other| one.0 == other.0) {
        let Some(&(place, ..)) = same.first() else { continue };
        let mut reach = (0, usize::MAX);
        let mut entries = vec![];
        for &(_, ports, index) in same {
            if reach.1 == usize::MAX || reach.0 < ports.high() {
                reach = (ports.high(), index);
            }
            entries.push(Ports { range: (ports.low(), ports.high()), first: index, reach });
        }
        let ports = PortSet::new(entries.iter().map(|entry| entry.range));
        groups.push(Group { place, ports, entries });
    }
    groups
}
