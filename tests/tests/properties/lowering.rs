//! What is lowered to nftables decides as the policy does, rule by rule and set by set.

use crate::{
    cases,
    worlds::{World, world},
};
use proptest::{prelude::*, sample::select, test_runner::TestCaseResult};
use sandgate::{
    Destination, Host, Policy, Ruling,
    nftables::{ByName, Element, Established, HookPoint, Place, RuleSet, Settings, lower},
};
use sandgate_conformance::{
    compare::Edges,
    rules::{Fate, Packet, fate},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
};

const PROXY: u16 = 8080;
const TCP: u8 = 6;
const SCTP: u8 = 132;

fn settings() -> impl Strategy<Value = Settings> {
    let place = select(vec![
        Place::Sandbox,
        Place::interface("tap0".parse().unwrap(), None),
        Place::interface("tap0".parse().unwrap(), NonZeroU16::new(PROXY)),
    ]);
    let established = select(vec![Established::Keep, Established::Recheck]);
    (place, established, any::<(bool, bool)>()).prop_map(|(place, established, (comments, counters))| Settings {
        established,
        comments,
        counters,
        ..Settings::new(place)
    })
}

/// A name that one of the patterns matches, if there are any.
fn name_of(policy: &Policy) -> Option<String> {
    let config = policy.config();
    let pattern = config.allow_out.iter().find(|entry| !entry.contains('/'))?;
    Some(pattern.replace('*', "a"))
}

fn expected_egress(policy: &Policy, address: IpAddr, port: u16, is_tcp: bool, has_proxy: bool) -> Fate {
    if policy.decide_egress(&Destination::new(address, port)).is_allowed() {
        return Fate::Accepted;
    }
    let name = name_of(policy);
    let host = name.as_ref().map(|name| Host::Sni(name.as_bytes()));
    let named = policy.decide_egress(&Destination { address, port, host });
    let may_be_named = named.verdict().ruling() == Ruling::AllowByName;
    if may_be_named && is_tcp && has_proxy { Fate::Redirected(PROXY) } else { Fate::Dropped }
}

/// What the rules do to a packet of a port, or to one without.
struct Asked<'a> {
    policy: &'a Policy,
    settings: &'a Settings,
    rules: &'a RuleSet,
}

impl Asked<'_> {
    fn agrees(&self, address: IpAddr, port: u16) -> TestCaseResult {
        let has_proxy = self.rules.by_name == ByName::ToProxy(PROXY);
        let is_node = matches!(self.settings.place, Place::Interface { .. });
        let (from, to) = if is_node {
            (HookPoint::Prerouting, HookPoint::Postrouting)
        } else {
            (HookPoint::Postrouting, HookPoint::Prerouting)
        };
        let interface = if is_node { "tap0" } else { "eth0" };
        let other = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        // Port 0 is asked with traffic that has no port, and with a port that is 0.
        let protocols = [(TCP, Some(port)), (17, Some(port)), (SCTP, Some(port))];
        let portless = [(1, None), (47, None)].into_iter().filter(|_| port == 0);
        for (protocol, port_of) in protocols.into_iter().chain(portless) {
            let egress =
                Packet { point: from, interface, source: other, destination: address, protocol, port: port_of };
            let expected = expected_egress(self.policy, address, port, protocol == TCP, has_proxy);
            prop_assert_eq!(fate(self.rules, &egress), expected, "{:?}\n{}", egress, self.rules);
            let ingress = Packet { point: to, source: address, destination: other, ..egress };
            let allows = self.policy.decide_ingress(Some(address), port).is_allowed();
            let expected = if allows { Fate::Accepted } else { Fate::Dropped };
            prop_assert_eq!(fate(self.rules, &ingress), expected, "{:?}\n{}", ingress, self.rules);
        }
        Ok(())
    }
}

fn are_apart(one: &Element, other: &Element) -> bool {
    let apart = |first: &Element, second: &Element| first.addresses.last() < second.addresses.first();
    let ports = one.ports.zip(other.ports);
    apart(one, other)
        || apart(other, one)
        || ports.is_some_and(|(one, other)| one.high < other.low || other.high < one.low)
}

fn check_form(rules: &RuleSet) -> TestCaseResult {
    let names: BTreeSet<&str> = rules.sets.iter().map(|set| set.name.as_str()).collect();
    prop_assert_eq!(names.len(), rules.sets.len(), "two sets have one name");
    for set in &rules.sets {
        prop_assert!(!set.elements.is_empty(), "{} is empty", set.name);
        let places = set.elements.iter().map(|element| (element.addresses, element.ports));
        prop_assert!(places.is_sorted(), "{} is not in order", set.name);
        for (place, one) in set.elements.iter().enumerate() {
            prop_assert!(one.cites.is_none_or(|cites| cites.to_string().len() < 64));
            prop_assert!(set.elements[..place].iter().all(|other| are_apart(one, other)), "{}", rules);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn lowered_rules_decide_as_the_policy_does(world in world(), settings in settings()) {
        let World { .. } = &world;
        let policy = world.policy();
        let rules = lower(&policy, &settings);
        check_form(&rules)?;
        let asked = Asked { policy: &policy, settings: &settings, rules: &rules };
        let mut edges = Edges::of(&policy);
        edges.addresses.sort_unstable();
        edges.addresses.dedup();
        edges.ports.sort_unstable();
        edges.ports.dedup();
        for address in &edges.addresses {
            for port in &edges.ports {
                asked.agrees(*address, *port)?;
            }
        }
    }

    #[test]
    fn equal_policies_are_lowered_to_equal_texts(world in world(), settings in settings()) {
        let (one, other) = (lower(&world.policy(), &settings), lower(&world.policy(), &settings));
        prop_assert_eq!(one.to_string(), other.to_string());
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
    }
}

#[test]
fn rules_of_another_interface_touch_no_packet() {
    let policy = Policy::from_json(r#"{"denyOut": ["0.0.0.0/0"]}"#, &sandgate::Options::default()).unwrap();
    let rules = lower(&policy, &Settings::new(Place::interface("tap0".parse().unwrap(), None)));
    let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let packet = |interface| Packet {
        point: HookPoint::Prerouting,
        interface,
        source,
        destination: source,
        protocol: TCP,
        port: Some(443),
    };
    assert_eq!(fate(&rules, &packet("tap0")), Fate::Dropped);
    assert_eq!(fate(&rules, &packet("tap1")), Fate::Accepted);
}

#[test]
fn a_packet_that_ends_before_its_port_does_not_slip_past_a_port_rule() {
    let options = sandgate::Options {
        guardrails: sandgate::Guardrails::none(),
        capabilities: sandgate::Capabilities { egress_ports: true, ..Default::default() },
        ..Default::default()
    };
    let policy = Policy::from_json(r#"{"denyOut": ["203.0.113.0/24:25"]}"#, &options).unwrap();
    let rules = lower(&policy, &Settings::new(Place::interface("tap0".parse().unwrap(), None)));
    let destination = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
    let packet = |protocol, port| Packet {
        point: HookPoint::Prerouting,
        interface: "tap0",
        source: destination,
        destination,
        protocol,
        port,
    };
    assert_eq!(fate(&rules, &packet(TCP, Some(25))), Fate::Dropped);
    assert_eq!(fate(&rules, &packet(TCP, Some(26))), Fate::Accepted);
    assert_eq!(fate(&rules, &packet(TCP, None)), Fate::Dropped);
    assert_eq!(fate(&rules, &packet(47, None)), Fate::Accepted);
}
