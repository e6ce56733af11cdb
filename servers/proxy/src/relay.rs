//! Bytes in both directions, for as long as they are allowed and move.

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::{Instant, MissedTickBehavior, interval},
};

/// How a relay came to its end.
#[derive(Debug)]
pub enum Ended {
    /// Both sides said all.
    Closed,
    /// A side failed.
    Failed(io::Error),
    /// No byte moved for too long.
    Idle,
    /// It is no longer allowed.
    NoLongerAllowed,
}

/// Copies in both directions until both sides have ended, a side fails, or one of two questions,
/// asked `every` so often, is answered with no: whether the connection is still allowed, and
/// whether a byte has moved within the time that it may be `idle`.
///
/// The clock is the relay's own. A side that has ended is not polled again, nor is one whose bytes
/// the other does not take: neither could tell the time.
pub async fn relay<A, B>(
    one: &mut A,
    other: &mut B,
    every: Duration,
    idle: Duration,
    mut is_still_allowed: impl FnMut() -> bool,
) -> Ended
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    // A clock that never stands still would be no clock.
    let mut again = interval(every.max(Duration::from_millis(1)));
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let moved = AtomicBool::new(false);
    let (mut one, mut other) = (Moving { side: one, moved: &moved }, Moving { side: other, moved: &moved });
    let copy = copy_bidirectional(&mut one, &mut other);
    tokio::pin!(copy);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            copied = &mut copy => return copied.map_or_else(Ended::Failed, |_| Ended::Closed),
            _ = again.tick() => {
                if !is_still_allowed() {
                    return Ended::NoLongerAllowed;
                }
                if moved.swap(false, Ordering::Relaxed) {
                    last = Instant::now();
                } else if last.elapsed() >= idle {
                    return Ended::Idle;
                }
            }
        }
    }
}

/// A side that says when it has moved: no look at the clock for every byte.
struct Moving<'m, T> {
    side: &'m mut T,
    moved: &'m AtomicBool,
}

impl<T> Moving<'_, T> {
    fn watch<V>(&self, polled: Poll<V>) -> Poll<V> {
        if polled.is_ready() {
            self.moved.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Moving<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut *self.side).poll_read(context, buffer);
        self.watch(polled)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Moving<'_, T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.side).poll_write(context, bytes);
        self.watch(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.side).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.side).poll_shutdown(context)
    }
}
