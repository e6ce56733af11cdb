//! The requests about sandboxes.

use super::{
    Api,
    auth::Team,
    body::Document,
    condition::{Expected, entity_tag},
    creation,
    problem::{ApiError, Problem},
};
use crate::store::{Sandbox, State, Summary};
use axum::{
    Json,
    extract::{Path, Query, State as Given},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use sandgate::{Form, NetworkConfig, NetworkUpdate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A sandbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SandboxView {
    /// Its name.
    id: String,
    /// Whether it runs.
    #[schema(schema_with = super::openapi::state)]
    state: State,
    /// Its network policy, as written.
    #[schema(schema_with = super::openapi::network_config)]
    network: NetworkConfig,
    /// The fingerprint of the policy, which is also the entity tag.
    fingerprint: String,
    /// Counts up with every change.
    generation: u64,
    /// Whether the node is known to run this generation. If not, it is being brought to it.
    settled: bool,
    /// What requests to the sandbox carry if public traffic is off.
    traffic_access_token: String,
}

impl From<Sandbox> for SandboxView {
    fn from(sandbox: Sandbox) -> Self {
        let shown = sandbox.previous.unwrap_or(sandbox.stored);
        Self {
            id: sandbox.id,
            state: shown.state,
            network: shown.config,
            fingerprint: shown.fingerprint,
            generation: shown.generation,
            settled: sandbox.settled,
            traffic_access_token: sandbox.traffic_access_token,
        }
    }
}

/// A sandbox, in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SandboxSummary {
    /// Its name.
    id: String,
    /// Whether it runs.
    #[schema(schema_with = super::openapi::state)]
    state: State,
    /// The fingerprint of its policy.
    fingerprint: String,
    /// Counts up with every change.
    generation: u64,
    /// Whether the node is known to run this generation.
    settled: bool,
}

impl From<Summary> for SandboxSummary {
    fn from(Summary { id, state, fingerprint, generation, settled }: Summary) -> Self {
        Self { id, state, fingerprint, generation, settled }
    }
}

/// Some of a team's sandboxes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    /// In the order of their names.
    sandboxes: Vec<SandboxSummary>,
    /// What to ask for next, as `after`. Absent: these were the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which sandboxes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Those whose names come after this one.
    #[serde(default)]
    after: String,
    /// How many at most, from 1 to 1000.
    #[serde(default = "hundred")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u16,
}

const fn hundred() -> u16 {
    100
}

/// Creates a sandbox, and starts it.
#[utoipa::path(
    post, path = "/sandboxes", tag = "sandboxes",
    request_body(content = ref("#/components/schemas/SandboxCreation"), description = "May be empty."),
    responses(
        (status = 201, description = "It runs.", body = SandboxView, headers(
            ("etag" = String, description = "The fingerprint of its policy."),
            ("location" = String, description = "Where it is found."),
        )),
        (status = 400, description = "The document is not valid; all that is wrong with it.", body = Problem),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 408, description = "The document takes too long to arrive.", body = Problem),
        (status = 415, description = "The document is not `application/json`.", body = Problem),
        (status = 502, description = "The node refused. Nothing was created.", body = Problem),
        (status = 503, description = "The node or the store cannot be reached.", body = Problem),
        (status = 504, description = "The node did not answer, and the creation is taken back; or another instance ended it.", body = Problem),
    )
)]
pub(super) async fn create(
    Given(api): Given<Api>,
    Team(team): Team,
    document: Document,
) -> Result<(StatusCode, HeaderMap, Json<SandboxView>), ApiError> {
    let network = creation::network(&document.text, api.control.options())?;
    drop(document);
    let sandbox = api.control.create(team, network).await?;
    let mut headers = entity_tag(&sandbox.stored.fingerprint)?;
    let location = HeaderValue::from_str(&format!("/sandboxes/{}", sandbox.id)).map_err(|_| ApiError::Internal)?;
    headers.insert(header::LOCATION, location);
    Ok((StatusCode::CREATED, headers, Json(sandbox.into())))
}

/// Lists the team's sandboxes.
#[utoipa::path(
    get, path = "/sandboxes", tag = "sandboxes", params(Which),
    responses(
        (status = 200, description = "Some of them.", body = Page),
        (status = 400, description = "The query is not valid.", body = Problem),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 503, description = "The store cannot be reached.", body = Problem),
    )
)]
pub(super) async fn list(
    Given(api): Given<Api>,
    Team(team): Team,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    let Query(Which { after, limit }) = which.map_err(|_| ApiError::status(StatusCode::BAD_REQUEST))?;
    if !(1..=1000).contains(&limit) {
        return Err(ApiError::status(StatusCode::BAD_REQUEST));
    }
    let found = api.control.page(&team, &after, limit).await?;
    let next = (found.len() == usize::from(limit)).then(|| found.last().map(|last| last.id.clone())).flatten();
    let shown = found.into_iter().filter(|sandbox| sandbox.state != State::Gone).map(Into::into);
    Ok(Json(Page { sandboxes: shown.collect(), next }))
}

/// Shows a sandbox.
#[utoipa::path(
    get, path = "/sandboxes/{id}", tag = "sandboxes", params(("id" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The sandbox.", body = SandboxView, headers(
            ("etag" = String, description = "The fingerprint of its policy."),
        )),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 404, description = "The team has no such sandbox.", body = Problem),
        (status = 503, description = "The store cannot be reached.", body = Problem),
    )
)]
pub(super) async fn show(
    Given(api): Given<Api>,
    Team(team): Team,
    Path(id): Path<String>,
) -> Result<(HeaderMap, Json<SandboxView>), ApiError> {
    let sandbox = api.control.find(&team, &id).await?;
    Ok((entity_tag(&sandbox.acknowledged().fingerprint)?, Json(sandbox.into())))
}

/// Replaces the network policy of a sandbox that runs.
///
/// Egress, ingress and the mask are replaced together: what is omitted is cleared.
/// `allowPublicTraffic` stays as it was when the sandbox was created, and cannot be sent.
#[utoipa::path(
    put, path = "/sandboxes/{id}/network", tag = "network",
    params(
        ("id" = String, Path, description = "The sandbox."),
        ("if-match" = Option<String>, Header, description = "The fingerprint of the policy that is to be replaced."),
    ),
    request_body(content = ref("#/components/schemas/NetworkUpdate")),
    responses(
        (status = 204, description = "The node enforces the new policy.", headers(
            ("etag" = String, description = "The fingerprint of the new policy."),
        )),
        (status = 400, description = "The document is not valid; all that is wrong with it.", body = Problem),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 404, description = "The team has no such sandbox.", body = Problem),
        (status = 408, description = "The document takes too long to arrive.", body = Problem),
        (status = 409, description = "The sandbox does not run.", body = Problem),
        (status = 412, description = "The sandbox has another policy.", body = Problem),
        (status = 415, description = "The document is not `application/json`.", body = Problem),
        (status = 502, description = "The node refused. The old policy stays.", body = Problem),
        (status = 503, description = "The node or the store cannot be reached, or others change the sandbox.", body = Problem),
        (status = 504, description = "The node did not answer, and the change is taken back; or another instance ended it.", body = Problem),
    )
)]
pub(super) async fn replace_network(
    Given(api): Given<Api>,
    Team(team): Team,
    Path(id): Path<String>,
    Expected(condition): Expected,
    document: Document,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let Ok(update) = NetworkUpdate::from_json(&document.text) else {
        // What another team has, or nobody, is not told by what is wrong with a document.
        api.control.find(&team, &id).await?;
        // The entries as well, so that everything is told at once.
        let report = sandgate::check(&document.text, Form::Update, api.control.options());
        return Err(ApiError::Invalid { report, within: "" });
    };
    let sandbox = api.control.replace(team, id, condition, update).await?;
    drop(document);
    Ok((StatusCode::NO_CONTENT, entity_tag(&sandbox.stored.fingerprint)?))
}

/// Stops a sandbox that runs, and keeps its policy.
#[utoipa::path(
    post, path = "/sandboxes/{id}/pause", tag = "sandboxes",
    params(("id" = String, Path, description = "The sandbox.")),
    responses(
        (status = 204, description = "It is paused.", headers(("etag" = String, description = "The fingerprint of its policy."))),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 404, description = "The team has no such sandbox.", body = Problem),
        (status = 409, description = "The sandbox does not run.", body = Problem),
        (status = 412, description = "The sandbox has another policy.", body = Problem),
        (status = 502, description = "The node refused.", body = Problem),
        (status = 503, description = "The node or the store cannot be reached, or others change the sandbox.", body = Problem),
        (status = 504, description = "The node did not answer, and the change is taken back; or another instance ended it.", body = Problem),
    )
)]
pub(super) async fn pause(
    Given(api): Given<Api>,
    Team(team): Team,
    Path(id): Path<String>,
    Expected(condition): Expected,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let sandbox = api.control.pause(team, id, condition).await?;
    Ok((StatusCode::NO_CONTENT, entity_tag(&sandbox.stored.fingerprint)?))
}

/// Starts a paused sandbox again, with the policy it had.
#[utoipa::path(
    post, path = "/sandboxes/{id}/resume", tag = "sandboxes",
    params(("id" = String, Path, description = "The sandbox.")),
    responses(
        (status = 204, description = "It runs.", headers(("etag" = String, description = "The fingerprint of its policy."))),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 404, description = "The team has no such sandbox.", body = Problem),
        (status = 409, description = "The sandbox is not paused.", body = Problem),
        (status = 412, description = "The sandbox has another policy.", body = Problem),
        (status = 502, description = "The node refused.", body = Problem),
        (status = 503, description = "The node or the store cannot be reached, or others change the sandbox.", body = Problem),
        (status = 504, description = "The node did not answer, and the change is taken back; or another instance ended it.", body = Problem),
    )
)]
pub(super) async fn resume(
    Given(api): Given<Api>,
    Team(team): Team,
    Path(id): Path<String>,
    Expected(condition): Expected,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    let sandbox = api.control.resume(team, id, condition).await?;
    Ok((StatusCode::NO_CONTENT, entity_tag(&sandbox.stored.fingerprint)?))
}

/// Ends a sandbox, whether it runs or not.
#[utoipa::path(
    delete, path = "/sandboxes/{id}", tag = "sandboxes",
    params(("id" = String, Path, description = "The sandbox.")),
    responses(
        (status = 204, description = "It is no more."),
        (status = 401, description = "No known API key.", body = Problem),
        (status = 404, description = "The team has no such sandbox.", body = Problem),
        (status = 412, description = "The sandbox has another policy.", body = Problem),
        (status = 502, description = "The node refused.", body = Problem),
        (status = 503, description = "The node or the store cannot be reached, or others change the sandbox.", body = Problem),
        (status = 504, description = "The node did not answer, and the change is taken back; or another instance ended it.", body = Problem),
    )
)]
pub(super) async fn delete(
    Given(api): Given<Api>,
    Team(team): Team,
    Path(id): Path<String>,
    Expected(condition): Expected,
) -> Result<StatusCode, ApiError> {
    api.control.delete(team, id, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}
