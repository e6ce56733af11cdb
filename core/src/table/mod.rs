//! The compiled form: tiers of rules over addresses and ports, and patterns over names.
//!
//! This module knows integers and bytes, and nothing of policies. A question is answered by the
//! first tier that has a matching rule, and within the tier by the first rule in document order.

mod names;
mod tiers;

pub(crate) use names::NameTable;
pub(crate) use tiers::{Hit, Rule, TierTable};
