//! A domain pattern: `name`, `*.name` or `*` (semantics, section 3).

use super::{
    Entry,
    host_name::HostName,
    name::{MAX_NAME, check_name, is_name_byte},
};
use crate::diagnostic::{Code, ParseError};
use alloc::{
    borrow::Cow,
    boxed::Box,
    format,
    string::{String, ToString},
};
use core::{char::REPLACEMENT_CHARACTER, fmt, ops::Range, str::FromStr};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A domain pattern of `allowOut`, in its canonical form: ASCII, lower case, no trailing dot.
///
/// ```
/// use sandgate::{DomainPattern, HostName};
///
/// let pattern: DomainPattern = "*.Bücher.example.".parse()?;
/// assert_eq!(pattern.to_string(), "*.xn--bcher-kva.example");
///
/// let pattern: DomainPattern = "*.example.com".parse()?;
/// assert!(pattern.matches(&HostName::from_sni(b"a.b.Example.com").unwrap()));
/// assert!(!pattern.matches(&HostName::from_sni(b"example.com").unwrap()));
/// # Ok::<(), sandgate::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainPattern {
    /// The whole text: what is shown, and what is compared from its end.
    text: Box<str>,
}

impl DomainPattern {
    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name without `*.`; `None` for `*`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self.text.strip_prefix('*') {
            None => Some(&self.text),
            Some(rest) => rest.strip_prefix('.'),
        }
    }

    /// Whether names below [`name`](Self::name) are meant: the pattern begins with `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.text.starts_with('*')
    }

    /// Whether the pattern matches a host name (N-6).
    #[must_use]
    pub fn matches(&self, host: &HostName) -> bool {
        match self.text.strip_prefix('*') {
            None => *self.text == *host.as_str(),
            // `*.name` matches what ends in `.name` and has a label before it; `*` has no name
            // and matches all. A host name has no empty label, so the rest is never empty.
            Some(suffix) => host.as_str().ends_with(suffix),
        }
    }

    /// Reads what is neither an address nor holds a piece of a URL: N-1, N-3, N-4.
    pub(super) fn from_name(text: &str) -> Result<Self, ParseError> {
        if text == "*" {
            return Ok(Self { text: text.into() });
        }
        let (name, wildcard) = match text.strip_prefix("*.") {
            Some(name) => (name, "*."),
            None => (text, ""),
        };
        if let Some(star) = name.find('*') {
            let at = star.saturating_add(wildcard.len());
            return Err(ParseError::new(Code::MisplacedWildcard, "a `*` stands alone or as the whole first label")
                .at(at..at.saturating_add(1))
                .advise("write `*.name` for every name below `name`, at any depth"));
        }
        let at = wildcard.len();
        let name = name.strip_suffix('.').unwrap_or(name);
        let lower = name.to_ascii_lowercase();
        if !lower.is_ascii() {
            check_mapping(&lower, at)?;
        }
        let ascii = to_ascii(&lower, at)?;
        check_name(ascii.as_bytes(), MAX_NAME.saturating_sub(at)).map_err(|flaw| {
            let error = flaw.explain(&format!("{wildcard}{ascii}"), at);
            // The place of a flaw in the converted name is no place in the text as written.
            if name.is_ascii() { error } else { error.at(at..at.saturating_add(name.len())) }
        })?;
        Ok(Self { text: format!("{wildcard}{ascii}").into() })
    }
}

/// N-4: every non-ASCII label must be its own mapping. `name` has lost its ASCII case.
fn check_mapping(name: &str, at: usize) -> Result<(), ParseError> {
    let is_foreign = |c: char| u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && !is_name_byte(byte));
    for (label, span) in labels(name, at).filter(|(label, _)| !label.is_ascii()) {
        if let Some((offset, found)) = label.char_indices().find(|&(_, c)| is_foreign(c)) {
            let at = span.start.saturating_add(offset);
            let message = format!("`{}` is not a character of a name", found.escape_debug());
            return Err(ParseError::new(Code::InvalidCharacter, message).at(at..at.saturating_add(1)));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(
                ParseError::new(Code::MisplacedHyphen, "a label neither begins nor ends with a hyphen").at(span)
            );
        }
        let mapped = mapping(label);
        if mapped.contains(REPLACEMENT_CHARACTER) {
            return Err(invalid_idna(span));
        }
        if mapped != label {
            let wildcard = if at > 0 { "*." } else { "" };
            let repair = format!("{wildcard}{}", mapping(name));
            return Err(ParseError::new(
                Code::MappedCharacter,
                "the label has characters that are mapped to others before a name is looked up",
            )
            .at(span)
            .offer([repair]));
        }
    }
    Ok(())
}

/// N-4: the ASCII form of a name, every internationalised label of it valid.
fn to_ascii(name: &str, at: usize) -> Result<String, ParseError> {
    let whole = || at..at.saturating_add(name.len());
    let Some(ascii) = idna_to_ascii(name) else {
        let bad = labels(name, at).find(|(label, _)| idna_to_ascii(label).is_none());
        return Err(invalid_idna(bad.map_or_else(whole, |(_, span)| span)));
    };
    // What was ASCII already stays as it was: an `xn--` label that is written otherwise than its
    // own conversion is not valid punycode.
    for (converted, (label, span)) in ascii.split('.').zip(labels(name, at)) {
        if label.is_ascii() && converted != label {
            return Err(invalid_idna(span));
        }
    }
    Ok(ascii)
}

/// The labels of a name that begins `at` bytes into its text, with their places there.
fn labels(name: &str, at: usize) -> impl Iterator<Item = (&str, Range<usize>)> {
    name.split('.').scan(at, |start, label| {
        let end = start.saturating_add(label.len());
        let span = *start..end;
        *start = end.saturating_add(1);
        Some((label, span))
    })
}

/// UTS #46 without the length and character checks, which N-3 makes for every name.
fn idna_to_ascii(name: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    ascii.ok().map(Cow::into_owned)
}

/// What UTS #46 maps a text to, with a replacement character for what it refuses.
fn mapping(text: &str) -> String {
    Uts46::new().to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow).0.into_owned()
}

fn invalid_idna(span: Range<usize>) -> ParseError {
    ParseError::new(Code::InvalidIdna, "the label is not a valid internationalised label").at(span)
}

impl FromStr for DomainPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_pattern = |text: &str| matches!(Entry::read(text), Ok(Entry::Pattern(_)));
        match Entry::read(text) {
            Ok(Entry::Pattern(pattern)) => Ok(pattern),
            Ok(Entry::Address(address)) => Err(ParseError::new(
                Code::InvalidAddress,
                format!("`{address}` is an address entry, not a domain pattern"),
            )),
            Err(error) => Err(error.keep_offers(is_pattern)),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<DomainPattern> for String {
    fn from(pattern: DomainPattern) -> Self {
        pattern.to_string()
    }
}
