//! The main job on the example policies, with the command as a person would use it.

use crate::run::{Outcome, cargo, command};

/// A command line and the exit code it should end with.
const STORY: &[(&str, &[&str], i32)] = &[
    ("A policy with ten mistakes is refused, and all ten are told.", &["check", "examples/policies/refused.json"], 1),
    ("A database that one office may reach, on one port.", &["check", "examples/policies/database-one-office.json"], 0),
    (
        "The office is allowed.",
        &["decide", "examples/policies/database-one-office.json", "--in", "203.0.113.70", "--port", "5432"],
        0,
    ),
    (
        "Everybody else is denied.",
        &["decide", "examples/policies/database-one-office.json", "--in", "198.51.100.7", "--port", "5432"],
        1,
    ),
    (
        "An agent may reach one model, by name.",
        &[
            "decide",
            "examples/policies/agent-one-model-one-code-host.json",
            "--out",
            "203.0.113.1",
            "--port",
            "443",
            "--sni",
            "api.openai.com",
        ],
        3,
    ),
];

pub(crate) fn run() -> Outcome {
    let built = cargo(&["build", "--package", "sandgate-cli", "--quiet"]).map_err(|error| error.to_string())?;
    if !built {
        return Err("the command does not build".into());
    }
    for (sentence, arguments, expected) in STORY {
        anstream::println!("\n# {sentence}\n$ sandgate {}", arguments.join(" "));
        let mut all = vec!["run", "--package", "sandgate-cli", "--quiet", "--"];
        all.extend_from_slice(arguments);
        let status = command("cargo", &all).status().map_err(|error| error.to_string())?;
        if status.code() != Some(*expected) {
            return Err(format!("exit code {:?} instead of {expected}", status.code()));
        }
        anstream::println!("(exit code {expected})");
    }
    Ok(())
}
