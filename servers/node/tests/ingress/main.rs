//! The way in with real connections: client, edge, node, sandbox.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is wrong"
)]

mod again;
mod lengths;
mod streams;
mod world;

use world::{SECRET, TOKEN, World, ask, say_what_is_asked};

/// Lets in one network.
const ONE_NETWORK: &str = r#"{"allowIn": ["203.0.113.0/24"], "denyIn": ["0.0.0.0/0"]}"#;

#[tokio::test]
async fn a_request_arrives_without_anything_of_the_platform() {
    let (world, server) = World::new("{}").await;
    say_what_is_asked(server);
    let lines = format!(
        "sandgate-client-address: 203.0.113.7\r\nsandgate-edge-secret: {SECRET}\r\nsandgate-traffic-access-token: x\r\nX-Forwarded-For: 203.0.113.7\r\nProxy-Authorization: y\r\nConnection: x-mine, host\r\nX-Mine: z\r\n"
    );
    for at in [world.edge, world.node] {
        let answer = world.get(at, &lines).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with("get /path?query http/1.1\r\n"), "{}", answer.body);
        assert!(answer.body.contains(&format!("\r\nhost: {}\r\n", world.host())));
        for gone in ["sandgate", "203.0.113.7, ", "proxy-authorization", "x-mine", "connection", "x-forwarded-host"] {
            assert!(!answer.body.contains(gone), "{gone} in {}", answer.body);
        }
    }
    let answer = world.get(world.edge, "X-Forwarded-For: 203.0.113.7\r\n").await;
    assert!(answer.body.contains("x-forwarded-for: 203.0.113.7\r\nx-forwarded-for: 127.0.0.1\r\n"), "{}", answer.body);
    world.stop().await;
}

#[tokio::test]
async fn the_client_is_who_the_balancer_says_and_never_who_it_says_itself() {
    let (mut world, server) = World::new(ONE_NETWORK).await;
    say_what_is_asked(server);
    let cases = [
        ("X-Forwarded-For: 203.0.113.7, 10.0.0.9", 200),
        ("X-Forwarded-For: bogus, 203.0.113.7:5555, 10.0.0.9", 200),
        ("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.0.0.9", 200),
        ("X-Forwarded-For: ::ffff:203.0.113.7, 10.0.0.9", 200),
        ("X-Forwarded-For: 203.0.113.7, 198.51.100.1, 10.0.0.9", 403),
        ("X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 198.51.100.1, 10.0.0.9", 403),
        ("X-Forwarded-For: 203.0.113.7", 403),
        ("X-Forwarded-For: 203.0.113.7\r\nsandgate-client-address: 203.0.113.7", 403),
        ("X-Forwarded-For: 203.0.113.7, bogus, 10.0.0.9", 403),
        ("X-Forwarded-For: 203.0.113.7, , 10.0.0.9", 403),
        ("X-Forwarded-For: 203.0.113.07, 10.0.0.9", 403),
        ("X-Forwarded-For: 2001:db8::7, 10.0.0.9", 403),
        ("X-Forwarded-For: 203.0.113.7, 10.0.0.9\r\nX-Forwarded-For:", 403),
        ("Forwarded: for=203.0.113.7\r\nX-Real-IP: 203.0.113.7", 403),
    ];
    for (lines, status) in cases {
        assert_eq!(world.get(world.edge, &format!("{lines}\r\n")).await.status, status, "{lines}");
    }
    let denied = world.denied().await;
    assert_eq!((denied.direction.as_str(), denied.address.as_str()), ("ingress", "198.51.100.1"));
    assert_eq!((denied.reason.as_str(), denied.entry.as_str()), ("deny-entry", "denyIn[0]"));
    assert_eq!(denied.port, u32::from(world.port));
    world.stop().await;
}

#[tokio::test]
async fn the_node_believes_only_an_edge_that_shows_the_secret_once() {
    let (world, server) = World::new(ONE_NETWORK).await;
    say_what_is_asked(server);
    let secret = format!("sandgate-edge-secret: {SECRET}\r\n");
    let client = "sandgate-client-address: 203.0.113.7\r\n";
    let cases = [
        (format!("{secret}{client}"), 200),
        (client.into(), 403),
        (secret.clone(), 403),
        (format!("{secret}{client}{client}"), 403),
        (format!("{secret}{secret}{client}"), 403),
        (format!("sandgate-edge-secret: wrong\r\n{client}"), 403),
        (format!("sandgate-edge-secret:\r\n{client}"), 403),
        (format!("{secret}sandgate-client-address: 203.0.113.7, 203.0.113.7\r\n"), 403),
        (format!("{secret}sandgate-client-address: bogus\r\n"), 403),
    ];
    for (lines, status) in cases {
        assert_eq!(world.get(world.node, &lines).await.status, status, "{lines}");
    }
    world.stop().await;
}

#[tokio::test]
async fn without_public_traffic_a_request_shows_the_token_except_on_exempt_ports() {
    let (mut world, server) = World::new(r#"{"allowPublicTraffic": false}"#).await;
    say_what_is_asked(server);
    let token = format!("Sandgate-Traffic-Access-Token: {TOKEN}\r\n");
    let answer = world.get(world.edge, &token).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("token"), "{}", answer.body);
    for lines in ["", "Sandgate-Traffic-Access-Token: for the sandboy\r\n", &format!("{token}{token}")] {
        assert_eq!(world.get(world.edge, lines).await.status, 403, "{lines}");
    }
    assert_eq!(world.denied().await.reason, "traffic-access-token");
    world.update(r#"{"allowPublicTraffic": false, "denyIn": ["0.0.0.0/0"]}"#, None);
    assert_eq!(world.get(world.edge, &token).await.status, 403, "the token is no way around the rules");
    world.update(r#"{"allowPublicTraffic": false, "denyIn": ["0.0.0.0/0"]}"#, Some(world.port));
    assert_eq!(world.get(world.edge, "").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn the_host_is_masked_until_the_mask_is_cleared() {
    let (world, server) = World::new(r#"{"maskRequestHost": "localhost:${PORT}"}"#).await;
    say_what_is_asked(server);
    let forged = "X-Forwarded-Host: forged.example\r\n";
    let masked = world.get(world.edge, forged).await.body;
    assert!(masked.contains(&format!("\r\nhost: localhost:{}\r\n", world.port)), "{masked}");
    assert!(masked.contains(&format!("\r\nx-forwarded-host: {}\r\n", world.host())), "{masked}");
    assert_eq!(masked.matches("x-forwarded-host").count(), 1, "{masked}");
    world.update(r#"{"maskRequestHost": "app.example"}"#, None);
    assert!(world.get(world.edge, "").await.body.contains("\r\nhost: app.example\r\n"));
    world.update(r#"{"maskRequestHost": "app.example"}"#, Some(world.port));
    let own = format!("\r\nhost: {}\r\n", world.host());
    assert!(world.get(world.edge, "").await.body.contains(&own), "an exempt port is not masked");
    world.update("{}", None);
    assert!(world.get(world.edge, "").await.body.contains(&own));
    world.stop().await;
}

#[tokio::test]
async fn a_host_leads_to_one_port_of_one_sandbox_or_nowhere() {
    let (world, server) = World::new("{}").await;
    say_what_is_asked(server);
    let port = world.port;
    let beyond = u32::from(port).saturating_add(65_536);
    let cases = [
        (format!("Host: {port}-ABC.Sandbox.Example:8443"), 200),
        (format!("Host: {beyond}-abc.sandbox.example"), 404),
        (format!("Host: 0{port}-abc.sandbox.example"), 404),
        (format!("Host: +{port}-abc.sandbox.example"), 404),
        ("Host: 0-abc.sandbox.example".into(), 404),
        ("Host: -abc.sandbox.example".into(), 404),
        (format!("Host: {port}-abd.sandbox.example"), 404),
        (format!("Host: {port}-.sandbox.example"), 404),
        (format!("Host: {port}-abc.other.example"), 404),
        (format!("Host: {port}-abc.x.sandbox.example"), 404),
        (format!("Host: {port}-abc.sandbox.example."), 404),
        ("Host: 127.0.0.1".into(), 404),
        ("X: y".into(), 400),
        (format!("Host: {port}-abc.sandbox.example\r\nHost: {port}-abc.sandbox.example"), 400),
        (format!("Host: {port}-abc.sandbox.example:"), 400),
        (format!("Host: {port}-abc.sandbox.example:99999"), 400),
        (format!("Host: x@{port}-abc.sandbox.example"), 400),
        (format!("Host: {port}-abc.sandbox.example/x"), 400),
    ];
    for (lines, status) in cases {
        for at in [world.edge, world.node] {
            let answer = ask(at, &format!("GET / HTTP/1.1\r\n{lines}\r\nConnection: close\r\n\r\n")).await;
            assert_eq!(answer.status, status, "{lines}");
        }
    }
    let host = world.host();
    let absolute = |named: &str| format!("GET http://{named}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = ask(world.edge, &absolute(&host)).await;
    assert!(answer.status == 200 && answer.body.starts_with("get / http/1.1\r\n"), "{answer:?}");
    assert_eq!(ask(world.edge, &absolute("1-abc.sandbox.example")).await.status, 400);
    let connect = format!("CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\nConnection: close\r\n\r\n");
    assert_eq!(ask(world.edge, &connect).await.status, 400);
    world.stop().await;
}

#[tokio::test]
async fn a_refused_client_reads_what_it_accepts_and_nothing_of_the_inside() {
    let (world, _server) = World::new(r#"{"denyIn": ["0.0.0.0/0"]}"#).await;
    let page = world.get(world.edge, "Accept: text/html,*/*;q=0.8\r\n").await;
    assert!(page.status == 403 && page.head.contains("content-type: text/html"), "{page:?}");
    assert!(page.body.contains("<h1>Forbidden</h1>"));
    let json = world.get(world.edge, "Accept: application/json\r\n").await;
    assert!(json.status == 403 && json.head.contains("content-type: application/json"), "{json:?}");
    assert!(json.body.starts_with("{\"status\":403,"));
    for answer in [page, json] {
        for inside in ["denyIn", "0.0.0.0", "127.0", "entry", "abc"] {
            assert!(!answer.body.contains(inside), "{inside} in {}", answer.body);
        }
    }
    world.stop().await;
}
