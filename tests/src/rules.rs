//! The obvious evaluator of lowered rules: a packet goes through the chains, rule by rule, and
//! every set is searched from its first element to its last.

use sandgate::nftables::{
    Action, AddressOf, Chain, Element, Family, HookPoint, Match, PORT_PROTOCOLS, PortOf, RuleSet, Set,
};
use std::net::IpAddr;

/// The first packet of a connection, whole.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'p> {
    /// Where it is seen.
    pub point: HookPoint,
    /// The interface that it arrives on, or after routing leaves on.
    pub interface: &'p str,
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// The number of its protocol.
    pub protocol: u8,
    /// Its destination port. `None` if it has none, or is too short.
    pub port: Option<u16>,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Accepted,
    /// It is gone.
    Dropped,
    /// It goes to this port of the node.
    Redirected(u16),
}

/// What the rules do to a packet.
#[must_use]
pub fn fate(rules: &RuleSet, packet: &Packet<'_>) -> Fate {
    let mut chains: Vec<(i32, &Chain)> = Vec::new();
    for chain in &rules.chains {
        if let Some(hook) = chain.hook.filter(|hook| hook.point == packet.point) {
            chains.push((hook.priority, chain));
        }
    }
    chains.sort_by_key(|(priority, _)| *priority);
    for (_, chain) in chains {
        match walk(rules, chain, packet) {
            Fate::Accepted => {}
            decided => return decided,
        }
    }
    Fate::Accepted
}

fn walk(rules: &RuleSet, chain: &Chain, packet: &Packet<'_>) -> Fate {
    for rule in &chain.rules {
        if rule.matches.iter().all(|each| holds(rules, each, packet)) {
            return match &rule.action {
                Action::Accept => Fate::Accepted,
                Action::Drop => Fate::Dropped,
                Action::Redirect(port) => Fate::Redirected(*port),
                Action::Goto(name) => {
                    let target = rules.chains.iter().find(|chain| chain.name == *name);
                    walk(rules, target.expect("a rule goes to a chain that is there"), packet)
                }
            };
        }
    }
    Fate::Accepted
}

fn holds(rules: &RuleSet, each: &Match, packet: &Packet<'_>) -> bool {
    let is_port_protocol = || PORT_PROTOCOLS.iter().any(|(number, _)| *number == packet.protocol);
    let named = |name: &str| rules.sets.iter().find(|set| set.name == *name).expect("a rule asks a set that is there");
    let is_of = |family: Family| packet.source.is_ipv4() == (family == Family::Ipv4);
    match each {
        Match::Interface { point, name, is } => {
            assert_eq!(*point, packet.point, "an interface is not known at this hook");
            (name.as_str() == packet.interface) == *is
        }
        Match::Family(family) => is_of(*family),
        Match::HasPort(has) => is_port_protocol() == *has,
        Match::Tcp => packet.protocol == 6,
        Match::Opens => true,
        Match::IsComplete => packet.port.is_some(),
        Match::OpenedBy(address) => packet.source == *address,
        Match::Address { address, family, set } => {
            is_of(*family) && search(named(set), address_of(packet, *address), None)
        }
        Match::AddressAndPort { address, port, family, set } => {
            let port = match port {
                PortOf::Destination | PortOf::OpenedTo | PortOf::Answerer => packet.port,
            };
            is_of(*family) && port.is_some() && search(named(set), address_of(packet, *address), port)
        }
        // A packet of a new connection, whole, that goes where it says.
        Match::Established
        | Match::RelatedError
        | Match::Reply
        | Match::Untracked
        | Match::RedirectedTo(_)
        | Match::NeighbourDiscovery { .. }
        | Match::Fragment(_)
        | Match::RoutingHeader
        | Match::SourceRoute { .. } => false,
    }
}

/// Of a new connection that nothing has translated.
fn address_of(packet: &Packet<'_>, address: AddressOf) -> IpAddr {
    match address {
        AddressOf::Source | AddressOf::Opener => packet.source,
        AddressOf::Destination | AddressOf::OpenedTo | AddressOf::Answerer => packet.destination,
    }
}

fn search(set: &Set, address: IpAddr, port: Option<u16>) -> bool {
    assert_eq!(set.has_ports, port.is_some(), "{} is asked something else", set.name);
    set.elements.iter().any(|element| holds_place(element, address, port))
}

fn holds_place(element: &Element, address: IpAddr, port: Option<u16>) -> bool {
    let (first, last) = (element.addresses.first(), element.addresses.last());
    let in_ports = match (element.ports, port) {
        (Some(ports), Some(port)) => ports.low <= port && port <= ports.high,
        (None, None) => true,
        _ => panic!("{element} does not fit its set"),
    };
    first.is_ipv4() == address.is_ipv4() && first <= address && address <= last && in_ports
}
