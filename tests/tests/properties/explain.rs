//! An explanation says what is so: the answer is the policy's, the step that decides is the first
//! that applies, the entries are those that match, and every change that it proposes flips the
//! verdict.

use crate::{
    cases,
    worlds::{World, compile, picks, world},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use sandgate::{
    Decision, Destination, Direction, Edit, Explanation, Host, List, NetworkConfig, Policy, Reason, Ruling, StepOutcome,
};
use sandgate_conformance::{
    compare::{Edges, Question, rules},
    naive::{Rules, Seen},
};
use std::{cmp::Ordering, collections::BTreeSet};

const EGRESS: [(&str, &[Reason]); 7] = [
    ("E-1", &[Reason::AlwaysAllowed]),
    ("E-2", &[Reason::NameServer]),
    ("E-3", &[Reason::AlwaysDenied]),
    ("E-4", &[Reason::AllowEntry]),
    ("E-5", &[Reason::AllowName]),
    ("E-6", &[Reason::DenyEntry, Reason::InternetAccessOff]),
    ("E-7", &[Reason::DefaultAllow]),
];
const INGRESS: [(&str, &[Reason]); 7] = [
    ("I-1", &[Reason::ExemptPort]),
    ("I-2", &[Reason::NoRules]),
    ("I-3", &[Reason::UnknownClient]),
    ("I-4", &[Reason::Ipv6IngressOff]),
    ("I-5", &[Reason::AllowEntry]),
    ("I-6", &[Reason::DenyEntry]),
    ("I-7", &[Reason::DefaultAllow]),
];

/// A question in one of the directions.
#[derive(Debug, Clone, Copy)]
struct Asked<'q> {
    question: &'q Question,
    direction: Direction,
}

impl Asked<'_> {
    fn both(question: &Question) -> [Asked<'_>; 2] {
        [Direction::Egress, Direction::Ingress].map(|direction| Asked { question, direction })
    }

    fn explain(&self, policy: &Policy) -> Explanation {
        match self.direction {
            Direction::Egress => {
                let Question { address, port, host } = self.question;
                let host = host.as_ref().map(|(sni, text)| match sni {
                    true => Host::Sni(text.as_bytes()),
                    false => Host::Header(text.as_bytes()),
                });
                policy.explain_egress(&Destination { address: *address, port: *port, host })
            }
            Direction::Ingress => policy.explain_ingress(self.question.client(), self.question.port),
        }
    }

    fn decide<'p>(&self, policy: &'p Policy) -> Decision<'p> {
        match self.direction {
            Direction::Egress => self.question.egress(policy),
            Direction::Ingress => policy.decide_ingress(self.question.client(), self.question.port),
        }
    }

    /// The entries of both lists that match by the obvious evaluator.
    fn matching(&self, rules: &Rules) -> Vec<(&'static str, usize)> {
        let Question { address, port, host } = self.question;
        match self.direction {
            Direction::Egress => {
                let host = host.as_ref().map(|(sni, text)| match sni {
                    true => Seen::Sni(text.as_bytes()),
                    false => Seen::Header(text.as_bytes()),
                });
                rules.matching_egress(*address, *port, host)
            }
            Direction::Ingress => rules.matching_ingress(self.question.client(), *port),
        }
    }
}

fn len(config: &NetworkConfig) -> usize {
    List::ALL.iter().map(|list| config.list(*list).len()).sum()
}

/// Whether no single change flips the verdict, by trying them: every entry taken away, every
/// address and name put into every list.
fn nothing_flips(policy: &Policy, asked: Asked<'_>, explanation: &Explanation) -> bool {
    let config = policy.config();
    let is_denied = explanation.verdict == Ruling::Deny;
    let mut changed: Vec<NetworkConfig> = Vec::new();
    for list in List::ALL {
        for index in 0..config.list(list).len() {
            let mut without = config.clone();
            list_mut(&mut without, list).remove(index);
            changed.push(without);
        }
        for address in explanation.input.canonical.iter().chain(&explanation.input.embedded) {
            let mut with = config.clone();
            list_mut(&mut with, list).push(address.to_string());
            changed.push(with);
        }
        if let Some(name) = explanation.input.host.as_ref().and_then(|host| host.name) {
            let mut with = config.clone();
            list_mut(&mut with, list).push(name.to_string());
            changed.push(with);
        }
    }
    changed.iter().filter_map(|config| Policy::compile(config, policy.options()).ok()).all(|changed| {
        let flipped = asked.decide(&changed);
        (flipped.verdict().ruling() == Ruling::Deny) == is_denied
    })
}

fn list_mut(config: &mut NetworkConfig, list: List) -> &mut Vec<String> {
    match list {
        List::AllowOut => &mut config.allow_out,
        List::DenyOut => &mut config.deny_out,
        List::AllowIn => &mut config.allow_in,
        List::DenyIn => &mut config.deny_in,
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn an_explanation_gives_the_answer_that_the_policy_gives(world in world(), picks in picks()) {
        let policy = world.policy();
        let edges = Edges::of(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            for asked in Asked::both(&question) {
                let (explanation, decision) = (asked.explain(&policy), asked.decide(&policy));
                prop_assert_eq!(explanation.verdict, decision.verdict().ruling());
                prop_assert_eq!(explanation.reason, decision.reason());
                let entry = explanation.entry.as_ref().map(|entry| (entry.list, entry.index, entry.entry.clone()));
                let decided = decision.entry().map(|entry| (entry.list(), entry.index(), entry.entry().clone()));
                prop_assert_eq!(entry, decided);
                prop_assert_eq!(explanation.name.is_some(), explanation.verdict == Ruling::AllowByName);
            }
        }
    }

    #[test]
    fn the_steps_come_in_order_and_the_first_that_applies_decides(world in world(), picks in picks()) {
        let policy = world.policy();
        let edges = Edges::of(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            for asked in Asked::both(&question) {
                let explanation = asked.explain(&policy);
                let rules = if asked.direction == Direction::Egress { EGRESS } else { INGRESS };
                for judged in &explanation.addresses {
                    let told: Vec<_> = judged.steps.iter().map(|step| step.rule).collect();
                    prop_assert_eq!(told, rules.map(|(rule, _)| rule));
                    let deciding = rules.iter().position(|(_, reasons)| reasons.contains(&judged.reason)).unwrap();
                    for (index, step) in judged.steps.iter().enumerate() {
                        let outcome = match index.cmp(&deciding) {
                            Ordering::Less => StepOutcome::DoesNotApply,
                            Ordering::Equal => StepOutcome::Decides,
                            Ordering::Greater => StepOutcome::NotReached,
                        };
                        prop_assert_eq!(step.outcome, outcome);
                        prop_assert!(!step.why.is_empty());
                    }
                }
                let deciding = explanation.deciding_step().unwrap();
                let (_, reasons) = rules.iter().find(|(rule, _)| *rule == deciding.rule).unwrap();
                prop_assert!(reasons.contains(&explanation.reason), "{}: {:?}", deciding.rule, explanation);
            }
        }
    }

    #[test]
    fn the_entries_are_those_that_match_in_document_order(world in world(), picks in picks()) {
        let policy = world.policy();
        let (rules, edges) = (rules(&policy), Edges::of(&policy));
        for question in picks.iter().map(|pick| pick.question(&edges)) {
            for asked in Asked::both(&question) {
                let explanation = asked.explain(&policy);
                prop_assert_eq!(explanation.more, 0);
                let mut matching = asked.matching(&rules);
                if let Some(entry) = &explanation.entry {
                    let before = matching.len();
                    matching.retain(|found| *found != (entry.list.as_str(), entry.index));
                    prop_assert_eq!(matching.len() + 1, before);
                }
                let others: Vec<_> = explanation.others.iter().map(|entry| (entry.list.as_str(), entry.index)).collect();
                prop_assert_eq!(others, matching, "{:?}", question);
                for entry in explanation.entry.iter().chain(&explanation.others) {
                    prop_assert_eq!(&entry.entry, &policy.entries(entry.list)[entry.index]);
                }
            }
        }
    }

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
    fn there_is_no_change_only_if_the_operator_decides_or_none_works(world in world(), picks in picks()) {
        let policy = world.policy();
        let edges = Edges::of(&policy);
        for question in picks.iter().map(|pick| pick.question(&edges)).take(10) {
            for asked in Asked::both(&question) {
                let explanation = asked.explain(&policy);
                prop_assert_eq!(explanation.no_flip.is_some(), explanation.flips.is_empty());
                if !explanation.flips.is_empty() {
                    continue;
                }
                let is_by_operator = matches!(
                    explanation.reason,
                    Reason::AlwaysAllowed | Reason::AlwaysDenied | Reason::ExemptPort
                );
                // Any ingress entry denies an unknown client; none is about it.
                let is_unknown = explanation.input.canonical.is_none();
                prop_assert!(is_by_operator || is_unknown || nothing_flips(&policy, asked, &explanation), "{:?} {:?}", explanation, policy);
            }
        }
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
