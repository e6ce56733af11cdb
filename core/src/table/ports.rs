//! Port programs: what a network with port ranges answers, without a copy for every range of
//! addresses within it.
//!
//! The networks of a table lie within one another or apart, so the ports of a network concern its
//! own range and, as its ancestors' ports, the ranges below. A program holds only the network's
//! own port ranges and a link to the nearest ancestor whose ports can still win:
//!
//! ```text
//!     0.0.0.0/0        :80 :443 ... (4,000 ranges)      <---+---+
//!     192.0.2.1/32     :22   otherwise what is above  ------+   |
//!     192.0.2.2/32     :25   otherwise what is above  ----------+
//! ```
//!
//! Copying the ports of the ancestors instead would be quadratic here. A question follows at most
//! as many links as an address has bits.
//!
//! All programs of a table lie in one array of words:
//!
//! ```text
//!     one:      ports, answer                                  low port in the low half
//!     program:  count, answer for all ports, link above, then
//!               `count` pairs of ports and answer, least answer first            (few)
//!               or `count` first ports of disjoint segments, then their answers  (many)
//! ```

use super::answer::{Answer, Link};
use alloc::vec::Vec;
use core::hint::select_unpredictable;

/// A port range and its answer.
pub(super) type PortRule = (u16, u16, Answer);

/// Up to this many ranges are tried one after the other.
const FEW: usize = 8;
/// Marks the count of a program that has segments.
const SEGMENTS: u32 = 1 << 31;
/// Stands where there is no link above.
const NO_LINK: u32 = u32::MAX;

/// What is known of a network while the networks within it are compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    /// The least answer for every port.
    all: Answer,
    /// The least answer that a port range may have.
    least_of_ports: Answer,
    pub(super) link: Link,
}

impl Above {
    /// Above everything: no rule.
    pub(super) const NOTHING: Self =
        Self { all: Answer::NONE, least_of_ports: Answer::NONE, link: Link::Answer(Answer::NONE) };
}

/// Collects programs.
#[derive(Debug, Default)]
pub(super) struct ProgramsBuilder {
    words: Vec<u32>,
}

impl ProgramsBuilder {
    /// Compiles a network: its least answer for every port, its port ranges with the least
    /// answer first, and what lies above it.
    pub(super) fn network(&mut self, own_all: Answer, ports: &[PortRule], above: Above) -> Above {
        let all = own_all.min(above.all);
        // Ports that can never win are left out, here and above.
        let useful = ports.partition_point(|rule| rule.2 < all);
        let ports = ports.get(..useful).unwrap_or_default();
        let link_above = (above.least_of_ports < all).then_some(above.link);
        let least_of_ports = ports.iter().map(|rule| rule.2).chain(link_above.map(|_| above.least_of_ports)).min();
        let link = match (ports, link_above) {
            ([], None) => Link::Answer(all),
            ([], Some(link)) if all == above.all => link,
            (&[(low, high, answer)], None) if all == Answer::NONE => {
                let at = self.at();
                self.words.extend([range(low, high), answer.word()]);
                Link::One(at)
            }
            _ => self.program(all, ports, link_above),
        };
        Above { all, least_of_ports: least_of_ports.unwrap_or(Answer::NONE), link }
    }

    fn program(&mut self, all: Answer, ports: &[PortRule], above: Option<Link>) -> Link {
        let at = self.at();
        let above = above.map_or(NO_LINK, Link::word);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        if ports.len() <= FEW {
            self.words.extend([count(ports.len()), all.word(), above]);
            for &(low, high, answer) in ports {
                self.words.extend([range(low, high), answer.word()]);
            }
        } else {
            let segments = segments(ports);
            self.words.extend([count(segments.len()) | SEGMENTS, all.word(), above]);
            self.words.extend(segments.iter().map(|(first, _)| u32::from(*first)));
            self.words.extend(segments.iter().map(|(_, answer)| answer.word()));
        }
        Link::Program(at)
    }

    fn at(&self) -> u32 {
        u32::try_from(self.words.len()).unwrap_or(u32::MAX)
    }

    /// The words of all programs.
    pub(super) fn build(self) -> Vec<u32> {
        self.words
    }
}

/// Every port, as a packed range.
pub(super) const ALL: u32 = 0xffff << 16;

fn range(low: u16, high: u16) -> u32 {
    u32::from(low) | (u32::from(high) << 16)
}

/// Whether a packed range holds a port.
#[inline]
pub(super) fn holds(range: u32, port: u16) -> bool {
    ((range & 0xffff) <= u32::from(port)) & (u32::from(port) <= (range >> 16))
}

/// Port ranges, least answer first, as disjoint segments from port 0 on with the least answer
/// each. Linear in the ranges but for the sorting: a boundary that has its answer is passed over
/// by every later range.
fn segments(ports: &[PortRule]) -> Vec<(u16, Answer)> {
    let ends = ports.iter().filter_map(|rule| rule.1.checked_add(1));
    let mut firsts: Vec<u16> = ports.iter().map(|rule| rule.0).chain(ends).chain([0]).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut answers: Vec<Option<Answer>> = firsts.iter().map(|_| None).collect();
    // The nearest boundary from here on that has no answer yet.
    let mut open: Vec<usize> = (0..=firsts.len()).collect();
    for &(low, high, answer) in ports {
        let start = firsts.partition_point(|first| *first < low);
        let end = firsts.partition_point(|first| *first <= high);
        let mut boundary = find_open(&mut open, start);
        while boundary < end {
            if let Some(slot) = answers.get_mut(boundary) {
                *slot = Some(answer);
            }
            let next = boundary.saturating_add(1);
            if let Some(link) = open.get_mut(boundary) {
                *link = next;
            }
            boundary = find_open(&mut open, next);
        }
    }
    let mut segments: Vec<(u16, Answer)> = Vec::with_capacity(firsts.len());
    for (first, answer) in firsts.into_iter().zip(answers) {
        let answer = answer.unwrap_or(Answer::NONE);
        if segments.last().is_none_or(|(_, last)| *last != answer) {
            segments.push((first, answer));
        }
    }
    segments
}

/// The root of a boundary, with the path to it halved on the way.
fn find_open(open: &mut [usize], mut boundary: usize) -> usize {
    while let Some(&next) = open.get(boundary) {
        if next == boundary {
            break;
        }
        let after = open.get(next).copied().unwrap_or(next);
        if let Some(link) = open.get_mut(boundary) {
            *link = after;
        }
        boundary = after;
    }
    boundary
}

/// The least answer for a port.
#[inline]
pub(super) fn resolve(programs: &[u32], link: Link, port: u16) -> Answer {
    match link {
        Link::Answer(answer) => answer,
        Link::One(at) => one_for(programs, at, port),
        Link::Program(at) => program(programs, at, port),
    }
}

#[inline]
fn one_for(programs: &[u32], at: u32, port: u16) -> Answer {
    // Chosen without a branch: which ports come is anybody's guess.
    one(programs, at)
        .map_or(Answer::NONE, |(range, answer)| select_unpredictable(holds(range, port), answer, Answer::NONE))
}

/// The packed range and the answer of a [`Link::One`].
#[inline]
pub(super) fn one(programs: &[u32], at: u32) -> Option<(u32, Answer)> {
    match from(programs, at) {
        [range, answer, ..] => Some((*range, Answer::from_word(*answer))),
        _ => None,
    }
}

/// A program that is one range of ports: packed range, its answer, and the answer of other ports.
pub(super) fn single(programs: &[u32], at: u32) -> Option<(u32, Answer, Answer)> {
    match from(programs, at) {
        [1, all, above, range, answer, ..] => {
            let above = match (*above != NO_LINK).then(|| Link::from_word(*above)) {
                None => Answer::NONE,
                Some(Link::Answer(answer)) => answer,
                Some(_) => return None,
            };
            let others = above.min(Answer::from_word(*all));
            Some((*range, others.min(Answer::from_word(*answer)), others))
        }
        _ => None,
    }
}

fn program(programs: &[u32], mut at: u32, port: u16) -> Answer {
    let mut best = Answer::NONE;
    loop {
        let [count, all, above, rest @ ..] = from(programs, at) else { return best };
        let own = if count & SEGMENTS == 0 { few(rest, *count, port) } else { many(rest, *count & !SEGMENTS, port) };
        best = best.min(own).min(Answer::from_word(*all));
        match (*above != NO_LINK).then(|| Link::from_word(*above)) {
            None => return best,
            Some(Link::Answer(answer)) => return best.min(answer),
            Some(Link::One(at)) => return best.min(one_for(programs, at, port)),
            Some(Link::Program(next)) => at = next,
        }
    }
}

#[inline]
fn from(programs: &[u32], at: u32) -> &[u32] {
    usize::try_from(at).ok().and_then(|at| programs.get(at..)).unwrap_or_default()
}

/// The first of a few ranges that holds the port: ranges come with the least answer first.
fn few(words: &[u32], count: u32, port: u16) -> Answer {
    let pairs = words.chunks_exact(2).take(usize::try_from(count).unwrap_or_default());
    let mut found = pairs.filter_map(|pair| match pair {
        [range, answer] if holds(*range, port) => Some(Answer::from_word(*answer)),
        _ => None,
    });
    found.next().unwrap_or(Answer::NONE)
}

/// The answer of the segment that holds the port. The first segment begins at port 0.
fn many(words: &[u32], count: u32, port: u16) -> Answer {
    let count = usize::try_from(count).unwrap_or_default();
    let Some((firsts, answers)) = words.split_at_checked(count) else { return Answer::NONE };
    let above = firsts.partition_point(|first| *first <= u32::from(port));
    let answer = above.checked_sub(1).and_then(|segment| answers.get(segment));
    answer.map_or(Answer::NONE, |word| Answer::from_word(*word))
}
