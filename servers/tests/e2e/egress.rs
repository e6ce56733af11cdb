//! What one sandbox reaches, step after step, each policy put in the place of the last.

use crate::world::World;
use sandgate_lab::{Client, HOSTS};
use std::thread;

const ONE: [&str; 2] = HOSTS[0];
const TWO: [&str; 2] = HOSTS[1];
/// A host that no name leads to.
const LIAR: &str = HOSTS[3][0];
/// The name of the second host, and that of the third.
pub(crate) const TO_TWO: &str = "api.example.com";
pub(crate) const TO_THREE: &str = "www.example.org";

/// Where a flow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Where it was going.
    There,
    /// Where the node finds its name.
    ByName,
    Nowhere,
}
use End::{ByName, Nowhere, There};

/// A way out of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// TCP that says no name.
    Tcp,
    Udp,
    Icmp,
    /// A request of HTTP with this Host.
    Http(&'static str),
    /// A whole handshake of TLS for this name, and a request in it.
    Tls(&'static str),
}
use Way::{Http, Icmp, Tcp, Tls, Udp};

impl Way {
    const fn name(self) -> Option<&'static str> {
        match self {
            Http(name) | Tls(name) => Some(name),
            Tcp | Udp | Icmp => None,
        }
    }
}

/// A flow out of the sandbox.
#[derive(Debug, Clone, Copy)]
struct Flow {
    way: Way,
    host: &'static str,
}

impl Flow {
    fn is_ipv6(&self) -> bool {
        self.host.contains(':')
    }

    /// Who answers it.
    fn ask(&self, client: &Client) -> Option<String> {
        let host = if self.is_ipv6() { format!("[{}]", self.host) } else { self.host.to_owned() };
        let reaches = |to: String| client.reaches(&to).then(|| self.host.to_owned());
        let to = |port| format!("{host}:{port}").parse().expect("an address");
        let request = |name| format!("GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        let answer = match self.way {
            Tcp => return reaches(format!("tcp:{host}:7")),
            Udp => return reaches(format!("udp:{host}:7")),
            Icmp => return reaches(format!("icmp:{host}:0")),
            Http(name) => client.send(to(80), &request(name)),
            Tls(name) => client.send_tls(to(443), name, &request(name)),
        };
        answer.map(|answer| answer.host().to_owned())
    }

    /// Who is to answer it, if it ends there.
    fn answer(&self, end: End) -> Option<String> {
        let family = usize::from(self.is_ipv6());
        match end {
            Nowhere => None,
            There => Some(self.host.into()),
            ByName if self.way.name() == Some(TO_TWO) => Some(TWO[family].into()),
            ByName => Some(HOSTS[2][family].into()),
        }
    }
}

/// Every way to hosts by both their addresses.
fn flows() -> Vec<Flow> {
    let ways = [Tcp, Udp, Icmp, Http(TO_TWO), Tls(TO_TWO), Tls(TO_THREE)];
    let hosts = [ONE[0], ONE[1], TWO[0], TWO[1], LIAR];
    hosts.into_iter().flat_map(|host| ways.map(|way| Flow { way, host })).collect()
}

/// Asks all at the same time: most of the time is spent waiting for what does not come.
fn ask_all(flows: &[Flow], client: &Client) -> Vec<Option<String>> {
    thread::scope(|scope| {
        let asked: Vec<_> = flows.iter().map(|flow| scope.spawn(|| flow.ask(client))).collect();
        asked.into_iter().map(|asking| asking.join().expect("it ends")).collect()
    })
}

struct Step {
    name: &'static str,
    network: &'static str,
    reaches: fn(&Flow) -> End,
}

fn there(reaches: bool) -> End {
    if reaches { There } else { Nowhere }
}

/// By a name that it says.
fn by_name(flow: &Flow, allows: impl Fn(&str) -> bool) -> End {
    if flow.way.name().is_some_and(allows) { ByName } else { Nowhere }
}

const STEPS: [Step; 17] = [
    Step { name: "open", network: "{}", reaches: |_| There },
    Step { name: "deny all", network: r#"{"denyOut": ["0.0.0.0/0"]}"#, reaches: |_| Nowhere },
    Step {
        name: "one IPv4 address",
        network: r#"{"allowOut": ["203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| there(flow.host == ONE[0]),
    },
    Step {
        name: "one IPv6 address in its place",
        network: r#"{"allowOut": ["2001:db8:1::2"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| there(flow.host == TWO[1]),
    },
    Step {
        name: "a network",
        network: r#"{"allowOut": ["203.0.113.2/31"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| there(flow.host == TWO[0]),
    },
    Step {
        name: "ports of both families",
        network: r#"{"allowOut": ["203.0.113.1:443", "[2001:db8:1::2]:7"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| {
            there(match flow.way {
                Tls(_) => flow.host == ONE[0],
                Tcp | Udp => flow.host == TWO[1],
                Icmp | Http(_) => false,
            })
        },
    },
    Step {
        name: "one name",
        network: r#"{"allowOut": ["api.example.com"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| by_name(flow, |name| name == TO_TWO),
    },
    Step {
        name: "all names below another",
        network: r#"{"allowOut": ["*.example.org"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| by_name(flow, |name| name == TO_THREE),
    },
    Step {
        name: "a name and an address",
        network: r#"{"allowOut": ["api.example.com", "203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| if flow.host == ONE[0] { There } else { by_name(flow, |name| name == TO_TWO) },
    },
    Step {
        name: "every name",
        network: r#"{"allowOut": ["*"], "denyOut": ["0.0.0.0/0"]}"#,
        reaches: |flow| by_name(flow, |_| true),
    },
    Step {
        name: "deny one address",
        network: r#"{"denyOut": ["203.0.113.1"]}"#,
        reaches: |flow| there(flow.host != ONE[0]),
    },
    Step {
        name: "deny a network of IPv6",
        network: r#"{"denyOut": ["2001:db8:1::/64"]}"#,
        reaches: |flow| there(!flow.is_ipv6()),
    },
    Step {
        name: "deny a port, of both families",
        network: r#"{"denyOut": [":443"]}"#,
        reaches: |flow| there(!matches!(flow.way, Tls(_))),
    },
    Step { name: "internet access off", network: r#"{"allowInternetAccess": false}"#, reaches: |_| Nowhere },
    Step {
        name: "off, as nothing else is said, and an address",
        network: r#"{"allowOut": ["203.0.113.2"]}"#,
        reaches: |flow| there(flow.host == TWO[0]),
    },
    Step {
        name: "off, and a name",
        network: r#"{"allowOut": ["www.example.org"]}"#,
        reaches: |flow| by_name(flow, |name| name == TO_THREE),
    },
    Step { name: "on again and cleared", network: r#"{"allowInternetAccess": true}"#, reaches: |_| There },
];

/// All steps on one sandbox, and each is what happens from its acknowledgement on.
pub(crate) fn steps() {
    let world = World::start();
    let sandbox = world.create("{}");
    let (flows, client) = (flows(), sandbox.client());
    for (number, Step { name, network, reaches }) in STEPS.iter().enumerate() {
        let put = world.blue().put(&sandbox.id, network);
        assert_eq!(put.status, 204, "{name}: {put:?}");
        for (flow, answer) in flows.iter().zip(ask_all(&flows, &client)) {
            assert_eq!(answer, flow.answer(reaches(flow)), "{name}: {flow:?}");
        }
        world.agrees(&sandbox);
        eprintln!("  egress {}: {name}: {} flows", number + 1, flows.len());
    }
}
