//! Runs other programs, says what it is doing and how long it took.

use crate::repository;
use anstyle::{AnsiColor, Style};
use std::{io, process::Command, time::Instant};

/// Nothing, or why the task failed.
pub(crate) type Outcome = Result<(), String>;

pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();

/// A command in the folder of the repository.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(repository());
    command
}

/// Runs cargo; its output is the task's.
pub(crate) fn cargo(arguments: &[&str]) -> io::Result<bool> {
    command("cargo", arguments).status().map(|status| status.success())
}

/// What a program prints, if it succeeds.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = command(program, arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Names a step, runs it, and fails with its name.
pub(crate) fn step(name: &str, work: impl FnOnce() -> io::Result<bool>) -> Outcome {
    anstream::eprintln!("{BOLD}== {name}{BOLD:#}");
    let start = Instant::now();
    let outcome = match work() {
        Ok(true) => Ok(()),
        Ok(false) => Err(name.to_owned()),
        Err(error) => Err(format!("{name}: {error}")),
    };
    anstream::eprintln!("   {:.1} s", start.elapsed().as_secs_f64());
    outcome
}
