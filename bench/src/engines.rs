//! The policy engines: the same rules in their languages.

use crate::{
    measure::Contestant,
    work::{Query, Rule},
};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression};
use std::{cell::RefCell, fmt::Write, net::Ipv4Addr, rc::Rc};

fn cidr(rule: &Rule) -> String {
    format!("{}/{}", Ipv4Addr::from_bits(rule.base as u32), rule.len)
}

/// Cedar: allow wins, so a deny is a permit of everything with an exception.
pub fn cedar(rules: &[Rule]) -> Contestant<'static, Query> {
    let condition = |allow: bool| {
        let matches = rules.iter().filter(|rule| rule.allow == allow).map(|rule| {
            format!("(context.ip.isInRange(ip(\"{}\")) && context.port >= {} && context.port <= {})", cidr(rule), rule.ports.0, rule.ports.1)
        });
        balanced(&matches.collect::<Vec<_>>())
    };
    let source = format!(
        "permit(principal, action, resource) when {{ {} }};\npermit(principal, action, resource) unless {{ {} }};",
        condition(true),
        condition(false),
    );
    let policies: Rc<PolicySet> = Rc::new(source.parse().expect("the generated policies are valid"));
    let uid: EntityUid = "Sandbox::\"a\"".parse().expect("an entity");
    let (authorizer, entities) = (Rc::new(Authorizer::new()), Rc::new(Entities::empty()));
    Contestant::new("cedar", 0, move |query: &Query| {
        let pairs = [
            ("ip".to_owned(), RestrictedExpression::new_ip(query.ip.to_string())),
            ("port".to_owned(), RestrictedExpression::new_long(query.port.into())),
        ];
        let context = Context::from_pairs(pairs).expect("two values");
        let request = Request::new(uid.clone(), uid.clone(), uid.clone(), context, None).expect("no schema to fail");
        authorizer.is_authorized(&request, &policies, &entities).decision() == Decision::Allow
    })
}

/// A disjunction nested as a tree: a chain as long as the list is too deep for the parser.
fn balanced(terms: &[String]) -> String {
    match terms {
        [] => "false".into(),
        [term] => term.clone(),
        _ => {
            let (left, right) = terms.split_at(terms.len() / 2);
            format!("({} || {})", balanced(left), balanced(right))
        }
    }
}

/// Regorus: the entries as data, a rule over them.
pub fn regorus(rules: &[Rule]) -> Contestant<'static, Query> {
    let mut engine = regorus::Engine::new();
    let policy = "package sandbox\n\
        import rego.v1\n\
        matches(entry) if {\n net.cidr_contains(entry.cidr, input.ip)\n input.port >= entry.low\n input.port <= entry.high\n}\n\
        allowed if { some entry in data.allow; matches(entry) }\n\
        denied if { some entry in data.deny; matches(entry) }\n\
        default verdict := false\n\
        verdict if { allowed }\n\
        verdict if { not allowed; not denied }\n";
    engine.add_policy("sandbox.rego".into(), policy.into()).expect("the policy is valid");
    let list = |allow: bool| {
        let mut text = String::from("[");
        for rule in rules.iter().filter(|rule| rule.allow == allow) {
            let comma = if text.len() > 1 { "," } else { "" };
            let _ = write!(text, "{comma}{{\"cidr\":\"{}\",\"low\":{},\"high\":{}}}", cidr(rule), rule.ports.0, rule.ports.1);
        }
        text + "]"
    };
    engine.add_data_json(&format!("{{\"allow\":{},\"deny\":{}}}", list(true), list(false))).expect("the data is valid");
    let engine = Rc::new(RefCell::new(engine));
    Contestant::new("regorus", 0, move |query: &Query| {
        let mut engine = engine.borrow_mut();
        engine.set_input_json(&format!("{{\"ip\":\"{}\",\"port\":{}}}", query.ip, query.port)).expect("the input is valid");
        engine.eval_rule("data.sandbox.verdict".into()).is_ok_and(|value| value.as_bool().is_ok_and(|verdict| *verdict))
    })
}
