//! The laboratory: the node's namespace, in which the tests run, and an internet behind it.
//!
//! ```text
//!     sandboxes --- node (192.0.2.1) --- internet (192.0.2.2, hosts 203.0.113.1..3, 53)
//! ```

use crate::probe::PLAY;
use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

/// A host, by both its addresses.
pub(crate) const HOST_1: [&str; 2] = ["203.0.113.1", "2001:db8:1::1"];
pub(crate) const HOST_2: [&str; 2] = ["203.0.113.2", "2001:db8:1::2"];
/// The node's address towards the internet.
pub(crate) const NODE: &str = "192.0.2.1";
/// Where clients are.
const INTERNET: &str = "internet";

/// Builds the laboratory once, and checks each time that no route leads out of it.
pub(crate) fn enter() {
    static LAB: OnceLock<[Running; 2]> = OnceLock::new();
    LAB.get_or_init(|| {
        // `ip netns` keeps its names in files, which are for this laboratory alone.
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        for line in [
            "link set lo up",
            "netns add internet",
            "link add up0 address 02:00:00:00:01:01 type veth peer name up0 address 02:00:00:00:01:02 netns internet",
            "address add 192.0.2.1/24 dev up0",
            "address add 2001:db8::1/64 dev up0 nodad",
            "link set up0 up",
            "-n internet link set lo up",
            "-n internet address add 192.0.2.2/24 dev up0",
            "-n internet address add 2001:db8::2/64 dev up0 nodad",
            "-n internet link set up0 up",
            "neighbour replace 192.0.2.2 lladdr 02:00:00:00:01:02 dev up0 nud permanent",
            "neighbour replace 2001:db8::2 lladdr 02:00:00:00:01:02 dev up0 nud permanent",
            "-n internet neighbour replace 192.0.2.1 lladdr 02:00:00:00:01:01 dev up0 nud permanent",
            "-n internet neighbour replace 2001:db8::1 lladdr 02:00:00:00:01:01 dev up0 nud permanent",
            "route add 203.0.113.0/24 via 192.0.2.2",
            "route add 2001:db8:1::/64 via 2001:db8::2",
            "-n internet route add default via 192.0.2.1",
            "-n internet route add default via 2001:db8::1",
        ] {
            run("ip", &line.split(' ').collect::<Vec<_>>());
        }
        for host in ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.53"] {
            run("ip", &["-n", INTERNET, "address", "add", &format!("{host}/32"), "dev", "lo"]);
        }
        for host in [HOST_1[1], HOST_2[1]] {
            run("ip", &["-n", INTERNET, "address", "add", &format!("{host}/128"), "dev", "lo"]);
        }
        let hosts: Vec<String> = [HOST_1, HOST_2]
            .concat()
            .iter()
            .map(|host| if host.contains(':') { format!("[{host}]") } else { (*host).to_owned() })
            .flat_map(|host| {
                [
                    format!("tcp:{host}:80"),
                    format!("tcp:{host}:443"),
                    format!("udp:{host}:53"),
                    format!("web:{host}:8080"),
                ]
            })
            .collect();
        let words: Vec<&str> = ["serve"].into_iter().chain(hosts.iter().map(String::as_str)).collect();
        [in_internet(&words), in_internet(&["names", "203.0.113.53:53"])].map(Running::start)
    });
    for family in ["-4", "-6"] {
        let routes = run("ip", &[family, "route", "show", "table", "all"]);
        assert!(!routes.lines().any(|route| route.contains("default")), "a route leads out: {routes}");
    }
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

/// Whether a part ends well.
pub(crate) fn ends_well(mut command: Command) -> bool {
    command.stdout(Stdio::null()).status().expect("it can be run").success()
}

/// A part that goes on. It ends when this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The first line that it said.
    pub(crate) first: String,
}

impl Running {
    /// Starts it and waits until it says something.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut running = Self { child, stdin, stdout, first: String::new() };
        running.first = running.line();
        assert!(!running.first.is_empty(), "it ended");
        running
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it says something");
        line.trim().to_owned()
    }

    /// Asks `hold` whether its connection works.
    pub(crate) fn works(&mut self) -> bool {
        self.stdin.write_all(b"\n").expect("it listens");
        self.line() == "yes"
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs a program that has to succeed. What it printed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Names in the kernel that belong to sandboxes: namespaces, interfaces and tables.
pub(crate) fn left() -> Vec<String> {
    let all = [run("ip", &["netns", "list"]), run("ip", &["-o", "link"]), run("nft", &["list", "tables"])].concat();
    let words = all.split(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_');
    let is_ours = |word: &&str| word.contains("sbx");
    words.filter(is_ours).map(Into::into).collect()
}
