//! What the tests of the control API share: a node that can fail, clients, databases.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod node;

pub(crate) use api::{Api, times};
pub(crate) use client::Client;
pub(crate) use database::{Postgres, Sqlite};
pub(crate) use node::{FakeNode, Fault};

/// The keys that the tests' servers know.
pub(crate) const BLUE: &str = "blue-0123456789abcdef";
pub(crate) const RED: &str = "red-0123456789abcdef";

/// Waits until something holds. That it never does is what fails, not how long it takes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}
