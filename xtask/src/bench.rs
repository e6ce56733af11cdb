//! Runs the side-by-side benchmarks, which live in a workspace of their own.

use crate::run::{Outcome, cargo, step};

pub(crate) fn run() -> Outcome {
    step("building the contestants", || {
        cargo(&["build", "--release", "--manifest-path", "bench/Cargo.toml", "--quiet"])
    })?;
    step("measuring", || {
        cargo(&["run", "--release", "--manifest-path", "bench/Cargo.toml", "--quiet", "--", "bench/RESULTS.md"])
    })
}
