//! What a policy really does: entries without effect, and what they mean for traffic that nobody
//! thought of.
//!
//! ```text
//!     warnings.rs    what is valid and does not do what it reads like        effects.rs
//!         |
//!     cover.rs       the ports that entries cover over the whole of a network
//!         |
//!     ports.rs       sets of ports
//! ```

mod cover;
mod effects;
mod ports;
mod warnings;

pub use effects::Effect;
pub(crate) use warnings::report;
