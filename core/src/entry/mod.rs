//! One line of a list, as the value that its text stands for (semantics, sections 2 and 3).
//!
//! Every text is read here and nowhere else. A value of this module can only be valid, and its
//! `Display` is the canonical text (G-10).

mod address;
mod domain;
mod fold;
mod host_name;
mod marks;
mod name;
mod network;
mod ports;
mod url;

pub use address::AddressEntry;
pub use domain::DomainPattern;
pub use host_name::HostName;
pub use network::Network;
pub use ports::PortRange;

pub(crate) use name::{MAX_NAME, check_name};
pub(crate) use ports::parse_port;

use crate::diagnostic::{Code, ParseError};
pub(crate) use address::not_an_address;
use alloc::{format, string::String};
use core::{fmt, str::FromStr};
use marks::Marks;

/// All traffic: the entry `0.0.0.0/0`. In a deny list it also means every IPv6 address (A-2).
pub const ALL_TRAFFIC: &str = "0.0.0.0/0";

/// An entry of a list. `allowOut` takes both kinds, the other lists addresses only (R-5).
///
/// ```
/// use sandgate::{Code, Entry};
///
/// assert!(matches!("10.0.0.0/8:80-443".parse()?, Entry::Address(_)));
/// assert!(matches!("*.example.com".parse()?, Entry::Pattern(_)));
/// assert_eq!("10.0.0.256".parse::<Entry>().unwrap_err().code(), Code::InvalidAddress);
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "section 2 and section 3 are all there is")]
pub enum Entry {
    /// A network with ports.
    Address(AddressEntry),
    /// Names.
    Pattern(DomainPattern),
}

impl FromStr for Entry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::read(text).map_err(|error| error.keep_offers(|text| Self::read(text).is_ok()))
    }
}

impl Entry {
    /// Reads an entry in the order of judgement of N-5: white space, the marks of a URL, what
    /// looks like an address (N-2), what is left of a URL, a name. What an error offers is not
    /// judged yet.
    pub(crate) fn read(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::new(Code::EmptyEntry, "the entry is empty")
                .advise("remove the entry; an empty text is what an unset variable leaves behind"));
        }
        // No valid entry holds a mark, so looking for them only when the address fails is the
        // same judgement, made sooner for the common case.
        let seen = Marks::of(text);
        if text.starts_with(':') || seen.look_like_address(text) {
            return match AddressEntry::from_grammar(text, seen) {
                Ok(entry) => Ok(Self::Address(entry)),
                Err(error) => Err(white_space(text).or_else(|| url::marks(text)).unwrap_or(error)),
            };
        }
        match white_space(text).or_else(|| url::marks(text)).or_else(|| url::leftovers(text)) {
            Some(error) => Err(error),
            None => DomainPattern::from_name(text).map(Self::Pattern),
        }
    }
}

/// G-3: the first run of white space, wherever it stands.
fn white_space(text: &str) -> Option<ParseError> {
    let start = text.find(char::is_whitespace)?;
    let run = text.get(start..)?.find(|c: char| !c.is_whitespace());
    let end = run.map_or(text.len(), |run| start.saturating_add(run));
    let error = ParseError::new(Code::Whitespace, "an entry has no white space").at(start..end);
    Some(error.offer([String::from(text.trim())]))
}

/// A number with a zero before it. Some programs read it as octal, and some numbers differ then.
fn leading_zero(what: &str, number: &str) -> ParseError {
    let octal = if is_other_in_octal(number) { ", which some programs read as octal" } else { "" };
    ParseError::new(Code::LeadingZero, format!("the {what} has a leading zero{octal}")).at(0..number.len())
}

/// Whether decimal digits behind a zero are another number in octal: `010`, and not `08` or `07`.
pub(crate) fn is_other_in_octal(number: &str) -> bool {
    let digits = number.trim_start_matches('0');
    digits.len() > 1 && digits.bytes().all(|digit| digit < b'8')
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(entry) => entry.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}
