//! The object store: s3s on files.
//!
//! Does not do lifecycle rules, tags, versions or bucket encryption; those are in the template, not
//! in code. A key's name in base64 is part of a file name, so keys end at about 140 bytes here.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use store::aws::AccessKey;

pub(super) fn router(
    folder: &Path,
    key: &AccessKey,
) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    let files = FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(
        key.id.as_str(),
        key.secret.expose(),
    ));
    Ok(Router::new().fallback(answer).with_state(builder.build()))
}

async fn answer(State(service): State<S3Service>, request: Request) -> Response {
    // Bodies pass as streams: the size of an object is not bounded by memory.
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "the embedded object store failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
