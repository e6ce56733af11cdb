//! Why a policy answers as it does, and what two policies do differently.
//!
//! An answer is a tree of many values, each of which costs as much to cross as a decision. It
//! crosses as one JSON text, in the form that the command prints, and the package reads it.

use crate::{
    arguments::{client, port, with_destination},
    node::Value,
    policy::Compiled,
};
use napi::{Error, Result};
use napi_derive::napi;
use serde::Serialize;

#[napi]
impl Compiled {
    /// What `explainIngress` reads.
    #[napi(catch_unwind)]
    pub fn explain_ingress(
        &self,
        #[napi(ts_arg_type = "unknown")] client: Value<'_>,
        #[napi(ts_arg_type = "unknown")] port: Value<'_>,
    ) -> Result<String> {
        json(&self.0.explain_ingress(self::client(client)?, self::port(port)?))
    }

    /// What `explainEgress` reads.
    #[napi(catch_unwind)]
    pub fn explain_egress(
        &self,
        #[napi(ts_arg_type = "unknown")] address: Value<'_>,
        #[napi(ts_arg_type = "unknown")] port: Value<'_>,
        #[napi(ts_arg_type = "unknown")] host: Value<'_>,
        #[napi(ts_arg_type = "unknown")] sni: Value<'_>,
    ) -> Result<String> {
        let explained = with_destination([address, port, host, sni], |destination| self.0.explain_egress(destination))?;
        json(&explained)
    }
}

/// What `diff` reads.
#[napi(catch_unwind)]
pub fn diff(before: &Compiled, after: &Compiled) -> Result<String> {
    json(&sandgate::diff(&before.0, &after.0))
}

/// What `widening` reads.
#[napi(catch_unwind)]
pub fn widening(before: &Compiled, after: &Compiled) -> Result<String> {
    json(&sandgate::tightens(&before.0, &after.0).err().unwrap_or_default())
}

#[napi(catch_unwind)]
pub fn tightens(before: &Compiled, after: &Compiled) -> bool {
    sandgate::tightens(&before.0, &after.0).is_ok()
}

#[napi(catch_unwind)]
pub fn equivalent(one: &Compiled, other: &Compiled) -> bool {
    sandgate::equivalent(&one.0, &other.0).is_ok()
}

/// What crosses.
pub(crate) fn json(answer: &impl Serialize) -> Result<String> {
    serde_json::to_string(answer).map_err(|error| Error::from_reason(error.to_string()))
}
