//! Hundreds of generated policies, and every vector that asks for a decision.

use crate::lab::{
    Lab,
    packets::Kind,
    probe::{Question, Tally, compare},
};
use crate::{
    boundaries::{all_settings, questions},
    worlds::world,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use sandgate::{Direction, Policy, parse_address};
use sandgate_conformance::{
    compare::Edges,
    vector::{self, Case, Query},
};
use std::{collections::BTreeSet, env};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![("every_vector_that_asks_for_a_decision", vectors), ("generated_policies", generated)]
}

fn both_directions(policy: &Policy, number: usize, questions: &[Question], tally: &mut Tally) -> Result<(), String> {
    let all = all_settings();
    let settings = &all[number % all.len()];
    tally.policies += 1;
    for direction in [Direction::Egress, Direction::Ingress] {
        compare(Lab::get(), policy, direction, settings, questions, tally)?;
    }
    Ok(())
}

/// The questions of a vector, and those at every boundary of its policy.
fn vectors() {
    let mut tally = Tally::default();
    for (number, (file, vector)) in vector::all().into_iter().enumerate() {
        let Case::Decide { policy, options, queries } = &vector.case else { continue };
        let policy = Policy::from_json(&policy.to_string(), &options.to_options()).unwrap();
        let mut all = questions(&policy);
        for asked in queries {
            let (address, port) = match &asked.query {
                Query::Egress { address, port, .. } => (parse_address(address), *port),
                Query::Ingress { client, port } => (client.as_deref().and_then(parse_address), *port),
            };
            // An unknown client sends no packet.
            if let Some(address) = address {
                all.extend([Kind::Tcp(port), Kind::Udp(port)].map(|kind| Question { address, kind }));
            }
        }
        both_directions(&policy, number, &all, &mut tally)
            .unwrap_or_else(|why| panic!("{file}: {}: {why}", vector.name));
    }
    eprintln!("{tally:?}");
    assert!(tally.policies > 50, "most vectors ask for decisions");
}

/// So many policies, or as many as `PROPTEST_CASES` asks for.
const POLICIES: usize = 300;

fn generated() {
    let asked = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut tally = Tally::default();
    for number in 0..asked.unwrap_or(POLICIES) {
        let world = world().new_tree(&mut runner).expect("worlds are valid").current();
        let policy = world.policy();
        both_directions(&policy, number, &crossed(&policy), &mut tally).unwrap_or_else(|why| panic!("{why}"));
    }
    eprintln!("{tally:?}");
}

/// Every boundary address with every boundary port, protocols in turn.
pub(crate) fn crossed(policy: &Policy) -> Vec<Question> {
    let edges = Edges::of(policy);
    let (addresses, ports): (BTreeSet<_>, BTreeSet<_>) =
        (edges.addresses.into_iter().collect(), edges.ports.into_iter().collect());
    let mut questions = Vec::new();
    for (row, address) in addresses.into_iter().enumerate() {
        for (column, port) in ports.iter().enumerate() {
            let kind = if (row + column) % 3 == 0 { Kind::Udp(*port) } else { Kind::Tcp(*port) };
            questions.push(Question { address, kind });
        }
        questions.push(Question { address, kind: if row % 4 == 0 { Kind::Gre } else { Kind::Echo } });
    }
    questions
}
