//! Entries and answers taken out of a policy, as data.

use crate::{
    config::List,
    decision::{DecidingEntry, Reason, Ruling},
    entry::{DomainPattern, Entry, HostName},
};
use core::fmt;
use serde::{Serialize, Serializer};

/// Whose connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum Direction {
    /// From the sandbox.
    Egress,
    /// To the sandbox.
    Ingress,
}

impl Direction {
    /// `egress` or `ingress`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }

    /// The list that allows, and the list that denies.
    pub(crate) const fn lists(self) -> [List; 2] {
        match self {
            Self::Egress => [List::AllowOut, List::DenyOut],
            Self::Ingress => [List::AllowIn, List::DenyIn],
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry of a policy, taken out of it.
///
/// It displays as its place and its canonical text (G-10), and serializes with the fields `list`,
/// `index` and `text`, as the deciding entry of `sandgate decide` does.
///
/// ```
/// use sandgate::{Options, Policy};
///
/// let policy = Policy::from_json(r#"{"denyIn": ["192.0.2.1", ":22"]}"#, &Options::default())?;
/// let entry = policy.explain_ingress("203.0.113.7".parse().ok(), 22).entry.unwrap();
/// assert_eq!(entry.to_string(), "`denyIn[1]` `0.0.0.0/0:22`");
/// let json = serde_json::to_value(&entry).unwrap();
/// assert_eq!(json, serde_json::json!({"list": "denyIn", "index": 1, "text": "0.0.0.0/0:22"}));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CitedEntry {
    /// The list it stands in.
    pub list: List,
    /// Its place in the list, counted from 0.
    pub index: usize,
    /// The entry; its `Display` is the canonical text.
    #[serde(rename = "text")]
    pub entry: Entry,
}

impl From<DecidingEntry<'_>> for CitedEntry {
    fn from(entry: DecidingEntry<'_>) -> Self {
        Self { list: entry.list(), index: entry.index(), entry: entry.entry().clone() }
    }
}

impl fmt::Display for CitedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}[{}]` `{}`", self.list, self.index, self.entry)
    }
}

/// Types that are written as their stable text.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            /// The stable text.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

as_text!(List, Reason, Ruling, Entry, HostName, DomainPattern);
