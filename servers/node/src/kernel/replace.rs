//! One policy in the place of another, while packets flow.
//!
//! A single transaction is not enough: packets on their way would meet neither the old rules nor
//! the new ones. So two tables take turns, and for a moment both are in force, which lets through
//! what both allow.

use super::{Kernel, Rules, TURNS, deletion};
use crate::{
    registry::Enforced,
    sandbox::{Failure, Link},
};
use sandgate::nftables::{RuleSet, Turn};
use std::{io, sync::Arc};

impl Kernel {
    /// Puts a policy in the place of the one that is in force. A failure that is certain has
    /// changed nothing.
    pub(crate) async fn replace(&self, link: &Link, enforced: &Arc<Enforced>) -> Result<(), Failure> {
        let Self::Present(rules) = self else { return Ok(()) };
        // Nobody closes them. Without a place it would only be refused by the kernel.
        let _place = rules.replacing.acquire().await;
        let known = match rules.in_force.take(link) {
            Some(turn) => Some(turn),
            None => rules.clear_up(link, enforced).await?,
        };
        let turn = known.map_or(Turn::First, Turn::next);
        let lowered = rules.lowered(link, turn, enforced).await?;
        if known.is_some() {
            rules.take_turns(&lowered).await?;
        } else {
            let second = deletion(&rules.settings(link, Turn::Second).table());
            rules.load(format!("{second}{lowered}")).await?;
        }
        rules.in_force.put(link, turn);
        Ok(())
    }
}

impl Rules {
    /// The one table that is in force, after what was broken off before is cleared up. None: packets
    /// come to neither.
    async fn clear_up(&self, link: &Link, enforced: &Arc<Enforced>) -> Result<Option<Turn>, Failure> {
        let tables = self.tables().await?;
        let [first, second] = TURNS.map(|turn| self.settings(link, turn).table());
        let (turn, other) = match [&first, &second].map(|table| tables.in_force.contains(table)) {
            [true, true] => return self.retire_old(link, enforced).await.map(Some),
            [true, false] => (Turn::First, second),
            [false, true] => (Turn::Second, first),
            [false, false] => return Ok(None),
        };
        self.load(deletion(&other)).await?;
        Ok(Some(turn))
    }

    /// Where both tables are in force, the last step of a replacement was broken off. It is made now:
    /// the kernel refuses it for the table that was there before.
    async fn retire_old(&self, link: &Link, enforced: &Arc<Enforced>) -> Result<Turn, Failure> {
        let retire = async |turn| {
            let lowered = self.lowered(link, turn, enforced).await?;
            let [.., retire] = lowered.steps();
            self.load(retire.to_string()).await
        };
        match retire(Turn::First).await {
            Ok(()) => Ok(Turn::First),
            Err(Failure::Refused { .. }) => retire(Turn::Second).await.map(|()| Turn::Second),
            Err(failure) => Err(failure),
        }
    }

    async fn take_turns(&self, lowered: &RuleSet) -> Result<(), Failure> {
        let [prepare, enforce, retire] = lowered.steps().map(|step| step.to_string());
        self.load(prepare).await?;
        if let Err(failure) = self.load(enforce).await {
            // The old rules are in force. A table that nothing asks does no harm if it stays.
            let _ = self.load(deletion(&lowered.table)).await;
            return Err(failure);
        }
        // Both are in force until the old one is gone, so a refusal here has changed something.
        self.load(retire).await.map_err(|failure| match failure {
            Failure::Refused { program, said } => Failure::Io { program, error: io::Error::other(said) },
            Failure::NotRun { program, error } => Failure::Io { program, error },
            other => other,
        })
    }
}
