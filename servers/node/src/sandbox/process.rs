//! Running a program of the system: without a shell, and with a bounded time.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::Semaphore,
    time::timeout,
};

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
/// How long a program that was killed may take to be gone: as long as the kernel takes for what it
/// has begun for it.
const TO_DIE: Duration = Duration::from_secs(30);

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
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // If it does not read to the end, how it ends says why.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let run = async {
            let ((), stdout, stderr, status) = tokio::join!(write, all_of(stdout), all_of(stderr), child.wait());
            Ok((status?, stdout?, stderr?))
        };
        let Ok(ended) = timeout(self.limit, run).await else {
            // What it has asked of the kernel is done, or will not be, when it is gone. An undo that
            // comes before that would be undone itself.
            if !matches!(timeout(TO_DIE, child.kill()).await, Ok(Ok(()))) {
                tracing::error!(program = program(), "it does not die");
            }
            return Err(Failure::TooSlow { program: program(), limit: self.limit });
        };
        let (status, stdout, stderr) = ended.map_err(failed)?;
        if status.success() {
            return Ok(stdout);
        }
        if status.code().is_none() {
            return Err(failed(io::Error::other(status.to_string())));
        }
        let said: String = String::from_utf8_lossy(&stderr).trim().chars().take(SAID).collect();
        let said = if said.is_empty() { status.to_string() } else { said };
        Err(Failure::Refused { program: program(), said })
    }
}

async fn all_of(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut all).await?;
    }
    Ok(all)
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
    async fn what_took_too_long_is_gone_when_it_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = folder.path().join("said");
        let script = format!("echo $$ > {}; exec sleep 600", said.display());
        let failure = program("sh", Duration::from_millis(500)).run(&["-c", &script], "").await.expect_err("it sleeps");
        assert!(matches!(failure, Failure::TooSlow { .. }), "{failure}");
        let process = std::fs::read_to_string(said).expect("it has begun");
        // Not even waiting to be buried.
        assert!(!Path::new("/proc").join(process.trim()).exists());
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
