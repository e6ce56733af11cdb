//! Reads the text of a document, no more of it than a document may have, in bounded time.

use super::{Api, problem::ApiError};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use http_body_util::BodyExt;
use sandgate::Room;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The text of a JSON document, which nobody has read yet. It holds its share of the memory that
/// documents may take together.
pub(super) struct Document {
    pub(super) text: String,
    /// Of the memory of all documents.
    _share: Option<OwnedSemaphorePermit>,
}

impl FromRequest<Api> for Document {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let (bytes, share) = tokio::time::timeout(api.control.times().document, bounded(body, api))
            .await
            .map_err(|_| ApiError::status(StatusCode::REQUEST_TIMEOUT))??;
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !media_type.map_or(bytes.is_empty(), is_json) {
            return Err(ApiError::status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let text = String::from_utf8(bytes).map_err(|_| ApiError::NotUtf8)?;
        Ok(Self { text, _share: share })
    }
}

/// The core says how much a document may have, and what it is called to have more.
async fn bounded(mut body: Body, api: &Api) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), ApiError> {
    let mut room = Room::new(api.control.options().limits);
    let (mut bytes, mut share) = (Vec::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::status(StatusCode::BAD_REQUEST))?;
        if let Some(data) = frame.data_ref() {
            room.text(data.len()).map_err(|report| ApiError::Invalid { report, within: "" })?;
            let length = u32::try_from(data.len()).map_err(|_| ApiError::Internal)?;
            // Nobody waits for memory, holding some already.
            let more = Arc::clone(&api.documents)
                .try_acquire_many_owned(length)
                .map_err(|_| ApiError::status(StatusCode::SERVICE_UNAVAILABLE))?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok((bytes, share))
}

/// Parameters say nothing: JSON is always UTF-8.
fn is_json(media_type: &str) -> bool {
    media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
