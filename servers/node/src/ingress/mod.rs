//! The ingress proxy: requests for `{port}-{sandbox}.{domain}`, judged and passed into the sandbox.
//!
//! HTTP/1.1. The client address is what an edge says that has shown the secret. WebSockets and
//! streams pass; other upgrades do not.

mod pass;

pub use sandgate_proxy::{Secret, Timeouts};

use crate::{events::Events, registry::Registry};
use pass::Pass;
use sandgate_proxy::{Forwarder, Http, Slots, Tasks, listen};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How the ingress proxy is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens: an address that the edges reach, and no one else.
    pub listen: Vec<SocketAddr>,
    /// The domain below which sandboxes are.
    pub domain: String,
    /// What an edge shows. Who does not show it is an unknown client, whatever it says.
    pub edge_secret: Secret,
    /// How many connections are open at a time.
    pub connections: usize,
    /// How many of them from one peer. Edges are few: it may be as many.
    pub connections_per_peer: usize,
    /// How many requests are under way to one sandbox, and connections to it open.
    pub requests_per_sandbox: usize,
    /// How long things take.
    pub timeouts: Timeouts,
}

/// An ingress proxy that listens.
#[derive(Debug)]
pub struct IngressProxy {
    listeners: Vec<TcpListener>,
    http: Http,
    pass: Arc<Pass>,
}

impl IngressProxy {
    /// Binds the addresses. Port 0 takes one that is free.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound.
    pub fn bind(config: Config, registry: &Arc<Registry>, events: &Arc<Events>) -> io::Result<Self> {
        let listeners = config.listen.iter().copied().map(listen).collect::<Result<_, _>>()?;
        let http = Http {
            connections: Slots::new(config.connections, config.connections_per_peer),
            timeouts: config.timeouts,
        };
        let pass = Pass {
            domain: config.domain,
            edge_secret: config.edge_secret,
            // A sandbox has many ports: connections that wait at each would be more than requests are.
            forwarder: Forwarder::new(config.timeouts, Slots::new(config.connections, config.requests_per_sandbox)),
            requests: Slots::new(usize::MAX, config.requests_per_sandbox),
            registry: Arc::clone(registry),
            events: Arc::clone(events),
        };
        Ok(Self { listeners, http, pass: Arc::new(pass) })
    }

    /// Where it listens, in the order of the configuration.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until `shutdown` is cancelled, and lets what is under way end.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = Tasks::new(shutdown);
        self.http.serve(&self.listeners, &self.pass, &tasks).await;
    }
}
