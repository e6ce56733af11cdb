//! Mutation testing of what decides: changes the core in one place at a time and sees whether a test notices.

use crate::{
    repository,
    run::{Outcome, cargo, command, output, step},
};
use std::{fs, thread};

/// Where the list of those that no test noticed is written, and the justified ones are listed.
const FOLDER: &str = "target/mutants-out";
const JUSTIFIED: &str = "tests/mutants.md";
/// Those that run in seconds and ask the core alone.
const TESTS: [&str; 9] =
    ["--lib", "--test", "vectors", "--test", "properties", "--test", "objects", "--test", "policies"];
/// As many cases as a property has while mutants are tested: what decides is small.
const CASES: &str = "64";

pub(crate) fn run() -> Outcome {
    if output("cargo", &["mutants", "--version"]).is_none() {
        return Err("there is no cargo-mutants; install it with `cargo install cargo-mutants --locked`".into());
    }
    step("the tests that look for mutants", || {
        let test =
            ["test", "--quiet", "--profile", "mutants", "--package", "sandgate", "--package", "sandgate-conformance"];
        cargo(&[&test[..], &TESTS].concat())
    })?;
    let folder = repository().join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    step("mutants", || {
        let jobs = thread::available_parallelism().map_or(1, usize::from).to_string();
        let mut mutants = command("cargo", &["mutants", "--baseline", "skip", "--timeout", "60", "--jobs", &jobs]);
        // Survivors are an outcome, not a failure of the tool: they are compared with the list below.
        mutants.arg("--output").arg(&folder).arg("--").args(TESTS).env("PROPTEST_CASES", CASES).status().map(|_| true)
    })?;
    compare(&read(&format!("{FOLDER}/mutants.out/missed.txt"))?, &read(JUSTIFIED)?)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(repository().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// Fails on a survivor that is not justified, and on a justification of none.
fn compare(missed: &str, justified: &str) -> Outcome {
    let missed: Vec<String> = missed.lines().map(without_place).collect();
    let justified: Vec<&str> = justified
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once('`').map(|(mutant, _)| mutant))
        .collect();
    let unjustified: Vec<&String> = missed.iter().filter(|mutant| !justified.contains(&mutant.as_str())).collect();
    let killed: Vec<&&str> = justified.iter().filter(|mutant| !missed.iter().any(|missed| missed == *mutant)).collect();
    if unjustified.is_empty() && killed.is_empty() {
        anstream::eprintln!("   {} survivors, each justified in {JUSTIFIED}", missed.len());
        Ok(())
    } else {
        Err(format!("survivors that {JUSTIFIED} does not justify: {unjustified:#?}; justified and killed: {killed:#?}"))
    }
}

/// `core/src/x.rs:12:5: replace ...` without the line and the column, which every change moves.
fn without_place(mutant: &str) -> String {
    let (place, what) = mutant.split_once(": ").unwrap_or_default();
    format!("{}: {what}", place.split(':').next().unwrap_or_default())
}
