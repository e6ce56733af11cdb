//! Addresses, ports and host names as Python writes them.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyInt, PyString, PyTuple},
};
use sandgate::parse_address;
use std::{borrow::Cow, net::IpAddr};

/// The client of a question. `None`, and text that is no address, is the unknown client (I-3).
#[inline]
pub(crate) fn client(value: &Bound<'_, PyAny>) -> PyResult<Option<IpAddr>> {
    match value.cast_exact::<PyString>() {
        Ok(text) => Ok(parse(text)),
        Err(_) if value.is_none() => Ok(None),
        Err(_) => other(value),
    }
}

/// An address that has to be one.
#[inline]
pub(crate) fn address(value: &Bound<'_, PyAny>) -> PyResult<IpAddr> {
    let address = match value.cast_exact::<PyString>() {
        Ok(text) => parse(text),
        Err(_) => other(value)?,
    };
    address.ok_or_else(|| not_an_address(value))
}

#[cold]
fn not_an_address(value: &Bound<'_, PyAny>) -> PyErr {
    match value.repr() {
        Ok(repr) => PyValueError::new_err(format!("{repr} is not an IPv4 or IPv6 address")),
        Err(error) => error,
    }
}

/// Text with unpaired surrogates is no address either.
#[inline]
fn parse(text: &Bound<'_, PyString>) -> Option<IpAddr> {
    parse_address(text.to_str().ok()?)
}

/// What is not exactly a `str`: a subclass of it, bytes, an object of `ipaddress`.
fn other(value: &Bound<'_, PyAny>) -> PyResult<Option<IpAddr>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(parse(text));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return packed(bytes.as_bytes()).map(Some);
    }
    if value.is_instance(ipaddress(value.py())?)? {
        // Its text and not its bytes: a zone, or the prefix of an interface, makes it no address.
        return Ok(parse(&value.str()?));
    }
    let name = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("an address is a str, bytes of 4 or 16, or an object of ipaddress, not {name}")))
}

fn packed(bytes: &[u8]) -> PyResult<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    let address = address.map_err(|_| {
        PyTypeError::new_err(format!("the bytes of an address are 4 or 16, and these are {}", bytes.len()))
    })?;
    Ok(address.to_canonical())
}

/// The two classes of addresses.
fn ipaddress(py: Python<'_>) -> PyResult<&Bound<'_, PyTuple>> {
    static CLASSES: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || {
        let module = py.import("ipaddress")?;
        let classes = [module.getattr("IPv4Address")?, module.getattr("IPv6Address")?];
        PyTuple::new(py, classes).map(Bound::unbind)
    })?;
    Ok(classes.bind(py))
}

/// A port: a whole number from 0 to 65535, and nothing that could be taken for one.
#[inline]
pub(crate) fn port(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    if value.is_exact_instance_of::<PyInt>() {
        return value.extract().map_err(|_| out_of_range(value));
    }
    let name = value.get_type().name()?;
    // `True` is 1 to Python; nobody means that port.
    if name == "bool" || !value.hasattr("__index__")? {
        return Err(PyTypeError::new_err(format!("a port is an int, not {name}")));
    }
    let index = value.call_method0("__index__")?;
    index.extract().map_err(|_| out_of_range(&index))
}

#[cold]
fn out_of_range(value: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!("a port is from 0 to 65535, not {value}"))
}

/// Text as it was sent: what is no Unicode becomes something that no name holds.
pub(crate) fn sent<'v>(what: &str, value: &'v Bound<'_, PyAny>) -> PyResult<Cow<'v, [u8]>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(match text.to_str() {
            Ok(text) => Cow::Borrowed(text.as_bytes()),
            Err(_) => Cow::Owned(text.to_string_lossy().into_owned().into_bytes()),
        });
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let name = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("{what} is a str or bytes, not {name}")))
}

/// The lines of a header, or the values of one: a single text is a mistake, not a list of letters.
pub(crate) fn lines(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<u8>>> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        let name = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{what} is a sequence of header lines, not one {name}")));
    }
    value.try_iter()?.map(|line| Ok(sent(what, &line?)?.into_owned())).collect()
}
