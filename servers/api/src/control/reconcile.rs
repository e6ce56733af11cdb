//! Compares what the node runs with what is stored, and brings them together.
//!
//! What is stored is right. A sandbox whose change has no end, or that the node runs otherwise or
//! not at all, is taken over and brought to what is stored. A sandbox that the node runs and nobody
//! has stored is stopped: its creation was taken back, and the node heard of it late. It is told
//! to stop the generation that was listed, and refuses if a newer one runs by then.
//!
//! The node is asked first and the store is read after that. Names are never used again, and a
//! sandbox is stored before the node hears of it, so what is not stored then never will be.

use super::{ChangeError, Control, settle::agrees};
use std::future::Future;
use tonic::Code;
use tracing::{debug, info, warn};

/// Sandboxes that are taken over at a time. The node is asked once for all of them. They are settled
/// one after another, so leases may end meanwhile: each is renewed, or the sandbox is another's.
const TOGETHER: usize = 16;

impl Control {
    /// Reconciles now, and again and again until it is told to stop.
    pub async fn reconcile_until(&self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                result = self.reconcile() => match result {
                    Ok(0) => debug!("store and node agree"),
                    Ok(sandboxes) => info!(sandboxes, "sandboxes were not settled, and were looked at"),
                    Err(error) => warn!(%error, "store and node could not be compared"),
                },
            }
            tokio::select! {
                () = &mut stop => return,
                () = self.unsettled.notified() => {}
                () = tokio::time::sleep(self.times.reconcile) => {}
            }
        }
    }

    /// Compares once. How many sandboxes had to be looked at.
    ///
    /// # Errors
    ///
    /// The node does not say what it runs, or the store failed.
    pub async fn reconcile(&self) -> Result<usize, ChangeError> {
        let mut running = self.node.list().await?;
        let mut differing = Vec::new();
        for standing in self.store.standings().await? {
            let runs = running.remove(&standing.id);
            let agrees = agrees(standing.state, standing.generation, &standing.fingerprint, runs.as_ref());
            if !(standing.leased || (standing.settled && agrees)) {
                differing.push(standing.id);
            }
        }
        let looked_at = differing.len().saturating_add(running.len());
        for ids in differing.chunks(TOGETHER) {
            self.look_at(ids).await?;
        }
        for (id, runs) in running {
            let generation = runs.generation;
            warn!(sandbox = %id, generation, "the node runs a sandbox that is not stored, and is told to stop it");
            match self.node.delete(&id, generation).await {
                // Another call was late too. What it started is in the next list.
                Err(error) if error.is(Code::Aborted) => warn!(sandbox = %id, %error, "it is not stopped yet"),
                result => result?,
            }
        }
        Ok(looked_at)
    }

    /// Takes sandboxes over, asks the node again, because it may have changed until they were
    /// taken, and settles them.
    async fn look_at(&self, ids: &[String]) -> Result<(), ChangeError> {
        let mut taken = Vec::new();
        for id in ids {
            taken.extend(self.store.take(id, self.times.lease()).await?);
        }
        let running = self.node.list().await;
        for (sandbox, lease) in taken {
            let id = sandbox.id.clone();
            let runs = running.as_ref().map(|running| running.get(&id));
            let settled = async {
                // What the node was found to run holds only if nobody has changed it since.
                self.store.renew(&lease).await?;
                self.take_over(sandbox, lease, runs).await
            };
            if let Err(error) = settled.await {
                warn!(sandbox = %id, %error, "a sandbox could not be settled");
            }
        }
        Ok(())
    }
}
