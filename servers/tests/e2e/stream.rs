//! Updates of several sandboxes as fast as a node takes them, while traffic flows that every one of
//! them allows, and traffic that none does.

use crate::{
    services::{Service, options},
    world::{Sandbox, World, request},
};
use sandgate::{NetworkConfig, Policy};
use sandgate_contract::node::{CreateRequest, DeleteRequest, UpdateRequest, node_client::NodeClient};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinSet};
use tonic::transport::Channel;

const CLIENT: &str = "198.51.100.7";
const OTHER: &str = "198.51.100.8";
/// Sandboxes that are updated at the same time, and how often each. Traffic flows with the first.
const SANDBOXES: usize = 3;
const UPDATES: u64 = 50;
/// Between two questions of one kind: those who ask are not to take the machine away from the node.
const PAUSE: Duration = Duration::from_millis(50);

/// Each allows the first host and the first client, and neither the second: with other entries
/// around them.
fn document(number: u64) -> String {
    let other = number % 200;
    let rest = if number.is_multiple_of(2) { "" } else { r#", "203.0.113.0/31""# };
    format!(
        r#"{{"allowOut": ["203.0.113.1", "192.0.2.{other}"{rest}], "denyOut": ["0.0.0.0/0"],
            "allowIn": ["{CLIENT}", "192.0.2.{other}"], "denyIn": ["0.0.0.0/0"]}}"#
    )
}

fn compiled(number: u64) -> (NetworkConfig, String) {
    let network = NetworkConfig::from_json(&document(number)).unwrap_or_else(|report| panic!("{report}"));
    let policy = Policy::compile(&network, &options()).unwrap_or_else(|report| panic!("{report}"));
    (network, policy.fingerprint().to_string())
}

async fn create(node: &mut NodeClient<Channel>, sandbox: &str) {
    let (network, fingerprint) = compiled(1);
    let request = CreateRequest {
        sandbox: sandbox.into(),
        generation: 1,
        egress: Some((&network).into()),
        ingress: Some((&network).into()),
        allow_public_traffic: true,
        traffic_access_token: String::new(),
        end_time: None,
        fingerprint,
    };
    node.create(request).await.expect("there is room");
}

async fn update_all(mut node: NodeClient<Channel>, sandbox: String) {
    for generation in 2..UPDATES + 2 {
        let (network, fingerprint) = compiled(generation);
        let request = UpdateRequest {
            sandbox: sandbox.clone(),
            generation,
            end_time: None,
            egress: Some((&network).into()),
            ingress: Some((&network).into()),
            fingerprint,
        };
        node.update(request).await.expect("it is valid");
    }
}

/// Not one packet and not one request gets a wrong answer.
pub(crate) fn updates() {
    let mut world = World::start();
    // The node alone is commanded: the API would stop what it has not stored.
    world.services.kill(Service::Api);
    let runtime = Runtime::new().expect("a runtime");
    let node = format!("http://{}", world.services.node_address());
    let mut node = runtime.block_on(NodeClient::connect(node)).expect("it answers");
    let ids: Vec<String> = (0..SANDBOXES).map(|index| format!("streamed-{index}")).collect();
    runtime.block_on(create(&mut node, &ids[0]));
    let sandbox = &Sandbox { id: ids[0].clone(), token: String::new() };
    let _server = sandbox.serve(&[8080]);
    let client = &sandbox.client();
    for id in &ids[1..] {
        runtime.block_on(create(&mut node, id));
    }
    let mut held = client.hold("tcp:203.0.113.1:7").expect("it is allowed");
    let (done, asked) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let time = thread::scope(|scope| {
        let ask = |what: &'static str, is_right: Box<dyn FnMut() -> bool + Send>| {
            let mut is_right = is_right;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert!(is_right(), "{what}");
                    asked.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(PAUSE);
                }
            });
        };
        ask("an open connection", Box::new(|| held.works().expect("it runs")));
        ask("tcp to an allowed host", Box::new(|| client.reaches("tcp:203.0.113.1:7")));
        ask("udp to an allowed host", Box::new(|| client.reaches("udp:203.0.113.1:7")));
        ask("tcp to another host", Box::new(|| !client.reaches("tcp:203.0.113.2:7")));
        ask("udp to another host", Box::new(|| !client.reaches("udp:203.0.113.2:7")));
        ask("an allowed client", Box::new(|| request(CLIENT, &sandbox.host(8080), "").status == 200));
        ask("another client", Box::new(|| request(OTHER, &sandbox.host(8080), "").status == 403));
        let begin = Instant::now();
        let updated: Result<Vec<()>, _> = runtime.block_on(async {
            let mut updating: JoinSet<()> = ids.iter().cloned().map(|id| update_all(node.clone(), id)).collect();
            let mut ended = Vec::new();
            while let Some(one) = updating.join_next().await {
                ended.push(one);
            }
            ended.into_iter().collect()
        });
        done.store(true, Ordering::Relaxed);
        updated.expect("every update is made");
        begin.elapsed()
    });
    for id in ids {
        runtime.block_on(node.delete(DeleteRequest { sandbox: id, generation: u64::MAX })).expect("it ends");
    }
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked > 0, "traffic flowed");
    let all = u64::try_from(SANDBOXES).expect("few") * UPDATES;
    let rate = u128::from(all) * 1000 / time.as_millis().max(1);
    eprintln!("  {all} updates, {rate} a second; {asked} questions meanwhile, none answered wrongly");
}
