//! The calls of the control API.
//!
//! A call that changes something is carried out in a task of its own: it is finished, or undone,
//! even if the caller has gone.

use crate::{
    change::{Change, Refusal, Stop, Wanted},
    keeper::Keeper,
};
use sandgate_contract::node::{
    CreateRequest, CreateResponse, DeleteRequest, DeleteResponse, Event, ListRequest, ListResponse, UpdateRequest,
    UpdateResponse, WatchRequest, node_server::Node,
};
use std::{future::Future, sync::Arc};
use tokio::sync::{
    Semaphore,
    broadcast::{self, error::RecvError},
    mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Answers the control API.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) stop: CancellationToken,
    /// Places for changes that are under way, whoever still waits for them.
    changes: Arc<Semaphore>,
}

/// How many changes may be under way.
const CHANGES: usize = 1024;

impl Service {
    pub(crate) fn new(keeper: Arc<Keeper>, stop: CancellationToken) -> Self {
        Self { keeper, stop, changes: Arc::new(Semaphore::new(CHANGES)) }
    }

    /// Carries work out, whether or not anybody waits for it.
    async fn carry_out<W>(&self, work: W) -> Result<(), Status>
    where
        W: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.changes).try_acquire_owned() else {
            return Err(Status::resource_exhausted("too many changes are under way already"));
        };
        let done = self.keeper.tasks.spawn(async move {
            let _place = place;
            work.await.inspect_err(|refusal| tracing::warn!(%refusal, "refused"))
        });
        done.await.unwrap_or(Err(Refusal::Unfinished)).map_err(Status::from)
    }
}

#[tonic::async_trait]
impl Node for Service {
    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateResponse>, Status> {
        let wanted = Wanted::try_from(request.into_inner())?;
        let keeper = Arc::clone(&self.keeper);
        self.carry_out(async move { keeper.create(wanted).await }).await?;
        Ok(Response::new(CreateResponse {}))
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        let change = Change::try_from(request.into_inner())?;
        let keeper = Arc::clone(&self.keeper);
        self.carry_out(async move { keeper.update(change).await }).await?;
        Ok(Response::new(UpdateResponse {}))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let stop = Stop::try_from(request.into_inner())?;
        let keeper = Arc::clone(&self.keeper);
        self.carry_out(async move { keeper.delete(&stop.id, stop.generation).await }).await?;
        Ok(Response::new(DeleteResponse {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        Ok(Response::new(ListResponse { sandboxes: self.keeper.list() }))
    }

    type WatchStream = ReceiverStream<Result<Event, Status>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let only = request.into_inner().sandbox;
        let (told, listener) = mpsc::channel(16);
        self.keeper.tasks.spawn(pass_on(self.keeper.events.subscribe(), only, told, self.stop.clone()));
        Ok(Response::new(ReceiverStream::new(listener)))
    }
}

/// Passes events on until the agent stops or the listener has gone.
async fn pass_on(
    mut events: broadcast::Receiver<Event>,
    only: String,
    told: mpsc::Sender<Result<Event, Status>>,
    stop: CancellationToken,
) {
    let all = async {
        loop {
            let event = match events.recv().await {
                Ok(event) if only.is_empty() || event.sandbox == only => Ok(event),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => {
                    Err(Status::resource_exhausted(format!("too slow: {missed} events were missed")))
                }
                Err(RecvError::Closed) => return,
            };
            let is_last = event.is_err();
            if told.send(event).await.is_err() || is_last {
                return;
            }
        }
    };
    tokio::select! {
        () = all => {}
        () = stop.cancelled() => {}
        () = told.closed() => {}
    }
}
