//! What a policy means for traffic that its lists do not name: IPv6, name servers, hidden names.

use crate::{
    config::List,
    decision::{Destination, Reason},
    entry::{AddressEntry, Entry, Network},
    policy::Policy,
};
use alloc::{format, string::String, vec::Vec};

/// Something that a policy does and its lists do not show.
///
/// ```
/// use sandgate::{Options, Policy};
///
/// let policy = Policy::from_json(r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#, &Options::default())?;
/// let codes: Vec<&str> = policy.effects().iter().map(|effect| effect.code()).collect();
/// assert_eq!(codes, ["name-server-open", "ipv6-egress-denied", "ingress-open"]);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    code: &'static str,
    message: String,
}

impl Effect {
    /// The stable code, in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// One sentence: what happens.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl Policy {
    /// What the policy does and its lists do not show: the name server that domain patterns open
    /// (E-2), when names are seen at all (E-5), what happens to IPv6 (A-2, I-4).
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut add = |code, message: String| effects.push(Effect { code, message });
        if let Some(server) = self.options().guardrails.name_server {
            let asked = self.decide_egress(&Destination::new(server.address, server.port));
            if asked.reason() == Reason::NameServer {
                add("name-server-open", format!("the domain patterns open the name server `{server}`"));
            }
        }
        let entries = self.entries(List::AllowOut);
        let is_pattern = |entry: &Entry| matches!(entry, Entry::Pattern(_));
        if entries.iter().any(is_pattern) && !entries.iter().all(is_pattern) {
            let message = "the address entries of `allowOut` are judged first, and a domain pattern only matters where a host name is visible";
            add("names-where-visible", message.into());
        }
        let (code, message) = self.ipv6_egress();
        add(code, message.into());
        let (code, message) = self.ipv6_ingress();
        add(code, message.into());
        effects
    }

    fn ipv6_egress(&self) -> (&'static str, &'static str) {
        let is_whole =
            |entry: &Entry| matches!(entry, Entry::Address(entry) if entry.ports().is_all() && is_all(*entry));
        if !self.allows_internet_access() {
            (
                "ipv6-egress-denied",
                "IPv6 destinations are denied unless an entry allows them: `allowInternetAccess` is false",
            )
        } else if self.entries(List::DenyOut).iter().any(is_whole) {
            (
                "ipv6-egress-denied",
                "IPv6 destinations are denied unless an entry allows them: the deny list holds all traffic",
            )
        } else {
            ("ipv6-egress-open", "IPv6 destinations are allowed unless an entry or the operator denies them")
        }
    }

    fn ipv6_ingress(&self) -> (&'static str, &'static str) {
        if self.entries(List::AllowIn).is_empty() && self.entries(List::DenyIn).is_empty() {
            ("ingress-open", "every client is allowed, IPv6 and unknown ones too: there are no ingress rules")
        } else if self.options().capabilities.ipv6_ingress {
            ("ipv6-ingress-judged", "IPv6 clients are judged by the lists")
        } else {
            ("ipv6-ingress-denied", "every IPv6 client is denied, whatever the lists say: IPv6 ingress is not enabled")
        }
    }
}

/// Whether an entry of a deny list holds every IPv6 address (A-2).
fn is_all(entry: AddressEntry) -> bool {
    [Network::ALL_IPV4, Network::ALL_IPV6].contains(&entry.network())
}
