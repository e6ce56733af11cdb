//! The questions of section 7, step by step.

use super::{
    addresses::{embedded, holds, inside, inside_denied, split_entry, unmapped},
    names::{Seen, host_name, matches},
};
use std::net::{IpAddr, SocketAddr};

/// A policy as plain data: canonical texts of a valid document, and what the operator says.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of the documents, under their own names")]
pub struct Rules {
    pub allow_out: Vec<String>,
    pub deny_out: Vec<String>,
    pub allow_in: Vec<String>,
    pub deny_in: Vec<String>,
    pub allow_internet_access: bool,
    pub always_denied: Vec<String>,
    pub always_allowed: Vec<String>,
    pub exempt_ports: Vec<u16>,
    pub name_server: Option<String>,
    pub ipv6_ingress: bool,
}

/// An answer in the stable texts of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// `deny`, `allow` or `allow-by-name`.
    pub verdict: &'static str,
    /// Which step decided.
    pub reason: &'static str,
    /// The list and the index of the entry that decided.
    pub entry: Option<(&'static str, usize)>,
    /// The name to connect to, for `allow-by-name`.
    pub name: Option<String>,
}

impl Answer {
    fn new(verdict: &'static str, reason: &'static str) -> Self {
        Self { verdict, reason, entry: None, name: None }
    }

    fn of_entry(verdict: &'static str, reason: &'static str, list: &'static str, index: usize) -> Self {
        Self { entry: Some((list, index)), ..Self::new(verdict, reason) }
    }
}

impl Rules {
    /// Whether the sandbox may connect to a destination (E-1 to E-7).
    #[must_use]
    pub fn egress(&self, address: IpAddr, port: u16, host: Option<Seen<'_>>) -> Answer {
        let address = unmapped(address);
        let name = host.and_then(host_name);
        let name = name.as_deref();
        match embedded(address) {
            None => self.egress_to_one(address, port, name),
            Some(inner) => self.egress_to_both(address, inner, port, name),
        }
    }

    fn egress_to_one(&self, address: IpAddr, port: u16, name: Option<&str>) -> Answer {
        // E-1
        if self.is_always_allowed(address) {
            return Answer::new("allow", "always-allowed");
        }
        // E-2
        if self.is_name_server(address, port) {
            return Answer::new("allow", "name-server");
        }
        // E-3
        if self.is_always_denied(address) {
            return Answer::new("deny", "always-denied");
        }
        self.egress_by_lists(address, port, name)
    }

    /// an IPv6 address and the IPv4 address that it carries.
    fn egress_to_both(&self, outer: IpAddr, inner: IpAddr, port: u16, name: Option<&str>) -> Answer {
        // E-3 of either comes first: the two together must not be a way around the operator.
        if self.must_not_be_reached(outer) || self.must_not_be_reached(inner) {
            return Answer::new("deny", "always-denied");
        }
        if self.is_always_allowed(outer) {
            return Answer::new("allow", "always-allowed");
        }
        // Each is judged alone. What the operator always allows is not denied (H-2), also inside.
        let (outer, inner) = (self.egress_to_one(outer, port, name), self.egress_to_one(inner, port, name));
        if outer.verdict == "deny" {
            return outer;
        }
        if inner.verdict == "deny" {
            return inner;
        }
        if outer.verdict == "allow-by-name" || inner.verdict == "allow-by-name" {
            return Answer { verdict: "allow-by-name", name: name.map(str::to_owned), ..outer };
        }
        outer
    }

    /// E-4 to E-7.
    fn egress_by_lists(&self, address: IpAddr, port: u16, name: Option<&str>) -> Answer {
        // E-4
        for (index, entry) in self.allow_out.iter().enumerate() {
            if !is_pattern(entry) && allows(entry, address, port) {
                return Answer::of_entry("allow", "allow-entry", "allowOut", index);
            }
        }
        // E-5
        for (index, entry) in self.allow_out.iter().enumerate() {
            if let Some(name) = name
                && is_pattern(entry)
                && matches(entry, name)
            {
                let answer = Answer::of_entry("allow-by-name", "allow-name", "allowOut", index);
                return Answer { name: Some(name.to_owned()), ..answer };
            }
        }
        // E-6, with D-7
        if !self.allow_internet_access {
            return Answer::new("deny", "internet-access-off");
        }
        for (index, entry) in self.deny_out.iter().enumerate() {
            if denies(entry, address, port) {
                return Answer::of_entry("deny", "deny-entry", "denyOut", index);
            }
        }
        // E-7
        Answer::new("allow", "default-allow")
    }

    /// Whether an address that an allowed name resolves to is denied (E-8).
    #[must_use]
    pub fn denies_resolved(&self, address: IpAddr) -> bool {
        let address = unmapped(address);
        self.must_not_be_reached(address) || embedded(address).is_some_and(|inner| self.must_not_be_reached(inner))
    }

    /// Whether a client may reach a port of the sandbox (I-1 to I-7).
    #[must_use]
    pub fn ingress(&self, client: Option<IpAddr>, port: u16) -> Answer {
        // I-1
        if self.exempt_ports.contains(&port) {
            return Answer::new("allow", "exempt-port");
        }
        // I-2
        if self.allow_in.is_empty() && self.deny_in.is_empty() {
            return Answer::new("allow", "no-rules");
        }
        // I-3
        let Some(client) = client else { return Answer::new("deny", "unknown-client") };
        let client = unmapped(client);
        // I-4
        if client.is_ipv6() && !self.ipv6_ingress {
            return Answer::new("deny", "ipv6-ingress-off");
        }
        // I-5
        for (index, entry) in self.allow_in.iter().enumerate() {
            if allows(entry, client, port) {
                return Answer::of_entry("allow", "allow-entry", "allowIn", index);
            }
        }
        // I-6
        for (index, entry) in self.deny_in.iter().enumerate() {
            if denies(entry, client, port) {
                return Answer::of_entry("deny", "deny-entry", "denyIn", index);
            }
        }
        // I-7
        Answer::new("allow", "default-allow")
    }

    /// The entries of `allowOut` and `denyOut` that match a destination, whatever decides.
    #[must_use]
    pub fn matching_egress(&self, address: IpAddr, port: u16, host: Option<Seen<'_>>) -> Vec<(&'static str, usize)> {
        let address = unmapped(address);
        let name = host.and_then(host_name);
        let both = [Some(address), embedded(address)];
        let mut found = Vec::new();
        for (index, entry) in self.allow_out.iter().enumerate() {
            let is_match = match (is_pattern(entry), &name) {
                (true, Some(name)) => matches(entry, name),
                (true, None) => false,
                (false, _) => both.into_iter().flatten().any(|address| allows(entry, address, port)),
            };
            if is_match {
                found.push(("allowOut", index));
            }
        }
        for (index, entry) in self.deny_out.iter().enumerate() {
            if both.into_iter().flatten().any(|address| denies(entry, address, port)) {
                found.push(("denyOut", index));
            }
        }
        found
    }

    /// The entries of `allowIn` and `denyIn` that match a client, whatever decides.
    #[must_use]
    pub fn matching_ingress(&self, client: Option<IpAddr>, port: u16) -> Vec<(&'static str, usize)> {
        let Some(client) = client.map(unmapped) else { return Vec::new() };
        let allowing = self.allow_in.iter().enumerate().filter(|(_, entry)| allows(entry, client, port));
        let denying = self.deny_in.iter().enumerate().filter(|(_, entry)| denies(entry, client, port));
        allowing.map(|(index, _)| ("allowIn", index)).chain(denying.map(|(index, _)| ("denyIn", index))).collect()
    }

    fn is_always_allowed(&self, address: IpAddr) -> bool {
        self.always_allowed.iter().any(|network| inside(address, network))
    }

    fn is_always_denied(&self, address: IpAddr) -> bool {
        self.always_denied.iter().any(|network| inside_denied(address, network))
    }

    fn must_not_be_reached(&self, address: IpAddr) -> bool {
        self.is_always_denied(address) && !self.is_always_allowed(address)
    }

    /// E-2.
    fn is_name_server(&self, address: IpAddr, port: u16) -> bool {
        let Some(server) = &self.name_server else { return false };
        let server: SocketAddr = server.parse().expect("a name server is an address and a port");
        // D-7: without internet access the deny list is exactly `0.0.0.0/0`.
        let covered = self.allow_internet_access
            && self.deny_out.iter().any(|entry| entry != "0.0.0.0/0" && denies(entry, address, port));
        unmapped(server.ip()) == address
            && server.port() == port
            && self.allow_out.iter().any(|entry| is_pattern(entry))
            && !covered
    }
}

/// A canonical address entry always has a prefix length, a pattern never has a slash.
fn is_pattern(entry: &str) -> bool {
    !entry.contains('/')
}

fn allows(entry: &str, address: IpAddr, port: u16) -> bool {
    let (network, ports) = split_entry(entry);
    inside(address, network) && holds(ports, port)
}

fn denies(entry: &str, address: IpAddr, port: u16) -> bool {
    let (network, ports) = split_entry(entry);
    inside_denied(address, network) && holds(ports, port)
}
