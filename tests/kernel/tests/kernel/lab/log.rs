//! What the kernel logs to a group, as a program that listens to the group gets it.

use etherparse::IpSlice;
use netlink_packet_core::{NetlinkBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use std::{io::ErrorKind, net::IpAddr};

// The words of the kernel's `nfnetlink_log.h`, and of netlink itself.
const CONFIGURE: u16 = 4 << 8 | 1;
const PACKET: u16 = 4 << 8;
const REQUEST: u16 = 1;
const COMMAND: u16 = 1;
const BIND: u8 = 1;
const AT_ONCE: u16 = 5;
const PREFIX: u16 = 10;
const PAYLOAD: u16 = 9;
/// In front of every message of netfilter: a family, a version, and here the group.
const FAMILY_AND_GROUP: usize = 4;

/// A packet that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    /// What the rule says.
    pub(crate) prefix: String,
    /// Who sent the packet.
    pub(crate) source: IpAddr,
}

/// A group of netlink logging, from now on.
pub(crate) struct Group {
    socket: Socket,
}

impl Group {
    pub(crate) fn listen(group: u16) -> Self {
        let mut socket = Socket::new(NETLINK_NETFILTER).expect("netlink");
        socket.bind_auto().expect("a port of netlink");
        let mut body = vec![0, 0];
        body.extend(group.to_be_bytes());
        body.extend(attribute(COMMAND, &[BIND]));
        // One message for each packet, as soon as it is logged.
        body.extend(attribute(AT_ONCE, &1_u32.to_be_bytes()));
        let mut message = Vec::new();
        message.extend(u32::try_from(16 + body.len()).expect("it is short").to_ne_bytes());
        message.extend(CONFIGURE.to_ne_bytes());
        message.extend(REQUEST.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        socket.send_to(&message, &SocketAddr::new(0, 0), 0).expect("the kernel listens");
        socket.set_non_blocking(true).expect("a socket of this process");
        Self { socket }
    }

    /// What was logged since this was asked last.
    pub(crate) fn read(&self) -> Vec<Logged> {
        let mut all = Vec::new();
        loop {
            match self.socket.recv_from_full() {
                Ok((bytes, _)) => all.extend(packets(&bytes)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
                // Also where the kernel had more to say than the socket holds.
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// An attribute, filled up to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("it is short");
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The packets that a datagram tells of.
fn packets(mut bytes: &[u8]) -> Vec<Logged> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkBuffer::new_checked(bytes).expect("a message of netlink");
        if message.message_type() == PACKET {
            let mut logged = (None, None);
            for attribute in NlasIterator::new(&message.payload()[FAMILY_AND_GROUP..]) {
                let attribute = attribute.expect("an attribute");
                match attribute.kind() {
                    PREFIX => logged.0 = Some(String::from_utf8_lossy(attribute.value()).trim_end_matches('\0').into()),
                    PAYLOAD => logged.1 = Some(IpSlice::from_slice(attribute.value()).expect("a packet").source_addr()),
                    _ => {}
                }
            }
            let (Some(prefix), Some(source)) = logged else { panic!("a packet without a prefix, or without bytes") };
            all.push(Logged { prefix, source });
        }
        let length = usize::try_from(message.length()).expect("it fits memory").next_multiple_of(4);
        bytes = &bytes[length.min(bytes.len())..];
    }
    all
}
