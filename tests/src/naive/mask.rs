//! The host mask (section 9), by putting a number where the placeholder stands.

use super::{addresses::is_port, names::is_name};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Stands for a placeholder while its surroundings are looked at; no mask may contain it.
const PLACE: char = '\0';

/// Whether a text is a host mask (M-1, M-2).
#[must_use]
pub fn is_mask(text: &str) -> bool {
    if !text.is_ascii() || text.contains(PLACE) {
        return false;
    }
    let text = text.replace("${PORT}", "\0").replace("{port}", "\0");
    if let Some(bracketed) = text.strip_prefix('[') {
        let Some((host, after)) = bracketed.split_once(']') else { return false };
        return host.parse::<Ipv6Addr>().is_ok()
            && (after.is_empty() || after.strip_prefix(':').is_some_and(is_mask_port));
    }
    match text.split_once(':') {
        Some((host, port)) => is_mask_host(host) && is_mask_port(port),
        None => is_mask_host(&text),
    }
}

/// The mask with a port put in (M-1).
#[must_use]
pub fn masked(mask: &str, port: u16) -> String {
    mask.replace("${PORT}", &port.to_string()).replace("{port}", &port.to_string())
}

fn is_mask_port(port: &str) -> bool {
    port == PLACE.to_string() || is_port(port)
}

fn is_mask_host(host: &str) -> bool {
    if host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.split('.').all(|label| !label.contains(PLACE) || may_hold_port(label))
        // A port has at most five digits: the name has to be one with the longest.
        && is_name(&host.replace(PLACE, "65535"))
}

/// With a letter beside it the port cannot make the label a number, nor part of an encoding.
fn may_hold_port(label: &str) -> bool {
    label.contains(|c: char| c.is_ascii_alphabetic()) && !label.starts_with("xn--") && !label.starts_with("0x")
}
