//! Explained answers.

use crate::address;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use sandgate::{List, Reason, Verdict};
use std::fmt::Write;

/// What to do with a connection, and why.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Decision {
    /// `allow`, `deny` or `allow-by-name`.
    #[pyo3(get)]
    verdict: &'static str,
    reason: Reason,
    /// The entry that decided, if it was one.
    #[pyo3(get)]
    entry: Option<DecidingEntry>,
    /// The name to resolve, if the verdict is `allow-by-name`.
    #[pyo3(get)]
    name: Option<String>,
}

const ALLOW: &str = "allow";
const DENY: &str = "deny";
const ALLOW_BY_NAME: &str = "allow-by-name";

impl From<sandgate::Decision<'_>> for Decision {
    fn from(decision: sandgate::Decision<'_>) -> Self {
        let (verdict, name) = match decision.verdict() {
            Verdict::Deny => (DENY, None),
            Verdict::Allow => (ALLOW, None),
            Verdict::AllowByName(by_name) => (ALLOW_BY_NAME, Some(by_name.name().to_string())),
        };
        let entry = decision.entry().map(|entry| DecidingEntry {
            list: entry.list(),
            index: entry.index(),
            text: entry.entry().to_string(),
        });
        Self { verdict, reason: decision.reason(), entry, name }
    }
}

#[pymethods]
impl Decision {
    #[new]
    #[pyo3(signature = (verdict, reason, *, entry=None, name=None))]
    fn new(
        verdict: &str,
        reason: &str,
        entry: Option<&Bound<'_, DecidingEntry>>,
        name: Option<String>,
    ) -> PyResult<Self> {
        let find = |text: &&&str| **text == verdict;
        let Some(&verdict) = [DENY, ALLOW, ALLOW_BY_NAME].iter().find(find) else {
            return Err(PyValueError::new_err(format!("`{verdict}` is no verdict")));
        };
        let Some(&reason) = Reason::ALL.iter().find(|known| known.as_str() == reason) else {
            return Err(PyValueError::new_err(format!("`{reason}` is no reason")));
        };
        if name.is_some() != (verdict == ALLOW_BY_NAME) {
            return Err(PyValueError::new_err(
                "a decision has a name if its verdict is `allow-by-name`, and only then",
            ));
        }
        Ok(Self { verdict, reason, entry: entry.map(|entry| entry.get().clone()), name })
    }

    /// Whether this very address and port may be connected to. `False` for `allow-by-name`.
    #[getter]
    fn allowed(&self) -> bool {
        self.verdict == ALLOW
    }

    /// Which step decided. The texts are stable.
    #[getter]
    fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// One sentence for a person: why.
    #[getter]
    fn summary(&self) -> &'static str {
        self.reason.summary()
    }

    fn __bool__(&self) -> bool {
        self.allowed()
    }

    fn __repr__(&self) -> String {
        let mut text = format!("Decision('{}', '{}'", self.verdict, self.reason);
        if let Some(entry) = &self.entry {
            let _ = write!(text, ", entry={}", entry.__repr__());
        }
        if let Some(name) = &self.name {
            let _ = write!(text, ", name='{name}'");
        }
        text + ")"
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((&str, &str), Bound<'py, PyDict>)> {
        let fields = PyDict::new(py);
        fields.set_item("entry", self.entry.clone())?;
        fields.set_item("name", self.name.clone())?;
        Ok(((self.verdict, self.reason()), fields))
    }
}

/// The entry that decided: the first that matches, in document order.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DecidingEntry {
    list: List,
    /// Its place in the list, counted from 0.
    #[pyo3(get)]
    index: usize,
    /// Its canonical text.
    #[pyo3(get)]
    text: String,
}

#[pymethods]
impl DecidingEntry {
    #[new]
    fn new(list: &str, index: &Bound<'_, PyAny>, text: String) -> PyResult<Self> {
        let index = address::count("an index", index)?;
        match List::ALL.into_iter().find(|known| known.as_str() == list) {
            Some(list) => Ok(Self { list, index, text }),
            None => Err(PyValueError::new_err(format!("`{list}` is no list"))),
        }
    }

    /// The list it stands in: `allowOut`, `denyOut`, `allowIn` or `denyIn`.
    #[getter]
    fn list(&self) -> &'static str {
        self.list.as_str()
    }

    fn __repr__(&self) -> String {
        format!("DecidingEntry('{}', {}, '{}')", self.list, self.index, self.text)
    }

    fn __getnewargs__(&self) -> (&'static str, usize, &str) {
        (self.list(), self.index, &self.text)
    }
}
