//! Everybody who can be asked: the API, the edge, and whoever is in the sandbox.

use super::{
    DemoError,
    platform::{DOMAIN, Inside, KEY, Platform},
    world::World,
};
use sandgate_lab::{Answer, send};
use std::net::{IpAddr, SocketAddr};

/// The platform, the world around it, and the sandbox that the story is about.
pub(super) struct Scene<'a> {
    pub(super) platform: &'a Platform,
    pub(super) world: World,
    /// The sandbox.
    pub(super) id: String,
}

impl Scene<'_> {
    /// Asks the control API.
    pub(super) fn api(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer, DemoError> {
        let (to, length) = (self.platform.api_address, body.len());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {KEY}\r\n{headers}{kind}\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        Ok(send(to, &request)?)
    }

    /// Asks it about the sandbox.
    pub(super) fn of_sandbox(&self, method: &str, what: &str, headers: &str, body: &str) -> Result<Answer, DemoError> {
        self.api(method, &format!("/sandboxes/{}{what}", self.id), headers, body)
    }

    /// Asks the edge for a port of the sandbox, from an address.
    pub(super) fn ask_edge(&self, from: &str, port: u16, headers: &str) -> Result<Option<Answer>, DemoError> {
        let from: IpAddr = from.parse().map_err(|_| DemoError::Address)?;
        let edges = &self.platform.edge_addresses;
        let to = edges.iter().find(|edge| edge.is_ipv4() == from.is_ipv4()).ok_or(DemoError::Address)?;
        Ok(self.world.client(from)?.send(*to, &get(&self.host(port), headers)))
    }

    /// What clients call a port of the sandbox.
    pub(super) fn host(&self, port: u16) -> String {
        format!("{port}-{}.{DOMAIN}", self.id)
    }

    /// Whoever is in the sandbox.
    pub(super) fn inside(&self) -> Result<Inside, DemoError> {
        self.platform.inside(&self.id)
    }
}

/// A request for a host.
pub(super) fn get(host: &str, headers: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n")
}

pub(super) fn socket(address: &str, port: u16) -> Result<SocketAddr, DemoError> {
    Ok(SocketAddr::new(address.parse().map_err(|_| DemoError::Address)?, port))
}
