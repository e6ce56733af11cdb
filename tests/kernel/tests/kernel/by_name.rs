//! TCP that a domain pattern may allow: it goes to the proxy, or nowhere.

use crate::{
    lab::{
        LINK, Lab, Marked,
        packets::{self, Kind, frame, headers},
    },
    wire::{SANDBOX, address, policy, wait_for},
};
use etherparse::{PacketBuilder, TcpHeader};
use sandgate::nftables::{Established, Place, Settings, lower};
use std::{net::TcpListener, num::NonZeroU16};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("tcp_that_a_name_may_allow_reaches_the_proxy", proxied),
        ("no_packet_that_opens_no_connection_passes_the_proxy_by", strays),
    ]
}

const NAMES: &str = r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#;

fn with_proxy(established: Established) -> Settings {
    let place = Place::interface(LINK.parse().expect("a name"), NonZeroU16::new(8080));
    Settings { established, ..Settings::new(place) }
}

fn proxied() {
    let lab = Lab::get();
    lab.answer(address(SANDBOX));
    for established in [Established::Keep, Established::Recheck] {
        lab.load_alone(&lower(&policy(NAMES), &with_proxy(established)));
        let listener = TcpListener::bind((address("0.0.0.0"), 8080)).expect("a port is free");
        let server = address("203.0.113.9");
        // The second one arrives while the first is not yet answered.
        for _ in 0..2 {
            lab.send(&frame(address(SANDBOX), server, Kind::Tcp(443)));
        }
        // The proxy's kernel answers in the name of the server that was asked for: SYN and ACK.
        let is_answer = |frame: &[u8]| {
            frame.len() >= 14 + 40
                && frame[26..30] == [203, 0, 113, 9]
                && frame[34..36] == 443_u16.to_be_bytes()
                && frame[47] & 0x12 == 0x12
        };
        assert!(wait_for(lab, true, is_answer), "{established:?}: the proxy answers");
        drop(listener);
    }
    lab.unload();
}

/// What a flag of TCP is set to.
type Flags = fn(&mut TcpHeader);

/// Destinations are translated where a connection is opened. The kernel sees none in most of these
/// packets, so it would send them on as they are.
const STRAYS: [(&str, Flags); 8] = [
    ("SYN and ACK", |tcp| (tcp.syn, tcp.ack) = (true, true)),
    ("RST", |tcp| tcp.rst = true),
    ("RST and ACK", |tcp| (tcp.rst, tcp.ack) = (true, true)),
    ("FIN", |tcp| tcp.fin = true),
    ("ACK", |tcp| tcp.ack = true),
    ("none", |_| ()),
    ("FIN, PSH and URG", |tcp| (tcp.fin, tcp.psh, tcp.urg) = (true, true, true)),
    ("SYN and FIN", |tcp| (tcp.syn, tcp.fin) = (true, true)),
];

fn strays() {
    let lab = Lab::get();
    for (from, to) in [("198.18.1.", "203.0.113.9"), ("2001:db8:2::", "2001:db8::9")] {
        let source = |number: usize| address(&format!("{from}{number}"));
        for established in [Established::Keep, Established::Recheck] {
            lab.load(&lower(&policy(NAMES), &with_proxy(established)), Marked::Source);
            for (number, (_, set)) in STRAYS.iter().enumerate() {
                let mut tcp = TcpHeader::new(packets::SOURCE_PORT, 443, 1, 1024);
                set(&mut tcp);
                let mut bytes = Vec::new();
                let packet = PacketBuilder::ethernet2(packets::SENDER, packets::LAB);
                let packet = packet.ip(headers(source(number), address(to))).tcp_header(tcp);
                packet.write(&mut bytes, b"secret").expect("it fits a packet");
                lab.send(&bytes);
            }
            let opens = source(STRAYS.len());
            lab.send(&frame(opens, address(to), Kind::Tcp(443)));
            let record = lab.record();
            assert_eq!(record.arrived, 9, "all came in front of the rules");
            for (number, (flags, _)) in STRAYS.iter().enumerate() {
                assert!(!record.passed.contains_key(&source(number)), "{established:?}: {flags} to {to} passes");
            }
            assert!(record.redirected.contains_key(&opens), "{established:?}: what opens one goes to the proxy");
        }
    }
    lab.unload();
}
