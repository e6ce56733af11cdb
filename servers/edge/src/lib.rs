//! The edge proxy: takes requests from outside and says where they come from.
//!
//! It derives the client address with the core, writes it into a header that no client can send,
//! proves to the node who it is, and passes the request on. It decides nothing: the node has the
//! policy.

mod routes;

pub use routes::{OneNode, Routes};
pub use sandgate_proxy::{Secret, Timeouts};

use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::{HeaderName, HeaderValue},
};
use sandgate::{ClientAddress, INTERNAL_HEADER};
use sandgate_proxy::{
    BadTarget, Body, Connection, EDGE_SECRET, Forwarder, Handler, Http, Refusal, Slots, Target, Tasks, UnderWay, hop,
    listen,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const CLIENT_ADDRESS: HeaderName = HeaderName::from_static(INTERNAL_HEADER);
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How an edge is set up. Whom to believe about client addresses has no default.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// The domain below which sandboxes are.
    pub domain: String,
    /// How the client address is found out.
    pub client_address: ClientAddress,
    /// What proves to a node that it is an edge that speaks.
    pub secret: Secret,
    /// How many connections are open at a time.
    pub connections: usize,
    /// How many of them from one peer, which may be a balancer.
    pub connections_per_peer: usize,
    /// How long things take.
    pub timeouts: Timeouts,
}

/// An edge that listens.
#[derive(Debug)]
pub struct Edge<R> {
    listeners: Vec<TcpListener>,
    http: Http,
    handler: Arc<Forward<R>>,
}

/// Why an edge does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// An address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The secret is empty, or cannot be in a header.
    #[error("the secret of the edge is empty or has characters that a header cannot have")]
    Secret,
}

#[derive(Debug)]
struct Forward<R> {
    domain: String,
    client_address: ClientAddress,
    shown_secret: HeaderValue,
    forwarder: Forwarder,
    routes: R,
}

impl<R: Routes> Edge<R> {
    /// Binds the addresses. Port 0 takes one that is free.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound or the secret cannot be sent.
    pub fn bind(config: Config, routes: R) -> Result<Self, EdgeError> {
        let mut shown_secret = HeaderValue::from_str(config.secret.reveal()).map_err(|_| EdgeError::Secret)?;
        if shown_secret.is_empty() {
            return Err(EdgeError::Secret);
        }
        shown_secret.set_sensitive(true);
        let listeners = config.listen.iter().copied().map(listen).collect::<Result<_, _>>()?;
        let handler = Forward {
            domain: config.domain,
            client_address: config.client_address,
            shown_secret,
            // No more than requests under way, and few that wait: nodes are few.
            forwarder: Forwarder::new(config.timeouts, Slots::new(usize::MAX, usize::MAX)),
            routes,
        };
        let http = Http {
            connections: Slots::new(config.connections, config.connections_per_peer),
            timeouts: config.timeouts,
        };
        Ok(Self { listeners, http, handler: Arc::new(handler) })
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
        self.http.serve(&self.listeners, &self.handler, &tasks).await;
    }
}

impl<R: Routes> Handler for Forward<R> {
    async fn answer(&self, request: Request<Incoming>, from: &Connection) -> Response<Body> {
        let headers = request.headers().clone();
        match self.pass(request, from).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(&headers),
        }
    }
}

impl<R: Routes> Forward<R> {
    async fn pass(&self, mut request: Request<Incoming>, from: &Connection) -> Result<Response<Body>, Refusal> {
        if request.method() == Method::CONNECT {
            return Err(Refusal::Malformed);
        }
        let target = Target::of(&request, &self.domain).map_err(|bad| match bad {
            BadTarget::Malformed => Refusal::Malformed,
            BadTarget::Unknown => Refusal::NoSandbox,
        })?;
        let node = self.routes.node_of(&target.sandbox).await.map_err(|error| {
            tracing::error!(sandbox = target.sandbox, %error, "no route");
            Refusal::Unreachable
        })?;
        let node = node.ok_or(Refusal::NoSandbox)?;
        // Before anything is removed: a client may name what its balancer wrote in `Connection`.
        let chain: Vec<&[u8]> = request.headers().get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
        let client = self.client_address.derive(from.peer.ip(), &chain);
        let asks_upgrade = hop::strip(request.headers_mut());
        let headers = request.headers_mut();
        // C-6: whatever a client sends under these names goes no further.
        headers.remove(&CLIENT_ADDRESS);
        headers.insert(EDGE_SECRET, self.shown_secret.clone());
        if let Some(client) = client {
            let value = HeaderValue::from_str(&client.to_string()).map_err(|_| Refusal::Malformed)?;
            headers.insert(CLIENT_ADDRESS, value);
        }
        // Who reads the chain behind us finds the peer at its end, as behind any proxy.
        let peer = from.peer.ip().to_canonical().to_string();
        headers.append(FORWARDED_FOR, HeaderValue::from_str(&peer).map_err(|_| Refusal::Malformed)?);
        // The node ends what is no longer allowed.
        let under_way = UnderWay { tasks: &from.tasks, is_still_allowed: Arc::new(|| true) };
        let answer = self.forwarder.forward(request, node, asks_upgrade, under_way, from.slot.clone()).await;
        answer.map_err(|error| {
            tracing::warn!(sandbox = target.sandbox, %node, %error, "no answer");
            error.refusal()
        })
    }
}
