//! What callers are answered when everything works, and when it is their own mistake.

use crate::support::{Api, BLUE, Client, FakeNode, Sqlite, times};
use axum::http::HeaderMap;
use sandgate::Options;
use sandgate_api::control::Times;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct World {
    node: FakeNode,
    api: Api,
    _database: Sqlite,
}

async fn world() -> World {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let api = Api::start(&database.url(), &node.uri()).await;
    World { node, api, _database: database }
}

const DENY_ALL: &str = r#"{"denyOut": ["0.0.0.0/0"], "denyIn": ["0.0.0.0/0"]}"#;

#[tokio::test]
async fn a_created_sandbox_runs_with_the_policy_that_was_sent() {
    let world = world().await;
    let created = world.api.blue().create(r#"{"denyOut": ["0.0.0.0/0"], "allowPublicTraffic": false}"#).await;
    let id = created.id();
    let runs = world.node.runs(&id).unwrap();
    assert_eq!((runs.generation, runs.config.deny_out), (1, vec!["0.0.0.0/0".to_owned()]));
    assert!(!runs.config.allow_public_traffic);
    assert_eq!(created.etag(), format!("\"{}\"", runs.fingerprint));
    assert_eq!(created.header("location"), format!("/sandboxes/{id}"));

    let shown = world.api.blue().show(&id).await;
    assert_eq!((shown.status.as_u16(), shown.etag()), (200, created.etag()));
    assert_eq!(shown.body["network"], json!({"denyOut": ["0.0.0.0/0"], "allowPublicTraffic": false}));
    assert_eq!((&shown.body["state"], &shown.body["settled"]), (&json!("running"), &json!(true)));
    assert_eq!(shown.body, created.body);
}

#[tokio::test]
async fn a_sandbox_is_created_open_if_no_network_is_sent() {
    let world = world().await;
    for body in ["", "{}", r#"{"network": null}"#, r#"{"network": {}}"#] {
        let created = world.api.blue().post("/sandboxes", body).await;
        assert_eq!((created.status.as_u16(), &created.body["network"]), (201, &json!({})), "{body}");
    }
}

#[tokio::test]
async fn a_put_replaces_everything_and_clears_what_it_omits() {
    let world = world().await;
    let blue = world.api.blue();
    let network = r#"{"denyOut": ["0.0.0.0/0"], "allowIn": ["203.0.113.7"], "denyIn": ["0.0.0.0/0"],
        "maskRequestHost": "app.example", "allowInternetAccess": false, "allowPublicTraffic": false}"#;
    let id = blue.create(network).await.id();

    let replaced = blue.put(&id, r#"{"denyIn": ["192.0.2.1"], "maskRequestHost": "other.example"}"#).await;
    assert_eq!(replaced.status, 204);
    let shown = blue.show(&id).await;
    assert_eq!(replaced.etag(), shown.etag());
    let expected = json!({"denyIn": ["192.0.2.1"], "maskRequestHost": "other.example", "allowInternetAccess": false,
        "allowPublicTraffic": false});
    assert_eq!(shown.body["network"], expected);

    let cleared = blue.put(&id, r#"{"maskRequestHost": null, "allowInternetAccess": true}"#).await;
    assert_eq!(cleared.status, 204);
    assert_eq!(blue.show(&id).await.body["network"], json!({"allowPublicTraffic": false}));
    let runs = world.node.runs(&id).unwrap();
    assert_eq!((runs.generation, runs.config.mask_request_host, runs.config.deny_in), (3, None, vec![]));
}

#[tokio::test]
async fn every_problem_of_a_document_is_told_at_once() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create("{}").await.id();
    let calls = world.node.calls();

    let shape_and_entries = r#"{"allowPublicTraffic": true, "denyin": [], "denyOut": ["10.1.2.3/8", 7]}"#;
    let refused = blue.put(&id, shape_and_entries).await;
    let expected = [
        "/allowPublicTraffic fixed-at-creation",
        "/denyin unknown-field",
        "/denyOut/0 host-bits",
        "/denyOut/1 wrong-type",
    ];
    assert_eq!((refused.status.as_u16(), refused.diagnostics()), (400, expected.map(str::to_owned).to_vec()));

    let refused = blue.put(&id, r#"{"allowIn": ["203.0.113.7"], "denyOut": [":"]}"#).await;
    assert_eq!(refused.diagnostics(), ["/denyOut/0 empty-port", "/denyIn missing-deny-all"]);

    let creation = r#"{"name": "x", "network": {"denyOut": ["10.1.2.3/8"], "allowIn": ["192.0.2.1"]}}"#;
    let refused = blue.post("/sandboxes", creation).await;
    let expected = ["/name unknown-field", "/network/denyOut/0 host-bits", "/network/denyIn missing-deny-all"];
    assert_eq!((refused.status.as_u16(), refused.diagnostics()), (400, expected.map(str::to_owned).to_vec()));

    assert_eq!(world.node.calls(), calls, "the node hears nothing of it");
    assert_eq!(blue.show(&id).await.body["generation"], 1);
}

#[tokio::test]
async fn what_is_no_document_is_refused_by_the_same_means() {
    let world = world().await;
    let blue = world.api.blue();
    let id = blue.create("{}").await.id();
    for (body, code) in
        [("{", " invalid-json"), ("[]", " wrong-type"), (r#"{"denyIn": [], "denyIn": []}"#, "/denyIn duplicate-field")]
    {
        let refused = blue.put(&id, body).await;
        assert_eq!((refused.status.as_u16(), refused.diagnostics()), (400, vec![code.to_owned()]), "{body}");
    }
    for (body, code) in [
        ("{", " invalid-json"),
        ("[]", " wrong-type"),
        (r#"{"network": {}, "network": {}}"#, "/network duplicate-field"),
        (r#"{"network": 1}"#, "/network wrong-type"),
    ] {
        let refused = blue.post("/sandboxes", body).await;
        assert_eq!((refused.status.as_u16(), refused.diagnostics()), (400, vec![code.to_owned()]), "{body}");
    }
    // The core says that a document has too many bytes; no one reads further than that.
    let long = format!(r#"{{"denyIn": [{}]}}"#, " ".repeat(16 << 20));
    let refused = blue.put(&id, &long).await;
    assert_eq!((refused.status.as_u16(), refused.diagnostics()), (400, vec![" document-too-large".to_owned()]));
    // The core says nothing of media types.
    assert_eq!(blue.with("content-type", "text/plain").put(&id, "{}").await.status, 415);
    assert_eq!(blue.with("content-type", "application/json; charset=utf-8").put(&id, "{}").await.status, 204);
}

#[tokio::test]
async fn a_problem_is_answered_as_problem_json_to_those_who_accept_it() {
    let world = world().await;
    let refused = world.api.blue().post("/sandboxes", "{").await;
    assert_eq!(refused.header("content-type"), "application/json");
    let asked = world.api.blue().with("accept", "application/problem+json").post("/sandboxes", "{").await;
    assert_eq!(asked.header("content-type"), "application/problem+json");
    assert_eq!(asked.body, refused.body);
    assert_eq!((&asked.body["status"], &asked.body["title"]), (&json!(400), &json!("Bad Request")));
}

#[tokio::test]
async fn a_sandbox_that_does_not_run_is_not_changed() {
    let world = world().await;
    let blue = world.api.blue();
    let created = blue.create(DENY_ALL).await;
    let id = created.id();
    assert_eq!(blue.post(&format!("/sandboxes/{id}/resume"), "").await.status, 409);
    assert_eq!(blue.post(&format!("/sandboxes/{id}/pause"), "").await.status, 204);
    assert!(world.node.runs(&id).is_none());

    assert_eq!(blue.put(&id, "{}").await.status, 409);
    assert_eq!(blue.post(&format!("/sandboxes/{id}/pause"), "").await.status, 409);
    assert_eq!(blue.show(&id).await.body["state"], "paused");

    let resumed = blue.post(&format!("/sandboxes/{id}/resume"), "").await;
    assert_eq!((resumed.status.as_u16(), resumed.etag()), (204, created.etag()));
    assert_eq!(world.node.runs(&id).unwrap().config.deny_in, ["0.0.0.0/0"]);
    assert_eq!(blue.put(&id, "{}").await.status, 204);
}

#[tokio::test]
async fn a_change_on_a_condition_is_made_only_if_it_holds() {
    let world = world().await;
    let blue = world.api.blue();
    let created = blue.create("{}").await;
    let (id, old) = (created.id(), created.etag());
    let on = |condition: &str| blue.with("if-match", condition);

    assert_eq!(on("\"other\"").put(&id, DENY_ALL).await.status, 412);
    assert_eq!(on(&format!("W/{old}")).put(&id, DENY_ALL).await.status, 412, "a weak tag matches nothing");
    assert_eq!(on("nonsense").put(&id, DENY_ALL).await.status, 412);
    assert_eq!(on(&format!("\"a,b\", {old}")).put(&id, DENY_ALL).await.status, 204);
    assert_eq!(on(&old).put(&id, "{}").await.status, 412);
    assert_eq!(on("\"x\"").with("if-match", &blue.show(&id).await.etag()).put(&id, "{}").await.status, 204);
    assert_eq!(on("*").put(&id, DENY_ALL).await.status, 204);
    assert_eq!(on(&old).delete(&id).await.status, 412);
    assert_eq!(on("*").delete(&id).await.status, 204);
    assert_eq!(on("*").put(&id, "{}").await.status, 404);
}

#[tokio::test]
async fn without_a_key_nothing_is_told() {
    let world = world().await;
    let id = world.api.blue().create("{}").await.id();
    let mut stranger = Client::new(world.api.address, "blue-0123456789abcdeg");
    for headers in [stranger.headers.clone(), HeaderMap::default()] {
        stranger.headers = headers;
        for (method, path) in [
            ("POST", "/sandboxes".to_owned()),
            ("GET", "/sandboxes".to_owned()),
            ("GET", format!("/sandboxes/{id}")),
            ("PUT", format!("/sandboxes/{id}/network")),
            ("POST", format!("/sandboxes/{id}/pause")),
            ("POST", format!("/sandboxes/{id}/resume")),
            ("DELETE", format!("/sandboxes/{id}")),
        ] {
            let refused = stranger.ask(method, &path, "{}").await;
            assert_eq!(
                (refused.status.as_u16(), refused.header("www-authenticate")),
                (401, "Bearer"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn another_teams_sandbox_is_not_there() {
    let world = world().await;
    let id = world.api.blue().create("{}").await.id();
    let red = world.api.red();
    assert_eq!(red.show(&id).await.status, 404);
    assert_eq!(red.put(&id, "{}").await.status, 404);
    assert_eq!(red.put(&id, "{").await.status, 404);
    assert_eq!(red.post(&format!("/sandboxes/{id}/pause"), "").await.status, 404);
    assert_eq!(red.post(&format!("/sandboxes/{id}/resume"), "").await.status, 404);
    assert_eq!(red.delete(&id).await.status, 404);
    assert_eq!(red.get("/sandboxes").await.body["sandboxes"], json!([]));
    assert_eq!(red.show("unheard-of").await.body, red.show(&id).await.body);
    assert_eq!(world.api.blue().show(&id).await.body["generation"], 1);
}

#[tokio::test]
async fn a_deleted_sandbox_is_gone() {
    let world = world().await;
    let blue = world.api.blue();
    let (id, paused) = (blue.create("{}").await.id(), blue.create("{}").await.id());
    assert_eq!(blue.post(&format!("/sandboxes/{paused}/pause"), "").await.status, 204);
    assert_eq!(blue.delete(&id).await.status, 204);
    assert_eq!(blue.delete(&paused).await.status, 204);
    assert!(world.node.names().is_empty());
    assert_eq!(blue.show(&id).await.status, 404);
    assert_eq!(blue.delete(&id).await.status, 404);
}

#[tokio::test]
async fn sandboxes_are_listed_page_by_page() {
    let world = world().await;
    let blue = world.api.blue();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(blue.create("{}").await.id());
    }
    ids.sort();
    let (mut found, mut path) = (Vec::new(), "/sandboxes?limit=2".to_owned());
    loop {
        let page = blue.get(&path).await.body;
        found.extend(page["sandboxes"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/sandboxes?limit=2&after={next}");
    }
    assert_eq!(found, ids);
    for query in ["limit=0", "limit=1001", "limit=x", "unknown=1"] {
        assert_eq!(blue.get(&format!("/sandboxes?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_the_api_does_not_have_is_answered_alike() {
    let world = world().await;
    assert_eq!(world.api.blue().get("/other").await.body["status"], 404);
    let refused = world.api.blue().ask("PATCH", "/sandboxes", "").await;
    assert_eq!((refused.status.as_u16(), &refused.body["status"]), (405, &json!(405)));
}

#[tokio::test]
async fn a_document_that_does_not_arrive_is_not_waited_for() {
    let (node, database) = (FakeNode::start().await, Sqlite::new());
    let times = Times { document: Duration::from_millis(200), ..times() };
    let api = Api::start_with(&database.url(), &node.uri(), times, Options::default()).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /sandboxes HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer {BLUE}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn the_description_is_served_and_complete() {
    let world = world().await;
    let served = world.api.blue().get("/openapi.json").await.body;
    assert_eq!(served, sandgate_api::description());
    let mut operations: Vec<String> = Vec::new();
    for (path, methods) in served["paths"].as_object().unwrap() {
        operations.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    operations.sort();
    let expected = [
        "delete /sandboxes/{id}",
        "get /sandboxes",
        "get /sandboxes/{id}",
        "post /sandboxes",
        "post /sandboxes/{id}/pause",
        "post /sandboxes/{id}/resume",
        "put /sandboxes/{id}/network",
    ];
    assert_eq!(operations, expected);
    let text = served.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(served.pointer(pointer).is_some(), "{pointer} is nowhere");
    }
    assert!(!text.contains("$defs"));
}
