//! The Python package: builds the wheel from the sdist, and checks and tests what is installed.
//!
//! Nothing is tested in the folder of the sources: a file that the wheel lacks is missed at once.

use crate::{
    repository,
    run::{Outcome, command, output, step},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

/// Where environments and packages are made.
const FOLDER: &str = "target/python";
const PACKAGE: &str = "bindings-python";
/// What building, checking and testing the package takes.
const TOOLS: &str = "bindings-python/requirements.txt";
/// The oldest interpreter that the tools run on. The package itself runs on 3.10.
const TOOLS_SINCE: u32 = 11;
const PACKAGE_SINCE: u32 = 10;

pub(crate) fn run() -> Outcome {
    let environment = Environment::new("env", &tools_interpreter()?)?;
    step("Python: the tools", || environment.require(&[TOOLS]))?;
    step("Python: the sdist, and the wheel from it", || build(&environment))?;
    let wheel = wheel()?;
    step("Python: metadata", || environment.run(".", "twine", &["check", "--strict", &format!("{FOLDER}/dist/*")]))?;
    step("Python: installing", || environment.install(&wheel))?;
    lint(&environment)?;
    step("Python: tests of the installed wheel", || environment.run(PACKAGE, "pytest", &["--quiet"]))?;
    step("Python: the README with all that is optional", || environment.readme(&["--all"]))?;

    let interpreters = interpreters();
    for (version, interpreter) in &interpreters {
        step(&format!("Python: the README in an empty environment of CPython 3.{version}"), || {
            let empty = Environment::new(&format!("empty-3.{version}"), interpreter).map_err(io::Error::other)?;
            Ok(empty.install(&wheel)? && empty.readme(&[])?)
        })?;
    }
    anstream::eprintln!("   the same wheel in {} version(s) of CPython", interpreters.len());
    Ok(())
}

/// What the package runs of the vectors, as pytest names its tests.
pub(crate) fn vectors() -> Option<String> {
    let python = repository().join(FOLDER).join("env/bin/python");
    let arguments =
        ["-m", "pytest", "--collect-only", "--quiet", "--rootdir", PACKAGE, "bindings-python/tests/test_vectors.py"];
    let listed = output(python.to_str()?, &arguments)?;
    let named = listed.lines().filter_map(|line| line.split_once('[')?.1.strip_suffix(']'));
    Some(named.collect::<Vec<_>>().join("\n"))
}

/// Measures the installed wheel, in an environment with the contestants, and writes the page.
pub(crate) fn bench(page: &Path) -> Outcome {
    let environment = Environment::new("env", &tools_interpreter()?)?;
    step("Python: the contestants", || environment.require(&[TOOLS, "bench/python/requirements.txt"]))?;
    step("Python: the sdist, and the wheel from it", || build(&environment))?;
    let wheel = wheel()?;
    step("Python: installing", || environment.install(&wheel))?;
    step("measuring the Python package", || {
        let mut bench = command(&environment.python().to_string_lossy(), &["bench/python/bench.py"]);
        bench.stdout(fs::File::create(page)?).status().map(|status| status.success())
    })
}

/// Style and types: of the package, its tests, the examples of its README and the application.
fn lint(environment: &Environment) -> Outcome {
    step("Python: style", || {
        Ok(environment.run(PACKAGE, "ruff", &["check", ".", "../examples/python", "../bench/python"])?
            && environment.run(
                PACKAGE,
                "ruff",
                &["format", "--check", "--quiet", ".", "../examples/python", "../bench/python"],
            )?)
    })?;
    let readme = repository().join(FOLDER).join("readme");
    let readme = readme.to_str().ok_or("the path of the repository is no Unicode")?;
    step("Python: types, strict, in mypy", || {
        Ok(environment.readme(&["--write", readme])?
            && environment.run(PACKAGE, "mypy", &["--no-error-summary"])?
            && environment.run(PACKAGE, "mypy", &["--no-error-summary", readme])?)
    })?;
    step("Python: types, strict, in pyright", || {
        let python = environment.python();
        let python = python.to_str().unwrap_or_default();
        Ok(environment.run(PACKAGE, "pyright", &["--pythonpath", python])?
            && environment.run(PACKAGE, "pyright", &["--pythonpath", python, readme])?)
    })?;
    step("Python: stubs against the module, in stubtest", || {
        let allowed = "tests/stubtest-allowlist.txt";
        environment.run(
            PACKAGE,
            "mypy.stubtest",
            &["sandgate", "--concise", "--allowlist", allowed, "--mypy-config-file", "pyproject.toml"],
        )
    })
}

fn build(environment: &Environment) -> io::Result<bool> {
    let dist = repository().join(FOLDER).join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    let dist = dist.to_string_lossy();
    let arguments = ["build", "--release", "--sdist", "--quiet", "--compatibility", "linux", "--out", &dist];
    // The sdist is unpacked elsewhere and built there; what it compiled is kept for the next time.
    let target = repository().join(FOLDER).join("target");
    let mut maturin = environment.command(PACKAGE, "maturin", &arguments);
    maturin.env("CARGO_TARGET_DIR", target).status().map(|status| status.success())
}

fn wheel() -> Result<String, String> {
    let dist = repository().join(FOLDER).join("dist");
    let files = fs::read_dir(dist).map_err(|error| error.to_string())?;
    let mut wheels = files.filter_map(|file| Some(file.ok()?.path()));
    let wheel = wheels.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or("maturin built no wheel")?;
    if !wheel.to_string_lossy().contains("-cp310-abi3-") {
        return Err(format!("{} is not a wheel for every CPython since 3.10", wheel.display()));
    }
    Ok(wheel.to_string_lossy().into_owned())
}

/// Every CPython that the package runs on, the most usual first: what `python3` is, then the rest.
fn interpreters() -> Vec<(u32, PathBuf)> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    let named = (PACKAGE_SINCE..20).map(|minor| PathBuf::from(format!("python3.{minor}")));
    let managed = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let managed = managed.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let managed = managed.and_then(|root| fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    let managed = managed.filter_map(|version| Some(version.ok()?.path().join("bin/python")));
    for path in [PathBuf::from("python3")].into_iter().chain(named).chain(managed) {
        let Some(minor) = minor_version(&path) else { continue };
        if minor >= PACKAGE_SINCE && !found.iter().any(|(known, _)| *known == minor) {
            found.push((minor, path));
        }
    }
    found
}

fn tools_interpreter() -> Result<PathBuf, String> {
    let found = interpreters().into_iter().find(|(version, _)| *version >= TOOLS_SINCE);
    found.map(|(_, interpreter)| interpreter).ok_or_else(|| format!("no CPython 3.{TOOLS_SINCE} or newer is installed"))
}

fn minor_version(interpreter: &Path) -> Option<u32> {
    let code = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.implementation.name)";
    let version = output(interpreter.to_str()?, &["-c", code])?;
    version.trim().strip_prefix("3 ")?.strip_suffix(" cpython")?.parse().ok()
}

/// The folder of the wheels that were fetched, made if it is not there.
fn kept_wheels() -> io::Result<String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let kept = cache.unwrap_or_else(|| repository().join("target")).join("sandgate/wheels");
    fs::create_dir_all(&kept)?;
    Ok(kept.to_string_lossy().into_owned())
}

/// A virtual environment.
struct Environment {
    folder: PathBuf,
}

impl Environment {
    fn new(name: &str, interpreter: &Path) -> Result<Self, String> {
        let folder = repository().join(FOLDER).join(name);
        let environment = Self { folder };
        if !environment.python().exists() {
            let arguments = ["-m", "venv", &environment.folder.to_string_lossy()];
            let made = command(&interpreter.to_string_lossy(), &arguments).status();
            if !made.is_ok_and(|status| status.success()) {
                return Err(format!("{} makes no virtual environment", interpreter.display()));
            }
        }
        Ok(environment)
    }

    fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// A module, in a folder of the repository.
    fn command(&self, folder: &str, module: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = command(&self.python().to_string_lossy(), &["-m", module]);
        command.args(arguments).current_dir(repository().join(folder));
        // What runs tools of its own finds those of the environment.
        command.env("VIRTUAL_ENV", &self.folder);
        command
    }

    fn run(&self, folder: &str, module: &str, arguments: &[&str]) -> io::Result<bool> {
        self.command(folder, module, arguments).status().map(|status| status.success())
    }

    fn pip(&self, verb: &str, arguments: &[&str]) -> std::process::Command {
        let mut pip = self.command(".", "pip", &[verb, "--quiet", "--disable-pip-version-check"]);
        pip.args(arguments);
        pip
    }

    /// Installs what the files name. Wheels are kept outside of the repository, as crates and the
    /// packages of npm are: the index is asked only for what was never fetched.
    fn require(&self, files: &[&str]) -> io::Result<bool> {
        let kept = kept_wheels()?;
        let files = files.iter().flat_map(|file| ["--requirement", file]);
        let files: Vec<&str> = ["--find-links", &kept].into_iter().chain(files).collect();
        let install = || self.pip("install", &[&["--no-index"], &files[..]].concat());
        Ok(install().stderr(Stdio::null()).status()?.success()
            || (self.pip("wheel", &[&["--wheel-dir", &kept], &files[..]].concat()).status()?.success()
                && install().status()?.success()))
    }

    /// Installs the wheel and nothing else.
    fn install(&self, wheel: &str) -> io::Result<bool> {
        let install = self.pip("install", &["--force-reinstall", "--no-deps", "--no-index", wheel]).status();
        install.map(|status| status.success())
    }

    /// Runs the examples of the README.
    fn readme(&self, arguments: &[&str]) -> io::Result<bool> {
        let python = self.python();
        let mut readme = command(&python.to_string_lossy(), &["bindings-python/tests/readme.py"]);
        readme.args(arguments).status().map(|status| status.success())
    }
}
