//! Addresses, networks and ports as `arbitrary` builds them, and the bytes that it builds them
//! from: what is derived here is read from the front of the input, so it can be written as well.

use arbitrary::Arbitrary;
use sandgate::Network;
use sandgate_conformance::{compare::embeddings, draft};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Writes the bytes that `arbitrary` reads as this value.
pub(crate) trait Seed {
    fn write(&self, out: &mut Vec<u8>);
}

impl Seed for u8 {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
}

impl Seed for u16 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }
}

impl Seed for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }
}

impl<T: Seed, const N: usize> Seed for [T; N] {
    fn write(&self, out: &mut Vec<u8>) {
        for element in self {
            element.write(out);
        }
    }
}

impl<T: Seed> Seed for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        for element in self {
            true.write(out);
            element.write(out);
        }
        false.write(out);
    }
}

impl<T: Seed> Seed for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }
}

impl<T: Seed, U: Seed> Seed for (T, U) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

/// The bytes that choose one of the variants of an enum.
pub(crate) fn variant(index: u64, of: u64, out: &mut Vec<u8>) {
    let bits = (index << 32).div_ceil(of);
    out.extend(u32::try_from(bits).unwrap().to_le_bytes());
}

/// Addresses between which there is something to confuse.
const KNOWN: &[&str] = &[
    "8.8.8.8",
    "10.0.0.0",
    "127.0.0.1",
    "169.254.169.254",
    "203.0.113.0",
    "240.0.0.0",
    "255.255.255.252",
    "2001:db8::",
    "2001:db8:0:1::",
    "fe80::1",
    "fc00::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc",
];

/// An address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Place {
    /// One of [`KNOWN`], or one of the three after it.
    Known(u8, u8),
    V4([u8; 4]),
    V6([u8; 16]),
    /// One that carries an IPv4 address, in one of the forms.
    Embedded(u8, [u8; 4]),
    /// The same in the form of A-1.
    Mapped([u8; 4]),
}

impl Place {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => Self::V6(v6.octets()),
        }
    }

    pub(crate) fn address(self) -> IpAddr {
        match self {
            Self::Known(index, near) => match KNOWN[usize::from(index) % KNOWN.len()].parse().unwrap() {
                IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() | u32::from(near % 4)).into(),
                IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() | u128::from(near % 4)).into(),
            },
            Self::V4(octets) => octets.into(),
            Self::V6(octets) => octets.into(),
            Self::Embedded(form, octets) => {
                let forms = embeddings(u32::from_be_bytes(octets));
                Ipv6Addr::from_bits(forms[usize::from(form) % forms.len()]).into()
            }
            Self::Mapped(octets) => Ipv4Addr::from(octets).to_ipv6_mapped().into(),
        }
    }
}

impl Seed for Place {
    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Known(index, near) => {
                variant(0, 5, out);
                (index, near).write(out);
            }
            Self::V4(octets) => {
                variant(1, 5, out);
                octets.write(out);
            }
            Self::V6(octets) => {
                variant(2, 5, out);
                octets.write(out);
            }
            Self::Embedded(form, octets) => {
                variant(3, 5, out);
                (form, octets).write(out);
            }
            Self::Mapped(octets) => {
                variant(4, 5, out);
                octets.write(out);
            }
        }
    }
}

/// A network: the one of this length around an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) struct Around(pub(crate) Place, pub(crate) u8);

impl Around {
    pub(crate) fn of(network: Network) -> Self {
        Self(Place::of(network.first()), network.prefix_len())
    }

    /// The first address and the length, in canonical form.
    pub(crate) fn parts(self) -> (IpAddr, u8) {
        let Self(place, length) = self;
        match place.address().to_canonical() {
            IpAddr::V4(v4) => {
                let length = length % 33;
                let mask = !u32::MAX.checked_shr(length.into()).unwrap_or(0);
                (Ipv4Addr::from_bits(v4.to_bits() & mask).into(), length)
            }
            IpAddr::V6(v6) => {
                let length = length % 129;
                let mask = !u128::MAX.checked_shr(length.into()).unwrap_or(0);
                (Ipv6Addr::from_bits(v6.to_bits() & mask).into(), length)
            }
        }
    }

    pub(crate) fn text(self) -> String {
        let (base, length) = self.parts();
        format!("{base}/{length}")
    }
}

impl Seed for Around {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

/// An address entry in one of its spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) struct Spelled {
    pub(crate) network: Around,
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) spelling: u8,
}

impl Spelled {
    pub(crate) fn draft(self) -> draft::Address {
        let (base, length) = self.network.parts();
        // G-8: of the networks that begin with nothing, only the whole family is meaningful.
        let length = if base.is_unspecified() { 0 } else { length };
        let ports = self.ports.map(|(one, other)| (one.min(other).max(1), one.max(other).max(1)));
        draft::Address { base, length, ports, spelling: self.spelling }
    }
}

impl Seed for Spelled {
    fn write(&self, out: &mut Vec<u8>) {
        self.network.write(out);
        self.ports.write(out);
        self.spelling.write(out);
    }
}
