//! Generates valid policies over few addresses, ports and labels, and the questions at their edges.
//!
//! A world is small so that things collide: entries nest, touch and repeat, and the questions are
//! the first and last address of every network and their neighbours, in every spelling that means
//! an IPv4 address.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};
use sandgate::{Capabilities, Guardrails, NameServer, NetworkConfig, Options, Policy};
use sandgate_conformance::{
    compare::{Edges, Question, embeddings},
    draft::{Address, Draft, Item},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const LABELS: &[&str] = &["a", "b", "com", "xn--bcher-kva", "e_x"];
const PORTS: &[u16] = &[1, 2, 53, 80, 81, 82, 443, 49983, 65534, 65535];
const IPV4: &[[u8; 4]] = &[
    [0, 0, 0, 0],
    [8, 8, 8, 8],
    [10, 0, 0, 0],
    [127, 0, 0, 1],
    [169, 254, 169, 254],
    [203, 0, 113, 0],
    [240, 0, 0, 0],
    [255, 255, 255, 252],
];
const IPV6: &[&str] = &[
    "::",
    "2001:db8::",
    "2001:db8:0:1::",
    "2001::1",
    "fe80::1",
    "64:ff9b:1::1",
    "fc00::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc",
];

/// A valid document and what the embedding program decides.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) config: NetworkConfig,
    pub(crate) options: Options,
}

impl World {
    pub(crate) fn policy(&self) -> Policy {
        compile(&self.config, &self.options)
    }
}

pub(crate) fn compile(config: &NetworkConfig, options: &Options) -> Policy {
    Policy::compile(config, options).unwrap_or_else(|report| panic!("{config:?}: {report}"))
}

fn ipv4() -> impl Strategy<Value = u32> {
    (select(IPV4), 0..4_u32).prop_map(|(base, near)| u32::from_be_bytes(base) | near)
}

fn ipv6() -> impl Strategy<Value = u128> {
    let embedded = (0..4_usize, ipv4()).prop_map(|(form, inner)| embeddings(inner)[form]);
    let plain = (select(IPV6), 0..4_u128).prop_map(|(base, near)| base.parse::<Ipv6Addr>().unwrap().to_bits() | near);
    prop_oneof![plain, embedded]
}

fn ipv4_network() -> impl Strategy<Value = (IpAddr, u8)> {
    let length = prop_oneof![Just(32_u8), Just(31), Just(30), Just(24), Just(8), Just(0), 0..=32_u8];
    (ipv4(), length).prop_map(|(address, length)| {
        let base = address & !u32::MAX.checked_shr(length.into()).unwrap_or(0);
        (IpAddr::V4(Ipv4Addr::from_bits(base)), length)
    })
}

fn ipv6_network() -> impl Strategy<Value = (IpAddr, u8)> {
    let length =
        prop_oneof![Just(128_u8), Just(127), Just(126), Just(96), Just(64), Just(32), Just(16), Just(0), 0..=128_u8];
    (ipv6(), length).prop_map(|(address, length)| {
        let base = address & !u128::MAX.checked_shr(length.into()).unwrap_or(0);
        (IpAddr::V6(Ipv6Addr::from_bits(base)), length)
    })
}

fn network() -> impl Strategy<Value = (IpAddr, u8)> {
    prop_oneof![3 => ipv4_network(), 2 => ipv6_network()]
}

/// A network of the guardrails as text: G-8 does not apply to it (H-1).
pub(crate) fn network_text() -> impl Strategy<Value = String> {
    network().prop_map(|(base, length)| format!("{base}/{length}"))
}

fn ports() -> impl Strategy<Value = (u16, u16)> {
    (select(PORTS), select(PORTS)).prop_map(|(one, other)| (one.min(other), one.max(other)))
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    (network(), option::of(ports()), any::<u8>()).prop_map(|((base, length), ports, spelling)| {
        // G-8: of the networks that begin with nothing, only the whole family is meaningful.
        let length = if base.is_unspecified() { 0 } else { length };
        Address { base, length, ports, spelling }
    })
}

fn name() -> impl Strategy<Value = String> {
    vec(select(LABELS), 1..4).prop_map(|labels| labels.join("."))
}

pub(crate) fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("*".to_owned()), 4 => name(), 4 => name().prop_map(|name| format!("*.{name}"))]
}

pub(crate) fn item() -> impl Strategy<Value = Item> {
    prop_oneof![3 => address().prop_map(Item::Address), 2 => pattern().prop_map(Item::Pattern)]
}

fn guardrails() -> impl Strategy<Value = Guardrails> {
    let networks = || {
        vec(network_text(), 0..4)
            .prop_map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<sandgate::Network>>())
    };
    let address = prop_oneof![
        ipv4().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        ipv6().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ];
    let server = (address, select(PORTS)).prop_map(|(address, port)| NameServer { address, port });
    let custom = (networks(), networks(), vec(select(PORTS), 0..3), option::of(server));
    let custom = custom.prop_map(|(always_denied, always_allowed, exempt_ports, name_server)| Guardrails {
        always_denied,
        always_allowed,
        exempt_ports,
        name_server,
    });
    prop_oneof![1 => Just(Guardrails::none()), 2 => Just(Guardrails::default()), 4 => custom]
}

pub(crate) fn options() -> impl Strategy<Value = Options> {
    (guardrails(), any::<(bool, bool)>()).prop_map(|(guardrails, (egress_ports, ipv6_ingress))| Options {
        guardrails,
        capabilities: Capabilities { egress_ports, ipv6_ingress },
        ..Options::default()
    })
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let lists = (vec(item(), 0..6), vec(address(), 0..6), vec(address(), 0..5), vec(address(), 0..5));
    let deny_all = any::<([bool; 2], [usize; 2])>();
    let internet_access = prop_oneof![1 => Just(false), 4 => Just(true)];
    (lists, deny_all, internet_access, options()).prop_map(
        |((allow_out, deny_out, allow_in, deny_in), (also_deny_all, places), allow_internet_access, options)| {
            let draft = Draft { allow_out, deny_out, allow_in, deny_in, allow_internet_access, also_deny_all, places };
            World { config: draft.config(options.capabilities), options }
        },
    )
}

/// The choices from which a question is put together.
#[derive(Debug, Clone)]
pub(crate) struct Pick {
    address: Index,
    port: Index,
    host: Option<(bool, String)>,
}

impl Pick {
    pub(crate) fn question(&self, edges: &Edges) -> Question {
        let (address, port) = (*self.address.get(&edges.addresses), *self.port.get(&edges.ports));
        Question { address, port, host: self.host.clone() }
    }
}

pub(crate) fn picks() -> impl Strategy<Value = Vec<Pick>> {
    let pick = (any::<(Index, Index)>(), option::of((any::<bool>(), host())));
    vec(pick.prop_map(|((address, port), host)| Pick { address, port, host }), 1..40)
}

/// A host as clients send it: mostly a name of the world, sometimes dressed up, sometimes none.
pub(crate) fn host() -> impl Strategy<Value = String> {
    let dressed = (name(), 0..12_u8).prop_map(|(name, dress)| match dress {
        0 => name.to_uppercase(),
        1 => format!("{name}."),
        2 => format!("{name}:443"),
        3 => format!("{name}.:65535"),
        4 => format!("{name}:0"),
        5 => format!("{name}\0"),
        6 => format!(".{name}"),
        7 => format!("{name}.7"),
        _ => name,
    });
    let no_name = select(&["", ".", "8.8.8.8", "[::1]", "::1", "a..b", "*.com", "-a.com", "a%2e.com", "\u{e9}.com"]);
    prop_oneof![6 => dressed, 1 => no_name.prop_map(str::to_owned)]
}
