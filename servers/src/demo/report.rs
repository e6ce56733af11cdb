//! What is printed: for each question what was expected and what happened, in columns.

use super::DemoError;
use anstyle::{AnsiColor, Style};
use std::{
    fmt::Display,
    io::{self, Write},
};
use tokio_util::sync::CancellationToken;

/// How wide the columns are.
const ASKED: usize = 60;
const EXPECTED: usize = 20;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Counts while it prints.
pub(super) struct Report {
    stop: CancellationToken,
    steps: usize,
    questions: usize,
    differing: usize,
}

impl Report {
    /// Begins with a line of its own and the head of the columns. It ends early when it is told to
    /// stop.
    pub(super) fn begin(line: &str, stop: CancellationToken) -> io::Result<Self> {
        let mut out = anstream::stdout();
        writeln!(out, "{line}\n\n{DIM}    {:ASKED$}  {:EXPECTED$}  happened{DIM:#}", "asked", "expected")?;
        Ok(Self { stop, steps: 0, questions: 0, differing: 0 })
    }

    /// A step of the story.
    pub(super) fn step(&mut self, title: &str) -> io::Result<()> {
        self.steps = self.steps.saturating_add(1);
        writeln!(anstream::stdout(), "\n{BOLD}{:>2}. {title}{BOLD:#}", self.steps)
    }

    /// A question, its answer, and whether that is the one that was expected.
    pub(super) fn ask<A: Display>(
        &mut self,
        asked: &str,
        expected: &str,
        ask: impl FnOnce() -> Result<A, DemoError>,
    ) -> Result<(), DemoError> {
        if self.stop.is_cancelled() {
            return Err(DemoError::Stopped);
        }
        let mut out = anstream::stdout();
        // What is longer than its column has a line of its own.
        if asked.chars().count() > ASKED {
            write!(out, "    {asked}\n    {:ASKED$}  {expected:EXPECTED$}  ", "")?;
        } else {
            write!(out, "    {asked:ASKED$}  {expected:EXPECTED$}  ")?;
        }
        // It is seen what is waited for.
        out.flush()?;
        let happened = ask()?.to_string();
        self.questions = self.questions.saturating_add(1);
        if happened == expected {
            writeln!(out, "{GOOD}{happened}{GOOD:#}")?;
        } else {
            self.differing = self.differing.saturating_add(1);
            writeln!(out, "{BAD}{happened}  DIFFERS{BAD:#}")?;
        }
        Ok(())
    }

    /// The sum. Whether all was as expected.
    pub(super) fn end(self) -> io::Result<bool> {
        let Self { steps, questions, differing, .. } = self;
        let mut out = anstream::stdout();
        match differing {
            0 => writeln!(out, "\n{GOOD}{steps} steps, {questions} questions, all as expected.{GOOD:#}")?,
            _ => writeln!(out, "\n{BAD}{steps} steps, {questions} questions, {differing} DIFFER.{BAD:#}")?,
        }
        Ok(differing == 0)
    }
}
