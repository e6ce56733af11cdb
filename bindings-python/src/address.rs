//! Addresses, ports and host names as Python writes them.

use pyo3::{
    exceptions::{PyMemoryError, PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyBytes, PyInt, PyString, PyTuple},
};
use std::{borrow::Cow, net::IpAddr};

/// The client of a question, as it is judged. `None`, and text that is no address, is the
/// unknown client (I-3).
#[inline]
pub(crate) fn client(value: &Bound<'_, PyAny>) -> PyResult<Option<IpAddr>> {
    Ok(given_client(value)?.map(|client| client.to_canonical()))
}

/// An address that has to be one, as it is judged.
#[inline]
pub(crate) fn address(value: &Bound<'_, PyAny>) -> PyResult<IpAddr> {
    Ok(given_address(value)?.to_canonical())
}

/// The client of a question as it was given, for an answer that tells both.
#[inline]
pub(crate) fn given_client(value: &Bound<'_, PyAny>) -> PyResult<Option<IpAddr>> {
    match value.cast_exact::<PyString>() {
        Ok(text) => Ok(parse(text)),
        Err(_) if value.is_none() => Ok(None),
        Err(_) => other(value),
    }
}

/// An address that has to be one, as it was given.
#[inline]
pub(crate) fn given_address(value: &Bound<'_, PyAny>) -> PyResult<IpAddr> {
    let address = match value.cast_exact::<PyString>() {
        Ok(text) => parse(text),
        Err(_) => other(value)?,
    };
    address.ok_or_else(|| not_an_address(value))
}

#[cold]
fn not_an_address(value: &Bound<'_, PyAny>) -> PyErr {
    let repr = match value.cast::<PyString>().map(|text| text.to_str().map_or(usize::MAX, str::len)) {
        // Whoever sends a text of any length does not get it back.
        Ok(len) if len > QUOTED => return PyValueError::new_err("this text is not an IPv4 or IPv6 address"),
        _ => value.repr(),
    };
    match repr {
        Ok(repr) => PyValueError::new_err(format!("{repr} is not an IPv4 or IPv6 address")),
        Err(error) => error,
    }
}

/// So many bytes of a text that is no address are quoted.
const QUOTED: usize = 200;

/// Strict as in G-2. Text with unpaired surrogates is no address either.
#[inline]
fn parse(text: &Bound<'_, PyString>) -> Option<IpAddr> {
    text.to_str().ok()?.parse().ok()
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
    address.map_err(|_| {
        PyTypeError::new_err(format!("the bytes of an address are 4 or 16, and these are {}", bytes.len()))
    })
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
    let number = whole("a port", value)?;
    number.extract().map_err(|_| out_of_range(&number))
}

#[cold]
fn out_of_range(value: &Bound<'_, PyAny>) -> PyErr {
    // A number of any length is not written out.
    PyValueError::new_err(match value.extract::<i64>() {
        Ok(number) => format!("a port is from 0 to 65535, not {number}"),
        Err(_) => "a port is from 0 to 65535".into(),
    })
}

/// A count: a whole number that is not negative, and nothing that could be taken for one.
pub(crate) fn count(what: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = whole(what, value)?;
    number.extract().map_err(|_| PyValueError::new_err(format!("{what} is from 0 to {}", usize::MAX)))
}

/// What Python takes for a whole number wherever it needs one.
fn whole<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static INDEX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let name = value.get_type().name()?;
    // `True` is 1 to Python; nobody means that port.
    if name == "bool" || value.is_instance_of::<PyBool>() || !value.hasattr("__index__")? {
        return Err(PyTypeError::new_err(format!("{what} is an int, not {name}")));
    }
    let number = INDEX.import(value.py(), "operator", "index")?.call1((value,))?;
    if number.is_instance_of::<PyBool>() {
        return Err(PyTypeError::new_err(format!("{what} is an int, not {name}")));
    }
    Ok(number)
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
pub(crate) fn lines<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        let name = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{what} is a sequence of header lines, not one {name}")));
    }
    let mut lines = Vec::new();
    for line in value.try_iter()? {
        if lines.len() == LINES {
            return Err(PyValueError::new_err(format!("{what} has more than {LINES} lines")));
        }
        lines.push(line?);
    }
    Ok(lines)
}

/// More lines than any server takes. What gives lines need not know how many there are, nor end.
const LINES: usize = 100_000;

/// Each line as it was sent.
pub(crate) fn all_sent<'v>(what: &str, lines: &'v [Bound<'_, PyAny>]) -> PyResult<Vec<Cow<'v, [u8]>>> {
    lines.iter().map(|line| sent(what, line)).collect()
}

/// Reads each element of what knows how many it has, and no more than that.
pub(crate) fn sized<'py, T>(
    values: &Bound<'py, PyAny>,
    read: impl Fn(usize, &Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let (len, mut all) = (values.len()?, Vec::new());
    all.try_reserve_exact(len).map_err(|_| PyMemoryError::new_err(format!("no memory for {len} elements")))?;
    for value in values.try_iter()? {
        let value = value?;
        if all.len() == len {
            return Err(changed());
        }
        all.push(read(all.len(), &value)?);
    }
    if all.len() == len { Ok(all) } else { Err(changed()) }
}

#[cold]
fn changed() -> PyErr {
    PyRuntimeError::new_err("a sequence changed while it was read, or lies about its length")
}
