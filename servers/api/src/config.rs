//! What the service is told when it starts.

use crate::{
    control::Times,
    keys::{KeyError, Keys},
};
use clap::Args;
use sandgate::{Capabilities, Guardrails, Options, Report};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the service is told when it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database's URL: of SQLite or of PostgreSQL.
    pub database: String,
    /// The node's URI.
    pub node: String,
    /// Who may ask.
    pub keys: Keys,
    /// What shapes every policy; the same as the node's.
    pub options: Options,
    /// How long things take at most.
    pub times: Times,
}

/// The same, as arguments of a command.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, env = "SANDGATE_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The database: `sqlite:FILE`, or `postgres://USER@HOST/NAME` where several instances share
    /// the load.
    #[arg(long, env = "SANDGATE_API_DATABASE", default_value = "sqlite:sandgate.db", hide_env_values = true)]
    pub database: String,
    /// The node's URI.
    #[arg(long, env = "SANDGATE_NODE", default_value = "http://127.0.0.1:7000")]
    pub node: String,
    /// An API key and its team, as `team:key`. May be repeated. Others can see the arguments of a
    /// command: a file is better.
    #[arg(long = "key", value_name = "TEAM:KEY")]
    pub keys: Vec<String>,
    /// A file of API keys, one a line, as `team:key`.
    #[arg(long, env = "SANDGATE_API_KEYS", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// What shapes every policy.
    #[command(flatten)]
    pub shape: Shape,
    /// Milliseconds that a call of the node may take.
    #[arg(long, value_name = "MS", default_value_t = 3000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub node_time: u64,
    /// Milliseconds between two comparisons of what is stored with what the node runs.
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    pub reconcile_time: u64,
}

/// What shapes every policy: the same arguments for the API and the node, which have to agree.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The same for the API and the node")]
pub struct Shape {
    /// A guardrails document.
    #[arg(long, env = "SANDGATE_GUARDRAILS", value_name = "FILE")]
    pub guardrails: Option<PathBuf>,
    /// Entries of `allowOut` and `denyOut` may have ports.
    #[arg(long, env = "SANDGATE_EGRESS_PORTS")]
    pub egress_ports: bool,
    /// Entries of `allowIn` may be IPv6.
    #[arg(long, env = "SANDGATE_IPV6_INGRESS")]
    pub ipv6_ingress: bool,
}

impl Shape {
    /// Reads the guardrails.
    ///
    /// # Errors
    ///
    /// The document cannot be read, or is not valid.
    pub fn options(&self) -> Result<Options, ConfigError> {
        let guardrails = match &self.guardrails {
            Some(file) => Guardrails::from_json(&read(file)?).map_err(ConfigError::Guardrails)?,
            None => Guardrails::default(),
        };
        let capabilities = Capabilities { egress_ports: self.egress_ports, ipv6_ingress: self.ipv6_ingress };
        Ok(Options { guardrails, capabilities, ..Options::default() })
    }
}

/// Why arguments are no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {error}")]
    File {
        /// The file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// A key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody could ask for anything.
    #[error("there is no API key: give one with --key or --key-file")]
    NoKey,
    /// The guardrails are not valid.
    #[error("the guardrails are not valid: {0}")]
    Guardrails(Report),
}

impl TryFrom<Arguments> for Config {
    type Error = ConfigError;

    fn try_from(arguments: Arguments) -> Result<Self, ConfigError> {
        let mut lines = arguments.keys.join("\n");
        if let Some(file) = &arguments.key_file {
            lines.push('\n');
            lines.push_str(&read(file)?);
        }
        let keys = Keys::from_lines(lines.lines())?;
        if keys.is_empty() {
            return Err(ConfigError::NoKey);
        }
        Ok(Self {
            listen: arguments.listen,
            database: arguments.database,
            node: arguments.node,
            keys,
            options: arguments.shape.options()?,
            times: Times {
                call: Duration::from_millis(arguments.node_time),
                reconcile: Duration::from_millis(arguments.reconcile_time),
                ..Times::default()
            },
        })
    }
}

fn read(file: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(file).map_err(|error| ConfigError::File { file: file.display().to_string(), error })
}
