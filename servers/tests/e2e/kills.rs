//! Services that are killed again and again while a sandbox is changed.
//!
//! Each update has a number, which is in the document three times: in the mask, in what is denied
//! on the way out, and in who is let in. So it can be seen anywhere which update holds.

use crate::{
    http::Client,
    services::Service,
    world::{Sandbox, World, request},
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// How often each service is killed.
const KILLS: u64 = 20;

/// The clients of odd and of even updates.
const CLIENTS: [&str; 2] = ["198.51.100.8", "198.51.100.7"];

fn document(number: u64) -> String {
    let (host, client) = if number.is_multiple_of(2) { (1, CLIENTS[0]) } else { (2, CLIENTS[1]) };
    format!(
        r#"{{"denyOut": ["203.0.113.{host}"], "allowIn": ["{client}"], "denyIn": ["0.0.0.0/0"],
            "maskRequestHost": "v{number}.example"}}"#
    )
}

/// What callers saw of their updates.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// The last that was acknowledged.
    acknowledged: u64,
    /// The last that was tried.
    tried: u64,
    /// How many were acknowledged, and how many were answered with an error or not at all.
    made: u64,
    failed: u64,
}

/// Updates one after the other, until it is told to stop.
fn update(blue: &Client, id: &str, mut seen: Seen, goes_on: impl Fn() -> bool) -> Seen {
    while goes_on() {
        seen.tried += 1;
        match blue.try_ask("PUT", &format!("/sandboxes/{id}/network"), &document(seen.tried)) {
            Ok(answer) if answer.status == 204 => {
                seen.acknowledged = seen.tried;
                seen.made += 1;
            }
            Ok(answer) => {
                assert!(answer.status >= 500, "{answer:?}");
                seen.failed += 1;
            }
            // The API is gone. Nobody waits for it in a busy loop.
            Err(_) => {
                seen.failed += 1;
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    seen
}

/// Which update holds, where store, node, kernel, packets and requests agree about it.
fn holds(world: &World, sandbox: &Sandbox) -> u64 {
    let shown = world.agrees(sandbox);
    let mask = shown.body["network"]["maskRequestHost"].as_str().unwrap_or("v0.example");
    let number: u64 = mask.trim_start_matches('v').trim_end_matches(".example").parse().expect("a number");
    if number == 0 {
        return 0;
    }
    let client = sandbox.client();
    let reaches = ["tcp:203.0.113.1:7", "tcp:203.0.113.2:7"].map(|to| client.reaches(to));
    let statuses = CLIENTS.map(|from| request(from, &sandbox.host(8080), ""));
    assert!(statuses.iter().any(|answer| answer.status == 200 && answer.was_sent("host") == [mask]), "{statuses:?}");
    let is_even = number.is_multiple_of(2);
    assert_eq!(reaches, [!is_even, is_even], "{number}");
    assert_eq!(statuses.map(|answer| answer.status == 200), [is_even, !is_even], "{number}");
    number
}

fn killed(service: Service) {
    let mut world = World::start();
    let sandbox = world.create("{}");
    let _server = sandbox.serve(&[8080]);
    let mut seen = Seen::default();
    for kill in 0..KILLS {
        let (stop, blue, id) = (&AtomicBool::new(false), &world.blue(), &sandbox.id);
        seen = thread::scope(|scope| {
            let updating = scope.spawn(move || update(blue, id, seen, || !stop.load(Ordering::Relaxed)));
            // Another moment each time: of the start, of the call, of the transaction, of the end.
            thread::sleep(Duration::from_millis(60 + kill * 11 % 97));
            world.services.kill(service);
            thread::sleep(Duration::from_millis(kill * 7 % 20));
            world.services.start_again(service);
            thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
            updating.join().expect("it ends")
        });
        let number = holds(&world, &sandbox);
        let possible = seen.acknowledged..=seen.tried;
        assert!(possible.contains(&number), "kill {kill}: {number} holds, {seen:?}");
        // What was not acknowledged may have been made; from here on it is what was before.
        seen.acknowledged = number;
    }
    assert!(seen.made >= KILLS, "updates went on meanwhile: {seen:?}");
    let last = world.blue().put(&sandbox.id, &document(seen.tried + 1));
    assert_eq!(last.status, 204, "{last:?}");
    assert_eq!(holds(&world, &sandbox), seen.tried + 1);
    let Seen { made, failed, .. } = seen;
    eprintln!("  {service:?}: {KILLS} kills, {made} updates acknowledged and {failed} not, none lost");
}

pub(crate) fn api() {
    killed(Service::Api);
}

pub(crate) fn node() {
    killed(Service::Node);
}

pub(crate) fn edge() {
    killed(Service::Edge);
}
