//! The compiled form: tiers of rules over addresses and ports, and patterns over names.
//!
//! This module knows integers and bytes, and nothing of policies. A question is answered by the
//! first tier that has a matching rule, and within the tier by the first rule in document order.
//!
//! ```text
//!     tiers.rs    networks to disjoint ranges          ports.rs    the ports of a network
//!     tree.rs     the range of an address              answer.rs   tier and number in a word
//!     names.rs    names and suffixes
//! ```

mod answer;
mod names;
mod ports;
#[cfg(test)]
mod proof;
mod tiers;
mod tree;

pub(crate) use answer::{MAX_ENTRIES, NO_TIER};
pub(crate) use names::NameTable;
pub(crate) use tiers::{Hit, Rule, TierTable};
