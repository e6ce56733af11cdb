//! The client address out of a peer and whatever stands in `X-Forwarded-For` (section 8).

use crate::structure::{Around, Place, Seed, variant};
use arbitrary::{Arbitrary, Unstructured};
use sandgate::{ClientAddress, Network, from_internal_header, parse_address};
use sandgate_conformance::{
    naive::{Trust, client},
    vector::{self, Case},
};
use std::num::NonZeroUsize;

/// Who is trusted, and who connects.
#[derive(Debug, Clone, PartialEq, Arbitrary)]
struct Edge {
    mode: Mode,
    peer: Place,
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Mode {
    Peer,
    Hops(u8, Option<Vec<Around>>),
    Proxies(Vec<Around>),
}

impl Mode {
    fn core(&self) -> ClientAddress {
        let networks = |around: &Vec<Around>| around.iter().map(|around| around.text().parse().unwrap()).collect();
        match self {
            Self::Peer => ClientAddress::Peer,
            Self::Hops(hops, proxies) => {
                ClientAddress::TrustedHops { hops: positive(*hops), proxies: proxies.as_ref().map(networks) }
            }
            Self::Proxies(proxies) => ClientAddress::TrustedProxies(networks(proxies)),
        }
    }

    fn naive(&self) -> Trust {
        let texts = |around: &Vec<Around>| around.iter().map(|around| around.text()).collect();
        match self {
            Self::Peer => Trust::Peer,
            Self::Hops(hops, proxies) => Trust::Hops(positive(*hops).get(), proxies.as_ref().map(texts)),
            Self::Proxies(proxies) => Trust::Proxies(texts(proxies)),
        }
    }
}

fn positive(hops: u8) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(usize::from(hops % 8))
}

/// The input is an [`Edge`] and the header lines, a line feed between them.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(edge) = Edge::arbitrary(&mut input) else { return };
    let rest = input.take_rest();
    let lines: Vec<&[u8]> = if rest.is_empty() { Vec::new() } else { rest.split(|byte| *byte == b'\n').collect() };
    let (mode, peer) = (edge.mode.core(), edge.peer.address());
    let found = mode.derive(peer, &lines);
    assert_eq!(found, client(&edge.mode.naive(), peer, &lines), "{edge:?}");

    // How elements are spread over lines does not matter (C-1).
    if !lines.is_empty() {
        assert_eq!(mode.derive(peer, &[lines.join(b",".as_slice())]), found);
    }
    // Where all that is trusted are networks, nothing left of an untrusted address matters.
    if let (Mode::Proxies(_), Some(found)) = (&edge.mode, found)
        && !edge.mode.trusts(found)
    {
        let honest = mode.derive(peer, &[found.to_string()]);
        let forged = [lines.join(b",".as_slice()), found.to_string().into_bytes()];
        assert_eq!(mode.derive(peer, &forged), honest);
    }
    let internal = from_internal_header(&lines);
    let expected = match lines.as_slice() {
        [only] => str::from_utf8(only).ok().and_then(parse_address),
        _ => None,
    };
    assert_eq!(internal, expected);
}

impl Mode {
    fn trusts(&self, address: std::net::IpAddr) -> bool {
        match self.core() {
            ClientAddress::TrustedProxies(networks) => networks.iter().any(|network| network.contains(address)),
            ClientAddress::Peer | ClientAddress::TrustedHops { .. } => false,
        }
    }
}

impl Seed for Edge {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.mode {
            Mode::Peer => variant(0, 3, out),
            Mode::Hops(hops, proxies) => {
                variant(1, 3, out);
                hops.write(out);
                proxies.write(out);
            }
            Mode::Proxies(proxies) => {
                variant(2, 3, out);
                proxies.write(out);
            }
        }
        self.peer.write(out);
    }
}

/// The chains of the vectors.
///
/// # Panics
///
/// If a seed is not read as it was meant.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let Case::Client { mode, peer, forwarded_for, .. } = case else { return Vec::new() };
    let Some(peer) = parse_address(peer) else { return Vec::new() };
    let edge = Edge { mode: mode_of(mode), peer: Place::of(peer) };
    let mut seed = Vec::new();
    edge.write(&mut seed);
    assert_eq!(Edge::arbitrary(&mut Unstructured::new(&seed)).as_ref(), Ok(&edge), "a seed is read as it was meant");
    seed.extend(forwarded_for.join("\n").as_bytes());
    vec![seed]
}

fn mode_of(mode: &vector::Mode) -> Mode {
    let networks = |texts: &Vec<String>| -> Vec<Around> {
        texts.iter().map(|text| Around::of(text.parse::<Network>().unwrap())).collect()
    };
    let proxies = mode.trusted_proxies.as_ref().map(networks);
    match (mode.trusted_hops, proxies) {
        (Some(hops), proxies) => Mode::Hops(u8::try_from(hops.get() - 1).unwrap_or(u8::MAX), proxies),
        (None, Some(proxies)) => Mode::Proxies(proxies),
        (None, None) => Mode::Peer,
    }
}
