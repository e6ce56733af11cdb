//! A network namespace that begins and ends with the process that tests.
//!
//! The process runs itself again inside, so that nothing is left behind however it ends.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Set inside, to the namespace that was left.
const LEFT: &str = "SANDGATE_LAB_LEFT";

/// Where the process is.
#[derive(Debug)]
pub(crate) enum Place {
    /// In a namespace of its own.
    Inside,
    /// Outside; the run inside has ended with this exit code.
    Done(u8),
    /// There is no namespace to be had, and why.
    Impossible(String),
}

/// Enters a namespace: by running this very program in one.
/// `options` of `unshare` ask for namespaces of other kinds as well.
pub(crate) fn enter(options: &[&str]) -> Place {
    if let Some(left) = env::var_os(LEFT) {
        return if own() == left { Place::Impossible("the namespace is still the same".into()) } else { Place::Inside };
    }
    for (program, what) in [("nft", "nftables"), ("ip", "iproute2"), ("unshare", "util-linux")] {
        if !runs(Command::new(program).arg("--version")) && !runs(Command::new(program).arg("-V")) {
            return Place::Impossible(format!("`{program}` does not run; it is in the package {what}"));
        }
    }
    if !Path::new("/dev/net/tun").exists() {
        return Place::Impossible("there is no /dev/net/tun".into());
    }
    // As root first. Otherwise as the root of a user namespace, where there may be one.
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let works =
        |way: &&&[&str]| runs(Command::new("unshare").args(**way).args(options).args(["nft", "list", "ruleset"]));
    let Some(way) = ways.iter().find(works) else {
        return Place::Impossible("neither root nor a user namespace may make a network namespace with rules".into());
    };
    let this = env::current_exe().expect("a program knows where it is");
    let run = Command::new("unshare")
        .args(*way)
        .args(options)
        .arg(this)
        .args(env::args_os().skip(1))
        .env(LEFT, own())
        .status();
    let code = run.ok().and_then(|status| status.code());
    Place::Done(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The namespace of this process.
fn own() -> OsString {
    fs::read_link("/proc/self/ns/net").map(Into::into).unwrap_or_default()
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
