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

use super::room::Room;

pub(super) fn router(
    folder: &Path,
    key: &AccessKey,
    room: Room,
) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    let files = FileSystem::new(folder).map_err(|_wordless| {
        // The library's error has no words for people.
        format!("{} cannot be read or written", folder.display())
    })?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(
        key.id.as_str(),
        key.secret.expose(),
    ));
    Ok(Router::new()
        .fallback(answer)
        .with_state((builder.build(), room)))
}

async fn answer(State((service, room)): State<(S3Service, Room)>, request: Request) -> Response {
    // Bodies pass as streams: the size of an object is not bounded by memory.
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => {
            if response.status().is_server_error() {
                room.suspect();
            }
            response.map(Body::new)
        }
        Err(error) => {
            room.suspect();
            let error = s3s::StdError::from(error);
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "the embedded object store failed"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
