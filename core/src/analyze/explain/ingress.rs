//! I-1 to I-7 in words.

use super::{
    input::Input,
    steps::{Step, Words, entry_matches, lay_out, no_entry_matches},
};
use crate::{
    config::List,
    decision::{Decision, Reason},
    policy::Policy,
};
use alloc::{format, string::String, vec::Vec};

/// What is asked about a client.
struct Asked<'a> {
    policy: &'a Policy,
    input: &'a Input,
    decision: &'a Decision<'a>,
}

fn words<'a>() -> [Words<Asked<'a>>; 7] {
    [
        Words { rule: "I-1", title: "exempt port", why: exempt, why_not: not_exempt },
        Words { rule: "I-2", title: "no rules", why: no_rules, why_not: rules },
        Words { rule: "I-3", title: "unknown client", why: unknown, why_not: known },
        Words { rule: "I-4", title: "IPv6 client", why: ipv6_off, why_not: not_ipv6_off },
        Words { rule: "I-5", title: "allow entry", why: allow_entry, why_not: no_allow_entry },
        Words { rule: "I-6", title: "deny entry", why: deny_entry, why_not: no_deny_entry },
        Words { rule: "I-7", title: "otherwise allow", why: nothing_applies, why_not: nothing_applies },
    ]
}

/// The steps, of which the decision says which one decides.
pub(super) fn steps(policy: &Policy, input: &Input, decision: &Decision<'_>) -> Vec<Step> {
    let deciding = match decision.reason() {
        Reason::ExemptPort => 0,
        Reason::NoRules => 1,
        Reason::UnknownClient => 2,
        Reason::Ipv6IngressOff => 3,
        Reason::AllowEntry => 4,
        Reason::DenyEntry => 5,
        // The reasons of egress are none of ingress.
        Reason::DefaultAllow
        | Reason::AlwaysAllowed
        | Reason::NameServer
        | Reason::AlwaysDenied
        | Reason::AllowName
        | Reason::InternetAccessOff => 6,
    };
    lay_out(&words(), deciding, &Asked { policy, input, decision })
}

fn exempt(asked: &Asked<'_>) -> String {
    format!("the operator exempts port {} from ingress rules", asked.input.port)
}

fn not_exempt(asked: &Asked<'_>) -> String {
    match &*asked.policy.options().guardrails.exempt_ports {
        [] => "no port is exempt".into(),
        [port] => format!("only port {port} is exempt"),
        ports => format!("port {} is not among the {} that are exempt", asked.input.port, ports.len()),
    }
}

fn no_rules(_: &Asked<'_>) -> String {
    "`allowIn` and `denyIn` are empty".into()
}

fn rules(asked: &Asked<'_>) -> String {
    let [allow, deny] = [List::AllowIn, List::DenyIn].map(|list| asked.policy.entries(list).len());
    let lists = [(List::AllowIn, allow), (List::DenyIn, deny)];
    let told: Vec<String> = lists
        .into_iter()
        .filter(|(_, len)| *len > 0)
        .map(|(list, len)| {
            format!("`{list}` has {}", if len == 1 { "1 entry".into() } else { format!("{len} entries") })
        })
        .collect();
    told.join(", and ")
}

fn unknown(_: &Asked<'_>) -> String {
    "no address is known for the client".into()
}

fn known(asked: &Asked<'_>) -> String {
    asked.input.canonical.map_or_else(String::new, |client| format!("the client is `{client}`"))
}

fn ipv6_off(_: &Asked<'_>) -> String {
    "the client is IPv6, and IPv6 ingress is not enabled".into()
}

fn not_ipv6_off(asked: &Asked<'_>) -> String {
    let is_ipv6 = asked.input.canonical.is_some_and(|client| client.is_ipv6());
    (if is_ipv6 { "IPv6 ingress is enabled" } else { "the client is IPv4" }).into()
}

fn allow_entry(asked: &Asked<'_>) -> String {
    entry_matches(asked.decision, None)
}

fn no_allow_entry(asked: &Asked<'_>) -> String {
    no_entry(asked, List::AllowIn)
}

fn deny_entry(asked: &Asked<'_>) -> String {
    entry_matches(asked.decision, asked.input.canonical)
}

fn no_deny_entry(asked: &Asked<'_>) -> String {
    no_entry(asked, List::DenyIn)
}

fn no_entry(asked: &Asked<'_>, list: List) -> String {
    asked
        .input
        .canonical
        .map_or_else(String::new, |client| no_entry_matches(asked.policy, list, client, asked.input.port))
}

fn nothing_applies(_: &Asked<'_>) -> String {
    "no step before it applies".into()
}
