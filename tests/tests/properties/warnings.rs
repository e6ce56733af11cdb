//! Warnings are exact: a deny entry is said to have no effect if and only if no question, at any
//! edge, is ever decided by it.

use crate::{
    cases,
    small_world::{NAMES, PORTS, pair},
    worlds::world,
};
use proptest::prelude::*;
use sandgate::{
    AddressEntry, Code, Destination, Diagnostic, Entry, Host, List, NameServer, NetworkConfig, Options, Policy, Reason,
    Report, Severity, equivalent, tightens,
};
use sandgate_conformance::compare::Edges;

fn codes_at(report: &Report, list: List, index: usize) -> Vec<Code> {
    let path = format!("/{list}/{index}");
    let here = report.diagnostics().iter().filter(|diagnostic| diagnostic.path() == path);
    here.map(Diagnostic::code).collect()
}

/// Whether `denyOut` is not read and not as well what the field makes of it (D-7).
fn is_unread(policy: &Policy, list: List) -> bool {
    let is_more = |entry: &Entry| entry.to_string() != sandgate::ALL_TRAFFIC;
    list == List::DenyOut && !policy.allows_internet_access() && policy.entries(list).iter().any(is_more)
}

/// Whether any question is decided by this entry, if it is the only one that denies.
fn takes_effect(list: List, entry: &str, allow: &[String], options: &Options, world: Option<&Edges>) -> bool {
    let mut config = NetworkConfig::default();
    if list == List::DenyOut {
        config.allow_out = allow.to_vec();
        config.deny_out = vec![entry.into()];
    } else {
        config.allow_in = allow.to_vec();
        config.deny_in = vec![entry.into(), "0.0.0.0/0".into()];
    }
    let policy = Policy::compile(&config, options).unwrap();
    let own = world.is_none().then(|| Edges::of(&policy));
    let Some(edges) = world.or(own.as_ref()) else { return false };
    edges.addresses.iter().any(|&address| {
        edges.ports.iter().any(|&port| {
            let decision = match list {
                List::DenyOut => policy.decide_egress(&Destination::new(address, port)),
                _ => policy.decide_ingress(Some(address), port),
            };
            decision.reason() == Reason::DenyEntry && decision.entry().is_some_and(|entry| entry.index() == 0)
        })
    })
}

fn is_all(entry: AddressEntry) -> bool {
    entry.to_string() == sandgate::ALL_TRAFFIC
}

fn covers(list: List, one: AddressEntry, other: AddressEntry) -> bool {
    let is_all = list.denies() && one.network().to_string() == "0.0.0.0/0";
    let holds = |port| one.ports().contains(port);
    (is_all || one.network().covers(other.network())) && holds(other.ports().low()) && holds(other.ports().high())
}

/// Which entries close the name server (E-2): an effect of their own.
fn closes(policy: &Policy) -> impl Fn(List, AddressEntry) -> bool {
    let has_pattern = policy.entries(List::AllowOut).iter().any(|entry| matches!(entry, Entry::Pattern(_)));
    let server = policy.options().guardrails.name_server.filter(|_| has_pattern && policy.allows_internet_access());
    move |list, entry| {
        let holds =
            |server: NameServer| entry.network().contains(server.address) || entry.network().to_string() == "0.0.0.0/0";
        let is_held = server.is_some_and(|server| holds(server) && entry.ports().contains(server.port));
        list == List::DenyOut && is_held && !is_all(entry)
    }
}

/// Whether each deny entry is told to have no effect exactly if no question of the world, or at any
/// edge, is decided by it.
fn ineffective_ones_are_told(policy: &Policy, world: Option<&Edges>) -> Result<(), TestCaseError> {
    let mut options = policy.options().clone();
    options.limits.diagnostics = usize::MAX;
    let report = policy.config().check(&options);
    prop_assert!(report.diagnostics().iter().all(|found| found.severity() == Severity::Warning), "{}", report);
    let without_names = |list| -> Vec<String> {
        let addresses = policy.entries(list).iter().filter(|entry| matches!(entry, Entry::Address(_)));
        addresses.map(ToString::to_string).collect()
    };
    for (list, allow) in [(List::DenyOut, List::AllowOut), (List::DenyIn, List::AllowIn)] {
        if is_unread(policy, list) {
            continue;
        }
        let allow = without_names(allow);
        for (index, entry) in without_names(list).iter().enumerate() {
            let codes = codes_at(&report, list, index);
            let told = [
                Code::DuplicateEntry,
                Code::CoveredEntry,
                Code::DenyInAlwaysAllowed,
                Code::DenyOnExemptPort,
                Code::RedundantIpv6Deny,
            ];
            let closes_server = entry.parse().is_ok_and(|entry| closes(policy)(list, entry));
            if closes_server || codes.iter().any(|code| told.contains(code)) {
                continue;
            }
            let (is_told, decides) =
                (codes.contains(&Code::IneffectiveDeny), takes_effect(list, entry, &allow, &options, world));
            prop_assert!(!(is_told && decides), "{}[{}] `{}` takes effect, {:?}", list, index, entry, policy);
            // What the operator denies anyway is no mistake of the user's.
            if !decides && takes_effect(list, entry, &[], &options, world) {
                prop_assert!(is_told, "{}[{}] `{}` takes no effect, {:?}", list, index, entry, policy);
            }
        }
    }
    Ok(())
}

/// The policy without each entry and each list that a warning says to remove.
fn removals(
    policy: &Policy,
    mut is_same: impl FnMut(&Policy, &Diagnostic) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut options = policy.options().clone();
    options.limits.diagnostics = usize::MAX;
    let report = policy.config().check(&options);
    for warning in report.diagnostics() {
        let says = |what| warning.help().is_some_and(|help| help.contains(what));
        let mut config = policy.config();
        let (list, index) = match warning.path().trim_start_matches('/').split_once('/') {
            Some((list, index)) => (list, Some(index.parse().unwrap())),
            None => (warning.path().trim_start_matches('/'), None),
        };
        let entries = match list {
            "allowOut" => &mut config.allow_out,
            "denyOut" => &mut config.deny_out,
            "allowIn" => &mut config.allow_in,
            _ => &mut config.deny_in,
        };
        match index {
            Some(index) if says("remove the entry") => drop(entries.remove(index)),
            None if says("remove the list") => entries.clear(),
            _ => continue,
        }
        let without = Policy::compile(&config, &options).unwrap();
        is_same(&without, warning)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(50))]

    #[test]
    fn a_deny_entry_is_called_ineffective_exactly_if_it_never_decides(world in world()) {
        ineffective_ones_are_told(&world.policy(), None)?;
    }

    #[test]
    fn an_entry_is_called_covered_exactly_if_another_covers_it(world in world()) {
        let mut options = world.options.clone();
        options.limits.diagnostics = usize::MAX;
        let policy = Policy::compile(&world.config, &options).unwrap();
        let report = policy.config().check(&options);
        let closes = closes(&policy);
        for list in List::ALL {
            let entries = policy.entries(list);
            if is_unread(&policy, list) {
                continue;
            }
            for (index, entry) in entries.iter().enumerate() {
                let codes = codes_at(&report, list, index);
                prop_assert_eq!(codes.contains(&Code::DuplicateEntry), entries[..index].contains(entry));
                let Entry::Address(entry) = entry else { continue };
                let others = entries.iter().filter_map(|other| match other {
                    Entry::Address(other) if other != entry && !(closes(list, *entry) && is_all(*other)) => Some(*other),
                    _ => None,
                });
                let is_covered = others.into_iter().any(|other| covers(list, other, *entry));
                let is_told_otherwise = codes.iter().any(|code| {
                    ![Code::CoveredEntry, Code::IneffectiveDeny].contains(code)
                });
                if !is_told_otherwise {
                    prop_assert_eq!(codes.contains(&Code::CoveredEntry), is_covered, "{}[{}] `{}`", list, index, entry);
                }
            }
        }
    }

    #[test]
    fn of_a_list_that_is_not_read_that_is_told_and_nothing_else(world in world()) {
        let policy = world.policy();
        let mut options = world.options.clone();
        options.limits.diagnostics = usize::MAX;
        let report = policy.config().check(&options);
        let is_unread = is_unread(&policy, List::DenyOut);
        prop_assert_eq!(report.contains(Code::UnreadDenyList), is_unread);
        if is_unread {
            let here: Vec<_> = report.diagnostics().iter().filter(|told| told.path().starts_with("/denyOut")).collect();
            prop_assert_eq!(here.len(), 1, "{}", report);
            prop_assert_eq!(here[0].path(), "/denyOut");
        }
    }

    /// What else the warning advises: the list is read, and at most closes the name server.
    #[test]
    fn a_list_that_comes_to_be_read_beside_all_traffic_opens_nothing(world in world()) {
        let off = NetworkConfig { allow_internet_access: false, ..world.config };
        let policy = Policy::compile(&off, &world.options).unwrap();
        if !is_unread(&policy, List::DenyOut) {
            return Ok(());
        }
        let mut config = policy.config();
        config.allow_internet_access = true;
        if !config.deny_out.iter().any(|entry| entry == sandgate::ALL_TRAFFIC) {
            config.deny_out.push(sandgate::ALL_TRAFFIC.into());
        }
        let read = Policy::compile(&config, &world.options).unwrap();
        prop_assert!(tightens(&policy, &read).is_ok(), "{:?}", policy);
        let closes = closes(&read);
        let is_closing = |entry: &Entry| matches!(entry, Entry::Address(entry) if closes(List::DenyOut, *entry));
        if !read.entries(List::DenyOut).iter().any(is_closing) {
            prop_assert!(equivalent(&policy, &read).is_ok(), "{:?}", policy);
        }
    }

    #[test]
    fn to_remove_what_a_warning_says_to_remove_changes_no_answer(world in world()) {
        let policy = world.policy();
        removals(&policy, |without, warning| {
            prop_assert!(equivalent(&policy, without).is_ok(), "{} of {:?}", warning, policy);
            Ok(())
        })?;
    }

    /// With `PROPTEST_CASES=100000` and in release, this is the proof of the small world.
    #[test]
    fn in_a_small_world_warnings_are_what_asking_everything_finds(pair in pair()) {
        let policy = pair.old;
        let world = Edges { addresses: pair.place.addresses(), ports: PORTS.to_vec() };
        ineffective_ones_are_told(&policy, Some(&world))?;
        removals(&policy, |without, warning| {
            for &address in &world.addresses {
                for &port in &world.ports {
                    let egress = |policy: &Policy, host| {
                        policy.decide_egress(&Destination { address, port, host }).verdict().ruling()
                    };
                    let hosts = NAMES.iter().map(|name| Some(Host::Sni(name.as_bytes()))).chain([None]);
                    for host in hosts.filter(|_| warning.path().starts_with("/allowOut") || warning.path().starts_with("/denyOut")) {
                        prop_assert_eq!(egress(&policy, host), egress(without, host), "{} of {:?}", warning, policy);
                    }
                    let ingress = |policy: &Policy| policy.decide_ingress(Some(address), port).verdict().ruling();
                    prop_assert_eq!(ingress(&policy), ingress(without), "{} of {:?}", warning, policy);
                }
            }
            let unknown = |policy: &Policy| PORTS.map(|port| policy.decide_ingress(None, port).verdict().ruling());
            prop_assert_eq!(unknown(&policy), unknown(without), "{} of {:?}", warning, policy);
            Ok(())
        })?;
    }
}
