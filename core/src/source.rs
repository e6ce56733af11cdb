//! Where a diagnostic stands in the JSON text: bytes, line and column.

use crate::diagnostic::{Code, Diagnostic, Report};
use alloc::{string::String, vec::Vec};
use core::{fmt, ops::Range};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A document's JSON text, in which diagnostics can be found again.
///
/// ```
/// use sandgate::{Form, Options, Source, check};
///
/// let text = r#"{"denyOut": ["8.8.8.8", "10.0.0.0/33"]}"#;
/// let report = check(text, Form::Config, &Options::default());
/// let place = Source::new(text).locate(&report.diagnostics()[0]).unwrap();
/// assert_eq!(&text[place], "33");
/// ```
#[derive(Debug)]
pub struct Source<'t> {
    text: &'t str,
    members: Vec<Member<'t>>,
}

/// A field of the top-level object, as raw text.
#[derive(Debug)]
struct Member<'t> {
    name: String,
    key: &'t str,
    value: &'t str,
    /// The elements, if the value is a list.
    elements: Vec<&'t str>,
}

/// A place in a text, for people: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a line and a column")]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl<'t> Source<'t> {
    /// Reads the places of the fields. Text that is not JSON is read as far as it goes.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let mut members = Vec::new();
        // An error is no loss: what was read before it has its places.
        let _ = serde_json::Deserializer::from_str(text).deserialize_map(Members(&mut members));
        Self { text, members }
    }

    /// The bytes of the text that a diagnostic means.
    ///
    /// A misnamed or repeated field is its name; a field that is missing is the end of the
    /// object, where it would be added. `None` if the diagnostic is about the whole document.
    #[must_use]
    pub fn locate(&self, diagnostic: &Diagnostic) -> Option<Range<usize>> {
        self.locate_nth(diagnostic, 0)
    }

    /// The bytes of every diagnostic of a report, where a field that is repeated again and again
    /// is found once for each time.
    #[must_use]
    pub fn locate_all(&self, report: &Report) -> Vec<Option<Range<usize>>> {
        let diagnostics = report.diagnostics();
        let repeated = |(index, diagnostic): (usize, &Diagnostic)| {
            let is_same = |other: &&Diagnostic| other.code() == diagnostic.code() && other.path() == diagnostic.path();
            let before = match diagnostic.code() {
                Code::DuplicateField | Code::UnknownField => diagnostics.iter().take(index).filter(is_same).count(),
                _ => 0,
            };
            self.locate_nth(diagnostic, before)
        };
        diagnostics.iter().enumerate().map(repeated).collect()
    }

    /// The line and column of every diagnostic of a report. A document that was too large to be
    /// read is not read for its places either.
    ///
    /// ```
    /// use sandgate::{Form, Options, Source, check};
    ///
    /// let text = "{\n  \"denyOut\": [\"10.0.0.0/33\"]}";
    /// let report = check(text, Form::Config, &Options::default());
    /// let place = Source::places(text, &report)[0].unwrap();
    /// assert_eq!((place.line, place.column), (2, 25));
    /// ```
    #[must_use]
    pub fn places(text: &str, report: &Report) -> Vec<Option<Position>> {
        if report.contains(Code::DocumentTooLarge) {
            return report.diagnostics().iter().map(|_| None).collect();
        }
        let source = Source::new(text);
        let ranges = source.locate_all(report);
        let starts: Vec<usize> = ranges.iter().flatten().map(|range| range.start).collect();
        let mut positions = source.positions(&starts).into_iter();
        ranges.iter().map(|range| range.as_ref().and_then(|_| positions.next())).collect()
    }

    fn locate_nth(&self, diagnostic: &Diagnostic, nth: usize) -> Option<Range<usize>> {
        let Some(pointer) = diagnostic.path().strip_prefix('/') else { return diagnostic.span() };
        let (field, index) = match pointer.split_once('/') {
            Some((field, index)) => (field, Some(index.parse::<usize>().ok()?)),
            None => (pointer, None),
        };
        let field = field.replace("~1", "/").replace("~0", "~");
        let mut named = self.members.iter().filter(|member| member.name == field);
        match diagnostic.code() {
            Code::UnknownField | Code::FixedAtCreation => return Some(self.range(named.nth(nth)?.key)),
            Code::DuplicateField => {
                // The first use may be under the field's other name.
                let member = if named.clone().count() > 1 { named.nth(nth.saturating_add(1)) } else { named.next() };
                return Some(self.range(member?.key));
            }
            _ => {}
        }
        let Some(member) = named.next() else {
            let end = self.text.rfind('}')?;
            return Some(end..end.saturating_add(1));
        };
        let value = match index {
            None => member.value,
            Some(index) => member.elements.get(index)?,
        };
        let range = self.range(value);
        match diagnostic.span() {
            Some(span) if value.starts_with('"') => {
                let within = within_string(value, span);
                Some(range.start.saturating_add(within.start)..range.start.saturating_add(within.end))
            }
            _ => Some(range),
        }
    }

    /// The bytes of each element of a list, quotes included; none if there is no such list.
    #[must_use]
    pub fn elements(&self, field: &str) -> Vec<Range<usize>> {
        let member = self.members.iter().find(|member| member.name == field);
        member.map(|member| member.elements.iter().map(|element| self.range(element)).collect()).unwrap_or_default()
    }

    /// The bytes of a part that was borrowed from the text.
    fn range(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        start..start.saturating_add(part.len())
    }

    /// The line and column of a byte of the text.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        self.positions(&[byte]).pop().unwrap_or(Position { line: 1, column: 1 })
    }

    /// The line and column of each of these bytes of the text, in one pass over it.
    fn positions(&self, bytes: &[usize]) -> Vec<Position> {
        let mut order: Vec<usize> = (0..bytes.len()).collect();
        order.sort_unstable_by_key(|&index| bytes.get(index));
        let mut positions = alloc::vec![Position { line: 1, column: 1 }; bytes.len()];
        let (mut at, mut here) = (0, Position { line: 1, column: 1 });
        for index in order {
            let byte = bytes.get(index).copied().unwrap_or_default();
            for character in self.text.get(at..byte).unwrap_or_default().chars() {
                here.column = here.column.saturating_add(1);
                if character == '\n' {
                    here = Position { line: here.line.saturating_add(1), column: 1 };
                }
            }
            at = at.max(byte);
            if let Some(position) = positions.get_mut(index) {
                *position = here;
            }
        }
        positions
    }
}

/// Where a span of a decoded string lies in its JSON literal, quotes and escapes included.
fn within_string(literal: &str, span: Range<usize>) -> Range<usize> {
    let mut decoded = 0_usize;
    let mut place = 1_usize..1;
    let mut rest = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    while !rest.is_empty() && decoded < span.end {
        let (unit, value) = unit(rest);
        if decoded <= span.start {
            place.start = place.end;
        }
        decoded = decoded.saturating_add(value);
        place.end = place.end.saturating_add(unit);
        rest = rest.get(unit..).unwrap_or_default();
    }
    // An empty span points at what follows it.
    if span.is_empty() {
        return place.end..place.end.saturating_add(1);
    }
    place
}

/// The length of the first character or escape of a literal, and of what it stands for.
fn unit(rest: &str) -> (usize, usize) {
    let literal_len = match rest.as_bytes() {
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        _ => rest.chars().next().map_or(1, char::len_utf8),
    };
    let unit = rest.get(..literal_len).unwrap_or(rest);
    let mut quoted = String::from("\"");
    quoted.push_str(unit);
    quoted.push('"');
    let decoded = serde_json::from_str::<String>(&quoted).map_or(unit.len(), |text| text.len());
    (unit.len(), decoded)
}

struct Members<'m, 't>(&'m mut Vec<Member<'t>>);

impl<'t> Visitor<'t> for Members<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<&'t RawValue, &'t RawValue>()? {
            let name = serde_json::from_str(key.get()).unwrap_or_default();
            let value = value.get();
            let elements: Vec<&RawValue> =
                if value.starts_with('[') { serde_json::from_str(value).unwrap_or_default() } else { Vec::new() };
            let elements = elements.into_iter().map(RawValue::get).collect();
            self.0.push(Member { name, key: key.get(), value, elements });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_in_a_literal_with_escapes_is_found_behind_them() {
        // Decoded: `é/x`, 4 bytes.
        let literal = r#""\u00e9\/x""#;
        assert_eq!(literal.get(within_string(literal, 0..2)), Some("\\u00e9"));
        assert_eq!(literal.get(within_string(literal, 2..3)), Some("\\/"));
        assert_eq!(literal.get(within_string(literal, 3..4)), Some("x"));
        assert_eq!(literal.get(within_string(literal, 0..4)), Some("\\u00e9\\/x"));
    }

    #[test]
    fn a_surrogate_pair_is_one_character() {
        let literal = r#""\ud83d\ude00x""#;
        assert_eq!(literal.get(within_string(literal, 4..5)), Some("x"));
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("{\n  é \"");
        let (first, second) = (Position { line: 1, column: 2 }, Position { line: 2, column: 5 });
        assert_eq!(source.positions(&[7, 1, 7]), [second, first, second]);
    }
}
