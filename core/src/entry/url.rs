//! What people paste where a name belongs: pieces of a URL, each told apart (N-5).

use super::marks::Marks;
use crate::diagnostic::{Code, ParseError};
use core::ops::Range;

/// The marks that no entry has, judged before anything else.
pub(super) fn marks(text: &str) -> Option<ParseError> {
    if let Some(scheme) = text.find("://") {
        let error = error(Code::SchemeInPattern, "a domain pattern has no scheme", 0..scheme.saturating_add(3));
        return Some(repaired(error, text));
    }
    let end = text.len();
    let found = text
        .rfind('@')
        .map(|at| error(Code::UserInfoInPattern, "a domain pattern has no user information", 0..at.saturating_add(1)))
        .or_else(|| text.find('?').map(|at| error(Code::QueryInPattern, "a domain pattern has no query", at..end)))
        .or_else(|| {
            text.find('#').map(|at| error(Code::FragmentInPattern, "a domain pattern has no fragment", at..end))
        })?;
    Some(repaired(found, text))
}

/// The marks that address entries have and names do not, judged once the text is known not to
/// look like an address.
pub(super) fn leftovers(text: &str) -> Option<ParseError> {
    let end = text.len();
    let found = text
        .find('/')
        .map(|at| error(Code::PathInPattern, "a domain pattern has no path", at..end))
        .or_else(|| {
            let at = text.find('%')?;
            Some(error(Code::PercentInPattern, "a domain pattern has no percent sign", at..at.saturating_add(1)))
        })
        .or_else(|| {
            text.find(':')
                .map(|at| error(Code::PortInPattern, "a domain pattern has no port: it means every port", at..end))
        })?;
    Some(repaired(found, text))
}

fn error(code: Code, message: &'static str, span: Range<usize>) -> ParseError {
    ParseError::new(code, message).at(span)
}

/// Offers the host that the URL names, with its port if it is an address.
fn repaired(error: ParseError, text: &str) -> ParseError {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let best = if Marks::of(authority).look_like_address(authority) { authority } else { host };
    // A bare `*` would open everything, which nobody who wrote a URL has asked for.
    error.offer((best != "*").then(|| best.into()))
}
