//! `sandgate check`: everything that is wrong or doubtful in a policy.

use crate::{
    args::{Check, Format},
    input::{self, Failure, json},
    output, render,
};
use sandgate::{Diagnostic, Form, check};
use serde::Serialize;
use std::{io::Write, process::ExitCode};

/// What `--format json` prints.
#[derive(Serialize)]
struct Answer<'r> {
    valid: bool,
    diagnostics: &'r [Diagnostic],
    /// How many diagnostics were found beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(crate) fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let options = input::options(&arguments.platform)?;
    let text = input::read(&arguments.file)?;
    let form = if arguments.update { Form::Update } else { Form::Config };
    let report = check(&text, form, &options);
    let code = u8::from(!report.is_valid());
    output::answer(code, anstream::stdout().lock(), |out| match arguments.output.format {
        Format::Json => {
            let answer = Answer { valid: report.is_valid(), diagnostics: report.diagnostics(), more: report.more() };
            Ok(writeln!(out, "{}", json(&answer)?)?)
        }
        Format::Text => {
            let name = input::name(&arguments.file);
            write!(out, "{}", render::report(&name, &text, &report))?;
            Ok(writeln!(out, "{name}: {}", render::summary(&report))?)
        }
    })
}
