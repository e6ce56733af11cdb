//! What the operator decides: guardrails, capabilities and limits.

use crate::{
    address,
    guard::guarded,
    objects,
    report::{refused, taken},
    texts::json_text,
};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyDict, PyTuple},
};
use sandgate::{Capabilities, Network, Options, Spelling};

/// The operator's layer, which no entry of a policy can override.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Guardrails(pub(crate) sandgate::Guardrails);

#[pymethods]
impl Guardrails {
    /// What is omitted keeps its default; an empty list is none at all.
    #[new]
    #[pyo3(
        signature = (**fields),
        text_signature = "(*, always_denied=..., always_allowed=..., exempt_ports=..., name_server=...)"
    )]
    fn new(py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let Some(fields) = fields else { return Ok(Self(sandgate::Guardrails::default())) };
        let fields = objects::document(fields, sandgate::Limits::default()).map_err(|stop| stop.raised(py))?;
        let read = guarded(|| sandgate::Guardrails::from_objects(&fields, Spelling::WireOrSnake))?;
        taken(py, read).map(Self)
    }

    /// No networks, no exempt ports, no name server.
    #[staticmethod]
    fn none() -> Self {
        Self(sandgate::Guardrails::none())
    }

    /// Reads a guardrails document in JSON text. What is omitted keeps its default.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = json_text(text)?;
        guarded(|| sandgate::Guardrails::from_json(&text))?
            .map(Self)
            .map_err(|report| refused(py, &report, Some(&text)))
    }

    /// Whether an egress address is denied whatever the lists of a policy say.
    fn always_denies(&self, address: &Bound<'_, PyAny>) -> PyResult<bool> {
        let address = address::address(address)?;
        guarded(|| self.0.always_denies(address))
    }

    /// The networks that are always denied.
    #[getter]
    fn always_denied<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, texts(&self.0.always_denied))
    }

    /// The networks that are always allowed.
    #[getter]
    fn always_allowed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, texts(&self.0.always_allowed))
    }

    /// The ports of the sandbox that ingress rules do not judge.
    #[getter]
    fn exempt_ports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.exempt_ports)
    }

    /// The name server that a policy with domain patterns reaches.
    #[getter]
    fn name_server(&self) -> Option<String> {
        self.0.name_server.map(|server| server.to_string())
    }

    fn __repr__(&self) -> String {
        let quoted = |text: &String| format!("'{text}'");
        let list = |networks| texts(networks).iter().map(quoted).collect::<Vec<_>>().join(", ");
        format!(
            "Guardrails(always_denied=[{}], always_allowed=[{}], exempt_ports={:?}, name_server={})",
            list(&self.0.always_denied),
            list(&self.0.always_allowed),
            self.0.exempt_ports,
            self.name_server().as_ref().map_or_else(|| "None".into(), quoted),
        )
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        let fields = PyDict::new(py);
        fields.set_item("always_denied", self.always_denied(py)?)?;
        fields.set_item("always_allowed", self.always_allowed(py)?)?;
        fields.set_item("exempt_ports", self.exempt_ports(py)?)?;
        fields.set_item("name_server", self.name_server())?;
        Ok(((), fields))
    }
}

fn texts(networks: &[Network]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

/// How much a document may hold (D-6).
#[pyclass(frozen, eq, hash, get_all, module = "sandgate")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    /// Bytes of JSON text.
    document_bytes: usize,
    /// Entries of one list.
    entries_per_list: usize,
    /// Bytes of one entry or of the mask.
    entry_bytes: usize,
    /// Diagnostics that a report keeps; it counts the rest.
    diagnostics: usize,
}

impl From<sandgate::Limits> for Limits {
    fn from(limits: sandgate::Limits) -> Self {
        let sandgate::Limits { document_bytes, entries_per_list, entry_bytes, diagnostics } = limits;
        Self { document_bytes, entries_per_list, entry_bytes, diagnostics }
    }
}

impl From<Limits> for sandgate::Limits {
    fn from(limits: Limits) -> Self {
        let Limits { document_bytes, entries_per_list, entry_bytes, diagnostics } = limits;
        Self { document_bytes, entries_per_list, entry_bytes, diagnostics }
    }
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(
        signature = (*, document_bytes=None, entries_per_list=None, entry_bytes=None, diagnostics=None),
        text_signature = "(*, document_bytes=16777216, entries_per_list=100000, entry_bytes=1024, diagnostics=100)"
    )]
    fn new(
        document_bytes: Option<&Bound<'_, PyAny>>,
        entries_per_list: Option<&Bound<'_, PyAny>>,
        entry_bytes: Option<&Bound<'_, PyAny>>,
        diagnostics: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let default = sandgate::Limits::default();
        let or = |limit: Option<&Bound<'_, PyAny>>, default| {
            limit.map_or(Ok(default), |limit| address::count("a limit", limit))
        };
        Ok(Self {
            document_bytes: or(document_bytes, default.document_bytes)?,
            entries_per_list: or(entries_per_list, default.entries_per_list)?,
            entry_bytes: or(entry_bytes, default.entry_bytes)?,
            diagnostics: or(diagnostics, default.diagnostics)?,
        })
    }

    fn __repr__(&self) -> String {
        format!(
            "Limits(document_bytes={}, entries_per_list={}, entry_bytes={}, diagnostics={})",
            self.document_bytes, self.entries_per_list, self.entry_bytes, self.diagnostics
        )
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        let fields = PyDict::new(py);
        fields.set_item("document_bytes", self.document_bytes)?;
        fields.set_item("entries_per_list", self.entries_per_list)?;
        fields.set_item("entry_bytes", self.entry_bytes)?;
        fields.set_item("diagnostics", self.diagnostics)?;
        Ok(((), fields))
    }
}

/// The options of the core. Flags are `bool` and nothing that is merely true.
pub(crate) fn options(
    guardrails: Option<&Bound<'_, PyAny>>,
    egress_ports: bool,
    ipv6_ingress: bool,
    limits: Option<&Bound<'_, PyAny>>,
) -> PyResult<Options> {
    let mut options = Options { capabilities: Capabilities { egress_ports, ipv6_ingress }, ..Options::default() };
    if let Some(guardrails) = guardrails {
        options.guardrails = instance::<Guardrails>("guardrails", "Guardrails", guardrails)?.get().0.clone();
    }
    if let Some(limits) = limits {
        options.limits = (*instance::<Limits>("limits", "Limits", limits)?.get()).into();
    }
    Ok(options)
}

fn instance<'v, 'py, T: pyo3::PyClass>(
    what: &str,
    class: &str,
    value: &'v Bound<'py, PyAny>,
) -> PyResult<&'v Bound<'py, T>> {
    value.cast::<T>().map_err(|_| match value.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("{what} is a sandgate.{class}, not {name}")),
        Err(error) => error,
    })
}
