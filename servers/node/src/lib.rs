//! The node agent: runs sandboxes and enforces their network policies.

mod registry;

pub use registry::{Enforced, Registry, Sandbox};
