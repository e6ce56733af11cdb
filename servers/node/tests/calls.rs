//! The calls of the control API, answered by an agent that needs no privileges.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use sandgate::{NetworkConfig, Options, Policy};
use sandgate_contract::node::{
    CreateRequest, DeleteRequest, ListRequest, UpdateRequest, WatchRequest, event::What, node_client::NodeClient,
};
use sandgate_node_agent::{Agent, Config, KernelPart, Pools};
use std::{
    path::Path,
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, transport::Channel};

const DENY_ALL: &str = r#"{"denyOut": ["0.0.0.0/0"], "denyIn": ["0.0.0.0/0"]}"#;

struct Node {
    agent: Agent,
    stop: CancellationToken,
    client: NodeClient<Channel>,
}

impl Node {
    async fn start(state: &Path) -> Self {
        let network = |text: &str| text.parse().expect("a network");
        let pools = Pools::new(network("127.64.0.0/16"), network("fd5a:9a7e::/64")).expect("pools");
        let config =
            Config { kernel: KernelPart::Absent, ..Config::new(Options::default(), pools, state.to_path_buf()) };
        let stop = CancellationToken::new();
        let agent = Agent::serve(config, stop.clone()).await.expect("it needs nothing");
        let client = NodeClient::connect(format!("http://{}", agent.address())).await.expect("it answers");
        Self { agent, stop, client }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.agent.stopped().await.expect("it was told to");
    }

    async fn list(&mut self) -> Vec<(String, u64)> {
        let listed = self.client.list(ListRequest {}).await.expect("it answers").into_inner().sandboxes;
        let mut listed: Vec<(String, u64)> = listed.into_iter().map(|one| (one.sandbox, one.generation)).collect();
        listed.sort();
        listed
    }

    async fn create(&mut self, request: CreateRequest) -> Code {
        self.client.create(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
    }

    async fn update(&mut self, request: UpdateRequest) -> Code {
        self.client.update(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
    }

    async fn delete(&mut self, sandbox: &str, generation: u64) -> Code {
        let request = DeleteRequest { sandbox: sandbox.into(), generation };
        self.client.delete(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
    }
}

fn config(text: &str) -> NetworkConfig {
    NetworkConfig::from_json(text).expect("a document")
}

fn fingerprint(network: &NetworkConfig) -> String {
    Policy::compile(network, &Options::default()).expect("it is valid").fingerprint().to_string()
}

fn creation(sandbox: &str, generation: u64, text: &str) -> CreateRequest {
    let network = config(text);
    CreateRequest {
        sandbox: sandbox.into(),
        generation,
        egress: Some((&network).into()),
        ingress: Some((&network).into()),
        allow_public_traffic: network.allow_public_traffic,
        traffic_access_token: "secret".into(),
        end_time: None,
        fingerprint: fingerprint(&network),
    }
}

fn change(sandbox: &str, generation: u64, text: &str) -> UpdateRequest {
    let network = config(text);
    UpdateRequest {
        sandbox: sandbox.into(),
        generation,
        end_time: None,
        egress: Some((&network).into()),
        ingress: Some((&network).into()),
        fingerprint: fingerprint(&network),
    }
}

#[tokio::test]
async fn generations_only_go_up_and_calls_can_be_repeated() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.update(change("a", 1, "{}")).await, Code::NotFound);
    assert_eq!(node.create(creation("a", 3, "{}")).await, Code::Ok);
    assert_eq!(node.create(creation("a", 3, "{}")).await, Code::Ok, "the same");
    assert_eq!(node.create(creation("a", 3, DENY_ALL)).await, Code::AlreadyExists, "another policy");
    assert_eq!(node.create(creation("a", 4, "{}")).await, Code::AlreadyExists, "another generation");
    assert_eq!(node.update(change("a", 5, DENY_ALL)).await, Code::Ok);
    assert_eq!(node.update(change("a", 5, DENY_ALL)).await, Code::Ok, "the same");
    assert_eq!(node.update(change("a", 5, "{}")).await, Code::Aborted, "another policy");
    assert_eq!(node.update(change("a", 4, "{}")).await, Code::Aborted, "delayed");
    assert_eq!(node.list().await, [("a".into(), 5)]);
    for _ in 0..2 {
        assert_eq!(node.delete("a", 6).await, Code::Ok, "what is gone is gone");
        assert_eq!(node.list().await, []);
    }
    node.stop().await;
}

#[tokio::test]
async fn a_sandbox_that_runs_something_newer_is_not_stopped() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.create(creation("a", 3, "{}")).await, Code::Ok);
    assert_eq!(node.delete("a", 0).await, Code::InvalidArgument);
    assert_eq!(node.delete("a", 2).await, Code::Aborted, "delayed");
    assert_eq!(node.update(change("a", 5, DENY_ALL)).await, Code::Ok);
    assert_eq!(node.delete("a", 4).await, Code::Aborted, "delayed");
    node.stop().await;
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.delete("a", 4).await, Code::Aborted, "a restart knows the generation");
    assert_eq!(node.list().await, [("a".into(), 5)]);
    assert_eq!(node.delete("a", 5).await, Code::Ok, "as it was listed");
    assert_eq!(node.update(change("a", 4, "{}")).await, Code::NotFound, "delayed");
    assert_eq!(node.list().await, []);
    // Nothing is remembered of what was stopped. The caller finds it in the list.
    assert_eq!(node.create(creation("a", 4, "{}")).await, Code::Ok, "delayed");
    assert_eq!(node.list().await, [("a".into(), 4)]);
    node.stop().await;
}

#[tokio::test]
async fn what_a_node_does_not_understand_as_the_caller_does_is_refused() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    let other = CreateRequest { fingerprint: fingerprint(&config(DENY_ALL)), ..creation("a", 1, "{}") };
    assert_eq!(node.create(other).await, Code::FailedPrecondition);
    for name in ["", "A", "a.b", "../a", "-a", "a-", &"a".repeat(58)] {
        assert_eq!(node.create(creation(name, 1, "{}")).await, Code::InvalidArgument, "{name}");
    }
    assert_eq!(node.create(creation("a", 0, "{}")).await, Code::InvalidArgument);
    assert_eq!(node.create(CreateRequest { egress: None, ..creation("a", 1, "{}") }).await, Code::InvalidArgument);
    assert_eq!(node.create(CreateRequest { ingress: None, ..creation("a", 1, "{}") }).await, Code::InvalidArgument);
    let without = CreateRequest {
        allow_public_traffic: false,
        traffic_access_token: String::new(),
        ..creation("a", 1, r#"{"allowPublicTraffic": false}"#)
    };
    assert_eq!(node.create(without).await, Code::InvalidArgument, "a token that nobody has to know");

    let mut bad = creation("a", 1, "{}");
    bad.egress.as_mut().expect("it has one").deny_out = vec!["10.1.2.3/8".into(), "0.0.0.0/0:99999".into()];
    let status = node.client.create(bad).await.expect_err("it is not valid");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("/denyOut/0") && status.message().contains("/denyOut/1"), "{status}");
    assert_eq!(node.list().await, [], "nothing was begun");

    assert_eq!(node.create(creation("a", 1, "{}")).await, Code::Ok);
    let other = UpdateRequest { fingerprint: fingerprint(&config("{}")), ..change("a", 2, DENY_ALL) };
    assert_eq!(node.update(other).await, Code::FailedPrecondition);
    assert_eq!(node.list().await, [("a".into(), 1)]);
    node.stop().await;
}

#[tokio::test]
async fn what_an_update_leaves_out_stays() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    let text = r#"{"denyOut": ["203.0.113.0/24"], "denyIn": ["198.51.100.0/24"], "maskRequestHost": "a.example"}"#;
    assert_eq!(node.create(creation("a", 1, text)).await, Code::Ok);
    let after = config(r#"{"denyIn": ["198.51.100.0/24"], "maskRequestHost": "a.example"}"#);
    let half = UpdateRequest { ingress: None, fingerprint: fingerprint(&after), ..change("a", 2, "{}") };
    assert_eq!(node.update(half).await, Code::Ok);
    let enforced = node.agent.registry().by_id("a").expect("it runs").enforced.load_full();
    assert_eq!(enforced.policy.config(), Policy::compile(&after, &Options::default()).expect("valid").config());
    node.stop().await;
}

#[tokio::test]
async fn a_sandbox_ends_at_its_time_unless_it_is_given_more() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    let soon = SystemTime::now().checked_add(Duration::from_millis(300)).expect("it is not 292 billion");
    let late = SystemTime::now().checked_add(Duration::from_secs(1 << 40)).expect("it is not 292 billion");
    for id in ["a", "b"] {
        let request = CreateRequest { end_time: Some(soon.into()), ..creation(id, 1, "{}") };
        assert_eq!(node.create(request).await, Code::Ok);
    }
    let request = UpdateRequest { end_time: Some(late.into()), ..change("b", 2, "{}") };
    let more = node.update(request).await;
    while node.list().await.iter().any(|(id, _)| id == "a") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // If the machine was too slow the sandbox had ended before it was given more.
    let expected = if more == Code::Ok { vec![("b".into(), 2)] } else { vec![] };
    assert_eq!(node.list().await, expected);
    node.stop().await;
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.list().await, expected, "a restart knows the end times");
    node.stop().await;
}

#[tokio::test]
async fn listeners_are_told_what_is_enforced() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    let mut one = node.client.watch(WatchRequest { sandbox: "b".into() }).await.expect("a stream").into_inner();
    let mut all = node.client.watch(WatchRequest::default()).await.expect("a stream").into_inner();
    for id in ["a", "b"] {
        assert_eq!(node.create(creation(id, 1, "{}")).await, Code::Ok);
    }
    let event = one.message().await.expect("a stream").expect("an event");
    assert_eq!((event.sandbox.as_str(), event.generation), ("b", 1));
    let Some(What::Updated(updated)) = event.what else { panic!("{event:?}") };
    assert_eq!(updated.fingerprint, fingerprint(&config("{}")));
    for id in ["a", "b"] {
        assert_eq!(all.message().await.expect("a stream").expect("an event").sandbox, id);
    }
    node.stop().await;
    assert!(matches!(all.message().await, Ok(None) | Err(_)), "a stream ends with the agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_updates_at_once_the_newest_stays() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.create(creation("a", 1, "{}")).await, Code::Ok);
    let updates: Vec<_> = (2..50)
        .map(|generation| {
            let mut client = node.client.clone();
            let text = format!(r#"{{"denyOut": ["203.0.113.{generation}"]}}"#);
            tokio::spawn(async move { client.update(change("a", generation, &text)).await })
        })
        .collect();
    for update in updates {
        let done = update.await.expect("a task");
        assert!(done.is_ok() || done.is_err_and(|status| status.code() == Code::Aborted));
    }
    assert_eq!(node.list().await, [("a".into(), 49)]);
    let policy = &node.agent.registry().by_id("a").expect("it runs").enforced.load_full().policy;
    assert!(!policy.allows_egress("203.0.113.49".parse().expect("an address"), 443));
    assert!(policy.allows_egress("203.0.113.48".parse().expect("an address"), 443));
    node.stop().await;
}

#[tokio::test]
async fn a_restart_knows_what_was_acknowledged() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.create(creation("a", 1, DENY_ALL)).await, Code::Ok);
    assert_eq!(node.create(creation("b", 7, "{}")).await, Code::Ok);
    assert_eq!(node.update(change("b", 8, DENY_ALL)).await, Code::Ok);
    let before = node.agent.registry().by_id("b").expect("it runs");
    node.stop().await;
    let mut node = Node::start(state.path()).await;
    assert_eq!(node.list().await, [("a".into(), 1), ("b".into(), 8)]);
    let after = node.agent.registry().by_id("b").expect("it runs");
    assert_eq!(
        (before.ipv4, before.ipv6, &before.traffic_access_token),
        (after.ipv4, after.ipv6, &after.traffic_access_token)
    );
    assert_eq!(before.enforced.load().policy.fingerprint(), after.enforced.load().policy.fingerprint());
    assert_eq!(node.create(creation("c", 1, "{}")).await, Code::Ok);
    let addresses: std::collections::BTreeSet<_> = node.agent.registry().all().iter().map(|one| one.ipv4).collect();
    assert_eq!(addresses.len(), 3, "nobody got the address of another");
    node.stop().await;
}

#[tokio::test]
async fn a_thousand_sandboxes_take_memory_in_proportion() {
    let state = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(state.path()).await;
    let entries: Vec<String> = (0..100).map(|number| format!("\"203.0.113.{number}:{}\"", 1000 + number)).collect();
    let text = format!(r#"{{"allowIn": [{}], "denyIn": ["0.0.0.0/0"]}}"#, entries.join(","));
    assert_eq!(node.create(creation("first", 1, &text)).await, Code::Ok);
    let before = resident();
    for number in 0..1000 {
        assert_eq!(node.create(creation(&format!("sandbox-{number}"), 1, &text)).await, Code::Ok);
    }
    let each = resident().saturating_sub(before) / 1000;
    eprintln!("1,000 sandboxes with 100 entries: {each} KiB each");
    assert!(each < 256, "{each} KiB for 100 entries");
    node.stop().await;
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process has a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("and memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("in kilobytes")
}
