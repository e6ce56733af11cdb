//! The planes of one direction, and the regions of them where places are of some kinds.

use super::region::{AddressRange, Outcome, PortSpan, Region, Witness, address};
use crate::{
    address::MAPPED,
    analyze::cited::{CitedEntry, Direction},
    config::List,
    decision::{Decision, Destination, Host},
    entry::HostName,
    plane::{Judge, Plane, Product, Rect, products},
    policy::{Ground, Peer, Plot, Policy},
};
use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

/// The kinds of places, numbered as they are found.
pub(super) struct Kinds<K, J> {
    judge: J,
    numbers: BTreeMap<K, usize>,
}

impl<K: Ord + Copy, J: Fn(Peer, Ground, Ground) -> K> Kinds<K, J> {
    /// The kind of a place is what is decided where this holds in the old and in the new policy.
    pub(super) const fn new(judge: J) -> Self {
        Self { judge, numbers: BTreeMap::new() }
    }

    /// The kinds that were found, and their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, usize)> {
        self.numbers.iter().map(|(kind, number)| (*kind, *number))
    }
}

/// The kinds of places with one sort of peer.
struct With<'k, K, J> {
    peer: Peer,
    kinds: &'k mut Kinds<K, J>,
}

impl<K: Ord + Copy, J: Fn(Peer, Ground, Ground) -> K> Judge for With<'_, K, J> {
    fn normal(&self, bits: u32) -> u32 {
        let [old, new] = grounds(bits).map(Ground::normal);
        word(old, new)
    }

    fn kind(&mut self, bits: u32) -> usize {
        let [old, new] = grounds(bits);
        let kind = (self.kinds.judge)(self.peer, old, new);
        let next = self.kinds.numbers.len();
        *self.kinds.numbers.entry(kind).or_insert(next)
    }
}

/// What holds in both policies, in one word.
fn word(old: Ground, new: Ground) -> u32 {
    old.word() | new.word() << Ground::BITS
}

fn grounds(word: u32) -> [Ground; 2] {
    [word, word >> Ground::BITS].map(Ground::from_word)
}

/// The planes of a direction.
pub(super) struct Planes<'p> {
    direction: Direction,
    old: &'p Policy,
    new: &'p Policy,
    of_peers: Vec<(Peer, Plane)>,
}

impl<'p> Planes<'p> {
    pub(super) fn egress<K: Ord + Copy>(
        old: &'p Policy,
        new: &'p Policy,
        kinds: &mut Kinds<K, impl Fn(Peer, Ground, Ground) -> K>,
    ) -> Self {
        let plots = old.egress_plots().into_iter().zip(new.egress_plots());
        let planes = [Peer::V4, Peer::V6].into_iter().zip(plots);
        let of_peers = planes.map(|(peer, (old, new))| (peer, plane(peer, old, new, kinds))).collect();
        Self { direction: Direction::Egress, old, new, of_peers }
    }

    pub(super) fn ingress<K: Ord + Copy>(
        old: &'p Policy,
        new: &'p Policy,
        kinds: &mut Kinds<K, impl Fn(Peer, Ground, Ground) -> K>,
    ) -> Self {
        let plots = old.ingress_plots().into_iter().zip(new.ingress_plots());
        let planes = [Peer::V4, Peer::V6, Peer::Unknown].into_iter().zip(plots);
        let of_peers = planes.map(|(peer, (old, new))| (peer, plane(peer, old, new, kinds))).collect();
        Self { direction: Direction::Ingress, old, new, of_peers }
    }

    /// The regions where places are of these kinds, as few as the products are. `host` is a name
    /// that the change is about.
    pub(super) fn regions(&self, kinds: &[usize], host: Option<HostName>) -> Vec<Region> {
        let mut known: BTreeMap<Vec<PortSpan>, Area> = BTreeMap::new();
        let mut unknown: Vec<(Vec<PortSpan>, Area)> = Vec::new();
        for (peer, plane) in &self.of_peers {
            for product in products(plane, |kind| kinds.contains(&kind)) {
                let spans = product.segments.iter().filter_map(|range| plane.port_range(*range));
                let ports: Vec<PortSpan> = spans.map(|(low, high)| PortSpan { low, high }).collect();
                let area = Area::of(*peer, plane, &product);
                match peer {
                    Peer::Unknown => unknown.push((ports, area)),
                    _ => known.entry(ports).or_default().join(area),
                }
            }
        }
        let regions = known.into_iter().chain(unknown);
        let mut regions: Vec<Region> = regions.filter_map(|(ports, area)| self.region(area, ports, host)).collect();
        // The unknown client comes last.
        regions.sort_by(|one, other| {
            let place = |region: &Region| (region.addresses.is_empty(), region.addresses.first().copied());
            (place(one), &one.ports).cmp(&(place(other), &other.ports))
        });
        regions
    }

    /// The addresses at which places are of these kinds for every port.
    pub(super) fn addresses(&self, kinds: &[usize]) -> Vec<AddressRange> {
        let mut addresses = Vec::new();
        for (peer, plane) in &self.of_peers {
            for product in products(plane, |kind| kinds.contains(&kind)) {
                addresses.extend(ranges(*peer, plane, &product.pieces));
            }
        }
        addresses
    }

    fn region(&self, area: Area, ports: Vec<PortSpan>, host: Option<HostName>) -> Option<Region> {
        let Area { addresses, places } = area;
        let at = addresses.first().map(|range| range.first());
        let first = port(*ports.first()?);
        let [before, after] = [self.old, self.new].map(|policy| self.outcome(policy, at, first, host.as_ref()));
        let cites_all = places.is_some();
        let asked = places.unwrap_or_else(|| {
            let others = addresses.iter().map(|range| (Some(range.first()), first));
            others.chain(ports.iter().map(|span| (at, port(*span)))).collect()
        });
        let entries = |policy| {
            let mut cited: BTreeMap<(List, usize), CitedEntry> = BTreeMap::new();
            for &(address, port) in &asked {
                if let Some(entry) = self.outcome(policy, address, port, host.as_ref()).entry {
                    cited.insert((entry.list, entry.index), entry);
                }
            }
            cited.into_values().collect()
        };
        let (entries_before, entries_after) = (entries(self.old), entries(self.new));
        let witness = Witness { address: at, port: first, host, before, after };
        Some(Region { addresses, ports, witness, entries_before, entries_after, cites_all })
    }

    fn outcome(&self, policy: &Policy, address: Option<IpAddr>, port: u16, host: Option<&HostName>) -> Outcome {
        let decision: Decision<'_> = match (self.direction, address) {
            (Direction::Egress, Some(address)) => {
                let host = host.map(|host| Host::Sni(host.as_bytes()));
                policy.decide_egress(&Destination { address, port, host })
            }
            (Direction::Ingress, _) | (_, None) => policy.decide_ingress(address, port),
        };
        Outcome::from(&decision)
    }
}

/// So many places of a region are each asked for the entries that decide there.
const FEW: usize = 64;

/// The addresses of a region, and a query of each of its places if they are few. A place is not
/// crossed by an edge of any entry, so that one entry decides in all of it.
struct Area {
    addresses: Vec<AddressRange>,
    places: Option<Vec<(Option<IpAddr>, u16)>>,
}

impl Default for Area {
    fn default() -> Self {
        Self { addresses: Vec::new(), places: Some(Vec::new()) }
    }
}

impl Area {
    fn of(peer: Peer, plane: &Plane, product: &Product) -> Self {
        let count = |ranges: &[(usize, usize)]| {
            ranges.iter().map(|(first, end)| end.saturating_sub(*first)).fold(0, usize::saturating_add)
        };
        let is_few = count(&product.pieces).saturating_mul(count(&product.segments)) <= FEW;
        let places = is_few.then(|| {
            let pieces = product.pieces.iter().flat_map(|(first, end)| *first..*end);
            let addresses =
                pieces.filter(|piece| plane.hole != Some(*piece)).filter_map(|piece| plane.firsts.get(piece));
            let with_ports = |bits: &u128| {
                let client = (peer != Peer::Unknown).then(|| address(peer == Peer::V4, *bits));
                let segments = product.segments.iter().flat_map(|(first, end)| *first..*end);
                let ranges = segments.filter_map(|segment| plane.port_range((segment, segment.saturating_add(1))));
                ranges.map(move |(low, high)| (client, port(PortSpan { low, high })))
            };
            addresses.flat_map(with_ports).collect()
        });
        let addresses = if peer == Peer::Unknown { Vec::new() } else { ranges(peer, plane, &product.pieces).collect() };
        Self { addresses, places }
    }

    /// Adds the addresses of another family.
    fn join(&mut self, other: Self) {
        self.addresses.extend(other.addresses);
        self.places = match (self.places.take(), other.places) {
            (Some(mut places), Some(others)) => {
                places.extend(others);
                Some(places)
            }
            _ => None,
        };
    }
}

/// The plane of both policies' plots.
fn plane<K: Ord + Copy>(
    peer: Peer,
    old: Vec<Plot>,
    new: Vec<Plot>,
    kinds: &mut Kinds<K, impl Fn(Peer, Ground, Ground) -> K>,
) -> Plane {
    let rect = |plot: Plot, bits| {
        let Plot { first, last, port_low, port_high, .. } = plot;
        Rect { first, last, port_low, port_high, bits }
    };
    let none = Ground::default();
    let old = old.into_iter().map(|plot| rect(plot, word(plot.ground, none)));
    let new = new.into_iter().map(|plot| rect(plot, word(none, plot.ground)));
    let (last, hole) = match peer {
        Peer::V4 => (u128::from(u32::MAX), None),
        Peer::V6 => (u128::MAX, Some(MAPPED)),
        Peer::Unknown => (0, None),
    };
    Plane::new(old.chain(new).collect(), last, hole, &mut With { peer, kinds })
}

fn ranges(peer: Peer, plane: &Plane, pieces: &[(usize, usize)]) -> impl Iterator<Item = AddressRange> {
    let of = move |bits| address(peer == Peer::V4, bits);
    let addresses = pieces.iter().filter_map(|range| plane.addresses(*range));
    addresses.filter_map(move |(first, last)| AddressRange::new(of(first), of(last)))
}

/// The lowest port of a span that is one.
fn port(span: PortSpan) -> u16 {
    span.low.max(span.high.min(1))
}
