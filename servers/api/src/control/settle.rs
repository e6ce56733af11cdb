//! Finds out what became of a change whose answer was lost, and ends it either way.

use super::{ChangeError, Control};
use crate::{
    node::NodeError,
    store::{Lease, Sandbox, State, Stored},
};
use sandgate_contract::node::Running;
use tonic::Code;
use tracing::{info, warn};

impl Control {
    /// Ends a change that its holder did not end, or brings the node to what is stored, by what the
    /// node was found to run while the lease is held.
    pub(super) async fn take_over(
        &self,
        sandbox: Sandbox,
        lease: Lease,
        running: Result<Option<&Running>, &NodeError>,
    ) -> Result<(), ChangeError> {
        if let Some(before) = &sandbox.previous {
            warn!(sandbox = %sandbox.id, generation = sandbox.stored.generation, "a change was left without an end");
            return self.settle(&sandbox, before, lease, running).await.map(|_| ());
        }
        match running {
            Ok(running) => self.bring(&sandbox, running, lease).await,
            Err(error) => {
                warn!(sandbox = %sandbox.id, %error, "what the node runs is not known");
                Ok(self.store.release(lease).await?)
            }
        }
    }

    /// Whether a change whose answer was lost was made. If not, it is taken back, under a
    /// generation that the lost call cannot overtake.
    pub(super) async fn settle(
        &self,
        sandbox: &Sandbox,
        before: &Stored,
        lease: Lease,
        running: Result<Option<&Running>, &NodeError>,
    ) -> Result<bool, ChangeError> {
        let (id, after) = (&sandbox.id, &sandbox.stored);
        if running.is_ok_and(|running| agrees(after.state, after.generation, &after.fingerprint, running)) {
            self.store.confirm(lease, after.state).await?;
            info!(sandbox = %id, generation = after.generation, "the change was made, though the answer was lost");
            return Ok(true);
        }
        let above = running.ok().flatten().map_or(0, |running| running.generation);
        let generation = self.store.raise(&lease, before, above).await?;
        warn!(sandbox = %id, lost = after.generation, generation, "the change is taken back");
        let expected = running.map_or(before.state == State::Running, |running| running.is_some());
        self.enforce(sandbox, Stored { generation, ..before.clone() }, expected, lease).await?;
        Ok(false)
    }

    /// Brings the node to what is stored, if it runs something else.
    async fn bring(&self, sandbox: &Sandbox, running: Option<&Running>, lease: Lease) -> Result<(), ChangeError> {
        let mut stored = sandbox.stored.clone();
        if agrees(stored.state, stored.generation, &stored.fingerprint, running) {
            return Ok(self.store.confirm(lease, stored.state).await?);
        }
        let runs = running.map(|running| running.generation);
        warn!(sandbox = %sandbox.id, stored = stored.generation, state = ?stored.state, ?runs, "store and node differ");
        // What the node runs can only be replaced, or stopped, by something newer.
        if let Some(runs) = runs.filter(|runs| *runs >= stored.generation) {
            stored.generation = self.store.raise(&lease, &stored, runs).await?;
        }
        self.enforce(sandbox, stored, runs.is_some(), lease).await
    }

    /// Tells the node what is stored and gives the sandbox back, settled or not.
    async fn enforce(
        &self,
        sandbox: &Sandbox,
        mut stored: Stored,
        expected: bool,
        lease: Lease,
    ) -> Result<(), ChangeError> {
        let id = &sandbox.id;
        let mut told = self.tell(sandbox, &stored, expected).await;
        if told.as_ref().is_err_and(|error| error.is(Code::FailedPrecondition)) {
            // Guardrails or capabilities are others than when the document was stored.
            match self.judge(&stored.config).await {
                Ok(fingerprint) if fingerprint != stored.fingerprint => {
                    warn!(sandbox = %id, "the document makes another policy than when it was stored");
                    stored.fingerprint = fingerprint;
                    stored.generation = self.store.raise(&lease, &stored, stored.generation).await?;
                    told = self.tell(sandbox, &stored, expected).await;
                }
                Ok(_) => {}
                Err(error) => warn!(sandbox = %id, %error, "the document makes no policy any more"),
            }
        }
        let generation = stored.generation;
        match told {
            Ok(()) => {
                self.store.confirm(lease, stored.state).await?;
                info!(sandbox = %id, generation, state = ?stored.state, "the node was brought to what is stored");
            }
            Err(error) => {
                self.store.release(lease).await?;
                warn!(sandbox = %id, generation, %error, "the node is not brought to what is stored yet");
            }
        }
        Ok(())
    }
}

/// Whether what the node runs of a sandbox is what is stored.
pub(super) fn agrees(state: State, generation: u64, fingerprint: &str, running: Option<&Running>) -> bool {
    match (state, running) {
        (State::Running, Some(running)) => running.generation == generation && running.fingerprint == fingerprint,
        (State::Running, None) => false,
        (State::Paused | State::Gone, running) => running.is_none(),
    }
}
