//! The work: rule sets and queries, made from a seed.

use crate::random::Random;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One entry, for both families: an IPv4 address lies in the low bits.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub allow: bool,
    pub base: u128,
    pub len: u8,
    pub ports: (u16, u16),
}

#[derive(Debug, Clone, Copy)]
pub struct Query {
    pub bits: u128,
    pub ip: IpAddr,
    pub v4: u32,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Prefix lengths as in the global routing table.
    Bgp,
    /// 95 % single addresses.
    Threat,
    /// IPv6: /32 to /64, some /128.
    V6,
}

impl Mix {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bgp => "bgp",
            Self::Threat => "threat",
            Self::V6 => "IPv6",
        }
    }

    pub fn width(self) -> u8 {
        if self == Self::V6 { 128 } else { 32 }
    }

    fn len(self, random: &mut Random) -> u8 {
        let roll = random.below(100);
        match self {
            Self::Bgp => match roll {
                0..60 => 24,
                60..75 => 22 + random.below(2) as u8,
                75..99 => 16 + random.below(6) as u8,
                _ => 8,
            },
            Self::Threat => if roll < 95 { 32 } else { 24 },
            Self::V6 => if roll < 10 { 128 } else { 32 + 4 * random.below(9) as u8 },
        }
    }
}

/// Every address of the width.
fn all(width: u8) -> u128 {
    u128::MAX >> (128 - width)
}

/// The bits behind a prefix.
fn behind(len: u8, width: u8) -> u128 {
    if len == 0 { all(width) } else { all(width).checked_shr(u32::from(len)).unwrap_or(0) }
}

impl Rule {
    pub fn last(&self, width: u8) -> u128 {
        self.base | behind(self.len, width)
    }

    pub fn has_ports(&self) -> bool {
        self.ports != (0, u16::MAX)
    }

    pub fn holds(&self, width: u8, bits: u128, port: u16) -> bool {
        self.base <= bits && bits <= self.last(width) && self.ports.0 <= port && port <= self.ports.1
    }

    /// The entry as a person writes it.
    pub fn text(&self, width: u8) -> String {
        let host = format!("{}/{}", ip(width, self.base), self.len);
        match (self.has_ports(), width) {
            (false, _) => host,
            (true, 32) => format!("{host}:{}-{}", self.ports.0, self.ports.1),
            (true, _) => format!("[{host}]:{}-{}", self.ports.0, self.ports.1),
        }
    }
}

pub fn ip(width: u8, bits: u128) -> IpAddr {
    if width == 32 { Ipv4Addr::from_bits(bits as u32).into() } else { Ipv6Addr::from_bits(bits).into() }
}

/// A third allow, the rest deny; 20 % with a port or a range.
pub fn rules(mix: Mix, count: usize, seed: u64) -> Vec<Rule> {
    let mut random = Random::new(seed);
    let width = mix.width();
    (0..count)
        .map(|_| {
            let len = mix.len(&mut random);
            let raw = (u128::from(random.next()) << 64) | u128::from(random.next());
            // Public unicast, so that nothing is refused or carries another address.
            let bits = if width == 32 { (raw as u32 % 0xc000_0000 + 0x0c00_0000) as u128 } else { (raw >> 8) | (0x26_u128 << 120) };
            let port = 1 + random.below(60_000) as u16;
            let ports = match (random.percent(20), random.percent(50)) {
                (false, _) => (0, u16::MAX),
                (true, true) => (port, port),
                (true, false) => (port, port + random.below(2_000) as u16),
            };
            Rule { allow: random.below(3) == 0, base: bits & !behind(len, width), len, ports }
        })
        .collect()
}

/// Half inside some entry, half misses, of these half near an entry; a port from the ranges half
/// of the time.
pub fn queries(rules: &[Rule], width: u8, count: usize, seed: u64) -> Vec<Query> {
    let mut random = Random::new(seed ^ 0x5bd1_e995);
    (0..count)
        .map(|_| {
            let rule = rules[random.below(rules.len())];
            let raw = (u128::from(random.next()) << 64) | u128::from(random.next());
            let bits = match random.below(4) {
                0 | 1 => rule.base | (raw & behind(rule.len, width)),
                2 => rule.last(width).wrapping_add(1 + raw % 3) & all(width),
                _ => raw & all(width),
            };
            let port = if random.percent(50) && rule.has_ports() { rule.ports.0 } else { random.below(65_536) as u16 };
            query(width, bits, port)
        })
        .collect()
}

pub fn query(width: u8, bits: u128, port: u16) -> Query {
    Query { bits, ip: ip(width, bits), v4: bits as u32, port }
}

/// The obvious evaluator: what every contestant is checked against.
pub fn naive(rules: &[Rule], width: u8, query: &Query) -> bool {
    let matches = |allow: bool| rules.iter().any(|rule| rule.allow == allow && rule.holds(width, query.bits, query.port));
    matches(true) || !matches(false)
}

/// Whether any entry holds the address, whatever its list and ports.
pub fn naive_member(rules: &[Rule], width: u8, query: &Query) -> bool {
    rules.iter().any(|rule| rule.base <= query.bits && query.bits <= rule.last(width))
}

/// N patterns, 40 % wildcards.
pub fn patterns(count: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let zones = ["example.com", "example.org", "internal.example", "api.example.net", "cdn.example"];
    (0..count)
        .map(|number| {
            let wildcard = if random.percent(40) { "*." } else { "" };
            format!("{wildcard}h{number:x}{}.{}", random.below(99), random.of(&zones))
        })
        .collect()
}

/// Half of the names match, 10 % have upper case.
pub fn names(patterns: &[String], count: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed ^ 77);
    (0..count)
        .map(|_| {
            let pattern = &patterns[random.below(patterns.len())];
            let name = pattern.replace('*', "www");
            let name = if random.percent(50) { name } else { format!("no{name}") };
            if random.percent(10) { name.to_uppercase() } else { name }
        })
        .collect()
}
