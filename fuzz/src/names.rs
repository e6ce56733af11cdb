//! Patterns and host names as clients send them, read by the obvious evaluator and by `url`.

use sandgate::{DomainPattern, HostName, List};
use sandgate_conformance::{
    naive::{self, Seen},
    vector::{Case, Query},
};
use url::Host;

/// The input is a pattern, a line feed, and what was sent.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (pattern, sent) = (str::from_utf8(&data[..end]), &data[end + 1..]);
    let (sni, header) = (HostName::from_sni(sent), HostName::from_header(sent));
    let text = |name: Option<&HostName>| name.map(ToString::to_string);
    assert_eq!(text(sni.as_ref()), naive::host_name(Seen::Sni(sent)));
    assert_eq!(text(header.as_ref()), naive::host_name(Seen::Header(sent)));

    if let (Ok(pattern), Some(name)) = (pattern.map(str::parse::<DomainPattern>), &header)
        && let Ok(pattern) = pattern
    {
        let matches = pattern.matches(name);
        assert_eq!(matches, naive::matches(pattern.as_str(), name.as_str()), "{pattern} and {name}");
    }
    compare_with_url(sent, sni.as_ref());
}

/// Whatever is a name here is the same name to `url`, and what is an address to `url` is no name
/// here: no browser connects to an address under a name that a pattern allows.
fn compare_with_url(sent: &[u8], name: Option<&HostName>) {
    let Ok(text) = str::from_utf8(sent) else { return };
    match (name, Host::parse(text)) {
        (Some(name), Ok(Host::Domain(domain))) => assert_eq!(domain.trim_end_matches('.'), name.as_str()),
        (Some(name), Ok(address)) => panic!("{name} is {address} to `url`"),
        // N-7: an encoded label is not decoded here, and `url` refuses one that is badly encoded.
        (Some(name), Err(why)) => assert!(name.as_str().contains("xn--"), "{name}: {why}"),
        (None, _) => {}
    }
}

/// The names of the vectors, each with every pattern of its policy.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let Case::Decide { policy, queries, .. } = case else { return Vec::new() };
    let patterns = policy.get(List::AllowOut.as_str()).and_then(|list| list.as_array());
    let patterns: Vec<&str> = patterns.into_iter().flatten().filter_map(|entry| entry.as_str()).collect();
    let names = queries.iter().filter_map(|asked| match &asked.query {
        Query::Egress { host, sni, .. } => host.as_deref().or(sni.as_deref()),
        Query::Ingress { .. } => None,
    });
    names.flat_map(|name| patterns.iter().map(move |pattern| format!("{pattern}\n{name}").into_bytes())).collect()
}
