//! Databases for a test: a file of SQLite, a PostgreSQL of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A file in a folder that goes away with the test.
#[derive(Debug)]
pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("api.db").display())
    }
}

/// A server of PostgreSQL on a socket in a folder that goes away with the test.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: TempDir,
    server: Child,
}

impl Postgres {
    /// `None`, said aloud, where PostgreSQL is not installed. With `SANDGATE_POSTGRES=required`
    /// that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let is_required = std::env::var_os("SANDGATE_POSTGRES").is_some_and(|value| value == "required");
            assert!(!is_required, "PostgreSQL is required, and not installed");
            eprintln!("SKIPPED: PostgreSQL is not installed (Debian's package `postgresql` has it)");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let user = user();
        if let Some(user) = user {
            // PostgreSQL does not run as root.
            assert!(Command::new("chown").arg(user).arg(folder.path()).status().unwrap().success());
        }
        let command = |program: &str| {
            let program = programs.join(program);
            let mut command = user.map_or_else(
                || Command::new(&program),
                |user| {
                    let mut command = Command::new("setpriv");
                    command
                        .args(["--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "KILL"])
                        .arg(&program);
                    command
                },
            );
            command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = command("initdb").arg("-D").arg(&data).args(["-U", "sandgate", "-A", "trust", "--no-sync"]).status();
        assert!(made.unwrap().success(), "initdb failed");
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .spawn()
            .unwrap();
        let postgres = Self { folder, server };
        for _ in 0..200 {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.arg("-q").arg("-h").arg(postgres.folder.path()).args(["-d", "postgres"]);
            if ready.status().unwrap().success() {
                return Some(postgres);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("PostgreSQL was not ready");
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://sandgate@localhost/postgres?host={}", self.folder.path().display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its other processes end when it is gone.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where Debian has the programs of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect();
    found.retain(|programs| programs.join("initdb").exists());
    found.sort();
    found.pop()
}

/// Who PostgreSQL is to run as, if we are root.
fn user() -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt;
    let is_root = Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0);
    is_root.then_some("postgres")
}
