//! Agents that are killed, and what the next one finds.

use crate::{
    lab::{self, Running, within},
    node::{Api, Node},
};
use std::{path::Path, time::Duration};
use tokio::runtime::Runtime;

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("a_killed_agent_loses_nothing_that_it_acknowledged", killed),
        ("leftovers_that_are_nobodys_are_removed", leftovers),
        ("a_sandbox_whose_namespace_is_gone_is_not_told_to_run", gone),
    ]
}

/// How often the agent is killed.
const KILLS: u64 = 10;

fn agent(state: &Path) -> Running {
    lab::start(lab::part(&["agent", &state.display().to_string()]))
}

/// Even generations deny everything, odd ones nothing.
fn text(generation: u64) -> &'static str {
    if generation.is_multiple_of(2) { r#"{"denyOut": ["0.0.0.0/0"]}"# } else { "{}" }
}

fn killed() {
    lab::enter();
    let state = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    let mut running = agent(state.path());
    let mut api = runtime.block_on(Api::connect(running.first()));
    runtime.block_on(api.create("a", 1, text(1))).expect("there is room");
    let mut process = lab::start(within("sbx0", &["hold", "tcp:203.0.113.1:80"]));
    let mut acknowledged = 1;
    for kill in 0..KILLS {
        let updates = runtime.spawn({
            let mut api = api.clone();
            let mut last = acknowledged;
            async move {
                while api.update("a", last + 1, text(last + 1)).await.is_ok() {
                    last += 1;
                }
                last
            }
        });
        std::thread::sleep(Duration::from_millis(40 + kill * 7));
        running.process().kill().expect("it runs");
        running.process().wait().expect("it has ended");
        let last = runtime.block_on(updates).expect("a task");
        running = agent(state.path());
        api = runtime.block_on(Api::connect(running.first()));
        let listed = runtime.block_on(api.list());
        let [(ref id, generation)] = listed[..] else { panic!("{listed:?}") };
        assert_eq!(id, "a");
        // The one after the last may have been under way.
        assert!(generation == last || generation == last + 1, "{generation} runs, {last} was acknowledged");
        let reaches = lab::ends_well(within("sbx0", &["ask", "tcp:203.0.113.2:80"]));
        assert_eq!(reaches, !generation.is_multiple_of(2), "what is told is what happens");
        acknowledged = generation;
    }
    assert!(acknowledged > KILLS, "updates went on meanwhile: {acknowledged}");
    runtime.block_on(api.update("a", 1_000_001, text(1))).expect("it goes on");
    assert!(process.works().expect("it runs"), "what runs in the sandbox was not touched");
    runtime.block_on(api.delete("a")).expect("it ends");
    eprintln!("{KILLS} kills, {acknowledged} updates, none lost");
}

fn leftovers() {
    lab::enter();
    for line in [
        "netns add sbx1",
        "link add sbx1 type veth peer name eth0 netns sbx1",
        "netns add sbx2",
        "link add sbx3 type veth peer name other",
        "netns add sbxs",
    ] {
        lab::run("ip", &line.split(' ').collect::<Vec<_>>());
    }
    lab::run("nft", &["add", "table", "inet", "sandgate_sbx4"]);
    lab::run("nft", &["add", "table", "inet", "other"]);
    let mut process = lab::start(within("sbx1", &["serve", "tcp:0.0.0.0:5000"]));
    let mut node = Node::start();
    assert_eq!(lab::left(), ["sbxs"], "what has no number is somebody else's");
    assert!(!process.process().wait().expect("it has ended").success());
    assert!(lab::run("nft", &["list", "tables"]).contains("inet other"));
    assert!(node.list().is_empty());
    lab::run("ip", &["netns", "delete", "sbxs"]);
    lab::run("nft", &["delete", "table", "inet", "other"]);
}

fn gone() {
    lab::enter();
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::with(state, |config| config.remove_on_stop = false);
    for id in ["a", "b"] {
        node.create(id, 1, "{}").expect("there is room");
    }
    let mut running = agent_after(&mut node);
    let runtime = Runtime::new().expect("a runtime");
    let mut api = runtime.block_on(Api::connect(running.first()));
    assert_eq!(runtime.block_on(api.list()), [("a".into(), 1), ("b".into(), 1)], "a stop leaves them running");
    running.process().kill().expect("it runs");
    running.process().wait().expect("it has ended");
    // As after the machine was started again, but for one of them only.
    lab::run("ip", &["link", "delete", "sbx0"]);
    lab::run("ip", &["netns", "delete", "sbx0"]);
    let running = agent(node.state.path());
    let mut api = runtime.block_on(Api::connect(running.first()));
    assert_eq!(runtime.block_on(api.list()), [("b".into(), 1)]);
    assert!(!lab::left().iter().any(|name| name.contains("sbx0")), "{:?}", lab::left());
    runtime.block_on(api.create("a", 1, "{}")).expect("the control API brings it back");
    for id in ["a", "b"] {
        runtime.block_on(api.delete(id)).expect("it ends");
    }
}

/// Stops an agent, and starts one with the same state.
fn agent_after(node: &mut Node) -> Running {
    node.stop();
    agent(node.state.path())
}
