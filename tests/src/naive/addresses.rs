//! Addresses as rows of bits, networks and ports as their texts (section 5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// an IPv4-mapped address is its IPv4 address.
pub(super) fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if inside(address, "::ffff:0:0/96") => IpAddr::V4(ipv4_at(v6, 96)),
        _ => address,
    }
}

/// the IPv4 address that an IPv6 address carries.
pub(super) fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    if v6.to_string() == "::" || v6.to_string() == "::1" {
        return None;
    }
    // Where the 32 bits of the IPv4 address begin.
    for (network, bit) in [("64:ff9b::/96", 96), ("2002::/16", 16), ("::ffff:0:0:0/96", 96), ("::/96", 96)] {
        if inside(address, network) {
            return Some(IpAddr::V4(ipv4_at(v6, bit)));
        }
    }
    None
}

/// Whether a canonical network text holds an address of its own family, last address included
/// . The address has to be unmapped already.
pub(super) fn inside(address: IpAddr, network: &str) -> bool {
    let (base, length) = network.split_once('/').expect("a canonical network has a length");
    let base: IpAddr = base.parse().expect("a canonical network begins with an address");
    let length: usize = length.parse().expect("a length is a number");
    if base.is_ipv4() != address.is_ipv4() {
        return false;
    }
    (0..length).all(|index| bit(base, index) == bit(address, index))
}

/// the network that denies every address, whatever its family.
pub(super) fn inside_denied(address: IpAddr, network: &str) -> bool {
    network == "0.0.0.0/0" || inside(address, network)
}

/// The network and the ports of a canonical entry (G-10).
pub(super) fn split_entry(entry: &str) -> (&str, Option<&str>) {
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (network, ports) = bracketed.split_once("]:").expect("brackets are for ports");
        return (network, Some(ports));
    }
    if entry.matches(':').count() > 1 {
        return (entry, None);
    }
    match entry.split_once(':') {
        Some((network, ports)) => (network, Some(ports)),
        None => (entry, None),
    }
}

/// Whether canonical ports hold a port. Only an entry without ports holds port 0.
pub(super) fn holds(ports: Option<&str>, port: u16) -> bool {
    let Some(ports) = ports else { return true };
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    let low: u16 = low.parse().expect("a port is a number");
    let high: u16 = high.parse().expect("a port is a number");
    low <= port && port <= high
}

/// `port` of the grammar: 1 to 65535, decimal, no sign, no leading zero.
pub(super) fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port != 0 && port.to_string() == text)
}

/// One bit of an address, counted from the most significant.
fn bit(address: IpAddr, index: usize) -> bool {
    let octet = match address {
        IpAddr::V4(v4) => v4.octets()[index / 8],
        IpAddr::V6(v6) => v6.octets()[index / 8],
    };
    octet & (128 >> (index % 8)) != 0
}

fn ipv4_at(address: Ipv6Addr, first: usize) -> Ipv4Addr {
    let address = IpAddr::V6(address);
    Ipv4Addr::from((first..first + 32).fold(0, |sum, index| sum * 2 + u32::from(bit(address, index))))
}
