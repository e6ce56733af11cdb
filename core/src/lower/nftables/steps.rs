//! The transactions that replace rules under traffic.
//!
//! A kernel applies a transaction at one instant, and a packet takes some time. One that is under
//! way meets the hooks one after another, some of them before that instant and some behind it. And
//! sets of intervals are filled a little behind it. So where one transaction deletes rules and adds
//! others, a few packets meet neither: they find a chain that has just been emptied, or a set that
//! is not yet full.
//!
//! Hence three transactions. What is asked is there before anything asks it, and the new rules stand
//! beside the old ones before those go. In between a packet passes both, so that it is allowed or
//! denied as one of them does it.

use super::rule_set::{Chain, RuleSet};

/// A step of a replacement. They are made in this order, each when the one before has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "what is asked, what asks, and what it replaces")]
pub enum Step {
    /// Makes the table, its sets and what asks them. No packet comes there yet. It is refused where
    /// there is such a table: what is in force is not changed.
    Prepare,
    /// Puts the new rules in force, beside the old ones.
    Enforce,
    /// Takes the old table away, if there is one. It is refused where the new rules are not in force:
    /// without either, everything would pass.
    Retire,
}

/// An empty chain of the new table, there from [`Step::Enforce`] to [`Step::Retire`]. What deletes it
/// is refused where it is not.
pub(super) const BOTH_IN_FORCE: &str = "both_in_force";

impl Step {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Prepare, Self::Enforce, Self::Retire];

    /// Whether a chain is made in the step.
    pub(super) fn is_of(self, chain: &Chain) -> bool {
        match self {
            Self::Prepare => chain.hook.is_none(),
            Self::Enforce => chain.hook.is_some(),
            Self::Retire => false,
        }
    }
}

/// A step of the replacement by some rules. It displays as `nft -f -` reads it, and serializes to
/// what `nft -j -f -` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction<'r> {
    pub(super) rules: &'r RuleSet,
    pub(super) step: Step,
}

impl<'r> Transaction<'r> {
    /// Which step it is.
    #[must_use]
    pub const fn step(self) -> Step {
        self.step
    }

    pub(super) fn chains(self) -> impl Iterator<Item = &'r Chain> {
        self.rules.chains.iter().filter(move |chain| self.step.is_of(chain))
    }
}

impl RuleSet {
    /// The same rules in three transactions, which put this table in the place of the other one
    /// while packets flow. Every packet meets the old rules or the new ones.
    ///
    /// The rules in force were lowered for the other [`Turn`](super::Turn). If a step is refused, the
    /// old rules are in force, and this table is to be deleted before the next attempt.
    ///
    /// ```
    /// use sandgate::{Options, Policy, nftables::{Place, Settings, Turn, lower}};
    ///
    /// let policy = Policy::from_json("{}", &Options::default())?;
    /// let settings = Settings { turn: Turn::Second, ..Settings::new(Place::Sandbox) };
    /// let rules = lower(&policy, &settings);
    /// let [prepare, enforce, retire] = rules.steps().map(|step| step.to_string());
    /// assert!(prepare.starts_with("create table inet sandgate2\n") && !prepare.contains("hook"));
    /// assert!(enforce.starts_with("table inet sandgate2 {\n") && enforce.contains("hook"));
    /// assert!(retire.ends_with("\nadd table inet sandgate\ndelete table inet sandgate\n"));
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    #[must_use]
    pub fn steps(&self) -> [Transaction<'_>; 3] {
        Step::ALL.map(|step| Transaction { rules: self, step })
    }
}
