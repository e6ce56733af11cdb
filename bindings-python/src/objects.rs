//! Documents made of Python objects, as a format that the core's readers understand.
//!
//! A document is copied before it is judged: no code of Python runs in between, and the judgement
//! needs no interpreter. Only as much is copied as a document can hold: an object of lists and
//! single values. What lies deeper is wrong whatever it is, so that a list that contains itself
//! is a short list here.

use pyo3::{
    Borrowed,
    prelude::*,
    pybacked::PyBackedStr,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple},
};
use serde::{
    de::{
        Deserializer, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

/// A value as far as documents care.
pub(crate) enum Object {
    Null,
    Bool(bool),
    Number(Option<u64>),
    Text(PyBackedStr),
    /// Text that is no Unicode, with a replacement character where it is not. No entry, mask or
    /// field holds one.
    Broken(String),
    List(Vec<Object>),
    Map(Vec<(Object, Object)>),
    Foreign,
}

/// A document, a list in it, a value in that.
const DEPTH: u8 = 3;

/// Copies a document.
pub(crate) fn document(value: &Bound<'_, PyAny>) -> PyResult<Object> {
    read(value.as_borrowed(), DEPTH)
}

fn read(value: Borrowed<'_, '_, PyAny>, depth: u8) -> PyResult<Object> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text_of(text));
    }
    if value.is_none() {
        return Ok(Object::Null);
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Object::Bool(value.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Object::Number(value.extract().ok()));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Object::Number(None));
    }
    let within = depth.saturating_sub(1);
    if let Ok(list) = value.cast::<PyList>() {
        return elements(list.iter(), within);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return elements(tuple.iter(), within);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        // Its items at once: reading a value must not meet a dict that changed meanwhile.
        return members(&dict.items(), within);
    }
    match value.cast::<PyMapping>() {
        Ok(mapping) => members(&mapping.items()?, within),
        Err(_) => Ok(Object::Foreign),
    }
}

fn text_of(text: Borrowed<'_, '_, PyString>) -> Object {
    match PyBackedStr::try_from(text.to_owned()) {
        Ok(text) => Object::Text(text),
        Err(_) => Object::Broken(text.to_string_lossy().into_owned()),
    }
}

fn elements<'py>(list: impl Iterator<Item = Bound<'py, PyAny>>, depth: u8) -> PyResult<Object> {
    if depth == 0 {
        return Ok(Object::List(Vec::new()));
    }
    list.map(|value| read(value.as_borrowed(), depth)).collect::<PyResult<_>>().map(Object::List)
}

fn members(items: &Bound<'_, PyList>, depth: u8) -> PyResult<Object> {
    if depth == 0 {
        return Ok(Object::Map(Vec::new()));
    }
    let member = |item: Bound<'_, PyAny>| {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let key = match key.cast::<PyString>() {
            Ok(text) => text_of(text.as_borrowed()),
            // Not its text: an object can print what it likes, and is no name of a field.
            Err(_) => Object::Broken(format!("<{}>", key.get_type().name()?)),
        };
        Ok((key, read(value.as_borrowed(), depth)?))
    };
    items.iter().map(member).collect::<PyResult<_>>().map(Object::Map)
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
            Object::Broken(text) => visitor.visit_borrowed_str(text),
            Object::List(elements) => visitor.visit_seq(SeqDeserializer::new(elements.iter())),
            Object::Map(members) => {
                visitor.visit_map(MapDeserializer::new(members.iter().map(|(key, value)| (key, value))))
            }
            Object::Foreign => visitor.visit_bytes(&[]),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
