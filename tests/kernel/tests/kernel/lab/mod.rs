//! The laboratory: a closed network namespace with one link, on which any packet can be sent, the
//! rules that are tested, and a record of the packets that they let through.
//!
//! ```text
//!     namespace.rs    a namespace of its own, or why there is none
//!     mod.rs          links, routes, rules, and the record
//!     packets.rs      the packets, as bytes on the link
//!     probe.rs        many questions, one after another, each as one packet
//!     turns.rs        rules that replace each other while something else goes on
//!     log.rs          what the kernel logs
//! ```

pub(crate) mod log;
pub(crate) mod namespace;
pub(crate) mod packets;
pub(crate) mod probe;
pub(crate) mod turns;

use sandgate::nftables::RuleSet;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::IpAddr,
    process::{Command, Stdio},
    sync::OnceLock,
};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// The link's end in the laboratory. The sandbox is what sends on the link.
pub(crate) const LINK: &str = "sandbox0";

/// Which address of a packet says which packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// The source: destinations are tried.
    Source,
    /// The destination: sources are tried.
    Destination,
}

/// What was seen behind the rules.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// How many packets came in front of the rules.
    pub(crate) arrived: u64,
    /// How many packets of each mark were let through.
    pub(crate) passed: BTreeMap<IpAddr, u64>,
    /// How many packets of each mark were redirected to the proxy.
    pub(crate) redirected: BTreeMap<IpAddr, u64>,
}

/// A closed network namespace with one link.
pub(crate) struct Lab {
    link: SyncDevice,
}

#[expect(
    clippy::unused_self,
    reason = "who has a laboratory is inside of one, and changes rules and routes there only"
)]
impl Lab {
    /// The laboratory of this process.
    pub(crate) fn get() -> &'static Self {
        static LAB: OnceLock<Lab> = OnceLock::new();
        let lab = LAB.get_or_init(Self::new);
        lab.assert_closed();
        lab
    }

    /// Builds the laboratory in the namespace that the process is in.
    fn new() -> Self {
        assert_eq!(links(), ["lo"], "this is not a namespace of its own");
        let link = DeviceBuilder::new().name(LINK).layer(Layer::L2).build_sync().expect("a TAP device");
        let mac = packets::LAB.map(|byte| format!("{byte:02x}")).join(":");
        for arguments in [
            &["link", "set", "lo", "up"][..],
            &["link", "set", LINK, "address", &mac, "addrgenmode", "none", "up"],
            // Every address is local: nothing that is let through is sent on.
            &["route", "add", "local", "default", "dev", "lo"],
            &["-6", "route", "add", "local", "default", "dev", "lo"],
            // What is redirected goes to an address of the link. In IPv6 it has to be of the same
            // scope as the destination; otherwise the kernel drops the packet.
            &["address", "add", "192.0.2.1/32", "dev", LINK],
            &["-6", "address", "add", "2001:db8:ffff::1/128", "dev", LINK, "nodad"],
            &["-6", "address", "add", "::192.0.2.1/128", "dev", LINK, "nodad"],
            &["-6", "address", "add", "fe80::1/128", "dev", LINK, "nodad"],
            &["-6", "address", "add", "fec0::1/128", "dev", LINK, "nodad"],
        ] {
            run("ip", arguments, "");
        }
        // A local route makes an IPv4 address one to bind to. For IPv6 it has to be allowed.
        fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").expect("a setting of the namespace");
        Self { link }
    }

    /// Checks that the namespace has no link but this one and its own loopback, and that no route
    /// leads out of it.
    pub(crate) fn assert_closed(&self) {
        assert_eq!(links(), ["lo", LINK], "the laboratory has links of others");
        for family in ["-4", "-6"] {
            let routes = json(&run("ip", &[family, "-j", "route", "show", "table", "all"], ""));
            for route in routes.as_array().into_iter().flatten() {
                assert!(route.get("gateway").is_none() && route.get("via").is_none(), "a route leads out: {route}");
                let is_default = route["dst"] == "default";
                assert!(!is_default || route["type"] == "local", "a route leads out: {route}");
            }
        }
    }

    /// Puts rules in the place of all others, with an empty record around them.
    pub(crate) fn load(&self, rules: &RuleSet, marked: Marked) {
        run("nft", &["-f", "-"], &format!("flush ruleset\n{}{rules}", record(marked)));
    }

    /// Puts rules in the place of all others, without a record: what they let through goes on.
    pub(crate) fn load_alone(&self, rules: &RuleSet) {
        run("nft", &["-f", "-"], &format!("flush ruleset\n{rules}"));
    }

    /// Loads rules as they are, so that they replace what they say they replace.
    pub(crate) fn replace(&self, rules: &RuleSet) {
        run("nft", &["-f", "-"], &rules.to_string());
    }

    /// Takes all rules away.
    pub(crate) fn unload(&self) {
        run("nft", &["flush", "ruleset"], "");
    }

    /// Makes an address the one at the other end of the link, so that it is answered there.
    pub(crate) fn answer(&self, address: IpAddr) {
        let mac = packets::SENDER.map(|byte| format!("{byte:02x}")).join(":");
        let address = address.to_string();
        run("ip", &["route", "replace", &address, "dev", LINK, "table", "local"], "");
        run("ip", &["neighbour", "replace", &address, "lladdr", &mac, "dev", LINK, "nud", "permanent"], "");
        self.assert_closed();
    }

    /// Takes back what [`answer`](Self::answer) made: the address is local again.
    pub(crate) fn forget(&self, address: IpAddr) {
        run("ip", &["route", "delete", &address.to_string(), "dev", LINK, "table", "local"], "");
    }

    /// Sends bytes on the link, as the sandbox does. The kernel has dealt with them when this returns.
    pub(crate) fn send(&self, frame: &[u8]) {
        self.link.send(frame).expect("the link takes a frame");
    }

    /// The next bytes that the kernel sends on the link, if there are any now.
    pub(crate) fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 2048];
        self.link.set_nonblocking(true).expect("a file of this process");
        let received = self.link.recv(&mut buffer).ok();
        self.link.set_nonblocking(false).expect("a file of this process");
        received.map(|length| buffer[..length].to_vec())
    }

    /// What was recorded since the rules were loaded.
    pub(crate) fn record(&self) -> Record {
        let listed = json(&run("nft", &["-j", "list", "table", "inet", "lab"], ""));
        let mut sets: BTreeMap<String, BTreeMap<IpAddr, u64>> = BTreeMap::new();
        let mut record = Record::default();
        for object in listed["nftables"].as_array().into_iter().flatten() {
            if let Some(set) = object.get("set") {
                let marks = set["elem"].as_array().into_iter().flatten().map(|mark| {
                    let (mark, count) = (&mark["elem"]["val"], &mark["elem"]["counter"]["packets"]);
                    let mark = mark.as_str().expect("an address").parse::<IpAddr>().expect("an address");
                    (mark, count.as_u64().expect("a counter counts"))
                });
                let name = set["name"].as_str().expect("a set has a name");
                sets.entry(name[..name.len() - 1].into()).or_default().extend(marks);
            }
            if let Some(counter) = object.get("counter") {
                record.arrived = counter["packets"].as_u64().expect("a counter counts");
            }
        }
        record.passed = sets.remove("passed").unwrap_or_default();
        record.redirected = sets.remove("redirected").unwrap_or_default();
        record
    }
}

/// The rules of the record: they count in front of the rules that are tested, and write down behind
/// them and behind the translation of destinations. What was written down is dropped, so that no
/// packet of a probe goes anywhere.
fn record(marked: Marked) -> String {
    let mark = match marked {
        Marked::Source => "saddr",
        Marked::Destination => "daddr",
    };
    let sets = ["passed", "redirected"].map(|name| {
        ["4", "6"].map(|family| {
            let of = if family == "4" { "ipv4_addr" } else { "ipv6_addr" };
            format!("set {name}{family} {{ type {of}; flags dynamic; size 1000000; }}\n")
        })
    });
    // After a redirection the packet still comes from where it came from.
    format!(
        r#"table inet lab {{
        counter arrived {{ }}
        {}
        chain before {{
            type filter hook prerouting priority -160; policy accept;
            iifname "{LINK}" counter name "arrived"
        }}
        chain behind {{
            type filter hook prerouting priority -90; policy accept;
            iifname != "{LINK}" accept
            ct status dnat meta nfproto ipv4 add @redirected4 {{ ip {mark} counter }} drop
            ct status dnat meta nfproto ipv6 add @redirected6 {{ ip6 {mark} counter }} drop
            meta nfproto ipv4 add @passed4 {{ ip {mark} counter }} drop
            meta nfproto ipv6 add @passed6 {{ ip6 {mark} counter }} drop
        }}
        }}
        "#,
        sets.concat().concat()
    )
}

/// The links of the namespace.
fn links() -> Vec<String> {
    let links = json(&run("ip", &["-j", "link"], ""));
    links.as_array().into_iter().flatten().filter_map(|link| Some(link["ifname"].as_str()?.to_owned())).collect()
}

/// The counters of a table, by their names.
pub(crate) fn counters(table: &str) -> BTreeMap<String, u64> {
    let listed = json(&run("nft", &["-j", "list", "counters", "table", "inet", table], ""));
    let objects = listed["nftables"].as_array().into_iter().flatten().filter_map(|object| object.get("counter"));
    let counted = |counter: &Value| Some((counter["name"].as_str()?.to_owned(), counter["packets"].as_u64()?));
    objects.map(|counter| counted(counter).expect("a counter counts")).collect()
}

/// Runs a program that has to succeed.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let (output, said) = try_run(program, arguments, input);
    output.unwrap_or_else(|| panic!("{program} {}: {said}", arguments.join(" ")))
}

/// Runs a program: what it printed if it succeeded, and what it said beside that.
pub(crate) fn try_run(program: &str, arguments: &[&str], input: &str) -> (Option<String>, String) {
    let mut command = Command::new(program);
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("a child ends");
    writer.join().expect("writing does not panic");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success().then(|| text(output.stdout)), text(output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the tool prints JSON")
}
