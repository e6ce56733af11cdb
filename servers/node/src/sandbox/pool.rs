//! The networks that the links are taken from, and which links are in use.

use super::Link;
use sandgate::{Guardrails, Network, nftables::InterfaceName};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use thiserror::Error;

/// Two networks of which each sandbox gets a pair of addresses: one for the node's end of its
/// link, and the next one for itself.
///
/// ```
/// use sandgate_node_agent::Pools;
///
/// let pools = Pools::new("10.213.0.0/16".parse().unwrap(), "fd5a:9a7e::/112".parse().unwrap())?;
/// assert_eq!(pools.room(), 32768);
/// # Ok::<(), sandgate_node_agent::InvalidPool>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pools {
    ipv4: Network,
    ipv6: Network,
    first_ipv4: Ipv4Addr,
    first_ipv6: Ipv6Addr,
    room: u32,
}

/// Networks that sandboxes cannot get their addresses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidPool {
    /// One network of each family is needed.
    #[error("a pool of IPv4 and a pool of IPv6 are needed, in this order")]
    Family,
    /// A link needs two addresses.
    #[error("a pool has room for one link at least: IPv4 up to /31, IPv6 up to /127")]
    TooSmall,
    /// Otherwise a policy could let one sandbox reach another, or the node.
    #[error("{0} is not always denied by the guardrails; sandboxes could reach one another")]
    NotDenied(Network),
}

impl Pools {
    /// The pools of these networks.
    ///
    /// # Errors
    ///
    /// [`InvalidPool::Family`] and [`InvalidPool::TooSmall`].
    pub fn new(ipv4: Network, ipv6: Network) -> Result<Self, InvalidPool> {
        let (IpAddr::V4(first_ipv4), IpAddr::V6(first_ipv6)) = (ipv4.first(), ipv6.first()) else {
            return Err(InvalidPool::Family);
        };
        let links = |bits: u8, len: u8| match bits.checked_sub(len) {
            None | Some(0) => Err(InvalidPool::TooSmall),
            Some(host) => Ok(1_u32.checked_shl(u32::from(host).saturating_sub(1)).unwrap_or(u32::MAX)),
        };
        let room = links(32, ipv4.prefix_len())?.min(links(128, ipv6.prefix_len())?);
        Ok(Self { ipv4, ipv6, first_ipv4, first_ipv6, room })
    }

    /// For how many sandboxes there are addresses.
    #[must_use]
    pub const fn room(&self) -> u32 {
        self.room
    }

    /// Checks that no policy under these guardrails lets a sandbox reach another one or the node's
    /// ends of the links.
    pub(crate) fn check(&self, guardrails: &Guardrails) -> Result<(), InvalidPool> {
        for pool in [self.ipv4, self.ipv6] {
            let denied = guardrails.always_denied.iter().any(|network| network.covers(pool));
            let opened = |network: &Network| network.covers(pool) || pool.covers(*network);
            if !denied || guardrails.always_allowed.iter().any(opened) {
                return Err(InvalidPool::NotDenied(pool));
            }
        }
        Ok(())
    }

    /// The networks.
    pub(crate) const fn networks(&self) -> [Network; 2] {
        [self.ipv4, self.ipv6]
    }

    /// The link with this number, if the pools have it.
    pub(crate) fn link(&self, prefix: &str, slot: u32) -> Option<Link> {
        if slot >= self.room {
            return None;
        }
        let name: InterfaceName = format!("{prefix}{slot}").parse().ok()?;
        let node = slot.checked_mul(2)?;
        let sandbox = node.checked_add(1)?;
        let ipv4 = |number: u32| Some(Ipv4Addr::from_bits(self.first_ipv4.to_bits().checked_add(number)?));
        let ipv6 = |number: u32| Some(Ipv6Addr::from_bits(self.first_ipv6.to_bits().checked_add(number.into())?));
        Some(Link {
            slot,
            name,
            node_ipv4: ipv4(node)?,
            node_ipv6: ipv6(node)?,
            ipv4: ipv4(sandbox)?,
            ipv6: ipv6(sandbox)?,
        })
    }

    /// The number of the link that a sandbox's address belongs to.
    pub(crate) fn slot(&self, ipv4: Ipv4Addr) -> Option<u32> {
        let slot = ipv4.to_bits().checked_sub(self.first_ipv4.to_bits())? >> 1;
        (slot < self.room).then_some(slot)
    }
}

/// Which links are in use.
#[derive(Debug)]
pub(crate) struct Slots {
    taken: BTreeSet<u32>,
    next: u32,
    room: u32,
    most: usize,
}

impl Slots {
    /// The numbers below `room`, at most so many of them at a time.
    pub(crate) const fn new(room: u32, most: usize) -> Self {
        Self { taken: BTreeSet::new(), next: 0, room, most }
    }

    /// A number that is free: the one that was free for the longest, so that what the world still
    /// knows of a deleted sandbox meets a new one as late as possible.
    pub(crate) fn take(&mut self) -> Option<u32> {
        if self.taken.len() >= self.most {
            return None;
        }
        let free = |slot: &u32| !self.taken.contains(slot);
        let slot = (self.next..self.room).find(free).or_else(|| (0..self.next).find(free))?;
        self.taken.insert(slot);
        self.next = slot.saturating_add(1);
        Some(slot)
    }

    /// Takes this one. Whether it was free.
    pub(crate) fn reserve(&mut self, slot: u32) -> bool {
        self.next = self.next.max(slot.saturating_add(1));
        self.taken.insert(slot)
    }

    pub(crate) fn free(&mut self, slot: u32) {
        self.taken.remove(&slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    #[test]
    fn every_link_has_addresses_of_its_own() {
        let pools = Pools::new(network("10.213.0.0/30"), network("fd5a::/64")).expect("pools");
        assert_eq!(pools.room(), 2);
        let link = pools.link("sbx", 1).expect("there are two");
        assert_eq!((link.node_ipv4.to_string(), link.ipv4.to_string()), ("10.213.0.2".into(), "10.213.0.3".into()));
        assert_eq!((link.node_ipv6.to_string(), link.ipv6.to_string()), ("fd5a::2".into(), "fd5a::3".into()));
        assert_eq!(pools.link("sbx", 2), None);
        assert_eq!(pools.link("longer-than-names-are", 0), None);
    }

    #[test]
    fn a_pool_that_policies_could_open_is_refused() {
        let pools = Pools::new(network("10.213.0.0/16"), network("fd5a::/64")).expect("pools");
        assert_eq!(pools.check(&Guardrails::default()), Ok(()));
        assert_eq!(pools.check(&Guardrails::none()), Err(InvalidPool::NotDenied(network("10.213.0.0/16"))));
        let opened = Guardrails { always_allowed: vec![network("fd5a::8/125")], ..Guardrails::default() };
        assert_eq!(pools.check(&opened), Err(InvalidPool::NotDenied(network("fd5a::/64"))));
        assert_eq!(Pools::new(network("10.0.0.0/32"), network("fd5a::/64")), Err(InvalidPool::TooSmall));
        assert_eq!(Pools::new(network("fd5a::/64"), network("10.0.0.0/8")), Err(InvalidPool::Family));
    }

    #[test]
    fn a_freed_number_is_used_again_last() {
        let mut slots = Slots::new(3, 3);
        assert_eq!((slots.take(), slots.take()), (Some(0), Some(1)));
        slots.free(0);
        assert_eq!((slots.take(), slots.take(), slots.take()), (Some(2), Some(0), None));
    }
    #[test]
    fn no_more_are_taken_at_a_time_than_there_may_be() {
        let mut slots = Slots::new(10, 2);
        assert_eq!((slots.take(), slots.take(), slots.take()), (Some(0), Some(1), None));
        slots.free(0);
        assert_eq!((slots.take(), slots.take()), (Some(2), None));
        // What runs already is not sent away.
        assert!(slots.reserve(7));
        slots.free(1);
        assert_eq!(slots.take(), None);
    }
}
