//! Runs the fuzz targets of `fuzz/`, one after another, each on all processors.

use crate::{
    repository,
    run::{Outcome, cargo, command, output, step},
};
use std::{
    fs,
    io::{self, BufRead, BufReader, IsTerminal},
    process::Stdio,
    thread,
};

/// The options of the task.
#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// The targets; all of them if none is named.
    targets: Vec<String>,
    /// Minutes for each target.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Afterwards keep the inputs that reach more code in `fuzz/corpus`.
    #[arg(long)]
    keep: bool,
}

impl Fuzz {
    /// What is run by hand before a release.
    pub(crate) const fn long() -> Self {
        Self { targets: Vec::new(), minutes: 20.0, keep: true }
    }
}

/// What a change runs: every kept input and every seed, then each target for a moment.
pub(crate) fn ci() -> Outcome {
    let corpus =
        ["--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--target-dir", "target/fuzz/corpus-test"];
    step("fuzzing: lints", || {
        cargo(&[&["clippy", "--quiet", "--all-targets"], &corpus[..], &["--", "-D", "warnings"]].concat())
    })?;
    step("fuzzing: the corpora as tests", || cargo(&[&["test", "--quiet"], &corpus[..]].concat()))?;
    run(&Fuzz { targets: Vec::new(), minutes: 0.15, keep: false })
}

/// Where everything that is not committed goes.
const SCRATCH: &str = "target/fuzz";

/// What a run came to.
struct Ran {
    target: String,
    executions: String,
    edges: String,
    features: String,
}

pub(crate) fn run(fuzz: &Fuzz) -> Outcome {
    if output("cargo", &["fuzz", "--version"]).is_none() {
        return Err("there is no cargo-fuzz; install it with `cargo install cargo-fuzz --locked`".into());
    }
    step("seeds for the fuzzer", || {
        let seeds =
            ["run", "--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--example", "seeds", "--quiet"];
        let into = ["--target-dir", "target/fuzz/seeds-build", "--", "target/fuzz/seeds"];
        command("cargo", &[&seeds[..], &into].concat()).status().map(|status| status.success())
    })?;
    step("the fuzz targets", || cargo_fuzz("build", &[])?.status().map(|status| status.success()))?;
    let targets = if fuzz.targets.is_empty() { targets()? } else { fuzz.targets.clone() };
    let mut table = Vec::new();
    for target in &targets {
        let mut ran = None;
        step(&format!("{target}, {} minutes", fuzz.minutes), || {
            ran = campaign(target, fuzz.minutes)?;
            Ok(ran.is_some())
        })
        .map_err(|why| format!("{why}; the input stands in fuzz/artifacts/{target}"))?;
        table.extend(ran);
        if fuzz.keep {
            step(&format!("{target}, what is kept"), || keep(target))?;
        }
    }
    anstream::println!("| target | executions | edges | features |\n| --- | ---: | ---: | ---: |");
    for Ran { target, executions, edges, features } in table {
        anstream::println!("| `{target}` | {executions} | {edges} | {features} |");
    }
    Ok(())
}

/// The names of the programs.
fn targets() -> Result<Vec<String>, String> {
    let folder = fs::read_dir(repository().join("fuzz/fuzz_targets")).map_err(|error| error.to_string())?;
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    let mut names: Vec<String> = folder.filter_map(|file| stem(file.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

/// `cargo fuzz`, which asks a stable compiler for what only a nightly one may have. There is no
/// address sanitizer: the core forbids unsafe code, and without it inputs are tried twice as fast.
fn cargo_fuzz(verb: &str, arguments: &[&str]) -> io::Result<std::process::Command> {
    let target_dir = repository().canonicalize()?.join(SCRATCH).join("build");
    let mut cargo = command("cargo", &["fuzz", verb, "--sanitizer", "none", "--target-dir"]);
    cargo.arg(target_dir).args(arguments).env("RUSTC_BOOTSTRAP", "1");
    Ok(cargo)
}

/// Runs a target; `None` if it found something.
fn campaign(target: &str, minutes: f64) -> io::Result<Option<Ran>> {
    let (corpus, seeds) = (format!("{SCRATCH}/corpus/{target}"), format!("{SCRATCH}/seeds/{target}"));
    let kept = format!("fuzz/corpus/{target}");
    for folder in [&corpus, &seeds, &kept] {
        fs::create_dir_all(repository().join(folder))?;
    }
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (fork, time) = (format!("-fork={workers}"), format!("-max_total_time={}", (minutes * 60.0).round()));
    // What takes too long or too much memory is a finding like a panic.
    let findings = ["-ignore_timeouts=0", "-ignore_ooms=0", "-timeout=20", "-rss_limit_mb=1024"];
    let options = [&["--", &fork, &time, "-dict=fuzz/dictionary.txt"][..], &findings].concat();
    let mut child = cargo_fuzz("run", &[&[target, &corpus, &seeds, &kept][..], &options[..]].concat())?
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut last = String::new();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
    {
        // The counts of all workers come every few seconds.
        if line.contains("oom/timeout/crash") {
            if io::stderr().is_terminal() {
                anstream::eprint!("\r   {:79.79}", line);
            }
            last = line;
        } else if line.contains("ERROR") || line.contains("panicked") || line.contains("Test unit written") {
            anstream::eprintln!("\n   {line}");
        }
    }
    anstream::eprintln!("\r   {last}");
    let word_after = |name: &str| {
        let after = last.split_once(name).map(|(_, after)| after.trim_start());
        after.and_then(|after| after.split_whitespace().next()).unwrap_or("?").to_owned()
    };
    let ran = Ran {
        target: target.to_owned(),
        executions: word_after("#").trim_end_matches(':').to_owned(),
        edges: word_after(" cov:"),
        features: word_after(" ft:"),
    };
    Ok(child.wait()?.success().then_some(ran))
}

/// Copies the fewest inputs that together reach what all of them reach.
fn keep(target: &str) -> io::Result<bool> {
    let (corpus, seeds) = (format!("{SCRATCH}/corpus/{target}"), format!("{SCRATCH}/seeds/{target}"));
    let kept = format!("fuzz/corpus/{target}");
    // Once through every edge is enough for an ordinary test; how often makes a corpus ten times as large.
    let arguments = [target, &kept, &corpus, &seeds, "--", "-merge=1", "-set_cover_merge=1", "-use_counters=0"];
    cargo_fuzz("run", &arguments)?.stderr(Stdio::null()).status().map(|status| status.success())
}
