//! How a command ends that has something to print. Its exit code says the answer too, so it ends
//! with it whether or not somebody reads.

use crate::input::Failure;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Prints an answer, and ends with its code.
///
/// A reader that has gone away has seen enough, and the code stays what it is. Where the code is
/// not known before all is printed, [`Failure::Output`] says that there is no answer.
pub(crate) fn answer<W: Write>(
    code: impl Into<ExitCode>,
    mut out: W,
    print: impl FnOnce(&mut W) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    match print(&mut out).and_then(|()| Ok(out.flush()?)) {
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(code.into()),
        printed => printed.map(|()| code.into()),
    }
}
