//! An instance of the API in a runtime of its own, so that it can be ended like a process.

use super::{BLUE, Client, RED};
use sandgate::Options;
use sandgate_api::{Config, Keys, Server, control::Times};
use std::{net::SocketAddr, time::Duration};
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

/// Short times, so that lost answers do not hold the tests up.
pub(crate) fn times() -> Times {
    Times {
        call: Duration::from_millis(500),
        wait: Duration::from_secs(20),
        reconcile: Duration::from_millis(300),
        document: Duration::from_secs(20),
    }
}

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Api {
    pub(crate) async fn start(database: &str, node: &str) -> Self {
        Self::start_with(database, node, times(), Options::default()).await
    }

    pub(crate) async fn start_with(database: &str, node: &str, times: Times, options: Options) -> Self {
        let keys = [format!("blue:{BLUE}"), format!("red:{RED}")];
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            database: database.to_owned(),
            node: node.to_owned(),
            keys: Keys::from_lines(keys.iter().map(String::as_str)).unwrap(),
            options,
            times,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.spawn(Server::bind(config)).await.unwrap().unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(server.serve(async { drop(stopped.await) }));
        Self { address, runtime: Some(runtime), stop: Some(stop), serving: Some(serving) }
    }

    /// Team blue.
    pub(crate) fn blue(&self) -> Client {
        Client::new(self.address, BLUE)
    }

    /// Team red.
    pub(crate) fn red(&self) -> Client {
        Client::new(self.address, RED)
    }

    /// Ends everything where it stands: no answer is given, no statement is finished.
    pub(crate) fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Ends the service as it ends itself.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.take().unwrap().await.unwrap();
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
