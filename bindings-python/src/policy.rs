//! The compiled policy: the questions.

use crate::{
    address::{address, client, given_address, given_client, port, sent},
    analysis::told,
    decision::Decision,
    guard::guarded,
    many, objects,
    options::{Guardrails, Limits, options},
    report::{refused, taken},
    texts::{json_text, to_python},
};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyTuple, PyType},
};
use sandgate::{Destination, Host, List, Spelling};
use std::{borrow::Cow, fmt::Write};

/// A compiled, immutable network policy.
///
/// An exception from a question means: treat the answer as a denial.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Policy(pub(crate) sandgate::Policy);

#[pymethods]
impl Policy {
    /// Judges and compiles a document: a mapping with fields in snake or camel case.
    #[new]
    #[pyo3(signature = (document, *, guardrails=None, egress_ports=false, ipv6_ingress=false, limits=None))]
    fn new(
        document: &Bound<'_, PyAny>,
        guardrails: Option<&Bound<'_, PyAny>>,
        egress_ports: bool,
        ipv6_ingress: bool,
        limits: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = options(guardrails, egress_ports, ipv6_ingress, limits)?;
        let read = objects::document(document, options.limits).map_err(|stop| stop.raised(document.py()))?;
        let compiled = document
            .py()
            .detach(|| guarded(|| sandgate::Policy::from_objects(&read, Spelling::WireOrSnake, &options)))?;
        taken(document.py(), compiled).map(Self)
    }

    /// Judges and compiles JSON text. Diagnostics have lines and columns.
    #[staticmethod]
    #[pyo3(signature = (text, *, guardrails=None, egress_ports=false, ipv6_ingress=false, limits=None))]
    fn from_json(
        text: &Bound<'_, PyAny>,
        guardrails: Option<&Bound<'_, PyAny>>,
        egress_ports: bool,
        ipv6_ingress: bool,
        limits: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = options(guardrails, egress_ports, ipv6_ingress, limits)?;
        let json = json_text(text)?;
        let compiled = text.py().detach(|| guarded(|| sandgate::Policy::from_json(&json, &options)))?;
        compiled.map(Self).map_err(|report| refused(text.py(), &report, Some(&json)))
    }

    /// Whether a client may reach a port of the sandbox. `None`, and text that is no address, is
    /// the unknown client, which every rule denies.
    #[pyo3(signature = (client, port))]
    fn allows_ingress(&self, client: &Bound<'_, PyAny>, port: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (client, port) = (self::client(client)?, self::port(port)?);
        guarded(|| self.0.allows_ingress(client, port))
    }

    /// The same, explained.
    #[pyo3(signature = (client, port))]
    fn decide_ingress(&self, client: &Bound<'_, PyAny>, port: &Bound<'_, PyAny>) -> PyResult<Decision> {
        let (client, port) = (self::client(client)?, self::port(port)?);
        guarded(|| self.0.decide_ingress(client, port).into())
    }

    /// The same, with everything that led to the answer and what would change it.
    #[pyo3(signature = (client, port))]
    fn explain_ingress<'py>(
        &self,
        client: &Bound<'py, PyAny>,
        port: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, client, port) = (client.py(), given_client(client)?, self::port(port)?);
        told(py, || self.0.explain_ingress(client, port))
    }

    /// Whether the sandbox may connect to this very address. It takes no host name: a name never
    /// makes it true.
    #[pyo3(signature = (address, port))]
    fn allows_egress(&self, address: &Bound<'_, PyAny>, port: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (address, port) = (self::address(address)?, self::port(port)?);
        guarded(|| self.0.allows_egress(address, port))
    }

    /// Whether the sandbox may connect, to the address or by name, and why. `host` is what stood
    /// in an HTTP Host header, `sni` the server name of TLS; at most one of them.
    #[pyo3(signature = (address, port, *, host=None, sni=None))]
    fn decide_egress(
        &self,
        address: &Bound<'_, PyAny>,
        port: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        sni: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let (address, port) = (self::address(address)?, self::port(port)?);
        let name = Name::new(host, sni)?;
        guarded(|| self.0.decide_egress(&Destination { address, port, host: name.host() }).into())
    }

    /// The same, with everything that led to the answer and what would change it.
    #[pyo3(signature = (address, port, *, host=None, sni=None))]
    fn explain_egress<'py>(
        &self,
        address: &Bound<'py, PyAny>,
        port: &Bound<'py, PyAny>,
        host: Option<&Bound<'py, PyAny>>,
        sni: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, address, port) = (address.py(), given_address(address)?, self::port(port)?);
        let name = Name::new(host, sni)?;
        told(py, || self.0.explain_egress(&Destination { address, port, host: name.host() }))
    }

    /// Whether a connection by name may go to this address that the name resolved to (E-8).
    #[pyo3(signature = (address))]
    fn allows_resolved(&self, address: &Bound<'_, PyAny>) -> PyResult<bool> {
        let address = self::address(address)?;
        guarded(|| !self.0.options().guardrails.always_denies(address))
    }

    /// Many questions at once: for a sequence a list, for an array an array, for another buffer a
    /// memoryview of `bool`.
    #[pyo3(signature = (clients, ports))]
    fn allows_ingress_many<'py>(
        &self,
        clients: &Bound<'py, PyAny>,
        ports: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        many::ask(clients, ports, client, |client, port| self.0.allows_ingress(client, port))
    }

    /// Many questions at once, about addresses: the same as `allows_egress` for each.
    #[pyo3(signature = (addresses, ports))]
    fn allows_egress_many<'py>(
        &self,
        addresses: &Bound<'py, PyAny>,
        ports: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let read = |value: &Bound<'_, PyAny>| address(value).map(Some);
        many::ask(addresses, ports, read, |address, port| {
            address.is_some_and(|address| self.0.allows_egress(address, port))
        })
    }

    /// The Host header that a request to this port of the sandbox carries, if it is masked (M-3).
    #[pyo3(signature = (port))]
    fn masked_host(&self, port: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
        let port = self::port(port)?;
        guarded(|| self.0.masked_host(port).map(|host| host.to_string()))
    }

    /// The host mask of the document.
    #[getter]
    fn host_mask(&self) -> Option<&str> {
        self.0.host_mask().map(sandgate::HostMask::as_str)
    }

    /// Whether requests reach the sandbox without its traffic access token.
    #[getter]
    fn allows_public_traffic(&self) -> bool {
        self.0.allows_public_traffic()
    }

    /// The document that compiles to this policy, as on the wire, every entry in canonical text.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0.config())
    }

    /// A hash of everything that decides, as 64 hexadecimal digits (H-3).
    #[getter]
    fn fingerprint(&self) -> String {
        self.0.fingerprint().to_string()
    }

    /// The text that the fingerprint is the SHA-256 of.
    #[getter]
    fn canonical_text(&self) -> String {
        self.0.canonical_text()
    }

    /// What the policy does and its lists do not show.
    #[getter]
    fn effects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let effects = self.0.effects();
        PyTuple::new(py, effects.into_iter().map(|effect| Effect::from(&effect)).collect::<Vec<_>>())
    }

    /// The operator's layer that the policy was compiled with.
    #[getter]
    fn guardrails(&self) -> Guardrails {
        Guardrails(self.0.options().guardrails.clone())
    }

    /// Whether egress entries may have ports.
    #[getter]
    fn egress_ports(&self) -> bool {
        self.0.options().capabilities.egress_ports
    }

    /// Whether ingress entries may be IPv6.
    #[getter]
    fn ipv6_ingress(&self) -> bool {
        self.0.options().capabilities.ipv6_ingress
    }

    /// The limits that the document was read within.
    #[getter]
    fn limits(&self) -> Limits {
        self.0.options().limits.into()
    }

    fn __repr__(&self) -> String {
        let mut text = String::from("<Policy");
        for list in List::ALL {
            let entries = self.0.entries(list);
            if entries.is_empty() {
                continue;
            }
            let shown: Vec<String> = entries.iter().take(SHOWN).map(ToString::to_string).collect();
            let _ = write!(text, " {list}=[{}", shown.join(", "));
            let _ = match entries.len().saturating_sub(SHOWN) {
                0 => write!(text, "]"),
                more => write!(text, ", and {more} more]"),
            };
        }
        if let Some(mask) = self.0.host_mask() {
            let _ = write!(text, " maskRequestHost={mask}");
        }
        text + ">"
    }

    /// What pydantic calls, if it is there, for a field of this type.
    #[classmethod]
    fn __get_pydantic_core_schema__<'py>(
        cls: &Bound<'py, PyType>,
        source: &Bound<'py, PyAny>,
        handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = cls.py().import("sandgate.pydantic")?.getattr("Options")?.call0()?;
        options.call_method1("__get_pydantic_core_schema__", (source, handler))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let saved = serde_json::to_string(&self.0).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok((py.import("sandgate._native")?.getattr("_restore_policy")?, (saved,)))
    }
}

/// The name that came with a connection, if one did, and where it stood.
struct Name<'v> {
    header: Option<Cow<'v, [u8]>>,
    sni: Option<Cow<'v, [u8]>>,
}

impl<'v> Name<'v> {
    fn new(host: Option<&'v Bound<'_, PyAny>>, sni: Option<&'v Bound<'_, PyAny>>) -> PyResult<Self> {
        if host.is_some() && sni.is_some() {
            return Err(PyTypeError::new_err("give host or sni, not both: they are read differently"));
        }
        let read = |what, value: Option<&'v Bound<'_, PyAny>>| value.map(|value| sent(what, value)).transpose();
        Ok(Self { header: read("host", host)?, sni: read("sni", sni)? })
    }

    fn host(&self) -> Option<Host<'_>> {
        self.header.as_deref().map(Host::Header).or(self.sni.as_deref().map(Host::Sni))
    }
}

/// Something that a policy does and its lists do not show.
#[pyclass(frozen, eq, hash, get_all, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Effect {
    /// The stable code, in kebab case.
    code: String,
    /// One sentence: what happens.
    message: String,
}

#[pymethods]
impl Effect {
    #[new]
    #[pyo3(signature = (code, message))]
    const fn new(code: String, message: String) -> Self {
        Self { code, message }
    }

    fn __repr__(&self) -> String {
        format!("<Effect {}: {}>", self.code, self.message)
    }

    fn __getnewargs__(&self) -> (&str, &str) {
        (&self.code, &self.message)
    }
}

impl From<&sandgate::Effect> for Effect {
    fn from(effect: &sandgate::Effect) -> Self {
        Self { code: effect.code().into(), message: effect.message().into() }
    }
}

/// So many entries of a list stand in the `repr` of a policy.
const SHOWN: usize = 6;

/// What pickle calls: judges and compiles what `__reduce__` saved.
#[pyfunction]
#[pyo3(name = "_restore_policy")]
pub(crate) fn restore(py: Python<'_>, saved: &str) -> PyResult<Policy> {
    let restored = py.detach(|| guarded(|| serde_json::from_str(saved)))?;
    restored.map(Policy).map_err(|error| PyValueError::new_err(error.to_string()))
}
