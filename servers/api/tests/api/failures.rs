//! What happens when the node refuses, is not there, or its answer is lost.

use crate::support::{Api, Client, FakeNode, Fault, Sqlite, times, until};
use sandgate::{Guardrails, NetworkConfig, Options};
use sandgate_api::control::Times;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tonic::Code;

struct World {
    node: FakeNode,
    api: Api,
    _database: Sqlite,
}

async fn world_with(times: Times) -> World {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start_with(&database.url(), &node.uri(), times, Options::default()).await;
    World { node, api, _database: database }
}

async fn world() -> World {
    world_with(times()).await
}

/// Times in which nothing is reconciled but at the start and where it is asked for.
fn unreconciled() -> Times {
    Times { reconcile: Duration::from_hours(1), ..times() }
}

const OLD: &str = r#"{"denyOut": ["0.0.0.0/0"]}"#;
const NEW: &str = r#"{"denyIn": ["0.0.0.0/0"]}"#;

fn old() -> serde_json::Value {
    json!({"denyOut": ["0.0.0.0/0"]})
}

fn new() -> serde_json::Value {
    json!({"denyIn": ["0.0.0.0/0"]})
}

/// Waits until the sandbox is settled, and checks that node and store say the same.
async fn settled(node: &FakeNode, client: &Client, id: &str) -> serde_json::Value {
    until("the sandbox is settled", async || client.show(id).await.body["settled"] == true).await;
    let shown = client.show(id).await.body;
    let runs = node.runs(id);
    assert_eq!(shown["state"] == "running", runs.is_some(), "{shown}");
    if let Some(runs) = runs {
        assert_eq!((&shown["generation"], &shown["fingerprint"]), (&json!(runs.generation), &json!(runs.fingerprint)));
        assert_eq!(shown["network"], serde_json::to_value(&runs.config).unwrap());
    }
    assert!(node.history(id).is_sorted_by(|one, next| one < next), "{:?}", node.history(id));
    shown
}

#[tokio::test]
async fn a_refused_change_leaves_everything_as_it_was() {
    let world = world().await;
    let blue = world.api.blue();
    let created = blue.create(OLD).await;
    let id = created.id();
    world.node.fail([Fault::Refuse(Code::ResourceExhausted)]);
    assert_eq!(blue.put(&id, NEW).await.status, 502);
    assert_eq!(blue.show(&id).await.etag(), created.etag());
    let shown = settled(&world.node, &blue, &id).await;
    assert_eq!((&shown["network"], &shown["generation"]), (&old(), &json!(1)));

    assert_eq!(blue.put(&id, NEW).await.status, 204);
    assert_eq!(world.node.history(&id), [1, 3], "a generation is given out once");
}

#[tokio::test]
async fn a_node_that_compiles_another_policy_refuses() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let options = Options { guardrails: Guardrails::none(), ..Options::default() };
    let api = Api::start_with(&database.url(), &node.uri(), times(), options).await;
    assert_eq!(api.blue().post("/sandboxes", "").await.status, 502);
    assert_eq!(api.blue().get("/sandboxes").await.body["sandboxes"], json!([]));
}

#[tokio::test]
async fn a_refused_creation_leaves_nothing() {
    let world = world().await;
    world.node.fail([Fault::Refuse(Code::ResourceExhausted)]);
    assert_eq!(world.api.blue().post("/sandboxes", "").await.status, 502);
    assert_eq!(world.api.blue().get("/sandboxes").await.body["sandboxes"], json!([]));
    assert!(world.node.names().is_empty());
}

#[tokio::test]
async fn refused_pauses_resumes_and_deletions_are_not_made() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    let (pause, resume) = (format!("/sandboxes/{id}/pause"), format!("/sandboxes/{id}/resume"));
    let refuse = || world.node.fail([Fault::Refuse(Code::PermissionDenied)]);

    refuse();
    assert_eq!(blue.post(&pause, "").await.status, 502);
    assert_eq!(settled(&world.node, &blue, &id).await["state"], "running");
    refuse();
    assert_eq!(blue.delete(&id).await.status, 502);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], old());
    assert_eq!(blue.post(&pause, "").await.status, 204);
    refuse();
    assert_eq!(blue.post(&resume, "").await.status, 502);
    assert_eq!(settled(&world.node, &blue, &id).await["state"], "paused");
    assert_eq!(blue.post(&resume, "").await.status, 204);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], old());
}

#[tokio::test]
async fn a_node_that_is_not_there_changes_nothing() {
    let mut world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.stop();
    let refused = blue.put(&id, NEW).await;
    assert!([503, 504].contains(&refused.status.as_u16()), "{refused:?}");
    assert_eq!(blue.put(&id, NEW).await.status, 503);
    assert_eq!(blue.post("/sandboxes", "").await.header("retry-after"), "2");
    assert_eq!(blue.show(&id).await.body["network"], old());
    world.node.restart().await;
    assert_eq!(settled(&world.node, &blue, &id).await["network"], old());
    assert_eq!(blue.put(&id, NEW).await.status, 204);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], new());
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_found_to_be_made() {
    let world = world_with(unreconciled()).await;
    let blue = world.api.blue();
    world.node.fail([Fault::LoseAnswer]);
    let id = blue.create(OLD).await.id();
    world.node.fail([Fault::LoseAnswer]);
    assert_eq!(blue.put(&id, NEW).await.status, 204);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], new());
    for (change, state) in [("pause", "paused"), ("resume", "running")] {
        world.node.fail([Fault::LoseAnswer]);
        assert_eq!(blue.post(&format!("/sandboxes/{id}/{change}"), "").await.status, 204);
        assert_eq!(settled(&world.node, &blue, &id).await["state"], state);
    }
    world.node.fail([Fault::LoseAnswer]);
    assert_eq!(blue.delete(&id).await.status, 204);
    assert!(world.node.names().is_empty());
    assert_eq!(world.node.history(&id), [1, 2, 4]);
}

#[tokio::test]
async fn a_change_that_was_lost_is_taken_back_above_it() {
    let world = world_with(unreconciled()).await;
    let blue = world.api.blue();
    let created = blue.create(OLD).await;
    let id = created.id();
    world.node.fail([Fault::LoseCall]);
    assert_eq!(blue.put(&id, NEW).await.status, 504);
    let shown = settled(&world.node, &blue, &id).await;
    assert_eq!((&shown["network"], &shown["generation"]), (&old(), &json!(3)));
    assert_eq!(blue.show(&id).await.etag(), created.etag(), "it is the same policy");
    assert_eq!(world.node.history(&id), [1, 3]);
}

#[tokio::test]
async fn a_change_that_comes_late_does_nothing_any_more() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    let go = Arc::new(Notify::new());
    world.node.fail([Fault::Delay(Arc::clone(&go))]);
    assert_eq!(blue.put(&id, NEW).await.status, 504);
    let calls = world.node.calls();
    go.notify_one();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(settled(&world.node, &blue, &id).await["network"], old());
    assert_eq!(world.node.history(&id), [1, 3]);
    assert_eq!(world.node.calls(), calls, "there was nothing to repair");
}

/// The call may have been made before the node went away.
#[tokio::test]
async fn a_lost_answer_stays_lost_though_the_node_then_goes_away() {
    let mut world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.fail([Fault::LoseAnswer]);
    let pausing = tokio::spawn({
        let (blue, path) = (blue.clone(), format!("/sandboxes/{id}/pause"));
        async move { blue.post(&path, "").await }
    });
    until("the node stopped it", async || world.node.runs(&id).is_none()).await;
    world.node.stop();
    let answer = pausing.await.unwrap();
    assert_eq!(answer.status, 504, "{answer:?}");
    world.node.restart().await;
    assert_eq!(settled(&world.node, &blue, &id).await["state"], "running");
}

#[tokio::test]
async fn a_lost_answer_stays_lost_though_the_node_then_refuses() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.fail([Fault::LoseCall, Fault::Refuse(Code::ResourceExhausted)]);
    let answer = blue.post(&format!("/sandboxes/{id}/pause"), "").await;
    assert_eq!(answer.status, 504, "{answer:?}");
    assert_eq!(settled(&world.node, &blue, &id).await["state"], "running");
    assert_eq!(world.node.history(&id), [1, 3], "it runs above what was lost");
}

#[tokio::test]
async fn a_pause_that_comes_late_stops_nothing_any_more() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    let pause = format!("/sandboxes/{id}/pause");
    for network in [old(), new()] {
        let go = Arc::new(Notify::new());
        world.node.fail([Fault::Delay(Arc::clone(&go)), Fault::LoseCall]);
        assert_eq!(blue.post(&pause, "").await.status, 504);
        let calls = world.node.calls();
        go.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(settled(&world.node, &blue, &id).await["network"], network);
        assert_eq!(world.node.calls(), calls, "there was nothing to repair");
        assert_eq!(blue.put(&id, NEW).await.status, 204);
    }
}

/// Many sandboxes run that are stored as paused, and the node does not answer for all but the last.
/// Meanwhile the last one is resumed.
#[tokio::test]
async fn a_reconciliation_that_takes_long_stops_nothing_that_was_resumed_meanwhile() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let start = async || Api::start_with(&database.url(), &node.uri(), unreconciled(), Options::default()).await;
    let api = start().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        let id = api.blue().create(OLD).await.id();
        assert_eq!(api.blue().post(&format!("/sandboxes/{id}/pause"), "").await.status, 204);
        node.put(&id, 1, NetworkConfig::default());
        ids.push(id);
    }
    api.stop().await;
    let last = ids.pop().unwrap();
    node.lose(&ids);
    let before = node.calls();
    let api = start().await;
    let blue = api.blue();
    until("the reconciliation has begun", async || node.calls() > before).await;
    assert_eq!(blue.post(&format!("/sandboxes/{last}/resume"), "").await.status, 204);
    let told = node.calls_of(&last);
    // The creation, the pause, and what was lost, which is asked for twice.
    until("all the others were asked for", async || ids.iter().all(|id| node.calls_of(id) == 4)).await;
    tokio::time::sleep(times().call * 3).await;
    assert_eq!(settled(&node, &blue, &last).await["state"], "running");
    assert_eq!(node.calls_of(&last), told, "a lease that was lost is the end of it");
}

#[tokio::test]
async fn what_is_not_known_is_told_and_settled_later() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.mute(true);
    world.node.fail([Fault::LoseAnswer, Fault::LoseCall]);
    assert_eq!(blue.put(&id, NEW).await.status, 504);
    // The node runs what is not stored, and everybody can see that something is open.
    assert_eq!(world.node.runs(&id).unwrap().generation, 2);
    let shown = blue.show(&id).await.body;
    assert_eq!((&shown["network"], &shown["settled"]), (&old(), &json!(false)));
    assert_eq!(blue.get("/sandboxes").await.body["sandboxes"][0]["settled"], false);

    world.node.mute(false);
    let shown = settled(&world.node, &blue, &id).await;
    assert_eq!(shown["network"], old());
    assert_eq!(world.node.history(&id), [1, 2, 3]);
}

#[tokio::test]
async fn a_sandbox_that_is_not_settled_can_be_changed() {
    let world = world_with(unreconciled()).await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.mute(true);
    world.node.fail([Fault::LoseAnswer, Fault::LoseCall]);
    assert_eq!(blue.put(&id, NEW).await.status, 504);
    assert_eq!(blue.put(&id, r#"{"denyIn": ["192.0.2.1"]}"#).await.status, 204);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], json!({"denyIn": ["192.0.2.1"]}));
    assert_eq!(world.node.history(&id), [1, 2, 4]);
}

#[tokio::test]
async fn a_creation_that_is_not_known_is_undone_later() {
    let world = world().await;
    let blue = world.api.blue();
    world.node.mute(true);
    // The creation, then the deletion and its repetition.
    world.node.fail([Fault::LoseAnswer, Fault::LoseCall, Fault::LoseCall]);
    assert_eq!(blue.post("/sandboxes", "").await.status, 504);
    let id = world.node.names().pop().unwrap();
    assert_eq!(blue.show(&id).await.status, 404);
    assert_eq!(blue.get("/sandboxes").await.body["sandboxes"], json!([]));
    world.node.mute(false);
    until("the sandbox is stopped", async || world.node.names().is_empty()).await;
}

#[tokio::test]
async fn a_creation_that_comes_late_is_stopped() {
    let world = world().await;
    let go = Arc::new(Notify::new());
    world.node.fail([Fault::Delay(Arc::clone(&go))]);
    assert_eq!(world.api.blue().post("/sandboxes", "").await.status, 504);
    go.notify_one();
    until("the sandbox was started", async || world.node.calls() > 2).await;
    until("the sandbox is stopped", async || world.node.names().is_empty()).await;
}

#[tokio::test]
async fn a_resumption_that_is_not_known_is_undone_later() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    assert_eq!(blue.post(&format!("/sandboxes/{id}/pause"), "").await.status, 204);
    world.node.mute(true);
    world.node.fail([Fault::LoseAnswer, Fault::LoseCall, Fault::LoseCall]);
    assert_eq!(blue.post(&format!("/sandboxes/{id}/resume"), "").await.status, 504);
    let shown = blue.show(&id).await.body;
    assert_eq!((&shown["state"], &shown["settled"]), (&json!("paused"), &json!(false)));
    world.node.mute(false);
    settled(&world.node, &blue, &id).await;
    assert!(world.node.runs(&id).is_none());
}

#[tokio::test]
async fn a_node_that_lost_everything_gets_it_again() {
    let mut world = world().await;
    let blue = world.api.blue();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(blue.create(OLD).await.id());
    }
    assert_eq!(blue.post(&format!("/sandboxes/{}/pause", ids[0]), "").await.status, 204);
    world.node.stop();
    world.node.forget();
    world.node.restart().await;
    until("all run again", async || world.node.names().len() == 19).await;
    for id in &ids {
        assert_eq!(settled(&world.node, &blue, id).await["network"], old());
    }
}

#[tokio::test]
async fn what_is_stored_runs_under_new_guardrails() {
    let (mut node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    let (running, paused) = (api.blue().create(OLD).await, api.blue().create(OLD).await);
    assert_eq!(api.blue().post(&format!("/sandboxes/{}/pause", paused.id()), "").await.status, 204);
    api.stop().await;
    node.stop();
    node.forget();
    node.guard(Guardrails::none());
    node.restart().await;

    let options = Options { guardrails: Guardrails::none(), ..Options::default() };
    let api = Api::start_with(&database.url(), &node.uri(), times(), options).await;
    let blue = api.blue();
    until("it runs again", async || node.runs(&running.id()).is_some()).await;
    assert_eq!(settled(&node, &blue, &running.id()).await["network"], old());
    assert_ne!(blue.show(&running.id()).await.etag(), running.etag(), "guardrails are part of a policy");
    assert_eq!(blue.post(&format!("/sandboxes/{}/resume", paused.id()), "").await.status, 204);
    settled(&node, &blue, &paused.id()).await;
}

#[tokio::test]
async fn a_change_starts_what_the_node_has_lost() {
    let world = world_with(unreconciled()).await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    world.node.forget();
    assert_eq!(blue.put(&id, NEW).await.status, 204);
    assert_eq!(settled(&world.node, &blue, &id).await["network"], new());
}

#[tokio::test]
async fn what_runs_otherwise_is_brought_to_what_is_stored() {
    let world = world().await;
    let blue = world.api.blue();
    let (changed, paused) = (blue.create(OLD).await.id(), blue.create(OLD).await.id());
    assert_eq!(blue.post(&format!("/sandboxes/{paused}/pause"), "").await.status, 204);
    world.node.put(&changed, 7, NetworkConfig::default());
    world.node.put(&paused, 7, NetworkConfig::default());
    world.node.put("unheard-of", 1, NetworkConfig::default());
    until("it runs what is stored", async || world.node.runs(&changed).unwrap().generation == 8).await;
    until("the others are stopped", async || world.node.names().len() == 1).await;
    assert_eq!(settled(&world.node, &blue, &changed).await["network"], old());
    // Of one generation there is one policy.
    world.node.put(&changed, 8, NetworkConfig::default());
    until("it runs what is stored", async || world.node.runs(&changed).unwrap().generation == 9).await;
    assert_eq!(settled(&world.node, &blue, &changed).await["network"], old());
}

#[tokio::test]
async fn a_change_is_finished_though_its_caller_has_gone() {
    let world = world_with(Times { call: Duration::from_secs(20), ..times() }).await;
    let blue = world.api.blue();
    let id = blue.create(OLD).await.id();
    let go = Arc::new(Notify::new());
    world.node.fail([Fault::Hold(Arc::clone(&go))]);
    let caller = tokio::spawn({
        let (blue, id) = (blue.clone(), id.clone());
        async move { blue.put(&id, NEW).await }
    });
    until("the node was told", async || world.node.faults() == 0).await;
    caller.abort();
    assert!(caller.await.is_err());
    let shown = blue.show(&id).await.body;
    assert_eq!((&shown["network"], &shown["settled"]), (&old(), &json!(false)), "it is not acknowledged yet");
    go.notify_one();
    assert_eq!(settled(&world.node, &blue, &id).await["network"], new());
    assert_eq!(world.node.history(&id), [1, 2]);
}
