//! Single changes of the document that flip a verdict between deny and not deny.
//!
//! A change is found by asking: it is made, the changed document is compiled, and the question is
//! put again. So what is told is valid (R-1, R-2) and does what it is said to do.

use super::{
    super::cited::{CitedEntry, Direction},
    input::Input,
    proposals::{Answer, Edit, Proposal, only_ingress_rule},
    steps::Part,
};
use crate::{
    config::{List, NetworkConfig},
    decision::{DecidingEntry, Decision, Destination, Reason, Ruling},
    entry::{ALL_TRAFFIC, Entry},
    options::{Limits, Options},
    policy::Policy,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};
use serde::Serialize;

/// A single change of a document, and the verdict that it leads to.
///
/// It displays as one line: ``remove `denyOut[3]` `203.0.113.0/24` ``,
/// ``add `203.0.113.7/32:443` to `allowIn` ``.
///
/// ```
/// use sandgate::{Options, Policy};
///
/// let options = Options::default();
/// let policy = Policy::from_json(r#"{"denyOut": ["192.0.2.1", "203.0.113.0/24"]}"#, &options)?;
/// let destination = sandgate::Destination::new("203.0.113.7".parse().unwrap(), 443);
/// let flips = policy.explain_egress(&destination).flips;
/// assert_eq!(flips[1].to_string(), "remove `denyOut[1]` `203.0.113.0/24`");
/// let changed = Policy::compile(&flips[1].apply(&policy.config()), &options)?;
/// assert!(changed.allows_egress(destination.address, destination.port));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Flip {
    /// What is done with the entry.
    pub edit: Edit,
    /// The list.
    pub list: List,
    /// The place of the entry in the list, counted from 0. An added entry stands at its end.
    pub index: usize,
    /// The entry; its `Display` is the canonical text.
    #[serde(rename = "text")]
    pub entry: Entry,
    /// The verdict that the changed document gives.
    pub verdict: Ruling,
    /// Which step of it decides.
    pub reason: Reason,
    /// One sentence on what else the change does, if that is easily overlooked.
    pub note: Option<String>,
}

impl Flip {
    /// The document with the change made. It has to be the one that was explained, in any
    /// spelling.
    #[must_use]
    pub fn apply(&self, config: &NetworkConfig) -> NetworkConfig {
        let Self { edit, list, index, entry, .. } = self.clone();
        Proposal { edit, list, index, entry, why_wide: None }.apply(config)
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.edit {
            Edit::Add => write!(f, "add `{}` to `{}`", self.entry, self.list),
            Edit::Remove => write!(f, "remove `{}[{}]` `{}`", self.list, self.index, self.entry),
        }
    }
}

/// The question that is put again.
pub(super) enum Question<'q> {
    Egress(Destination<'q>),
    Ingress(Option<IpAddr>, u16),
}

impl Question<'_> {
    fn direction(&self) -> Direction {
        match self {
            Self::Egress(_) => Direction::Egress,
            Self::Ingress(..) => Direction::Ingress,
        }
    }

    fn ask<'p>(&self, policy: &'p Policy) -> Decision<'p> {
        match self {
            Self::Egress(destination) => policy.decide_egress(destination),
            Self::Ingress(client, port) => policy.decide_ingress(*client, *port),
        }
    }
}

/// What was found.
pub(super) struct Flips {
    pub(super) found: Vec<Flip>,
    /// Why nothing was.
    pub(super) none: Option<String>,
}

impl Flips {
    pub(super) fn find(
        policy: &Policy,
        question: &Question<'_>,
        input: &Input,
        parts: &[Part<'_>],
        decision: &Decision<'_>,
    ) -> Self {
        let answer = Answer { policy, direction: question.direction(), input, parts, decision };
        if answer.is_out_of_reach() {
            let why = "the operator decides this, and no entry changes it (H-2)";
            return Self { found: Vec::new(), none: Some(why.into()) };
        }
        let config = policy.config();
        let (mut found, mut failure) = (Vec::new(), None);
        let mut attempt = |proposals: Vec<Proposal>| {
            for proposal in proposals {
                match proposal.attempt(policy, &config, question, decision) {
                    Ok(flip) => found.push(flip),
                    Err(why) => failure = Some(why),
                }
            }
            found.is_empty()
        };
        if attempt(answer.narrow()) {
            attempt(answer.wide());
        }
        let none = found.is_empty().then(|| none(decision, failure));
        Self { found, none }
    }
}

/// Why no change was found. A failure is what came of the last one that was tried.
fn none(decision: &Decision<'_>, failure: Option<String>) -> String {
    if decision.reason() == Reason::Ipv6IngressOff {
        return "IPv6 ingress is not enabled, and no entry changes that (I-4)".into();
    }
    failure.unwrap_or_else(|| "no entry names an unknown client (I-3)".into())
}

impl Proposal {
    /// Makes the change and asks again. An error is a sentence on why the change is none.
    fn attempt(
        self,
        policy: &Policy,
        config: &NetworkConfig,
        question: &Question<'_>,
        decision: &Decision<'_>,
    ) -> Result<Flip, String> {
        let limits = policy.options().limits;
        // Canonical text may be longer than what was written; what is added may not.
        let options = Options {
            limits: Limits { entry_bytes: usize::MAX, diagnostics: 1, ..limits },
            ..policy.options().clone()
        };
        let text = self.entry.to_string();
        if self.edit == Edit::Add && text.len() > limits.entry_bytes {
            return Err(format!("`{text}` is longer than an entry may be (D-6)"));
        }
        let changed = Policy::compile(&self.apply(config), &options).map_err(|report| {
            let why = report.diagnostics().first().map(|first| first.message().to_string()).unwrap_or_default();
            format!("{}, the document is not valid: {why}", self.condition())
        })?;
        let answer = question.ask(&changed);
        let is_denied = |decision: &Decision<'_>| decision.verdict().ruling() == Ruling::Deny;
        if is_denied(&answer) == is_denied(decision) {
            let verdict = if is_denied(&answer) { "denied" } else { "allowed" };
            let why =
                answer.entry().map_or_else(|| answer.reason().summary().into(), |entry| self.still_matches(entry));
            return Err(format!("{}, it is still {verdict}: {why}", self.condition()));
        }
        let (verdict, reason) = (answer.verdict().ruling(), answer.reason());
        let notes: Vec<String> = self.why_wide.clone().into_iter().chain(self.note(policy, question)).collect();
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        let Self { edit, list, index, entry, .. } = self;
        Ok(Flip { edit, list, index, entry, verdict, reason, note })
    }

    /// The change as the first half of a sentence.
    fn condition(&self) -> String {
        let Self { edit, list, index, entry, .. } = self;
        match edit {
            Edit::Add => format!("with `{entry}` in `{list}`"),
            Edit::Remove => format!("without `{list}[{index}]` `{entry}`"),
        }
    }

    /// The entry that decides after the change, by its place before it.
    fn still_matches(&self, entry: DecidingEntry<'_>) -> String {
        let mut entry = CitedEntry::from(entry);
        if self.edit == Edit::Remove && self.list == entry.list && entry.index >= self.index {
            entry.index = entry.index.saturating_add(1);
        }
        format!("{entry} matches")
    }

    /// What else the change does.
    fn note(&self, policy: &Policy, question: &Question<'_>) -> Option<String> {
        let has_rules = [List::AllowIn, List::DenyIn].iter().any(|list| !policy.entries(*list).is_empty());
        let is_ingress = question.direction() == Direction::Ingress;
        match (self.edit, &self.entry) {
            (Edit::Add, _) if is_ingress && !has_rules => Some(
                if policy.options().capabilities.ipv6_ingress {
                    "with a first ingress entry, unknown clients are denied (I-3)"
                } else {
                    "with a first ingress entry, IPv6 and unknown clients are denied (I-3, I-4)"
                }
                .into(),
            ),
            (Edit::Remove, _) if is_ingress && only_ingress_rule(policy).is_some() => {
                Some("without ingress entries every client is allowed (I-2)".into())
            }
            (Edit::Remove, Entry::Address(_)) if self.list.denies() && self.entry.to_string() == ALL_TRAFFIC => {
                Some("what no other entry denies is allowed then".into())
            }
            (Edit::Add, Entry::Pattern(_)) => {
                let is_first = !policy.entries(self.list).iter().any(|entry| matches!(entry, Entry::Pattern(_)));
                let server = policy.options().guardrails.name_server.filter(|_| is_first);
                server.map(|server| format!("a first domain pattern opens the name server `{server}` (E-2)"))
            }
            (Edit::Add, Entry::Address(entry)) if entry.ports().is_all() => match question {
                Question::Egress(Destination { port: 1.., .. }) => {
                    Some("for every port: egress entries have no ports (R-4)".into())
                }
                _ => None,
            },
            _ => None,
        }
    }
}
