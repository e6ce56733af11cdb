//! The arguments of each command, and nothing else.

use clap::{Args, Parser, Subcommand, ValueEnum};
use sandgate::nftables::InterfaceName;
use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
};

/// Check, decide and format the network policy of a sandbox.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "A policy is a JSON document with the lists allowOut, denyOut, allowIn and denyIn.\n\
    Exit codes: 0 yes, 1 no, 2 the question could not be answered, 3 allowed by name."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report everything that is wrong or doubtful in a policy.
    #[command(after_help = "Exit codes: 0 valid, 1 not valid, 2 usage or input error.")]
    Check(Check),
    /// Report what is wrong or doubtful in policies, and what they do that their lists do not show.
    #[command(after_help = "Exit codes: 0 nothing found, 1 something found, 2 usage or input error.")]
    Lint(Lint),
    /// Print the fingerprint of a policy: the same for documents that differ in order and spelling only.
    #[command(after_help = "Exit codes: 0 printed, 2 not valid, usage or input error.")]
    Fingerprint(Fingerprint),
    /// Say what a policy does with traffic, and why.
    #[command(after_help = "Exit codes: 0 allow, 1 deny, 2 no decision (treat it as deny), 3 allow by name.\n\
        In batch mode: 0 if every query was decided, 2 otherwise.")]
    Decide(Decide),
    /// Say step by step why a policy answers as it does, and what would change the answer.
    #[command(after_help = "Exit codes: 0 allow, 1 deny, 2 no decision (treat it as deny), 3 allow by name.")]
    Explain(Explain),
    /// Say what traffic a change of a policy changes, and whether it lets more through.
    #[command(after_help = "Exit codes: 0 compared, 1 more is let through (--fail-on-widen), 2 usage or input error.")]
    Diff(Diff),
    /// Ask policies what their expectation files say they must answer.
    #[command(after_help = "Exit codes: 0 all as expected, 1 not all, 2 usage or input error.")]
    Test(Test),
    /// Draw what a policy, or a change of one, does with every IPv4 address, as SVG.
    #[command(after_help = "Exit codes: 0 drawn, 2 not valid, usage, input or output error.")]
    Map(Map),
    /// Print a policy as rules of nftables, one transaction for `nft -f -`.
    #[command(
        after_help = "With --interface the rules stand on the node; without, in the network namespace of the sandbox.\n\
        Exit codes: 0 printed or accepted, 1 refused by nft (--check), 2 not valid, usage or input error."
    )]
    Nft(Nft),
    /// Rewrite entries to their canonical text. Everything else stays as it is.
    #[command(
        after_help = "Exit codes: 0 done or nothing to do, 1 not canonical (--check) or not valid, 2 usage or input error."
    )]
    Fmt(Fmt),
    /// Rewrite a legacy policy to a strict one where its meaning is certain, and say what changes.
    #[command(after_help = "Always repaired: leading zeros, upper case, trailing dots, repeated entries.\n\
        Exit codes: 0 done or nothing to do, 1 something to do (--check) or to decide, 2 usage or input error.")]
    Fix(Fix),
    /// Derive the client address of a request.
    #[command(after_help = "Without --trusted-hops and --trusted-proxy the peer is the client.\n\
        Exit codes: 0 derived or unknown, 2 usage error.")]
    ClientIp(ClientIp),
    /// Print the JSON Schema of a document.
    Schema {
        /// Which document.
        #[arg(value_enum, default_value = "config")]
        document: Document,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Read the document as a network update.
    #[arg(long)]
    pub(crate) update: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The policies; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// For people, for programs, or for tools that annotate the line.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ReviewFormat,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewFormat {
    Text,
    /// One object a line.
    Json,
    /// Annotations as workflows of GitHub print them.
    Github,
    Sarif,
}

#[derive(Debug, Args)]
pub(crate) struct Fingerprint {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print the text that the fingerprint is the SHA-256 of.
    #[arg(long)]
    pub(crate) text: bool,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("question").required(true).args(["client", "address", "batch"]))]
pub(crate) struct Decide {
    /// The policy; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Ingress from this client. What is not an address is the unknown client.
    #[arg(long = "in", value_name = "CLIENT", requires = "port")]
    pub(crate) client: Option<String>,
    /// Egress to this address.
    #[arg(long = "out", value_name = "ADDRESS", requires = "port")]
    pub(crate) address: Option<String>,
    /// The port of the sandbox or of the destination; 0 for traffic without one.
    #[arg(long, value_name = "N", conflicts_with = "batch")]
    pub(crate) port: Option<u16>,
    /// The Host header of the egress request.
    #[arg(long, value_name = "NAME", requires = "address", conflicts_with = "sni")]
    pub(crate) host: Option<String>,
    /// The TLS server name of the egress connection.
    #[arg(long, value_name = "NAME", requires = "address")]
    pub(crate) sni: Option<String>,
    /// Queries, one JSON object a line; `-` is standard input.
    #[arg(long, value_name = "QUERIES.jsonl")]
    pub(crate) batch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("direction").required(true).args(["client", "address"]))]
pub(crate) struct Explain {
    /// The policy; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Ingress from this client. What is not an address is the unknown client.
    #[arg(long = "in", value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    /// Egress to this address.
    #[arg(long = "out", value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// The port of the sandbox or of the destination; 0 for traffic without one.
    #[arg(long, value_name = "N")]
    pub(crate) port: u16,
    /// The Host header of the egress request.
    #[arg(long, value_name = "NAME", requires = "address", conflicts_with = "sni")]
    pub(crate) host: Option<String>,
    /// The TLS server name of the egress connection.
    #[arg(long, value_name = "NAME", requires = "address")]
    pub(crate) sni: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The policy as it was; `-` is standard input.
    pub(crate) old: PathBuf,
    /// The policy as it will be; `-` is standard input.
    pub(crate) new: PathBuf,
    /// End with 1 if anything is let through that was not before.
    #[arg(long)]
    pub(crate) fail_on_widen: bool,
    /// For people, for programs, or for tools that annotate the line.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ReviewFormat,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The expectation files; `-` is standard input. The policy of each is looked for beside it.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Show every question, not only those that are answered otherwise than expected.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Map {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Draw what is different from this policy; `-` is standard input.
    #[arg(long, value_name = "OLD")]
    pub(crate) diff: Option<PathBuf>,
    /// What the sandbox may reach, or who may reach it.
    #[arg(long, value_enum, default_value = "egress")]
    pub(crate) direction: Way,
    /// Where the picture is written; `-` is standard output.
    #[arg(short, long, value_name = "FILE.svg", default_value = "-")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    Egress,
    Ingress,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub(crate) struct Nft {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The node's end of the link to the sandbox.
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Option<InterfaceName>,
    /// Where TCP goes that a domain pattern may allow: a port of the node.
    #[arg(long, value_name = "N", requires = "interface")]
    pub(crate) proxy_port: Option<NonZeroU16>,
    /// Whether open connections go on, or every packet is judged again.
    #[arg(long, value_enum, default_value = "keep")]
    pub(crate) established: Established,
    /// Count the packets of each verdict and reason.
    #[arg(long)]
    pub(crate) counters: bool,
    /// Log what is denied in the log of the kernel.
    #[arg(long)]
    pub(crate) log: bool,
    /// Log what is denied to a group of netlink logging.
    #[arg(long, value_name = "N", conflicts_with = "log")]
    pub(crate) log_group: Option<u16>,
    /// Leave out which entries the elements of sets come from.
    #[arg(long)]
    pub(crate) no_comments: bool,
    /// Which of the place's two tables the rules stand in.
    #[arg(long, value_enum, default_value = "first")]
    pub(crate) turn: Turn,
    /// Print one step of a replacement while packets flow: this table in the place of the other.
    #[arg(long, value_enum)]
    pub(crate) step: Option<Step>,
    /// Print nothing; ask `nft -c` whether it would take the rules.
    #[arg(long, conflicts_with_all = ["json", "format", "step"])]
    pub(crate) check: bool,
    /// The same as `--format json`, for `nft -j -f -`.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Turn {
    First,
    Second,
}

impl From<Turn> for sandgate::nftables::Turn {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::First => Self::First,
            Turn::Second => Self::Second,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The table and its sets, which no packet comes to yet.
    Prepare,
    /// What makes packets come there, beside the old rules.
    Enforce,
    /// The end of the old rules.
    Retire,
}

impl From<Step> for sandgate::nftables::Step {
    fn from(step: Step) -> Self {
        match step {
            Step::Prepare => Self::Prepare,
            Step::Enforce => Self::Enforce,
            Step::Retire => Self::Retire,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Established {
    Keep,
    Recheck,
}

impl From<Established> for sandgate::nftables::Established {
    fn from(established: Established) -> Self {
        match established {
            Established::Keep => Self::Keep,
            Established::Recheck => Self::Recheck,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print nothing; say whether the entries are canonical.
    #[arg(long, conflicts_with = "write")]
    pub(crate) check: bool,
    /// Write the result back to the file.
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// The policy; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Remove entries that another entry of their list covers.
    #[arg(long)]
    pub(crate) minimize: bool,
    /// What an address with bits beyond its prefix length means, such as `10.1.2.3/8`.
    #[arg(long, value_enum, value_name = "MEANING")]
    pub(crate) host_bits: Option<HostBits>,
    /// Print only what would change; say whether anything would.
    #[arg(long, conflicts_with = "write")]
    pub(crate) check: bool,
    /// Write the result back to the file.
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) platform: Platform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostBits {
    /// The network that it lies in: `10.0.0.0/8`.
    Network,
    /// The address alone: `10.1.2.3/32`.
    Address,
}

#[derive(Debug, Args)]
pub(crate) struct ClientIp {
    /// The address at the other end of the connection.
    #[arg(long, value_name = "ADDRESS", value_parser = peer)]
    pub(crate) peer: IpAddr,
    /// An X-Forwarded-For header line; repeat it in the order received.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub(crate) xff: Vec<String>,
    /// How many entries the trusted balancers append after the client.
    #[arg(long, value_name = "N")]
    pub(crate) trusted_hops: Option<NonZeroUsize>,
    /// A network of trusted proxies; may be repeated.
    #[arg(long, value_name = "CIDR")]
    pub(crate) trusted_proxy: Vec<sandgate::Network>,
    #[command(flatten)]
    pub(crate) output: Output,
}

fn peer(text: &str) -> Result<IpAddr, String> {
    sandgate::parse_address(text).ok_or_else(|| "an IPv4 or IPv6 address belongs here, without a port".into())
}

/// How the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What the platform that runs the policy decides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Platform")]
pub(crate) struct Platform {
    /// Compile without the operator's layer.
    #[arg(long, conflicts_with = "guardrails")]
    pub(crate) no_guardrails: bool,
    /// Read the operator's layer from a guardrails document; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) guardrails: Option<PathBuf>,
    /// Accept ports in allowOut and denyOut.
    #[arg(long)]
    pub(crate) egress_ports: bool,
    /// Accept IPv6 in allowIn, and judge IPv6 clients by the lists.
    #[arg(long)]
    pub(crate) ipv6_ingress: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Document {
    Config,
    Update,
}
