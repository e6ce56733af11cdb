//! What the commands read and print: texts of files or standard input, the platform's options,
//! policies, lines of JSON.

use crate::args::Platform;
use sandgate::{Capabilities, Guardrails, Options, Policy, Report};
use serde::Serialize;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// Why a command has no answer. All of them end with exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file could not be read or written.
    #[error("{name}: {error}")]
    File { name: String, error: io::Error },
    /// A document that has to be valid is not.
    #[error("{} is not valid", .0.name)]
    Refused(Box<Refused>),
    /// The question makes no sense.
    #[error("{0}")]
    Question(String),
    /// The answer could not be printed.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// A document and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) report: Report,
}

/// What a file is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".into() } else { path.display().to_string() }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = if is_stdin(path) {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|error| Failure::File { name: name(path), error })
}

/// The options that the arguments ask for. The guardrails may be standard input, which is read once,
/// however many policies there are.
pub(crate) fn options(platform: &Platform) -> Result<Options, Failure> {
    let guardrails = match &platform.guardrails {
        _ if platform.no_guardrails => Guardrails::none(),
        None => Guardrails::default(),
        Some(path) => {
            let text = read(path)?;
            Guardrails::from_json(&text)
                .map_err(|report| Failure::Refused(Box::new(Refused { name: name(path), text, report })))?
        }
    };
    let capabilities = Capabilities { egress_ports: platform.egress_ports, ipv6_ingress: platform.ipv6_ingress };
    Ok(Options { guardrails, capabilities, ..Options::default() })
}

/// A policy that has to be valid.
pub(crate) fn policy(path: &Path, options: &Options) -> Result<Policy, Failure> {
    Ok(policy_and_text(path, options)?.0)
}

/// The same, with the text it was compiled from.
pub(crate) fn policy_and_text(path: &Path, options: &Options) -> Result<(Policy, String), Failure> {
    let text = read(path)?;
    match Policy::from_json(&text, options) {
        Ok(policy) => Ok((policy, text)),
        Err(report) => Err(Failure::Refused(Box::new(Refused { name: name(path), text, report }))),
    }
}

/// One line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))
}
