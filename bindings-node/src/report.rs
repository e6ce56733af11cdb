//! Diagnostics and reports as objects of JavaScript.

use napi_derive::napi;
use sandgate::Source;
use serde::Serialize;

/// One violation or warning.
#[napi(object, object_from_js = false)]
#[derive(Debug, Serialize)]
pub struct Diagnostic {
    /// The stable identifier of the problem.
    #[napi(ts_type = "Code")]
    pub code: &'static str,
    /// Whether the problem refuses the document.
    #[napi(ts_type = "Severity")]
    pub severity: &'static str,
    /// The place in the document as a JSON Pointer; empty for the document itself.
    pub path: String,
    /// The part of the text at `path` that is meant, in UTF-8 bytes; left out for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[napi(ts_type = "[number, number]")]
    pub span: Option<Vec<u32>>,
    /// One sentence: what is wrong.
    pub message: String,
    /// A concrete repair, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line in the JSON text, from 1, if the document was read from text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The character in the line, from 1, if the document was read from text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// Every problem of a document, in the order of its text.
#[napi(object, object_from_js = false)]
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether the document holds: no errors. Warnings do not count.
    pub valid: bool,
    /// The errors that were kept.
    pub errors: Vec<Diagnostic>,
    /// The warnings that were kept.
    pub warnings: Vec<Diagnostic>,
    /// The exact number of problems that were found but not kept.
    pub more: u32,
    /// All of them for a person, one a line.
    pub message: String,
}

impl Report {
    /// `text`: what the document was read from, if it was text.
    pub(crate) fn new(report: &sandgate::Report, text: Option<&str>) -> Self {
        let mut diagnostics: Vec<Diagnostic> = report.diagnostics().iter().map(Diagnostic::from).collect();
        if let Some(text) = text {
            for (diagnostic, place) in diagnostics.iter_mut().zip(Source::places(text, report)) {
                (diagnostic.line, diagnostic.column) =
                    place.map(|position| (number(position.line), number(position.column))).unzip();
            }
        }
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == sandgate::Severity::Error.as_str();
        let (errors, warnings) = diagnostics.into_iter().partition(is_error);
        Self { valid: report.is_valid(), errors, warnings, more: number(report.more()), message: report.to_string() }
    }
}

impl From<&sandgate::Diagnostic> for Diagnostic {
    fn from(diagnostic: &sandgate::Diagnostic) -> Self {
        Self {
            code: diagnostic.code().as_str(),
            severity: diagnostic.severity().as_str(),
            path: diagnostic.path().into(),
            span: diagnostic.span().map(|span| vec![number(span.start), number(span.end)]),
            message: diagnostic.message().into(),
            help: diagnostic.help().map(Into::into),
            line: None,
            column: None,
        }
    }
}

/// A count that a document can have.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
