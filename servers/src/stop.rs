//! The end: SIGTERM and ctrl-c.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for signals from its beginning on.
pub(crate) struct Stop {
    /// Cancelled by the first signal.
    pub(crate) token: CancellationToken,
}

impl Stop {
    /// Signals no longer end the process; they cancel the token. A second one ends the process where
    /// it stands.
    pub(crate) fn begin() -> io::Result<Self> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let token = CancellationToken::new();
        let cancelled = token.clone();
        tokio::spawn(async move {
            for is_first in [true, false] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if is_first {
                    tracing::info!("told to stop: what is under way is ended");
                    cancelled.cancel();
                }
            }
            tracing::warn!("told to stop a second time: nothing more is waited for");
            std::process::exit(130);
        });
        Ok(Self { token })
    }
}
