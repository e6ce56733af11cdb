//! The control API, asked over HTTP, with real databases and a node that answers real gRPC and can
//! fail in every way.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod crashes;
mod failures;
mod races;
mod support;
