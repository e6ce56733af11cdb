//! The rules as `nft -j -f` reads them.
//!
//! The schema is that of libnftables. It says the same as the text, statement by statement.

use super::{
    rule_set::{
        Action, AddressOf, Chain, Element, Family, HookPoint, Match, PORT_PROTOCOLS, PortOf, Rule, RuleSet, Set,
    },
    settings::Log,
    steps::{BOTH_IN_FORCE, Step, Transaction},
    text::{Interval, neighbour_messages},
};
use alloc::{format, string::ToString, vec, vec::Vec};
use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::{Value, json};

impl Serialize for RuleSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("nftables", Statements { rules: self, step: None })])
    }
}

impl Serialize for Transaction<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("nftables", Statements { rules: self.rules, step: Some(self.step) })])
    }
}

/// The family of the table.
const INET: &str = "inet";

/// The statements of a step, or of all at once.
struct Statements<'r> {
    rules: &'r RuleSet,
    step: Option<Step>,
}

impl Serialize for Statements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rules, step } = *self;
        let RuleSet { table, other_table, counters, sets, .. } = rules;
        let mut statements = serializer.serialize_seq(None)?;
        let this = |name: &str| json!({"table": {"family": INET, "name": name}});
        match step {
            None => {
                statements.serialize_element(&json!({"add": this(table)}))?;
                statements.serialize_element(&json!({"delete": this(table)}))?;
                statements.serialize_element(&json!({"add": this(table)}))?;
            }
            Some(Step::Prepare) => statements.serialize_element(&json!({"create": this(table)}))?,
            Some(Step::Enforce) => statements.serialize_element(&json!({"add": both_in_force(table)}))?,
            Some(Step::Retire) => {
                statements.serialize_element(&json!({"delete": both_in_force(table)}))?;
                statements.serialize_element(&json!({"add": this(other_table)}))?;
                statements.serialize_element(&json!({"delete": this(other_table)}))?;
            }
        }
        if matches!(step, None | Some(Step::Prepare)) {
            for class in counters {
                let counter = json!({"family": INET, "table": table, "name": class.name()});
                statements.serialize_element(&json!({"add": {"counter": counter}}))?;
            }
            for set in sets {
                statements.serialize_element(&Add("set", SetOf { table, set }))?;
            }
        }
        // A rule may go to a chain that stands behind it.
        let chains = || rules.chains.iter().filter(|chain| step.is_none_or(|step| step.is_of(chain)));
        for chain in chains() {
            statements.serialize_element(&json!({"add": {"chain": chain_of(table, chain)}}))?;
        }
        for (chain, rule) in chains().flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule))) {
            let object = RuleObject {
                family: INET,
                table,
                chain: &chain.name,
                expr: expressions(rule),
                comment: (!rule.comment.is_empty()).then_some(rule.comment.as_str()),
            };
            statements.serialize_element(&json!({"add": {"rule": object}}))?;
        }
        statements.end()
    }
}

struct Add<T>(&'static str, T);

impl<T: Serialize> Serialize for Add<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Object<'o, T>(&'static str, &'o T);
        impl<T: Serialize> Serialize for Object<'_, T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([(self.0, self.1)])
            }
        }
        serializer.collect_map([("add", Object(self.0, &self.1))])
    }
}

#[derive(Serialize)]
struct RuleObject<'r> {
    family: &'static str,
    table: &'r str,
    chain: &'r str,
    expr: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'r str>,
}

/// A set is written element by element: it can have very many.
struct SetOf<'r> {
    table: &'r str,
    set: &'r Set,
}

#[derive(Serialize)]
struct SetObject<'r> {
    family: &'static str,
    table: &'r str,
    name: &'r str,
    r#type: Value,
    flags: [&'static str; 1],
    elem: Elements<'r>,
}

impl Serialize for SetOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let address = match self.set.family {
            Family::Ipv4 => "ipv4_addr",
            Family::Ipv6 => "ipv6_addr",
        };
        let object = SetObject {
            family: INET,
            table: self.table,
            name: &self.set.name,
            r#type: if self.set.has_ports { json!([address, "inet_service"]) } else { json!(address) },
            flags: ["interval"],
            elem: Elements(&self.set.elements),
        };
        object.serialize(serializer)
    }
}

struct Elements<'r>(&'r [Element]);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(element))
    }
}

fn element(element: &Element) -> Value {
    let addresses = match Interval::of(element.addresses) {
        Interval::One(address) => json!(address.to_string()),
        Interval::Network(first, len) => json!({"prefix": {"addr": first.to_string(), "len": len}}),
        Interval::Range(first, last) => json!({"range": [first.to_string(), last.to_string()]}),
    };
    let value = match element.ports {
        None => addresses,
        Some(ports) if ports.low == ports.high => json!({"concat": [addresses, ports.low]}),
        Some(ports) => json!({"concat": [addresses, {"range": [ports.low, ports.high]}]}),
    };
    match &element.cites {
        None => value,
        Some(cites) => json!({"elem": {"val": value, "comment": cites.to_string()}}),
    }
}

fn both_in_force(table: &str) -> Value {
    json!({"chain": {"family": INET, "table": table, "name": BOTH_IN_FORCE}})
}

fn chain_of(table: &str, chain: &Chain) -> Value {
    match chain.hook {
        None => json!({"family": INET, "table": table, "name": chain.name}),
        Some(hook) => json!({
            "family": INET,
            "table": table,
            "name": chain.name,
            "type": if hook.translates { "nat" } else { "filter" },
            "hook": hook.point.as_str(),
            "prio": hook.priority,
            "policy": "accept",
        }),
    }
}

fn expressions(rule: &Rule) -> Vec<Value> {
    let mut expressions: Vec<Value> = rule.matches.iter().flat_map(matches).collect();
    expressions.extend(rule.counter.map(|class| json!({"counter": class.name()})));
    expressions.extend(rule.log.map(|(class, to)| {
        let prefix = format!("{class} ");
        match to {
            Log::Group(group) => json!({"log": {"prefix": prefix, "group": group}}),
            Log::Kernel | Log::Off => json!({"log": {"prefix": prefix}}),
        }
    }));
    expressions.push(match &rule.action {
        Action::Accept => json!({"accept": null}),
        Action::Drop => json!({"drop": null}),
        Action::Goto(chain) => json!({"goto": {"target": chain}}),
        Action::Redirect(port) => json!({"redirect": {"port": port}}),
    });
    expressions
}

fn matches(each: &Match) -> Vec<Value> {
    let is = |left: Value, right: Value| json!({"match": {"op": "==", "left": left, "right": right}});
    let is_not = |left: Value, right: Value| json!({"match": {"op": "!=", "left": left, "right": right}});
    let is_in = |left: Value, right: Value| json!({"match": {"op": "in", "left": left, "right": right}});
    let meta = |key: &str| json!({"meta": {"key": key}});
    let ct = |key: &str| json!({"ct": {"key": key}});
    let payload = |protocol: &str, field: &str| json!({"payload": {"protocol": protocol, "field": field}});
    match each {
        Match::Interface { point, name, is: is_this } => {
            let key = match point {
                HookPoint::Prerouting => "iifname",
                HookPoint::Postrouting => "oifname",
            };
            let compare = if *is_this { is } else { is_not };
            vec![compare(meta(key), json!(name.as_str()))]
        }
        Match::Family(family) => vec![is(meta("nfproto"), json!(family.as_str()))],
        Match::Established => vec![is_in(ct("state"), json!("established"))],
        Match::RelatedError => {
            let icmp = json!({"set": ["icmp", "ipv6-icmp"]});
            vec![is_in(ct("state"), json!("related")), is(meta("l4proto"), icmp)]
        }
        Match::Reply => vec![is(ct("direction"), json!("reply"))],
        Match::OpenedBy(address) => {
            vec![is(address_key(AddressOf::Opener, Family::of(*address)), json!(address.to_string()))]
        }
        Match::Untracked => vec![is_in(ct("state"), json!(["invalid", "untracked"]))],
        Match::Opens => {
            vec![is_in(ct("state"), json!("new")), is(json!({"&": [ct("status"), "confirmed"]}), json!(0))]
        }
        Match::RedirectedTo(port) => {
            vec![is_in(ct("status"), json!("dnat")), is(port_key(PortOf::Answerer), json!(port))]
        }
        Match::NeighbourDiscovery { from_sandbox } => {
            let types = json!({"set": neighbour_messages(*from_sandbox)});
            let mut all = vec![is(payload("icmpv6", "type"), types), is(payload("ip6", "hoplimit"), json!(255))];
            if *from_sandbox {
                let prefix = |addr: &str, len: u8| json!({"prefix": {"addr": addr, "len": len}});
                let link = json!({"set": [prefix("fe80::", 10), prefix("ff02::", 16)]});
                all.push(is(payload("ip6", "daddr"), link));
            }
            all
        }
        Match::Fragment(Family::Ipv4) => vec![is_not(json!({"&": [payload("ip", "frag-off"), 0x1fff]}), json!(0))],
        Match::Fragment(Family::Ipv6) => vec![is(json!({"exthdr": {"name": "frag"}}), json!(true))],
        Match::RoutingHeader => vec![is(json!({"exthdr": {"name": "rt"}}), json!(true))],
        Match::SourceRoute { is_strict } => {
            let name = if *is_strict { "ssrr" } else { "lsrr" };
            vec![is(json!({"ip option": {"name": name}}), json!(true))]
        }
        Match::HasPort(has) => {
            let protocols: Vec<&str> = PORT_PROTOCOLS.iter().map(|(_, name)| *name).collect();
            let compare = if *has { is } else { is_not };
            vec![compare(meta("l4proto"), json!({"set": protocols}))]
        }
        Match::Tcp => vec![is(meta("l4proto"), json!("tcp"))],
        Match::IsComplete => vec![is(payload("th", "dport"), json!({"range": [0, u16::MAX]}))],
        Match::Address { address, family, set } => vec![is(address_key(*address, *family), in_set(set))],
        Match::AddressAndPort { address, port, family, set } => {
            let concat = json!({"concat": [address_key(*address, *family), port_key(*port)]});
            vec![is(concat, in_set(set))]
        }
    }
}

fn in_set(name: &str) -> Value {
    json!(format!("@{name}"))
}

fn address_key(address: AddressOf, family: Family) -> Value {
    let protocol = match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    match address.key() {
        (None, field) => json!({"payload": {"protocol": protocol, "field": field}}),
        (Some(direction), field) => json!({"ct": {"key": format!("{protocol} {field}"), "dir": direction}}),
    }
}

fn port_key(port: PortOf) -> Value {
    match port {
        PortOf::Destination => json!({"payload": {"protocol": "th", "field": "dport"}}),
        PortOf::OpenedTo => json!({"ct": {"key": "proto-dst", "dir": "original"}}),
        PortOf::Answerer => json!({"ct": {"key": "proto-src", "dir": "reply"}}),
    }
}
