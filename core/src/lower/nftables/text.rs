//! The rules as `nft -f` reads them.

use super::{
    class::Class,
    rule_set::{
        Action, AddressOf, ByName, Chain, Element, Family, HookPoint, Match, PORT_PROTOCOLS, PortOf, Rule, RuleSet, Set,
    },
    settings::Log,
    steps::{BOTH_IN_FORCE, Step, Transaction},
};
use crate::{analyze::AddressRange, plane::blocks};
use core::{
    fmt::{self, Display, Formatter, Write},
    net::IpAddr,
};

impl Display for RuleSet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Network policy of a sandbox. One transaction that replaces this table and nothing else.")?;
        match self.by_name {
            ByName::Nothing => {}
            ByName::ToProxy(port) => {
                writeln!(f, "# TCP that a domain pattern may allow goes to port {port}, where the name decides.")?;
            }
            ByName::Dropped => {
                writeln!(f, "# Without a proxy, domain patterns allow nothing: what they may is dropped.")?;
            }
        }
        write_deletion(f, &self.table)?;
        writeln!(f, "table inet {} {{", self.table)?;
        write_sets(f, self)?;
        self.chains.iter().try_for_each(|chain| write_chain(f, chain))?;
        writeln!(f, "}}")
    }
}

impl Display for Transaction<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = &self.rules.table;
        match self.step {
            Step::Prepare => {
                writeln!(f, "create table inet {table}\ntable inet {table} {{")?;
                write_sets(f, self.rules)?;
            }
            Step::Enforce => writeln!(f, "table inet {table} {{\n\tchain {BOTH_IN_FORCE} {{ }}")?,
            Step::Retire => {
                writeln!(f, "delete chain inet {table} {BOTH_IN_FORCE}")?;
                return write_deletion(f, &self.rules.other_table);
            }
        }
        self.chains().try_for_each(|chain| write_chain(f, chain))?;
        writeln!(f, "}}")
    }
}

/// Deleting what is not there fails, and adding what is there does nothing.
fn write_deletion(f: &mut Formatter<'_>, table: &str) -> fmt::Result {
    writeln!(f, "add table inet {table}\ndelete table inet {table}")
}

fn write_sets(f: &mut Formatter<'_>, rules: &RuleSet) -> fmt::Result {
    for class in &rules.counters {
        writeln!(f, "\tcounter {} {{ }}", class.name())?;
    }
    rules.sets.iter().try_for_each(|set| write_set(f, set))
}

fn write_set(f: &mut Formatter<'_>, set: &Set) -> fmt::Result {
    let address = match set.family {
        Family::Ipv4 => "ipv4_addr",
        Family::Ipv6 => "ipv6_addr",
    };
    let port = if set.has_ports { " . inet_service" } else { "" };
    writeln!(f, "\tset {} {{\n\t\ttype {address}{port}\n\t\tflags interval\n\t\telements = {{", set.name)?;
    for element in &set.elements {
        writeln!(f, "\t\t\t{element},")?;
    }
    writeln!(f, "\t\t}}\n\t}}")
}

impl Display for Element {
    /// As in a set: `10.0.0.0/8 . 80-443 comment "allowOut[3]"`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match Interval::of(self.addresses) {
            Interval::One(address) => write!(f, "{address}")?,
            Interval::Network(first, len) => write!(f, "{first}/{len}")?,
            Interval::Range(first, last) => write!(f, "{first}-{last}")?,
        }
        if let Some(ports) = self.ports {
            write!(f, " . {ports}")?;
        }
        match &self.cites {
            Some(cites) => write!(f, " comment \"{cites}\""),
            None => Ok(()),
        }
    }
}

/// Addresses in the form in which the kernel's tools tell them.
pub(super) enum Interval {
    One(IpAddr),
    Network(IpAddr, u32),
    Range(IpAddr, IpAddr),
}

impl Interval {
    pub(super) fn of(range: AddressRange) -> Self {
        let (first, last) = (range.first(), range.last());
        let bits = |address| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), u32::BITS),
            IpAddr::V6(address) => (address.to_bits(), u128::BITS),
        };
        let ((low, width), (high, _)) = (bits(first), bits(last));
        let mut blocks = blocks(low, high);
        match (blocks.next(), blocks.next()) {
            (Some((_, 0)), None) => Self::One(first),
            (Some((_, open)), None) => Self::Network(first, width.saturating_sub(open)),
            _ => Self::Range(first, last),
        }
    }
}

fn write_chain(f: &mut Formatter<'_>, chain: &Chain) -> fmt::Result {
    writeln!(f, "\tchain {} {{", chain.name)?;
    if let Some(hook) = chain.hook {
        let kind = if hook.translates { "nat" } else { "filter" };
        writeln!(f, "\t\ttype {kind} hook {} priority {}; policy accept;", hook.point.as_str(), hook.priority)?;
    }
    for rule in &chain.rules {
        writeln!(f, "\t\t{rule}")?;
    }
    writeln!(f, "\t}}")
}

impl Display for Rule {
    /// A line of a chain.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for each in &self.matches {
            write!(f, "{each} ")?;
        }
        if let Some(class) = self.counter {
            write!(f, "counter name \"{}\" ", class.name())?;
        }
        if let Some((class, to)) = self.log {
            write_log(f, class, to)?;
        }
        match &self.action {
            Action::Accept => f.write_str("accept")?,
            Action::Drop => f.write_str("drop")?,
            Action::Goto(chain) => write!(f, "goto {chain}")?,
            Action::Redirect(port) => write!(f, "redirect to :{port}")?,
        }
        if self.comment.is_empty() { Ok(()) } else { write!(f, " comment \"{}\"", self.comment) }
    }
}

fn write_log(f: &mut Formatter<'_>, class: Class, to: Log) -> fmt::Result {
    write!(f, "log prefix \"{class} \" ")?;
    match to {
        Log::Group(group) => write!(f, "group {group} "),
        Log::Kernel | Log::Off => Ok(()),
    }
}

impl Display for Match {
    /// As in a rule.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface { point, name, is } => {
                let end = match point {
                    HookPoint::Prerouting => "iifname",
                    HookPoint::Postrouting => "oifname",
                };
                write!(f, "{end} {}\"{name}\"", if *is { "" } else { "!= " })
            }
            Self::Family(family) => write!(f, "meta nfproto {}", family.as_str()),
            Self::Established => f.write_str("ct state established"),
            Self::RelatedError => f.write_str("ct state related meta l4proto { icmp, ipv6-icmp }"),
            Self::Reply => f.write_str("ct direction reply"),
            Self::OpenedBy(address) => {
                write!(f, "{} {address}", AddressKey(AddressOf::Opener, Family::of(*address)))
            }
            Self::Untracked => f.write_str("ct state invalid,untracked"),
            Self::Opens => f.write_str("ct state new ct status & confirmed == 0"),
            Self::RedirectedTo(port) => write!(f, "ct status dnat {} {port}", PortOf::Answerer.key()),
            Self::NeighbourDiscovery { from_sandbox } => {
                let (types, to) = if *from_sandbox { FROM_SANDBOX } else { TO_SANDBOX };
                write!(f, "icmpv6 type {{ {} }} ip6 hoplimit 255{to}", Listed(types))
            }
            Self::Fragment(Family::Ipv4) => f.write_str("ip frag-off & 0x1fff != 0"),
            Self::Fragment(Family::Ipv6) => f.write_str("exthdr frag exists"),
            Self::RoutingHeader => f.write_str("exthdr rt exists"),
            Self::SourceRoute { is_strict: false } => f.write_str("ip option lsrr exists"),
            Self::SourceRoute { is_strict: true } => f.write_str("ip option ssrr exists"),
            Self::HasPort(has) => {
                write!(f, "meta l4proto {}{{ ", if *has { "" } else { "!= " })?;
                write_list(f, PORT_PROTOCOLS.iter().map(|(_, name)| *name))?;
                f.write_str(" }")
            }
            Self::Tcp => f.write_str("meta l4proto tcp"),
            Self::IsComplete => f.write_str("th dport 0-65535"),
            Self::Address { address, family, set } => write!(f, "{} @{set}", AddressKey(*address, *family)),
            Self::AddressAndPort { address, port, family, set } => {
                write!(f, "{} . {} @{set}", AddressKey(*address, *family), port.key())
            }
        }
    }
}

/// What the sandbox sends to its neighbours, and where to. It does not tell who the router is.
const FROM_SANDBOX: (&[&str], &str) =
    (&["nd-router-solicit", "nd-neighbor-solicit", "nd-neighbor-advert"], " ip6 daddr { fe80::/10, ff02::/16 }");
/// What its neighbours send to it.
const TO_SANDBOX: (&[&str], &str) = (&["nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert"], "");

pub(super) const fn neighbour_messages(from_sandbox: bool) -> &'static [&'static str] {
    if from_sandbox { FROM_SANDBOX.0 } else { TO_SANDBOX.0 }
}

struct Listed<'w>(&'w [&'w str]);

impl Display for Listed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_list(f, self.0.iter().copied())
    }
}

fn write_list<'w>(f: &mut impl Write, words: impl Iterator<Item = &'w str>) -> fmt::Result {
    for (place, word) in words.enumerate() {
        write!(f, "{}{word}", if place == 0 { "" } else { ", " })?;
    }
    Ok(())
}

struct AddressKey(AddressOf, Family);

impl Display for AddressKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (before, field) = self.0.key();
        let protocol = match self.1 {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        };
        match before {
            None => write!(f, "{protocol} {field}"),
            Some(direction) => write!(f, "ct {direction} {protocol} {field}"),
        }
    }
}

impl AddressOf {
    /// The direction of the connection if it is one of the connection's, and the field.
    pub(super) const fn key(self) -> (Option<&'static str>, &'static str) {
        match self {
            Self::Source => (None, "saddr"),
            Self::Destination => (None, "daddr"),
            Self::Opener => (Some("original"), "saddr"),
            Self::OpenedTo => (Some("original"), "daddr"),
            Self::Answerer => (Some("reply"), "saddr"),
        }
    }
}

impl PortOf {
    const fn key(self) -> &'static str {
        match self {
            Self::Destination => "th dport",
            Self::OpenedTo => "ct original proto-dst",
            Self::Answerer => "ct reply proto-src",
        }
    }
}
