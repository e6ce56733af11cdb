//! Two instances of the API that share a database, a node and a sandbox.

#[path = "../../api/tests/api/support/database.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "another test's; only PostgreSQL is used here")]
mod database;

use crate::{
    http::{BLUE, Client},
    world::World,
};
use database::Postgres;
use std::thread;

/// Callers of each instance, and how often each of them counts.
const CALLERS: usize = 2;
const COUNTS: u64 = 12;

/// Each caller counts up what it read, on the condition that nobody else did: no count is lost.
pub(crate) fn two_instances() {
    drop(crate::world::lab());
    let postgres = Postgres::start();
    if postgres.is_none() {
        eprintln!("PostgreSQL IS NOT INSTALLED: THE TWO INSTANCES SHARE A FILE OF SQLITE");
    }
    let url = postgres.as_ref().map(Postgres::url);
    let world = World::with(2, url.as_deref());
    let sandbox = world.create("{}");
    let id = sandbox.id.as_str();
    let refused: u64 = thread::scope(|scope| {
        let callers: Vec<_> = world
            .services
            .api_addresses()
            .into_iter()
            .flat_map(|address| [address; CALLERS])
            .map(|address| {
                scope.spawn(move || (0..COUNTS).map(|_| count(&Client::new(address, BLUE), id)).sum::<u64>())
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("it ends")).sum()
    });
    let shown = world.agrees(&sandbox);
    let all = u64::try_from(CALLERS).expect("few") * 2 * COUNTS;
    assert_eq!(counter(&shown.body), all, "no count is lost");
    for address in world.services.api_addresses() {
        assert_eq!(Client::new(address, BLUE).show(id).body, shown.body, "both say the same");
    }
    let store = if url.is_some() { "PostgreSQL" } else { "SQLite" };
    eprintln!("  two instances on {store}: {all} counts, {refused} refused on their condition, none lost");
}

fn counter(shown: &serde_json::Value) -> u64 {
    let mask = shown["network"]["maskRequestHost"].as_str().unwrap_or("v0.example");
    mask.trim_start_matches('v').trim_end_matches(".example").parse().expect("a number")
}

/// Counts up once. How often somebody else was faster.
fn count(client: &Client, id: &str) -> u64 {
    for refused in 0.. {
        let shown = client.show(id);
        let next = counter(&shown.body) + 1;
        let host = 1 + next % 2;
        let body = format!(r#"{{"denyOut": ["203.0.113.{host}"], "maskRequestHost": "v{next}.example"}}"#);
        match client.with("if-match", &shown.header("etag")).put(id, &body).status {
            204 => return refused,
            412 => {}
            status => panic!("{status}"),
        }
    }
    unreachable!("it is counted before")
}
