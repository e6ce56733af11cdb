//! What the caller chooses: where the rules stand, and what they do besides deciding.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr, num::NonZeroU16, str::FromStr};
use thiserror::Error;

/// How a policy is lowered.
///
/// ```
/// use sandgate::nftables::{Established, Place, Settings};
///
/// let settings = Settings { established: Established::Recheck, ..Settings::new(Place::Sandbox) };
/// assert_eq!(settings.table(), "sandgate");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built with `..Settings::new(place)`")]
pub struct Settings {
    /// Where the rules stand.
    pub place: Place,
    /// What becomes of connections that are already open. Default: they are kept.
    pub established: Established,
    /// Addresses of ingress proxies: what they open to the sandbox is not judged here, because they
    /// judge the client, whom the kernel does not see. Default: none.
    ///
    /// Nobody else may be able to send from these addresses. It is for the caller to see to that.
    pub ingress_proxies: Vec<IpAddr>,
    /// Whether each class counts its packets. Default: no. A replacement counts from zero.
    pub counters: bool,
    /// Whether denied packets are logged. Default: no.
    pub log: Log,
    /// Whether elements of sets cite the entries that they come from. Default: yes.
    pub comments: bool,
    /// Which of the two tables of the place the rules stand in. Default: the first.
    pub turn: Turn,
}

impl Settings {
    /// The defaults for a place.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self {
            place,
            established: Established::Keep,
            ingress_proxies: Vec::new(),
            counters: false,
            log: Log::Off,
            comments: true,
            turn: Turn::First,
        }
    }

    /// The name of the table, which is the rules' own: `sandgate_` and the interface, or `sandgate`.
    /// The second is called `sandgate2`.
    #[must_use]
    pub fn table(&self) -> String {
        self.table_of(self.turn)
    }

    pub(super) fn table_of(&self, turn: Turn) -> String {
        let owner = match turn {
            Turn::First => "sandgate",
            Turn::Second => "sandgate2",
        };
        match &self.place {
            Place::Interface { name, .. } => format!("{owner}_{name}"),
            Place::Sandbox => owner.into(),
        }
    }

    /// Whether reasons are told apart: where packets are counted or logged.
    pub(super) fn tells_reasons(&self) -> bool {
        self.counters || self.log != Log::Off
    }

    pub(super) fn proxy_port(&self) -> Option<u16> {
        match self.place {
            Place::Interface { proxy_port, .. } => proxy_port.map(NonZeroU16::get),
            Place::Sandbox => None,
        }
    }
}

/// The two tables of a place, which take turns where rules are replaced in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "what replaces and what is replaced")]
pub enum Turn {
    /// `sandgate`.
    First,
    /// `sandgate2`.
    Second,
}

impl Turn {
    /// Whose turn it is next.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Where the rules stand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// On the node, at the interface that leads to the sandbox.
    ///
    /// Egress is what arrives there, judged before it is routed and before its destination is
    /// translated. Ingress is what leaves there, judged after its destination was translated to
    /// the sandbox and before its source is.
    #[non_exhaustive]
    Interface {
        /// The node's end of the link to the sandbox.
        name: InterfaceName,
        /// The port of the node to which TCP goes that a domain pattern may allow.
        proxy_port: Option<NonZeroU16>,
    },
    /// In the network namespace of the sandbox, for everything that crosses its border. What it
    /// says to itself over `lo` is not judged.
    ///
    /// It holds only where the sandbox has neither `CAP_NET_ADMIN` nor `CAP_NET_RAW` there: the one
    /// changes rules, and what the other sends passes none.
    Sandbox,
}

impl Place {
    /// The interface that leads to the sandbox, without a proxy.
    #[must_use]
    pub const fn interface(name: InterfaceName, proxy_port: Option<NonZeroU16>) -> Self {
        Self::Interface { name, proxy_port }
    }
}

/// What becomes of connections that are already open when the rules are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "open connections are judged or they are not")]
pub enum Established {
    /// They go on, whatever the rules say now.
    Keep,
    /// Every packet of both directions is judged by what its connection was opened to, so that a
    /// connection ends when it is no longer allowed. Packets that belong to no connection that
    /// the kernel can follow are dropped.
    Recheck,
}

/// Whether and where denied packets are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Log {
    /// Nowhere.
    Off,
    /// In the log of the kernel.
    Kernel,
    /// To this group of netlink logging.
    Group(u16),
}

/// The name of a network interface that can stand in rules as it is.
///
/// 1 to 15 letters, digits, `-`, `_` and `.`, and not `.` or `..`. The kernel allows almost any
/// byte. Here a name that would have to be quoted or could mean several interfaces (`tap*`) is
/// refused, so that no name can say more than a name.
///
/// ```
/// use sandgate::nftables::InterfaceName;
///
/// assert!("tap0".parse::<InterfaceName>().is_ok());
/// assert!("tap*".parse::<InterfaceName>().is_err());
/// assert!("x; flush ruleset".parse::<InterfaceName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The interface over which a host speaks to itself.
    pub(super) fn loopback() -> Self {
        Self("lo".into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no interface name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an interface name is 1 to 15 letters, digits, `-`, `_` and `.`, and not `.` or `..`")]
#[non_exhaustive]
pub struct InvalidInterfaceName;

/// The kernel's `IFNAMSIZ`, without the end of the string.
const MAX_LEN: usize = 15;

impl FromStr for InterfaceName {
    type Err = InvalidInterfaceName;

    fn from_str(text: &str) -> Result<Self, InvalidInterfaceName> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(is_plain);
        if is_name && !matches!(text, "." | "..") { Ok(Self(text.to_string())) } else { Err(InvalidInterfaceName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_say_more_than_a_name_is_refused() {
        for text in ["", ".", "..", "tap*", "a b", "a\"b", "a;b", "a\nb", "a/b", "a:b", "a@b", "\u{e9}", "a{", "a\0"] {
            assert_eq!(text.parse::<InterfaceName>(), Err(InvalidInterfaceName), "{text:?}");
        }
        assert!("a".repeat(15).parse::<InterfaceName>().is_ok());
        assert!("a".repeat(16).parse::<InterfaceName>().is_err());
    }
}
