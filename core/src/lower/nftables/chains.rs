//! The rules that ask the sets.
//!
//! ```text
//!     from_sandbox  --->  egress_ipv4, egress_ipv6      what the sandbox opens
//!     to_sandbox    --->  ingress_ipv4, ingress_ipv6    what is opened to it
//!     to_proxy                                          TCP that a domain pattern may allow
//! ```
//!
//! Where open connections are judged again, answers go to the chain of the other direction, and
//! the sets are asked about the connection instead of the packet.

use super::{
    class::Class,
    rule_set::{Action, AddressOf, ByName, Chain, Family, Hook, HookPoint, Match, PortOf, Rule, Set},
    sets::{Part, Sorted},
    settings::{Established, InterfaceName, Log, Place, Settings},
};
use crate::{analyze::Direction, decision::Ruling};
use alloc::{format, string::String, vec, vec::Vec};

/// After connections are tracked (-200) and packets put together (-400), before destinations are
/// translated (-100). Behind the routing, before sources are translated (100).
const FILTER: i32 = -150;
/// Where destinations are translated.
const TRANSLATION: i32 = -100;

pub(super) fn chains(sorted: &[[Sorted; 2]; 2], settings: &Settings, by_name: ByName) -> Vec<Chain> {
    let [egress, ingress] = sorted;
    let builder = Builder { settings, by_name };
    let mut chains = vec![builder.entrance(Direction::Egress), builder.entrance(Direction::Ingress)];
    if let (ByName::ToProxy(port), Place::Interface { name, .. }) = (by_name, &settings.place) {
        chains.push(to_proxy(egress, name, port));
    }
    for (direction, families) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
        chains.extend(families.iter().map(|sorted| builder.judging(direction, sorted)));
    }
    chains
}

struct Builder<'s> {
    settings: &'s Settings,
    by_name: ByName,
}

fn rule(matches: Vec<Match>, action: Action, comment: impl Into<String>) -> Rule {
    Rule { matches, counter: None, log: None, action, comment: comment.into() }
}

/// The action says the verdict already.
fn told(verdict: &str, class: Class) -> String {
    class.reason.map_or_else(String::new, |reason| format!("{verdict}: {reason}"))
}

fn chain_name(direction: Direction, family: Family) -> String {
    format!("{direction}_{}", family.as_str())
}

impl Builder<'_> {
    /// The chain that all packets of a direction come through, open connections among them.
    fn entrance(&self, direction: Direction) -> Chain {
        let from_sandbox = direction == Direction::Egress;
        let point = self.point(direction);
        let interface = |name: &InterfaceName, is| Match::Interface { point, name: name.clone(), is };
        let mut rules = Vec::new();
        match &self.settings.place {
            Place::Interface { name, .. } => {
                rules.push(rule(vec![interface(name, false)], Action::Accept, "not this sandbox"));
            }
            Place::Sandbox => {
                let own = InterfaceName::loopback();
                rules.push(rule(vec![interface(&own, true)], Action::Accept, "the sandbox to itself"));
            }
        }
        let neighbours = vec![Match::NeighbourDiscovery { from_sandbox }];
        rules.push(rule(neighbours, Action::Accept, "keeps the IPv6 link working"));
        for family in [Family::Ipv4, Family::Ipv6] {
            rules.push(rule(vec![Match::Fragment(family)], Action::Drop, "a fragment has no port"));
        }
        if from_sandbox {
            rules.push(rule(vec![Match::RoutingHeader], Action::Drop, "names a second destination"));
            for is_strict in [false, true] {
                rules.push(rule(vec![Match::SourceRoute { is_strict }], Action::Drop, "names a second destination"));
            }
        }
        rules.push(rule(vec![Match::RelatedError], Action::Accept, "an ICMP error about an open connection"));
        rules.extend(self.settings.ingress_proxies.iter().map(|address| {
            let opened = Match::OpenedBy(*address);
            // What a sandbox sends first comes from itself; only answers go to a proxy.
            let matches = if from_sandbox { vec![Match::Reply, opened] } else { vec![opened] };
            rule(matches, Action::Accept, "a proxy has judged the client")
        }));
        let families = |before: &[Match], direction| {
            [Family::Ipv4, Family::Ipv6].map(|family| {
                let matches = before.iter().cloned().chain([Match::Family(family)]).collect();
                rule(matches, Action::Goto(chain_name(direction, family)), format!("judged as {direction}"))
            })
        };
        match self.settings.established {
            Established::Keep => {
                rules.push(rule(vec![Match::Established], Action::Accept, "an open connection is kept"));
            }
            Established::Recheck => {
                rules.push(rule(vec![Match::Untracked], Action::Drop, "belongs to no connection"));
                let other = if from_sandbox { Direction::Ingress } else { Direction::Egress };
                rules.extend(families(&[Match::Reply], other));
            }
        }
        rules.extend(families(&[], direction));
        rules.push(rule(Vec::new(), Action::Drop, "neither IPv4 nor IPv6"));
        let name = if from_sandbox { "from_sandbox" } else { "to_sandbox" };
        Chain { name: name.into(), hook: Some(Hook { point, translates: false, priority: FILTER }), rules }
    }

    /// Where the packets of a direction are seen: as they come out of the sandbox, and as they go
    /// into it.
    fn point(&self, direction: Direction) -> HookPoint {
        match (&self.settings.place, direction) {
            (Place::Interface { .. }, Direction::Egress) | (Place::Sandbox, Direction::Ingress) => {
                HookPoint::Prerouting
            }
            (Place::Interface { .. }, Direction::Ingress) | (Place::Sandbox, Direction::Egress) => {
                HookPoint::Postrouting
            }
        }
    }

    /// The chain that decides about a direction and a family.
    fn judging(&self, direction: Direction, sorted: &Sorted) -> Chain {
        let family = sorted.family;
        let mut rules = Vec::new();
        for part in Part::ALL {
            for set in sorted.sets(part) {
                rules.extend(self.verdict(self.matches(direction, family, part, set), set.class));
            }
        }
        rules.extend(self.rest(sorted));
        Chain { name: chain_name(direction, family), hook: None, rules }
    }

    /// What happens to packets that are in no set. Where ports decide, rules about them do not see
    /// a packet that ends before its port: it is not what is left, and is dropped.
    fn rest(&self, sorted: &Sorted) -> Vec<Rule> {
        let class = sorted.rest;
        match class.verdict {
            Ruling::Allow if sorted.has_ports => vec![
                self.accept(vec![Match::HasPort(true), Match::IsComplete], class),
                self.accept(vec![Match::HasPort(false)], class),
                rule(Vec::new(), Action::Drop, "too short to have a port"),
            ],
            Ruling::AllowByName if sorted.has_ports => self.by_name(&[Match::IsComplete], Vec::new(), class),
            _ => self.verdict(Vec::new(), class),
        }
    }

    /// What holds of the packets of a set.
    fn matches(&self, direction: Direction, family: Family, part: Part, set: &Set) -> Vec<Match> {
        let set = set.name.clone();
        let (address, port) = self.asked(direction);
        match part {
            Part::Plain => vec![Match::Address { address, family, set }],
            Part::Ports => vec![Match::HasPort(true), Match::AddressAndPort { address, port, family, set }],
            Part::Portless => vec![Match::HasPort(false), Match::Address { address, family, set }],
        }
    }

    /// Which address and which port is judged. At the hook before the routing, a connection is
    /// what it was opened to; behind it, what it was translated to.
    fn asked(&self, direction: Direction) -> (AddressOf, PortOf) {
        match (self.settings.established, direction, self.point(direction)) {
            (Established::Keep, Direction::Egress, _) => (AddressOf::Destination, PortOf::Destination),
            (Established::Keep, Direction::Ingress, _) => (AddressOf::Source, PortOf::Destination),
            (Established::Recheck, Direction::Egress, HookPoint::Prerouting) => (AddressOf::OpenedTo, PortOf::OpenedTo),
            (Established::Recheck, Direction::Egress, HookPoint::Postrouting) => {
                (AddressOf::Answerer, PortOf::Answerer)
            }
            (Established::Recheck, Direction::Ingress, HookPoint::Prerouting) => (AddressOf::Opener, PortOf::OpenedTo),
            (Established::Recheck, Direction::Ingress, HookPoint::Postrouting) => (AddressOf::Opener, PortOf::Answerer),
        }
    }

    /// The rules that do to packets what is done to their class.
    fn verdict(&self, matches: Vec<Match>, class: Class) -> Vec<Rule> {
        match class.verdict {
            Ruling::Allow => vec![self.accept(matches, class)],
            Ruling::Deny => vec![self.drop(matches, class)],
            Ruling::AllowByName if matches.contains(&Match::HasPort(false)) => vec![self.drop(matches, class)],
            Ruling::AllowByName => {
                let of_tcp: Vec<Match> =
                    matches.iter().filter(|each| **each != Match::HasPort(true)).cloned().collect();
                self.by_name(&of_tcp, matches, class)
            }
        }
    }

    /// What happens to packets of a class that names decide: TCP that goes to the proxy passes. That
    /// is what opens a connection, which `to_proxy` redirects afterwards, and what belongs to one that
    /// was redirected. A packet of no connection, or of one that was opened while the address was
    /// allowed, would go to the destination itself, where nobody reads a name.
    fn by_name(&self, of_tcp: &[Match], all: Vec<Match>, class: Class) -> Vec<Rule> {
        let mut rules = Vec::new();
        if let ByName::ToProxy(port) = self.by_name {
            rules.extend([Match::RedirectedTo(port), Match::Opens].map(|which| {
                let matches = [Match::Tcp, which].into_iter().chain(of_tcp.iter().cloned()).collect();
                self.accept(matches, class)
            }));
        }
        rules.push(self.drop(all, class));
        rules
    }

    fn accept(&self, matches: Vec<Match>, class: Class) -> Rule {
        let comment = match class.verdict {
            Ruling::AllowByName => "allow by name: the proxy decides".into(),
            Ruling::Allow | Ruling::Deny => told("allow", class),
        };
        Rule { counter: self.counter(class), ..rule(matches, Action::Accept, comment) }
    }

    fn drop(&self, matches: Vec<Match>, class: Class) -> Rule {
        let log = (self.settings.log != Log::Off).then_some((class, self.settings.log));
        Rule { counter: self.counter(class), log, ..rule(matches, Action::Drop, told("deny", class)) }
    }

    fn counter(&self, class: Class) -> Option<Class> {
        self.settings.counters.then_some(class)
    }
}

/// The chain that redirects what names may allow, and nothing else. What is denied has been dropped
/// before; but where rules are replaced, that may have been by the rules before.
fn to_proxy(egress: &[Sorted; 2], name: &InterfaceName, port: u16) -> Chain {
    let point = HookPoint::Prerouting;
    let other = Match::Interface { point, name: name.clone(), is: false };
    let mut rules = vec![rule(vec![other], Action::Accept, "not this sandbox")];
    let action = |class: Class| match class.verdict {
        Ruling::AllowByName => Action::Redirect(port),
        Ruling::Allow | Ruling::Deny => Action::Accept,
    };
    let comment = |class: Class| match class.verdict {
        Ruling::AllowByName => String::from("the proxy decides"),
        Ruling::Allow => told("allow", class),
        Ruling::Deny => String::from("denied before"),
    };
    for sorted in egress {
        let parts = [Part::Plain, Part::Ports].into_iter();
        for (part, set) in parts.flat_map(|part| sorted.sets(part).map(move |set| (part, set))) {
            if [set.class, sorted.rest].iter().any(|class| class.is_by_name()) {
                let asked = (AddressOf::Destination, PortOf::Destination);
                let matches = tcp(part, asked, sorted.family, set);
                rules.push(rule(matches, action(set.class), comment(set.class)));
            }
        }
        if sorted.rest.verdict == Ruling::AllowByName {
            let matches = vec![Match::Family(sorted.family), Match::Tcp];
            rules.push(rule(matches, action(sorted.rest), comment(sorted.rest)));
        }
    }
    Chain { name: "to_proxy".into(), hook: Some(Hook { point, translates: true, priority: TRANSLATION }), rules }
}

fn tcp(part: Part, (address, port): (AddressOf, PortOf), family: Family, set: &Set) -> Vec<Match> {
    let set = set.name.clone();
    let asked = match part {
        Part::Ports => Match::AddressAndPort { address, port, family, set },
        Part::Plain | Part::Portless => Match::Address { address, family, set },
    };
    vec![Match::Tcp, asked]
}
