//! What is wrong or doubtful, as data: one structure in every language (semantics, section 10).
//!
//! This module knows no rule. Whoever finds a problem names its [`Code`] and its place; this
//! module carries that to the caller without losing any of it.

mod code;
mod parse_error;
mod report;

pub use code::{Code, Example, Severity};
pub use parse_error::ParseError;
pub use report::Report;

use alloc::{borrow::Cow, format, string::String};
use core::{fmt, ops::Range};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// One violation or warning.
///
/// `code`, `severity`, `path` and `span` are part of the public contract. The texts of `message`
/// and `help` are for people and may change in any release.
///
/// ```
/// use sandgate::{Code, NetworkConfig, Options, Policy};
///
/// let config = NetworkConfig::from_json(r#"{"denyOut": ["8.8.8.8:"]}"#)?;
/// let report = Policy::compile(&config, &Options::default()).unwrap_err();
/// let diagnostic = &report.diagnostics()[0];
/// assert_eq!(diagnostic.code(), Code::EmptyPort);
/// assert_eq!(diagnostic.path(), "/denyOut/0");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    path: String,
    error: ParseError,
}

impl Diagnostic {
    /// Puts what is wrong with one text at its place in the document.
    pub(crate) fn new(path: String, error: ParseError) -> Self {
        Self { path, error }
    }

    /// The stable identifier of the problem.
    #[must_use]
    pub fn code(&self) -> Code {
        self.error.code()
    }

    /// Whether the problem refuses the document.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code().severity()
    }

    /// The place in the document as a JSON Pointer (RFC 6901), with field names as written.
    /// The empty pointer is the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The part of the text at [`path`](Self::path) that is meant, in UTF-8 bytes, on character
    /// boundaries. `None` means all of it. At the empty path it counts in the document's bytes.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.error.span()
    }

    /// One sentence for a person: what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        self.error.message()
    }

    /// A concrete repair, where there is one.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'_, str>> {
        self.error.help()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "document" } else { &self.path };
        write!(f, "{path}: {}[{}]: {}", self.severity(), self.code(), self.message())?;
        match self.help() {
            Some(help) => write!(f, " (help: {help})"),
            None => Ok(()),
        }
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Diagnostic", 6)?;
        object.serialize_field("code", self.code().as_str())?;
        object.serialize_field("severity", self.severity().as_str())?;
        object.serialize_field("path", self.path())?;
        object.serialize_field("span", &self.span().map(|span| [span.start, span.end]))?;
        object.serialize_field("message", self.message())?;
        object.serialize_field("help", &self.help())?;
        object.end()
    }
}

/// The JSON Pointer of a field, with the two characters that the pointer syntax reserves escaped.
pub(crate) fn pointer(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}
