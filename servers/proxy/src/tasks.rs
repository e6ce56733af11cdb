//! Tasks that are asked to end, and are ended if they do not.

use std::time::Duration;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// The tasks of a service. None of them outlives it.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    end: CancellationToken,
}

impl Tasks {
    /// None yet. They are asked to end when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop, end: CancellationToken::new() }
    }

    /// Starts one.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        self.tracker.spawn(async move {
            let _ = end.run_until_cancelled_owned(task).await;
        });
    }

    /// Until the tasks are asked to end.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// Waits for the tasks that were asked to end, as long as `grace`, and ends the others.
    pub async fn finish(&self, grace: Duration) {
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
            self.end.cancel();
            self.tracker.wait().await;
        }
    }
}
