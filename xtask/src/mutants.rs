//! Mutation testing of what decides: changes the core in one place at a time and sees whether a test notices.

use crate::{
    repository,
    run::{Outcome, cargo, command, output, step},
};
use std::{collections::BTreeMap, fs, thread};

/// Where the list of those that no test noticed is written, and the justified ones are listed.
const FOLDER: &str = "target/mutants-out";
const JUSTIFIED: &str = "tests/mutants.md";
/// Those that run in seconds and ask the core alone.
const TESTS: [&str; 5] = ["--lib", "--test=vectors", "--test=properties", "--test=objects", "--test=policies"];
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
        mutants.args(TESTS.iter().map(|test| format!("--cargo-arg={test}")));
        mutants.arg("--output").arg(&folder).env("PROPTEST_CASES", CASES).status().map(|_| true)
    })?;
    compare(&read(&format!("{FOLDER}/mutants.out/missed.txt"))?, &read(JUSTIFIED)?)
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(repository().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// Fails on a survivor that is not justified, and on a justification of none. Places move with
/// every change, so mutants are told by what they do, and counted.
fn compare(missed: &str, justified: &str) -> Outcome {
    let mut survivors: BTreeMap<String, usize> = BTreeMap::new();
    for mutant in missed.lines() {
        let count = survivors.entry(without_place(mutant)).or_default();
        *count = count.saturating_add(1);
    }
    let justified: BTreeMap<String, usize> = justified.lines().filter_map(justification).collect();
    if survivors == justified {
        anstream::eprintln!("   {} survivors, each justified in {JUSTIFIED}", missed.lines().count());
        return Ok(());
    }
    let of_one = |one: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>| -> Vec<String> {
        let differs = one.iter().filter(|(mutant, count)| other.get(*mutant) != Some(count));
        differs.map(|(mutant, count)| format!("- `{mutant}` {count}")).collect()
    };
    let [found, listed] =
        [of_one(&survivors, &justified), of_one(&justified, &survivors)].map(|lines| lines.join("\n"));
    Err(format!("survived and is not so in {JUSTIFIED}:\n{found}\nis in {JUSTIFIED} and did not so survive:\n{listed}"))
}

/// "- `mutant` 2: why".
fn justification(line: &str) -> Option<(String, usize)> {
    let (mutant, rest) = line.strip_prefix("- `")?.split_once("` ")?;
    Some((mutant.to_owned(), rest.split(':').next()?.parse().ok()?))
}

/// `core/src/x.rs:12:5: replace ...` without the line and the column, which every change moves.
fn without_place(mutant: &str) -> String {
    let (place, what) = mutant.split_once(": ").unwrap_or_default();
    format!("{}: {what}", place.split(':').next().unwrap_or_default())
}
