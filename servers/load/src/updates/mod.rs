//! Updates while traffic flows, and whether every answer was one that a policy in force gives.
//!
//! ```text
//!     mod.rs       sandboxes, updates, requests      history.rs    what was right when
//!     inside.rs    what runs in a sandbox
//! ```

mod history;
pub(crate) mod inside;

use crate::{
    client::Client,
    platform::{Platform, Wanted, asking, host},
};
use history::{Change, Count, Question, Seen, now};
use sandgate_lab::Running;
use sandgate_node_agent::KernelPart;
use std::{
    env,
    fmt::Write,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

const SANDBOXES: u32 = 20;
const TIME: Duration = Duration::from_secs(20);
const PORT: u16 = 5000;
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a datagram that is not answered may have been on its way.
const ON_ITS_WAY: u128 = 100_000_000;

/// Both let the third client in and the third host be reached. No one lets the fourth.
const POLICIES: [&str; 2] = [
    r#"{"allowIn": ["198.51.100.1", "198.51.100.3"], "denyIn": ["0.0.0.0/0"], "maskRequestHost": "first.internal",
        "allowOut": ["203.0.113.1", "203.0.113.3"], "denyOut": ["0.0.0.0/0"]}"#,
    r#"{"allowIn": ["198.51.100.2", "198.51.100.3"], "denyIn": ["0.0.0.0/0"], "maskRequestHost": "second.internal",
        "allowOut": ["203.0.113.2", "203.0.113.3"], "denyOut": ["0.0.0.0/0"]}"#,
];

/// The name of a case, whether the kernel takes part, and updates a second; none: as many as can be.
const CASES: [(&str, KernelPart, Option<u32>); 4] = [
    ("100 a second", KernelPart::Required, Some(100)),
    ("as many as can be", KernelPart::Required, None),
    ("100 a second, without the kernel", KernelPart::Absent, Some(100)),
    ("as many as can be, without the kernel", KernelPart::Absent, None),
];

pub(crate) async fn page() -> String {
    let mut text = format!(
        "## Updates while traffic flows\n\n\
         {SANDBOXES} sandboxes on one node, each changed from one policy to another and back, by the node's gRPC, for {} s. Four clients send requests\n\
         through edge and node to every sandbox in turn; every sandbox sends datagrams to four hosts. Of clients and hosts, one is allowed by the first policy, one\n\
         by the second, one by both and one by none, and the answer says by a masked host which policy it passed. `exact` came while no update was under\n\
         way, so that one verdict alone is right; of the others, that of the policy before or of the one after. Any other one is wrong.\n\
         With the kernel, an update is three transactions of `nft`, so that both policies are in force before one is alone.\n\n\
         | updates | reached a second | p50, ms | p99, ms | requests | exact | passed | packets | exact | passed | wrong |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        TIME.as_secs()
    );
    for (name, kernel, per_second) in CASES {
        eprintln!("updates: {name}");
        text += &case(name, kernel, per_second).await;
    }
    text
}

async fn case(name: &str, kernel: KernelPart, per_second: Option<u32>) -> String {
    let policies = Arc::new(POLICIES.map(Wanted::new));
    let platform = Arc::new(Platform::start(kernel).await);
    let mut inside = Vec::new();
    for number in 0..SANDBOXES {
        let address = platform.create(&id(number), &policies[0]).await;
        inside.push(start(&platform, &id(number), address, kernel));
    }
    let (begun, start) = (now(), Instant::now() + Duration::from_millis(200));
    let end = start + TIME;
    let mut updates = JoinSet::new();
    for number in 0..SANDBOXES {
        let (platform, policies) = (Arc::clone(&platform), Arc::clone(&policies));
        let every = per_second.map(|per_second| Duration::from_secs(1) * SANDBOXES / per_second);
        let first = start + every.unwrap_or_default() * number / SANDBOXES;
        updates.spawn(async move { (number, update(&platform, &*policies, number, first, every, end).await) });
    }
    let mut requests = JoinSet::new();
    for client in 1..=4 {
        requests.spawn(ask(platform.edge, Ipv4Addr::new(198, 51, 100, client), end));
    }
    let mut changes = updates.join_all().await;
    changes.sort_by_key(|(number, _)| *number);
    let changes: Vec<Vec<Change>> = changes.into_iter().map(|(_, changes)| changes).collect();
    // What is sent from here on meets no update, and would only make the figures look better.
    let finish = now();
    let mut asked = Count::default();
    for (number, seen) in requests.join_all().await.into_iter().flatten() {
        asked.add(&*policies, &changes[number], &seen);
    }
    let mut sent = Count::default();
    let all = inside.into_iter().map(|mut inside| spawn_blocking(move || inside.tell("stop"))).collect::<Vec<_>>();
    for (changes, said) in changes.iter().zip(all) {
        let said = said.await.expect("it ends").expect("it says what it saw");
        let datagrams = said.split_whitespace().map(datagram_of);
        datagrams
            .filter(|seen| (begun..finish).contains(&seen.begin))
            .for_each(|seen| sent.add(&*policies, changes, &seen));
    }
    Arc::into_inner(platform).expect("all others have ended").stop().await;

    let mut took: Vec<u128> =
        changes.iter().flatten().filter(|one| one.end > 0).map(|one| one.end - one.begin).collect();
    took.sort_unstable();
    let millis = |percent: usize| took[took.len() * percent / 100] / 100_000;
    let mut text = String::new();
    let count = u32::try_from(took.len()).expect("there are fewer");
    write!(text, "| {name} | {:.1}", f64::from(count) / TIME.as_secs_f64()).expect("text");
    for tenths in [millis(50), millis(99)] {
        write!(text, " | {}.{}", tenths / 10, tenths % 10).expect("text");
    }
    for Count { all, exact, allowed, .. } in [asked, sent] {
        write!(text, " | {all} | {exact} | {allowed}").expect("text");
    }
    writeln!(text, " | {} |", asked.wrong + sent.wrong).expect("text");
    text
}

fn id(number: u32) -> String {
    format!("sandbox-{number}")
}

/// Without the kernel there are no packets to judge.
fn start(platform: &Platform, id: &str, address: Ipv4Addr, kernel: KernelPart) -> Running {
    let this = env::current_exe().expect("a program knows where it is");
    let mut command = platform.agent.command(id, &this.to_string_lossy()).expect("it runs").into_std();
    command.args(["inside", &format!("{address}:{PORT}")]);
    if kernel == KernelPart::Required {
        command.args((1..=4).map(|host| format!("203.0.113.{host}:7")));
    }
    Running::start(command).expect("it runs")
}

/// Changes a sandbox until the end. The policy that it was created with is the first change.
async fn update(
    platform: &Platform,
    policies: &[Wanted],
    number: u32,
    first: Instant,
    every: Option<Duration>,
    end: Instant,
) -> Vec<Change> {
    let mut changes = vec![Change { begin: 0, end: 0, policy: 0 }];
    let mut ticks = interval_at(first, every.unwrap_or(Duration::from_nanos(1)));
    // What is late is not caught up with.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ticks.tick().await < end && Instant::now() < end {
        let policy = changes.len() % policies.len();
        let generation = u64::try_from(changes.len()).expect("there are few") + 1;
        let begin = now();
        platform.update(&id(number), generation, &policies[policy]).await;
        changes.push(Change { begin, end: now(), policy });
    }
    changes
}

/// Asks every sandbox in turn, until the end.
async fn ask(edge: SocketAddr, client: Ipv4Addr, end: Instant) -> Vec<(usize, Seen)> {
    let (mut connection, headers) = (Client::connect(edge).await, asking(client));
    let mut seen = Vec::new();
    for number in (0..SANDBOXES).cycle() {
        if Instant::now() >= end {
            break;
        }
        let begin = now();
        let (status, body) = connection.ask(&host(&id(number), PORT), &headers).await;
        let answer = match status.as_u16() {
            200 => Some(String::from_utf8_lossy(&body).into_owned()),
            403 => None,
            other => panic!("{other} is no verdict"),
        };
        let question = Question::Request(client, PORT);
        seen.push((usize::try_from(number).expect("it is small"), Seen { begin, end: now(), question, answer }));
        sleep(PAUSE).await;
    }
    seen
}

fn datagram_of(text: &str) -> Seen {
    let mut parts = text.split('/');
    let to: SocketAddrV4 = parts.next().expect("a host").parse().expect("an address");
    let begin = parts.next().expect("a begin").parse().expect("a time");
    let end: Option<u128> = parts.next().expect("an end").parse().ok();
    Seen {
        begin,
        end: end.unwrap_or(begin + ON_ITS_WAY),
        question: Question::Packet(*to.ip(), to.port()),
        answer: end.map(|_| String::new()),
    }
}
