//! What the kernel denies, told as events.
//!
//! The rules log what they drop. The log says which packet and why; which entry that was, and of which
//! sandbox, the policy is asked.

use super::logged::{Group, Logged};
use crate::{
    config::Config,
    events::{Denial, Direction, Events, NO_TOKEN},
    registry::Registry,
};
use sandgate::{Destination, nftables::Class};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Listens to what the rules log.
#[derive(Debug)]
pub(crate) struct Denials {
    group: Group,
    number: u16,
}

/// How often it is read what was logged.
const OFTEN: Duration = Duration::from_millis(100);
/// How many packets are read at a time. Of a flood, more are missed and counted.
const PORTION: usize = 1000;

/// How long after it was said that packets were missed it is said again.
const QUIET: Duration = Duration::from_secs(1);

/// What is said of a packet that is only forwarded to a sandbox without public traffic.
pub(super) const NO_TOKEN_PREFIX: &str = "sandgate ingress deny traffic-access-token";

impl Denials {
    /// Listens, if it is wanted. Where that is impossible, what is denied is denied all the same.
    pub(crate) fn listen(config: &Config) -> Option<Self> {
        let number = config.log_group?;
        match Group::listen(number) {
            Ok(group) => Some(Self { group, number }),
            Err(error) => {
                tracing::error!(group = number, %error, "what the kernel denies is not told: nobody can listen to it");
                None
            }
        }
    }

    /// The group that the rules are to log to.
    pub(crate) const fn group(&self) -> u16 {
        self.number
    }

    /// Tells what is denied, until `shutdown` is cancelled.
    pub(crate) async fn run(mut self, registry: Arc<Registry>, events: Arc<Events>, shutdown: CancellationToken) {
        let mut again = tokio::time::interval(OFTEN);
        let (mut missed, mut said) = (0_u64, Instant::now());
        while shutdown.run_until_cancelled(again.tick()).await.is_some() {
            let portion = match self.group.read(PORTION) {
                Ok(portion) => portion,
                Err(error) => {
                    tracing::error!(%error, "what the kernel denies is not told any more");
                    return;
                }
            };
            for logged in &portion.packets {
                tell(logged, &registry, &events);
            }
            missed = missed.saturating_add(portion.missed);
            if missed > 0 && said.elapsed() >= QUIET {
                tracing::warn!(missed, "the kernel denied more packets than are told");
                (missed, said) = (0, Instant::now());
            }
        }
    }
}

/// Tells one. Of a sandbox that has gone meanwhile nothing is told.
fn tell(logged: &Logged, registry: &Registry, events: &Events) {
    let (from, to) = logged.ports.unwrap_or_default();
    let (own, peer) = if logged.is_before_routing {
        ((logged.source, from), (logged.destination, to))
    } else {
        ((logged.destination, to), (logged.source, from))
    };
    let Some(sandbox) = registry.by_address(own.0) else { return };
    let enforced = sandbox.enforced.load_full();
    // Answers are judged as what they answer to, so the way of a packet does not say the direction.
    let denial = |direction, port, reason| Denial {
        sandbox: &sandbox.id,
        generation: enforced.generation,
        direction,
        address: Some(peer.0),
        port,
        host: None,
        reason,
        entry: None,
    };
    if logged.prefix.trim_end() == NO_TOKEN_PREFIX {
        return events.denied(&denial(Direction::Ingress, own.1, NO_TOKEN));
    }
    let Some(Class { direction, reason: Some(reason), .. }) = Class::from_log(&logged.prefix) else { return };
    let (denial, decision) = match direction {
        sandgate::Direction::Egress => {
            let decision = enforced.policy.decide_egress(&Destination::new(peer.0, peer.1));
            (denial(Direction::Egress, peer.1, reason.as_str()), decision)
        }
        sandgate::Direction::Ingress => {
            let decision = enforced.policy.decide_ingress(Some(peer.0), own.1);
            (denial(Direction::Ingress, own.1, reason.as_str()), decision)
        }
    };
    // Another policy may be enforced by now, and its entries have denied nothing yet.
    events.denied(&if decision.reason() == reason { denial.by(&decision) } else { denial });
}
