//! The single changes that may flip a verdict.
//!
//! What decides is the first step that applies. So a verdict flips if an earlier step begins to
//! apply, which an added entry does, or if the entry that decides is taken away. Which of the two
//! lists that is follows from the verdict, since decisions are monotone (section 7).

use super::{
    super::cited::Direction,
    input::Input,
    matching::{addresses, holds},
    steps::Part,
};
use crate::{
    config::{List, NetworkConfig},
    decision::{Decision, Reason, Ruling},
    entry::{AddressEntry, Entry, HostName, Network, PortRange},
    policy::Policy,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{iter::once, net::IpAddr};

/// What is done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "all that can be done with one entry")]
pub enum Edit {
    /// It is put at the end of its list.
    Add,
    /// It is taken out of its list.
    Remove,
}

/// A change that may or may not flip the verdict.
pub(super) struct Proposal {
    pub(super) edit: Edit,
    pub(super) list: List,
    pub(super) index: usize,
    pub(super) entry: Entry,
    /// Why the entry is about more than what was asked, if no narrower one would do.
    pub(super) why_wide: Option<String>,
}

impl Proposal {
    pub(super) fn apply(&self, config: &NetworkConfig) -> NetworkConfig {
        let mut config = config.clone();
        let list = match self.list {
            List::AllowOut => &mut config.allow_out,
            List::DenyOut => &mut config.deny_out,
            List::AllowIn => &mut config.allow_in,
            List::DenyIn => &mut config.deny_in,
        };
        match self.edit {
            Edit::Add => list.push(self.entry.to_string()),
            Edit::Remove if self.index < list.len() => drop(list.remove(self.index)),
            Edit::Remove => {}
        }
        config
    }
}

/// A name that never exists (RFC 6761). As a pattern it allows nothing, and being one it opens the
/// name server (E-2).
const NO_NAME: &str = "name.invalid";

/// The answer that is to be changed.
pub(super) struct Answer<'a> {
    pub(super) policy: &'a Policy,
    pub(super) direction: Direction,
    pub(super) input: &'a Input,
    pub(super) parts: &'a [Part<'a>],
    pub(super) decision: &'a Decision<'a>,
}

impl Answer<'_> {
    /// Whether the operator decides, and so no entry can. A name server that the operator always
    /// denies is open all the same where patterns need it (E-2), unless an address carries it.
    pub(super) fn is_out_of_reach(&self) -> bool {
        match self.decision.reason() {
            Reason::AlwaysAllowed | Reason::ExemptPort => true,
            Reason::AlwaysDenied => self.parts.len() > 1 || !self.asks_name_server(),
            _ => false,
        }
    }

    /// The changes that are about nothing but what was asked, the narrowest first.
    pub(super) fn narrow(&self) -> Vec<Proposal> {
        let is_denied = self.is_denied();
        let named = self.parts.iter().filter(|(_, part)| part.reason() != Reason::AlwaysDenied);
        let named = named.filter_map(|(address, _)| self.own_entry(*address));
        let name = self.input.name().filter(|_| is_denied).and_then(|name| name.as_str().parse().ok());
        named.chain(name).map(|entry| self.add(entry, None)).chain(self.removals()).collect()
    }

    /// The changes for what has no entry of its own.
    pub(super) fn wide(&self) -> Vec<Proposal> {
        let unnamed = self.parts.iter().filter_map(|(address, _)| match self.own_entry(*address) {
            None => Some((*address, format!("no entry names `{address}` and nothing else (G-8)"))),
            Some(own) if self.fits(&own) => None,
            Some(own) => Some((*address, format!("`{own}` is longer than an entry may be (D-6)"))),
        });
        // Any first entry would do (I-2). This one says what it does.
        let unknown = (self.decision.reason() == Reason::NoRules && self.parts.is_empty())
            .then(|| (Network::ALL_IPV4.first(), "no entry names an unknown client (I-3)".into()));
        let all = unnamed.chain(unknown).map(|(address, why)| self.add(self.all_of_family(address), Some(why)));
        all.chain(self.any_pattern().filter(|_| self.is_denied())).collect()
    }

    fn is_denied(&self) -> bool {
        self.decision.verdict().ruling() == Ruling::Deny
    }

    fn add(&self, entry: Entry, why_wide: Option<String>) -> Proposal {
        let [allow, deny] = self.direction.lists();
        let list = if self.is_denied() { allow } else { deny };
        Proposal { edit: Edit::Add, list, index: self.policy.entries(list).len(), entry, why_wide }
    }

    fn removals(&self) -> impl Iterator<Item = Proposal> {
        let is_denied = self.is_denied();
        let [allow, deny] = self.direction.lists();
        let removed = if is_denied { deny } else { allow };
        let deciding =
            self.parts.iter().filter_map(|(_, part)| part.entry()).map(|entry| (entry.list(), entry.index()));
        let opens = self.parts.iter().any(|(_, part)| part.reason() == Reason::NameServer);
        let mut places: Vec<(List, usize)> = Vec::new();
        let all = deciding
            .filter(|(list, _)| *list == removed)
            .chain(self.only_rule().filter(|_| is_denied))
            .chain(self.only_pattern().filter(|_| opens))
            .chain(self.closing().filter(|_| is_denied));
        for place in all {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.into_iter().filter_map(|(list, index)| {
            let entry = self.policy.entries(list).get(index)?.clone();
            Some(Proposal { edit: Edit::Remove, list, index, entry, why_wide: None })
        })
    }

    /// The port that an entry may name. Port 0 is none.
    fn port(&self) -> Option<u16> {
        let has_ports = self.direction == Direction::Ingress || self.policy.options().capabilities.egress_ports;
        Some(self.input.port).filter(|port| has_ports && *port != 0)
    }

    /// The entry for one address and one port, or for all ports. `None` if the language has none (G-8).
    fn own_entry(&self, address: IpAddr) -> Option<Entry> {
        let port = self.port().map(|port| format!(":{port}")).unwrap_or_default();
        let text = if address.is_ipv6() { format!("[{address}]{port}") } else { format!("{address}{port}") };
        text.parse().ok()
    }

    /// Every address of a family, on one port if that is not too long.
    fn all_of_family(&self, address: IpAddr) -> Entry {
        let network = if address.is_ipv6() { Network::ALL_IPV6 } else { Network::ALL_IPV4 };
        let ports = self.port().and_then(|port| PortRange::new(port, port));
        let one_port = ports.map(|ports| Entry::Address(AddressEntry::with_ports(network, ports)));
        one_port.filter(|entry| self.fits(entry)).unwrap_or(Entry::Address(AddressEntry::of_network(network)))
    }

    /// The narrowest wildcard over a name that is no pattern itself. Without a name, a pattern for
    /// the name server, which any first one opens.
    fn any_pattern(&self) -> Option<Proposal> {
        let Some(name) = self.input.name() else {
            let opens = self.asks_name_server() && !self.patterns().any(|_| true);
            return NO_NAME.parse().ok().filter(|_| opens).map(|entry| self.add(entry, None));
        };
        let why = match name.as_str().parse::<Entry>() {
            Err(_) => format!("`{name}` is a name on the wire and no pattern (N-4, N-7)"),
            Ok(own) if self.fits(&own) => return None,
            Ok(own) => format!("`{own}` is longer than an entry may be (D-6)"),
        };
        let wildcard = wildcards(name).find(|wildcard| self.fits(wildcard))?;
        Some(self.add(wildcard, Some(why)))
    }

    fn fits(&self, entry: &Entry) -> bool {
        entry.to_string().len() <= self.policy.options().limits.entry_bytes
    }

    /// The only entry of both ingress lists, without which there are no rules (I-2).
    fn only_rule(&self) -> Option<(List, usize)> {
        (self.direction == Direction::Ingress).then(|| only_ingress_rule(self.policy)).flatten()
    }

    /// The only domain pattern, without which no name server is opened (E-2).
    fn only_pattern(&self) -> Option<(List, usize)> {
        let mut patterns = self.patterns();
        let first = patterns.next().map(|index| (List::AllowOut, index));
        first.filter(|_| patterns.next().is_none())
    }

    fn patterns(&self) -> impl Iterator<Item = usize> {
        let entries = self.policy.entries(List::AllowOut).iter().enumerate();
        entries.filter(|(_, entry)| matches!(entry, Entry::Pattern(_))).map(|(index, _)| index)
    }

    /// The first entry that closes the name server, where patterns would open it (E-2).
    fn closing(&self) -> Option<(List, usize)> {
        let address = self.name_server().filter(|_| self.patterns().any(|_| true))?;
        let covers = |entry: AddressEntry| {
            entry != AddressEntry::ALL_TRAFFIC
                && holds(List::DenyOut, entry, address)
                && entry.ports().contains(self.input.port)
        };
        let mut entries = addresses(self.policy, List::DenyOut);
        entries.find(|(_, entry)| covers(*entry)).map(|(index, _)| (List::DenyOut, index))
    }

    fn asks_name_server(&self) -> bool {
        self.name_server().is_some()
    }

    /// The address of the name server, if that is what the sandbox wants to reach.
    fn name_server(&self) -> Option<IpAddr> {
        let server = self.policy.options().guardrails.name_server;
        let server = server.filter(|server| self.direction == Direction::Egress && server.port == self.input.port)?;
        self.input.judged().find(|address| *address == server.address.to_canonical())
    }
}

/// The only entry of both ingress lists, if it denies. One that allows never stands alone.
pub(super) fn only_ingress_rule(policy: &Policy) -> Option<(List, usize)> {
    let [allow, deny] = [List::AllowIn, List::DenyIn].map(|list| policy.entries(list).len());
    ((allow, deny) == (0, 1)).then_some((List::DenyIn, 0))
}

/// The wildcards that match a name, the narrowest first.
fn wildcards(name: &HostName) -> impl Iterator<Item = Entry> {
    let name = name.as_str();
    let parents = name.match_indices('.').filter_map(|(dot, _)| name.get(dot..));
    parents.map(|parent| format!("*{parent}")).chain(once("*".into())).filter_map(|text| text.parse().ok())
}
