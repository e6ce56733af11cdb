//! The classes of a plane as sets of disjoint intervals.
//!
//! The class that would be the longest to write down is not written down: it is what is left. A
//! network whose ports are all of one class stands in a plain set, which is cheap. Only networks
//! whose ports differ need sets of addresses and ports, and plain sets for traffic without a port.
//! The plain sets are asked first, so that the others may reach across what those hold:
//!
//! ```text
//!     denied    10.0.0.0/8 and 192.168.0.0/16 with all ports, port 25 with all addresses
//!     plain     10.0.0.0/8, 192.168.0.0/16
//!     ports     0.0.0.0/0 . 25
//! ```

use super::{
    class::Class,
    regions::Regions,
    rule_set::{Cites, Element, Family, Set},
    settings::Settings,
};
use crate::{
    analyze::{AddressRange, Direction, PortSpan, ip_address},
    decision::{Destination, Ruling},
    plane::{Node, Plane, networks, products_around},
    policy::Policy,
};
use alloc::{collections::BTreeSet, format, vec::Vec};
use core::ops::Range;

/// What a set is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Networks whose ports are all of the class.
    Plain,
    /// Addresses and ports.
    Ports,
    /// Traffic without a port, where ports differ.
    Portless,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Ports, Self::Portless];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Ports => "_ports",
            Self::Portless => "_portless",
        }
    }
}

/// A direction and a family of a policy as sets, and the class of what is in none of them.
pub(super) struct Sorted {
    pub(super) family: Family,
    pub(super) rest: Class,
    /// Whether ports decide anywhere.
    pub(super) has_ports: bool,
    /// In the order in which they are to be asked.
    sets: Vec<(Part, Set)>,
}

impl Sorted {
    pub(super) fn new(regions: &Regions, policy: &Policy, settings: &Settings) -> Self {
        let Regions { direction, family, plane, classes } = regions;
        let uniform: Vec<Option<usize>> = plane.pieces.iter().map(|node| uniform(plane, *node)).collect();
        let rest_kind = longest(plane, classes);
        let rest = classes.get(rest_kind).copied().unwrap_or(Class {
            direction: *direction,
            verdict: Ruling::Deny,
            reason: None,
        });
        let mut kinds: Vec<usize> = (0..classes.len()).filter(|kind| *kind != rest_kind).collect();
        kinds.sort_unstable_by_key(|kind| classes.get(*kind));
        let writer = Writer { policy, regions, uniform: &uniform, rest: rest_kind, cites: settings.comments };
        let parts = Part::ALL.into_iter().flat_map(|part| kinds.iter().map(move |kind| (part, *kind)));
        let sets = parts.filter_map(|(part, kind)| Some((part, writer.set(part, kind)?))).collect();
        let has_ports = uniform.iter().any(Option::is_none);
        Self { family: *family, rest, has_ports, sets }
    }

    /// The sets of a part, in the order of their classes.
    pub(super) fn sets(&self, part: Part) -> impl Iterator<Item = &Set> {
        self.sets.iter().filter(move |(of, _)| *of == part).map(|(_, set)| set)
    }

    pub(super) fn classes(&self) -> impl Iterator<Item = Class> {
        self.sets.iter().map(|(_, set)| set.class).chain([self.rest])
    }

    pub(super) fn into_sets(self) -> impl Iterator<Item = Set> {
        self.sets.into_iter().map(|(_, set)| set)
    }
}

/// The kind of a node that has only one.
fn uniform(plane: &Plane, node: usize) -> Option<usize> {
    match plane.nodes.get(node) {
        Some(Node::Leaf(kind)) => Some(*kind),
        _ => None,
    }
}

/// The kind that would be the longest to write down.
fn longest(plane: &Plane, classes: &[Class]) -> usize {
    // How many leaves of each kind a node has.
    let mut leaves: Vec<Vec<usize>> = Vec::with_capacity(plane.nodes.len());
    for node in &plane.nodes {
        let mut counts = alloc::vec![0_usize; classes.len()];
        match *node {
            Node::Leaf(kind) => {
                if let Some(count) = counts.get_mut(kind) {
                    *count = 1;
                }
            }
            Node::Branch(left, right) => {
                for half in [left, right].into_iter().filter_map(|half| leaves.get(half)) {
                    for (count, more) in counts.iter_mut().zip(half) {
                        *count = count.saturating_add(*more);
                    }
                }
            }
        }
        leaves.push(counts);
    }
    let mut lengths = alloc::vec![0_usize; classes.len()];
    for (piece, node) in plane.pieces.iter().enumerate() {
        let size = networks(plane, (piece, piece.saturating_add(1)));
        for (length, leaves) in lengths.iter_mut().zip(leaves.get(*node).into_iter().flatten()) {
            *length = length.saturating_add(leaves.saturating_mul(size));
        }
    }
    // Of equals, the one that lets less through.
    let kinds = lengths.iter().zip(classes).zip(0..);
    kinds.max_by_key(|((length, class), _)| (**length, core::cmp::Reverse(**class))).map_or(0, |(_, kind)| kind)
}

/// Writes kinds down as sets.
struct Writer<'r> {
    policy: &'r Policy,
    regions: &'r Regions,
    /// The kind of each piece that has only one.
    uniform: &'r [Option<usize>],
    /// The kind that is not written down.
    rest: usize,
    cites: bool,
}

impl Writer<'_> {
    /// `None` if it would be empty.
    fn set(&self, part: Part, kind: usize) -> Option<Set> {
        let class = *self.regions.classes.get(kind)?;
        let elements: Vec<Element> = match part {
            Part::Plain => {
                let ranges = self.ranges(|piece| Some(self.uniform_at(piece) == Some(kind)));
                ranges.into_iter().filter_map(|range| self.element(class, part, range, 0..1)).collect()
            }
            Part::Portless => {
                let is_asked = |piece| (!self.is_decided(piece)).then(|| self.without_port(piece) == Some(kind));
                let ranges = if self.uniform.contains(&None) { self.ranges(is_asked) } else { Vec::new() };
                ranges.into_iter().filter_map(|range| self.element(class, part, range, 0..1)).collect()
            }
            Part::Ports => self.elements_with_ports(kind, class),
        };
        let family = self.regions.family;
        let name = format!("{}_{}{}", class.name(), family.as_str(), part.suffix());
        (!elements.is_empty()).then_some(Set { name, family, has_ports: part == Part::Ports, class, elements })
    }

    fn elements_with_ports(&self, kind: usize, class: Class) -> Vec<Element> {
        let plane = &self.regions.plane;
        if !self.uniform.contains(&None) {
            return Vec::new();
        }
        let products = products_around(plane, |asked| asked == kind, |piece| self.is_decided(piece));
        let rectangles = products.iter().flat_map(|product| {
            let segments = product.segments.iter();
            segments.flat_map(|segments| product.pieces.iter().map(move |pieces| (*pieces, *segments)))
        });
        let mut elements: Vec<Element> = rectangles
            .filter_map(|((first, end), segments)| self.element(class, Part::Ports, first..end, segments.0..segments.1))
            .collect();
        elements.sort_unstable_by_key(|element| (element.addresses, element.ports));
        elements
    }

    fn uniform_at(&self, piece: usize) -> Option<usize> {
        self.uniform.get(piece).copied().flatten()
    }

    /// Whether a plain set holds the piece.
    fn is_decided(&self, piece: usize) -> bool {
        self.uniform_at(piece).is_some_and(|kind| kind != self.rest)
    }

    /// The kind of a piece at port 0.
    fn without_port(&self, piece: usize) -> Option<usize> {
        let nodes = &self.regions.plane.nodes;
        let mut node = *self.regions.plane.pieces.get(piece)?;
        loop {
            match *nodes.get(node)? {
                Node::Leaf(kind) => return Some(kind),
                Node::Branch(left, _) => node = left,
            }
        }
    }

    /// The pieces that are asked for, as ranges. `None`: nobody asks, so that a range may reach
    /// across the piece.
    fn ranges(&self, is_asked: impl Fn(usize) -> Option<bool>) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        // Where the pieces before this one begin that nobody asks about.
        let mut free = None;
        let mut is_open = false;
        for piece in 0..self.uniform.len() {
            match is_asked(piece) {
                None => free = free.or(Some(piece)),
                Some(true) => {
                    let end = piece.saturating_add(1);
                    match ranges.last_mut().filter(|_| is_open) {
                        Some(range) => range.end = end,
                        None => ranges.push(free.filter(|free| *free == 0).unwrap_or(piece)..end),
                    }
                    (is_open, free) = (true, None);
                }
                Some(false) => (is_open, free) = (false, None),
            }
        }
        if let (Some(range), true) = (ranges.last_mut(), is_open) {
            range.end = self.uniform.len();
        }
        ranges
    }

    fn element(&self, class: Class, part: Part, pieces: Range<usize>, segments: Range<usize>) -> Option<Element> {
        let plane = &self.regions.plane;
        let (first, last) = plane.addresses((pieces.start, pieces.end))?;
        let address = |bits| ip_address(self.regions.family == Family::Ipv4, bits);
        let addresses = AddressRange::new(address(first), address(last))?;
        let cites = if self.cites { self.cites(class, part, pieces, &segments) } else { None };
        let (low, high) = plane.port_range((segments.start, segments.end))?;
        let ports = (part == Part::Ports).then_some(PortSpan { low, high });
        Some(Element { addresses, ports, cites })
    }

    /// The entries that decide in an element. Without ports it is asked at port 0: an entry that
    /// decides there decides for all ports.
    fn cites(&self, class: Class, part: Part, pieces: Range<usize>, segments: &Range<usize>) -> Option<Cites> {
        if class.reason.is_some() && class.list().is_none() {
            return None;
        }
        let plane = &self.regions.plane;
        // What an element reaches across is none of its own.
        let pieces = pieces.filter(|piece| self.is_decided(*piece) == (part == Part::Plain));
        let mut places = pieces.flat_map(|piece| segments.clone().map(move |segment| (piece, segment)));
        let mut found = BTreeSet::new();
        for (piece, segment) in places.by_ref().take(FEW) {
            let (Some(&first), Some(&port)) = (plane.firsts.get(piece), plane.ports.get(segment)) else { continue };
            let address = ip_address(self.regions.family == Family::Ipv4, first);
            let decision = match class.direction {
                Direction::Egress => self.policy.decide_egress(&Destination::new(address, port)),
                Direction::Ingress => self.policy.decide_ingress(Some(address), port),
            };
            if let Some(entry) =
                decision.entry().filter(|_| class.reason.is_none_or(|reason| reason == decision.reason()))
            {
                found.insert((entry.list(), entry.index()));
            }
        }
        let (list, index) = *found.first()?;
        let others = places.next().is_none().then(|| found.len().saturating_sub(1));
        Some(Cites { list, index, others })
    }
}

/// So many places of an element are asked for the entries that decide there.
const FEW: usize = 16;
