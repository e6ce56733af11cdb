//! The agent with a real kernel: sandboxes, an "internet" with several hosts, and packets between
//! them.
//!
//! The tests run one after another in a network namespace of their own, from which no route leads
//! out. Where there is none to be had they are skipped, and say so; with
//! `SANDGATE_KERNEL=required` that is a failure.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it is wrong"
)]

mod broken_off;
mod denials;
mod egress;
mod failure;
mod ingress;
mod isolation;
mod lab;
mod node;
mod programs;
mod restart;

fn main() -> std::process::ExitCode {
    use sandgate_lab::{PLAY, play, run_tests};

    // The hosts and the clients are this very program.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [part, name, what] = &words[..]
        && part == PLAY
    {
        match name.as_str() {
            "agent" => return node::play(what.as_ref()),
            "flood" => return denials::play_flood(what),
            _ => {}
        }
    }
    if let Some(code) = play(&words) {
        return code;
    }
    let tests = [
        egress::tests(),
        ingress::tests(),
        isolation::tests(),
        failure::tests(),
        broken_off::tests(),
        denials::tests(),
        restart::tests(),
    ];
    run_tests("the tests of the node", tests.concat())
}
