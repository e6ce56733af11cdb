//! A request passed on to the next hop, and its answer passed back: streams and WebSockets too.

use crate::{
    Body, Broken, IsStillAllowed, Slots, Tasks, Timeouts,
    connect::{Connector, Full},
    hop,
    passing::{ASK_AGAIN, Passing, Watch},
    relay,
};
use http_body_util::BodyExt;
use hyper::{
    Request, Response, StatusCode, Uri, Version,
    body::{Body as _, Incoming},
    header::{HeaderValue, TRANSFER_ENCODING},
    http::uri::{Parts, PathAndQuery},
    upgrade::{self, OnUpgrade},
};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use std::{error::Error as _, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How many connections to one next hop wait for another request, and how long: less than servers
/// wait, or a request is sent just as its connection ends.
const WAITING: usize = 32;
const WAIT: Duration = Duration::from_secs(2);

/// Passes requests on. Its connections end with it and its clones.
#[derive(Debug, Clone)]
pub struct Forwarder {
    client: Client<Connector, Passing<()>>,
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
    /// The request is no longer allowed.
    #[error("no longer allowed")]
    NoLongerAllowed,
    /// Too many connections to it are open.
    #[error("too many connections to the next hop are open")]
    Full,
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
            Self::Full => crate::Refusal::Busy,
            Self::NoLongerAllowed => crate::Refusal::Denied,
            Self::NoPath => crate::Refusal::Malformed,
        }
    }
}

/// What holds for a request that was let through.
pub struct UnderWay<'t> {
    /// Where a WebSocket runs.
    pub tasks: &'t Tasks,
    /// Asked every second, until the answer or the WebSocket has ended. If it says no, both sides
    /// are ended where they are.
    pub is_still_allowed: IsStillAllowed,
}

impl Forwarder {
    /// Passes requests on within these times, on as many connections as there is room for: by the
    /// address of the next hop, those that wait for another request among them.
    #[must_use]
    pub fn new(timeouts: Timeouts, room: Slots<String>) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(timeouts.connect));
        http.set_nodelay(true);
        let connector = Connector { http, room: Arc::new(room) };
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
        UnderWay { tasks, is_still_allowed }: UnderWay<'_>,
        hold: H,
    ) -> Result<Response<Body>, ForwardError> {
        let client_side = asks_upgrade.then(|| upgrade::on(&mut request));
        if asks_upgrade {
            hop::upgrade(request.headers_mut());
        }
        let (moved, last) = watch::channel(Instant::now());
        let watch = Watch { is_still_allowed: Arc::clone(&is_still_allowed), moved, idle: self.timeouts.idle };
        let request = aim(request, to)?.map(|body| Passing::new(body, watch.clone(), ()));
        let mut answer = self.within(self.client.request(request), &last, &is_still_allowed).await?;
        watch.moved.send_replace(Instant::now());
        let agreed = hop::strip(answer.headers_mut());
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client_side) = client_side.filter(|_| agreed) else { return Err(ForwardError::Unasked) };
            let server_side = upgrade::on(&mut answer);
            hop::upgrade(answer.headers_mut());
            let (stopping, idle) = (tasks.clone(), self.timeouts.idle);
            tasks.spawn(async move {
                tunnel(client_side, server_side, &stopping, idle, is_still_allowed).await;
                drop(hold);
            });
            return Ok(answer.map(|_| http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()));
        }
        // Held by the body: it is dropped when the client has all of it, or is gone.
        Ok(answer.map(|body| Passing::new(body, watch, hold).boxed_unsync()))
    }

    /// The answer, if it comes soon enough after the last piece of the request went out, and while
    /// the request is allowed.
    async fn within(
        &self,
        answer: impl Future<Output = Result<Response<Incoming>, Error>>,
        last: &watch::Receiver<Instant>,
        is_still_allowed: &IsStillAllowed,
    ) -> Result<Response<Incoming>, ForwardError> {
        tokio::pin!(answer);
        loop {
            let end = last.borrow().checked_add(self.timeouts.answer).ok_or(ForwardError::TimedOut)?;
            let now = Instant::now();
            if end <= now {
                return Err(ForwardError::TimedOut);
            }
            let again = now.checked_add(ASK_AGAIN).unwrap_or(end);
            match timeout_at(end.min(again), &mut answer).await {
                Ok(answer) => return answer.map_err(from_client),
                Err(_) if !is_still_allowed() => return Err(ForwardError::NoLongerAllowed),
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
        if inner.is::<Full>() {
            return ForwardError::Full;
        }
        if let Some(Broken::NoLongerAllowed) = inner.downcast_ref() {
            return ForwardError::NoLongerAllowed;
        }
        cause = inner.source();
    }
    ForwardError::Unreachable(error)
}

/// The request as it is sent: to the address, with nothing but a path in its first line, and with
/// all of its body.
fn aim(mut request: Request<Incoming>, to: SocketAddr) -> Result<Request<Incoming>, ForwardError> {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut parts = Parts::default();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
    parts.authority = to.to_string().parse().ok();
    parts.path_and_query = Some(path);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| ForwardError::NoPath)?;
    *request.version_mut() = Version::HTTP_11;
    // Where the length is not known, the client would take a GET to have no body. The body has been
    // read by its own length already, and no other is left to contradict this one.
    if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(request)
}

async fn tunnel(client: OnUpgrade, server: OnUpgrade, tasks: &Tasks, idle: Duration, is_still_allowed: IsStillAllowed) {
    let (client, server) = match tokio::try_join!(client, server) {
        Ok(both) => both,
        Err(error) => return tracing::debug!(%error, "a WebSocket did not begin"),
    };
    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
    tokio::select! {
        ended = relay(&mut client, &mut server, ASK_AGAIN, idle, || is_still_allowed()) => tracing::debug!(?ended, "a WebSocket ended"),
        // It may never end by itself: nobody waits for it.
        () = tasks.stopping() => {}
    }
}

impl std::fmt::Debug for UnderWay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnderWay").finish_non_exhaustive()
    }
}
