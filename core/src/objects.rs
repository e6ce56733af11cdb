//! Documents made of the objects of another language, copied before they are judged.

use crate::{
    diagnostic::{Code, ParseError, Report},
    options::Limits,
};
use alloc::{format, string::String, vec::Vec};
use serde::{
    de::{
        Deserializer, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// A value of another language, as far as documents care.
///
/// A binding copies a document into this and asks with it: no code of that language runs while the
/// document is judged, and what the language has and JSON has not is told as such.
/// Nothing of a document lies deeper than [`DEPTH`](Self::DEPTH), so a copy ends there, and an
/// object that holds itself is short.
///
/// ```
/// use sandgate::{Code, Form, Object, Options, Spelling, check_objects};
///
/// let entries = Object::List(vec![Object::Text("10.0.0.0/8".into()), Object::Foreign]);
/// let document = Object::Map(vec![("deny_out".into(), entries)]);
/// let report = check_objects(&document, Form::Config, Spelling::WireOrSnake, &Options::default())?;
/// assert_eq!(report.diagnostics()[0].path(), "/deny_out/1");
/// # Ok::<(), serde::de::value::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "what JSON has, and one for the rest")]
pub enum Object {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, if it is a whole one that is not negative.
    Number(Option<u64>),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// Names and values, in their order.
    Map(Vec<(String, Self)>),
    /// What JSON has not.
    Foreign,
}

impl Object {
    /// A document, a list in it, a value in that.
    pub const DEPTH: u8 = 3;

    /// A list that lies too deep to be copied. It is no list of texts, wherever it stands.
    #[must_use]
    pub fn cut_list() -> Self {
        Self::List([Self::Foreign].into())
    }

    /// A map that lies too deep to be copied. It is no document, wherever it stands.
    #[must_use]
    pub fn cut_map() -> Self {
        Self::Map([(String::new(), Self::Foreign)].into())
    }
}

/// How much more of a document may be copied (D-6).
///
/// The objects of a language can share what they hold: a list of a thousand times the same text
/// takes little memory until it is copied. So a copy takes room for each value before it is made,
/// and never more than the JSON text of the same document would.
///
/// ```
/// use sandgate::{Code, Limits, Room};
///
/// let mut room = Room::new(Limits { document_bytes: 10, ..Limits::default() });
/// assert!(room.values(2).and_then(|()| room.text(6)).is_ok());
/// assert!(room.text(1).is_err_and(|report| report.contains(Code::DocumentTooLarge)));
/// ```
#[derive(Debug)]
pub struct Room {
    left: usize,
    limits: Limits,
}

impl Room {
    /// A value and what parts it from the next.
    const VALUE: usize = 2;

    /// Room for a document within these limits.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { left: limits.document_bytes, limits }
    }

    /// Takes room for the elements of a list or the members of a map, without their texts.
    ///
    /// # Errors
    ///
    /// A report of `document-too-large`.
    pub fn values(&mut self, count: usize) -> Result<(), Report> {
        self.take(count.saturating_mul(Self::VALUE))
    }

    /// Takes room for the bytes of a text or a name.
    ///
    /// # Errors
    ///
    /// A report of `document-too-large`.
    pub fn text(&mut self, bytes: usize) -> Result<(), Report> {
        self.take(bytes)
    }

    /// The elements of a list that are read. Those behind are only counted, so `Null` will do.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.limits.entries_per_list
    }

    fn take(&mut self, bytes: usize) -> Result<(), Report> {
        let Some(left) = self.left.checked_sub(bytes) else {
            let message = format!("the document has more than {} bytes", self.limits.document_bytes);
            return Err(Report::of(ParseError::new(Code::DocumentTooLarge, message)));
        };
        self.left = left;
        Ok(())
    }
}

impl<'de> IntoDeserializer<'de> for &'de Object {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Object {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Object::Null => visitor.visit_unit(),
            Object::Bool(value) => visitor.visit_bool(*value),
            Object::Number(Some(value)) => visitor.visit_u64(*value),
            Object::Number(None) => visitor.visit_f64(0.0),
            Object::Text(text) => visitor.visit_borrowed_str(text),
            Object::List(elements) => visitor.visit_seq(SeqDeserializer::new(elements.iter())),
            Object::Map(members) => {
                visitor.visit_map(MapDeserializer::new(members.iter().map(|(name, value)| (name.as_str(), value))))
            }
            Object::Foreign => visitor.visit_bytes(&[]),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
