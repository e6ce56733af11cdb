//! An agent with a kernel, and the control API that commands it.

use crate::lab;
use sandgate::{Capabilities, Guardrails, NetworkConfig, Options, Policy, nftables::Established};
use sandgate_contract::node::{CreateRequest, DeleteRequest, ListRequest, UpdateRequest, node_client::NodeClient};
use sandgate_node_agent::{
    Agent, Config, KernelPart, Pools, Sandbox,
    egress::{self, Protocol},
    ingress,
};
use sandgate_proxy::{Secret, Timeouts};
use std::{
    collections::BTreeMap,
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};

/// The port of the node that names are redirected to.
pub(crate) const PROXY_PORT: u16 = 9443;

pub(crate) fn options() -> Options {
    let guardrails = Guardrails {
        name_server: Some("203.0.113.53:53".parse().expect("a name server")),
        exempt_ports: vec![4999],
        ..Guardrails::default()
    };
    Options { guardrails, capabilities: Capabilities { egress_ports: true, ipv6_ingress: true }, ..Default::default() }
}

pub(crate) fn config(state: &Path) -> Config {
    let network = |text: &str| text.parse().expect("a network");
    let pools = Pools::new(network("10.213.0.0/28"), network("fd5a:9a7e::/112")).expect("pools");
    Config {
        kernel: KernelPart::Required,
        resolv_conf: false,
        egress: Some(egress(PROXY_PORT)),
        ingress: Some(ingress()),
        ..Config::new(options(), pools, state.to_path_buf())
    }
}

fn egress(port: u16) -> egress::Config {
    let listen = vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()];
    let usual = egress::Config::new(listen, "203.0.113.53:53".parse().expect("a name server"));
    egress::Config { names: BTreeMap::from([(8080, Protocol::Http)]), ..usual }
}

/// What an edge shows.
pub(crate) const SECRET: &str = "between edge and node";

fn ingress() -> ingress::Config {
    ingress::Config {
        listen: vec![([127, 0, 0, 1], 0).into()],
        domain: "sandboxes.example".into(),
        edge_secret: Secret::new(SECRET),
        connections: 100,
        connections_per_peer: 100,
        requests_per_sandbox: 100,
        timeouts: Timeouts::default(),
    }
}

/// An agent in this process.
pub(crate) struct Node {
    pub(crate) runtime: Runtime,
    pub(crate) agent: Option<Agent>,
    pub(crate) api: Api,
    stop: CancellationToken,
    pub(crate) state: TempDir,
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::with(tempfile::tempdir().expect("a directory"), |_| {})
    }

    pub(crate) fn recheck(established: Established) -> Self {
        Self::with(tempfile::tempdir().expect("a directory"), |config| config.established = established)
    }

    pub(crate) fn with(state: TempDir, adjust: impl FnOnce(&mut Config)) -> Self {
        lab::enter();
        let runtime = Runtime::new().expect("a runtime");
        let mut config = config(state.path());
        config.remove_on_stop = true;
        adjust(&mut config);
        let stop = CancellationToken::new();
        let agent = runtime.block_on(Agent::serve(config, stop.clone())).unwrap_or_else(|error| panic!("{error}"));
        let api = runtime.block_on(Api::connect(&format!("http://{}", agent.address())));
        Self { runtime, agent: Some(agent), api, stop, state }
    }

    /// Starts an agent, which may fail, and stops it again.
    pub(crate) fn try_with(state: &Path, adjust: impl FnOnce(&mut Config)) -> Result<(), sandgate_node_agent::Error> {
        let runtime = Runtime::new().expect("a runtime");
        let mut config = config(state);
        adjust(&mut config);
        let stop = CancellationToken::new();
        let agent = runtime.block_on(Agent::serve(config, stop.clone()))?;
        stop.cancel();
        runtime.block_on(agent.stopped())
    }

    pub(crate) fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("it runs")
    }

    pub(crate) fn sandbox(&self, id: &str) -> Arc<Sandbox> {
        self.agent().registry().by_id(id).expect("it runs")
    }

    /// Its address, of the same family as another one.
    pub(crate) fn address(&self, id: &str, is_ipv6: bool) -> String {
        let sandbox = self.sandbox(id);
        if is_ipv6 { format!("[{}]", sandbox.ipv6) } else { sandbox.ipv4.to_string() }
    }

    pub(crate) fn create(&mut self, id: &str, generation: u64, text: &str) -> Result<(), Status> {
        self.runtime.block_on(self.api.create(id, generation, text))
    }

    pub(crate) fn update(&mut self, id: &str, generation: u64, text: &str) -> Result<(), Status> {
        self.runtime.block_on(self.api.update(id, generation, text))
    }

    pub(crate) fn delete(&mut self, id: &str) -> Result<(), Status> {
        self.runtime.block_on(self.api.delete(id))
    }

    pub(crate) fn list(&mut self) -> Vec<(String, u64)> {
        self.runtime.block_on(self.api.list())
    }

    /// This program in a sandbox.
    fn program(&self, id: &str) -> Command {
        let this = env::current_exe().expect("a program knows where it is");
        self.agent().command(id, &this.to_string_lossy()).expect("it runs").into_std()
    }

    /// The same, playing a part.
    pub(crate) fn inside(&self, id: &str, words: &[&str]) -> Command {
        let mut command = self.program(id);
        command.arg(sandgate_lab::PLAY).args(words);
        command
    }

    /// Somebody in a sandbox.
    pub(crate) fn client(&self, id: &str) -> sandgate_lab::Client {
        sandgate_lab::Client::of(&self.program(id))
    }

    /// Whether a sandbox gets an answer.
    pub(crate) fn reaches(&self, id: &str, to: &str) -> bool {
        lab::ends_well(self.inside(id, &["ask", to]))
    }

    /// Stops it, and starts another agent with the same state.
    pub(crate) fn again(mut self, adjust: impl FnOnce(&mut Config)) -> Self {
        self.stop();
        let state = std::mem::replace(&mut self.state, tempfile::tempdir().expect("a directory"));
        Self::with(state, adjust)
    }

    pub(crate) fn stop(&mut self) {
        self.stop.cancel();
        if let Some(agent) = self.agent.take() {
            self.runtime.block_on(agent.stopped()).ok();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The control API's side.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) NodeClient<Channel>);

impl Api {
    pub(crate) async fn connect(address: &str) -> Self {
        Self(NodeClient::connect(address.to_owned()).await.expect("it answers"))
    }

    pub(crate) async fn create(&mut self, id: &str, generation: u64, text: &str) -> Result<(), Status> {
        let (network, fingerprint) = compiled(text);
        let request = CreateRequest {
            sandbox: id.into(),
            generation,
            egress: Some((&network).into()),
            ingress: Some((&network).into()),
            allow_public_traffic: network.allow_public_traffic,
            traffic_access_token: "secret".into(),
            end_time: None,
            fingerprint,
        };
        self.0.create(request).await.map(drop)
    }

    pub(crate) async fn update(&mut self, id: &str, generation: u64, text: &str) -> Result<(), Status> {
        let (network, fingerprint) = compiled(text);
        let request = UpdateRequest {
            sandbox: id.into(),
            generation,
            end_time: None,
            egress: Some((&network).into()),
            ingress: Some((&network).into()),
            fingerprint,
        };
        self.0.update(request).await.map(drop)
    }

    pub(crate) async fn delete(&mut self, id: &str) -> Result<(), Status> {
        self.0.delete(DeleteRequest { sandbox: id.into(), generation: u64::MAX }).await.map(drop)
    }

    pub(crate) async fn list(&mut self) -> Vec<(String, u64)> {
        let listed = self.0.list(ListRequest {}).await.expect("it answers").into_inner().sandboxes;
        let mut listed: Vec<(String, u64)> = listed.into_iter().map(|one| (one.sandbox, one.generation)).collect();
        listed.sort();
        listed
    }
}

fn compiled(text: &str) -> (NetworkConfig, String) {
    let network = NetworkConfig::from_json(text).unwrap_or_else(|report| panic!("{report}"));
    let policy = Policy::compile(&network, &options()).unwrap_or_else(|report| panic!("{report}"));
    (network, policy.fingerprint().to_string())
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::from_json(text, &options()).unwrap_or_else(|report| panic!("{report}"))
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn is_internal(result: &Result<(), Status>) -> bool {
    result.as_ref().is_err_and(|status| status.code() == Code::Internal)
}

/// An agent that is a process, until it is killed.
pub(crate) fn play(state: &Path) -> ExitCode {
    let runtime = Runtime::new().expect("a runtime");
    let state: PathBuf = state.into();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let agent = Agent::serve(config(&state), stop).await.unwrap_or_else(|error| panic!("{error}"));
        println!("http://{}", agent.address());
        agent.stopped().await.expect("it is killed before");
    });
    ExitCode::SUCCESS
}
