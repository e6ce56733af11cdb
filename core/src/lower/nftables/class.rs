//! A class of packets: those of one direction that get one verdict, perhaps for one reason.

use crate::{
    analyze::Direction,
    config::List,
    decision::{Reason, Ruling},
};
use alloc::string::String;
use core::fmt;

/// Packets of one direction that get one verdict, and for one reason where reasons are told apart:
/// where packets are counted or logged.
///
/// It names sets and counters, and its `Display` is the prefix of log lines. [`Class::from_log`]
/// takes it out of a line again.
///
/// ```
/// use sandgate::{List, Reason, Ruling, nftables::Class};
///
/// let line = "sandgate egress deny deny-entry IN=tap0 OUT= SRC=10.0.0.2 DST=203.0.113.7";
/// let class = Class::from_log(line).unwrap();
/// assert_eq!((class.verdict, class.reason, class.list()), (Ruling::Deny, Some(Reason::DenyEntry), Some(List::DenyOut)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Class {
    /// Whose connections are meant.
    pub direction: Direction,
    /// What happens to the packets. Allow by name: TCP is the proxy's business, and all else is
    /// denied.
    pub verdict: Ruling,
    /// Why they are allowed or denied where no name is known, where reasons are told apart.
    pub reason: Option<Reason>,
}

impl Class {
    /// The list whose entries make up the class, if entries do.
    #[must_use]
    pub const fn list(self) -> Option<List> {
        let [allow, deny] = self.direction.lists();
        match self.reason {
            Some(Reason::AllowEntry) => Some(allow),
            Some(Reason::DenyEntry) => Some(deny),
            _ => None,
        }
    }

    pub(super) fn is_by_name(self) -> bool {
        self.verdict == Ruling::AllowByName
    }

    /// What sets and counters of the class are called.
    #[must_use]
    pub fn name(self) -> String {
        let reason = self.reason.map_or(self.verdict.as_str(), Reason::as_str);
        let what = if self.is_by_name() { "by-name" } else { reason };
        alloc::format!("{}_{}", self.direction, what.replace('-', "_"))
    }

    /// The class in the prefix of a log line.
    #[must_use]
    pub fn from_log(line: &str) -> Option<Self> {
        let (_, line) = line.split_once("sandgate ")?;
        let mut words = line.split(' ');
        let (direction, verdict, reason) = (words.next()?, words.next()?, words.next()?);
        let direction =
            [Direction::Egress, Direction::Ingress].into_iter().find(|known| known.as_str() == direction)?;
        let verdicts = [Ruling::Deny, Ruling::AllowByName, Ruling::Allow];
        let verdict = verdicts.into_iter().find(|known| known.as_str() == verdict)?;
        let reason = Reason::ALL.iter().copied().find(|known| known.as_str() == reason);
        Some(Self { direction, verdict, reason: Some(reason?) })
    }
}

impl fmt::Display for Class {
    /// `sandgate egress deny deny-entry`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sandgate {} {}", self.direction, self.verdict)?;
        self.reason.map_or(Ok(()), |reason| write!(f, " {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_log_line() {
        for direction in [Direction::Egress, Direction::Ingress] {
            for verdict in [Ruling::Deny, Ruling::AllowByName, Ruling::Allow] {
                for &reason in Reason::ALL {
                    let class = Class { direction, verdict, reason: Some(reason) };
                    let line = alloc::format!("[12.5] {class} IN=tap0 OUT=");
                    assert_eq!(Class::from_log(&line), Some(class));
                }
            }
        }
        assert_eq!(Class::from_log("sandgate egress deny"), None);
    }
}
