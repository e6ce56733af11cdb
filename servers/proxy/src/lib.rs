//! What the proxies of a sandbox platform have in common: connections that cannot hold resources,
//! requests passed on, and the names by which a request finds its sandbox.
//!
//! ```text
//!     serve      connections taken, requests answered          forward    requests passed on
//!     slots      how many at a time                            hop        what is about one connection
//!     tasks      started, stopped, ended                       relay      bytes in both directions
//!     idle       how long without a byte                       answer     what a refused client reads
//!     passing    bodies, while they are allowed                secret     compared in constant time
//!     target     which sandbox and which port                  connect    how many to the next hop
//! ```
//!
//! Nothing here knows a rule.

mod answer;
mod connect;
mod forward;
pub mod hop;
mod idle;
mod passing;
mod relay;
mod secret;
mod serve;
mod slots;
mod target;
mod tasks;

pub use answer::{Body, Refusal};
pub use forward::{ForwardError, Forwarder, UnderWay};
pub use passing::{Broken, IsStillAllowed};
pub use relay::{Ended, relay};
pub use secret::{EDGE_SECRET, Secret, TRAFFIC_ACCESS_TOKEN};
pub use serve::{Connection, Handler, Http, accept_all, listen};
pub use slots::{Slot, Slots};
pub use target::{BadTarget, Target};
pub use tasks::Tasks;

use std::time::Duration;

/// How long the parts of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the first wait for a request to the end of its head.
    pub head: Duration,
    /// Until a connection to the next hop stands.
    pub connect: Duration,
    /// Until the head of the answer comes, after the last piece of the request went out. Shorter
    /// than `idle`, or the client is gone before it is told.
    pub answer: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// For what is under way when the service stops.
    pub grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(120),
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(10),
        }
    }
}
