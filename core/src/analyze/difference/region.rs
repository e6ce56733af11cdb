//! A region of the difference: addresses times ports, and a query that shows what it says.

use crate::{
    analyze::cited::CitedEntry,
    decision::{Decision, Destination, Host, Reason, Ruling},
    entry::{HostName, Network},
    plane::blocks,
};
use alloc::vec::Vec;
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Addresses of one family from the first to the last, both included.
///
/// A range of IPv6 may reach across the IPv4-mapped addresses. They are not meant: they are judged
/// as IPv4 (A-1).
///
/// ```
/// use sandgate::AddressRange;
///
/// let range = AddressRange::new("10.0.0.0".parse().unwrap(), "10.0.2.255".parse().unwrap()).unwrap();
/// let networks: Vec<String> = range.networks().map(|network| network.to_string()).collect();
/// assert_eq!(networks, ["10.0.0.0/23", "10.0.2.0/24"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// The range between two addresses of one family. `None` if they are not, or reversed.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(self) -> IpAddr {
        self.first
    }

    /// The highest address. It belongs to the range.
    #[must_use]
    pub const fn last(self) -> IpAddr {
        self.last
    }

    /// Whether the address lies in the range. An IPv4-mapped address is its IPv4 address (A-1).
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }

    /// The range as the fewest networks, in order. Those of IPv4-mapped addresses are left out.
    pub fn networks(self) -> impl Iterator<Item = Network> {
        let is_ipv4 = self.first.is_ipv4();
        let width = if is_ipv4 { 32 } else { u128::BITS };
        let network = move |(first, open): (u128, u32)| {
            let len = u8::try_from(width.saturating_sub(open)).ok()?;
            Network::beginning_at(address(is_ipv4, first), len)
        };
        blocks(bits(self.first), bits(self.last)).filter_map(network)
    }
}

pub(crate) fn address(is_ipv4: bool, bits: u128) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if is_ipv4 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for AddressRange {
    /// `10.0.0.0-10.0.2.255`, or the address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// Ports from the lowest to the highest, both included. Port 0 is traffic without a port (A-5).
///
/// Other than a [`PortRange`](crate::PortRange), which an entry writes, it can begin or end at 0.
///
/// ```
/// use sandgate::PortSpan;
///
/// let ports = PortSpan { low: 0, high: 79 };
/// assert!(ports.contains(0) && ports.contains(79) && !ports.contains(80));
/// assert_eq!(ports.to_string(), "0-79");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "two ports")]
pub struct PortSpan {
    /// The lowest port, or 0.
    pub low: u16,
    /// The highest port.
    pub high: u16,
}

impl PortSpan {
    /// Whether the port is meant.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }
}

impl fmt::Display for PortSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { low, high } if low == high => write!(f, "{low}"),
            Self { low, high } => write!(f, "{low}-{high}"),
        }
    }
}

/// What one policy decides about a query, taken out of it (X-1).
///
/// ```
/// use sandgate::{NetworkConfig, Options, Outcome, Policy, Reason, Ruling};
///
/// let policy = Policy::compile(&NetworkConfig::default(), &Options::default())?;
/// let outcome = Outcome::from(&policy.decide_ingress(None, 443));
/// assert_eq!((outcome.verdict, outcome.reason), (Ruling::Allow, Reason::NoRules));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The verdict, without what it carries.
    pub verdict: Ruling,
    /// Which step decided.
    pub reason: Reason,
    /// The entry that decided, if it was one.
    pub entry: Option<CitedEntry>,
}

impl From<&Decision<'_>> for Outcome {
    fn from(decision: &Decision<'_>) -> Self {
        let entry = decision.entry().map(CitedEntry::from);
        Self { verdict: decision.verdict().ruling(), reason: decision.reason(), entry }
    }
}

/// A query that two policies answer differently, and both answers.
///
/// Its port is the lowest of the region's first range, but 1 rather than 0.
///
/// It can be asked again: [`destination`](Self::destination) with
/// [`decide_egress`](crate::Policy::decide_egress), or `address` as the client and `port` with
/// [`decide_ingress`](crate::Policy::decide_ingress).
///
/// ```
/// use sandgate::{Options, Policy, diff};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let (old, new) = (policy("{}")?, policy(r#"{"denyOut": ["203.0.113.0/24"]}"#)?);
/// let difference = diff(&old, &new);
/// let witness = &difference.changes[0].regions[0].witness;
/// let destination = witness.destination().unwrap();
/// assert!(old.decide_egress(&destination).is_allowed() && !new.decide_egress(&destination).is_allowed());
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Witness {
    /// The destination or the client. `None` is the unknown client (I-3).
    pub address: Option<IpAddr>,
    /// The port; 0 is traffic without one (A-5).
    pub port: u16,
    /// The host name that the connection is for, if it has one.
    pub host: Option<HostName>,
    /// The answer of the old policy.
    pub before: Outcome,
    /// The answer of the new policy.
    pub after: Outcome,
}

impl Witness {
    /// The egress query. `None` if the client of ingress is unknown.
    #[must_use]
    pub fn destination(&self) -> Option<Destination<'_>> {
        let host = self.host.as_ref().map(|host| Host::Sni(host.as_bytes()));
        Some(Destination { address: self.address?, port: self.port, host })
    }
}

/// Addresses times ports where one change holds, and nowhere else.
///
/// ```
/// use sandgate::{Options, Policy, diff};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let old = policy(r#"{"allowIn": ["203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// let new = policy(r#"{"allowIn": ["203.0.113.0/24:443-444"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// let difference = diff(&old, &new);
/// let region = &difference.changes[0].regions[0];
/// assert_eq!(region.addresses[0].to_string(), "203.0.113.0-203.0.113.255");
/// assert_eq!(region.ports[0].to_string(), "444");
/// let witness = &region.witness;
/// assert_eq!(old.decide_ingress(witness.address, witness.port).reason(), witness.before.reason);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// The addresses, in order, IPv4 first. Empty for the unknown client of ingress (I-3).
    pub addresses: Vec<AddressRange>,
    /// The ports, in order.
    pub ports: Vec<PortSpan>,
    /// A query within the region.
    pub witness: Witness,
    /// Entries of the old policy that decide in the region about the name of the witness, list by
    /// list and in document order.
    pub entries_before: Vec<CitedEntry>,
    /// The same of the new policy.
    pub entries_after: Vec<CitedEntry>,
    /// Whether these are all that decide in the region. If edges of entries cut it into more than
    /// 64 places, they are those that decide at the first address of each range of addresses and
    /// the first port, or at the first address and the first port of each range of ports.
    pub cites_all: bool,
}

impl Region {
    /// Whether a query lies in the region, whatever its name. `None` is the unknown client (I-3).
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>, port: u16) -> bool {
        is_within(&self.addresses, &self.ports, address, port)
    }

    /// The addresses as networks, in order.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        self.addresses.iter().flat_map(|range| range.networks())
    }
}

/// Whether a query lies in addresses times ports, of which no address is the unknown client (I-3).
pub(super) fn is_within(addresses: &[AddressRange], ports: &[PortSpan], address: Option<IpAddr>, port: u16) -> bool {
    let holds = match address {
        Some(address) => addresses.iter().any(|range| range.contains(address)),
        None => addresses.is_empty(),
    };
    holds && ports.iter().any(|ports| ports.contains(port))
}

impl Serialize for Region {
    /// The fields, and the addresses as `networks` besides.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Region", 7)?;
        object.serialize_field("addresses", &self.addresses)?;
        object.serialize_field("networks", &self.networks().collect::<Vec<_>>())?;
        object.serialize_field("ports", &self.ports)?;
        object.serialize_field("witness", &self.witness)?;
        object.serialize_field("entriesBefore", &self.entries_before)?;
        object.serialize_field("entriesAfter", &self.entries_after)?;
        object.serialize_field("citesAll", &self.cites_all)?;
        object.end()
    }
}

impl Serialize for AddressRange {
    /// `{"first": "10.0.0.0", "last": "10.0.2.255"}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("AddressRange", 2)?;
        object.serialize_field("first", &format_args!("{}", self.first))?;
        object.serialize_field("last", &format_args!("{}", self.last))?;
        object.end()
    }
}
