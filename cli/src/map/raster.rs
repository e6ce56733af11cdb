//! The picture as cells, and what is alike in it as outlines.
//!
//! A cell is a /20. One that looks different within keeps every look that it has, so that it is
//! never shown as what only a part of it is.

#![expect(clippy::arithmetic_side_effects, reason = "cells are below 2^20 and coordinates below 2^11")]

use super::{
    hilbert::{CELL_LEN, Cells, SIDE, network},
    survey::{Look, Piece},
};
use std::fmt::Write;

/// How a cell is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Paint {
    All(Look),
    /// A part of the cell is as the look says, and the rest does not change.
    Part(Look),
    /// The cell is allowed in part: no change, or one of each sort.
    Mixed,
}

/// The looks of every cell, as bits.
#[derive(Debug)]
pub(crate) struct Raster {
    cells: Vec<u8>,
}

fn paint(bits: u8) -> Paint {
    if let Some(look) = Look::ALL.into_iter().find(|look| look.bit() == bits) {
        return Paint::All(look);
    }
    let changes: Vec<Look> = Look::ALL.into_iter().filter(|look| look.is_change() && bits & look.bit() != 0).collect();
    match changes.as_slice() {
        [] => Paint::Mixed,
        [look] => Paint::Part(*look),
        _ => Paint::Part(Look::Turns),
    }
}

fn cell_of(address: u128) -> u32 {
    u32::try_from(address).unwrap_or(u32::MAX) >> (32 - CELL_LEN)
}

fn index(x: u32, y: u32) -> usize {
    usize::try_from(y * SIDE + x).unwrap_or(usize::MAX)
}

impl Raster {
    pub(crate) fn new(pieces: &[Piece]) -> Self {
        let mut raster = Self { cells: vec![0; index(0, SIDE)] };
        for piece in pieces {
            let (first, last) = (cell_of(piece.first), cell_of(piece.last));
            let mut next = first;
            while next <= last {
                // The largest square that begins here and ends in time.
                let fitting = (last - next + 1).ilog2();
                let open = next.trailing_zeros().min(fitting) & !1;
                raster.add(network(next << (32 - CELL_LEN), CELL_LEN - open.min(CELL_LEN)), piece.look.bit());
                next += 1 << open;
            }
        }
        raster
    }

    fn add(&mut self, Cells { x, y, width, height }: Cells, bit: u8) {
        for row in y..y + height {
            for cell in self.cells.iter_mut().skip(index(x, row)).take(index(width, 0)) {
                *cell |= bit;
            }
        }
    }

    /// The paints that there are, without the one that is put under all others.
    pub(crate) fn paints(&self, ground: Look) -> Vec<Paint> {
        let mut seen = [false; 256];
        for cell in &self.cells {
            if let Some(seen) = seen.get_mut(usize::from(*cell)) {
                *seen = true;
            }
        }
        let mut paints: Vec<Paint> =
            (0..=u8::MAX).zip(seen).filter(|(_, seen)| *seen).map(|(bits, _)| paint(bits)).collect();
        paints.sort_unstable();
        paints.dedup();
        paints.retain(|paint| *paint != Paint::All(ground));
        paints
    }

    /// The outlines of all cells with a paint, as the data of a path.
    pub(crate) fn outlines(&self, wanted: Paint) -> String {
        let is_in: Vec<bool> = (0..=u8::MAX).map(|bits| bits != 0 && paint(bits) == wanted).collect();
        let has = |x: u32, y: u32| {
            x < SIDE
                && y < SIDE
                && self.cells.get(index(x, y)).is_some_and(|bits| is_in.get(usize::from(*bits)) == Some(&true))
        };
        let mut edges = Edges::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                if has(x, y) {
                    // Clockwise around the cell, where the neighbour is another.
                    let before = |n: u32| n.checked_sub(1).unwrap_or(SIDE);
                    edges.add(!has(x, before(y)), x, y, Way::Right);
                    edges.add(!has(x + 1, y), x + 1, y, Way::Down);
                    edges.add(!has(x, y + 1), x + 1, y + 1, Way::Left);
                    edges.add(!has(before(x), y), x, y + 1, Way::Up);
                }
            }
        }
        edges.path()
    }
}

/// A direction along the edges of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Right,
    Down,
    Left,
    Up,
}

impl Way {
    const ALL: [Self; 4] = [Self::Right, Self::Down, Self::Left, Self::Up];

    const fn bit(self) -> u8 {
        match self {
            Self::Right => 1,
            Self::Down => 2,
            Self::Left => 4,
            Self::Up => 8,
        }
    }

    /// The ways on from here, the right turn first: cells that touch at a corner stay apart.
    const fn onwards(self) -> [Self; 3] {
        match self {
            Self::Right => [Self::Down, Self::Right, Self::Up],
            Self::Down => [Self::Left, Self::Down, Self::Right],
            Self::Left => [Self::Up, Self::Left, Self::Down],
            Self::Up => [Self::Right, Self::Up, Self::Left],
        }
    }
}

/// Edges of cells, by the corner where they begin.
struct Edges {
    from: Vec<u8>,
}

const CORNERS: u32 = SIDE + 1;

impl Edges {
    fn new() -> Self {
        Self { from: vec![0; Self::index(0, CORNERS)] }
    }

    fn index(x: u32, y: u32) -> usize {
        usize::try_from(y * CORNERS + x).unwrap_or(usize::MAX)
    }

    fn add(&mut self, is_edge: bool, x: u32, y: u32, way: Way) {
        if let Some(from) = self.from.get_mut(Self::index(x, y)).filter(|_| is_edge) {
            *from |= way.bit();
        }
    }

    fn take(&mut self, x: u32, y: u32, way: Way) -> bool {
        let Some(from) = self.from.get_mut(Self::index(x, y)) else { return false };
        let is_there = *from & way.bit() != 0;
        *from &= !way.bit();
        is_there
    }

    /// All edges, each outline after the one before it.
    fn path(mut self) -> String {
        let mut path = String::new();
        let (mut last_x, mut last_y) = (0, 0);
        for y in 0..CORNERS {
            for x in 0..CORNERS {
                while let Some(way) = Way::ALL.into_iter().find(|way| self.take(x, y, *way)) {
                    let (right, down) = (i64::from(x) - i64::from(last_x), i64::from(y) - i64::from(last_y));
                    let _ = write!(path, "m{right} {down}");
                    self.outline((x, y), way, &mut path);
                    (last_x, last_y) = (x, y);
                }
            }
        }
        path
    }

    fn outline(&mut self, start: (u32, u32), mut way: Way, path: &mut String) {
        let (mut x, mut y) = start;
        let mut run = 0_u32;
        loop {
            run += 1;
            match way {
                Way::Right => x += 1,
                Way::Down => y += 1,
                Way::Left => x -= 1,
                Way::Up => y -= 1,
            }
            let next = way.onwards().into_iter().find(|next| self.take(x, y, *next));
            if next == Some(way) {
                continue;
            }
            let Some(next) = next else {
                // Back at the start: closing the outline draws the last run.
                path.push('z');
                return;
            };
            let (letter, sign) = match way {
                Way::Right => ('h', ""),
                Way::Down => ('v', ""),
                Way::Left => ('h', "-"),
                Way::Up => ('v', "-"),
            };
            let _ = write!(path, "{letter}{sign}{run}");
            (way, run) = (next, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(first: u128, last: u128, look: Look) -> Piece {
        Piece { first, last, look, mark: 0 }
    }

    #[test]
    fn a_cell_that_is_allowed_in_part_is_never_painted_as_allowed_or_as_denied() {
        let (cell, end) = (1_u128 << 12, u128::from(u32::MAX));
        let pieces = [
            piece(0, 2 * cell, Look::Denied),
            piece(2 * cell + 1, 5 * cell - 2, Look::Allowed),
            piece(5 * cell - 1, end, Look::Denied),
        ];
        let raster = Raster::new(&pieces);
        let painted = |number: u32| {
            let Cells { x, y, .. } = network(number << 12, CELL_LEN);
            paint(raster.cells[index(x, y)])
        };
        let (denied, allowed) = (Paint::All(Look::Denied), Paint::All(Look::Allowed));
        assert_eq!([0, 1, 2, 3, 4, 5].map(painted), [denied, denied, Paint::Mixed, allowed, Paint::Mixed, denied]);
        assert_eq!(raster.paints(Look::Denied), [Paint::All(Look::Allowed), Paint::Mixed]);
        assert_eq!(paint(Look::Denied.bit() | Look::Opens.bit()), Paint::Part(Look::Opens));
        assert_eq!(paint(Look::Opens.bit() | Look::Closes.bit()), Paint::Part(Look::Turns));
    }

    #[test]
    fn every_cell_is_what_the_pieces_over_it_are() {
        // Edges that no rule of alignment makes even.
        let edges: Vec<u128> = (0..200_u128).map(|n| n * n * n * 536 + n).collect();
        let looks = [Look::Denied, Look::Ports, Look::Allowed];
        let end = |n: usize| edges.get(n + 1).map_or(u128::from(u32::MAX), |next| next - 1);
        let pieces: Vec<Piece> =
            edges.iter().enumerate().map(|(n, first)| piece(*first, end(n), looks[n % 3])).collect();
        let raster = Raster::new(&pieces);
        for number in (0..1_u32 << CELL_LEN).step_by(7) {
            let (first, last) = (u128::from(number) << 12, (u128::from(number) << 12) + 4095);
            let over = pieces.iter().filter(|piece| piece.first <= last && first <= piece.last);
            let bits = over.fold(0, |bits, piece| bits | piece.look.bit());
            let Cells { x, y, .. } = network(number << 12, CELL_LEN);
            assert_eq!(raster.cells[index(x, y)], bits, "{number}");
        }
    }

    #[test]
    fn outlines_go_around_what_touches_and_around_holes() {
        let whole = Raster::new(&[piece(0, u128::from(u32::MAX), Look::Allowed)]);
        assert_eq!(whole.outlines(Paint::All(Look::Allowed)), "m0 0h1024v1024h-1024z");
        assert_eq!(whole.outlines(Paint::All(Look::Denied)), "");
        let mut holed = whole;
        for cell in [(1, 1), (2, 2), (5, 5)] {
            holed.cells[index(cell.0, cell.1)] = Look::Denied.bit();
        }
        assert_eq!(holed.outlines(Paint::All(Look::Denied)), "m1 1h1v1h-1zm1 1h1v1h-1zm3 3h1v1h-1z");
        assert_eq!(
            holed.outlines(Paint::All(Look::Allowed)),
            "m0 0h1024v1024h-1024zm1 1v1h1v1h1v-1h-1v-1zm4 4v1h1v-1z"
        );
    }
}
