//! Why a webhook is not taken, and what is answered then.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use carrier::report::{SignatureProblem, WebhookProblem};
use service::call::callbacks::CallbackError;
use store::StoreError;
use telemetry::Chain;
use tracing::{error, warn};

/// One refusal; see the table in the crate's documentation.
#[derive(Debug)]
pub enum WebhookRefusal {
    Form(WebhookProblem),
    Signature(SignatureProblem),
    UnknownCarrier,
    UnknownCall,
    OtherCall,
    Unavailable(StoreError),
}

impl From<WebhookProblem> for WebhookRefusal {
    fn from(problem: WebhookProblem) -> Self {
        Self::Form(problem)
    }
}

impl From<CallbackError> for WebhookRefusal {
    fn from(error: CallbackError) -> Self {
        match error {
            CallbackError::UnknownCall => Self::UnknownCall,
            CallbackError::OtherCall => Self::OtherCall,
            CallbackError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl WebhookRefusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Form(WebhookProblem::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Form(
                WebhookProblem::TooManyFields
                | WebhookProblem::Missing(_)
                | WebhookProblem::Invalid(_)
                | WebhookProblem::Ambiguous(_),
            ) => StatusCode::BAD_REQUEST,
            Self::Signature(_) => StatusCode::FORBIDDEN,
            Self::UnknownCarrier | Self::UnknownCall => StatusCode::NOT_FOUND,
            Self::OtherCall => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Form(problem) => problem.code(),
            Self::Signature(_) => "signature_refused",
            Self::UnknownCarrier => "carrier_unknown",
            Self::UnknownCall => "call_unknown",
            Self::OtherCall => "call_mismatch",
            Self::Unavailable(_) => "unavailable",
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Form(problem) => problem.to_string(),
            // Which part of it was wrong would help only a forger.
            Self::Signature(_) => "the signature is not accepted".to_owned(),
            Self::UnknownCarrier => "there is no such carrier here".to_owned(),
            Self::UnknownCall => "there is no such call".to_owned(),
            Self::OtherCall => "the call is another one at the carrier".to_owned(),
            Self::Unavailable(_) => "try again later".to_owned(),
        }
    }
}

impl IntoResponse for WebhookRefusal {
    fn into_response(self) -> Response {
        let (status, code) = (self.status(), self.code());
        metrics::counter!("trunkline_webhooks_refused_total", "code" => code).increment(1);
        match &self {
            Self::Unavailable(problem) => {
                error!(problem = %Chain(problem), "a webhook could not be taken in");
            }
            Self::Signature(reason) => warn!(code, %reason, "a webhook was refused"),
            Self::Form(_) | Self::UnknownCarrier | Self::UnknownCall | Self::OtherCall => {
                warn!(code, "a webhook was refused");
            }
        }
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": self.title(),
            "status": status.as_u16(),
            "code": code,
        });
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, headers, problem.to_string()).into_response()
    }
}
