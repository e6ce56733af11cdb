//! Running a program of the system: without a shell, and with a bounded time.

use std::{io, path::PathBuf, process::Stdio, time::Duration};
use thiserror::Error;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// A program, and how long it may take.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) limit: Duration,
}

/// Why a program did not do what it was run for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// It could not be run, or its output could not be read.
    #[error("{program}: {error}")]
    Io {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It said no.
    #[error("{program}: {said}")]
    Refused {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// It was stopped because it took too long. Whether it has done it is not known.
    #[error("{program} took longer than {limit:?}")]
    TooSlow {
        /// The program.
        program: String,
        /// How long it might take.
        limit: Duration,
    },
}

impl Failure {
    /// Whether a transaction that failed so has certainly not happened.
    pub(crate) const fn is_certain(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// How much is kept of what a program says.
const SAID: usize = 2000;

impl Program {
    /// Runs it. What it printed.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>, Failure> {
        let program = || self.path.display().to_string();
        let failed = |error| Failure::Io { program: program(), error };
        let mut command = Command::new(&self.path);
        command.args(arguments).kill_on_drop(true);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // If it does not read to the end, how it ends says why.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let run = async { tokio::join!(write, child.wait_with_output()).1 };
        let output = match timeout(self.limit, run).await {
            Ok(output) => output.map_err(failed)?,
            Err(_) => return Err(Failure::TooSlow { program: program(), limit: self.limit }),
        };
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(SAID).collect();
        let said = if said.is_empty() { output.status.to_string() } else { said };
        Err(Failure::Refused { program: program(), said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &str, limit: Duration) -> Program {
        Program { path: path.into(), limit }
    }

    #[tokio::test]
    async fn a_program_gets_its_input_and_gives_its_output() {
        let input = "x".repeat(1 << 20);
        let output = program("cat", Duration::from_secs(60)).run(&[], &input).await.expect("cat works");
        assert_eq!(output, input.as_bytes());
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_ended() {
        let failure = program("sleep", Duration::from_millis(50)).run(&["600"], "").await.expect_err("it sleeps");
        assert!(matches!(failure, Failure::TooSlow { .. }) && !failure.is_certain(), "{failure}");
    }

    #[tokio::test]
    async fn what_a_program_says_is_told() {
        let failure = program("ls", Duration::from_secs(60)).run(&["/nothing/here"], "").await.expect_err("no");
        assert!(failure.is_certain() && failure.to_string().contains("/nothing/here"), "{failure}");
        let failure = program("/nothing/here", Duration::from_secs(60)).run(&[], "").await.expect_err("no");
        assert!(matches!(failure, Failure::Io { .. }), "{failure}");
    }
}
