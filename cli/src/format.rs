//! `sandgate fmt`: entries in their canonical text, every other byte as it was.

use crate::{
    args::Fmt,
    input::{self, Failure, Refused},
    output, render,
};
use sandgate::{
    Capabilities, Code, Entry, Form, Guardrails, List, NetworkConfig, Options, Position, Severity, Source, check,
};
use std::{
    fs,
    io::{self, Write},
    ops::Range,
    process::ExitCode,
};

pub(crate) fn run(arguments: &Fmt) -> Result<ExitCode, Failure> {
    let text = input::read(&arguments.file)?;
    let name = input::name(&arguments.file);
    let changes = match changes(&text) {
        Ok(changes) => changes,
        Err(report) => {
            let refused = Refused { name, text, report };
            render::failure(&Failure::Refused(Box::new(refused)));
            return Ok(ExitCode::from(1));
        }
    };
    if arguments.check {
        let starts: Vec<usize> = changes.iter().map(|(place, _)| place.start).collect();
        let positions = Source::new(&text).positions(&starts);
        return output::answer(u8::from(!changes.is_empty()), anstream::stdout().lock(), |out| {
            for ((place, canonical), Position { line, .. }) in changes.iter().zip(positions) {
                writeln!(out, "{name}:{line}: {} is {canonical}", text.get(place.clone()).unwrap_or_default())?;
            }
            Ok(())
        });
    }
    let formatted = Source::new(&text).edited(&changes);
    if arguments.write && !input::is_stdin(&arguments.file) {
        if formatted != text {
            fs::write(&arguments.file, formatted).map_err(|error| Failure::File { name, error })?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| Ok(out.write_all(formatted.as_bytes())?))
}

/// The literals that are not canonical, in the order of the text, and what to write instead.
fn changes(text: &str) -> Result<Vec<(Range<usize>, String)>, sandgate::Report> {
    // How an entry is written does not depend on the platform, so nothing of it is held against
    // the document here; nor does what its lists lack.
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
    let report = check(text, Form::Config, &options);
    let mut found = report.diagnostics().iter();
    if found.any(|found| found.severity() == Severity::Error && found.code() != Code::MissingDenyAll) {
        return Err(report);
    }
    let config = NetworkConfig::from_json(text)?;
    let source = Source::new(text);
    let mut changes = Vec::new();
    for list in List::ALL {
        for (place, written) in source.elements(list.as_str()).into_iter().zip(config.list(list)) {
            let canonical = written.parse::<Entry>().map(|entry| entry.to_string());
            // Only what reads differently changes: an escape in a canonical entry stays.
            if let Some(canonical) = canonical.ok().filter(|canonical| canonical != written) {
                changes.push((place, format!("\"{canonical}\"")));
            }
        }
    }
    changes.sort_by_key(|(place, _)| place.start);
    Ok(changes)
}
