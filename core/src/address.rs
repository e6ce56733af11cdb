//! What one IP address is judged as: strict text, IPv4 behind IPv6 (semantics, section 5).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The IPv4 address that an IPv6 destination carries, in the four forms of A-3.
pub(crate) fn embedded_ipv4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let carried = match v6.segments() {
        // NAT64, then IPv4-translated.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => low_bits(v6, 0),
        // 6to4.
        [0x2002, ..] => low_bits(v6, 80),
        // IPv4-compatible. `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, ..] if v6.to_bits() > 1 => low_bits(v6, 0),
        _ => return None,
    };
    Some(IpAddr::V4(carried))
}

/// The 32 bits above the lowest `shift` bits.
fn low_bits(address: Ipv6Addr, shift: u32) -> Ipv4Addr {
    let bits = address.to_bits().checked_shr(shift).unwrap_or_default() & u128::from(u32::MAX);
    Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default())
}
