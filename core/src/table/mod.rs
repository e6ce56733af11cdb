//! The compiled form: tiers of rules over addresses and ports, and patterns over names.
//!
//! This module knows integers and bytes, and nothing of policies. A question is answered by the
//! first tier that has a matching rule, and within the tier by the first rule in document order.
//!
//! ```text
//!     verdicts.rs    allowed or not          tiers.rs    which rule          names.rs    names and
//!              \                            /                                            suffixes
//!               flat.rs    networks to disjoint ranges
//!               /                           \
//!     address.rs    addresses in words       ports.rs    the ports of a network
//!                                            answer.rs   tier and number in a word
//! ```

mod address;
mod answer;
mod flat;
mod names;
mod ports;
#[cfg(test)]
mod proof;
mod tiers;
mod verdicts;

pub(crate) use answer::{MAX_ENTRIES, NO_TIER};
pub(crate) use flat::{Rule, SortedRules};
pub(crate) use names::NameTable;
pub(crate) use tiers::{Hit, TierTable};
pub(crate) use verdicts::{allows, compile};
