//! `sandgate decide`: what a policy does with traffic, and why.

use crate::{
    args::{Decide, Format},
    input::{self, Failure},
};
use anstyle::{AnsiColor, Style};
use sandgate::{Decision, Destination, Host, Policy, Ruling, Verdict, parse_address};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::ExitCode,
};

/// A question, as a line of a batch writes it.
#[derive(Debug, Deserialize)]
#[serde(tag = "direction", rename_all = "lowercase", deny_unknown_fields)]
enum Query {
    Ingress { client: Option<String>, port: u16 },
    Egress { address: String, port: u16, host: Option<String>, sni: Option<String> },
}

/// An answer, as `--format json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    verdict: Ruling,
    reason: &'static str,
    entry: Option<AnswerEntry>,
    name: Option<String>,
    masked_host: Option<String>,
    #[serde(skip)]
    summary: &'static str,
}

#[derive(Debug, Serialize)]
struct AnswerEntry {
    list: &'static str,
    index: usize,
    text: String,
}

/// A line of a batch that could not be answered.
#[derive(Debug, Serialize)]
struct NoAnswer {
    error: NoAnswerError,
}

#[derive(Debug, Serialize)]
struct NoAnswerError {
    line: usize,
    message: String,
}

pub(crate) fn run(arguments: &Decide) -> Result<ExitCode, Failure> {
    if input::is_stdin(&arguments.file) && arguments.batch.as_deref().is_some_and(input::is_stdin) {
        return Err(Failure::Question("the policy and the queries cannot both be standard input".into()));
    }
    let policy = input::policy(&arguments.file, &arguments.platform)?;
    match &arguments.batch {
        Some(path) => batch(&policy, path, arguments.output.format),
        None => single(&policy, query(arguments)?, arguments.output.format),
    }
}

fn query(arguments: &Decide) -> Result<Query, Failure> {
    let Some(port) = arguments.port else { return Err(Failure::Question("--port is missing".into())) };
    match (&arguments.client, &arguments.address) {
        (Some(client), _) => Ok(Query::Ingress { client: Some(client.clone()), port }),
        (None, Some(address)) => Ok(Query::Egress {
            address: address.clone(),
            port,
            host: arguments.host.clone(),
            sni: arguments.sni.clone(),
        }),
        (None, None) => Err(Failure::Question("one of --in, --out and --batch is needed".into())),
    }
}

fn single(policy: &Policy, query: Query, format: Format) -> Result<ExitCode, Failure> {
    let asked = describe(&query);
    let answer = answer(policy, query).map_err(Failure::Question)?;
    let mut out = anstream::stdout().lock();
    match format {
        Format::Json => writeln!(out, "{}", json(&answer)?)?,
        Format::Text => {
            let style = style(answer.verdict);
            writeln!(out, "{style}{}{style:#}: {asked}", answer.verdict)?;
            writeln!(out, "  reason: {}: {}", answer.reason, answer.summary)?;
            if let Some(entry) = &answer.entry {
                writeln!(out, "  entry:  {}[{}] `{}`", entry.list, entry.index, entry.text)?;
            }
            if let Some(name) = &answer.name {
                writeln!(out, "  name:   `{name}`: resolve it, and ask about every address before connecting")?;
            }
            if let Some(host) = &answer.masked_host {
                writeln!(out, "  host:   `{host}` in the Host header")?;
            }
        }
    }
    Ok(exit_code(answer.verdict))
}

pub(crate) fn exit_code(verdict: Ruling) -> ExitCode {
    ExitCode::from(match verdict {
        Ruling::Allow => 0,
        Ruling::Deny => 1,
        Ruling::AllowByName => 3,
    })
}

fn batch(policy: &Policy, path: &Path, format: Format) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::File { name: input::name(path), error };
    let queries: Box<dyn BufRead> = if input::is_stdin(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(failed)?))
    };
    let mut out = io::BufWriter::new(anstream::stdout());
    let mut all_decided = true;
    for (number, line) in (1..).zip(queries.lines()) {
        let line = line.map_err(failed)?;
        if line.trim().is_empty() {
            continue;
        }
        let answered =
            serde_json::from_str(&line).map_err(|error| error.to_string()).and_then(|query| answer(policy, query));
        match (answered, format) {
            (Ok(answer), Format::Json) => writeln!(out, "{}", json(&answer)?)?,
            (Ok(answer), Format::Text) => {
                let style = style(answer.verdict);
                write!(out, "{style}{:<13}{style:#} {}", answer.verdict.as_str(), answer.reason)?;
                match answer.entry {
                    Some(entry) => writeln!(out, "  {}[{}] `{}`", entry.list, entry.index, entry.text)?,
                    None => writeln!(out)?,
                }
            }
            (Err(message), format) => {
                all_decided = false;
                let no_answer = NoAnswer { error: NoAnswerError { line: number, message } };
                match format {
                    Format::Json => writeln!(out, "{}", json(&no_answer)?)?,
                    Format::Text => writeln!(out, "no decision: line {number}: {}", no_answer.error.message)?,
                }
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if all_decided { 0 } else { 2 }))
}

fn answer(policy: &Policy, query: Query) -> Result<Answer, String> {
    match query {
        Query::Ingress { client, port } => {
            let decision = policy.decide_ingress(client.as_deref().and_then(parse_address), port);
            let masked_host = policy.masked_host(port).map(|host| host.to_string());
            Ok(Answer { masked_host, ..explain(&decision) })
        }
        Query::Egress { address, port, host, sni } => {
            let host = self::host(host.as_deref(), sni.as_deref())?;
            let address = parse_address(&address).ok_or_else(|| no_address(&address))?;
            Ok(explain(&policy.decide_egress(&Destination { address, port, host })))
        }
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
        list: entry.list().as_str(),
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

fn describe(query: &Query) -> String {
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

pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))
}
