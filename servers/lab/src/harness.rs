//! Runs tests in the laboratory.

use crate::{Place, enter};
use libtest_mimic::{Arguments, Trial, run};
use std::{env, process::ExitCode};

/// The variable that makes it a failure, where it is `required`, that there is no namespace.
const VARIABLE: &str = "SANDGATE_KERNEL";

/// A test and its name. It fails by panicking.
pub type Test = (&'static str, fn());

/// The main program of a test: enters a namespace, and runs the tests one after another. Where
/// there is no namespace to be had they are skipped, and it says so; with
/// `SANDGATE_KERNEL=required` that is a failure.
///
/// What the laboratory plays is to be played before, by [`play`](crate::play). `what` names the
/// tests in the plural, as in "the tests of the node".
#[must_use]
pub fn run_tests(what: &str, tests: impl IntoIterator<Item = Test>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One machine, one internet.
    arguments.test_threads = Some(1);
    let trials: Vec<Trial> = tests.into_iter().map(trial).collect();
    if arguments.list {
        return run(&arguments, trials).exit_code();
    }
    match enter() {
        Place::Inside => run(&arguments, trials).exit_code(),
        Place::Done(code) => ExitCode::from(code),
        Place::Impossible(why) if env::var_os(VARIABLE).is_some_and(|value| value == "required") => {
            eprintln!("{what} are required, and cannot run: {why}");
            ExitCode::FAILURE
        }
        Place::Impossible(why) => {
            eprintln!("SKIPPED: {what} DO NOT RUN. {why}");
            run(&arguments, trials.into_iter().map(|trial| trial.with_ignored_flag(true)).collect()).exit_code()
        }
    }
}

fn trial((name, test): Test) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
