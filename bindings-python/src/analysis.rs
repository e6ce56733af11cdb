//! Explanations and differences: what the core serializes, as values of `sandgate._analysis`.

use crate::{guard::guarded, policy::Policy};
use pyo3::{exceptions::PyValueError, prelude::*, sync::PyOnceLock};
use serde::Serialize;

/// What two policies do differently, exactly.
#[pyfunction]
#[pyo3(signature = (old, new))]
pub(crate) fn diff<'py>(
    py: Python<'py>,
    old: &Bound<'py, Policy>,
    new: &Bound<'py, Policy>,
) -> PyResult<Bound<'py, PyAny>> {
    let (old, new) = (&old.get().0, &new.get().0);
    told(py, || sandgate::diff(old, new))
}

/// What the new policy lets through and the old one does not.
#[pyfunction]
#[pyo3(signature = (old, new))]
pub(crate) fn widening<'py>(
    py: Python<'py>,
    old: &Bound<'py, Policy>,
    new: &Bound<'py, Policy>,
) -> PyResult<Bound<'py, PyAny>> {
    let (old, new) = (&old.get().0, &new.get().0);
    told(py, || sandgate::tightens(old, new).err().unwrap_or_default())
}

/// Whether the new policy lets nothing through that the old one does not.
#[pyfunction]
#[pyo3(signature = (old, new))]
pub(crate) fn tightens(py: Python<'_>, old: &Bound<'_, Policy>, new: &Bound<'_, Policy>) -> PyResult<bool> {
    let (old, new) = (&old.get().0, &new.get().0);
    py.detach(|| guarded(|| sandgate::tightens(old, new).is_ok()))
}

/// Whether two policies do all the same.
#[pyfunction]
#[pyo3(signature = (one, other))]
pub(crate) fn equivalent(py: Python<'_>, one: &Bound<'_, Policy>, other: &Bound<'_, Policy>) -> PyResult<bool> {
    let (one, other) = (&one.get().0, &other.get().0);
    py.detach(|| guarded(|| sandgate::equivalent(one, other).is_ok()))
}

/// The answer to a question that takes its time, as the value that its fields make it.
pub(crate) fn told<T: Serialize>(py: Python<'_>, question: impl FnOnce() -> T + Send) -> PyResult<Bound<'_, PyAny>> {
    static READ: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = py.detach(|| guarded(|| serde_json::to_string(&question())))?;
    let text = text.map_err(|error| PyValueError::new_err(error.to_string()))?;
    READ.import(py, "sandgate._analysis", "read")?.call1((text,))
}
