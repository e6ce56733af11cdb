//! What a policy answers: a verdict, the reason for it, and the entry that decided (section 7).

use crate::{
    config::List,
    entry::{Entry, HostName},
    guardrails::Guardrails,
};
use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// An egress question: where a connection goes, and by which name if one is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an address, a port and a name")]
pub struct Destination<'q> {
    /// The destination address. An IPv4-mapped one is its IPv4 address (A-1).
    pub address: IpAddr,
    /// The destination port; 0 for traffic without one (A-5).
    pub port: u16,
    /// The host name the client sent, as it was sent.
    pub host: Option<Host<'q>>,
}

impl Destination<'_> {
    /// A destination without a host name.
    #[must_use]
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port, host: None }
    }
}

/// A host name as it was sent, and where it was seen: the two are read differently (N-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "N-7 knows two places")]
pub enum Host<'q> {
    /// TLS server name indication: no port.
    Sni(&'q [u8]),
    /// HTTP Host header or `:authority`: perhaps a port.
    Header(&'q [u8]),
}

impl Host<'_> {
    /// The normalised name, if it is a domain name at all (N-8).
    #[must_use]
    pub fn name(self) -> Option<HostName> {
        match self {
            Self::Sni(name) => HostName::from_sni(name),
            Self::Header(value) => HostName::from_header(value),
        }
    }
}

/// What to do. Deliberately exhaustive: a caller's `match` cannot forget one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a fourth verdict would change what every caller does")]
#[expect(clippy::large_enum_variant, reason = "the name is held in place: deciding does not allocate")]
pub enum Verdict<'p> {
    /// Refuse the traffic.
    Deny,
    /// Let the traffic through to the address and port that were asked about.
    Allow,
    /// Connect to the name instead of the address (E-8).
    AllowByName(ByName<'p>),
}

impl Verdict<'_> {
    /// `deny`, `allow` or `allow-by-name`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.ruling().as_str()
    }

    /// The verdict without what it carries.
    #[must_use]
    pub const fn ruling(&self) -> Ruling {
        match self {
            Self::Deny => Ruling::Deny,
            Self::Allow => Ruling::Allow,
            Self::AllowByName(_) => Ruling::AllowByName,
        }
    }
}

/// A verdict without what it carries: what verdicts are compared by.
///
/// They are in the order of what they let through. An allow by name is less than an allow: it
/// leaves the choice of the address to the policy's side (E-8).
///
/// ```
/// use sandgate::Ruling;
///
/// assert!(Ruling::Deny < Ruling::AllowByName && Ruling::AllowByName < Ruling::Allow);
/// assert_eq!(Ruling::AllowByName.as_str(), "allow-by-name");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "as exhaustive as `Verdict`")]
pub enum Ruling {
    /// Refuse the traffic.
    Deny,
    /// Connect to the name instead of the address (E-8).
    AllowByName,
    /// Let the traffic through.
    Allow,
}

impl Ruling {
    /// `deny`, `allow-by-name` or `allow`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::AllowByName => "allow-by-name",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that may be connected to, and the only way to an address for it.
///
/// The caller resolves [`name`](Self::name) as an absolute name with its own resolver (no search
/// list, no hosts file), and connects only to what [`permit`](Self::permit) gives back. The
/// address that the client offered is not in here: a forged hosts file or a rebinding name server
/// chooses nothing.
///
/// ```
/// use sandgate::{Destination, Host, NetworkConfig, Options, Policy, Verdict};
///
/// let config = NetworkConfig::from_json(r#"{"allowOut": ["api.example.com"], "denyOut": ["0.0.0.0/0"]}"#)?;
/// let policy = Policy::compile(&config, &Options::default())?;
/// let destination = Destination {
///     address: "198.51.100.1".parse().unwrap(),
///     port: 443,
///     host: Some(Host::Sni(b"api.example.com")),
/// };
/// let Verdict::AllowByName(by_name) = policy.decide_egress(&destination).into_verdict() else { panic!() };
/// assert_eq!(by_name.name().as_str(), "api.example.com");
/// let resolved = ["10.0.0.1".parse().unwrap(), "93.184.216.34".parse().unwrap()];
/// let permitted: Vec<_> = resolved.into_iter().filter_map(|address| by_name.permit(address)).collect();
/// assert_eq!(permitted.len(), 1);
/// assert_eq!(permitted[0].socket_addr().to_string(), "93.184.216.34:443");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a name that is allowed is not yet an address to connect to"]
pub struct ByName<'p> {
    pub(crate) guardrails: &'p Guardrails,
    pub(crate) name: HostName,
    pub(crate) port: u16,
}

impl ByName<'_> {
    /// The normalised name to resolve.
    #[must_use]
    pub const fn name(&self) -> &HostName {
        &self.name
    }

    /// The destination port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether a connection may go to this resolved address (E-8). `None` is a denial: skip the
    /// address and ask about the next.
    #[must_use]
    pub fn permit(&self, resolved: IpAddr) -> Option<Permitted> {
        let address = resolved.to_canonical();
        (!self.guardrails.always_denies(address)).then_some(Permitted { address, port: self.port })
    }
}

/// An address that a name resolved to and that may be connected to. Only [`ByName::permit`]
/// makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permitted {
    address: IpAddr,
    port: u16,
}

impl Permitted {
    /// Where to connect.
    #[must_use]
    pub const fn socket_addr(self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// Which step of section 7 decided. The texts are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// E-1: the operator always allows the address.
    AlwaysAllowed,
    /// E-2: the name server that domain patterns need.
    NameServer,
    /// E-3: the operator always denies the address.
    AlwaysDenied,
    /// E-4, I-5: an allow entry matches.
    AllowEntry,
    /// E-5: a domain pattern matches the host name.
    AllowName,
    /// E-6, I-6: a deny entry matches.
    DenyEntry,
    /// E-6 with D-7: `allowInternetAccess` is `false`.
    InternetAccessOff,
    /// E-7, I-7: nothing matches.
    DefaultAllow,
    /// I-1: the operator exempts the port.
    ExemptPort,
    /// I-2: the policy has no ingress rules.
    NoRules,
    /// I-3: the client address is unknown.
    UnknownClient,
    /// I-4: the client is IPv6, and IPv6 ingress is not enabled.
    Ipv6IngressOff,
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::AlwaysAllowed,
        Self::NameServer,
        Self::AlwaysDenied,
        Self::AllowEntry,
        Self::AllowName,
        Self::DenyEntry,
        Self::InternetAccessOff,
        Self::DefaultAllow,
        Self::ExemptPort,
        Self::NoRules,
        Self::UnknownClient,
        Self::Ipv6IngressOff,
    ];

    /// The stable text, in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysAllowed => "always-allowed",
            Self::NameServer => "name-server",
            Self::AlwaysDenied => "always-denied",
            Self::AllowEntry => "allow-entry",
            Self::AllowName => "allow-name",
            Self::DenyEntry => "deny-entry",
            Self::InternetAccessOff => "internet-access-off",
            Self::DefaultAllow => "default-allow",
            Self::ExemptPort => "exempt-port",
            Self::NoRules => "no-rules",
            Self::UnknownClient => "unknown-client",
            Self::Ipv6IngressOff => "ipv6-ingress-off",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::AlwaysAllowed => "the operator always allows this address",
            Self::NameServer => "this is the name server that the domain patterns need",
            Self::AlwaysDenied => "the operator always denies this address",
            Self::AllowEntry => "an allow entry matches",
            Self::AllowName => "a domain pattern matches the host name",
            Self::DenyEntry => "a deny entry matches",
            Self::InternetAccessOff => "`allowInternetAccess` is false",
            Self::DefaultAllow => "no entry matches",
            Self::ExemptPort => "the operator exempts this port from ingress rules",
            Self::NoRules => "the policy has no ingress rules",
            Self::UnknownClient => "the client address is unknown",
            Self::Ipv6IngressOff => "the client is IPv6, and IPv6 ingress is not enabled",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry that decided: the first that matches, in document order (X-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidingEntry<'p> {
    pub(crate) list: List,
    pub(crate) index: usize,
    pub(crate) entry: &'p Entry,
}

impl<'p> DecidingEntry<'p> {
    /// The list it stands in.
    #[must_use]
    pub const fn list(&self) -> List {
        self.list
    }

    /// Its place in the list, counted from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The entry; its `Display` is the canonical text.
    #[must_use]
    pub const fn entry(&self) -> &'p Entry {
        self.entry
    }
}

/// An explained answer. It borrows from the policy that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'p> {
    pub(crate) verdict: Verdict<'p>,
    pub(crate) reason: Reason,
    pub(crate) entry: Option<DecidingEntry<'p>>,
}

impl<'p> Decision<'p> {
    /// What to do.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict<'p> {
        &self.verdict
    }

    /// What to do, taken out: for a name, the value that permits addresses.
    #[must_use]
    pub fn into_verdict(self) -> Verdict<'p> {
        self.verdict
    }

    /// Whether this very address and port may be connected to. `false` for a name.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow)
    }

    /// Which step decided.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The entry that decided, if it was one.
    #[must_use]
    pub const fn entry(&self) -> Option<DecidingEntry<'p>> {
        self.entry
    }
}
