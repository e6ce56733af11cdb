//! The contestants for addresses.

use crate::{
    measure::{Contestant, with_bytes},
    work::{Query, Rule, ip},
};
use ip_network_table_deps_treebitmap::IpLookupTable;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixSet;
use sandgate::{Capabilities, Guardrails, NetworkConfig, Options, Policy};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
};

/// The options of every benchmark: the lists alone, with ports.
pub fn options() -> Options {
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    Options { guardrails: Guardrails::none(), capabilities, ..Options::default() }
}

/// The document that says what the rules say.
pub fn config(rules: &[Rule], width: u8) -> NetworkConfig {
    let texts = |allow| rules.iter().filter(|rule| rule.allow == allow).map(|rule| rule.text(width)).collect();
    NetworkConfig { allow_out: texts(true), deny_out: texts(false), ..NetworkConfig::default() }
}

pub fn policy(rules: &[Rule], width: u8) -> Policy {
    Policy::compile(&config(rules, width), &options()).expect("the generated rules are valid")
}

/// The bytes of a policy's tables: what decides, without the texts that explain.
pub fn table_bytes(rules: &[Rule], width: u8) -> usize {
    with_bytes(|| policy(rules, width).tables().clone()).1
}

pub fn sandgate(rules: &[Rule], width: u8) -> Contestant<'static, Query> {
    let policy = policy(rules, width);
    Contestant::new("**Sandgate**", table_bytes(rules, width), move |query: &Query| policy.allows_egress(query.ip, query.port))
}

pub fn sandgate_explained(rules: &[Rule], width: u8) -> Contestant<'static, Query> {
    let policy = policy(rules, width);
    Contestant::new("**Sandgate**, explained", 0, move |query: &Query| {
        policy.decide_egress(&sandgate::Destination::new(query.ip, query.port)).is_allowed()
    })
}

type Ported<N> = (N, u16, u16);

fn split<N>(rules: &[Rule], net: impl Fn(&Rule) -> N) -> (Vec<Ported<N>>, Vec<Ported<N>>) {
    let list = |allow| {
        let mut list: Vec<Ported<N>> =
            rules.iter().filter(|rule| rule.allow == allow).map(|rule| (net(rule), rule.ports.0, rule.ports.1)).collect();
        list.shrink_to_fit();
        list
    };
    (list(true), list(false))
}

fn net(width: u8) -> impl Fn(&Rule) -> IpNet {
    move |rule| IpNet::new(ip(width, rule.base), rule.len).expect("a length of the family")
}

pub type Linear = (Vec<Ported<IpNet>>, Vec<Ported<IpNet>>);

pub fn linear(rules: &[Rule], width: u8) -> Linear {
    split(rules, net(width))
}

pub fn linear_allows((allow, deny): &Linear, ip: IpAddr, port: u16) -> bool {
    let holds = |entry: &Ported<IpNet>| entry.0.contains(&ip) && entry.1 <= port && port <= entry.2;
    allow.iter().any(holds) || !deny.iter().any(holds)
}

pub fn linear_ipnet(rules: &[Rule], width: u8) -> Contestant<'static, Query> {
    let (lists, bytes, _) = with_bytes(|| Rc::new(linear(rules, width)));
    Contestant::new("linear `ipnet`", bytes, move |query: &Query| linear_allows(&lists, query.ip, query.port))
}

pub type Packed = (Vec<(u32, u32, u16, u16)>, Vec<(u32, u32, u16, u16)>);

pub fn packed(rules: &[Rule]) -> Packed {
    let list = |allow| {
        let pack = |rule: &Rule| (rule.base as u32, (rule.base ^ rule.last(32)) as u32, rule.ports.0, rule.ports.1);
        let mut list: Vec<_> = rules.iter().filter(|rule| rule.allow == allow).map(pack).collect();
        list.shrink_to_fit();
        list
    };
    (list(true), list(false))
}

pub fn packed_allows((allow, deny): &Packed, v4: u32, port: u16) -> bool {
    let holds = |&(base, hosts, low, high): &(u32, u32, u16, u16)| v4 & !hosts == base && low <= port && port <= high;
    allow.iter().any(holds) || !deny.iter().any(holds)
}

pub fn packed_linear(rules: &[Rule]) -> Contestant<'static, Query> {
    let (lists, bytes, _) = with_bytes(|| Rc::new(packed(rules)));
    Contestant::new("linear, packed base and mask", bytes, move |query: &Query| packed_allows(&lists, query.v4, query.port))
}

/// All matches of a tree bitmap, with ports: the general crate that answers the same question.
pub fn tree_bitmap(rules: &[Rule]) -> Contestant<'static, Query> {
    type Entries = Vec<(bool, u16, u16)>;
    let (table, bytes, _) = with_bytes(|| {
        let mut table: IpLookupTable<Ipv4Addr, Entries> = IpLookupTable::new();
        for rule in rules {
            let address = Ipv4Addr::from_bits(rule.base as u32);
            let entry = (rule.allow, rule.ports.0, rule.ports.1);
            match table.exact_match_mut(address, rule.len.into()) {
                Some(entries) => entries.push(entry),
                None => drop(table.insert(address, rule.len.into(), vec![entry])),
            }
        }
        Rc::new(table)
    });
    Contestant::new("tree bitmap, all matches and ports", bytes, move |query: &Query| {
        let (mut allow, mut deny) = (false, false);
        for (_, _, entries) in table.matches(Ipv4Addr::from_bits(query.v4)) {
            for &(is_allow, low, high) in entries {
                if low <= query.port && query.port <= high {
                    allow |= is_allow;
                    deny |= !is_allow;
                }
            }
        }
        allow || !deny
    })
}

// What follows answers less: whether any entry holds the address.

pub fn prefix_trie(rules: &[Rule], width: u8) -> Contestant<'static, Query> {
    if width == 32 {
        let v4 = |rule: &Rule| Ipv4Net::new(Ipv4Addr::from_bits(rule.base as u32), rule.len).expect("a length of IPv4");
        let (set, bytes, _) = with_bytes(|| Rc::new(rules.iter().map(v4).collect::<PrefixSet<_>>()));
        return Contestant::new("*`prefix-trie`*", bytes, move |query: &Query| {
            set.get_lpm(&Ipv4Net::from(Ipv4Addr::from_bits(query.v4))).is_some()
        });
    }
    let v6 = |rule: &Rule| Ipv6Net::new(Ipv6Addr::from_bits(rule.base), rule.len).expect("a length of IPv6");
    let (set, bytes, _) = with_bytes(|| Rc::new(rules.iter().map(v6).collect::<PrefixSet<_>>()));
    Contestant::new("*`prefix-trie`*", bytes, move |query: &Query| {
        set.get_lpm(&Ipv6Net::from(Ipv6Addr::from_bits(query.bits))).is_some()
    })
}

pub fn poptrie(rules: &[Rule]) -> Contestant<'static, Query> {
    let (trie, bytes, _) = with_bytes(|| {
        let mut trie: poptrie::Poptrie<(u32, u8), u32> = poptrie::Poptrie::new();
        for (number, rule) in rules.iter().enumerate() {
            trie.insert((rule.base as u32, rule.len), number as u32);
        }
        Rc::new(trie)
    });
    Contestant::new("*`poptrie`*", bytes, move |query: &Query| trie.lookup(query.v4).is_some())
}

pub fn range_map(rules: &[Rule]) -> Contestant<'static, Query> {
    let (set, bytes, _) = with_bytes(|| {
        let ranges = rules.iter().map(|rule| rule.base as u32..=rule.last(32) as u32);
        Rc::new(ranges.collect::<rangemap::RangeInclusiveSet<u32>>())
    });
    Contestant::new("*`rangemap`*", bytes, move |query: &Query| set.contains(&query.v4))
}
