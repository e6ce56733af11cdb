//! Sets of ports as ranges.

use alloc::vec::Vec;

/// Ports from 0 on, as disjoint ranges in order, none next to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    pub(super) fn new(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut sorted: Vec<(u16, u16)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (low, high) in sorted {
            match merged.last_mut() {
                Some((_, last)) if low <= last.saturating_add(1) => *last = high.max(*last),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_all(&self) -> bool {
        self.0 == [(0, u16::MAX)]
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        Self::new(self.0.iter().chain(&other.0).copied())
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&(low, high)), Some(&&(other_low, other_high))) = (one.peek(), two.peek()) {
            if low.max(other_low) <= high.min(other_high) {
                both.push((low.max(other_low), high.min(other_high)));
            }
            // The range that ends first meets nothing more.
            if high < other_high {
                one.next()
            } else {
                two.next()
            };
        }
        Self(both)
    }

    /// The end of the range that holds a port.
    pub(super) fn end(&self, port: u16) -> Option<u16> {
        let before = self.0.partition_point(|(low, _)| *low <= port).checked_sub(1)?;
        self.0.get(before).map(|(_, high)| *high).filter(|high| port <= *high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_their_ports_are() {
        let ranges = [(0, 3), (2, 5), (6, 6), (8, 9), (9, 11), (14, 15)];
        for bits in 0..64_u32 {
            let chosen = |bits: u32| ranges.into_iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1);
            let holds = |bits: u32, port: u16| chosen(bits).any(|(_, (low, high))| low <= port && port <= high);
            let set = |bits: u32| PortSet::new(chosen(bits).map(|(_, range)| range));
            for other in 0..64 {
                let (union, both) = (set(bits).union(&set(other)), set(bits).intersection(&set(other)));
                for port in 0..17 {
                    assert_eq!(union.end(port).is_some(), holds(bits, port) || holds(other, port));
                    assert_eq!(both.end(port).is_some(), holds(bits, port) && holds(other, port));
                }
            }
        }
    }
}
