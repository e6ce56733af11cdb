//! E-1 to E-7 in words, for one address or for the two of A-3.

use super::{
    super::cited::CitedEntry,
    input::Input,
    matching::{addresses, holds},
    steps::{Part, Step, Words, count, entry_matches, lay_out, no_entry_matches},
};
use crate::{
    config::List,
    decision::{Decision, Destination, Reason, Ruling},
    entry::{AddressEntry, DomainPattern, Entry, Network},
    policy::Policy,
};
use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

/// The addresses that are judged: one, or the destination's own and the one that it carries.
pub(super) fn parts<'p>(
    policy: &'p Policy,
    destination: &Destination<'_>,
    input: &Input,
    decision: &Decision<'p>,
) -> Vec<Part<'p>> {
    let part = |address| match input.embedded {
        None => (address, decision.clone()),
        Some(_) => (address, policy.decide_one_of_two(&Destination { address, ..*destination })),
    };
    input.judged().map(part).collect()
}

/// Which of the parts decides, and why, if there are two.
pub(super) fn combine(parts: &[Part<'_>], decision: &Decision<'_>) -> (usize, Option<String>) {
    let [(outer_address, outer), (inner_address, inner)] = parts else { return (0, None) };
    let is_denied = |part: &Decision<'_>| part.verdict().ruling() == Ruling::Deny;
    let is_by_outer = (outer.reason(), outer.entry()) == (decision.reason(), decision.entry());
    let why = match decision.verdict().ruling() {
        Ruling::Deny if is_denied(outer) && is_denied(inner) => "both addresses are denied".into(),
        Ruling::Deny => {
            let denied = if is_by_outer { outer_address } else { inner_address };
            format!("`{denied}` is denied, and one of the two is enough")
        }
        Ruling::AllowByName => "neither address is denied, and the name decides where to connect".into(),
        Ruling::Allow if outer.reason() == Reason::AlwaysAllowed && is_denied(inner) => {
            format!("`{outer_address}` is always allowed, and `{inner_address}` is not always denied")
        }
        Ruling::Allow => "neither address is denied".into(),
    };
    (usize::from(!is_by_outer), Some(why))
}

/// What is asked about one address.
struct Asked<'a> {
    policy: &'a Policy,
    address: IpAddr,
    input: &'a Input,
    decision: &'a Decision<'a>,
}

fn words<'a>() -> [Words<Asked<'a>>; 7] {
    [
        Words { rule: "E-1", title: "always allowed", why: always_allowed, why_not: not_always_allowed },
        Words { rule: "E-2", title: "name server", why: name_server, why_not: no_name_server },
        Words { rule: "E-3", title: "always denied", why: always_denied, why_not: not_always_denied },
        Words { rule: "E-4", title: "allow entry", why: entry, why_not: no_allow_entry },
        Words { rule: "E-5", title: "domain pattern", why: pattern, why_not: no_pattern },
        Words { rule: "E-6", title: "deny entry", why: deny_entry, why_not: no_deny_entry },
        Words { rule: "E-7", title: "otherwise allow", why: nothing_applies, why_not: nothing_applies },
    ]
}

/// The steps for one address, of which the decision about it says which one decides.
pub(super) fn steps(policy: &Policy, address: IpAddr, input: &Input, decision: &Decision<'_>) -> Vec<Step> {
    let deciding = match decision.reason() {
        Reason::AlwaysAllowed => 0,
        Reason::NameServer => 1,
        Reason::AlwaysDenied => 2,
        Reason::AllowEntry => 3,
        Reason::AllowName => 4,
        Reason::DenyEntry | Reason::InternetAccessOff => 5,
        // The reasons of ingress are none of egress.
        Reason::DefaultAllow
        | Reason::ExemptPort
        | Reason::NoRules
        | Reason::UnknownClient
        | Reason::Ipv6IngressOff => 6,
    };
    lay_out(&words(), deciding, &Asked { policy, address, input, decision })
}

fn always_allowed(asked: &Asked<'_>) -> String {
    let networks = &asked.policy.options().guardrails.always_allowed;
    by_operator(networks, List::AllowOut, asked.address, "always allows")
}

fn not_always_allowed(asked: &Asked<'_>) -> String {
    not_by_operator(&asked.policy.options().guardrails.always_allowed, "always allowed")
}

fn always_denied(asked: &Asked<'_>) -> String {
    let networks = &asked.policy.options().guardrails.always_denied;
    by_operator(networks, List::DenyOut, asked.address, "always denies")
}

fn not_always_denied(asked: &Asked<'_>) -> String {
    not_by_operator(&asked.policy.options().guardrails.always_denied, "always denied")
}

/// The operator's networks are matched as the entries of this list are.
fn by_operator(networks: &[Network], list: List, address: IpAddr, does: &str) -> String {
    let mut entries = networks.iter().map(|network| AddressEntry::of_network(*network));
    match entries.find(|entry| holds(list, *entry, address)) {
        Some(entry) => format!("the operator {does} `{entry}`"),
        None => format!("the operator {does} it"),
    }
}

fn not_by_operator(networks: &[Network], are: &str) -> String {
    match networks {
        [] => format!("no network is {are}"),
        [network] => format!("only `{network}` is {are}"),
        _ => format!("it is in none of the {} networks that are {are}", networks.len()),
    }
}

fn name_server(asked: &Asked<'_>) -> String {
    let patterns = count(patterns(asked.policy).count(), "domain pattern");
    format!("it is the operator's name server, and `allowOut` has {patterns}")
}

fn no_name_server(asked: &Asked<'_>) -> String {
    let Some(server) = asked.policy.options().guardrails.name_server else {
        return "the operator names no name server".into();
    };
    if patterns(asked.policy).next().is_none() {
        return "`allowOut` has no domain pattern, so no name server is opened".into();
    }
    let port = asked.input.port;
    if (server.address.to_canonical(), server.port) != (asked.address, port) {
        return format!("the name server is `{server}`");
    }
    let mut denied = addresses(asked.policy, List::DenyOut);
    let covers = |entry: AddressEntry| {
        entry != AddressEntry::ALL_TRAFFIC && holds(List::DenyOut, entry, asked.address) && entry.ports().contains(port)
    };
    match denied.find(|(_, entry)| covers(*entry)) {
        Some((index, entry)) if asked.policy.allows_internet_access() => {
            let cited = CitedEntry { list: List::DenyOut, index, entry: Entry::Address(entry) };
            format!("it is the name server, but {cited} covers it")
        }
        _ => "it is the name server, but E-3 comes first where an address carries another (A-3)".into(),
    }
}

fn entry(asked: &Asked<'_>) -> String {
    // An allow entry never reaches beyond its own family.
    entry_matches(asked.decision, None)
}

fn no_allow_entry(asked: &Asked<'_>) -> String {
    no_entry_matches(asked.policy, List::AllowOut, asked.address, asked.input.port)
}

fn pattern(asked: &Asked<'_>) -> String {
    let name = asked.input.name().map(|name| format!(" `{name}`"));
    format!("{}{}", entry_matches(asked.decision, None), name.unwrap_or_default())
}

fn no_pattern(asked: &Asked<'_>) -> String {
    let of_list = patterns(asked.policy).count();
    let Some(host) = asked.input.host.as_ref().filter(|_| of_list > 0) else {
        return if of_list == 0 {
            "`allowOut` has no domain pattern".into()
        } else {
            format!("no host name was seen; `allowOut` has {}", count(of_list, "domain pattern"))
        };
    };
    let Some(name) = &host.name else { return "what was sent is no domain name (N-8)".into() };
    let none = match of_list {
        1 => format!("the domain pattern of `allowOut` does not match `{name}`"),
        _ => format!("none of the {of_list} domain patterns of `allowOut` matches `{name}`"),
    };
    let is_close = |pattern: &&DomainPattern| pattern.is_wildcard() && pattern.name() == Some(name.as_str());
    match patterns(asked.policy).find(is_close) {
        Some(close) => format!("{none}: `{close}` matches only what is below the name (N-6)"),
        None => none,
    }
}

fn deny_entry(asked: &Asked<'_>) -> String {
    if asked.decision.reason() == Reason::InternetAccessOff {
        return "`allowInternetAccess` is false, which denies what is not allowed (D-7)".into();
    }
    entry_matches(asked.decision, Some(asked.address))
}

fn no_deny_entry(asked: &Asked<'_>) -> String {
    no_entry_matches(asked.policy, List::DenyOut, asked.address, asked.input.port)
}

fn nothing_applies(_: &Asked<'_>) -> String {
    "no step before it applies".into()
}

fn patterns(policy: &Policy) -> impl Iterator<Item = &DomainPattern> {
    policy.entries(List::AllowOut).iter().filter_map(|entry| match entry {
        Entry::Pattern(pattern) => Some(pattern),
        Entry::Address(_) => None,
    })
}
