//! Reading bodies: JSON that is as the document says, or a file. What cannot be read is a problem document that
//! names everything that is wrong with it.

pub(crate) mod faults;
mod json;
pub(crate) mod mended;
pub(crate) mod patch;
pub(crate) mod sent;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::http::{HeaderMap, header};
use model::{element, member};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use service::{Fault, FieldProblem};

use crate::http::problem::{Code, Problem};
use crate::schema::document::Document;
use crate::state::State;

use mended::Mended;
use sent::Sent;

pub(crate) const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";

/// A JSON body, every member of it known and within its bounds.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let held = held_to_document(request, state, &[JSON]).await?;
        held.whole().map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<State> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let held = held_to_document(request, state, &[JSON]).await?;
        Ok(held.sent())
    }
}

/// A body with everything that the document finds wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// The body without it.
    pub(crate) left: Mended,
    pub(crate) faults: Vec<FieldProblem>,
}

impl Held {
    /// The body as a type of ours, if nothing is wrong with it.
    fn whole<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if self.faults.is_empty() {
            read(self.left.value).map_err(|problem| Problem::invalid(vec![problem]))
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

/// A list: a CSV or a workbook. What it is, its bytes tell and not its media type.
pub(crate) struct ListFile(pub(crate) Bytes);

impl FromRequest<State> for ListFile {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        must_be(request.headers(), &[CSV, XLSX, ODS])?;
        whole(request, state).await.map(Self)
    }
}

/// A JSON body, or none at all.
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<State> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let headers = request.headers();
        if !headers.contains_key(header::CONTENT_TYPE) && request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let Body(body) = Body::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A body of one of these media types, held against what the document says of the operation.
pub(crate) async fn held_to_document(
    request: Request,
    state: &State,
    media_types: &[&str],
) -> Result<Held, Problem> {
    must_be(request.headers(), media_types)?;
    let method = request.method().as_str().to_ascii_lowercase();
    let extensions = request.extensions();
    let document = extensions.get::<Document>().cloned();
    let path = extensions.get::<MatchedPath>().cloned();
    let json::Json { value, repeated } =
        json::read(&whole(request, state).await?).map_err(|problem| malformed(&problem))?;
    let twice = |pointer| FieldProblem::new(pointer, Fault::Repeated, "is there more than once");
    let repeated: Vec<FieldProblem> = repeated.into_iter().map(twice).collect();
    match (document, path) {
        (Some(document), Some(path)) => {
            let (left, faults) = document.hold(&method, path.as_str(), value, repeated);
            Ok(Held { left, faults })
        }
        // Every operation is in the document: a test asks for each of them.
        (None, _) | (_, None) => Err(Problem::unavailable()),
    }
}

/// JSON as a type of ours. What no schema says is told by its member, one at a time.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, FieldProblem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        let says = error.into_inner().to_string();
        FieldProblem::new(pointer, Fault::Malformed, says)
    })
}

fn pointer(path: &Path) -> String {
    path.iter()
        .fold(String::new(), |at, segment| match segment {
            Segment::Seq { index } => element(&at, *index),
            Segment::Map { key } => member(&at, key),
            Segment::Enum { variant } => member(&at, variant),
            Segment::Unknown => at,
        })
}

fn malformed(problem: &serde_json::Error) -> Problem {
    Problem::new(
        Code::MalformedJson,
        &format!("The body is not JSON: {problem}."),
    )
}

/// Refuses a body that says it is something else.
fn must_be(headers: &HeaderMap, media_types: &[&str]) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    let essence = essence.unwrap_or_default().trim();
    if media_types
        .iter()
        .any(|taken| essence.eq_ignore_ascii_case(taken))
    {
        return Ok(());
    }
    let title = format!("Send {}.", media_types.join(" or "));
    Err(Problem::new(Code::UnsupportedMediaType, &title))
}

async fn whole(request: Request, state: &State) -> Result<Bytes, Problem> {
    let bytes = Bytes::from_request(request, state).await;
    bytes.map_err(|_too_long| {
        let title = "The body is too long or did not arrive whole.";
        Problem::new(Code::BodyTooLarge, title)
    })
}
