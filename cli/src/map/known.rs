//! Networks that everybody knows, as landmarks.

use super::survey::Piece;

/// A network and what it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) first: u32,
    pub(crate) len: u32,
    pub(crate) network: &'static str,
    pub(crate) name: &'static str,
}

const fn known(octets: [u8; 4], len: u32, network: &'static str, name: &'static str) -> Known {
    Known { first: u32::from_be_bytes(octets), len, network, name }
}

/// From the registry of IPv4 addresses for special purposes, and multicast.
pub(crate) const KNOWN: [Known; 13] = [
    known([0, 0, 0, 0], 8, "0/8", "this host"),
    known([10, 0, 0, 0], 8, "10/8", "private"),
    known([127, 0, 0, 0], 8, "127/8", "loopback"),
    known([224, 0, 0, 0], 4, "224/4", "multicast"),
    known([240, 0, 0, 0], 4, "240/4", "reserved"),
    known([172, 16, 0, 0], 12, "172.16/12", "private"),
    known([192, 168, 0, 0], 16, "192.168/16", "private"),
    known([169, 254, 0, 0], 16, "169.254/16", "link-local"),
    known([100, 64, 0, 0], 10, "100.64/10", "shared by carriers"),
    known([198, 18, 0, 0], 15, "198.18/15", "benchmarks"),
    known([192, 0, 2, 0], 24, "192.0.2/24", "documentation"),
    known([198, 51, 100, 0], 24, "198.51.100/24", "documentation"),
    known([203, 0, 113, 0], 24, "203.0.113/24", "documentation"),
];

/// The network that a piece is, or lies in, if it is a small one.
pub(crate) fn around(piece: &Piece) -> Option<&'static Known> {
    KNOWN.iter().find(|known| {
        let open = 32_u32.saturating_sub(known.len);
        let last = u128::from(known.first) | (1_u128 << open).saturating_sub(1);
        u128::from(known.first) <= piece.first && piece.last <= last
    })
}
