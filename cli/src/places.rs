//! Addresses in words: the shortest list of networks, or everything but a few.

use sandgate::{AddressRange, Network};
use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// So many networks or names of one place are shown to a person; JSON has them all.
const SHOWN: usize = 6;

/// Ranges in order, IPv4 first, the families apart by this. No range at all is the unknown client,
/// which has no address.
pub(crate) fn places(ranges: &[AddressRange], separator: &str) -> String {
    if ranges.is_empty() {
        return "unknown clients".into();
    }
    let (v4, v6): (Vec<_>, Vec<_>) = ranges.iter().partition(|range| range.first().is_ipv4());
    let v4 = family(&v4, "IPv4", [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::BROADCAST)]);
    let v6 = family(&v6, "IPv6", [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::from_bits(u128::MAX))]);
    v4.into_iter().chain(v6).collect::<Vec<_>>().join(separator)
}

/// The first of them, with commas.
pub(crate) fn list(all: &[impl Display]) -> String {
    let shown: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if all.len() > SHOWN { ", and more" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The ranges of one family, between its first and its last address.
fn family(ranges: &[AddressRange], name: &str, [first, last]: [IpAddr; 2]) -> Option<String> {
    let networks =
        |ranges: &[AddressRange]| -> Vec<Network> { ranges.iter().flat_map(|range| range.networks()).collect() };
    let mut gaps = Vec::new();
    let mut next = Some(first);
    for range in ranges {
        gaps.extend(before(range.first()).zip(next).and_then(|(end, start)| AddressRange::new(start, end)));
        next = after(range.last());
    }
    gaps.extend(next.and_then(|start| AddressRange::new(start, last)));
    let (within, without) = (networks(ranges), networks(&gaps));
    match (within.len(), without.len()) {
        (0, _) => None,
        (_, 0) => Some(format!("all {name}")),
        (inside, outside) if outside < inside => Some(format!("all {name} but {}", list(&without))),
        _ => Some(list(&within)),
    }
}

fn before(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().checked_sub(1)?)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().checked_sub(1)?)),
    })
}

fn after(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().checked_add(1)?)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().checked_add(1)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(ranges: &[[&str; 2]], wanted: &str) {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let ranges: Option<Vec<_>> =
            ranges.iter().map(|[first, last]| AddressRange::new(address(first)?, address(last)?)).collect();
        assert_eq!(ranges.map(|ranges| places(&ranges, ", ")).as_deref(), Some(wanted));
    }

    #[test]
    fn the_shorter_of_the_places_and_of_what_is_left_is_told() {
        reads(&[], "unknown clients");
        reads(&[["0.0.0.0", "255.255.255.255"]], "all IPv4");
        reads(&[["10.0.0.0", "10.0.0.0"]], "10.0.0.0/32");
        reads(&[["0.0.0.0", "9.255.255.255"], ["11.0.0.0", "255.255.255.255"]], "all IPv4 but 10.0.0.0/8");
        reads(&[["0.0.0.1", "255.255.255.254"]], "all IPv4 but 0.0.0.0/32, 255.255.255.255/32");
        reads(&[["0.0.0.0", "127.255.255.255"]], "0.0.0.0/1");
        reads(&[["10.0.0.0", "10.255.255.255"], ["::", "::1"]], "10.0.0.0/8, ::/127");
        reads(
            &[["0.0.0.0", "255.255.255.255"], ["::2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
            "all IPv4, all IPv6 but ::/127",
        );
    }
}
