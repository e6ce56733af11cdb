//! The laboratory: the node's namespace, in which the tests run, and an internet behind it.

use sandgate_lab::{HOSTS, INTERNET, Lab, PLAY, check_closed};
pub(crate) use sandgate_lab::{NODE, Running};
use std::{
    env,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Two hosts, by both their addresses.
pub(crate) const HOST_1: [&str; 2] = HOSTS[0];
pub(crate) const HOST_2: [&str; 2] = HOSTS[1];

/// Builds the laboratory once, and checks each time that no route leads out of it.
pub(crate) fn enter() {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let mut lab = Lab::serving(&["tcp:80", "tcp:443", "udp:53", "web:8080"]).expect("a laboratory");
        lab.set_name("api.example.com", &["203.0.113.2"]).expect("a name server");
        // One that points into the platform.
        lab.set_name("rebound.example.com", &["10.213.0.1"]).expect("a name server");
        lab
    });
    check_closed().expect("nothing leads out");
}

/// This program, playing a part.
pub(crate) fn part(words: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("a program knows where it is"));
    command.arg(PLAY).args(words);
    command
}

/// The same, in the internet.
pub(crate) fn in_internet(words: &[&str]) -> Command {
    within(INTERNET, words)
}

/// The same, in a namespace.
pub(crate) fn within(namespace: &str, words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(env::current_exe().expect("a program knows where it is"));
    command.arg(PLAY).args(words);
    command
}

/// Whether a part gets an answer.
pub(crate) fn ends_well(mut command: Command) -> bool {
    match command.stdout(Stdio::null()).status().expect("it can be run").code() {
        Some(0) => true,
        Some(1) => false,
        // Otherwise what nobody asked would count as denied.
        code => panic!("it could not ask: {code:?}"),
    }
}

/// Starts a part that goes on. It ends when this is dropped.
pub(crate) fn start(command: Command) -> Running {
    Running::start(command).expect("it runs")
}

/// Runs a program that has to succeed. What it printed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    sandgate_lab::run(program, arguments).expect("it succeeds")
}

/// Names in the kernel that belong to sandboxes: namespaces, interfaces and tables.
pub(crate) fn left() -> Vec<String> {
    let all = [run("ip", &["netns", "list"]), run("ip", &["-o", "link"]), run("nft", &["list", "tables"])].concat();
    let words = all.split(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_');
    let is_ours = |word: &&str| word.contains("sbx");
    words.filter(is_ours).map(Into::into).collect()
}
