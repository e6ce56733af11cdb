//! Policies, and questions near every boundary of theirs: the core decides as the obvious
//! evaluator does, and its fast path as its explained one.

use crate::structure::{Around, Place, Seed, Spelled, variant};
use arbitrary::{Arbitrary, Unstructured};
use sandgate::{
    Capabilities, DomainPattern, Entry, Guardrails, List, NameServer, NetworkConfig, Options, Policy, parse_address,
};
use sandgate_conformance::{
    compare::{Edges, Question, answer, rules},
    draft::{Draft, Item},
    vector::{Asked, Case, Query},
};

/// Labels that patterns and names are put together from.
const LABELS: &[&str] = &["a", "b", "com", "example", "api", "xn--bcher-kva", "e_x", "0x1", "7"];

/// So many questions are asked at most: the obvious evaluator takes its time.
const QUESTIONS: usize = 32;

#[derive(Debug, Clone, PartialEq, Arbitrary)]
struct World {
    operator: Operator,
    egress_ports: bool,
    ipv6_ingress: bool,
    allow_out: Vec<Allowed>,
    deny_out: Vec<Spelled>,
    allow_in: Vec<Spelled>,
    deny_in: Vec<Spelled>,
    allow_internet_access: bool,
    also_deny_all: [bool; 2],
    places: [u8; 2],
    asked: Vec<Ask>,
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Operator {
    Default,
    None,
    Own(Vec<Around>, Vec<Around>, Vec<u16>, Option<(Place, u16)>),
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Allowed {
    Address(Spelled),
    /// What stands before the labels, and which they are.
    Pattern(u8, Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
struct Ask {
    at: At,
    port: Port,
    host: Option<(u8, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum At {
    Edge(u16),
    Exact(Place),
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Port {
    Edge(u8),
    Exact(u16),
}

fn name(labels: &[u8]) -> String {
    let labels: Vec<&str> = labels.iter().map(|label| LABELS[usize::from(*label) % LABELS.len()]).collect();
    labels.join(".")
}

impl Allowed {
    /// The entry, if it is one: a name may end in a number.
    fn item(&self) -> Option<Item> {
        match self {
            Self::Address(spelled) => Some(Item::Address(spelled.draft())),
            Self::Pattern(star, labels) => {
                let text = match star % 8 {
                    0 => "*".to_owned(),
                    1..4 => format!("*.{}", name(labels)),
                    _ => name(labels),
                };
                text.parse::<DomainPattern>().ok().map(|_| Item::Pattern(text))
            }
        }
    }
}

impl Operator {
    fn guardrails(&self) -> Guardrails {
        let networks = |list: &Vec<Around>| list.iter().map(|around| around.text().parse().unwrap()).collect();
        match self {
            Self::Default => Guardrails::default(),
            Self::None => Guardrails::none(),
            Self::Own(denied, allowed, exempt, server) => Guardrails {
                always_denied: networks(denied),
                always_allowed: networks(allowed),
                exempt_ports: exempt.iter().map(|port| (*port).max(1)).collect(),
                name_server: server
                    .map(|(place, port)| NameServer { address: place.address().to_canonical(), port: port.max(1) }),
            },
        }
    }
}

impl World {
    fn policy(&self) -> Policy {
        let options = Options {
            guardrails: self.operator.guardrails(),
            capabilities: Capabilities { egress_ports: self.egress_ports, ipv6_ingress: self.ipv6_ingress },
            ..Options::default()
        };
        let drafts = |list: &Vec<Spelled>| list.iter().map(|spelled| spelled.draft()).collect();
        let draft = Draft {
            allow_out: self.allow_out.iter().filter_map(Allowed::item).collect(),
            deny_out: drafts(&self.deny_out),
            allow_in: drafts(&self.allow_in),
            deny_in: drafts(&self.deny_in),
            allow_internet_access: self.allow_internet_access,
            also_deny_all: self.also_deny_all,
            places: self.places.map(usize::from),
        };
        let config = draft.config(options.capabilities);
        Policy::compile(&config, &options).unwrap_or_else(|report| panic!("{config:?}: {report}"))
    }
}

impl Ask {
    fn question(&self, edges: &Edges) -> Question {
        let address = match self.at {
            At::Edge(index) => edges.addresses[usize::from(index) % edges.addresses.len()],
            At::Exact(place) => place.address(),
        };
        let port = match self.port {
            Port::Edge(index) => edges.ports[usize::from(index) % edges.ports.len()],
            Port::Exact(port) => port,
        };
        let host = self.host.as_ref().map(|(dress, labels)| (dress & 1 == 1, dressed(*dress >> 1, &name(labels))));
        Question { address, port, host }
    }
}

/// A name as a client may send it.
fn dressed(dress: u8, name: &str) -> String {
    match dress % 16 {
        0 => name.to_uppercase(),
        1 => format!("{name}."),
        2 => format!("{name}:443"),
        3 => format!("{name}.:65535"),
        4 => format!("{name}:0"),
        5 => format!("{name}\0"),
        6 => format!(".{name}"),
        _ => name.to_owned(),
    }
}

/// The input is a [`World`].
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(world) = World::arbitrary(&mut Unstructured::new(data)) else { return };
    let policy = world.policy();
    let (rules, edges) = (rules(&policy), Edges::of(&policy));
    for question in world.asked.iter().take(QUESTIONS).map(|ask| ask.question(&edges)) {
        let Question { address, port, .. } = question;
        let egress = question.egress(&policy);
        assert_eq!(answer(&egress), question.naive_egress(&rules), "{question:?} of {policy:?}");
        let client = question.client();
        let ingress = policy.decide_ingress(client, port);
        assert_eq!(answer(&ingress), rules.ingress(client, port), "{question:?} of {policy:?}");

        assert_eq!(policy.allows_ingress(client, port), ingress.is_allowed(), "{question:?}");
        let nameless = Question { host: None, ..question.clone() };
        assert_eq!(policy.allows_egress(address, port), nameless.egress(&policy).is_allowed(), "{question:?}");
        assert_eq!(policy.options().guardrails.always_denies(address), rules.denies_resolved(address), "{question:?}");
    }
}

impl Seed for World {
    fn write(&self, out: &mut Vec<u8>) {
        self.operator.write(out);
        self.egress_ports.write(out);
        self.ipv6_ingress.write(out);
        self.allow_out.write(out);
        self.deny_out.write(out);
        self.allow_in.write(out);
        self.deny_in.write(out);
        self.allow_internet_access.write(out);
        self.also_deny_all.write(out);
        self.places.write(out);
        self.asked.write(out);
    }
}

impl Seed for Operator {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Default => variant(0, 3, out),
            Self::None => variant(1, 3, out),
            Self::Own(denied, allowed, exempt, server) => {
                variant(2, 3, out);
                denied.write(out);
                allowed.write(out);
                exempt.write(out);
                server.write(out);
            }
        }
    }
}

impl Seed for Allowed {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Address(spelled) => {
                variant(0, 2, out);
                spelled.write(out);
            }
            Self::Pattern(star, labels) => {
                variant(1, 2, out);
                star.write(out);
                labels.write(out);
            }
        }
    }
}

impl Seed for Ask {
    fn write(&self, out: &mut Vec<u8>) {
        match self.at {
            At::Edge(index) => {
                variant(0, 2, out);
                index.write(out);
            }
            At::Exact(place) => {
                variant(1, 2, out);
                place.write(out);
            }
        }
        match self.port {
            Port::Edge(index) => {
                variant(0, 2, out);
                index.write(out);
            }
            Port::Exact(port) => {
                variant(1, 2, out);
                port.write(out);
            }
        }
        self.host.write(out);
    }
}

/// The policies and questions of the vectors, as far as they are put together from [`LABELS`].
///
/// # Panics
///
/// If a seed is not read as it was meant.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let Case::Decide { policy, options, queries } = case else { return Vec::new() };
    let Ok(config) = NetworkConfig::from_json(&policy.to_string()) else { return Vec::new() };
    let addresses =
        |list: List| -> Vec<Spelled> { config.list(list).iter().filter_map(|text| spelled(text)).collect() };
    let world = World {
        operator: operator(options.guardrails.is_some(), &options.to_options().guardrails),
        egress_ports: options.egress_ports,
        ipv6_ingress: options.ipv6_ingress,
        allow_out: config.allow_out.iter().filter_map(|text| allowed(text)).collect(),
        deny_out: addresses(List::DenyOut),
        allow_in: addresses(List::AllowIn),
        deny_in: addresses(List::DenyIn),
        allow_internet_access: config.allow_internet_access,
        also_deny_all: [false; 2],
        places: [0; 2],
        asked: queries.iter().filter_map(ask).collect(),
    };
    let mut seed = Vec::new();
    world.write(&mut seed);
    assert_eq!(World::arbitrary(&mut Unstructured::new(&seed)).as_ref(), Ok(&world), "a seed is read as it was meant");
    vec![seed]
}

fn operator(is_own: bool, guardrails: &Guardrails) -> Operator {
    let networks = |list: &[sandgate::Network]| list.iter().copied().map(Around::of).collect();
    if !is_own {
        return Operator::Default;
    }
    Operator::Own(
        networks(&guardrails.always_denied),
        networks(&guardrails.always_allowed),
        guardrails.exempt_ports.clone(),
        guardrails.name_server.map(|server| (Place::of(server.address), server.port)),
    )
}

fn spelled(text: &str) -> Option<Spelled> {
    let Ok(Entry::Address(entry)) = text.parse() else { return None };
    let ports = (!entry.ports().is_all()).then(|| (entry.ports().low(), entry.ports().high()));
    Some(Spelled { network: Around::of(entry.network()), ports, spelling: 3 })
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let index = |label| LABELS.iter().position(|known| *known == label).and_then(|index| u8::try_from(index).ok());
    name.split('.').map(index).collect()
}

fn allowed(text: &str) -> Option<Allowed> {
    match text.parse().ok()? {
        Entry::Address(_) => spelled(text).map(Allowed::Address),
        Entry::Pattern(pattern) => match pattern.name() {
            None => Some(Allowed::Pattern(0, Vec::new())),
            Some(name) => Some(Allowed::Pattern(if pattern.is_wildcard() { 1 } else { 4 }, labels(name)?)),
        },
    }
}

fn ask(asked: &Asked) -> Option<Ask> {
    let (address, port, host) = match &asked.query {
        Query::Ingress { client, port } => (client.as_deref()?, *port, None),
        Query::Egress { address, port, host, sni } => {
            (address.as_str(), *port, host.as_ref().map(|host| (14, host)).or(sni.as_ref().map(|sni| (15, sni))))
        }
    };
    let host = host.and_then(|(dress, name)| Some((dress, labels(name)?)));
    Some(Ask { at: At::Exact(Place::of(parse_address(address)?)), port: Port::Exact(port), host })
}
