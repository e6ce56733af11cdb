//! Names and suffixes.

use alloc::{boxed::Box, vec::Vec};

/// A name, or everything that ends in a suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NameRule {
    /// The exact name; or, for a suffix, what a name ends in, with its leading dot.
    bytes: Box<[u8]>,
    is_suffix: bool,
    index: u32,
}

/// Patterns over normalised names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NameTable {
    rules: Box<[NameRule]>,
}

impl NameTable {
    /// Compiles patterns, each with the caller's number, in document order: `name`, `*.name`, `*`.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = (u32, &'p str)>) -> Self {
        let rules: Vec<NameRule> = patterns
            .map(|(index, pattern)| {
                let suffix = pattern.strip_prefix('*');
                NameRule { bytes: suffix.unwrap_or(pattern).as_bytes().into(), is_suffix: suffix.is_some(), index }
            })
            .collect();
        Self { rules: rules.into() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The number of the first pattern that matches a normalised name without empty labels.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u32> {
        let matches =
            |rule: &&NameRule| if rule.is_suffix { name.ends_with(&rule.bytes) } else { name == &*rule.bytes };
        self.rules.iter().find(matches).map(|rule| rule.index)
    }
}
