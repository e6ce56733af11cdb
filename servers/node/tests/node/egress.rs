//! What a sandbox reaches, step after step on one that runs.

use crate::{
    lab::{self, HOST_1, HOST_2},
    node::{Node, PROXY_PORT, ip, policy},
};
use sandgate::nftables::Established;

pub(crate) fn tests() -> Vec<sandgate_lab::Test> {
    vec![
        ("each_policy_is_what_happens_from_its_acknowledgement_on", steps),
        ("a_name_is_reached_where_the_node_finds_it_and_nowhere_else", proxied),
        ("with_masquerading_hosts_need_no_route_to_sandboxes", masqueraded),
        ("a_direct_connection_ends_when_only_a_name_may_allow_its_address", direct),
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
    let says = |node: &Node, to: &str, host: &str| -> Option<String> {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = node.client("a").send(to.parse().expect("an address and a port"), &request)?;
        (answer.status == 200).then(|| answer.host().to_owned())
    };
    // Wherever the sandbox believes the name to be, it comes to where the node finds it.
    for to in ["203.0.113.3:8080", "203.0.113.2:8080", "[2001:db8:1::1]:8080"] {
        assert_eq!(says(&node, to, "api.example.com").as_deref(), Some("203.0.113.2"), "{to}");
        assert_eq!(says(&node, to, "api.example.org"), None, "{to}: another name");
        assert_eq!(says(&node, to, "rebound.example.com"), None, "{to}: a name of the platform's own addresses");
    }
    assert_eq!(says(&node, "203.0.113.1:8080", "any").as_deref(), Some("203.0.113.1"), "the address is allowed");
    assert!(!node.reaches("a", "udp:203.0.113.2:53"), "a name allows TCP only");
    for to in ["10.213.0.0", "[fd5a:9a7e::]", lab::NODE[0]] {
        assert!(!node.reaches("a", &format!("tcp:{to}:{PROXY_PORT}")), "nobody talks to the proxy itself: {to}");
    }
    node.update("a", 2, r#"{"denyOut": ["0.0.0.0/0"]}"#).expect("it is valid");
    assert_eq!(says(&node, "203.0.113.3:8080", "api.example.com"), None);
}

fn masqueraded() {
    lab::enter();
    let change = |verb: &str| {
        for via in ["192.0.2.1", "2001:db8::1"] {
            lab::run("ip", &["-n", "internet", "route", verb, "default", "via", via]);
        }
    };
    change("delete");
    let outcome = std::panic::catch_unwind(without_way_back);
    change("add");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn without_way_back() {
    let [v4, v6] = HOST_1;
    for is_translated in [false, true] {
        let state = tempfile::tempdir().expect("a directory");
        let mut node = Node::with(state, |config| config.masquerade = is_translated);
        node.create("a", 1, "{}").expect("there is room");
        for to in [format!("tcp:{v4}:80"), format!("tcp:[{v6}]:80"), format!("icmp:{v4}:0")] {
            assert_eq!(node.reaches("a", &to), is_translated, "{to}");
        }
        node.update("a", 2, r#"{"denyOut": ["203.0.113.0/24"]}"#).expect("it is valid");
        assert!(!node.reaches("a", &format!("tcp:{v4}:80")), "it is judged all the same");
    }
}

fn revoked() {
    for (established, goes_on) in [(Established::Recheck, false), (Established::Keep, true)] {
        let mut node = Node::recheck(established);
        node.create("a", 1, "{}").expect("there is room");
        let mut open = lab::start(node.inside("a", &["hold", "tcp:203.0.113.1:80"]));
        let mut other = lab::start(node.inside("a", &["hold", "tcp:[2001:db8:1::2]:80"]));
        assert!(open.works().expect("it runs") && other.works().expect("it runs"));
        node.update("a", 2, r#"{"denyOut": ["203.0.113.1"]}"#).expect("it is valid");
        assert_eq!(open.works().expect("it runs"), goes_on, "{established:?}");
        assert!(other.works().expect("it runs"), "{established:?}: what is still allowed goes on");
        assert!(!node.reaches("a", "tcp:203.0.113.1:80"), "{established:?}: nothing new is opened");
    }
}

/// The proxy has read no name on it.
fn direct() {
    let mut node = Node::start();
    node.create("a", 1, "{}").expect("there is room");
    let mut held =
        ["tcp:203.0.113.2:80", "tcp:[2001:db8:1::2]:443"].map(|to| lab::start(node.inside("a", &["hold", to])));
    for open in &mut held {
        assert!(open.works().expect("it runs"));
    }
    let text = r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#;
    node.update("a", 2, text).expect("it is valid");
    for open in &mut held {
        assert!(!open.works().expect("it runs"), "it goes past the proxy");
    }
}
