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
use sandgate::nftables::Turn;
use std::{io, sync::Arc};

impl Kernel {
    /// Puts a policy in the place of the one that is in force. A failure that is certain has
    /// changed nothing.
    pub(crate) async fn replace(&self, link: &Link, enforced: &Arc<Enforced>) -> Result<(), Failure> {
        let Self::Present(rules) = self else { return Ok(()) };
        let tables = rules.tables().await?;
        let is_there = TURNS.map(|turn| tables.contains(&rules.settings(link, turn).table()));
        match is_there {
            [true, false] => rules.take_turns(link, Turn::Second, enforced).await,
            [false, true] => rules.take_turns(link, Turn::First, enforced).await,
            // None, or both, of which something was broken off before: it is not known what each does.
            [false, false] | [true, true] => {
                let second = deletion(&rules.settings(link, Turn::Second).table());
                let first = rules.lowered(link, Turn::First, enforced).await?;
                rules.load(&format!("{second}{first}")).await
            }
        }
    }
}

impl Rules {
    async fn take_turns(&self, link: &Link, turn: Turn, enforced: &Arc<Enforced>) -> Result<(), Failure> {
        let lowered = self.lowered(link, turn, enforced).await?;
        let [prepare, enforce, retire] = lowered.steps().map(|step| step.to_string());
        self.load(&prepare).await?;
        if let Err(failure) = self.load(&enforce).await {
            // The old rules are in force. A table that nothing asks does no harm if it stays.
            let _ = self.load(&deletion(&lowered.table)).await;
            return Err(failure);
        }
        // Both are in force until the old one is gone, so a refusal here has changed something.
        self.load(&retire).await.map_err(|failure| match failure {
            Failure::Refused { program, said } => Failure::Io { program, error: io::Error::other(said) },
            Failure::NotRun { program, error } => Failure::Io { program, error },
            other => other,
        })
    }
}
