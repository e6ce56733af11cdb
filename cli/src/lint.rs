//! `sandgate lint`: what is wrong or doubtful in policies, and what they do that their lists do
//! not show; for people, for programs, and for tools that annotate the line.

use crate::{
    args::{Lint, ReviewFormat},
    input::{self, Failure},
    output, render,
    review::{Finding, lines, sarif},
};
use sandgate::{Code, Diagnostic, Effect, Form, Options, Policy, Report, Source, check};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// A policy and what was found in it.
struct Linted<'f> {
    file: &'f Path,
    text: String,
    report: Report,
    /// Only a valid policy has effects.
    effects: Vec<Effect>,
}

impl<'f> Linted<'f> {
    fn new(file: &'f Path, options: &Options) -> Result<Self, Failure> {
        let text = input::read(file)?;
        let report = check(&text, Form::Config, options);
        let effects = Policy::from_json(&text, options).map(|policy| policy.effects()).unwrap_or_default();
        Ok(Self { file, text, report, effects })
    }

    fn findings(&self) -> impl Iterator<Item = Finding<'f>> {
        let places = Source::new(&self.text).locate_all(&self.report);
        self.report.diagnostics().iter().zip(lines(&self.text, places)).map(|(diagnostic, lines)| Finding {
            file: self.file,
            lines,
            code: diagnostic.code().as_str().into(),
            level: diagnostic.severity().as_str(),
            message: message(diagnostic),
        })
    }
}

pub(crate) fn run(arguments: &Lint) -> Result<ExitCode, Failure> {
    let options = input::options(&arguments.platform)?;
    let linted: Vec<Linted<'_>> =
        arguments.files.iter().map(|file| Linted::new(file, &options)).collect::<Result<_, _>>()?;
    let is_clean = linted.iter().all(|linted| linted.report.diagnostics().is_empty() && linted.report.more() == 0);
    let mut findings = linted.iter().flat_map(Linted::findings);
    output::answer(u8::from(!is_clean), anstream::stdout().lock(), |out| match arguments.format {
        ReviewFormat::Text => Ok(linted.iter().try_for_each(|linted| text(out, linted))?),
        ReviewFormat::Json => Ok(linted.iter().try_for_each(|linted| writeln!(out, "{}", as_json(linted)))?),
        ReviewFormat::Github => Ok(findings.try_for_each(|finding| finding.annotate(out))?),
        ReviewFormat::Sarif => {
            let rules = Code::ALL.iter().map(|code| (code.as_str(), code.summary()));
            Ok(writeln!(out, "{:#}", sarif(rules, findings))?)
        }
    })
}

fn text(out: &mut impl Write, linted: &Linted<'_>) -> io::Result<()> {
    let Linted { file, text, report, effects } = linted;
    let name = input::name(file);
    write!(out, "{}", render::report(&name, text, report))?;
    writeln!(out, "{name}: {}", render::summary(report))?;
    effects.iter().try_for_each(|effect| writeln!(out, "  {}: {}", effect.code(), effect.message()))
}

fn as_json(linted: &Linted<'_>) -> Value {
    let effects: Vec<Value> =
        linted.effects.iter().map(|effect| json!({"code": effect.code(), "message": effect.message()})).collect();
    json!({
        "file": input::name(linted.file),
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
