//! What the kernel of the node enforces, and how it is told.
//!
//! ```text
//!     mod.rs        a sandbox in the kernel, from its link to its rules
//!     replace.rs    one policy in the place of another, while packets flow
//!     tables.rs     which tables there are, and which of a sandbox's two has its rules
//!     batch.rs      transactions of several sandboxes as one
//!     logged.rs     packets that the kernel logs         denials.rs    ... told as events
//!     base.rs       the rules that hold for every sandbox, whatever its policy is
//! ```
//!
//! A sandbox is connected after its rules are there, and its rules go after its link is gone.

mod base;
mod batch;
mod denials;
mod logged;
mod replace;
mod tables;

use crate::{
    config::{Config, KernelPart},
    registry::Enforced,
    sandbox::{Failure, Link, Namespaces, Program},
};
use base::Base;
use batch::Batch;
pub(crate) use denials::Denials;
use sandgate::{
    Policy,
    nftables::{Established, Log, Place, RuleSet, Settings, Turn, lower},
};
use std::{collections::BTreeSet, fs, num::NonZeroU16, sync::Arc};
use tables::InForce;
use tokio::{process::Command, sync::Semaphore, task::spawn_blocking};

/// The kernel, if it takes part.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// Each sandbox is a namespace, and its policy is rules.
    Present(Box<Rules>),
    /// Sandboxes are addresses. Only the proxies judge.
    Absent,
}

/// The rules of the node.
#[derive(Debug)]
pub(crate) struct Rules {
    namespaces: Namespaces,
    nft: Program,
    batch: Batch,
    in_force: InForce,
    /// Places for second tables.
    replacing: Semaphore,
    base: Base,
    log: Log,
    established: Established,
    proxy_port: Option<NonZeroU16>,
}

impl Kernel {
    /// The kernel, if the configuration wants it and it can be had.
    ///
    /// What is denied is logged to the group, if there is one.
    pub(crate) async fn find(
        config: &Config,
        proxy_port: Option<NonZeroU16>,
        log_group: Option<u16>,
    ) -> Result<Self, Failure> {
        if config.kernel == KernelPart::Absent {
            tracing::warn!("the kernel takes no part: sandboxes have no namespaces, and only the proxies judge");
            return Ok(Self::Absent);
        }
        let ip = Program::new(&config.ip, config.command_time);
        let name_server = config.options.guardrails.name_server.filter(|_| config.resolv_conf);
        let rules = Rules {
            namespaces: Namespaces {
                ip: ip.clone(),
                resolv_conf: name_server.map(|server| format!("nameserver {}\n", server.address)),
            },
            nft: ip.beside(&config.nft),
            batch: Batch::new(ip.beside(&config.nft)),
            in_force: InForce::default(),
            replacing: Semaphore::new(REPLACED),
            base: Base::new(config, proxy_port, log_group),
            log: log_group.map_or(Log::Off, Log::Group),
            established: config.established,
            proxy_port,
        };
        match rules.try_out(&config.prefix).await {
            Ok(()) => Ok(Self::Present(Box::new(rules))),
            Err(failure) if config.kernel == KernelPart::IfPossible => {
                tracing::warn!(
                    "the kernel takes no part, because it needs root or a user namespace ({failure}): \
                     sandboxes have no namespaces, and only the proxies judge"
                );
                Ok(Self::Absent)
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) const fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// How many sandboxes there can be.
    pub(crate) const fn most(&self) -> usize {
        if self.is_present() { SANDBOXES } else { usize::MAX }
    }

    /// Makes a sandbox and connects it, with its policy in force.
    pub(crate) async fn plug(&self, link: &Link, enforced: &Arc<Enforced>) -> Result<(), Failure> {
        let Self::Present(rules) = self else { return Ok(()) };
        rules.namespaces.make(link).await?;
        let lowered = rules.lowered(link, Turn::First, enforced).await?;
        rules.load(format!("{}{lowered}", rules.base.admit(link, &enforced.policy))).await?;
        rules.in_force.put(link, Turn::First);
        rules.namespaces.connect(link).await
    }

    /// Removes a sandbox. What is not there is removed already.
    pub(crate) async fn unplug(&self, link: &Link) -> Result<(), Failure> {
        let Self::Present(rules) = self else { return Ok(()) };
        rules.in_force.take(link);
        rules.namespaces.remove(link.name.as_str()).await?;
        let gone = TURNS.map(|turn| deletion(&rules.settings(link, turn).table())).concat();
        rules.load(format!("{}{gone}", rules.base.dismiss(link))).await
    }

    /// The links of sandboxes that run, and those of which something is left.
    pub(crate) async fn look(&self, prefix: &str) -> Result<(BTreeSet<u32>, BTreeSet<u32>), Failure> {
        let Self::Present(rules) = self else { return Ok(Default::default()) };
        let slots = |names: &BTreeSet<String>| -> BTreeSet<u32> {
            names.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect()
        };
        let namespaces = slots(&rules.namespaces.names(prefix).await?);
        let links = slots(&rules.namespaces.links(prefix).await?);
        let tables = rules.tables().await?.all;
        let of_sandboxes =
            |table: &String| Some(table.strip_prefix("sandgate")?.trim_start_matches('2').strip_prefix('_')?.into());
        let tables = slots(&tables.iter().filter_map(of_sandboxes).collect());
        let run = namespaces.intersection(&links).copied().collect();
        Ok((run, namespaces.into_iter().chain(links).chain(tables).collect()))
    }

    /// Prepares the node for these sandboxes and no others.
    pub(crate) async fn prepare(&self, sandboxes: &[(&Link, &Policy)]) -> Result<(), Failure> {
        let Self::Present(rules) = self else { return Ok(()) };
        let tables = rules.tables().await?;
        rules.renew_base(&tables, sandboxes).await?;
        for (link, _) in sandboxes {
            // Of what an agent left in good order, the kernel is not asked for each.
            if let Some(turn) = tables.only(&TURNS.map(|turn| rules.settings(link, turn).table())) {
                rules.in_force.put(link, turn);
            }
        }
        for path in FORWARDING {
            // What is set already may be in a file system that cannot be written to.
            if fs::read_to_string(path).is_ok_and(|value| value.trim() == "1") {
                continue;
            }
            fs::write(path, "1").map_err(|error| Failure::Io { program: path.into(), error })?;
        }
        Ok(())
    }

    /// A program that will run in the sandbox, or, without the kernel, beside it.
    pub(crate) fn command(&self, link: &Link, program: &str) -> Command {
        match self {
            Self::Present(rules) => rules.namespaces.command(link.name.as_str(), program),
            Self::Absent => Command::new(program),
        }
    }
}

/// The most sandboxes of a node. A network namespace has room for 1,022 tables with chains at a hook:
/// one for each sandbox, another for each whose rules are being replaced, and those of the node.
const SANDBOXES: usize = 900;
/// How many sandboxes' rules are replaced at a time.
const REPLACED: usize = 64;

/// The two tables that a sandbox's rules can be in.
const TURNS: [Turn; 2] = [Turn::First, Turn::Second];

/// Deletes a table, whether it is there or not.
fn deletion(table: &str) -> String {
    format!("add table inet {table}\ndelete table inet {table}\n")
}

/// What makes the node a router.
const FORWARDING: [&str; 2] = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];

impl Rules {
    /// Whether namespaces and rules can be made here: by making some.
    async fn try_out(&self, prefix: &str) -> Result<(), Failure> {
        let probe = format!("{prefix}probe");
        self.load(deletion(&probe)).await?;
        self.namespaces.remove(&probe).await?;
        self.namespaces.ip.run(&["netns", "add", &probe], "").await?;
        self.namespaces.remove(&probe).await
    }

    fn settings(&self, link: &Link, turn: Turn) -> Settings {
        let place = Place::interface(link.name.clone(), self.proxy_port);
        Settings {
            established: self.established,
            // The ingress proxy judges the client, and connects from the node's end of the link.
            ingress_proxies: vec![link.node_ipv4.into(), link.node_ipv6.into()],
            turn,
            log: self.log,
            ..Settings::new(place)
        }
    }

    /// The rules of a policy. For very many entries that is work which must not hold up others.
    async fn lowered(&self, link: &Link, turn: Turn, enforced: &Arc<Enforced>) -> Result<RuleSet, Failure> {
        let (settings, enforced) = (self.settings(link, turn), Arc::clone(enforced));
        let lowered = spawn_blocking(move || lower(&enforced.policy, &settings)).await;
        lowered.map_err(|error| Failure::NotRun { program: "lowering".into(), error: error.into() })
    }

    async fn load(&self, rules: String) -> Result<(), Failure> {
        self.batch.load(rules).await
    }
}
