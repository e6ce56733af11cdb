//! Which of a sandbox's two tables has its rules, as far as it is known.
//!
//! Nobody but the agent writes these tables, so it need not ask the kernel each time. What it does
//! not know it asks: after it was started, and after something was broken off.

use crate::sandbox::Link;
use sandgate::nftables::Turn;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The turns of the tables that are in force, by the link's slot.
#[derive(Debug, Default)]
pub(super) struct InForce(Mutex<HashMap<u32, Turn>>);

impl InForce {
    /// What is known of a link. It is not known any more until it is put here again.
    pub(super) fn take(&self, link: &Link) -> Option<Turn> {
        self.all().remove(&link.slot)
    }

    pub(super) fn put(&self, link: &Link, turn: Turn) {
        self.all().insert(link.slot, turn);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u32, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
