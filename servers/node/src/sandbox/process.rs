//! Running a program of the system: without a shell, and with a bounded time.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::{io::AsyncWriteExt, process::Command, sync::Semaphore, time::timeout};

/// A program, and how long it may take.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    limit: Duration,
    /// Places for programs that run at a time.
    places: Arc<Semaphore>,
}

/// How many programs run at a time. The kernel takes one transaction after the other.
const AT_A_TIME: usize = 16;

/// Why a program did not do what it was run for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// It could not be run.
    #[error("{program} cannot be run: {error}")]
    NotRun {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// A file could not be written, or it is not known how a program ended.
    #[error("{program}: {error}")]
    Io {
        /// The program or the file.
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
        matches!(self, Self::NotRun { .. } | Self::Refused { .. })
    }
}

/// How much is kept of what a program says.
const SAID: usize = 2000;

impl Program {
    pub(crate) fn new(path: &Path, limit: Duration) -> Self {
        Self { path: path.into(), limit, places: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Another program, which shares the places of this one.
    pub(crate) fn beside(&self, path: &Path) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// Runs it. What it printed.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>, Failure> {
        let program = || self.path.display().to_string();
        let failed = |error| Failure::Io { program: program(), error };
        // Nobody closes them. Without a place it would be run all the same.
        let _place = self.places.acquire().await;
        // An agent that is killed takes it along: what it does later would undo what the next agent does.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.path).args(arguments).kill_on_drop(true);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::NotRun { program: "setpriv".into(), error })?;
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
        if output.status.code().is_none() {
            return Err(failed(io::Error::other(output.status.to_string())));
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
        Program::new(path.as_ref(), limit)
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
        assert!(matches!(failure, Failure::Refused { .. }) && failure.is_certain(), "{failure}");
        let killed = program("sh", Duration::from_secs(60)).run(&["-c", "kill -KILL $$"], "").await.expect_err("no");
        assert!(matches!(killed, Failure::Io { .. }) && !killed.is_certain(), "{killed}");
    }
}
