//! Changes that were broken off between two transactions, and the agent that comes after.

use crate::{
    lab::{self, in_internet},
    node::{Node, is_internal},
    programs::Programs,
};
use sandgate_node_agent::Config;

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("an_update_that_is_broken_off_at_any_step_is_taken_up_without_a_gap", update),
        ("a_start_that_is_broken_off_at_any_step_leaves_what_holds_in_force", start),
    ]
}

const OPEN: &str = "{}";
const CLOSED: &str = r#"{"denyOut": ["0.0.0.0/0"]}"#;
const CLOSED_IN_TOO: &str = r#"{"denyOut": ["0.0.0.0/0"], "allowPublicTraffic": false}"#;

fn stays(config: &mut Config) {
    config.remove_on_stop = false;
}

/// Where one transaction takes rules away and puts others in their place, packets meet neither.
fn check_without_gap(programs: &Programs) {
    let all = programs.loaded();
    assert!(all.iter().any(|one| one.contains("hook")), "rules were replaced");
    for one in &all {
        assert!(!(one.contains("delete table") && one.contains("hook")), "a gap:\n{one}");
    }
}

/// The tables of the agent.
fn tables() -> Vec<String> {
    lab::run("nft", &["list", "tables"])
        .lines()
        .filter_map(|line| line.strip_prefix("table inet sandgate"))
        .map(Into::into)
        .collect()
}

fn update() {
    for (before, after) in [(OPEN, CLOSED), (CLOSED, OPEN)] {
        let mut step = 0;
        loop {
            let programs = Programs::new();
            let mut node = Node::with(tempfile::tempdir().expect("a directory"), |config| {
                programs.put_into(config);
                stays(config);
            });
            node.create("a", 1, before).expect("there is room");
            programs.mark("dead");
            programs.fail_after(step);
            let updated = node.update("a", 2, after);
            if updated.is_ok() {
                node.delete("a").expect_err("the programs are dead");
                break;
            }
            assert!(is_internal(&updated), "{updated:?}");
            programs.fail_after(1_000_000);
            programs.mark("loaded");
            let mut node = node.again(|config| programs.put_into(config));
            check_without_gap(&programs);
            assert_eq!(node.list(), [("a".into(), 1)], "step {step}");
            assert_eq!(node.reaches("a", "tcp:203.0.113.1:80"), before == OPEN, "step {step}");
            assert_eq!(tables().len(), 2, "step {step}: one of the sandbox, one of the node: {:?}", tables());
            node.update("a", 2, after).expect("it is valid");
            assert_eq!(node.reaches("a", "tcp:203.0.113.1:80"), before != OPEN, "step {step}");
            step += 1;
            assert!(step < 20, "it never succeeds");
        }
        assert_eq!(step, 3, "an update has three transactions");
        // The next agent finds what the dead programs left.
        drop(Node::with(tempfile::tempdir().expect("a directory"), |_| {}));
        assert!(lab::left().is_empty(), "{:?}", lab::left());
    }
}

fn start() {
    let programs = Programs::new();
    let mut node = Node::with(tempfile::tempdir().expect("a directory"), stays);
    node.create("a", 1, CLOSED_IN_TOO).expect("there is room");
    let v4 = node.address("a", false);
    let _server = lab::start(node.inside("a", &["serve", &format!("tcp:{v4}:5000"), &format!("udp:{v4}:4999")]));
    node.stop();
    let state = node.state.path().to_path_buf();
    programs.mark("dead");
    programs.mark("loaded");
    let mut step = 0;
    loop {
        programs.fail_after(step);
        let started = Node::try_with(&state, |config| programs.put_into(config));
        let is_started = started.is_ok();
        for (to, is_answered) in [(format!("tcp:{v4}:5000"), false), (format!("udp:{v4}:4999"), true)] {
            assert_eq!(lab::ends_well(in_internet(&["ask", &to])), is_answered, "step {step}: {to}");
        }
        let outwards = lab::ends_well(lab::within("sbx0", &["ask", "tcp:203.0.113.1:80"]));
        assert!(!outwards, "step {step}: nothing may leave");
        if is_started {
            break;
        }
        step += 1;
        assert!(step < 60, "it never starts");
    }
    assert!(step >= 10, "a start has more steps than {step}");
    check_without_gap(&programs);
    let mut node = node.again(|_| {});
    assert_eq!(node.list(), [("a".into(), 1)]);
    assert_eq!(tables().len(), 2, "one of the sandbox, one of the node: {:?}", tables());
    node.delete("a").expect("it ends");
}
