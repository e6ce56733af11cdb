//! `sandgate fix`: a legacy policy as a strict one, where its meaning is certain.

use crate::{
    args::{Fix, Format, HostBits},
    input::{self, Failure, Refused, json},
    output, render,
};
use sandgate::{Diagnostic, Repair, Repaired, Repairs, Unrepaired, repair};
use serde::Serialize;
use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
};

pub(crate) fn run(arguments: &Fix) -> Result<ExitCode, Failure> {
    let options = input::options(&arguments.platform)?;
    let text = input::read(&arguments.file)?;
    let name = input::name(&arguments.file);
    let host_bits = arguments.host_bits.map(|meaning| match meaning {
        HostBits::Network => sandgate::HostBits::Network,
        HostBits::Address => sandgate::HostBits::Address,
    });
    let result = repair(&text, Repairs { host_bits, minimize: arguments.minimize }, &options);
    let code = u8::from(match &result {
        Ok(repaired) => arguments.check && !repaired.repairs.is_empty(),
        Err(_) => true,
    });
    let writes = arguments.write && !input::is_stdin(&arguments.file);
    if let Ok(repaired) = &result
        && writes
        && repaired.text != text
    {
        fs::write(&arguments.file, &repaired.text).map_err(|error| Failure::File { name: name.clone(), error })?;
    }
    if arguments.output.format == Format::Json {
        return output::answer(code, io::stdout().lock(), |out| Ok(writeln!(out, "{}", json(&Answer::of(&result))?)?));
    }
    match result {
        Ok(Repaired { repairs, .. }) if arguments.check || writes => {
            output::answer(code, anstream::stdout().lock(), |out| Ok(tell(out, &repairs)?))
        }
        Ok(Repaired { text, repairs, .. }) => {
            let _ = tell(&mut anstream::stderr().lock(), &repairs);
            output::answer(code, io::stdout().lock(), |out| Ok(out.write_all(text.as_bytes())?))
        }
        Err(Unrepaired { text, repairs, report, .. }) => {
            let _ = tell(&mut anstream::stderr().lock(), &repairs);
            // The places are those of the text as far as it is repaired.
            let name = if repairs.is_empty() { name } else { format!("{name}, repaired so far") };
            render::failure(&Failure::Refused(Box::new(Refused { name, text, report })));
            Ok(code.into())
        }
    }
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Answer<'r> {
    text: &'r str,
    repairs: &'r [Repair],
    /// What is left; nothing if the text is the repaired one.
    diagnostics: &'r [Diagnostic],
}

impl<'r> Answer<'r> {
    fn of(result: &'r Result<Repaired, Unrepaired>) -> Self {
        match result {
            Ok(Repaired { text, repairs, .. }) => Self { text, repairs, diagnostics: &[] },
            Err(Unrepaired { text, repairs, report, .. }) => Self { text, repairs, diagnostics: report.diagnostics() },
        }
    }
}

/// Each change with its reason.
fn tell(out: &mut impl Write, repairs: &[Repair]) -> io::Result<()> {
    repairs.iter().try_for_each(|repair| writeln!(out, "{repair}"))
}
