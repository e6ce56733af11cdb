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

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"allowIn": ["198.51.100.1", "198.51.100.3"], "denyIn": ["0.0.0.0/0"], "maskRequestHost": "first.internal"}"#;
    const SECOND: &str = r#"{"allowIn": ["198.51.100.2", "198.51.100.3"], "denyIn": ["0.0.0.0/0"], "maskRequestHost": "second.internal"}"#;

    /// Whether an answer is wrong, if the second policy came from 100 to 200.
    fn is_wrong(client: u8, (begin, end): (u128, u128), answer: Option<&str>) -> bool {
        let changes = [Change { begin: 0, end: 0, policy: 0 }, Change { begin: 100, end: 200, policy: 1 }];
        let question = Question::Request(Ipv4Addr::new(198, 51, 100, client), 80);
        let mut count = Count::default();
        let answer = answer.map(Into::into);
        count.add(&[Wanted::new(FIRST), Wanted::new(SECOND)], &changes, &Seen { begin, end, question, answer });
        count.wrong == 1
    }

    #[test]
    fn one_verdict_is_right_while_no_update_is_under_way() {
        for (time, own, other) in [((50, 60), 1, 2), ((210, 220), 2, 1)] {
            let (name, wrong) =
                if own == 1 { ("first.internal", "second.internal") } else { ("second.internal", "first.internal") };
            assert!(!is_wrong(own, time, Some(name)) && is_wrong(own, time, None) && is_wrong(own, time, Some(wrong)));
            assert!(!is_wrong(other, time, None) && is_wrong(other, time, Some(name)));
        }
    }

    #[test]
    fn during_an_update_it_is_that_of_one_policy_as_a_whole() {
        for time in [(150, 160), (50, 120), (190, 300), (50, 300)] {
            assert!(!is_wrong(1, time, None) && !is_wrong(1, time, Some("first.internal")));
            assert!(is_wrong(1, time, Some("second.internal")), "let in by one, named by the other");
            assert!(is_wrong(3, time, None), "both let it in");
            assert!(is_wrong(4, time, Some("first.internal")) && is_wrong(4, time, Some("second.internal")));
        }
    }
}
