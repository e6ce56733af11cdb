//! Connections taken, and requests on them answered: HTTP/1.1.

use crate::{Body, Slot, Slots, Tasks, Timeouts, idle::Idle};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};

/// What a request head may have: bytes of all of it, and headers.
const HEAD_BYTES: usize = 32 * 1024;
const HEADERS: usize = 128;

/// A connection that a request came on.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Who opened it.
    pub peer: SocketAddr,
    /// Its place among the connections: whoever outlives it, as a WebSocket does, holds a clone.
    pub slot: Slot,
    /// Where what outlives the request is started.
    pub tasks: Tasks,
}

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The answer, which may be a refusal, but is one.
    fn answer(&self, request: Request<Incoming>, from: &Connection) -> impl Future<Output = Response<Body>> + Send;
}

/// A server of HTTP/1.1 that is bounded in connections, bytes of heads and idle time.
#[derive(Debug)]
pub struct Http {
    /// The connections that are open, by the address of the peer.
    pub connections: Slots<IpAddr>,
    /// How long things take.
    pub timeouts: Timeouts,
}

/// Listens on an address. An IPv6 address takes IPv6 only: a peer has one spelling.
///
/// # Errors
///
/// If the address cannot be bound.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// Takes connections of all listeners until the tasks are asked to end.
pub async fn accept_all(listeners: &[TcpListener], tasks: &Tasks, mut each: impl FnMut(TcpStream, SocketAddr)) {
    loop {
        let accepted = tokio::select! {
            accepted = accept_any(listeners) => accepted,
            () = tasks.stopping() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A proxy adds no delay of its own. If the peer is gone already, reading says so.
                let _ = stream.set_nodelay(true);
                each(stream, peer);
            }
            Err(error) => {
                // The peer was gone already, or descriptors ran out, and waiting frees some.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn accept_any(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let mut accepted = listeners.iter().map(|listener| listener.poll_accept(context));
        accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

impl Http {
    /// Serves on all listeners until the tasks are asked to end, and waits for what is under way.
    pub async fn serve<H: Handler>(&self, listeners: &[TcpListener], handler: &Arc<H>, tasks: &Tasks) {
        accept_all(listeners, tasks, |stream, peer| {
            let Some(slot) = self.connections.take(peer.ip().to_canonical()) else {
                tracing::debug!(%peer, "too many connections");
                return;
            };
            let connection = Connection { peer, slot, tasks: tasks.clone() };
            tasks.spawn(one_connection(stream, connection, Arc::clone(handler), self.timeouts));
        })
        .await;
        tasks.finish(self.timeouts.grace).await;
    }
}

async fn one_connection<H: Handler>(stream: TcpStream, from: Connection, handler: Arc<H>, timeouts: Timeouts) {
    let peer = from.peer;
    let tasks = from.tasks.clone();
    let service = service_fn(move |request| {
        let (handler, from) = (Arc::clone(&handler), from.clone());
        async move { Ok::<_, Infallible>(handler.answer(request, &from).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.head)
            .max_headers(HEADERS)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(HEAD_BYTES.saturating_mul(2))
            .serve_connection(TokioIo::new(Idle::new(stream, timeouts.idle)), service)
            .with_upgrades()
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
