//! The compiled policy: everything but single questions, which `ask.rs` makes quick.

use crate::{
    arguments::{self, address, client, port},
    ask::{Ask, Question},
    document,
    node::{Kind, Numbers, Value},
    options::options,
    report::Report,
};
use napi::{Either, Error, Result, bindgen_prelude::Uint8Array};
use napi_derive::napi;
use sandgate::{Form, Options, Policy, Room, Spelling};
use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A policy of the core.
#[napi]
#[derive(Debug)]
pub struct Compiled(pub(crate) Policy);

/// Judges and compiles a document of objects.
#[napi(catch_unwind)]
pub fn compile(
    #[napi(ts_arg_type = "unknown")] document: Value<'_>,
    #[napi(ts_arg_type = "unknown")] options: Value<'_>,
) -> Result<Either<Compiled, Report>> {
    let options = match self::options(options)? {
        Either::A(options) => options,
        Either::B(report) => return Ok(Either::B(report)),
    };
    Ok(match document::copy(document, options.limits)? {
        Ok(copy) => compiled(Policy::from_objects(&copy, Spelling::Wire, &options).map_err(unread)?, None),
        Err(report) => Either::B(Report::new(&report, None)),
    })
}

/// Judges and compiles JSON text.
#[napi(catch_unwind)]
pub fn compile_json(
    #[napi(ts_arg_type = "unknown")] text: Value<'_>,
    #[napi(ts_arg_type = "unknown")] options: Value<'_>,
) -> Result<Either<Compiled, Report>> {
    let options = match self::options(options)? {
        Either::A(options) => options,
        Either::B(report) => return Ok(Either::B(report)),
    };
    Ok(match json_text(text, &options)? {
        Ok(text) => compiled(Policy::from_json(&text, &options), Some(&text)),
        Err(report) => Either::B(Report::new(&report, None)),
    })
}

fn compiled(policy: std::result::Result<Policy, sandgate::Report>, text: Option<&str>) -> Either<Compiled, Report> {
    match policy {
        Ok(policy) => Either::A(Compiled(policy)),
        Err(report) => Either::B(Report::new(&report, text)),
    }
}

/// Copies of objects can always be read; if one cannot, nothing is decided with it.
fn unread(error: impl Display) -> Error {
    Error::from_reason(format!("the document could not be read: {error}"))
}

/// Judges a document of objects.
#[napi(catch_unwind)]
pub fn check_objects(
    #[napi(ts_arg_type = "unknown")] document: Value<'_>,
    update: bool,
    #[napi(ts_arg_type = "unknown")] options: Value<'_>,
) -> Result<Report> {
    match self::options(options)? {
        Either::A(options) => {
            let report = match document::copy(document, options.limits)? {
                Ok(copy) => sandgate::check_objects(&copy, form(update), Spelling::Wire, &options).map_err(unread)?,
                Err(report) => report,
            };
            Ok(Report::new(&report, None))
        }
        Either::B(report) => Ok(report),
    }
}

/// Judges a document in JSON text.
#[napi(catch_unwind)]
pub fn check_text(
    #[napi(ts_arg_type = "unknown")] text: Value<'_>,
    update: bool,
    #[napi(ts_arg_type = "unknown")] options: Value<'_>,
) -> Result<Report> {
    match self::options(options)? {
        Either::A(options) => Ok(match json_text(text, &options)? {
            Ok(text) => Report::new(&sandgate::check(&text, form(update), &options), Some(&text)),
            Err(report) => Report::new(&report, None),
        }),
        Either::B(report) => Ok(report),
    }
}

/// JSON text, or the report that it is too large to be copied.
pub(crate) fn json_text(value: Value<'_>, options: &Options) -> Result<std::result::Result<String, sandgate::Report>> {
    if value.kind()? == Kind::Text
        && let Err(report) = Room::new(options.limits).text(value.text_len()?)
    {
        return Ok(Err(report));
    }
    arguments::text("JSON text", value).map(Ok)
}

const fn form(update: bool) -> Form {
    if update { Form::Update } else { Form::Config }
}

/// Judges and compiles what `save` gave.
#[napi(catch_unwind)]
pub fn restore(#[napi(ts_arg_type = "unknown")] saved: Value<'_>) -> Result<Compiled> {
    let text = arguments::text("a saved policy", saved)?;
    serde_json::from_str(&text).map(Compiled).map_err(|error| Error::from_reason(error.to_string()))
}

#[napi]
impl Compiled {
    /// The function that `allowsIngress` calls.
    #[napi(catch_unwind, ts_return_type = "(client: string | null | undefined, port: number) => boolean")]
    pub fn ingress(&self) -> Ask {
        Ask { policy: self.0.clone(), question: Question::Ingress }
    }

    /// The function that `allowsEgress` calls.
    #[napi(catch_unwind, ts_return_type = "(address: string, port: number) => boolean")]
    pub fn egress(&self) -> Ask {
        Ask { policy: self.0.clone(), question: Question::Egress }
    }

    /// What `decideIngress` calls; the decision as one text.
    #[napi(catch_unwind, ts_return_type = "(client: string | null | undefined, port: number) => string")]
    pub fn ingress_explained(&self) -> Ask {
        Ask { policy: self.0.clone(), question: Question::IngressExplained }
    }

    /// What `decideEgress` calls; the decision as one text.
    #[napi(
        catch_unwind,
        ts_return_type = "(address: string, port: number, host?: string | null, sni?: string | null) => string"
    )]
    pub fn egress_explained(&self) -> Ask {
        Ask { policy: self.0.clone(), question: Question::EgressExplained }
    }

    #[napi(catch_unwind)]
    pub fn allows_resolved(&self, #[napi(ts_arg_type = "unknown")] address: Value<'_>) -> Result<bool> {
        Ok(!self.0.options().guardrails.always_denies(self::address(address)?))
    }

    #[napi(catch_unwind)]
    pub fn allows_ingress_many(
        &self,
        #[napi(ts_arg_type = "unknown")] clients: Value<'_>,
        #[napi(ts_arg_type = "unknown")] ports: Value<'_>,
    ) -> Result<Uint8Array> {
        many(clients, ports, client, |client, port| self.0.allows_ingress(client, port))
    }

    #[napi(catch_unwind)]
    pub fn allows_egress_many(
        &self,
        #[napi(ts_arg_type = "unknown")] addresses: Value<'_>,
        #[napi(ts_arg_type = "unknown")] ports: Value<'_>,
    ) -> Result<Uint8Array> {
        let read = |value: Value<'_>| address(value).map(Some);
        many(addresses, ports, read, |address, port| address.is_some_and(|address| self.0.allows_egress(address, port)))
    }

    #[napi(catch_unwind)]
    pub fn masked_host(&self, #[napi(ts_arg_type = "unknown")] port: Value<'_>) -> Result<Option<String>> {
        Ok(self.0.masked_host(self::port(port)?).map(|host| host.to_string()))
    }

    /// The document and the options as JSON text.
    #[napi(catch_unwind)]
    pub fn save(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(|error| Error::from_reason(error.to_string()))
    }

    #[napi(catch_unwind)]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint().to_string()
    }

    #[napi(catch_unwind)]
    pub fn canonical_text(&self) -> String {
        self.0.canonical_text()
    }

    /// Code and message of each effect.
    #[napi(catch_unwind)]
    pub fn effects(&self) -> Vec<Vec<String>> {
        let effects = self.0.effects();
        effects.iter().map(|effect| vec![effect.code().to_owned(), effect.message().to_owned()]).collect()
    }

    #[napi(catch_unwind)]
    pub fn equals(&self, other: &Compiled) -> bool {
        self.0 == other.0
    }
}

/// Many questions: IPv4 addresses as numbers, IPv6 addresses as 16 bytes each, or strings; ports
/// as one number or as many. The answers are 0 or 1.
fn many<'call>(
    addresses: Value<'call>,
    ports: Value<'call>,
    read: impl Fn(Value<'call>) -> Result<Option<IpAddr>>,
    question: impl Fn(Option<IpAddr>, u16) -> bool,
) -> Result<Uint8Array> {
    let ports_of = Ports::new(ports)?;
    let answers = match addresses.numbers()? {
        Some(Numbers::U32(values)) => {
            ports_of.ask(ports, values.iter().map(|value| Some(Ipv4Addr::from_bits(*value).into())), question)
        }
        Some(Numbers::U8(bytes)) if bytes.len().is_multiple_of(16) => {
            let (values, _) = bytes.as_chunks::<16>();
            let address = |bytes: &[u8; 16]| Some(IpAddr::V6(Ipv6Addr::from(*bytes)).to_canonical());
            ports_of.ask(ports, values.iter().map(address), question)
        }
        None if addresses.is_array()? => ports_of.ask(ports, arguments::each(addresses, read)?.into_iter(), question),
        _ => {
            let message =
                "addresses are an array of strings, a Uint32Array of IPv4 addresses, or a Uint8Array of 16 bytes each";
            return Err(addresses.type_error(message));
        }
    };
    answers.map(Uint8Array::new)
}

enum Ports {
    One(u16),
    Many(Vec<u16>),
}

impl Ports {
    fn new(ports: Value<'_>) -> Result<Self> {
        if ports.number().is_some() {
            return port(ports).map(Self::One);
        }
        match ports.numbers()? {
            Some(Numbers::U16(ports)) => Ok(Self::Many(ports)),
            _ => Err(ports.type_error("ports are a number or a Uint16Array")),
        }
    }

    fn ask(
        self,
        value: Value<'_>,
        addresses: impl ExactSizeIterator<Item = Option<IpAddr>>,
        question: impl Fn(Option<IpAddr>, u16) -> bool,
    ) -> Result<Vec<u8>> {
        match self {
            Self::One(port) => Ok(addresses.map(|address| u8::from(question(address, port))).collect()),
            Self::Many(ports) if ports.len() != addresses.len() => {
                let message = format!("there are {} addresses and {} ports", addresses.len(), ports.len());
                Err(value.range_error(&message))
            }
            Self::Many(ports) => {
                Ok(addresses.zip(ports).map(|(address, port)| u8::from(question(address, port))).collect())
            }
        }
    }
}
