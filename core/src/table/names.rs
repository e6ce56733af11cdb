//! Names and suffixes: which pattern is the first to match a host name.
//!
//! A name matches a pattern if the pattern has the whole name, or has one of the suffixes behind
//! its dots and is a wildcard. So a search looks up the name and those suffixes, from the right,
//! where each label adds to the hash of what is behind it:
//!
//! ```text
//!     a.b.example.com       com  example.com  b.example.com  a.b.example.com
//!                           ^ skipped where no pattern has that many labels
//! ```
//!
//! Names lie in the order of their hashes, and the first bits of a hash say where to begin. That
//! keeps a search bounded where a hash table does not: whoever chooses patterns to collide gets
//! names in order, and a binary search among them.

use alloc::{boxed::Box, vec::Vec};

/// No pattern: above every number.
const NONE: u32 = u32::MAX;
/// Longest name, in labels, that there is: 253 octets.
const MAX_LABELS: u32 = 127;

/// Patterns over normalised names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NameTable {
    /// Where the entries begin whose hash has these first bits, and where the last ones end.
    starts: Box<[u32]>,
    /// How many bits of a hash are not the first ones.
    shift: u32,
    /// In the order of hash and name.
    entries: Box<[Entry]>,
    /// The names, one behind the other.
    bytes: Box<[u8]>,
    /// Bit `n`: a wildcard has a name of `n` labels.
    wildcard_labels: u128,
    /// The number of the pattern that matches every name.
    any: u32,
}

/// A name that patterns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Entry {
    hash: u32,
    /// Where the name lies.
    start: u32,
    len: u32,
    /// The least number of a pattern for the name itself.
    exact: u32,
    /// The least number of a wildcard below the name.
    below: u32,
}

/// A pattern being compiled: hash and name, then the numbers as in [`Entry`].
type Pattern<'p> = (u32, &'p [u8], u32, u32);

impl NameTable {
    /// Compiles patterns, each with the caller's number below `u32::MAX`: `name`, `*.name`, `*`.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = (u32, &'p str)>) -> Self {
        let mut any = NONE;
        let mut wildcard_labels = 0_u128;
        let mut names: Vec<Pattern<'p>> = Vec::new();
        for (number, pattern) in patterns {
            let (name, exact, below) = match (pattern.strip_prefix("*."), pattern) {
                (Some(name), _) => (name, NONE, number),
                (None, "*") => {
                    any = any.min(number);
                    continue;
                }
                (None, name) => (name, number, NONE),
            };
            let (hash, labels) = hash_name(name.as_bytes());
            if below != NONE {
                wildcard_labels |= bit(labels);
            }
            names.push((hash, name.as_bytes(), exact, below));
        }
        names.sort_unstable();
        let mut entries: Vec<Entry> = Vec::with_capacity(names.len());
        let mut bytes: Vec<u8> = Vec::with_capacity(names.iter().map(|name| name.1.len()).sum());
        for same in names.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let Some(&(hash, name, ..)) = same.first() else { continue };
            let least = |number: fn(&Pattern<'p>) -> u32| same.iter().map(number).min().unwrap_or(NONE);
            let (start, len) = (length(bytes.len()), length(name.len()));
            entries.push(Entry { hash, start, len, exact: least(|name| name.2), below: least(|name| name.3) });
            bytes.extend_from_slice(name);
        }
        // About one entry for each pattern of first bits.
        let shift = 32_u32.saturating_sub(entries.len().checked_ilog2().unwrap_or_default().max(1));
        let groups = 0..=u32::MAX.checked_shr(shift).unwrap_or_default();
        let start = |group| entries.partition_point(|entry| entry.hash.checked_shr(shift).unwrap_or_default() < group);
        let starts = groups.map(|group| length(start(group))).chain([length(entries.len())]).collect();
        Self { starts, shift, entries: entries.into(), bytes: bytes.into(), wildcard_labels, any }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.any == NONE
    }

    /// The number of the first pattern that matches a normalised name without empty labels.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u32> {
        let mut best = self.any;
        if self.entries.is_empty() {
            return (best != NONE).then_some(best);
        }
        let mut hash = Hash::START;
        let mut labels = 0_u32;
        for (at, &byte) in name.iter().enumerate().rev() {
            if byte != b'.' {
                hash.push(byte);
                continue;
            }
            hash.end_label();
            labels = labels.wrapping_add(1);
            if self.wildcard_labels & bit(labels) != 0 {
                let suffix = name.get(at.saturating_add(1)..).unwrap_or_default();
                best = best.min(self.entry(hash.word(), suffix).map_or(NONE, |entry| entry.below));
            }
        }
        hash.end_label();
        best = best.min(self.entry(hash.word(), name).map_or(NONE, |entry| entry.exact));
        (best != NONE).then_some(best)
    }

    /// The entry of a name.
    #[inline]
    fn entry(&self, hash: u32, name: &[u8]) -> Option<&Entry> {
        let group = usize::try_from(hash.checked_shr(self.shift)?).ok()?;
        let [start, end] = self.starts.get(group..)?.first_chunk()?;
        let group = self.entries.get(usize::try_from(*start).ok()?..usize::try_from(*end).ok()?)?;
        let from = group.get(group.partition_point(|entry| entry.hash < hash)..)?;
        // Nearly always there is one name for a hash.
        let first = from.first().filter(|entry| entry.hash == hash)?;
        if self.name(first) == name {
            return Some(first);
        }
        let same = from.get(..from.partition_point(|entry| entry.hash == hash))?;
        let found = same.binary_search_by(|entry| self.name(entry).cmp(name)).ok()?;
        same.get(found)
    }

    fn name(&self, entry: &Entry) -> &[u8] {
        let (start, end) = (usize::try_from(entry.start), usize::try_from(entry.start.saturating_add(entry.len)));
        let (Ok(start), Ok(end)) = (start, end) else { return &[] };
        self.bytes.get(start..end).unwrap_or_default()
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The bit for a number of labels.
fn bit(labels: u32) -> u128 {
    1_u128.checked_shl(labels.min(MAX_LABELS)).unwrap_or_default()
}

/// The hash of a name and how many labels it has.
fn hash_name(name: &[u8]) -> (u32, u32) {
    let (mut hash, mut labels) = (Hash::START, 1_u32);
    for &byte in name.iter().rev() {
        if byte == b'.' {
            hash.end_label();
            labels = labels.saturating_add(1);
        } else {
            hash.push(byte);
        }
    }
    hash.end_label();
    (hash.word(), labels)
}

/// The hash of the bytes so far, from the right. It need not resist anybody: see above.
#[derive(Clone, Copy)]
struct Hash {
    mixed: u64,
    /// Up to eight bytes that are not mixed in yet: a multiplication for each would take longer
    /// than all the rest.
    word: u64,
}

impl Hash {
    const START: Self = Self { mixed: 0x9e37_79b9_7f4a_7c15, word: 1 };

    #[inline]
    fn push(&mut self, byte: u8) {
        // The bit that began as 1 falls out when eight bytes are in.
        if self.word >> 56 != 0 {
            self.mix();
        }
        self.word = (self.word << 8) | u64::from(byte);
    }

    #[inline]
    fn end_label(&mut self) {
        self.mix();
    }

    #[inline]
    fn mix(&mut self) {
        let product = (self.mixed ^ self.word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        *self = Self { mixed: product ^ (product >> 32), word: 1 };
    }

    #[inline]
    fn word(self) -> u32 {
        let word = self.mixed.wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> 32;
        u32::try_from(word).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    fn naive(patterns: &[String], name: &str) -> Option<u32> {
        let matches = |pattern: &String| match pattern.strip_prefix('*') {
            Some(suffix) => name.ends_with(suffix),
            None => pattern == name,
        };
        patterns.iter().position(matches).and_then(|position| u32::try_from(position).ok())
    }

    #[test]
    fn the_first_matching_pattern_is_found_in_every_order_of_a_few() {
        let patterns = ["*", "com", "*.com", "a.com", "*.a.com", "b.a.com", "*.b.a.com", "aa.com", "x_y.a.com"];
        let names = ["com", "a.com", "b.a.com", "c.b.a.com", "aa.com", "b.aa.com", "org", "a.org", "x_y.a.com"];
        for turn in 0..patterns.len() {
            for skip in 0..patterns.len() {
                let mut turned: Vec<String> = patterns.iter().map(|&pattern| pattern.into()).collect();
                turned.rotate_left(turn);
                turned.remove(skip);
                let table = NameTable::new((0..).zip(turned.iter().map(String::as_str)));
                for name in names {
                    assert_eq!(table.find(name.as_bytes()), naive(&turned, name), "{name} in {turned:?}");
                }
            }
        }
    }

    #[test]
    fn many_patterns_are_all_found() {
        let patterns: Vec<String> = (0..5_000)
            .map(|n| format!("{}h{n}.zone{}.example.com", if n % 3 == 0 { "*." } else { "" }, n % 7))
            .collect();
        let table = NameTable::new((0..).zip(patterns.iter().map(String::as_str)));
        for pattern in &patterns {
            let name = pattern.replace('*', "deep.below");
            assert_eq!(table.find(name.as_bytes()), naive(&patterns, &name), "{name}");
        }
    }

    #[test]
    fn patterns_with_one_hash_are_told_apart() {
        let mut table = NameTable::new([(0, "a.com"), (1, "b.com"), (2, "c.com")].into_iter());
        let hash = table.entries.first().map_or(0, |entry| entry.hash);
        table.entries.iter_mut().for_each(|entry| entry.hash = hash);
        let mut in_order = table.entries.to_vec();
        in_order.sort_by(|one, other| table.name(one).cmp(table.name(other)));
        table.entries = in_order.into();
        table.shift = 31;
        table.starts = if hash >> 31 == 0 { [0, 3, 3].into() } else { [0, 0, 3].into() };
        for (number, name) in (0..).zip(["a.com", "b.com", "c.com"]) {
            assert_eq!(table.entry(hash, name.as_bytes()).map(|entry| entry.exact), Some(number));
        }
        assert_eq!(table.entry(hash, b"d.com"), None);
    }
}
