//! Lists of entries as tiers of rules, one table for each address family.

use crate::{
    entry::{AddressEntry, Entry, Network},
    table::{Hit, Rule, SortedRules, TierTable},
};
use alloc::vec::Vec;
use core::net::IpAddr;

/// The rules of both families, side by side, for the question which of them answers.
#[derive(Debug)]
pub(super) struct Families {
    v4: TierTable<u32>,
    v6: TierTable<u128>,
}

impl Families {
    #[inline]
    pub(super) fn find(&self, address: IpAddr, port: u16) -> Option<Hit> {
        match address {
            IpAddr::V4(v4) => self.v4.find(v4.to_bits(), port),
            IpAddr::V6(v6) => self.v6.find(v6.to_bits(), port),
        }
    }
}

/// Collects the rules of a direction.
#[derive(Debug, Default)]
pub(super) struct FamiliesBuilder {
    v4: Vec<Rule<u32>>,
    v6: Vec<Rule<u128>>,
}

impl FamiliesBuilder {
    /// Adds a list whose entries each match their own family only.
    pub(super) fn allow(&mut self, tier: u8, entries: impl Iterator<Item = (u32, AddressEntry)>) {
        entries.for_each(|(number, entry)| self.add(tier, number, entry, entry.network()));
    }

    /// Adds a list in which all traffic means both families.
    pub(super) fn deny(&mut self, tier: u8, entries: impl Iterator<Item = (u32, AddressEntry)>) {
        for (number, entry) in entries {
            self.add(tier, number, entry, entry.network());
            if entry.network() == Network::ALL_IPV4 {
                self.add(tier, number, entry, Network::ALL_IPV6);
            }
        }
    }

    fn add(&mut self, tier: u8, number: u32, entry: AddressEntry, network: Network) {
        let (port_low, port_high) = (entry.ports().low(), entry.ports().high());
        let len = network.prefix_len();
        match network.first() {
            IpAddr::V4(first) => {
                self.v4.push(Rule { first: first.to_bits(), len, port_low, port_high, tier, number });
            }
            IpAddr::V6(first) => {
                self.v6.push(Rule { first: first.to_bits(), len, port_low, port_high, tier, number });
            }
        }
    }

    pub(super) fn build(self) -> SortedFamilies {
        SortedFamilies { v4: SortedRules::new(self.v4), v6: SortedRules::new(self.v6) }
    }
}

/// The rules of a direction, ready for both of their compiled forms.
#[derive(Debug)]
pub(super) struct SortedFamilies {
    pub(super) v4: SortedRules<u32>,
    pub(super) v6: SortedRules<u128>,
}

impl SortedFamilies {
    pub(super) fn tiers(&self) -> Families {
        Families { v4: TierTable::new(&self.v4), v6: TierTable::new(&self.v6) }
    }

    /// Adds a rule for one address and one port.
    pub(super) fn insert(&mut self, tier: u8, address: IpAddr, port: u16) {
        let (port_low, port_high, number) = (port, port, 0);
        match address {
            IpAddr::V4(v4) => {
                self.v4.insert(Rule { first: v4.to_bits(), len: 32, port_low, port_high, tier, number });
            }
            IpAddr::V6(v6) => {
                self.v6.insert(Rule { first: v6.to_bits(), len: 128, port_low, port_high, tier, number });
            }
        }
    }
}

/// The address entries of a list, numbered.
pub(super) fn addresses(entries: &[Entry]) -> impl Iterator<Item = (u32, AddressEntry)> {
    (0..).zip(entries.iter().filter_map(|entry| match entry {
        Entry::Address(entry) => Some(*entry),
        Entry::Pattern(_) => None,
    }))
}

/// The operator's networks as entries without ports.
pub(super) fn guardrail_entries(networks: &[Network]) -> impl Iterator<Item = (u32, AddressEntry)> {
    (0..).zip(networks.iter().map(|&network| AddressEntry::of_network(network)))
}
