//! Updates as fast as a node takes them, while traffic flows that every one of them allows, and
//! traffic that none does.

use crate::{
    services::options,
    world::{World, request},
};
use sandgate::{NetworkConfig, Policy};
use sandgate_contract::node::{CreateRequest, DeleteRequest, UpdateRequest, node_client::NodeClient};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const CLIENT: &str = "198.51.100.7";
const OTHER: &str = "198.51.100.8";
const UPDATES: u64 = 300;

/// Both allow the first host and the first client, and neither the second: with other entries
/// around them.
fn document(number: u64) -> String {
    let other = number % 200;
    let rest = if number.is_multiple_of(2) { "" } else { r#", "203.0.113.0/31""# };
    format!(
        r#"{{"allowOut": ["203.0.113.1", "192.0.2.{other}"{rest}], "denyOut": ["0.0.0.0/0"],
            "allowIn": ["{CLIENT}", "192.0.2.{other}"], "denyIn": ["0.0.0.0/0"]}}"#
    )
}

/// 300 updates without a pause. Not one packet and not one request gets a wrong answer.
pub(crate) fn updates() {
    let mut world = World::start();
    // The node alone is commanded: what is stored must not get in between.
    world.services.kill(crate::services::Service::Api);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let node = format!("http://{}", world.services.node_address());
    let mut node = runtime.block_on(NodeClient::connect(node)).expect("it answers");
    let id = "streamed";
    let compiled = |number| {
        let network = NetworkConfig::from_json(&document(number)).unwrap_or_else(|report| panic!("{report}"));
        let policy = Policy::compile(&network, &options()).unwrap_or_else(|report| panic!("{report}"));
        (network, policy.fingerprint().to_string())
    };
    let (network, fingerprint) = compiled(1);
    let create = CreateRequest {
        sandbox: id.into(),
        generation: 1,
        egress: Some((&network).into()),
        ingress: Some((&network).into()),
        allow_public_traffic: true,
        traffic_access_token: String::new(),
        end_time: None,
        fingerprint,
    };
    runtime.block_on(node.create(create)).expect("there is room");
    let sandbox = crate::world::Sandbox { id: id.into(), token: String::new() };
    let _server = sandbox.serve(&[8080]);
    let client = sandbox.client();
    let (done, asked) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let (sandbox, client) = (&sandbox, &client);
    let mut held = client.hold("tcp:203.0.113.1:7").expect("it is allowed");
    let flows: [(&str, Box<dyn Fn() -> bool + Send>); 6] = [
        ("tcp to an allowed host", Box::new(|| client.reaches("tcp:203.0.113.1:7"))),
        ("udp to an allowed host", Box::new(|| client.reaches("udp:203.0.113.1:7"))),
        ("tcp to another host", Box::new(|| !client.reaches("tcp:203.0.113.2:7"))),
        ("udp to another host", Box::new(|| !client.reaches("udp:203.0.113.2:7"))),
        ("an allowed client", Box::new(|| request(CLIENT, &sandbox.host(8080), "").status == 200)),
        ("another client", Box::new(|| request(OTHER, &sandbox.host(8080), "").status == 403)),
    ];
    let time = thread::scope(|scope| {
        for (what, is_right) in flows {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert!(is_right(), "{what}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                assert!(held.works().expect("it runs"), "an open connection goes on");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        thread::sleep(Duration::from_millis(200));
        let begin = Instant::now();
        for number in 2..=UPDATES {
            let (network, fingerprint) = compiled(number);
            let update = UpdateRequest {
                sandbox: id.into(),
                generation: number,
                end_time: None,
                egress: Some((&network).into()),
                ingress: Some((&network).into()),
                fingerprint,
            };
            let updated = runtime.block_on(node.update(update));
            if let Err(status) = updated {
                done.store(true, Ordering::Relaxed);
                panic!("{status}");
            }
        }
        let time = begin.elapsed();
        done.store(true, Ordering::Relaxed);
        time
    });
    runtime.block_on(node.delete(DeleteRequest { sandbox: id.into() })).expect("it ends");
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked > 0, "traffic flowed");
    let rate = 1000 * u128::from(UPDATES) / time.as_millis().max(1);
    eprintln!("  {UPDATES} updates, {rate} a second; {asked} questions meanwhile, none answered wrongly");
}
