//! `sandgate nft`: a policy as rules of nftables, and whether the kernel here would take them.

use crate::{
    args::{Format, Nft},
    input::{self, Failure},
};
use sandgate::nftables::{ByName, Log, Place, RuleSet, Settings, Step, lower};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, Write},
    process::{Command, ExitCode, Stdio},
};

pub(crate) fn run(arguments: &Nft) -> Result<ExitCode, Failure> {
    let policy = input::policy(&arguments.file, &arguments.platform)?;
    let rule_set = lower(&policy, &settings(arguments));
    if rule_set.by_name == ByName::Dropped {
        // What is printed is fit for use. It is told beside it that it does less than the policy.
        anstream::eprintln!(
            "note: the kernel sees no names. Without --proxy-port, what only domain patterns allow is dropped."
        );
    }
    if arguments.check {
        return check(&rule_set);
    }
    match arguments.step {
        None => print(arguments, &rule_set)?,
        Some(step) => {
            let asked = Step::from(step);
            for transaction in rule_set.steps().into_iter().filter(|transaction| transaction.step() == asked) {
                print(arguments, &transaction)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print<T: Display + Serialize>(arguments: &Nft, rules: &T) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match arguments.output.format {
        Format::Text if !arguments.json => write!(out, "{rules}")?,
        Format::Text | Format::Json => writeln!(out, "{}", input::json(rules)?)?,
    }
    Ok(())
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
