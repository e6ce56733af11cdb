//! A connection that fails when no byte has moved for a while.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// Reading and writing fail with [`io::ErrorKind::TimedOut`] when neither has moved a byte for
/// that long. One clock for both directions: a peer that only listens is not idle.
///
/// It tells the time only while it is polled, from one task: whoever may leave it unpolled has a
/// clock of its own.
#[derive(Debug)]
pub(crate) struct Idle<T> {
    inner: T,
    limit: Duration,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<T> Idle<T> {
    /// Watches a connection from now on.
    #[must_use]
    pub(crate) fn new(inner: T, limit: Duration) -> Self {
        let now = Instant::now();
        Self { inner, limit, moved: now, alarm: Box::pin(sleep_until(after(now, limit))) }
    }

    /// What a poll of the connection gave, or the failure.
    fn watch<V>(&mut self, polled: Poll<io::Result<V>>, context: &mut Context<'_>) -> Poll<io::Result<V>> {
        if polled.is_ready() {
            // The alarm stays where it is, and is put off when it goes: no work for every byte.
            self.moved = Instant::now();
            return polled;
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let end = after(self.moved, self.limit);
            if end <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(end);
        }
    }
}

/// A time too far away to be written is never reached.
fn after(time: Instant, limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365);
    time.checked_add(limit.min(FAR)).unwrap_or(time)
}

impl<T: AsyncRead + Unpin> AsyncRead for Idle<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.watch(polled, context)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Idle<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.watch(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
