//! A body on its way, for as long as it is allowed and moves.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

/// How often it is asked whether what is under way is still allowed.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether what is under way may go on.
pub type IsStillAllowed = Arc<dyn Fn() -> bool + Send + Sync>;

/// Why a body has no end: whoever reads it must not take what came for all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The side that sends it failed.
    #[error(transparent)]
    Failed(#[from] hyper::Error),
    /// No byte moved for too long.
    #[error("idle for too long")]
    Idle,
    /// It is no longer allowed.
    #[error("no longer allowed")]
    NoLongerAllowed,
}

/// How long the bodies of a request and of its answer go on.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) is_still_allowed: IsStillAllowed,
    /// When one of the two moved last.
    pub(crate) moved: watch::Sender<Instant>,
    /// How long neither may move. The connection of the client has a clock too, which stands still
    /// while the client has sent more than it was asked for.
    pub(crate) idle: Duration,
}

/// The body of a request or of an answer. It says when it moved, and is asked about while it
/// moves and while it does not.
pub(crate) struct Passing<H> {
    body: Incoming,
    watch: Watch,
    asked: Instant,
    /// Wakes it to be asked about. Most bodies are there at once, and never wait for it.
    again: Option<Interval>,
    _held: H,
}

impl<H> Passing<H> {
    /// Lets a body pass that is allowed now. What is held is dropped with it.
    pub(crate) fn new(body: Incoming, watch: Watch, held: H) -> Self {
        Self { body, watch, asked: Instant::now(), again: None, _held: held }
    }

    fn ask(&mut self, now: Instant) -> Result<(), Broken> {
        self.asked = now;
        if (self.watch.is_still_allowed)() { Ok(()) } else { Err(Broken::NoLongerAllowed) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Broken>> {
        let now = Instant::now();
        // One that always has bytes never waits for the clock.
        if now.saturating_duration_since(self.asked) >= ASK_AGAIN {
            self.ask(now)?;
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.watch.moved.send_replace(now);
            return Poll::Ready(frame.transpose().map_err(Broken::Failed));
        }
        loop {
            let again = self.again.get_or_insert_with(clock);
            ready!(again.poll_tick(context));
            let now = Instant::now();
            self.ask(now)?;
            if now.saturating_duration_since(*self.watch.moved.borrow()) >= self.watch.idle {
                return Poll::Ready(Err(Broken::Idle));
            }
        }
    }
}

fn clock() -> Interval {
    let mut clock = interval(ASK_AGAIN);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, when nothing is to be asked.
    clock.reset();
    clock
}

impl<H: Unpin> Body for Passing<H> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.poll(context).map(Result::transpose)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<H> fmt::Debug for Passing<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing").field("body", &self.body).finish_non_exhaustive()
    }
}
