//! What a sandbox reaches, step after step on one that runs.

use crate::{
    lab::{self, HOST_1, HOST_2, Running},
    node::{Node, PROXY_PORT, ip, policy},
};
use sandgate::nftables::Established;
use std::net::TcpListener;

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("each_policy_is_what_happens_from_its_acknowledgement_on", steps),
        ("tcp_that_a_name_may_allow_comes_to_the_proxy_and_nothing_else_does", proxied),
        ("an_open_connection_ends_when_it_is_rechecked_and_goes_on_when_it_is_kept", revoked),
    ]
}

const STEPS: [&str; 8] = [
    r#"{"denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowOut": ["203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowOut": ["2001:db8:1::1"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowOut": ["203.0.113.2:443", "[2001:db8:1::2]:53"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"denyOut": ["203.0.113.0/31"]}"#,
    r#"{"denyOut": [":80"]}"#,
    r#"{"allowInternetAccess": false}"#,
    "{}",
];

fn steps() {
    let mut node = Node::start();
    node.create("a", 1, "{}").expect("there is room");
    check(&node, "{}");
    for (step, text) in STEPS.iter().enumerate() {
        let generation = u64::try_from(step).expect("there are few") + 2;
        node.update("a", generation, text).expect("it is valid");
        check(&node, text);
    }
}

/// Every host and port, and a ping, as the core says.
fn check(node: &Node, text: &str) {
    let policy = policy(text);
    for host in [HOST_1, HOST_2].concat() {
        let name = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        for (protocol, port) in [("tcp", 80), ("tcp", 443), ("udp", 53)] {
            let to = format!("{protocol}:{name}:{port}");
            assert_eq!(node.reaches("a", &to), policy.allows_egress(ip(host), port), "{text}: {to}");
        }
        assert_eq!(
            node.reaches("a", &format!("icmp:{name}:0")),
            policy.allows_egress(ip(host), 0),
            "{text}: ping {host}"
        );
    }
}

fn proxied() {
    let mut node = Node::start();
    let text = r#"{"allowOut": ["*.example.com", "203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#;
    node.create("a", 1, text).expect("there is room");
    for is_ipv6 in [false, true] {
        let any = if is_ipv6 { "[::]" } else { "0.0.0.0" };
        let proxy = TcpListener::bind(format!("{any}:{PROXY_PORT}")).expect("a port is free");
        let host = if is_ipv6 { format!("[{}]", HOST_2[1]) } else { HOST_2[0].to_owned() };
        let mut client = node.inside("a", &["hold", &format!("tcp:{host}:443")]).spawn().expect("it runs");
        let (_stream, peer) = proxy.accept().expect("it is redirected");
        let sandbox = node.sandbox("a");
        let expected = if is_ipv6 { sandbox.ipv6.into() } else { std::net::IpAddr::from(sandbox.ipv4) };
        assert_eq!(peer.ip(), expected, "the proxy sees whose it is");
        client.kill().expect("it runs");
        client.wait().expect("it ends");

        // The proxy itself is not to be talked to.
        let link = if is_ipv6 { "[fd5a:9a7e::]" } else { "10.213.0.0" };
        let node_address = if is_ipv6 { "[2001:db8::1]" } else { lab::NODE };
        let talks = std::thread::spawn({
            let proxy = proxy.try_clone().expect("a socket");
            move || proxy.accept().map(|(_, peer)| peer.ip())
        });
        assert!(!node.reaches("a", &format!("tcp:{link}:{PROXY_PORT}")), "the node's end is always denied");
        // A public address of the node is one that a name may allow: the proxy is asked about it.
        let asked = node.reaches("a", &format!("tcp:{node_address}:22"));
        assert!(!asked, "nobody echoes");
        assert_eq!(talks.join().expect("no panic").expect("it is redirected"), expected);
        assert!(!node.reaches("a", &format!("udp:{host}:53")), "a name allows TCP only");
    }
    assert!(node.reaches("a", "tcp:203.0.113.1:443"), "what the address allows comes to no proxy");
}

fn revoked() {
    for (established, goes_on) in [(Established::Recheck, false), (Established::Keep, true)] {
        let mut node = Node::recheck(established);
        node.create("a", 1, "{}").expect("there is room");
        let mut open = Running::start(node.inside("a", &["hold", "tcp:203.0.113.1:80"]));
        let mut other = Running::start(node.inside("a", &["hold", "tcp:[2001:db8:1::2]:80"]));
        assert!(open.works() && other.works());
        node.update("a", 2, r#"{"denyOut": ["203.0.113.1"]}"#).expect("it is valid");
        assert_eq!(open.works(), goes_on, "{established:?}");
        assert!(other.works(), "{established:?}: what is still allowed goes on");
        assert!(!node.reaches("a", "tcp:203.0.113.1:80"), "{established:?}: nothing new is opened");
    }
}
