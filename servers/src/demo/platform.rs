//! The three services, as they run anywhere, with everything they write in a temporary folder.

use super::{
    DemoError,
    world::{World, options},
};
use sandgate::ClientAddress;
use sandgate_api::{Keys, Server, control::Times};
use sandgate_edge::{Edge, OneNode, Secret, Timeouts};
use sandgate_lab::{Client, NAME_SERVER};
use sandgate_node_agent::{Agent, KernelPart, egress, ingress};
use std::{
    env,
    fmt::Display,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The domain below which sandboxes are.
pub(super) const DOMAIN: &str = "sandboxes.example";
/// The key that everything is asked with.
pub(super) const KEY: &str = "a-key-for-the-demonstration";
const SECRET: &str = "shown-by-the-edge-to-the-node";
/// The port that names are redirected to.
const PROXY_PORT: u16 = 7443;

/// All that runs.
pub(super) struct Platform {
    runtime: Runtime,
    agent: Agent,
    api: JoinHandle<()>,
    edge: JoinHandle<()>,
    stop: CancellationToken,
    _folder: TempDir,
    /// Where the API answers.
    pub(super) api_address: SocketAddr,
    /// Where the edge answers.
    pub(super) edge_addresses: Vec<SocketAddr>,
}

/// A sandbox that runs, as the node knows it.
pub(super) struct Inside {
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// Whoever is in it.
    pub(super) client: Client,
}

impl Platform {
    /// Starts the node, then the API that commands it, then the edge.
    pub(super) fn start(runtime: Runtime, world: &World, stop: CancellationToken) -> Result<Self, DemoError> {
        let folder = tempfile::tempdir()?;
        let (agent, api, edge) = runtime.block_on(async {
            let agent = Agent::serve(node(world, &folder)?, stop.clone()).await.map_err(failed("the node"))?;
            let api = sandgate_api::Config {
                listen: (Ipv4Addr::LOCALHOST, 0).into(),
                database: format!("sqlite:{}", folder.path().join("api.db").display()),
                node: format!("http://{}", agent.address()),
                keys: Keys::from_lines([format!("demo:{KEY}").as_str()]).map_err(failed("the API"))?,
                options: options()?,
                times: Times::default(),
            };
            let api = Server::bind(api).await.map_err(failed("the API"))?;
            let node = agent.ingress_addresses().first().copied().ok_or(DemoError::NoSandbox)?;
            let edge = Edge::bind(edge(world)?, OneNode(node)).map_err(failed("the edge"))?;
            Ok::<_, DemoError>((agent, api, edge))
        })?;
        let (api_address, edge_addresses) = (api.address(), edge.addresses()?);
        let stopped = stop.clone();
        let api = runtime.spawn(async move { api.serve(stopped.cancelled()).await });
        let edge = runtime.spawn(edge.run(stop.clone()));
        Ok(Self { runtime, agent, api, edge, stop, _folder: folder, api_address, edge_addresses })
    }

    /// Somebody in a sandbox.
    pub(super) fn inside(&self, sandbox: &str) -> Result<Inside, DemoError> {
        let this = env::current_exe()?;
        let command = self.agent.command(sandbox, &this.to_string_lossy()).ok_or(DemoError::NoSandbox)?;
        let address = self.agent.registry().by_id(sandbox).ok_or(DemoError::NoSandbox)?.ipv4;
        Ok(Inside { address, client: Client::of(command.as_std()) })
    }

    /// Stops everything, the node last.
    pub(super) fn stop(self) {
        let Self { runtime, agent, api, edge, stop, .. } = self;
        stop.cancel();
        runtime.block_on(async {
            for service in [api, edge] {
                if let Err(error) = service.await {
                    tracing::error!(%error, "a service ended badly");
                }
            }
            if let Err(error) = agent.stopped().await {
                tracing::error!(%error, "the node ended badly");
            }
        });
    }
}

fn failed<E: Display>(service: &'static str) -> impl Fn(E) -> DemoError {
    move |error| DemoError::Service { service, why: error.to_string() }
}

/// What is open when the story ends is not waited for.
fn timeouts() -> Timeouts {
    Timeouts { grace: Duration::from_millis(500), ..Timeouts::default() }
}

fn node(world: &World, folder: &TempDir) -> Result<sandgate_node_agent::Config, DemoError> {
    let proxy = vec![(Ipv4Addr::UNSPECIFIED, PROXY_PORT).into(), (Ipv6Addr::UNSPECIFIED, PROXY_PORT).into()];
    let name_server = NAME_SERVER.parse().map_err(failed("the node"))?;
    let pools = world.pools().map_err(failed("the node"))?;
    let kernel = if world.has_kernel() { KernelPart::Required } else { KernelPart::Absent };
    Ok(sandgate_node_agent::Config {
        kernel,
        // The namespace ends with the demonstration, but the files of the machine do not.
        resolv_conf: false,
        remove_on_stop: true,
        egress: world.has_kernel().then(|| egress::Config::new(proxy, name_server)),
        ingress: Some(ingress::Config {
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            domain: DOMAIN.into(),
            edge_secret: Secret::new(SECRET),
            connections: 100,
            connections_per_peer: 100,
            requests_per_sandbox: 100,
            timeouts: timeouts(),
        }),
        ..sandgate_node_agent::Config::new(options()?, pools, folder.path().join("node"))
    })
}

fn edge(world: &World) -> Result<sandgate_edge::Config, DemoError> {
    Ok(sandgate_edge::Config {
        listen: world.edge()?,
        domain: DOMAIN.into(),
        // Nothing is in front of it.
        client_address: ClientAddress::Peer,
        secret: Secret::new(SECRET),
        connections: 100,
        connections_per_peer: 100,
        timeouts: timeouts(),
    })
}
