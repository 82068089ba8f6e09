//! The OpenAPI document: made of the rows of `routes`, and of what is true of all of them.
//!
//! Works on the document as JSON, from what the macros of `utoipa` say of handlers and types. It knows no
//! subject of the API.

pub(crate) mod document;
mod examples;
pub(crate) mod forms;
pub(crate) mod limits;
pub(crate) mod node;
mod operation;
mod shapes;
mod shared;

/// Bounds of fields that no schema has.
#[cfg(test)]
pub(crate) fn lost_bounds(routes: &crate::http::registry::Routes) -> Vec<String> {
    limits::without_a_field(&mut document::schemas_of(routes))
}
