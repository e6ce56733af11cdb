//! A name in lower case, eight bytes at a time: names on the wire come with every connection.
//!
//! [`fold`] knows only the names that nearly all names are: short, of the usual bytes, no hyphen
//! beside a dot. Whatever looks otherwise is for [`check_name`](super::name::check_name) to judge.

use super::address::ends_in_number;

/// One bit in each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;
/// Longest name that cannot hold a label too long.
const SHORT: usize = super::name::MAX_LABEL;

/// Writes a name in lower case to the front of `to`. Whether it is plainly a name (N-3); if not,
/// it still may be one.
pub(super) fn fold(name: &[u8], to: &mut [u8]) -> bool {
    let mut seen = Seen { dot: 0x80, hyphen: 0, suspect: 0, number: 0 };
    let (words, rest) = name.as_chunks();
    let (folded, rest_folded) = to.split_at_mut(words.len().wrapping_mul(8).min(to.len()));
    for (word, to) in words.iter().zip(folded.as_chunks_mut().0) {
        *to = seen.fold(u64::from_le_bytes(*word)).to_le_bytes();
    }
    // Filled up with what is in order behind everything.
    let last = rest.iter().rev().fold(ONES.wrapping_mul(u64::from(b'a')), |word, &byte| word << 8 | u64::from(byte));
    let last = seen.fold(last).to_le_bytes();
    for (from, to) in last.iter().zip(rest_folded).take(rest.len()) {
        *to = *from;
    }
    let ends_well = name.last().is_some_and(u8::is_ascii_alphanumeric);
    seen.suspect == 0 && name.len() <= SHORT && ends_well && !(seen.number != 0 && ends_in_number(name))
}

/// What is known of the bytes so far. A flag is the high bit of a byte.
struct Seen {
    /// Whether the last byte was a dot; before the name one is as good as seen.
    dot: u64,
    hyphen: u64,
    suspect: u64,
    /// Whether a label begins with a digit.
    number: u64,
}

impl Seen {
    /// The next eight bytes, the first in the lowest place, in lower case.
    #[inline]
    fn fold(&mut self, word: u64) -> u64 {
        let ascii = word & !HIGH;
        let lower = ascii | between(ascii, b'A', b'Z') >> 2;
        let dot = between(ascii, b'.', b'.');
        let hyphen = between(ascii, b'-', b'-');
        let digit = between(ascii, b'0', b'9');
        let known = between(lower, b'a', b'z') | digit | between(ascii, b'_', b'_') | dot | hyphen;
        let behind_dot = dot << 8 | self.dot;
        let behind_hyphen = hyphen << 8 | self.hyphen;
        self.suspect |= word & HIGH | !known & HIGH | behind_dot & (dot | hyphen) | behind_hyphen & dot;
        self.number |= behind_dot & digit;
        (self.dot, self.hyphen) = (dot >> 56, hyphen >> 56);
        lower
    }
}

/// A flag for each ASCII byte from `low` to `high`. No sum reaches the next byte: both are below 128.
#[inline]
fn between(ascii: u64, low: u8, high: u8) -> u64 {
    let above = |least: u8| ascii.wrapping_add(ONES.wrapping_mul(u64::from(0x80_u8.wrapping_sub(least))));
    above(low) & !above(high.wrapping_add(1)) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::name::{MAX_NAME, check_name};
    use alloc::vec::Vec;

    /// Every text of up to `len` bytes from an alphabet.
    fn every(alphabet: &[u8], len: usize) -> Vec<Vec<u8>> {
        let mut all = alloc::vec![Vec::new()];
        let mut longest = all.clone();
        for _ in 0..len {
            let longer = |text: &Vec<u8>| {
                let text = text.clone();
                alphabet.iter().map(move |&byte| [text.as_slice(), &[byte]].concat())
            };
            longest = longest.iter().flat_map(longer).collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    #[test]
    fn what_is_plainly_a_name_is_one() {
        let mut plain = 0;
        for text in every(b".-a0Z_@\x80", 5) {
            for before in [&b""[..], b"api.ab", b"a.b", b"registry-1.", b"3"] {
                let name = [before, &text].concat();
                let mut folded = [0; MAX_NAME];
                // Of short names it knows all but those that end in `_`, so that hardly any is judged twice.
                let is_known = check_name(&name, MAX_NAME).is_ok() && !name.ends_with(b"_");
                assert_eq!(fold(&name, &mut folded), is_known, "{name:?}");
                if fold(&name, &mut folded) {
                    plain += 1;
                    assert_eq!(folded.get(..name.len()).unwrap(), name.to_ascii_lowercase());
                }
            }
        }
        assert!(plain > 10_000, "{plain}");
    }

    #[test]
    fn each_byte_is_folded_in_each_place_or_suspected() {
        for place in 0..17 {
            for byte in 0..=u8::MAX {
                let mut name = *b"aaaaaaaaaaaaaaaaaa";
                *name.get_mut(place).unwrap() = byte;
                let mut folded = [0; 18];
                let is_plain = fold(&name, &mut folded);
                assert!(!is_plain || check_name(&name, MAX_NAME).is_ok(), "{byte} at {place}");
                assert!(!is_plain || folded.as_slice() == name.to_ascii_lowercase(), "{byte} at {place}");
                assert_eq!(is_plain, check_name(&name, MAX_NAME).is_ok());
            }
        }
    }

    #[test]
    fn what_is_long_is_not_plain() {
        assert!(fold(&[b'a'; 63], &mut [0; MAX_NAME]));
        assert!(!fold(&[b'a'; 64], &mut [0; MAX_NAME]));
        assert!(!fold(&[b'a'; 400], &mut [0; MAX_NAME]));
    }
}
