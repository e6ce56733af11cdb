//! Packets that the kernel logs to a group of netlink logging, as one who listens to the group gets
//! them.
//!
//! A flood costs little. The kernel copies no more than the headers, sends many packets as one message,
//! and drops what the socket has no room for. The socket is the queue: it is read in portions. Packets
//! are numbered, so that it is known how many were missed.

use etherparse::LaxIpSlice;
use netlink_packet_core::{NetlinkBuffer, NlasIterator};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use sandgate::nftables::PORT_PROTOCOLS;
use std::{
    io::{self, ErrorKind},
    net::IpAddr,
};

// The words of the kernel's `nfnetlink_log.h`, and of netlink itself.
const PACKET: u16 = 4 << 8;
const CONFIGURE: u16 = PACKET | 1;
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
const ANSWER: u16 = 2;
const COMMAND: u16 = 1;
const BIND: u8 = 1;
const MODE: u16 = 2;
const COPY_PACKET: u8 = 2;
const TIMEOUT: u16 = 4;
const FLAGS: u16 = 6;
const NUMBERED: u16 = 1;
const HEADER: u16 = 1;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;
const NUMBER: u16 = 12;
/// The length of a header of netlink.
const NETLINK_HEADER: u32 = 16;
/// In front of every message of netfilter: a family, a version, and here the group.
const FAMILY_AND_GROUP: usize = 4;

/// How much is copied of a packet, in bytes: its headers.
const COPIED: u32 = 128;
/// How long a packet waits for others, in hundredths of a second.
const TOGETHER: u32 = 10;

/// A packet that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logged {
    /// What the rule says.
    pub(super) prefix: String,
    /// Whether it was before its routing: on its way from a sandbox, and not to it.
    pub(super) is_before_routing: bool,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Where it comes from and where it goes to, if its protocol has ports and it is long enough.
    pub(super) ports: Option<(u16, u16)>,
}

/// A group of netlink logging, from now on.
pub(super) struct Group {
    socket: Socket,
    /// The number of the packet that comes next.
    next: u32,
}

/// What was logged, and how many packets were missed.
#[derive(Debug, Default)]
pub(super) struct Portion {
    pub(super) packets: Vec<Logged>,
    pub(super) missed: u64,
}

impl Group {
    /// # Errors
    ///
    /// If the kernel has no such logging, or somebody else listens to the group.
    pub(super) fn listen(group: u16) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        // It is no error that a flood does not fit: the numbers tell.
        socket.set_no_enobufs(true)?;
        socket.send_to(&configuration(group), &SocketAddr::new(0, 0), 0)?;
        let (answer, _) = socket.recv_from_full()?;
        check(&answer)?;
        Ok(Self { socket, next: 0 })
    }

    /// What was logged since this was asked last, until there are so many packets.
    pub(super) fn read(&mut self, many: usize) -> io::Result<Portion> {
        let mut portion = Portion::default();
        while portion.packets.len() < many {
            match self.socket.recv_from_full() {
                Ok((bytes, _)) => self.packets(&bytes, &mut portion),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(portion)
    }

    /// The packets that a datagram tells of. What cannot be read is no packet of an IP network.
    fn packets(&mut self, mut bytes: &[u8], portion: &mut Portion) {
        while let Ok(message) = NetlinkBuffer::new_checked(bytes) {
            if message.message_type() == PACKET
                && let Some(attributes) = message.payload().get(FAMILY_AND_GROUP..)
            {
                let (number, logged) = packet(attributes);
                if let Some(number) = number {
                    portion.missed = portion.missed.saturating_add(number.wrapping_sub(self.next).into());
                    self.next = number.wrapping_add(1);
                }
                portion.packets.extend(logged);
            }
            let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
            let rest = length.checked_next_multiple_of(4).and_then(|length| bytes.get(length..));
            bytes = rest.unwrap_or_default();
        }
    }
}

/// The request to hear a group.
fn configuration(group: u16) -> Vec<u8> {
    let copied = [&COPIED.to_be_bytes()[..], &[COPY_PACKET, 0]].concat();
    let body = [
        [[0, 0], group.to_be_bytes()].concat(),
        attribute(COMMAND, &[BIND]),
        attribute(MODE, &copied),
        attribute(TIMEOUT, &TOGETHER.to_be_bytes()),
        attribute(FLAGS, &NUMBERED.to_be_bytes()),
    ]
    .concat();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(NETLINK_HEADER);
    let header = [&length.to_ne_bytes()[..], &CONFIGURE.to_ne_bytes(), &REQUEST_WITH_ANSWER.to_ne_bytes(), &[0; 8]];
    [header.concat(), body].concat()
}

/// An attribute, filled up to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX).saturating_add(4);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// What the kernel says to the request.
fn check(answer: &[u8]) -> io::Result<()> {
    let strange = || io::Error::new(ErrorKind::InvalidData, "an answer that is none");
    let message = NetlinkBuffer::new_checked(answer).map_err(|_| strange())?;
    let code = message.payload().first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    match (message.message_type(), code) {
        (ANSWER, Some(0)) => Ok(()),
        (ANSWER, Some(code)) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        _ => Err(strange()),
    }
}

/// The number of a packet, and the packet.
fn packet(attributes: &[u8]) -> (Option<u32>, Option<Logged>) {
    let (mut number, mut prefix, mut hook, mut payload) = (None, None, None, None);
    for attribute in NlasIterator::new(attributes).map_while(Result::ok) {
        let value = attribute.value();
        match attribute.kind() {
            HEADER => hook = value.get(2).copied(),
            PREFIX => prefix = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()),
            PAYLOAD => payload = Some(value.to_vec()),
            NUMBER => number = value.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)),
            _ => {}
        }
    }
    let logged = prefix.zip(hook).zip(payload).and_then(|((prefix, hook), payload)| logged(prefix, hook, &payload));
    (number, logged)
}

fn logged(prefix: String, hook: u8, payload: &[u8]) -> Option<Logged> {
    // It may be cut off behind its headers.
    let (packet, _) = LaxIpSlice::from_slice(payload).ok()?;
    let has_ports = PORT_PROTOCOLS.iter().any(|(number, _)| *number == packet.payload_ip_number().0);
    let ports = match packet.payload().payload {
        [a, b, c, d, ..] if has_ports => Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
        _ => None,
    };
    Some(Logged {
        prefix,
        is_before_routing: hook == 0,
        source: packet.source_addr(),
        destination: packet.destination_addr(),
        ports,
    })
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP from 203.0.113.1 to 203.0.113.2, from port 53 to port 5000, longer than what is copied of it.
    const UDP: [u8; 28] =
        [0x45, 0, 4, 0, 0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 1, 203, 0, 113, 2, 0, 53, 0x13, 0x88, 3, 0xec, 0, 0];

    fn message(number: u32, payload: &[u8]) -> Vec<u8> {
        let body = [
            vec![2, 0, 0, 7],
            attribute(HEADER, &[8, 0, 4, 0]),
            attribute(PREFIX, b"sandgate ingress deny deny-entry \0"),
            attribute(NUMBER, &number.to_be_bytes()),
            attribute(PAYLOAD, payload),
        ]
        .concat();
        let length = u32::try_from(body.len()).expect("it is short").saturating_add(NETLINK_HEADER);
        [&length.to_ne_bytes()[..], &PACKET.to_ne_bytes(), &[0; 10], &body].concat()
    }

    #[test]
    fn packets_are_read_and_those_that_were_missed_are_counted() {
        let mut group = Group { socket: Socket::new(NETLINK_NETFILTER).expect("netlink"), next: 0 };
        let mut portion = Portion::default();
        let datagram = [message(0, &UDP), message(4, &UDP), message(5, &[1, 2])].concat();
        group.packets(&datagram, &mut portion);
        let (source, destination) = ([203, 0, 113, 1].into(), [203, 0, 113, 2].into());
        let prefix = "sandgate ingress deny deny-entry ".to_owned();
        let logged = Logged { prefix, is_before_routing: false, source, destination, ports: Some((53, 5000)) };
        assert_eq!((portion.packets, portion.missed), (vec![logged.clone(), logged], 3));
        assert_eq!(group.next, 6);
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_no_packet() {
        let whole = message(0, &UDP);
        for length in 0..whole.len() {
            let mut group = Group { socket: Socket::new(NETLINK_NETFILTER).expect("netlink"), next: 0 };
            let mut portion = Portion::default();
            group.packets(&whole[..length], &mut portion);
            assert!(portion.packets.is_empty(), "{length}");
        }
        let mut cut = UDP.to_vec();
        cut.truncate(22);
        let logged = logged(String::new(), 0, &cut).expect("it has addresses");
        assert_eq!(logged.ports, None);
    }
}
