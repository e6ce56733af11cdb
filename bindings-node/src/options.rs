//! What the operator decides: guardrails, capabilities and limits.

use crate::{
    document,
    node::{Kind, Value},
    report::Report,
};
use napi::{Either, Result};
use sandgate::{Guardrails, Limits, Object, Options, Spelling};

/// The options, or what is wrong with the guardrails. Everything else that is wrong is thrown.
pub(crate) fn options(value: Value<'_>) -> Result<Either<Options, Report>> {
    options_and(value, |_, _| Ok(false))
}

/// The same beside options of one function, which takes what is its own and says whether it was.
pub(crate) fn options_and(
    value: Value<'_>,
    mut take: impl FnMut(&str, &Object) -> Result<bool>,
) -> Result<Either<Options, Report>> {
    let mut options = Options::default();
    let copied = match document::copy_options(value)? {
        Ok(copied) => copied,
        Err(report) => return Ok(Either::B(Report::new(&report, None))),
    };
    let fields = match copied {
        Object::Map(fields) => fields,
        // `undefined` is nothing that a document has.
        Object::Foreign if value.kind()? == Kind::Undefined => Vec::new(),
        _ => return Err(value.type_error("options are a plain object")),
    };
    for (name, field) in fields {
        if take(&name, &field)? {
            continue;
        }
        match (name.as_str(), field) {
            ("egressPorts", Object::Bool(on)) => options.capabilities.egress_ports = on,
            ("ipv6Ingress", Object::Bool(on)) => options.capabilities.ipv6_ingress = on,
            ("guardrails", Object::Text(text)) if text == "none" => options.guardrails = Guardrails::none(),
            ("guardrails", document @ Object::Map(_)) => match guardrails(&document) {
                Ok(guardrails) => options.guardrails = guardrails,
                Err(report) => return Ok(Either::B(report)),
            },
            ("limits", Object::Map(limits)) => {
                for (name, limit) in limits {
                    let Object::Number(Some(limit)) = limit else {
                        return Err(value.type_error(&format!("limits.{name} is a whole number")));
                    };
                    let Some(place) = limit_named(&mut options.limits, &name) else {
                        return Err(value.type_error(&format!("there is no limit `{name}`")));
                    };
                    *place = usize::try_from(limit).unwrap_or(usize::MAX);
                }
            }
            ("egressPorts" | "ipv6Ingress", _) => {
                return Err(value.type_error(&format!("{name} is true or false")));
            }
            ("guardrails", _) => return Err(value.type_error("guardrails are a plain object, or 'none'")),
            ("limits", _) => return Err(value.type_error("limits are a plain object")),
            _ => return Err(value.type_error(&format!("there is no option `{name}`"))),
        }
    }
    Ok(Either::A(options))
}

pub(crate) fn guardrails(document: &Object) -> std::result::Result<Guardrails, Report> {
    match Guardrails::from_objects(document, Spelling::Wire) {
        Ok(read) => read.map_err(|report| Report::new(&report, None)),
        // A copy can always be read; if it cannot, it is refused all the same.
        Err(_) => Err(Report::new(&sandgate::check("", sandgate::Form::Config, &Options::default()), None)),
    }
}

fn limit_named<'l>(limits: &'l mut Limits, name: &str) -> Option<&'l mut usize> {
    match name {
        "documentBytes" => Some(&mut limits.document_bytes),
        "entriesPerList" => Some(&mut limits.entries_per_list),
        "entryBytes" => Some(&mut limits.entry_bytes),
        "diagnostics" => Some(&mut limits.diagnostics),
        _ => None,
    }
}
