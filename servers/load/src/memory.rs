//! The memory of very many sandboxes' policies.

use crate::platform::options;
use sandgate::Policy;
use sandgate_node_agent::{Enforced, Registry, Sandbox};
use std::{env, fmt::Write, fs, net::Ipv4Addr, net::Ipv6Addr, process::Command, sync::Arc};

const SANDBOXES: u32 = 10_000;
const ENTRIES: [u32; 4] = [0, 10, 100, 1000];

/// Each figure comes from a process of its own, whose memory nobody has used before.
pub(crate) fn page() -> String {
    let mut text = format!(
        "## Memory\n\n\
         The resident memory of a process before and after {SANDBOXES} sandboxes are in its registry, each with a compiled policy of its own.\n\
         Of ten entries, four are networks that may be reached, two are names, two are clients, and two deny the rest.\n\n\
         | entries of each | all, MiB | bytes a sandbox |\n| ---: | ---: | ---: |\n"
    );
    for entries in ENTRIES {
        let this = env::current_exe().expect("a program knows where it is");
        let output = Command::new(this).args(["memory", &entries.to_string()]).output().expect("it runs");
        let kib: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        let (mib, bytes) = (f64::from(kib) / 1024.0, u64::from(kib) * 1024 / u64::from(SANDBOXES));
        writeln!(text, "| {entries} | {mib:.1} | {bytes} |").expect("text");
    }
    text
}

/// A part: fills a registry, and prints how many KiB that took.
pub(crate) fn play(entries: &str) {
    let entries = entries.parse().expect("a number of entries");
    let (registry, options) = (Registry::default(), options());
    let before = resident();
    for number in 0..SANDBOXES {
        let policy =
            Policy::from_json(&document(number, entries), &options).unwrap_or_else(|report| panic!("{report}"));
        registry.insert(&Arc::new(Sandbox {
            id: format!("sandbox-{number}"),
            ipv4: Ipv4Addr::from_bits(0x0a00_0000 + number),
            ipv6: Ipv6Addr::from_bits((0xfd5a << 112) + u128::from(number)),
            traffic_access_token: String::new(),
            enforced: Arc::new(Enforced { generation: 1, policy }).into(),
        }));
    }
    println!("{}", resident() - before);
    drop(registry);
}

/// No two sandboxes have the same.
fn document(number: u32, entries: u32) -> String {
    let [_, high, low, _] = (number << 8).to_be_bytes();
    let tenth = entries / 10;
    let many = |count: u32, text: &dyn Fn(u32) -> String| {
        (0..count).map(|each| format!("\"{}\"", text(each))).collect::<Vec<_>>().join(", ")
    };
    let outside = many(tenth * 4, &|each| format!("{}.{high}.{low}.{}/30", 20 + each / 64, each % 64 * 4));
    let names = many(tenth * 2, &|each| format!("host-{each}.of-{number}.example.com"));
    let clients = many(tenth * 2, &|each| format!("{}.{high}.{low}.{}/30", 60 + each / 64, each % 64 * 4));
    let denied =
        many(tenth, &|each| if each == 0 { "0.0.0.0/0".into() } else { format!("{}.0.0.0/8", 100 + each % 20) });
    format!(
        r#"{{"allowOut": [{outside}{}{names}], "denyOut": [{denied}], "allowIn": [{clients}], "denyIn": [{denied}]}}"#,
        if entries == 0 { "" } else { ", " }
    )
}

/// What the kernel says of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}
