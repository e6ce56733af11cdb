//! One connection out of a sandbox: judged, connected, relayed.

use super::{
    Config,
    name::{self, Said},
    original::Original,
    resolve::Resolver,
};
use crate::{
    events::{Denial, Direction, Events},
    registry::{Enforced, Registry, Sandbox},
};
use sandgate::{Decision, Destination, Host, HostName, Permitted, Reason, Verdict};
use sandgate_proxy::{Ended, relay};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// What the connections of all sandboxes share.
#[derive(Debug)]
pub(super) struct Flows {
    pub(super) config: Config,
    pub(super) original: Original,
    pub(super) resolver: Resolver,
    pub(super) registry: Arc<Registry>,
    pub(super) events: Arc<Events>,
}

/// A connection that wants to go somewhere.
#[derive(Debug)]
struct Flow {
    sandbox: Arc<Sandbox>,
    /// Where the sandbox sent it.
    to: SocketAddr,
    /// What was read of it, if anything.
    said: Option<Said>,
    /// Whether it goes where the node found its name, and not where the sandbox sent it.
    by_name: bool,
}

/// Why a flow does not get through.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("denied")]
    Denied,
    #[error("the destination before the redirection is not known: {0}")]
    Original(#[source] io::Error),
    #[error("sent to the proxy itself")]
    ToProxy,
    #[error("the name does not resolve: {0}")]
    Resolve(#[from] hickory_resolver::net::NetError),
    #[error("the destination does not answer: {0}")]
    Connect(#[from] io::Error),
    #[error("the destination does not answer in time")]
    TimedOut,
}

/// Ends a connection at once and says so to its client.
pub(super) fn reset(client: &TcpStream) {
    // If it fails, the connection is closed in the ordinary way.
    let _ = client.set_zero_linger();
}

impl Flows {
    /// Takes a connection of a sandbox to its end.
    pub(super) async fn take(&self, mut client: TcpStream, sandbox: Arc<Sandbox>) {
        let id = sandbox.id.clone();
        let opened = match self.destination(&client) {
            Ok(to) => self.open(&mut client, Flow { sandbox, to, said: None, by_name: false }).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok((server, flow)) => self.relay(client, server, flow).await,
            Err(failure) => {
                tracing::debug!(sandbox = id, %failure, "a flow did not get through");
                reset(&client);
            }
        }
    }

    fn destination(&self, client: &TcpStream) -> Result<SocketAddr, Failure> {
        let to = self.original.of(client).map_err(Failure::Original)?;
        // Not redirected: the proxy would connect to itself, and again.
        if client.local_addr().is_ok_and(|local| local == to) {
            return Err(Failure::ToProxy);
        }
        Ok(SocketAddr::new(to.ip().to_canonical(), to.port()))
    }

    /// Judges the flow and connects it.
    async fn open(&self, client: &mut TcpStream, mut flow: Flow) -> Result<(TcpStream, Flow), Failure> {
        let enforced = flow.sandbox.enforced.load_full();
        if flow.decide(&enforced).is_allowed() {
            return Ok((self.connect(&[flow.to]).await?, flow));
        }
        if let Some(protocol) = self.config.names.get(&flow.to.port()) {
            let Config { name_bytes, name_time, .. } = self.config;
            flow.said = Some(name::read(client, *protocol, name_bytes, name_time).await);
        }
        // Reading took its time: what is enforced now decides.
        let enforced = flow.sandbox.enforced.load_full();
        let decision = flow.decide(&enforced);
        let server = match decision.verdict() {
            Verdict::Allow => self.connect(&[flow.to]).await?,
            Verdict::AllowByName(by_name) => {
                let limit = self.config.connect_time;
                let resolved = tokio::time::timeout(limit, self.resolver.resolve(by_name, flow.to.ip())).await;
                let resolved = resolved.map_err(|_| Failure::TimedOut)??;
                if let (Some(address), true) = (resolved.denied, resolved.permitted.is_empty()) {
                    let reason = Reason::AlwaysDenied.as_str();
                    let name = Some(by_name.name().as_str());
                    self.events.denied(&Denial {
                        reason,
                        host: name,
                        address: Some(address),
                        ..flow.denial(&enforced)
                    });
                    return Err(Failure::Denied);
                }
                let addresses: Vec<_> = resolved.permitted.iter().copied().map(Permitted::socket_addr).collect();
                let server = self.connect(&addresses).await?;
                flow.by_name = true;
                server
            }
            Verdict::Deny => {
                self.tell_denied(&flow, flow.to.ip(), &enforced, &decision);
                return Err(Failure::Denied);
            }
        };
        Ok((server, flow))
    }

    /// A connection to the first of the addresses that answers.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let start = Instant::now();
        let mut last = Failure::TimedOut;
        for (left, address) in (1_u32..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev().zip(addresses) {
            // Each gets its share of the time that is left: a dead one does not use up all of it.
            let rest = self.config.connect_time.saturating_sub(start.elapsed());
            let share = rest.checked_div(left).unwrap_or(rest);
            let Some(end) = Instant::now().checked_add(share) else { return Err(Failure::TimedOut) };
            match timeout_at(end, TcpStream::connect(address)).await {
                Ok(Ok(server)) => {
                    server.set_nodelay(true)?;
                    return Ok(server);
                }
                Ok(Err(error)) => last = Failure::Connect(error),
                Err(_) => last = Failure::TimedOut,
            }
        }
        Err(last)
    }

    async fn relay(&self, mut client: TcpStream, mut server: TcpStream, mut flow: Flow) {
        let ended = match server.peer_addr().map(|address| address.ip()) {
            // Connecting took its time: nothing is sent that is no longer allowed.
            Ok(connected) if !self.is_still_allowed(&flow, connected) => Ended::NoLongerAllowed,
            Ok(connected) => match self.replay(&mut server, &mut flow).await {
                Ok(()) => {
                    let is_still_allowed = || self.is_still_allowed(&flow, connected);
                    let Config { judge_again, idle, .. } = self.config;
                    relay(&mut client, &mut server, judge_again, idle, is_still_allowed).await
                }
                Err(error) => Ended::Failed(error),
            },
            Err(error) => Ended::Failed(error),
        };
        if !matches!(ended, Ended::Closed) {
            tracing::debug!(sandbox = flow.sandbox.id, to = %flow.to, ?ended, "a flow ended early");
            reset(&client);
            reset(&server);
        }
    }

    /// Sends what was read of the client, and keeps no more of it than the name.
    async fn replay(&self, server: &mut TcpStream, flow: &mut Flow) -> io::Result<()> {
        let Some(said) = &mut flow.said else { return Ok(()) };
        let bytes = std::mem::take(&mut said.bytes);
        let sent = tokio::time::timeout(self.config.connect_time, server.write_all(&bytes)).await;
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether an open flow may go on: as long as the same sandbox runs, and its policy would let
    /// the flow go where it goes.
    fn is_still_allowed(&self, flow: &Flow, connected: IpAddr) -> bool {
        let runs = self.registry.by_id(&flow.sandbox.id).is_some_and(|running| Arc::ptr_eq(&running, &flow.sandbox));
        if !runs {
            return false;
        }
        let enforced = flow.sandbox.enforced.load();
        let decision = flow.decide(&enforced);
        let is_allowed = match decision.verdict() {
            // Perhaps it went by a name that an update made needless: then it is about the address
            // that it went to.
            Verdict::Allow => enforced.policy.allows_egress(connected, flow.to.port()),
            // E-8: the name says nothing about an address that the node did not find under it.
            Verdict::AllowByName(by_name) => flow.by_name && by_name.permit(connected).is_some(),
            Verdict::Deny => {
                self.tell_denied(flow, flow.to.ip(), &enforced, &decision);
                return false;
            }
        };
        if !is_allowed {
            // What was decided is no denial: the one of the address is.
            let to = Destination { address: connected, port: flow.to.port(), host: None };
            self.tell_denied(flow, connected, &enforced, &enforced.policy.decide_egress(&to));
        }
        is_allowed
    }

    fn tell_denied(&self, flow: &Flow, address: IpAddr, enforced: &Enforced, decision: &Decision<'_>) {
        // Only what is a name: whatever else the client sent is not for a log.
        let name = flow.host().and_then(Host::name);
        let host = name.as_ref().map(HostName::as_str);
        self.events.denied(&Denial { host, address: Some(address), ..flow.denial(enforced) }.by(decision));
    }
}

impl Flow {
    fn host(&self) -> Option<Host<'_>> {
        self.said.as_ref().and_then(Said::host)
    }

    fn decide<'p>(&self, enforced: &'p Enforced) -> Decision<'p> {
        let destination = Destination { address: self.to.ip(), port: self.to.port(), host: self.host() };
        enforced.policy.decide_egress(&destination)
    }

    fn denial(&self, enforced: &Enforced) -> Denial<'_> {
        Denial {
            sandbox: &self.sandbox.id,
            generation: enforced.generation,
            direction: Direction::Egress,
            address: Some(self.to.ip()),
            port: self.to.port(),
            host: None,
            reason: "",
            entry: None,
        }
    }
}
