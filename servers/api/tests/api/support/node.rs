//! A node that answers real gRPC, enforces nothing, and can be made to fail in every way.

use sandgate::{Guardrails, NetworkConfig, Options, Policy};
use sandgate_contract::node::{
    CreateRequest, CreateResponse, DeleteRequest, DeleteResponse, Event, ListRequest, ListResponse, Running,
    UpdateRequest, UpdateResponse, WatchRequest,
    node_server::{Node, NodeServer},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::Notify};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// What happens to the next call that changes something.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is refused, and nothing is done.
    Refuse(tonic::Code),
    /// It is done, and the answer never comes.
    LoseAnswer,
    /// It is not done, and no answer comes.
    LoseCall,
    /// It is done and answered when the test says so, unless the caller has gone.
    Hold(Arc<Notify>),
    /// It is not done until the test says so, whoever has gone; its answer is of no use any more.
    Delay(Arc<Notify>),
}

/// What runs of a sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    pub(crate) generation: u64,
    pub(crate) config: NetworkConfig,
    pub(crate) fingerprint: String,
}

#[derive(Debug, Default)]
struct Inner {
    running: HashMap<String, Runs>,
    /// Every generation that ever ran, in order.
    history: HashMap<String, Vec<u64>>,
    faults: VecDeque<Fault>,
    /// Also `List` fails.
    mute: bool,
    /// Whose changes are lost: they are not made, and no answer comes.
    lost: HashSet<String>,
    calls: HashMap<String, usize>,
    options: Options,
}

/// A node whose sandboxes outlive its server, unless they are told not to.
#[derive(Debug)]
pub(crate) struct FakeNode {
    inner: Arc<Mutex<Inner>>,
    pub(crate) address: SocketAddr,
    /// Of its own, so that it can end like a process, with all its connections.
    runtime: Option<Runtime>,
}

impl FakeNode {
    pub(crate) async fn start() -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut node = Self { inner: Arc::default(), address, runtime: None };
        assert!(node.serve().await, "no port is free");
        node
    }

    /// Whether it could listen where it was.
    async fn serve(&mut self) -> bool {
        let service = NodeServer::new(Service(Arc::clone(&self.inner)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let Ok(listener) = runtime.spawn(TcpListener::bind(self.address)).await.unwrap() else {
            runtime.shutdown_background();
            return false;
        };
        self.address = listener.local_addr().unwrap();
        runtime.spawn(
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)),
        );
        self.runtime = Some(runtime);
        true
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server and every connection.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Starts the server again, where it was.
    pub(crate) async fn restart(&mut self) {
        for _ in 0..100 {
            if self.serve().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the port of the node was not freed");
    }

    /// Every sandbox ends, as when the machine is started anew.
    pub(crate) fn forget(&self) {
        let mut inner = self.lock();
        inner.running.clear();
        inner.history.clear();
    }

    /// What shapes its policies from now on.
    pub(crate) fn guard(&self, guardrails: Guardrails) {
        self.lock().options.guardrails = guardrails;
    }

    /// Makes the next calls fail, one after another.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// How many faults have not happened yet.
    pub(crate) fn faults(&self) -> usize {
        self.lock().faults.len()
    }

    /// Loses every change of these sandboxes.
    pub(crate) fn lose(&self, ids: &[String]) {
        self.lock().lost.extend(ids.iter().cloned());
    }

    /// Makes `List` fail, or not any more.
    pub(crate) fn mute(&self, mute: bool) {
        self.lock().mute = mute;
    }

    pub(crate) fn runs(&self, id: &str) -> Option<Runs> {
        self.lock().running.get(id).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().running.keys().cloned().collect()
    }

    /// Every generation that a sandbox ran, in order.
    pub(crate) fn history(&self, id: &str) -> Vec<u64> {
        self.lock().history.get(id).cloned().unwrap_or_default()
    }

    /// How many calls came that change something.
    pub(crate) fn calls(&self) -> usize {
        self.lock().calls.values().sum()
    }

    /// How many of them were about one sandbox.
    pub(crate) fn calls_of(&self, id: &str) -> usize {
        self.lock().calls.get(id).copied().unwrap_or_default()
    }

    /// Lets something run behind the back of the API.
    pub(crate) fn put(&self, id: &str, generation: u64, config: NetworkConfig) {
        let mut inner = self.lock();
        let fingerprint = inner.fingerprint(&config).unwrap();
        inner.running.insert(id.to_owned(), Runs { generation, config, fingerprint });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Service(Arc<Mutex<Inner>>);

impl Service {
    /// Does something to what runs, or fails as it is told to.
    async fn change<T: Send + 'static>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Inner) -> Result<T, Status> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let fault = {
            let mut inner = self.0.lock().unwrap();
            *inner.calls.entry(id.to_owned()).or_default() += 1;
            if inner.lost.contains(id) { Some(Fault::LoseCall) } else { inner.faults.pop_front() }
        };
        match fault {
            None => change(&mut self.0.lock().unwrap()).map(Response::new),
            Some(Fault::Refuse(code)) => Err(Status::new(code, "told to refuse")),
            Some(Fault::LoseAnswer) => {
                let _ = change(&mut self.0.lock().unwrap());
                std::future::pending().await
            }
            Some(Fault::Hold(go)) => {
                go.notified().await;
                change(&mut self.0.lock().unwrap()).map(Response::new)
            }
            Some(Fault::LoseCall) => std::future::pending().await,
            Some(Fault::Delay(go)) => {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move {
                    go.notified().await;
                    let _ = change(&mut inner.lock().unwrap());
                });
                std::future::pending().await
            }
        }
    }
}

impl Inner {
    fn run(&mut self, id: String, generation: u64, config: NetworkConfig, expected: &str) -> Result<(), Status> {
        let fingerprint = self.fingerprint(&config).map_err(Status::invalid_argument)?;
        if fingerprint != expected {
            return Err(Status::failed_precondition("the node compiles another policy"));
        }
        self.history.entry(id.clone()).or_default().push(generation);
        self.running.insert(id, Runs { generation, config, fingerprint });
        Ok(())
    }

    fn fingerprint(&self, config: &NetworkConfig) -> Result<String, String> {
        let policy = Policy::compile(config, &self.options).map_err(|report| report.to_string())?;
        Ok(policy.fingerprint().to_string())
    }
}

#[tonic::async_trait]
impl Node for Service {
    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateResponse>, Status> {
        let request = request.into_inner();
        self.change(&request.sandbox.clone(), move |inner| {
            match inner.running.get(&request.sandbox) {
                Some(runs) if runs.generation == request.generation && runs.fingerprint == request.fingerprint => {
                    return Ok(CreateResponse {});
                }
                Some(_) => return Err(Status::already_exists("it runs")),
                None => {}
            }
            let mut config =
                NetworkConfig { allow_public_traffic: request.allow_public_traffic, ..NetworkConfig::default() };
            request.egress.unwrap_or_default().put_into(&mut config);
            request.ingress.unwrap_or_default().put_into(&mut config);
            inner.run(request.sandbox, request.generation, config, &request.fingerprint)?;
            Ok(CreateResponse {})
        })
        .await
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        let request = request.into_inner();
        self.change(&request.sandbox.clone(), move |inner| {
            let runs = inner.running.get(&request.sandbox).ok_or_else(|| Status::not_found("it does not run"))?;
            if request.generation == runs.generation && request.fingerprint == runs.fingerprint {
                return Ok(UpdateResponse {});
            }
            if request.generation <= runs.generation {
                return Err(Status::aborted("something newer runs"));
            }
            let mut config = runs.config.clone();
            if let Some(egress) = request.egress {
                egress.put_into(&mut config);
            }
            if let Some(ingress) = request.ingress {
                ingress.put_into(&mut config);
            }
            inner.run(request.sandbox, request.generation, config, &request.fingerprint)?;
            Ok(UpdateResponse {})
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let request = request.into_inner();
        self.change(&request.sandbox.clone(), move |inner| {
            if inner.running.get(&request.sandbox).is_some_and(|runs| runs.generation > request.generation) {
                return Err(Status::aborted("something newer runs"));
            }
            inner.running.remove(&request.sandbox);
            Ok(DeleteResponse {})
        })
        .await
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let inner = self.0.lock().unwrap();
        if inner.mute {
            return Err(Status::unavailable("told to say nothing"));
        }
        let running = inner.running.iter().map(|(id, runs)| Running {
            sandbox: id.clone(),
            generation: runs.generation,
            fingerprint: runs.fingerprint.clone(),
        });
        Ok(Response::new(ListResponse { sandboxes: running.collect() }))
    }

    type WatchStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<Event, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("the API does not watch"))
    }
}
