//! The host mask: what replaces the Host header of requests into the sandbox (section 9).

use crate::{
    diagnostic::{Code, ParseError},
    entry::{MAX_NAME, check_name, parse_port},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
};
use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The two spellings of the port placeholder (M-1).
const PLACEHOLDERS: [&str; 2] = ["${PORT}", "{port}"];
/// What stands in for a placeholder while lengths are counted: the longest port (M-2).
const LONGEST_PORT: &str = "65535";

/// A replacement for the Host header, with placeholders for the sandbox port.
///
/// [`Display`](fmt::Display) writes the mask as it was written (M-2).
///
/// ```
/// use sandgate::HostMask;
///
/// let mask: HostMask = "app-${PORT}.example.com".parse()?;
/// assert_eq!(mask.masked(8080).to_string(), "app-8080.example.com");
/// assert!("${PORT}.example.com".parse::<HostMask>().is_err());
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostMask {
    text: Box<str>,
}

impl HostMask {
    /// The mask as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The mask with the port filled in. Nothing is allocated until it is written somewhere.
    #[must_use]
    pub fn masked(&self, port: u16) -> MaskedHost<'_> {
        MaskedHost { mask: self, port }
    }
}

/// A host mask with its port, ready to be written into a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedHost<'m> {
    mask: &'m HostMask,
    port: u16,
}

impl fmt::Display for MaskedHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pieces(&self.mask.text).try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Placeholder => write!(f, "{}", self.port),
        })
    }
}

enum Piece<'t> {
    Text(&'t str),
    Placeholder,
}

/// The text cut at its placeholders.
fn pieces<'t>(text: &'t str) -> impl Iterator<Item = Piece<'t>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let after_placeholder = |text: &'t str| PLACEHOLDERS.iter().find_map(|spelling| text.strip_prefix(spelling));
        if let Some(after) = after_placeholder(rest) {
            rest = after;
            return Some(Piece::Placeholder);
        }
        // One pass over the text for both spellings: a search for each would go to the end every time.
        let mut candidates = rest.match_indices(['$', '{']).map(|(at, _)| at);
        let next = candidates.find(|at| rest.get(*at..).is_some_and(|text| after_placeholder(text).is_some()));
        let (text, after) = rest.split_at_checked(next.unwrap_or(rest.len()))?;
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The text as it reads with the longest port.
fn with_longest_port(text: &str) -> String {
    pieces(text).map(|piece| if let Piece::Text(text) = piece { text } else { LONGEST_PORT }).collect()
}

fn has_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder))
}

impl FromStr for HostMask {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::read(text).map_err(|error| error.keep_offers(|text| Self::read(text).is_ok()))
    }
}

impl HostMask {
    fn read(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::new(Code::EmptyMask, "the mask is empty").advise("write `null` for no mask"));
        }
        if !text.is_ascii() {
            return Err(non_ascii(text));
        }
        let (host, port) = split(text)?;
        check_host(host)?;
        if let Some(port) = port {
            check_port(port).map_err(|error| error.shifted(text.len().saturating_sub(port.len())))?;
        }
        Ok(Self { text: text.into() })
    }
}

fn non_ascii(text: &str) -> ParseError {
    let error = ParseError::new(Code::NonAsciiMask, "the mask is not ASCII, and a Host header is");
    let Some((start, found)) = text.char_indices().find(|(_, c)| !c.is_ascii()) else { return error };
    let error = error.at(start..start.saturating_add(found.len_utf8()));
    let (host, port) =
        text.rsplit_once(':').map_or((text, ""), |(host, _)| (host, text.get(host.len()..).unwrap_or_default()));
    let ascii = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::EMPTY);
    error.offer(ascii.ok().map(|ascii| format!("{ascii}{port}")))
}

/// `host [ ":" port ]`; the colons of an IPv6 address stand in brackets.
fn split(text: &str) -> Result<(&str, Option<&str>), ParseError> {
    if let Some(end) = text.find(']').filter(|_| text.starts_with('[')) {
        let (host, rest) = text.split_at_checked(end.saturating_add(1)).unwrap_or((text, ""));
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            (_, None) => Err(ParseError::new(Code::InvalidMaskHost, "only `:` and a port may follow the bracket")
                .at(host.len()..text.len())),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(
            ParseError::new(Code::InvalidMaskHost, "an IPv6 address stands in brackets").offer([format!("[{text}]")])
        );
    }
    Ok(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

fn check_host(host: &str) -> Result<(), ParseError> {
    let whole = 0..host.len();
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) if has_placeholder(address) => Err(misplaced(host, "an address has no placeholder")),
            Err(_) => {
                Err(ParseError::new(Code::InvalidMaskHost, format!("`{address}` is not an IPv6 address")).at(whole))
            }
        };
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    let mut start = 0_usize;
    for label in host.split('.') {
        check_placeholder(label).map_err(|error| error.shifted(start))?;
        start = start.saturating_add(label.len()).saturating_add(1);
    }
    let name = with_longest_port(host);
    let name = name.strip_suffix('.').unwrap_or(&name);
    check_name(name.as_bytes(), MAX_NAME).map_err(|flaw| {
        let error = flaw.explain(name, 0);
        // Only in a mask without placeholders are the places of the text those of the name.
        let span = if has_placeholder(host) { whole } else { error.span().unwrap_or(whole) };
        ParseError::new(Code::InvalidMaskHost, error.message().to_string()).at(span)
    })
}

/// M-1: in a name the placeholder is part of a label that a reader cannot take for a number.
fn check_placeholder(label: &str) -> Result<(), ParseError> {
    if !has_placeholder(label) {
        return Ok(());
    }
    let has_letter = pieces(label)
        .any(|piece| matches!(piece, Piece::Text(text) if text.bytes().any(|byte| byte.is_ascii_alphabetic())));
    let begins = |prefix: &str| label.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if !has_letter {
        return Err(misplaced(label, "a label that is only a port and digits reads like a part of an address"));
    }
    if begins("xn--") || begins("0x") {
        return Err(misplaced(label, "a label that begins with `xn--` or `0x` has no placeholder"));
    }
    Ok(())
}

fn misplaced(label: &str, why: &'static str) -> ParseError {
    ParseError::new(Code::MisplacedPlaceholder, why)
        .at(0..label.len())
        .advise("put the placeholder into a label that holds a letter, as in `app-${PORT}.example.com`, or let it be the whole port")
}

fn check_port(port: &str) -> Result<(), ParseError> {
    if PLACEHOLDERS.contains(&port) || parse_port(port).is_ok() {
        return Ok(());
    }
    if has_placeholder(port) {
        return Err(ParseError::new(Code::MisplacedPlaceholder, "the placeholder is the whole port or no part of it")
            .at(0..port.len())
            .advise("write `${PORT}` alone after the colon"));
    }
    Err(ParseError::new(Code::InvalidMaskPort, format!("`{}` is not a port", port.escape_debug()))
        .at(0..port.len())
        .advise("a port is a decimal number from 1 to 65535, or the placeholder `${PORT}`"))
}

impl fmt::Display for HostMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
