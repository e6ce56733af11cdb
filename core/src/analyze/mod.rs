//! What a policy really does: entries without effect, what they mean for traffic that nobody
//! thought of, why it answers as it does, and what a change of it changes.
//!
//! ```text
//!     warnings.rs    what is valid and does not do what it reads like        effects.rs
//!         |
//!     cover.rs       the ports that entries cover over the whole of a network
//!         |
//!     ports.rs       sets of ports
//!
//!     explain/       why one question gets its answer, and what would change it
//!         |
//!     cited.rs       entries and answers taken out of a policy, as data
//!         |
//!     difference/    what two policies do differently
//! ```

mod cited;
mod cover;
mod difference;
mod effects;
mod explain;
mod ports;
mod warnings;

pub use cited::{CitedEntry, Direction};
pub(crate) use difference::ip_address;
pub use difference::{
    AddressRange, Change, DecidedRegion, Difference, MaskChange, NameTerm, Names, Outcome, PortSpan, Region,
    ResolvedChange, TokenChange, Witness, diff, equivalent, tightens,
};
pub use effects::Effect;
pub use explain::{AddressSteps, Edit, Explanation, Flip, HostInput, Input, Step, StepOutcome};
pub(crate) use warnings::report;
