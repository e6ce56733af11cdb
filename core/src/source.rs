//! Where a diagnostic stands in the JSON text: bytes, line and column.

use crate::diagnostic::{Code, Diagnostic, Report};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    string::String,
    vec::Vec,
};
use core::{fmt, ops::Range, slice};
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
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
    /// Takes a text. What is no JSON is read as far as it goes, whenever something is looked for.
    #[must_use]
    pub const fn new(text: &'t str) -> Self {
        Self { text }
    }

    /// The bytes of the text that a diagnostic means, in one pass over the text.
    ///
    /// A misnamed or repeated field is its name; a field that is missing is the end of the
    /// object, where it would be added. `None` if the diagnostic is about the whole document.
    #[must_use]
    pub fn locate(&self, diagnostic: &Diagnostic) -> Option<Range<usize>> {
        self.find(slice::from_ref(diagnostic)).pop().flatten()
    }

    /// The bytes of every diagnostic of a report, in one pass over the text. A field that is
    /// repeated again and again is found once for each time.
    #[must_use]
    pub fn locate_all(&self, report: &Report) -> Vec<Option<Range<usize>>> {
        self.find(report.diagnostics())
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

    /// Memory goes with what is looked for, not with the text.
    fn find(&self, diagnostics: &[Diagnostic]) -> Vec<Option<Range<usize>>> {
        let mut members = Members::default();
        let sought: Vec<_> = diagnostics.iter().map(|diagnostic| members.seek(diagnostic)).collect();
        members.read(self.text);
        diagnostics.iter().zip(&sought).map(|(diagnostic, sought)| self.place(diagnostic, sought, &members)).collect()
    }

    fn place(&self, diagnostic: &Diagnostic, sought: &Sought, members: &Members<'t>) -> Option<Range<usize>> {
        let (field, index, nth) = match sought {
            Sought::Document => return diagnostic.span(),
            Sought::Field(field) => (field, None, 0),
            Sought::Nth(field, nth) => (field, None, *nth),
            Sought::Element(field, index) => (field, Some(*index), 0),
        };
        let found = members.0.get(field).map(|wanted| wanted.found.as_slice()).unwrap_or_default();
        match diagnostic.code() {
            Code::UnknownField | Code::FixedAtCreation => return Some(self.range(found.get(nth)?.key)),
            Code::DuplicateField => {
                // The first use may be under the field's other name.
                let member = if found.len() > 1 { found.get(nth.saturating_add(1)) } else { found.first() };
                return Some(self.range(member?.key));
            }
            _ => {}
        }
        let Some(member) = found.first() else {
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
        let mut members = Members::default();
        members.want(field.to_owned(), 1, usize::MAX);
        members.read(self.text);
        let found = members.0.get(field).and_then(|wanted| wanted.found.first());
        found.map(|member| member.elements.iter().map(|element| self.range(element)).collect()).unwrap_or_default()
    }

    /// The text with other texts in some places, which are in order and do not overlap. Every
    /// other byte stays.
    ///
    /// ```
    /// use sandgate::Source;
    ///
    /// let source = Source::new(r#"{"denyOut": ["8.8.8.8"]}"#);
    /// let place = source.elements("denyOut").remove(0);
    /// assert_eq!(source.edited(&[(place, r#""8.8.8.8/32""#.into())]), r#"{"denyOut": ["8.8.8.8/32"]}"#);
    /// ```
    #[must_use]
    pub fn edited(&self, edits: &[(Range<usize>, String)]) -> String {
        let mut edited = String::with_capacity(self.text.len());
        let mut end = 0;
        for (place, text) in edits {
            edited.push_str(self.text.get(end..place.start).unwrap_or_default());
            edited.push_str(text);
            end = place.end;
        }
        edited.push_str(self.text.get(end..).unwrap_or_default());
        edited
    }

    fn range(&self, part: &str) -> Range<usize> {
        range(self.text, part)
    }

    /// The line and column of a byte of the text.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        self.positions(&[byte]).pop().unwrap_or(Position { line: 1, column: 1 })
    }

    /// The line and column of each of these bytes of the text, in one pass over it.
    ///
    /// ```
    /// use sandgate::{Position, Source};
    ///
    /// let source = Source::new("{\n  \"denyOut\": []}");
    /// let [end, start] = source.positions(&[14, 4])[..] else { unreachable!() };
    /// assert_eq!((start, end), (Position { line: 2, column: 3 }, Position { line: 2, column: 13 }));
    /// ```
    #[must_use]
    pub fn positions(&self, bytes: &[usize]) -> Vec<Position> {
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

/// The bytes of a part that was borrowed from a text.
fn range(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
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

/// What a diagnostic is about.
#[derive(Debug)]
enum Sought {
    Document,
    Field(String),
    /// The field at its n-th bad place, from 0.
    Nth(String, usize),
    Element(String, usize),
}

/// The fields of the top-level object that are looked for.
#[derive(Debug, Default)]
struct Members<'t>(BTreeMap<String, Wanted<'t>>);

#[derive(Debug, Default)]
struct Wanted<'t> {
    /// How many members of this name are kept.
    members: usize,
    /// How many elements of the first of them are kept.
    elements: usize,
    /// Diagnostics so far that are about the name and not its value.
    unknown: usize,
    duplicate: usize,
    found: Vec<Member<'t>>,
}

/// A field, as raw text.
#[derive(Debug)]
struct Member<'t> {
    key: &'t str,
    value: &'t str,
    /// The first elements, if the value is a list.
    elements: Vec<&'t str>,
}

impl<'t> Members<'t> {
    fn seek(&mut self, diagnostic: &Diagnostic) -> Sought {
        let Some(pointer) = diagnostic.path().strip_prefix('/') else { return Sought::Document };
        let (field, index) = match pointer.split_once('/') {
            Some((field, index)) => (field, index.parse::<usize>().ok()),
            None => (pointer, None),
        };
        let field = field.replace("~1", "/").replace("~0", "~");
        if let Some(index) = index {
            self.want(field.clone(), 1, index.saturating_add(1));
            return Sought::Element(field, index);
        }
        let wanted = self.want(field.clone(), 1, 0);
        let count = match diagnostic.code() {
            Code::UnknownField => &mut wanted.unknown,
            Code::DuplicateField => &mut wanted.duplicate,
            _ => return Sought::Field(field),
        };
        let nth = *count;
        *count = count.saturating_add(1);
        wanted.members = wanted.members.max(count.saturating_add(1));
        Sought::Nth(field, nth)
    }

    fn want(&mut self, field: String, members: usize, elements: usize) -> &mut Wanted<'t> {
        let wanted = self.0.entry(field).or_default();
        wanted.members = wanted.members.max(members);
        wanted.elements = wanted.elements.max(elements);
        wanted
    }

    fn read(&mut self, text: &'t str) {
        // An error is no loss: what was read before it has its places.
        let _ = serde_json::Deserializer::from_str(text).deserialize_map(Reader { members: self, text });
    }

    /// Keeps a member if it is looked for. What is left of a value that does not end is as good.
    fn take(&mut self, key: &'t str, value: &'t str) {
        let name: Cow<'_, str> = serde_json::from_str(key).map(|Text(name)| name).unwrap_or_default();
        let Some(wanted) = self.0.get_mut(name.as_ref()) else { return };
        if wanted.found.len() < wanted.members {
            let most = if wanted.found.is_empty() { wanted.elements } else { 0 };
            wanted.found.push(Member { key, value, elements: elements(value, most) });
        }
    }
}

struct Reader<'m, 't> {
    members: &'m mut Members<'t>,
    text: &'t str,
}

impl<'t> Visitor<'t> for Reader<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&'t RawValue>()? {
            let value = map.next_value::<&'t RawValue>().inspect_err(|_| {
                let rest = self.text.get(range(self.text, key.get()).end..).unwrap_or_default();
                self.members.take(key.get(), rest.trim_start_matches([' ', '\t', '\r', '\n', ':']));
            })?;
            self.members.take(key.get(), value.get());
        }
        Ok(())
    }
}

/// A text of JSON, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// The first elements of a list; none of anything else.
fn elements(value: &str, most: usize) -> Vec<&str> {
    let mut elements = Vec::new();
    if most > 0 {
        // Too many of them, or an end in the middle, is no loss either.
        let _ = serde_json::Deserializer::from_str(value).deserialize_seq(Elements { elements: &mut elements, most });
    }
    elements
}

struct Elements<'e, 't> {
    elements: &'e mut Vec<&'t str>,
    most: usize,
}

impl<'t> Visitor<'t> for Elements<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        while self.elements.len() < self.most
            && let Some(element) = list.next_element::<&'t RawValue>()?
        {
            self.elements.push(element.get());
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
    fn what_is_wrong_before_the_text_breaks_off_has_its_place() {
        let text = r#"{"denyOut": ["8.8.8.8", "000", "1"#;
        let report = crate::check(text, crate::Form::Config, &crate::Options::default());
        let places = Source::new(text).locate_all(&report);
        let places: Vec<_> = places.into_iter().map(|place| text.get(place?)).collect();
        assert_eq!(places, [Some("000"), Some("1")]);
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("{\n  é \"");
        let (first, second) = (Position { line: 1, column: 2 }, Position { line: 2, column: 5 });
        assert_eq!(source.positions(&[7, 1, 7]), [second, first, second]);
    }
}
