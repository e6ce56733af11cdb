//! The example policies answer what their expectation files say.

use sandgate::{Form, Policy, check};
use sandgate_conformance::vector::{self, Asked, PlainOptions, Query};
use serde::Deserialize;
use std::fs;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    policy: String,
    #[serde(default)]
    options: PlainOptions,
    #[serde(default)]
    queries: Vec<Asked>,
    diagnostics: Option<Vec<Problem>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    code: String,
    path: String,
}

#[test]
fn every_example_policy_answers_what_its_expectations_say() {
    let mut files = 0;
    for (name, text) in vector::texts("examples/policies") {
        if !name.ends_with(".expect.json") {
            continue;
        }
        files += 1;
        let expected: Expectations = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let policy = fs::read_to_string(vector::repository().join("examples/policies").join(&expected.policy)).unwrap();
        let options = expected.options.to_options();
        let report = check(&policy, Form::Config, &options);
        let found = report
            .diagnostics()
            .iter()
            .map(|found| Problem { code: found.code().to_string(), path: found.path().to_owned() });
        if let Some(problems) = expected.diagnostics {
            assert_eq!(found.collect::<Vec<_>>(), problems, "{name}");
            continue;
        }
        assert!(report.diagnostics().is_empty(), "{name}: {report}");
        assert!(expected.queries.len() >= 6, "{name} asks too little");
        let policy = Policy::from_json(&policy, &options).unwrap();
        for asked in &expected.queries {
            let decision = match &asked.query {
                Query::Ingress { client, port } => {
                    policy.decide_ingress(client.as_deref().and_then(sandgate::parse_address), *port)
                }
                Query::Egress { .. } => {
                    let destination = asked.query.destination().unwrap();
                    policy.decide_egress(&destination)
                }
            };
            let found = (decision.verdict().as_str(), decision.reason().as_str());
            assert_eq!(found, (asked.verdict.as_str(), asked.reason.as_str()), "{name}: {:?}", asked.query);
        }
    }
    assert!(files >= 8);
}

#[test]
fn every_example_policy_has_expectations() {
    let names: Vec<String> = vector::texts("examples/policies").into_iter().map(|(name, _)| name).collect();
    for name in names.iter().filter(|name| !name.ends_with(".expect.json")) {
        assert!(names.contains(&name.replace(".json", ".expect.json")), "{name} has none");
    }
}
