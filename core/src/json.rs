//! Drives serde over a JSON object without stopping at the first mistake.
//!
//! Derived deserialisation gives up at the first error and lets the last of two equal keys win.
//! A report of every violation needs a reader that notes what is wrong and goes on. This one
//! knows names and types of fields; what the fields mean is the business of its [`Object`]s.

use crate::{
    diagnostic::{Code, ParseError, Report, pointer},
    nearest::nearest,
};
use alloc::{format, string::String};
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A kind of document: its fields and what to do with each.
pub(crate) trait Object {
    /// The names of each field. The first is the one that is suggested.
    const FIELDS: &'static [&'static [&'static str]];

    fn report(&mut self) -> &mut Report;

    /// Takes the value of the field at `index` in [`FIELDS`](Self::FIELDS), written as `name`.
    fn field<'de, A: MapAccess<'de>>(&mut self, index: usize, name: &'static str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a document of at most `max_bytes` bytes of JSON text.
pub(crate) fn read<O: Object>(text: &str, max_bytes: usize, object: &mut O) {
    if text.len() > max_bytes {
        let message = format!("the document has {} bytes, and {max_bytes} is the most", text.len());
        return object.report().push(String::new, ParseError::new(Code::DocumentTooLarge, message));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = drive(&mut deserializer, object).and_then(|()| deserializer.end());
    if let Err(error) = read {
        let at = offset(text, error.line(), error.column());
        let message = format!("the text is not JSON: {error}");
        object.report().push(String::new, ParseError::new(Code::InvalidJson, message).at(at));
    }
}

/// Reads a document from any self-describing format.
pub(crate) fn drive<'de, D: Deserializer<'de>, O: Object>(deserializer: D, object: &mut O) -> Result<(), D::Error> {
    deserializer.deserialize_any(Watch(Fields { object }))
}

/// The byte and its end at a place that `serde_json` counts in lines and columns, both from 1.
fn offset(text: &str, line: usize, column: usize) -> core::ops::Range<usize> {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let line_start = lines.map(str::len).fold(0, usize::saturating_add);
    let mut start = line_start.saturating_add(column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start = start.saturating_sub(1);
    }
    let end =
        text.get(start..).and_then(|rest| rest.chars().next()).map_or(start, |c| start.saturating_add(c.len_utf8()));
    start..end
}

/// A value as far as documents care.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    /// A number, if it is a whole one that is not negative.
    Number(Option<u64>),
    Text(&'t str),
    List,
    Object,
    /// What other languages have and JSON has not.
    Foreign,
}

impl Value<'_> {
    const fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Foreign => "no value that JSON has",
        }
    }
}

/// D-2: a value of another type than the field has.
pub(crate) fn wrong_type(value: Value<'_>, wanted: &'static str) -> ParseError {
    ParseError::new(Code::WrongType, format!("this is {}, and {wanted} belongs here", value.kind()))
}

/// Reads one value that is not a list or object of its own.
pub(crate) fn next_value<'de, A: MapAccess<'de>>(map: &mut A, take: impl FnMut(Value<'_>)) -> Result<(), A::Error> {
    map.next_value_seed(Watch(One(take)))
}

/// What [`next_list`] found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listed {
    /// A list with this many elements, of which the first `max` were taken.
    Elements(usize),
    Null,
    /// Something else, already reported.
    Other,
}

/// Reads a list, handing the first `max` elements to `take`. What is not a list is a wrong type.
pub(crate) fn next_list<'de, A, O>(
    map: &mut A,
    object: &mut O,
    name: &str,
    max: usize,
    take: impl FnMut(&mut O, usize, Value<'_>),
) -> Result<Listed, A::Error>
where
    A: MapAccess<'de>,
    O: Object,
{
    let listed = map.next_value_seed(Watch(Many { object, name, max, take }))?;
    if let Listed::Elements(len) = listed
        && len > max
    {
        let message = format!("the list has {len} entries, and {max} is the most");
        object.report().push(|| pointer(name), ParseError::new(Code::TooManyEntries, message));
    }
    Ok(listed)
}

/// The three things that are done with a value; whoever does not expect a list or an object
/// gets it as a [`Value`] after its contents were passed over.
trait Watcher<'de>: Sized {
    type Out;

    fn value(self, value: Value<'_>) -> Self::Out;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Out, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.value(Value::List))
    }

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Out, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.value(Value::Object))
    }
}

struct Watch<W>(W);

impl<'de, W: Watcher<'de>> DeserializeSeed<'de> for Watch<W> {
    type Value = W::Out;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<W::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, W: Watcher<'de>> Visitor<'de> for Watch<W> {
    type Value = W::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<W::Out, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<W::Out, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Number(u64::try_from(value).ok())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Number(Some(value))))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Number(None)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Text(value)))
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<W::Out, E> {
        Ok(self.0.value(Value::Foreign))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<W::Out, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<W::Out, A::Error> {
        self.0.object(object)
    }
}

struct One<F>(F);

impl<F: FnMut(Value<'_>)> Watcher<'_> for One<F> {
    type Out = ();

    fn value(mut self, value: Value<'_>) {
        (self.0)(value);
    }
}

struct Many<'o, O, F> {
    object: &'o mut O,
    name: &'o str,
    max: usize,
    take: F,
}

impl<'de, O: Object, F: FnMut(&mut O, usize, Value<'_>)> Watcher<'de> for Many<'_, O, F> {
    type Out = Listed;

    fn value(self, value: Value<'_>) -> Listed {
        if matches!(value, Value::Null) {
            return Listed::Null;
        }
        self.object.report().push(|| pointer(self.name), wrong_type(value, "a list"));
        Listed::Other
    }

    fn list<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Listed, A::Error> {
        let mut len = 0_usize;
        while len < self.max {
            let (object, take) = (&mut *self.object, &mut self.take);
            if list.next_element_seed(Watch(One(|value: Value<'_>| take(object, len, value))))?.is_none() {
                return Ok(Listed::Elements(len));
            }
            len = len.saturating_add(1);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            len = len.saturating_add(1);
        }
        Ok(Listed::Elements(len))
    }
}

struct Fields<'o, O> {
    object: &'o mut O,
}

impl<'de, O: Object> Watcher<'de> for Fields<'_, O> {
    type Out = ();

    fn value(self, value: Value<'_>) {
        self.object.report().push(String::new, wrong_type(value, "an object"));
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // One bit a field; no document has more than 32.
        let mut seen = 0_u32;
        while let Some(written) = map.next_key::<String>()? {
            let named = |(index, names): (usize, &'static &'static [&'static str])| {
                names.iter().find(|&&name| name == written).map(|&name| (index, name, *names))
            };
            let Some((index, name, names)) = O::FIELDS.iter().enumerate().find_map(named) else {
                map.next_value::<IgnoredAny>()?;
                let problem = || (pointer(&written), unknown_field(&written, O::FIELDS));
                self.object.report().push_with(Code::UnknownField, problem);
                continue;
            };
            let bit = 1_u32.rotate_left(u32::try_from(index).unwrap_or_default());
            if seen & bit != 0 {
                map.next_value::<IgnoredAny>()?;
                let problem = || (pointer(name), duplicate_field(name, names));
                self.object.report().push_with(Code::DuplicateField, problem);
                continue;
            }
            seen |= bit;
            self.object.field(index, name, &mut map)?;
        }
        Ok(())
    }
}

fn unknown_field(written: &str, fields: &'static [&'static [&'static str]]) -> ParseError {
    let error = ParseError::new(Code::UnknownField, "the document has no such field");
    match nearest(written, fields.iter().copied().flatten().copied()) {
        Some(name) => error.advise(format!("the nearest field is `{name}`")),
        None => error,
    }
}

fn duplicate_field(name: &str, names: &[&str]) -> ParseError {
    let error = ParseError::new(Code::DuplicateField, format!("`{name}` is given twice"));
    match names {
        [first, .., last] => error.advise(format!("keep one of them; `{first}` and `{last}` are the same field")),
        _ => error.advise("keep one of them"),
    }
}
