//! Runs the side-by-side benchmarks, each in a program of its own, and puts their pages together.

use crate::{
    difference, growth, node, python, repository,
    run::{Outcome, cargo, step},
};
use clap::ValueEnum;
use std::{fs, path::Path};

const RESULTS: &str = "bench/RESULTS.md";

/// A part of `bench/RESULTS.md`, by the program that measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Core,
    Python,
    Node,
    Growth,
    Difference,
    Kernel,
    Servers,
}

impl Part {
    /// The first line of its page.
    const fn title(self) -> &'static str {
        match self {
            Self::Core => "# Results",
            Self::Python => "# Python",
            Self::Node => "# Node",
            Self::Growth => "# Growth",
            Self::Difference => "# Differences",
            Self::Kernel => "# Kernel",
            Self::Servers => "# Servers",
        }
    }
}

/// Measures one part, or all, and leaves the others as they are.
pub(crate) fn run(only: Option<Part>) -> Outcome {
    let page = repository().join("target/bench.md");
    let measured = |part: &&Part| only.is_none_or(|only| only == **part);
    for &part in Part::value_variants().iter().filter(measured) {
        match part {
            Part::Core => core(&page)?,
            Part::Python => python::bench(&page)?,
            Part::Node => node::bench(&page)?,
            Part::Growth => growth::bench(&page)?,
            Part::Difference => difference::bench(&page)?,
            Part::Kernel => kernel(&page)?,
            Part::Servers => servers(&page)?,
        }
        let results = repository().join(RESULTS);
        let error = |error: std::io::Error| error.to_string();
        let (before, new) = (fs::read_to_string(&results).map_err(error)?, fs::read_to_string(&page).map_err(error)?);
        fs::write(&results, with_part(&before, part, &new)).map_err(error)?;
    }
    Ok(())
}

/// The page with one part replaced, the parts in their order.
fn with_part(results: &str, part: Part, new: &str) -> String {
    let of = |other: &Part| {
        if *other == part { Some(new.trim_end()) } else { find(results, *other) }
    };
    let parts: Vec<&str> = Part::value_variants().iter().filter_map(of).collect();
    parts.join("\n\n") + "\n"
}

/// The page of a part within all.
fn find(results: &str, part: Part) -> Option<&str> {
    let start = results.find(&format!("{}\n", part.title()))?;
    let page = results.get(start..)?;
    let end = page.match_indices("\n# ").next().map_or(page.len(), |(end, _)| end);
    page.get(..end).map(str::trim_end)
}

fn core(page: &Path) -> Outcome {
    step("building the contestants", || {
        cargo(&["build", "--release", "--manifest-path", "bench/Cargo.toml", "--quiet"])
    })?;
    step("measuring the core", || {
        let page = page.to_string_lossy();
        cargo(&["run", "--release", "--manifest-path", "bench/Cargo.toml", "--quiet", "--", &page])
    })
}

/// In a network namespace of its own; where there can be none, that is a failure.
fn kernel(page: &Path) -> Outcome {
    step("measuring the kernel", || {
        let page = page.to_string_lossy();
        cargo(&["bench", "--package", "sandgate-kernel-tests", "--bench", "scale", "--quiet", "--", &page])
    })
}

/// In network namespaces of their own, as the kernel.
fn servers(page: &Path) -> Outcome {
    let servers = ["--release", "--manifest-path", "servers/Cargo.toml", "--package", "sandgate-load", "--quiet"];
    step("building the servers", || cargo(&[&["build"], &servers[..]].concat()))?;
    step("measuring the servers", || {
        let page = page.to_string_lossy();
        cargo(&[&["run"], &servers[..], &["--", &page]].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_the_others_stay() {
        let both = "# Results\n\n## a\n\n# Python\n\nold\n";
        assert_eq!(with_part(both, Part::Python, "# Python\n\nnew\n"), "# Results\n\n## a\n\n# Python\n\nnew\n");
        assert_eq!(with_part(both, Part::Core, "# Results\n"), "# Results\n\n# Python\n\nold\n");
        assert_eq!(with_part("# Results\n", Part::Python, "# Python\n"), "# Results\n\n# Python\n");
    }
}
