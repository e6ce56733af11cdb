//! Single texts and plain documents: entries, masks, updates, schemas.

use crate::{
    address,
    guard::guarded,
    objects,
    report::{refused, taken},
};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBytes, PyString},
};
use sandgate::{Entry, Limits, NetworkConfig, NetworkUpdate, Report, Spelling};
use serde::Serialize;
use std::borrow::Cow;

/// The canonical text of an entry of `allowOut`, which takes every kind of entry.
#[pyfunction]
pub(crate) fn canonical_entry(py: Python<'_>, entry: &Bound<'_, PyString>) -> PyResult<String> {
    let text = entry.to_string_lossy();
    let read = guarded(|| text.parse::<Entry>())?;
    read.map(|entry| entry.to_string()).map_err(|error| refused(py, &Report::of(error), None))
}

/// A replacement for the Host header, with placeholders for the port of the sandbox.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HostMask(sandgate::HostMask);

#[pymethods]
impl HostMask {
    #[new]
    fn new(py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<Self> {
        let text = text.to_string_lossy();
        guarded(|| text.parse())?.map(Self).map_err(|error| refused(py, &Report::of(error), None))
    }

    /// The mask with the port filled in.
    fn masked(&self, port: &Bound<'_, PyAny>) -> PyResult<String> {
        let port = address::port(port)?;
        guarded(|| self.0.masked(port).to_string())
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("HostMask('{}')", self.0)
    }

    fn __getnewargs__(&self) -> (&str,) {
        (self.0.as_str(),)
    }
}

/// The configuration after an update (D-4), as it is written on the wire.
#[pyfunction]
pub(crate) fn apply_update<'py>(config: &Bound<'py, PyAny>, update: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = config.py();
    let copy = |document| objects::document(document, Limits::default()).map_err(|stop| stop.raised(py));
    let (config, update) = (copy(config)?, copy(update)?);
    let config = taken(py, guarded(|| NetworkConfig::from_objects(&config, Spelling::WireOrSnake))?)?;
    let update = taken(py, guarded(|| NetworkUpdate::from_objects(&update, Spelling::WireOrSnake))?)?;
    to_python(py, &guarded(|| config.replaced_by(&update))?)
}

/// The JSON Schema of a network configuration.
#[pyfunction]
pub(crate) fn network_config_schema(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    to_python(py, &sandgate::schema::network_config())
}

/// The JSON Schema of a network update.
#[pyfunction]
pub(crate) fn network_update_schema(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    to_python(py, &sandgate::schema::network_update())
}

/// What the core writes as JSON, as objects of Python.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(|error| PyTypeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}

/// JSON text from `str` or `bytes`. What is no Unicode becomes a character that no entry, mask or
/// field holds, so that it is refused where it stands.
pub(crate) fn json_text<'v>(value: &'v Bound<'_, PyAny>) -> PyResult<Cow<'v, str>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string_lossy());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(String::from_utf8_lossy(bytes.as_bytes()));
    }
    let name = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("JSON text is a str or bytes, not {name}; for a dict, leave out `json`")))
}
