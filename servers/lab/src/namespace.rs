//! Namespaces that begin and end with this process.
//!
//! The process runs itself again inside, so that nothing is left behind however it ends.

use std::{
    env,
    ffi::OsString,
    fs, io,
    process::{Command, Stdio},
};
use tokio::signal::unix::{SignalKind, signal};

/// Set inside, to the namespace that was left.
const LEFT: &str = "SANDGATE_LAB_LEFT";

/// Every process ends with this one, and what is mounted is mounted here only.
const OPTIONS: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// What a shell shows of a process that SIGTERM ended.
const TERMINATED: u8 = 143;

/// Where the process is.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// In namespaces of its own.
    Inside,
    /// Outside; the run inside has ended with this exit code.
    Done(u8),
    /// There are no namespaces to be had, and why.
    Impossible(String),
}

/// Enters namespaces by running this very program in them, with the same arguments.
///
/// To be called before any thread is started.
#[must_use]
pub fn enter() -> Place {
    if let Some(left) = env::var_os(LEFT) {
        return if own() == left { Place::Impossible("the namespace is still the same".into()) } else { Place::Inside };
    }
    let way = match way() {
        Ok(way) => way,
        Err(why) => return Place::Impossible(why),
    };
    let Ok(this) = env::current_exe() else {
        return Place::Impossible("the program does not know where it is".into());
    };
    let mut command = Command::new("unshare");
    command.args(way).args(OPTIONS).arg(this).args(env::args_os().skip(1)).env(LEFT, own());
    match run_inside(command) {
        Ok(code) => Place::Done(code),
        Err(error) => Place::Impossible(format!("`unshare`: {error}")),
    }
}

/// Waits for the run inside, and ends it if this process is told to end.
fn run_inside(command: Command) -> io::Result<u8> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        // The run inside hears it too, and ends by itself.
        let _interrupt = signal(SignalKind::interrupt())?;
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        tokio::select! {
            status = child.wait() => Ok(status?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            _ = terminate.recv() => {
                child.kill().await?;
                Ok(TERMINATED)
            }
        }
    })
}

/// Whether namespaces can be entered here, and why not.
///
/// # Errors
///
/// The reason, as in [`Place::Impossible`].
pub fn can_enter() -> Result<(), String> {
    way().map(drop)
}

/// How namespaces can be had.
fn way() -> Result<&'static [&'static str], String> {
    for (program, package) in [("nft", "nftables"), ("ip", "iproute2"), ("unshare", "util-linux")] {
        if !runs(Command::new(program).arg("--version")) && !runs(Command::new(program).arg("-V")) {
            return Err(format!("`{program}` does not run; it is in the package {package}"));
        }
    }
    // As root first. Otherwise as the root of a user namespace, where there may be one.
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let works = |way: &&[&str]| runs(Command::new("unshare").args(*way).args(OPTIONS).args(["nft", "list", "ruleset"]));
    let nobody = || "neither root nor a user namespace may make a network namespace with rules".to_owned();
    ways.into_iter().find(works).ok_or_else(nobody)
}

/// The network namespace of this process.
fn own() -> OsString {
    fs::read_link("/proc/self/ns/net").map(Into::into).unwrap_or_default()
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
