//! Every problem of one document, bounded.

use super::{Code, Diagnostic, ParseError, Severity};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// The problems of a document in the order of its text, requirements across entries last (D-5).
///
/// A report keeps at most [`Limits::diagnostics`](crate::Limits::diagnostics) of them and the
/// exact number of the rest, so that a hostile document cannot buy a gigabyte of messages.
///
/// ```
/// use sandgate::{Form, Options, check};
///
/// let report = check(r#"{"denyin": ["10.0.0.256"], "denyOut": [":"]}"#, Form::Config, &Options::default());
/// assert!(!report.is_valid());
/// let codes: Vec<_> = report.diagnostics().iter().map(|d| d.code().as_str()).collect();
/// assert_eq!(codes, ["unknown-field", "empty-port"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    keep: usize,
    /// Whether the document could not be read to its end.
    broken_off: bool,
}

impl Report {
    pub(crate) fn new(keep: usize) -> Self {
        Self { diagnostics: Vec::new(), errors: 0, warnings: 0, keep, broken_off: false }
    }

    /// The report of one text that is no part of a document. The path of its problem is empty.
    #[must_use]
    pub fn of(error: ParseError) -> Self {
        let mut report = Self::new(1);
        report.push(String::new, error);
        report
    }

    /// Adds a problem. The path is made only if the problem is kept.
    pub(crate) fn push(&mut self, path: impl FnOnce() -> String, error: ParseError) {
        self.push_with(error.code(), || (path(), error));
    }

    /// Adds a problem whose text is made only if it is kept: a document can hold millions.
    pub(crate) fn push_with(&mut self, code: Code, problem: impl FnOnce() -> (String, ParseError)) {
        let count = match code.severity() {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        self.broken_off |= matches!(code, Code::InvalidJson | Code::DocumentTooLarge);
        if self.diagnostics.len() < self.keep {
            let (path, error) = problem();
            self.diagnostics.push(Diagnostic::new(path, error));
        }
    }

    /// Whether the document was not read to its end, so that nothing is known of what it lacks.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.broken_off
    }

    /// Whether the document holds: no errors. Warnings do not count.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.errors == 0
    }

    /// The problems that were kept, errors and warnings.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The exact number of problems that were found but not kept.
    #[must_use]
    pub fn more(&self) -> usize {
        self.errors.saturating_add(self.warnings).saturating_sub(self.diagnostics.len())
    }

    /// The exact number of errors, kept or not.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// The exact number of warnings, kept or not.
    #[must_use]
    pub fn warning_count(&self) -> usize {
        self.warnings
    }

    /// Whether a problem with this code was kept.
    #[must_use]
    pub fn contains(&self, code: Code) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code() == code)
    }
}

impl fmt::Display for Report {
    /// All of them, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        match self.more() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
