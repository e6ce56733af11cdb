//! Doubles hostile inputs and fails where the work or the memory more than doubles with them.
//!
//! Work is counted in instructions under callgrind, memory as the peak of the process: neither
//! depends on the pace of the machine, so both may fail a change.

mod commands;

use crate::{
    instructions::collected,
    run::{Outcome, cargo, command, output, step},
};
use std::{fmt::Write, fs, path::Path, time::Instant};

const PROGRAM: &str = "target/release/examples/growth";
/// The smaller input whose instructions are counted, which takes its time; the larger has twice as many bytes.
const COUNTED: u64 = 1 << 17;
/// The smaller input whose memory is measured; no list has more entries than it may in the larger.
const MEASURED: u64 = 3 << 18;
/// The largest document that is read by default.
const LARGEST: u64 = (16 << 20) - 4096;
/// What twice the input may cost.
const MOST: f64 = 2.3;
/// Less memory than this, in KiB, is what any process needs for itself.
const NOISE: u64 = 2048;

struct Grown {
    case: String,
    instructions: [u64; 2],
    /// KiB.
    memory: [u64; 2],
}

impl Grown {
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a ratio of counts far below 2^52")]
    fn ratios(&self) -> [f64; 2] {
        let ratio = |[small, large]: [u64; 2], noise: u64| large.max(noise) as f64 / small.max(noise) as f64;
        [ratio(self.instructions, 1), ratio(self.memory, NOISE)]
    }
}

/// Counts, prints, and fails if something grows too fast.
pub(crate) fn run() -> Outcome {
    let mut grown = measure()?;
    grown.extend(commands::measure()?);
    let too_fast: Vec<&str> = grown
        .iter()
        .filter(|grown| grown.ratios().iter().any(|ratio| *ratio > MOST))
        .map(|grown| &*grown.case)
        .collect();
    if too_fast.is_empty() {
        Ok(())
    } else {
        Err(format!("twice the input costs more than {MOST} times: {too_fast:?}"))
    }
}

/// The same as a page of `bench/RESULTS.md`, with the time that the largest document takes.
pub(crate) fn bench(page: &Path) -> Outcome {
    let mut text = format!(
        "# Growth\n\nHostile inputs and inputs of twice the size: instructions under callgrind from {} KiB on, the peak of memory, the input included, from {} KiB on,\n\
         and their ratios, of which none may exceed {MOST} (`cargo xtask growth`). Last, the input of 16 MiB, the largest document that is read:\n\
         whether it is accepted, how long that takes, and the peak of memory.\n\n\
         | input | instructions | twice the input | memory, KiB | twice the input | 16 MiB | ms | MiB |\n\
         | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n",
        COUNTED >> 10,
        MEASURED >> 10
    );
    for grown in measure()? {
        let [work, space] = grown.ratios();
        let start = Instant::now();
        worked(&grown.case, LARGEST, 0)?;
        let building = start.elapsed();
        let Worked { accepted, kib } = worked(&grown.case, LARGEST, 1)?;
        let took = start.elapsed().saturating_sub(building).saturating_sub(building);
        let ([instructions, _], [memory, _]) = (grown.instructions, grown.memory);
        let line = writeln!(
            text,
            "| {} | {instructions} | {work:.2} | {memory} | {space:.2} | {} | {} | {} |",
            grown.case,
            if accepted { "accepted" } else { "refused" },
            took.as_millis(),
            kib >> 10
        );
        line.map_err(|error| error.to_string())?;
    }
    fs::write(page, text).map_err(|error| error.to_string())
}

fn measure() -> Result<Vec<Grown>, String> {
    if output("valgrind", &["--version"]).is_none() {
        return Err("valgrind is not installed; install the package `valgrind` of the system".into());
    }
    step("building what is measured", || {
        cargo(&["build", "--release", "--package", "sandgate", "--example", "growth", "--quiet"])
    })?;
    let cases = output(PROGRAM, &[]).ok_or("the program does not list its cases")?;
    let mut all = Vec::new();
    for case in cases.lines() {
        let instructions = [counted(case, COUNTED)?, counted(case, 2 * COUNTED)?];
        let memory = [worked(case, MEASURED, 1)?.kib, worked(case, 2 * MEASURED, 1)?.kib];
        let grown = Grown { case: case.to_owned(), instructions, memory };
        let [work, space] = grown.ratios();
        anstream::eprintln!("   {case}: {work:.2} times the instructions, {space:.2} times the memory");
        all.push(grown);
    }
    Ok(all)
}

/// The instructions of the work alone: those of doing it once less those of doing it never.
fn counted(case: &str, bytes: u64) -> Result<u64, String> {
    let run = |times| collected(PROGRAM, &[case, &bytes.to_string(), times]);
    Ok(run("1")?.saturating_sub(run("0")?))
}

/// What the program says of its work.
struct Worked {
    accepted: bool,
    /// The peak of memory of the process, the input included.
    kib: u64,
}

fn worked(case: &str, bytes: u64, times: u8) -> Result<Worked, String> {
    let run = command(PROGRAM, &[case, &bytes.to_string(), &times.to_string()]).output();
    let run = run.map_err(|error| format!("{PROGRAM}: {error}"))?;
    let words = String::from_utf8_lossy(&run.stdout);
    let read = words
        .trim()
        .split_once(' ')
        .and_then(|(accepted, kib)| Some(Worked { accepted: accepted.parse().ok()?, kib: kib.parse().ok()? }));
    read.ok_or_else(|| format!("{case}: {words}{}", String::from_utf8_lossy(&run.stderr)))
}
