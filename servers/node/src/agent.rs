//! The agent as a whole: what it binds, owns, and shuts down.

use crate::{
    config::{Config, KernelPart},
    egress::{EgressError, EgressProxy, Original},
    events::Events,
    ingress::IngressProxy,
    keeper::Keeper,
    kernel::{Denials, Kernel},
    registry::Registry,
    sandbox::InvalidPool,
    service::Service,
};
use sandgate_contract::node::node_server::NodeServer;
use std::{io, net::SocketAddr, num::NonZeroU16, sync::Arc, time::Duration};
use thiserror::Error;
use tokio::{net::TcpListener, process::Command, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Server, server::TcpIncoming};

/// A node agent that runs.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    ingress: Vec<SocketAddr>,
    registry: Arc<Registry>,
    keeper: Arc<Keeper>,
    serving: JoinHandle<Result<(), Error>>,
}

/// Why an agent does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The networks that sandboxes would get their addresses from do not do.
    #[error(transparent)]
    Pool(#[from] InvalidPool),
    /// The prefix of names is empty, ends with a digit, or leaves no room for a number.
    #[error("`{0}` cannot be in front of a number in the name of an interface")]
    Prefix(String),
    /// The address cannot be listened on.
    #[error("{address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The egress proxy cannot be started.
    #[error("the egress proxy: {0}")]
    Egress(#[from] EgressError),
    /// The egress proxy listens on several ports, or on none. The kernel redirects to one.
    #[error("the egress proxy needs one port for all addresses that it listens on")]
    EgressPort,
    /// The ingress proxy cannot be started.
    #[error("the ingress proxy: {0}")]
    Ingress(io::Error),
    /// The node could not be prepared.
    #[error("the node could not be prepared: {0}")]
    Prepare(String),
    /// Serving ended before it was to.
    #[error("serving failed: {0}")]
    Serve(String),
}

/// The largest message: the largest document, and its frame.
const MESSAGE: usize = 32 << 20;
/// Calls that one connection may have open.
const CALLS: usize = 256;
/// Calls and listeners that one connection may have open.
const STREAMS: u32 = 512;
/// How long a peer may be silent until it is asked, and until it has to answer then.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long callers may take to read the last answers and to close their connections.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How long work that was begun may take after the agent was told to stop.
const LAST_WORK: Duration = Duration::from_secs(60);

impl Agent {
    /// Prepares the node, takes over what runs, and answers until `shutdown` is cancelled.
    ///
    /// # Errors
    ///
    /// If the configuration does not do, the address is taken, or the kernel is required and
    /// cannot be had.
    pub async fn serve(config: Config, shutdown: CancellationToken) -> Result<Self, Error> {
        config.pools.check(&config.options.guardrails)?;
        let last = config.pools.room().saturating_sub(1);
        let is_plain = !config.prefix.is_empty() && !config.prefix.ends_with(|last: char| last.is_ascii_digit());
        if !is_plain || config.pools.link(&config.prefix, last).is_none() {
            return Err(Error::Prefix(config.prefix));
        }
        let listen = |error| Error::Listen { address: config.listen, error };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let registry = Arc::new(Registry::default());

        let events = Arc::new(Events::default());
        // The rules redirect to the egress proxy, so it is there before them.
        let proxies = Proxies::bind(&config, &registry, &events)?;
        let ingress = proxies.ingress_addresses()?;

        let prepare = |error: &dyn std::fmt::Display| Error::Prepare(error.to_string());
        let denials = if config.kernel == KernelPart::Absent { None } else { Denials::listen(&config) };
        let group = denials.as_ref().map(Denials::group);
        let kernel = Kernel::find(&config, proxies.egress_port()?, group).await.map_err(|failure| prepare(&failure))?;
        let denials = denials.filter(|_| kernel.is_present());
        let keeper = Keeper::start_up(&config, kernel, Arc::clone(&registry), events).await;
        let keeper = keeper.map_err(|refusal| prepare(&refusal))?;

        let service = Service::new(Arc::clone(&keeper), shutdown);
        let answered = Server::builder()
            .concurrency_limit_per_connection(CALLS)
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE));
        let told = tell_denials(denials, &keeper, service.stop.clone());
        let serving = tokio::spawn(run(answered, service, listener, proxies, told, config.remove_on_stop));
        tracing::info!(%address, "the node agent answers");
        Ok(Self { address, ingress, registry, keeper, serving })
    }

    /// Where the control API is answered.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the ingress proxy listens, in the order of the configuration.
    #[must_use]
    pub fn ingress_addresses(&self) -> &[SocketAddr] {
        &self.ingress
    }

    /// What runs.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// A program that will run in a sandbox: in its network namespace or, if the kernel takes no
    /// part, in the node's.
    #[must_use]
    pub fn command(&self, sandbox: &str, program: &str) -> Option<Command> {
        self.keeper.command(sandbox, program)
    }

    /// Waits until the agent has stopped.
    ///
    /// # Errors
    ///
    /// If it stopped by itself.
    pub async fn stopped(self) -> Result<(), Error> {
        self.serving.await.unwrap_or_else(|error| Err(Error::Serve(error.to_string())))
    }
}

/// Tells what the kernel denies, if it is heard.
fn tell_denials(
    denials: Option<Denials>,
    keeper: &Keeper,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let (registry, events) = (Arc::clone(&keeper.registry), Arc::clone(&keeper.events));
    async move {
        if let Some(denials) = denials {
            denials.run(registry, events, shutdown).await;
        }
    }
}

async fn run(
    mut server: Server,
    service: Service,
    listener: TcpListener,
    proxies: Proxies,
    told: impl Future<Output = ()> + Send + 'static,
    remove: bool,
) -> Result<(), Error> {
    let (keeper, shutdown) = (Arc::clone(&service.keeper), service.stop.clone());
    let proxies = proxies.run(Arc::clone(&keeper.events), shutdown.clone());
    let proxying = tokio::spawn(async { tokio::join!(proxies, told) });
    let service = NodeServer::new(service).max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE);
    let stop = shutdown.clone();
    let serving = server
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async move { stop.cancelled().await });
    let held_up = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    let served = tokio::select! {
        served = serving => served,
        // What a call has begun is a task of the keeper, and is waited for below.
        () = held_up => {
            tracing::warn!("a caller does not close its connection; it is not waited for");
            Ok(())
        }
    };
    // Streams and proxies end with the token, so that work comes to an end if serving failed as well.
    shutdown.cancel();
    if let Err(error) = proxying.await {
        tracing::error!(%error, "the proxies ended badly");
    }
    keeper.tasks.close();
    if timeout(LAST_WORK, keeper.tasks.wait()).await.is_err() {
        tracing::error!("work that was begun is not finished; the next start finds what there is of it");
    }
    if remove {
        keeper.remove_all().await;
    }
    served.map_err(|error| Error::Serve(error.to_string()))
}

/// The proxies, those that are wanted.
struct Proxies {
    egress: Option<EgressProxy>,
    ingress: Option<IngressProxy>,
}

impl Proxies {
    fn bind(config: &Config, registry: &Arc<Registry>, events: &Arc<Events>) -> Result<Self, Error> {
        let egress = config.egress.clone();
        let egress = egress.map(|config| EgressProxy::bind(config, Original::redirected(), registry, events));
        let ingress = config.ingress.clone();
        let ingress = ingress.map(|config| IngressProxy::bind(config, registry, events).map_err(Error::Ingress));
        Ok(Self { egress: egress.transpose()?, ingress: ingress.transpose()? })
    }

    /// The one port that the egress proxy listens on.
    fn egress_port(&self) -> Result<Option<NonZeroU16>, Error> {
        let Some(egress) = &self.egress else { return Ok(None) };
        let addresses = egress.addresses().map_err(EgressError::from)?;
        let mut ports = addresses.iter().map(SocketAddr::port);
        match ports.next().and_then(NonZeroU16::new) {
            Some(port) if ports.all(|other| other == port.get()) => Ok(Some(port)),
            _ => Err(Error::EgressPort),
        }
    }

    fn ingress_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        let addresses = self.ingress.as_ref().map(|ingress| ingress.addresses().map_err(Error::Ingress));
        Ok(addresses.transpose()?.unwrap_or_default())
    }

    /// Serves until `shutdown` is cancelled.
    async fn run(self, events: Arc<Events>, shutdown: CancellationToken) {
        let egress = async {
            if let Some(egress) = self.egress {
                egress.run(shutdown.clone()).await;
            }
        };
        let ingress = async {
            if let Some(ingress) = self.ingress {
                ingress.run(shutdown.clone()).await;
            }
        };
        tokio::join!(egress, ingress, events.run(shutdown.clone()));
    }
}
