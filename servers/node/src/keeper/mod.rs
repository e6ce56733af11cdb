//! Keeps sandboxes running: the one writer of the registry, the kernel and the records.
//!
//! ```text
//!     mod.rs        create, update, delete
//!     turns.rs      one change of a sandbox after the other
//!     restore.rs    what ran before the agent started
//!     ending.rs     sandboxes that end at a time
//! ```
//!
//! A change has three steps: the kernel, the record, the registry. The last cannot fail. If one
//! fails, those before it are undone in reverse.

mod ending;
mod restore;
mod turns;

use crate::{
    change::{Change, Name, Refusal, Wanted},
    events::Events,
    kernel::Kernel,
    record::{Record, Records},
    registry::{Enforced, Registry, Sandbox},
    sandbox::{Link, Pools, Slots},
};
use arc_swap::ArcSwap;
use ending::Ending;
use sandgate::{NetworkConfig, Options, Policy};
use sandgate_contract::node;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{process::Command, task::spawn_blocking};
use tokio_util::task::TaskTracker;
use turns::Turns;

/// Everything that a change touches.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) registry: Arc<Registry>,
    pub(crate) events: Arc<Events>,
    /// The work that outlives who asked for it.
    pub(crate) tasks: TaskTracker,
    options: Arc<Options>,
    pools: Pools,
    prefix: String,
    kernel: Kernel,
    records: Records,
    slots: Mutex<Slots>,
    turns: Turns,
}

/// A sandbox that runs, as its turn holds it.
#[derive(Debug)]
pub(crate) struct Running {
    sandbox: Arc<Sandbox>,
    link: Link,
    record: Record,
    /// It waits until it is dropped.
    ending: Option<Ending>,
    /// Its removal has begun. It runs no more, though something of it may still be there.
    is_going: bool,
}

impl Keeper {
    /// Starts a sandbox.
    pub(crate) async fn create(self: &Arc<Self>, wanted: Wanted) -> Result<(), Refusal> {
        let mut network = NetworkConfig { allow_public_traffic: wanted.allow_public_traffic, ..Default::default() };
        wanted.egress.put_into(&mut network);
        wanted.ingress.put_into(&mut network);
        let (network, policy) = self.compile(network, wanted.fingerprint.clone()).await?;
        let turn = self.turns.of(&wanted.id);
        let mut running = turn.take().await;
        self.finish(&mut running).await?;
        if let Some(running) = &*running {
            let enforced = running.sandbox.enforced.load();
            let is_same = enforced.generation == wanted.generation
                && enforced.policy.fingerprint().to_string() == wanted.fingerprint;
            return if is_same { Ok(()) } else { Err(Refusal::Exists { runs: enforced.generation }) };
        }
        let slot = self.slots().take().ok_or(Refusal::Full)?;
        let Some(link) = self.pools.link(&self.prefix, slot) else { return Err(Refusal::Full) };
        let mut record = Record::new(wanted.id.as_str().into(), slot, self.kernel.is_present(), network);
        record.generation = wanted.generation;
        record.traffic_access_token = wanted.traffic_access_token;
        record.set_end_time(wanted.end_time);
        let enforced = Arc::new(Enforced { generation: wanted.generation, policy });
        if let Err(refusal) = self.start(&link, &enforced, &record).await {
            self.clear(&link, &record.id).await;
            return Err(refusal);
        }
        *running = Some(self.register(link, enforced, record));
        Ok(())
    }

    /// The steps of a start that can fail.
    async fn start(&self, link: &Link, enforced: &Arc<Enforced>, record: &Record) -> Result<(), Refusal> {
        self.kernel.plug(link, enforced).await?;
        Ok(self.records.write(record).await?)
    }

    /// Undoes a start. What cannot be undone keeps its addresses, so that nobody else gets them.
    async fn clear(&self, link: &Link, id: &str) {
        if let Err(error) = self.stop(link, id).await {
            tracing::error!(sandbox = id, %error, link = %link.name, "what was begun could not be removed");
        } else {
            self.slots().free(link.slot);
        }
    }

    /// From here on a sandbox is there for the proxies.
    fn register(self: &Arc<Self>, link: Link, enforced: Arc<Enforced>, record: Record) -> Running {
        let fingerprint = enforced.policy.fingerprint();
        let sandbox = Arc::new(Sandbox {
            id: record.id.clone(),
            ipv4: link.ipv4,
            ipv6: link.ipv6,
            traffic_access_token: record.traffic_access_token.clone(),
            enforced: ArcSwap::new(enforced),
        });
        self.registry.insert(&sandbox);
        self.events.updated(&record.id, record.generation, fingerprint);
        let ending = record.end_time().map(|time| Ending::at(time, self, &record.id));
        Running { sandbox, link, record, ending, is_going: false }
    }

    /// Changes a sandbox: all of what is asked, or nothing.
    pub(crate) async fn update(self: &Arc<Self>, change: Change) -> Result<(), Refusal> {
        let turn = self.turns.of(&change.id);
        let mut turn = turn.take().await;
        self.finish(&mut turn).await?;
        let Some(running) = &mut *turn else { return Err(Refusal::NotFound) };
        let before = running.sandbox.enforced.load_full();
        let mut record = running.record.clone();
        if let Some(egress) = change.egress {
            egress.put_into(&mut record.network);
        }
        if let Some(ingress) = change.ingress {
            ingress.put_into(&mut record.network);
        }
        if change.generation <= before.generation {
            let is_repeated =
                change.generation == before.generation && before.policy.fingerprint().to_string() == change.fingerprint;
            let refusal = Refusal::NotNewer { asked: change.generation, runs: before.generation };
            return if is_repeated { Ok(()) } else { Err(refusal) };
        }
        let (network, policy) = self.compile(record.network, change.fingerprint).await?;
        let fingerprint = policy.fingerprint();
        let enforced = Arc::new(Enforced { generation: change.generation, policy });
        record.network = network;
        record.generation = change.generation;
        if change.end_time.is_some() {
            record.set_end_time(change.end_time);
        }

        let replaced = self.kernel.replace(&running.link, &enforced).await;
        let done = match replaced {
            // Nothing has happened, so there is nothing to undo.
            Err(failure) if failure.is_certain() => return Err(failure.into()),
            Err(failure) => Err(failure.into()),
            Ok(()) => self.records.write(&record).await.map_err(Refusal::from),
        };
        if let Err(refusal) = done {
            if let Err(error) = self.go_back(running, &before).await {
                // What is enforced is not known. Nothing runs in that state.
                tracing::error!(sandbox = record.id, %error, "the policy could not be put back; the sandbox is stopped");
                if let Err(error) = self.remove(&mut turn).await {
                    tracing::error!(sandbox = record.id, %error, "it is not removed as a whole");
                }
            }
            return Err(refusal);
        }
        running.sandbox.enforced.store(enforced);
        if change.end_time.is_some() {
            running.ending = record.end_time().map(|time| Ending::at(time, self, &record.id));
        }
        self.events.updated(&record.id, record.generation, fingerprint);
        running.record = record;
        Ok(())
    }

    /// Undoes the steps of an update, the last one first.
    async fn go_back(&self, running: &Running, before: &Arc<Enforced>) -> Result<(), Refusal> {
        // A disk that is full has kept what it had.
        if !self.records.has(&running.record) {
            self.records.write(&running.record).await?;
        }
        Ok(self.kernel.replace(&running.link, before).await?)
    }

    /// Stops a sandbox, unless it runs a newer generation. One that does not run is stopped already.
    pub(crate) async fn delete(&self, id: &Name, generation: u64) -> Result<(), Refusal> {
        let turn = self.turns.of(id);
        let mut turn = turn.take().await;
        self.finish(&mut turn).await?;
        if let Some(running) = &*turn {
            let runs = running.record.generation;
            if generation < runs {
                return Err(Refusal::NotNewer { asked: generation, runs });
            }
        }
        self.remove(&mut turn).await
    }

    /// Removes a sandbox, if one runs. If it fails, what is left is removed before anything else
    /// happens to it: a sandbox that is half there must not be taken for one that runs.
    async fn remove(&self, place: &mut Option<Running>) -> Result<(), Refusal> {
        let Some(running) = place else { return Ok(()) };
        running.is_going = true;
        self.registry.remove(&running.record.id);
        self.stop(&running.link, &running.record.id).await?;
        self.slots().free(running.link.slot);
        tracing::info!(sandbox = running.record.id, "removed");
        *place = None;
        Ok(())
    }

    /// Removes what is left of a sandbox whose removal failed.
    async fn finish(&self, place: &mut Option<Running>) -> Result<(), Refusal> {
        if place.as_ref().is_some_and(|running| running.is_going) { self.remove(place).await } else { Ok(()) }
    }

    async fn stop(&self, link: &Link, id: &str) -> Result<(), Refusal> {
        self.kernel.unplug(link).await?;
        Ok(self.records.remove(id).await?)
    }

    /// What runs.
    pub(crate) fn list(&self) -> Vec<node::Running> {
        let running = |sandbox: &Arc<Sandbox>| {
            let enforced = sandbox.enforced.load();
            node::Running {
                sandbox: sandbox.id.clone(),
                generation: enforced.generation,
                fingerprint: enforced.policy.fingerprint().to_string(),
            }
        };
        self.registry.all().iter().map(running).collect()
    }

    /// A program that will run in a sandbox.
    pub(crate) fn command(&self, id: &str, program: &str) -> Option<Command> {
        let sandbox = self.registry.by_id(id)?;
        let link = self.pools.link(&self.prefix, self.pools.slot(sandbox.ipv4)?)?;
        Some(self.kernel.command(&link, program))
    }

    /// The policy, if it is the one that the caller means. For very many entries that is work which
    /// must not hold up others.
    async fn compile(&self, network: NetworkConfig, there: String) -> Result<(NetworkConfig, Policy), Refusal> {
        let options = Arc::clone(&self.options);
        let compile = move || {
            let policy = Policy::compile(&network, &options).map_err(Refusal::Policy)?;
            let here = policy.fingerprint().to_string();
            if here == there { Ok((network, policy)) } else { Err(Refusal::Fingerprint { here, there }) }
        };
        spawn_blocking(compile).await.unwrap_or(Err(Refusal::Unfinished))
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
