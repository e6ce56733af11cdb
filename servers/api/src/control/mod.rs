//! Changes of sandboxes: stored first, then told to the node, then acknowledged.
//!
//! # The protocol
//!
//! Store and node cannot change in one step, so a change has three:
//!
//! 1. **Begin.** One statement checks that the sandbox is as it was read (generation, state) and
//!    that nobody else changes it, and stores what is to be under a new generation. What was is
//!    kept beside it. The statement takes the *lease*: until it is given back or has ended, no
//!    other instance touches the sandbox.
//! 2. **Tell.** The node is asked to run the new generation, or to stop what is older. It refuses
//!    if it runs something newer, so a call that was delayed can undo nothing that runs.
//! 3. **End.** The node said yes: what was is forgotten, and the caller is told of success. The
//!    node refused, or never heard of it: what was is stored again, under its own generation, and
//!    the caller is told of the failure.
//!
//! Generations are given out once. One that was taken back is not used again, and so a generation
//! names one document for ever.
//!
//! **A lost answer** leaves open whether the node runs the new generation, or still will. The node
//! is asked what it runs. If it runs the new generation, the change was made. If not, or if it does
//! not answer, the change is *taken back*: what was is stored under a generation higher still, and
//! the node is told that. Once it runs that, the lost call can do nothing any more. If even that
//! cannot be told, the sandbox is marked as not settled, which callers see, and the reconciliation
//! tells the node later.
//!
//! **What does not run** has no generation on the node. So a creation or a resumption that was
//! taken back and comes after that starts the sandbox, with the document it had. It is shown as
//! what is stored, paused or not there, and the next reconciliation stops it.
//!
//! **A crash** leaves a change without an end. When its lease has ended, whoever comes first, the
//! next change or the reconciliation of any instance, takes the sandbox over and treats the change
//! as one whose answer was lost.
//!
//! **A lease that ends too early**, because its holder was slow, loses nothing: every statement of
//! the holder names the lease, so the holder finds that it has lost it and acknowledges nothing.
//! The calls it may still make, also those that stop a sandbox, carry a generation that was given
//! out before: like lost ones, they undo nothing newer that runs.
//!
//! **Reconciliation**, at start and then again and again, compares what the node runs with what is
//! stored, and brings the node to what is stored; `reconcile.rs` has the order of its questions.

mod reconcile;
mod settle;

use crate::{
    node::{Node, NodeError},
    store::{Lease, Sandbox, State, Store, StoreError, Stored, Summary},
};
use sandgate::{NetworkConfig, NetworkUpdate, Options, Policy, Report};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// Changes at the same time. Each waits for others, the store and the node, in bounded time.
const CHANGES: usize = 512;

/// Why a change was not made, or is not known to be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The team has no such sandbox.
    #[error("there is no such sandbox")]
    NotFound,
    /// The sandbox is not in the state that the change needs.
    #[error("the sandbox is {}", if *.0 == State::Running { "running" } else { "not running" })]
    WrongState(State),
    /// The sandbox has another policy than the caller thinks.
    #[error("the sandbox has another policy now")]
    PreconditionFailed,
    /// The document is not valid.
    #[error("the network configuration is not valid")]
    Invalid(Report),
    /// Others change the sandbox all the time.
    #[error("the sandbox is being changed")]
    Busy,
    /// Too many changes are under way.
    #[error("too many changes are under way")]
    Overloaded,
    /// The node did not do it, and what was before is stored again.
    #[error("the change was not made: {0}")]
    Node(#[from] NodeError),
    /// The store failed. Before the node was told, nothing happened; after that, the
    /// reconciliation finds out what did.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change was broken off. The reconciliation ends it.
    #[error("the change was broken off")]
    BrokenOff,
}

/// How long things take at most.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// One call of the node.
    pub call: Duration,
    /// To wait for others that change the same sandbox.
    pub wait: Duration,
    /// Between two reconciliations.
    pub reconcile: Duration,
    /// For a document to arrive.
    pub document: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let [call, reconcile, document, wait] = [3, 5, 15, 20].map(Duration::from_secs);
        Self { call, wait, reconcile, document }
    }
}

impl Times {
    /// How long a lease holds: two calls that tell the node (to change what runs, or to start what
    /// does not), one that asks it, and as much again for the store. Taking back begins a new one.
    fn lease(&self) -> Duration {
        self.call.saturating_mul(6)
    }
}

/// Judges whether a caller's condition holds for the policy that a sandbox has.
pub type Condition = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The sandboxes of a platform: the one place that changes them.
#[derive(Debug)]
pub struct Control {
    store: Store,
    node: Node,
    options: Options,
    times: Times,
    tasks: TaskTracker,
    /// For changes at the same time.
    places: Arc<Semaphore>,
    /// That the reconciliation has something to do.
    unsettled: Notify,
}

impl Control {
    /// Sandboxes in a store and on a node. The options shape every policy, and are those of the
    /// node.
    #[must_use]
    pub fn new(store: Store, node: Node, options: Options, times: Times) -> Arc<Self> {
        let (tasks, unsettled, places) = (TaskTracker::new(), Notify::new(), Arc::new(Semaphore::new(CHANGES)));
        Arc::new(Self { store, node, options, times, tasks, places, unsettled })
    }

    /// What shapes every policy.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// How long things take at most.
    #[must_use]
    pub const fn times(&self) -> &Times {
        &self.times
    }

    /// A sandbox as it was acknowledged last.
    ///
    /// # Errors
    ///
    /// The team has none of this name, or the store failed.
    pub async fn find(&self, team: &str, id: &str) -> Result<Sandbox, ChangeError> {
        let found = self.store.find(id).await?;
        found
            .filter(|sandbox| sandbox.team == team && sandbox.acknowledged().state != State::Gone)
            .ok_or(ChangeError::NotFound)
    }

    /// The sandboxes of a team in the order of their names, behind one of them.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn page(&self, team: &str, after: &str, limit: u16) -> Result<Vec<Summary>, ChangeError> {
        Ok(self.store.page(team, after, limit).await?)
    }

    /// Creates a sandbox.
    ///
    /// # Errors
    ///
    /// It was not created, or is not known to be.
    pub async fn create(self: &Arc<Self>, team: String, config: NetworkConfig) -> Result<Sandbox, ChangeError> {
        let this = Arc::clone(self);
        self.in_a_task(async move {
            let fingerprint = this.judge(&config).await?;
            let (sandbox, lease) = this.store.insert(&team, &config, &fingerprint, this.times.lease()).await?;
            this.carry_out(sandbox, lease).await
        })
        .await
    }

    /// Replaces the network policy of a sandbox that runs.
    ///
    /// # Errors
    ///
    /// It was not replaced, or is not known to be.
    pub async fn replace(
        self: &Arc<Self>,
        team: String,
        id: String,
        condition: Condition,
        update: NetworkUpdate,
    ) -> Result<Sandbox, ChangeError> {
        self.change(team, id, condition, &[State::Running], State::Running, Some(update)).await
    }

    /// Stops a sandbox and keeps its policy.
    ///
    /// # Errors
    ///
    /// It was not stopped, or is not known to be.
    pub async fn pause(
        self: &Arc<Self>,
        team: String,
        id: String,
        condition: Condition,
    ) -> Result<Sandbox, ChangeError> {
        self.change(team, id, condition, &[State::Running], State::Paused, None).await
    }

    /// Starts a sandbox again, with the policy it had.
    ///
    /// # Errors
    ///
    /// It was not started, or is not known to be.
    pub async fn resume(
        self: &Arc<Self>,
        team: String,
        id: String,
        condition: Condition,
    ) -> Result<Sandbox, ChangeError> {
        self.change(team, id, condition, &[State::Paused], State::Running, None).await
    }

    /// Ends a sandbox, whether it runs or not.
    ///
    /// # Errors
    ///
    /// It was not ended, or is not known to be.
    pub async fn delete(self: &Arc<Self>, team: String, id: String, condition: Condition) -> Result<(), ChangeError> {
        let any = &[State::Running, State::Paused];
        self.change(team, id, condition, any, State::Gone, None).await.map(|_| ())
    }

    async fn change(
        self: &Arc<Self>,
        team: String,
        id: String,
        condition: Condition,
        from: &'static [State],
        to: State,
        update: Option<NetworkUpdate>,
    ) -> Result<Sandbox, ChangeError> {
        let this = Arc::clone(self);
        self.in_a_task(async move {
            let until = Instant::now().checked_add(this.times.wait);
            let mut pause = Duration::from_millis(5);
            loop {
                let sandbox = this.find(&team, &id).await?;
                // A change without an end is waited for: what it leaves is not known yet.
                if sandbox.previous.is_none() {
                    if !from.contains(&sandbox.stored.state) {
                        return Err(ChangeError::WrongState(sandbox.stored.state));
                    }
                    if !condition(&sandbox.stored.fingerprint) {
                        return Err(ChangeError::PreconditionFailed);
                    }
                    let config = match &update {
                        Some(update) => sandbox.stored.config.replaced_by(update),
                        None => sandbox.stored.config.clone(),
                    };
                    let fingerprint = match to {
                        // What shapes a policy may have changed since it was stored.
                        State::Running => this.judge(&config).await?,
                        State::Paused | State::Gone => sandbox.stored.fingerprint.clone(),
                    };
                    let length = this.times.lease();
                    if let Some((sandbox, lease)) =
                        this.store.begin(&sandbox, to, &config, &fingerprint, length).await?
                    {
                        return this.carry_out(sandbox, lease).await;
                    }
                } else if let Some((sandbox, lease)) = this.store.take(&id, this.times.lease()).await? {
                    let running = this.node.list().await;
                    this.take_over(sandbox, lease, running.as_ref().map(|running| running.get(&id))).await?;
                    continue;
                }
                if until.is_none_or(|until| Instant::now() > until) {
                    return Err(ChangeError::Busy);
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(Duration::from_millis(200));
            }
        })
        .await
    }

    /// Tells the node of a change that has begun, and ends it. If that fails, the node is looked at
    /// soon: it may not run at all what was before, or have been told after the lease was lost.
    async fn carry_out(&self, sandbox: Sandbox, lease: Lease) -> Result<Sandbox, ChangeError> {
        let ended = self.tell_and_end(sandbox, lease).await;
        if ended.is_err() {
            self.unsettled.notify_one();
        }
        ended
    }

    async fn tell_and_end(&self, mut sandbox: Sandbox, lease: Lease) -> Result<Sandbox, ChangeError> {
        let (id, Stored { state, generation, .. }) = (&sandbox.id, &sandbox.stored);
        let Some(before) = sandbox.previous.as_ref() else { return Err(ChangeError::BrokenOff) };
        let error = match self.tell(&sandbox, &sandbox.stored, before.state == State::Running).await {
            Ok(()) => {
                self.store.confirm(lease, *state).await?;
                info!(sandbox = %id, generation, ?state, "the node runs what is stored");
                sandbox.previous = None;
                sandbox.settled = true;
                return Ok(sandbox);
            }
            Err(error) => error,
        };
        warn!(sandbox = %id, generation, %error, "a change was not acknowledged by the node");
        if let NodeError::Lost(_) = error {
            let running = self.node.list().await;
            let running = running.as_ref().map(|running| running.get(id));
            return if self.settle(&sandbox, before, lease, running).await? {
                sandbox.previous = None;
                sandbox.settled = true;
                Ok(sandbox)
            } else {
                Err(error.into())
            };
        }
        self.store.put_back(lease, before).await?;
        Err(error.into())
    }

    async fn tell(&self, sandbox: &Sandbox, stored: &Stored, expected: bool) -> Result<(), NodeError> {
        match stored.state {
            State::Running => self.node.run(sandbox, stored, expected).await,
            State::Paused | State::Gone => self.node.delete(&sandbox.id, stored.generation).await,
        }
    }

    /// The fingerprint of a configuration, where others are not held up by a long one.
    async fn judge(&self, config: &NetworkConfig) -> Result<String, ChangeError> {
        let (config, options) = (config.clone(), self.options.clone());
        tokio::task::spawn_blocking(move || Policy::compile(&config, &options).map(|policy| policy.fingerprint()))
            .await
            .map_err(|_| ChangeError::BrokenOff)?
            .map(|fingerprint| fingerprint.to_string())
            .map_err(ChangeError::Invalid)
    }

    /// Works in a task of its own: a caller who goes away leaves nothing half done.
    async fn in_a_task<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ChangeError::Overloaded)?;
        let work = async move {
            let result = work.await;
            drop(place);
            result
        };
        self.tasks.spawn(work).await.unwrap_or(Err(ChangeError::BrokenOff))
    }

    /// Waits for the changes that have begun, and closes the store.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}
