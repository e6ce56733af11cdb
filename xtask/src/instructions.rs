//! Counts the instructions of a decision, which do not depend on the pace of the machine, and
//! compares them with the committed baseline.
//!
//! The same program runs twice under callgrind, with few and with many questions; the difference
//! is what the questions cost.

use crate::{
    repository,
    run::{Outcome, cargo, command, output, step},
};
use serde_json::{Map, Value};
use std::fs;

const BASELINE: &str = "bench/instructions.json";
const PROGRAM: &str = "target/release/examples/count_instructions";
/// What is counted: the names that the program knows.
const CASES: &[&str] = &["ingress-10", "egress-1000", "egress-ipv6-1000", "egress-explained-1000", "name-1000"];
const FEW: u64 = 1_000;
const MANY: u64 = 11_000;
/// A rise of more than this part is a failure.
const TOLERATED: f64 = 0.10;

pub(crate) fn run(update: bool) -> Outcome {
    if output("valgrind", &["--version"]).is_none() {
        return Err("valgrind is not installed; install the package `valgrind` of the system".into());
    }
    step("building what is counted", || {
        cargo(&["build", "--release", "--package", "sandgate", "--example", "count_instructions", "--quiet"])
    })?;
    let mut counts = Map::new();
    for case in CASES {
        let (few, many) = (count(case, FEW)?, count(case, MANY)?);
        let each = many.saturating_sub(few).checked_div(MANY.saturating_sub(FEW)).unwrap_or_default();
        anstream::eprintln!("   {case}: {each} instructions a decision");
        counts.insert((*case).to_owned(), each.into());
    }
    let path = repository().join(BASELINE);
    if update {
        let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
        return fs::write(&path, text + "\n").map_err(|error| format!("{BASELINE}: {error}"));
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("{BASELINE}: {error}"))?;
    let baseline: Map<String, Value> = serde_json::from_str(&text).map_err(|error| format!("{BASELINE}: {error}"))?;
    for (case, count) in &counts {
        let before = baseline.get(case).and_then(Value::as_f64).ok_or_else(|| format!("{BASELINE} lacks {case}"))?;
        let now = count.as_f64().unwrap_or_default();
        if now > before * (1.0 + TOLERATED) {
            return Err(format!(
                "{case} takes {now} instructions, and {before} is the baseline; make it cheaper, or run `cargo xtask bench --instructions --update` and say why"
            ));
        }
    }
    Ok(())
}

/// All instructions of the program for this many questions.
fn count(case: &str, questions: u64) -> Result<u64, String> {
    collected(PROGRAM, &[case, &questions.to_string()])
}

/// The instructions that a program executes, as callgrind counts them.
pub(crate) fn collected(program: &str, arguments: &[&str]) -> Result<u64, String> {
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", program];
    let run = command("valgrind", &[&options[..], arguments].concat())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let words = String::from_utf8_lossy(&run.stderr);
    let collected = words.lines().find_map(|line| line.split_once("Collected : "));
    collected
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing for {arguments:?}: {words}"))
}
