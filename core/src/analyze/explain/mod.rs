//! Why one question gets its answer: every step of section 7, and what would change it.
//!
//! ```text
//!     mod.rs       the answer, as data
//!        |
//!     egress.rs    E-1 to E-7, A-3        ingress.rs    I-1 to I-7        flips.rs    what would
//!               \                        /                              /            change it
//!                steps.rs       seven steps, and the one that decides     proposals.rs
//!                   |                                               /     which are tried
//!                matching.rs    the entries that match
//!                   |
//!                input.rs       what was asked, as it was given and as it is read
//! ```
//!
//! Nothing here decides. The policy is asked, and its reason says which step it was: the steps
//! before it do not apply, and those behind it are not reached. Only the words are made here.

mod egress;
mod flips;
mod ingress;
mod input;
mod matching;
mod proposals;
mod steps;

pub use flips::Flip;
pub use input::{HostInput, Input};
pub use proposals::Edit;
pub use steps::{Step, StepOutcome};

use super::cited::{CitedEntry, Direction};
use crate::{
    decision::{Decision, Destination, Reason, Ruling, Verdict},
    entry::HostName,
    policy::Policy,
};
use alloc::{string::String, vec::Vec};
use core::net::IpAddr;
use flips::{Flips, Question};
use matching::Matching;
use serde::Serialize;

/// An answer with everything that led to it.
///
/// Verdict, reason and entry are those of [`Policy::decide_egress`] and
/// [`Policy::decide_ingress`]. It serializes with the fields as they are here, in camel case. The
/// sentences in it are for people and may change; everything else is stable.
///
/// ```
/// use sandgate::{Destination, Options, Policy, Reason, Ruling};
///
/// let policy = Policy::from_json(r#"{"allowOut": ["192.0.2.1"], "denyOut": ["0.0.0.0/0"]}"#, &Options::default())?;
/// let explanation = policy.explain_egress(&Destination::new("203.0.113.7".parse().unwrap(), 443));
/// assert_eq!((explanation.verdict, explanation.reason), (Ruling::Deny, Reason::DenyEntry));
/// assert_eq!(explanation.deciding_step().unwrap().rule, "E-6");
/// assert_eq!(explanation.entry.unwrap().to_string(), "`denyOut[0]` `0.0.0.0/0`");
/// assert_eq!(explanation.flips[0].to_string(), "add `203.0.113.7/32` to `allowOut`");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// Whose connection was asked about.
    pub direction: Direction,
    /// What was asked, as it was given and as it is read.
    pub input: Input,
    /// What to do.
    pub verdict: Ruling,
    /// Which step decided.
    pub reason: Reason,
    /// The entry that decided, if it was one: the first that matches (X-1).
    pub entry: Option<CitedEntry>,
    /// The name to connect to, if the verdict is an allow by name (E-8).
    pub name: Option<HostName>,
    /// The steps: once, or twice for a destination that carries an IPv4 address (A-3).
    pub addresses: Vec<AddressSteps>,
    /// The index in [`addresses`](Self::addresses) of those steps that decided.
    pub decided_by: usize,
    /// How the answers about two addresses make one (A-3). `None` if there is one address.
    pub combination: Option<String>,
    /// The entries of both lists that match as well, in document order. At most as many as a
    /// report keeps ([`Limits::diagnostics`](crate::Limits::diagnostics)).
    pub others: Vec<CitedEntry>,
    /// How many match beyond those.
    pub more: usize,
    /// Single entries that, added or removed, would change the verdict from deny to something else
    /// or from something else to deny, the narrowest first. The changed document is valid.
    pub flips: Vec<Flip>,
    /// Why there is none: no single entry would, whichever it is.
    pub no_flip: Option<String>,
}

/// The steps of section 7 for one address.
///
/// Of a destination that carries an IPv4 address, each of the two has its own (A-3). Always denied
/// (E-3) then comes before the name server (E-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AddressSteps {
    /// The address, IPv4 if it was IPv4-mapped (A-1). `None` is the unknown client (I-3).
    pub address: Option<IpAddr>,
    /// What the steps say of this address by itself.
    pub verdict: Ruling,
    /// Which of them says so.
    pub reason: Reason,
    /// All seven, in order.
    pub steps: Vec<Step>,
}

impl Explanation {
    /// The step that decided.
    #[must_use]
    pub fn deciding_step(&self) -> Option<&Step> {
        let steps = &self.addresses.get(self.decided_by)?.steps;
        steps.iter().find(|step| step.outcome == StepOutcome::Decides)
    }
}

impl Policy {
    /// Whether the sandbox may connect, and everything that led to the answer: E-1 to E-7, A-1,
    /// A-3 and N-7 applied, the entries that match, and what would change the verdict.
    ///
    /// It is for a person who wonders. It takes time in proportion to the policy, and a few
    /// compilations; [`decide_egress`](Self::decide_egress) gives the same verdict for less.
    ///
    /// ```
    /// use sandgate::{Destination, Options, Policy};
    ///
    /// let policy = Policy::from_json(r#"{"denyOut": ["198.51.100.0/24"]}"#, &Options::default())?;
    /// let explanation = policy.explain_egress(&Destination::new("64:ff9b::c633:6401".parse().unwrap(), 443));
    /// assert_eq!(explanation.input.embedded, "198.51.100.1".parse().ok());
    /// assert_eq!(explanation.addresses.len(), 2);
    /// assert_eq!(explanation.decided_by, 1);
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    #[must_use]
    pub fn explain_egress(&self, destination: &Destination<'_>) -> Explanation {
        let input = Input::egress(destination);
        let decision = self.decide_egress(destination);
        let parts = egress::parts(self, destination, &input, &decision);
        let addresses = parts.iter().map(|(address, part)| AddressSteps {
            address: Some(*address),
            verdict: part.verdict().ruling(),
            reason: part.reason(),
            steps: egress::steps(self, *address, &input, part),
        });
        let addresses = addresses.collect();
        let (decided_by, combination) = egress::combine(&parts, &decision);
        let flips = Flips::find(self, &Question::Egress(*destination), &input, &parts, &decision);
        let explanation = self.explanation(Direction::Egress, input, &decision, addresses, flips);
        Explanation { decided_by, combination, ..explanation }
    }

    /// Whether a client may reach a port of the sandbox, and everything that led to the answer:
    /// I-1 to I-7, the entries that match, and what would change the verdict. `None` is the
    /// unknown client.
    ///
    /// ```
    /// use sandgate::{Options, Policy, StepOutcome};
    ///
    /// let policy = Policy::from_json(r#"{"allowIn": ["203.0.113.7:22"], "denyIn": ["0.0.0.0/0"]}"#, &Options::default())?;
    /// let explanation = policy.explain_ingress("203.0.113.7".parse().ok(), 80);
    /// let steps = &explanation.addresses[0].steps;
    /// assert_eq!(steps[4].rule, "I-5");
    /// assert_eq!(steps[4].outcome, StepOutcome::DoesNotApply);
    /// assert_eq!(steps[5].outcome, StepOutcome::Decides);
    /// assert_eq!(explanation.flips[0].to_string(), "add `203.0.113.7/32:80` to `allowIn`");
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    #[must_use]
    pub fn explain_ingress(&self, client: Option<IpAddr>, port: u16) -> Explanation {
        let input = Input::ingress(client, port);
        let decision = self.decide_ingress(client, port);
        let steps = ingress::steps(self, &input, &decision);
        let verdict = decision.verdict().ruling();
        let addresses = [AddressSteps { address: input.canonical, verdict, reason: decision.reason(), steps }];
        let parts: Vec<_> = input.canonical.map(|client| (client, decision.clone())).into_iter().collect();
        let flips = Flips::find(self, &Question::Ingress(client, port), &input, &parts, &decision);
        self.explanation(Direction::Ingress, input, &decision, addresses.into(), flips)
    }

    fn explanation(
        &self,
        direction: Direction,
        input: Input,
        decision: &Decision<'_>,
        addresses: Vec<AddressSteps>,
        flips: Flips,
    ) -> Explanation {
        let entry = decision.entry().map(CitedEntry::from);
        let Matching { others, more } = Matching::find(self, direction, &input, entry.as_ref());
        Explanation {
            direction,
            input,
            verdict: decision.verdict().ruling(),
            reason: decision.reason(),
            entry,
            name: match decision.verdict() {
                Verdict::AllowByName(by_name) => Some(*by_name.name()),
                Verdict::Allow | Verdict::Deny => None,
            },
            addresses,
            decided_by: 0,
            combination: None,
            others,
            more,
            flips: flips.found,
            no_flip: flips.none,
        }
    }
}
