//! What a request that failed is answered: a problem (RFC 9457), with every diagnostic.

use crate::{
    control::ChangeError,
    node::NodeError,
    store::{State, StoreError},
};
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sandgate::{Code, Diagnostic, Report};
use serde::Serialize;
use std::borrow::Cow;
use tracing::error;
use utoipa::ToSchema;

/// Seconds after which it is worth to try again.
const RETRY_AFTER: &str = "2";

/// Why a request failed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// No API key, or an unknown one.
    Unauthorized,
    /// The request's document is not valid. It stands at this path in the request's body.
    Invalid { report: Report, within: &'static str },
    /// As before, already told, and how many more there are.
    Findings(Vec<Finding>, usize),
    /// The document is no text.
    NotUtf8,
    /// A change was not made.
    Change(ChangeError),
    /// What the status says.
    Status(StatusCode),
    /// A mistake in this program.
    Internal,
}

impl ApiError {
    pub(super) const fn status(status: StatusCode) -> Self {
        Self::Status(status)
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(report) => Self::Invalid { report, within: "" },
            other => Self::Change(other),
        }
    }
}

/// One problem of a document, as the core tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    /// What kind of problem it is; stable.
    code: String,
    /// `error` or `warning`.
    severity: String,
    /// Where in the request's document, as a JSON Pointer.
    path: String,
    /// The bytes of the text there that are meant.
    span: Option<[usize; 2]>,
    /// One sentence for a person.
    message: String,
    /// A repair.
    help: Option<String>,
}

impl Finding {
    pub(super) fn new(code: Code, path: &str, message: &impl ToString) -> Self {
        Self {
            code: code.as_str().to_owned(),
            severity: code.severity().as_str().to_owned(),
            path: path.to_owned(),
            span: None,
            message: message.to_string(),
            help: None,
        }
    }

    pub(super) fn of(diagnostic: &Diagnostic, within: &str) -> Self {
        Self {
            code: diagnostic.code().as_str().to_owned(),
            severity: diagnostic.severity().as_str().to_owned(),
            path: format!("{within}{}", diagnostic.path()),
            span: diagnostic.span().map(|span| [span.start, span.end]),
            message: diagnostic.message().to_owned(),
            help: diagnostic.help().map(Cow::into_owned),
        }
    }
}

/// Why a request failed: an object of RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The name of the status.
    title: &'static str,
    /// The status.
    status: u16,
    /// One sentence for a person.
    detail: String,
    /// All that is wrong with the document, in the order of its text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<Finding>,
    /// How many diagnostics there are beyond those.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Marks an answer whose body is a problem.
#[derive(Clone, Copy)]
struct IsProblem;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, detail, diagnostics, more) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "an API key is needed".to_owned(), Vec::new(), 0),
            Self::Invalid { report, within } => {
                let findings = report.diagnostics().iter().map(|diagnostic| Finding::of(diagnostic, within));
                invalid(findings.collect(), report.more())
            }
            Self::Findings(findings, more) => invalid(findings, more),
            Self::NotUtf8 => {
                let finding = Finding::new(Code::InvalidJson, "", &"the text is not JSON: it is not UTF-8");
                invalid(vec![finding], 0)
            }
            Self::Change(error) => {
                let (status, detail) = of_change(&error);
                (status, detail, Vec::new(), 0)
            }
            Self::Status(status) => {
                (status, status.canonical_reason().unwrap_or_default().to_lowercase(), Vec::new(), 0)
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong".to_owned(), Vec::new(), 0),
        };
        let title = status.canonical_reason().unwrap_or_default();
        let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail, diagnostics, more };
        let mut response = (status, Json(problem)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response.extensions_mut().insert(IsProblem);
        response
    }
}

fn invalid(findings: Vec<Finding>, more: usize) -> (StatusCode, String, Vec<Finding>, usize) {
    (StatusCode::BAD_REQUEST, "the document is not valid".to_owned(), findings, more)
}

/// What a caller is told. What concerns only the operator stands in the log.
fn of_change(error: &ChangeError) -> (StatusCode, String) {
    let status = match error {
        ChangeError::NotFound => StatusCode::NOT_FOUND,
        ChangeError::WrongState(State::Running | State::Paused | State::Gone) => StatusCode::CONFLICT,
        ChangeError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ChangeError::Invalid(_) => StatusCode::BAD_REQUEST,
        ChangeError::Node(NodeError::Refused { .. }) => StatusCode::BAD_GATEWAY,
        ChangeError::Node(NodeError::Lost(_)) | ChangeError::Store(StoreError::LeaseLost(_)) => {
            StatusCode::GATEWAY_TIMEOUT
        }
        ChangeError::Busy
        | ChangeError::Overloaded
        | ChangeError::Node(NodeError::Unreachable(_))
        | ChangeError::BrokenOff
        | ChangeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let detail = match error {
        ChangeError::Node(NodeError::Unreachable(_)) => "the node cannot be reached; nothing was changed".to_owned(),
        ChangeError::Node(NodeError::Refused { .. }) => "the node refused; nothing was changed".to_owned(),
        ChangeError::Node(NodeError::Lost(_)) => "the node did not answer; the change was taken back".to_owned(),
        ChangeError::Busy | ChangeError::Overloaded => format!("{error}; nothing was changed"),
        ChangeError::Store(StoreError::LeaseLost(_)) => {
            "the change took too long, and another instance ended it; look at the sandbox again".to_owned()
        }
        ChangeError::Store(store) => {
            error!(error = %store, "the store failed");
            "the store failed; look at the sandbox again to see what became of the change".to_owned()
        }
        ChangeError::BrokenOff => "the change was broken off; look at the sandbox again".to_owned(),
        other => other.to_string(),
    };
    (status, detail)
}

/// Answers problems as `application/problem+json` where that is accepted.
pub(super) async fn as_accepted(request: Request, next: Next) -> Response {
    let accepts = accepts_problems(request.headers());
    let mut response = next.run(request).await;
    if response.extensions().get::<IsProblem>().is_some() {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        if accepts {
            let problem = HeaderValue::from_static("application/problem+json");
            response.headers_mut().insert(header::CONTENT_TYPE, problem);
        }
    }
    response
}

/// Whether problems are named among what is accepted, and plain JSON is not preferred.
fn accepts_problems(headers: &HeaderMap) -> bool {
    let (mut problem, mut plain) = (0.0_f32, 0.0_f32);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        match essence.as_str() {
            "application/problem+json" => problem = weight,
            "application/json" => plain = weight,
            _ => {}
        }
    }
    problem > 0.0 && problem >= plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(accept: &str) -> bool {
        accepts_problems(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn problems_are_answered_as_such_only_where_they_are_named() {
        assert!(accepts("application/problem+json"));
        assert!(accepts("application/json, application/problem+json"));
        assert!(accepts("application/json;q=0.5, Application/Problem+JSON;q=0.9"));
        assert!(!accepts("*/*"));
        assert!(!accepts("application/json"));
        assert!(!accepts("application/problem+json;q=0"));
        assert!(!accepts("application/json, application/problem+json;q=0.1"));
    }
}
