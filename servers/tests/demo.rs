//! The demonstration, run for real: with the kernel it prints the transcript of the guide, word for
//! word.
//!
//! Where there are no namespaces to be had that is skipped, and says so; with
//! `SANDGATE_KERNEL=required` it is a failure. Set `UPDATE_TRANSCRIPT` to write what is printed now
//! into the guide.

#![expect(clippy::unwrap_used, clippy::panic_in_result_fn, reason = "a test stops where it is wrong")]

use libtest_mimic::{Arguments, Failed, Trial, run};
use sandgate_lab::can_enter;
use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

type Outcome = Result<(), Failed>;

const BEGIN: &str = "```text\nStarting a control API";

fn main() -> ExitCode {
    let why = can_enter().err();
    let is_required = env::var_os("SANDGATE_KERNEL").is_some_and(|value| value == "required");
    if let Some(why) = why.as_ref().filter(|_| !is_required) {
        eprintln!("SKIPPED: THE DEMONSTRATION IS NOT COMPARED WITH ITS TRANSCRIPT. {why}");
    }
    let is_skipped = why.is_some() && !is_required;
    let trials = vec![
        Trial::test("the_transcript_in_the_guide_is_what_the_command_prints", transcript).with_ignored_flag(is_skipped),
        Trial::test("without_the_kernel_it_says_so_in_one_sentence_and_does_the_rest", without_kernel),
        Trial::test("a_reader_who_has_seen_enough_is_no_failure", closed_pipe),
    ];
    run(&Arguments::from_args(), trials).exit_code()
}

fn demo(kernel: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandgate-servers"));
    command.args(["demo", "--kernel", kernel]);
    command
}

fn transcript() -> Outcome {
    let output = demo("required").output()?;
    let printed = String::from_utf8(output.stdout)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{said}");
    assert_eq!(said, "", "it has nothing to complain about");
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&guide)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the guide has no transcript")?;
    let (_, after) = rest.split_once("\n```\n").ok_or("the transcript has no end")?;
    let wanted = format!("{before}```text\n{printed}```\n{after}");
    if env::var_os("UPDATE_TRANSCRIPT").is_some() {
        fs::write(&guide, &wanted)?;
    } else if let Some((guide, now)) = text.lines().zip(wanted.lines()).find(|(guide, now)| guide != now) {
        return Err(format!("the guide says `{guide}`\nthe command says `{now}`").into());
    } else if text != wanted {
        return Err("the guide and the command say more and less than one another".into());
    }
    Ok(())
}

fn without_kernel() -> Outcome {
    let output = demo("absent").output()?;
    let printed = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{printed}");
    let first = printed.lines().next().unwrap_or_default();
    assert!(first.starts_with("The kernel takes no part (") && first.ends_with('.'), "{first}");
    assert!(printed.trim_end().ends_with("all as expected."), "{printed}");
    assert!(!printed.contains("sandbox sends to"), "nothing is claimed about what is not judged");
    let statuses = ["201", "204", "400", "403", "404", "409", "412"];
    for status in statuses {
        assert!(printed.lines().any(|line| line.trim_end().ends_with(status)), "no {status}: {printed}");
    }
    // Colours are for terminals.
    assert!(!printed.contains('\u{1b}'));
    Ok(())
}

fn closed_pipe() -> Outcome {
    let mut demo = demo("absent").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some());
    drop(lines);
    let output = demo.wait_with_output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
