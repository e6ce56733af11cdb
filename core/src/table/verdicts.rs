//! Allowed or not, and nothing else: the same rules as in [`tiers`](super::tiers), for the
//! question that is asked for every packet.
//!
//! What decides lies in one array of words, so that a small policy is one allocation and a
//! question touches two or three cache lines of it. A section of the array answers for one
//! direction and one address family:
//!
//! ```text
//!     count, outside, keys ..., words ..., port programs ..., port ranges ...
//!                     sorted    of each key
//!
//!     word:   length of the network   7 bits
//!             program?                1 bit
//!             verdict                 1 bit
//!             place                  23 bits, counted from the first program
//! ```
//!
//! A range of addresses has the verdict for the ports of the range of ports at its place, and the
//! opposite for the others. "All ports" is a range of ports like any other, which spares the
//! search a branch that depends on the question. Only ports of several rules need a program.
//!
//! Numbers of rules play no part, so whatever answers the same as what lies around it needs no
//! range: an allow entry where nothing is denied, a network within one that is denied as well. In
//! the routing table's mix at 100,000 entries that removes nine ranges of ten.
//!
//! The search is the standard library's `partition_point`: it does not branch on what it
//! compares. Trees of cache lines with 8 or 16 keys counted at once lost to it at every size up
//! to 100,000: counting the bits of a comparison takes baseline x86-64 longer than four steps.

use super::{
    address::Address,
    answer::{Answer, LINK_BITS, Link, unpack_before_last},
    flat::{Range, Rule, SortedRules, flatten},
    ports,
};
use alloc::vec::Vec;
use core::hint::select_unpredictable;

const VERDICT: u32 = 1 << 23;
const PROGRAM: u32 = 1 << 24;
const PLACE: u32 = VERDICT - 1;

/// What a range of addresses answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Always(bool),
    /// The verdict for the ports of a packed range, and the opposite for others.
    Ports(u32, bool),
    /// A port program at this place.
    Program(u32),
}

/// Adds the section of some rules. `allowed` has a bit for each tier that allows.
pub(crate) fn compile<A: Address>(rules: &SortedRules<A>, allowed: u32, words: &mut Vec<u32>) {
    let flat = flatten(rules, |rule: &Rule<A>| Answer::new(rule.tier, 0));
    let state = |link| State::of(link, &flat.programs, allowed);
    let outside = state(flat.outside);
    let mut kept: Vec<Range<A>> = Vec::with_capacity(flat.ranges.len());
    let mut states: Vec<State> = Vec::with_capacity(flat.ranges.len());
    for range in flat.ranges {
        let state = state(range.link);
        // What a search for the range would find without it. Networks lie within one another or
        // apart, so what holds the lowest address of the range holds all of it.
        let without = match (kept.last(), states.last()) {
            (Some(last), Some(&state)) if range.first <= last.first.last_of(u32::from(last.len.saturating_sub(1))) => {
                state
            }
            _ => outside,
        };
        if state != without {
            kept.push(range);
            states.push(state);
        }
    }
    let is_program = |state: &State| matches!(state, State::Program(_));
    let programs = if states.iter().chain([&outside]).any(is_program) { flat.programs } else { Vec::new() };
    let mut section = Section { ports_at: programs.len(), ports: [ports::ALL].into() };
    let outside = section.word(outside);
    words.reserve_exact(kept.len().saturating_mul(A::WORDS.saturating_add(1)).saturating_add(programs.len()));
    words.extend([u32::try_from(kept.len()).unwrap_or_default(), outside]);
    A::write(kept.iter().map(|range| range.first), words);
    words.extend(kept.iter().zip(&states).map(|(range, state)| {
        let len = u32::from(range.len.saturating_sub(1));
        len << LINK_BITS | section.word(*state)
    }));
    words.extend(programs);
    words.extend(section.ports);
}

/// The port ranges of a section being built.
struct Section {
    /// Where they begin.
    ports_at: usize,
    ports: Vec<u32>,
}

impl Section {
    fn word(&mut self, state: State) -> u32 {
        let (ports, verdict) = match state {
            State::Program(at) => return PROGRAM | at & PLACE,
            State::Always(verdict) => (ports::ALL, verdict),
            State::Ports(ports, verdict) => (ports, verdict),
        };
        // The first range is all ports; others that repeat do so mostly one after the other.
        let known = [0, self.ports.len().saturating_sub(1)].into_iter().find(|at| self.ports.get(*at) == Some(&ports));
        let at = known.unwrap_or_else(|| {
            self.ports.push(ports);
            self.ports.len().saturating_sub(1)
        });
        let place = u32::try_from(self.ports_at.saturating_add(at)).unwrap_or_default();
        place & PLACE | if verdict { VERDICT } else { 0 }
    }
}

impl State {
    fn of(link: Link, programs: &[u32], allowed: u32) -> Self {
        let allows = |answer: Answer| is_allowed(allowed, answer);
        let (range, inside, outside) = match link {
            Link::Answer(answer) => return Self::Always(allows(answer)),
            Link::One(at) => match ports::one(programs, at) {
                Some((range, answer)) => (range, allows(answer), allows(Answer::NONE)),
                None => return Self::Program(at),
            },
            Link::Program(at) => match ports::single(programs, at) {
                Some((range, answer, others)) => (range, allows(answer), allows(others)),
                None => return Self::Program(at),
            },
        };
        if inside == outside { Self::Always(inside) } else { Self::Ports(range, inside) }
    }
}

fn is_allowed(allowed: u32, answer: Answer) -> bool {
    allowed & (1 << answer.tier()) != 0
}

/// Whether the first tier with a rule that holds address and port is one that allows. No section
/// allows nothing.
#[inline]
pub(crate) fn allows<A: Address>(section: &[u32], allowed: u32, address: A, port: u16) -> bool {
    let [count, outside, rest @ ..] = section else { return false };
    let count = usize::try_from(*count).unwrap_or_default();
    let Some((keys, rest)) = rest.split_at_checked(count.wrapping_mul(A::WORDS)) else { return false };
    let Some((words, places)) = rest.split_at_checked(count) else { return false };
    let number = address.count_not_above(keys).wrapping_sub(1);
    let word = match (A::read(keys, number), words.get(number)) {
        (Some(first), Some(&word)) => {
            select_unpredictable(address <= first.last_of(unpack_before_last(word)), word, *outside)
        }
        _ => *outside,
    };
    if word & PROGRAM != 0 {
        return is_allowed(allowed, ports::resolve(places, Link::Program(word & PLACE), port));
    }
    let ports = usize::try_from(word & PLACE).ok().and_then(|place| places.get(place));
    ports.is_some_and(|ports| ports::holds(*ports, port) == (word & VERDICT != 0))
}
