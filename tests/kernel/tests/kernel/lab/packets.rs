//! Packets as bytes on the link.

use etherparse::{IpHeaders, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder};
use std::net::IpAddr;

/// The addresses of the link: of who sends, and of the laboratory's end.
pub(crate) const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The laboratory's end of the link.
pub(crate) const LAB: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The first packet of a TCP connection.
    Tcp(u16),
    /// A UDP datagram.
    Udp(u16),
    /// An SCTP packet with an INIT chunk.
    Sctp(u16),
    /// An ICMP echo request, of the family of the addresses.
    Echo,
    /// A GRE packet.
    Gre,
}

impl Kind {
    /// The port that it is judged by: 0 for traffic without one.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Tcp(port) | Self::Udp(port) | Self::Sctp(port) => port,
            Self::Echo | Self::Gre => 0,
        }
    }
}

/// The source port of packets that have one.
pub(crate) const SOURCE_PORT: u16 = 40_000;

/// The bytes of a packet.
pub(crate) fn frame(source: IpAddr, destination: IpAddr, kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    let link = PacketBuilder::ethernet2(SENDER, LAB);
    let ip = link.ip(headers(source, destination));
    let written = match kind {
        Kind::Tcp(port) => ip.tcp(SOURCE_PORT, port, 1, 1024).syn().write(&mut bytes, &[]),
        Kind::Udp(port) => ip.udp(SOURCE_PORT, port).write(&mut bytes, b"probe"),
        Kind::Echo if source.is_ipv4() => ip.icmpv4_echo_request(7, 1).write(&mut bytes, b"probe"),
        Kind::Echo => ip.icmpv6_echo_request(7, 1).write(&mut bytes, b"probe"),
        Kind::Sctp(port) => return with_payload(source, destination, IpNumber::SCTP, &sctp(port)),
        Kind::Gre => return with_payload(source, destination, IpNumber::GRE, &[0, 0, 8, 0, 0, 0, 0, 0]),
    };
    written.expect("it fits a packet");
    bytes
}

/// A packet of any protocol.
pub(crate) fn with_payload(source: IpAddr, destination: IpAddr, protocol: IpNumber, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    let packet = PacketBuilder::ethernet2(SENDER, LAB).ip(headers(source, destination));
    packet.write(&mut bytes, protocol, payload).expect("it fits a packet");
    bytes
}

/// Internet headers.
pub(crate) fn headers(source: IpAddr, destination: IpAddr) -> IpHeaders {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header = Ipv4Header::new(0, 64, IpNumber::TCP, source.octets(), destination.octets());
            IpHeaders::Ipv4(header.expect("nothing fits"), etherparse::Ipv4Extensions::default())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: 0,
                next_header: IpNumber::TCP,
                hop_limit: 64,
                source: source.octets(),
                destination: destination.octets(),
            };
            IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default())
        }
        _ => panic!("{source} and {destination} are not of one family"),
    }
}

/// An SCTP packet that opens an association.
fn sctp(port: u16) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend(SOURCE_PORT.to_be_bytes());
    packet.extend(port.to_be_bytes());
    // Verification tag 0, and a checksum that nobody here checks.
    packet.extend([0; 8]);
    // INIT: initiate tag, window, one stream each way, first number.
    packet.extend([1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1]);
    packet
}
