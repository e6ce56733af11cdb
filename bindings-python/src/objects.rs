//! Copies documents made of Python objects, so that they can be judged without the interpreter.
//!
//! Only as much is copied as a document can hold, in depth and in bytes. What lies deeper is wrong
//! whatever it is, so a list that holds itself is a short list here.
//!
//! What is exactly a list, a tuple or a dict is read as it is. A subclass may mean something else
//! by its contents, so it is asked as any other code would ask it.

use crate::report::refused;
use pyo3::{
    Borrowed,
    exceptions::PyRuntimeError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use sandgate::{Limits, Object, Report, Room};

/// Why a document was not copied.
pub(crate) enum Stop {
    /// Code of Python raised, or a value changed while it was read.
    Raised(PyErr),
    /// It is larger than a document may be (D-6).
    Refused(Report),
}

impl Stop {
    pub(crate) fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Refused(report) => refused(py, &report, None),
        }
    }
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Report> for Stop {
    fn from(report: Report) -> Self {
        Self::Refused(report)
    }
}

type Copied<T> = Result<T, Stop>;

/// Copies a document.
pub(crate) fn document(value: &Bound<'_, PyAny>, limits: Limits) -> Copied<Object> {
    read(value.as_borrowed(), Object::DEPTH, &mut Room::new(limits))
}

fn read(value: Borrowed<'_, '_, PyAny>, depth: u8, room: &mut Room) -> Copied<Object> {
    if let Ok(text) = value.cast::<PyString>() {
        return text_of(text, room).map(Object::Text);
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
    let is_list = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>();
    let within = depth.saturating_sub(1);
    if within == 0 {
        // What lies too deep is not asked what it holds.
        let is_map = is_mapping(value)?;
        return Ok(if is_list {
            Object::cut_list()
        } else if is_map {
            Object::cut_map()
        } else {
            Object::Foreign
        });
    }
    if let Ok(list) = value.cast_exact::<PyList>() {
        return sequence(list.len(), list.iter(), || list.len(), within, room);
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        return sequence(tuple.len(), tuple.iter_borrowed().map(Borrowed::to_owned), || tuple.len(), within, room);
    }
    if is_list {
        return elements(&value, within, room);
    }
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        room.values(dict.len())?;
        // Its items at once: reading a value must not meet a dict that changed meanwhile.
        return members(dict.items().iter().map(Ok), dict.len(), within, room);
    }
    if is_mapping(value)? {
        let len = value.len()?;
        room.values(len)?;
        return members(value.call_method0("items")?.try_iter()?, len, within, room);
    }
    Ok(Object::Foreign)
}

/// Whether Python takes it for a mapping. What that raises is raised, not passed over.
fn is_mapping(value: Borrowed<'_, '_, PyAny>) -> PyResult<bool> {
    static MAPPING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    Ok(value.is_instance_of::<PyDict>()
        || value.is_instance(MAPPING.import(value.py(), "collections.abc", "Mapping")?)?)
}

/// The text, with a replacement character for what is no Unicode. No entry, mask or field holds one.
fn text_of(text: Borrowed<'_, '_, PyString>, room: &mut Room) -> Copied<String> {
    // A character is at least a byte: what is far too long is not even looked at. How long a
    // subclass says it is tells nothing.
    let at_least = if text.is_exact_instance_of::<PyString>() { text.len()? } else { 0 };
    room.text(at_least)?;
    let text = text.to_string_lossy();
    room.text(text.len().saturating_sub(at_least))?;
    Ok(text.into_owned())
}

/// A list or a tuple.
fn sequence<'py>(
    len: usize,
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    len_now: impl Fn() -> usize,
    depth: u8,
    room: &mut Room,
) -> Copied<Object> {
    room.values(len)?;
    let most = len.min(room.entries());
    let mut elements = Vec::with_capacity(len);
    for value in values.take(most) {
        elements.push(read(value.as_borrowed(), depth, room)?);
    }
    if elements.len() != most || len_now() != len {
        return Err(changed("list").into());
    }
    elements.resize(len, Object::Null);
    Ok(Object::List(elements))
}

/// What a subclass of a list says that it holds.
fn elements(list: &Bound<'_, PyAny>, depth: u8, room: &mut Room) -> Copied<Object> {
    let len = list.len()?;
    room.values(len)?;
    let mut elements = Vec::new();
    for value in list.try_iter()? {
        let value = value?;
        if elements.len() == len {
            return Err(changed("list").into());
        }
        let is_read = elements.len() < room.entries();
        elements.push(if is_read { read(value.as_borrowed(), depth, room)? } else { Object::Null });
    }
    if elements.len() != len {
        return Err(changed("list").into());
    }
    Ok(Object::List(elements))
}

/// The items of a dict, or what a mapping says that it holds.
fn members<'py>(
    items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    len: usize,
    depth: u8,
    room: &mut Room,
) -> Copied<Object> {
    let mut members = Vec::new();
    for item in items {
        let item = item?;
        if members.len() == len {
            return Err(changed("mapping").into());
        }
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let key = match key.cast::<PyString>() {
            Ok(text) => text_of(text.as_borrowed(), room)?,
            // Not its text: an object can print what it likes, and is no name of a field.
            Err(_) => format!("<{}>", key.get_type().name()?),
        };
        members.push((key, read(value.as_borrowed(), depth, room)?));
    }
    if members.len() != len {
        return Err(changed("mapping").into());
    }
    Ok(Object::Map(members))
}

#[cold]
fn changed(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!("a {what} of the document changed while it was read, or lies about its length"))
}
