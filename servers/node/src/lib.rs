//! The node agent: runs sandboxes and enforces their network policies.
//!
//! ```text
//!     agent.rs       what is bound, owned and shut down       config.rs    how it is set up
//!     service.rs     the calls of the control API             change.rs    what they ask
//!     keeper/        carries them out, all or nothing         record.rs    what runs, written down
//!     registry.rs    what runs, as the proxies read it
//!     kernel/        what the kernel enforces                 sandbox/     namespaces, links, addresses
//!     egress/        TCP that names decide                    ingress/     requests into sandboxes
//!     events.rs      updates and denials, told
//! ```
//!
//! No rule is read here. Policies are compiled, judged and lowered by [`sandgate`] alone.

mod agent;
mod change;
mod config;
pub mod egress;
pub mod events;
pub mod ingress;
mod keeper;
mod kernel;
mod record;
mod registry;
mod sandbox;
mod service;

pub use agent::{Agent, Error};
pub use config::{Config, KernelPart};
pub use registry::{Enforced, Registry, Sandbox};
pub use sandbox::{Failure, InvalidPool, Pools};
