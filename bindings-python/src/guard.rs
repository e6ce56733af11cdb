//! Panics of the core as ordinary exceptions.
//!
//! PyO3 turns a panic into an exception that `except Exception` misses. The core has no known way
//! to panic; should there be one, a server answers the request with an error and lives on.

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a question to the core.
#[inline]
pub(crate) fn guarded<T>(question: impl FnOnce() -> T) -> PyResult<T> {
    // Whatever the core was doing, it holds nothing that could be seen half done: it changes only
    // what it is about to give back.
    catch_unwind(AssertUnwindSafe(question)).map_err(|_| panicked())
}

#[cold]
fn panicked() -> PyErr {
    PyRuntimeError::new_err("the policy core panicked; treat the answer as a denial, and report this as a defect")
}

/// Panics as the core would. For the tests of this package.
#[pyfunction]
#[pyo3(name = "_provoke_panic")]
#[expect(clippy::panic, reason = "it is what is asked for")]
pub(crate) fn provoke_panic() -> PyResult<()> {
    guarded(|| panic!("provoked"))
}
