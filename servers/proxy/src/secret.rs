//! Secrets that requests carry, and the headers that carry them.

use hyper::header::{HeaderMap, HeaderName};
use std::fmt;
use subtle::ConstantTimeEq;

/// Carries what an edge shows to a node, so that the node takes its word for the client address.
pub const EDGE_SECRET: HeaderName = HeaderName::from_static("sandgate-edge-secret");

/// Carries what a client shows if the public traffic of a sandbox is off.
pub const TRAFFIC_ACCESS_TOKEN: HeaderName = HeaderName::from_static("sandgate-traffic-access-token");

/// A secret. It is not printed, and how long a comparison takes says nothing but its length.
///
/// ```
/// use sandgate_proxy::Secret;
///
/// assert!(Secret::new("s3cret").is(b"s3cret"));
/// assert!(!Secret::new("").is(b""), "no secret is no proof");
/// assert_eq!(format!("{:?}", Secret::new("s3cret")), "Secret");
/// ```
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// The secret with this text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for the header that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether that is the secret. The empty one is nobody's.
    #[must_use]
    pub fn is(&self, shown: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_bytes().ct_eq(shown))
    }

    /// Whether the headers show it, exactly once.
    #[must_use]
    pub fn is_shown(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => self.is(value.as_bytes()),
            _ => false,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
