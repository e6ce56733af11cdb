//! Single changes of a document: every one that is proposed flips the verdict, and where none is,
//! there is none.

use crate::{
    cases,
    explain::Asked,
    small_world::{NAMES, PATTERNS, PORTS, pair},
    worlds::{World, compile, picks, world},
};
use ipnet::IpNet;
use proptest::{collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use sandgate::{Edit, Explanation, List, NetworkConfig, Options, Policy, Ruling};
use sandgate_conformance::compare::{Edges, Question};
use std::collections::BTreeSet;

fn len(config: &NetworkConfig) -> usize {
    List::ALL.iter().map(|list| config.list(*list).len()).sum()
}

fn list_mut(config: &mut NetworkConfig, list: List) -> &mut Vec<String> {
    match list {
        List::AllowOut => &mut config.allow_out,
        List::DenyOut => &mut config.deny_out,
        List::AllowIn => &mut config.allow_in,
        List::DenyIn => &mut config.deny_in,
    }
}

/// What may be added: networks of every size that hold what is asked about, and everything, with
/// ports and without; every pattern that can match the name, and some that do not.
fn pool(stuck: &[(Asked<'_>, Explanation)]) -> BTreeSet<String> {
    let mut pool: BTreeSet<String> = PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect();
    for (_, explanation) in stuck {
        let input = &explanation.input;
        let everything = ["0.0.0.0/0", "::/0"].map(|network| network.parse::<IpNet>().unwrap());
        let around = input.canonical.iter().chain(&input.embedded).flat_map(|&address| {
            let longest = IpNet::from(address).max_prefix_len();
            let lengths = [0, 1, 8, 24].into_iter().filter_map(move |less| longest.checked_sub(less));
            lengths.map(move |length| IpNet::new(address, length).unwrap().trunc())
        });
        for network in everything.into_iter().chain(around) {
            pool.insert(network.to_string());
            let host = if network.addr().is_ipv6() { format!("[{network}]") } else { network.to_string() };
            pool.extend([format!("{host}:{}", input.port), format!("{host}:1-65534")]);
        }
        if let Some(name) = input.host.as_ref().and_then(|host| host.name) {
            let name = name.to_string();
            pool.extend(name.match_indices('.').map(|(dot, _)| format!("*{}", &name[dot..])));
            pool.insert(name);
        }
    }
    pool
}

/// Every valid document with one entry less, and with one of the pool more.
fn changed(config: &NetworkConfig, pool: &BTreeSet<String>, options: &Options) -> Vec<(String, Policy)> {
    let mut changed = Vec::new();
    for list in List::ALL {
        for index in 0..config.list(list).len() {
            let mut without = config.clone();
            list_mut(&mut without, list).remove(index);
            changed.push((format!("without {list}[{index}]"), without));
        }
        for entry in pool {
            let mut with = config.clone();
            list_mut(&mut with, list).push(entry.clone());
            changed.push((format!("with {entry} in {list}"), with));
        }
    }
    let compiled = changed.into_iter().map(|(how, config)| (how, Policy::compile(&config, options)));
    compiled.filter_map(|(how, policy)| Some((how, policy.ok()?))).collect()
}

/// Whether no single change flips a verdict for which none is proposed.
fn nothing_flips_what_is_stuck(policy: &Policy, questions: &[Question]) -> Result<(), TestCaseError> {
    let mut stuck = Vec::new();
    for asked in questions.iter().flat_map(Asked::both) {
        let explanation = asked.explain(policy);
        prop_assert_eq!(explanation.no_flip.is_some(), explanation.flips.is_empty());
        if explanation.flips.is_empty() {
            stuck.push((asked, explanation));
        }
    }
    if stuck.is_empty() {
        return Ok(());
    }
    for (how, changed) in changed(&policy.config(), &pool(&stuck), policy.options()) {
        for (asked, explanation) in &stuck {
            let is_denied = asked.decide(&changed).verdict().ruling() == Ruling::Deny;
            let was_denied = explanation.verdict == Ruling::Deny;
            prop_assert_eq!(is_denied, was_denied, "{} {:?}: {:?} of {:?}", how, asked, explanation.no_flip, policy);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_change_is_a_single_one_that_flips_the_verdict_of_a_valid_document(world in world(), picks in picks()) {
        let policy = world.policy();
        let edges = Edges::of(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            for asked in Asked::both(&question) {
                let explanation = asked.explain(&policy);
                for flip in &explanation.flips {
                    // The document as it was written, not as the policy gives it back.
                    let changed = flip.apply(&world.config);
                    match flip.edit {
                        Edit::Add => {
                            prop_assert_eq!(len(&changed), len(&world.config) + 1);
                            prop_assert_eq!(&changed.list(flip.list)[flip.index], &flip.entry.to_string());
                        }
                        Edit::Remove => {
                            prop_assert_eq!(len(&changed) + 1, len(&world.config));
                            prop_assert_eq!(&policy.entries(flip.list)[flip.index], &flip.entry);
                        }
                    }
                    let changed = compile(&changed, &world.options);
                    let decision = asked.decide(&changed);
                    prop_assert_eq!(decision.verdict().ruling(), flip.verdict);
                    prop_assert_eq!(decision.reason(), flip.reason);
                    prop_assert_ne!(flip.verdict == Ruling::Deny, explanation.verdict == Ruling::Deny);
                }
            }
        }
    }

    #[test]
    fn where_no_change_is_proposed_none_flips_the_verdict(world in world(), picks in picks()) {
        let policy = world.policy();
        let edges = Edges::of(&policy);
        let questions: Vec<_> = picks.iter().take(8).map(|pick| pick.question(&edges)).collect();
        nothing_flips_what_is_stuck(&policy, &questions)?;
    }

    /// With `PROPTEST_CASES=100000` and in release, this is the proof of the small world. The name
    /// server is asked about in each, and the address that no entry names (G-8).
    #[test]
    fn in_a_small_world_no_change_is_proposed_exactly_if_there_is_none(
        pair in pair(), picks in vec(any::<[Index; 3]>(), 6)
    ) {
        let policy = pair.old;
        let (addresses, server) = (pair.place.addresses(), policy.options().guardrails.name_server);
        let mut questions: Vec<Question> = picks.iter().map(|[address, port, name]| {
            let host = NAMES.get(name.index(NAMES.len() + 1)).map(|name| (true, (*name).to_owned()));
            Question { address: *address.get(&addresses), port: *port.get(&PORTS), host }
        }).collect();
        let unnamed = ["0.0.0.0", "::"].map(|address| (address.parse().unwrap(), 1));
        let special = server.map(|server| (server.address, server.port)).into_iter().chain(unnamed);
        questions.extend(special.map(|(address, port)| Question { address, port, host: None }));
        nothing_flips_what_is_stuck(&policy, &questions)?;
    }
}

/// Properties over explanations without changes would hold for nothing.
#[test]
fn the_generated_worlds_have_changes_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..200 {
        let (World { config, options }, picks) = (world(), picks()).new_tree(&mut runner).unwrap().current();
        let policy = compile(&config, &options);
        let edges = Edges::of(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            for asked in Asked::both(&question) {
                for flip in asked.explain(&policy).flips {
                    reached.insert((flip.list, flip.edit == Edit::Add));
                }
            }
        }
    }
    assert_eq!(reached.len(), 8, "{reached:?}");
}
