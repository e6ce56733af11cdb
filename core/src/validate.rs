//! Judges a document: every entry by the language, then what must hold across entries
//! (semantics, section 4).

use crate::{
    config::List,
    diagnostic::{Code, ParseError, Report, pointer},
    document::Sink,
    entry::{ALL_TRAFFIC, AddressEntry, Entry, not_an_address},
    host_mask::HostMask,
    options::{Limits, Options},
    table::MAX_ENTRIES,
};
use alloc::{format, vec::Vec};

/// The values of a document that is valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) allow_out: Vec<Entry>,
    pub(crate) deny_out: Vec<Entry>,
    pub(crate) allow_in: Vec<Entry>,
    pub(crate) deny_in: Vec<Entry>,
    pub(crate) mask: Option<HostMask>,
    pub(crate) internet_access: bool,
    pub(crate) public_traffic: bool,
}

impl Rules {
    pub(crate) fn list(&self, list: List) -> &[Entry] {
        match list {
            List::AllowOut => &self.allow_out,
            List::DenyOut => &self.deny_out,
            List::AllowIn => &self.allow_in,
            List::DenyIn => &self.deny_in,
        }
    }

    fn list_mut(&mut self, list: List) -> &mut Vec<Entry> {
        match list {
            List::AllowOut => &mut self.allow_out,
            List::DenyOut => &mut self.deny_out,
            List::AllowIn => &mut self.allow_in,
            List::DenyIn => &mut self.deny_in,
        }
    }
}

/// What is known of a list besides its entries.
#[derive(Debug, Clone, Copy)]
struct Seen {
    list: List,
    /// The name of the field as it was written.
    name: &'static str,
    /// `None` if the list could not be read as a whole.
    len: Option<usize>,
}

/// A document that was judged.
pub(crate) struct Judged<'o> {
    /// The violations.
    pub(crate) report: Report,
    /// The values, all of them if there is no violation.
    pub(crate) rules: Rules,
    /// The lists in the order of the text, and what each is called there.
    pub(crate) lists: Vec<(List, &'static str)>,
    pub(crate) options: &'o Options,
}

/// Takes a document as it is read and judges it.
pub(crate) struct Checker<'o> {
    options: &'o Options,
    limits: Limits,
    report: Report,
    rules: Rules,
    /// The lists in the order of the text.
    seen: Vec<Seen>,
}

impl<'o> Checker<'o> {
    pub(crate) fn new(options: &'o Options) -> Self {
        let entries_per_list = options.limits.entries_per_list.min(MAX_ENTRIES);
        Self {
            options,
            limits: Limits { entries_per_list, ..options.limits },
            report: Report::new(options.limits.diagnostics),
            rules: Rules {
                allow_out: Vec::new(),
                deny_out: Vec::new(),
                allow_in: Vec::new(),
                deny_in: Vec::new(),
                mask: None,
                internet_access: true,
                public_traffic: true,
            },
            seen: Vec::new(),
        }
    }

    /// The values, or every violation.
    pub(crate) fn finish(mut self) -> Result<Rules, Report> {
        self.require();
        if self.report.is_valid() { Ok(self.rules) } else { Err(self.report) }
    }

    /// Every violation, beside what is known of the document.
    pub(crate) fn judge(mut self) -> Judged<'o> {
        self.require();
        let lists = self.seen.iter().map(|seen| (seen.list, seen.name)).collect();
        Judged { report: self.report, rules: self.rules, lists, options: self.options }
    }

    /// A text that is no JSON has no end, so nothing can be said of what it lacks.
    fn require(&mut self) {
        if self.report.is_broken_off() {
            return;
        }
        let has_pattern = self.rules.allow_out.iter().any(|entry| matches!(entry, Entry::Pattern(_)));
        if has_pattern && self.rules.internet_access {
            self.require_deny_all(
                List::DenyOut,
                "`allowOut` has domain patterns, and they restrict nothing while other egress is allowed",
            );
        }
        if self.of(List::AllowIn).is_some_and(|seen| seen.len != Some(0)) {
            self.require_deny_all(
                List::DenyIn,
                "`allowIn` has entries, and they restrict nothing while other ingress is allowed",
            );
        }
    }

    fn require_deny_all(&mut self, list: List, why: &'static str) {
        let seen = self.of(list);
        let is_read = seen.is_none_or(|seen| seen.len.is_some());
        if is_read && !self.rules.list(list).contains(&Entry::Address(AddressEntry::ALL_TRAFFIC)) {
            let name = seen.map_or(list.as_str(), |seen| seen.name);
            let error = ParseError::new(Code::MissingDenyAll, why).advise(format!("add `{ALL_TRAFFIC}` to `{name}`"));
            self.report.push(|| pointer(name), error);
        }
    }

    fn of(&self, list: List) -> Option<Seen> {
        self.seen.iter().find(|seen| seen.list == list).copied()
    }
}

impl Sink for Checker<'_> {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    fn entry(&mut self, list: List, name: &'static str, index: usize, text: &str) {
        match parse_for(list, text, self.options) {
            Ok(entry) => self.rules.list_mut(list).push(entry),
            Err(error) => self.report.push(|| format!("/{name}/{index}"), error),
        }
    }

    fn list(&mut self, list: List, name: &'static str, len: Option<usize>) {
        self.seen.push(Seen { list, name, len });
    }

    fn mask(&mut self, name: &'static str, text: &str) {
        match text.parse() {
            Ok(mask) => self.rules.mask = Some(mask),
            Err(error) => self.report.push(|| pointer(name), error),
        }
    }

    fn internet_access(&mut self, allowed: bool) {
        self.rules.internet_access = allowed;
    }

    fn public_traffic(&mut self, allowed: bool) {
        self.rules.public_traffic = allowed;
    }
}

/// Reads an entry as one of this list. A repair is only offered if this list takes it.
fn parse_for(list: List, text: &str, options: &Options) -> Result<Entry, ParseError> {
    let takes = |entry: Entry| match refusal(list, &entry, options) {
        None => Ok(entry),
        Some(error) => Err(error),
    };
    let is_taken = |text: &str| Entry::read(text).is_ok_and(|entry| takes(entry).is_ok());
    Entry::read(text).and_then(takes).map_err(|error| error.keep_offers(is_taken))
}

/// an entry of the language that this list does not take.
fn refusal(list: List, entry: &Entry, options: &Options) -> Option<ParseError> {
    let capabilities = options.capabilities;
    match (list, entry) {
        (List::AllowOut, Entry::Pattern(_)) => None,
        (_, Entry::Pattern(pattern)) => Some(not_an_address(pattern)),
        (List::AllowOut | List::DenyOut, Entry::Address(entry))
            if !entry.ports().is_all() && !capabilities.egress_ports =>
        {
            Some(
                ParseError::new(
                    Code::PortsNotEnabled,
                    format!("`{entry}` has ports, and egress ports are not enabled"),
                )
                .advise("this platform enforces egress by address only; remove the entry, or enable egress ports"),
            )
        }
        (List::AllowIn, Entry::Address(entry)) if entry.network().is_ipv6() && !capabilities.ipv6_ingress => Some(
            ParseError::new(Code::Ipv6IngressNotEnabled, format!("`{entry}` is IPv6, and IPv6 ingress is not enabled"))
                .advise("this platform denies every IPv6 client; remove the entry, or enable IPv6 ingress"),
        ),
        _ => None,
    }
}
