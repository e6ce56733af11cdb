//! The obvious evaluator: sections 2, 3 and 5 to 9 of the semantics, written down a second time.
//!
//! It exists to be compared with the core. It takes canonical texts and plain data, splits them
//! with `str` methods, walks the rules in the order in which the semantics state them, one address
//! bit or one label at a time, and keeps nothing from one question to the next. It shares no code
//! with the core, so a mistake has to be made twice, in two shapes, to go unnoticed. Nothing in
//! here may become clever: where it and the core differ, a reader has to be able to see from this
//! text alone which of them the semantics side with.

mod addresses;
mod client;
mod decide;
mod entries;
mod mask;
mod names;

pub use client::{Trust, client};
pub use decide::{Answer, Rules};
pub use entries::{address_entry, ascii_pattern};
pub use mask::{is_mask, masked};
pub use names::{Seen, host_name, is_name, matches};
