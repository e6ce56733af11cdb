//! A node on loopback: sandboxes, an egress proxy, a name server, and servers to reach.

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{RData, Record, RecordType},
};
use sandgate::{NetworkConfig, Options, Policy};
use sandgate_contract::node::{Denied, Event, event::What};
use sandgate_node_agent::{
    Enforced, Registry, Sandbox,
    egress::{Config, EgressProxy, Original, Protocol},
    events::Events,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
    sync::broadcast,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
/// A server that names lead to.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// What the operator always denies here, instead of loopback as a whole.
pub(crate) const FORBIDDEN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 9, 1));
/// An address with no server, which sandboxes believe names to have.
pub(crate) const OFFERED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 99));

/// Waits, but not forever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it takes too long")
}

pub(crate) fn policy(document: &str) -> Policy {
    let guardrails = r#"{"alwaysDenied": ["127.0.9.0/24"], "nameServer": null}"#;
    let guardrails = sandgate::Guardrails::from_json(guardrails).unwrap();
    let config = NetworkConfig::from_json(document).unwrap();
    Policy::compile(&config, &Options { guardrails, ..Options::default() }).unwrap()
}

/// The document that allows one name and nothing else.
pub(crate) const ONE_NAME: &str = r#"{"allowOut": ["api.example"], "denyOut": ["0.0.0.0/0"]}"#;

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    pub(crate) events: broadcast::Receiver<Event>,
    pub(crate) proxies: Vec<SocketAddr>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    names: Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>,
    /// What the name server was asked.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// Everything that sandboxes send goes, as they believe, to this address.
    pub(crate) async fn new(to: SocketAddr) -> Self {
        Self::with(to, |_| {}).await
    }

    pub(crate) async fn with(to: SocketAddr, change: impl FnOnce(&mut Config)) -> Self {
        let names = BTreeMap::from([(to.port(), Protocol::Tls)]);
        let change = |config: &mut Config| {
            config.names = names;
            change(config);
        };
        Self::redirected(Original::told_by(move |_| Ok(to)), change).await
    }

    pub(crate) async fn redirected(original: Original, change: impl FnOnce(&mut Config)) -> Self {
        let names = Arc::new(Mutex::new(BTreeMap::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let name_server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let listen = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
        let mut config = Config::new(listen, name_server.local_addr().unwrap());
        tokio::spawn(serve_names(name_server, Arc::clone(&names), Arc::clone(&asked)));
        config.judge_again = Duration::from_millis(50);
        change(&mut config);
        let (registry, events) = (Arc::new(Registry::default()), Arc::new(Events::default()));
        let subscriber = events.subscribe();
        let proxy = EgressProxy::bind(config, original, &registry, &events).unwrap();
        let proxies = proxy.addresses().unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(proxy.run(shutdown.clone()));
        Self { registry, events: subscriber, proxies, shutdown, running, names, asked }
    }

    /// A sandbox with the address 127.0.1.`number`.
    pub(crate) fn sandbox(&self, number: u8, document: &str) -> Arc<Sandbox> {
        let sandbox = Arc::new(Sandbox {
            id: format!("sandbox{number}"),
            ipv4: Ipv4Addr::new(127, 0, 1, number),
            ipv6: if number == 1 { Ipv6Addr::LOCALHOST } else { Ipv6Addr::from(u128::from(number)) },
            traffic_access_token: String::new(),
            enforced: Arc::new(Enforced { generation: 1, policy: policy(document) }).into(),
        });
        self.registry.insert(&sandbox);
        sandbox
    }

    pub(crate) fn name(&self, name: &str, addresses: &[IpAddr]) {
        self.names.lock().unwrap().insert(name.into(), addresses.into());
    }

    /// A connection of the sandbox 127.0.1.`number`.
    pub(crate) async fn connect(&self, number: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 1, number], 0))).unwrap();
        socket.connect(self.proxies[0]).await.unwrap()
    }

    /// A connection of the sandbox `::1`, over IPv6.
    pub(crate) async fn connect_v6(&self) -> TcpStream {
        TcpStream::connect(self.proxies[1]).await.unwrap()
    }

    pub(crate) async fn denied(&mut self) -> Denied {
        match within(self.events.recv()).await.unwrap().what.unwrap() {
            What::Denied(denied) => denied,
            What::Updated(updated) => panic!("{updated:?}"),
        }
    }

    /// Stops the proxy, which must not leave anything behind.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        within(self.running).await.unwrap();
    }
}

/// The connection ends without a byte.
pub(crate) async fn assert_refused(mut client: TcpStream) {
    let mut byte = [0];
    match within(client.read(&mut byte)).await {
        Ok(0) | Err(_) => {}
        Ok(_) => panic!("there is an answer: {byte:?}"),
    }
}

/// A server on an address, which is not yet asked for anything.
pub(crate) async fn listen(address: IpAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serve_names(
    socket: UdpSocket,
    names: Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let query = Message::from_vec(&buffer[..length]).unwrap();
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        let question = query.queries[0].clone();
        let name = question.name().to_string();
        let known = names.lock().unwrap().get(name.trim_end_matches('.')).cloned();
        asked.lock().unwrap().push(name);
        if known.is_none() {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        for address in known.into_iter().flatten() {
            let data = match (address, question.query_type()) {
                (IpAddr::V4(address), RecordType::A) => RData::A(address.into()),
                (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA(address.into()),
                _ => continue,
            };
            answer.add_answer(Record::from_rdata(question.name().clone(), 0, data));
        }
        answer.add_query(question);
        socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
    }
}
