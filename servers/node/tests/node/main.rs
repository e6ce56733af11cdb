//! The agent with a real kernel: sandboxes, an "internet" with several hosts, and packets between
//! them.
//!
//! The tests run one after another in a network namespace of their own, from which no route leads
//! out. Where there is none to be had they are skipped, and say so; with
//! `SANDGATE_KERNEL=required` that is a failure.

#![cfg_attr(
    target_os = "linux",
    expect(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test stops where it is wrong"
    )
)]

#[cfg(target_os = "linux")]
mod egress;
#[cfg(target_os = "linux")]
mod failure;
#[cfg(target_os = "linux")]
mod ingress;
#[cfg(target_os = "linux")]
mod isolation;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod restart;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Trial, run};
    use sandgate_lab::{PLAY, Place, enter, play};
    use std::process::ExitCode;

    // The hosts and the clients are this very program.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [part, name, state] = &words[..]
        && (part.as_str(), name.as_str()) == (PLAY, "agent")
    {
        node::play(state.as_ref());
        return ExitCode::SUCCESS;
    }
    if let Some(code) = play(&words) {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // One namespace, one internet.
    arguments.test_threads = Some(1);
    let tests = || {
        [egress::tests(), ingress::tests(), isolation::tests(), failure::tests(), restart::tests()]
            .into_iter()
            .flatten()
    };
    let trials = |is_ignored| -> Vec<Trial> {
        let trial = |(name, test): (&str, fn())| {
            let run = move || {
                test();
                Ok(())
            };
            Trial::test(name, run).with_ignored_flag(is_ignored)
        };
        tests().map(trial).collect()
    };
    if arguments.list {
        return run(&arguments, trials(false)).exit_code();
    }
    match enter() {
        Place::Inside => run(&arguments, trials(false)).exit_code(),
        Place::Done(code) => ExitCode::from(code),
        Place::Impossible(why) if std::env::var_os("SANDGATE_KERNEL").is_some_and(|value| value == "required") => {
            eprintln!("the tests of the node are required, and cannot run: {why}");
            ExitCode::FAILURE
        }
        Place::Impossible(why) => {
            eprintln!("SKIPPED: NO TEST OF THE NODE RUNS. {why}");
            run(&arguments, trials(true)).exit_code()
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: NO TEST OF THE NODE RUNS. They need Linux.");
}
