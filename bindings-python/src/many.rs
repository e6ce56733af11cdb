//! Many questions in one call, without an object per element where the input has none.

use crate::{address, guard::guarded};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    pybacked::PyBackedBytes,
    types::{PyByteArray, PyBytes, PyInt, PyList, PyMemoryView, PyString},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From so many questions on, other threads may run meanwhile.
const LARGE: usize = 4096;

/// Addresses as they came.
enum Addresses {
    /// Values of 32 bits in the order of the machine, from a buffer.
    V4(PyBackedBytes),
    /// Sixteen bytes each, from a buffer.
    V6(PyBackedBytes),
    /// From objects, each read as a single question reads it.
    Read(Vec<Option<IpAddr>>),
}

enum Ports {
    One(u16),
    /// Values of 16 bits in the order of the machine, from a buffer.
    Packed(PyBackedBytes),
    Read(Vec<u16>),
}

/// Puts every question, and gives the answers in the form of the input.
pub(crate) fn ask<'py>(
    addresses: &Bound<'py, PyAny>,
    ports: &Bound<'py, PyAny>,
    read: impl Fn(&Bound<'py, PyAny>) -> PyResult<Option<IpAddr>>,
    question: impl Fn(Option<IpAddr>, u16) -> bool + Sync,
) -> PyResult<Bound<'py, PyAny>> {
    let py = addresses.py();
    let asked = Addresses::new(addresses, read)?;
    let count = asked.len();
    let asked_ports = Ports::new(ports, count)?;
    if let Some(ports) = asked_ports.len() {
        as_many(count, ports)?;
    }
    let answer = || guarded(|| asked.ask(&asked_ports, &question));
    let answers = if count < LARGE { answer()? } else { py.detach(answer)? };
    match asked {
        Addresses::Read(_) => Ok(PyList::new(py, answers.iter().map(|&answer| answer != 0))?.into_any()),
        Addresses::V4(_) | Addresses::V6(_) => in_kind(addresses, &answers),
    }
}

impl Addresses {
    fn new<'py>(
        addresses: &Bound<'py, PyAny>,
        read: impl Fn(&Bound<'py, PyAny>) -> PyResult<Option<IpAddr>>,
    ) -> PyResult<Self> {
        if addresses.is_instance_of::<PyString>() || addresses.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("many addresses are a sequence or an array, not one address"));
        }
        let Some(buffer) = Buffer::of(addresses)? else {
            return address::sized(addresses, |index, value| at(index, read(value))).map(Self::Read);
        };
        match (buffer.format.as_str(), buffer.shape.as_slice()) {
            ("I", [_]) if buffer.size == 4 => buffer.bytes().map(Self::V4),
            ("B", [_, 16]) => buffer.bytes().map(Self::V6),
            _ => Err(PyTypeError::new_err(format!(
                "addresses in an array are uint32 values of shape (n,) or uint8 values of shape (n, 16), \
                 in the byte order of the machine; this is {}",
                buffer.describe()
            ))),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::V4(bytes) => bytes.len() / 4,
            Self::V6(bytes) => bytes.len() / 16,
            Self::Read(addresses) => addresses.len(),
        }
    }

    /// A byte an answer, 0 or 1.
    fn ask(&self, ports: &Ports, question: &impl Fn(Option<IpAddr>, u16) -> bool) -> Vec<u8> {
        match self {
            Self::V4(bytes) => ports.ask(
                elements(bytes).map(|value| Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from_ne_bytes(value))))),
                question,
            ),
            Self::V6(bytes) => {
                ports.ask(elements(bytes).map(|value| Some(IpAddr::V6(Ipv6Addr::from(value)).to_canonical())), question)
            }
            Self::Read(addresses) => ports.ask(addresses.iter().copied(), question),
        }
    }
}

impl Ports {
    /// For so many addresses.
    fn new(ports: &Bound<'_, PyAny>, addresses: usize) -> PyResult<Self> {
        if ports.is_instance_of::<PyInt>() {
            return address::port(ports).map(Self::One);
        }
        if ports.is_instance_of::<PyString>() || ports.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("ports are an int, a sequence of ints or an array of uint16"));
        }
        let Some(buffer) = Buffer::of(ports)? else {
            // A `range` of any length takes no memory until it is read.
            as_many(addresses, ports.len()?)?;
            return address::sized(ports, |index, value| at(index, address::port(value))).map(Self::Read);
        };
        match (buffer.format.as_str(), buffer.shape.as_slice()) {
            ("H", [_]) => buffer.bytes().map(Self::Packed),
            _ => Err(PyTypeError::new_err(format!(
                "ports in an array are uint16 values of shape (n,), in the byte order of the machine; this is {}",
                buffer.describe()
            ))),
        }
    }

    /// How many there are; one port is for every address.
    fn len(&self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Packed(bytes) => Some(bytes.len() / 2),
            Self::Read(ports) => Some(ports.len()),
        }
    }

    fn ask(
        &self,
        addresses: impl Iterator<Item = Option<IpAddr>>,
        question: &impl Fn(Option<IpAddr>, u16) -> bool,
    ) -> Vec<u8> {
        let ask = |(address, port)| u8::from(question(address, port));
        match self {
            Self::One(port) => addresses.map(|address| ask((address, *port))).collect(),
            Self::Packed(bytes) => addresses.zip(elements(bytes).map(u16::from_ne_bytes)).map(ask).collect(),
            Self::Read(ports) => addresses.zip(ports.iter().copied()).map(ask).collect(),
        }
    }
}

/// The bytes cut into elements.
fn elements<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

fn as_many(addresses: usize, ports: usize) -> PyResult<()> {
    if addresses == ports {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("there are {addresses} addresses and {ports} ports")))
}

/// Says which element an exception is about. What code of Python raised has a traceback, and is
/// passed on as it is.
fn at<T>(index: usize, read: PyResult<T>) -> PyResult<T> {
    read.map_err(|error| {
        Python::attach(|py| {
            let class = error.get_type(py);
            let is_ours = class.is(py.get_type::<PyTypeError>()) || class.is(py.get_type::<PyValueError>());
            if !is_ours || error.traceback(py).is_some() {
                return error;
            }
            PyErr::from_type(class, format!("[{index}]: {}", error.value(py)))
        })
    })
}

/// A buffer of numbers: an array of NumPy, of `array`, a memoryview.
struct Buffer<'py> {
    view: Bound<'py, PyMemoryView>,
    format: String,
    size: usize,
    shape: Vec<usize>,
}

impl<'py> Buffer<'py> {
    /// `None` for what is no buffer.
    fn of(value: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let view = match PyMemoryView::from(value) {
            Ok(view) => view,
            Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => return Ok(None),
            // It is a buffer that is released or whose class refuses to show it.
            Err(error) => return Err(error),
        };
        let get = |name| view.getattr(name);
        let format = get("format")?.extract()?;
        let (size, shape) = (get("itemsize")?.extract()?, get("shape")?.extract()?);
        Ok(Some(Self { view, format, size, shape }))
    }

    /// A copy in the order of the elements, whatever strides the buffer has.
    fn bytes(&self) -> PyResult<PyBackedBytes> {
        Ok(self.view.call_method0("tobytes")?.cast_into::<PyBytes>()?.into())
    }

    fn describe(&self) -> String {
        format!("format '{}' of shape {:?}", self.format, self.shape)
    }
}

/// An array of `bool` if an array of NumPy was asked about, else a memoryview of `bool`.
fn in_kind<'py>(addresses: &Bound<'py, PyAny>, answers: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let py = addresses.py();
    // Whoever has an array has imported NumPy. Nobody else has to have it.
    let modules = py.import("sys")?.getattr("modules")?;
    if let Ok(numpy) = modules.get_item("numpy")
        && addresses.is_instance(&numpy.getattr("ndarray")?)?
    {
        let bytes = PyByteArray::new(py, answers);
        return numpy.call_method1("frombuffer", (bytes, "?"));
    }
    PyMemoryView::from(&PyBytes::new(py, answers))?.call_method1("cast", ("?",))
}
