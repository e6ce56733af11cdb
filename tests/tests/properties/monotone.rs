//! The Monotone paragraph of section 7: one more allow entry only allows more, one more deny entry
//! only denies more.

use crate::{
    cases,
    worlds::{World, address, item, picks, world},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseResult, TestRunner},
};
use sandgate::{Decision, List, Policy, Verdict};
use sandgate_conformance::{
    compare::{Edges, Question},
    draft::insert,
};

/// Something to add to a document.
#[derive(Debug, Clone)]
struct Addition {
    list: List,
    place: usize,
    text: String,
    /// Also write `0.0.0.0/0` into the deny list of the same direction, before the comparison: the
    /// first exception of a list is valid only then.
    over_deny_all: bool,
}

fn allow_addition() -> impl Strategy<Value = Addition> {
    let out = (item(), any::<bool>()).prop_map(|(item, ports)| (List::AllowOut, item.text(ports)));
    let ingress = address().prop_map(|address| (List::AllowIn, address.text(true)));
    addition(prop_oneof![out, ingress])
}

fn deny_addition() -> impl Strategy<Value = Addition> {
    let out = (address(), any::<bool>()).prop_map(|(address, ports)| (List::DenyOut, address.text(ports)));
    let ingress = address().prop_map(|address| (List::DenyIn, address.text(true)));
    let all = prop_oneof![Just(List::DenyOut), Just(List::DenyIn)].prop_map(|list| (list, "0.0.0.0/0".to_owned()));
    addition(prop_oneof![4 => out, 4 => ingress, 1 => all])
}

fn addition(entry: impl Strategy<Value = (List, String)>) -> impl Strategy<Value = Addition> {
    (entry, any::<usize>(), any::<bool>()).prop_map(|((list, text), place, over_deny_all)| {
        let over_deny_all = over_deny_all && matches!(list, List::AllowOut | List::AllowIn);
        Addition { list, place, text, over_deny_all }
    })
}

/// The policies before and after, if both documents are valid.
fn before_and_after(world: &World, addition: &Addition) -> Option<(Policy, Policy)> {
    let World { mut config, options } = world.clone();
    if addition.over_deny_all {
        let denied = if addition.list == List::AllowOut { &mut config.deny_out } else { &mut config.deny_in };
        denied.push("0.0.0.0/0".to_owned());
    }
    let before = Policy::compile(&config, &options).ok()?;
    let list = match addition.list {
        List::AllowOut => &mut config.allow_out,
        List::DenyOut => &mut config.deny_out,
        List::AllowIn => &mut config.allow_in,
        List::DenyIn => &mut config.deny_in,
    };
    insert(list, addition.place, &addition.text);
    Some((before, Policy::compile(&config, &options).ok()?))
}

/// The same question to both, whichever direction the addition is for.
fn compare(
    world: &World,
    addition: &Addition,
    questions: impl Fn(&Edges) -> Vec<Question>,
    holds: impl Fn(&Decision<'_>, &Decision<'_>) -> bool,
) -> TestCaseResult {
    let Some((before, after)) = before_and_after(world, addition) else { return Ok(()) };
    for question in questions(&Edges::of(&after)) {
        let client = question.client();
        for (old, new) in [
            (question.egress(&before), question.egress(&after)),
            (before.decide_ingress(client, question.port), after.decide_ingress(client, question.port)),
        ] {
            prop_assert!(holds(&old, &new), "{:?}: {:?} became {:?}", question, old, new);
        }
    }
    Ok(())
}

fn is_denied(decision: &Decision<'_>) -> bool {
    matches!(decision.verdict(), Verdict::Deny)
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn one_more_allow_entry_never_turns_an_allow_into_anything_else(
        world in world(),
        addition in allow_addition(),
        picks in picks(),
    ) {
        let questions = |edges: &Edges| picks.iter().map(|pick| pick.question(edges)).collect();
        compare(&world, &addition, questions, |old, new| !old.is_allowed() || new.is_allowed())?;
    }

    /// Not even into an allow by name, although the paragraph speaks of an allow only.
    #[test]
    fn one_more_deny_entry_never_turns_a_deny_into_anything_else(
        world in world(),
        addition in deny_addition(),
        picks in picks(),
    ) {
        let questions = |edges: &Edges| picks.iter().map(|pick| pick.question(edges)).collect();
        compare(&world, &addition, questions, |old, new| !is_denied(old) || is_denied(new))?;
    }
}

/// Additions that mostly made a document invalid would compare nothing.
#[test]
fn most_additions_leave_a_valid_document() {
    let mut runner = TestRunner::deterministic();
    let mut valid = 0;
    for _ in 0..100 {
        let (world, allow, deny) =
            (world(), allow_addition(), deny_addition()).new_tree(&mut runner).unwrap().current();
        valid += [allow, deny].iter().filter(|addition| before_and_after(&world, addition).is_some()).count();
    }
    assert!(valid > 120, "{valid} of 200");
}
