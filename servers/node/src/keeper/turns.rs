//! One change of a sandbox after the other.

use super::Running;
use crate::change::Name;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Place = Arc<tokio::sync::Mutex<Option<Running>>>;

/// A place for each sandbox that runs or is being changed.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Name, Place>>);

/// A place in the queue for one sandbox.
#[derive(Debug)]
pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    id: Name,
    place: Place,
}

impl Turns {
    pub(crate) fn of(&self, id: &Name) -> Turn<'_> {
        let place = Arc::clone(self.places().entry(id.clone()).or_default());
        Turn { turns: self, id: id.clone(), place }
    }

    /// The names of all.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.places().keys().cloned().collect()
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Name, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Waits until everybody who came before is done.
    pub(crate) async fn take(&self) -> tokio::sync::MutexGuard<'_, Option<Running>> {
        self.place.lock().await
    }
}

impl Drop for Turn<'_> {
    /// Where nothing runs and nobody else waits, no place is kept.
    fn drop(&mut self) {
        let mut places = self.turns.places();
        // The map's own and this one. Others come only through the map, which is locked.
        let is_last = Arc::strong_count(&self.place) == 2;
        if is_last && self.place.try_lock().is_ok_and(|running| running.is_none()) {
            places.remove(&self.id);
        }
    }
}
