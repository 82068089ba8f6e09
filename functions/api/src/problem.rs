//! Problem documents (RFC 9457) with a stable `code`, and errors field by field.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use service::{FieldProblem, Refused};
use store::StoreError;
use telemetry::Chain;
use tracing::error;
use utoipa::ToSchema;

/// Seconds after which a client may try again what storage or carrier did not answer, or what had no
/// free line.
const RETRY_AFTER_SECONDS: &str = "2";

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says what it is.
    #[serde(rename = "type")]
    kind: String,
    /// One sentence for people.
    title: String,
    status: u16,
    /// Stable; programs branch on it.
    code: String,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field's path, as in `turn_taking.endpointing_ms`.
    field: String,
    problem: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            errors: Vec::new(),
        }
    }

    pub(crate) fn not_found() -> Self {
        // The same for what never was and for what is another tenant's.
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take that method.",
        )
    }

    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let title = "Some fields cannot be as they are.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title).with(errors)
    }

    pub(crate) fn field(field: &str, problem: String) -> Self {
        Self::invalid(vec![FieldProblem::new(field, problem)])
    }

    /// What is wrong with which field.
    pub(crate) fn into_errors(self) -> Vec<FieldProblem> {
        let errors = self.errors.into_iter();
        errors
            .map(|FieldError { field, problem }| FieldProblem { field, problem })
            .collect()
    }

    pub(crate) fn with(mut self, errors: Vec<FieldProblem>) -> Self {
        let errors = errors.into_iter().map(|FieldProblem { field, problem }| {
            let problem = problem.trim().to_owned();
            FieldError { field, problem }
        });
        self.errors = errors.collect();
        self
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::not_found(),
            Refused::Invalid(errors) => Self::invalid(errors),
            Refused::MissingVariables(names) => {
                let title = "Some variables of the prompt have no value.";
                let errors = names
                    .into_iter()
                    .map(|name| FieldProblem::new(format!("variables.{name}"), "has no value"));
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "missing_variables", title)
                    .with(errors.collect())
            }
            Refused::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "The Idempotency-Key was used for another request.",
            ),
            Refused::RevisionChanged { current } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "revision_changed",
                &format!("It was changed meanwhile; the current revision is \"{current}\"."),
            ),
            Refused::CampaignState { state, says } => Self::new(
                StatusCode::CONFLICT,
                "campaign_state",
                &format!("The campaign is {}: {says}.", state.code()),
            ),
            Refused::AlreadyStarted { state, starts_at } => {
                let how = match starts_at {
                    Some(at) => {
                        format!("is {} to start at {at}: send `at` to move it", state.code())
                    }
                    None => format!("is {} already", state.code()),
                };
                let title = format!("The campaign {how}; nothing was changed.");
                Self::new(StatusCode::CONFLICT, "already_started", &title)
            }
            Refused::FieldsLocked { state, fields } => {
                let title = format!(
                    "Some fields cannot change while the campaign is {}; nothing was changed.",
                    state.code()
                );
                Self::new(StatusCode::CONFLICT, "fields_locked", &title).with(fields)
            }
            Refused::CannotStart(errors) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "cannot_start",
                "The campaign is not ready to call.",
            )
            .with(errors),
            Refused::LeadNotWaiting => Self::new(
                StatusCode::CONFLICT,
                "lead_not_waiting",
                "Only a lead that waits can be changed or removed; this one is being called or done.",
            ),
            Refused::NumberTaken => Self::new(
                StatusCode::CONFLICT,
                "number_taken",
                "The number is in use.",
            ),
            Refused::NumberSuppressed => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "number_suppressed",
                "The number is on the suppression list.",
            ),
            Refused::NotPermitted { rule, retry_at } => {
                let when = retry_at.map_or_else(String::new, |at| format!("; not before {at}"));
                let code = rule.code();
                let title = format!("The rule `{code}` does not permit the call now{when}.");
                Self::new(StatusCode::CONFLICT, "not_permitted", &title)
            }
            Refused::NoFreeLine => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "no_free_line",
                "As many calls are on as may be at once; try again when one has ended.",
            ),
            Refused::List(list) => {
                let field = list
                    .row()
                    .map_or_else(|| "file".to_owned(), |row| format!("row {row}"));
                let said = list.to_string();
                let title = "The list cannot be used.";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, list.code(), title)
                    .with(vec![FieldProblem::new(field, said)])
            }
            Refused::CampaignClosed => Self::new(
                StatusCode::CONFLICT,
                "campaign_closed",
                "The campaign is completed or cancelled and takes no leads any more.",
            ),
            Refused::NotUploaded => Self::new(
                StatusCode::CONFLICT,
                "not_uploaded",
                "The list is not there, or has not the length that was said: put it to the upload's address first.",
            ),
            Refused::ImportStarted => Self::new(
                StatusCode::CONFLICT,
                "import_started",
                "The import was started before; watch its state.",
            ),
            Refused::ImportUnfinished => Self::new(
                StatusCode::CONFLICT,
                "import_unfinished",
                "There is a file of rejects when the import is completed.",
            ),
            Refused::Carrier => Self::new(
                StatusCode::BAD_GATEWAY,
                "carrier_unavailable",
                "The carrier did not do it; try again.",
            ),
            Refused::Stopping => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not possible just now; try again.",
            ),
            Refused::Unavailable(problem @ StoreError::Newer { .. }) => {
                error!(problem = %Chain(&problem), "a row of a newer version was asked for");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "newer_version",
                    "It was written by a newer version, which this one cannot work with; it is left as it is.",
                )
            }
            Refused::Unavailable(problem) => {
                error!(problem = %Chain(&problem), "storage did not do what the API asked");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "Not possible just now; try again.",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        metrics::counter!("trunkline_api_problems_total", "code" => self.code.clone()).increment(1);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, content_type, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::BAD_GATEWAY,
            StatusCode::TOO_MANY_REQUESTS,
        ]
        .contains(&status)
        {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
