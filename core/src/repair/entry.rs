//! One entry, as it is to be written.

use crate::{
    diagnostic::{Code, ParseError},
    entry::{Entry, is_other_in_octal},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// What is meant by an address with bits beyond its prefix length (G-7): `10.1.2.3/8`.
///
/// ```
/// use sandgate::{HostBits, Options, Repairs, repair};
///
/// let read = |host_bits| {
///     let how = Repairs { host_bits: Some(host_bits), ..Repairs::default() };
///     repair(r#"{"denyIn": ["10.1.2.3/8"]}"#, how, &Options::default()).unwrap().text
/// };
/// assert_eq!(read(HostBits::Network), r#"{"denyIn": ["10.0.0.0/8"]}"#);
/// assert_eq!(read(HostBits::Address), r#"{"denyIn": ["10.1.2.3/32"]}"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the network or the address")]
pub enum HostBits {
    /// The network that the address lies in: `10.0.0.0/8`.
    Network,
    /// The one address: `10.1.2.3/32`.
    Address,
}

/// A text with everything rewritten that is certain.
pub(super) struct Rewritten {
    pub(super) text: String,
    /// What was done; nothing if the text is as it was.
    pub(super) reasons: Vec<String>,
}

/// A text has a prefix length, two ports and host bits, and each can be repaired once.
const MOST: usize = 4;

impl Rewritten {
    /// The text may still be no entry: then something is left that is not certain.
    pub(super) fn of(written: &str, host_bits: Option<HostBits>) -> Self {
        let mut rewritten = Self { text: written.to_string(), reasons: Vec::new() };
        for _ in 0..MOST {
            let Err(error) = Entry::read(&rewritten.text) else { break };
            let Some((text, reason)) = repaired(&rewritten.text, &error, host_bits) else { return rewritten };
            rewritten.text = text;
            rewritten.reasons.push(reason);
        }
        rewritten.fold();
        rewritten
    }

    /// Lower case, and no dot at the end (G-10, N-3), if that is the same entry.
    fn fold(&mut self) {
        let Ok(entry) = Entry::read(&self.text) else { return };
        let mut folded = self.text.to_ascii_lowercase();
        let has_upper_case = folded != self.text;
        let has_dot = folded.ends_with('.');
        if has_dot {
            folded.pop();
        }
        if Entry::read(&folded).as_ref() != Ok(&entry) {
            return;
        }
        let why = [(has_upper_case, "it has letters in upper case"), (has_dot, "it ends in a dot")];
        self.reasons.extend(why.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why.to_string()));
        self.text = folded;
    }
}

/// What to write instead of a text that is no entry, and why; `None` if that is not certain. Which
/// texts there are to choose from is what the error offers.
fn repaired(text: &str, error: &ParseError, host_bits: Option<HostBits>) -> Option<(String, String)> {
    let (repaired, reason) = match (error.code(), error.offers(), host_bits) {
        (Code::LeadingZero, [decimal], _) if !is_other_in_octal(text.get(error.span()?)?) => (decimal, error.message()),
        // Where only the address is offered there is no such network to write.
        (Code::HostBits, [network, _], Some(HostBits::Network)) => {
            (network, "it has bits beyond its prefix length, and the network is meant")
        }
        (Code::HostBits, [.., address], Some(HostBits::Address)) => {
            (address, "it has bits beyond its prefix length, and the address is meant")
        }
        _ => return None,
    };
    Some((repaired.clone(), reason.to_string()))
}
