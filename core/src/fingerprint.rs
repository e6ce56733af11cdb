//! The fingerprint of a policy: a hash of its canonical text, the same for documents that differ
//! only in order, repetition and spelling.

use crate::{config::List, policy::Policy};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::{self, Write};
use sha2::{Digest, Sha256};

/// A hash of everything that decides (H-3).
///
/// Two policies with the same fingerprint answer every question alike, though the index of a
/// deciding entry may differ. It is fit for conditional updates: as an entity tag, or to see
/// whether what runs is what was stored.
///
/// # How it is made
///
/// The SHA-256 of a text in UTF-8, of lines that each end with a line feed. First the line
/// `sandgate 1`, then these, in this order:
///
/// ```text
///     allowOut ENTRY               one line an entry: the canonical text (G-10),
///     denyOut ENTRY                each only once, in the order of its bytes
///     allowIn ENTRY
///     denyIn ENTRY
///     maskRequestHost TEXT         as written; no line if there is no mask
///     allowInternetAccess BOOL     `true` or `false`
///     allowPublicTraffic BOOL
///     alwaysDenied NETWORK         the guardrails: networks as entries are,
///     alwaysAllowed NETWORK        each only once, in the order of their bytes
///     exemptPorts PORT             in decimal, each only once, in the order of their numbers
///     nameServer ADDRESS:PORT      no line if there is none
///     egressPorts BOOL             the capabilities
///     ipv6Ingress BOOL
///     documentBytes NUMBER         the limits, in decimal
///     entriesPerList NUMBER
///     entryBytes NUMBER
///     diagnostics NUMBER
/// ```
///
/// A name and its value are parted by one space. No value holds a line feed.
/// [`Policy::canonical_text`] is that text.
///
/// ```
/// use sandgate::{Options, Policy};
///
/// let policy = |text| Policy::from_json(text, &Options::default()).unwrap();
/// let one = policy(r#"{"allowOut": ["A.example.", "192.0.2.1"], "denyOut": ["0.0.0.0/0"]}"#);
/// let other = policy(r#"{"denyOut": ["0.0.0.0/0"], "allowOut": ["192.0.2.1/32", "a.example", "a.example"]}"#);
/// assert_eq!(one.fingerprint(), other.fingerprint());
/// assert_eq!(one.fingerprint().to_string().len(), 64);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Policy {
    /// The fingerprint of the policy: of its document, its guardrails, its capabilities and its limits (H-3).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.canonical_text()).into())
    }

    /// The text that the [`Fingerprint`] is the hash of. Its size is in proportion to the document.
    ///
    /// ```
    /// use sandgate::{Options, Policy};
    ///
    /// let policy = Policy::from_json(r#"{"denyIn": ["0.0.0.0/0:22", ":22"]}"#, &Options::default()).unwrap();
    /// assert!(policy.canonical_text().starts_with("sandgate 1\ndenyIn 0.0.0.0/0:22\nallowInternetAccess true\n"));
    /// ```
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let mut text = Lines(String::from("sandgate 1\n"));
        for list in List::ALL {
            text.set(list.as_str(), self.entries(list));
        }
        text.set("maskRequestHost", self.host_mask());
        text.one("allowInternetAccess", self.allows_internet_access());
        text.one("allowPublicTraffic", self.allows_public_traffic());
        let options = self.options();
        text.set("alwaysDenied", &options.guardrails.always_denied);
        text.set("alwaysAllowed", &options.guardrails.always_allowed);
        let mut ports = options.guardrails.exempt_ports.clone();
        ports.sort_unstable();
        ports.dedup();
        for port in ports {
            text.one("exemptPorts", port);
        }
        text.set("nameServer", options.guardrails.name_server);
        text.one("egressPorts", options.capabilities.egress_ports);
        text.one("ipv6Ingress", options.capabilities.ipv6_ingress);
        text.one("documentBytes", options.limits.document_bytes);
        text.one("entriesPerList", options.limits.entries_per_list);
        text.one("entryBytes", options.limits.entry_bytes);
        text.one("diagnostics", options.limits.diagnostics);
        text.0
    }
}

struct Lines(String);

impl Lines {
    fn one(&mut self, name: &str, value: impl fmt::Display) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// Values whose order and number do not matter.
    fn set<T: fmt::Display>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        let mut values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        values.sort_unstable();
        values.dedup();
        for value in values {
            self.one(name, value);
        }
    }
}
