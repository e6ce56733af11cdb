//! What the node and the edge are compared with: a server, and a proxy of the same stack that asks
//! no policy.

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{HOST, HeaderValue},
};
use sandgate_proxy::{Body, Connection, Forwarder, Handler, Http, Slots, Tasks, Timeouts, UnderWay, hop, listen};
use std::{net::SocketAddr, sync::Arc};
use tokio_util::sync::CancellationToken;

/// More than any measurement opens.
pub(crate) const CONNECTIONS: usize = 4096;

/// Answers with the host that it was asked for.
struct Origin;

impl Handler for Origin {
    async fn answer(&self, request: Request<Incoming>, _: &Connection) -> Response<Body> {
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes).unwrap_or_default().to_vec();
        Response::new(Full::from(host).map_err(|never| match never {}).boxed_unsync())
    }
}

/// Passes everything on to one address.
struct Plain {
    to: SocketAddr,
    forwarder: Forwarder,
}

impl Handler for Plain {
    async fn answer(&self, mut request: Request<Incoming>, from: &Connection) -> Response<Body> {
        let headers = request.headers().clone();
        let asks_upgrade = hop::strip(request.headers_mut());
        let under_way = UnderWay { tasks: &from.tasks, is_still_allowed: Arc::new(|| true) };
        let answer = self.forwarder.forward(request, self.to, asks_upgrade, under_way, from.slot.clone()).await;
        answer.unwrap_or_else(|error| error.refusal().answer(&headers))
    }
}

/// Starts the server. Where it listens.
pub(crate) fn origin(at: SocketAddr, stop: &CancellationToken) -> SocketAddr {
    serve(at, Origin, stop)
}

/// Starts the proxy. Where it listens.
pub(crate) fn proxy(to: SocketAddr, stop: &CancellationToken) -> SocketAddr {
    let forwarder = Forwarder::new(Timeouts::default(), Slots::new(CONNECTIONS, CONNECTIONS));
    serve(([127, 0, 0, 1], 0).into(), Plain { to, forwarder }, stop)
}

fn serve(at: SocketAddr, handler: impl Handler, stop: &CancellationToken) -> SocketAddr {
    let listener = listen(at).expect("the address is free");
    let address = listener.local_addr().expect("it listens");
    let http = Http { connections: Slots::new(CONNECTIONS, CONNECTIONS), timeouts: Timeouts::default() };
    let tasks = Tasks::new(stop.clone());
    tokio::spawn(async move { http.serve(&[listener], &Arc::new(handler), &tasks).await });
    address
}
