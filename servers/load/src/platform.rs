//! A node and an edge, as they run anywhere, and the calls of a control API.

use crate::plain::CONNECTIONS;
use sandgate::{Capabilities, ClientAddress, Guardrails, NetworkConfig, Options, Policy};
use sandgate_contract::node::{CreateRequest, UpdateRequest, node_client::NodeClient};
use sandgate_edge::{Edge, OneNode};
use sandgate_node_agent::{Agent, Config, KernelPart, Pools, ingress};
use sandgate_proxy::{EDGE_SECRET, Secret, Timeouts};
use std::net::{Ipv4Addr, SocketAddr};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const DOMAIN: &str = "sandboxes.example";
const SECRET: &str = "shown-by-the-edge-to-the-node";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Both services.
pub(crate) struct Platform {
    pub(crate) agent: Agent,
    /// Where requests that an edge sends are answered.
    pub(crate) node: SocketAddr,
    /// Where requests of balancers are answered.
    pub(crate) edge: SocketAddr,
    api: NodeClient<Channel>,
    stop: CancellationToken,
    _state: TempDir,
}

/// A policy, as the control API sends it.
#[derive(Clone)]
pub(crate) struct Wanted {
    network: NetworkConfig,
    pub(crate) policy: Policy,
}

impl Wanted {
    pub(crate) fn new(document: &str) -> Self {
        let network = NetworkConfig::from_json(document).unwrap_or_else(|report| panic!("{report}"));
        let policy = Policy::compile(&network, &options()).unwrap_or_else(|report| panic!("{report}"));
        Self { network, policy }
    }
}

/// What every part is measured with.
pub(crate) fn options() -> Options {
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    Options { guardrails: Guardrails::default(), capabilities, ..Options::default() }
}

/// The name of a sandbox's port.
pub(crate) fn host(sandbox: &str, port: u16) -> String {
    format!("{port}-{sandbox}.{DOMAIN}")
}

/// What says, to the node and to the edge, who asks.
pub(crate) fn asking(client: Ipv4Addr) -> [(&'static str, String); 3] {
    let client = client.to_string();
    let secret = (EDGE_SECRET_NAME, SECRET.to_owned());
    [secret, (sandgate::INTERNAL_HEADER, client.clone()), ("x-forwarded-for", client)]
}

const EDGE_SECRET_NAME: &str = "sandgate-edge-secret";

impl Platform {
    pub(crate) async fn start(kernel: KernelPart) -> Self {
        assert_eq!(EDGE_SECRET, EDGE_SECRET_NAME, "the header of the secret");
        let state = tempfile::tempdir().expect("a directory");
        let stop = CancellationToken::new();
        let agent = Agent::serve(node(kernel, &state), stop.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        let node = agent.ingress_addresses()[0];
        let edge = Edge::bind(edge(), OneNode(node)).unwrap_or_else(|error| panic!("{error}"));
        let edge_address = edge.addresses().expect("it listens")[0];
        tokio::spawn(edge.run(stop.clone()));
        let api = NodeClient::connect(format!("http://{}", agent.address())).await.expect("it answers");
        Self { agent, node, edge: edge_address, api, stop, _state: state }
    }

    /// Starts a sandbox. Its address.
    pub(crate) async fn create(&self, id: &str, wanted: &Wanted) -> Ipv4Addr {
        let request = CreateRequest {
            sandbox: id.into(),
            generation: 1,
            egress: Some((&wanted.network).into()),
            ingress: Some((&wanted.network).into()),
            allow_public_traffic: true,
            traffic_access_token: String::new(),
            end_time: None,
            fingerprint: wanted.policy.fingerprint().to_string(),
        };
        self.api.clone().create(request).await.expect("there is room");
        self.agent.registry().by_id(id).expect("it runs").ipv4
    }

    pub(crate) async fn update(&self, id: &str, generation: u64, wanted: &Wanted) {
        let request = UpdateRequest {
            sandbox: id.into(),
            generation,
            end_time: None,
            egress: Some((&wanted.network).into()),
            ingress: Some((&wanted.network).into()),
            fingerprint: wanted.policy.fingerprint().to_string(),
        };
        self.api.clone().update(request).await.expect("it is enforced");
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.agent.stopped().await.expect("it was told to");
    }
}

fn node(kernel: KernelPart, state: &TempDir) -> Config {
    // Without the kernel nobody makes addresses, so they are the loopback's.
    let ipv4 = if kernel == KernelPart::Absent { "127.64.0.0/24" } else { "10.213.0.0/24" };
    let pools = Pools::new(ipv4.parse().expect("a network"), "fd5a:9a7e::/112".parse().expect("a network"));
    Config {
        kernel,
        resolv_conf: false,
        remove_on_stop: true,
        ingress: Some(ingress::Config {
            listen: vec![LOOPBACK],
            domain: DOMAIN.into(),
            edge_secret: Secret::new(SECRET),
            connections: CONNECTIONS,
            connections_per_peer: CONNECTIONS,
            requests_per_sandbox: CONNECTIONS,
            timeouts: Timeouts::default(),
        }),
        ..Config::new(options(), pools.expect("pools"), state.path().into())
    }
}

/// Behind a balancer on the loopback, so that every request can have a client of its own.
fn edge() -> sandgate_edge::Config {
    sandgate_edge::Config {
        listen: vec![LOOPBACK],
        domain: DOMAIN.into(),
        client_address: ClientAddress::TrustedProxies(vec!["127.0.0.0/8".parse().expect("a network")]),
        secret: Secret::new(SECRET),
        connections: CONNECTIONS,
        connections_per_peer: CONNECTIONS,
        timeouts: Timeouts::default(),
    }
}
