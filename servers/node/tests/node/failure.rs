//! Steps that fail, and callers that go.

use crate::{
    lab,
    node::{Node, is_internal},
    programs::{LONG, Programs},
};
use std::{fs, path::Path, time::Duration};

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("a_start_that_fails_at_any_step_leaves_nothing", start),
        ("an_update_that_the_kernel_refuses_changes_nothing", refused),
        ("an_update_that_cannot_be_written_down_is_undone_in_the_kernel", disk_full),
        ("an_update_of_which_nothing_is_known_is_undone", uncertain),
        ("a_sandbox_of_which_it_is_not_known_what_is_enforced_is_stopped", not_undone),
        ("a_removal_that_fails_at_any_step_is_finished_by_whatever_is_asked_next", half_removed),
        ("what_can_neither_be_undone_nor_stopped_does_not_run", not_stopped),
        ("an_update_is_finished_though_the_caller_has_gone", caller_gone),
    ]
}

const DENY: &str = r#"{"denyOut": ["0.0.0.0/0"]}"#;

fn start() {
    let programs = Programs::new();
    let mut node = programs.node(LONG);
    let nothing = lab::left();
    let mut steps = 0;
    loop {
        programs.fail_after(steps);
        let created = node.create("a", 1, DENY);
        if created.is_ok() {
            break;
        }
        assert!(is_internal(&created), "{created:?}");
        assert_eq!(lab::left(), nothing, "step {steps}");
        assert!(node.list().is_empty() && records(node.state.path()) == 0, "step {steps}");
        steps += 1;
        assert!(steps < 100, "it never succeeds");
    }
    assert!(steps >= 5, "a start has more steps than {steps}");
    programs.fail_after(1_000_000);
    assert!(!node.reaches("a", "tcp:203.0.113.1:80"));
    node.update("a", 2, "{}").expect("it is valid");
    assert!(node.reaches("a", "tcp:203.0.113.1:80"));
}

fn records(state: &Path) -> usize {
    fs::read_dir(state).expect("a directory").count()
}

fn refused() {
    let programs = Programs::new();
    let mut node = programs.node(LONG);
    node.create("a", 1, "{}").expect("there is room");
    programs.fail_after(0);
    let updated = node.update("a", 2, DENY);
    assert!(is_internal(&updated), "{updated:?}");
    stayed(&mut node);
    node.update("a", 2, DENY).expect("the kernel takes it now");
    assert!(!node.reaches("a", "tcp:203.0.113.1:80"));
}

/// The first policy, which is open, is what happens and what is told.
fn stayed(node: &mut Node) {
    assert_eq!(node.list(), [("a".into(), 1)]);
    assert!(node.reaches("a", "tcp:203.0.113.1:80") && node.reaches("a", "udp:[2001:db8:1::1]:53"));
    assert_eq!(node.sandbox("a").enforced.load().generation, 1);
}

fn disk_full() {
    lab::enter();
    let state = tempfile::tempdir().expect("a directory");
    let path = state.path().display().to_string();
    lab::run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", &path]);
    let mut node = Node::with(state, |_| {});
    node.create("a", 1, "{}").expect("there is room");
    let filler = node.state.path().join("filler");
    while fs::File::options()
        .append(true)
        .create(true)
        .open(&filler)
        .is_ok_and(|mut file| std::io::Write::write_all(&mut file, &[0; 512]).is_ok())
    {}
    let updated = node.update("a", 2, DENY);
    assert!(is_internal(&updated), "{updated:?}");
    stayed(&mut node);
    fs::remove_file(&filler).expect("it is there");
    node.update("a", 2, DENY).expect("there is room on the disk");
    assert!(!node.reaches("a", "tcp:203.0.113.1:80"));
    node.delete("a").expect("it ends");
    lab::run("umount", &["--lazy", &path]);
}

fn uncertain() {
    let programs = Programs::new();
    let mut node = programs.node(Duration::from_secs(3));
    node.create("a", 1, "{}").expect("there is room");
    programs.mark("after");
    let updated = node.update("a", 2, DENY);
    assert!(is_internal(&updated), "{updated:?}");
    assert!(updated.is_err_and(|status| status.message().contains("longer than")));
    stayed(&mut node);
}

fn not_undone() {
    let programs = Programs::new();
    let mut node = programs.node(Duration::from_secs(3));
    let nothing = lab::left();
    node.create("a", 1, "{}").expect("there is room");
    programs.mark("after");
    programs.fail_after(1);
    let updated = node.update("a", 2, DENY);
    assert!(is_internal(&updated), "{updated:?}");
    assert!(node.list().is_empty());
    assert_eq!(lab::left(), nothing);
    node.create("a", 2, DENY).expect("the control API brings it back");
}

fn half_removed() {
    let programs = Programs::new();
    let mut node = programs.node(LONG);
    let nothing = lab::left();
    let mut steps = 0;
    loop {
        node.create("a", 1, "{}").expect("there is room");
        programs.fail_after(steps);
        let deleted = node.delete("a");
        programs.fail_after(1_000_000);
        if deleted.is_ok() {
            break;
        }
        assert!(is_internal(&deleted), "{deleted:?}");
        assert!(node.list().is_empty(), "step {steps}: what is going is not told to run");
        assert!(node.agent().registry().by_id("a").is_none(), "step {steps}: nor found by a proxy");
        match steps % 3 {
            0 => {
                let updated = node.update("a", 2, DENY).expect_err("it runs no more");
                assert_eq!(updated.code(), tonic::Code::NotFound, "step {steps}");
                assert_eq!(lab::left(), nothing, "step {steps}");
            }
            1 => {
                node.create("a", 7, "{}").expect("the old one is finished first");
                assert!(node.reaches("a", "tcp:203.0.113.1:80"), "step {steps}");
                node.delete("a").expect("it ends");
            }
            _ => node.delete("a").expect("it ends"),
        }
        assert_eq!(lab::left(), nothing, "step {steps}");
        assert_eq!(records(node.state.path()), 0, "step {steps}");
        steps += 1;
        assert!(steps < 100, "it never succeeds");
    }
    assert!(steps >= 6, "a removal has more steps than {steps}");
    // No address was lost on the way.
    for number in 0..8 {
        node.create(&format!("b{number}"), 1, "{}").expect("there is room");
    }
}

fn not_stopped() {
    let programs = Programs::new();
    let mut node = programs.node(Duration::from_secs(3));
    node.create("a", 1, "{}").expect("there is room");
    // One program does its work and does not end. Those after it fail until they are mended.
    programs.mark("broken");
    programs.mark("after");
    let updated = node.update("a", 2, DENY);
    assert!(is_internal(&updated), "{updated:?}");
    assert!(node.list().is_empty());
    programs.mend();
    let again = node.update("a", 2, "{}").expect_err("it runs no more");
    assert_eq!(again.code(), tonic::Code::NotFound);
    node.create("a", 2, DENY).expect("the control API brings it back");
    assert!(!node.reaches("a", "tcp:203.0.113.1:80"));
}

fn caller_gone() {
    let programs = Programs::new();
    let mut node = programs.node(LONG);
    node.create("a", 1, "{}").expect("there is room");
    programs.mark("before");
    let mut api = node.api.clone();
    node.runtime.block_on(async {
        let call = tokio::spawn(async move { api.update("a", 2, DENY).await });
        // The agent has begun: the program has seen its mark.
        while programs.path("before").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        call.abort();
        assert!(call.await.is_err_and(|error| error.is_cancelled()), "the caller has gone");
    });
    while node.list() != [("a".into(), 2)] {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!node.reaches("a", "tcp:203.0.113.1:80"));
    node.update("a", 3, "{}").expect("the next one comes after it");
    assert!(node.reaches("a", "tcp:203.0.113.1:80"));
}
