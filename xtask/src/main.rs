//! The development commands: what a person types and CI runs are the same.

mod bench;
mod demo;
mod difference;
mod fuzz;
mod generate;
mod growth;
mod instructions;
mod mutants;
mod node;
mod python;
mod run;
mod spec;
mod supply;

use clap::{Parser, Subcommand};
use run::{Outcome, cargo, step};
use std::{path::PathBuf, process::ExitCode};

/// The development commands of Sandgate.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show the main job on the example policies: a refused policy, decisions with reasons.
    Demo,
    /// Run all tests.
    Test,
    /// Run everything that a change must pass.
    Ci {
        /// Also what takes longer than a change should wait for.
        #[arg(long)]
        long: bool,
    },
    /// Write the generated files: JSON Schemas and the table of diagnostics.
    Generate {
        /// Write nothing; fail if a file would change.
        #[arg(long)]
        check: bool,
    },
    /// Check that every rule has vectors and that every implementation runs every vector.
    Spec,
    /// Build the Python package, install it where its sources are not, and check it there.
    Python,
    /// Build the Node package, install it from its tarballs, and check it there.
    Node,
    /// Check that the core links without the standard library.
    NoStd,
    /// Compare the verdicts of a real kernel with the core's, packet by packet.
    Kernel,
    /// Run the exhaustive proof of the table: 10^8 decisions in a world of 256 addresses.
    Proof,
    /// Run the fuzz targets, one after another, and print what they came to.
    Fuzz(fuzz::Fuzz),
    /// Change what decides in one place at a time; fail if no test notices and the change is not justified.
    Mutants,
    /// Test the servers: requests, processes and packets in closed network namespaces.
    Servers,
    /// Double hostile inputs; fail where the work or the memory more than doubles with them.
    Growth,
    /// Check what is depended on: licences, sources, lock files, oldest versions, and what of it the API shows.
    Supply,
    /// Measure Sandgate against the alternatives and write `bench/RESULTS.md`.
    Bench {
        /// Measure this part only.
        #[arg(long, value_enum, conflicts_with = "instructions")]
        part: Option<bench::Part>,
        /// Only count the instructions of a decision, and compare with `bench/instructions.json`.
        #[arg(long)]
        instructions: bool,
        /// With `--instructions`: write the counts as the new baseline.
        #[arg(long, requires = "instructions")]
        update: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Demo => demo::run(),
        Task::Test => test(),
        Task::Ci { long } => ci(long),
        Task::Generate { check } => generate::run(check),
        Task::Spec => spec::run(),
        Task::Python => python::run(),
        Task::Node => node::run(),
        Task::NoStd => no_std(),
        Task::Proof => proof(),
        Task::Kernel => kernel(),
        Task::Servers => servers(),
        Task::Supply => supply::run(),
        Task::Mutants => mutants::run(),
        Task::Growth => growth::run(),
        Task::Fuzz(fuzz) => fuzz::run(&fuzz),
        Task::Bench { instructions: false, part, .. } => bench::run(part),
        Task::Bench { instructions: true, update, .. } => instructions::run(update),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            anstream::eprintln!("{}failed{:#}: {why}", run::RED, run::RED);
            ExitCode::FAILURE
        }
    }
}

/// The folder of the repository.
fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All tests. Those of the kernel say so where they have to be skipped.
fn test() -> Outcome {
    step("tests", || cargo(&tests()))
}

fn tests() -> Vec<&'static str> {
    // A package whose tests are in another language needs that language even to be built.
    let others = ["--exclude", "sandgate-python", "--exclude", "sandgate-node"];
    [&["test", "--workspace"][..], &others, &["--all-features", "--quiet"]].concat()
}

/// The workspace of the servers, from the formatting to packets. Their tests run in network
/// namespaces of their own; that there can be none is a failure here.
fn servers() -> Outcome {
    let manifest = ["--manifest-path", "servers/Cargo.toml"];
    step("the servers: formatting and lints", || {
        let lints = [&["clippy"][..], &manifest, &["--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]];
        Ok(cargo(&[&["fmt"][..], &manifest, &["--all", "--check"]].concat())? && cargo(&lints.concat())?)
    })?;
    step("the servers: documentation", || {
        let doc = [&["doc"][..], &manifest, &["--workspace", "--no-deps", "--quiet"]].concat();
        run::command("cargo", &doc).env("RUSTDOCFLAGS", "-D warnings").status().map(|status| status.success())
    })?;
    step("the servers: from a request to a packet", || {
        run::command("cargo", &[&["test"][..], &manifest, &["--workspace", "--quiet"]].concat())
            .env("SANDGATE_KERNEL", "required")
            .env("SANDGATE_POSTGRES", "required")
            .status()
            .map(|status| status.success())
    })
}

fn ci(long: bool) -> Outcome {
    step("formatting", || cargo(&["fmt", "--all", "--check"]))?;
    step("lints", || {
        // The addon exports nothing while it is built as a test of itself, so all of it is unused.
        let all = ["clippy", "--workspace", "--exclude", "sandgate-node", "--all-targets", "--all-features", "--quiet"];
        let addon = ["clippy", "--package", "sandgate-node", "--quiet"];
        let deny = ["--", "-D", "warnings"];
        Ok(cargo(&[&all[..], &deny].concat())? && cargo(&[&addon[..], &deny].concat())?)
    })?;
    step("documentation", || {
        run::command("cargo", &["doc", "--workspace", "--all-features", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .status()
            .map(|status| status.success())
    })?;
    step("tests", || cargo(&[&tests()[..], &["--exclude", "sandgate-kernel-tests"]].concat()))?;
    dependencies()?;
    step("the core without features", || cargo(&["check", "--package", "sandgate", "--quiet"]))?;
    python::run()?;
    node::run()?;
    spec::run()?;
    generate::run(true)?;
    no_std()?;
    proof()?;
    kernel()?;
    servers()?;
    instructions::run(false)?;
    growth::run()?;
    supply::run()?;
    fuzz::ci()?;
    if long {
        bench::run(None)?;
        mutants::run()?;
        fuzz::run(&fuzz::Fuzz::long())?;
        step("properties, a hundred times as many cases", || {
            run::command("cargo", &["test", "--package", "sandgate-conformance", "--release", "--quiet"])
                .env("PROPTEST_CASES", "100000")
                .status()
                .map(|status| status.success())
        })?;
    }
    Ok(())
}

/// In a network namespace of its own; that there can be none is a failure here.
fn kernel() -> Outcome {
    step("the kernel, packet by packet", || {
        run::command("cargo", &["test", "--package", "sandgate-kernel-tests", "--quiet"])
            .env("SANDGATE_KERNEL", "required")
            .status()
            .map(|status| status.success())
    })
}

/// Every address of a small world, optimised; the ordinary tests run a hundredth of it.
fn proof() -> Outcome {
    step("the exhaustive proof of the table", || {
        cargo(&["test", "--package", "sandgate", "--lib", "--release", "--quiet", "proof"])
    })
}

/// What the core may depend on. Each of these brings its own.
const DEPENDENCIES: &[&str] = &["idna", "ipnet", "schemars", "serde", "serde_json", "sha2", "thiserror"];

/// Fails if the core depends on anything else.
fn dependencies() -> Outcome {
    let tree =
        ["tree", "--package", "sandgate", "--all-features", "--edges", "normal", "--depth", "1", "--prefix", "none"];
    let tree = run::output("cargo", &tree).ok_or("cargo does not list the dependencies of the core")?;
    let names = tree.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    match names.into_iter().find(|name| !DEPENDENCIES.contains(name)) {
        Some(name) => Err(format!("the core depends on {name}, which is not among {DEPENDENCIES:?}")),
        None => Ok(()),
    }
}

/// The proof of purity: a static library that brings its own panic handler and allocator does not
/// compile if anything links `std`.
fn no_std() -> Outcome {
    step("the core without std, on the host", || {
        cargo(&["build", "--manifest-path", "tests/no-std/Cargo.toml", "--target-dir", "target/no-std", "--quiet"])
    })?;
    let installed = run::output("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    for target in installed.lines().filter(|target| target.contains("-none")) {
        step(&format!("the core without std, for {target}"), || {
            cargo(&["build", "--package", "sandgate", "--target", target, "--quiet"])
        })?;
    }
    Ok(())
}
