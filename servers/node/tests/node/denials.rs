//! What the kernel denies is told to whoever subscribes: which packet, why, and by which entry.

use crate::{
    lab::{self, in_internet},
    node::Node,
};
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use sandgate_contract::node::{Denied, Event, WatchRequest, event::What};
use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    process::ExitCode,
    time::Duration,
};
use tonic::Streaming;

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("what_the_kernel_denies_is_told_with_its_reason_and_its_entry", told),
        ("what_is_routed_to_a_sandbox_and_denied_is_told", routed),
        ("a_flood_of_denied_packets_neither_fills_the_memory_nor_holds_up_changes", flood),
        ("where_nobody_listens_the_kernel_denies_all_the_same", deaf),
    ]
}

/// The events of a sandbox, from now on.
struct Watch(Streaming<Event>);

impl Watch {
    fn of(node: &mut Node, id: &str) -> Self {
        let request = WatchRequest { sandbox: id.into() };
        Self(node.runtime.block_on(node.api.0.watch(request)).expect("it answers").into_inner())
    }

    /// The next denial that is not of the kind of the last one.
    fn denied(&mut self, node: &Node, is_it: impl Fn(&Denied) -> bool) -> (u64, Denied) {
        let next = async {
            loop {
                let event = self.0.message().await.expect("a stream").expect("an event");
                if let Some(What::Denied(denied)) = event.what
                    && is_it(&denied)
                {
                    return (event.generation, denied);
                }
            }
        };
        let limited = async { tokio::time::timeout(Duration::from_secs(60), next).await };
        node.runtime.block_on(limited).expect("it is told")
    }

    /// What is told of a reason and an entry: direction, address, port and text of the entry.
    fn says(&mut self, node: &Node, reason: &str, entry: &str) -> [String; 4] {
        let (generation, denied) = self.denied(node, |denied| denied.reason == reason && denied.entry == entry);
        assert_eq!(generation, 1, "{denied:?}");
        [denied.direction, denied.address, denied.port.to_string(), denied.text]
    }
}

fn told() {
    let mut node = Node::start();
    let text = r#"{
        "allowOut": ["*.example.org", "203.0.113.4"],
        "denyOut": ["203.0.113.1:80", "203.0.113.2", "2001:db8:1::3", "2001:db8:1::4", "0.0.0.0/0"]
    }"#;
    let mut watch = Watch::of(&mut node, "a");
    node.create("a", 1, text).expect("there is room");
    for (to, reason, entry, expected) in [
        ("udp:203.0.113.2:53", "deny-entry", "denyOut[1]", ["egress", "203.0.113.2", "53", "203.0.113.2/32"]),
        ("icmp:[2001:db8:1::3]:0", "deny-entry", "denyOut[2]", ["egress", "2001:db8:1::3", "0", "2001:db8:1::3/128"]),
        ("udp:[2001:db8:1::4]:53", "deny-entry", "denyOut[3]", ["egress", "2001:db8:1::4", "53", "2001:db8:1::4/128"]),
        ("udp:10.9.9.9:53", "always-denied", "", ["egress", "10.9.9.9", "53", ""]),
    ] {
        assert!(!node.reaches("a", to), "{to}");
        assert_eq!(watch.says(&node, reason, entry), expected, "{to}");
    }
    // TCP that a name may allow would be the proxy's to deny.
    let mut other = Watch::of(&mut node, "b");
    node.create("b", 1, r#"{"denyOut": ["203.0.113.1:80"]}"#).expect("there is room");
    assert!(!node.reaches("b", "tcp:203.0.113.1:80"));
    let expected = ["egress", "203.0.113.1", "80", "203.0.113.1/32:80"];
    assert_eq!(other.says(&node, "deny-entry", "denyOut[0]"), expected);
}

fn routed() {
    let mut node = Node::start();
    let mut watch = Watch::of(&mut node, "a");
    let mut closed = Watch::of(&mut node, "b");
    node.create("a", 1, r#"{"denyIn": ["203.0.113.4", "2001:db8:1::/64"]}"#).expect("there is room");
    node.create("b", 1, r#"{"allowPublicTraffic": false}"#).expect("there is room");
    let to = format!("{}:5000", node.address("a", false));
    for (to, from, entry, expected) in [
        (format!("tcp:{to}"), "203.0.113.4:0", "denyIn[0]", ["ingress", "203.0.113.4", "5000", "203.0.113.4/32"]),
        (
            format!("udp:{}:5001", node.address("a", true)),
            "[2001:db8:1::2]:0",
            "denyIn[1]",
            ["ingress", "2001:db8:1::2", "5001", "2001:db8:1::/64"],
        ),
    ] {
        assert!(!lab::ends_well(in_internet(&["ask", &to, from])), "{to}");
        assert_eq!(watch.says(&node, "deny-entry", entry), expected, "{to}");
    }
    let to = format!("tcp:{}:5000", node.address("b", false));
    assert!(!lab::ends_well(in_internet(&["ask", &to, "203.0.113.1:0"])));
    assert_eq!(closed.says(&node, "traffic-access-token", ""), ["ingress", "203.0.113.1", "5000", ""]);
}

/// How much more memory there may be afterwards, in kB: what a hundred changes take, and not what a
/// hundred thousand packets would.
const GROWN: u64 = 32 << 10;

fn flood() {
    let mut node = Node::start();
    let mut watch = Watch::of(&mut node, "a");
    node.create("a", 1, r#"{"denyOut": ["203.0.113.1"]}"#).expect("there is room");
    node.create("b", 1, "{}").expect("there is room");
    let before = memory();
    let mut flood = lab::start(node.inside("a", &["flood", "203.0.113.1:53"]));
    for generation in 2..12 {
        let (open, denied) = ("{}", r#"{"denyOut": ["203.0.113.2"]}"#);
        let text = if generation % 2 == 0 { denied } else { open };
        node.update("b", generation, text).expect("it is valid");
        assert_eq!(node.reaches("b", "tcp:203.0.113.2:80"), text == open, "{text}");
    }
    flood.process().kill().expect("it runs");
    let (_, denied) = watch.denied(&node, |denied| denied.more > 0);
    assert_eq!((denied.entry.as_str(), denied.port), ("denyOut[0]", 53));
    assert!(memory().saturating_sub(before) < GROWN, "{before} kB before, {} kB behind", memory());
}

/// What this process, and the agent in it, has in memory, in kB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is one");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Sends datagrams for as long as it is let.
pub(crate) fn play_flood(to: &str) -> ExitCode {
    let to: SocketAddr = to.parse().expect("an address and a port");
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    println!("ready");
    loop {
        // What does not fit into the queue of the link is lost.
        socket.send_to(b"?", to).ok();
    }
}

fn deaf() {
    lab::enter();
    let somebody = listen(OTHER_GROUP);
    for group in [None, Some(OTHER_GROUP)] {
        let state = tempfile::tempdir().expect("a directory");
        let mut node = Node::with(state, |config| config.log_group = group);
        node.create("a", 1, r#"{"denyOut": ["203.0.113.1"]}"#).expect("there is room");
        assert!(!node.reaches("a", "tcp:203.0.113.1:80") && node.reaches("a", "tcp:203.0.113.2:80"));
        assert!(!lab::run("nft", &["list", "ruleset"]).contains("log "), "{group:?}");
    }
    drop(somebody);
}

const OTHER_GROUP: u16 = 7;

/// Takes a group, to which nobody else can listen then.
fn listen(group: u16) -> Socket {
    let mut socket = Socket::new(NETLINK_NETFILTER).expect("netlink");
    socket.bind_auto().expect("a port of netlink");
    // A request of 28 bytes to configure: the group, and the command to bind it.
    let [high, low] = group.to_be_bytes();
    let request = [28, 0, 0, 0, 1, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low, 5, 0, 1, 0, 1, 0, 0, 0];
    socket.send_to(&request, &netlink_sys::SocketAddr::new(0, 0), 0).expect("the kernel listens");
    socket
}
