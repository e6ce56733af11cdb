//! Legacy documents as strict ones, where their meaning is certain.

use crate::{analysis::json, node::Value, options::options_and, policy::json_text, report::Report};
use napi::{Either, Result};
use napi_derive::napi;
use sandgate::{Form, HostBits, Object, Options, Repair, Repaired, Repairs, Unrepaired};
use serde::Serialize;

/// What is told of a document. It crosses as one JSON text, as an explanation does.
#[derive(Serialize)]
struct Answer {
    /// The text as far as it is repaired; nothing if it is as it was.
    text: Option<String>,
    repairs: Vec<Repair>,
    /// What is left.
    report: Report,
}

impl Answer {
    /// Nothing is done.
    const fn unchanged(report: Report) -> Self {
        Self { text: None, repairs: Vec::new(), report }
    }

    fn of(given: &str, how: Repairs, options: &Options) -> Self {
        let (text, repairs, report) = match sandgate::repair(given, how, options) {
            Ok(Repaired { text, repairs, .. }) => {
                let report = sandgate::check(&text, Form::Config, options);
                (text, repairs, report)
            }
            Err(Unrepaired { text, repairs, report, .. }) => (text, repairs, report),
        };
        let report = Report::new(&report, Some(&text));
        if repairs.is_empty() { Self::unchanged(report) } else { Self { text: Some(text), repairs, report } }
    }
}

/// What `repairJson` reads.
#[napi(catch_unwind)]
pub fn repair(
    #[napi(ts_arg_type = "unknown")] text: Value<'_>,
    #[napi(ts_arg_type = "unknown")] options: Value<'_>,
) -> Result<String> {
    let mut how = Repairs::default();
    let read = options_and(options, |name, field| {
        match (name, field) {
            ("hostBits", Object::Text(meaning)) if meaning == "network" => how.host_bits = Some(HostBits::Network),
            ("hostBits", Object::Text(meaning)) if meaning == "address" => how.host_bits = Some(HostBits::Address),
            ("minimize", Object::Bool(on)) => how.minimize = *on,
            ("hostBits", _) => return Err(options.type_error("hostBits is 'network' or 'address'")),
            ("minimize", _) => return Err(options.type_error("minimize is true or false")),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    json(&match read {
        Either::A(options) => match json_text(text, &options)? {
            Ok(text) => Answer::of(&text, how, &options),
            Err(report) => Answer::unchanged(Report::new(&report, None)),
        },
        Either::B(report) => Answer::unchanged(report),
    })
}
