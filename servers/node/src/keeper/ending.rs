//! Sandboxes that end at a time.

use super::Keeper;
use crate::change::Name;
use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};
use tokio::task::AbortHandle;

/// Waits for the end of a sandbox. Dropped: it does not wait any more.
#[derive(Debug)]
pub(crate) struct Ending(AbortHandle);

/// The clock of the system can be set. How long a wait lasts until it is asked again.
const LOOK: Duration = Duration::from_secs(60);
/// Until an end that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

impl Ending {
    pub(crate) fn at(time: SystemTime, keeper: &Arc<Keeper>, id: &str) -> Self {
        let (keeper, id) = (Arc::downgrade(keeper), id.to_owned());
        Self(tokio::spawn(wait(time, keeper, id)).abort_handle())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn wait(time: SystemTime, keeper: Weak<Keeper>, id: String) {
    while let Ok(left) = time.duration_since(SystemTime::now()) {
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
    loop {
        let Some(keeper) = keeper.upgrade() else { return };
        // A task of its own: removing the sandbox ends this one.
        let ended = keeper.tasks.spawn({
            let (keeper, id) = (Arc::clone(&keeper), id.clone());
            async move { keeper.end(&id, time).await }
        });
        drop(keeper);
        if ended.await.is_ok_and(|ended| ended) {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

impl Keeper {
    /// Ends a sandbox whose time has come, unless it was changed meanwhile. Whether that is done.
    async fn end(&self, id: &str, time: SystemTime) -> bool {
        let Ok(name) = Name::new(id.into()) else { return true };
        let turn = self.turns.of(&name);
        let mut turn = turn.take().await;
        let Some(running) = &*turn else { return true };
        if running.record.end_time() != Some(time) {
            return true;
        }
        if let Err(error) = self.remove(&mut turn).await {
            tracing::error!(sandbox = id, %error, "its time has come, but it could not be removed");
            return false;
        }
        tracing::info!(sandbox = id, "its time has come");
        true
    }
}
