//! The laboratory: a machine's network of its own, with an internet behind it that is not the real
//! one.
//!
//! ```text
//!     sandboxes --- node, edge, API (192.0.2.1) --- internet (192.0.2.2)
//!                                                     hosts    203.0.113.0/24   2001:db8:1::/64
//!                                                     clients  198.51.100.0/24  2001:db8:2::/64
//!
//!     namespace.rs   entered before anything else          world.rs    the internet, built
//!     part.rs        what this program plays in it         client.rs   who asks, and from where
//!     host.rs        who is asked                          names.rs    the name server
//!     tls.rs         both ends of TLS                      error.rs    what can go wrong
//!     harness.rs     tests run in it
//! ```
//!
//! The hosts and the clients are this very program, run in other namespaces. So a program that uses
//! the laboratory begins like this:
//!
//! ```no_run
//! use sandgate_lab::{Lab, Place, enter, play};
//!
//! let words: Vec<String> = std::env::args().skip(1).collect();
//! if play(&words).is_some() {
//!     return Ok(()); // It was a host or a client.
//! }
//! if let Place::Inside = enter() {
//!     let lab = Lab::build()?;
//!     let client = lab.client("198.51.100.7".parse()?);
//!     assert!(client.reaches("tcp:203.0.113.1:7"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod error;
mod harness;
mod host;
mod names;
mod namespace;
mod part;
pub mod tls;
mod world;

pub use client::{Answer, Client, send};
pub use error::LabError;
pub use harness::{Test, run_tests};
pub use namespace::{Place, can_enter, enter};
pub use part::{PLAY, Running, play};
pub use world::{HOSTS, INTERNET, Lab, NAME_SERVER, NODE, check_closed, run};
