//! Copies documents made of Python objects, so that they can be judged without the interpreter.
//!
//! Only as much is copied as a document can hold. What lies deeper is wrong whatever it is, so a
//! list that holds itself is a short list here.

use pyo3::{
    Borrowed,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple},
};
use sandgate::Object;

/// Copies a document.
pub(crate) fn document(value: &Bound<'_, PyAny>) -> PyResult<Object> {
    read(value.as_borrowed(), Object::DEPTH)
}

fn read(value: Borrowed<'_, '_, PyAny>, depth: u8) -> PyResult<Object> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Object::Text(text_of(text)));
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

/// The text, with a replacement character for what is no Unicode. No entry, mask or field holds one.
fn text_of(text: Borrowed<'_, '_, PyString>) -> String {
    text.to_string_lossy().into_owned()
}

fn elements<'py>(list: impl Iterator<Item = Bound<'py, PyAny>>, depth: u8) -> PyResult<Object> {
    if depth == 0 {
        return Ok(Object::cut_list());
    }
    list.map(|value| read(value.as_borrowed(), depth)).collect::<PyResult<_>>().map(Object::List)
}

fn members(items: &Bound<'_, PyList>, depth: u8) -> PyResult<Object> {
    if depth == 0 {
        return Ok(Object::cut_map());
    }
    let member = |item: Bound<'_, PyAny>| {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let key = match key.cast::<PyString>() {
            Ok(text) => text_of(text.as_borrowed()),
            // Not its text: an object can print what it likes, and is no name of a field.
            Err(_) => format!("<{}>", key.get_type().name()?),
        };
        Ok((key, read(value.as_borrowed(), depth)?))
    };
    items.iter().map(member).collect::<PyResult<_>>().map(Object::Map)
}
