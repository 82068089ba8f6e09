//! Problem documents (RFC 9457) with a stable `code`, and errors field by field.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use intake::FileProblem;
use model::member;
use serde::{Deserialize, Serialize};
use service::{Fault, FieldProblem, Place, Refused};
use store::{StoreError, UsedBy};
use telemetry::Chain;
use tracing::error;
use utoipa::{ToResponse, ToSchema};

/// Seconds after which a client may try again what storage or carrier did not answer, or what had no
/// free line.
const RETRY_AFTER_SECONDS: &str = "2";

/// Fields, or users of a thing, that one problem names. Of those beyond it says how many there are.
const NAMED_MAX: usize = 100;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says what it is.
    #[serde(rename = "type")]
    kind: String,
    /// One sentence for people.
    title: String,
    /// The status of the answer.
    status: u16,
    code: Code,
    /// What is wrong with which field: the first 100; empty where it is about no field.
    #[serde(default)]
    errors: Vec<FieldError>,
    /// What uses a thing that was to be archived: the first 100.
    #[serde(default)]
    used_by: Vec<UserOfThing>,
    /// How many more `errors`, or `used_by`, there are than are named.
    #[serde(default)]
    omitted: u64,
}

/// What is wrong with one field. One of `pointer`, `parameter` and `row` says where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FieldError {
    /// A JSON pointer into the body (RFC 6901), as in `/turn_taking/endpointing_ms`; empty: the body as a whole.
    pointer: Option<String>,
    /// A parameter of the query.
    parameter: Option<String>,
    /// A row of a file, as a spreadsheet shows it.
    row: Option<u64>,
    code: Fault,
    /// For people; goes on after the field's name.
    detail: String,
}

/// Something that uses another thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UsedBy)]
pub(crate) struct UserOfThing {
    kind: UserKind,
    id: String,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UsedByKind)]
pub(crate) enum UserKind {
    Agent,
    Campaign,
    Number,
}

/// What kind of problem it is. Stable: programs branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProblemCode)]
pub(crate) enum Code {
    // 400: the request cannot be read
    MalformedJson,
    IdempotencyKeyInvalid,
    IfMatchInvalid,
    // 401, 403, 404, 405
    Unauthorized,
    Forbidden,
    WrongAddress,
    NotFound,
    MethodNotAllowed,
    // 409: not in this state
    AlreadyStarted,
    Archived,
    CampaignClosed,
    CampaignState,
    FieldsLocked,
    ImportStarted,
    ImportUnfinished,
    InUse,
    LeadNotWaiting,
    NotPermitted,
    NotUploaded,
    NumberTaken,
    // 412, 428: edits
    RevisionChanged,
    IfMatchRequired,
    // 413, 415
    BodyTooLarge,
    UnsupportedMediaType,
    // 422: what it says cannot be done
    CannotStart,
    IdempotencyKeyReused,
    Invalid,
    MissingVariables,
    NoDefaults,
    NumberSuppressed,
    // 422: a list that is refused as a whole
    CallingCodeUnreadable,
    ColumnAmbiguous,
    ColumnUnknown,
    FileEmpty,
    FileNotText,
    FileTooLarge,
    FileWithoutRows,
    HeaderDuplicate,
    HeaderMissing,
    HeaderTooLong,
    HeaderTooWide,
    HeaderUnreadable,
    NumberColumnMissing,
    QuoteUnclosed,
    VariableName,
    // 429, 502, 503: try again
    NoFreeLine,
    CarrierUnavailable,
    NewerVersion,
    Unavailable,
}

impl Code {
    /// As it is written.
    pub(crate) fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            Ok(_) | Err(_) => String::new(),
        }
    }

    /// The status that an answer with it has.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson | Self::IdempotencyKeyInvalid | Self::IfMatchInvalid => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::WrongAddress => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlreadyStarted
            | Self::Archived
            | Self::CampaignClosed
            | Self::CampaignState
            | Self::FieldsLocked
            | Self::ImportStarted
            | Self::ImportUnfinished
            | Self::InUse
            | Self::LeadNotWaiting
            | Self::NotPermitted
            | Self::NotUploaded
            | Self::NumberTaken => StatusCode::CONFLICT,
            Self::RevisionChanged => StatusCode::PRECONDITION_FAILED,
            Self::IfMatchRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::CannotStart
            | Self::IdempotencyKeyReused
            | Self::Invalid
            | Self::MissingVariables
            | Self::NoDefaults
            | Self::NumberSuppressed
            | Self::CallingCodeUnreadable
            | Self::ColumnAmbiguous
            | Self::ColumnUnknown
            | Self::FileEmpty
            | Self::FileNotText
            | Self::FileTooLarge
            | Self::FileWithoutRows
            | Self::HeaderDuplicate
            | Self::HeaderMissing
            | Self::HeaderTooLong
            | Self::HeaderTooWide
            | Self::HeaderUnreadable
            | Self::NumberColumnMissing
            | Self::QuoteUnclosed
            | Self::VariableName => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoFreeLine => StatusCode::TOO_MANY_REQUESTS,
            Self::CarrierUnavailable => StatusCode::BAD_GATEWAY,
            Self::NewerVersion | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Code {
    /// Those of a list that is refused as a whole.
    pub(crate) const OF_LISTS: [Self; 14] = [
        Self::FileEmpty,
        Self::FileNotText,
        Self::FileTooLarge,
        Self::FileWithoutRows,
        Self::HeaderMissing,
        Self::HeaderDuplicate,
        Self::HeaderTooLong,
        Self::HeaderTooWide,
        Self::HeaderUnreadable,
        Self::NumberColumnMissing,
        Self::CallingCodeUnreadable,
        Self::ColumnAmbiguous,
        Self::ColumnUnknown,
        Self::VariableName,
        Self::QuoteUnclosed,
    ];
}

/// The answer to a list that is refused as a whole: described once for all that take one.
pub(crate) struct UnusableList;

impl ToResponse<'_> for UnusableList {
    fn response() -> (
        &'static str,
        utoipa::openapi::RefOr<utoipa::openapi::Response>,
    ) {
        ("UnusableList", utoipa::openapi::Response::new("").into())
    }
}

impl From<&FileProblem> for Code {
    fn from(problem: &FileProblem) -> Self {
        match problem {
            FileProblem::Empty => Self::FileEmpty,
            FileProblem::NoRows => Self::FileWithoutRows,
            FileProblem::NotText { .. } => Self::FileNotText,
            FileProblem::TooLarge => Self::FileTooLarge,
            FileProblem::NoHeader { .. } => Self::HeaderMissing,
            FileProblem::TooManyColumns => Self::HeaderTooWide,
            FileProblem::HeaderTooLong { .. } => Self::HeaderTooLong,
            FileProblem::HeaderUnreadable { .. } => Self::HeaderUnreadable,
            FileProblem::DuplicateHeader { .. } => Self::HeaderDuplicate,
            FileProblem::NoNumberColumn => Self::NumberColumnMissing,
            FileProblem::CallingCodeUnreadable { .. } => Self::CallingCodeUnreadable,
            FileProblem::UnknownColumn { .. } => Self::ColumnUnknown,
            FileProblem::SameTarget { .. } => Self::ColumnAmbiguous,
            FileProblem::VariableName { .. } => Self::VariableName,
            FileProblem::UnclosedQuote { .. } => Self::QuoteUnclosed,
        }
    }
}

impl Problem {
    pub(crate) fn new(code: Code, title: &str) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status: code.status().as_u16(),
            code,
            errors: Vec::new(),
            used_by: Vec::new(),
            omitted: 0,
        }
    }

    pub(crate) fn not_found() -> Self {
        // The same for what never was and for what is another tenant's.
        Self::new(Code::NotFound, "There is no such thing.")
    }

    pub(crate) fn method_not_allowed() -> Self {
        let title = "This address does not take that method.";
        Self::new(Code::MethodNotAllowed, title)
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(Code::Unavailable, "Not possible just now; try again.")
    }

    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        Self::new(Code::Invalid, "Some fields cannot be as they are.").with(errors)
    }

    /// A parameter of the query that cannot be as it is.
    pub(crate) fn parameter(name: &str, fault: Fault, says: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem::parameter(name, fault, says)])
    }

    pub(crate) fn is(&self, code: Code) -> bool {
        self.code == code
    }

    pub(crate) fn with(mut self, errors: Vec<FieldProblem>) -> Self {
        self.cut(errors.len(), "fields");
        let errors = errors.into_iter().take(NAMED_MAX);
        self.errors = errors.map(FieldError::from).collect();
        self
    }

    /// What uses a thing that was to be archived.
    fn in_use(by: &[UsedBy]) -> Self {
        let count = |kind: UserKind, name: &str| {
            let count = by.iter().filter(|user| UserKind::of(user) == kind).count();
            match count {
                0 => None,
                1 => Some(format!("1 {name}")),
                many => Some(format!("{many} {name}s")),
            }
        };
        let counts = [
            count(UserKind::Campaign, "campaign"),
            count(UserKind::Number, "number"),
            count(UserKind::Agent, "agent"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let title = format!(
            "It is not archived: {} use it. Archive, finish or delete those first, or have them use another.",
            counts.join(" and ")
        );
        let mut problem = Self::new(Code::InUse, &title);
        problem.cut(by.len(), "users");
        let named = by.iter().take(NAMED_MAX).map(UserOfThing::from);
        problem.used_by = named.collect();
        problem
    }

    /// Says of a list that is longer than what is named of it how much is left out.
    fn cut(&mut self, length: usize, what: &str) {
        let omitted = length.saturating_sub(NAMED_MAX);
        if omitted > 0 {
            self.omitted = u64::try_from(omitted).unwrap_or(u64::MAX);
            let more = format!(" {NAMED_MAX} {what} are named, and there are {omitted} more.");
            self.title.push_str(&more);
        }
    }
}

impl From<FieldProblem> for FieldError {
    fn from(problem: FieldProblem) -> Self {
        let FieldProblem { at, fault, says } = problem;
        let (mut pointer, mut parameter, mut row) = (None, None, None);
        match at {
            Place::Body(at) => pointer = Some(at),
            Place::Parameter(name) => parameter = Some(name),
            Place::Row(number) => row = Some(number),
        }
        Self {
            pointer,
            parameter,
            row,
            code: fault,
            detail: says.trim().to_owned(),
        }
    }
}

impl UserKind {
    const fn of(user: &UsedBy) -> Self {
        match user {
            UsedBy::Agent(_) => Self::Agent,
            UsedBy::Campaign(_) => Self::Campaign,
            UsedBy::Number(_) => Self::Number,
        }
    }
}

impl From<&UsedBy> for UserOfThing {
    fn from(user: &UsedBy) -> Self {
        Self {
            kind: UserKind::of(user),
            id: user.to_string(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::not_found(),
            Refused::Invalid(errors) => Self::invalid(errors),
            Refused::MissingVariables(names) => {
                let title = "Some variables of the prompt have no value.";
                let errors = names.into_iter().map(|name| {
                    FieldProblem::new(member("/variables", &name), Fault::Missing, "has no value")
                });
                Self::new(Code::MissingVariables, title).with(errors.collect())
            }
            Refused::NoDefaults { at, names } => {
                let title = "Whoever calls a number may not be known: each variable of the prompt needs a default.";
                let errors = names.into_iter().map(|name| {
                    let says = format!("needs a default for {name} in the prompt");
                    FieldProblem::new(at, Fault::Missing, says)
                });
                Self::new(Code::NoDefaults, title).with(errors.collect())
            }
            Refused::KeyReused => {
                let title = "The Idempotency-Key was used for another request.";
                Self::new(Code::IdempotencyKeyReused, title)
            }
            Refused::RevisionChanged { current } => {
                let title =
                    format!("It was changed meanwhile; the current revision is \"{current}\".");
                Self::new(Code::RevisionChanged, &title)
            }
            Refused::CampaignState { state, says } => {
                let title = format!("The campaign is {}: {says}.", state.code());
                Self::new(Code::CampaignState, &title)
            }
            Refused::AlreadyStarted { state, starts_at } => {
                let how = match starts_at {
                    Some(at) => {
                        format!("is {} to start at {at}: send `at` to move it", state.code())
                    }
                    None => format!("is {} already", state.code()),
                };
                let title = format!("The campaign {how}; nothing was changed.");
                Self::new(Code::AlreadyStarted, &title)
            }
            Refused::FieldsLocked { state, fields } => {
                let title = format!(
                    "Some fields cannot change while the campaign is {}; nothing was changed.",
                    state.code()
                );
                Self::new(Code::FieldsLocked, &title).with(fields)
            }
            Refused::CannotStart(errors) => {
                Self::new(Code::CannotStart, "The campaign is not ready to call.").with(errors)
            }
            Refused::LeadNotWaiting => Self::new(
                Code::LeadNotWaiting,
                "Only a lead that waits can be changed or removed; this one is being called or done.",
            ),
            Refused::NumberTaken => Self::new(
                Code::NumberTaken,
                "The number is in use; one of yours that is archived is to be taken back.",
            ),
            Refused::Archived => Self::new(
                Code::Archived,
                "It is archived, and stays as it is until it is taken back.",
            ),
            Refused::InUse(by) => Self::in_use(&by),
            Refused::NumberSuppressed => {
                let title = "The number is on the suppression list.";
                Self::new(Code::NumberSuppressed, title)
            }
            Refused::NotPermitted { rule, retry_at } => {
                let when = retry_at.map_or_else(String::new, |at| format!("; not before {at}"));
                let code = rule.code();
                let title = format!("The rule `{code}` does not permit the call now{when}.");
                Self::new(Code::NotPermitted, &title)
            }
            Refused::NoFreeLine => Self::new(
                Code::NoFreeLine,
                "As many calls are on as may be at once; try again when one has ended.",
            ),
            Refused::List(list) => {
                let at = list
                    .row()
                    .map_or_else(|| Place::Body(String::new()), Place::Row);
                let says = list.to_string();
                let fault = Fault::Malformed;
                Self::new(Code::from(&list), "The list cannot be used.").with(vec![FieldProblem {
                    at,
                    fault,
                    says,
                }])
            }
            Refused::CampaignClosed => Self::new(
                Code::CampaignClosed,
                "The campaign is completed or cancelled and takes no leads any more.",
            ),
            Refused::NotUploaded => Self::new(
                Code::NotUploaded,
                "The list is not there, or has not the length that was said: put it to the upload's address first.",
            ),
            Refused::ImportStarted => Self::new(
                Code::ImportStarted,
                "The import was started before; watch its state.",
            ),
            Refused::ImportUnfinished => Self::new(
                Code::ImportUnfinished,
                "There is a file of rejects when the import is completed.",
            ),
            Refused::Carrier => Self::new(
                Code::CarrierUnavailable,
                "The carrier did not do it; try again.",
            ),
            Refused::Stopping => Self::unavailable(),
            Refused::Unavailable(problem @ StoreError::Newer { .. }) => {
                error!(problem = %Chain(&problem), "a row of a newer version was asked for");
                Self::new(
                    Code::NewerVersion,
                    "It was written by a newer version, which this one cannot work with; it is left as it is.",
                )
            }
            Refused::Unavailable(problem) => {
                error!(problem = %Chain(&problem), "storage did not do what the API asked");
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        metrics::counter!("trunkline_api_problems_total", "code" => self.code.word()).increment(1);
        let status = self.code.status();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_refused_has_the_code_of_its_file() {
        let problems = [
            FileProblem::Empty,
            FileProblem::NoRows,
            FileProblem::NotText {
                what: "",
                advice: "",
            },
            FileProblem::TooLarge,
            FileProblem::NoHeader {
                column: 0,
                what: "",
            },
            FileProblem::TooManyColumns,
            FileProblem::HeaderTooLong { column: 0 },
            FileProblem::HeaderUnreadable { column: 0 },
            FileProblem::DuplicateHeader {
                first: 0,
                second: 1,
            },
            FileProblem::NoNumberColumn,
            FileProblem::CallingCodeUnreadable {
                column: 0,
                what: "",
            },
            FileProblem::UnknownColumn {
                name: String::new(),
            },
            FileProblem::SameTarget {
                first: 0,
                second: 1,
                target: intake::Target::Zone,
            },
            FileProblem::VariableName {
                name: String::new(),
            },
            FileProblem::UnclosedQuote { row: 1 },
        ];
        for problem in problems {
            assert_eq!(Code::from(&problem).word(), problem.code());
        }
    }
}
