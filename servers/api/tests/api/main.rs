//! The control API, asked over HTTP, with real databases and a node that answers real gRPC and can
//! fail in every way.

mod answers;
mod crashes;
mod failures;
mod races;
mod support;
