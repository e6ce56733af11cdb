//! Side-by-side benchmarks: answers compared first, then times, memory and growth.
//!
//! Usage: `sandgate-bench OUTPUT.md`. `cargo xtask bench` runs it.

mod addresses;
mod engines;
mod measure;
mod names;
mod random;
mod report;
mod work;

use measure::{Contestant, Counting, time, time_of, with_bytes};
use random::Random;
use report::Report;
use sandgate::Policy;
use std::{env, fs, net::IpAddr};
use work::{Mix, Query, Rule};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SEED: u64 = 2026;

fn main() {
    let output = env::args().nth(1).expect("the file to write");
    let mut report = Report::default();
    ipv4(&mut report);
    ipv6(&mut report);
    many_policies(&mut report);
    compile(&mut report);
    trap(&mut report);
    names(&mut report);
    engines(&mut report);
    fs::write(&output, report.finish(&machine())).expect("the output can be written");
    println!("\nwrote {output}");
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).map(|line| line.trim_start_matches([' ', '\t', ':']));
    let versions = "ipnet 2.12, ip_network_table-deps-treebitmap 0.5, prefix-trie 0.10, poptrie 0.2, rangemap 1, cedar-policy 4, regorus 0.14, fst 0.4";
    format!("Machine: {}, {} cores, baseline x86-64. Peers: {versions}.", model.unwrap_or("unknown"), std::thread::available_parallelism().map_or(0, Into::into))
}

/// Compares every contestant with the obvious answers before it is timed.
fn agree(contestants: &[Contestant<'_, Query>], queries: &[Query], rules: &[Rule], width: u8) {
    let few = &queries[..queries.len().min(40_000_000 / rules.len()).min(20_000)];
    for query in few {
        let (allowed, member) = (work::naive(rules, width, query), work::naive_member(rules, width, query));
        for contestant in contestants {
            let wanted = if contestant.name.starts_with("*`") { member } else { allowed };
            assert_eq!((contestant.answer)(query), wanted, "{} on {query:?}", contestant.name);
        }
    }
}

const SIZES: [usize; 5] = [10, 50, 1_000, 10_000, 100_000];

fn ipv4(report: &mut Report) {
    report.section("One IPv4 decision", "A third of the entries allow, the rest deny, 20 % have ports. `bgp`: prefix lengths as in the global routing table. `threat`: 95 % single addresses.");
    for mix in [Mix::Bgp, Mix::Threat] {
        for (size, (linear, packed)) in SIZES.into_iter().zip([(8.0, 1.4), (20.0, 2.8), (250.0, 30.0), (3_000.0, 0.0), (20_000.0, 0.0)]) {
            let rules = work::rules(mix, size, SEED);
            let queries = work::queries(&rules, 32, 65_536, SEED);
            let contestants = [
                addresses::sandgate(&rules, 32),
                addresses::sandgate_explained(&rules, 32),
                addresses::linear_ipnet(&rules, 32),
                addresses::packed_linear(&rules),
                addresses::tree_bitmap(&rules),
                addresses::prefix_trie(&rules, 32),
                addresses::poptrie(&rules),
                addresses::range_map(&rules),
            ];
            agree(&contestants, &queries, &rules, 32);
            let timings = time(&contestants, &queries);
            report.contestants(&format!("{} entries, {}", size, mix.name()), size, &contestants, &timings);
            let ratio = |index: usize| timings[index].median / timings[0].median;
            let name = format!("{} at {size}", mix.name());
            report.at_least(format!("IPv4 decision against linear `ipnet`, {name}"), linear, ratio(2));
            if packed > 0.0 {
                report.at_least(format!("against packed linear, {name}"), packed, ratio(3));
            }
            report.at_least(format!("against the tree bitmap, {name}"), 8.0, ratio(4));
            let best = (5..8).map(ratio).fold(f64::INFINITY, f64::min);
            report.at_least(format!("against the best membership-only crate, {name}"), 1.3, best);
            report.at_most(format!("explained against boolean, {name}"), 4.0, ratio(1), "x");
            if size >= 1_000 {
                report.at_most(format!("memory, {name}"), 10.0, contestants[0].bytes as f64 / size as f64, " bytes an entry");
            } else {
                report.at_most(format!("memory, {name}"), (64 + 8 * size) as f64, contestants[0].bytes as f64, " bytes");
            }
        }
    }
}

fn ipv6(report: &mut Report) {
    report.section("One IPv6 decision", "Prefix lengths of 32 to 64, 10 % single addresses. The IPv4 time of the same run and size stands beside it.");
    for size in SIZES {
        let rules = work::rules(Mix::V6, size, SEED);
        let queries = work::queries(&rules, 128, 65_536, SEED);
        let v4_rules = work::rules(Mix::Bgp, size, SEED);
        let v4_queries = work::queries(&v4_rules, 32, 65_536, SEED);
        let contestants = [addresses::sandgate(&rules, 128), addresses::linear_ipnet(&rules, 128), addresses::prefix_trie(&rules, 128)];
        agree(&contestants, &queries, &rules, 128);
        let timings = time(&contestants, &queries);
        let v4 = time(&[addresses::sandgate(&v4_rules, 32)], &v4_queries)[0];
        report.contestants(&format!("{size} entries (IPv4: {:.1} ns)", v4.median), size, &contestants, &timings);
        report.at_most(format!("IPv6 against IPv4 at {size}"), 2.0, timings[0].median / v4.median, "x");
        if size >= 1_000 {
            report.at_most(format!("memory, IPv6 at {size}"), 24.0, contestants[0].bytes as f64 / size as f64, " bytes an entry");
        }
    }
}

/// A query for one of many policies.
struct Asked {
    policy: usize,
    query: Query,
}

fn many_policies(report: &mut Report) {
    report.section("Many policies", "A random policy for each query: what a node holds. Bytes are heap bytes of what decides, a policy.");
    for (count, size, linear, packed) in [(20_000, 12, 5.0, 1.8), (20_000, 52, 10.0, 2.4), (100_000, 22, 0.0, 0.0)] {
        let mut random = Random::new(SEED);
        let sets: Vec<Vec<Rule>> = (0..count).map(|number| work::rules(Mix::Bgp, size, SEED + number as u64)).collect();
        let queries: Vec<Asked> = (0..65_536)
            .map(|_| {
                let policy = random.below(count);
                Asked { policy, query: work::queries(&sets[policy], 32, 1, random.next())[0] }
            })
            .collect();
        let (linear_sets, linear_bytes, _) = with_bytes(|| sets.iter().map(|rules| addresses::linear(rules, 32)).collect::<Vec<_>>());
        let (packed_sets, packed_bytes, _) = with_bytes(|| sets.iter().map(|rules| addresses::packed(rules)).collect::<Vec<_>>());
        let policies: Vec<Policy> = sets.iter().map(|rules| addresses::policy(rules, 32)).collect();
        let table_bytes: usize = sets.iter().take(1_000).map(|rules| addresses::table_bytes(rules, 32)).sum::<usize>() * count / 1_000;
        let policies = &policies;
        let linear_sets = &linear_sets;
        let packed_sets = &packed_sets;
        let contestants = [
            Contestant::new("**Sandgate**", table_bytes, move |asked: &Asked| policies[asked.policy].allows_egress(asked.query.ip, asked.query.port)),
            Contestant::new("linear `ipnet`", linear_bytes, move |asked: &Asked| {
                addresses::linear_allows(&linear_sets[asked.policy], asked.query.ip, asked.query.port)
            }),
            Contestant::new("linear, packed base and mask", packed_bytes, move |asked: &Asked| {
                addresses::packed_allows(&packed_sets[asked.policy], asked.query.v4, asked.query.port)
            }),
        ];
        for asked in &queries {
            let wanted = work::naive(&sets[asked.policy], 32, &asked.query);
            assert!(contestants.iter().all(|contestant| (contestant.answer)(asked) == wanted));
        }
        let timings = time(&contestants, &queries);
        report.contestants(&format!("{count} policies of {size} entries (bytes a policy)"), count, &contestants, &timings);
        if linear > 0.0 {
            report.at_least(format!("{count} policies of {size} against linear `ipnet`"), linear, timings[1].median / timings[0].median);
            report.at_least(format!("{count} policies of {size} against packed"), packed, timings[2].median / timings[0].median);
        }
        report.at_most(format!("memory of a policy, {count} of {size}"), (64 + 8 * size) as f64, table_bytes as f64 / count as f64, " bytes");
    }
}

/// The alternative's reading of an entry: address, length, ports.
fn plain_parse(text: &str) -> Option<(IpAddr, u8, u16, u16)> {
    let (net, ports) = text.split_once(':').unwrap_or((text, "0-65535"));
    let (address, len) = net.split_once('/')?;
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    Some((address.parse().ok()?, len.parse().ok()?, low.parse().ok()?, high.parse().ok()?))
}

fn compile(report: &mut Report) {
    report.section(
        "Compile",
        "From entry texts in memory to a policy that decides and explains, against parsing the same texts alone with `core::net`; from JSON text; the most heap that a compilation holds at once, against what the policy keeps.\n\n\
         | entries | parse alone, ns an entry | compile, ns an entry | ratio | from JSON, ns an entry | most heap / kept |\n|---:|---:|---:|---:|---:|---:|",
    );
    for size in [10, 1_000, 10_000, 100_000] {
        let rules = work::rules(Mix::Bgp, size, SEED);
        let config = addresses::config(&rules, 32);
        let options = addresses::options();
        let json = serde_json::json!({ "allowOut": config.allow_out, "denyOut": config.deny_out }).to_string();
        let texts: Vec<&String> = config.allow_out.iter().chain(&config.deny_out).collect();
        let rounds = (2_000_000 / size).clamp(15, 1_001);
        let parse = time_of(rounds, || texts.iter().filter_map(|text| plain_parse(text)).fold(0_u32, |sum, net| sum ^ u32::from(net.1)));
        let whole = time_of(rounds, || Policy::compile(&config, &options).expect("valid"));
        let from_json = time_of(rounds, || Policy::from_json(&json, &options).expect("valid"));
        let (_, kept, most) = with_bytes(|| Policy::from_json(&json, &options).expect("valid"));
        let each = |time: f64| time / size as f64;
        report.line(&format!(
            "| {size} | {:.0} | {:.0} | {:.2} | {:.0} | {:.2} |",
            each(parse),
            each(whole),
            whole / parse,
            each(from_json),
            most as f64 / kept as f64
        ));
        if size >= 1_000 {
            report.at_most(format!("compile against parsing alone at {size}"), 2.5, whole / parse, "x");
        }
    }
}

/// `size` entries: half on everything with a port each, half single addresses with a port each.
fn trap_rules(size: usize) -> Vec<Rule> {
    let mut random = Random::new(SEED);
    let half = size / 2;
    let fan = (0..half).map(|number| {
        let port = (number % 65_535 + 1) as u16;
        Rule { allow: true, base: 0, len: 0, ports: (port, port) }
    });
    let singles = (0..half).map(|_| {
        let port = 1 + random.below(60_000) as u16;
        Rule { allow: false, base: (random.next() as u32 % 0xc000_0000 + 0x0c00_0000).into(), len: 32, ports: (port, port) }
    });
    fan.chain(singles).collect()
}

fn trap(report: &mut Report) {
    report.section(
        "The trap",
        "Thousands of entries `0.0.0.0/0:port` in one list and as many single addresses with a port in the other: a table that copies ports into ranges is quadratic here. Compiled from texts.\n\n\
         | rule set | entries | ns an entry | bytes an entry | ns a decision |\n|---|---:|---:|---:|---:|",
    );
    let nested: Vec<Rule> = (0..=32_u8)
        .map(|len| Rule { allow: len % 2 == 0, base: if len == 0 { 0 } else { (0x0d0d_0d0d_u32 & (u32::MAX << (32 - u32::from(len)))).into() }, len, ports: (1 + u16::from(len), 100 + u16::from(len)) })
        .filter(|rule| rule.len == 0 || rule.base != 0)
        .collect();
    let fan: Vec<Rule> = trap_rules(120_000).into_iter().filter(|rule| rule.len == 0).collect();
    for (name, rules) in [("trap", trap_rules(8_000)), ("trap", trap_rules(60_000)), ("trap", trap_rules(120_000)), ("ports on everything", fan), ("nested prefixes with ports", nested)] {
        let size = rules.len();
        let config = addresses::config(&rules, 32);
        let options = addresses::options();
        let time_each = time_of(15, || Policy::compile(&config, &options).expect("valid")) / size as f64;
        let bytes = addresses::table_bytes(&rules, 32) as f64 / size as f64;
        let queries = work::queries(&rules, 32, 65_536, SEED);
        let contestants = [addresses::sandgate(&rules, 32)];
        agree(&contestants, &queries, &rules, 32);
        let decision = time(&contestants, &queries)[0].median;
        report.line(&format!("| {name} | {size} | {time_each:.0} | {bytes:.1} | {decision:.1} |"));
        if name == "trap" {
            report.at_most(format!("the trap of {size}: compile"), 150.0, time_each, " ns an entry");
            report.at_most(format!("the trap of {size}: memory"), 32.0, bytes, " bytes an entry");
        }
    }
}

fn names(report: &mut Report) {
    report.section("Names", "40 % of the patterns are wildcards, half of the names match, 10 % have upper case. Sandgate's figure is the whole decision: normalisation, the address, the patterns.");
    for size in [10, 50, 1_000, 10_000, 100_000] {
        let patterns = work::patterns(size, SEED);
        let queries = work::names(&patterns, 16_384, SEED);
        let contestants = [names::sandgate(&patterns), names::linear(&patterns), names::hash_set(&patterns), names::fst(&patterns)];
        for name in queries.iter().take(20_000_000 / size) {
            let wanted = names::naive(&patterns, name);
            assert!(contestants.iter().all(|contestant| (contestant.answer)(name) == wanted), "{name}");
        }
        let timings = time(&contestants, &queries);
        report.contestants(&format!("{size} patterns"), size, &contestants, &timings);
        report.at_most(format!("name decision at {size}"), 80.0, timings[0].median, " ns");
        match size {
            10 => report.at_least("names against linear at 10", 1.0, timings[1].median / timings[0].median),
            1_000 => report.at_least("names against linear at 1000", 12.0, timings[1].median / timings[0].median),
            _ => {}
        }
    }
}

fn engines(report: &mut Report) {
    report.section("Policy engines", "The same rules as policies of general engines, the query as their input.");
    for size in [10, 1_000] {
        let rules = work::rules(Mix::Bgp, size, SEED);
        let queries = work::queries(&rules, 32, 256, SEED);
        let contestants = [addresses::sandgate(&rules, 32), engines::cedar(&rules), engines::regorus(&rules)];
        agree(&contestants, &queries, &rules, 32);
        let timings = time(&contestants, &queries);
        report.contestants(&format!("{size} entries"), size, &contestants, &timings);
    }
}
