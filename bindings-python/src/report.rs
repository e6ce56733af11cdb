//! Diagnostics, the report that holds them, and the exception that carries it.

use crate::{
    address,
    guard::guarded,
    objects::{self, Stop},
    options::options,
    texts::json_text,
};
use pyo3::{
    exceptions::PyRuntimeError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyTuple, PyType},
};
use sandgate::{Form, Severity, Source, Spelling};
use std::fmt::Write;

/// One violation or warning.
#[pyclass(frozen, eq, hash, get_all, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Diagnostic {
    /// The stable identifier of the problem, in kebab case.
    code: String,
    /// `error` or `warning`.
    severity: String,
    /// The place in the document as a JSON Pointer; empty for the document itself.
    path: String,
    /// The part of the text at the path that is meant, in UTF-8 bytes; `None` for all of it.
    span: Option<(usize, usize)>,
    /// One sentence: what is wrong.
    message: String,
    /// A concrete repair, where there is one.
    help: Option<String>,
    /// The line in the JSON text, from 1, if the document was read from text.
    line: Option<usize>,
    /// The character in the line, from 1, if the document was read from text.
    column: Option<usize>,
}

/// Code, severity, path and message.
type Texts<'t> = (&'t str, &'t str, &'t str, &'t str);

#[pymethods]
impl Diagnostic {
    #[new]
    #[pyo3(signature = (code, severity, path, message, *, span=None, help=None, line=None, column=None))]
    #[expect(clippy::too_many_arguments, reason = "a diagnostic has eight parts")]
    fn new(
        code: String,
        severity: String,
        path: String,
        message: String,
        span: Option<(usize, usize)>,
        help: Option<String>,
        line: Option<usize>,
        column: Option<usize>,
    ) -> Self {
        Self { code, severity, path, span, message, help, line, column }
    }

    fn __str__(&self) -> String {
        let place = if self.path.is_empty() { "document" } else { &self.path };
        let mut text = format!("{place}: {}[{}]: {}", self.severity, self.code, self.message);
        if let Some(help) = &self.help {
            let _ = write!(text, " (help: {help})");
        }
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{line}:{column}: {text}"),
            _ => text,
        }
    }

    fn __repr__(&self) -> String {
        format!("<Diagnostic {}>", self.__str__())
    }

    fn __getnewargs_ex__<'py>(&'py self, py: Python<'py>) -> PyResult<(Texts<'py>, Bound<'py, PyDict>)> {
        let fields = PyDict::new(py);
        fields.set_item("span", self.span)?;
        fields.set_item("help", self.help.as_deref())?;
        fields.set_item("line", self.line)?;
        fields.set_item("column", self.column)?;
        Ok(((&self.code, &self.severity, &self.path, &self.message), fields))
    }
}

/// Every problem of a document, in the order of its text.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    error_count: usize,
    warning_count: usize,
}

impl Report {
    /// `text`: what the document was read from, if it was text.
    pub(crate) fn new(report: &sandgate::Report, text: Option<&str>) -> Self {
        let mut diagnostics: Vec<Diagnostic> = report.diagnostics().iter().map(Diagnostic::from).collect();
        if let Some(text) = text {
            for (diagnostic, place) in diagnostics.iter_mut().zip(Source::places(text, report)) {
                (diagnostic.line, diagnostic.column) = place.map(|position| (position.line, position.column)).unzip();
            }
        }
        Self { diagnostics, error_count: report.error_count(), warning_count: report.warning_count() }
    }

    fn of_severity(&self, severity: Severity) -> Vec<Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity.as_str()).cloned().collect()
    }
}

impl From<&sandgate::Diagnostic> for Diagnostic {
    fn from(diagnostic: &sandgate::Diagnostic) -> Self {
        Self {
            code: diagnostic.code().as_str().into(),
            severity: diagnostic.severity().as_str().into(),
            path: diagnostic.path().into(),
            span: diagnostic.span().map(|span| (span.start, span.end)),
            message: diagnostic.message().into(),
            help: diagnostic.help().map(Into::into),
            line: None,
            column: None,
        }
    }
}

#[pymethods]
impl Report {
    #[new]
    #[pyo3(signature = (diagnostics, *, error_count, warning_count))]
    fn of(
        diagnostics: &Bound<'_, PyAny>,
        error_count: &Bound<'_, PyAny>,
        warning_count: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let diagnostics = address::sized(diagnostics, |_, diagnostic| {
            Ok(diagnostic.cast::<Diagnostic>().map_err(PyErr::from)?.get().clone())
        })?;
        let (errors, warnings) = (address::count("a count", error_count)?, address::count("a count", warning_count)?);
        Ok(Self { diagnostics, error_count: errors, warning_count: warnings })
    }

    /// The problems that were kept, errors and warnings.
    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.diagnostics.clone())
    }

    /// The errors that were kept.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.of_severity(Severity::Error))
    }

    /// The warnings that were kept.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.of_severity(Severity::Warning))
    }

    /// The exact number of errors, kept or not.
    #[getter]
    pub(crate) fn error_count(&self) -> usize {
        self.error_count
    }

    /// The exact number of warnings, kept or not.
    #[getter]
    fn warning_count(&self) -> usize {
        self.warning_count
    }

    /// The exact number of problems that were found but not kept.
    #[getter]
    fn more(&self) -> usize {
        self.error_count.saturating_add(self.warning_count).saturating_sub(self.diagnostics.len())
    }

    /// Whether the document holds: no errors. Warnings do not count.
    #[getter]
    fn valid(&self) -> bool {
        self.error_count == 0
    }

    fn __bool__(&self) -> bool {
        self.valid()
    }

    fn __str__(&self) -> String {
        let mut lines: Vec<String> = self.diagnostics.iter().map(Diagnostic::__str__).collect();
        if self.more() > 0 {
            lines.push(format!("and {} more", self.more()));
        }
        lines.join("\n")
    }

    fn __repr__(&self) -> String {
        format!("<Report: {} errors, {} warnings>", self.error_count, self.warning_count)
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((Bound<'py, PyTuple>,), Bound<'py, PyDict>)> {
        let counts = PyDict::new(py);
        counts.set_item("error_count", self.error_count)?;
        counts.set_item("warning_count", self.warning_count)?;
        Ok(((self.diagnostics(py)?,), counts))
    }
}

/// Every error and, if there is none, every warning of a document. Never raises on a bad one.
#[pyfunction]
#[pyo3(signature = (document, *, update=false, guardrails=None, egress_ports=false, ipv6_ingress=false, limits=None))]
pub(crate) fn check(
    document: &Bound<'_, PyAny>,
    update: bool,
    guardrails: Option<&Bound<'_, PyAny>>,
    egress_ports: bool,
    ipv6_ingress: bool,
    limits: Option<&Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let options = options(guardrails, egress_ports, ipv6_ingress, limits)?;
    let document_read = match objects::document(document, options.limits) {
        Ok(read) => read,
        Err(Stop::Raised(error)) => return Err(error),
        Err(Stop::Refused(report)) => return Ok(Report::new(&report, None)),
    };
    let judged = document.py().detach(|| {
        guarded(|| sandgate::check_objects(&document_read, form(update), Spelling::WireOrSnake, &options))
    })?;
    Ok(Report::new(&judged.map_err(unread)?, None))
}

/// The same for JSON text, with lines and columns.
#[pyfunction]
#[pyo3(signature = (text, *, update=false, guardrails=None, egress_ports=false, ipv6_ingress=false, limits=None))]
pub(crate) fn check_json(
    text: &Bound<'_, PyAny>,
    update: bool,
    guardrails: Option<&Bound<'_, PyAny>>,
    egress_ports: bool,
    ipv6_ingress: bool,
    limits: Option<&Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let options = options(guardrails, egress_ports, ipv6_ingress, limits)?;
    let json = json_text(text)?;
    text.py().detach(|| {
        guarded(|| {
            let report = sandgate::check(&json, form(update), &options);
            Report::new(&report, Some(&json))
        })
    })
}

const fn form(update: bool) -> Form {
    if update { Form::Update } else { Form::Config }
}

/// `PolicyError`, with the report of a document. `text`: what it was read from, if it was text.
pub(crate) fn refused(py: Python<'_>, report: &sandgate::Report, text: Option<&str>) -> PyErr {
    static POLICY_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match POLICY_ERROR.import(py, "sandgate", "PolicyError") {
        Ok(class) => PyErr::from_type(class.clone(), (Report::new(report, text),)),
        Err(error) => error,
    }
}

/// What reading objects gave, or the exception for it.
pub(crate) fn taken<T>(
    py: Python<'_>,
    read: Result<Result<T, sandgate::Report>, serde::de::value::Error>,
) -> PyResult<T> {
    read.map_err(unread)?.map_err(|report| refused(py, &report, None))
}

/// Copies of objects can always be read; if one cannot, nothing is decided with it.
fn unread(error: serde::de::value::Error) -> PyErr {
    PyRuntimeError::new_err(format!("the document could not be read: {error}"))
}
