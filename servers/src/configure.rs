//! From arguments to the configuration of a service.

use crate::args::{Between, Edge, Node};
use sandgate::ClientAddress;
use sandgate_edge::{Secret, Timeouts};
use sandgate_node_agent::{InvalidPool, Pools, egress, ingress};
use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};
use thiserror::Error;

/// Connections and requests that an edge and a node take at a time.
const CONNECTIONS: usize = 16_384;
/// How many of them one client of the edge may have, which may be a balancer, and one sandbox.
const OF_ONE: usize = 4096;

/// Why arguments are no configuration.
#[derive(Debug, Error)]
pub(crate) enum ConfigureError {
    #[error(transparent)]
    Shape(#[from] sandgate_api::ConfigError),
    #[error(transparent)]
    Pool(#[from] InvalidPool),
    #[error("{file} cannot be read: {error}")]
    Secret { file: String, error: io::Error },
    #[error("the secret in {0} has fewer than 16 characters")]
    ShortSecret(String),
    #[error("names need a name server: give --name-server, or guardrails that have one")]
    NameServer,
}

impl TryFrom<Node> for sandgate_node_agent::Config {
    type Error = ConfigureError;

    fn try_from(arguments: Node) -> Result<Self, ConfigureError> {
        let options = arguments.shape.options()?;
        let of_guardrails = options.guardrails.name_server.map(|server| SocketAddr::new(server.address, server.port));
        let name_server = arguments.name_server.or(of_guardrails).ok_or(ConfigureError::NameServer)?;
        let port = arguments.proxy_port.get();
        let proxy = vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()];
        let edge_secret = arguments.between.secret()?;
        let pools = Pools::new(arguments.pool_ipv4, arguments.pool_ipv6)?;
        Ok(Self {
            listen: arguments.listen,
            kernel: arguments.kernel.into(),
            masquerade: arguments.masquerade,
            egress: Some(egress::Config::new(proxy, name_server)),
            ingress: Some(ingress::Config {
                listen: arguments.ingress_listen,
                domain: arguments.between.domain,
                edge_secret,
                connections: CONNECTIONS,
                connections_per_peer: CONNECTIONS,
                requests_per_sandbox: OF_ONE,
                timeouts: Timeouts::default(),
            }),
            ..Self::new(options, pools, arguments.state)
        })
    }
}

impl TryFrom<Edge> for sandgate_edge::Config {
    type Error = ConfigureError;

    fn try_from(arguments: Edge) -> Result<Self, ConfigureError> {
        let proxies = Some(arguments.trusted_proxy).filter(|proxies| !proxies.is_empty());
        let client_address = match (arguments.trusted_hops, proxies) {
            (Some(hops), proxies) => ClientAddress::TrustedHops { hops, proxies },
            (None, Some(proxies)) => ClientAddress::TrustedProxies(proxies),
            (None, None) => ClientAddress::Peer,
        };
        let secret = arguments.between.secret()?;
        Ok(Self {
            listen: arguments.listen,
            domain: arguments.between.domain,
            client_address,
            secret,
            connections: CONNECTIONS,
            connections_per_peer: OF_ONE,
            timeouts: Timeouts::default(),
        })
    }
}

impl Between {
    fn secret(&self) -> Result<Secret, ConfigureError> {
        let file = || self.edge_secret.display().to_string();
        let text = fs::read_to_string(&self.edge_secret);
        let text = text.map_err(|error| ConfigureError::Secret { file: file(), error })?;
        match text.trim_end_matches(['\r', '\n']) {
            // Shorter ones can be guessed.
            secret if secret.len() >= 16 => Ok(Secret::new(secret)),
            _ => Err(ConfigureError::ShortSecret(file())),
        }
    }
}
