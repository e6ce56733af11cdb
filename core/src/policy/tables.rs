//! What a policy decides with: both directions and both families in one array of words.
//!
//! ```text
//!     header    where each part after the first begins; the first begins behind the header
//!     parts     egress IPv4, egress IPv6, ingress IPv4, ingress IPv6, exempt ports
//! ```
//!
//! A part that equals the one before it is there once: most policies say nothing about three of
//! the four.

use super::{egress, families::SortedFamilies, ingress};
use crate::table::{NameTable, allows, compile};
use alloc::{sync::Arc, vec::Vec};
use core::net::{Ipv4Addr, Ipv6Addr};

/// What a policy decides with, without what it explains with.
///
/// Cheap to clone. Policies with equal tables decide alike. Texts are no part of them, and the
/// places of address entries in their lists are none either.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tables {
    words: Arc<[u32]>,
    names: Option<Arc<NameTable>>,
}

const EGRESS_V4: usize = 4;
// The slots of the header.
const EGRESS_V6: usize = 0;
const INGRESS_V4: usize = 1;
const INGRESS_V6: usize = 2;
const EXEMPT_PORTS: usize = 3;

impl Tables {
    pub(super) fn new(
        egress: &SortedFamilies,
        ingress: &SortedFamilies,
        exempt_ports: &[u16],
        names: Option<NameTable>,
    ) -> Self {
        let mut words = alloc::vec![0; EGRESS_V4];
        compile(&egress.v4, egress::ALLOWED, &mut words);
        let starts = {
            let mut last = EGRESS_V4;
            let mut part = |add: &dyn Fn(&mut Vec<u32>)| {
                let start = words.len();
                add(&mut words);
                if words.get(last..start) == words.get(start..) {
                    words.truncate(start);
                } else {
                    last = start;
                }
                u32::try_from(last).unwrap_or(u32::MAX)
            };
            [
                part(&|words| compile(&egress.v6, egress::ALLOWED, words)),
                part(&|words| compile(&ingress.v4, ingress::ALLOWED, words)),
                part(&|words| compile(&ingress.v6, ingress::ALLOWED, words)),
                part(&|words| words.extend(exempt_ports.iter().map(|port| u32::from(*port)))),
            ]
        };
        for (slot, start) in words.iter_mut().zip(starts) {
            *slot = start;
        }
        Self { words: words.into(), names: names.map(Arc::new) }
    }

    /// The patterns of `allowOut`, if it has any.
    pub(super) fn names(&self) -> Option<&NameTable> {
        self.names.as_deref()
    }

    #[inline]
    pub(super) fn allows_egress_v4(&self, address: Ipv4Addr, port: u16) -> bool {
        let section = self.words.get(EGRESS_V4..).unwrap_or_default();
        allows(section, egress::ALLOWED, address.to_bits(), port)
    }

    /// Of an address that carries no other (A-3), or is IPv4-mapped (A-1).
    pub(super) fn allows_egress_v6(&self, address: Ipv6Addr, port: u16) -> bool {
        match address.to_ipv4_mapped() {
            Some(address) => self.allows_egress_v4(address, port),
            None => allows(self.part(EGRESS_V6), egress::ALLOWED, address.to_bits(), port),
        }
    }

    #[inline]
    pub(super) fn allows_ingress_v4(&self, client: Ipv4Addr, port: u16) -> bool {
        allows(self.part(INGRESS_V4), ingress::ALLOWED, client.to_bits(), port) || self.is_exempt(port)
    }

    pub(super) fn allows_ingress_v6(&self, client: Ipv6Addr, port: u16) -> bool {
        match client.to_ipv4_mapped() {
            Some(client) => self.allows_ingress_v4(client, port),
            None => allows(self.part(INGRESS_V6), ingress::ALLOWED, client.to_bits(), port) || self.is_exempt(port),
        }
    }

    fn is_exempt(&self, port: u16) -> bool {
        self.part(EXEMPT_PORTS).contains(&u32::from(port))
    }

    #[inline]
    fn part(&self, slot: usize) -> &[u32] {
        let start = self.words.get(slot).and_then(|start| usize::try_from(*start).ok());
        start.and_then(|start| self.words.get(start..)).unwrap_or_default()
    }
}
