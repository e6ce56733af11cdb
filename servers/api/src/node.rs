//! The node, as the control API sees it: calls of bounded time, and what is known when one fails.

use crate::store::{Sandbox, Stored};
use sandgate_contract::node::{
    CreateRequest, DeleteRequest, Egress, Ingress, ListRequest, Running, UpdateRequest, node_client::NodeClient,
};
use std::{collections::HashMap, error::Error, future::Future, time::Duration};
use tonic::{
    Code, ConnectError, Response, Status,
    transport::{Channel, Endpoint},
};

/// Bytes of the longest answer that is read. Only that of `List` grows: 100 bytes a sandbox.
const LONGEST_ANSWER: usize = 64 << 20;

/// How often a connection is tried, and how long to wait in between.
const CONNECTIONS: u8 = 3;
const BETWEEN_CONNECTIONS: Duration = Duration::from_millis(100);

/// Why the node did not do what was asked, by what is known of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// It never heard of it.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// It heard of it and did nothing.
    #[error("the node refuses: {message} ({code:?})")]
    Refused {
        /// What kind of refusal it is.
        code: Code,
        /// What the node said.
        message: String,
    },
    /// It may have heard of it, and may have done it, or may still do it.
    #[error("the node's answer was lost: {0}")]
    Lost(String),
}

impl NodeError {
    /// Whether it is this kind of refusal.
    pub(crate) fn is(&self, expected: Code) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == expected)
    }
}

impl From<Status> for NodeError {
    fn from(status: Status) -> Self {
        let mut source = status.source();
        while let Some(error) = source {
            if error.is::<ConnectError>() {
                return Self::Unreachable(status.message().to_owned());
            }
            source = error.source();
        }
        // A status with a source was made on this side, out of a connection that failed. The codes
        // are those that a node gives without knowing what became of the call.
        let unknown = matches!(
            status.code(),
            Code::Unknown
                | Code::Unavailable
                | Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Internal
                | Code::DataLoss
        );
        let message = status.message().to_owned();
        if unknown || status.source().is_some() {
            Self::Lost(message)
        } else {
            Self::Refused { code: status.code(), message }
        }
    }
}

/// A node, which is connected to when it is needed.
#[derive(Debug, Clone)]
pub struct Node {
    client: NodeClient<Channel>,
    call_time: Duration,
}

impl Node {
    /// The node at a URI such as `http://127.0.0.1:7000`. Each call takes at most the given time.
    ///
    /// # Errors
    ///
    /// It is no URI.
    pub fn new(uri: &str, call_time: Duration) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(uri.to_owned())?
            .connect_timeout(call_time)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .connect_lazy();
        let client = NodeClient::new(channel).max_decoding_message_size(LONGEST_ANSWER);
        Ok(Self { client, call_time })
    }

    /// Makes the node run a generation of a sandbox, whether it already runs another or not. What
    /// is expected is tried first.
    pub(crate) async fn run(&self, sandbox: &Sandbox, stored: &Stored, expected: bool) -> Result<(), NodeError> {
        if expected {
            match self.update(sandbox, stored).await {
                Err(error) if error.is(Code::NotFound) => self.create(sandbox, stored).await,
                result => result,
            }
        } else {
            match self.create(sandbox, stored).await {
                Err(error) if error.is(Code::AlreadyExists) => self.update(sandbox, stored).await,
                result => result,
            }
        }
    }

    async fn create(&self, sandbox: &Sandbox, stored: &Stored) -> Result<(), NodeError> {
        let request = CreateRequest {
            sandbox: sandbox.id.clone(),
            generation: stored.generation,
            egress: Some(Egress::from(&stored.config)),
            ingress: Some(Ingress::from(&stored.config)),
            allow_public_traffic: stored.config.allow_public_traffic,
            traffic_access_token: sandbox.traffic_access_token.clone(),
            end_time: None,
            fingerprint: stored.fingerprint.clone(),
        };
        self.call(request, |mut node, request| async move { node.create(request).await }).await.map(|_| ())
    }

    async fn update(&self, sandbox: &Sandbox, stored: &Stored) -> Result<(), NodeError> {
        let request = UpdateRequest {
            sandbox: sandbox.id.clone(),
            generation: stored.generation,
            end_time: None,
            egress: Some(Egress::from(&stored.config)),
            ingress: Some(Ingress::from(&stored.config)),
            fingerprint: stored.fingerprint.clone(),
        };
        self.call(request, |mut node, request| async move { node.update(request).await }).await.map(|_| ())
    }

    /// Stops a sandbox, unless it runs a newer generation than this. One that does not run is a success, so a lost answer is asked for again. That
    /// the second call failed says nothing of the first, whose answer stays lost then.
    pub(crate) async fn delete(&self, id: &str, generation: u64) -> Result<(), NodeError> {
        let request = DeleteRequest { sandbox: id.to_owned(), generation };
        let call = || self.call(request.clone(), |mut node, request| async move { node.delete(request).await });
        match call().await {
            Err(lost @ NodeError::Lost(_)) => call().await.map_err(|_| lost),
            result => result,
        }
        .map(|_| ())
    }

    /// What runs, by name.
    pub(crate) async fn list(&self) -> Result<HashMap<String, Running>, NodeError> {
        let list = self.call(ListRequest {}, |mut node, request| async move { node.list(request).await }).await?;
        Ok(list.sandboxes.into_iter().map(|running| (running.sandbox.clone(), running)).collect())
    }

    /// One call in bounded time. A call that was never sent is tried again.
    async fn call<Q: Clone, A, F: Future<Output = Result<Response<A>, Status>>>(
        &self,
        request: Q,
        call: impl Fn(NodeClient<Channel>, Q) -> F,
    ) -> Result<A, NodeError> {
        let calls = async {
            let mut connections = 0_u8;
            loop {
                connections = connections.saturating_add(1);
                match call(self.client.clone(), request.clone()).await.map_err(NodeError::from) {
                    Ok(answer) => return Ok(answer.into_inner()),
                    Err(NodeError::Unreachable(_)) if connections < CONNECTIONS => {
                        tokio::time::sleep(BETWEEN_CONNECTIONS).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        tokio::time::timeout(self.call_time, calls)
            .await
            .unwrap_or_else(|_| Err(NodeError::Lost(format!("no answer within {:?}", self.call_time))))
    }
}
