//! Who reaches one sandbox through the edge, step after step, each policy in the place of the last.

use crate::world::{Sandbox, World, request};
use sandgate::INTERNAL_HEADER;
use sandgate_lab::Answer;
use sandgate_proxy::{EDGE_SECRET, TRAFFIC_ACCESS_TOKEN};
use std::thread;

/// Clients that connect to the edge themselves.
const ANN: &str = "198.51.100.7";
const BOB: &str = "198.51.100.8";
const SIX: &str = "2001:db8:2::7";
/// The balancer. What is behind it is in the header; without one it is unknown.
pub(crate) const BALANCER: &str = "198.51.100.100";
/// The port that is never filtered.
const EXEMPT: u16 = 4999;
const PORTS: [u16; 3] = [EXEMPT, 8080, 8081];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A client, from its address.
    Direct(&'static str),
    /// A client behind the balancer.
    Behind(&'static str),
    /// The balancer, which says nothing.
    Unknown,
    /// A client that has no token.
    NoToken,
    /// A client that has another token.
    BadToken,
}
use Who::{BadToken, Behind, Direct, NoToken, Unknown};

const ALL: [Who; 8] = [Direct(ANN), Direct(BOB), Direct(SIX), Behind(ANN), Behind(SIX), Unknown, NoToken, BadToken];

impl Who {
    fn ask(self, sandbox: &Sandbox, port: u16) -> Answer {
        let token = match self {
            NoToken => String::new(),
            BadToken => format!("{TRAFFIC_ACCESS_TOKEN}: {}x\r\n", sandbox.token),
            _ => format!("{TRAFFIC_ACCESS_TOKEN}: {}\r\n", sandbox.token),
        };
        let host = sandbox.host(port);
        match self {
            Direct(from) => request(from, &host, &token),
            Behind(client) => request(BALANCER, &host, &format!("{token}x-forwarded-for: {client}\r\n")),
            Unknown => request(BALANCER, &host, &token),
            NoToken | BadToken => request(ANN, &host, &token),
        }
    }

    fn address(self) -> Option<&'static str> {
        match self {
            Direct(address) | Behind(address) => Some(address),
            Unknown => None,
            NoToken | BadToken => Some(ANN),
        }
    }
}

#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    network: &'static str,
    /// Whether a client, known or not, is let in at a port that is not exempt.
    admits: fn(Option<&str>, u16) -> bool,
    /// The Host that the sandbox sees at the port 8080. `None`: the one that was sent.
    mask: Option<&'static str>,
}

const fn step(name: &'static str, network: &'static str, admits: fn(Option<&str>, u16) -> bool) -> Step {
    Step { name, network, admits, mask: None }
}

const fn masked(mask: &'static str, step: Step) -> Step {
    Step { mask: Some(mask), ..step }
}

const STEPS: [Step; 17] = [
    step("open", "{}", |_, _| true),
    step("deny all", r#"{"denyIn": ["0.0.0.0/0"]}"#, |_, _| false),
    step("one client", r#"{"allowIn": ["198.51.100.7"], "denyIn": ["0.0.0.0/0"]}"#, |client, _| client == Some(ANN)),
    step("another client in its place", r#"{"allowIn": ["198.51.100.8"], "denyIn": ["0.0.0.0/0"]}"#, |client, _| {
        client == Some(BOB)
    }),
    step("a client at a port", r#"{"allowIn": ["198.51.100.7:8080"], "denyIn": ["0.0.0.0/0"]}"#, |client, port| {
        client == Some(ANN) && port == 8080
    }),
    step("a client of IPv6", r#"{"allowIn": ["2001:db8:2::7"], "denyIn": ["0.0.0.0/0"]}"#, |client, _| {
        client == Some(SIX)
    }),
    step(
        "a network of IPv6 at a port, and a network of IPv4",
        r#"{"allowIn": ["[2001:db8:2::/48]:8081", "198.51.100.8/31"], "denyIn": ["0.0.0.0/0"]}"#,
        |client, port| client == Some(BOB) || (client == Some(SIX) && port == 8081),
    ),
    step("a port for every client of IPv4", r#"{"allowIn": [":8080"], "denyIn": ["0.0.0.0/0"]}"#, |client, port| {
        [Some(ANN), Some(BOB)].contains(&client) && port == 8080
    }),
    step("deny one client", r#"{"denyIn": ["198.51.100.7"]}"#, |client, _| [Some(BOB), Some(SIX)].contains(&client)),
    step("deny a network of IPv6", r#"{"denyIn": ["2001:db8:2::/64"]}"#, |client, _| {
        [Some(ANN), Some(BOB)].contains(&client)
    }),
    step("deny a port", r#"{"denyIn": [":8081"]}"#, |client, port| client.is_some() && port != 8081),
    step("deny the exempt port, in vain", r#"{"denyIn": [":4999"]}"#, |client, _| client.is_some()),
    masked(
        "app.example:9000",
        step(
            "a mask and a client",
            r#"{"allowIn": ["198.51.100.7"], "denyIn": ["0.0.0.0/0"],
            "maskRequestHost": "app.example:9000"}"#,
            |client, _| client == Some(ANN),
        ),
    ),
    masked(
        "localhost:8080",
        step("the mask changed, with the port in it", r#"{"maskRequestHost": "localhost:${PORT}"}"#, |_, _| true),
    ),
    masked("[::1]:8080", step("a mask of IPv6", r#"{"maskRequestHost": "[::1]:{port}"}"#, |_, _| true)),
    step("the mask cleared", r#"{"maskRequestHost": null}"#, |_, _| true),
    step("deny all of IPv6", r#"{"denyIn": ["::/0"]}"#, |client, _| [Some(ANN), Some(BOB)].contains(&client)),
];

/// All steps on one sandbox, without public traffic: every request carries the token, or is not let
/// in whatever the policy says.
pub(crate) fn steps() {
    let world = World::start();
    let sandbox = world.create(r#"{"allowPublicTraffic": false}"#);
    let _server = sandbox.serve(&PORTS);
    for (number, step) in STEPS.iter().enumerate() {
        let put = world.blue().put(&sandbox.id, step.network);
        assert_eq!(put.status, 204, "{}: {put:?}", step.name);
        let asked: Vec<(Who, u16)> = ALL.into_iter().flat_map(|who| PORTS.map(|port| (who, port))).collect();
        let answers = thread::scope(|scope| {
            let asking = |(who, port): &(Who, u16)| (*who, *port);
            let threads: Vec<_> = asked
                .iter()
                .map(asking)
                .map(|(who, port)| {
                    scope.spawn({
                        let sandbox = &sandbox;
                        move || who.ask(sandbox, port)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
        });
        for ((who, port), answer) in asked.iter().zip(&answers) {
            check(step, &sandbox, *who, *port, answer);
        }
        world.agrees(&sandbox);
        eprintln!("  ingress {}: {}: {} requests", number + 1, step.name, asked.len());
    }
}

fn check(step: &Step, sandbox: &Sandbox, who: Who, port: u16, answer: &Answer) {
    let what = format!("{}: {who:?} at {port}: {answer:?}", step.name);
    let has_token = ![NoToken, BadToken].contains(&who);
    let is_let_in = port == EXEMPT || (has_token && (step.admits)(who.address(), port));
    assert_eq!(answer.status, if is_let_in { 200 } else { 403 }, "{what}");
    if !is_let_in {
        let inside = [sandbox.token.as_str(), "10.213.", "denyIn", "allowIn"];
        assert!(!inside.iter().any(|word| answer.body.contains(word)), "nothing of the inside is told: {what}");
        return;
    }
    for header in [INTERNAL_HEADER, EDGE_SECRET.as_str(), TRAFFIC_ACCESS_TOKEN.as_str()] {
        assert!(answer.was_sent(header).is_empty(), "{header} goes no further: {what}");
    }
    let host = sandbox.host(port);
    let mask = step.mask.filter(|_| port != EXEMPT).map(|mask| mask.replace("8080", &port.to_string()));
    let original: &[&str] = if mask.is_some() { &[&host] } else { &[] };
    assert_eq!(answer.was_sent("host"), [mask.as_ref().unwrap_or(&host)], "{what}");
    assert_eq!(answer.was_sent("x-forwarded-host"), original, "{what}");
}

/// What is sent through a peer, and the client that it is. `None`: unknown.
const CHAINS: [(&str, &[&str], Option<&str>); 19] = [
    // A peer that is no balancer is the client, whatever it writes.
    (BOB, &["198.51.100.7"], Some(BOB)),
    (BOB, &["198.51.100.7, 198.51.100.100"], Some(BOB)),
    (SIX, &["198.51.100.7"], Some(SIX)),
    (ANN, &["bogus", ""], Some(ANN)),
    // Behind the balancer it is the last entry that is not a balancer's.
    (BALANCER, &["198.51.100.7"], Some(ANN)),
    (BALANCER, &["198.51.100.7, 198.51.100.8"], Some(BOB)),
    (BALANCER, &["198.51.100.7, 198.51.100.100"], Some(ANN)),
    (BALANCER, &["198.51.100.7:5555"], Some(ANN)),
    (BALANCER, &["::ffff:198.51.100.7"], Some(ANN)),
    (BALANCER, &["[2001:db8:2::7]:80"], Some(SIX)),
    // Repeated lines are one list.
    (BALANCER, &["198.51.100.7", "198.51.100.8"], Some(BOB)),
    (BALANCER, &["198.51.100.8", "198.51.100.7"], Some(ANN)),
    (BALANCER, &["198.51.100.7", "198.51.100.100"], Some(ANN)),
    // What cannot be read is nobody.
    (BALANCER, &["198.51.100.7, bogus"], None),
    (BALANCER, &["198.51.100.7", ""], None),
    (BALANCER, &["198.51.100.7,"], None),
    (BALANCER, &["198.51.100.07"], None),
    (BALANCER, &["198.51.100.7:0"], None),
    (BALANCER, &[], None),
];

/// Clients that forge, repeat and garble what says who they are.
pub(crate) fn chains() {
    let world = World::start();
    let sandbox = world.create("{}");
    let _server = sandbox.serve(&[8080]);
    let host = sandbox.host(8080);
    for allowed in [ANN, BOB, SIX] {
        let network = format!(r#"{{"allowIn": ["{allowed}"], "denyIn": ["0.0.0.0/0"]}}"#);
        assert_eq!(world.blue().put(&sandbox.id, &network).status, 204);
        for (peer, lines, client) in CHAINS {
            let headers = lines.iter().map(|line| format!("X-Forwarded-For: {line}\r\n")).collect::<Vec<_>>().concat();
            let expected = if client == Some(allowed) { 200 } else { 403 };
            for extra in [
                String::new(),
                // What only an edge may say.
                format!("{INTERNAL_HEADER}: {allowed}\r\n"),
                format!("{INTERNAL_HEADER}: {allowed}\r\n{EDGE_SECRET}: guessed\r\nConnection: {INTERNAL_HEADER}\r\n"),
            ] {
                let answer = request(peer, &host, &format!("{headers}{extra}"));
                assert_eq!(answer.status, expected, "{allowed} is allowed: {peer} {lines:?} {extra:?}");
            }
        }
    }
    eprintln!("  {} chains, three policies, three forgeries: {} requests", CHAINS.len(), CHAINS.len() * 9);
}
