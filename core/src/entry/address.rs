//! An address entry: a network, and the ports it speaks of (semantics, section 2).

use super::{Entry, domain::DomainPattern, marks::Marks, network::Network, ports::PortRange};
use crate::diagnostic::{Code, ParseError};
use alloc::{format, string::String};
use core::{fmt, net::Ipv6Addr, str::FromStr};

/// A network with a port range: `10.0.0.0/8`, `[2001:db8::/32]:443`, `:80-443`.
///
/// [`Display`](fmt::Display) writes the canonical text (G-10), and canonical text parses to itself.
///
/// ```
/// use sandgate::AddressEntry;
///
/// let entry: AddressEntry = ":443".parse()?;
/// assert_eq!(entry.to_string(), "0.0.0.0/0:443");
/// assert_eq!("[2001:DB8::1]:80-80".parse::<AddressEntry>()?.to_string(), "[2001:db8::1/128]:80");
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressEntry {
    network: Network,
    ports: PortRange,
}

impl AddressEntry {
    /// All traffic: `0.0.0.0/0` without ports, the entry that R-1 and R-2 ask for.
    pub const ALL_TRAFFIC: Self = Self { network: Network::ALL_IPV4, ports: PortRange::ALL };

    /// A network of the operator, to which G-8 does not apply (H-1), without ports.
    pub(crate) const fn of_network(network: Network) -> Self {
        Self::with_ports(network, PortRange::ALL)
    }

    /// Ports of a network that is not a user's.
    pub(crate) const fn with_ports(network: Network, ports: PortRange) -> Self {
        Self { network, ports }
    }

    /// The addresses.
    #[must_use]
    pub const fn network(self) -> Network {
        self.network
    }

    /// The ports.
    #[must_use]
    pub const fn ports(self) -> PortRange {
        self.ports
    }

    /// G-8: of the networks at the unspecified address only the two that are everything mean
    /// what they seem to.
    fn new(network: Network, ports: PortRange) -> Result<Self, ParseError> {
        if network.first().is_unspecified() && network.prefix_len() > 0 {
            return Err(ParseError::new(
                Code::UnspecifiedNetwork,
                format!("`{network}` reads like everything and is not: all traffic is `0.0.0.0/0`, all IPv6 is `::/0`"),
            ));
        }
        Ok(Self { network, ports })
    }
}

impl FromStr for AddressEntry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_address = |text: &str| matches!(Entry::read(text), Ok(Entry::Address(_)));
        match Entry::read(text) {
            Ok(Entry::Address(entry)) => Ok(entry),
            Ok(Entry::Pattern(pattern)) => Err(not_an_address(&pattern)),
            Err(error) => Err(error.keep_offers(is_address)),
        }
    }
}

/// R-5: a name where only addresses are taken.
pub(crate) fn not_an_address(pattern: &DomainPattern) -> ParseError {
    ParseError::new(Code::PatternNotAllowed, format!("`{pattern}` is a domain pattern, and only addresses stand here"))
        .advise("write the addresses; domain patterns belong in `allowOut`")
}

impl AddressEntry {
    /// Reads `entry` of the grammar. The caller has seen that the text looks like an address.
    pub(super) fn from_grammar(text: &str, marks: Marks) -> Result<Self, ParseError> {
        let parts = Parts::split(text, marks)?;
        let ports = parts.ports.map_or(Ok(PortRange::ALL), PortRange::read);
        let ports_at = text.len().saturating_sub(parts.ports.map_or(0, str::len));
        let network = match parts.host {
            // G-4: no host is every IPv4 address.
            "" if parts.ports.is_some() => Ok(Network::ALL_IPV4),
            host => Network::read(host, parts.marks),
        };
        // The first error in the text is the one that is told. What it offers keeps the rest.
        let network = network.map_err(|error| {
            let error = error.shifted(parts.host_at);
            match ports {
                Ok(ports) => error.map_offers(|host| join(&host, ports)),
                Err(_) => error.keep_offers(|_| false),
            }
        })?;
        let ports = ports.map_err(|error| {
            let host = text.get(..ports_at).unwrap_or_default();
            error.map_offers(|ports| format!("{host}{ports}")).shifted(ports_at)
        })?;
        Self::new(network, ports)
    }
}

/// The canonical way to put a host and its ports together (G-10).
fn join(host: &str, ports: PortRange) -> String {
    match (ports.is_all(), host.contains(':')) {
        (true, _) => host.into(),
        (false, true) => format!("[{host}]:{ports}"),
        (false, false) => format!("{host}:{ports}"),
    }
}

/// `host [ ":" ports ]`, taken apart. The host has lost its brackets.
struct Parts<'t> {
    host: &'t str,
    host_at: usize,
    /// The marks of the host.
    marks: Marks,
    ports: Option<&'t str>,
}

impl<'t> Parts<'t> {
    fn split(text: &'t str, marks: Marks) -> Result<Self, ParseError> {
        if let Some(inside) = text.strip_prefix('[') {
            return Self::split_bracketed(text, inside);
        }
        if let Some(bracket) = marks.bracket {
            return Err(ParseError::new(Code::InvalidAddress, "a bracket stands in the middle of the entry")
                .at(bracket..bracket.saturating_add(1)));
        }
        match marks.colon.and_then(|colon| text.split_at_checked(colon)) {
            Some((host, ports)) if !marks.has_colons => {
                let marks = marks.before_colon();
                Ok(Self { host, host_at: 0, marks, ports: ports.strip_prefix(':') })
            }
            Some(_) => match unbracketed_ports(text) {
                Some(error) => Err(error),
                None => Ok(Self { host: text, host_at: 0, marks, ports: None }),
            },
            None => Ok(Self { host: text, host_at: 0, marks, ports: None }),
        }
    }

    fn split_bracketed(text: &'t str, inside: &'t str) -> Result<Self, ParseError> {
        let Some((host, rest)) = inside.split_once(']') else {
            return Err(ParseError::new(Code::InvalidAddress, "the bracket is not closed").at(0..1));
        };
        let rest_at = text.len().saturating_sub(rest.len());
        if !host.contains(':') {
            let error = ParseError::new(Code::BracketedIpv4, "brackets are for IPv6 only").at(0..rest_at);
            return Err(error.offer([format!("{host}{rest}")]));
        }
        let ports = match (rest, rest.strip_prefix(':')) {
            ("", _) => None,
            (_, Some(ports)) => Some(ports),
            (_, None) => {
                let error = ParseError::new(Code::InvalidAddress, "only `:` and ports may follow the bracket")
                    .at(rest_at..text.len());
                let inside = rest.strip_prefix('/').map(|rest| match rest.split_once(':') {
                    Some((len, ports)) => format!("[{host}/{len}]:{ports}"),
                    None => format!("[{host}/{rest}]"),
                });
                return Err(error.offer(inside));
            }
        };
        Ok(Self { host, host_at: 1, marks: Marks::of(host), ports })
    }
}

/// G-1: what stands before the last colon is an IPv6 host, and the whole is not.
fn unbracketed_ports(text: &str) -> Option<ParseError> {
    let (host, ports) = text.rsplit_once(':')?;
    let is_ports = ports.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let is_host = |text: &str| {
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        address.parse::<Ipv6Addr>().is_ok()
    };
    if !is_ports || !is_host(host) || is_host(text) && !host.contains('/') {
        return None;
    }
    let error = ParseError::new(Code::UnbracketedIpv6, "an IPv6 host with ports stands in brackets").at(0..host.len());
    Some(error.offer([format!("[{host}]:{ports}")]))
}

impl fmt::Display for AddressEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, ports } = self;
        match (ports.is_all(), network.is_ipv6()) {
            (true, _) => write!(f, "{network}"),
            (false, true) => write!(f, "[{network}]:{ports}"),
            (false, false) => write!(f, "{network}:{ports}"),
        }
    }
}

/// Whether the last label is all digits, or `0x` followed by hexadecimal digits or nothing: what
/// some reader somewhere takes for a part of an IPv4 address.
pub(crate) fn ends_in_number(name: &[u8]) -> bool {
    match name.rsplit(|&byte| byte == b'.').next() {
        Some([b'0', b'x' | b'X', hex @ ..]) => hex.iter().all(u8::is_ascii_hexdigit),
        Some(label) => !label.is_empty() && label.iter().all(u8::is_ascii_digit),
        None => false,
    }
}
