//! Valid documents before they are written: entries in all spellings that mean them, and the
//! denials that sections 4 and 6 require.

use sandgate::{Capabilities, NetworkConfig};
use std::net::IpAddr;

/// An address entry before it is written.
#[derive(Debug, Clone)]
pub struct Address {
    /// The network's first address.
    pub base: IpAddr,
    /// The prefix length.
    pub length: u8,
    /// The lowest and the highest port, if not all.
    pub ports: Option<(u16, u16)>,
    /// Which of the spellings is used.
    pub spelling: u8,
}

impl Address {
    /// Whether it is one of IPv6.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.base.is_ipv6()
    }

    /// The entry in one of the spellings that mean it.
    #[must_use]
    pub fn text(&self, with_ports: bool) -> String {
        let length = self.length;
        let ports = self.ports.filter(|_| with_ports).map(|(low, high)| match self.spelling % 2 {
            0 if low == high => format!(":{low}"),
            _ => format!(":{low}-{high}"),
        });
        let host = match (self.base, self.spelling % 5) {
            (IpAddr::V4(v4), 0) if length == 32 => v4.to_string(),
            (IpAddr::V4(v4), 1) if length == 0 && ports.is_some() && v4.is_unspecified() => String::new(),
            // The mapped spelling of all traffic is an error (G-9).
            (IpAddr::V4(v4), 2) if length > 0 => match ports {
                Some(_) => format!("[{:?}/{}]", v4.to_ipv6_mapped(), length + 96),
                None => format!("{:?}/{}", v4.to_ipv6_mapped(), length + 96),
            },
            (IpAddr::V4(v4), _) => format!("{v4}/{length}"),
            (IpAddr::V6(v6), spelling) => {
                let host = if spelling == 0 && length == 128 { v6.to_string() } else { format!("{v6}/{length}") };
                let host = if spelling == 1 { host.to_ascii_uppercase() } else { host };
                if ports.is_some() || spelling == 2 { format!("[{host}]") } else { host }
            }
        };
        host + &ports.unwrap_or_default()
    }
}

/// An entry of `allowOut`.
#[derive(Debug, Clone)]
pub enum Item {
    /// An address entry.
    Address(Address),
    /// A domain pattern.
    Pattern(String),
}

impl Item {
    /// The entry as it is written.
    #[must_use]
    pub fn text(&self, with_ports: bool) -> String {
        match self {
            Self::Address(address) => address.text(with_ports),
            Self::Pattern(pattern) => pattern.clone(),
        }
    }
}

/// The lists of a document, and what else decides about them.
#[derive(Debug, Clone)]
pub struct Draft {
    /// `allowOut`.
    pub allow_out: Vec<Item>,
    /// `denyOut`.
    pub deny_out: Vec<Address>,
    /// `allowIn`.
    pub allow_in: Vec<Address>,
    /// `denyIn`.
    pub deny_in: Vec<Address>,
    /// The field of that name.
    pub allow_internet_access: bool,
    /// Whether all traffic is denied also where nothing requires it, egress and ingress.
    pub also_deny_all: [bool; 2],
    /// Where in the deny lists that entry stands, modulo their lengths.
    pub places: [usize; 2],
}

impl Draft {
    /// The document. What the platform cannot do is left out of it.
    #[must_use]
    pub fn config(&self, capabilities: Capabilities) -> NetworkConfig {
        let has_pattern = self.allow_out.iter().any(|item| matches!(item, Item::Pattern(_)));
        let mut config = NetworkConfig {
            allow_out: self.allow_out.iter().map(|item| item.text(capabilities.egress_ports)).collect(),
            deny_out: self.deny_out.iter().map(|address| address.text(capabilities.egress_ports)).collect(),
            allow_in: self
                .allow_in
                .iter()
                .filter(|address| capabilities.ipv6_ingress || !address.is_ipv6())
                .map(|address| address.text(true))
                .collect(),
            deny_in: self.deny_in.iter().map(|address| address.text(true)).collect(),
            allow_internet_access: self.allow_internet_access,
            ..NetworkConfig::default()
        };
        // and now and then without need, as people do.
        if self.also_deny_all[0] || has_pattern && self.allow_internet_access {
            insert(&mut config.deny_out, self.places[0], "0.0.0.0/0");
        }
        if self.also_deny_all[1] || !config.allow_in.is_empty() {
            insert(&mut config.deny_in, self.places[1], ":1-65535");
        }
        config
    }
}

/// Puts an entry somewhere into a list.
pub fn insert(list: &mut Vec<String>, place: usize, text: &str) {
    list.insert(place % (list.len() + 1), text.to_owned());
}
