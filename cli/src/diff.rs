//! `sandgate diff`: what a change of a policy changes, and whether it lets more through.

use crate::{
    args::{Diff, ReviewFormat},
    input::{self, Failure},
    output,
    places::{list, places},
    review::{Finding, lines, sarif},
};
use anstyle::{AnsiColor, Style};
use sandgate::{Change, Difference, Direction, Names, Outcome, PortSpan, Region, Source, diff, tightens};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    ops::Range,
    path::Path,
    process::ExitCode,
};

const OPENS: Style = AnsiColor::Yellow.on_default().bold();
const CLOSES: Style = AnsiColor::Cyan.on_default().bold();

pub(crate) fn run(arguments: &Diff) -> Result<ExitCode, Failure> {
    let options = input::options(&arguments.platform)?;
    let old = input::policy(&arguments.old, &options)?;
    let (new, text) = input::policy_and_text(&arguments.new, &options)?;
    let difference = diff(&old, &new);
    let wider = tightens(&old, &new).err();
    let findings = || wider.iter().flat_map(|wider| openings(&arguments.new, &text, wider));
    let code = u8::from(arguments.fail_on_widen && wider.is_some());
    output::answer(code, anstream::stdout().lock(), |out| match arguments.format {
        ReviewFormat::Json => Ok(writeln!(out, "{}", input::json(&difference)?)?),
        ReviewFormat::Text => Ok(print(out, &difference, wider.is_some())?),
        ReviewFormat::Github => Ok(findings().try_for_each(|finding| finding.annotate(out))?),
        ReviewFormat::Sarif => Ok(writeln!(out, "{:#}", sarif(OPENINGS.into_iter(), findings()))?),
    })
}

const EGRESS: &str = "opens-egress";
const INGRESS: &str = "opens-ingress";
const RESOLVED: &str = "opens-resolved";
const TOKEN: &str = "opens-without-token";
/// What a reviewer is shown, at the line of the new policy that it comes from.
const OPENINGS: [(&str, &str); 4] = [
    (EGRESS, "Connections from the sandbox are let through that were not before."),
    (INGRESS, "Connections to the sandbox are let through that were not before."),
    (RESOLVED, "Allowed names may lead to addresses that they could not lead to before."),
    (TOKEN, "Requests no longer need the traffic access token."),
];

/// What is wider, a finding each.
fn openings<'f>(file: &'f Path, text: &str, wider: &Difference) -> Vec<Finding<'f>> {
    let source = Source::new(text);
    let mut elements = BTreeMap::new();
    let mut found: Vec<(&str, Option<Range<usize>>, String)> = Vec::new();
    for change in &wider.changes {
        let code = if change.direction == Direction::Egress { EGRESS } else { INGRESS };
        let names = change.names.as_ref().map(|names| format!(", {}", named(names))).unwrap_or_default();
        for region in &change.regions {
            // What an entry opens by being gone has no line.
            let place = region.entries_after.first().and_then(|entry| {
                let list = elements.entry(entry.list).or_insert_with(|| source.elements(entry.list.as_str()));
                list.get(entry.index).cloned()
            });
            let message = format!(
                "{}: {} -> {}: {}, {}{names}",
                change.direction,
                change.before,
                change.after,
                places(&region.addresses, ", "),
                ports(&region.ports)
            );
            found.push((code, place, message));
        }
    }
    for resolved in &wider.resolved {
        found.push((RESOLVED, None, format!("names may lead to {}", places(&resolved.addresses, ", "))));
    }
    if let Some(token) = &wider.access_token {
        let message = format!("ports {} need no traffic access token", list(&token.no_longer_needed));
        found.push((TOKEN, None, message));
    }
    let lines = lines(text, found.iter().map(|(_, place, _)| place.clone()));
    let finding = |((code, _, message), lines): ((&str, _, _), _)| Finding {
        file,
        lines,
        code: code.into(),
        level: "warning",
        message,
    };
    found.into_iter().zip(lines).map(finding).collect()
}

fn print(out: &mut impl Write, difference: &Difference, is_wider: bool) -> io::Result<()> {
    for change in &difference.changes {
        print_change(out, change)?;
    }
    for resolved in &difference.resolved {
        let addresses = places(&resolved.addresses, ", ");
        writeln!(out, "names that resolve to {addresses}: {} -> {}\n", resolved.before, resolved.after)?;
    }
    if let Some(token) = &difference.access_token {
        for (ports, what) in [(&token.no_longer_needed, "no longer needed"), (&token.needed, "needed from now on")] {
            if !ports.is_empty() {
                writeln!(out, "the traffic access token is {what}: ports {}\n", list(ports))?;
            }
        }
    }
    if let Some(mask) = &difference.host_mask {
        let text = |mask: &Option<String>| mask.clone().unwrap_or_else(|| "none".into());
        writeln!(out, "Host header of port {}: {} -> {}\n", mask.port, text(&mask.before), text(&mask.after))?;
    }
    let summary = match (difference.is_empty(), is_wider) {
        (true, _) => "nothing changes",
        (false, true) => "more is let through than before",
        (false, false) => "nothing is let through that was not before",
    };
    writeln!(out, "{summary}")
}

fn print_change(out: &mut impl Write, change: &Change) -> io::Result<()> {
    let (style, what) = if change.widens() { (OPENS, "opens") } else { (CLOSES, "closes") };
    writeln!(out, "{style}{what}{style:#} {}: {} -> {}", change.direction, change.before, change.after)?;
    if let Some(names) = &change.names {
        writeln!(out, "  {}", named(names))?;
    }
    for region in &change.regions {
        writeln!(out, "  {}, {}", places(&region.addresses, ",\n  "), ports(&region.ports))?;
        print_witness(out, change.direction, region)?;
    }
    writeln!(out)
}

fn print_witness(out: &mut impl Write, direction: Direction, region: &Region) -> io::Result<()> {
    let witness = &region.witness;
    let address = witness.address.map_or_else(|| "an unknown client".into(), |address| address.to_string());
    let host = witness.host.as_ref().map(|host| format!(" as {host}")).unwrap_or_default();
    let way = if direction == Direction::Egress { "to" } else { "from" };
    writeln!(out, "    such as {way} {address} port {}{host}:", witness.port)?;
    writeln!(out, "      before: {}", why(&witness.before))?;
    writeln!(out, "      after:  {}", why(&witness.after))
}

fn why(outcome: &Outcome) -> String {
    match &outcome.entry {
        Some(entry) => format!("{}, {entry} matches", outcome.verdict),
        None => format!("{}, {}", outcome.verdict, outcome.reason.summary()),
    }
}

fn named(names: &Names) -> String {
    let terms = |terms: &[sandgate::NameTerm]| {
        let term = |term: &sandgate::NameTerm| match term.except.as_slice() {
            [] => term.pattern.to_string(),
            except => format!("{} but not {}", term.pattern, list(except)),
        };
        list(&terms.iter().map(term).collect::<Vec<_>>())
    };
    match names {
        Names::Matching(all) => format!("for the names {}", terms(all)),
        Names::NotMatching(all) => format!("for no name, and for names other than {}", list(all)),
        Names::Any => "for every name and for none".into(),
    }
}

fn ports(spans: &[PortSpan]) -> String {
    match spans {
        [PortSpan { low: 0, high: u16::MAX }] => "every port".into(),
        [PortSpan { low, high }] if low == high => format!("port {low}"),
        spans => format!("ports {}", list(spans)),
    }
}
