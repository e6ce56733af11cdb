//! Standard input is read once: no two arguments of a command may both stand for it.

use crate::{
    args::{Command, Platform},
    input::{Failure, is_stdin},
};
use std::path::Path;

/// A second reader would find nothing left, and take that for the document.
pub(crate) fn once(command: &Command) -> Result<(), Failure> {
    let read: Vec<&str> =
        inputs(command).into_iter().filter(|(_, path)| is_stdin(path)).map(|(argument, _)| argument).collect();
    if read.len() < 2 {
        return Ok(());
    }
    Err(Failure::Question(format!(
        "{} are standard input, which is read only once: name a file for all but one of them",
        read.join(" and ")
    )))
}

/// What a command reads, by the names that its usage has for it.
fn inputs(command: &Command) -> Vec<(&'static str, &Path)> {
    match command {
        Command::Check(check) => of(&check.file, Some(&check.platform)),
        Command::Lint(lint) => [many(&lint.files), guardrails(&lint.platform)].concat(),
        Command::Fingerprint(fingerprint) => of(&fingerprint.file, Some(&fingerprint.platform)),
        Command::Decide(decide) => {
            let batch = decide.batch.as_deref().map(|queries| ("--batch", queries));
            of(&decide.file, Some(&decide.platform)).into_iter().chain(batch).collect()
        }
        Command::Explain(explain) => of(&explain.file, Some(&explain.platform)),
        Command::Diff(diff) => [vec![("OLD", &*diff.old), ("NEW", &diff.new)], guardrails(&diff.platform)].concat(),
        Command::Test(test) => many(&test.files),
        Command::Map(map) => {
            let old = map.diff.as_deref().map(|old| ("--diff", old));
            of(&map.file, Some(&map.platform)).into_iter().chain(old).collect()
        }
        Command::Nft(nft) => of(&nft.file, Some(&nft.platform)),
        Command::Fmt(fmt) => of(&fmt.file, None),
        Command::Fix(fix) => of(&fix.file, Some(&fix.platform)),
        Command::ClientIp(_) | Command::Schema { .. } | Command::Completions { .. } => Vec::new(),
    }
}

fn of<'c>(file: &'c Path, platform: Option<&'c Platform>) -> Vec<(&'static str, &'c Path)> {
    let guardrails = platform.map(guardrails).unwrap_or_default();
    [vec![("FILE", file)], guardrails].concat()
}

fn many(files: &[impl AsRef<Path>]) -> Vec<(&'static str, &Path)> {
    files.iter().map(|file| ("FILE", file.as_ref())).collect()
}

fn guardrails(platform: &Platform) -> Vec<(&'static str, &Path)> {
    platform.guardrails.iter().map(|file| ("--guardrails", file.as_path())).collect()
}
