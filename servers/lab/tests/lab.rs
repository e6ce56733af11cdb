//! The laboratory itself: whoever is in it is reached, and nobody else.
//!
//! The test runs in namespaces of its own. Where there are none to be had it is skipped, and says
//! so; with `SANDGATE_KERNEL=required` that is a failure.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

use sandgate_lab::{HOSTS, Lab, NAME_SERVER, NODE, Test, play, run_tests};
use std::{env, net::IpAddr, process::ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if let Some(code) = play(&words) {
        return code;
    }
    let tests: [Test; 1] = [("everybody_in_the_laboratory_is_reached", everybody_is_reached)];
    run_tests("the tests of the laboratory", tests)
}

fn everybody_is_reached() {
    let mut lab = Lab::build().unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (index, from) in ["198.51.100.7", "2001:db8:2::7"].into_iter().enumerate() {
        let client = lab.client(ip(from));
        for host in HOSTS.map(|host| host[index]) {
            let shown = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            for to in [format!("tcp:{shown}:7"), format!("udp:{shown}:7"), format!("icmp:{shown}:0")] {
                assert!(client.reaches(&to), "{to}");
            }
            assert!(!client.reaches(&format!("tcp:{shown}:9")), "nobody listens there");
            let request = "GET / HTTP/1.1\r\nHost: api.example.com\r\nX-A: 1\r\nX-a: 2\r\nConnection: close\r\n\r\n";
            let to = |port| format!("{shown}:{port}").parse().unwrap();
            let answers = [client.send(to(80), request), client.send_tls(to(443), "api.example.com", request)];
            for answer in answers.map(Option::unwrap) {
                assert_eq!((answer.status, answer.host()), (200, host));
                assert_eq!(answer.was_sent("x-a"), ["1", "2"]);
                assert_eq!(answer.header("content-type"), Some("text/plain"));
            }
        }
        let node = NODE[index];
        let node = if node.contains(':') { format!("[{node}]") } else { node.to_owned() };
        assert!(client.reaches(&format!("icmp:{node}:0")), "the node is on the way");
    }

    let client = lab.client(ip("198.51.100.7"));
    let mut held = client.hold("tcp:203.0.113.1:7").unwrap();
    assert!(held.works().unwrap() && held.works().unwrap());

    assert_eq!(client.find(NAME_SERVER, "api.example.com"), [ip("203.0.113.2")]);
    lab.set_name("api.example.com", &["203.0.113.4", "10.0.0.1"]).unwrap();
    assert_eq!(client.find(NAME_SERVER, "api.example.com"), [ip("203.0.113.4"), ip("10.0.0.1")]);
    assert_eq!(client.find(NAME_SERVER, "nobody.example.com"), Vec::<IpAddr>::new());
}
