//! A node that hangs or is gone while it is told something.

use crate::{
    services::Service,
    world::{Sandbox, World, until},
};

const OPEN: &str = "{}";
const CLOSED: &str = r#"{"denyOut": ["0.0.0.0/0"]}"#;

/// Whether the sandbox is open, where store, node and kernel agree about it.
fn is_open(world: &World, sandbox: &Sandbox) -> bool {
    let network = world.agrees(sandbox).body["network"].clone();
    let reaches = sandbox.client().reaches("tcp:203.0.113.1:7");
    assert_eq!(network == serde_json::json!({}), reaches, "{network}");
    reaches
}

/// The caller gets an error, and what was before holds again as soon as the node can be told.
pub(crate) fn hanging() {
    let world = World::start();
    let sandbox = world.create(OPEN);
    for (is_open_before, update) in [(true, CLOSED), (true, CLOSED), (true, CLOSED)] {
        world.services.hang_node(true);
        let failed = world.blue().put(&sandbox.id, update);
        assert_eq!(failed.status, 504, "{failed:?}");
        let shown = world.blue().show(&sandbox.id).body;
        assert_eq!((&shown["network"], &shown["settled"]), (&serde_json::json!({}), &serde_json::json!(false)));
        world.services.hang_node(false);
        assert_eq!(is_open(&world, &sandbox), is_open_before);
    }
    for (change, status) in [("pause", 504), ("resume", 409)] {
        world.services.hang_node(true);
        assert_eq!(world.blue().post(&format!("/sandboxes/{}/{change}", sandbox.id), "").status, status);
        world.services.hang_node(false);
        assert!(is_open(&world, &sandbox));
    }
    assert_eq!(world.blue().put(&sandbox.id, CLOSED).status, 204);
    assert!(!is_open(&world, &sandbox));
}

/// A node that is gone is told nothing, and loses nothing: its sandbox stays enforced meanwhile.
pub(crate) fn gone() {
    let mut world = World::start();
    let sandbox = world.create(CLOSED);
    world.services.kill(Service::Node);
    for update in [OPEN, CLOSED] {
        let failed = world.blue().put(&sandbox.id, update);
        assert!([503, 504].contains(&failed.status), "{failed:?}");
    }
    assert_eq!(world.blue().post("/sandboxes", "").status, 503);
    assert!(!sandbox.client().reaches("tcp:203.0.113.1:7"), "the kernel goes on");
    world.services.start_again(Service::Node);
    assert!(!is_open(&world, &sandbox));
    assert_eq!(world.blue().put(&sandbox.id, OPEN).status, 204);
    assert!(is_open(&world, &sandbox));
    until("the failed creation is nowhere", || world.runs().len() == 1);
}
