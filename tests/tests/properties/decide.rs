//! The core decides as the obvious evaluator does, at every edge of every generated policy.

use crate::{
    cases,
    worlds::{World, compile, picks, world},
};
use proptest::{prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use sandgate::{Decision, Destination, List, Policy, Reason, Verdict};
use sandgate_conformance::{
    compare::{Edges, Question, answer, rules},
    naive::Answer,
};
use std::{collections::BTreeSet, net::IpAddr};

fn policy_and_edges(world: &World) -> (Policy, Edges) {
    let policy = world.policy();
    let edges = Edges::of(&policy);
    (policy, edges)
}

fn without_entry(decision: &Decision<'_>) -> Answer {
    Answer { entry: None, ..answer(decision) }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn egress_is_decided_as_the_obvious_evaluator_decides_it(world in world(), picks in picks()) {
        let policy = world.policy();
        let (rules, edges) = (rules(&policy), Edges::of(&policy));
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let expected = question.naive_egress(&rules);
            prop_assert_eq!(answer(&question.egress(&policy)), expected, "{:?}", question);
        }
    }

    #[test]
    fn ingress_is_decided_as_the_obvious_evaluator_decides_it(world in world(), picks in picks()) {
        let policy = world.policy();
        let (rules, edges) = (rules(&policy), Edges::of(&policy));
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let client = question.client();
            let decision = policy.decide_ingress(client, question.port);
            prop_assert_eq!(answer(&decision), rules.ingress(client, question.port), "{:?}", question);
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_boolean_questions_and_the_explained_ones_never_disagree(world in world(), picks in picks()) {
        let (policy, edges) = policy_and_edges(&world);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let Question { address, port, .. } = question;
            let egress = policy.decide_egress(&Destination::new(address, port));
            prop_assert_eq!(policy.allows_egress(address, port), egress.is_allowed(), "{:?}", question);
            let client = question.client();
            let ingress = policy.decide_ingress(client, port);
            prop_assert_eq!(policy.allows_ingress(client, port), ingress.is_allowed(), "{:?}", question);
        }
    }

    #[test]
    fn a_mapped_address_is_judged_as_its_ipv4_address(world in world(), picks in picks()) {
        let (policy, edges) = policy_and_edges(&world);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let IpAddr::V4(native) = question.address else { continue };
            let mapped = IpAddr::V6(native.to_ipv6_mapped());
            let asked_mapped = Question { address: mapped, ..question.clone() };
            prop_assert_eq!(asked_mapped.egress(&policy), question.egress(&policy));
            let port = question.port;
            prop_assert_eq!(policy.decide_ingress(Some(mapped), port), policy.decide_ingress(Some(native.into()), port));
        }
    }

    #[test]
    fn the_entry_that_decides_is_the_one_at_its_index(world in world(), picks in picks()) {
        let (policy, edges) = policy_and_edges(&world);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let decision = question.egress(&policy);
            let named = [Reason::AllowEntry, Reason::AllowName, Reason::DenyEntry].contains(&decision.reason());
            prop_assert_eq!(decision.entry().is_some(), named);
            if let Some(entry) = decision.entry() {
                prop_assert_eq!(entry.entry(), &policy.entries(entry.list())[entry.index()]);
            }
        }
    }

    #[test]
    fn order_and_repetition_of_entries_change_no_verdict_and_no_reason(
        world in world(),
        moves in any::<[Index; 4]>(),
        picks in picks(),
    ) {
        let (policy, edges) = policy_and_edges(&world);
        let World { mut config, options } = world;
        for list in [&mut config.allow_out, &mut config.deny_out, &mut config.allow_in, &mut config.deny_in] {
            rearrange(list, &moves);
        }
        let rearranged = compile(&config, &options);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let (left, right) = (question.egress(&policy), question.egress(&rearranged));
            prop_assert_eq!(without_entry(&left), without_entry(&right), "{:?}", question);
            let client = question.client();
            let (left, right) = (policy.decide_ingress(client, question.port), rearranged.decide_ingress(client, question.port));
            prop_assert_eq!(without_entry(&left), without_entry(&right), "{:?}", question);
        }
    }

    #[test]
    fn a_resolved_address_is_denied_exactly_if_the_operator_always_denies_it(world in world(), picks in picks()) {
        let (policy, edges) = policy_and_edges(&world);
        let rules = rules(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            let denied = rules.denies_resolved(question.address);
            prop_assert_eq!(policy.options().guardrails.always_denies(question.address), denied, "{:?}", question);
            let Verdict::AllowByName(by_name) = question.egress(&policy).into_verdict() else { continue };
            for resolved in &edges.addresses {
                let permitted = by_name.permit(*resolved);
                prop_assert_eq!(permitted.is_none(), rules.denies_resolved(*resolved), "{}", resolved);
                if let Some(permitted) = permitted {
                    prop_assert_eq!(permitted.socket_addr(), (resolved.to_canonical(), question.port).into());
                }
            }
        }
    }

    #[test]
    fn the_canonical_document_compiles_to_the_same_policy(world in world()) {
        let policy = world.policy();
        let canonical = policy.config();
        let again = compile(&canonical, &world.options);
        prop_assert_eq!(&again, &policy);
        prop_assert_eq!(again.config(), canonical);
    }
}

fn rearrange(list: &mut Vec<String>, moves: &[Index]) {
    for place in moves {
        if list.is_empty() {
            return;
        }
        let (from, length) = (place.index(list.len()), list.len());
        list.push(list[from].clone());
        list.rotate_left(from);
        list.swap(0, length);
    }
}

/// A property over worlds that never reach a step would hold for nothing.
#[test]
fn the_generated_worlds_reach_every_step() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        let (world, picks) = (world(), picks()).new_tree(&mut runner).unwrap().current();
        let (policy, edges) = policy_and_edges(&world);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            reached.insert(question.egress(&policy).reason());
            reached.insert(policy.decide_ingress(question.client(), question.port).reason());
        }
    }
    assert_eq!(reached, Reason::ALL.iter().copied().collect());
}

#[test]
fn every_list_has_entries_in_some_world() {
    let mut runner = TestRunner::deterministic();
    let configs: Vec<_> = (0..50).map(|_| world().new_tree(&mut runner).unwrap().current().config).collect();
    for list in List::ALL {
        assert!(configs.iter().any(|config| config.list(list).len() > 1), "{list}");
    }
}
