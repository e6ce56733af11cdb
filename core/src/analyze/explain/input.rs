//! What was asked, as it was given and as it is read (A-1, A-3, N-7, N-8).

use crate::{
    address::embedded_ipv4,
    decision::{Destination, Host},
    entry::{HostName, MAX_NAME, check_name, parse_port},
};
use alloc::string::{String, ToString};
use core::net::IpAddr;
use serde::Serialize;

/// What was asked.
///
/// ```
/// use sandgate::{Options, Policy};
///
/// let policy = Policy::from_json("{}", &Options::default())?;
/// let input = policy.explain_ingress("::ffff:192.0.2.1".parse().ok(), 443).input;
/// assert_eq!(input.address, "::ffff:192.0.2.1".parse().ok());
/// assert_eq!(input.canonical, "192.0.2.1".parse().ok());
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Input {
    /// The destination or the client as it was given. `None` is the unknown client (I-3).
    pub address: Option<IpAddr>,
    /// The address that is judged: IPv4 if it was IPv4-mapped (A-1).
    pub canonical: Option<IpAddr>,
    /// The IPv4 address that an egress destination carries, judged as well (A-3).
    pub embedded: Option<IpAddr>,
    /// The port; 0 is traffic without one (A-5).
    pub port: u16,
    /// The host name that an egress client sent, if one was seen.
    pub host: Option<HostInput>,
}

/// A host name as it was sent, and as it is read.
///
/// ```
/// use sandgate::{Destination, Host, Options, Policy};
///
/// let policy = Policy::from_json("{}", &Options::default())?;
/// let sent = |host| {
///     let destination = Destination { host: Some(host), ..Destination::new([192, 0, 2, 1].into(), 443) };
///     policy.explain_egress(&destination).input.host.unwrap()
/// };
/// assert_eq!(sent(Host::Header(b"API.example.com:8443")).name.unwrap().as_str(), "api.example.com");
/// assert_eq!(sent(Host::Sni(b"a..b")).flaw.unwrap(), "the name has an empty label: nothing stands beside a dot");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HostInput {
    /// What was sent. Bytes that are not UTF-8 are replaced.
    pub sent: String,
    /// Where it was seen: `sni` or `host` (N-7).
    pub seen_in: &'static str,
    /// The normalised name. `None` if it is no domain name (N-8).
    pub name: Option<HostName>,
    /// Why it is none.
    pub flaw: Option<String>,
}

impl Input {
    pub(super) fn egress(destination: &Destination<'_>) -> Self {
        let canonical = destination.address.to_canonical();
        Self {
            address: Some(destination.address),
            canonical: Some(canonical),
            embedded: embedded_ipv4(canonical),
            port: destination.port,
            host: destination.host.map(HostInput::new),
        }
    }

    pub(super) fn ingress(client: Option<IpAddr>, port: u16) -> Self {
        let canonical = client.map(|client| client.to_canonical());
        Self { address: client, canonical, embedded: None, port, host: None }
    }

    /// The normalised host name, if there is one.
    pub(super) fn name(&self) -> Option<&HostName> {
        self.host.as_ref()?.name.as_ref()
    }

    /// The addresses that are judged.
    pub(super) fn judged(&self) -> impl Iterator<Item = IpAddr> {
        self.canonical.into_iter().chain(self.embedded)
    }
}

impl HostInput {
    fn new(host: Host<'_>) -> Self {
        let (sent, seen_in) = match host {
            Host::Sni(name) => (name, "sni"),
            Host::Header(value) => (value, "host"),
        };
        let sent = String::from_utf8_lossy(sent).into_owned();
        let name = host.name();
        let flaw = name.is_none().then(|| flaw(&sent, matches!(host, Host::Header(_))));
        Self { sent, seen_in, name, flaw }
    }
}

/// Why a text is no host name. Asked only if it is none.
fn flaw(sent: &str, may_have_port: bool) -> String {
    if !sent.is_ascii() {
        return "it has bytes that are not ASCII".into();
    }
    let (name, port) = match sent.split_once(':').filter(|_| may_have_port) {
        Some((name, port)) => (name, Some(port)),
        None => (sent, None),
    };
    if let Some(Err(error)) = port.map(parse_port) {
        return error.message().to_string();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    match check_name(name.as_bytes(), MAX_NAME) {
        Err(flaw) => flaw.explain(name, 0).message().to_string(),
        Ok(()) => "it is not a domain name".into(),
    }
}
