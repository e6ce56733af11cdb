//! Changes of several things together, and of the sandbox itself.

use crate::world::{Sandbox, World, request};
use sandgate_proxy::TRAFFIC_ACCESS_TOKEN;
use serde_json::{Value, json};

const ANN: &str = "198.51.100.7";
const BOB: &str = "198.51.100.8";

/// Which of the two hosts the sandbox reaches, which of the two clients reach it, and what Host it
/// sees of them.
type Happens = ([bool; 2], [bool; 2], Option<String>);

fn happens(sandbox: &Sandbox) -> Happens {
    let client = sandbox.client();
    let out = ["tcp:203.0.113.1:7", "udp:[2001:db8:1::2]:7"].map(|to| client.reaches(to));
    let token = format!("{TRAFFIC_ACCESS_TOKEN}: {}\r\n", sandbox.token);
    let answers = [ANN, BOB].map(|from| request(from, &sandbox.host(8080), &token));
    let into = [0, 1].map(|who: usize| answers[who].status == 200);
    let seen = answers.iter().find(|answer| answer.status == 200);
    (out, into, seen.and_then(|answer| Some((*answer.was_sent("host").first()?).to_owned())))
}

/// Egress, ingress and mask in one update: all of it, or, if a part is wrong, nothing.
pub(crate) fn combined() {
    let world = World::start();
    let sandbox = world.create("{}");
    let _server = sandbox.serve(&[8080]);
    let own = || Some(sandbox.host(8080));
    assert_eq!(happens(&sandbox), ([true; 2], [true; 2], own()));
    let all = r#"{"allowOut": ["203.0.113.1"], "denyOut": ["0.0.0.0/0"], "allowIn": ["198.51.100.7"],
        "denyIn": ["0.0.0.0/0"], "maskRequestHost": "all.example"}"#;
    assert_eq!(world.blue().put(&sandbox.id, all).status, 204);
    let after = ([true, false], [true, false], Some("all.example".to_owned()));
    assert_eq!(happens(&sandbox), after);
    let before = world.agrees(&sandbox);
    for wrong in [
        r#"{"denyOut": ["203.0.113.1"], "denyIn": ["198.51.100.7/8"]}"#,
        r#"{"denyOut": ["203.0.113.1:"], "denyIn": ["198.51.100.7"]}"#,
        r#"{"denyOut": ["203.0.113.1"], "denyIn": ["198.51.100.7"], "maskRequestHost": ""}"#,
        r#"{"allowOut": ["api.example.com"], "denyIn": ["198.51.100.7"]}"#,
    ] {
        assert_eq!(world.blue().put(&sandbox.id, wrong).status, 400, "{wrong}");
        assert_eq!(happens(&sandbox), after, "{wrong}");
        assert_eq!(world.agrees(&sandbox).body, before.body);
    }
    // What is left out is cleared: each half alone.
    assert_eq!(world.blue().put(&sandbox.id, r#"{"denyOut": ["2001:db8:1::2"]}"#).status, 204);
    assert_eq!(happens(&sandbox), ([true, false], [true; 2], own()));
    assert_eq!(
        world.blue().put(&sandbox.id, r#"{"denyIn": ["198.51.100.7"], "maskRequestHost": "m.example"}"#).status,
        204
    );
    assert_eq!(happens(&sandbox), ([true; 2], [false, true], Some("m.example".into())));
    assert_eq!(world.blue().put(&sandbox.id, "{}").status, 204);
    assert_eq!(happens(&sandbox), ([true; 2], [true; 2], own()));
    world.agrees(&sandbox);
}

/// A pause ends the processes, and a resume brings back the whole policy and the token; a restart of
/// all services in between changes nothing of it.
pub(crate) fn pause_and_resume() {
    let mut world = World::start();
    let network = r#"{"allowOut": ["203.0.113.1"], "allowInternetAccess": false, "allowIn": ["198.51.100.8"],
        "denyIn": ["0.0.0.0/0"], "maskRequestHost": "kept.example", "allowPublicTraffic": false}"#;
    let sandbox = world.create(network);
    let change = |world: &World, what: &str| world.blue().post(&format!("/sandboxes/{}/{what}", sandbox.id), "").status;
    let expected = ([true, false], [false, true], Some("kept.example".to_owned()));
    for is_restarted in [false, true] {
        let mut server = sandbox.serve(&[8080]);
        assert_eq!(happens(&sandbox), expected);
        assert_eq!(change(&world, "pause"), 204);
        assert!(server.tell("?").is_err(), "what ran in it has ended");
        let paused = world.agrees(&sandbox);
        assert_eq!((&paused.body["state"], &paused.body["network"]), (&json!("paused"), &document(network)));
        assert_eq!(request(BOB, &sandbox.host(8080), "").status, 404);
        if is_restarted {
            world.services.restart_all();
        }
        assert_eq!(change(&world, "resume"), 204);
        let _server = sandbox.serve(&[8080]);
        assert_eq!(happens(&sandbox), expected);
        assert_eq!(request(BOB, &sandbox.host(8080), "").status, 403, "without the token");
        let resumed = world.agrees(&sandbox);
        assert_eq!(resumed.body["fingerprint"], paused.body["fingerprint"]);
        assert_eq!(resumed.body["network"], paused.body["network"]);
    }
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
