//! The names of Hickory DNS: what a resolver would look up.

use crate::compare_texts;
use hickory_proto::{ProtoError, rr::Name};
use sandgate::{AddressEntry, DomainPattern, HostName};

/// A name in lower case, its escapes written out, without the dot of the root.
fn name(read: Result<Name, ProtoError>) -> Option<String> {
    let text = read.ok()?.to_lowercase().to_ascii();
    Some(if text.len() > 1 { text.strip_suffix('.').map(str::to_owned).unwrap_or(text) } else { text })
}

pub(crate) fn ascii(text: &str) -> Option<String> {
    name(Name::from_ascii(text))
}

pub(crate) fn unicode(text: &str) -> Option<String> {
    name(Name::from_utf8(text))
}

/// The DNS has no addresses. What is one is not asked.
fn is_name(text: &str) -> bool {
    text.parse::<AddressEntry>().is_err()
}

#[test]
fn hickory_reads_the_same_names_from_the_wire_except_where_listed() {
    let sent = |text: &str| HostName::from_sni(text.as_bytes()).map(|name| name.to_string());
    compare_texts("hickory-ascii", sent, |text| is_name(text).then(|| ascii(text))?);
}

#[test]
fn hickory_reads_the_same_patterns_except_where_listed() {
    let pattern = |text: &str| text.parse::<DomainPattern>().ok().map(|pattern| pattern.to_string());
    compare_texts("hickory-utf8", pattern, |text| is_name(text).then(|| unicode(text))?);
}
