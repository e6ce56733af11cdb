//! Connections to next hops, and how many of them are open: those under way, and those that wait
//! for another request.

use crate::{Slot, Slots};
use hyper::{
    Uri,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use std::{
    error::Error,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::net::TcpStream;
use tower_service::Service;

/// Opens connections while there is room.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) http: HttpConnector,
    /// By the host of the next hop: all its ports count together.
    pub(crate) room: Arc<Slots<String>>,
}

/// There is no room for another connection.
#[derive(Debug, thiserror::Error)]
#[error("too many connections to the next hop are open")]
pub(crate) struct Full;

type Failed = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Open;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Open, Failed>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let slot = self.room.take(to.host().unwrap_or_default().into());
        let connecting = self.http.call(to);
        Box::pin(async move {
            let slot = slot.ok_or(Full)?;
            Ok(Open { stream: connecting.await?, _slot: slot })
        })
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open {
    stream: TokioIo<TcpStream>,
    _slot: Slot,
}

impl Connection for Open {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Open {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Open {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
