//! Pairs of policies over a world so small that every query can be asked: 256 addresses of each
//! family, seven ports, a handful of names, and what lies just outside.

use crate::worlds::compile;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};
use sandgate::{Capabilities, Guardrails, NameServer, Network, Options, Policy};
use sandgate_conformance::{
    compare::embeddings,
    draft::{Address, Draft, Item},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ports of entries are 1 to 6. Port 0 is no port, and 7 is every port that no entry names.
pub(crate) const PORTS: [u16; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

pub(crate) const PATTERNS: &[&str] = &["*", "a.b", "*.b", "*.a.b", "b.a.b", "*.b.a.b", "c.b", "*.c.b"];

/// A name for each way in which patterns can tell names apart, and one that is none.
pub(crate) const NAMES: &[&str] = &["c", "a.b", "c.b", "x.b", "b.a.b", "x.a.b", "x.b.a.b", "a.c.b", "1.2.3.4"];

/// Where the 256 addresses of a world lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    v4: u32,
    v6: u128,
    /// The bits below those that tell the addresses apart.
    below: u32,
}

const V4: u32 = 0xcb00_7100;

/// Addresses of their own, and those of each form that carries IPv4.
fn place() -> impl Strategy<Value = Place> {
    let plain = Place { v4: V4, v6: 0x2001_0db8 << 96, below: 0 };
    let carrying =
        move |form: usize| Place { v6: embeddings(V4)[form], below: if form == 1 { 80 } else { 0 }, ..plain };
    // Where `::` and `::1` are, which carry nothing.
    let unspecified = Place { v4: 0, v6: 0, below: 0 };
    prop_oneof![4 => Just(plain), 4 => (0..4_usize).prop_map(carrying), 1 => Just(unspecified)]
}

impl Place {
    fn v4(self, number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(self.v4 | u32::from(number)))
    }

    fn v6(self, number: u8) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from_bits(self.v6 | u128::from(number) << self.below))
    }

    /// Every address of the world, and some outside: neighbours, and the carriers of its IPv4
    /// addresses that lie elsewhere.
    pub(crate) fn addresses(self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = (0..=u8::MAX).flat_map(|number| [self.v4(number), self.v6(number)]).collect();
        let last = self.v6 | ((0x100 << self.below) - 1);
        for bits in [self.v6.wrapping_sub(1), last, last.wrapping_add(1), 0, 1, 2, u128::MAX] {
            addresses.push(Ipv6Addr::from_bits(bits).into());
        }
        for bits in [self.v4.wrapping_sub(1), self.v4 + 256, 0, 0x0808_0808, u32::MAX] {
            addresses.push(Ipv4Addr::from_bits(bits).into());
        }
        for number in [0, 1, 2, 63, 64, 127, 128, 255] {
            let inner = self.v4 | number;
            addresses.extend(embeddings(inner).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
            addresses.push(Ipv4Addr::from_bits(inner).to_ipv6_mapped().into());
        }
        addresses
    }

    fn network(self, is_v4: bool, number: u8, length: u8) -> (IpAddr, u8) {
        let number = number & !u8::MAX.checked_shr(length.into()).unwrap_or(0);
        if is_v4 {
            (self.v4(number), 24 + length)
        } else {
            (self.v6(number), u8::try_from(120 - self.below).unwrap() + length)
        }
    }
}

/// A network by numbers, before it has a place. Length 9 is everything.
#[derive(Debug, Clone, Copy)]
struct Block {
    is_v4: bool,
    number: u8,
    length: u8,
}

fn block() -> impl Strategy<Value = Block> {
    let length = prop_oneof![2 => 0..=8_u8, 3 => 4..=8_u8, 1 => Just(9)];
    (any::<bool>(), any::<u8>(), length).prop_map(|(is_v4, number, length)| Block { is_v4, number, length })
}

impl Block {
    fn network(self, place: Place) -> (IpAddr, u8) {
        match (self.length, self.is_v4) {
            (9, true) => (Ipv4Addr::UNSPECIFIED.into(), 0),
            (9, false) => (Ipv6Addr::UNSPECIFIED.into(), 0),
            _ => place.network(self.is_v4, self.number, self.length),
        }
    }

    fn guardrail(self, place: Place) -> Network {
        let (base, length) = self.network(place);
        format!("{base}/{length}").parse().unwrap()
    }
}

/// An entry of a list: a block with ports, or a pattern where the list takes one.
#[derive(Debug, Clone)]
struct Line {
    block: Block,
    ports: Option<(u16, u16)>,
    pattern: Option<&'static str>,
}

fn line() -> impl Strategy<Value = Line> {
    let ports = (1..=6_u16, 1..=6_u16).prop_map(|(one, other)| (one.min(other), one.max(other)));
    (block(), option::of(ports), option::weighted(0.4, select(PATTERNS))).prop_map(|(block, ports, pattern)| Line {
        block,
        ports,
        pattern,
    })
}

impl Line {
    /// G-8: of the networks at the unspecified address, only everything is an entry.
    fn address(&self, place: Place) -> Option<Address> {
        let (base, length) = self.block.network(place);
        let is_entry = length == 0 || !base.is_unspecified();
        is_entry.then_some(Address { base, length, ports: self.ports, spelling: 3 })
    }

    /// The same network as two halves, if it has them.
    fn halves(&self) -> [Self; 2] {
        let Block { number, length, .. } = self.block;
        let with = |number, length| Self { block: Block { number, length, ..self.block }, ..self.clone() };
        if length >= 8 {
            return [self.clone(), self.clone()];
        }
        let low = number & !(0x80_u8 >> length);
        [with(low, length + 1), with(low | 0x80 >> length, length + 1)]
    }
}

/// Everything that a policy of the world is made of.
#[derive(Debug, Clone)]
struct Parts {
    lists: [Vec<Line>; 4],
    deny_all: [bool; 2],
    internet_access: bool,
    public_traffic: bool,
    guarded: [Vec<Block>; 2],
    exempt_ports: Vec<u16>,
    name_server: Option<(bool, u8, u16)>,
    capabilities: (bool, bool),
}

fn parts() -> impl Strategy<Value = Parts> {
    let lists = [vec(line(), 0..5), vec(line(), 0..4), vec(line(), 0..4), vec(line(), 0..4)];
    let flags = (any::<[bool; 2]>(), prop_oneof![5 => Just(true), 1 => Just(false)], any::<bool>());
    let server = option::of((any::<bool>(), any::<u8>(), 1..=6_u16));
    let operator = ([vec(block(), 0..3), vec(block(), 0..2)], vec(1..=6_u16, 0..3), server);
    let capabilities = prop_oneof![4 => Just((true, true)), 1 => any::<(bool, bool)>()];
    (lists, flags, operator, capabilities).prop_map(|(lists, flags, operator, capabilities)| Parts {
        lists,
        deny_all: flags.0,
        internet_access: flags.1,
        public_traffic: flags.2,
        guarded: operator.0,
        exempt_ports: operator.1,
        name_server: operator.2,
        capabilities,
    })
}

impl Parts {
    fn policy(&self, place: Place) -> Policy {
        let addresses = |lines: &[Line]| lines.iter().filter_map(|line| line.address(place)).collect();
        let [allow_out, deny_out, allow_in, deny_in] = &self.lists;
        let item = |line: &Line| match line.pattern {
            Some(pattern) => Some(Item::Pattern(pattern.to_owned())),
            None => line.address(place).map(Item::Address),
        };
        let draft = Draft {
            allow_out: allow_out.iter().filter_map(item).collect(),
            deny_out: addresses(deny_out),
            allow_in: addresses(allow_in),
            deny_in: addresses(deny_in),
            allow_internet_access: self.internet_access,
            also_deny_all: self.deny_all,
            places: [0, 1],
        };
        let (egress_ports, ipv6_ingress) = self.capabilities;
        let capabilities = Capabilities { egress_ports, ipv6_ingress };
        let networks = |blocks: &[Block]| blocks.iter().map(|block| block.guardrail(place)).collect();
        let [always_denied, always_allowed] = &self.guarded;
        let server = |(is_v4, number, port)| NameServer {
            address: if is_v4 { place.v4(number) } else { place.v6(number) },
            port,
        };
        let guardrails = Guardrails {
            always_denied: networks(always_denied),
            always_allowed: networks(always_allowed),
            exempt_ports: self.exempt_ports.clone(),
            name_server: self.name_server.map(server),
        };
        let mut config = draft.config(capabilities);
        config.allow_public_traffic = self.public_traffic;
        compile(&config, &Options { guardrails, capabilities, ..Options::default() })
    }
}

/// Two policies, and where they are.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) place: Place,
    pub(crate) old: Policy,
    pub(crate) new: Policy,
}

/// A policy, and one that has some of its parts from another and says some of the rest in other
/// words: that is what updates are, and unrelated policies are never equivalent.
pub(crate) fn pair() -> impl Strategy<Value = Pair> {
    let halved = any::<[Index; 4]>();
    (place(), parts(), parts(), any::<u16>(), any::<u16>(), halved).prop_map(|(place, old, other, one, two, halved)| {
        let mut new = old.clone();
        // About one part in four is another.
        let is_other = |part: u16| one & two & 1 << part != 0;
        for (part, (list, other)) in (0..).zip(new.lists.iter_mut().zip(&other.lists)) {
            match (is_other(part), other.first()) {
                // One entry more is the commonest change of all.
                (true, Some(line)) if one & 1 << (part + 4) != 0 => list.push(line.clone()),
                (true, _) => list.clone_from(other),
                (false, _) => {}
            }
        }
        for (list, place) in new.lists.iter_mut().zip(halved) {
            if !list.is_empty() {
                let at = place.index(list.len());
                let [low, high] = list[at].halves();
                list[at] = low;
                list.insert(0, high);
            }
        }
        if is_other(8) {
            new.deny_all = other.deny_all;
        }
        if is_other(9) {
            new.internet_access = other.internet_access;
        }
        if is_other(10) {
            new.public_traffic = other.public_traffic;
        }
        if is_other(11) {
            new.guarded = other.guarded;
        }
        if is_other(12) {
            new.exempt_ports = other.exempt_ports;
        }
        if is_other(13) {
            new.name_server = other.name_server;
        }
        if is_other(14) {
            new.capabilities = other.capabilities;
        }
        Pair { place, old: old.policy(place), new: new.policy(place) }
    })
}
