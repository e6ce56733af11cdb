//! What must not reach PyO3 from below: panics of the core, and the end of a thread.
//!
//! PyO3 turns a panic into an exception that `except Exception` misses. The core has no known way
//! to panic; should there be one, a server answers the request with an error and lives on.

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

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

/// Runs what runs code of Python.
///
/// While the interpreter ends, CPython before 3.14 takes a daemon thread that runs such code away: it
/// unwinds the thread, and PyO3 would catch that, which ends the process with SIGABRT. Here the thread
/// waits for the end instead, as it does in later versions. It has no lock then: what the call is given,
/// the tuple of its arguments above all, has to be owned outside of it, lest it be freed on the way.
pub(crate) fn in_python<T>(call: impl FnOnce() -> T) -> T {
    let taken_away = TakenAway;
    let given = call();
    mem::forget(taken_away);
    given
}

/// Is dropped only where a call does not come back.
struct TakenAway;

impl Drop for TakenAway {
    fn drop(&mut self) {
        while !thread::panicking() {
            thread::park();
        }
    }
}

/// Panics as the core would. For the tests of this package.
#[pyfunction]
#[pyo3(name = "_provoke_panic")]
#[expect(clippy::panic, reason = "it is what is asked for")]
pub(crate) fn provoke_panic() -> PyResult<()> {
    guarded(|| panic!("provoked"))
}
