//! Compares the semantics with the vectors and the second opinions, and the vectors with what the
//! implementations run.

use crate::{
    node, python, repository,
    run::{Outcome, output},
};
use sandgate_conformance::opinions;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// An implementation: the folder it lives in, and what lists the vectors it runs, one a line as
/// `file::name`.
const IMPLEMENTATIONS: &[(&str, List)] =
    &[("core", core), ("bindings-python", python::vectors), ("bindings-node", node::vectors)];

type List = fn() -> Option<String>;

fn core() -> Option<String> {
    let arguments = ["test", "--package", "sandgate-conformance", "--test", "vectors", "--quiet", "--", "--list"];
    let listed = output("cargo", &arguments)?;
    Some(listed.lines().map(|line| line.trim_end_matches(": test")).collect::<Vec<_>>().join("\n"))
}

/// The folders of implementations that may come to exist.
const FOLDERS: &[&str] = &["core", "bindings-python", "bindings-node"];

/// The suite is this large at least.
const LEAST: usize = 400;

pub(crate) fn run() -> Outcome {
    anstream::eprintln!("== rules and vectors");
    let rules = rules()?;
    let vectors = vectors()?;
    let mut problems = compare(&rules, &vectors);
    problems.extend(unknown(&rules, &opinions()));
    for folder in FOLDERS.iter().filter(|folder| repository().join(folder).is_dir()) {
        match IMPLEMENTATIONS.iter().find(|(name, _)| name == folder) {
            None => problems.push(format!("{folder} exists, and nothing says how it runs the vectors")),
            Some((_, list)) => {
                let listed = list().ok_or_else(|| format!("{folder} does not list its vectors; build it first"))?;
                let run: BTreeSet<&str> = listed.lines().collect();
                let missing = vectors.keys().filter(|vector| !run.contains(vector.as_str()));
                problems.extend(missing.map(|vector| format!("{folder} does not run {vector}")));
            }
        }
    }
    if problems.is_empty() {
        anstream::eprintln!(
            "   {} rules, {} vectors, {} implementation(s)",
            rules.len(),
            vectors.len(),
            IMPLEMENTATIONS.len()
        );
        return Ok(());
    }
    Err(problems.join("\n        "))
}

/// What is wrong between rules and vectors.
fn compare(rules: &BTreeSet<String>, vectors: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut problems = Vec::new();
    let cited: BTreeSet<&String> = vectors.values().flatten().collect();
    let uncited = rules.iter().filter(|rule| !cited.contains(rule));
    problems.extend(uncited.map(|rule| format!("no vector cites rule {rule}")));
    problems.extend(unknown(rules, vectors));
    let citing_nothing = vectors.iter().filter(|(_, rules_cited)| rules_cited.is_empty());
    problems.extend(citing_nothing.map(|(vector, _)| format!("{vector} cites no rule")));
    if vectors.len() < LEAST {
        problems.push(format!("{} vectors, and {LEAST} is the least", vectors.len()));
    }
    problems
}

/// Citations of what is no rule.
fn unknown(rules: &BTreeSet<String>, citing: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let cited = citing.iter().flat_map(|(name, cited)| cited.iter().map(move |rule| (name, rule)));
    let unknown = cited.filter(|(_, rule)| !rules.contains(*rule));
    unknown.map(|(name, rule)| format!("{name} cites {rule}, which is no rule")).collect()
}

/// The lists of second opinions, with the rules that they cite.
fn opinions() -> BTreeMap<String, Vec<String>> {
    let cited = |list: opinions::List| list.differences.into_iter().map(|by_rule| by_rule.rule).collect();
    opinions::lists().into_iter().map(|(name, list)| (format!("tests/opinions/{name}.json"), cited(list))).collect()
}

/// The rule identifiers: what a list item of the semantics begins with, in backticks.
fn rules() -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(repository().join("docs/semantics.md")).map_err(|error| error.to_string())?;
    let rule = |line: &str| {
        let item = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let item = item.strip_prefix("- `").or_else(|| item.strip_prefix(". `"))?;
        let (name, _) = item.split_once('`')?;
        let (letter, number) = name.split_once('-')?;
        let is_rule =
            letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_uppercase()) && number.parse::<u8>().is_ok();
        is_rule.then(|| name.to_owned())
    };
    Ok(text.lines().filter_map(rule).collect())
}

/// Every vector as `file::name`, with the rules that it cites.
fn vectors() -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut vectors = BTreeMap::new();
    let folder = fs::read_dir(repository().join("tests/vectors")).map_err(|error| error.to_string())?;
    for path in folder.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some()) {
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let json: Value = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
        for vector in json.get("vectors").and_then(Value::as_array).into_iter().flatten() {
            let text = |name| vector.get(name).and_then(Value::as_str).unwrap_or_default();
            let rules = vector.get("rules").and_then(Value::as_array).into_iter().flatten();
            let rules = rules.filter_map(Value::as_str).map(str::to_owned).collect();
            if vectors.insert(format!("{file}::{}", text("name")), rules).is_some() {
                return Err(format!("{file} has two vectors named {}", text("name")));
            }
        }
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_whose_vectors_are_taken_away_is_missed() {
        let (rules, vectors) = (rules().unwrap(), vectors().unwrap());
        assert!(compare(&rules, &vectors).is_empty());
        assert!(rules.len() >= 60);
        for rule in &rules {
            let mut fewer = vectors.clone();
            fewer.retain(|_, cited| !cited.contains(rule));
            assert!(compare(&rules, &fewer).contains(&format!("no vector cites rule {rule}")));
        }
    }

    #[test]
    fn the_lists_of_second_opinions_cite_rules() {
        let cited = opinions();
        assert!(cited.len() >= 13);
        assert!(unknown(&rules().unwrap(), &cited).is_empty());
    }

    #[test]
    fn a_citation_of_what_is_no_rule_is_found() {
        let mut vectors = vectors().unwrap();
        vectors.insert("x::y".into(), vec!["Z-9".into()]);
        assert_eq!(compare(&rules().unwrap(), &vectors), ["x::y cites Z-9, which is no rule"]);
    }
}
