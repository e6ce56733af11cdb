//! Who asks.

use super::{Api, problem::ApiError};
use axum::{extract::FromRequestParts, http::request::Parts};
use headers::{Authorization, HeaderMapExt, authorization::Bearer};

/// The team whose API key the request carries, as `Authorization: Bearer KEY`.
pub(super) struct Team(pub(super) String);

impl FromRequestParts<Api> for Team {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let key = parts.headers.typed_get::<Authorization<Bearer>>().ok_or(ApiError::Unauthorized)?;
        api.keys.team(key.token()).map(|team| Self(team.to_owned())).ok_or(ApiError::Unauthorized)
    }
}
