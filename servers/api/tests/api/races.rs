//! Several instances of the API on one database.

use crate::support::{Api, Client, FakeNode, Fault, Postgres, Sqlite, times, until};
use sandgate::{NetworkConfig, Options};
use sandgate_api::{
    control::Times,
    store::{State, Store, StoreError},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Runs a test on both databases, or says that it did not.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&super::Sqlite::new().url()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(postgres) = super::Postgres::start() {
                    super::$name(&postgres.url()).await;
                }
            })*
        }
    };
}

on_both! {
    no_change_is_lost_between_two_instances
    lost_answers_do_not_confuse_two_instances
    what_one_instance_leaves_the_other_ends
    what_a_suspended_instance_starts_late_is_stopped
    a_lease_that_has_ended_changes_nothing
    a_lease_that_nobody_took_is_renewed
    a_generation_is_given_out_once
}

fn counter(shown: &Value) -> u32 {
    let mask = shown["network"]["maskRequestHost"].as_str().unwrap_or("v0.example");
    mask.trim_start_matches('v').trim_end_matches(".example").parse().unwrap()
}

/// Counts up once, by reading and writing on the condition that nobody else wrote.
async fn count(client: &Client, id: &str) {
    loop {
        let shown = client.show(id).await;
        let body = format!(r#"{{"maskRequestHost": "v{}.example"}}"#, counter(&shown.body) + 1);
        match client.with("if-match", &shown.etag()).put(id, &body).await.status.as_u16() {
            204 => return,
            412 => {}
            status => panic!("{status}"),
        }
    }
}

async fn no_change_is_lost_between_two_instances(database: &str) {
    let node = FakeNode::start().await;
    let (one, other) = (Api::start(database, &node.uri()).await, Api::start(database, &node.uri()).await);
    let id = one.blue().create("{}").await.id();
    let callers: Vec<_> = [one.blue(), other.blue(), one.blue(), other.blue()]
        .into_iter()
        .map(|client| {
            let id = id.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    count(&client, &id).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let shown = one.blue().show(&id).await;
    assert_eq!(counter(&shown.body), 40);
    assert_eq!(other.blue().show(&id).await.body, shown.body);
    let history: Vec<u64> = (1..=41).collect();
    assert_eq!(node.history(&id), history, "the node heard of all, in order");
}

async fn lost_answers_do_not_confuse_two_instances(database: &str) {
    let node = FakeNode::start().await;
    let times = Times { call: Duration::from_millis(300), ..times() };
    let start = async || Api::start_with(database, &node.uri(), times, Options::default()).await;
    let (one, other) = (start().await, start().await);
    let id = one.blue().create("{}").await.id();
    for round in 0..4 {
        let faults = [Fault::LoseAnswer, Fault::LoseCall, Fault::Refuse(tonic::Code::Aborted)];
        node.fail(faults.into_iter().cycle().skip(round).take(4));
        let callers: Vec<_> = [one.blue(), other.blue(), one.blue(), other.blue()]
            .into_iter()
            .enumerate()
            .map(|(index, client)| {
                let id = id.clone();
                let body = format!(r#"{{"maskRequestHost": "r{round}-c{index}.example"}}"#);
                tokio::spawn(async move { client.put(&id, &body).await.status.as_u16() })
            })
            .collect();
        for caller in callers {
            let status = caller.await.unwrap();
            assert!([204, 502, 504].contains(&status), "{status}");
        }
        until("no fault is left", async || {
            let status = one.blue().put(&id, "{}").await.status;
            status == 204 && node.faults() == 0
        })
        .await;
        let blue = other.blue();
        until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
        let (shown, runs) = (blue.show(&id).await.body, node.runs(&id).unwrap());
        assert_eq!((&shown["network"], &shown["generation"]), (&json!({}), &json!(runs.generation)));
        assert!(node.history(&id).is_sorted_by(|one, next| one < next));
    }
}

async fn what_one_instance_leaves_the_other_ends(database: &str) {
    let node = FakeNode::start().await;
    let (one, other) = (Api::start(database, &node.uri()).await, Api::start(database, &node.uri()).await);
    let id = one.blue().create("{}").await.id();
    node.fail([Fault::LoseCall]);
    let caller = tokio::spawn({
        let (blue, id) = (one.blue(), id.clone());
        async move { blue.try_ask("PUT", &format!("/sandboxes/{id}/network"), r#"{"denyIn": ["0.0.0.0/0"]}"#).await }
    });
    until("the node was told", async || node.faults() == 0).await;
    one.kill();
    assert!(caller.await.unwrap().is_err());
    let blue = other.blue();
    until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
    assert_eq!(node.history(&id), [1, 3]);
    assert_eq!(blue.show(&id).await.body["network"], json!({}));
}

/// One instance stands still after it began a resumption. Its lease ends, the other takes the change
/// back and ends as well. Then the first goes on.
async fn what_a_suspended_instance_starts_late_is_stopped(database: &str) {
    let node = FakeNode::start().await;
    let patient = Times { call: Duration::from_mins(1), reconcile: Duration::from_hours(1), ..times() };
    let one = Api::start_with(database, &node.uri(), patient, Options::default()).await;
    let blue = one.blue();
    let id = blue.create("{}").await.id();
    assert_eq!(blue.post(&format!("/sandboxes/{id}/pause"), "").await.status, 204);
    let go = Arc::new(Notify::new());
    node.fail([Fault::Hold(Arc::clone(&go))]);
    let caller = tokio::spawn({
        let (blue, path) = (blue.clone(), format!("/sandboxes/{id}/resume"));
        async move { blue.post(&path, "").await }
    });
    until("the node was told", async || node.faults() == 0).await;
    let pool = sqlx::AnyPool::connect(database).await.unwrap();
    sqlx::query("UPDATE sandboxes SET lease_until = 0").execute(&pool).await.unwrap();
    let other = Api::start(database, &node.uri()).await;
    until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
    assert_eq!(blue.show(&id).await.body["state"], "paused");
    other.stop().await;
    go.notify_one();
    let answer = caller.await.unwrap();
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(answer.body["detail"].as_str().unwrap().contains("another"), "{answer:?}");
    assert_eq!(node.history(&id), [1, 3], "it was started");
    until("it is stopped", async || node.runs(&id).is_none()).await;
    assert_eq!(blue.post(&format!("/sandboxes/{id}/resume"), "").await.status, 204);
    assert_eq!(blue.show(&id).await.body["state"], "running");
}

const LONG: Duration = Duration::from_mins(1);

async fn a_lease_that_has_ended_changes_nothing(database: &str) {
    let store = Store::open(database).await.unwrap();
    let config = NetworkConfig::default();
    let (created, short) = store.insert("blue", &config, "f", Duration::ZERO).await.unwrap();
    let (taken, long) = store.take(&created.id, LONG).await.unwrap().unwrap();
    assert!(store.take(&created.id, LONG).await.unwrap().is_none(), "somebody has it");
    let before = taken.previous.clone().unwrap();
    assert!(matches!(store.renew(&short).await, Err(StoreError::LeaseLost(_))));
    assert!(matches!(store.raise(&short, &before, 0).await, Err(StoreError::LeaseLost(_))));
    assert!(matches!(store.confirm(short, State::Running).await, Err(StoreError::LeaseLost(_))));
    assert!(!store.find(&created.id).await.unwrap().unwrap().settled);
    store.confirm(long, State::Running).await.unwrap();
    assert!(store.find(&created.id).await.unwrap().unwrap().settled);
}

async fn a_lease_that_nobody_took_is_renewed(database: &str) {
    let store = Store::open(database).await.unwrap();
    let length = Duration::from_secs(4);
    let (created, lease) = store.insert("blue", &NetworkConfig::default(), "f", length).await.unwrap();
    until("it has ended", async || !store.standings().await.unwrap()[0].leased).await;
    store.renew(&lease).await.unwrap();
    assert!(store.standings().await.unwrap()[0].leased, "as long as at first");
    assert!(store.take(&created.id, LONG).await.unwrap().is_none(), "somebody has it");
}

async fn a_generation_is_given_out_once(database: &str) {
    let store = Store::open(database).await.unwrap();
    let config = NetworkConfig::default();
    let (created, lease) = store.insert("blue", &config, "f", LONG).await.unwrap();
    store.confirm(lease, State::Running).await.unwrap();
    let read = store.find(&created.id).await.unwrap().unwrap();
    let begin = async |read| store.begin(read, State::Running, &config, "g", LONG).await.unwrap();

    let (begun, lease) = begin(&read).await.unwrap();
    assert_eq!((begun.stored.generation, begun.acknowledged().generation), (2, 1));
    assert!(begin(&read).await.is_none() && begin(&begun).await.is_none(), "it is being changed");
    store.put_back(lease, begun.acknowledged()).await.unwrap();

    let (begun, lease) = begin(&read).await.unwrap();
    assert_eq!(begun.stored.generation, 3);
    assert_eq!(store.raise(&lease, begun.acknowledged(), 0).await.unwrap(), 4);
    assert_eq!(store.raise(&lease, begun.acknowledged(), 9).await.unwrap(), 10);
    store.confirm(lease, State::Running).await.unwrap();
    assert!(begin(&read).await.is_none(), "it is not as it was read");
    let read = store.find(&created.id).await.unwrap().unwrap();
    assert_eq!((read.stored.generation, read.issued, read.stored.fingerprint.as_str()), (10, 10, "f"));
}
