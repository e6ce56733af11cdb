//! Warnings: what is valid and cannot have the effect that it reads like.
//!
//! What an entry covers is told exactly, over all entries together and every port. Warnings come
//! in the order of the text; those about a list come behind those about its entries.

use super::cover::{Budget, Cover};
use crate::{
    config::List,
    diagnostic::{Code, ParseError, Report, pointer},
    entry::{ALL_TRAFFIC, AddressEntry, DomainPattern, Entry, Network, PortRange},
    guardrails::NameServer,
    options::Options,
    validate::{Checker, Judged, Rules},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

/// Every violation of a document; if there is none, every warning.
pub(crate) fn report(checker: Checker<'_>) -> Report {
    let Judged { mut report, rules, lists, options } = checker.judge();
    if report.is_valid() {
        let count = List::ALL.iter().map(|list| rules.list(*list).len()).sum();
        let mut budget = Budget::for_entries(count);
        for (list, name) in lists {
            warn(list, name, &Context { rules: &rules, options }, &mut budget, &mut report);
        }
    }
    report
}

struct Context<'r> {
    rules: &'r Rules,
    options: &'r Options,
}

/// The warnings of a list, which the text calls by this name.
fn warn(list: List, name: &'static str, context: &Context<'_>, budget: &mut Budget, report: &mut Report) {
    let entries = context.rules.list(list);
    if let Some(warning) = unread(list, context) {
        report.push(|| pointer(name), warning);
        return;
    }
    let own = Cover::new(addresses(entries), list.denies());
    let ineffective_ones = if list.denies() { never_reached(list, context, budget) } else { Some(BTreeSet::new()) };
    let is_in_parts = own.covers_all_ipv4(budget);
    let closing = Closing::of(list, context);
    let patterns = Patterns::of(entries);
    for (index, entry) in entries.iter().enumerate() {
        let warning = match entry {
            Entry::Pattern(pattern) => patterns.warning(list, pattern, index),
            Entry::Address(entry) => {
                let closes = closing.covers(*entry);
                let is_ineffective =
                    || closes.is_none() && ineffective_ones.as_ref().is_some_and(|ones| ones.contains(&index));
                repeated(list, own.first(*entry), index)
                    .or_else(|| guardrail(list, *entry, context))
                    .or_else(|| closes.unwrap_or(&own).covering(*entry).map(|by| covered(list, by)))
                    .or_else(|| is_ineffective().then(|| ineffective(list, *entry)))
            }
        };
        if let Some(warning) = warning {
            report.push(|| format!("/{name}/{index}"), warning);
        }
    }
    let is_entangled = ineffective_ones.is_none() || is_in_parts.is_none();
    let of_list = [
        (list == List::AllowOut && !entries.is_empty() && context.nothing_is_denied()).then(nothing_denied),
        (is_in_parts == Some(true) && !entries.contains(&Entry::Address(AddressEntry::ALL_TRAFFIC)))
            .then(|| all_in_parts(list)),
        is_entangled.then(|| {
            ParseError::new(Code::Entangled, "networks and ports are entangled, so not every entry was examined")
        }),
    ];
    for warning in of_list.into_iter().flatten() {
        report.push(|| pointer(name), warning);
    }
}

impl Context<'_> {
    fn nothing_is_denied(&self) -> bool {
        self.rules.internet_access && self.rules.deny_out.is_empty()
    }

    /// Whether the ingress lists do nothing but hold something (I-2): every entry is one that the
    /// operator leaves without effect. Without them every client would be admitted.
    fn ingress_only_exists(&self) -> bool {
        let without_effect = |(_, entry): (usize, AddressEntry)| ingress_guardrail(entry, self.options).is_some();
        self.rules.allow_in.is_empty() && addresses(&self.rules.deny_in).all(without_effect)
    }

    /// The name server, if there are patterns to open it (E-2).
    fn opened_server(&self) -> Option<NameServer> {
        let has_pattern = self.rules.allow_out.iter().any(|entry| matches!(entry, Entry::Pattern(_)));
        self.options.guardrails.name_server.filter(|_| has_pattern)
    }
}

/// Whether an entry of `denyOut` that is read closes the name server. All traffic does not (E-2).
fn closes(server: NameServer, entry: AddressEntry) -> bool {
    entry != AddressEntry::ALL_TRAFFIC && entry.network().denies(server.address) && entry.ports().contains(server.port)
}

/// `denyOut` where internet access is off (D-7). All that could be said of its entries would be
/// about a list that decides nothing, and thousands of them are one mistake: so one warning takes
/// the place of all. A list of all traffic alone is what the field makes of it, and no mistake.
fn unread(list: List, context: &Context<'_>) -> Option<ParseError> {
    let Rules { deny_out, internet_access, .. } = context.rules;
    let all_traffic = Entry::Address(AddressEntry::ALL_TRAFFIC);
    if list != List::DenyOut || *internet_access || deny_out.iter().all(|entry| *entry == all_traffic) {
        return None;
    }
    let add = if deny_out.contains(&all_traffic) { String::new() } else { format!("add `{ALL_TRAFFIC}` to it and ") };
    let have_it_read = format!("to have it read, {add}set `allowInternetAccess` to true");
    let closing = context.opened_server().and_then(|server| {
        let (index, _) = addresses(deny_out).find(|(_, entry)| closes(server, *entry))?;
        Some(format!("`{list}[{index}]` does not close the name server `{server}`, which the domain patterns open"))
    });
    let message = "`allowInternetAccess` is false, so this list is not read";
    // What is missing most comes first: an entry against the name server is meant to be read.
    let (message, help) = match closing {
        Some(closing) => (format!("{message}: {closing}"), format!("{have_it_read}; or remove the list")),
        None => (message.into(), format!("remove the list; or, {have_it_read}")),
    };
    Some(ParseError::new(Code::UnreadDenyList, message).advise(help))
}

/// Entries of `denyOut` that close the name server (E-2). That is an effect even where allow entries
/// come before all that they cover. All traffic does not close it, so covering them is not enough.
struct Closing(Option<(NameServer, Cover)>);

impl Closing {
    fn of(list: List, context: &Context<'_>) -> Self {
        let Rules { deny_out, internet_access, .. } = context.rules;
        let server = context.opened_server().filter(|_| list == List::DenyOut && *internet_access);
        let others = addresses(deny_out).filter(|(_, entry)| *entry != AddressEntry::ALL_TRAFFIC);
        Self(server.map(|server| (server, Cover::new(others, true))))
    }

    /// What else can cover an entry that closes the name server.
    fn covers(&self, entry: AddressEntry) -> Option<&Cover> {
        let (server, cover) = self.0.as_ref()?;
        closes(*server, entry).then_some(cover)
    }
}

fn nothing_denied() -> ParseError {
    ParseError::new(Code::NothingDenied, "nothing is denied, so nothing needs to be allowed")
        .advise(format!("add `{ALL_TRAFFIC}` to `denyOut`, or remove the list"))
}

fn all_in_parts(list: List) -> ParseError {
    let error = ParseError::new(Code::AllTrafficInParts, "the networks of this list together make all IPv4 addresses");
    if list.denies() { error.advise(format!("write `{ALL_TRAFFIC}`, which means IPv6 as well")) } else { error }
}

fn addresses(entries: &[Entry]) -> impl Iterator<Item = (usize, AddressEntry)> {
    entries.iter().enumerate().filter_map(|(index, entry)| match entry {
        Entry::Address(entry) => Some((index, *entry)),
        Entry::Pattern(_) => None,
    })
}

/// The entries of a deny list of which nothing is left: all of it is decided before, and not by
/// the operator alone. `None` if that takes too long to tell.
fn never_reached(list: List, context: &Context<'_>, budget: &mut Budget) -> Option<BTreeSet<usize>> {
    let denied = Cover::new(addresses(context.rules.list(list)), true);
    // Where IPv6 ingress is off, the list is there for IPv4 only (I-4).
    let is_ipv4_only = list == List::DenyIn && !context.options.capabilities.ipv6_ingress;
    let denied = if is_ipv4_only { denied.ipv4_only() } else { denied };
    let allow = if list == List::DenyIn { List::AllowIn } else { List::AllowOut };
    let allowed = addresses(context.rules.list(allow));
    let operator = by_operator(list, context.options);
    let before_allow = Cover::new(operator.iter().map(|entry| (0, *entry)), false);
    let before = Cover::new(allowed.chain(operator.iter().map(|entry| (0, *entry))), false);
    let left = before.left_of(&denied, budget)?;
    Some(before_allow.left_of(&denied, budget)?.difference(&left).copied().collect())
}

/// What the operator decides before a deny list is asked.
fn by_operator(list: List, options: &Options) -> Vec<AddressEntry> {
    let guardrails = &options.guardrails;
    if list == List::DenyIn {
        let ports = guardrails.exempt_ports.iter().filter_map(|port| PortRange::new(*port, *port));
        let families = [Network::ALL_IPV4, Network::ALL_IPV6];
        ports.flat_map(|ports| families.map(|network| AddressEntry::with_ports(network, ports))).collect()
    } else {
        // Denying all IPv4 addresses denies all, also by the operator.
        let denies_all = guardrails.always_denied.contains(&Network::ALL_IPV4).then_some(&Network::ALL_IPV6);
        let networks = guardrails.always_allowed.iter().chain(&guardrails.always_denied).chain(denies_all);
        networks.map(|network| AddressEntry::of_network(*network)).collect()
    }
}

fn repeated(list: List, first: Option<usize>, index: usize) -> Option<ParseError> {
    let first = first.filter(|first| *first < index)?;
    let error = ParseError::new(Code::DuplicateEntry, format!("`{list}[{first}]` is the same entry"));
    Some(error.advise("remove the entry"))
}

fn covered(list: List, by: usize) -> ParseError {
    ParseError::new(Code::CoveredEntry, format!("`{list}[{by}]` covers this entry")).advise("remove the entry")
}

fn ineffective(list: List, entry: AddressEntry) -> ParseError {
    let allow = if list == List::DenyOut { List::AllowOut } else { List::AllowIn };
    let error = ParseError::new(
        Code::IneffectiveDeny,
        format!("all that this entry covers is decided before it, by `{allow}` and the guardrails"),
    );
    // An allow list, or its patterns, may require all traffic here.
    let is_all = entry == AddressEntry::ALL_TRAFFIC;
    error.advise(if is_all { "narrow what allows" } else { "remove the entry, or narrow what allows" })
}

/// The patterns of a list by their texts.
struct Patterns<'e>(BTreeMap<&'e str, usize>);

impl<'e> Patterns<'e> {
    fn of(entries: &'e [Entry]) -> Self {
        let mut patterns = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Entry::Pattern(pattern) = entry {
                patterns.entry(pattern.as_str()).or_insert(index);
            }
        }
        Self(patterns)
    }

    fn warning(&self, list: List, pattern: &DomainPattern, index: usize) -> Option<ParseError> {
        repeated(list, self.0.get(pattern.as_str()).copied(), index)
            .or_else(|| self.covering(pattern).map(|by| covered(list, by)))
            .or_else(|| too_wide(pattern))
    }

    /// A pattern that matches all that this one does and more.
    fn covering(&self, pattern: &DomainPattern) -> Option<usize> {
        let name = pattern.name()?;
        let parents = name.match_indices('.').filter_map(|(dot, _)| name.get(dot.saturating_add(1)..));
        let wildcards = parents.filter_map(|parent| self.0.get(&*format!("*.{parent}")));
        self.0.get("*").or_else(|| wildcards.min()).copied()
    }
}

fn too_wide(pattern: &DomainPattern) -> Option<ParseError> {
    let name = pattern.name();
    let has_one_label = name.is_some_and(|name| !name.contains('.'));
    let (code, message) = match (name, has_one_label, pattern.is_wildcard()) {
        (None, ..) => (Code::AnyName, "every name is allowed, and anybody can give a name to any address"),
        (Some(_), true, true) => (Code::WildcardOverOneLabel, "anybody can register a name in a top-level domain"),
        (Some(_), true, false) => {
            (Code::SingleLabelName, "the name is looked up as an absolute name, without a search list")
        }
        (Some(_), false, _) => return None,
    };
    Some(ParseError::new(code, message).advise("write the names that are needed"))
}

/// H-2 and the second half of R-6: what the operator has decided.
fn guardrail(list: List, entry: AddressEntry, context: &Context<'_>) -> Option<ParseError> {
    let guardrails = &context.options.guardrails;
    let covering = |networks: &[Network]| networks.iter().find(|network| network.covers(entry.network())).copied();
    match list {
        List::AllowOut => {
            let network = covering(&guardrails.always_denied)?;
            covering(&guardrails.always_allowed).is_none().then(|| {
                ParseError::new(Code::AllowInAlwaysDenied, format!("the operator always denies `{network}`"))
                    .advise(WITHOUT_EFFECT)
            })
        }
        // Who denies all IPv4 addresses denies IPv6 as well.
        List::DenyOut
            if entry.network() == Network::ALL_IPV4 && !guardrails.always_allowed.contains(&Network::ALL_IPV6) =>
        {
            None
        }
        List::DenyOut => covering(&guardrails.always_allowed).map(|network| {
            let is_required = entry == AddressEntry::ALL_TRAFFIC;
            ParseError::new(Code::DenyInAlwaysAllowed, format!("the operator always allows `{network}`")).advise(
                if is_required { "it has no effect; only domain patterns require the entry" } else { WITHOUT_EFFECT },
            )
        }),
        List::AllowIn => None,
        List::DenyIn => ingress_guardrail(entry, context.options).map(|error| {
            error.advise(if context.ingress_only_exists() {
                "write what is meant: as long as there are ingress rules, whatever they are, clients that are \
                unknown or IPv6 are denied"
            } else {
                WITHOUT_EFFECT
            })
        }),
    }
}

const WITHOUT_EFFECT: &str = "remove the entry: it has no effect";

/// What the operator leaves of an entry of `denyIn`: nothing.
fn ingress_guardrail(entry: AddressEntry, options: &Options) -> Option<ParseError> {
    if options.guardrails.exempts_all(entry.ports()) {
        let message = format!("the operator exempts port {} from ingress rules", entry.ports());
        return Some(ParseError::new(Code::DenyOnExemptPort, message));
    }
    (entry.network().is_ipv6() && !options.capabilities.ipv6_ingress).then(|| {
        ParseError::new(Code::RedundantIpv6Deny, "IPv6 ingress is not enabled, so every IPv6 client is denied anyway")
    })
}
