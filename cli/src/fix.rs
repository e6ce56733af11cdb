//! `sandgate fix`: a legacy policy as a strict one, where its meaning is certain.

use crate::{
    args::{Fix, Format, HostBits},
    input::{self, Failure, Refused, json},
    render,
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
    if arguments.output.format == Format::Json {
        writeln!(io::stdout().lock(), "{}", json(&Answer::of(&result))?)?;
    }
    let tells = arguments.output.format == Format::Text;
    let repaired = match result {
        Ok(repaired) => repaired,
        Err(left) => {
            if tells {
                tell(&mut anstream::stderr().lock(), &left.repairs)?;
                // The places are those of the text as far as it is repaired.
                let name = if left.repairs.is_empty() { name } else { format!("{name}, repaired so far") };
                let refused = Refused { name, text: left.text, report: left.report };
                render::failure(&Failure::Refused(Box::new(refused)));
            }
            return Ok(ExitCode::from(1));
        }
    };
    if arguments.check {
        if tells {
            tell(&mut anstream::stdout().lock(), &repaired.repairs)?;
        }
        return Ok(ExitCode::from(u8::from(!repaired.repairs.is_empty())));
    }
    if arguments.write && !input::is_stdin(&arguments.file) {
        if repaired.text != text {
            fs::write(&arguments.file, &repaired.text).map_err(|error| Failure::File { name, error })?;
        }
        if tells {
            tell(&mut anstream::stdout().lock(), &repaired.repairs)?;
        }
    } else if tells {
        tell(&mut anstream::stderr().lock(), &repaired.repairs)?;
        io::stdout().lock().write_all(repaired.text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
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
