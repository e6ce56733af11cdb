//! What is fuzzed: a function from bytes to nothing for each target, which panics where the core
//! is wrong, and the bytes that each of them starts from.
//!
//! Texts are fuzzed as they are. What has structure is built with `arbitrary`, out of types that
//! can also be written back, so that vectors become seeds.

pub mod client_ip;
pub mod decide_vs_naive;
pub mod document;
pub mod entry_roundtrip;
pub mod host_mask;
pub mod names;
mod structure;
pub mod update_sequences;

use sandgate_conformance::vector::Case;

/// A fuzz target.
#[derive(Debug)]
pub struct Target {
    /// Its name: that of its program and of the folder of its corpus.
    pub name: &'static str,
    /// Panics if the core is wrong about this input.
    pub run: fn(&[u8]),
    /// The inputs that a vector stands for here.
    pub seeds: fn(&Case) -> Vec<Vec<u8>>,
}

impl Target {
    /// The inputs that the vectors stand for. What is long shows a limit and makes a fuzzer slow.
    pub fn seeds_of<'v>(&self, vectors: impl IntoIterator<Item = &'v Case>) -> Vec<Vec<u8>> {
        let mut seeds: Vec<_> = vectors.into_iter().flat_map(self.seeds).collect();
        seeds.retain(|seed| seed.len() <= LONGEST_SEED);
        seeds
    }
}

const LONGEST_SEED: usize = 1 << 14;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "client_ip", run: client_ip::run, seeds: client_ip::seeds },
    Target { name: "decide_vs_naive", run: decide_vs_naive::run, seeds: decide_vs_naive::seeds },
    Target { name: "document", run: document::run, seeds: document::seeds },
    Target { name: "entry_roundtrip", run: entry_roundtrip::run, seeds: entry_roundtrip::seeds },
    Target { name: "host_mask", run: host_mask::run, seeds: host_mask::seeds },
    Target { name: "names", run: names::run, seeds: names::seeds },
    Target { name: "update_sequences", run: update_sequences::run, seeds: update_sequences::seeds },
];
