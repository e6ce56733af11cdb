//! One request: who asks, whether it may, and what the sandbox gets to see of it.

use crate::{
    events::{Denial, Direction, Events, NO_TOKEN},
    registry::{Enforced, Registry, Sandbox},
};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::{HOST, HeaderMap, HeaderName, HeaderValue},
};
use sandgate::{INTERNAL_HEADER, from_internal_header};
use sandgate_proxy::{
    BadTarget, Body, Connection, EDGE_SECRET, Forwarder, Handler, IsStillAllowed, Refusal, Secret, Slots,
    TRAFFIC_ACCESS_TOKEN, Target, UnderWay, hop,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

const CLIENT_ADDRESS: HeaderName = HeaderName::from_static(INTERNAL_HEADER);
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What requests pass through.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) domain: String,
    pub(super) edge_secret: Secret,
    pub(super) forwarder: Forwarder,
    pub(super) requests: Slots<String>,
    pub(super) registry: Arc<Registry>,
    pub(super) events: Arc<Events>,
}

impl Handler for Pass {
    async fn answer(&self, request: Request<Incoming>, from: &Connection) -> Response<Body> {
        let headers = request.headers().clone();
        match self.pass(request, from).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(&headers),
        }
    }
}

impl Pass {
    async fn pass(&self, mut request: Request<Incoming>, from: &Connection) -> Result<Response<Body>, Refusal> {
        if request.method() == Method::CONNECT {
            return Err(Refusal::Malformed);
        }
        let target = Target::of(&request, &self.domain).map_err(|bad| match bad {
            BadTarget::Malformed => Refusal::Malformed,
            BadTarget::Unknown => Refusal::NoSandbox,
        })?;
        let sandbox = self.registry.by_id(&target.sandbox).ok_or(Refusal::NoSandbox)?;
        let client = self.client(request.headers());
        // One policy for the head of the request. What is under way longer is judged again.
        let enforced = sandbox.enforced.load_full();
        if !may_enter(&self.events, &sandbox, &enforced, client, target.port) {
            return Err(Refusal::Denied);
        }
        self.check_token(&sandbox, &enforced, client, target.port, request.headers())?;
        let slot = self.requests.take(sandbox.id.clone()).ok_or(Refusal::Busy)?;

        let asks_upgrade = hop::strip(request.headers_mut());
        show(request.headers_mut(), &enforced, &target)?;
        let under_way =
            UnderWay { tasks: &from.tasks, is_still_allowed: self.ask_again(&sandbox, client, target.port) };
        let to = SocketAddr::new(sandbox.ipv4.into(), target.port);
        let hold = (slot, from.slot.clone());
        let answer = self.forwarder.forward(request, to, asks_upgrade, under_way, hold).await;
        answer.map_err(|error| {
            tracing::debug!(
                sandbox = sandbox.id,
                port = target.port,
                %error,
                "no answer"
            );
            error.refusal()
        })
    }

    /// C-6: what the internal header says, of an edge that has shown the secret.
    fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.edge_secret.is_shown(headers, &EDGE_SECRET) {
            return None;
        }
        let values: Vec<&[u8]> = headers.get_all(&CLIENT_ADDRESS).iter().map(HeaderValue::as_bytes).collect();
        from_internal_header(&values)
    }

    /// Without public traffic, a request carries the token, except on exempt ports.
    fn check_token(
        &self,
        sandbox: &Sandbox,
        enforced: &Enforced,
        client: Option<IpAddr>,
        port: u16,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let policy = &enforced.policy;
        let token = Secret::new(sandbox.traffic_access_token.as_str());
        if !policy.needs_token(port) || token.is_shown(headers, &TRAFFIC_ACCESS_TOKEN) {
            return Ok(());
        }
        self.events.denied(&Denial { reason: NO_TOKEN, ..denial(sandbox, enforced, client, port) });
        Err(Refusal::Denied)
    }

    /// Whether what is under way may go on: as long as the same sandbox runs and its policy allows
    /// the client.
    fn ask_again(&self, sandbox: &Arc<Sandbox>, client: Option<IpAddr>, port: u16) -> IsStillAllowed {
        let (registry, events, sandbox) = (Arc::clone(&self.registry), Arc::clone(&self.events), Arc::clone(sandbox));
        Arc::new(move || {
            let runs = registry.by_id(&sandbox.id).is_some_and(|running| Arc::ptr_eq(&running, &sandbox));
            runs && may_enter(&events, &sandbox, &sandbox.enforced.load(), client, port)
        })
    }
}

fn may_enter(events: &Events, sandbox: &Sandbox, enforced: &Enforced, client: Option<IpAddr>, port: u16) -> bool {
    // The answer with a bool is the fast one, and never differs from the explained one.
    if enforced.policy.allows_ingress(client, port) {
        return true;
    }
    events.denied(&denial(sandbox, enforced, client, port).by(&enforced.policy.decide_ingress(client, port)));
    false
}

fn denial<'d>(sandbox: &'d Sandbox, enforced: &Enforced, client: Option<IpAddr>, port: u16) -> Denial<'d> {
    Denial {
        sandbox: &sandbox.id,
        generation: enforced.generation,
        direction: Direction::Ingress,
        address: client,
        port,
        host: None,
        reason: "",
        entry: None,
    }
}

/// What the sandbox gets to see: none of the platform's own headers, and the host it wants.
fn show(headers: &mut HeaderMap, enforced: &Enforced, target: &Target) -> Result<(), Refusal> {
    for name in [CLIENT_ADDRESS, EDGE_SECRET, TRAFFIC_ACCESS_TOKEN] {
        headers.remove(name);
    }
    if let Some(masked) = enforced.policy.masked_host(target.port) {
        headers.insert(FORWARDED_HOST, target.host.clone());
        headers.insert(HOST, HeaderValue::from_str(&masked.to_string()).map_err(|_| Refusal::Malformed)?);
    }
    Ok(())
}
