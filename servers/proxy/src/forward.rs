//! A request passed on to the next hop, and its answer passed back: streams and WebSockets too.

use crate::{Body, Tasks, Timeouts, hop, relay};
use http_body_util::BodyExt;
use hyper::{
    Request, Response, StatusCode, Uri, Version,
    body::{Bytes, Frame, Incoming, SizeHint},
    http::uri::{Parts, PathAndQuery},
    upgrade::{self, OnUpgrade},
};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use std::{
    error::Error as _,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How often an open WebSocket is asked about.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How many connections to one next hop wait for another request, and how long: less than servers
/// wait, or a request is sent just as its connection ends.
const WAITING: usize = 32;
const WAIT: Duration = Duration::from_secs(2);

/// Passes requests on. Its connections end with it and its clones.
#[derive(Debug, Clone)]
pub struct Forwarder {
    client: Client<HttpConnector, Streamed>,
    timeouts: Timeouts,
}

/// Why there is no answer from the next hop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// No connection, or it broke.
    #[error("the next hop does not answer: {0}")]
    Unreachable(#[source] Error),
    /// No connection or no answer in time.
    #[error("the next hop does not answer in time")]
    TimedOut,
    /// It switched to a protocol that was not asked for.
    #[error("the next hop switched protocols unasked")]
    Unasked,
    /// The request has no path that could be passed on.
    #[error("the request has no path")]
    NoPath,
}

impl ForwardError {
    /// What the client is told.
    #[must_use]
    pub const fn refusal(&self) -> crate::Refusal {
        match self {
            Self::Unreachable(_) | Self::Unasked => crate::Refusal::Unreachable,
            Self::TimedOut => crate::Refusal::TimedOut,
            Self::NoPath => crate::Refusal::Malformed,
        }
    }
}

/// What holds for a WebSocket after its handshake.
pub struct Upgraded<'t> {
    /// Where it runs.
    pub tasks: &'t Tasks,
    /// Asked every second; the connection ends when it is no longer allowed.
    pub is_still_allowed: Box<dyn FnMut() -> bool + Send>,
}

impl Forwarder {
    /// Passes requests on within these times.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeouts.connect));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(WAIT)
            .pool_max_idle_per_host(WAITING)
            .http1_max_buf_size(64 * 1024)
            .http1_max_headers(128)
            // The caller has set the Host header: it is not the next hop's address.
            .set_host(false)
            .build(connector);
        Self { client, timeouts }
    }

    /// Passes a request on to an address. Its headers are final but for those of the connection;
    /// `hop::strip` has been called, and said whether a WebSocket is asked for.
    ///
    /// `hold` is kept until the answer or the WebSocket has ended.
    ///
    /// # Errors
    ///
    /// If no answer comes. The client has been told nothing yet.
    pub async fn forward<H: Send + Unpin + 'static>(
        &self,
        mut request: Request<Incoming>,
        to: SocketAddr,
        asks_upgrade: bool,
        upgraded: Upgraded<'_>,
        hold: H,
    ) -> Result<Response<Body>, ForwardError> {
        let client_side = asks_upgrade.then(|| upgrade::on(&mut request));
        if asks_upgrade {
            hop::upgrade(request.headers_mut());
        }
        let (moved, last) = watch::channel(Instant::now());
        let request = aim(request, to)?.map(|body| Streamed { body, moved });
        let mut answer = self.within(self.client.request(request), &last).await?;
        let agreed = hop::strip(answer.headers_mut());
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client_side) = client_side.filter(|_| agreed) else { return Err(ForwardError::Unasked) };
            let server_side = upgrade::on(&mut answer);
            hop::upgrade(answer.headers_mut());
            let tasks = upgraded.tasks.clone();
            upgraded.tasks.spawn(async move {
                tunnel(client_side, server_side, &tasks, upgraded.is_still_allowed).await;
                drop(hold);
            });
            return Ok(answer.map(|_| http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()));
        }
        // Held by the body: it is dropped when the client has all of it, or is gone.
        Ok(answer.map(|body| Held { body, _held: hold }.boxed_unsync()))
    }

    /// The answer, if it comes soon enough after the last piece of the request went out.
    async fn within(
        &self,
        answer: impl Future<Output = Result<Response<Incoming>, Error>>,
        last: &watch::Receiver<Instant>,
    ) -> Result<Response<Incoming>, ForwardError> {
        tokio::pin!(answer);
        loop {
            let begin = *last.borrow();
            let Some(end) = begin.checked_add(self.timeouts.answer) else { return Err(ForwardError::TimedOut) };
            match timeout_at(end, &mut answer).await {
                Ok(answer) => return answer.map_err(from_client),
                Err(_) if *last.borrow() == begin => return Err(ForwardError::TimedOut),
                Err(_) => {}
            }
        }
    }
}

fn from_client(error: Error) -> ForwardError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return ForwardError::TimedOut;
        }
        cause = inner.source();
    }
    ForwardError::Unreachable(error)
}

/// The request as it is sent: to the address, with nothing but a path in its first line.
fn aim(mut request: Request<Incoming>, to: SocketAddr) -> Result<Request<Incoming>, ForwardError> {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut parts = Parts::default();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
    parts.authority = to.to_string().parse().ok();
    parts.path_and_query = Some(path);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| ForwardError::NoPath)?;
    *request.version_mut() = Version::HTTP_11;
    Ok(request)
}

async fn tunnel(
    client: OnUpgrade,
    server: OnUpgrade,
    tasks: &Tasks,
    is_still_allowed: Box<dyn FnMut() -> bool + Send>,
) {
    let (client, server) = match tokio::try_join!(client, server) {
        Ok(both) => both,
        Err(error) => return tracing::debug!(%error, "a WebSocket did not begin"),
    };
    // The client's side is the connection that was taken, and fails when it is idle.
    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
    tokio::select! {
        ended = relay(&mut client, &mut server, ASK_AGAIN, is_still_allowed) => tracing::debug!(?ended, "a WebSocket ended"),
        // It may never end by itself: nobody waits for it.
        () = tasks.stopping() => {}
    }
}

/// A request body that says when it last moved.
#[derive(Debug)]
struct Streamed {
    body: Incoming,
    moved: watch::Sender<Instant>,
}

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.moved.send_replace(Instant::now());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer body that holds something.
struct Held<H> {
    body: Incoming,
    _held: H,
}

impl<H: Unpin> hyper::body::Body for Held<H> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl std::fmt::Debug for Upgraded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}
