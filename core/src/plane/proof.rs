//! Products are the places they are said to be, and stay short whatever the rectangles are.

#![expect(clippy::arithmetic_side_effects, reason = "a test may stop")]

use super::{Judge, Plane, Product, Rect, products};
use alloc::{vec, vec::Vec};

/// Every combination of bits is a kind.
struct Bits;

impl Judge for Bits {
    fn normal(&self, bits: u32) -> u32 {
        bits
    }

    fn kind(&mut self, bits: u32) -> usize {
        usize::try_from(bits).unwrap()
    }
}

/// Numbers that look like any other.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        u32::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// The ports at which something can change, and one beyond.
const PORTS: u16 = 9;
const LAST: u128 = 15;

fn some_rects(numbers: &mut Numbers) -> Vec<Rect> {
    let count = 1 + numbers.below(9);
    let rect = |_| {
        let open = numbers.below(5);
        let first = u128::from(numbers.below(16)) >> open << open;
        let [one, other] = [0, 0].map(|_: u16| u16::try_from(numbers.below(u32::from(PORTS))).unwrap());
        let (port_low, port_high) = if one == other { (0, u16::MAX) } else { (one.min(other), one.max(other) - 1) };
        Rect { first, last: first | ((1 << open) - 1), port_low, port_high, bits: 1 << numbers.below(3) }
    };
    (0..count).map(rect).collect()
}

fn painted(rects: &[Rect], address: u128, port: u16) -> usize {
    let holds =
        |rect: &&Rect| (rect.first..=rect.last).contains(&address) && (rect.port_low..=rect.port_high).contains(&port);
    usize::try_from(rects.iter().filter(holds).fold(0, |bits, rect| bits | rect.bits)).unwrap()
}

fn holds(plane: &Plane, product: &Product, address: u128, port: u16) -> bool {
    let pieces = product.pieces.iter().filter_map(|range| plane.addresses(*range));
    let mut spans = product.segments.iter().filter_map(|range| plane.port_range(*range));
    pieces.into_iter().any(|(first, last)| (first..=last).contains(&address))
        && spans.any(|(low, high)| (low..=high).contains(&port))
}

#[test]
fn every_place_of_the_kinds_asked_for_lies_in_one_product_and_no_other_does() {
    let mut numbers = Numbers(7);
    for _ in 0..1_500 {
        let rects = some_rects(&mut numbers);
        let asked = numbers.below(256);
        let is_asked = |kind: usize| asked & (1 << kind) != 0;
        // A hole can be anything.
        let hole = (numbers.below(2) == 0).then_some((5_u128, 5_u128));
        let plane = Plane::new(rects.clone(), LAST, hole, &mut Bits);
        let products = products(&plane, is_asked);
        for address in (0..=LAST).filter(|address| hole.is_none_or(|(hole, _)| hole != *address)) {
            for port in 0..=PORTS {
                let found = products.iter().filter(|product| holds(&plane, product, address, port)).count();
                let is_here = is_asked(painted(&rects, address, port));
                assert_eq!(found, usize::from(is_here), "{address} {port} {rects:?} {asked:b} {products:?}");
            }
        }
    }
}

/// How many ranges it takes to write products down.
fn length(products: &[Product]) -> usize {
    products.iter().map(|product| product.pieces.len() + product.segments.len()).sum()
}

/// `count` ports that every address has, and `count` addresses that have other ones as well.
fn trap(count: u16, own: impl Fn(u16) -> (u16, u16)) -> usize {
    let rect = |first, last, (port_low, port_high), bits| Rect { first, last, port_low, port_high, bits };
    let mut rects: Vec<Rect> = (0..count).map(|n| rect(0, LAST << 60, (1 + 2 * n, 1 + 2 * n), 1)).collect();
    // An odd factor reaches every address, in an order that is not that of the ports.
    let address = |n: u16| u128::from(n) * 2 * 0x9e3b % (1 << 17);
    rects.extend((0..count).map(|n| rect(address(n), address(n), own(n), 2)));
    let plane = Plane::new(rects, LAST << 60, None, &mut Bits);
    length(&products(&plane, |kind| kind == 1))
}

#[test]
fn many_ports_of_all_addresses_and_many_addresses_with_ports_of_their_own_are_told_in_little() {
    let count = 512;
    let trap = |own: &dyn Fn(u16) -> (u16, u16)| trap(count, own);
    let lengths = vec![
        trap(&|n| (1 + 2 * n, 1 + 2 * n)),
        trap(&|_| (0, u16::MAX)),
        trap(&|n| (2 * n, u16::MAX)),
        trap(&|n| (2 * n, 2 * (n + count / 2))),
    ];
    // A rule is passed on to two blocks of each of ten sizes. Each by each there are 262,144.
    assert!(lengths.iter().all(|length| *length < 32 * usize::from(count)), "{lengths:?}");
}

#[test]
fn what_is_told_in_the_words_of_the_entries_is_not_told_in_pieces() {
    let rect = |first, last, port| Rect { first, last, port_low: port, port_high: port, bits: 1 };
    let plane = Plane::new(vec![rect(0, 15, 80), rect(4, 5, 443), rect(14, 14, 22)], LAST, None, &mut Bits);
    let products = products(&plane, |kind| kind == 1);
    let lengths: Vec<_> = products.iter().map(|product| (product.pieces.len(), product.segments.len())).collect();
    assert_eq!(lengths, [(1, 1), (1, 1), (1, 1)], "{products:?}");
}
