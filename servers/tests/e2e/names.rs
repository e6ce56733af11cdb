//! Names that lead elsewhere: a forged hosts file in the sandbox, and names of the platform's own
//! addresses.

use crate::{
    egress::{TO_THREE, TO_TWO},
    world::{World, lab},
};
use sandgate_lab::{Client, HOSTS, NODE, run};
use std::{fs, net::SocketAddr};

const POLICY: &str = r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#;

/// Who answers a request for a name that was sent to an address, in clear and inside TLS.
fn ask(client: &Client, to: &str, name: &str) -> [Option<String>; 2] {
    let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
    let at = |port| format!("{to}:{port}").parse::<SocketAddr>().expect("an address");
    [client.send(at(80), &request), client.send_tls(at(443), name, &request)]
        .map(|answer| answer.map(|answer| answer.host().to_owned()))
}

pub(crate) fn forged_hosts() {
    let world = World::start();
    let sandbox = world.create(POLICY);
    let (client, space) = (sandbox.client(), sandbox.namespace());
    for forged in [HOSTS[3][0], HOSTS[0][0], "10.213.0.0", NODE[0], "127.0.0.1"] {
        let directory = format!("/etc/netns/{space}");
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(format!("{directory}/hosts"), format!("{forged} {TO_TWO} {TO_THREE}\n")).expect("a file");
        let believed = run("ip", &["netns", "exec", &space, "getent", "ahostsv4", TO_TWO]).expect("it is found");
        assert!(believed.starts_with(forged), "the sandbox believes it: {believed}");
        // Out of the sandbox, the name is what counts, and the node knows where it is.
        let is_outside = forged.starts_with("203.");
        let expected = is_outside.then(|| HOSTS[1][0].to_owned());
        assert_eq!(ask(&client, forged, TO_TWO), [expected.clone(), expected], "{forged}");
        assert_eq!(ask(&client, forged, TO_THREE), [None, None], "{forged}: a name that is not allowed");
    }
}

pub(crate) fn rebinding() {
    let world = World::start();
    let sandbox = world.create(POLICY);
    let client = sandbox.client();
    let liar = HOSTS[3][0];
    let name = "turning.example.com";
    let own = "10.213.0.1";
    for (addresses, expected) in [
        (&[HOSTS[1][0]][..], Some(HOSTS[1][0])),
        // The node, the sandbox, the loopback, a balancer's metadata, each alone and beside a host.
        (&[NODE[0]], None),
        (&[own], None),
        (&["127.0.0.1"], None),
        (&["169.254.169.254"], None),
        (&["::ffff:10.213.0.1"], None),
        (&["64:ff9b::ad5:1"], None),
        (&[NODE[1]], None),
        (&[NODE[0], HOSTS[0][0]], Some(HOSTS[0][0])),
        (&[HOSTS[2][0]], Some(HOSTS[2][0])),
        (&[], None),
    ] {
        lab().set_name(name, addresses).unwrap_or_else(|error| panic!("{error}"));
        let expected = expected.map(str::to_owned);
        assert_eq!(ask(&client, liar, name), [expected.clone(), expected], "{addresses:?}");
    }
    assert_eq!(ask(&client, liar, "rebound.example.com"), [None, None]);
    // A name that turns with every look.
    for round in 0..10 {
        lab().set_name(name, &[if round % 2 == 0 { HOSTS[1][0] } else { NODE[0] }]).expect("it answers");
        for answer in ask(&client, liar, name) {
            assert!(answer.is_none_or(|host| host == HOSTS[1][0]), "round {round}");
        }
    }
}
