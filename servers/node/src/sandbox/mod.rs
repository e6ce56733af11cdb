//! What a sandbox is on the node: a network namespace, and a link into it.
//!
//! ```text
//!     link.rs         the two ends of a link: their name and their addresses
//!     pool.rs         the networks that links are taken from
//!     namespace.rs    making and removing both, with `ip`
//!     process.rs      running a program with a bounded time
//! ```

mod link;
mod namespace;
mod pool;
mod process;

pub(crate) use link::Link;
pub(crate) use namespace::Namespaces;
pub(crate) use pool::Slots;
pub use pool::{InvalidPool, Pools};
pub use process::Failure;
pub(crate) use process::Program;
