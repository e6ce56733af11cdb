//! What packets can do besides having an address and a port, and what becomes of connections.

use crate::lab::{
    LINK, Lab, Marked,
    packets::{self, Kind, frame, headers, with_payload},
    probe::{Question, Tally, compare},
};
use etherparse::{IpHeaders, IpNumber, Ipv4Options, PacketBuilder};
use sandgate::{
    Capabilities, Direction, Guardrails, Options, Policy,
    nftables::{Established, Place, Settings, lower},
};
use std::{
    io::ErrorKind,
    net::{IpAddr, UdpSocket},
    time::{Duration, Instant},
};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("fragments_do_not_slip_past_a_port_rule", fragments),
        ("a_packet_that_ends_before_its_port_does_not_slip_past_a_port_rule", too_short),
        ("a_packet_that_names_a_second_destination_is_dropped", second_destination),
        ("protocols_with_ports_are_judged_by_them_and_others_as_port_0", protocols),
        ("neighbour_discovery_works_on_the_link_and_leads_nowhere_else", neighbours),
        ("the_loopback_is_judged_where_the_rules_stand_on_it", loopback),
        ("a_kept_connection_outlives_its_permission_and_a_rechecked_one_does_not", revoked),
        ("what_an_ingress_proxy_opens_is_not_judged_a_second_time", ingress_proxy),
        ("behind_the_routing_packets_are_judged_alike", behind_routing),
    ]
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn policy(text: &str) -> Policy {
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
    Policy::from_json(text, &options).unwrap_or_else(|report| panic!("{report}"))
}

fn on_link() -> Settings {
    Settings::new(Place::interface(LINK.parse().expect("a name"), None))
}

/// Which of these packets pass. Each has a source of its own.
fn passing(policy: &Policy, settings: &Settings, frames: &[(IpAddr, Vec<Vec<u8>>)]) -> Vec<bool> {
    let lab = Lab::get();
    lab.load(&lower(policy, settings), Marked::Source);
    for bytes in frames.iter().flat_map(|(_, frames)| frames) {
        lab.send(bytes);
    }
    let record = lab.record();
    frames.iter().map(|(source, _)| record.passed.contains_key(source)).collect()
}

/// A datagram in two fragments.
fn in_two(source: IpAddr, destination: IpAddr, port: u16, number: u16) -> Vec<Vec<u8>> {
    let whole = frame(source, destination, Kind::Udp(port));
    let header = if source.is_ipv4() { 14 + 20 } else { 14 + 40 };
    let mut datagram = whole[header..].to_vec();
    // Its length stays what its header says: 8 bytes of header, 5 of payload.
    let rest = datagram.split_off(8);
    [(0_u16, true, datagram), (1, false, rest)]
        .map(|(offset, more, bytes)| {
            let mut frame = Vec::new();
            match headers(source, destination) {
                IpHeaders::Ipv4(mut ip, extensions) => {
                    ip.identification = number;
                    ip.fragment_offset = offset.try_into().expect("a small offset");
                    ip.more_fragments = more;
                    ip.dont_fragment = false;
                    let packet =
                        PacketBuilder::ethernet2(packets::SENDER, packets::LAB).ip(IpHeaders::Ipv4(ip, extensions));
                    packet.write(&mut frame, IpNumber::UDP, &bytes).expect("it fits a packet");
                }
                IpHeaders::Ipv6(..) => {
                    let place = (offset << 3) | u16::from(more);
                    let mut payload = vec![IpNumber::UDP.0, 0];
                    payload.extend(place.to_be_bytes());
                    payload.extend(u32::from(number).to_be_bytes());
                    payload.extend(bytes);
                    frame = with_payload(source, destination, IpNumber::IPV6_FRAGMENTATION_HEADER, &payload);
                }
            }
            frame
        })
        .into()
}

fn fragments() {
    let policy = policy(r#"{"denyOut": ["203.0.113.7:25", "[2001:db8::7]:25"]}"#);
    for (from, to) in [("198.18.0.", "203.0.113.7"), ("2001:db8:1::", "2001:db8::7")] {
        let source = |number: u16| address(&format!("{from}{number}"));
        let both = |number, port| (source(number), in_two(source(number), address(to), port, number));
        let second_only = |number, port| {
            let (source, frames) = both(number, port);
            (source, frames[1..].to_vec())
        };
        let asked = [both(1, 25), both(2, 26), second_only(3, 25), second_only(4, 26)];
        assert_eq!(passing(&policy, &on_link(), &asked), [false, true, false, false], "to {to}");
    }
}

fn too_short() {
    let policy = policy(r#"{"denyOut": ["203.0.113.7:25", "[2001:db8::7]:25"]}"#);
    for (from, to) in [("198.18.0.", "203.0.113.7"), ("2001:db8:1::", "2001:db8::7")] {
        let source = |number: u16| address(&format!("{from}{number}"));
        let short = |number, protocol, bytes: &[u8]| {
            (source(number), vec![with_payload(source(number), address(to), protocol, bytes)])
        };
        let asked = [
            short(1, IpNumber::TCP, &[1, 2]),
            short(2, IpNumber::UDP, &[]),
            short(3, IpNumber::TCP, &[1, 2, 0]),
            short(4, IpNumber::SCTP, &[1, 2, 0]),
            // Of a protocol without ports nothing is missing.
            short(5, IpNumber::GRE, &[]),
        ];
        assert_eq!(passing(&policy, &on_link(), &asked), [false, false, false, false, true], "to {to}");
    }
}

fn second_destination() {
    let policy = policy(r#"{"denyOut": ["203.0.113.7", "2001:db8::7"]}"#);
    let (source4, source6) = (address("198.18.0.1"), address("2001:db8:1::1"));
    let via = [203, 0, 113, 7];
    let routed = |kind: u8| {
        let IpHeaders::Ipv4(mut ip, extensions) = headers(source4, address("192.0.2.9")) else { unreachable!() };
        let route = [kind, 7, 4, via[0], via[1], via[2], via[3], 0];
        ip.options = Ipv4Options::try_from(&route[..]).expect("eight bytes");
        let mut frame = Vec::new();
        let packet = PacketBuilder::ethernet2(packets::SENDER, packets::LAB).ip(IpHeaders::Ipv4(ip, extensions));
        packet.udp(4000, 4001).write(&mut frame, b"probe").expect("it fits a packet");
        frame
    };
    // Next header UDP, no extra length, type 2, one segment left, and the address.
    let mut header = vec![IpNumber::UDP.0, 2, 2, 1, 0, 0, 0, 0];
    let IpAddr::V6(last) = address("2001:db8::7") else { unreachable!() };
    header.extend(last.octets());
    let udp = frame(source6, address("2001:db8::9"), Kind::Udp(4001));
    header.extend(&udp[14 + 40..]);
    let with_header = with_payload(source6, address("2001:db8::9"), IpNumber::IPV6_ROUTE_HEADER, &header);
    for bytes in [routed(131), routed(137)] {
        assert_eq!(passing(&policy, &on_link(), &[(source4, vec![bytes])]), [false]);
    }
    assert_eq!(passing(&policy, &on_link(), &[(source6, vec![with_header])]), [false]);
    let plain4 = frame(source4, address("192.0.2.9"), Kind::Udp(4001));
    assert_eq!(passing(&policy, &on_link(), &[(source4, vec![plain4]), (source6, vec![udp])]), [true, true]);
}

fn protocols() {
    let policy = policy(
        r#"{"allowOut": ["203.0.113.7:25", "[2001:db8::7]:25", "198.51.100.0/24"], "denyOut": ["0.0.0.0/0"],
            "allowIn": ["203.0.113.7:25", "[2001:db8::7]:25", "198.51.100.0/24"], "denyIn": ["0.0.0.0/0"]}"#,
    );
    let addresses = ["203.0.113.7", "2001:db8::7", "198.51.100.9", "192.0.2.9"].map(address);
    let kinds = [Kind::Sctp(25), Kind::Sctp(26), Kind::Tcp(25), Kind::Udp(26), Kind::Gre, Kind::Echo];
    let questions: Vec<Question> =
        addresses.iter().flat_map(|&address| kinds.map(|kind| Question { address, kind })).collect();
    let mut tally = Tally::default();
    for direction in [Direction::Egress, Direction::Ingress] {
        compare(Lab::get(), &policy, direction, &on_link(), &questions, &mut tally)
            .unwrap_or_else(|why| panic!("{why}"));
    }
    assert!(tally.passed > 0 && tally.passed < tally.packets);
}

// Types of ICMPv6.
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

fn neighbours() {
    let options = Options::default();
    let policy = Policy::from_json(r#"{"denyOut": ["0.0.0.0/0"]}"#, &options).unwrap();
    let message = |kind: u8, hop_limit: u8, number: u16, to: &str| {
        let source = address(&format!("fe80::{number:x}"));
        let IpHeaders::Ipv6(mut ip, extensions) = headers(source, address(to)) else { unreachable!() };
        ip.hop_limit = hop_limit;
        let mut frame = Vec::new();
        let packet = PacketBuilder::ethernet2(packets::SENDER, packets::LAB).ip(IpHeaders::Ipv6(ip, extensions));
        packet.icmpv6_raw(kind, 0, [0; 4]).write(&mut frame, &[0; 16]).expect("it fits a packet");
        (source, vec![frame])
    };
    let asked = [
        message(SOLICITATION, 255, 1, "ff02::1:ff00:1"),
        message(ADVERTISEMENT, 255, 2, "fe80::1"),
        message(ROUTER_SOLICITATION, 255, 3, "ff02::2"),
        // It is not for the sandbox to say who the router is.
        message(ROUTER_ADVERTISEMENT, 255, 4, "ff02::1"),
        // It has crossed a router, or could cross one.
        message(SOLICITATION, 64, 5, "ff02::1:ff00:1"),
        message(SOLICITATION, 255, 6, "2001:db8::1"),
        message(SOLICITATION, 255, 7, "ff05::2"),
        // Another message to the same address.
        message(128, 255, 8, "ff02::1"),
    ];
    for established in [Established::Keep, Established::Recheck] {
        let settings = Settings { established, ..on_link() };
        let passed = passing(&policy, &settings, &asked);
        assert_eq!(passed, [true, true, true, false, false, false, false, false], "{established:?}");
    }
}

fn received(socket: &UdpSocket) -> Option<Vec<u8>> {
    let mut buffer = [0; 64];
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time");
    match socket.recv_from(&mut buffer) {
        Ok((length, _)) => Some(buffer[..length].to_vec()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(error) => panic!("{error}"),
    }
}

/// No kernel takes `::1` in from a link. Ordinary sockets reach it over the loopback.
fn loopback() {
    let policy = policy(r#"{"denyOut": ["[::1]:4001", "127.0.0.1:4001"]}"#);
    let settings = Settings::new(Place::interface("lo".parse().expect("a name"), None));
    let lab = Lab::get();
    lab.load_alone(&lower(&policy, &settings));
    for host in ["::1", "127.0.0.1"] {
        let socket = |port: u16| UdpSocket::bind((address(host), port)).expect("a port is free");
        let (sender, denied, allowed) = (socket(4000), socket(4001), socket(4002));
        // A dropped packet may be told to the sender at once.
        drop(sender.send_to(b"probe", (address(host), 4001)));
        sender.send_to(b"probe", (address(host), 4002)).expect("it is allowed");
        assert_eq!(received(&allowed).as_deref(), Some(&b"probe"[..]), "{host}");
        assert_eq!(received(&denied), None, "{host}");
    }
    lab.unload();
}

/// The sandbox's address in tests that answer it.
pub(crate) const SANDBOX: &str = "198.18.0.2";

fn revoked() {
    let lab = Lab::get();
    lab.answer(address(SANDBOX));
    let server = address("203.0.113.7");
    let socket = UdpSocket::bind((server, 5000)).expect("every address is local here");
    let datagram = frame(address(SANDBOX), server, Kind::Udp(5000));
    let client = (address(SANDBOX), packets::SOURCE_PORT);
    let answered = |is_expected: bool| {
        // The kernel sends other things on its links as well.
        while lab.receive().is_some() {}
        socket.send_to(b"answer", client).ok();
        let found = wait_for(lab, is_expected, |frame| frame.windows(6).any(|bytes| bytes == b"answer"));
        assert_eq!(found, is_expected);
    };
    let rules = |text: &str, established| lower(&policy(text), &Settings { established, ..on_link() });
    let (open, closed) = (r#"{"denyOut": []}"#, r#"{"denyOut": ["203.0.113.7"]}"#);

    lab.load_alone(&rules(closed, Established::Keep));
    lab.send(&datagram);
    assert_eq!(received(&socket), None, "it was never allowed");

    lab.replace(&rules(open, Established::Keep));
    lab.send(&datagram);
    assert!(received(&socket).is_some(), "it is allowed");
    answered(true);

    lab.replace(&rules(closed, Established::Keep));
    lab.send(&datagram);
    assert!(received(&socket).is_some(), "the connection is kept");
    answered(true);

    lab.replace(&rules(closed, Established::Recheck));
    lab.send(&datagram);
    assert_eq!(received(&socket), None, "the connection is judged again");
    answered(false);

    lab.replace(&rules(open, Established::Recheck));
    lab.send(&datagram);
    assert!(received(&socket).is_some(), "it is allowed again");
    answered(true);
    lab.unload();
}

fn ingress_proxy() {
    let lab = Lab::get();
    lab.answer(address(SANDBOX));
    let (proxy, other) = (address("192.0.2.1"), address("203.0.113.7"));
    let nobody = policy(r#"{"denyIn": ["0.0.0.0/0"]}"#);
    for established in [Established::Keep, Established::Recheck] {
        lab.load_alone(&lower(&nobody, &Settings { established, ingress_proxies: vec![proxy], ..on_link() }));
        for (node, is_expected) in [(proxy, true), (other, false)] {
            let socket = UdpSocket::bind((node, packets::SOURCE_PORT)).expect("every address is local here");
            while lab.receive().is_some() {}
            socket.send_to(b"request", (address(SANDBOX), 5000)).ok();
            let found = wait_for(lab, is_expected, |frame| frame.windows(7).any(|bytes| bytes == b"request"));
            assert_eq!(found, is_expected, "{established:?} {node}");
        }
        let socket = UdpSocket::bind((proxy, 5001)).expect("every address is local here");
        lab.send(&frame(address(SANDBOX), proxy, Kind::Udp(5001)));
        assert!(received(&socket).is_some(), "what the sandbox opens is judged as egress, and here all is open");
    }
    let socket = UdpSocket::bind((proxy, packets::SOURCE_PORT)).expect("every address is local here");
    let silent = policy(r#"{"denyOut": ["0.0.0.0/0"], "denyIn": ["0.0.0.0/0"]}"#);
    let recheck = Established::Recheck;
    lab.replace(&lower(&silent, &Settings { established: recheck, ingress_proxies: vec![proxy], ..on_link() }));
    socket.send_to(b"request", (address(SANDBOX), 5000)).expect("it is sent");
    let answer = PacketBuilder::ethernet2(packets::SENDER, packets::LAB).ip(headers(address(SANDBOX), proxy));
    let mut bytes = Vec::new();
    answer.udp(5000, packets::SOURCE_PORT).write(&mut bytes, b"answer").expect("it fits a packet");
    lab.send(&bytes);
    assert!(received(&socket).is_some(), "the answer comes back");
    lab.unload();
}

/// Ingress on the node and egress in the sandbox's namespace leave on the link: ordinary sockets
/// send them, from any address, as every address is local here.
fn behind_routing() {
    let lab = Lab::get();
    let lists = r#"["203.0.113.0/25:4001-4002", "[2001:db8::/33]:4001-4002", "203.0.113.200"]"#;
    let deny = r#"["0.0.0.0/0"]"#;
    let policy =
        policy(&format!(r#"{{"allowOut": {lists}, "denyOut": {deny}, "allowIn": {lists}, "denyIn": {deny}}}"#));
    let tried = [
        "203.0.112.255",
        "203.0.113.0",
        "203.0.113.127",
        "203.0.113.128",
        "203.0.113.200",
        "2001:db8::",
        "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8:8000::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    ]
    .map(address);
    let near = ["198.18.0.2", "2001:db8:fe::2"].map(address);
    let near = |tried: IpAddr| near[usize::from(tried.is_ipv6())];
    for (direction, established) in [
        (Direction::Ingress, Established::Keep),
        (Direction::Ingress, Established::Recheck),
        (Direction::Egress, Established::Keep),
        (Direction::Egress, Established::Recheck),
    ] {
        let place = if direction == Direction::Ingress { on_link().place } else { Place::Sandbox };
        lab.load_alone(&lower(&policy, &Settings { established, ..Settings::new(place) }));
        let mut expected = Vec::new();
        let mut questions = Vec::new();
        for &tried in &tried {
            let (source, destination) =
                if direction == Direction::Ingress { (tried, near(tried)) } else { (near(tried), tried) };
            lab.answer(destination);
            let socket = UdpSocket::bind((source, 0)).expect("every address is local here");
            for port in 4000..=4003 {
                let text = format!("<{tried} {port}>");
                // Where the rules drop it, the sender is told so.
                drop(socket.send_to(text.as_bytes(), (destination, port)));
                let is_allowed = match direction {
                    Direction::Ingress => policy.decide_ingress(Some(tried), port).is_allowed(),
                    Direction::Egress => policy.allows_egress(tried, port),
                };
                expected.extend(is_allowed.then(|| text.clone()));
                questions.push(text);
            }
            lab.forget(destination);
        }
        let mut frames = Vec::new();
        wait_for(lab, false, |frame| {
            frames.push(frame.to_vec());
            false
        });
        let is_in =
            |text: &String| frames.iter().any(|frame| frame.windows(text.len()).any(|bytes| bytes == text.as_bytes()));
        questions.retain(is_in);
        assert_eq!(questions, expected, "{direction} {established:?}");
    }
    lab.unload();
}

/// Whether the kernel sends something like this on the link. What is not expected is waited for
/// a short while.
pub(crate) fn wait_for(lab: &Lab, is_expected: bool, mut is_it: impl FnMut(&[u8]) -> bool) -> bool {
    let end = Instant::now() + Duration::from_millis(if is_expected { 5000 } else { 200 });
    while Instant::now() < end {
        match lab.receive() {
            Some(frame) if is_it(&frame) => return true,
            Some(_) => {}
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    false
}
