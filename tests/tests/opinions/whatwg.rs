//! `url::Host`: the host parser of the WHATWG URL standard, as browsers and HTTP clients have it.

use crate::{address, compare_texts, host};
use url::Host;

/// An IPv6 address is put in brackets first, as every caller has to.
pub(crate) fn url_host(text: &str) -> Option<String> {
    let bare = text.matches(':').count() > 1 && !text.contains(['[', ']']);
    let host = if bare { Host::parse(&format!("[{text}]")) } else { Host::parse(text) };
    Some(match host.ok()? {
        // Both know the absolute form of a name, and only a resolver tells the two apart.
        Host::Domain(name) => name.strip_suffix('.').unwrap_or(&name).to_owned(),
        Host::Ipv4(ip) => address(ip),
        Host::Ipv6(ip) => address(ip),
    })
}

#[test]
fn url_reads_the_same_hosts_except_where_listed() {
    compare_texts("url-host", host, url_host);
}
