//! An explanation says what is so: the answer is the policy's, the step that decides is the first
//! that applies, and the entries are those that match.

use crate::{
    cases,
    worlds::{picks, world},
};
use proptest::prelude::*;
use sandgate::{Decision, Destination, Direction, Explanation, Host, Policy, Reason, Ruling, StepOutcome};
use sandgate_conformance::{
    compare::{Edges, Question, rules},
    naive::{Rules, Seen},
};
use std::cmp::Ordering;

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
pub(crate) struct Asked<'q> {
    pub(crate) question: &'q Question,
    pub(crate) direction: Direction,
}

impl Asked<'_> {
    pub(crate) fn both(question: &Question) -> [Asked<'_>; 2] {
        [Direction::Egress, Direction::Ingress].map(|direction| Asked { question, direction })
    }

    pub(crate) fn explain(&self, policy: &Policy) -> Explanation {
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

    pub(crate) fn decide<'p>(&self, policy: &'p Policy) -> Decision<'p> {
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
}
