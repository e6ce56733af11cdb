//! Network namespaces and the links into them, made and removed with `ip`.

use super::{
    Failure, Link, Program,
    link::{INSIDE, NODE_MAC, SANDBOX_MAC},
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// The namespaces of sandboxes.
#[derive(Debug)]
pub(crate) struct Namespaces {
    pub(crate) ip: Program,
    /// The resolver configuration of each sandbox, where `ip netns exec` looks for it.
    pub(crate) resolv_conf: Option<String>,
}

/// Where `ip netns exec` looks for files that a namespace has instead of those of `/etc`.
const ETC: &str = "/etc/netns";

impl Namespaces {
    /// Makes a namespace and a link into it, which is still down.
    pub(crate) async fn make(&self, link: &Link) -> Result<(), Failure> {
        let name = &link.name;
        if let Some(text) = &self.resolv_conf {
            write_resolv_conf(link, text).map_err(|error| Failure::Io { program: ETC.into(), error })?;
        }
        self.ip.run(&["netns", "add", name.as_str()], "").await?;
        let commands = format!(
            "link add {name} address {NODE_MAC} type veth peer name {INSIDE} address {SANDBOX_MAC} netns {name}\n\
             link set {name} addrgenmode none\n\
             address add {}/31 dev {name}\n\
             address add {}/127 dev {name} nodad\n",
            link.node_ipv4, link.node_ipv6,
        );
        self.batch(&[], &commands).await?;
        // A packet from the sandbox has to come from an address to which it would be answered there.
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        fs::write(&path, "1").map_err(|error| Failure::Io { program: path, error })
    }

    /// Connects a sandbox, in both directions.
    pub(crate) async fn connect(&self, link: &Link) -> Result<(), Failure> {
        let Link { name, node_ipv4, node_ipv6, ipv4, ipv6, .. } = link;
        let inside = format!(
            "link set lo up\n\
             link set {INSIDE} addrgenmode none\n\
             address add {ipv4}/31 dev {INSIDE}\n\
             address add {ipv6}/127 dev {INSIDE} nodad\n\
             link set {INSIDE} up\n\
             neighbour replace {node_ipv4} lladdr {NODE_MAC} dev {INSIDE} nud permanent\n\
             neighbour replace {node_ipv6} lladdr {NODE_MAC} dev {INSIDE} nud permanent\n\
             route add 0.0.0.0/0 via {node_ipv4} dev {INSIDE}\n\
             route add ::/0 via {node_ipv6} dev {INSIDE}\n",
        );
        self.batch(&["-netns", name.as_str()], &inside).await?;
        let outside = format!(
            "link set {name} up\n\
             neighbour replace {ipv4} lladdr {SANDBOX_MAC} dev {name} nud permanent\n\
             neighbour replace {ipv6} lladdr {SANDBOX_MAC} dev {name} nud permanent\n",
        );
        self.batch(&[], &outside).await
    }

    /// Removes a link, the processes behind it, and their namespace. What is not there is removed
    /// already.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Failure> {
        if self.links(name).await?.contains(name) {
            self.ip.run(&["link", "delete", name], "").await?;
        }
        if self.names(name).await?.contains(name) {
            self.end_processes(name).await?;
            self.ip.run(&["netns", "delete", name], "").await?;
        }
        match fs::remove_dir_all(etc(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::Io { program: ETC.into(), error }),
            _ => Ok(()),
        }
    }

    /// The namespaces whose names begin so.
    pub(crate) async fn names(&self, prefix: &str) -> Result<BTreeSet<String>, Failure> {
        let listed = self.ip.run(&["netns", "list"], "").await?;
        // The name, and perhaps a number behind it.
        let listed = String::from_utf8_lossy(&listed);
        let names = listed.lines().filter_map(|line| line.split_whitespace().next());
        Ok(names.filter(|name| name.starts_with(prefix)).map(Into::into).collect())
    }

    /// The node's interfaces whose names begin so.
    pub(crate) async fn links(&self, prefix: &str) -> Result<BTreeSet<String>, Failure> {
        let listed = self.ip.run(&["-oneline", "link", "show"], "").await?;
        let listed = String::from_utf8_lossy(&listed);
        // `7: sbx0@if2: <...`
        let names = listed.lines().filter_map(|line| line.split(": ").nth(1)?.split('@').next());
        Ok(names.filter(|name| name.starts_with(prefix)).map(Into::into).collect())
    }

    /// A program that will run inside.
    pub(crate) fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new(&self.ip.path);
        command.args(["netns", "exec", name, program]);
        command
    }

    /// Kills what runs in a namespace, until nothing is left that could still start something.
    async fn end_processes(&self, name: &str) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            let listed = self.ip.run(&["netns", "pids", name], "").await?;
            let listed = String::from_utf8_lossy(&listed);
            let pids: Vec<&str> = listed.split_whitespace().collect();
            if pids.is_empty() {
                return Ok(());
            }
            let kill = self.ip.beside(Path::new("kill"));
            // One of them may have ended by itself meanwhile.
            match kill.run(&[&["-KILL"], &pids[..]].concat(), "").await {
                Ok(_) | Err(Failure::Refused { .. }) => {}
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Failure::Refused { program: "kill".into(), said: format!("processes of {name} do not end") })
    }

    async fn batch(&self, options: &[&str], commands: &str) -> Result<(), Failure> {
        self.ip.run(&[options, &["-batch", "-"]].concat(), commands).await.map(drop)
    }
}

fn etc(name: &str) -> PathBuf {
    Path::new(ETC).join(name)
}

fn write_resolv_conf(link: &Link, text: &str) -> io::Result<()> {
    let directory = etc(link.name.as_str());
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("resolv.conf"), text)
}

/// How often a namespace is looked at for processes that are still there.
const ROUNDS: u32 = 50;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
