//! The operator's layer: what no user's entry can override (semantics, section 6).

use crate::{
    address::embedded_ipv4,
    config::Spelling,
    diagnostic::{Code, ParseError, Report, pointer},
    entry::{AddressEntry, Network, PortRange},
    json::{self, Listed, Object, Value, wrong_type},
    options::Limits,
};
use alloc::{format, string::ToString, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, de::MapAccess};

/// Networks always denied and always allowed for egress, sandbox ports exempt from ingress
/// rules, and the name server that domain rules need.
///
/// The default is what a platform should start from. [`Guardrails::none`] must be asked for by
/// name (H-1).
///
/// ```
/// use sandgate::Guardrails;
///
/// let guardrails = Guardrails::from_json(r#"{"alwaysDenied": ["10.0.0.0/8"], "nameServer": "10.0.0.53:53"}"#)?;
/// assert_eq!(guardrails.exempt_ports, [49983]);      // omitted, so the default
/// assert!(guardrails.always_denies("64:ff9b::a00:1".parse().unwrap()));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_structs, reason = "built with `..Default::default()`")]
pub struct Guardrails {
    /// Egress networks that are always denied (E-3). `0.0.0.0/0` covers IPv6 as well (A-2).
    pub always_denied: Vec<Network>,
    /// Egress networks that are always allowed (E-1), each its own family only.
    pub always_allowed: Vec<Network>,
    /// Sandbox ports that ingress rules do not judge (I-1), each 1 to 65535.
    pub exempt_ports: Vec<u16>,
    /// The name server that a policy with domain patterns reaches (E-2).
    pub name_server: Option<NameServer>,
}

/// The text of each network that is always denied by default.
const ALWAYS_DENIED: [&str; 18] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "2001::/32",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

impl Default for Guardrails {
    /// Private, local and reserved networks denied, none always allowed, port 49983 exempt, name
    /// server 8.8.8.8 on port 53.
    fn default() -> Self {
        Self {
            always_denied: ALWAYS_DENIED.iter().filter_map(|text| text.parse().ok()).collect(),
            always_allowed: Vec::new(),
            exempt_ports: [49983].into(),
            name_server: Some(NameServer { address: IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), port: 53 }),
        }
    }
}

impl Guardrails {
    /// No networks, no exempt ports, no name server.
    #[must_use]
    pub const fn none() -> Self {
        Self { always_denied: Vec::new(), always_allowed: Vec::new(), exempt_ports: Vec::new(), name_server: None }
    }

    /// Reads a guardrails document. An omitted field keeps its default (H-1).
    ///
    /// # Errors
    ///
    /// Every violation, in the order of the text.
    pub fn from_json(text: &str) -> Result<Self, Report> {
        let mut reader = Reader::<false>::new();
        json::read(text, reader.limits.document_bytes, &mut reader);
        reader.finish()
    }

    /// Reads a guardrails document from objects of another language.
    ///
    /// # Errors
    ///
    /// Outside, what the deserializer fails with; inside, what is wrong with the document.
    pub fn from_objects<'de, D: Deserializer<'de>>(
        document: D,
        spelling: Spelling,
    ) -> Result<Result<Self, Report>, D::Error> {
        match spelling {
            Spelling::Wire => Self::drive(document, Reader::<false>::new()),
            Spelling::WireOrSnake => Self::drive(document, Reader::<true>::new()),
        }
    }

    fn drive<'de, D: Deserializer<'de>, const SNAKE: bool>(
        document: D,
        mut reader: Reader<SNAKE>,
    ) -> Result<Result<Self, Report>, D::Error> {
        json::drive(document, &mut reader)?;
        Ok(reader.finish())
    }

    /// Whether an egress address is denied whatever the lists say: E-3, with A-1 and A-3.
    /// It is also the question about an address that a name allowed by name resolves to (E-8).
    #[must_use]
    pub fn always_denies(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let denies = |address| self.denies_itself(address) && !contains(&self.always_allowed, address);
        denies(address) || embedded_ipv4(address).is_some_and(denies)
    }

    fn denies_itself(&self, address: IpAddr) -> bool {
        self.always_denied.iter().any(|network| network.denies(address))
    }

    /// Whether ingress rules do not judge the port.
    #[must_use]
    pub fn exempts(&self, port: u16) -> bool {
        self.exempt_ports.contains(&port)
    }

    /// Whether every port of the range is exempt.
    pub(crate) fn exempts_all(&self, ports: PortRange) -> bool {
        (ports.low()..=ports.high()).all(|port| self.exempts(port))
    }
}

fn contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The address and port of a name server, written `8.8.8.8:53` or `[2001:db8::53]:53`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an address and a port")]
pub struct NameServer {
    /// The address. An IPv4-mapped one is its IPv4 address (A-1).
    pub address: IpAddr,
    /// The port, for UDP and TCP.
    pub port: u16,
}

impl FromStr for NameServer {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let entry = text.parse::<AddressEntry>().map_err(|error| error.keep_offers(|_| false))?;
        let (network, ports) = (entry.network(), entry.ports());
        if network.first() == network.last() && ports.low() == ports.high() {
            return Ok(Self { address: network.first(), port: ports.low() });
        }
        Err(ParseError::new(Code::InvalidAddress, format!("`{text}` is not one address with one port"))
            .advise("write the address and the port, as in `8.8.8.8:53`"))
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

impl Serialize for NameServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a guardrails document and keeps going. `SNAKE`: fields in snake case as well.
struct Reader<const SNAKE: bool> {
    guardrails: Guardrails,
    limits: Limits,
    report: Report,
}

impl<const SNAKE: bool> Reader<SNAKE> {
    fn new() -> Self {
        let limits = Limits::default();
        Self { guardrails: Guardrails::default(), limits, report: Report::new(limits.diagnostics) }
    }

    fn finish(self) -> Result<Guardrails, Report> {
        if self.report.is_valid() { Ok(self.guardrails) } else { Err(self.report) }
    }

    fn networks<'de, A: MapAccess<'de>>(&mut self, name: &'static str, map: &mut A) -> Result<Vec<Network>, A::Error> {
        let mut networks = Vec::new();
        self.list(name, map, |this, index, value| match value {
            Value::Text(text) => match parse_network(text) {
                Ok(network) => networks.push(network),
                Err(error) => this.report.push(|| format!("/{name}/{index}"), error),
            },
            other => this.report.push(|| format!("/{name}/{index}"), wrong_type(other, "a string")),
        })?;
        Ok(networks)
    }

    fn ports<'de, A: MapAccess<'de>>(&mut self, name: &'static str, map: &mut A) -> Result<Vec<u16>, A::Error> {
        let mut ports = Vec::new();
        self.list(name, map, |this, index, value| match value {
            Value::Number(number) => match number.and_then(|number| u16::try_from(number).ok()) {
                Some(port @ 1..) => ports.push(port),
                _ => this.report.push(
                    || format!("/{name}/{index}"),
                    ParseError::new(Code::InvalidPort, "a port is a whole number from 1 to 65535"),
                ),
            },
            other => this.report.push(|| format!("/{name}/{index}"), wrong_type(other, "a number")),
        })?;
        Ok(ports)
    }

    fn list<'de, A: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        map: &mut A,
        take: impl FnMut(&mut Self, usize, Value<'_>),
    ) -> Result<(), A::Error> {
        let max = self.limits.entries_per_list;
        // Null could mean "the default" as well as "none", so it means neither.
        if matches!(json::next_list(map, self, name, max, take)?, Listed::Null) {
            self.report.push(|| pointer(name), wrong_type(Value::Null, "a list"));
        }
        Ok(())
    }

    fn name_server(&mut self, name: &'static str, value: Value<'_>) {
        match value {
            Value::Null => self.guardrails.name_server = None,
            Value::Text(text) => match text.parse() {
                Ok(server) => self.guardrails.name_server = Some(server),
                Err(error) => self.report.push(|| pointer(name), error),
            },
            other => self.report.push(|| pointer(name), wrong_type(other, "a string or null")),
        }
    }
}

/// A network in a list that takes no ports and no names (H-1).
pub(crate) fn parse_network(text: &str) -> Result<Network, ParseError> {
    let error = match text.parse() {
        Ok(network) => return Ok(network),
        Err(error) => error,
    };
    // `[2001:db8::/32]` is a host of the grammar too, and ports get an error of their own.
    match text.parse::<AddressEntry>() {
        Ok(entry) if entry.ports().is_all() => Ok(entry.network()),
        Ok(entry) => Err(ParseError::new(Code::UnexpectedPorts, "a network of the operator has no ports")
            .offer([entry.network().to_string()])),
        Err(_) => Err(error),
    }
}

const WIRE: &[&[&str]] = &[&["alwaysDenied"], &["alwaysAllowed"], &["exemptPorts"], &["nameServer"]];

const WIRE_OR_SNAKE: &[&[&str]] = &[
    &["alwaysDenied", "always_denied"],
    &["alwaysAllowed", "always_allowed"],
    &["exemptPorts", "exempt_ports"],
    &["nameServer", "name_server"],
];

impl<const SNAKE: bool> Object for Reader<SNAKE> {
    const FIELDS: &'static [&'static [&'static str]] = if SNAKE { WIRE_OR_SNAKE } else { WIRE };

    fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, index: usize, name: &'static str, map: &mut A) -> Result<(), A::Error> {
        match index {
            0 => self.guardrails.always_denied = self.networks(name, map)?,
            1 => self.guardrails.always_allowed = self.networks(name, map)?,
            2 => self.guardrails.exempt_ports = self.ports(name, map)?,
            _ => json::next_value(map, |value| self.name_server(name, value))?,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Guardrails {
    /// Reads any self-describing format. The error is the whole [`Report`], one line a problem.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_objects(deserializer, Spelling::Wire)?.map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_network_is_one() {
        assert_eq!(Guardrails::default().always_denied.len(), ALWAYS_DENIED.len());
    }
}
