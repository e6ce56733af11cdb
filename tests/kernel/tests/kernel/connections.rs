//! TCP connections of ordinary sockets, while rules are replaced around them.
//!
//! They go over the loopback, in both directions, and past two counters at each hook: one in front
//! of the rules and one behind them. Where both count the same, no packet was dropped.

use crate::{
    lab::{Lab, counters, run},
    replaced::factor,
};
use sandgate::{
    Capabilities, Guardrails, Options, Policy,
    nftables::{Established, Place, Settings, Turn, lower},
};
use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    num::NonZeroU16,
    thread::{self, JoinHandle},
    time::Duration,
};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("an_open_connection_that_both_rules_allow_loses_no_packet", || {
            survives(BOTH_ALLOW, Established::Keep);
            survives(BOTH_ALLOW, Established::Recheck);
        }),
        ("an_open_connection_that_is_kept_loses_no_packet_when_its_entry_comes_and_goes", || {
            survives(ONE_ALLOWS, Established::Keep);
        }),
        ("an_open_connection_that_is_rechecked_stops_when_its_entry_is_taken_away", || {
            for server in SERVERS {
                cut(server, ONE_ALLOWS);
            }
        }),
        ("an_open_connection_that_is_rechecked_stops_when_only_a_name_may_allow_it", || {
            for server in SERVERS {
                cut(server, BY_NAME);
            }
        }),
    ]
}

const SERVERS: [&str; 2] = ["203.0.113.7", "2001:db8::7"];
const PORT: u16 = 5000;

/// The servers are allowed, once as what is not denied and once as what alone is allowed.
const BOTH_ALLOW: [&str; 2] = [
    r#"{"denyOut": ["203.0.113.8", "2001:db8::8", "203.0.113.7:80"]}"#,
    r#"{"allowOut": ["203.0.113.0/24:5000", "2001:db8::/64"], "denyOut": ["0.0.0.0/0"]}"#,
];
/// The servers are allowed, and denied.
const ONE_ALLOWS: [&str; 2] = [
    r#"{"allowOut": ["203.0.113.7:5000", "2001:db8::7"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowOut": ["203.0.113.8:5000", "2001:db8::8"], "denyOut": ["0.0.0.0/0"]}"#,
];

/// The servers are allowed by their addresses, and what a name allows is for a proxy to decide.
const BY_NAME: [&str; 2] = [
    r#"{"allowOut": ["203.0.113.7:5000", "2001:db8::7", "*.example.com"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#,
];
/// Nobody listens there: what is redirected to it is not answered.
const PROXY: Option<NonZeroU16> = NonZeroU16::new(8080);

/// The steps by which one of two documents replaces the other.
fn steps(documents: [&str; 2], to: usize, established: Established) -> [String; 3] {
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
    let policy = Policy::from_json(documents[to], &options).unwrap_or_else(|report| panic!("{report}"));
    let turn = [Turn::First, Turn::Second][to];
    let place = Place::interface("lo".parse().expect("a name"), PROXY);
    let rules = lower(&policy, &Settings { established, turn, ..Settings::new(place) });
    rules.steps().map(|step| step.to_string())
}

fn load(steps: &[String]) {
    for step in steps {
        run("nft", &["-f", "-"], step);
    }
}

/// A server that sends back what it gets, to one client.
fn serve(address: &str) -> (TcpListener, JoinHandle<()>) {
    let address: IpAddr = address.parse().expect("an address");
    let listener = TcpListener::bind((address, PORT)).expect("every address is local here");
    let ours = listener.try_clone().expect("a socket of this process");
    let server = thread::spawn(move || {
        let (mut client, _) = ours.accept().expect("a client");
        let mut buffer = [0; 4096];
        loop {
            match client.read(&mut buffer).expect("the connection is open") {
                0 => return,
                length => client.write_all(&buffer[..length]).expect("the connection is open"),
            }
        }
    });
    (listener, server)
}

/// In front of the rules and behind them, at both hooks.
fn count_around() {
    let chain = |hook: &str, name: &str, priority: i32| {
        format!(
            "counter {hook}_{name} {{ }}
            chain {hook}_{name} {{
                type filter hook {hook} priority {priority}; policy accept;
                tcp dport {PORT} counter name {hook}_{name}
                tcp sport {PORT} counter name {hook}_{name}
            }}\n"
        )
    };
    let chains = ["prerouting", "postrouting"].map(|hook| chain(hook, "before", -160) + &chain(hook, "behind", -140));
    run("nft", &["-f", "-"], &format!("table inet around {{\n{}}}\n", chains.concat()));
}

/// Something is sent and comes back, again and again, while two documents take turns.
fn survives(documents: [&str; 2], established: Established) {
    let lab = Lab::get();
    lab.unload();
    count_around();
    load(&steps(documents, 0, established));
    let both = [steps(documents, 1, established), steps(documents, 0, established)].concat();
    let texts: Vec<&str> = both.iter().map(String::as_str).collect();
    for address in SERVERS {
        let (listener, server) = serve(address);
        let mut client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it is allowed");
        client.set_nodelay(true).expect("a socket of this process");
        let mut exchanges: u64 = 0;
        let made = lab.number_of_tables();
        // An even number: the first document is in force again.
        let times = 100 * factor();
        let said = lab.by_turns(&texts, 3 * times, || {
            let sent: Vec<u8> = (0..1024).map(|place: u64| exchanges.wrapping_add(place).to_ne_bytes()[0]).collect();
            let mut received = vec![0; sent.len()];
            client.write_all(&sent).expect("the connection is open");
            client.read_exact(&mut received).expect("the connection is open");
            assert!(sent == received, "what comes back is what was sent");
            exchanges += 1;
        });
        assert_eq!(said, "", "all rules are taken");
        assert_eq!(lab.number_of_tables() - made - 1, u64::try_from(times).expect("few"));
        drop(client);
        server.join().expect("the connection ends in order");
        let counted = counters("around");
        for hook in ["prerouting", "postrouting"] {
            let [before, behind] = ["before", "behind"].map(|name| counted[&format!("{hook}_{name}")]);
            assert_eq!(before, behind, "{address} {established:?}: packets are dropped at {hook}");
            assert!(before >= 2 * exchanges, "the counters stand on the way");
        }
        eprintln!("{address} {established:?}: {times} replacements, {exchanges} exchanges, {counted:?}");
    }
    lab.unload();
}

fn cut(address: &str, documents: [&str; 2]) {
    let lab = Lab::get();
    lab.unload();
    let established = Established::Recheck;
    load(&steps(documents, 0, established));
    let (listener, server) = serve(address);
    let mut client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it is allowed");
    let mut buffer = [0; 64];
    let mut answer = |client: &mut TcpStream, patience: Duration| {
        client.set_read_timeout(Some(patience)).expect("a time");
        match client.read(&mut buffer) {
            Ok(length) => Some(buffer[..length].to_vec()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let (short, long) = (Duration::from_millis(500), Duration::from_secs(30));
    client.write_all(b"one").expect("the connection is open");
    assert_eq!(answer(&mut client, long).as_deref(), Some(&b"one"[..]), "{address}: it is allowed");
    load(&steps(documents, 1, established));
    client.write_all(b"two").expect("it is kept until it can be sent");
    assert_eq!(answer(&mut client, short), None, "{address}: it is denied");
    // That nothing came was the rules' doing: with the entry it goes on.
    load(&steps(documents, 0, established));
    assert_eq!(answer(&mut client, long).as_deref(), Some(&b"two"[..]), "{address}: it is allowed again");
    drop(client);
    server.join().expect("the connection ends in order");
    lab.unload();
}
