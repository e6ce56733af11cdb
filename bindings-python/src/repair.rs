//! Legacy documents as strict ones, where their meaning is certain.

use crate::{address, guard::guarded, options::options, report::Report, texts::json_text};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyString, PyTuple},
};
use sandgate::{Form, HostBits, List, Repairs, Unrepaired};

/// One entry that was rewritten or removed.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repair {
    list: List,
    /// Its place in the list as it was, counted from 0.
    #[pyo3(get)]
    index: usize,
    /// What stood there.
    #[pyo3(get)]
    before: String,
    /// What stands there now; `None` if it was removed.
    #[pyo3(get)]
    after: Option<String>,
    reasons: Vec<String>,
}

impl From<sandgate::Repair> for Repair {
    fn from(sandgate::Repair { list, index, before, after, reasons, .. }: sandgate::Repair) -> Self {
        Self { list, index, before, after, reasons }
    }
}

#[pymethods]
impl Repair {
    #[new]
    fn new(
        list: &str,
        index: &Bound<'_, PyAny>,
        before: String,
        after: Option<String>,
        reasons: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let Some(list) = List::ALL.into_iter().find(|known| known.as_str() == list) else {
            return Err(PyValueError::new_err(format!("`{list}` is no list")));
        };
        Ok(Self { list, index: address::count("an index", index)?, before, after, reasons: reasons.extract()? })
    }

    /// The list of the entry: `allowOut`, `denyOut`, `allowIn` or `denyIn`.
    #[getter]
    fn list(&self) -> &'static str {
        self.list.as_str()
    }

    /// Why, a sentence each.
    #[getter]
    fn reasons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.reasons)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        // An entry that was refused may hold anything.
        Ok(format!("Repair{}", self.__getnewargs__(py)?.into_pyobject(py)?.repr()?))
    }

    #[expect(clippy::type_complexity, reason = "a repair has five parts")]
    fn __getnewargs__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(&'static str, usize, &str, Option<&str>, Bound<'py, PyTuple>)> {
        Ok((self.list(), self.index, &self.before, self.after.as_deref(), self.reasons(py)?))
    }
}

/// A document as far as it can be repaired, what was done, and what is left.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repaired {
    /// The document as far as it is repaired. It is a policy only if the report is valid.
    #[pyo3(get)]
    text: String,
    repairs: Vec<Repair>,
    /// What is left: the report about the text.
    #[pyo3(get)]
    report: Report,
}

#[pymethods]
impl Repaired {
    #[new]
    #[pyo3(signature = (text, repairs, report))]
    fn new(text: String, repairs: &Bound<'_, PyAny>, report: &Bound<'_, Report>) -> PyResult<Self> {
        let repairs =
            address::sized(repairs, |_, repair| Ok(repair.cast::<Repair>().map_err(PyErr::from)?.get().clone()))?;
        Ok(Self { text, repairs, report: report.get().clone() })
    }

    /// What was done, list by list and in the order of the entries.
    #[getter]
    fn repairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.repairs.clone())
    }

    // It could mean that all is well, or that something was done.
    #[expect(clippy::unused_self, reason = "a method of Python has one")]
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("a repaired document is neither true nor false: ask `report.valid`, or for `repairs`"))
    }

    fn __repr__(&self) -> String {
        format!("<Repaired: {} repairs, {} errors left>", self.repairs.len(), self.report.error_count())
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<(&str, Bound<'py, PyTuple>, Report)> {
        Ok((&self.text, self.repairs(py)?, self.report.clone()))
    }
}

/// Rewrites the entries of a configuration whose meaning is certain. Never raises on a bad one.
#[pyfunction]
#[pyo3(signature = (text, *, host_bits=None, minimize=false, guardrails=None, egress_ports=false, ipv6_ingress=false, limits=None))]
pub(crate) fn repair_json(
    text: &Bound<'_, PyAny>,
    host_bits: Option<&Bound<'_, PyAny>>,
    minimize: bool,
    guardrails: Option<&Bound<'_, PyAny>>,
    egress_ports: bool,
    ipv6_ingress: bool,
    limits: Option<&Bound<'_, PyAny>>,
) -> PyResult<Repaired> {
    let options = options(guardrails, egress_ports, ipv6_ingress, limits)?;
    let how = Repairs { host_bits: host_bits.map(meaning).transpose()?, minimize };
    let json = json_text(text)?;
    text.py().detach(|| {
        guarded(|| {
            let (text, repairs, report) = match sandgate::repair(&json, how, &options) {
                Ok(sandgate::Repaired { text, repairs, .. }) => {
                    let report = sandgate::check(&text, Form::Config, &options);
                    (text, repairs, report)
                }
                Err(Unrepaired { text, repairs, report, .. }) => (text, repairs, report),
            };
            let report = Report::new(&report, Some(&text));
            Repaired { text, repairs: repairs.into_iter().map(Repair::from).collect(), report }
        })
    })
}

/// What an address with bits beyond its prefix length is said to mean.
fn meaning(text: &Bound<'_, PyAny>) -> PyResult<HostBits> {
    let Ok(text) = text.cast::<PyString>() else {
        let name = text.get_type().name()?;
        return Err(PyTypeError::new_err(format!("host_bits is 'network', 'address' or None, not {name}")));
    };
    match &*text.to_string_lossy() {
        "network" => Ok(HostBits::Network),
        "address" => Ok(HostBits::Address),
        _ => Err(PyValueError::new_err("host_bits is 'network', 'address' or None")),
    }
}
