//! `sandgate explain`: why a policy answers as it does, and what would change the answer.

use crate::{
    args::{Explain, Format},
    input::{self, Failure},
    output, query,
};
use anstyle::{AnsiColor, Style};
use sandgate::{AddressSteps, Destination, Direction, Explanation, HostInput, Input, Policy, Ruling, StepOutcome};
use std::{
    io::{self, Write},
    net::IpAddr,
    process::ExitCode,
};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

pub(crate) fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    let policy = input::policy(&arguments.file, &input::options(&arguments.platform)?)?;
    let explanation = explain(&policy, arguments)?;
    output::answer(query::exit_code(explanation.verdict), anstream::stdout().lock(), |out| {
        match arguments.output.format {
            Format::Json => Ok(writeln!(out, "{}", input::json(&explanation)?)?),
            Format::Text => Ok(print(out, &explanation, arguments)?),
        }
    })
}

fn explain(policy: &Policy, arguments: &Explain) -> Result<Explanation, Failure> {
    let Explain { client, address, port, host, sni, .. } = arguments;
    // Strict as everywhere (G-2), but not yet read as the address that is judged: that is a
    // part of the explanation.
    let Some(address) = address else {
        return Ok(policy.explain_ingress(client.as_ref().and_then(|client| client.parse().ok()), *port));
    };
    let parsed: IpAddr = address.parse().map_err(|_| Failure::Question(query::no_address(address)))?;
    let host = query::host(host.as_deref(), sni.as_deref()).map_err(Failure::Question)?;
    Ok(policy.explain_egress(&Destination { address: parsed, port: *port, host }))
}

/// The verdict first, then how it came about, then what would change it.
fn print(out: &mut impl Write, explanation: &Explanation, arguments: &Explain) -> io::Result<()> {
    let verdict = explanation.verdict;
    let style = query::style(verdict);
    writeln!(out, "{style}{verdict}{style:#}: {}", asked(explanation, arguments))?;
    print_input(out, &explanation.input)?;
    for (index, judged) in explanation.addresses.iter().enumerate() {
        writeln!(out)?;
        let decides = index == explanation.decided_by;
        if explanation.addresses.len() > 1 {
            print_address(out, judged, index)?;
        }
        print_steps(out, judged, if decides { style } else { BOLD }, decides)?;
    }
    if let Some(combination) = &explanation.combination {
        writeln!(out, "\n  A-3  together         {combination}")?;
    }
    if let Some(name) = &explanation.name {
        writeln!(out, "\n  Connect to the name `{name}`: resolve it, and ask about every address (E-8).")?;
    }
    print_others(out, explanation)?;
    print_flips(out, explanation)
}

fn asked(explanation: &Explanation, arguments: &Explain) -> String {
    let port = match explanation.input.port {
        0 => "without a port".into(),
        port => format!("port {port}"),
    };
    match explanation.direction {
        Direction::Ingress => {
            let client = arguments.client.as_deref().unwrap_or_default().escape_debug();
            let port = if explanation.input.port == 0 { port } else { format!("to {port}") };
            format!("ingress from {client} {port}")
        }
        Direction::Egress => {
            let name = explanation.input.host.as_ref().map(|host| format!(" for {}", host.sent.escape_debug()));
            let address = arguments.address.as_deref().unwrap_or_default();
            format!("egress to {address} {port}{}", name.unwrap_or_default())
        }
    }
}

/// How the question is read, where that is not how it was put.
fn print_input(out: &mut impl Write, input: &Input) -> io::Result<()> {
    let address = input.canonical.filter(|judged| input.address != Some(*judged));
    let address = address.map(|judged| format!("it is judged as `{judged}` (A-1)"));
    let carried = input.embedded.map(|inner| format!("it carries `{inner}`, and both are judged (A-3)"));
    let host = input.host.as_ref().and_then(|host| match host {
        HostInput { sent, name: Some(name), .. } if name.as_str() != sent => {
            Some(format!("it is read as `{name}` (N-7)"))
        }
        HostInput { flaw: Some(flaw), .. } => Some(format!("it is no domain name (N-8): {flaw}")),
        _ => None,
    });
    for (what, text) in [("address", address), ("address", carried), ("host", host)] {
        if let Some(text) = text {
            writeln!(out, "  {what}: {text}")?;
        }
    }
    Ok(())
}

fn print_address(out: &mut impl Write, judged: &AddressSteps, index: usize) -> io::Result<()> {
    let address = judged.address.map(|address| address.to_string()).unwrap_or_default();
    let which = if index == 0 { "" } else { ", carried by it" };
    writeln!(out, "  {BOLD}{address}{BOLD:#}{which}: {}", judged.verdict)
}

/// One line a step; an arrow at the one that decides.
fn print_steps(out: &mut impl Write, judged: &AddressSteps, style: Style, decides: bool) -> io::Result<()> {
    for step in &judged.steps {
        let (mark, style) = match step.outcome {
            StepOutcome::Decides if decides => ("->", style),
            StepOutcome::Decides => (" >", style),
            StepOutcome::DoesNotApply => ("  ", Style::new()),
            StepOutcome::NotReached => ("  ", DIM),
        };
        let why = if step.outcome == StepOutcome::NotReached { "not reached" } else { &step.why };
        writeln!(out, "{style}{mark} {}  {:<15}  {why}{style:#}", step.rule, step.title)?;
    }
    Ok(())
}

fn print_others(out: &mut impl Write, explanation: &Explanation) -> io::Result<()> {
    if explanation.others.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {BOLD}also matching{BOLD:#}")?;
    for entry in &explanation.others {
        writeln!(out, "    {entry}")?;
    }
    if explanation.more > 0 {
        writeln!(out, "    and {} more", explanation.more)?;
    }
    Ok(())
}

fn print_flips(out: &mut impl Write, explanation: &Explanation) -> io::Result<()> {
    let (what, style) = match explanation.verdict {
        Ruling::Deny => ("allow", AnsiColor::Green),
        Ruling::Allow | Ruling::AllowByName => ("deny", AnsiColor::Red),
    };
    let style = style.on_default().bold();
    if let Some(why) = &explanation.no_flip {
        return writeln!(out, "\n  no single entry, added or removed, would {style}{what}{style:#} it: {why}");
    }
    let these = if explanation.flips.len() == 1 { "this" } else { "each of these" };
    writeln!(out, "\n  {these} would {style}{what}{style:#} it")?;
    for flip in &explanation.flips {
        let by_name = if flip.verdict == Ruling::AllowByName { ", by name" } else { "" };
        writeln!(out, "    {flip}{by_name}")?;
        if let Some(note) = &flip.note {
            writeln!(out, "      {DIM}note: {note}{DIM:#}")?;
        }
    }
    Ok(())
}
