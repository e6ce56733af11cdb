//! The running service: a listener, the reconciliation beside it, and the end of both.

use crate::{
    config::Config,
    control::Control,
    http::router,
    node::Node,
    store::{Store, StoreError},
};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

/// Connections at the same time.
const CONNECTIONS: usize = 1024;

/// How long a client may take to say what it asks.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long a connection is used for new requests.
const CONNECTION_TIME: Duration = Duration::from_mins(10);

/// How long the last answers on a connection may take.
const LAST_ANSWERS: Duration = Duration::from_mins(1);

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node's URI is none.
    #[error("`{uri}` is not the URI of a node: {error}")]
    Node {
        /// The text.
        uri: String,
        /// What is wrong with it.
        error: tonic::transport::Error,
    },
}

/// A service that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    control: Arc<Control>,
    router: Router,
}

impl Server {
    /// Opens the store and listens.
    ///
    /// # Errors
    ///
    /// The database or the address cannot be used.
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        let node = Node::new(&config.node, config.times.call)
            .map_err(|error| ServeError::Node { uri: config.node.clone(), error })?;
        let store = Store::open(&config.database).await?;
        let listen = |error| ServeError::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let control = Control::new(store, node, config.options, config.times);
        let router = router(Arc::clone(&control), config.keys);
        Ok(Self { listener, address, control, router })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is told to stop; then ends what has begun, in bounded time.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) {
        let (stopped, stopping) = watch::channel(());
        let reconciling = tokio::spawn({
            let control = Arc::clone(&self.control);
            let mut stopping = stopping.clone();
            async move {
                // An error means that the sender is gone, which means the same.
                let stop = async move { drop(stopping.changed().await) };
                control.reconcile_until(stop).await;
            }
        });
        info!(address = %self.address, "the control API listens");
        let connections = TaskTracker::new();
        tokio::select! {
            () = accept(&self.listener, &self.router, &connections, &stopping) => {}
            () = stop => {}
        }
        drop(self.listener);
        drop(stopped);
        connections.close();
        connections.wait().await;
        if let Err(error) = reconciling.await {
            warn!(%error, "the reconciliation failed");
        }
        self.control.finish().await;
    }
}

async fn accept(listener: &TcpListener, router: &Router, connections: &TaskTracker, stopping: &watch::Receiver<()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (router, stopping) = (router.clone(), stopping.clone());
                connections.spawn(async move {
                    if let Err(error) = converse(stream, router, stopping).await {
                        debug!(%peer, %error, "a connection failed");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // The process has no more files, say: that passes, and is not to be asked for in a
                // busy loop.
                warn!(%error, "no connection can be accepted");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Answers the requests of one connection: until it ends, has lasted long enough or the service
/// ends. Then what was asked is still answered.
async fn converse(stream: TcpStream, router: Router, mut stopping: watch::Receiver<()>) -> hyper::Result<()> {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        _ = stopping.changed() => {}
        () = sleep(CONNECTION_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    // A client that does not take its answer is not waited for.
    timeout(LAST_ANSWERS, connection).await.unwrap_or(Ok(()))
}
