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
    sync::Semaphore,
    task::{JoinSet, spawn_blocking},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep},
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

/// What is asked of the node.
struct Case {
    name: &'static str,
    kernel: KernelPart,
    /// Updates a second; none: as many as can be.
    per_second: Option<u32>,
    /// How many updates are under way at a time.
    at_a_time: u32,
}

const CASES: [Case; 5] = [
    Case { name: "100 a second", kernel: KernelPart::Required, per_second: Some(100), at_a_time: SANDBOXES },
    Case { name: "as many as can be", kernel: KernelPart::Required, per_second: None, at_a_time: SANDBOXES },
    Case { name: "one after the other", kernel: KernelPart::Required, per_second: None, at_a_time: 1 },
    Case {
        name: "100 a second, without the kernel",
        kernel: KernelPart::Absent,
        per_second: Some(100),
        at_a_time: SANDBOXES,
    },
    Case {
        name: "as many as can be, without the kernel",
        kernel: KernelPart::Absent,
        per_second: None,
        at_a_time: SANDBOXES,
    },
];

pub(crate) async fn page() -> String {
    let mut text = format!(
        "## Updates while traffic flows\n\n\
         {SANDBOXES} sandboxes on one node, each changed from one policy to another and back, by the node's gRPC, for {} s. Four clients send requests\n\
         through edge and node to every sandbox in turn; every sandbox sends datagrams to four hosts. Of clients and hosts, one is allowed by the first policy, one\n\
         by the second, one by both and one by none, and the answer says by a masked host which policy it passed. `exact` came while no update was under\n\
         way, so that one verdict alone is right; of the others, that of the policy before or of the one after. Any other one is wrong.\n\
         With the kernel, an update is three transactions, so that both policies are in force before one is alone. The next one takes all sandboxes that wait.\n\n\
         | updates | reached a second | p50, ms | p99, ms | requests | exact | passed | packets | exact | passed | wrong |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        TIME.as_secs()
    );
    for case in CASES {
        eprintln!("updates: {}", case.name);
        text += &measure(case).await;
    }
    text
}

async fn measure(Case { name, kernel, per_second, at_a_time }: Case) -> String {
    let policies = Arc::new(POLICIES.map(Wanted::new));
    let platform = Arc::new(Platform::start(kernel).await);
    let mut inside = Vec::new();
    for number in 0..SANDBOXES {
        let address = platform.create(&id(number), &policies[0]).await;
        inside.push(start(&platform, &id(number), address, kernel));
    }
    let (begun, start) = (now(), Instant::now() + Duration::from_millis(200));
    let end = start + TIME;
    let (mut updates, places) = (JoinSet::new(), Arc::new(Semaphore::new(at_a_time.try_into().expect("it is small"))));
    for number in 0..SANDBOXES {
        let (platform, policies, places) = (Arc::clone(&platform), Arc::clone(&policies), Arc::clone(&places));
        let every = per_second.map(|per_second| Duration::from_secs(1) * SANDBOXES / per_second);
        let first = start + every.unwrap_or_default() * number / SANDBOXES;
        updates.spawn(async move {
            let ticks = interval_at(first, every.unwrap_or(Duration::from_nanos(1)));
            (number, update(&platform, &*policies, number, ticks, &places, end).await)
        });
    }
    let mut requests = JoinSet::new();
    for client in 1..=4 {
        requests.spawn(ask(platform.edge, Ipv4Addr::new(198, 51, 100, client), end));
    }
    let mut changes = updates.join_all().await;
    changes.sort_by_key(|(number, _)| *number);
    let changes: Vec<Vec<Change>> = changes.into_iter().map(|(_, changes)| changes).collect();
    // What is sent from here on meets no update, and would only make the figures look better.
    let (finish, seconds) = (now(), start.elapsed().as_secs_f64());
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

    let wrong = asked.wrong + sent.wrong;
    assert_eq!(wrong, 0, "wrong verdicts; each is told above");
    let mut took: Vec<u128> =
        changes.iter().flatten().filter(|one| one.end > 0).map(|one| one.end - one.begin).collect();
    took.sort_unstable();
    let millis = |percent: usize| took[took.len() * percent / 100] / 100_000;
    let mut text = String::new();
    let count = u32::try_from(took.len()).expect("there are fewer");
    write!(text, "| {name} | {:.1}", f64::from(count) / seconds).expect("text");
    for tenths in [millis(50), millis(99)] {
        write!(text, " | {}.{}", tenths / 10, tenths % 10).expect("text");
    }
    for Count { all, exact, allowed, .. } in [asked, sent] {
        write!(text, " | {all} | {exact} | {allowed}").expect("text");
    }
    writeln!(text, " | {wrong} |").expect("text");
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
    mut ticks: Interval,
    places: &Semaphore,
    end: Instant,
) -> Vec<Change> {
    let mut changes = vec![Change { begin: 0, end: 0, policy: 0 }];
    // What is late is not caught up with.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let _place = places.acquire().await.expect("it is never closed");
        if Instant::now() >= end {
            return changes;
        }
        let policy = changes.len() % policies.len();
        let generation = u64::try_from(changes.len()).expect("there are few") + 1;
        let begin = now();
        platform.update(&id(number), generation, &policies[policy]).await;
        changes.push(Change { begin, end: now(), policy });
    }
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
