//! Seven steps in order, one of which decides; and the words that both directions share.

use super::{
    super::cited::CitedEntry,
    matching::{addresses, holds},
};
use crate::{
    config::List,
    decision::Decision,
    entry::{Entry, Network},
    policy::Policy,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Ordering, net::IpAddr};
use serde::Serialize;

/// A step of section 7.
///
/// ```
/// use sandgate::{Options, Policy, StepOutcome};
///
/// let policy = Policy::from_json("{}", &Options::default())?;
/// let explanation = policy.explain_ingress(None, 443);
/// let step = &explanation.addresses[0].steps[1];
/// assert_eq!((step.rule, step.title, step.outcome), ("I-2", "no rules", StepOutcome::Decides));
/// assert_eq!(step.why, "`allowIn` and `denyIn` are empty");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Step {
    /// The rule: `E-1` to `E-7`, or `I-1` to `I-7`.
    pub rule: &'static str,
    /// What the step is about, in a few words.
    pub title: &'static str,
    /// What came of it.
    pub outcome: StepOutcome,
    /// One sentence: what matched, or why nothing did.
    pub why: String,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the first step that applies decides")]
pub enum StepOutcome {
    /// It was asked and does not apply.
    DoesNotApply,
    /// It is the first that applies.
    Decides,
    /// A step before it decided.
    NotReached,
}

/// An address, and what is decided of it by itself.
pub(super) type Part<'p> = (IpAddr, Decision<'p>);

/// What can be said of a step.
pub(super) struct Words<A> {
    pub(super) rule: &'static str,
    pub(super) title: &'static str,
    /// What applies, if it is the one that decides.
    pub(super) why: fn(&A) -> String,
    /// Why it does not apply, if a later one decides.
    pub(super) why_not: fn(&A) -> String,
}

/// The steps, of which this one decides.
pub(super) fn lay_out<A>(words: &[Words<A>], deciding: usize, asked: &A) -> Vec<Step> {
    let step = |(index, words): (usize, &Words<A>)| {
        let (outcome, why) = match index.cmp(&deciding) {
            Ordering::Less => (StepOutcome::DoesNotApply, (words.why_not)(asked)),
            Ordering::Equal => (StepOutcome::Decides, (words.why)(asked)),
            Ordering::Greater => (StepOutcome::NotReached, "a step before it decides".into()),
        };
        Step { rule: words.rule, title: words.title, outcome, why }
    };
    words.iter().enumerate().map(step).collect()
}

/// The entry that decides, in words.
pub(super) fn entry_matches(decision: &Decision<'_>, address: Option<IpAddr>) -> String {
    let Some(entry) = decision.entry().map(CitedEntry::from) else { return "an entry matches".into() };
    let is_all = matches!(&entry.entry, Entry::Address(entry) if entry.network() == Network::ALL_IPV4);
    let is_ipv6 = address.is_some_and(|address| address.is_ipv6());
    let both = if is_all && is_ipv6 { ": in a deny list it holds IPv6 as well (A-2)" } else { "" };
    format!("{entry} matches{both}")
}

/// Why no address entry of a list matches, and which came close.
pub(super) fn no_entry_matches(policy: &Policy, list: List, address: IpAddr, port: u16) -> String {
    let count = addresses(policy, list).count();
    if count == 0 {
        let is_empty = policy.entries(list).is_empty();
        return if is_empty { format!("`{list}` is empty") } else { format!("`{list}` has no address entry") };
    }
    let cite = |(index, entry)| CitedEntry { list, index, entry: Entry::Address(entry) };
    if let Some(close) = addresses(policy, list).find(|(_, entry)| holds(list, *entry, address)).map(cite) {
        let port = if port == 0 { "this traffic has no port (A-5)".into() } else { format!("not port {port}") };
        return format!("{close} holds the address, but {port}");
    }
    let none = if count == 1 {
        format!("the address entry of `{list}` does not match")
    } else {
        format!("none of the {count} address entries of `{list}` matches")
    };
    let is_all = |entry: &Entry| matches!(entry, Entry::Address(entry) if entry.network() == Network::ALL_IPV4);
    if address.is_ipv6() && policy.entries(list).iter().any(is_all) {
        return format!("{none}: `0.0.0.0/0` in an allow list is IPv4 only (A-2)");
    }
    none
}

/// `1 domain pattern`, `3 domain patterns`.
pub(super) fn count(count: usize, noun: &str) -> String {
    if count == 1 { ["1 ", noun].concat() } else { [&*count.to_string(), " ", noun, "s"].concat() }
}
