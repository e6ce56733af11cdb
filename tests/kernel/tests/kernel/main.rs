//! A real kernel decides as the policy does, packet by packet.
//!
//! The tests run one after another in a network namespace of their own. Where there is none to be
//! had they are skipped, and say so; with `SANDGATE_KERNEL=required` that is a failure.

#[cfg(target_os = "linux")]
mod boundaries;
#[cfg(target_os = "linux")]
mod by_name;
#[cfg(target_os = "linux")]
mod connections;
#[cfg(target_os = "linux")]
mod generated;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod logged;
#[cfg(target_os = "linux")]
mod replaced;
#[cfg(target_os = "linux")]
mod text;
#[cfg(target_os = "linux")]
mod wire;
#[cfg(target_os = "linux")]
#[path = "../../../tests/properties/worlds.rs"]
#[expect(dead_code, reason = "the generator of the properties, of which this asks its own questions")]
mod worlds;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use crate::lab::namespace::{Place, enter};
    use libtest_mimic::{Arguments, Trial, run};
    use std::process::ExitCode;

    let mut arguments = Arguments::from_args();
    // One namespace, one record.
    arguments.test_threads = Some(1);
    let modules = [
        boundaries::tests,
        wire::tests,
        by_name::tests,
        text::tests,
        logged::tests,
        generated::tests,
        replaced::tests,
        connections::tests,
    ];
    let tests = || modules.into_iter().flat_map(|tests| tests());
    let trials = |is_ignored| -> Vec<Trial> {
        let trial = |(name, test): (&str, fn())| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(is_ignored)
        };
        tests().map(trial).collect()
    };
    if arguments.list {
        return run(&arguments, trials(false)).exit_code();
    }
    match enter(&[]) {
        Place::Inside => run(&arguments, trials(false)).exit_code(),
        Place::Done(code) => ExitCode::from(code),
        Place::Impossible(why) if std::env::var_os("SANDGATE_KERNEL").is_some_and(|value| value == "required") => {
            eprintln!("the kernel tests are required, and cannot run: {why}");
            ExitCode::FAILURE
        }
        Place::Impossible(why) => {
            eprintln!("SKIPPED: NO KERNEL TEST RUNS. {why}");
            run(&arguments, trials(true)).exit_code()
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: NO KERNEL TEST RUNS. They need Linux.");
}
