//! Bytes in both directions, for as long as they are allowed.

use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    time::{MissedTickBehavior, interval},
};

/// How a relay came to its end.
#[derive(Debug)]
pub enum Ended {
    /// Both sides said all.
    Closed,
    /// A side failed, or was idle for too long.
    Failed(io::Error),
    /// It is no longer allowed.
    NoLongerAllowed,
}

/// Copies in both directions until both sides have ended, a side fails, or the question whether
/// the connection is still allowed, asked `every` so often, is answered with no.
pub async fn relay<A, B>(
    one: &mut A,
    other: &mut B,
    every: Duration,
    mut is_still_allowed: impl FnMut() -> bool,
) -> Ended
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    // A clock that never stands still would be no clock.
    let mut again = interval(every.max(Duration::from_millis(1)));
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let copy = copy_bidirectional(one, other);
    tokio::pin!(copy);
    loop {
        tokio::select! {
            copied = &mut copy => return copied.map_or_else(Ended::Failed, |_| Ended::Closed),
            _ = again.tick() => if !is_still_allowed() { return Ended::NoLongerAllowed },
        }
    }
}
