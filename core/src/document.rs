//! Reads configurations and updates: which field is which, whoever keeps what is in them.

use crate::{
    config::{Form, List, Spelling},
    diagnostic::{Code, ParseError, Report, pointer},
    json::{self, Listed, Object, Value, wrong_type},
    options::Limits,
};
use alloc::{format, string::String};
use serde::de::{Deserializer, IgnoredAny, MapAccess};

/// Takes what a document holds, in the order of its text.
pub(crate) trait Sink {
    fn limits(&self) -> &Limits;
    fn report(&mut self) -> &mut Report;
    fn entry(&mut self, list: List, name: &'static str, index: usize, text: &str);
    /// After the entries of a list: how many elements it has, or `None` if it could not be read.
    fn list(&mut self, _list: List, _name: &'static str, _len: Option<usize>) {}
    fn mask(&mut self, name: &'static str, text: &str);
    fn internet_access(&mut self, allowed: bool);
    fn public_traffic(&mut self, allowed: bool);
}

/// Reads JSON text within the sink's limits. What is wrong stands in the sink's report.
pub(crate) fn read(text: &str, form: Form, sink: &mut impl Sink) {
    let max_bytes = sink.limits().document_bytes;
    json::read(text, max_bytes, &mut Document::<_, false> { form, sink });
}

/// Reads any self-describing format.
pub(crate) fn drive<'de, D: Deserializer<'de>>(
    de: D,
    form: Form,
    spelling: Spelling,
    sink: &mut impl Sink,
) -> Result<(), D::Error> {
    match spelling {
        Spelling::Wire => json::drive(de, &mut Document::<_, false> { form, sink }),
        Spelling::WireOrSnake => json::drive(de, &mut Document::<_, true> { form, sink }),
    }
}

/// Hands over a list that is already in memory, within the same limits.
pub(crate) fn replay_list(sink: &mut impl Sink, list: List, entries: &[String]) {
    let (name, max) = (list.as_str(), sink.limits().entries_per_list);
    for (index, text) in entries.iter().take(max).enumerate() {
        take_entry(sink, list, name, index, text);
    }
    if entries.len() > max {
        let message = format!("the list has {} entries, and {max} is the most", entries.len());
        sink.report().push(|| pointer(name), ParseError::new(Code::TooManyEntries, message));
    }
    sink.list(list, name, (entries.len() <= max).then_some(entries.len()));
}

/// Hands over a mask that is already in memory, within the same limits.
pub(crate) fn replay_mask(sink: &mut impl Sink, text: &str) {
    take_mask(sink, "maskRequestHost", text);
}

fn take_entry(sink: &mut impl Sink, list: List, name: &'static str, index: usize, text: &str) {
    match too_long(text, sink.limits().entry_bytes) {
        Some(error) => sink.report().push(|| format!("/{name}/{index}"), error),
        None => sink.entry(list, name, index, text),
    }
}

fn take_mask(sink: &mut impl Sink, name: &'static str, text: &str) {
    match too_long(text, sink.limits().entry_bytes) {
        Some(error) => sink.report().push(|| pointer(name), error),
        None => sink.mask(name, text),
    }
}

/// D-6, checked before the text is looked at.
fn too_long(text: &str, max: usize) -> Option<ParseError> {
    (text.len() > max).then(|| {
        ParseError::new(Code::EntryTooLong, format!("the text has {} bytes, and {max} is the most", text.len()))
    })
}

/// `SNAKE`: whether fields are read in snake case as well.
struct Document<'s, S, const SNAKE: bool> {
    form: Form,
    sink: &'s mut S,
}

// D-1: existing clients send the second name of internet access on the wire as well.
const INTERNET_ACCESS: &[&str] = &["allowInternetAccess", "allow_internet_access"];

const WIRE: &[&[&str]] = &[
    &[List::AllowOut.as_str()],
    &[List::DenyOut.as_str()],
    &[List::AllowIn.as_str()],
    &[List::DenyIn.as_str()],
    &["maskRequestHost"],
    INTERNET_ACCESS,
    &["allowPublicTraffic"],
];

const WIRE_OR_SNAKE: &[&[&str]] = &[
    &[List::AllowOut.as_str(), "allow_out"],
    &[List::DenyOut.as_str(), "deny_out"],
    &[List::AllowIn.as_str(), "allow_in"],
    &[List::DenyIn.as_str(), "deny_in"],
    &["maskRequestHost", "mask_request_host"],
    INTERNET_ACCESS,
    &["allowPublicTraffic", "allow_public_traffic"],
];

impl<S: Sink, const SNAKE: bool> Object for Document<'_, S, SNAKE> {
    const FIELDS: &'static [&'static [&'static str]] = if SNAKE { WIRE_OR_SNAKE } else { WIRE };

    fn report(&mut self) -> &mut Report {
        self.sink.report()
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, index: usize, name: &'static str, map: &mut A) -> Result<(), A::Error> {
        if let Some(&list) = List::ALL.get(index) {
            return self.list(list, name, map);
        }
        match (index, self.form) {
            (4, _) => json::next_value(map, |value| match value {
                Value::Text(text) => take_mask(self.sink, name, text),
                Value::Null => {}
                other => self.sink.report().push(|| pointer(name), wrong_type(other, "a string or null")),
            }),
            (6, Form::Update) => {
                map.next_value::<IgnoredAny>()?;
                let error =
                    ParseError::new(Code::FixedAtCreation, format!("`{name}` is fixed when a sandbox is created"))
                        .advise("leave the field out: the value from creation stays");
                self.sink.report().push(|| pointer(name), error);
                Ok(())
            }
            _ => json::next_value(map, |value| match (value, index) {
                (Value::Bool(allowed), 5) => self.sink.internet_access(allowed),
                (Value::Bool(allowed), _) => self.sink.public_traffic(allowed),
                (other, _) => self.sink.report().push(|| pointer(name), wrong_type(other, "true or false")),
            }),
        }
    }
}

impl<S: Sink, const SNAKE: bool> Document<'_, S, SNAKE> {
    fn list<'de, A: MapAccess<'de>>(&mut self, list: List, name: &'static str, map: &mut A) -> Result<(), A::Error> {
        let max = self.sink.limits().entries_per_list;
        let listed = json::next_list(map, self, name, max, |this, index, value| match value {
            Value::Text(text) => take_entry(this.sink, list, name, index, text),
            other => this.sink.report().push(|| format!("/{name}/{index}"), wrong_type(other, "a string")),
        })?;
        let len = match listed {
            Listed::Elements(len) if len <= max => Some(len),
            Listed::Null => Some(0),
            Listed::Elements(_) | Listed::Other => None,
        };
        self.sink.list(list, name, len);
        Ok(())
    }
}
