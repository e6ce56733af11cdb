//! The HTTP side: who asks, what for, and what they are answered.

mod auth;
mod body;
mod condition;
mod creation;
mod openapi;
mod problem;
#[expect(unused_qualifications, reason = "utoipa's attribute writes its types with their paths")]
mod sandboxes;

use crate::{control::Control, keys::Keys};
use axum::{Json, Router, http::StatusCode, middleware, routing::get};
use problem::ApiError;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of all documents that are worked on at the same time.
const DOCUMENTS: usize = 512 << 20;

/// What requests are answered with.
#[derive(Debug, Clone)]
struct Api {
    control: Arc<Control>,
    keys: Arc<Keys>,
    /// The bytes that documents may still have together.
    documents: Arc<Semaphore>,
}

/// The routes of the API and its description, which is served at `/openapi.json`.
pub(crate) fn router(control: Arc<Control>, keys: Keys) -> Router {
    let api = Api { control, keys: Arc::new(keys), documents: Arc::new(Semaphore::new(DOCUMENTS)) };
    let (router, description) = documented().split_for_parts();
    let description = openapi::finish(&description);
    router
        .route("/openapi.json", get(move || std::future::ready(Json(description))))
        .fallback(|| std::future::ready(ApiError::status(StatusCode::NOT_FOUND)))
        .method_not_allowed_fallback(|| std::future::ready(ApiError::status(StatusCode::METHOD_NOT_ALLOWED)))
        .layer(middleware::from_fn(problem::as_accepted))
        .with_state(api)
}

/// The description of the API in OpenAPI 3.1. The schemas of the documents are the core's own.
#[must_use]
pub fn description() -> serde_json::Value {
    openapi::finish(&documented().into_openapi())
}

fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(sandboxes::create, sandboxes::list))
        .routes(routes!(sandboxes::show, sandboxes::delete))
        .routes(routes!(sandboxes::replace_network))
        .routes(routes!(sandboxes::pause))
        .routes(routes!(sandboxes::resume))
}
