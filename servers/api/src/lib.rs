//! The control API: sandboxes and their network policies, stored, and told to the nodes.
//!
//! A change is answered with success when the node runs it, and with an error when it does not;
//! how store and node are kept together through refusals, lost answers and crashes stands in
//! [`control`].

pub mod config;
pub mod control;
mod http;
mod keys;
pub mod node;
mod serve;
pub mod store;

pub use config::{Arguments, Config, ConfigError, Shape};
pub use http::description;
pub use keys::{KeyError, Keys};
pub use serve::{ServeError, Server};
