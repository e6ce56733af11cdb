//! Measures what the difference of two policies takes, by the entries of each.

use crate::run::{Outcome, cargo, output, step};
use std::{fmt::Write, fs, path::Path};

const PROGRAM: &str = "target/release/examples/difference";
const ENTRIES: [&str; 3] = ["10000", "20000", "40000"];

/// A page of `bench/RESULTS.md`.
pub(crate) fn bench(page: &Path) -> Outcome {
    step("building what is measured", || {
        cargo(&["build", "--release", "--package", "sandgate", "--example", "difference", "--quiet"])
    })?;
    let cases = output(PROGRAM, &[]).ok_or("the program does not list its cases")?;
    let mut text = String::from(
        "# Differences\n\n`diff` of two policies of so many entries each: milliseconds of compiling both and of the difference, the memory that the\n\
         difference needs besides, and how long its answer is.\n\n\
         | policies | entries | compile, ms | difference, ms | KiB | regions | address ranges | port ranges |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for case in cases.lines() {
        for entries in ENTRIES {
            let measured = output(PROGRAM, &[case, entries]).ok_or_else(|| format!("{case} {entries} failed"))?;
            let figures: Vec<&str> = measured.split_whitespace().collect();
            let [compile, took, kib, regions, addresses, ports] = figures[..] else {
                return Err(format!("{case} {entries}: {measured}"));
            };
            let line = writeln!(
                text,
                "| {case} | {entries} | {compile} | {took} | {kib} | {regions} | {addresses} | {ports} |"
            );
            line.map_err(|error| error.to_string())?;
        }
    }
    fs::write(page, text).map_err(|error| error.to_string())
}
