//! Measures the difference of two policies of one kind: `difference CASE ENTRIES`.
//!
//! Prints the milliseconds that compiling both takes, those of the difference, by how many KiB the
//! peak of memory rose meanwhile, and how long the answer is: regions, and ranges of addresses and
//! of ports in them. Without arguments it prints the cases.

#![expect(clippy::expect_used, clippy::arithmetic_side_effects, reason = "a program of the developers, run by hand")]

use sandgate::{Capabilities, Limits, NetworkConfig, Options, Policy, diff};
use std::{env, fs, time::Instant};

/// Two lists of so many entries, each numbered.
struct Case {
    name: &'static str,
    old: fn(u32, u32) -> String,
    new: fn(u32, u32) -> String,
}

const CASES: &[Case] = &[
    // An update: one entry in ten is another.
    Case { name: "update", old: |n, _| mixed(n), new: |n, _| mixed(if n % 10 == 0 { n + (1 << 24) } else { n }) },
    Case { name: "unrelated", old: |n, _| mixed(n), new: |n, _| mixed(n + (1 << 24)) },
    // Half of the entries are ports of every address, half are addresses. The trap: the addresses
    // have a port each, every port, or all ports from one on.
    Case { name: "comb", old: |n, all| comb(n, all, ""), new: |n, all| comb(n, all, "one") },
    Case { name: "grid", old: |n, all| comb(n, all, ""), new: |n, all| comb(n, all, "all") },
    Case { name: "stairs", old: |n, all| comb(n, all, ""), new: |n, all| comb(n, all, "from") },
    Case { name: "stairs-in-order", old: |n, all| comb(n, all, ""), new: |n, all| comb(n, all, "order") },
    Case { name: "fans", old: |n, all| fan(n, all, 1), new: |n, all| fan(n, all, 2) },
    Case { name: "nested", old: |n, _| nested(n), new: |n, _| nested(n + 7) },
    Case { name: "names", old: |n, _| name(n), new: |n, _| name(n + 1) },
];

fn main() {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        for case in CASES {
            println!("{}", case.name);
        }
        return;
    };
    let entries: u32 = arguments.next().and_then(|text| text.parse().ok()).expect("a number of entries");
    let policy = |entry: fn(u32, u32) -> String| {
        let config = NetworkConfig {
            allow_out: (0..entries).map(|n| entry(n, entries)).collect(),
            deny_out: vec!["0.0.0.0/0".into()],
            ..NetworkConfig::default()
        };
        let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
        let limits = Limits { entries_per_list: usize::MAX, ..Limits::default() };
        Policy::compile(&config, &Options { capabilities, limits, ..Options::default() }).expect("a valid policy")
    };
    let start = Instant::now();
    let (old, new) = (policy(case.old), policy(case.new));
    let compiled = start.elapsed().as_millis();
    let before = peak();
    let start = Instant::now();
    let difference = diff(&old, &new);
    let took = start.elapsed().as_millis();
    let kib = peak().saturating_sub(before);
    let regions: Vec<_> = difference.changes.iter().flat_map(|change| &change.regions).collect();
    let addresses: usize = regions.iter().map(|region| region.addresses.len()).sum();
    let ports: usize = regions.iter().map(|region| region.ports.len()).sum();
    println!("{compiled} {took} {kib} {} {addresses} {ports}", regions.len());
}

/// KiB of memory at the highest so far.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A number that looks like any other.
fn scattered(n: u32) -> u32 {
    let n = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from((n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32).unwrap_or_default()
}

fn network(bits: u32, length: u32) -> String {
    let [a, b, c, d] = (bits & u32::MAX.checked_shl(32 - length).unwrap_or_default()).to_be_bytes();
    format!("{}.{b}.{c}.{d}/{length}", a | 1)
}

/// Networks of 16 to 32 bits, half of them with ports.
fn mixed(n: u32) -> String {
    let (bits, more) = (scattered(n), scattered(!n));
    let host = network(bits, 16 + more % 17);
    match more >> 8 & 3 {
        0 => format!("{host}:{}", 1 + (more >> 16) % 1024),
        1 => format!("{host}:{}-{}", 1 + (more >> 16) % 1024, 2000 + (more >> 20)),
        _ => host,
    }
}

fn comb(n: u32, all: u32, own: &str) -> String {
    let teeth = (all / 2).min(32_000);
    if n < teeth {
        return format!("0.0.0.0/0:{}", 1 + 2 * n);
    }
    let host = network(scattered(n), 32);
    let tooth = 2 + 2 * (scattered(!n) % teeth);
    match own {
        "one" => format!("{host}:{tooth}"),
        "all" => host,
        "from" => format!("{host}:{tooth}-65535"),
        "order" => format!("{}:{}-65535", network(0x1400_0000 + 2 * n, 32), 2 + 2 * (n - teeth).min(teeth)),
        _ => format!("{host}:1"),
    }
}

/// Ports on a few wide networks, and ranges that overlap on many small ones.
fn fan(n: u32, all: u32, step: u32) -> String {
    let low = 1 + scattered(n) % 30_000;
    if n < all / 2 {
        return format!("{}:{low}", network((n % 200) << 24, 8));
    }
    format!("{}:{low}-{}", network(scattered(n * step), 32), 30_000 + scattered(!n) % 30_000)
}

/// Networks in networks, each with a port of its own.
fn nested(n: u32) -> String {
    format!("{}:{}", network(0x1400_0000, 8 + n % 25), 1 + n / 25)
}

/// Names, wildcards, and names below them.
fn name(n: u32) -> String {
    let zone = n / 4;
    match n % 4 {
        0 => format!("*.z{zone}.example"),
        1 => format!("a.z{}.example", zone + n % 3),
        2 => format!("*.b.z{}.example", zone + n % 2),
        _ => format!("z{zone}.example"),
    }
}
