//! The internet of the laboratory.

use super::{Client, LabError, Running};
use std::{net::IpAddr, process::Command};

/// Hosts, by both their addresses.
pub const HOSTS: [[&str; 2]; 4] = [
    ["203.0.113.1", "2001:db8:1::1"],
    ["203.0.113.2", "2001:db8:1::2"],
    ["203.0.113.3", "2001:db8:1::3"],
    ["203.0.113.4", "2001:db8:1::4"],
];
/// The addresses of the node towards the internet.
pub const NODE: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
/// The name server.
pub const NAME_SERVER: &str = "203.0.113.53:53";
/// The namespace of hosts and clients.
pub const INTERNET: &str = "internet";

/// What is usual for a host: echoes on 7, HTTP on 80 and 8080, and HTTP inside TLS on 443.
const SERVICES: [&str; 5] = ["tcp:7", "udp:7", "web:80", "web:8080", "tls:443"];

/// The names that there are from the beginning.
const NAMES: [(&str, &[&str]); 3] = [
    ("api.example.com", &["203.0.113.2", "2001:db8:1::2"]),
    ("www.example.org", &["203.0.113.3", "2001:db8:1::3"]),
    // The node's own address.
    ("rebound.example.com", &["192.0.2.1", "2001:db8::1"]),
];

/// `ip`, line after line. Everyone knows everyone beforehand, so that nothing waits for an answer.
const LINKS: &str = "\
    link set lo up
    netns add internet
    link add up0 address 02:00:00:00:01:01 type veth peer name up0 address 02:00:00:00:01:02 netns internet
    address add 192.0.2.1/24 dev up0
    address add 2001:db8::1/64 dev up0 nodad
    link set up0 up
    -n internet link set lo up
    -n internet address add 192.0.2.2/24 dev up0
    -n internet address add 2001:db8::2/64 dev up0 nodad
    -n internet link set up0 up
    neighbour replace 192.0.2.2 lladdr 02:00:00:00:01:02 dev up0 nud permanent
    neighbour replace 2001:db8::2 lladdr 02:00:00:00:01:02 dev up0 nud permanent
    -n internet neighbour replace 192.0.2.1 lladdr 02:00:00:00:01:01 dev up0 nud permanent
    -n internet neighbour replace 2001:db8::1 lladdr 02:00:00:00:01:01 dev up0 nud permanent
    route add 203.0.113.0/24 via 192.0.2.2
    route add 198.51.100.0/24 via 192.0.2.2
    route add 2001:db8:1::/64 via 2001:db8::2
    route add 2001:db8:2::/64 via 2001:db8::2
    -n internet route add local 203.0.113.0/24 dev lo
    -n internet route add local 198.51.100.0/24 dev lo
    -n internet route add local 2001:db8:1::/64 dev lo
    -n internet route add local 2001:db8:2::/64 dev lo
    -n internet route add default via 192.0.2.1
    -n internet route add default via 2001:db8::1";

/// The laboratory, with its hosts and its name server.
#[derive(Debug)]
pub struct Lab {
    _hosts: Running,
    names: Running,
}

impl Lab {
    /// Builds it around this process, which has entered its namespaces. Each host echoes on 7 over
    /// TCP and UDP, answers HTTP on 80 and 8080, and HTTP inside TLS on 443.
    ///
    /// # Errors
    ///
    /// If the kernel or a program refuses, or a route leads out.
    pub fn build() -> Result<Self, LabError> {
        Self::serving(&SERVICES)
    }

    /// The same, with hosts that do something else: `tcp:80` and its like.
    ///
    /// # Errors
    ///
    /// As for [`Lab::build`].
    pub fn serving(services: &[&str]) -> Result<Self, LabError> {
        // `ip netns` keeps its names in files, which are for this laboratory alone.
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"])?;
        for line in LINKS.lines() {
            run("ip", &line.split_whitespace().collect::<Vec<_>>())?;
        }
        // Every address of these networks is somebody's there, in IPv6 too.
        let bind_any = "echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind";
        run("ip", &["netns", "exec", INTERNET, "sh", "-c", bind_any])?;
        check_closed()?;
        let internet = Client::within(INTERNET)?;
        let sockets: Vec<String> = HOSTS.as_flattened().iter().flat_map(|host| at(host, services)).collect();
        let hosts = internet.serve(&sockets.iter().map(String::as_str).collect::<Vec<_>>())?;
        let names = internet.start(&["names", NAME_SERVER])?;
        let mut lab = Self { _hosts: hosts, names };
        for (name, addresses) in NAMES {
            lab.set_name(name, addresses)?;
        }
        Ok(lab)
    }

    /// Somebody in the internet, at this address: any of `198.51.100.0/24` and `2001:db8:2::/64`.
    #[must_use]
    pub fn client(&self, address: IpAddr) -> Client {
        // It was possible when the laboratory was built.
        Client::within(INTERNET).unwrap_or_default().at(address)
    }

    /// From now on, a name has these addresses. None: there is no such name.
    ///
    /// # Errors
    ///
    /// If the name server has ended.
    pub fn set_name(&mut self, name: &str, addresses: &[&str]) -> Result<(), LabError> {
        match self.names.tell(&format!("{name}={}", addresses.join(",")))?.as_str() {
            "ok" => Ok(()),
            said => Err(LabError::Refused { command: format!("names {name}"), said: said.into() }),
        }
    }
}

/// The sockets of a host: `tcp:203.0.113.1:7` and its like.
fn at(host: &str, services: &[&str]) -> Vec<String> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    services.iter().map(|service| service.replace(':', &format!(":{host}:"))).collect()
}

/// Checks that no route leads out of the laboratory.
///
/// # Errors
///
/// [`LabError::Open`] if one does.
pub fn check_closed() -> Result<(), LabError> {
    for family in ["-4", "-6"] {
        let routes = run("ip", &[family, "route", "show", "table", "all"])?;
        if let Some(route) = routes.lines().find(|route| route.contains("default")) {
            return Err(LabError::Open(route.into()));
        }
    }
    // The internet's default route leads back to the node, and nowhere else.
    let links = run("ip", &["-o", "-n", INTERNET, "link", "show"])?;
    // Some kernels put tunnels that lead nowhere into every namespace; those are down.
    let is_known = |link: &&str| link.contains(" lo:") || link.contains(" up0@") || link.contains("state DOWN");
    match links.lines().find(|link| !is_known(link)) {
        Some(link) => Err(LabError::Open(link.into())),
        None => Ok(()),
    }
}

/// Runs a program that has to succeed. What it printed.
///
/// # Errors
///
/// If it does not.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, LabError> {
    let output = Command::new(program).args(arguments).output().map_err(LabError::io(program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LabError::Refused { command: format!("{program} {}", arguments.join(" ")), said })
}
