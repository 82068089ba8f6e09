//! Addresses in answers: of what was made, and of files that are elsewhere.

use std::fmt::Display;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The `Location` of a thing that was made.
pub(crate) fn location(list: &str, id: &impl Display) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("{list}/{id}")) {
        headers.insert(header::LOCATION, location);
    }
    headers
}

/// A redirect to a file, at an address that is a secret for a while.
pub(crate) fn redirect(link: String) -> Response {
    let headers = [
        (header::LOCATION, link),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}
