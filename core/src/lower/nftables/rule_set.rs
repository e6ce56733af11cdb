//! The rules as data: what a kernel is told, before it is written down.

use super::{
    class::Class,
    settings::{InterfaceName, Log},
};
use crate::{
    analyze::{AddressRange, PortSpan},
    config::List,
};
use alloc::{string::String, vec::Vec};
use core::{fmt, net::IpAddr};

/// The rules of one policy, in a table of their own.
///
/// Its `Display` is what `nft -f -` reads: one transaction that replaces exactly its table. It
/// serializes to what `nft -j -f -` reads, which is the same. Where traffic flows that the rules
/// before allowed or denied, they are replaced in [`steps`](Self::steps).
///
/// ```
/// use sandgate::{Options, Policy, nftables};
///
/// let policy = Policy::from_json("{}", &Options::default())?;
/// let rule_set = nftables::lower(&policy, &nftables::Settings::new(nftables::Place::Sandbox));
/// let names: Vec<&str> = rule_set.sets.iter().map(|set| set.name.as_str()).collect();
/// assert_eq!(names, ["egress_deny_ipv4", "egress_deny_ipv6"]);
/// assert_eq!(serde_json::to_value(&rule_set).unwrap()["nftables"][0]["add"]["table"]["name"], "sandgate");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleSet {
    /// The name of the table, of the family `inet`.
    pub table: String,
    /// The name of the table with which it takes turns.
    pub other_table: String,
    /// What becomes of TCP that a domain pattern may allow.
    pub by_name: ByName,
    /// The classes whose packets are counted.
    pub counters: Vec<Class>,
    /// The sets, none of them empty.
    pub sets: Vec<Set>,
    /// The chains.
    pub chains: Vec<Chain>,
}

/// What becomes of TCP that the address does not allow and a domain pattern may. The kernel sees
/// no names, and anything but TCP is denied there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is such traffic or not, and a proxy for it or not")]
pub enum ByName {
    /// There is none: addresses decide everything.
    Nothing,
    /// It is redirected to this port of the node, where a proxy sees the name and decides.
    ToProxy(u16),
    /// It is dropped, because there is no proxy. The domain patterns of the policy allow nothing.
    Dropped,
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// `ipv4` or `ipv6`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// A set of disjoint intervals: of addresses, or of addresses times ports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Set {
    /// Its name.
    pub name: String,
    /// The family of its addresses.
    pub family: Family,
    /// Whether its elements have ports.
    pub has_ports: bool,
    /// The class of the packets that it holds.
    pub class: Class,
    /// Its elements, in order.
    pub elements: Vec<Element>,
}

/// An interval of addresses, perhaps times an interval of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// The addresses as packets have them. Those of IPv6 that are IPv4-mapped are meant where
    /// they lie between the first and the last.
    pub addresses: AddressRange,
    /// The ports, in a set that has them.
    pub ports: Option<PortSpan>,
    /// The entries that the element comes from, if entries decide and are asked for.
    pub cites: Option<Cites>,
}

/// The entries that an element comes from. It displays as `allowOut[3] and 2 more`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Cites {
    /// The list of the first.
    pub list: List,
    /// Its place in the list, counted from 0.
    pub index: usize,
    /// How many others there are. `None`: not counted, because there are many places to look.
    pub others: Option<usize>,
}

impl fmt::Display for Cites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.index)?;
        match self.others {
            Some(0) => Ok(()),
            Some(others) => write!(f, " and {others} more"),
            None => f.write_str(" and others"),
        }
    }
}

/// Rules in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets come into it. `None`: from other chains only.
    pub hook: Option<Hook>,
    /// The rules. A packet that none of them decides goes on.
    pub rules: Vec<Rule>,
}

/// Where a chain is hooked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Hook {
    /// Which hook.
    pub point: HookPoint,
    /// Whether the chain translates addresses instead of filtering.
    pub translates: bool,
    /// The place among the chains of the hook; lower ones come first.
    pub priority: i32,
}

/// A hook of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these two see everything that crosses an interface")]
pub enum HookPoint {
    /// Before routing.
    Prerouting,
    /// After routing.
    Postrouting,
}

impl HookPoint {
    /// `prerouting` or `postrouting`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Postrouting => "postrouting",
        }
    }
}

/// If all matches hold, the packet is counted and logged, and the action is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What must hold.
    pub matches: Vec<Match>,
    /// The class whose counter counts the packet.
    pub counter: Option<Class>,
    /// The class whose line is logged, and where to.
    pub log: Option<(Class, Log)>,
    /// What happens.
    pub action: Action,
    /// Why, for a person. Empty where the action says it.
    pub comment: String,
}

/// What happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "who follows the rules has to know all of them")]
pub enum Action {
    /// It goes on to the next hook.
    Accept,
    /// It is gone.
    Drop,
    /// Another chain decides.
    Goto(String),
    /// Its destination becomes this port of the node.
    Redirect(u16),
}

/// Something that holds of a packet or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "who follows the rules has to know all of them")]
pub enum Match {
    /// It arrives on the interface, or leaves on it after routing; or it does on another one.
    Interface {
        /// Where the chain is hooked in.
        point: HookPoint,
        /// The interface.
        name: InterfaceName,
        /// Whether it is this interface.
        is: bool,
    },
    /// It is of the family.
    Family(Family),
    /// Its connection has been answered.
    Established,
    /// It is an ICMP error about a connection that exists. The kernel has seen that it goes to an
    /// end of it.
    RelatedError,
    /// It goes in the direction of the answers of its connection.
    Reply,
    /// Its connection was opened from this address.
    OpenedBy(IpAddr),
    /// It belongs to no connection that the kernel can follow.
    Untracked,
    /// It opens a connection, so where destinations are translated it is still seen.
    Opens,
    /// Its connection was redirected to this port.
    RedirectedTo(u16),
    /// It keeps an IPv6 link working: it asks for, or tells, who is on it. Such a packet was sent
    /// on the link itself (hop limit 255), and stays on it: from the sandbox, only to addresses
    /// of the link.
    NeighbourDiscovery {
        /// Whether the sandbox sent it.
        from_sandbox: bool,
    },
    /// It is a part of a packet that was not put together.
    Fragment(Family),
    /// It names another destination than the one it goes to: an IPv6 routing header.
    RoutingHeader,
    /// The same in IPv4: a source route, loose or strict.
    SourceRoute {
        /// Whether the route has to be followed strictly.
        is_strict: bool,
    },
    /// Its protocol is one of [`PORT_PROTOCOLS`], or is not.
    HasPort(bool),
    /// Its protocol is TCP.
    Tcp,
    /// It is not too short to have a destination port.
    IsComplete,
    /// One of its addresses is in a set.
    Address {
        /// Which address.
        address: AddressOf,
        /// The family, which is that of the set.
        family: Family,
        /// The set.
        set: String,
    },
    /// One of its addresses together with one of its ports is in a set.
    AddressAndPort {
        /// Which address.
        address: AddressOf,
        /// Which port.
        port: PortOf,
        /// The family, which is that of the set.
        family: Family,
        /// The set.
        set: String,
    },
}

/// The protocols that have ports: their numbers and names. All other traffic is without a port
/// (A-5).
pub const PORT_PROTOCOLS: &[(u8, &str)] = &[(6, "tcp"), (17, "udp"), (33, "dccp"), (132, "sctp"), (136, "udplite")];

/// An address of a packet or of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "who follows the rules has to know all of them")]
pub enum AddressOf {
    /// The source of the packet.
    Source,
    /// The destination of the packet.
    Destination,
    /// Who opened the connection.
    Opener,
    /// What the connection was opened to, before that was translated.
    OpenedTo,
    /// Who answers, after the destination was translated.
    Answerer,
}

/// A port of a packet or of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "who follows the rules has to know all of them")]
pub enum PortOf {
    /// The destination of the packet.
    Destination,
    /// What the connection was opened to, before that was translated.
    OpenedTo,
    /// Who answers, after the destination was translated.
    Answerer,
}
