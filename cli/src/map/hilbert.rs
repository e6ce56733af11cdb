//! Where IPv4 addresses lie on the picture: the Hilbert curve, as maps of the internet use it.
//!
//! ```text
//!     0/8   1/8  14/8  15/8         0/8 lies top left, and 255/8 top right.
//!     3/8   2/8  13/8  12/8         Addresses that are near one another lie near one another, and
//!     4/8   7/8   8/8  11/8         a network of even length is a square, one of odd length two.
//!     5/8   6/8   9/8  10/8
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    reason = "all numbers are below 2^32 by their shifts, all coordinates below 2^11"
)]

/// Each cell of the picture is a network of this length.
pub(crate) const CELL_LEN: u32 = 20;
/// Cells on a side.
pub(crate) const SIDE: u32 = 1 << (CELL_LEN / 2);

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Column and row of the square with this number among the 4^order squares of the curve.
fn place(number: u32, order: u32) -> (u32, u32) {
    let (mut x, mut y) = (0, 0);
    for step in 0..order {
        let (side, digit) = (1 << step, number >> (2 * step) & 3);
        let (right, down) = (digit >> 1, (digit ^ digit >> 1) & 1);
        if down == 0 {
            if right == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            (x, y) = (y, x);
        }
        (x, y) = (x + side * right, y + side * down);
    }
    (x, y)
}

/// The cells of a network, which begins at its first address. One smaller than a cell has one.
pub(crate) fn network(first: u32, len: u32) -> Cells {
    let len = len.min(CELL_LEN);
    if len % 2 == 1 {
        let [one, other] = [0, 1_u32 << (31 - len)].map(|half| network(first | half, len + 1));
        let (x, y) = (one.x.min(other.x), one.y.min(other.y));
        let (width, height) = (one.x.max(other.x) + one.width - x, one.y.max(other.y) + one.height - y);
        return Cells { x, y, width, height };
    }
    let side = SIDE >> (len / 2);
    let (x, y) = place(first.checked_shr(32 - len).unwrap_or(0), len / 2);
    Cells { x: x * side, y: y * side, width: side, height: side }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_cell_lies_in_one_place_and_neighbours_on_the_curve_touch() {
        for order in 0..=CELL_LEN / 2 {
            let count = 1_u32 << (2 * order);
            let places: Vec<(u32, u32)> = (0..count).map(|number| place(number, order)).collect();
            assert!(places.iter().all(|(x, y)| *x < 1 << order && *y < 1 << order));
            assert!(places.windows(2).all(|pair| pair[0].0.abs_diff(pair[1].0) + pair[0].1.abs_diff(pair[1].1) == 1));
            assert_eq!(places.into_iter().collect::<BTreeSet<_>>().len(), 1 << (2 * order));
        }
    }

    #[test]
    fn every_network_of_even_length_is_a_square_and_of_odd_length_two_made_of_its_halves() {
        for len in 0..CELL_LEN {
            let count = 1_u32 << len.min(12);
            for number in (0..count).map(|number| number << (len - len.min(12))) {
                let first = number.checked_shl(32 - len).unwrap_or(0);
                let whole = network(first, len);
                let (long, short) = (whole.width.max(whole.height), whole.width.min(whole.height));
                assert_eq!(long, short << (len % 2));
                assert_eq!(u64::from(long) * u64::from(short), 1 << (CELL_LEN - len));
                for half in [first, first | 1 << (31 - len)].map(|first| network(first, len + 1)) {
                    assert!(whole.x <= half.x && half.x + half.width <= whole.x + whole.width, "{first:x}/{len}");
                    assert!(whole.y <= half.y && half.y + half.height <= whole.y + whole.height, "{first:x}/{len}");
                    assert_eq!(2 * half.width * half.height, whole.width * whole.height);
                }
            }
        }
    }

    /// The first row of the maps that people know.
    #[test]
    fn the_blocks_lie_where_maps_of_the_internet_have_them() {
        let at = |number: u32| {
            let Cells { x, y, .. } = network(number << 24, 8);
            (x / 64, y / 64)
        };
        let row = [0, 1, 14, 15, 16, 19, 20, 21, 234, 235, 236, 239, 240, 241, 254, 255];
        assert!((0..).zip(row).all(|(x, number)| at(number) == (x, 0)));
        assert_eq!((at(10), at(63), at(64), at(127), at(128)), ((3, 3), (0, 7), (0, 8), (7, 8), (8, 8)));
    }
}
