//! A plane of addresses and ports, and what holds where, in space near linear in its rectangles.
//!
//! Writing down what each port of each address range has would be quadratic: 4,000 port rules on
//! every address, and 4,000 addresses with a port rule of their own. So the ports are halved
//! again and again, and what a block of ports does is written down once for all networks that do
//! the same in it:
//!
//! ```text
//!     ports       1 .. 65535                    a network with a rule for port 22 differs from
//!                /          \                   the network around it in one block of each size;
//!         1 .. 443        444 .. 65535          all its other blocks are those of the other
//!         /      \         /        \
//! ```
//!
//! A rule covers a block, or lies outside of it, or is passed on to both halves. It is passed on in
//! at most two blocks of each size. In a block only the networks that have a rule to pass on are
//! told apart; every other one is as the nearest around it that has. That is what bounds the work.
//!
//! This module knows integers, and nothing of policies.
//!
//! ```text
//!     mod.rs         rules as places
//!     products.rs    places as products of addresses and ports
//!     blocks.rs      ranges of addresses as networks
//! ```

mod blocks;
mod products;
#[cfg(test)]
mod proof;

use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::cmp::Reverse;

pub(crate) use blocks::blocks;
pub(crate) use products::{Product, networks, products, products_around};

/// Addresses and ports, all inclusive, and the bits that hold there. The ranges of addresses of a
/// plane lie within one another or apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rect {
    pub(crate) first: u128,
    pub(crate) last: u128,
    pub(crate) port_low: u16,
    pub(crate) port_high: u16,
    pub(crate) bits: u32,
}

/// What a block of ports has: one kind of place, or what its two halves have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Leaf(usize),
    Branch(usize, usize),
}

/// A plane in which every place has a kind.
#[derive(Debug)]
pub(crate) struct Plane {
    /// The first address of each piece, in order. The first piece begins at 0.
    pub(crate) firsts: Vec<u128>,
    /// The node of each piece for the block of all segments.
    pub(crate) pieces: Vec<usize>,
    /// The last address.
    pub(crate) last: u128,
    /// The first port of each segment, in order. The first segment begins at port 0.
    pub(crate) ports: Vec<u16>,
    /// Halves before wholes; equal ones are there once.
    pub(crate) nodes: Vec<Node>,
    /// The piece that is asked nothing about.
    pub(crate) hole: Option<usize>,
}

/// A rule of a network in a block: half-open segments.
#[derive(Debug, Clone, Copy)]
struct Own {
    network: usize,
    low: usize,
    end: usize,
    bits: u32,
}

/// Where the rectangles are, and what they make of a place.
pub(crate) trait Judge {
    /// Bits that are judged as these are. Fewer different ones make less work.
    fn normal(&self, bits: u32) -> u32;
    /// The kind of a place where these bits hold.
    fn kind(&mut self, bits: u32) -> usize;
}

impl Plane {
    /// The plane of the addresses up to `last`. Nobody asks about the addresses of the hole.
    pub(crate) fn new(mut rects: Vec<Rect>, last: u128, hole: Option<(u128, u128)>, judge: &mut impl Judge) -> Self {
        let empty = |(first, last)| Rect { first, last, port_low: 0, port_high: u16::MAX, bits: 0 };
        rects.extend([(0, last)].into_iter().chain(hole).map(empty));
        let place = |rect: &Rect| (rect.first, Reverse(rect.last), rect.port_low, rect.port_high);
        rects.sort_unstable_by_key(place);
        rects.dedup_by(|next, kept| {
            let is_same = place(next) == place(kept);
            kept.bits |= if is_same { next.bits } else { 0 };
            is_same
        });
        let ends = rects.iter().filter_map(|rect| rect.port_high.checked_add(1));
        let mut ports: Vec<u16> = rects.iter().map(|rect| rect.port_low).chain(ends).chain([0]).collect();
        ports.sort_unstable();
        ports.dedup();
        let networks = Networks::new(&rects, &ports);
        // They are not needed any more, and there can be many.
        drop(rects);
        let mut solver = Solver { judge, nodes: Vec::new(), index: BTreeMap::new(), leaves: BTreeMap::new() };
        let asked: Vec<(usize, u32)> = (0..networks.parents.len()).map(|network| (network, 0)).collect();
        let nodes = solver.solve(0..ports.len(), &networks.parents, &networks.own, &asked);
        let pieces = networks.pieces.iter().map(|(_, network)| nodes.get(*network).copied().unwrap_or_default());
        let firsts: Vec<u128> = networks.pieces.iter().map(|(first, _)| *first).collect();
        let hole = hole.and_then(|(first, _)| firsts.binary_search(&first).ok());
        Self { pieces: pieces.collect(), firsts, last, ports, nodes: solver.nodes, hole }
    }
}

/// The networks of a plane, each behind the one around it.
struct Networks {
    parents: Vec<usize>,
    own: Vec<Own>,
    /// First addresses, and the innermost network from there on.
    pieces: Vec<(u128, usize)>,
}

impl Networks {
    fn new(rects: &[Rect], ports: &[u16]) -> Self {
        let mut networks = Self { parents: Vec::new(), own: Vec::new(), pieces: Vec::new() };
        let mut open: Vec<(u128, usize)> = Vec::new();
        for rects in rects.chunk_by(|one, other| (one.first, one.last) == (other.first, other.last)) {
            let Some(&Rect { first, last, .. }) = rects.first() else { continue };
            networks.close(&mut open, |over| over < first);
            let network = networks.parents.len();
            networks.parents.push(open.last().map_or(0, |(_, around)| *around));
            networks.begin(first, network);
            open.push((last, network));
            networks.own.extend(rects.iter().filter(|rect| rect.bits != 0).map(|rect| Own {
                network,
                low: ports.partition_point(|port| *port < rect.port_low),
                end: ports.partition_point(|port| *port <= rect.port_high),
                bits: rect.bits,
            }));
        }
        networks.close(&mut open, |_| true);
        networks
    }

    fn close(&mut self, open: &mut Vec<(u128, usize)>, is_over: impl Fn(u128) -> bool) {
        while let Some((over, _)) = open.pop_if(|(last, _)| is_over(*last)) {
            if let Some(&(last, around)) = open.last()
                && over < last
            {
                self.begin(over.saturating_add(1), around);
            }
        }
    }

    /// Begins a piece. One that begins at the same address has no address left.
    fn begin(&mut self, first: u128, network: usize) {
        self.pieces.pop_if(|piece| piece.0 == first);
        self.pieces.push((first, network));
    }
}

struct Solver<'j, J> {
    judge: &'j mut J,
    nodes: Vec<Node>,
    index: BTreeMap<Node, usize>,
    /// The node of a place where these bits hold.
    leaves: BTreeMap<u32, usize>,
}

impl<J: Judge> Solver<'_, J> {
    /// The nodes of a block of segments, each for a network and the bits that hold in all of the
    /// block because of rules that cover a larger one.
    ///
    /// The networks are those with a rule in the block, and the one that is everything.
    fn solve(
        &mut self,
        block: core::ops::Range<usize>,
        parents: &[usize],
        own: &[Own],
        asked: &[(usize, u32)],
    ) -> Vec<usize> {
        // The bits that cover the block in a network, and whether rules are passed on.
        let mut grounds: Vec<(u32, bool)> = Vec::with_capacity(parents.len());
        let mut rest: Vec<Own> = Vec::new();
        let mut rules = own.iter().peekable();
        for (network, parent) in parents.iter().enumerate() {
            let (mut bits, mut is_split) = grounds.get(*parent).copied().unwrap_or_default();
            while let Some(rule) = rules.next_if(|rule| rule.network == network) {
                if rule.low <= block.start && block.end <= rule.end {
                    bits |= rule.bits;
                } else {
                    is_split = true;
                    rest.push(*rule);
                }
            }
            grounds.push((bits, is_split));
        }
        let ground = |(network, bits): (usize, u32)| {
            let (covering, is_split) = grounds.get(network).copied().unwrap_or_default();
            (bits | covering, is_split)
        };
        let split: Vec<(usize, u32)> = asked
            .iter()
            .filter_map(|&(network, bits)| {
                let (bits, is_split) = ground((network, bits));
                is_split.then(|| (network, self.judge.normal(bits)))
            })
            .collect();
        let middle = block.start.midpoint(block.end);
        let left = self.half(block.start..middle, parents, &rest, &split);
        let right = self.half(middle..block.end, parents, &rest, &split);
        let mut halves = left.into_iter().zip(right);
        let mut nodes = Vec::with_capacity(asked.len());
        for &asked in asked {
            let (bits, is_split) = ground(asked);
            nodes.push(match is_split.then(|| halves.next()).flatten() {
                Some((left, right)) => self.branch(left, right),
                None => self.leaf(bits),
            });
        }
        nodes
    }

    /// What one half of a block has for those that are split.
    fn half(
        &mut self,
        block: core::ops::Range<usize>,
        parents: &[usize],
        rest: &[Own],
        split: &[(usize, u32)],
    ) -> Vec<usize> {
        if split.is_empty() {
            return Vec::new();
        }
        // The nearest network with a rule in the half, and the networks that have one.
        let mut nearest: Vec<usize> = Vec::with_capacity(parents.len());
        let mut kept = vec![0];
        let mut own: Vec<Own> = Vec::new();
        let mut rules = rest.iter().peekable();
        for (network, parent) in parents.iter().enumerate() {
            let around = nearest.get(*parent).copied().unwrap_or_default();
            let before = own.len();
            let this = if network == 0 { 0 } else { kept.len() };
            while let Some(rule) = rules.next_if(|rule| rule.network == network) {
                if rule.low < block.end && block.start < rule.end {
                    own.push(Own { network: this, ..*rule });
                }
            }
            if own.len() > before && network > 0 {
                kept.push(around);
                nearest.push(this);
            } else {
                nearest.push(around);
            }
        }
        let to_nearest = |(network, bits): (usize, u32)| (nearest.get(network).copied().unwrap_or_default(), bits);
        let mut asked: Vec<(usize, u32)> = split.iter().copied().map(to_nearest).collect();
        asked.sort_unstable();
        asked.dedup();
        let nodes = self.solve(block, &kept, &own, &asked);
        let answer = |split| asked.binary_search(&to_nearest(split)).ok().and_then(|at| nodes.get(at)).copied();
        split.iter().map(|split| answer(*split).unwrap_or_default()).collect()
    }

    fn leaf(&mut self, bits: u32) -> usize {
        let bits = self.judge.normal(bits);
        if let Some(node) = self.leaves.get(&bits) {
            return *node;
        }
        let kind = self.judge.kind(bits);
        let node = self.node(Node::Leaf(kind));
        self.leaves.insert(bits, node);
        node
    }

    fn branch(&mut self, left: usize, right: usize) -> usize {
        let is_leaf = matches!(self.nodes.get(left), Some(Node::Leaf(_)));
        if is_leaf && left == right { left } else { self.node(Node::Branch(left, right)) }
    }

    fn node(&mut self, node: Node) -> usize {
        *self.index.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len().saturating_sub(1)
        })
    }
}
