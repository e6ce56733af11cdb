//! The three services, each a process of the real command that can be ended at any time.

use crate::http::{BLUE, RED};
use crate::ingress::BALANCER;
use sandgate::{Capabilities, Guardrails, Options};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    num::NonZeroU16,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The domain below which sandboxes are.
pub(crate) const DOMAIN: &str = "sandboxes.example";
/// Where clients reach the edge, by both families.
pub(crate) const EDGE: [&str; 2] = ["192.0.2.1:80", "[2001:db8::1]:80"];
/// What the names of sandboxes in the kernel begin with.
pub(crate) const PREFIX: &str = "sbx";
/// The port of the node that names are redirected to.
pub(crate) const PROXY_PORT: NonZeroU16 = NonZeroU16::new(9443).expect("it is not zero");

/// What API and node both have. The platform's own addresses are always denied.
const GUARDRAILS: &str = r#"{
    "alwaysDenied": ["0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24", "198.51.100.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "2001:db8::/64",
        "2001:db8:2::/64"],
    "exemptPorts": [4999],
    "nameServer": "203.0.113.53:53"
}"#;

/// What every policy is compiled with.
pub(crate) fn options() -> Options {
    let guardrails = Guardrails::from_json(GUARDRAILS).unwrap_or_else(|report| panic!("{report}"));
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    Options { guardrails, capabilities, ..Options::default() }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Api,
    Node,
    Edge,
}

/// A process, and the words that start it again.
#[derive(Debug)]
struct Process {
    words: Vec<String>,
    child: Option<Child>,
    /// Where it is reached when it runs.
    address: SocketAddr,
}

impl Process {
    fn new(address: &str, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { words, child: None, address: address.parse().expect("an address") }
    }

    fn start(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandgate-servers"));
        command.args(&self.words).stdin(Stdio::null());
        if std::env::var_os("SANDGATE_E2E_LOG").is_none() {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let child = self.child.insert(command.spawn().expect("it can be run"));
        for _ in 0..3000 {
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            if let Some(status) = child.try_wait().expect("it is ours") {
                panic!("{:?} ended with {status}", self.words);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{:?} does not listen", self.words);
    }

    /// Ends it where it stands.
    fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
    }

    /// Asks it to end, and waits until it has.
    fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().expect("it runs");
        assert!(child.wait().expect("it ends").success(), "{:?} ends well", self.words);
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().expect("it can be run").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.is_some() {
            // A process that was stopped is killed all the same.
            self.kill();
        }
    }
}

/// The services of a platform with one node.
pub(crate) struct Services {
    apis: Vec<Process>,
    node: Process,
    edge: Process,
    _files: TempDir,
}

impl Services {
    /// So many instances of the API on one database: this one, or else a file of SQLite.
    pub(crate) fn with(apis: u16, database: Option<&str>) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let guardrails = file("guardrails.json", GUARDRAILS);
        let keys = file("keys.txt", &format!("blue:{BLUE}\nred:{RED}\n"));
        let secret = file("secret.txt", "between edge and node");
        let state = files.path().join("state").display().to_string();
        let sqlite = format!("sqlite:{}", files.path().join("api.db").display());
        let database = database.unwrap_or(&sqlite);
        let node = format!("http://{NODE_ADDRESS}");
        let apis = (0..apis).map(|index| {
            let listen = format!("127.0.0.1:{}", 8080 + index);
            Process::new(
                &listen,
                &[
                    "api",
                    "--listen",
                    &listen,
                    "--database",
                    database,
                    "--node",
                    &node,
                    "--key-file",
                    &keys,
                    "--guardrails",
                    &guardrails,
                    "--egress-ports",
                    "--ipv6-ingress",
                    "--node-time",
                    "400",
                    "--reconcile-time",
                    "300",
                ],
            )
        });
        let node = Process::new(
            NODE_ADDRESS,
            &[
                "node",
                "--listen",
                NODE_ADDRESS,
                "--state",
                &state,
                "--guardrails",
                &guardrails,
                "--egress-ports",
                "--ipv6-ingress",
                "--pool-ipv4",
                "10.213.0.0/24",
                "--pool-ipv6",
                "fd5a:9a7e::/112",
                "--proxy-port",
                &PROXY_PORT.to_string(),
                "--ingress-listen",
                INGRESS,
                "--domain",
                DOMAIN,
                "--edge-secret",
                &secret,
            ],
        );
        let edge = Process::new(
            EDGE[0],
            &[
                "edge",
                "--listen",
                EDGE[0],
                "--listen",
                EDGE[1],
                "--node",
                INGRESS,
                "--domain",
                DOMAIN,
                "--trusted-proxy",
                BALANCER,
                "--edge-secret",
                &secret,
            ],
        );
        let mut services = Self { apis: apis.collect(), node, edge, _files: files };
        services.start_all();
        services
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Process> {
        [&mut self.node, &mut self.edge].into_iter().chain(&mut self.apis)
    }

    fn one(&mut self, service: Service) -> &mut Process {
        match service {
            Service::Api => &mut self.apis[0],
            Service::Node => &mut self.node,
            Service::Edge => &mut self.edge,
        }
    }

    fn start_all(&mut self) {
        self.all().for_each(Process::start);
    }

    /// Ends all of them as they end themselves, and starts them again.
    pub(crate) fn restart_all(&mut self) {
        self.all().for_each(Process::stop);
        self.start_all();
    }

    pub(crate) fn kill(&mut self, service: Service) {
        self.one(service).kill();
    }

    pub(crate) fn start_again(&mut self, service: Service) {
        self.one(service).start();
    }

    /// Stops the node where it stands, or lets it go on: it hangs, and does not end.
    pub(crate) fn hang_node(&self, hangs: bool) {
        self.node.signal(if hangs { "STOP" } else { "CONT" });
    }

    pub(crate) fn api_address(&self) -> SocketAddr {
        self.apis[0].address
    }

    pub(crate) fn api_addresses(&self) -> Vec<SocketAddr> {
        self.apis.iter().map(|api| api.address).collect()
    }

    pub(crate) fn node_address(&self) -> SocketAddr {
        self.node.address
    }
}

const NODE_ADDRESS: &str = "127.0.0.1:7000";
const INGRESS: &str = "127.0.0.1:9080";
