//! The same for commands of `sandgate` that say something of each entry, at its place.

use super::{COUNTED, Grown};
use crate::{
    instructions::collected,
    repository,
    run::{cargo, step},
};
use std::fs;

const PROGRAM: &str = "target/release/sandgate";
const FOLDER: &str = "target/growth";

struct Command {
    name: &'static str,
    /// What it is asked, besides the files.
    arguments: &'static [&'static str],
    /// Files that have about so many bytes together.
    files: fn(u64) -> Vec<String>,
}

const COMMANDS: &[Command] = &[
    Command { name: "command-diff", arguments: &["diff", "--format", "github"], files: openings },
    Command { name: "command-fmt", arguments: &["fmt", "--check"], files: not_canonical },
];

pub(super) fn measure() -> Result<Vec<Grown>, String> {
    step("building the command", || cargo(&["build", "--release", "--package", "sandgate-cli", "--quiet"]))?;
    fs::create_dir_all(repository().join(FOLDER)).map_err(|error| format!("{FOLDER}: {error}"))?;
    COMMANDS.iter().map(Command::grown).collect()
}

impl Command {
    fn grown(&self) -> Result<Grown, String> {
        let nothing = self.counted(0)?;
        let of = |bytes| Ok::<_, String>(self.counted(bytes)?.saturating_sub(nothing));
        let grown =
            Grown { case: self.name.to_owned(), instructions: [of(COUNTED)?, of(2 * COUNTED)?], memory: [0, 0] };
        let [work, _] = grown.ratios();
        anstream::eprintln!("   {}: {work:.2} times the instructions", self.name);
        Ok(grown)
    }

    fn counted(&self, bytes: u64) -> Result<u64, String> {
        let mut arguments: Vec<String> = self.arguments.iter().map(|argument| (*argument).to_owned()).collect();
        for (number, text) in (self.files)(bytes).into_iter().enumerate() {
            let path = repository().join(FOLDER).join(format!("{}-{number}.json", self.name));
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            arguments.push(path.display().to_string());
        }
        collected(PROGRAM, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// As many entries as have so many bytes, in one line.
fn entries(bytes: u64, entry: impl Fn(u64) -> String) -> String {
    let entries: Vec<String> = (0..bytes / 24).map(|n| format!("{:<23}", format!("\"{}\"", entry(n)))).collect();
    entries.join(",")
}

/// Each entry opens a region of its own.
fn openings(bytes: u64) -> Vec<String> {
    let entries = entries(bytes, |n| format!("20.{}.{}.0/24:{}", n >> 8, n & 255, n | 0x4000));
    let new = if entries.is_empty() { String::new() } else { format!("\"allowIn\": [{entries}], ") };
    vec![r#"{"denyIn": ["0.0.0.0/0"]}"#.into(), format!("{{{new}\"denyIn\": [\"0.0.0.0/0\"]}}")]
}

/// Each entry is to be written differently.
fn not_canonical(bytes: u64) -> Vec<String> {
    vec![format!("{{\"denyIn\": [{}]}}", entries(bytes, |n| format!("20.{}.{}.1:80-80", n >> 8, n & 255)))]
}
