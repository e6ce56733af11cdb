//! The supply chain: what the workspaces depend on, from where, how old it may be, and what of it
//! the public API shows.

use crate::{
    repository,
    run::{Outcome, command, output, step},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

/// The workspaces, and what `cargo deny` asks of each. Only the first is shipped: the fuzzer and the
/// servers bring second copies of some crates, and the contestants of the benchmarks their own
/// licences as well. The servers run on Linux, so what they need elsewhere is not fetched.
const WORKSPACES: [(&str, &[&str]); 5] = [
    ("Cargo.toml", &["bans", "licenses", "sources"]),
    ("tests/no-std/Cargo.toml", &["bans", "licenses", "sources"]),
    ("fuzz/Cargo.toml", &["licenses", "sources"]),
    ("servers/Cargo.toml", &["licenses", "sources"]),
    ("bench/Cargo.toml", &["sources"]),
];
const LINUX_ONLY: &str = "servers/Cargo.toml";
const LINUX: &str = "x86_64-unknown-linux-gnu";
const NPM: [&str; 2] = ["bindings-node", "bench/node"];

pub(crate) fn run() -> Outcome {
    for (tool, verb) in [("cargo-deny", "deny"), ("cargo-check-external-types", "check-external-types")] {
        if output("cargo", &[verb, "--help"]).is_none() {
            return Err(format!("there is no {tool}; install it with `cargo install {tool} --locked`"));
        }
    }
    locks()?;
    for (manifest, checks) in WORKSPACES {
        step(&format!("dependencies of {manifest}: {}", checks.join(", ")), || {
            deny(manifest, checks).status().map(|status| status.success())
        })?;
    }
    advisories()?;
    step("external types of the public API", || {
        let arguments = ["check-external-types", "--all-features", "--config", "external-types.toml"];
        let mut check = command("cargo", &arguments);
        check.current_dir(repository().join("core")).env("RUSTC_BOOTSTRAP", "1");
        check.status().map(|status| status.success())
    })?;
    oldest_rust()?;
    step("the least versions that the manifests name", minimal_versions)
}

fn deny(manifest: &str, checks: &[&str]) -> std::process::Command {
    let config = repository().join("deny.toml");
    let mut deny = command("cargo", &["deny", "--log-level", "error", "--locked", "--manifest-path", manifest]);
    if manifest == LINUX_ONLY {
        deny.args(["--target", LINUX]);
    }
    deny.arg("--config").arg(config).arg("check").args(checks);
    deny
}

/// Every lock file is committed and says what the manifests need; nothing that npm installs runs
/// a script of its own.
fn locks() -> Outcome {
    let manifests = WORKSPACES.iter().map(|(manifest, _)| manifest.replace("Cargo.toml", "Cargo.lock"));
    let locks = manifests.chain(NPM.iter().map(|folder| format!("{folder}/package-lock.json")));
    for lock in locks {
        if output("git", &["ls-files", "--error-unmatch", &lock]).is_none() {
            return Err(format!("{lock} is not committed"));
        }
    }
    for (manifest, _) in WORKSPACES {
        // A lock file is of all platforms, whichever is asked for.
        let metadata =
            ["metadata", "--locked", "--format-version", "1", "--filter-platform", LINUX, "--manifest-path", manifest];
        if output("cargo", &metadata).is_none() {
            return Err(format!("the lock file beside {manifest} is not up to date"));
        }
    }
    for folder in NPM {
        let settings = fs::read_to_string(repository().join(folder).join(".npmrc")).unwrap_or_default();
        if !settings.lines().any(|line| line == "ignore-scripts=true") {
            return Err(format!("{folder}/.npmrc lets packages run scripts when they are installed"));
        }
    }
    Ok(())
}

/// Known vulnerabilities and yanked versions. The database lies outside of the registries.
fn advisories() -> Outcome {
    let fetched = command("cargo", &["deny", "fetch", "db"]).stderr(Stdio::null()).status();
    if fetched.is_ok_and(|status| status.success()) {
        return step("advisories", || deny("Cargo.toml", &["advisories"]).status().map(|status| status.success()));
    }
    anstream::eprintln!(
        "{}NOT CHECKED{:#}: the advisory database cannot be reached from here; `cargo deny check advisories` elsewhere",
        crate::run::RED,
        crate::run::RED
    );
    Ok(())
}

/// Builds the core with the oldest toolchain that is here and not older than the manifest says.
/// Whatever is newer than the manifest says is found by the lint `incompatible_msrv` as well.
fn oldest_rust() -> Outcome {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).map_err(|error| error.to_string())?;
    let since = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    let since = since.and_then(minor).ok_or("the manifest does not say since which Rust it builds")?;
    let listed = output("rustup", &["toolchain", "list"]).unwrap_or_default();
    let versions = listed.lines().filter_map(|line| {
        let toolchain = line.split_whitespace().next()?;
        let version = output("rustup", &["run", toolchain, "rustc", "--version"])?;
        Some((minor(version.strip_prefix("rustc ")?)?, toolchain.to_owned()))
    });
    let Some((version, toolchain)) = versions.filter(|(version, _)| *version >= since).min() else {
        anstream::eprintln!("   no toolchain of rustup's is here: the core is built with the one at hand only");
        return Ok(());
    };
    step(&format!("the core with Rust 1.{version}, the oldest here since 1.{since}"), || {
        let arguments =
            ["run", &toolchain, "cargo", "check", "--package", "sandgate", "--all-features", "--quiet", "--target-dir"];
        command("rustup", &[&arguments[..], &["target/oldest"]].concat()).status().map(|status| status.success())
    })
}

/// The second number of `1.N` or `1.N.M`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The crates that are shipped.
const SHIPPED: [&str; 2] = ["core", "cli"];

/// Builds what is shipped with the least version of each direct dependency, in a copy without the
/// rest of the workspace and without what tests need: either may ask for newer versions.
fn minimal_versions() -> io::Result<bool> {
    let copy: PathBuf = repository().join("target/minimal-versions");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    let prefix = format!("--prefix={}/", copy.display());
    if !command("git", &["checkout-index", "--all", &prefix]).status()?.success() {
        return Ok(false);
    }
    for shipped in SHIPPED {
        edit(&copy.join(shipped).join("Cargo.toml"), |manifest| {
            let mut tests = false;
            manifest.retain(|line| {
                if line.starts_with('[') {
                    tests = line == "[dev-dependencies]";
                }
                !tests
            });
        })?;
    }
    edit(&copy.join("Cargo.toml"), |manifest| {
        manifest.retain(|line| !line.starts_with("default-members = "));
        for line in manifest.iter_mut().filter(|line| line.starts_with("members = ")) {
            *line = format!("members = {SHIPPED:?}");
        }
    })?;
    fs::remove_file(copy.join("Cargo.lock"))?;

    let cargo = |arguments: &[&str]| {
        let mut cargo = command("cargo", arguments);
        cargo
            .current_dir(&copy)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", repository().join("target/minimal"));
        cargo.status().map(|status| status.success())
    };
    let resolve = ["update", "--quiet", "-Z", "direct-minimal-versions"];
    let resolved = cargo(&resolve)? || {
        // What cannot be resolved with the index cannot be resolved without it either.
        anstream::eprintln!(
            "{}WITHOUT THE INDEX{:#}: the least versions among those that were fetched before",
            crate::run::RED,
            crate::run::RED
        );
        cargo(&[&resolve[..], &["--offline"]].concat())?
    };
    Ok(resolved && cargo(&["check", "--quiet", "--workspace", "--all-features"])?)
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<String>)) -> io::Result<()> {
    let mut lines = fs::read_to_string(file)?.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(file, lines.join("\n") + "\n")
}
