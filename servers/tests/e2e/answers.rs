//! What the API answers, on a platform that runs.

use crate::{http::Client, world::World};

pub(crate) fn all_statuses() {
    let world = World::start();
    let (blue, red) = (world.blue(), world.red());

    let created = blue.post("/sandboxes", r#"{"network": {"denyOut": ["0.0.0.0/0"]}}"#);
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.text("id");
    let tag = created.header("etag");
    assert_eq!(tag, format!("\"{}\"", created.text("fingerprint")));
    assert_eq!(world.runs()[&id].1, created.text("fingerprint"));
    let shown = blue.show(&id);
    assert_eq!((shown.status, &shown.body), (200, &created.body));

    let bad = blue.put(&id, r#"{"denyin": [], "denyOut": ["10.1.2.3/8", "1.2.3.4:"], "allowIn": ["203.0.113.7"]}"#);
    let all = ["/denyin unknown-field", "/denyOut/0 host-bits", "/denyOut/1 empty-port", "/denyIn missing-deny-all"];
    assert_eq!((bad.status, bad.diagnostics()), (400, all.map(str::to_owned).to_vec()));
    assert_eq!(bad.header("content-type"), "application/json");
    let problem = blue.with("accept", "application/problem+json").put(&id, r#"{"allowPublicTraffic": true}"#);
    assert_eq!(
        (problem.status, problem.diagnostics()),
        (400, vec!["/allowPublicTraffic fixed-at-creation".to_owned()])
    );
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(blue.post("/sandboxes", r#"{"network": {"denyOut": ["0.0.0.0"]}}"#).status, 400);
    assert_eq!(world.runs().len(), 1, "nothing of it came to the node");

    let address = world.services.api_address();
    for stranger in [Client::nobody(address), Client::new(address, "red-0123456789abcdeX")] {
        for (method, path) in requests(&id) {
            assert_eq!(stranger.ask(method, &path, "{}").status, 401, "{method} {path}");
        }
    }
    for (client, id) in [(&red, id.as_str()), (&blue, "unheard-of")] {
        for (method, path) in requests(id).into_iter().skip(1) {
            assert_eq!(client.ask(method, &path, "{}").status, 404, "{method} {path}");
        }
    }

    let stale = blue.with("if-match", "\"stale\"");
    for (method, path) in requests(&id).into_iter().skip(2) {
        let wrong_state = path.ends_with("/resume");
        assert_eq!(stale.ask(method, &path, "{}").status, if wrong_state { 409 } else { 412 }, "{method} {path}");
    }
    let changed = blue.with("if-match", &tag).put(&id, "{}");
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_eq!(blue.with("if-match", &tag).put(&id, "{}").status, 412);
    assert_eq!(blue.with("if-match", &changed.header("etag")).put(&id, "{}").status, 204);

    let (pause, resume) = (format!("/sandboxes/{id}/pause"), format!("/sandboxes/{id}/resume"));
    assert_eq!(blue.post(&resume, "").status, 409);
    assert_eq!(blue.post(&pause, "").status, 204);
    assert_eq!(blue.post(&pause, "").status, 409);
    assert_eq!(blue.put(&id, "{}").status, 409);
    assert_eq!(blue.post(&resume, "").status, 204);

    assert_eq!(blue.delete(&id).status, 204);
    assert_eq!((blue.show(&id).status, blue.delete(&id).status), (404, 404));
    assert!(world.runs().is_empty());
    assert_eq!(Client::nobody(address).ask("GET", "/openapi.json", "").body["openapi"], "3.1.0");
}

/// Every request about a sandbox: first the one that needs none, then the one that changes nothing.
fn requests(id: &str) -> Vec<(&'static str, String)> {
    vec![
        ("POST", "/sandboxes".into()),
        ("GET", format!("/sandboxes/{id}")),
        ("PUT", format!("/sandboxes/{id}/network")),
        ("POST", format!("/sandboxes/{id}/pause")),
        ("POST", format!("/sandboxes/{id}/resume")),
        ("DELETE", format!("/sandboxes/{id}")),
    ]
}
