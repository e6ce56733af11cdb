//! What happens on the node, told to the log and to whoever subscribes.
//!
//! Updates are told each. Of denials, one of a kind is told a second and the others are counted:
//! a sandbox that knocks on a closed door in a loop fills no log.

use sandgate::{DecidingEntry, Decision, Fingerprint};
use sandgate_contract::node::{Denied, Event, Updated, event::What};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;

/// How long after a denial of a kind the next of this kind is told.
const QUIET: Duration = Duration::from_secs(1);
/// How many kinds are counted apart.
const KINDS: usize = 4096;
/// How many events a subscriber may be behind.
const BEHIND: usize = 1024;

/// Why those are denied who show no token, where public traffic is off. No rule says so.
pub(crate) const NO_TOKEN: &str = "traffic-access-token";

/// Which way a denied connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Out of the sandbox.
    Egress,
    /// Into it.
    Ingress,
}

impl Direction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }
}

/// A denial, as a proxy or the kernel sees it.
#[derive(Debug, Clone, Copy)]
pub struct Denial<'d> {
    /// Of which sandbox.
    pub sandbox: &'d str,
    /// By which generation of its policy.
    pub generation: u64,
    /// Which way.
    pub direction: Direction,
    /// The destination or the client, if known.
    pub address: Option<IpAddr>,
    /// The port of the destination or of the sandbox.
    pub port: u16,
    /// The host name, if one was seen.
    pub host: Option<&'d str>,
    /// The stable text of the reason.
    pub reason: &'static str,
    /// The entry that decided, if one did.
    pub entry: Option<DecidingEntry<'d>>,
}

impl<'d> Denial<'d> {
    /// The same, with the reason and the entry of a decision.
    #[must_use]
    pub fn by(self, decision: &Decision<'d>) -> Self {
        Self { reason: decision.reason().as_str(), entry: decision.entry(), ..self }
    }
}

/// The events of a node.
#[derive(Debug)]
pub struct Events {
    subscribers: broadcast::Sender<Event>,
    kinds: Mutex<Kinds>,
}

#[derive(Debug, Default)]
struct Kinds {
    of: HashMap<Kind, Told>,
    /// Denials that were of no kind that is counted apart.
    beyond: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    sandbox: String,
    direction: Direction,
    reason: &'static str,
    entry: String,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    more: u64,
    latest: Event,
}

impl Default for Events {
    fn default() -> Self {
        Self { subscribers: broadcast::Sender::new(BEHIND), kinds: Mutex::default() }
    }
}

impl Events {
    /// The events from now on. Who is too far behind is told how many were missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.subscribers.subscribe()
    }

    /// A generation is enforced from now on.
    pub fn updated(&self, sandbox: &str, generation: u64, fingerprint: Fingerprint) {
        let fingerprint = fingerprint.to_string();
        tracing::info!(sandbox, generation, fingerprint, "updated");
        self.send(event(sandbox, generation, What::Updated(Updated { fingerprint })));
    }

    /// A connection or a request was denied.
    pub fn denied(&self, denial: &Denial<'_>) {
        let event = denied(denial);
        let entry = denial.entry.map(place).unwrap_or_default();
        let sandbox = denial.sandbox.into();
        let kind = Kind { sandbox, direction: denial.direction, reason: denial.reason, entry };
        if let Some(event) = self.now_or_later(kind, event) {
            self.tell(event);
        }
    }

    /// The event to be told now, if its kind was not told a moment ago.
    fn now_or_later(&self, kind: Kind, event: Event) -> Option<Event> {
        let now = Instant::now();
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = kinds.of.len() < KINDS;
        match kinds.of.get_mut(&kind) {
            Some(told) if now.duration_since(told.at) < QUIET => {
                told.more = told.more.saturating_add(1);
                told.latest = event;
                None
            }
            Some(told) => {
                let more = std::mem::take(&mut told.more);
                told.at = now;
                Some(with_more(event, more))
            }
            None if has_room => {
                kinds.of.insert(kind, Told { at: now, more: 0, latest: event.clone() });
                Some(event)
            }
            None => {
                kinds.beyond = kinds.beyond.saturating_add(1);
                None
            }
        }
    }

    /// Tells what was only counted, and forgets kinds that have become quiet, every second until
    /// `shutdown` is cancelled.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut second = tokio::time::interval(QUIET);
        while shutdown.run_until_cancelled(second.tick()).await.is_some() {
            self.tell_counted();
        }
        self.tell_counted();
    }

    fn tell_counted(&self) {
        let now = Instant::now();
        let mut due = Vec::new();
        let beyond = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.of.retain(|_, told| {
                if now.duration_since(told.at) < QUIET {
                    return true;
                }
                if told.more == 0 {
                    return false;
                }
                due.push(with_more(told.latest.clone(), told.more.saturating_sub(1)));
                (told.at, told.more) = (now, 0);
                true
            });
            std::mem::take(&mut kinds.beyond)
        };
        for event in due {
            self.tell(event);
        }
        if beyond > 0 {
            tracing::warn!(beyond, "denials of more kinds than are told apart");
        }
    }

    fn tell(&self, event: Event) {
        if let Some(What::Denied(denied)) = &event.what {
            tracing::info!(
                sandbox = event.sandbox,
                generation = event.generation,
                direction = denied.direction,
                address = denied.address,
                port = denied.port,
                host = denied.host,
                reason = denied.reason,
                entry = denied.entry,
                text = denied.text,
                more = denied.more,
                "denied"
            );
        }
        self.send(event);
    }

    fn send(&self, event: Event) {
        // An error says that nobody has subscribed.
        let _ = self.subscribers.send(event);
    }
}

fn event(sandbox: &str, generation: u64, what: What) -> Event {
    Event { sandbox: sandbox.into(), generation, time: Some(SystemTime::now().into()), what: Some(what) }
}

fn denied(denial: &Denial<'_>) -> Event {
    let denied = Denied {
        direction: denial.direction.as_str().into(),
        address: denial.address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
        port: denial.port.into(),
        host: denial.host.unwrap_or_default().into(),
        reason: denial.reason.into(),
        entry: denial.entry.map(place).unwrap_or_default(),
        text: denial.entry.map(|decided| decided.entry().to_string()).unwrap_or_default(),
        more: 0,
    };
    event(denial.sandbox, denial.generation, What::Denied(denied))
}

fn place(decided: DecidingEntry<'_>) -> String {
    format!("{}[{}]", decided.list(), decided.index())
}

fn with_more(mut event: Event, more: u64) -> Event {
    if let Some(What::Denied(denied)) = &mut event.what {
        denied.more = more;
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(port: u16, reason: &'static str) -> Denial<'static> {
        let direction = Direction::Egress;
        let address = "192.0.2.1".parse().ok();
        Denial { sandbox: "a", generation: 1, direction, address, port, host: None, reason, entry: None }
    }

    fn told(events: &mut broadcast::Receiver<Event>) -> Option<(u32, u64)> {
        match events.try_recv().ok()?.what? {
            What::Denied(denied) => Some((denied.port, denied.more)),
            What::Updated(_) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn denials_of_a_kind_are_told_once_a_second_and_all_are_counted() {
        let events = Events::default();
        let mut subscriber = events.subscribe();
        for port in 1..=5 {
            events.denied(&knock(port, "deny-entry"));
        }
        events.denied(&knock(9, "always-denied"));
        assert_eq!(told(&mut subscriber), Some((1, 0)));
        assert_eq!(told(&mut subscriber), Some((9, 0)), "another kind is not held back");
        assert_eq!(told(&mut subscriber), None);
        tokio::time::advance(QUIET).await;
        events.denied(&knock(6, "deny-entry"));
        assert_eq!(told(&mut subscriber), Some((6, 4)));
        events.denied(&knock(7, "deny-entry"));
        events.denied(&knock(8, "deny-entry"));
        assert_eq!(told(&mut subscriber), None);
        tokio::time::advance(QUIET).await;
        events.tell_counted();
        assert_eq!(told(&mut subscriber), Some((8, 1)), "what is counted is told, even if nothing follows");
    }

    #[tokio::test(start_paused = true)]
    async fn kinds_take_bounded_room_and_are_forgotten() {
        let events = Events::default();
        let names: Vec<String> = (0..KINDS.saturating_add(10)).map(|number| number.to_string()).collect();
        for name in &names {
            events.denied(&Denial { sandbox: name, ..knock(1, "deny-entry") });
        }
        assert_eq!(events.kinds.lock().unwrap().of.len(), KINDS);
        assert_eq!(events.kinds.lock().unwrap().beyond, 10);
        tokio::time::advance(QUIET).await;
        events.tell_counted();
        assert!(events.kinds.lock().unwrap().of.is_empty());
    }
}
