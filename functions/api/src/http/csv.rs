//! Lists of people as files, sent in parts as they are read.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _};
use service::Refused;
use telemetry::Chain;
use tracing::error;

/// A file of this name. What fails on the way breaks the transfer off, so that nobody takes half a file
/// for a whole one.
pub(crate) fn attachment(
    name: &str,
    parts: impl Stream<Item = Result<String, Refused>> + Send + 'static,
) -> Response {
    let parts = parts.map(|part| {
        part.map(Bytes::from).map_err(|problem| {
            error!(problem = %Chain(&problem), "an export broke off");
            std::io::Error::other("the export broke off")
        })
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(parts)).into_response()
}
