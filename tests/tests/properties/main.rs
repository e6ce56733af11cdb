//! What holds for every policy, text and chain, checked on generated ones and against the obvious
//! evaluator.

mod client;
mod decide;
mod difference;
mod difference_form;
mod document;
mod explain;
mod flips;
mod language;
mod lowering;
mod monotone;
mod oracle;
mod regions;
mod repair;
mod small_world;
mod warnings;
mod worlds;

use proptest::{prelude::ProptestConfig, test_runner::RngAlgorithm::XorShift};
use std::env;

/// So many cases, or as many as `PROPTEST_CASES` asks for. Failures are told on the terminal only:
/// a case worth keeping becomes a vector.
fn cases(cases: u32) -> ProptestConfig {
    // The default generator takes half of the time of a debug build.
    let config = ProptestConfig { failure_persistence: None, rng_algorithm: XorShift, ..ProptestConfig::default() };
    if env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases, ..config } }
}
