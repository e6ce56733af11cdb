//! The log, on standard error.

use crate::args::{Command, LogFormat};
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Begins it. What is told is what `RUST_LOG` says; without it, all that an operator wants to know.
pub(crate) fn begin(format: LogFormat, command: &Command) {
    let usual = match command {
        // Its transcript tells the story; denials are part of it.
        Command::Demo(_) => "error",
        Command::Serve(_) => "info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
