//! `sandgate lint`: what is wrong or doubtful in policies, and what they do that their lists do
//! not show; for people, for programs, and for tools that annotate the line.

use crate::{
    args::{Lint, LintFormat},
    input::{self, Failure},
    render,
};
use sandgate::{Diagnostic, Effect, Form, Policy, Report, Severity, Source, check};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// A policy and what was found in it.
struct Linted {
    name: String,
    text: String,
    report: Report,
    /// Only a valid policy has effects.
    effects: Vec<Effect>,
}

impl Linted {
    fn new(file: &Path, arguments: &Lint) -> Result<Self, Failure> {
        let options = input::options(&arguments.platform)?;
        let text = input::read(file)?;
        let report = check(&text, Form::Config, &options);
        let effects = Policy::from_json(&text, &options).map(|policy| policy.effects()).unwrap_or_default();
        Ok(Self { name: input::name(file), text, report, effects })
    }

    /// Each diagnostic with the lines and columns where it begins and ends, from 1 on, columns in
    /// characters. What has no place is about the whole text.
    fn placed(&self) -> impl Iterator<Item = (&Diagnostic, [usize; 4])> {
        let source = Source::new(&self.text);
        let places = source.locate_all(&self.report);
        self.report.diagnostics().iter().zip(places).map(move |(diagnostic, place)| {
            let place = place.unwrap_or(0..0);
            let (start, end) = (source.position(place.start), source.position(place.end));
            (diagnostic, [start.line, start.column, end.line, end.column])
        })
    }
}

pub(crate) fn run(arguments: &Lint) -> Result<ExitCode, Failure> {
    let linted: Vec<Linted> =
        arguments.files.iter().map(|file| Linted::new(file, arguments)).collect::<Result<_, _>>()?;
    let mut out = anstream::stdout().lock();
    match arguments.format {
        LintFormat::Text => linted.iter().try_for_each(|linted| text(&mut out, linted))?,
        LintFormat::Json => linted.iter().try_for_each(|linted| writeln!(out, "{}", as_json(linted)))?,
        LintFormat::Github => linted.iter().try_for_each(|linted| annotations(&mut out, linted))?,
        LintFormat::Sarif => writeln!(out, "{:#}", sarif(&linted))?,
    }
    let is_clean = linted.iter().all(|linted| linted.report.diagnostics().is_empty() && linted.report.more() == 0);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn text(out: &mut impl Write, linted: &Linted) -> io::Result<()> {
    let Linted { name, text, report, effects } = linted;
    write!(out, "{}", render::report(name, text, report))?;
    writeln!(out, "{name}: {}", render::summary(report))?;
    effects.iter().try_for_each(|effect| writeln!(out, "  {}: {}", effect.code(), effect.message()))
}

fn as_json(linted: &Linted) -> Value {
    let effects: Vec<Value> =
        linted.effects.iter().map(|effect| json!({"code": effect.code(), "message": effect.message()})).collect();
    json!({
        "file": linted.name,
        "valid": linted.report.is_valid(),
        "diagnostics": linted.report.diagnostics(),
        "more": linted.report.more(),
        "effects": effects,
    })
}

/// What is wrong, and what to write instead.
fn message(diagnostic: &Diagnostic) -> String {
    match diagnostic.help() {
        Some(help) => format!("{}: {}\n{help}", diagnostic.path(), diagnostic.message()),
        None => format!("{}: {}", diagnostic.path(), diagnostic.message()),
    }
}

/// Lines that a continuous integration reads from the output of a command and shows at the place.
fn annotations(out: &mut impl Write, linted: &Linted) -> io::Result<()> {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let name = escape(&linted.name).replace(':', "%3A").replace(',', "%2C");
    for (diagnostic, [line, column, end_line, end_column]) in linted.placed() {
        writeln!(
            out,
            "::{} file={name},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}",
            diagnostic.severity(),
            diagnostic.code(),
            escape(&message(diagnostic))
        )?;
    }
    Ok(())
}

/// The format of review tools, version 2.1.0.
fn sarif(linted: &[Linted]) -> Value {
    let result = |linted: &Linted| -> Vec<Value> {
        let result = |(diagnostic, [line, column, end_line, end_column]): (&Diagnostic, [usize; 4])| {
            json!({
                "ruleId": diagnostic.code().as_str(),
                "level": match diagnostic.severity() { Severity::Error => "error", Severity::Warning => "warning" },
                "message": {"text": message(diagnostic)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": linted.name},
                    "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
                }}],
            })
        };
        linted.placed().map(result).collect()
    };
    let rules: Vec<Value> = sandgate::Code::ALL
        .iter()
        .map(|code| json!({"id": code.as_str(), "shortDescription": {"text": code.summary()}}))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "sandgate", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": linted.iter().flat_map(result).collect::<Vec<Value>>(),
        }],
    })
}
