//! What is asked of the node, read once, and why it can be refused.

use crate::sandbox::Failure;
use sandgate::Report;
use sandgate_contract::node::{CreateRequest, DeleteRequest, Egress, Ingress, UpdateRequest};
use std::{io, time::SystemTime};
use thiserror::Error;
use tonic::{Code, Status};

/// A sandbox that is to run.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) id: Name,
    pub(crate) generation: u64,
    pub(crate) fingerprint: String,
    pub(crate) egress: Egress,
    pub(crate) ingress: Ingress,
    pub(crate) allow_public_traffic: bool,
    pub(crate) traffic_access_token: String,
    pub(crate) end_time: Option<SystemTime>,
}

/// A change of a sandbox that runs. What is absent stays as it is.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) id: Name,
    pub(crate) generation: u64,
    pub(crate) fingerprint: String,
    pub(crate) end_time: Option<SystemTime>,
    pub(crate) egress: Option<Egress>,
    pub(crate) ingress: Option<Ingress>,
}

/// A sandbox that is to stop, unless it runs a newer generation.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) id: Name,
    pub(crate) generation: u64,
}

/// The name of a sandbox: 1 to 57 lower-case letters, digits and `-`, without `-` at the ends.
/// With a port and a hyphen in front it is a label of a host name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(String);

/// A label has 63 bytes, and `65535-` has six of them.
const NAME_LEN: usize = 57;

impl Name {
    pub(crate) fn new(text: String) -> Result<Self, Refusal> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=NAME_LEN).contains(&text.len())
            && text.bytes().all(is_plain)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_name { Ok(Self(text)) } else { Err(Refusal::Name) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<CreateRequest> for Wanted {
    type Error = Refusal;

    fn try_from(request: CreateRequest) -> Result<Self, Refusal> {
        // Silence would allow everything: `allow_internet_access` has no default in the contract.
        let egress = request.egress.ok_or(Refusal::Incomplete("egress"))?;
        let ingress = request.ingress.ok_or(Refusal::Incomplete("ingress"))?;
        if !request.allow_public_traffic && request.traffic_access_token.is_empty() {
            return Err(Refusal::Incomplete("traffic_access_token"));
        }
        Ok(Self {
            id: Name::new(request.sandbox)?,
            generation: generation(request.generation)?,
            fingerprint: request.fingerprint,
            egress,
            ingress,
            allow_public_traffic: request.allow_public_traffic,
            traffic_access_token: request.traffic_access_token,
            end_time: end_time(request.end_time)?,
        })
    }
}

impl TryFrom<UpdateRequest> for Change {
    type Error = Refusal;

    fn try_from(request: UpdateRequest) -> Result<Self, Refusal> {
        Ok(Self {
            id: Name::new(request.sandbox)?,
            generation: generation(request.generation)?,
            fingerprint: request.fingerprint,
            end_time: end_time(request.end_time)?,
            egress: request.egress,
            ingress: request.ingress,
        })
    }
}

impl TryFrom<DeleteRequest> for Stop {
    type Error = Refusal;

    fn try_from(request: DeleteRequest) -> Result<Self, Refusal> {
        Ok(Self { id: Name::new(request.sandbox)?, generation: generation(request.generation)? })
    }
}

fn generation(number: u64) -> Result<u64, Refusal> {
    if number == 0 { Err(Refusal::Incomplete("generation")) } else { Ok(number) }
}

fn end_time(time: Option<prost_types::Timestamp>) -> Result<Option<SystemTime>, Refusal> {
    time.map(SystemTime::try_from).transpose().map_err(|_| Refusal::Time)
}

/// Why the node does not do what is asked. Nothing has changed then.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("a sandbox name is 1 to 57 lower-case letters, digits and `-`, and neither begins nor ends with `-`")]
    Name,
    #[error("`{0}` is missing")]
    Incomplete(&'static str),
    #[error("the end time is no time")]
    Time,
    #[error("{0}")]
    Policy(Report),
    #[error("the policy compiles to {here} here, not to {there}: guardrails, capabilities or limits differ")]
    Fingerprint { here: String, there: String },
    #[error("no such sandbox runs here")]
    NotFound,
    #[error("the sandbox runs generation {runs} already")]
    Exists { runs: u64 },
    #[error("generation {asked} is not newer than {runs}, which runs")]
    NotNewer { asked: u64, runs: u64 },
    #[error("there is no room for another sandbox")]
    Full,
    #[error("the kernel was not brought to do it: {0}")]
    Kernel(#[from] Failure),
    #[error("it could not be written down: {0}")]
    Record(#[from] io::Error),
    #[error("the work was not finished")]
    Unfinished,
}

impl From<Refusal> for Status {
    /// `FAILED_PRECONDITION` is always the fingerprint, and `ABORTED` always the generation.
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Name | Refusal::Incomplete(_) | Refusal::Time | Refusal::Policy(_) => Code::InvalidArgument,
            Refusal::Fingerprint { .. } => Code::FailedPrecondition,
            Refusal::NotFound => Code::NotFound,
            Refusal::Exists { .. } => Code::AlreadyExists,
            Refusal::NotNewer { .. } => Code::Aborted,
            Refusal::Full => Code::ResourceExhausted,
            Refusal::Kernel(_) | Refusal::Record(_) | Refusal::Unfinished => Code::Internal,
        };
        Self::new(code, refusal.to_string())
    }
}
