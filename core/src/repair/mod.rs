//! Turns a legacy document into a strict one where its meaning is certain, and says what it did.
//!
//! ```text
//!     mod.rs         which entries are rewritten or removed, and why
//!        |
//!     entry.rs       one text, as it is to be written
//!     removal.rs     elements taken out of a list of a JSON text
//! ```
//!
//! What an entry is, is read by the language, and which entries have no effect is told by the
//! warnings. Here is only decided which of that is certain enough to be written into a file.

mod entry;
mod removal;

pub use entry::HostBits;

use crate::{
    config::{Form, List, NetworkConfig, check},
    diagnostic::{Code, Diagnostic, Report},
    options::Options,
    source::Source,
};
use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::Range};
use entry::Rewritten;
use serde::Serialize;
use serde_json::Value;

/// What may be repaired besides what is always repaired: leading zeros of prefix lengths, upper
/// case, trailing dots, and entries that stand twice in a list that is read.
///
/// ```
/// use sandgate::{HostBits, Options, Repairs, repair};
///
/// let legacy = r#"{"denyIn": ["10.1.2.3/8", "10.0.0.0/08"]}"#;
/// assert!(repair(legacy, Repairs::default(), &Options::default()).is_err());
///
/// let how = Repairs { host_bits: Some(HostBits::Network), ..Repairs::default() };
/// let repaired = repair(legacy, how, &Options::default()).unwrap();
/// assert_eq!(repaired.text, r#"{"denyIn": ["10.0.0.0/8"]}"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "built by hand with `..Default::default()`")]
pub struct Repairs {
    /// What an address with bits beyond its prefix length means (G-7). `None`: it is not known,
    /// and such an entry is refused.
    pub host_bits: Option<HostBits>,
    /// Whether entries are removed that another entry of their list covers.
    pub minimize: bool,
}

/// A document that is valid, and what was done to make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The text of the document. Every byte that no repair is about is as it was.
    pub text: String,
    /// What was done, list by list and in the order of the entries.
    pub repairs: Vec<Repair>,
}

/// One entry that was rewritten or removed.
///
/// ```
/// use sandgate::{Options, Repairs, repair};
///
/// let repaired = repair(r#"{"denyIn": ["10.0.0.0/08"]}"#, Repairs::default(), &Options::default()).unwrap();
/// let told = "`denyIn[0]` `10.0.0.0/08` is `10.0.0.0/8`: the prefix length has a leading zero";
/// assert_eq!(repaired.repairs[0].to_string(), told);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repair {
    /// The list of the entry.
    pub list: List,
    /// Its place in the list as it was, counted from 0.
    pub index: usize,
    /// What stood there.
    pub before: String,
    /// What stands there now; `None` if it was removed.
    pub after: Option<String>,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, index, before, after, reasons } = self;
        // A text that was refused may hold anything.
        write!(f, "`{list}[{index}]` `{}` is ", before.escape_debug())?;
        match after {
            Some(after) => write!(f, "`{after}`")?,
            None => f.write_str("removed")?,
        }
        write!(f, ": {}", reasons.join(", "))
    }
}

/// A document that cannot be repaired: something is left that only its author can decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
#[non_exhaustive]
pub struct Unrepaired {
    /// What could be repaired. Nothing of it makes the document valid.
    pub repairs: Vec<Repair>,
    /// The text with those repairs: what the report is about.
    pub text: String,
    /// Everything that is left.
    pub report: Report,
}

/// Rewrites the entries of a configuration whose meaning is certain, and removes those that stand
/// in their list twice.
///
/// The result is valid under `options` and means what the document said: no entry is guessed at.
/// A leading zero is removed only if no reader takes the number as octal: `/08` is 8, and `/010`
/// is 8 for some programs and 10 for others.
///
/// With [`Repairs::minimize`], entries that another one covers are removed as well. The policy is
/// then [`equivalent`](crate::equivalent) to the one before.
///
/// # Errors
///
/// Everything that is wrong with the document once it is repaired as far as it can be.
///
/// ```
/// use sandgate::{Options, Repairs, repair};
///
/// let legacy = r#"{"allowOut": ["Example.COM.", "10.0.0.0/016"], "denyOut": ["0.0.0.0/0"]}"#;
/// let unrepaired = repair(legacy, Repairs::default(), &Options::default()).unwrap_err();
/// assert_eq!(unrepaired.repairs[0].after.as_deref(), Some("example.com"));
/// assert_eq!(unrepaired.report.diagnostics()[0].path(), "/allowOut/1");
/// ```
pub fn repair(text: &str, repairs: Repairs, options: &Options) -> Result<Repaired, Unrepaired> {
    let Changes { edits, repairs: done } = rewrite(text, repairs.host_bits, options);
    let once = edited(text, edits);
    let report = check(&once, Form::Config, options);
    if !report.is_valid() {
        return Err(Unrepaired { text: once, repairs: done, report });
    }
    let removed = superfluous(&once, repairs.minimize, options);
    let text = edited(&once, removed.edits);
    // What is removed may have been rewritten before: then it is one repair with both reasons.
    let mut all: BTreeMap<(List, usize), Repair> =
        done.into_iter().map(|repair| ((repair.list, repair.index), repair)).collect();
    for removal in removed.repairs {
        match all.entry((removal.list, removal.index)) {
            Entry::Occupied(mut rewritten) => {
                let repair = rewritten.get_mut();
                repair.after = None;
                repair.reasons.extend(removal.reasons);
            }
            Entry::Vacant(place) => {
                place.insert(removal);
            }
        }
    }
    Ok(Repaired { text, repairs: all.into_values().collect() })
}

/// Lists may stand in any order in the text.
fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_unstable_by_key(|(place, _)| place.start);
    Source::new(text).edited(&edits)
}

/// Changes of a text, and the repairs that they are.
#[derive(Default)]
struct Changes {
    edits: Vec<(Range<usize>, String)>,
    repairs: Vec<Repair>,
}

/// The entries that are to be written differently. None where not even the shape of the document
/// is right: then nobody knows which entries there are.
fn rewrite(text: &str, host_bits: Option<HostBits>, options: &Options) -> Changes {
    let mut changes = Changes::default();
    let Ok(config) = NetworkConfig::from_json_within(text, options.limits) else { return changes };
    for list in List::ALL {
        let places = Source::new(text).elements(list.as_str());
        for (index, (place, before)) in places.into_iter().zip(config.list(list)).enumerate() {
            let Rewritten { text: after, reasons } = Rewritten::of(before, host_bits);
            if !reasons.is_empty() {
                changes.edits.push((place, Value::from(after.as_str()).to_string()));
                changes.repairs.push(Repair { list, index, before: before.clone(), after: Some(after), reasons });
            }
        }
    }
    changes
}

/// The entries that a valid document does not need, by what its warnings say of them.
fn superfluous(text: &str, minimize: bool, options: &Options) -> Changes {
    let mut changes = Changes::default();
    // Of the warnings none may be left out.
    let mut all = options.clone();
    all.limits.diagnostics = usize::MAX;
    let report = check(text, Form::Config, &all);
    let Ok(config) = NetworkConfig::from_json_within(text, options.limits) else { return changes };
    let is_meant = |warning: &&Diagnostic| match warning.code() {
        Code::DuplicateEntry => true,
        Code::CoveredEntry => minimize,
        _ => false,
    };
    let meant: Vec<&Diagnostic> = report.diagnostics().iter().filter(is_meant).collect();
    for list in List::ALL {
        let here = |warning: &&Diagnostic| {
            let (name, index) = warning.path().strip_prefix('/')?.split_once('/')?;
            let index: usize = (name == list.as_str()).then_some(index)?.parse().ok()?;
            Some((index, warning.message().to_string()))
        };
        let reasons: BTreeMap<usize, String> = meant.iter().filter_map(here).collect();
        let places = Source::new(text).elements(list.as_str());
        changes.edits.extend(removal::of_elements(&places, |index| reasons.contains_key(&index)));
        changes.repairs.extend(reasons.into_iter().map(|(index, reason)| Repair {
            list,
            index,
            before: config.list(list).get(index).cloned().unwrap_or_default(),
            after: None,
            reasons: [reason].into(),
        }));
    }
    changes
}
