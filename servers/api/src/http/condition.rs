//! Conditional changes: the fingerprint of a policy as an entity tag (RFC 9110).

use super::problem::ApiError;
use crate::control::Condition;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use headers::{ETag, HeaderMapExt, IfMatch};
use std::{convert::Infallible, sync::Arc};

/// The request's `If-Match`. What is no entity tag matches nothing.
pub(super) struct Expected(pub(super) Condition);

impl<S: Send + Sync> FromRequestParts<S> for Expected {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let expected = parts.headers.typed_get::<IfMatch>();
        let is_asked = parts.headers.contains_key(header::IF_MATCH);
        Ok(Self(Arc::new(move |fingerprint| match (&expected, tag(fingerprint).parse::<ETag>()) {
            (None, _) => !is_asked,
            (Some(expected), Ok(tag)) => expected.precondition_passes(&tag),
            (Some(_), Err(_)) => false,
        })))
    }
}

/// The header that tells a fingerprint.
pub(super) fn entity_tag(fingerprint: &str) -> Result<HeaderMap, ApiError> {
    let value = HeaderValue::from_str(&tag(fingerprint)).map_err(|_| ApiError::Internal)?;
    Ok(HeaderMap::from_iter([(header::ETAG, value)]))
}

fn tag(fingerprint: &str) -> String {
    format!("\"{fingerprint}\"")
}
