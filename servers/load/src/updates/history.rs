//! What was in force when, and whether what was seen is what that allows.

use crate::platform::Wanted;
use std::{
    net::{IpAddr, Ipv4Addr},
    time::{SystemTime, UNIX_EPOCH},
};

/// Nanoseconds, on a clock that all processes share.
pub(super) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_nanos()
}

/// An update: when it was sent, when it was acknowledged, and which of the policies it brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) begin: u128,
    pub(super) end: u128,
    pub(super) policy: usize,
}

/// What was asked of a sandbox.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// A request of a client, for a port.
    Request(Ipv4Addr, u16),
    /// A datagram to a host, to a port.
    Packet(Ipv4Addr, u16),
}

/// What came of it, and between when and when.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) begin: u128,
    pub(super) end: u128,
    pub(super) question: Question,
    /// `None`: denied. Otherwise what the server was called, which only requests have.
    pub(super) answer: Option<String>,
}

/// How many answers there were, and of what kind.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) all: usize,
    pub(super) allowed: usize,
    /// Answered while no update was under way, so that one verdict alone is right.
    pub(super) exact: usize,
    pub(super) wrong: usize,
}

impl Count {
    /// Counts what was seen of a sandbox. Right is what a policy says that may have been in force.
    pub(super) fn add(&mut self, policies: &[Wanted], changes: &[Change], seen: &Seen) {
        let mut possible: Vec<usize> = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let last = changes.get(place + 1).map_or(u128::MAX, |next| next.end);
            if change.begin <= seen.end && last >= seen.begin {
                possible.push(change.policy);
            }
        }
        let is_right = possible.iter().any(|&policy| is_verdict(&policies[policy], seen));
        self.all += 1;
        self.allowed += usize::from(seen.answer.is_some());
        self.exact += usize::from(possible.len() == 1);
        self.wrong += usize::from(!is_right);
        if !is_right {
            eprintln!("WRONG: {seen:?}, while these were in force: {possible:?}");
        }
    }
}

/// Whether a policy says just this.
fn is_verdict(wanted: &Wanted, seen: &Seen) -> bool {
    let policy = &wanted.policy;
    let (is_allowed, name) = match seen.question {
        Question::Request(client, port) => {
            let name = policy.masked_host(port).map(|host| host.to_string());
            (policy.allows_ingress(Some(IpAddr::V4(client)), port), name)
        }
        Question::Packet(host, port) => (policy.allows_egress(IpAddr::V4(host), port), None),
    };
    match &seen.answer {
        None => !is_allowed,
        Some(answer) => is_allowed && name.is_none_or(|name| name == *answer),
    }
}
