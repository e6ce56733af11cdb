//! The sandboxes that run on this node, and what is enforced for each of them now.
//!
//! Readers are the proxies, which ask for every connection; they never wait. The one writer is
//! whoever answers the control API.

use arc_swap::ArcSwap;
use sandgate::Policy;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// What is enforced for a sandbox.
#[derive(Debug)]
pub struct Enforced {
    /// The generation of the control API.
    pub generation: u64,
    /// The policy of this generation.
    pub policy: Policy,
}

/// A sandbox that runs.
#[derive(Debug)]
pub struct Sandbox {
    /// What the control API calls it.
    pub id: String,
    /// Its IPv4 address on the link to the node.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address on the link to the node.
    pub ipv6: Ipv6Addr,
    /// What requests have to carry if public traffic is off.
    pub traffic_access_token: String,
    /// What is enforced now. Load it once for each decision.
    pub enforced: ArcSwap<Enforced>,
}

/// All sandboxes of a node.
#[derive(Debug, Default)]
pub struct Registry(ArcSwap<Sandboxes>);

#[derive(Debug, Default, Clone)]
struct Sandboxes {
    by_id: HashMap<String, Arc<Sandbox>>,
    by_address: HashMap<IpAddr, Arc<Sandbox>>,
}

impl Registry {
    /// The sandbox of this name.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.0.load().by_id.get(id).cloned()
    }

    /// The sandbox that has this address.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<Arc<Sandbox>> {
        self.0.load().by_address.get(&address.to_canonical()).cloned()
    }

    /// Every sandbox, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Sandbox>> {
        self.0.load().by_id.values().cloned().collect()
    }

    /// Adds a sandbox, in place of one of the same name.
    pub fn insert(&self, sandbox: &Arc<Sandbox>) {
        self.0.rcu(|sandboxes| {
            let mut sandboxes = without(sandboxes, &sandbox.id);
            sandboxes.by_address.insert(sandbox.ipv4.into(), Arc::clone(sandbox));
            sandboxes.by_address.insert(sandbox.ipv6.into(), Arc::clone(sandbox));
            sandboxes.by_id.insert(sandbox.id.clone(), Arc::clone(sandbox));
            sandboxes
        });
    }

    /// Forgets a sandbox.
    pub fn remove(&self, id: &str) {
        self.0.rcu(|sandboxes| without(sandboxes, id));
    }
}

fn without(sandboxes: &Sandboxes, id: &str) -> Sandboxes {
    let mut sandboxes = sandboxes.clone();
    if let Some(before) = sandboxes.by_id.remove(id) {
        sandboxes.by_address.remove(&before.ipv4.into());
        sandboxes.by_address.remove(&before.ipv6.into());
    }
    sandboxes
}
