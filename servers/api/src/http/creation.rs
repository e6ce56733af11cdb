//! The document that creates a sandbox: `{"network": {...}}`, or nothing at all.
//!
//! What stands under `network` is not looked at here: the core reads it.

use super::problem::{ApiError, Finding};
use sandgate::{Code, NetworkConfig, Options, Policy};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Where the network configuration stands.
const NETWORK: &str = "/network";

/// The network configuration of a sandbox that is to be created.
pub(super) fn network(text: &str, options: &Options) -> Result<NetworkConfig, ApiError> {
    if text.is_empty() {
        return Ok(NetworkConfig::default());
    }
    let Members(members) = serde_json::from_str(text).map_err(|error| {
        let code = if error.is_data() { Code::WrongType } else { Code::InvalidJson };
        ApiError::Findings(vec![Finding::new(code, "", &error)], 0)
    })?;
    let (mut network, mut findings) = (None, Vec::new());
    for (name, value) in &members {
        let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        if *name != "network" {
            findings.push(Finding::new(Code::UnknownField, &path, &"the only field is `network`"));
        } else if network.is_some() {
            findings.push(Finding::new(Code::DuplicateField, &path, &"`network` is given twice"));
        } else {
            network = Some(value.get());
        }
        if findings.len() == options.limits.diagnostics {
            break;
        }
    }
    let config = match network.filter(|text| *text != "null") {
        Some(text) => judged(text, options),
        None => Ok(NetworkConfig::default()),
    };
    match config {
        Ok(config) if findings.is_empty() => Ok(config),
        Ok(_) => Err(ApiError::Findings(findings, 0)),
        Err(report) => {
            findings.extend(report.diagnostics().iter().map(|diagnostic| Finding::of(diagnostic, NETWORK)));
            Err(ApiError::Findings(findings, report.more()))
        }
    }
}

/// Every problem at once: of the shape, of the entries and of what must hold across them.
fn judged(text: &str, options: &Options) -> Result<NetworkConfig, sandgate::Report> {
    Policy::from_json(text, options)?;
    NetworkConfig::from_json(text)
}

/// The members of an object in their order, their values as text.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                    // More is a mistake that one finding tells as well as a million.
                    if members.len() > 100 {
                        return Err(A::Error::custom("the object has more than 100 fields"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
