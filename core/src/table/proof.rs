//! The exhaustive proof: in a world of 256 addresses, every address and a handful of ports, over
//! many thousands of rule sets, against painting the rules one over the other. Both forms are
//! asked: which rule answers, and whether it allows.
//!
//! `cargo xtask proof` runs it optimised and with all its rule sets; the ordinary tests run a
//! thousandth of them.

#![expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "a test fails by panicking")]

use super::{Hit, NO_TIER, Rule, SortedRules, TierTable, address::Address, allows, compile};
use alloc::{vec, vec::Vec};

/// Every port that the rule sets tell apart: in the middle of ranges, at their ends, beside them.
const PORTS: [u16; 10] = [0, 1, 2, 79, 80, 81, 443, 1024, 65_534, 65_535];
/// Where ranges begin and end.
const ENDS: [u16; 8] = [1, 2, 80, 81, 443, 1024, 65_534, 65_535];

const DECISIONS_OF_A_SET: u64 = 256 * PORTS.len() as u64;
/// Rule sets of the full proof: more than 10^8 decisions.
const ALL_SETS: u64 = 100_000_000 / DECISIONS_OF_A_SET + 1;

/// Small, repeatable, and good enough to vary rule sets (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn rule(random: &mut Random, lens: &[u8], all_ports: usize, number: u32) -> Rule<u8> {
    let len = random.of(lens);
    let address = u8::try_from(random.below(256)).unwrap();
    let first = address & !u8::MAX.checked_shr(len.into()).unwrap_or_default();
    let (one, other) = (random.of(&ENDS), random.of(&ENDS));
    let (port_low, port_high) =
        if random.below(100) < all_ports { (0, u16::MAX) } else { (one.min(other), one.max(other)) };
    Rule { first, len, port_low, port_high, tier: u8::try_from(random.below(4)).unwrap(), number }
}

/// A rule set of one of several shapes, so that each part of the table is under pressure.
fn rules(random: &mut Random, shape: u64) -> Vec<Rule<u8>> {
    let (count, lens, all_ports): (usize, &[u8], usize) = match shape % 7 {
        // Anything.
        0 => (1 + random.below(24), &[0, 1, 2, 3, 4, 5, 6, 7, 8], 60),
        // Deep nesting with ports at every level.
        1 => (12 + random.below(24), &[0, 1, 2, 3, 4, 5, 6, 7, 8], 10),
        // Single addresses: many ranges.
        2 => (40 + random.below(80), &[8], 70),
        // A fan of ports on few networks: programs with segments.
        3 => (20 + random.below(40), &[0, 1], 5),
        // No ports at all.
        4 => (1 + random.below(60), &[0, 2, 4, 6, 8], 100),
        // Neighbours at the ends of the world.
        5 => (4 + random.below(20), &[6, 7, 8], 50),
        // Nearly nothing.
        _ => (random.below(4), &[0, 1, 7, 8], 50),
    };
    let world_end = shape % 7 == 5;
    (0..u32::try_from(count).unwrap())
        .map(|number| {
            let mut rule = rule(random, lens, all_ports, number);
            if world_end {
                let low = 8 * u8::try_from(random.below(2)).unwrap();
                rule.first =
                    (rule.first % 8 + 248 * (low / 8)) & !u8::MAX.checked_shr(rule.len.into()).unwrap_or_default();
            }
            rule
        })
        .collect()
}

/// Tiers 0 and 2 allow, and what no rule holds is allowed.
const ALLOWED: u32 = 1 | 1 << 2 | 1 << NO_TIER;

fn section<A: Address>(rules: &SortedRules<A>) -> Vec<u32> {
    let mut words = Vec::new();
    compile(rules, ALLOWED, &mut words);
    words
}

/// Paints the rules over the whole world, the last to answer first.
fn paint(rules: &[Rule<u8>]) -> Vec<Option<Hit>> {
    let mut world = vec![None; 256 * PORTS.len()];
    let mut order: Vec<&Rule<u8>> = rules.iter().collect();
    order.sort_by_key(|rule| core::cmp::Reverse((rule.tier, rule.number)));
    for rule in order {
        let width = 1_usize << (8 - rule.len);
        for address in usize::from(rule.first)..usize::from(rule.first) + width {
            for (column, port) in PORTS.iter().enumerate() {
                if (rule.port_low..=rule.port_high).contains(port) {
                    world[address * PORTS.len() + column] = Some(Hit { tier: rule.tier.into(), number: rule.number });
                }
            }
        }
    }
    world
}

#[test]
fn every_address_of_a_small_world_is_answered_as_painted() {
    let sets = if cfg!(debug_assertions) { ALL_SETS / 100 } else { ALL_SETS };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut decisions = 0_u64;
    for shape in 0..sets {
        let rules = rules(&mut random, shape);
        let painted = paint(&rules);
        let sorted = SortedRules::new(rules.clone());
        let table = TierTable::new(&sorted);
        let section = section(&sorted);
        for address in 0..=u8::MAX {
            for (column, &port) in PORTS.iter().enumerate() {
                let painted = painted[usize::from(address) * PORTS.len() + column];
                assert_eq!(table.find(address, port), painted, "address {address}, port {port}, rules {rules:?}");
                let tier = painted.map_or(NO_TIER, |hit| hit.tier);
                let allowed = allows(&section, ALLOWED, address, port);
                assert_eq!(allowed, ALLOWED & (1 << tier) != 0, "address {address}, port {port}, rules {rules:?}");
                decisions += 1;
            }
        }
    }
    assert!(cfg!(debug_assertions) || decisions >= 100_000_000);
}

#[test]
fn the_order_of_the_rules_does_not_matter_to_the_table() {
    let mut random = Random(7);
    for shape in 0..500 {
        let mut rules = rules(&mut random, shape);
        let sorted = SortedRules::new(rules.clone());
        rules.reverse();
        let reversed = SortedRules::new(rules);
        assert_eq!(TierTable::new(&reversed), TierTable::new(&sorted));
        assert_eq!(section(&reversed), section(&sorted));
    }
}

#[test]
fn numbers_do_not_matter_to_verdicts() {
    let mut random = Random(11);
    for shape in 0..500 {
        let mut rules = rules(&mut random, shape);
        let numbered = section(&SortedRules::new(rules.clone()));
        for rule in &mut rules {
            rule.number = 0;
        }
        assert_eq!(section(&SortedRules::new(rules)), numbered);
    }
}

#[test]
fn a_rule_for_port_0_alone_is_not_one_for_every_port() {
    let rule = |port_high, tier, number| Rule { first: 8_u8, len: 8, port_low: 0, port_high, tier, number };
    let rules = SortedRules::new([rule(0, 0, 0), rule(u16::MAX, 1, 1)].into());
    let table = TierTable::new(&rules);
    for port in PORTS {
        let tier = u32::from(port != 0);
        assert_eq!(table.find(8, port), Some(Hit { tier, number: tier }), "port {port}");
        assert_eq!(allows(&section(&rules), ALLOWED, 8_u8, port), port == 0, "port {port}");
    }
}

#[test]
fn what_changes_nothing_takes_no_range() {
    let rule = |first, len, tier| Rule { first, len, port_low: 0, port_high: u16::MAX, tier, number: 0 };
    // Allowed where nothing is denied, and denied twice.
    let rules = SortedRules::new([rule(0_u8, 4, 0), rule(128, 1, 1), rule(192, 2, 1)].into());
    assert_eq!(section(&rules).first(), Some(&1));
}

/// Rules on the whole world with one port each, and single addresses with a port each.
fn trap(half: u32) -> Vec<Rule<u32>> {
    let fan = (0..half).map(|number| {
        let port = u16::try_from(number % 65_535 + 1).unwrap();
        Rule { first: 0, len: 0, port_low: port, port_high: port, tier: 0, number }
    });
    let singles = (0..half).map(|number| Rule {
        first: number.wrapping_mul(2_654_435_761),
        len: 32,
        port_low: 22,
        port_high: 22,
        tier: 1,
        number,
    });
    fan.chain(singles).collect()
}

#[test]
fn the_trap_takes_less_than_32_bytes_an_entry() {
    for half in [4_000, 30_000] {
        let rules = SortedRules::new(trap(half));
        let bytes = 4 * section(&rules).len() / (2 * usize::try_from(half).unwrap());
        assert!(bytes < 32, "{bytes} bytes an entry at 2 times {half}");
        let table = TierTable::new(&rules);
        assert_eq!(table.find(2_654_435_761, 22), Some(Hit { tier: 0, number: 21 }));
        assert_eq!(table.find(1, 65_535), None);
    }
}

#[test]
fn nested_networks_with_ports_stay_linear() {
    let nested = |len: u8| Rule {
        first: 0,
        len,
        port_low: u16::from(len) + 1,
        port_high: u16::from(len) + 1,
        tier: u8::from(len.is_multiple_of(3)),
        number: u32::from(len),
    };
    let rules = SortedRules::new((0..=32).map(nested).collect());
    assert!(4 * section(&rules).len() < 33 * 32);
    let table = TierTable::<u32>::new(&rules);
    for len in 0..=32_u32 {
        let hit = Some(Hit { tier: u32::from(len.is_multiple_of(3)), number: len });
        assert_eq!(table.find(0, u16::try_from(len + 1).unwrap()), hit);
    }
    assert_eq!(table.find(0x8000_0000, 2), None);
}

#[test]
fn a_small_policy_takes_64_bytes_and_8_an_entry() {
    let mut random = Random(13);
    for count in [12, 22, 52] {
        let rules = (0..count).map(|number| {
            let (first, port) =
                (u32::try_from(random.below(1 << 24)).unwrap() << 8, 443 + u16::try_from(number % 5).unwrap());
            let (port_low, port_high) = if number % 5 == 0 { (port, port) } else { (0, u16::MAX) };
            Rule { first, len: 24, port_low, port_high, tier: 1, number }
        });
        let bytes = 4 * section(&SortedRules::new(rules.collect())).len();
        assert!(bytes <= 16 + 9 * usize::try_from(count).unwrap(), "{bytes} bytes for {count} entries");
    }
}
