//! Does the work of one kind of hostile input, to be measured by a tool: `growth CASE BYTES TIMES`.
//!
//! Prints whether the input was accepted, and the peak of memory of the process in KiB, the input included.

#![expect(
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "a program of the developers, run by hand and by CI"
)]

use sandgate::{
    Capabilities, ClientAddress, Form, HostMask, HostName, Limits, NetworkConfig, Options, Policy, Repairs, Source,
    check, diff, repair,
};
use std::{env, fs, hint::black_box};

/// An input of a case with about this many bytes, and what is done with it.
struct Case {
    name: &'static str,
    input: fn(usize) -> String,
    work: fn(&str) -> bool,
}

const CASES: &[Case] = &[
    Case { name: "many-entries", input: many_entries, work: policy },
    Case { name: "equal-entries", input: |bytes| deny(bytes, |_| "203.0.113.0/24:443".into()), work: policy },
    Case { name: "nested-networks", input: |bytes| deny(bytes, nested), work: policy },
    Case { name: "port-fans", input: |bytes| deny(bytes, port_fan), work: policy },
    Case { name: "entangled-ports", input: entangled, work: policy },
    Case { name: "four-full-lists", input: four_lists, work: policy },
    Case { name: "long-names", input: |bytes| allow_names(bytes, long_name), work: policy },
    Case { name: "many-labels", input: |bytes| allow_names(bytes, many_labels), work: policy },
    Case { name: "encoded-names", input: |bytes| allow_names(bytes, encoded_name), work: policy },
    Case {
        name: "difference",
        input: |bytes| both(&many_entries(bytes / 2), &shifted_entries(bytes / 2)),
        work: compare,
    },
    Case { name: "difference-trap", input: |bytes| both(&teeth(bytes / 2, 1), &teeth(bytes / 2, 2)), work: compare },
    Case { name: "difference-names", input: names_of_two, work: compare },
    Case { name: "repairs", input: |bytes| deny(bytes, |_| "10.0.0.0/08:1024-65535".into()), work: repaired },
    Case { name: "bad-entries", input: |bytes| deny(bytes, |_| "10.1.2.3/8:x".into()), work: report },
    Case { name: "bad-names", input: |bytes| allow_names(bytes, bad_name), work: report },
    Case { name: "unknown-fields", input: |bytes| fields(bytes, |n| format!("denyin{n}")), work: report },
    Case { name: "equal-fields", input: |bytes| fields(bytes, |_| "denyIn".into()), work: report },
    Case { name: "deep-json", input: |bytes| "[".repeat(bytes / 2) + &"]".repeat(bytes / 2), work: report },
    Case { name: "deep-field", input: deep_field, work: report },
    Case { name: "one-long-entry", input: |bytes| list("denyIn", 1, |_| "1".repeat(bytes)), work: unlimited },
    Case { name: "one-long-name", input: |bytes| list("allowOut", 1, |_| "a.".repeat(bytes / 2)), work: unlimited },
    Case { name: "one-long-unicode-name", input: one_long_unicode_name, work: unlimited },
    Case { name: "escaped-text", input: |bytes| list("denyIn", 1, |_| "\\u0031".repeat(bytes / 6)), work: report },
    Case {
        name: "long-mask",
        input: |bytes| "${PORT}a.".repeat(bytes / 9),
        work: |text| text.parse::<HostMask>().is_ok(),
    },
    Case { name: "forwarded-for", input: |bytes| "10.0.0.1,".repeat(bytes / 9) + "10.0.0.1", work: forwarded_for },
    Case { name: "host-header", input: |bytes| "a.".repeat(bytes / 2), work: host_header },
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
    let mut number = || arguments.next().and_then(|text| text.parse::<usize>().ok()).expect("a number");
    let (bytes, times) = (number(), number());
    let input = (case.input)(bytes);
    let accepted = (0..times).fold(false, |_, _| (case.work)(black_box(&input)));
    println!("{accepted} {}", peak());
}

/// KiB of memory at the highest so far.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn options() -> Options {
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    Options { capabilities, ..Options::default() }
}

/// Everything that a program does with a document that it accepts.
fn policy(text: &str) -> bool {
    Policy::from_json(text, &options()).is_ok() & check(text, Form::Config, &options()).is_valid()
}

/// What changes between two documents, a line each, if both are accepted.
fn compare(text: &str) -> bool {
    let policy = |text: &str| Policy::from_json(text, &options());
    let (old, new) = text.split_once('\n').expect("two documents");
    let (Ok(old), Ok(new)) = (policy(old), policy(new)) else { return false };
    black_box(diff(&old, &new));
    true
}

/// Every entry is written differently, and all but one are taken out.
fn repaired(text: &str) -> bool {
    repair(text, Repairs::default(), &options()).is_ok()
}

/// Everything that a program does with a document that it refuses.
fn report(text: &str) -> bool {
    let report = check(text, Form::Config, &options());
    black_box(Source::places(text, &report));
    black_box(report.to_string());
    report.is_valid()
}

/// The same where the operator has lifted the limits.
fn unlimited(text: &str) -> bool {
    let limits = Limits { entry_bytes: usize::MAX, document_bytes: usize::MAX, ..Limits::default() };
    let report = check(text, Form::Config, &Options { limits, ..options() });
    black_box(Source::places(text, &report));
    report.is_valid()
}

fn forwarded_for(text: &str) -> bool {
    let proxies = ["10.0.0.0/8".parse().expect("a network")];
    ClientAddress::TrustedProxies(proxies.into()).derive([10, 0, 0, 1].into(), &[text]).is_some()
}

fn host_header(text: &str) -> bool {
    HostName::from_header(text.as_bytes()).is_some()
}

/// A document of one list of so many entries.
fn list(name: &str, entries: usize, entry: impl Fn(usize) -> String) -> String {
    let entries: Vec<String> = (0..entries).map(|n| format!("\"{}\"", entry(n))).collect();
    format!("{{\"{name}\": [{}]}}", entries.join(", "))
}

/// As many entries as have so many bytes, all of about one length.
fn deny(bytes: usize, entry: impl Fn(usize) -> String) -> String {
    list("denyOut", bytes / (entry(0).len() + 4), entry)
}

/// Addresses whose ports are allowed by turns by one network and by the one around it.
fn entangled(bytes: usize) -> String {
    let count = bytes / 3 / 20;
    let ports = |network: &str, first: usize| -> Vec<String> {
        (0..count.min(32_000)).map(|n| format!("{network}:{}", first + 2 * n)).collect()
    };
    let config = NetworkConfig {
        allow_out: [ports("20.0.0.0/8", 1), ports("0.0.0.0/0", 2)].concat(),
        deny_out: (0..count).map(|n| format!("20.{}.{}.{}:1-65534", n >> 16 & 255, n >> 8 & 255, n & 255)).collect(),
        ..NetworkConfig::default()
    };
    serde_json::to_string(&config).expect("a configuration can be written")
}

/// Every list as full as it may be, where the document is as long as it may be.
fn four_lists(bytes: usize) -> String {
    let entry = |n: usize| {
        let [high, low] = [n >> 16, n & 0xffff];
        format!("\"[2001:db8:{high:04x}:{low:04x}::/64]:{:05}-65535\"", 10_000 + (n & 0x3fff))
    };
    let entries: Vec<String> = (0..(bytes / 4 / (entry(0).len() + 1)).min(99_999)).map(entry).collect();
    let entries = entries.join(",");
    format!(
        "{{\"allowOut\":[{entries}],\"denyOut\":[{entries}],\"allowIn\":[{entries}],\"denyIn\":[\"0.0.0.0/0\",{entries}]}}"
    )
}

fn allow_names(bytes: usize, entry: impl Fn(usize) -> String) -> String {
    let mut config = NetworkConfig { deny_out: vec!["0.0.0.0/0".into()], ..NetworkConfig::default() };
    config.allow_out = (0..bytes / (entry(0).len() + 3)).map(entry).collect();
    serde_json::to_string(&config).expect("a configuration can be written")
}

fn many_entries(bytes: usize) -> String {
    deny(bytes, |n| format!("20.{}.{}.{}/32:{}", n >> 16 & 255, n >> 8 & 255, n & 255, 1 | n & 0x3fff))
}

fn both(old: &str, new: &str) -> String {
    format!("{old}\n{new}")
}

/// Other addresses, with other ports.
fn shifted_entries(bytes: usize) -> String {
    deny(bytes, |n| format!("21.{}.{}.{}/32:{}", n >> 16 & 255, n >> 8 & 255, n & 255, 2 | n & 0x3fff))
}

/// Half of the entries are a port of every address, half are addresses with a port of their own.
fn teeth(bytes: usize, own: usize) -> String {
    let all = bytes / 26;
    list("denyOut", all, |n| {
        let port = 1 + 4 * (n / 2 % 16_000);
        if n % 2 == 0 {
            return format!("0.0.0.0/0:{port}");
        }
        format!("20.{}.{}.{}:{}", 100 + (n >> 16), 100 + (n >> 8 & 127), n & 255, port + own)
    })
}

/// Wildcards and names below them. What one policy allows by a wildcard the other allows in part.
fn names_of_two(bytes: usize) -> String {
    let names = |wide: usize| {
        allow_names(bytes / 2, |n| match n % 4 {
            0 if n / 4 % 2 == wide => format!("*.zone{n:07}.example"),
            0 => format!("*.sub.zone{n:07}.example"),
            1 => format!("host.zone{:07}.example", n - 1),
            2 => format!("host.sub.zone{:07}.example", n - 2),
            _ => format!("zone{:07}.example", n + wide),
        })
    };
    both(&names(0), &names(1))
}

/// Networks in networks, again and again, each in all that are shorter.
fn nested(n: usize) -> String {
    let length = 8 | n & 15;
    format!("10.0.0.0/{length}:{}", 1 | n >> 4 & 0x7fff)
}

/// Ranges of ports that all overlap and none equals another.
fn port_fan(n: usize) -> String {
    format!("203.0.113.{}:{}-{}", n & 255, 0x2000 | n >> 8 & 0xfff, 65_535 - (n & 0x3fff))
}

fn long_name(n: usize) -> String {
    format!("h{n:07}.{}", [&*"x".repeat(60); 4].join("."))
}

fn many_labels(n: usize) -> String {
    format!("*.h{n:07}.{}", ["a"; 110].join("."))
}

fn encoded_name(n: usize) -> String {
    format!("xn--bcher-kva.h{n:07}.example")
}

fn bad_name(n: usize) -> String {
    format!("B\u{dc}CHER.\u{ff41}\u{ff42}{n:07}.example")
}

fn fields(bytes: usize, name: impl Fn(usize) -> String) -> String {
    let fields: Vec<String> = (0..bytes / (name(0).len() + 9)).map(|n| format!("\"{}\": [1]", name(n))).collect();
    format!("{{{}}}", fields.join(", "))
}

fn deep_field(bytes: usize) -> String {
    format!("{{\"denyIn\": [{}{}]}}", "[".repeat(bytes / 2), "]".repeat(bytes / 2))
}

fn one_long_unicode_name(bytes: usize) -> String {
    list("allowOut", 1, |_| "b\u{fc}cher\u{ff41}.".repeat(bytes / 11))
}
