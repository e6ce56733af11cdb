//! Many questions, each asked with one real packet, and every answer compared.

use super::{
    Lab, Marked, counters,
    packets::{Kind, frame},
};
use sandgate::{
    Destination, Direction, Host, Policy, Ruling,
    nftables::{ByName, Place, RuleSet, Settings, lower},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A question: the address that is tried, and the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Question {
    /// The destination of egress, the client of ingress, as the packet has it.
    pub(crate) address: IpAddr,
    /// What packet it is.
    pub(crate) kind: Kind,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on.
    Passed,
    /// It is gone.
    Dropped,
    /// It goes to the proxy.
    Redirected,
}

/// What a run came to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Policies whose rules were loaded, each in both directions.
    pub(crate) policies: u64,
    /// Packets that were sent.
    pub(crate) packets: u64,
    /// Packets that no kernel takes in, whatever its rules are.
    pub(crate) unreachable: u64,
    /// Packets whose fate was compared, egress and ingress.
    pub(crate) compared: [u64; 2],
    /// Of those, how many were let through or redirected.
    pub(crate) passed: u64,
}

/// Where the rules of a direction stand, so that every address can be tried from the link: on the
/// node for egress, in the sandbox for ingress. Both are judged as packets come in.
pub(crate) fn place(direction: Direction, interface: Place) -> (Place, Marked) {
    match direction {
        Direction::Egress => (interface, Marked::Source),
        Direction::Ingress => (Place::Sandbox, Marked::Destination),
    }
}

/// Asks all questions of one direction, and compares every answer with the policy's.
pub(crate) fn compare(
    lab: &Lab,
    policy: &Policy,
    direction: Direction,
    settings: &Settings,
    questions: &[Question],
    tally: &mut Tally,
) -> Result<(), String> {
    let (place, marked) = place(direction, settings.place.clone());
    let rules = lower(policy, &Settings { place, ..settings.clone() });
    lab.load(&rules, marked);
    for (number, question) in (1..).zip(questions) {
        let mark = mark(question.address, number);
        let (source, destination) = match marked {
            Marked::Source => (mark, question.address),
            Marked::Destination => (question.address, mark),
        };
        lab.send(&frame(source, destination, question.kind));
    }
    let record = lab.record();
    let mut differences = Vec::new();
    let mut reachable = 0;
    for (number, question) in (1..).zip(questions) {
        let mark = mark(question.address, number);
        let found = match (record.passed.contains_key(&mark), record.redirected.contains_key(&mark)) {
            (false, false) => Fate::Dropped,
            (true, false) => Fate::Passed,
            (_, true) => Fate::Redirected,
        };
        tally.packets += 1;
        if !is_reachable(question.address, direction) {
            // The kernel drops it before any rule.
            tally.unreachable += 1;
            if found != Fate::Dropped {
                differences.push(format!("{question:?}: {found:?}, and no kernel takes it in"));
            }
            continue;
        }
        reachable += 1;
        let expected = expected(policy, direction, *question, &rules);
        tally.compared[usize::from(direction == Direction::Ingress)] += 1;
        tally.passed += u64::from(found != Fate::Dropped);
        if found != expected {
            differences.push(format!("{question:?}: the kernel {found:?}, the policy {expected:?}"));
        }
    }
    if settings.counters {
        differences.extend(compare_counters(policy, direction, &rules, questions));
    }
    if record.arrived != reachable {
        differences.push(format!("{reachable} packets can come in, and {} did", record.arrived));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    differences.truncate(10);
    Err(format!("{direction}: {count} differences:\n{}\n{:?}\n{rules}", differences.join("\n"), policy.config()))
}

/// Each packet is counted for the reason that the policy gives.
fn compare_counters(policy: &Policy, direction: Direction, rules: &RuleSet, questions: &[Question]) -> Vec<String> {
    // The kernel sends packets of its own the other way.
    let classes = rules.counters.iter().filter(|class| class.direction == direction);
    let mut expected: BTreeMap<String, u64> = classes.map(|class| (class.name(), 0)).collect();
    for question in questions.iter().filter(|question| is_reachable(question.address, direction)) {
        let reason = match direction {
            Direction::Egress if is_by_name(policy, *question) => "by-name",
            Direction::Egress => {
                policy.decide_egress(&Destination::new(question.address, question.kind.port())).reason().as_str()
            }
            Direction::Ingress => policy.decide_ingress(Some(question.address), question.kind.port()).reason().as_str(),
        };
        *expected.entry(format!("{direction}_{}", reason.replace('-', "_"))).or_default() += 1;
    }
    let found = counters(&rules.table);
    let all = expected.iter().filter(|(name, count)| found.get(*name) != Some(*count));
    all.map(|(name, count)| format!("{name} counts {:?}, and should {count}", found.get(name))).collect()
}

/// Whether the address denies and a name can allow.
pub(crate) fn is_by_name(policy: &Policy, question: Question) -> bool {
    let Question { address, kind } = question;
    let plain = Destination::new(address, kind.port());
    let config = policy.config();
    let pattern = config.allow_out.iter().find(|entry| !entry.contains('/'));
    let name = pattern.map(|pattern| pattern.replace('*', "a"));
    let host = name.as_ref().map(|name| Host::Sni(name.as_bytes()));
    let named = policy.decide_egress(&Destination { host, ..plain }).verdict().ruling();
    named == Ruling::AllowByName && !policy.decide_egress(&plain).is_allowed()
}

/// What the policy says.
pub(crate) fn expected(policy: &Policy, direction: Direction, question: Question, rules: &RuleSet) -> Fate {
    let Question { address, kind } = question;
    let port = kind.port();
    let fate = |is_allowed| if is_allowed { Fate::Passed } else { Fate::Dropped };
    if direction == Direction::Ingress {
        return fate(policy.decide_ingress(Some(address), port).is_allowed());
    }
    let plain = policy.decide_egress(&Destination::new(address, port)).is_allowed();
    let is_tcp = matches!(kind, Kind::Tcp(_));
    let has_proxy = matches!(rules.by_name, ByName::ToProxy(_));
    if is_tcp && has_proxy && is_by_name(policy, question) { Fate::Redirected } else { fate(plain) }
}

/// The other address of a packet: it says which packet it is.
pub(crate) fn mark(address: IpAddr, number: u32) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(11, 0, 0, 0)) | number)),
        IpAddr::V6(_) => {
            let base = Ipv6Addr::new(0x2001, 0xdb8, 0xfeed, 0, 0, 0, 0, 0).to_bits();
            IpAddr::V6(Ipv6Addr::from_bits(base | u128::from(number)))
        }
    }
}

/// Whether the kernel takes a packet in from a link. These few it drops before any hook:
///
/// - to or from `::1`, which belongs to the loopback;
/// - to a multicast address whose scope is reserved (`ffx0`) or the interface (`ffx1`);
/// - from a multicast address, in IPv6.
pub(crate) fn is_reachable(address: IpAddr, direction: Direction) -> bool {
    let IpAddr::V6(address) = address else { return true };
    let scope = address.segments()[0] & 0xf;
    match direction {
        _ if address.is_loopback() => false,
        Direction::Egress => !(address.is_multicast() && scope <= 1),
        Direction::Ingress => !address.is_multicast(),
    }
}
