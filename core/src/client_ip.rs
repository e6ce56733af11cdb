//! Who is asking: the client address, from the edge and never from what a client can write
//! (semantics, section 8).

use crate::{
    address::parse_address,
    entry::{Network, parse_port},
};
use alloc::vec::Vec;
use core::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroUsize,
};

/// The header that carries the client address from edge to node (C-6).
///
/// The edge removes it from what clients send and sets its own. The node reads it, with
/// [`from_internal_header`], only on an authenticated connection from the edge, and removes it
/// again before the sandbox sees the request.
pub const INTERNAL_HEADER: &str = "sandgate-client-address";

/// How the client address is derived. There is no default: trust has to be chosen.
///
/// ```
/// use sandgate::ClientAddress;
///
/// let proxies = ClientAddress::TrustedProxies(vec!["10.0.0.0/8".parse()?]);
/// let peer = "10.0.0.1".parse().unwrap();
/// let client = proxies.derive(peer, &["203.0.113.7, 10.0.0.9"]);
/// assert_eq!(client, "203.0.113.7".parse().ok());
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "section 8 has three modes")]
pub enum ClientAddress {
    /// The peer address of the connection (C-2).
    Peer,
    /// The entry with exactly `hops` entries to its right (C-3).
    TrustedHops {
        /// How many entries the operator's own balancers append after the client.
        hops: NonZeroUsize,
        /// If given, a peer outside these networks is the client itself.
        proxies: Option<Vec<Network>>,
    },
    /// The first entry from the right that lies outside these networks (C-4).
    TrustedProxies(Vec<Network>),
}

impl ClientAddress {
    /// The client of a connection from `peer` with these `X-Forwarded-For` header lines, in the
    /// order they were received. `None` is the unknown client, which I-3 denies.
    ///
    /// Lines are bytes, as on the wire; only what is looked at is judged.
    #[must_use]
    pub fn derive<L: AsRef<[u8]>>(&self, peer: IpAddr, forwarded_for: &[L]) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        // C-1: the lines are one list. It is read from its trusted end.
        let mut from_right = forwarded_for.iter().rev().flat_map(|line| line.as_ref().rsplit(|&byte| byte == b','));
        match self {
            Self::Peer => Some(peer),
            Self::TrustedHops { proxies: Some(proxies), .. } if !trusted(proxies, peer) => Some(peer),
            Self::TrustedHops { hops, .. } => parse_entry(from_right.nth(hops.get())?),
            Self::TrustedProxies(proxies) if !trusted(proxies, peer) => Some(peer),
            Self::TrustedProxies(proxies) => {
                let mut leftmost = None;
                for entry in from_right {
                    let address = parse_entry(entry)?;
                    if !trusted(proxies, address) {
                        return Some(address);
                    }
                    leftmost = Some(address);
                }
                leftmost
            }
        }
    }
}

/// What the node makes of the values of [`INTERNAL_HEADER`] on an authenticated connection from
/// the edge: the one address, or the unknown client if it is missing, repeated or not an address.
#[must_use]
pub fn from_internal_header<V: AsRef<[u8]>>(values: &[V]) -> Option<IpAddr> {
    match values {
        [value] => parse_address(core::str::from_utf8(value.as_ref()).ok()?),
        _ => None,
    }
}

fn trusted(proxies: &[Network], address: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(address))
}

/// C-5: an address, with a port or without, brackets only around IPv6.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    if let Some(inside) = text.strip_prefix('[') {
        let (address, rest) = inside.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        if !rest.is_empty() {
            parse_port(rest.strip_prefix(':')?).ok()?;
        }
        return Some(IpAddr::V6(address).to_canonical());
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            parse_port(port).ok()?;
            parse_address(address)
        }
        _ => parse_address(text),
    }
}
