//! What the embedding program decides: guardrails, capabilities and limits.

use crate::guardrails::Guardrails;
use serde::{Deserialize, Serialize};

/// Everything besides the document that shapes a policy. It is part of the policy: two policies
/// that differ in it are different (H-3).
///
/// ```
/// use sandgate::{Capabilities, Guardrails, Options};
///
/// let options = Options {
///     capabilities: Capabilities { egress_ports: true, ..Default::default() },
///     ..Default::default()
/// };
/// assert_eq!(options.guardrails, Guardrails::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::exhaustive_structs, reason = "built with `..Default::default()`")]
pub struct Options {
    /// The operator's layer (section 6).
    pub guardrails: Guardrails,
    /// What the platform can do beyond the reference platform (R-4, R-6).
    pub capabilities: Capabilities,
    /// How much a document may hold (D-6).
    pub limits: Limits,
}

/// What the platform enforces beyond the reference platform. Default: neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::exhaustive_structs, reason = "built with `..Default::default()`")]
pub struct Capabilities {
    /// Entries of `allowOut` and `denyOut` may have ports (R-4).
    pub egress_ports: bool,
    /// Entries of `allowIn` may be IPv6, and IPv6 clients are judged by the lists (R-6, I-4).
    pub ipv6_ingress: bool,
}

/// How much a document may hold; checked before work is done in proportion to it (D-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::exhaustive_structs, reason = "built with `..Default::default()`")]
pub struct Limits {
    /// Bytes of a document's JSON text. Default: 16 MiB.
    pub document_bytes: usize,
    /// Entries of one list. Default: 100,000. At most 524,288, whatever is set.
    pub entries_per_list: usize,
    /// Bytes of one entry or of the mask. Default: 1,024.
    pub entry_bytes: usize,
    /// Diagnostics that a report keeps; it counts the rest. Default: 100.
    pub diagnostics: usize,
}

impl Limits {
    /// None but what a table can hold.
    pub(crate) const NONE: Self =
        Self { document_bytes: usize::MAX, entries_per_list: usize::MAX, entry_bytes: usize::MAX, diagnostics: 1 };
}

impl Default for Limits {
    fn default() -> Self {
        Self { document_bytes: 16 << 20, entries_per_list: 100_000, entry_bytes: 1024, diagnostics: 100 }
    }
}
