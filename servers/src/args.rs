//! The arguments of each command, and nothing else.

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use sandgate::Network;
use sandgate_api::Shape;
use sandgate_node_agent::KernelPart;
use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
};

/// Run the services of a sandbox platform.
#[derive(Debug, Parser)]
#[command(version, after_help = "The log goes to standard error; RUST_LOG says how much of it.")]
pub(crate) struct Arguments {
    /// The log for people, or one object of JSON a line.
    #[arg(long, global = true, env = "SANDGATE_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub(crate) enum Command {
    #[command(flatten)]
    Serve(Service),
    /// Start all three in a laboratory, and show that a policy is what happens.
    #[command(after_help = "Exit codes: 0 all was as expected, 1 something was not, 2 it could not be run.")]
    Demo(Demo),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Store sandboxes and their policies, and tell them to the node.
    Api(sandgate_api::Arguments),
    /// Run sandboxes and enforce their policies.
    Node(Node),
    /// Take requests from outside, and say where they come from.
    Edge(Edge),
}

#[derive(Debug, Args)]
pub(crate) struct Node {
    /// Where the control API is answered. Who reaches it commands the node.
    #[arg(long, env = "SANDGATE_NODE_LISTEN", default_value = "127.0.0.1:7000")]
    pub(crate) listen: SocketAddr,
    /// The directory in which it writes down what runs. One node, one directory.
    #[arg(long, env = "SANDGATE_NODE_STATE", value_name = "DIRECTORY")]
    pub(crate) state: PathBuf,
    /// Where sandboxes get their IPv4 addresses from; always denied by the guardrails.
    #[arg(long, env = "SANDGATE_POOL_IPV4", value_name = "CIDR", default_value = "10.213.0.0/16")]
    pub(crate) pool_ipv4: Network,
    /// The same for IPv6.
    #[arg(long, env = "SANDGATE_POOL_IPV6", value_name = "CIDR", default_value = "fd5a:9a7e::/112")]
    pub(crate) pool_ipv6: Network,
    /// Whether it goes on without namespaces and rules of the kernel.
    #[arg(long, env = "SANDGATE_NODE_KERNEL", value_enum, default_value = "required")]
    pub(crate) kernel: Kernel,
    /// What sandboxes send out of the node gets the node's address as its source.
    #[arg(long, env = "SANDGATE_MASQUERADE")]
    pub(crate) masquerade: bool,
    /// The port that connections decided by name are redirected to.
    #[arg(long, env = "SANDGATE_PROXY_PORT", value_name = "PORT", default_value = "7443")]
    pub(crate) proxy_port: NonZeroU16,
    /// Who is asked for the addresses of names. Without it, the name server of the guardrails.
    #[arg(long, env = "SANDGATE_NAME_SERVER", value_name = "ADDRESS")]
    pub(crate) name_server: Option<SocketAddr>,
    /// Where edges are answered: an address that only they reach. May be repeated.
    #[arg(long, env = "SANDGATE_INGRESS_LISTEN", value_delimiter = ',', default_value = "127.0.0.1:7080")]
    pub(crate) ingress_listen: Vec<SocketAddr>,
    #[command(flatten)]
    pub(crate) shape: Shape,
    #[command(flatten)]
    pub(crate) between: Between,
}

/// What edge and node have to agree upon.
#[derive(Debug, Args)]
#[command(next_help_heading = "The same for the node and the edge")]
pub(crate) struct Between {
    /// The domain below which sandboxes are: `{port}-{sandbox}.{domain}`.
    #[arg(long, env = "SANDGATE_DOMAIN")]
    pub(crate) domain: String,
    /// A file with the secret that an edge shows to a node.
    #[arg(long, env = "SANDGATE_EDGE_SECRET", value_name = "FILE")]
    pub(crate) edge_secret: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("client").args(["peer", "trusted_hops", "trusted_proxy"]).required(true).multiple(true))]
pub(crate) struct Edge {
    /// Where it listens. May be repeated.
    #[arg(long, env = "SANDGATE_EDGE_LISTEN", value_delimiter = ',', default_value = "127.0.0.1:8000")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where the node answers edges.
    #[arg(long, env = "SANDGATE_NODE_INGRESS", value_name = "ADDRESS", default_value = "127.0.0.1:7080")]
    pub(crate) node: SocketAddr,
    /// The client is the other end of the connection: nothing is in front of the edge.
    #[arg(long, env = "SANDGATE_CLIENT_PEER", help_heading = "Who the client is (one of them is needed)")]
    #[arg(conflicts_with_all = ["trusted_hops", "trusted_proxy"])]
    pub(crate) peer: bool,
    /// How many entries the balancers in front append to X-Forwarded-For after the client.
    #[arg(long, env = "SANDGATE_TRUSTED_HOPS", value_name = "N")]
    #[arg(help_heading = "Who the client is (one of them is needed)")]
    pub(crate) trusted_hops: Option<NonZeroUsize>,
    /// A network of proxies in front. May be repeated.
    #[arg(long, env = "SANDGATE_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    #[arg(help_heading = "Who the client is (one of them is needed)")]
    pub(crate) trusted_proxy: Vec<Network>,
    #[command(flatten)]
    pub(crate) between: Between,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Whether it goes on without namespaces and rules of the kernel.
    #[arg(long, value_enum, default_value = "if-possible")]
    pub(crate) kernel: Kernel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// It needs root or a user namespace, `ip` and `nft`.
    Required,
    /// Without it only requests into sandboxes are judged.
    IfPossible,
    /// It is not asked.
    Absent,
}

impl From<Kernel> for KernelPart {
    fn from(kernel: Kernel) -> Self {
        match kernel {
            Kernel::Required => Self::Required,
            Kernel::IfPossible => Self::IfPossible,
            Kernel::Absent => Self::Absent,
        }
    }
}
