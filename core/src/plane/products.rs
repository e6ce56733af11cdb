//! The places of some kinds, as few products of addresses and ports.
//!
//! Two ways of slicing are tried on each run of addresses without a gap:
//!
//! ```text
//!     by address     10.1.0.0/16 has 80 and 443, and the rest of 10.0.0.0/8 has 80: nine networks
//!     by port        80 is had by 10.0.0.0/8, and 443 by 10.1.0.0/16: two networks
//! ```
//!
//! Both are one recursion over blocks of ports. Slicing by address writes down the ports of all
//! addresses that have the same ones in a block, and goes on to the halves of the block where that
//! would be long and few addresses have it. Slicing by port goes on until every port of a block
//! has the same addresses. It is given up when it is longer than the other.

use super::{Node, Plane, blocks::blocks};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::ops::Range;

/// Half-open ranges of pieces or of segments.
type Ranges = Vec<(usize, usize)>;

/// Ranges of pieces times ranges of segments, in order and with gaps between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) pieces: Ranges,
    pub(crate) segments: Ranges,
}

/// The places of a plane whose kind is asked for: disjoint products.
pub(crate) fn products(plane: &Plane, is_asked: impl Fn(usize) -> bool) -> Vec<Product> {
    products_around(plane, is_asked, |piece| plane.hole == Some(piece))
}

/// The same where nobody asks about some pieces. A product may hold them or not.
pub(crate) fn products_around(
    plane: &Plane,
    is_asked: impl Fn(usize) -> bool,
    is_free: impl Fn(usize) -> bool,
) -> Vec<Product> {
    let shapes = Shapes::new(plane, is_asked);
    let block = 0..plane.ports.len();
    let mut products = Vec::new();
    let mut by_address: Vec<Run> = Vec::new();
    for (component, range) in components(shapes.runs(plane, is_free)) {
        // One run has the same ports all over: there is nothing that slicing by port could join.
        let terms_by_address = shapes.terms(plane, &component);
        let work = terms_by_address.min(range.len()).saturating_mul(WORK);
        let mut budget = if component.len() > 1 { work } else { 0 };
        let mut slices = Vec::new();
        let slicer = Slicer { shapes: &shapes, longest: |_| 0 };
        let is_done = slicer.slice(block.clone(), component.clone(), &mut budget, &mut slices).is_some();
        slices = merge_equal_pieces(slices);
        if is_done && terms(plane, &slices) < terms_by_address {
            products.extend(slices);
        } else {
            by_address.extend(component);
        }
    }
    let slicer = Slicer { shapes: &shapes, longest: |pieces: usize| pieces.max(SHORT) };
    // More than there can be work: what is left is sliced to its end.
    let mut unlimited = usize::MAX;
    let _ = slicer.slice(block, by_address, &mut unlimited, &mut products);
    merge_equal_segments(merge_equal_pieces(products))
}

/// So many ranges of ports are written down however few addresses have them.
const SHORT: usize = 16;
/// How much work slicing by port may be, for each piece that it could join.
const WORK: usize = 128;

/// Pieces in a row that have the same ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    shape: usize,
    first: usize,
    end: usize,
}

/// Which ports of a block are asked for: [`NONE`], [`ALL`], or the shapes of its halves.
struct Shapes {
    /// The shape of each node.
    of_nodes: Vec<usize>,
    shapes: Vec<Shape>,
}

const NONE: usize = 0;
const ALL: usize = 1;

#[derive(Debug, Clone, Copy)]
struct Shape {
    halves: (usize, usize),
    /// How many ranges of ports it is.
    ranges: usize,
    has_first: bool,
    has_last: bool,
}

impl Shapes {
    fn new(plane: &Plane, is_asked: impl Fn(usize) -> bool) -> Self {
        let whole = |shape, ranges, has| Shape { halves: (shape, shape), ranges, has_first: has, has_last: has };
        let mut shapes = vec![whole(NONE, 0, false), whole(ALL, 1, true)];
        let mut index: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut of_nodes: Vec<usize> = Vec::with_capacity(plane.nodes.len());
        for node in &plane.nodes {
            let of = |node: usize| of_nodes.get(node).copied().unwrap_or(NONE);
            let shape = match *node {
                Node::Leaf(kind) => usize::from(is_asked(kind)),
                Node::Branch(left, right) => {
                    let halves @ (left, right) = (of(left), of(right));
                    if left == right && left <= ALL {
                        left
                    } else {
                        *index.entry(halves).or_insert_with(|| {
                            shapes.push(joined(&shapes, left, right));
                            shapes.len().saturating_sub(1)
                        })
                    }
                }
            };
            of_nodes.push(shape);
        }
        Self { of_nodes, shapes }
    }

    fn get(&self, shape: usize) -> Shape {
        let none = Shape { halves: (NONE, NONE), ranges: 0, has_first: false, has_last: false };
        self.shapes.get(shape).copied().unwrap_or(none)
    }

    /// The runs of pieces that have any port, in order. Nobody asks about pieces that are free, so
    /// they are as their neighbours are if they agree.
    fn runs(&self, plane: &Plane, is_free: impl Fn(usize) -> bool) -> Vec<Run> {
        let of = |piece: usize| {
            let node = plane.pieces.get(piece).copied();
            node.and_then(|node| self.of_nodes.get(node)).copied().unwrap_or(NONE)
        };
        let count = plane.pieces.len();
        let mut runs: Vec<Run> = Vec::new();
        let mut before = None;
        let mut first = 0;
        while first < count {
            let mut end = first.saturating_add(1);
            let mut shape = of(first);
            if is_free(first) {
                end = (end..count).find(|piece| !is_free(*piece)).unwrap_or(count);
                let after = (end < count).then(|| of(end));
                shape = match (before, after) {
                    (Some(before), Some(after)) if before != after => NONE,
                    (before, after) => before.or(after).unwrap_or(NONE),
                };
            }
            match runs.last_mut() {
                Some(last) if last.shape == shape && last.end == first => last.end = end,
                _ if shape != NONE => runs.push(Run { shape, first, end }),
                _ => {}
            }
            before = Some(shape);
            first = end;
        }
        runs
    }

    /// How many networks times port ranges some runs are if they are sliced by address.
    fn terms(&self, plane: &Plane, runs: &[Run]) -> usize {
        let terms =
            runs.iter().map(|run| networks(plane, (run.first, run.end)).saturating_mul(self.get(run.shape).ranges));
        terms.fold(0, usize::saturating_add)
    }

    /// Adds the ranges of segments of a shape for a block.
    fn segments(&self, shape: usize, block: Range<usize>, ranges: &mut Ranges) {
        match shape {
            NONE => {}
            ALL => match ranges.last_mut() {
                Some(last) if last.1 == block.start => last.1 = block.end,
                _ => ranges.push((block.start, block.end)),
            },
            _ => {
                let (left, right) = self.get(shape).halves;
                let middle = block.start.midpoint(block.end);
                self.segments(left, block.start..middle, ranges);
                self.segments(right, middle..block.end, ranges);
            }
        }
    }
}

fn joined(shapes: &[Shape], left: usize, right: usize) -> Shape {
    let (Some(one), Some(other)) = (shapes.get(left), shapes.get(right)) else {
        return Shape { halves: (NONE, NONE), ranges: 0, has_first: false, has_last: false };
    };
    let is_joint = one.has_last && other.has_first;
    let ranges = one.ranges.saturating_add(other.ranges).saturating_sub(usize::from(is_joint));
    Shape { halves: (left, right), ranges, has_first: one.has_first, has_last: other.has_last }
}

/// Runs in order, cut where there is a gap between them, with the pieces that each part has.
fn components(runs: Vec<Run>) -> Vec<(Vec<Run>, Range<usize>)> {
    let mut components: Vec<(Vec<Run>, Range<usize>)> = Vec::new();
    for run in runs {
        match components.last_mut() {
            Some((component, range)) if range.end == run.first => {
                component.push(run);
                range.end = run.end;
            }
            _ => components.push((vec![run], run.first..run.end)),
        }
    }
    components
}

/// Slices runs, all of which have shapes of the same block.
struct Slicer<'s, L> {
    shapes: &'s Shapes,
    /// How many ranges of ports are written down where so many runs have them.
    longest: L,
}

impl<L: Fn(usize) -> usize> Slicer<'_, L> {
    /// `None` if the budget does not suffice.
    fn slice(
        &self,
        block: Range<usize>,
        mut runs: Vec<Run>,
        budget: &mut usize,
        products: &mut Vec<Product>,
    ) -> Option<()> {
        runs.sort_unstable();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for same in runs.chunk_by(|one, other| one.shape == other.shape) {
            let Some(&Run { shape, .. }) = same.first() else { continue };
            *budget = budget.checked_sub(same.len())?;
            let pieces = joint(same.iter().map(|run| (run.first, run.end)));
            let Shape { halves, ranges, .. } = self.shapes.get(shape);
            if shape == ALL || ranges <= (self.longest)(pieces.len()) {
                let mut segments = Vec::new();
                self.shapes.segments(shape, block.clone(), &mut segments);
                products.push(Product { pieces, segments });
                continue;
            }
            for (half, shape) in [(&mut left, halves.0), (&mut right, halves.1)] {
                if shape != NONE {
                    half.extend(pieces.iter().map(|&(first, end)| Run { shape, first, end }));
                }
            }
        }
        drop(runs);
        let middle = block.start.midpoint(block.end);
        for (half, runs) in [(block.start..middle, left), (middle..block.end, right)] {
            if !runs.is_empty() {
                self.slice(half, runs, budget, products)?;
            }
        }
        Some(())
    }
}

/// Ranges in order, those that touch joined.
fn joint(ranges: impl Iterator<Item = (usize, usize)>) -> Ranges {
    let mut joint: Ranges = Vec::new();
    for (first, end) in ranges {
        match joint.last_mut() {
            Some(last) if last.1 == first => last.1 = end,
            _ => joint.push((first, end)),
        }
    }
    joint
}

fn sorted(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    joint(ranges.into_iter())
}

fn merge_equal_pieces(products: Vec<Product>) -> Vec<Product> {
    let mut merged: BTreeMap<Ranges, Ranges> = BTreeMap::new();
    for Product { pieces, segments } in products {
        merged.entry(pieces).or_default().extend(segments);
    }
    merged.into_iter().map(|(pieces, segments)| Product { pieces, segments: sorted(segments) }).collect()
}

fn merge_equal_segments(products: Vec<Product>) -> Vec<Product> {
    let mut merged: BTreeMap<Ranges, Ranges> = BTreeMap::new();
    for Product { pieces, segments } in products {
        merged.entry(segments).or_default().extend(pieces);
    }
    merged.into_iter().map(|(segments, pieces)| Product { pieces: sorted(pieces), segments }).collect()
}

fn terms(plane: &Plane, products: &[Product]) -> usize {
    let terms = products.iter().map(|product| {
        let networks = product.pieces.iter().map(|range| networks(plane, *range)).fold(0, usize::saturating_add);
        networks.saturating_mul(product.segments.len())
    });
    terms.fold(0, usize::saturating_add)
}

/// How many networks a range of pieces is.
pub(crate) fn networks(plane: &Plane, range: (usize, usize)) -> usize {
    plane.addresses(range).map_or(0, |(first, last)| blocks(first, last).count())
}

impl Plane {
    /// The first and the last address of a range of pieces.
    pub(crate) fn addresses(&self, (first, end): (usize, usize)) -> Option<(u128, u128)> {
        let last = self.firsts.get(end).map_or(self.last, |next| next.saturating_sub(1));
        Some((*self.firsts.get(first)?, last))
    }

    /// The lowest and the highest port of a range of segments.
    pub(crate) fn port_range(&self, (first, end): (usize, usize)) -> Option<(u16, u16)> {
        let high = self.ports.get(end).map_or(u16::MAX, |next| next.saturating_sub(1));
        Some((*self.ports.get(first)?, high))
    }
}
