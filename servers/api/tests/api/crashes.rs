//! What happens when the API ends in the middle of a change, and starts again on the same file.

use crate::support::{Api, FakeNode, Fault, Sqlite, times, until};
use sandgate::Options;
use sandgate_api::control::Times;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

const OLD: &str = r#"{"denyOut": ["0.0.0.0/0"]}"#;
const NEW: &str = r#"{"denyIn": ["0.0.0.0/0"]}"#;

/// Starts a change, ends the API when the node has heard of it, and starts the API again.
async fn killed_while(node: &FakeNode, database: &Sqlite, api: Api, method: &str, path: String) -> (Api, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    node.fail([Fault::Delay(Arc::clone(&go))]);
    let blue = api.blue();
    let caller = tokio::spawn({
        let method = method.to_owned();
        async move { blue.try_ask(&method, &path, if method == "PUT" { NEW } else { "" }).await }
    });
    until("the node was told", async || node.faults() == 0).await;
    api.kill();
    assert!(caller.await.unwrap().is_err(), "nobody was answered");
    (Api::start(&database.url(), &node.uri()).await, go)
}

#[tokio::test]
async fn an_update_that_the_node_never_made_is_taken_back() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    let id = api.blue().create(OLD).await.id();
    let (api, go) = killed_while(&node, &database, api, "PUT", format!("/sandboxes/{id}/network")).await;
    let blue = api.blue();
    // Until it is known what became of it, what was acknowledged is what is shown.
    assert_eq!(blue.show(&id).await.body["network"], json!({"denyOut": ["0.0.0.0/0"]}));
    until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
    assert_eq!(node.history(&id), [1, 3]);
    go.notify_one();
    assert_eq!(blue.put(&id, NEW).await.status, 204);
    assert_eq!(node.history(&id), [1, 3, 4], "the call that came late did nothing");
}

#[tokio::test]
async fn an_update_that_the_node_made_is_kept() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    let id = api.blue().create(OLD).await.id();
    let (api, go) = killed_while(&node, &database, api, "PUT", format!("/sandboxes/{id}/network")).await;
    go.notify_one();
    let blue = api.blue();
    until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
    let shown = blue.show(&id).await.body;
    assert_eq!((&shown["network"], &shown["generation"]), (&json!({"denyIn": ["0.0.0.0/0"]}), &json!(2)));
    assert_eq!(node.history(&id), [1, 2]);
}

#[tokio::test]
async fn a_change_waits_for_one_that_was_left_without_an_end() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    let created = api.blue().create(OLD).await;
    let id = created.id();
    let (api, _go) = killed_while(&node, &database, api, "PUT", format!("/sandboxes/{id}/network")).await;
    // It holds for what was before: the change that had no end is taken back first.
    let changed = api.blue().with("if-match", &created.etag()).put(&id, r#"{"denyIn": ["192.0.2.1"]}"#).await;
    assert_eq!(changed.status, 204);
    assert_eq!(node.runs(&id).unwrap().config.deny_in, ["192.0.2.1"]);
    assert_eq!(node.history(&id), [1, 3, 4]);
}

#[tokio::test]
async fn a_creation_without_an_end_leaves_nothing() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    let (api, go) = killed_while(&node, &database, api, "POST", "/sandboxes".to_owned()).await;
    assert_eq!(api.blue().get("/sandboxes").await.body["sandboxes"], json!([]));
    until("the node was told to stop it", async || node.calls() == 2).await;
    go.notify_one();
    until("it is stopped though it came late", async || node.calls() > 2 && node.names().is_empty()).await;
    assert_eq!(api.blue().get("/sandboxes").await.body["sandboxes"], json!([]));
}

#[tokio::test]
async fn a_deletion_without_an_end_is_one_or_the_other() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let mut api = Api::start(&database.url(), &node.uri()).await;
    for made in [false, true] {
        let id = api.blue().create(OLD).await.id();
        let go;
        (api, go) = killed_while(&node, &database, api, "DELETE", format!("/sandboxes/{id}")).await;
        let blue = api.blue();
        if made {
            go.notify_one();
            until("it is gone", async || blue.show(&id).await.status == 404).await;
            assert!(node.runs(&id).is_none());
        } else {
            until("it is settled", async || blue.show(&id).await.body["settled"] == true).await;
            assert_eq!(node.runs(&id).unwrap().config.deny_out, ["0.0.0.0/0"]);
        }
    }
}

#[tokio::test]
async fn an_orderly_end_waits_for_what_has_begun() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let times = Times { call: Duration::from_secs(20), ..times() };
    let api = Api::start_with(&database.url(), &node.uri(), times, Options::default()).await;
    let blue = api.blue();
    let id = blue.create(OLD).await.id();
    let go = Arc::new(Notify::new());
    node.fail([Fault::Hold(Arc::clone(&go))]);
    let caller = tokio::spawn({
        let id = id.clone();
        async move { blue.put(&id, NEW).await }
    });
    until("the node was told", async || node.faults() == 0).await;
    let stopping = tokio::spawn(api.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!stopping.is_finished());
    go.notify_one();
    assert_eq!(caller.await.unwrap().status, 204);
    stopping.await.unwrap();
    let api = Api::start(&database.url(), &node.uri()).await;
    assert_eq!(api.blue().show(&id).await.body["generation"], 2);
}

/// Ends the API ten times while four callers change a sandbox each. Each caller counts up, so
/// that it is known which change was acknowledged last and which was the last that was tried.
#[tokio::test]
async fn nothing_acknowledged_is_lost_however_often_the_api_ends() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let times = Times { call: Duration::from_millis(200), ..times() };
    let start = async || Api::start_with(&database.url(), &node.uri(), times, Options::default()).await;
    let mut api = start().await;
    let mut sandboxes = Vec::new();
    for _ in 0..4 {
        sandboxes.push((api.blue().create("{}").await.id(), 0_u32, 0_u32));
    }
    for round in 0..10 {
        let callers: Vec<_> = sandboxes
            .iter()
            .map(|(id, _, tried)| {
                let (blue, id, mut tried) = (api.blue(), id.clone(), *tried);
                tokio::spawn(async move {
                    let mut acknowledged = None;
                    loop {
                        tried += 1;
                        let body = format!(r#"{{"maskRequestHost": "v{tried}.example"}}"#);
                        match blue.try_ask("PUT", &format!("/sandboxes/{id}/network"), &body).await {
                            Ok(answer) if answer.status == 204 => acknowledged = Some(tried),
                            Ok(answer) => assert!(answer.status.is_server_error(), "{answer:?}"),
                            Err(_) => return (acknowledged, tried),
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(137 + 61 * round)).await;
        api.kill();
        for (caller, (_, acknowledged, tried)) in callers.into_iter().zip(&mut sandboxes) {
            let (last, last_tried) = caller.await.unwrap();
            *acknowledged = last.unwrap_or(*acknowledged);
            *tried = last_tried;
        }
        api = start().await;
        for (id, acknowledged, tried) in &sandboxes {
            let blue = api.blue();
            until("it is settled", async || blue.show(id).await.body["settled"] == true).await;
            let shown = blue.show(id).await.body;
            let mask = shown["network"]["maskRequestHost"].as_str().map_or("v0.example", |mask| mask);
            let stored: u32 = mask.trim_start_matches('v').trim_end_matches(".example").parse().unwrap();
            assert!((*acknowledged..=*tried).contains(&stored), "{stored} is not in {acknowledged}..={tried}");
            let runs = node.runs(id).unwrap();
            assert_eq!(
                (runs.fingerprint, runs.generation),
                (shown["fingerprint"].as_str().unwrap().to_owned(), shown["generation"].as_u64().unwrap())
            );
            assert!(node.history(id).is_sorted_by(|one, next| one < next));
        }
    }
    assert!(sandboxes.iter().all(|(_, acknowledged, _)| *acknowledged > 0), "{sandboxes:?}");
}
