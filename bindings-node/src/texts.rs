//! Single texts and plain documents: entries, masks, guardrails, updates, clients, schemas.

#![expect(clippy::panic, reason = "one function panics because its test asks for it")]

use crate::{
    arguments::{self, client, port},
    document,
    node::{Kind, Value},
    options::guardrails,
    report::Report,
};
use napi::{Either, Error, Result};
use napi_derive::napi;
use sandgate::{Entry, HostMask, Limits, Network, NetworkConfig, NetworkUpdate, Object, ParseError, Spelling};
use std::num::NonZeroUsize;

fn refused(error: ParseError) -> Report {
    Report::new(&sandgate::Report::of(error), None)
}

/// The canonical text of an entry of `allowOut`, which takes every kind of entry.
#[napi(catch_unwind)]
pub fn canonical_entry(#[napi(ts_arg_type = "unknown")] entry: Value<'_>) -> Result<Either<String, Report>> {
    Ok(match arguments::text("an entry", entry)?.parse::<Entry>() {
        Ok(entry) => Either::A(entry.to_string()),
        Err(error) => Either::B(refused(error)),
    })
}

/// A mask with the port filled in.
#[napi(catch_unwind)]
pub fn masked_host(
    #[napi(ts_arg_type = "unknown")] mask: Value<'_>,
    #[napi(ts_arg_type = "unknown")] port: Value<'_>,
) -> Result<Either<String, Report>> {
    let port = self::port(port)?;
    Ok(match arguments::text("a mask", mask)?.parse::<HostMask>() {
        Ok(mask) => Either::A(mask.masked(port).to_string()),
        Err(error) => Either::B(refused(error)),
    })
}

/// What is wrong with a guardrails document, if anything is.
#[napi(catch_unwind)]
pub fn check_guardrails(#[napi(ts_arg_type = "unknown")] document: Value<'_>) -> Result<Option<Report>> {
    Ok(match document::copy(document, Limits::default())? {
        Ok(copy) => guardrails(&copy).err(),
        Err(report) => Some(Report::new(&report, None)),
    })
}

/// The configuration after an update (D-4), as JSON text.
#[napi(catch_unwind)]
pub fn apply_update(
    #[napi(ts_arg_type = "unknown")] config: Value<'_>,
    #[napi(ts_arg_type = "unknown")] update: Value<'_>,
) -> Result<Either<String, Report>> {
    let unread = |error: serde_json::Error| Error::from_reason(error.to_string());
    let (config, update) = (document::copy(config, Limits::default())?, document::copy(update, Limits::default())?);
    let parts = read(config, read_config).and_then(|config| Ok((config, read(update, read_update)?)));
    Ok(match parts {
        Ok((config, update)) => Either::A(serde_json::to_string(&config.replaced_by(&update)).map_err(unread)?),
        Err(report) => Either::B(report),
    })
}

fn read<T>(
    copied: std::result::Result<Object, sandgate::Report>,
    read: impl FnOnce(&Object) -> std::result::Result<T, Report>,
) -> std::result::Result<T, Report> {
    read(&copied.map_err(|report| Report::new(&report, None))?)
}

fn read_config(document: &Object) -> std::result::Result<NetworkConfig, Report> {
    taken(NetworkConfig::from_objects(document, Spelling::Wire))
}

fn read_update(document: &Object) -> std::result::Result<NetworkUpdate, Report> {
    taken(NetworkUpdate::from_objects(document, Spelling::Wire))
}

fn taken<T, E: std::fmt::Display>(
    read: std::result::Result<std::result::Result<T, sandgate::Report>, E>,
) -> std::result::Result<T, Report> {
    match read {
        Ok(read) => read.map_err(|report| Report::new(&report, None)),
        // A copy can always be read; if it cannot, it is refused all the same.
        Err(_) => Err(Report::new(&sandgate::check("", sandgate::Form::Config, &sandgate::Options::default()), None)),
    }
}

fn read_networks(texts: &[String]) -> std::result::Result<Vec<Network>, ParseError> {
    texts.iter().map(|text| text.parse()).collect()
}

/// How the client address is derived.
#[napi]
#[derive(Debug)]
pub struct ClientMode(sandgate::ClientAddress);

/// The three modes: no hops and no proxies are the peer.
#[napi(catch_unwind)]
pub fn client_mode(
    #[napi(ts_arg_type = "unknown")] hops: Value<'_>,
    #[napi(ts_arg_type = "unknown")] proxies: Value<'_>,
) -> Result<Either<ClientMode, Report>> {
    let networks = match proxies.kind()? {
        Kind::Undefined => None,
        _ => match read_networks(&arguments::texts("trusted proxies", proxies)?) {
            Ok(networks) => Some(networks),
            Err(error) => return Ok(Either::B(refused(error))),
        },
    };
    let hops = match hops.kind()? {
        Kind::Undefined => None,
        _ => match document::copy(hops, Limits::default())? {
            Ok(Object::Number(Some(count))) => NonZeroUsize::new(usize::try_from(count).unwrap_or(usize::MAX)),
            _ => None,
        }
        .map_or_else(|| Err(hops.type_error("trusted hops are a whole number, 1 or more")), |hops| Ok(Some(hops)))?,
    };
    Ok(Either::A(ClientMode(match (hops, networks) {
        (None, None) => sandgate::ClientAddress::Peer,
        (Some(hops), proxies) => sandgate::ClientAddress::TrustedHops { hops, proxies },
        (None, Some(proxies)) => sandgate::ClientAddress::TrustedProxies(proxies),
    })))
}

#[napi]
impl ClientMode {
    /// The client of a connection from a peer with these header lines. A peer whose address is
    /// unknown has an unknown client.
    #[napi(catch_unwind)]
    pub fn derive(
        &self,
        #[napi(ts_arg_type = "unknown")] peer: Value<'_>,
        #[napi(ts_arg_type = "unknown")] lines: Value<'_>,
    ) -> Result<Option<String>> {
        let peer = client(peer)?;
        let lines = arguments::texts("X-Forwarded-For", lines)?;
        Ok(peer.and_then(|peer| self.0.derive(peer, &lines)).map(|client| client.to_string()))
    }
}

/// The client in the values of the internal header (C-6).
#[napi(catch_unwind)]
pub fn from_internal_header(#[napi(ts_arg_type = "unknown")] values: Value<'_>) -> Result<Option<String>> {
    let values = arguments::texts("the values of the header", values)?;
    Ok(sandgate::from_internal_header(&values).map(|client| client.to_string()))
}

/// The two JSON Schemas, as JSON text.
#[napi(catch_unwind)]
pub fn schemas() -> Result<Vec<String>> {
    let schemas = [sandgate::schema::network_config(), sandgate::schema::network_update()];
    let text = |schema| serde_json::to_string(schema).map_err(|error| Error::from_reason(error.to_string()));
    schemas.iter().map(text).collect()
}

/// The name of the header that carries the client address from edge to node (C-6).
#[napi]
pub const INTERNAL_HEADER: &str = sandgate::INTERNAL_HEADER;

/// All traffic: the entry `0.0.0.0/0`. In a deny list it also means every IPv6 address.
#[napi]
pub const ALL_TRAFFIC: &str = sandgate::ALL_TRAFFIC;

/// Panics as the core would. For the tests of this package.
#[napi(catch_unwind, js_name = "_provokePanic")]
pub fn provoke_panic() {
    panic!("provoked");
}
