//! The node agent: runs sandboxes and enforces their network policies.

pub mod egress;
pub mod events;
pub mod ingress;
mod registry;

pub use registry::{Enforced, Registry, Sandbox};
