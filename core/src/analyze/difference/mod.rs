//! What a change of a policy changes, exactly.
//!
//! ```text
//!     mod.rs      the questions
//!     compare.rs            what two policies decide differently      decided.rs     what one decides
//!     conditions.rs         for which names          planes.rs      for which addresses and ports
//!     names.rs              what patterns match      ../../plane    rules as places, places as products
//!     answer.rs  region.rs       the answer, as data
//! ```
//!
//! The rules come from the policies as they were sorted for their tables, and what a place gets is
//! judged by what judges a query. This module only knows where to ask.

mod answer;
mod compare;
mod conditions;
mod decided;
mod names;
mod planes;
mod region;

pub use answer::{Change, Difference, MaskChange, ResolvedChange, TokenChange};
pub use decided::DecidedRegion;
pub use names::{NameTerm, Names};
pub(crate) use region::address as ip_address;
pub use region::{AddressRange, Outcome, PortSpan, Region, Witness};

use crate::policy::Policy;
use compare::{Told, compare};

/// What two policies do differently, exactly.
///
/// All that decides is taken into account: entries, guardrails, capabilities and flags (H-3).
/// Limits decide nothing, and neither do order and spelling of entries.
///
/// Time and memory are near linear in the entries of both policies, whatever they are.
///
/// ```
/// use sandgate::{Options, Policy, Ruling, diff};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let old = policy(r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#)?;
/// let new = policy(r#"{"allowOut": ["api.example.com"], "denyOut": ["0.0.0.0/0"]}"#)?;
/// let difference = diff(&old, &new);
/// let change = &difference.changes[0];
/// assert_eq!((change.before, change.after), (Ruling::AllowByName, Ruling::Deny));
///
/// let witness = &change.regions[0].witness;
/// assert_eq!(witness.host.unwrap().as_str(), "www.example.com");
/// let replayed = new.decide_egress(&witness.destination().unwrap());
/// assert_eq!(replayed.verdict().ruling(), Ruling::Deny);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Difference {
    compare(old, new, Told::All)
}

/// Whether a policy lets nothing through that another does not: no verdict is greater than it was.
///
/// Verdicts are in the order deny, allow by name, allow. An allow that becomes an allow by name
/// counts as tighter: the name decides where the connection goes, and not the client (E-8).
/// Besides verdicts it counts as wider if
///
/// - a request no longer needs the traffic access token (`allowPublicTraffic`, exempt ports);
/// - the new policy allows names, and one of them may lead to an address to which the guardrails
///   of the old policy let none lead (E-8).
///
/// The host mask lets nothing through and does not count.
///
/// # Errors
///
/// What is wider, with a witness for each region: a [`Difference`] without all that is not.
///
/// ```
/// use sandgate::{Options, Policy, tightens};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let old = policy(r#"{"allowIn": ["203.0.113.0/24"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// let new = policy(r#"{"allowIn": ["203.0.113.0/25:443"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// assert!(tightens(&old, &new).is_ok());
///
/// let wider = tightens(&new, &old).unwrap_err();
/// let witness = &wider.changes[0].regions[0].witness;
/// assert!(!new.allows_ingress(witness.address, witness.port));
/// assert!(old.allows_ingress(witness.address, witness.port));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[expect(clippy::result_large_err, reason = "asked once for a change of a policy, and the error is what is wanted")]
pub fn tightens(old: &Policy, new: &Policy) -> Result<(), Difference> {
    or_difference(compare(old, new, Told::Wider))
}

/// Whether two policies do all the same. Reasons may differ, and so may the entries that decide.
///
/// # Errors
///
/// What they do differently.
///
/// ```
/// use sandgate::{Options, Policy, equivalent};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let halves = policy(r#"{"denyOut": ["203.0.113.0/25", "203.0.113.128/25"]}"#)?;
/// let whole = policy(r#"{"denyOut": ["203.0.113.0/24"]}"#)?;
/// assert!(equivalent(&halves, &whole).is_ok());
/// assert_ne!(halves, whole);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[expect(clippy::result_large_err, reason = "asked once for a change of a policy, and the error is what is wanted")]
pub fn equivalent(one: &Policy, other: &Policy) -> Result<(), Difference> {
    or_difference(compare(one, other, Told::All))
}

#[expect(clippy::result_large_err, reason = "asked once for a change of a policy, and the error is what is wanted")]
fn or_difference(difference: Difference) -> Result<(), Difference> {
    if difference.is_empty() { Ok(()) } else { Err(difference) }
}
