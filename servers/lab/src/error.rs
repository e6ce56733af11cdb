//! What can go wrong in the laboratory.

use std::io;
use thiserror::Error;

/// Why something in the laboratory does not work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A program could not be run, or a socket not be used.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        error: io::Error,
    },
    /// A program said no.
    #[error("`{command}`: {said}")]
    Refused {
        /// The program and its arguments.
        command: String,
        /// What it said.
        said: String,
    },
    /// A host or a client ended before it said that it is ready.
    #[error("`{0}` ended")]
    Ended(String),
    /// A route leads out of the laboratory, so that nothing may happen in it.
    #[error("a route leads out of the laboratory: {0}")]
    Open(String),
}

impl LabError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}
