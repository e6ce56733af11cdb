//! Requests into a sandbox: how many a second, and how much later they are answered.

use crate::{
    client::Client,
    plain,
    platform::{Platform, Wanted, asking, host},
};
use sandgate_node_agent::KernelPart;
use std::{
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 8;
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);
const ENTRIES: [usize; 3] = [0, 10, 10_000];

/// A way to the server.
struct Way {
    name: String,
    to: SocketAddr,
    host: String,
    /// The way with as many plain proxies, by its place.
    beside: usize,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    p50: f64,
    p99: f64,
}

/// What is read of a round.
type Figure = fn(&Round) -> f64;

pub(crate) async fn page() -> String {
    let stop = CancellationToken::new();
    let platform = Platform::start(KernelPart::Absent).await;
    let port = plain::origin(([0, 0, 0, 0], 0).into(), &stop).port();
    let mut ways = Vec::new();
    let mut add = |name: String, to, sandbox: usize, beside| {
        ways.push(Way { name, to, host: host(&id(sandbox), port), beside, rounds: Vec::new() });
    };
    let mut addresses = Vec::new();
    for entries in ENTRIES {
        addresses.push(platform.create(&id(entries), &policy(entries)).await);
    }
    let server = SocketAddr::from((addresses[0], port));
    let one = plain::proxy(server, &stop);
    add("no proxy".into(), server, 0, 0);
    add("a plain proxy".into(), one, 0, 1);
    for entries in ENTRIES {
        add(format!("node, {entries} entries"), platform.node, entries, 1);
    }
    add("two plain proxies".into(), plain::proxy(one, &stop), 0, 5);
    for entries in ENTRIES {
        add(format!("edge and node, {entries} entries"), platform.edge, entries, 5);
    }
    for round in 0..=ROUNDS {
        for way in &mut ways {
            let measured = measure(way).await;
            // The first warms up.
            if round > 0 {
                way.rounds.push(measured);
            }
        }
    }
    stop.cancel();
    platform.stop().await;
    table(&ways)
}

fn id(entries: usize) -> String {
    format!("with-{entries}")
}

/// Networks that may enter, of which no two are neighbours, and nobody else.
fn policy(entries: usize) -> Wanted {
    if entries == 0 {
        return Wanted::new("{}");
    }
    let networks: Vec<String> = (0..entries).map(|number| format!("\"{}/24\"", network(number))).collect();
    Wanted::new(&format!(r#"{{"allowIn": [{}], "denyIn": ["0.0.0.0/0"]}}"#, networks.join(", ")))
}

fn network(number: usize) -> Ipv4Addr {
    let step = u32::try_from(number * 512).expect("it fits the family");
    Ipv4Addr::from_bits(Ipv4Addr::new(20, 0, 0, 0).to_bits() + step)
}

async fn measure(way: &Way) -> Round {
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        // Every client is in the first ten networks, and so allowed by each policy.
        let headers = asking(Ipv4Addr::from_bits(network(number).to_bits() + 7));
        let (to, host) = (way.to, way.host.clone());
        clients.spawn(async move {
            let mut client = Client::connect(to).await;
            let mut took = Vec::new();
            while start.elapsed() < ROUND {
                let begin = Instant::now();
                let (status, body) = client.ask(&host, &headers).await;
                took.push(begin.elapsed());
                assert!(status == 200 && body == host.as_bytes(), "{status}");
            }
            took
        });
    }
    let mut took = clients.join_all().await.concat();
    let seconds = start.elapsed().as_secs_f64();
    took.sort_unstable();
    let micros = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1e6;
    let count = u32::try_from(took.len()).expect("there are fewer");
    Round { per_second: f64::from(count) / seconds, p50: micros(50), p99: micros(99) }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn table(ways: &[Way]) -> String {
    let mut text = format!(
        "## Requests\n\n\
         {CLIENTS} clients on kept connections, small answers, over the loopback; clients, proxies and server share one process and its threads.\n\
         A plain proxy is the forwarding code of the node without a policy. Each way was taken for a second, one after the other, {ROUNDS} times;\n\
         figures are medians, and ratios medians of the ratios within a round, to as many plain proxies. `added` is what is more than without a proxy, in the same round.\n\n\
         | through | requests/s | ratio | p50, us | ratio | added | ratio | p99, us | ratio | added | ratio |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for way in ways {
        let both = || way.rounds.iter().zip(&ways[way.beside].rounds);
        let of = |figure: Figure| {
            let ratio = median(both().map(|(own, plain)| figure(own) / figure(plain)));
            (median(way.rounds.iter().map(figure)), ratio)
        };
        // Within a round too, or a slow moment of the machine is taken for a difference.
        let added = |figure: Figure| {
            let more = |way: &Way| -> Vec<f64> {
                way.rounds.iter().zip(&ways[0].rounds).map(|(own, none)| figure(own) - figure(none)).collect()
            };
            let (own, plain) = (more(way), more(&ways[way.beside]));
            let ratio = median(own.iter().zip(&plain).map(|(own, plain)| own / plain));
            (median(own.into_iter()), ratio)
        };
        let (per_second, ratio) = of(|round| round.per_second);
        write!(text, "| {} | {:.0} | {:.2}", way.name, per_second, ratio).expect("text");
        let times: [Figure; 2] = [|round| round.p50, |round| round.p99];
        for figure in times {
            let ((all, ratio), (more, ratio_of_more)) = (of(figure), added(figure));
            let ratio_of_more = if way.beside == 0 { "-".into() } else { format!("{ratio_of_more:.2}") };
            write!(text, " | {all:.0} | {ratio:.2} | {more:.0} | {ratio_of_more}").expect("text");
        }
        text.push_str(" |\n");
    }
    text
}
