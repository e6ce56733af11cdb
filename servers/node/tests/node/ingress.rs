//! Who reaches a sandbox: directly, as the kernel judges, and from the node's own proxy.

use crate::{
    lab::{self, HOST_1, HOST_2, Running, in_internet},
    node::{Node, SECRET, ip, policy},
};
use sandgate::{INTERNAL_HEADER, nftables::Established};
use sandgate_proxy::EDGE_SECRET;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("clients_that_are_routed_to_a_sandbox_are_judged_by_the_kernel", steps),
        ("without_public_traffic_what_is_forwarded_opens_nothing_but_exempt_ports", not_public),
        ("what_the_node_opens_to_a_sandbox_is_not_judged_and_nobody_else_passes_for_it", from_node),
        ("the_ingress_proxy_judges_the_client_and_the_kernel_does_not_judge_the_proxy", proxied),
    ]
}

const STEPS: [&str; 6] = [
    r#"{"denyIn": ["0.0.0.0/0"]}"#,
    r#"{"allowIn": ["203.0.113.1"], "denyIn": ["0.0.0.0/0"]}"#,
    r#"{"allowIn": ["203.0.113.2:5000", "2001:db8:1::1"], "denyIn": ["0.0.0.0/0"]}"#,
    r#"{"denyIn": [":5000"]}"#,
    r#"{"denyIn": ["2001:db8:1::/64"]}"#,
    "{}",
];

/// Port 4999 is exempt.
const PORTS: [u16; 3] = [4999, 5000, 5001];

fn serve(node: &Node) -> Running {
    let (v4, v6) = (node.address("a", false), node.address("a", true));
    let sockets: Vec<String> =
        PORTS.iter().flat_map(|port| [&v4, &v6].map(|address| format!("udp:{address}:{port}"))).collect();
    let tcp = [format!("tcp:{v4}:5000"), format!("tcp:{v6}:5000")];
    let words: Vec<&str> = ["serve"].into_iter().chain(sockets.iter().chain(&tcp).map(String::as_str)).collect();
    lab::start(node.inside("a", &words))
}

fn steps() {
    let mut node = Node::start();
    node.create("a", 1, "{}").expect("there is room");
    let _server = serve(&node);
    for (step, text) in ["{}"].iter().chain(&STEPS).enumerate() {
        let generation = u64::try_from(step).expect("there are few") + 2;
        node.update("a", generation, text).expect("it is valid");
        let policy = policy(text);
        for client in [HOST_1, HOST_2].concat() {
            let is_ipv6 = client.contains(':');
            let from = if is_ipv6 { format!("[{client}]:0") } else { format!("{client}:0") };
            for port in PORTS {
                let to = format!("udp:{}:{port}", node.address("a", is_ipv6));
                let reaches = lab::ends_well(in_internet(&["ask", &to, &from]));
                assert_eq!(reaches, policy.allows_ingress(Some(ip(client)), port), "{text}: {client} to {to}");
            }
        }
    }
}

/// Who is routed to the sandbox shows no token: only the ingress proxy asks for it.
fn not_public() {
    for (public, is_public) in [("true", true), ("false", false)] {
        let mut node = Node::with(tempfile::tempdir().expect("a directory"), |config| config.remove_on_stop = false);
        let text = format!(r#"{{"allowPublicTraffic": {public}}}"#);
        node.create("a", 1, &text).expect("there is room");
        let _server = serve(&node);
        entered(&node, is_public, "created");
        node.update("a", 2, &format!(r#"{{"allowPublicTraffic": {public}, "denyIn": [":1"]}}"#)).expect("it is valid");
        entered(&node, is_public, "updated");
        let mut node = node.again(|_| {});
        entered(&node, is_public, "after another start");
        // The next one on the same link is not taken for it.
        node.delete("a").expect("it ends");
        for number in 0..8 {
            node.create(&format!("b{number}"), 1, "{}").expect("there is room");
        }
        let to = format!("tcp:{}:5000", node.address("b7", false));
        assert_eq!(node.sandbox("b7").ipv4.to_string(), "10.213.0.1");
        let _server = lab::start(node.inside("b7", &["serve", &to]));
        assert!(lab::ends_well(in_internet(&["ask", &to])), "the link is public again");
    }
}

fn entered(node: &Node, is_public: bool, when: &str) {
    for is_ipv6 in [false, true] {
        let address = node.address("a", is_ipv6);
        for (protocol, port, enters) in
            [("tcp", 5000, is_public), ("udp", 5001, is_public), ("icmp", 0, is_public), ("udp", 4999, true)]
        {
            let to = format!("{protocol}:{address}:{port}");
            assert_eq!(lab::ends_well(in_internet(&["ask", &to])), enters, "{when}, public: {is_public}, {to}");
        }
        assert!(lab::ends_well(lab::part(&["ask", &format!("tcp:{address}:5000")])), "{when}: the node itself");
    }
    for to in ["tcp:203.0.113.1:80", "udp:[2001:db8:1::1]:53", "icmp:203.0.113.1:0"] {
        assert!(node.reaches("a", to), "{when}: what the sandbox opens is answered: {to}");
    }
}

fn from_node() {
    for established in [Established::Recheck, Established::Keep] {
        let mut node = Node::recheck(established);
        let closed = r#"{"denyOut": ["0.0.0.0/0"], "denyIn": ["0.0.0.0/0"]}"#;
        node.create("a", 1, closed).expect("there is room");
        let _server = serve(&node);
        for is_ipv6 in [false, true] {
            let to = format!("{}:5000", node.address("a", is_ipv6));
            assert!(lab::ends_well(lab::part(&["ask", &format!("tcp:{to}")])), "{established:?}: the node itself");
            let link = if is_ipv6 { "fd5a:9a7e::" } else { "10.213.0.0" };
            let len = if is_ipv6 { "128" } else { "32" };
            // A liar on the network in front of the node has the address of the node's end.
            lab::run("ip", &["-n", "internet", "address", "add", &format!("{link}/{len}"), "dev", "lo"]);
            let from = if is_ipv6 { format!("[{link}]:6000") } else { format!("{link}:6000") };
            let before = received(&node);
            assert!(!lab::ends_well(in_internet(&["ask", &format!("udp:{to}"), &from])));
            assert_eq!(received(&node), before, "{established:?}: nothing of it arrived");
            lab::run("ip", &["-n", "internet", "address", "delete", &format!("{link}/{len}"), "dev", "lo"]);
        }
    }
}

fn proxied() {
    let mut node = Node::start();
    let text = r#"{"allowIn": ["203.0.113.1:5000"], "denyIn": ["0.0.0.0/0"], "denyOut": ["0.0.0.0/0"]}"#;
    node.create("a", 1, text).expect("there is room");
    let to = format!("web:{}:5000", node.address("a", false));
    let _server = lab::start(node.inside("a", &["serve", &to]));
    let status = |node: &Node, client: &str| -> String {
        let proxy = node.agent().ingress_addresses()[0];
        let mut stream = TcpStream::connect(proxy).expect("it listens");
        let request = format!(
            "GET / HTTP/1.1\r\nhost: 5000-a.sandboxes.example\r\n{EDGE_SECRET}: {SECRET}\r\n\
             {INTERNAL_HEADER}: {client}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    assert_eq!(status(&node, "203.0.113.1"), "200");
    assert_eq!(status(&node, "203.0.113.2"), "403");
    node.update("a", 2, r#"{"denyIn": ["203.0.113.1"]}"#).expect("it is valid");
    assert_eq!(status(&node, "203.0.113.1"), "403");
    assert_eq!(status(&node, "203.0.113.2"), "200");
}

/// How many UDP datagrams the sandbox has taken in.
fn received(node: &Node) -> Vec<String> {
    let sandbox = node.inside("a", &["-"]);
    assert!(sandbox.get_args().any(|word| word == sandgate_lab::PLAY), "it is a part");
    let namespace = sandbox.get_args().nth(2).expect("`netns exec NAME`").to_owned();
    let files = ["/proc/net/snmp", "/proc/net/snmp6"];
    let read = |file: &str| lab::run("ip", &["netns", "exec", &namespace.to_string_lossy(), "cat", file]);
    let all: Vec<String> = files.map(read).concat().lines().map(Into::into).collect();
    all.into_iter().filter(|line| line.starts_with("Udp: ") || line.starts_with("Udp6InDatagrams")).collect()
}
