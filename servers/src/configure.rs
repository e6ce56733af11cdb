//! From arguments to the configuration of a service.

use crate::{
    args::{Between, Edge, Node},
    descriptors::{self, Connections, TooFew},
};
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
    #[error(transparent)]
    Descriptors(#[from] TooFew),
    #[error("{file} cannot be read: {error}")]
    Secret { file: String, error: io::Error },
    #[error("the secret in {0} has fewer than 16 characters")]
    ShortSecret(String),
    #[error("names need a name server: give --name-server, or guardrails that have one")]
    NameServer,
}

/// The node that arguments describe, within a limit of open files.
pub(crate) fn node(arguments: Node, limit: usize) -> Result<sandgate_node_agent::Config, ConfigureError> {
    let options = arguments.shape.options()?;
    let of_guardrails = options.guardrails.name_server.map(|server| SocketAddr::new(server.address, server.port));
    let name_server = arguments.name_server.or(of_guardrails).ok_or(ConfigureError::NameServer)?;
    let port = arguments.proxy_port.get();
    let proxy = vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()];
    let edge_secret = arguments.between.secret()?;
    let pools = Pools::new(arguments.pool_ipv4, arguments.pool_ipv6)?;
    let mut egress = egress::Config::new(proxy, name_server);
    let mut ingress = ingress::Config {
        listen: arguments.ingress_listen,
        domain: arguments.between.domain,
        edge_secret,
        connections: CONNECTIONS,
        connections_per_peer: CONNECTIONS,
        requests_per_sandbox: OF_ONE,
        timeouts: Timeouts::default(),
    };
    let kinds = &mut [
        Connections {
            total: &mut egress.connections,
            of_one: &mut egress.connections_per_sandbox,
            // Both sides; or one side, and two questions for the addresses of its name.
            descriptors: 3,
        },
        Connections { total: &mut ingress.connections, of_one: &mut ingress.requests_per_sandbox, descriptors: 2 },
    ];
    descriptors::fit(limit, kinds)?;
    Ok(sandgate_node_agent::Config {
        listen: arguments.listen,
        kernel: arguments.kernel.into(),
        masquerade: arguments.masquerade,
        egress: Some(egress),
        ingress: Some(ingress),
        ..sandgate_node_agent::Config::new(options, pools, arguments.state)
    })
}

/// The edge that arguments describe, within a limit of open files.
pub(crate) fn edge(arguments: Edge, limit: usize) -> Result<sandgate_edge::Config, ConfigureError> {
    let proxies = Some(arguments.trusted_proxy).filter(|proxies| !proxies.is_empty());
    let client_address = match (arguments.trusted_hops, proxies) {
        (Some(hops), proxies) => ClientAddress::TrustedHops { hops, proxies },
        (None, Some(proxies)) => ClientAddress::TrustedProxies(proxies),
        (None, None) => ClientAddress::Peer,
    };
    let mut config = sandgate_edge::Config {
        listen: arguments.listen,
        domain: arguments.between.domain.clone(),
        client_address,
        secret: arguments.between.secret()?,
        connections: CONNECTIONS,
        connections_per_peer: OF_ONE,
        timeouts: Timeouts::default(),
    };
    let (total, of_one) = (&mut config.connections, &mut config.connections_per_peer);
    descriptors::fit(limit, &mut [Connections { total, of_one, descriptors: 2 }])?;
    Ok(config)
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
