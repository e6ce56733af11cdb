//! Where the demonstration happens: in a laboratory, or on the loopback if there is none.

use super::{DemoError, scene::socket};
use sandgate::{Capabilities, Guardrails, Network, Options};
use sandgate_lab::{Client, Lab, LabError, NAME_SERVER, NODE};
use sandgate_node_agent::{InvalidPool, Pools};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A port of sandboxes that no policy closes.
pub(super) const EXEMPT: u16 = 4999;

/// Where it happens.
pub(super) enum World {
    /// With sandboxes, hosts and clients in namespaces.
    Lab(Box<Lab>),
    /// With addresses of this machine that only it reaches.
    Loopback,
}

impl World {
    pub(super) fn lab() -> Result<Self, LabError> {
        Lab::build().map(Box::new).map(Self::Lab)
    }

    pub(super) const fn has_kernel(&self) -> bool {
        matches!(self, Self::Lab(_))
    }

    /// Two clients, who differ in their address only.
    pub(super) const fn clients(&self) -> [&'static str; 2] {
        match self {
            Self::Lab(_) => ["198.51.100.7", "198.51.100.8"],
            Self::Loopback => ["127.0.0.7", "127.0.0.8"],
        }
    }

    pub(super) fn client(&self, address: IpAddr) -> Result<Client, LabError> {
        match self {
            Self::Lab(lab) => Ok(lab.client(address)),
            Self::Loopback => Ok(Client::here()?.at(address)),
        }
    }

    /// Where the edge listens, for both families.
    pub(super) fn edge(&self) -> Result<Vec<SocketAddr>, DemoError> {
        match self {
            Self::Lab(_) => NODE.iter().map(|ip| socket(ip, 80)).collect(),
            Self::Loopback => Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]),
        }
    }

    /// Where sandboxes get their addresses from.
    pub(super) fn pools(&self) -> Result<Pools, InvalidPool> {
        let ipv4 = if self.has_kernel() { "10.213.0.0/24" } else { "127.64.0.0/24" };
        let network = |text: &str| text.parse::<Network>().map_err(|_| InvalidPool::Family);
        Pools::new(network(ipv4)?, network("fd5a:9a7e::/112")?)
    }
}

/// What API and node agree upon: the platform's own addresses are denied to every sandbox.
pub(super) fn options() -> Result<Options, DemoError> {
    let name_server = NAME_SERVER.parse().map_err(|_| DemoError::Address)?;
    let mut guardrails =
        Guardrails { exempt_ports: vec![EXEMPT], name_server: Some(name_server), ..Guardrails::default() };
    for address in NODE {
        guardrails.always_denied.push(address.parse().map_err(|_| DemoError::Address)?);
    }
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    Ok(Options { guardrails, capabilities, ..Options::default() })
}
