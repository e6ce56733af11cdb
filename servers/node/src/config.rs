//! How a node agent is set up.

use crate::{Pools, egress, ingress};
use sandgate::{Options, nftables::Established};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The configuration of a node agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the control API is answered. Port 0: any that is free.
    ///
    /// Who reaches it commands the node: an address that only the platform reaches.
    pub listen: SocketAddr,
    /// Guardrails, capabilities and limits. The control API has to have the same.
    pub options: Options,
    /// Where sandboxes get their addresses from: networks that the guardrails always deny.
    ///
    /// Without the kernel nobody makes these addresses. Then only networks of the loopback
    /// (`127.64.0.0/16`) can be connected to.
    ///
    /// As many sandboxes can run as the pools have room for; with the kernel 900 at most, because a
    /// network namespace takes 1,022 tables with chains at a hook, and a change needs a second one.
    pub pools: Pools,
    /// The directory in which the agent writes down what runs, to know it after a crash. One
    /// agent, one directory.
    pub state: PathBuf,
    /// What the names of interfaces and namespaces begin with; a number follows. Everything on
    /// this machine whose name is made so belongs to the agent: leftovers are removed.
    pub prefix: String,
    /// Whether the kernel takes part.
    pub kernel: KernelPart,
    /// What becomes of open connections when a policy changes.
    pub established: Established,
    /// The group of netlink logging by which the agent hears what the kernel denies, to tell it as
    /// events. Nobody else in the node's network namespace may listen to it. `None`: it is not told.
    pub log_group: Option<u16>,
    /// Whether what sandboxes send out of the node gets the node's address as its source.
    pub masquerade: bool,
    /// Whether sandboxes have a `resolv.conf` of their own, with the guardrails' name server.
    pub resolv_conf: bool,
    /// The egress proxy: every address that it listens on has the same port, and all interfaces are
    /// among them (`0.0.0.0` and `[::]`). `None`: TCP that a name may allow is dropped.
    pub egress: Option<egress::Config>,
    /// The ingress proxy. `None`: only the kernel lets anybody in.
    pub ingress: Option<ingress::Config>,
    /// Whether sandboxes end when the agent does. Otherwise they stay, enforced by the kernel, and
    /// the next agent takes them over.
    pub remove_on_stop: bool,
    /// The program `ip`.
    pub ip: PathBuf,
    /// The program `nft`.
    pub nft: PathBuf,
    /// How long one run of either may take.
    pub command_time: Duration,
}

impl Config {
    /// The group of netlink logging, unless another is chosen: a number that nobody else has by default.
    pub const LOG_GROUP: u16 = 9_317;

    /// The defaults: any port of the loopback, the kernel if possible, open connections are
    /// judged again when the policy changes.
    #[must_use]
    pub fn new(options: Options, pools: Pools, state: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            options,
            pools,
            state,
            prefix: "sbx".into(),
            kernel: KernelPart::IfPossible,
            established: Established::Recheck,
            log_group: Some(Self::LOG_GROUP),
            masquerade: false,
            resolv_conf: true,
            egress: None,
            ingress: None,
            remove_on_stop: false,
            ip: "ip".into(),
            nft: "nft".into(),
            command_time: Duration::from_secs(30),
        }
    }
}

/// Whether the kernel takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelPart {
    /// Without it the agent does not start.
    Required,
    /// Without it the agent says so in its log, and does the rest.
    IfPossible,
    /// It is not asked.
    Absent,
}
