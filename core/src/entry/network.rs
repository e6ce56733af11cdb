//! A network: a base address and a prefix length, with nothing beyond the prefix.

use super::{leading_zero, marks::Marks};
use crate::diagnostic::{Code, ParseError};
use alloc::{format, string::String, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An IPv4 or IPv6 network, host bits zero (G-7), never IPv4-mapped (G-9).
///
/// Its text is `host` of the grammar without brackets: an address, or an address and a prefix
/// length. [`Display`](fmt::Display) always writes the length (G-10). G-8 does not apply here;
/// it is a rule about entries.
///
/// ```
/// use sandgate::Network;
///
/// let network: Network = "2001:DB8:0::/32".parse()?;
/// assert_eq!(network.to_string(), "2001:db8::/32");
/// assert!(network.contains("2001:db8::1".parse().unwrap()));
/// assert_eq!("::ffff:10.0.0.0/104".parse::<Network>()?, "10.0.0.0/8".parse()?);
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// `0.0.0.0/0`, every IPv4 address. In a deny list this network means every address (A-2).
    pub const ALL_IPV4: Self = Self(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)));
    /// `::/0`, every IPv6 address.
    pub const ALL_IPV6: Self = Self(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)));

    /// The lowest address.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.0.addr()
    }

    /// The highest address. It belongs to the network (A-4).
    #[must_use]
    pub fn last(self) -> IpAddr {
        self.0.broadcast()
    }

    /// The prefix length in bits: 0 to 32, or 0 to 128.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether it is an IPv6 network.
    #[must_use]
    pub fn is_ipv6(self) -> bool {
        matches!(self.0, IpNet::V6(_))
    }

    /// Whether the address lies in the network. An IPv4-mapped address is its IPv4 address (A-1).
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether the address lies in what the network means where it is denied: all IPv4 addresses
    /// mean all addresses there (A-2).
    pub(crate) fn denies(self, address: IpAddr) -> bool {
        self == Self::ALL_IPV4 || self.contains(address)
    }

    /// Whether every address of `other` lies in the network.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// The network of `len` bits that begins at an address. `None` if the address has bits beyond
    /// them, or is mapped (G-7, G-9).
    pub(crate) fn beginning_at(address: IpAddr, len: u8) -> Option<Self> {
        Self::new(address, len).ok().filter(|network| network.first() == address)
    }

    /// The only way a network comes to be: address and length as written, rewritten if mapped
    /// (G-9), host bits refused (G-7).
    fn new(address: IpAddr, len: u8) -> Result<Self, ParseError> {
        let (address, len) = match address {
            IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), len.checked_sub(96)) {
                (Some(v4), Some(0)) if v4.is_unspecified() => return Err(mapped_all()),
                (Some(v4), Some(len)) => (IpAddr::V4(v4), len),
                (Some(v4), None) => return Err(mapped_too_wide(v4, len)),
                (None, _) => (address, len),
            },
            IpAddr::V4(_) => (address, len),
        };
        let Ok(net) = IpNet::new(address, len) else {
            return Err(too_long(&format!("{len}"), address));
        };
        let network = net.trunc();
        if network.addr() == address {
            return Ok(Self(network));
        }
        // A `/0` is never offered: who writes an address does not mean every address.
        let wide = (len > 0).then(|| format!("{network}"));
        let repairs = wide.into_iter().chain([format!("{address}/{}", width(address))]);
        Err(ParseError::new(Code::HostBits, format!("`{address}/{len}` has bits beyond its prefix length"))
            .offer(repairs))
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn mapped_all() -> ParseError {
    ParseError::new(Code::MappedNetwork, "`::ffff:0:0/96` is every IPv4 address, written as IPv6")
        .offer([String::from("0.0.0.0/0")])
}

fn mapped_too_wide(v4: Ipv4Addr, len: u8) -> ParseError {
    let single = (!v4.is_unspecified()).then(|| format!("{v4}/32"));
    ParseError::new(
        Code::MappedNetwork,
        format!("an IPv4-mapped network of length {len} reaches beyond the mapped addresses, which begin at /96"),
    )
    .offer(single)
}

impl FromStr for Network {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let read = |text: &str| Self::read(text, Marks::of(text));
        read(text).map_err(|error| error.keep_offers(|text| read(text).is_ok()))
    }
}

impl Network {
    /// Reads `host` of the grammar without brackets, with its marks.
    pub(super) fn read(text: &str, marks: Marks) -> Result<Self, ParseError> {
        if let Some(percent) = marks.percent {
            let end = marks.slash.filter(|&slash| slash > percent).unwrap_or(text.len());
            return Err(ParseError::new(Code::ZoneIdentifier, "an address of a policy has no zone identifier")
                .at(percent..end)
                .advise("leave out `%` and what follows it: an entry means the address on every interface"));
        }
        let (address_text, len_text) = match marks.slash.and_then(|slash| text.split_at_checked(slash)) {
            Some((address, len)) => (address, len.strip_prefix('/')),
            None => (text, None),
        };
        let address = parse_address(address_text)?;
        let Some(len_text) = len_text else {
            return Self::new(address, width(address)).map_err(|error| error.at(0..text.len()));
        };
        let start = address_text.len().saturating_add(1);
        let len = parse_len(len_text, address)
            .map_err(|error| error.map_offers(|len| format!("{address_text}/{len}")).shifted(start))?;
        Self::new(address, len).map_err(|error| error.at(0..text.len()))
    }
}

/// An address as G-2 wants it. `core::net` refuses leading zeros, short and hexadecimal forms.
pub(crate) fn parse_address(text: &str) -> Result<IpAddr, ParseError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if !text.contains(':')
        && let Some(error) = leading_zero_octet(text)
    {
        return Err(error);
    }
    let wanted = if text.contains(':') {
        "an IPv6 address is up to eight groups of hexadecimal digits"
    } else {
        "an IPv4 address is four decimal numbers from 0 to 255"
    };
    Err(ParseError::new(Code::InvalidAddress, format!("`{text}` is not an address")).at(0..text.len()).advise(wanted))
}

/// `010.0.0.1`: octal in one reader and decimal in the next, so there is no safe repair.
fn leading_zero_octet(text: &str) -> Option<ParseError> {
    let octets: Vec<&str> = text.split('.').collect();
    let decimal = |octet: &&str| (1..=3).contains(&octet.len()) && octet.bytes().all(|byte| byte.is_ascii_digit());
    if octets.len() != 4 || !octets.iter().all(decimal) {
        return None;
    }
    let mut start = 0_usize;
    for octet in octets {
        let end = start.saturating_add(octet.len());
        if octet.len() > 1 && octet.starts_with('0') {
            return Some(
                ParseError::new(
                    Code::LeadingZero,
                    format!("`{octet}` has a leading zero, which some programs read as octal"),
                )
                .at(start..end)
                .advise("write the number that is meant in decimal, without leading zeros"),
            );
        }
        start = end.saturating_add(1);
    }
    None
}

fn parse_len(text: &str, address: IpAddr) -> Result<u8, ParseError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            // `/00` has no repair: a `/0` is never offered.
            let digits = text.trim_start_matches('0');
            return Err(leading_zero("prefix length", text).offer((!digits.is_empty()).then(|| digits.into())));
        }
        return text.parse().ok().filter(|&len| len <= width(address)).ok_or_else(|| too_long(text, address));
    }
    if let Ok(mask) = text.parse::<Ipv4Addr>()
        && address.is_ipv4()
    {
        let len = ipnet::ipv4_mask_to_prefix(mask).ok().filter(|&len| len > 0);
        return Err(ParseError::new(Code::Netmask, format!("`{text}` is a netmask, not a prefix length"))
            .at(0..text.len())
            .offer(len.map(|len| format!("{len}"))));
    }
    Err(ParseError::new(Code::InvalidPrefixLength, format!("`{text}` is not a prefix length"))
        .at(0..text.len())
        .advise(format!("a prefix length is a decimal number from 0 to {}", width(address))))
}

fn too_long(text: &str, address: IpAddr) -> ParseError {
    ParseError::new(
        Code::InvalidPrefixLength,
        format!("`{text}` is more than the {} bits of the address", width(address)),
    )
    .at(0..text.len())
    .advise(format!("a prefix length is a decimal number from 0 to {}", width(address)))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}
