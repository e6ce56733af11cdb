//! What one IP address is judged as: strict text, IPv4 behind IPv6 (semantics, section 5).

use core::net::{IpAddr, Ipv4Addr};

/// The address in a text, strict as in G-2 and judged as its IPv4 address if mapped (A-1).
/// `None` is the unknown client of I-3.
///
/// ```
/// use sandgate::parse_address;
///
/// assert_eq!(parse_address("::ffff:192.0.2.1"), parse_address("192.0.2.1"));
/// assert_eq!(parse_address("192.0.2.01"), None);
/// ```
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The 96 bits before the IPv4 address: `64:ff9b::`, NAT64.
const NAT64: u128 = 0x64_ff9b << 64;
/// `::ffff:0:`, IPv4-translated.
const TRANSLATED: u128 = 0xffff_0000;
/// `::`, IPv4-compatible.
const COMPATIBLE: u128 = 0;
/// The 16 bits before the IPv4 address: `2002:`, 6to4.
const SIX_TO_FOUR: u128 = 0x2002;

/// The IPv4 address that an IPv6 destination carries, in the four forms of A-3.
#[inline]
pub(crate) fn embedded_ipv4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let bits = address.to_bits();
    let carried = match bits >> 32 {
        NAT64 | TRANSLATED => bits,
        // `::` and `::1` are addresses of their own.
        COMPATIBLE if bits > 1 => bits,
        _ if bits >> 112 == SIX_TO_FOUR => bits >> 80,
        _ => return None,
    };
    let carried = u32::try_from(carried & u128::from(u32::MAX)).ok()?;
    Some(IpAddr::V4(Ipv4Addr::from_bits(carried)))
}

/// The addresses that carry an IPv4 address from `first` to `last`, which are those of a network:
/// the first and the last of each form of A-3. `::` and `::1` are among those of the last form,
/// and carry nothing.
pub(crate) fn embeddings(first: Ipv4Addr, last: Ipv4Addr) -> [(u128, u128); 4] {
    let [first, last] = [first, last].map(|address| u128::from(address.to_bits()));
    let six_to_four = SIX_TO_FOUR << 112;
    let plain = |prefix: u128| (prefix << 32 | first, prefix << 32 | last);
    let below = (1_u128 << 80).wrapping_sub(1);
    [plain(NAT64), (six_to_four | first << 80, six_to_four | last << 80 | below), plain(TRANSLATED), plain(COMPATIBLE)]
}

/// The addresses of `::/96` that carry nothing (A-3): the first and the last.
pub(crate) const CARRY_NOTHING: (u128, u128) = (0, 1);

/// The IPv4-mapped addresses: the first and the last (A-1).
pub(crate) const MAPPED: (u128, u128) = (0xffff << 32, 0xffff_ffff_ffff);
