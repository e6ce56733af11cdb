//! The laboratory: a closed network namespace, a link into it on which any packet can be sent,
//! and a record of what the rules let through.
//!
//! ```text
//!     namespace.rs    a namespace of its own, or why there is none
//!     lab.rs          links, routes, rules, and the record
//!     packets.rs      the packets, as bytes on the link
//!     probe.rs        many questions, one after another, each as one packet
//! ```

#![cfg(target_os = "linux")]

pub mod lab;
pub mod namespace;
pub mod packets;
pub mod probe;
