//! The client address behind proxies (section 8).

use crate::{address, guard::guarded, report::refused};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyString,
};
use sandgate::{Network, Report};
use std::num::NonZeroUsize;

/// How the client address is derived. There is no default: trust has to be chosen.
#[pyclass(frozen, eq, hash, module = "sandgate")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(sandgate::ClientAddress);

/// Hops and proxies; none of either is the peer.
type Saved = (usize, Option<Vec<String>>);

#[pymethods]
impl ClientAddress {
    /// The peer address of the connection (C-2).
    #[staticmethod]
    fn peer() -> Self {
        Self(sandgate::ClientAddress::Peer)
    }

    /// The entry with exactly `hops` entries to its right (C-3). If `proxies` is given, a peer
    /// outside these networks is the client itself.
    #[staticmethod]
    #[pyo3(signature = (hops, *, proxies=None))]
    fn trusted_hops(py: Python<'_>, hops: &Bound<'_, PyAny>, proxies: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let hops = NonZeroUsize::new(address::count("trusted hops", hops)?).ok_or_else(|| {
            PyValueError::new_err("trusted hops are at least 1; without proxies, use ClientAddress.peer()")
        })?;
        let proxies = proxies.map(|proxies| networks(py, proxies)).transpose()?;
        Ok(Self(sandgate::ClientAddress::TrustedHops { hops, proxies }))
    }

    /// The first entry from the right that lies outside these networks (C-4).
    #[staticmethod]
    fn trusted_proxies(py: Python<'_>, proxies: &Bound<'_, PyAny>) -> PyResult<Self> {
        networks(py, proxies).map(|proxies| Self(sandgate::ClientAddress::TrustedProxies(proxies)))
    }

    /// The client of a connection from `peer` with these `X-Forwarded-For` lines, in the order
    /// they were received. `None` is the unknown client, which a peer of unknown address has.
    #[pyo3(signature = (peer, forwarded_for=None))]
    fn derive(&self, peer: &Bound<'_, PyAny>, forwarded_for: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
        let peer = address::client(peer)?;
        let lines = forwarded_for.map(|lines| address::lines("forwarded_for", lines)).transpose()?.unwrap_or_default();
        let lines = address::all_sent("forwarded_for", &lines)?;
        guarded(|| peer.and_then(|peer| self.0.derive(peer, &lines)).map(|client| client.to_string()))
    }

    fn __repr__(&self) -> String {
        let texts =
            |networks: &[Network]| format!("{:?}", networks.iter().map(ToString::to_string).collect::<Vec<_>>());
        match &self.0 {
            sandgate::ClientAddress::Peer => "ClientAddress.peer()".into(),
            sandgate::ClientAddress::TrustedHops { hops, proxies: None } => {
                format!("ClientAddress.trusted_hops({hops})")
            }
            sandgate::ClientAddress::TrustedHops { hops, proxies: Some(proxies) } => {
                format!("ClientAddress.trusted_hops({hops}, proxies={})", texts(proxies))
            }
            sandgate::ClientAddress::TrustedProxies(proxies) => {
                format!("ClientAddress.trusted_proxies({})", texts(proxies))
            }
        }
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Saved)> {
        let texts = |networks: &Vec<Network>| networks.iter().map(ToString::to_string).collect();
        let parts = match &self.0 {
            sandgate::ClientAddress::Peer => (0, None),
            sandgate::ClientAddress::TrustedHops { hops, proxies } => (hops.get(), proxies.as_ref().map(texts)),
            sandgate::ClientAddress::TrustedProxies(proxies) => (0, Some(texts(proxies))),
        };
        Ok((py.import("sandgate._native")?.getattr("_restore_client_address")?, parts))
    }
}

/// What pickle calls: no hops and no proxies are the peer.
#[pyfunction]
#[pyo3(name = "_restore_client_address")]
pub(crate) fn restore_client_address(
    py: Python<'_>,
    hops: &Bound<'_, PyAny>,
    proxies: Option<&Bound<'_, PyAny>>,
) -> PyResult<ClientAddress> {
    match (address::count("trusted hops", hops)?, proxies) {
        (0, None) => Ok(ClientAddress::peer()),
        (0, Some(proxies)) => ClientAddress::trusted_proxies(py, proxies),
        (_, proxies) => ClientAddress::trusted_hops(py, hops, proxies),
    }
}

fn networks(py: Python<'_>, texts: &Bound<'_, PyAny>) -> PyResult<Vec<Network>> {
    if texts.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("trusted proxies are a sequence of networks, not one str"));
    }
    address::sized(texts, |_, text| {
        let Ok(text) = text.cast::<PyString>() else {
            let name = text.get_type().name()?;
            return Err(PyTypeError::new_err(format!("a trusted proxy is a str, not {name}")));
        };
        // What is no Unicode becomes a character that no network holds.
        let text = text.to_string_lossy();
        guarded(|| text.parse())?.map_err(|error| refused(py, &Report::of(error), None))
    })
}

/// What the node makes of the values of the internal header on an authenticated connection from
/// the edge: the one address, or the unknown client (C-6).
#[pyfunction]
pub(crate) fn from_internal_header(values: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let values = address::lines("values", values)?;
    let values = address::all_sent("values", &values)?;
    guarded(|| sandgate::from_internal_header(&values).map(|client| client.to_string()))
}
