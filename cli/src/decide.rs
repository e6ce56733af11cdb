//! `sandgate decide`: what a policy does with traffic, and why.

use crate::{
    args::{Decide, Format},
    input::{self, Failure, json},
    output,
    query::{Answer, Query, answer, describe, exit_code, style},
};
use sandgate::Policy;
use serde::Serialize;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::ExitCode,
};

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
    let policy = input::policy(&arguments.file, &input::options(&arguments.platform)?)?;
    match &arguments.batch {
        Some(path) => batch(&policy, path, arguments.output.format),
        None => single(&policy, &query(arguments)?, arguments.output.format),
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

fn single(policy: &Policy, query: &Query, format: Format) -> Result<ExitCode, Failure> {
    let asked = describe(query);
    let answer = answer(policy, query).map_err(Failure::Question)?;
    output::answer(exit_code(answer.verdict), anstream::stdout().lock(), |out| match format {
        Format::Json => Ok(writeln!(out, "{}", json(&answer)?)?),
        Format::Text => Ok(print(out, &asked, &answer)?),
    })
}

fn print(out: &mut impl Write, asked: &str, answer: &Answer) -> io::Result<()> {
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
    Ok(())
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
            serde_json::from_str(&line).map_err(|error| error.to_string()).and_then(|query| answer(policy, &query));
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
    let code = if all_decided { 0 } else { 2 };
    output::answer(code, out, |_| Ok(()))
}
