//! The ports that an entry speaks of.

use super::leading_zero;
use crate::diagnostic::{Code, ParseError};
use alloc::format;
use core::{fmt, str::FromStr};

/// An inclusive range of ports, or every port.
///
/// A range that an entry writes lies within 1 to 65535. [`PortRange::ALL`] is what an entry
/// without ports means; it alone also holds port 0, which stands for traffic that has no port
/// (A-5). `1-65535` is that range (G-10).
///
/// ```
/// use sandgate::PortRange;
///
/// let ports: PortRange = "80-443".parse()?;
/// assert!(ports.contains(80) && ports.contains(443) && !ports.contains(444));
/// assert_eq!("80-80".parse::<PortRange>()?.to_string(), "80");
/// assert_eq!("1-65535".parse::<PortRange>()?, PortRange::ALL);
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    low: u16,
    high: u16,
}

impl PortRange {
    /// Every port, and traffic without one.
    pub const ALL: Self = Self { low: 0, high: u16::MAX };

    /// The ports from `low` to `high`, both included. `None` unless `1 <= low <= high`.
    #[must_use]
    pub const fn new(low: u16, high: u16) -> Option<Self> {
        match (low, high) {
            (1, u16::MAX) => Some(Self::ALL),
            (1.., _) if low <= high => Some(Self { low, high }),
            _ => None,
        }
    }

    /// The lowest port: 0 for [`PortRange::ALL`].
    #[must_use]
    pub const fn low(self) -> u16 {
        self.low
    }

    /// The highest port.
    #[must_use]
    pub const fn high(self) -> u16 {
        self.high
    }

    /// Whether every port is meant.
    #[must_use]
    pub const fn is_all(self) -> bool {
        self.low == 0
    }

    /// Whether `port` is meant. Port 0 is traffic without a port (A-5).
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }
}

impl FromStr for PortRange {
    type Err = ParseError;

    /// Reads `ports` of the grammar: `port [ "-" port ]` (G-5, G-6).
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::read(text).map_err(|error| error.keep_offers(|text| Self::read(text).is_ok()))
    }
}

impl PortRange {
    pub(super) fn read(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::new(Code::EmptyPort, "the port is missing")
                .advise("write a port after the colon, or leave the colon out to mean every port"));
        }
        let Some((low_text, high_text)) = text.split_once('-') else {
            let port = parse_port(text)?;
            return Ok(Self { low: port, high: port });
        };
        let dash = low_text.len();
        if low_text.is_empty() || high_text.is_empty() {
            return Err(ParseError::new(Code::EmptyPort, "one end of the port range is missing")
                .at(dash..dash.saturating_add(1))
                .advise("write both ends, as in `80-443`"));
        }
        let low = parse_port(low_text).map_err(|error| error.map_offers(|low| format!("{low}-{high_text}")))?;
        let high = parse_port(high_text)
            .map_err(|error| error.map_offers(|high| format!("{low_text}-{high}")).shifted(dash.saturating_add(1)))?;
        Self::new(low, high).ok_or_else(|| {
            ParseError::new(Code::ReversedPortRange, format!("the port range {low}-{high} runs from high to low"))
                .at(0..text.len())
                .offer([format!("{high}-{low}")])
        })
    }
}

/// A port of an entry, a mask or a header: decimal, 1 to 65535, no sign, no leading zero.
pub(crate) fn parse_port(text: &str) -> Result<u16, ParseError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() > 1 && text.starts_with('0') {
        let port = text.trim_start_matches('0');
        return Err(leading_zero("port", text).offer([port.into()]));
    }
    match text.parse() {
        Ok(port @ 1..) if digits => Ok(port),
        _ => Err(ParseError::new(Code::InvalidPort, format!("`{text}` is not a port"))
            .at(0..text.len())
            .advise("a port is a decimal number from 1 to 65535")),
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("1-65535"),
            Self { low, high } if low == high => write!(f, "{low}"),
            Self { low, high } => write!(f, "{low}-{high}"),
        }
    }
}
