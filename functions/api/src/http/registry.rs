//! Routes as rows. A row has a handler, with its path, method and documentation, and the permission that
//! it needs: router and document are both made of rows, so that neither can have what the other lacks.

use std::fmt;

use axum::extract::DefaultBodyLimit;
use axum::routing::MethodRouter;
use axum::{Router, middleware};
use service::account::access::Permission;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::http::auth;
use crate::state::State;

/// The longest request body: the longest prompt with every character escaped, and its envelope.
pub(crate) const BODY_BYTES_MAX: usize = 512 * 1024;
/// The longest body that brings leads or numbers: a thousand leads with all that may be said of them, and
/// less than a Lambda takes (6 MB, of which JSON takes some).
pub(crate) const LISTS_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows of one subject, or of several.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) tags: Vec<Tag>,
    pub(crate) rows: Vec<Row>,
}

/// A subject of the API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
}

/// One route.
pub(crate) struct Row {
    pub(crate) tag: &'static str,
    /// `None`: everybody may ask.
    pub(crate) needs: Option<Permission>,
    /// The longest body that it reads.
    pub(crate) body_bytes_max: usize,
    pub(crate) paths: Paths,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    handler: MethodRouter<State>,
}

impl Routes {
    /// No rows yet, of one subject.
    pub(crate) fn of(name: &'static str, says: &'static str) -> Self {
        Self {
            tags: vec![Tag { name, says }],
            rows: Vec::new(),
        }
    }

    /// A route for those who have the permission.
    pub(crate) fn may(self, needs: Permission, handler: UtoipaMethodRouter<State>) -> Self {
        self.row(Some(needs), BODY_BYTES_MAX, handler)
    }

    /// The same, with a body that may be this long.
    pub(crate) fn may_send(
        self,
        needs: Permission,
        body_bytes_max: usize,
        handler: UtoipaMethodRouter<State>,
    ) -> Self {
        self.row(Some(needs), body_bytes_max, handler)
    }

    /// A route for everybody.
    pub(crate) fn open(self, handler: UtoipaMethodRouter<State>) -> Self {
        self.row(None, BODY_BYTES_MAX, handler)
    }

    fn row(
        mut self,
        needs: Option<Permission>,
        body_bytes_max: usize,
        (schemas, paths, handler): UtoipaMethodRouter<State>,
    ) -> Self {
        self.rows.push(Row {
            tag: self.tags.last().map_or("", |tag| tag.name),
            needs,
            body_bytes_max,
            paths,
            schemas,
            handler,
        });
        self
    }

    /// With the rows of another subject.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.tags.extend(other.tags);
        self.rows.extend(other.rows);
        self
    }

    /// All rows as they are served.
    pub(crate) fn router(self, state: &State) -> Router<State> {
        let mut router = Router::new();
        for row in self.rows {
            let mut handler = row.handler.layer(DefaultBodyLimit::max(row.body_bytes_max));
            if let Some(needs) = row.needs {
                let guard = (state.clone(), needs);
                handler =
                    handler.route_layer(middleware::from_fn_with_state(guard, auth::authorize));
            }
            for path in row.paths.paths.keys() {
                router = router.route(path, handler.clone());
            }
        }
        router
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.rows.iter().map(|row| row.paths.paths.keys()))
            .finish()
    }
}
