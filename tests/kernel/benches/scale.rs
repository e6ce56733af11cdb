//! What rules of many entries, and rules of many sandboxes, take: to load, in memory, and of each packet.
//!
//! Run by `cargo xtask bench --part kernel`; writes a page of `bench/RESULTS.md`. It measures in a
//! network namespace of its own, as the tests do.

#[cfg(target_os = "linux")]
#[path = "../tests/kernel/lab/mod.rs"]
#[expect(dead_code, reason = "the laboratory of the tests, of which this needs a part")]
mod lab;

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "ratios of counts far below 2^52")]
mod measured {
    use crate::lab::{
        LINK, Lab,
        packets::{Kind, frame},
        run,
    };
    use sandgate::{
        Capabilities, Guardrails, Options, Policy,
        nftables::{Place, RuleSet, Settings, lower},
    };
    use std::{
        fmt::Write,
        fs,
        net::{IpAddr, Ipv4Addr, UdpSocket},
        time::{Duration, Instant},
    };

    const ENTRIES: [usize; 2] = [10_000, 100_000];
    const TABLES: [usize; 5] = [0, 10, 100, 500, 1000];
    /// So many elements, each added by a process of its own.
    const PROCESSES: usize = 500;
    const PACKETS: u32 = 100_000;
    const ROUNDS: usize = 5;

    pub(crate) fn page() -> String {
        let mut text = String::from(
            "# Kernel\n\n\
             Rules of nftables in a network namespace of their own (`cargo xtask bench --part kernel`). The machine was shared while this was measured: what is\n\
             compared was measured side by side, and single figures are rough.\n\n\
             ## Loading\n\n\
             `one transaction` is what `sandgate nft` prints, loaded by `nft -f`. `one by one` is the same elements, each in a line `add element` of one file.\n\
             `a process each` is the same with one `nft` for each element: the first 500, and what all would take if none took longer than those.\n\
             Memory is what the kernel has more after loading: slabs that cannot be reclaimed, and `vmalloc`.\n\n\
             | entries | elements | lower, ms | one transaction, ms | one by one, ms | ratio | a process each, s | ratio | memory, MiB |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for entries in ENTRIES {
            for kind in KINDS {
                eprintln!("{entries} {}", kind.name);
                text += &loading(kind, entries);
            }
        }
        eprintln!("packets");
        text += &lookups();
        eprintln!("tables");
        text += &tables();
        text
    }

    #[derive(Clone, Copy)]
    struct Of {
        name: &'static str,
        document: fn(Vec<String>) -> serde_json::Value,
        port: &'static str,
    }

    const KINDS: [Of; 3] = [
        Of {
            name: "allow",
            document: |nets| serde_json::json!({"allowOut": nets, "denyOut": ["0.0.0.0/0"]}),
            port: "",
        },
        Of { name: "deny", document: |nets| serde_json::json!({"denyOut": nets}), port: "" },
        Of { name: "deny, with ports", document: |nets| serde_json::json!({"denyOut": nets}), port: ":443" },
    ];

    fn network(number: usize) -> Ipv4Addr {
        let step = u32::try_from(number * 512).expect("it fits the family");
        Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(20, 0, 0, 0)) + step)
    }

    /// Networks of which no two are neighbours, so that each stays one.
    fn policy(kind: Of, entries: usize) -> Policy {
        let networks = (0..entries).map(|number| format!("{}/24{}", network(number), kind.port)).collect();
        let capabilities = Capabilities { egress_ports: true, ipv6_ingress: false };
        let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
        Policy::from_json(&(kind.document)(networks).to_string(), &options).unwrap_or_else(|report| panic!("{report}"))
    }

    fn on(link: &str) -> Settings {
        Settings::new(Place::interface(link.parse().expect("a name"), None))
    }

    fn took(work: impl FnOnce()) -> Duration {
        let start = Instant::now();
        work();
        start.elapsed()
    }

    fn median(mut samples: Vec<Duration>) -> Duration {
        samples.sort_unstable();
        samples[samples.len() / 2]
    }

    fn load(text: &str) {
        run("nft", &["-f", "-"], text);
    }

    fn millis(duration: Duration) -> f64 {
        duration.as_secs_f64() * 1e3
    }

    fn loading(kind: Of, entries: usize) -> String {
        let lab = Lab::get();
        let policy = policy(kind, entries);
        let rules = lower(&policy, &on(LINK));
        let lowering = took(|| drop(lower(&policy, &on(LINK)).to_string()));
        let whole = rules.to_string();
        let (empty, lines) = one_by_one(&rules);
        let naive = format!("{empty}{}", lines.concat());
        let [mut at_once, mut singly] = [Vec::new(), Vec::new()];
        let mut memory = Vec::new();
        for _ in 0..if entries > 10_000 { 1 } else { 3 } {
            lab.unload();
            let before = kernel_memory();
            at_once.push(took(|| load(&whole)));
            memory.push(kernel_memory().saturating_sub(before));
            lab.unload();
            singly.push(took(|| load(&naive)));
        }
        lab.unload();
        load(&empty);
        let elements = lines.len();
        let some = took(|| lines.iter().take(PROCESSES).for_each(|line| drop(run("nft", &["-f", "-"], line))));
        lab.unload();
        let each = some.as_secs_f64() / PROCESSES as f64 * elements as f64;
        let (at_once, singly) = (median(at_once), median(singly));
        memory.sort_unstable();
        format!(
            "| {entries} {} | {elements} | {:.0} | {:.0} | {:.0} | {:.1} | {each:.0} | {:.0} | {:.1} |\n",
            kind.name,
            millis(lowering),
            millis(at_once),
            millis(singly),
            singly.as_secs_f64() / at_once.as_secs_f64(),
            each / at_once.as_secs_f64(),
            memory[memory.len() / 2] as f64 / 1024.0
        )
    }

    /// The same rules with empty sets, and a line for each of their elements.
    fn one_by_one(rules: &RuleSet) -> (String, Vec<String>) {
        let table = &rules.table;
        let lines = rules.sets.iter().flat_map(|set| {
            set.elements.iter().map(move |element| format!("add element inet {table} {} {{ {element} }}\n", set.name))
        });
        let mut empty = rules.clone();
        empty.sets.iter_mut().for_each(|set| set.elements.clear());
        let text = empty.to_string().replace("\t\telements = {\n\t\t}\n", "");
        (text, lines.collect())
    }

    /// KiB that the kernel has for itself and cannot give back.
    fn kernel_memory() -> u64 {
        let told = fs::read_to_string("/proc/meminfo").expect("a file of the kernel");
        let of = |name: &str| -> u64 {
            let line = told.lines().find_map(|line| line.strip_prefix(name)).expect("a line of the file");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        of("SUnreclaim:") + of("VmallocUsed:")
    }

    /// A packet is sent on the link, judged, and dropped behind the rules.
    fn lookups() -> String {
        let lab = Lab::get();
        let behind = format!(
            "table inet behind {{ chain c {{ type filter hook prerouting priority -90; policy accept; iifname \"{LINK}\" drop; }}; }}\n"
        );
        let source = IpAddr::from([198, 18, 0, 2]);
        let mut text = String::from(
            "\n## A packet, by entries\n\n\
             A UDP datagram on a TAP device, from a system call to a drop behind the rules, to destinations all over the entries. `more` is what the rules add.\n\n\
             | rules | ns a packet | more, ns |\n| --- | ---: | ---: |\n",
        );
        let mut all = vec![("none".to_owned(), None, 10_000)];
        for kind in KINDS {
            for entries in [10, 1000, 10_000, 100_000] {
                let rules = lower(&policy(kind, entries), &on(LINK)).to_string();
                all.push((format!("{entries} {}", kind.name), Some(rules), entries));
            }
        }
        let mut without = 0.0;
        for (name, rules, entries) in all {
            lab.unload();
            load(&behind);
            if let Some(rules) = &rules {
                load(rules);
            }
            // Neighbouring packets go to networks far from each other.
            let frames: Vec<Vec<u8>> = (0..1024)
                .map(|number| IpAddr::V4(network(number * 7919 % entries)))
                .map(|destination| frame(source, destination, Kind::Udp(443)))
                .collect();
            let round = || took(|| frames.iter().cycle().take(PACKETS as usize).for_each(|frame| lab.send(frame)));
            let nanos = median((0..ROUNDS).map(|_| round()).collect()).as_secs_f64() * 1e9 / f64::from(PACKETS);
            if rules.is_none() {
                without = nanos;
            }
            writeln!(text, "| {name} | {nanos:.0} | {:.0} |", nanos - without).expect("a text grows");
        }
        lab.unload();
        text
    }

    /// UDP over the loopback past the tables of other sandboxes: one comparison at each hook.
    fn tables() -> String {
        let lab = Lab::get();
        let policy = policy(KINDS[1], 10);
        let sandbox = |number: usize| lower(&policy, &on(&format!("tap{number}"))).to_string();
        let mut text = String::from(
            "\n## A packet, by sandboxes on the node\n\n\
             Each sandbox has its table, which every packet of the node passes at two hooks. A UDP datagram over the loopback, sent and received, past both;\n\
             and what it takes to load the table of one more sandbox.\n\n\
             | tables | ns a packet | more a table, ns | one more table, ms |\n| ---: | ---: | ---: | ---: |\n",
        );
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let (sender, receiver) = (socket(), socket());
        sender.connect(receiver.local_addr().expect("it is bound")).expect("a socket of this process");
        let mut without = 0.0;
        for count in TABLES {
            lab.unload();
            load(&(0..count).map(sandbox).collect::<String>());
            let mut buffer = [0; 16];
            let mut round = || {
                took(|| {
                    for _ in 0..PACKETS / 5 {
                        sender.send(b"probe").expect("it is sent");
                        receiver.recv(&mut buffer).expect("it is received");
                    }
                })
            };
            let nanos = median((0..ROUNDS).map(|_| round()).collect()).as_secs_f64() * 1e9 / f64::from(PACKETS / 5);
            let more = median((0..ROUNDS).map(|_| took(|| load(&sandbox(5000)))).collect());
            if count == 0 {
                without = nanos;
            }
            let a_table = if count == 0 { 0.0 } else { (nanos - without) / count as f64 };
            writeln!(text, "| {count} | {nanos:.0} | {a_table:.1} | {:.1} |", millis(more)).expect("a text grows");
        }
        lab.unload();
        // A transaction is taken whole or not at all, so the last ones are loaded one by one.
        load(&(0..1000).map(sandbox).collect::<String>());
        let is_taken = |number: &usize| crate::lab::try_run("nft", &["-f", "-"], &sandbox(*number)).0.is_some();
        let taken = 1000 + (1000..2000).take_while(is_taken).count();
        writeln!(
            text,
            "\nThe kernel takes {taken} such tables: it holds 1024 functions at a hook, its own among them."
        )
        .expect("a text grows");
        lab.unload();
        text
    }
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use lab::namespace::{Place, enter};
    use std::process::ExitCode;

    // Cargo adds an argument of its own.
    let Some(page) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        eprintln!("where is the page to be written?");
        return ExitCode::FAILURE;
    };
    match enter(&[]) {
        Place::Inside => {
            std::fs::write(page, measured::page()).expect("the page can be written");
            ExitCode::SUCCESS
        }
        Place::Done(code) => ExitCode::from(code),
        Place::Impossible(why) => {
            eprintln!("nothing can be measured: {why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("It needs Linux.");
}
