//! The services of a sandbox platform, each alone or all on one machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    sandgate_servers::lab::play(&words).unwrap_or(ExitCode::FAILURE)
}
