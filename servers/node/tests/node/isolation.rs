//! What no policy opens: the node, other sandboxes, other people's addresses. And what is left.

use crate::{
    lab::{self, in_internet, within},
    node::Node,
};
use std::{fs, path::Path};

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("a_sandbox_reaches_no_service_of_the_node", node_services),
        ("a_sandbox_reaches_no_other_sandbox", neighbours),
        ("a_sandbox_sends_from_its_own_addresses_only", spoofing),
        ("a_deleted_sandbox_leaves_nothing_and_its_processes_end", deleted),
        ("there_is_room_for_as_many_sandboxes_as_addresses", room),
        ("a_node_with_as_many_sandboxes_as_it_takes_can_still_be_changed", full),
        ("a_sandbox_has_the_name_server_of_the_guardrails", resolver),
    ]
}

fn node_services() {
    let mut node = Node::start();
    node.create("a", 1, "{}").expect("there is room");
    let addresses = ["192.0.2.1", "[2001:db8::1]", "10.213.0.0", "[fd5a:9a7e::]"];
    let sockets: Vec<String> =
        addresses.iter().flat_map(|to| [format!("tcp:{to}:7000"), format!("udp:{to}:7000")]).collect();
    let words: Vec<&str> = ["serve"].into_iter().chain(sockets.iter().map(String::as_str)).collect();
    let _services = lab::start(lab::part(&words));
    for to in &sockets {
        assert!(!node.reaches("a", to), "{to}");
    }
    assert!(!node.reaches("a", "icmp:192.0.2.1:0"));
    for to in &sockets[..4] {
        assert!(lab::ends_well(in_internet(&["ask", to])), "others do: {to}");
    }
}

fn neighbours() {
    let mut node = Node::start();
    for id in ["a", "b"] {
        node.create(id, 1, r#"{"allowOut": ["10.0.0.0/8", "fc00::/7"]}"#).expect("there is room");
    }
    for is_ipv6 in [false, true] {
        let address = node.address("b", is_ipv6);
        let to = format!("tcp:{address}:5000");
        let _server = lab::start(node.inside("b", &["serve", &to]));
        assert!(!node.reaches("a", &to), "{to}");
        assert!(node.reaches("b", &to), "it is there: {to}");
    }
}

fn spoofing() {
    let mut node = Node::start();
    node.create("a", 1, "{}").expect("there is room");
    assert!(node.reaches("a", "udp:203.0.113.1:53") && node.reaches("a", "udp:[2001:db8:1::1]:53"));
    // It is root in its namespace, and takes what address it likes.
    for (address, to) in [
        ("203.0.113.9/32", "udp:203.0.113.1:53"),
        ("10.213.0.5/32", "udp:203.0.113.1:53"),
        ("2001:db8:1::9/128", "udp:[2001:db8:1::1]:53"),
        ("fd5a:9a7e::5/128", "udp:[2001:db8:1::1]:53"),
    ] {
        lab::run("ip", &["-n", "sbx0", "address", "add", address, "dev", "eth0", "nodad"]);
        let before = datagrams();
        let address = address.split('/').next().expect("an address");
        let from = if address.contains(':') { format!("[{address}]:0") } else { format!("{address}:0") };
        assert!(!lab::ends_well(within("sbx0", &["ask", to, &from])), "{from}");
        assert_eq!(datagrams(), before, "nothing from {address} came to the internet");
    }
}

/// How many UDP datagrams the internet has taken in.
fn datagrams() -> Vec<String> {
    let read = |file: &str| lab::run("ip", &["netns", "exec", "internet", "cat", file]);
    let all = [read("/proc/net/snmp"), read("/proc/net/snmp6")].concat();
    all.lines()
        .filter(|line| line.starts_with("Udp: ") || line.starts_with("Udp6InDatagrams"))
        .map(Into::into)
        .collect()
}

fn deleted() {
    let mut node = Node::start();
    node.create("a", 1, r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#).expect("there is room");
    let (v4, is_there) = (node.address("a", false), |left: &[String]| left.iter().any(|name| name.contains("sbx0")));
    assert!(is_there(&lab::left()));
    let mut process = lab::start(node.inside("a", &["serve", "tcp:0.0.0.0:5000"]));
    node.delete("a").expect("it ends");
    assert!(!is_there(&lab::left()), "{:?}", lab::left());
    assert!(!process.process().wait().expect("it has ended").success());
    assert!(!lab::run("nft", &["list", "ruleset"]).contains(&v4), "no rule knows it");
    assert_eq!(fs::read_dir(node.state.path()).expect("a directory").count(), 0, "nothing is written down");
    assert!(node.list().is_empty());
}

fn room() {
    let mut node = Node::start();
    // 10.213.0.0/28 has eight links.
    for number in 0..8 {
        node.create(&format!("a{number}"), 1, "{}").expect("there is room");
    }
    let full = node.create("b", 1, "{}").expect_err("there is none");
    assert_eq!(full.code(), tonic::Code::ResourceExhausted);
    node.delete("a3").expect("it ends");
    node.create("b", 1, "{}").expect("there is room again");
    assert!(node.reaches("b", "tcp:203.0.113.1:80") && node.reaches("b", "tcp:[2001:db8:1::1]:80"));
}

/// The tables of as many sandboxes as a node takes, and of as many changes at a time, but for one
/// sandbox and its change. Chains at hooks are what the kernel counts.
const TABLES: u32 = 900 + 64 - 2;

fn full() {
    let mut node = Node::start();
    let table = |verb: &str, number: u32| format!("{verb} table inet other{number}\n");
    let chain = |number: u32, hook: &str| {
        format!("add chain inet other{number} {hook} {{ type filter hook {hook} priority -150; }}\n")
    };
    let one =
        |number| format!("{}{}{}", table("add", number), chain(number, "prerouting"), chain(number, "postrouting"));
    let file = node.state.path().join("rules");
    fs::write(&file, (0..TABLES).map(one).collect::<String>()).expect("a file");
    lab::run("nft", &["-f", &file.display().to_string()]);
    let policy = r#"{"allowOut": ["*.example.com", "203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#;
    node.create("a", 1, policy).expect("there is room");
    node.update("a", 2, r#"{"denyOut": ["203.0.113.1"]}"#).expect("there is room for a second table");
    node.update("a", 3, policy).expect("there is room for a second table");
    assert!(node.reaches("a", "tcp:203.0.113.1:80") && !node.reaches("a", "udp:203.0.113.2:53"));
    fs::write(&file, (0..TABLES).map(|number| table("delete", number)).collect::<String>()).expect("a file");
    lab::run("nft", &["-f", &file.display().to_string()]);
}

fn resolver() {
    let etc = Path::new("/etc/netns");
    if fs::create_dir_all(etc).is_err() {
        let is_required = std::env::var_os("SANDGATE_KERNEL").is_some_and(|value| value == "required");
        assert!(!is_required, "{} is required, and cannot be made without being root", etc.display());
        eprintln!("SKIPPED: {} cannot be made without being root", etc.display());
        return;
    }
    lab::enter();
    lab::run("mount", &["-t", "tmpfs", "tmpfs", "/etc/netns"]);
    let mut node = Node::with(tempfile::tempdir().expect("a directory"), |config| config.resolv_conf = true);
    node.create("a", 1, "{}").expect("there is room");
    let read = lab::run("ip", &["netns", "exec", "sbx0", "cat", "/etc/resolv.conf"]);
    assert_eq!(read, "nameserver 203.0.113.53\n");
    node.delete("a").expect("it ends");
    assert_eq!(fs::read_dir(etc).expect("a directory").count(), 0);
}
