//! What every list promises, whichever language its opinion is asked in.

use sandgate_conformance::opinions::{self, Asked, ByRule, Difference, List};
use std::collections::{BTreeMap, BTreeSet};

/// Every list with its name.
fn lists() -> BTreeMap<String, List> {
    let lists = opinions::lists();
    assert!(lists.len() > 10);
    lists
}

#[test]
fn every_list_says_whose_opinion_it_is_and_every_rule_why_it_differs() {
    for (name, list) in lists() {
        assert!(!list.opinion.is_empty() && !list.question.is_empty() && !list.differences.is_empty(), "{name}");
        for ByRule { rule, why, inputs, .. } in &list.differences {
            assert!(why.ends_with('.') && !inputs.is_empty(), "{name}: {rule}");
        }
    }
}

#[test]
fn what_is_listed_is_a_difference() {
    for (name, list) in lists() {
        for Difference { input, sandgate, opinion } in list.differences() {
            assert_ne!(sandgate, opinion, "{name}: {input:?}");
        }
    }
}

#[test]
fn an_input_is_listed_once_for_a_version() {
    for (name, list) in lists() {
        let versions = if list.versions.is_empty() { vec![String::new()] } else { list.versions.clone() };
        for version in versions {
            let holds = |by_rule: &&ByRule| by_rule.versions.is_empty() || by_rule.versions.contains(&version);
            let mut seen = BTreeSet::new();
            for Difference { input, .. } in list.differences.iter().filter(holds).flat_map(|by_rule| &by_rule.inputs) {
                assert!(seen.insert(input), "{name}: {input:?} is listed twice");
            }
        }
    }
}

#[test]
fn a_difference_that_depends_on_the_version_names_some_versions_of_the_list_and_not_all() {
    for (name, list) in lists() {
        for by_rule in &list.differences {
            let some = by_rule.versions.iter().all(|version| list.versions.contains(version));
            let all = !list.versions.is_empty() && by_rule.versions.len() == list.versions.len();
            assert!(some && !all, "{name}: {} {:?}", by_rule.rule, by_rule.versions);
        }
    }
}

#[test]
fn what_is_listed_is_asked() {
    let (texts, memberships) = (opinions::inputs(), opinions::memberships());
    let memberships: BTreeSet<String> =
        memberships.into_iter().map(|(address, network)| format!("{address} in {network}")).collect();
    for (name, list) in lists() {
        let asked = match list.asked {
            Asked::Texts => &texts,
            Asked::Memberships => &memberships,
            // Only the opinion can tell them.
            Asked::Hosts => continue,
        };
        for Difference { input, .. } in list.differences() {
            assert!(asked.contains(input), "{name}: {input:?} is no input");
        }
    }
}

#[test]
fn a_difference_with_a_field_too_many_or_too_few_is_refused() {
    let read = |text| serde_json::from_str::<Difference>(text).is_ok();
    assert!(read(r#"{"input": "x", "sandgate": null, "opinion": "x"}"#));
    assert!(!read(r#"{"input": "x", "opinion": "x"}"#));
    assert!(!read(r#"{"input": "x", "sandgate": null, "opinion": "x", "why": "x"}"#));
}

/// The dangerous kind: who checks with the one and acts with the other has checked something else.
#[test]
fn what_both_accept_and_read_differently_is_an_ipv4_mapped_address() {
    for (name, list) in lists().into_iter().filter(|(_, list)| list.asked != Asked::Memberships) {
        for by_rule in &list.differences {
            for Difference { input, sandgate, opinion } in &by_rule.inputs {
                let (Some(sandgate), Some(opinion)) = (sandgate, opinion) else { continue };
                assert!(opinion.contains("::ffff:") && !sandgate.contains(':'), "{name}: {input:?}");
                assert!(["A-1", "G-9"].contains(&by_rule.rule.as_str()), "{name}: {input:?}");
            }
        }
    }
}
