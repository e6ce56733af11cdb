//! What an entry may say (sections 2 and 3), and its canonical text.

use super::{
    addresses::{inside, is_port, unmapped},
    names::is_name,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The canonical text of an address entry (G-10); `None` for what is not one.
#[must_use]
pub fn address_entry(text: &str) -> Option<String> {
    let (network, ports) = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        let ports = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
        (ipv6_network(host)?, ports)
    } else if text.matches(':').count() > 1 {
        (ipv6_network(text)?, None)
    } else if let Some((host, ports)) = text.split_once(':') {
        // G-4
        let network = if host.is_empty() { "0.0.0.0/0".to_owned() } else { ipv4_network(host)? };
        (network, Some(ports))
    } else {
        (ipv4_network(text)?, None)
    };
    let Some(ports) = ports else { return Some(network) };
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    if !is_port(low) || !is_port(high) {
        return None;
    }
    let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
    let host = if network.contains(':') { format!("[{network}]") } else { network.clone() };
    match (low, high) {
        (1, 65535) => Some(network),
        _ if low > high => None,
        _ if low == high => Some(format!("{host}:{low}")),
        _ => Some(format!("{host}:{low}-{high}")),
    }
}

/// The canonical text of a domain pattern, as far as that takes no conversion (N-4): `None` for
/// what is not one, and for what is not ASCII.
#[must_use]
pub fn ascii_pattern(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let (star, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    (is_name(&name) && star.len() + name.len() <= 253).then(|| format!("{star}{name}"))
}

fn ipv4_network(host: &str) -> Option<String> {
    let (address, length) = host.split_once('/').unwrap_or((host, "32"));
    network(IpAddr::V4(address.parse::<Ipv4Addr>().ok()?), prefix_length(length, 32)?)
}

fn ipv6_network(host: &str) -> Option<String> {
    let (address, length) = host.split_once('/').unwrap_or((host, "128"));
    let (address, length) = (IpAddr::V6(address.parse::<Ipv6Addr>().ok()?), prefix_length(length, 128)?);
    if !inside(address, "::ffff:0:0/96") {
        return network(address, length);
    }
    // G-9: all of the mapped addresses, and what is wider than them, are errors.
    if length <= 96 { None } else { network(unmapped(address), length - 96) }
}

fn network(address: IpAddr, length: usize) -> Option<String> {
    // G-8
    if address.is_unspecified() && length > 0 {
        return None;
    }
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    // G-7
    let host_bits = (length..octets.len() * 8).any(|bit| octets[bit / 8] & (128 >> (bit % 8)) != 0);
    (!host_bits).then(|| format!("{address}/{length}"))
}

fn prefix_length(text: &str, longest: usize) -> Option<usize> {
    (0..=longest).find(|length| length.to_string() == text)
}
