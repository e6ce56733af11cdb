//! The client address (section 8), from the whole chain each time.

use super::addresses::{inside, is_port, unmapped};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How the client address is derived; networks are canonical texts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// C-2.
    Peer,
    /// C-3: how many entries stand to the right of the client, and which peers may say so.
    Hops(usize, Option<Vec<String>>),
    /// C-4.
    Proxies(Vec<String>),
}

/// The client of a connection; `None` is the unknown client.
#[must_use]
pub fn client(trust: &Trust, peer: IpAddr, lines: &[&[u8]]) -> Option<IpAddr> {
    let peer = unmapped(peer);
    let chain = chain(lines);
    match trust {
        Trust::Peer => Some(peer),
        Trust::Hops(_, Some(proxies)) if !is_trusted(proxies, peer) => Some(peer),
        Trust::Hops(hops, _) => {
            if chain.len() <= *hops {
                return None;
            }
            address(&chain[chain.len() - 1 - hops])
        }
        Trust::Proxies(proxies) => {
            if !is_trusted(proxies, peer) {
                return Some(peer);
            }
            let mut leftmost = None;
            for entry in chain.iter().rev() {
                let entry = address(entry)?;
                if !is_trusted(proxies, entry) {
                    return Some(entry);
                }
                leftmost = Some(entry);
            }
            leftmost
        }
    }
}

/// C-1: every element of every line, in order.
fn chain(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for line in lines {
        for element in line.split(|byte| *byte == b',') {
            let mut element = element.to_vec();
            while element.first().is_some_and(|byte| is_blank(*byte)) {
                element.remove(0);
            }
            while element.last().is_some_and(|byte| is_blank(*byte)) {
                element.pop();
            }
            entries.push(element);
        }
    }
    entries
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// C-5: an address, perhaps with a port that is dropped.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let address = if let Some(bracketed) = text.strip_prefix('[') {
        let (inside, after) = bracketed.split_once(']')?;
        if !after.is_empty() && !is_port(after.strip_prefix(':')?) {
            return None;
        }
        IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        if !is_port(port) {
            return None;
        }
        IpAddr::V4(address.parse::<Ipv4Addr>().ok()?)
    };
    Some(unmapped(address))
}

fn is_trusted(proxies: &[String], address: IpAddr) -> bool {
    proxies.iter().any(|network| inside(address, network))
}
