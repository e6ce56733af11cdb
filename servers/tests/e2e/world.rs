//! The platform with one node, and what can be asked of it.

use crate::{
    http::{BLUE, Client as Caller, RED, Reply},
    services::{DOMAIN, EDGE, PREFIX, PROXY_PORT, Services, options},
};
use sandgate::{
    Policy,
    nftables::{Established, InterfaceName, Log, Place, Settings, lower},
};
use sandgate_contract::node::{ListRequest, node_client::NodeClient};
use sandgate_lab::{Answer, Client, INTERNET, Lab, Running, run};
use sandgate_node_agent::Config;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::runtime::Runtime;

/// The laboratory, which is built once.
pub(crate) fn lab() -> MutexGuard<'static, Lab> {
    static LAB: OnceLock<Mutex<Lab>> = OnceLock::new();
    let build = || {
        // Files for sandboxes, which are for this laboratory alone.
        run("mkdir", &["-p", "/etc/netns"]).expect("it can be made");
        run("mount", &["-t", "tmpfs", "tmpfs", "/etc/netns"]).expect("it can be mounted");
        Mutex::new(Lab::build().unwrap_or_else(|error| panic!("{error}")))
    };
    LAB.get_or_init(build).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A platform of processes.
pub(crate) struct World {
    pub(crate) services: Services,
    runtime: Runtime,
}

/// A generation and its fingerprint.
pub(crate) type Runs = (u64, String);

impl World {
    pub(crate) fn start() -> Self {
        Self::with(1, None)
    }

    /// With so many instances of the API, on this database or a file of SQLite.
    pub(crate) fn with(apis: u16, database: Option<&str>) -> Self {
        drop(lab());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        Self { services: Services::with(apis, database), runtime }
    }

    pub(crate) fn blue(&self) -> Caller {
        Caller::new(self.services.api_address(), BLUE)
    }

    pub(crate) fn red(&self) -> Caller {
        Caller::new(self.services.api_address(), RED)
    }

    /// Creates a sandbox that runs.
    pub(crate) fn create(&self, network: &str) -> Sandbox {
        let created = self.blue().post("/sandboxes", &format!(r#"{{"network": {network}}}"#));
        assert_eq!(created.status, 201, "{created:?}");
        Sandbox { id: created.text("id"), token: created.text("trafficAccessToken") }
    }

    /// What the node says that it runs.
    pub(crate) fn runs(&self) -> BTreeMap<String, Runs> {
        let node = format!("http://{}", self.services.node_address());
        let listed = self.runtime.block_on(async {
            let mut node = NodeClient::connect(node).await.expect("the node answers");
            node.list(ListRequest {}).await.expect("the node answers").into_inner().sandboxes
        });
        listed.into_iter().map(|one| (one.sandbox, (one.generation, one.fingerprint))).collect()
    }

    /// Waits until what is stored of a sandbox is settled, and checks that store, node and kernel
    /// have the same. What is stored.
    pub(crate) fn agrees(&self, sandbox: &Sandbox) -> Reply {
        let blue = self.blue();
        until("the sandbox is settled", || blue.show(&sandbox.id).body["settled"] == true);
        let shown = blue.show(&sandbox.id);
        assert_eq!(shown.status, 200, "{shown:?}");
        let runs = self.runs();
        if shown.body["state"] != "running" {
            assert!(!runs.contains_key(&sandbox.id), "{shown:?}");
            assert!(namespaces().is_empty(), "what is paused has no namespace");
            return shown;
        }
        let stored = (shown.body["generation"].as_u64().expect("a number"), shown.text("fingerprint"));
        assert_eq!(runs.get(&sandbox.id), Some(&stored), "node and store");
        let policy = policy(&shown.body["network"]);
        assert_eq!(policy.fingerprint().to_string(), stored.1, "the document and its fingerprint");
        let (rules, expected) = (table(&mut Command::new("nft")), expected_rules(&policy));
        let differs = rules.iter().zip(&expected).find(|(part, expected)| part != expected);
        assert!(rules == expected, "the kernel has {differs:?}, first of all: {shown:?}");
        shown
    }
}

/// The policy of a document, as everybody compiles it.
pub(crate) fn policy(network: &Value) -> Policy {
    Policy::from_json(&network.to_string(), &options()).unwrap_or_else(|report| panic!("{report}"))
}

/// What the kernel would list for a policy: loaded in a namespace that is for nothing else.
fn expected_rules(policy: &Policy) -> Vec<String> {
    let name = namespaces().pop().expect("a sandbox runs");
    let interface: InterfaceName = name.parse().expect("a name of an interface");
    // The node's ends of its link: those of the first sandbox are the first of the pools.
    let end = 2 * name.trim_start_matches(PREFIX).parse::<u16>().expect("a number");
    let ends = [format!("10.213.0.{end}"), format!("fd5a:9a7e::{end:x}")];
    let settings = Settings {
        established: Established::Recheck,
        log: Log::Group(Config::LOG_GROUP),
        ingress_proxies: ends.map(|end| end.parse().expect("an address")).to_vec(),
        ..Settings::new(Place::interface(interface, Some(PROXY_PORT)))
    };
    if !listed("netns list").contains("blank") {
        listed("netns add blank");
    }
    let nft = || {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "blank", "nft"]);
        command
    };
    let mut load = nft().args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("it can be run");
    let rules = format!("flush ruleset\n{}", lower(policy, &settings));
    load.stdin.take().expect("it is piped").write_all(rules.as_bytes()).expect("it is read");
    assert!(load.wait().expect("it ends").success());
    table(&mut nft())
}

/// The only table of a sandbox, as `nft` shows it, whichever of the two had its turn: its sets and
/// chains, in an order that does not tell in which steps they came.
fn table(nft: &mut Command) -> Vec<String> {
    let output = nft.args(["-s", "list", "ruleset", "inet"]).output().expect("it can be run");
    let text = String::from_utf8_lossy(&output.stdout).replace("sandgate2_", "sandgate_");
    let name = format!("table inet sandgate_{PREFIX}");
    assert_eq!(text.matches(&name).count(), 1, "one policy is in force: {text}");
    let start = text.find(&name).expect("there is one");
    let end = text[start..].find("\n}").expect("it has an end") + start;
    let body = text[start..end].split_once('\n').map_or("", |(_, body)| body);
    let mut parts: Vec<String> = body.split("\n\n").map(|part| part.trim().to_owned()).collect();
    parts.sort();
    parts
}

/// What `ip` says to a line.
fn listed(line: &str) -> String {
    run("ip", &line.split(' ').collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{error}"))
}

/// The namespaces of sandboxes.
pub(crate) fn namespaces() -> Vec<String> {
    let listed = listed("netns list");
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.starts_with(PREFIX)).map(Into::into).collect()
}

/// One sandbox, the only one that runs.
pub(crate) struct Sandbox {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Sandbox {
    /// A program in the sandbox.
    pub(crate) fn client(&self) -> Client {
        Client::within(&self.namespace()).expect("a program knows where it is")
    }

    /// The namespace of the sandbox.
    pub(crate) fn namespace(&self) -> String {
        let spaces = namespaces();
        let [space] = &spaces[..] else { panic!("{} is not the only sandbox: {spaces:?}", self.id) };
        space.clone()
    }

    /// Serves HTTP inside, until it is dropped.
    pub(crate) fn serve(&self, ports: &[u16]) -> Running {
        let sockets: Vec<String> = ports.iter().map(|port| format!("web:0.0.0.0:{port}")).collect();
        let sockets: Vec<&str> = sockets.iter().map(String::as_str).collect();
        self.client().serve(&sockets).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The host of one of its ports.
    pub(crate) fn host(&self, port: u16) -> String {
        format!("{port}-{}.{DOMAIN}", self.id)
    }
}

/// The answer to a request of a client through the edge. `headers` are lines, ended.
pub(crate) fn request(from: &str, host: &str, headers: &str) -> Answer {
    let text = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
    let edge = EDGE[usize::from(from.contains(':'))].parse().expect("an address");
    let client = Client::within(INTERNET).expect("a program knows where it is");
    let answer = client.at(from.parse().expect("an address")).send(edge, &text);
    answer.unwrap_or_else(|| panic!("{from} gets no answer for {host}"))
}

/// Waits until something holds. That it never does is what fails, not how long it takes.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never: {what}");
}
