//! `sandgate test`: whether policies answer what their expectation files say.

use crate::{
    args::{Format, Test},
    input::{self, Failure, Refused, json},
    output,
    query::{AnswerEntry, Query, answer, describe, flaw},
};
use anstyle::{AnsiColor, Style};
use sandgate::{Capabilities, Form, Guardrails, Options, Policy, check};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;
use std::{
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

const OK: Style = AnsiColor::Green.on_default().bold();
const FAILED: Style = AnsiColor::Red.on_default().bold();

/// What a policy must answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    /// The file of the policy, beside this one, or the policy itself: its text, because a value of
    /// JSON has lost what stands there twice (D-3).
    policy: Box<RawValue>,
    #[serde(default)]
    options: ExpectedOptions,
    #[serde(default)]
    queries: Vec<Expected>,
    /// Of a policy that must be refused: everything that is told, in order.
    diagnostics: Option<Vec<Told>>,
}

/// What the platform decides, where it differs from the defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct ExpectedOptions {
    egress_ports: bool,
    ipv6_ingress: bool,
    /// A guardrails document, or `none`.
    guardrails: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(deserialize_with = "question")]
    query: Query,
    verdict: String,
    reason: Option<String>,
    entry: Option<AnswerEntry>,
}

/// A question that can be asked. The unknown client is `null` here: what looks like an address and
/// is none was mistyped, and would be denied for another reason than the one that is tested.
fn question<'de, D: Deserializer<'de>>(from: D) -> Result<Query, D::Error> {
    let query = Query::deserialize(from)?;
    match flaw(&query) {
        Some(flaw) => Err(D::Error::custom(flaw)),
        None => Ok(query),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    code: String,
    path: String,
}

/// A file of expectations and what came of it.
#[derive(Debug, Serialize)]
struct Tested {
    file: String,
    passed: usize,
    failed: usize,
    tests: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    /// What is asked.
    question: String,
    passed: bool,
    expected: Said,
    found: Said,
}

/// What a policy says, or must say.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Said {
    Answer {
        verdict: String,
        reason: Option<String>,
        entry: Option<AnswerEntry>,
    },
    Diagnostics(Vec<Told>),
    /// Of a policy that must be refused and is not.
    Valid {
        valid: bool,
        diagnostics: Vec<Told>,
    },
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { verdict, reason, entry } => {
                f.write_str(verdict)?;
                reason.iter().try_for_each(|reason| write!(f, ", {reason}"))?;
                entry.iter().try_for_each(|AnswerEntry { list, index, text }| write!(f, ", `{list}[{index}]` `{text}`"))
            }
            Self::Diagnostics(told) if told.is_empty() => f.write_str("nothing"),
            Self::Diagnostics(told) => f.write_str(&list(told)),
            Self::Valid { diagnostics, .. } if diagnostics.is_empty() => f.write_str("a valid policy"),
            Self::Valid { diagnostics, .. } => write!(f, "a valid policy, with {}", list(diagnostics)),
        }
    }
}

fn list(told: &[Told]) -> String {
    told.iter().map(|Told { code, path }| format!("{path} {code}")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn run(arguments: &Test) -> Result<ExitCode, Failure> {
    let tested: Vec<Tested> = arguments.files.iter().map(|file| test(file)).collect::<Result<_, _>>()?;
    let code = u8::from(tested.iter().any(|tested| tested.failed > 0));
    output::answer(code, anstream::stdout().lock(), |out| match arguments.output.format {
        Format::Json => tested.iter().try_for_each(|tested| Ok(writeln!(out, "{}", json(tested)?)?)),
        Format::Text => Ok(print(out, &tested, arguments.verbose)?),
    })
}

fn test(file: &Path) -> Result<Tested, Failure> {
    let name = input::name(file);
    let wrong = |error: String| Failure::Question(format!("{name}: {error}"));
    let expected: Expectations = serde_json::from_str(&input::read(file)?).map_err(|error| wrong(error.to_string()))?;
    let options = options(&expected.options, &name)?;
    let (policy_name, text) = policy(file, &expected.policy)?;
    let tests = match expected.diagnostics {
        Some(_) if !expected.queries.is_empty() => {
            return Err(wrong("a policy is refused or is asked, not both: write `diagnostics` or `queries`".into()));
        }
        Some(told) => vec![refused(&text, told, &options)],
        None => {
            let compiled = Policy::from_json(&text, &options);
            let policy = compiled.map_err(|report| {
                Failure::Refused(Box::new(Refused { name: policy_name, text: text.clone(), report }))
            })?;
            expected.queries.into_iter().map(|expected| ask(&policy, expected)).collect::<Result<_, _>>()?
        }
    };
    if tests.is_empty() {
        return Err(wrong("nothing is asked: write `queries`".into()));
    }
    let passed = tests.iter().filter(|test| test.passed).count();
    Ok(Tested { file: name, passed, failed: tests.len().saturating_sub(passed), tests })
}

/// The policy's name and text.
fn policy(file: &Path, policy: &RawValue) -> Result<(String, String), Failure> {
    match string(policy) {
        Some(beside) => {
            let path = file.with_file_name(beside);
            // Even `-` is a file there.
            let path = if input::is_stdin(&path) { Path::new(".").join(path) } else { path };
            Ok((input::name(&path), input::read(&path)?))
        }
        None => Ok((format!("the policy in {}", input::name(file)), policy.get().to_owned())),
    }
}

/// What a text of JSON says, if it is a string.
fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn options(expected: &ExpectedOptions, name: &str) -> Result<Options, Failure> {
    let guardrails = match &expected.guardrails {
        None => Guardrails::default(),
        Some(none) if string(none).as_deref() == Some("none") => Guardrails::none(),
        Some(document) => {
            let (name, text) = (format!("the guardrails in {name}"), document.get().to_owned());
            Guardrails::from_json(&text).map_err(|report| Failure::Refused(Box::new(Refused { name, text, report })))?
        }
    };
    let ExpectedOptions { egress_ports, ipv6_ingress, .. } = *expected;
    Ok(Options { guardrails, capabilities: Capabilities { egress_ports, ipv6_ingress }, ..Options::default() })
}

/// Whether a policy is refused for these reasons and no others.
fn refused(text: &str, told: Vec<Told>, options: &Options) -> Outcome {
    let report = check(text, Form::Config, options);
    let found = report.diagnostics().iter();
    let found: Vec<Told> =
        found.map(|found| Told { code: found.code().to_string(), path: found.path().into() }).collect();
    Outcome {
        question: "what is wrong with the policy".into(),
        passed: told == found && !report.is_valid(),
        expected: Said::Diagnostics(told),
        found: if report.is_valid() {
            Said::Valid { valid: true, diagnostics: found }
        } else {
            Said::Diagnostics(found)
        },
    }
}

/// Asks one question. What the expectation does not state is not compared.
fn ask(policy: &Policy, expected: Expected) -> Result<Outcome, Failure> {
    let Expected { query, verdict, reason, entry } = expected;
    let answer = answer(policy, &query).map_err(Failure::Question)?;
    let passed = verdict == answer.verdict.as_str()
        && reason.as_ref().is_none_or(|reason| reason == answer.reason)
        && (entry.is_none() || entry == answer.entry);
    let found =
        Said::Answer { verdict: answer.verdict.to_string(), reason: Some(answer.reason.into()), entry: answer.entry };
    Ok(Outcome { question: describe(&query), passed, expected: Said::Answer { verdict, reason, entry }, found })
}

fn print(out: &mut impl Write, tested: &[Tested], verbose: bool) -> io::Result<()> {
    for Tested { file, passed, failed, tests } in tested {
        let style = if *failed == 0 { OK } else { FAILED };
        let mark = if *failed == 0 { "ok" } else { "FAILED" };
        writeln!(out, "{style}{mark:<6}{style:#} {file}: {passed} passed, {failed} failed")?;
        for test in tests.iter().filter(|test| verbose || !test.passed) {
            let (style, mark) = if test.passed { (OK, "ok") } else { (FAILED, "FAILED") };
            writeln!(out, "  {style}{mark:<6}{style:#} {}", test.question)?;
            if !test.passed {
                writeln!(out, "         expected {}", test.expected)?;
                writeln!(out, "         found    {}", test.found)?;
            }
        }
    }
    let sum = |count: fn(&Tested) -> usize| tested.iter().map(count).fold(0, usize::saturating_add);
    let (passed, failed) = (sum(|tested| tested.passed), sum(|tested| tested.failed));
    writeln!(
        out,
        "{passed} passed, {failed} failed in {} {}",
        tested.len(),
        if tested.len() == 1 { "file" } else { "files" }
    )
}
