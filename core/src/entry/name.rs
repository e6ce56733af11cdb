//! What a DNS name is (N-3), for patterns, host names on the wire and host masks alike.

use super::address::ends_in_number;
use crate::diagnostic::{Code, ParseError};
use alloc::format;
use core::ops::Range;

/// Octets of the longest name, without a trailing dot.
pub(crate) const MAX_NAME: usize = 253;
/// Octets of the longest label.
pub(crate) const MAX_LABEL: usize = 63;

/// What keeps a text from being a name, and where. Making one costs nothing: names on the wire
/// are judged for every connection, and nobody reads why they fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameFlaw {
    code: Code,
    span: Range<usize>,
}

/// Whether ASCII letters, digits, `-` and `_`: all that a label is made of.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Judges a name without its trailing dot, in either case. `max` is its longest length.
///
/// One pass over the bytes: names on the wire are judged for every connection.
pub(crate) fn check_name(name: &[u8], max: usize) -> Result<(), NameFlaw> {
    let flaw = |code, start: usize, end: usize| Err(NameFlaw { code, span: start..end });
    let mut start = 0_usize;
    let mut before = b'.';
    for (at, &byte) in name.iter().enumerate() {
        if byte == b'.' {
            end_label(before, start, at)?;
            start = at.wrapping_add(1);
        } else if !is_name_byte(byte) {
            return flaw(Code::InvalidCharacter, at, at.saturating_add(1));
        } else if byte == b'-' && before == b'.' {
            return flaw(Code::MisplacedHyphen, at, at.saturating_add(1));
        }
        before = byte;
    }
    end_label(before, start, name.len())?;
    if name.len() > max {
        return flaw(Code::NameTooLong, 0, name.len());
    }
    if ends_in_number(name) {
        return flaw(Code::InvalidAddress, 0, name.len());
    }
    Ok(())
}

/// Judges what can only be judged at the end of a label: `before` is its last byte, or a dot.
fn end_label(before: u8, start: usize, end: usize) -> Result<(), NameFlaw> {
    match before {
        b'.' => Err(NameFlaw { code: Code::EmptyLabel, span: end..end }),
        b'-' => Err(NameFlaw { code: Code::MisplacedHyphen, span: end.saturating_sub(1)..end }),
        _ if end.saturating_sub(start) > MAX_LABEL => Err(NameFlaw { code: Code::LabelTooLong, span: start..end }),
        _ => Ok(()),
    }
}

impl NameFlaw {
    /// The flaw in words, for a name that began `at` bytes into `text`.
    pub(crate) fn explain(self, text: &str, at: usize) -> ParseError {
        let Self { code, span } = self;
        let span = span.start.saturating_add(at)..span.end.saturating_add(at);
        let part = text.get(span.clone()).unwrap_or_default();
        let message = match code {
            Code::EmptyLabel if text.len() == at => "there is no name".into(),
            Code::EmptyLabel => "the name has an empty label: nothing stands beside a dot".into(),
            Code::InvalidCharacter => format!("`{}` is not a character of a name", part.escape_debug()),
            Code::MisplacedHyphen => "a label neither begins nor ends with a hyphen".into(),
            Code::LabelTooLong => format!("the label has {} octets, and {MAX_LABEL} is the most", part.len()),
            Code::NameTooLong => {
                format!("the name has {} octets, and {MAX_NAME} is the most, `*.` included", part.len())
            }
            _ => format!("`{part}` ends in a number, so that some programs read it as an address"),
        };
        ParseError::new(code, message).at(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_label_and_name_are_names_and_one_more_is_not() {
        assert!(check_name(&[b'a'; 63], MAX_NAME).is_ok());
        assert_eq!(check_name(&[b'a'; 64], MAX_NAME).unwrap_err().code, Code::LabelTooLong);
        let name = [b"a.".repeat(126), b"b".to_vec()].concat();
        assert!(check_name(&name, MAX_NAME).is_ok());
        assert_eq!(check_name(&name, MAX_NAME - 1).unwrap_err().code, Code::NameTooLong);
    }

    #[test]
    fn each_flaw_has_words_of_its_own() {
        let words = |name: &str| {
            let flaw = check_name(name.as_bytes(), MAX_NAME).unwrap_err();
            alloc::string::ToString::to_string(&flaw.explain(name, 0))
        };
        assert!(words("").contains("there is no name"));
        assert!(words("a..b").contains("empty label"));
        assert!(words("a!b").contains("`!` is not a character"));
        assert!(words("-a").contains("hyphen"));
        assert!(words(&"a".repeat(64)).contains("the label has 64 octets"));
        assert!(words(&["a"; 128].join(".")).contains("octets, and 253 is the most"));
        assert!(words("10.0.0.256").contains("`10.0.0.256` ends in a number"));
    }
}
