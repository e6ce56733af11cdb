//! Questions and answers, as files and arguments write them and as they are printed.

use anstyle::{AnsiColor, Style};
use sandgate::{Decision, Destination, Host, Policy, Ruling, Verdict, parse_address};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// A question, as a line of a batch writes it.
#[derive(Debug, Deserialize)]
#[serde(tag = "direction", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Query {
    Ingress { client: Option<String>, port: u16 },
    Egress { address: String, port: u16, host: Option<String>, sni: Option<String> },
}

/// An answer, as `--format json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) verdict: Ruling,
    pub(crate) reason: &'static str,
    pub(crate) entry: Option<AnswerEntry>,
    pub(crate) name: Option<String>,
    pub(crate) masked_host: Option<String>,
    #[serde(skip)]
    pub(crate) summary: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerEntry {
    pub(crate) list: String,
    pub(crate) index: usize,
    pub(crate) text: String,
}

pub(crate) fn answer(policy: &Policy, query: &Query) -> Result<Answer, String> {
    match query {
        Query::Ingress { client, port } => {
            let decision = policy.decide_ingress(client.as_deref().and_then(parse_address), *port);
            let masked_host = policy.masked_host(*port).map(|host| host.to_string());
            Ok(Answer { masked_host, ..explain(&decision) })
        }
        Query::Egress { address, port, host, sni } => {
            let host = self::host(host.as_deref(), sni.as_deref())?;
            let address = parse_address(address).ok_or_else(|| no_address(address))?;
            Ok(explain(&policy.decide_egress(&Destination { address, port: *port, host })))
        }
    }
}

/// Why a question cannot be asked, or has an answer only because something is mistyped.
pub(crate) fn flaw(query: &Query) -> Option<String> {
    match query {
        Query::Ingress { client, .. } => {
            let mistyped = client.as_deref().filter(|client| parse_address(client).is_none())?;
            Some(format!("expected an address or null as the client, found `{}`", mistyped.escape_debug()))
        }
        Query::Egress { address, host, sni, .. } => match parse_address(address) {
            None => Some(no_address(address)),
            Some(_) => self::host(host.as_deref(), sni.as_deref()).err(),
        },
    }
}

/// The host name of a question, and where it was seen.
pub(crate) fn host<'q>(host: Option<&'q str>, sni: Option<&'q str>) -> Result<Option<Host<'q>>, String> {
    match (host, sni) {
        (Some(_), Some(_)) => Err("a query has a host or an sni, not both".into()),
        (Some(host), None) => Ok(Some(Host::Header(host.as_bytes()))),
        (None, Some(sni)) => Ok(Some(Host::Sni(sni.as_bytes()))),
        (None, None) => Ok(None),
    }
}

pub(crate) fn no_address(text: &str) -> String {
    format!("`{}` is not an address: without one there is no decision", text.escape_debug())
}

fn explain(decision: &Decision<'_>) -> Answer {
    let name = match decision.verdict() {
        Verdict::AllowByName(by_name) => Some(by_name.name().to_string()),
        Verdict::Allow | Verdict::Deny => None,
    };
    let entry = decision.entry().map(|entry| AnswerEntry {
        list: entry.list().to_string(),
        index: entry.index(),
        text: entry.entry().to_string(),
    });
    let reason = decision.reason();
    Answer {
        verdict: decision.verdict().ruling(),
        reason: reason.as_str(),
        entry,
        name,
        masked_host: None,
        summary: reason.summary(),
    }
}

pub(crate) fn describe(query: &Query) -> String {
    match query {
        Query::Ingress { client, port } => {
            let client = client.as_deref().unwrap_or("an unknown client").escape_debug();
            format!("ingress from {client} to port {port}")
        }
        Query::Egress { address, port, host, sni } => {
            let name = host.as_deref().or(sni.as_deref()).map(|name| format!(" for {}", name.escape_debug()));
            format!("egress to {address} port {port}{}", name.unwrap_or_default())
        }
    }
}

pub(crate) fn style(verdict: Ruling) -> Style {
    let color = match verdict {
        Ruling::Allow => AnsiColor::Green,
        Ruling::Deny => AnsiColor::Red,
        Ruling::AllowByName => AnsiColor::Cyan,
    };
    color.on_default().bold()
}

pub(crate) fn exit_code(verdict: Ruling) -> ExitCode {
    ExitCode::from(match verdict {
        Ruling::Allow => 0,
        Ruling::Deny => 1,
        Ruling::AllowByName => 3,
    })
}
