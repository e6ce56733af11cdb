//! What ran before the agent started: taken over as it was written down, or removed.

use super::{Keeper, turns::Turns};
use crate::{
    change::{Name, Refusal},
    config::Config,
    events::Events,
    kernel::Kernel,
    record::{Record, Records},
    registry::{Enforced, Registry},
    sandbox::{Link, Slots},
};
use sandgate::Policy;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

impl Keeper {
    /// A keeper of all that is written down and runs. Leftovers are removed.
    pub(crate) async fn start_up(
        config: &Config,
        kernel: Kernel,
        registry: Arc<Registry>,
        events: Arc<Events>,
    ) -> Result<Arc<Self>, Refusal> {
        let slots = Slots::new(config.pools.room(), kernel.most());
        let keeper = Arc::new(Self {
            registry,
            events,
            tasks: TaskTracker::new(),
            options: Arc::new(config.options.clone()),
            pools: config.pools,
            prefix: config.prefix.clone(),
            kernel,
            records: Records::open(&config.state)?,
            slots: Mutex::new(slots),
            turns: Turns::default(),
        });
        keeper.restore().await?;
        Ok(keeper)
    }

    async fn restore(self: &Arc<Self>) -> Result<(), Refusal> {
        let (run, left) = self.kernel.look(&self.prefix).await?;
        let mut kept: BTreeMap<u32, (Link, Policy, Record)> = BTreeMap::new();
        for record in self.records.read()? {
            let id = record.id.clone();
            let is_there = record.in_kernel == self.kernel.is_present()
                && (!self.kernel.is_present() || run.contains(&record.slot));
            // Guardrails may be others now, and then the fingerprint is: that is for the control API
            // to see.
            let policy = Policy::compile(&record.network, &self.options);
            match (is_there, self.pools.link(&self.prefix, record.slot), policy) {
                (true, Some(link), Ok(policy)) if !kept.contains_key(&record.slot) => {
                    kept.insert(record.slot, (link, policy, record));
                }
                (true, _, Err(report)) => {
                    tracing::error!(sandbox = id, %report, "its policy is not valid any more; it is removed");
                    self.records.remove(&id).await?;
                }
                _ => {
                    tracing::warn!(sandbox = id, "it was running when the agent stopped, and is gone");
                    self.records.remove(&id).await?;
                }
            }
        }
        let sandboxes: Vec<(&Link, &Policy)> = kept.values().map(|(link, policy, _)| (link, policy)).collect();
        self.kernel.prepare(&sandboxes).await?;
        for slot in left.into_iter().filter(|slot| !kept.contains_key(slot)) {
            // A number beyond the pools has a name that no link of this agent has.
            let Some(link) = self.pools.link(&self.prefix, slot) else { continue };
            tracing::warn!(link = %link.name, "left over; it is removed");
            self.kernel.unplug(&link).await?;
        }
        // All at a time: the kernel takes the rules of many together.
        let mut all = JoinSet::new();
        for (link, policy, record) in kept.into_values() {
            let keeper = Arc::clone(self);
            all.spawn(async move { keeper.take_over(link, policy, record).await });
        }
        while let Some(taken) = all.join_next().await {
            taken.unwrap_or(Err(Refusal::Unfinished))?;
        }
        Ok(())
    }

    /// The crash may have come between two steps. The rules become those that are written down.
    async fn take_over(self: &Arc<Self>, link: Link, policy: Policy, record: Record) -> Result<(), Refusal> {
        let Ok(name) = Name::new(record.id.clone()) else { return Ok(()) };
        self.slots().reserve(link.slot);
        let enforced = Arc::new(Enforced { generation: record.generation, policy });
        if let Err(error) = self.kernel.replace(&link, &enforced).await {
            tracing::error!(sandbox = record.id, %error, "it cannot be taken over; it is removed");
            self.stop(&link, &record.id).await?;
            self.slots().free(link.slot);
            return Ok(());
        }
        let turn = self.turns.of(&name);
        *turn.take().await = Some(self.register(link, enforced, record));
        Ok(())
    }

    /// Removes every sandbox, whatever generation it runs.
    pub(crate) async fn remove_all(&self) {
        for name in self.turns.names() {
            if let Err(error) = self.delete(&name, u64::MAX).await {
                tracing::error!(sandbox = name.as_str(), %error, "it could not be removed");
            }
        }
    }
}
