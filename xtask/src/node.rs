//! The Node package: builds the addon, packs what a release would publish, and checks and tests
//! it where it was installed from the tarballs.

use crate::{
    repository,
    run::{Outcome, command, output, step},
};
use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

const FOLDER: &str = "target/node";
const PACKAGE: &str = "bindings-node";
/// The oldest Node that the package runs on.
const SINCE: u32 = 20;

/// What the build writes and the repository keeps.
const GENERATED: [&str; 2] = ["native.cjs", "native.d.cts"];

pub(crate) fn run() -> Outcome {
    node()?;
    step("Node: the tools", || npm(PACKAGE, &["ci"]))?;
    let before = generated()?;
    step("Node: the addon", || npm(PACKAGE, &["run", "build"]))?;
    if generated()? != before {
        return Err(format!("the build changed {GENERATED:?} in {PACKAGE}; commit what it wrote"));
    }
    step("Node: style", || {
        tool(
            ".",
            "oxlint",
            &["--deny-warnings", "--config", "bindings-node/.oxlintrc.json", PACKAGE, "examples", "bench"],
        )
    })?;
    step("Node: packing", || script(PACKAGE, &["scripts/pack.mjs", &path("packed")]))?;
    let tarball = format!("{}/sandgate-{}.tgz", path("packed"), env!("CARGO_PKG_VERSION"));
    step("Node: metadata, in publint", || tool(PACKAGE, "publint", &["--strict", &tarball]))?;
    step("Node: types of both module systems, in attw", || tool(PACKAGE, "attw", &["--no-color", &tarball]))?;
    let project = project()?;
    step("Node: the README in an empty project", || {
        let readme = repository().join(PACKAGE).join("README.md");
        let tsc = installed("typescript/bin/tsc");
        let runner = repository().join(PACKAGE).join("test/readme.mjs");
        let paths = [&runner, &readme, &tsc].map(|path| path.to_string_lossy().into_owned());
        script(&project, &paths.each_ref().map(String::as_str))
    })?;
    borrow_tools().map_err(|error| format!("{project}: {error}"))?;
    step("Node: types, strict, in tsc", || tool(&project, "tsc", &["--project", "."]))?;
    step("Node: tests of the installed package", || {
        let mut tests = command("node", &["--test", "--test-reporter=dot"]);
        tests.current_dir(repository().join(&project)).env("SANDGATE_REPOSITORY", repository());
        for folder in ["test", "example"] {
            let files = fs::read_dir(repository().join(&project).join(folder))?;
            let files = files.filter_map(|file| Some(file.ok()?.path()));
            tests.args(files.filter(|path| path.to_string_lossy().ends_with(".test.mjs")));
        }
        tests.status().map(|status| status.success())
    })
}

/// Measures the installed package with this Node and with a current one, and writes the page.
pub(crate) fn bench(page: &Path) -> Outcome {
    node()?;
    step("Node: the tools", || npm(PACKAGE, &["ci"]))?;
    step("Node: the contestants", || npm("bench/node", &["ci", "--ignore-scripts"]))?;
    step("Node: the addon", || npm(PACKAGE, &["run", "build"]))?;
    step("Node: packing", || script(PACKAGE, &["scripts/pack.mjs", &path("packed")]))?;
    let package = repository().join(project()?).join("node_modules/sandgate/index.mjs");
    step("measuring the Node package", || {
        let mut bench = command("node", &["bench/node/bench.mjs"]);
        bench.env("SANDGATE", package).stdout(fs::File::create(page)?).status().map(|status| status.success())
    })
}

/// What the package runs of the vectors.
pub(crate) fn vectors() -> Option<String> {
    let vectors = repository().join(FOLDER).join("project/test/vectors.test.mjs");
    output("env", &[&format!("SANDGATE_REPOSITORY={}", repository().display()), "node", vectors.to_str()?, "--list"])
}

/// Fails if there is no Node, or one that is too old.
fn node() -> Outcome {
    let version = output("node", &["--version"]).ok_or("no Node is installed")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= SINCE => Ok(()),
        _ => Err(format!("Node {} is older than {SINCE}", version.trim())),
    }
}

/// An empty project with the package and the binary for this platform, from their tarballs.
fn project() -> Result<String, String> {
    let name = format!("{FOLDER}/project");
    let folder = repository().join(&name);
    let made = || -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{ \"private\": true }\n")
    };
    made().map_err(|error| format!("{name}: {error}"))?;
    step("Node: installing", || {
        let packed = fs::read_dir(repository().join(FOLDER).join("packed"))?;
        let tarballs = packed.filter_map(|file| Some(file.ok()?.path().to_string_lossy().into_owned()));
        let tarballs: Vec<String> = tarballs.filter(|path| path.to_lowercase().ends_with(".tgz")).collect();
        let mut arguments = vec!["install", "--offline"];
        arguments.extend(tarballs.iter().map(String::as_str));
        npm(&name, &arguments)
    })?;
    Ok(name)
}

/// Puts the tests and the example into the project, and the tools they use beside the package.
fn borrow_tools() -> io::Result<()> {
    let project = repository().join(FOLDER).join("project");
    for (from, to) in [(format!("{PACKAGE}/test"), "test"), ("examples/node".into(), "example")] {
        fs::create_dir_all(project.join(to))?;
        for file in fs::read_dir(repository().join(from))? {
            let file = file?;
            fs::copy(file.path(), project.join(to).join(file.file_name()))?;
        }
    }
    fs::copy(repository().join(PACKAGE).join("tsconfig.json"), project.join("tsconfig.json"))?;
    for tool in ["fast-check", "hono", "@hono", "@standard-schema", "@types", "typescript", ".bin"] {
        let link = project.join("node_modules").join(tool);
        if !link.exists() {
            symlink(installed(tool), link)?;
        }
    }
    Ok(())
}

fn installed(module: &str) -> PathBuf {
    repository().join(PACKAGE).join("node_modules").join(module)
}

fn path(name: &str) -> String {
    repository().join(FOLDER).join(name).to_string_lossy().into_owned()
}

fn generated() -> Result<Vec<String>, String> {
    let read = |name: &&str| fs::read_to_string(repository().join(PACKAGE).join(name));
    GENERATED.iter().map(read).collect::<io::Result<_>>().map_err(|error| error.to_string())
}

fn npm(folder: &str, arguments: &[&str]) -> io::Result<bool> {
    // The lock file says what a package has to hash to, so one that was fetched before is as good.
    let mut npm = command("npm", &["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]);
    npm.args(arguments).current_dir(repository().join(folder)).status().map(|status| status.success())
}

/// A tool that `npm ci` installed, in a folder of the repository.
fn tool(folder: &str, name: &str, arguments: &[&str]) -> io::Result<bool> {
    let tool = installed(".bin").join(name);
    let mut tool = command(&tool.to_string_lossy(), arguments);
    tool.current_dir(repository().join(folder)).status().map(|status| status.success())
}

fn script(folder: &str, arguments: &[&str]) -> io::Result<bool> {
    command("node", arguments).current_dir(repository().join(folder)).status().map(|status| status.success())
}
