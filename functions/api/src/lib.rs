//! The HTTP API under `/v1`.
//!
//! Translates requests into use cases and their answers into JSON or problem documents. What a route is
//! (path, handler, permission, documentation) is told once, in its row in [`routes`]; router and OpenAPI
//! document are made of the rows. What happens is in `service`.

mod http;
mod routes;
mod schema;
mod state;

use axum::extract::DefaultBodyLimit;
use axum::{Extension, Router, middleware};

pub use http::edge;
pub use http::problem::Problem;
pub use state::State;

use http::registry::BODY_BYTES_MAX;
use schema::document::Document;

/// The API, with health and the OpenAPI document. It answers what no route takes, so that other
/// routers may be merged into it and not the other way round.
pub fn router(state: State) -> Router {
    let routes = routes::all();
    let document = Document::of(&routes);
    let router = routes.router(&state);
    router
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .fallback(async || Problem::not_found())
        .layer(Extension(document))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            http::trace::follow,
        ))
        .with_state(state)
}

/// The API's description, OpenAPI 3.1.
#[must_use]
pub fn document() -> serde_json::Value {
    Document::of(&routes::all()).json()
}

#[cfg(test)]
mod tests;
