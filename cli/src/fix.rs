//! `sandgate fix`: a legacy policy as a strict one, where its meaning is certain.

use crate::{
    args::{Fix, HostBits},
    input::{self, Failure, Refused},
    render,
};
use sandgate::{Repair, Repairs, repair};
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
    let repaired = match repair(&text, Repairs { host_bits, minimize: arguments.minimize }, &options) {
        Ok(repaired) => repaired,
        Err(left) => {
            tell(&mut anstream::stderr().lock(), &left.repairs)?;
            // The places are those of the text as far as it is repaired.
            let name = if left.repairs.is_empty() { name } else { format!("{name}, repaired so far") };
            let refused = Refused { name, text: left.text, report: left.report };
            render::failure(&Failure::Refused(Box::new(refused)));
            return Ok(ExitCode::from(1));
        }
    };
    if arguments.check {
        tell(&mut anstream::stdout().lock(), &repaired.repairs)?;
        return Ok(ExitCode::from(u8::from(!repaired.repairs.is_empty())));
    }
    if arguments.write && !input::is_stdin(&arguments.file) {
        if repaired.text != text {
            fs::write(&arguments.file, &repaired.text).map_err(|error| Failure::File { name, error })?;
        }
        tell(&mut anstream::stdout().lock(), &repaired.repairs)?;
    } else {
        tell(&mut anstream::stderr().lock(), &repaired.repairs)?;
        io::stdout().lock().write_all(repaired.text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Each change with its reason.
fn tell(out: &mut impl Write, repairs: &[Repair]) -> io::Result<()> {
    repairs.iter().try_for_each(|repair| writeln!(out, "{repair}"))
}
