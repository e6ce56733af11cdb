//! An edge, a node and a sandbox on loopback, and clients that write what they like.

use sandgate::{ClientAddress, Guardrails, NetworkConfig, Options, Policy};
use sandgate_contract::node::{Denied, Event, event::What};
use sandgate_edge::{Edge, OneNode};
use sandgate_node_agent::{
    Enforced, Registry, Sandbox,
    events::Events,
    ingress::{Config, IngressProxy},
};
use sandgate_proxy::{Secret, Timeouts};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
pub(crate) const SECRET: &str = "between edge and node";
pub(crate) const TOKEN: &str = "for the sandbox";
const SANDBOX: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

/// Waits, but not forever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it takes too long")
}

pub(crate) struct World {
    pub(crate) edge: SocketAddr,
    pub(crate) node: SocketAddr,
    /// The port that the sandbox's server has.
    pub(crate) port: u16,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) registry: Arc<Registry>,
    events: broadcast::Receiver<Event>,
    shutdown: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

pub(crate) fn policy(document: &str, exempt_port: u16) -> Policy {
    let guardrails = Guardrails::from_json(&format!(r#"{{"exemptPorts": [{exempt_port}]}}"#)).unwrap();
    let config = NetworkConfig::from_json(document).unwrap();
    Policy::compile(&config, &Options { guardrails, ..Options::default() }).unwrap()
}

impl World {
    /// A sandbox with this document, whose server says what it is asked.
    pub(crate) async fn new(document: &str) -> (Self, TcpListener) {
        Self::with(document, |_| {}).await
    }

    pub(crate) async fn with(document: &str, change: impl FnOnce(&mut Config)) -> (Self, TcpListener) {
        let server = TcpListener::bind((SANDBOX, 0)).await.unwrap();
        let port = server.local_addr().unwrap().port();
        let registry = Arc::new(Registry::default());
        let sandbox = Arc::new(Sandbox {
            id: "abc".into(),
            ipv4: SANDBOX,
            ipv6: Ipv6Addr::LOCALHOST,
            traffic_access_token: TOKEN.into(),
            enforced: Arc::new(Enforced { generation: 1, policy: policy(document, 1) }).into(),
        });
        registry.insert(&sandbox);
        let events = Arc::new(Events::default());
        let subscriber = events.subscribe();
        let mut config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            domain: "sandbox.example".into(),
            edge_secret: Secret::new(SECRET),
            connections: 100,
            connections_per_peer: 100,
            requests_per_sandbox: 100,
            timeouts: Timeouts { grace: Duration::from_millis(200), ..Timeouts::default() },
        };
        change(&mut config);
        let timeouts = config.timeouts;
        let node = IngressProxy::bind(config, &registry, &events).unwrap();
        let node_address = node.addresses().unwrap()[0];
        let edge = sandgate_edge::Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            domain: "sandbox.example".into(),
            // The tests are the balancer: what they write last is the balancer's address.
            client_address: ClientAddress::TrustedHops { hops: NonZeroUsize::MIN, proxies: None },
            secret: Secret::new(SECRET),
            connections: 100,
            connections_per_peer: 100,
            timeouts,
        };
        let edge = Edge::bind(edge, OneNode(node_address)).unwrap();
        let edge_address = edge.addresses().unwrap()[0];
        let shutdown = CancellationToken::new();
        let running = vec![tokio::spawn(edge.run(shutdown.clone())), tokio::spawn(node.run(shutdown.clone()))];
        let world = Self {
            edge: edge_address,
            node: node_address,
            port,
            sandbox,
            registry,
            events: subscriber,
            shutdown,
            running,
        };
        (world, server)
    }

    /// Puts another document in place. Port 1 is exempt, or the one that is given.
    pub(crate) fn update(&self, document: &str, exempt_port: Option<u16>) {
        let policy = policy(document, exempt_port.unwrap_or(1));
        self.sandbox.enforced.store(Arc::new(Enforced { generation: 2, policy }));
    }

    /// The name that leads to the server of the sandbox.
    pub(crate) fn host(&self) -> String {
        format!("{}-abc.sandbox.example", self.port)
    }

    /// What a request for the server is answered, with these header lines in it.
    pub(crate) async fn get(&self, at: SocketAddr, lines: &str) -> Answer {
        ask(at, &format!("GET /path?query HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{lines}\r\n", self.host())).await
    }

    pub(crate) async fn denied(&mut self) -> Denied {
        match within(self.events.recv()).await.unwrap().what.unwrap() {
            What::Denied(denied) => denied,
            What::Updated(updated) => panic!("{updated:?}"),
        }
    }

    /// Stops both, which must not leave anything behind.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        for running in self.running {
            within(running).await.unwrap();
        }
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Writes a request that ends its connection, and reads what comes.
pub(crate) async fn ask(at: SocketAddr, request: &str) -> Answer {
    let mut connection = within(TcpStream::connect(at)).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(connection.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("no answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.into() }
}

/// Reads up to the end of a head.
pub(crate) async fn read_head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(connection.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// Answers each request with its own head, in lower case, until the test is over.
pub(crate) fn say_what_is_asked(server: TcpListener) {
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = server.accept().await {
            tokio::spawn(async move {
                let head = read_head(&mut connection).await;
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len());
                connection.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
}
