//! `sandgate nft`: a policy as rules of nftables, and whether the kernel here would take them.

use crate::{
    args::{Format, Nft},
    input::{self, Failure},
    output,
};
use sandgate::nftables::{ByName, Log, Place, RuleSet, Settings, Step, lower};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, Write},
    process::{Command, ExitCode, Stdio},
};

pub(crate) fn run(arguments: &Nft) -> Result<ExitCode, Failure> {
    let policy = input::policy(&arguments.file, &input::options(&arguments.platform)?)?;
    let rule_set = lower(&policy, &settings(arguments));
    if rule_set.by_name == ByName::Dropped {
        // What is printed is fit for use. It is told beside it that it does less than the policy.
        let note = "note: the kernel sees no names. Without --proxy-port, what only domain patterns allow is dropped.";
        let _ = writeln!(anstream::stderr(), "{note}");
    }
    if arguments.check {
        return check(&rule_set);
    }
    output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| match arguments.step {
        None => print(out, arguments, &rule_set),
        Some(step) => {
            let asked = Step::from(step);
            let mut steps = rule_set.steps().into_iter().filter(|transaction| transaction.step() == asked);
            steps.try_for_each(|transaction| print(out, arguments, &transaction))
        }
    })
}

fn print<T: Display + Serialize>(out: &mut impl Write, arguments: &Nft, rules: &T) -> Result<(), Failure> {
    match arguments.output.format {
        Format::Text if !arguments.json => Ok(write!(out, "{rules}")?),
        Format::Text | Format::Json => Ok(writeln!(out, "{}", input::json(rules)?)?),
    }
}

fn settings(arguments: &Nft) -> Settings {
    let place = match &arguments.interface {
        Some(name) => Place::interface(name.clone(), arguments.proxy_port),
        None => Place::Sandbox,
    };
    let log = match (arguments.log_group, arguments.log) {
        (Some(group), _) => Log::Group(group),
        (None, true) => Log::Kernel,
        (None, false) => Log::Off,
    };
    let (established, counters) = (arguments.established.into(), arguments.counters);
    let turn = arguments.turn.into();
    Settings { established, counters, log, comments: !arguments.no_comments, turn, ..Settings::new(place) }
}

/// Asks `nft -c`, which changes nothing. What it says goes where it says it.
fn check(rule_set: &RuleSet) -> Result<ExitCode, Failure> {
    let failed = |error: io::Error| Failure::File { name: "nft".into(), error };
    let mut nft = Command::new("nft").args(["-c", "-f", "-"]).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = nft.stdin.take() {
        match write!(input, "{rule_set}") {
            // It has stopped reading, and its exit code tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(failed)?,
        }
    }
    let status = nft.wait().map_err(failed)?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
