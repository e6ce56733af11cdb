//! What a client reads whose request goes nowhere: a page or JSON, and nothing of the inside.

use crate::Broken;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, VARY},
};

/// The body of an answer: a page, or what the next hop sends.
pub type Body = UnsyncBoxBody<Bytes, Broken>;

/// Why a request goes nowhere, as far as its client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request does not name one host.
    Malformed,
    /// 403: the sandbox does not take this request.
    Denied,
    /// 404: there is no such sandbox.
    NoSandbox,
    /// 502: nothing answers, or nothing that can be understood.
    Unreachable,
    /// 503: too much is under way.
    Busy,
    /// 504: no answer in time.
    TimedOut,
}

impl Refusal {
    /// The status, and one sentence.
    #[must_use]
    pub const fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "The request does not name one host."),
            Self::Denied => (StatusCode::FORBIDDEN, "The sandbox does not accept this request."),
            Self::NoSandbox => (StatusCode::NOT_FOUND, "There is no such sandbox."),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "The sandbox does not answer on this port."),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests are under way."),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "The sandbox did not answer in time."),
        }
    }

    /// The answer in the form that the headers of the request prefer.
    #[must_use]
    pub fn answer(self, headers: &HeaderMap) -> Response<Body> {
        let (status, sentence) = self.parts();
        let title = status.canonical_reason().unwrap_or_default();
        let code = status.as_u16();
        let (kind, text) = if prefers_page(headers) {
            let page = format!(
                "<!doctype html>\n<html lang=\"en\">\n<title>{code} {title}</title>\n<h1>{title}</h1>\n<p>{sentence}</p>\n</html>\n"
            );
            ("text/html; charset=utf-8", page)
        } else {
            ("application/json", format!("{{\"status\":{code},\"title\":\"{title}\",\"detail\":\"{sentence}\"}}\n"))
        };
        let mut answer = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        // The next request may be answered otherwise: a policy changes.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        answer
    }
}

/// Whether a page is asked for by name, and not less than JSON. Browsers do; who accepts anything
/// is a program.
fn prefers_page(headers: &HeaderMap) -> bool {
    let (mut page, mut json) = (0.0_f32, 0.0_f32);
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        let weight = weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
        if kind.eq_ignore_ascii_case("text/html") {
            page = page.max(weight);
        } else if kind.eq_ignore_ascii_case("application/json") {
            json = json.max(weight);
        }
    }
    page > 0.0 && page >= json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_who_asks_for_one() {
        let prefers = |accept| prefers_page(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]));
        assert!(prefers("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(prefers("application/json;q=0.5, TEXT/HTML"));
        for accept in ["*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0", "text/html;q=x"]
        {
            assert!(!prefers(accept), "{accept}");
        }
        assert!(!prefers_page(&HeaderMap::new()));
    }
}
