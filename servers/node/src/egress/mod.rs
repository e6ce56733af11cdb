//! The egress proxy: TCP that the kernel redirects here because a name may allow it.
//!
//! ```text
//!     mod        connections taken: whose, and where to        original   the destination before the redirection
//!     flow       judged, connected, relayed                    resolve    a name to permitted addresses
//!     name       the name that a client says first             tls, http  in its two places
//! ```
//!
//! A flow is judged by its address first. If that is allowed, nothing of it is read: protocols in
//! which the server speaks first do not stall. Otherwise, and only on the ports that are set up
//! for it, the name that the client says is read, without ending TLS, and judged with the address.
//! A flow that no one allows is reset.
//!
//! What is judged is the connection. A name is the one of its first bytes: the server that the node
//! itself finds under that name gets everything that follows, whatever other names it contains.

mod flow;
mod http;
mod name;
mod original;
mod resolve;
mod tls;

pub use name::Protocol;
pub use original::Original;

use crate::{events::Events, registry::Registry};
use flow::Flows;
use hickory_resolver::net::NetError;
use resolve::Resolver;
use sandgate_proxy::{Slots, Tasks, accept_all, listen};
use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How the egress proxy is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens: one port, which the kernel redirects to, of both families.
    pub listen: Vec<SocketAddr>,
    /// Who is asked for the addresses of names. Best the name server of the guardrails.
    pub name_server: SocketAddr,
    /// On which ports a name is read, and how.
    pub names: BTreeMap<u16, Protocol>,
    /// How many connections are open at a time.
    pub connections: usize,
    /// How many of them from one sandbox.
    pub connections_per_sandbox: usize,
    /// How many bytes a client may send before its name is known.
    pub name_bytes: usize,
    /// How long it may take to.
    pub name_time: Duration,
    /// Until a name is resolved and a connection to the destination stands.
    pub connect_time: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// How often an open connection is judged again, so that it ends soon after an update that no
    /// longer allows it.
    pub judge_again: Duration,
}

impl Config {
    /// What is usual, with these addresses and this name server.
    #[must_use]
    pub fn new(listen: Vec<SocketAddr>, name_server: SocketAddr) -> Self {
        Self {
            listen,
            name_server,
            names: BTreeMap::from([(80, Protocol::Http), (443, Protocol::Tls)]),
            connections: 16_384,
            connections_per_sandbox: 1024,
            name_bytes: 16 * 1024,
            name_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            judge_again: Duration::from_secs(1),
        }
    }
}

/// An egress proxy that listens.
#[derive(Debug)]
pub struct EgressProxy {
    listeners: Vec<TcpListener>,
    connections: Slots<String>,
    flows: Arc<Flows>,
}

/// Why an egress proxy does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// An address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The resolver does not start.
    #[error("no resolver: {0}")]
    Resolver(#[from] NetError),
}

impl EgressProxy {
    /// Binds the addresses. Port 0 takes one that is free.
    ///
    /// `original` tells where a connection was going: [`Original::redirected`], where the kernel does it.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound.
    pub fn bind(
        config: Config,
        original: Original,
        registry: &Arc<Registry>,
        events: &Arc<Events>,
    ) -> Result<Self, EgressError> {
        let listeners = config.listen.iter().copied().map(listen).collect::<Result<_, _>>()?;
        let connections = Slots::new(config.connections, config.connections_per_sandbox);
        let flows = Flows {
            resolver: Resolver::new(config.name_server)?,
            config,
            original,
            registry: Arc::clone(registry),
            events: Arc::clone(events),
        };
        Ok(Self { listeners, connections, flows: Arc::new(flows) })
    }

    /// Where it listens, in the order of the configuration.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until `shutdown` is cancelled. Open connections end then: a tunnel has no end of its
    /// own that could be waited for.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = Tasks::new(shutdown);
        accept_all(&self.listeners, &tasks, |client, peer| {
            let Some(sandbox) = self.flows.registry.by_address(peer.ip()) else {
                tracing::warn!(%peer, "a connection from no sandbox");
                return flow::reset(&client);
            };
            let Some(slot) = self.connections.take(sandbox.id.clone()) else {
                tracing::debug!(sandbox = sandbox.id, "too many connections");
                return flow::reset(&client);
            };
            let flows = Arc::clone(&self.flows);
            tasks.spawn(async move {
                flows.take(client, sandbox).await;
                drop(slot);
            });
        })
        .await;
        tasks.finish(Duration::ZERO).await;
    }
}
