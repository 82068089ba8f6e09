//! Pages of lists: which one is wanted, and how one is answered.

use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use service::Fault;
use store::Shelf;
use utoipa::ToSchema;

use crate::http::params::Query;
use crate::http::problem::Problem;
use crate::state::State;

/// Entries of a page where none are asked for, and at most.
pub(crate) const PAGE_DEFAULT: u32 = 50;
pub(crate) const PAGE_MAX: u32 = 100;

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The last page's `next_cursor`.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of the page.
    #[serde(default)]
    limit: Option<u32>,
}

/// The same, read: entries after one, and how many.
pub(crate) struct Wanted<T> {
    pub(crate) after: Option<T>,
    pub(crate) limit: u32,
}

impl<T: FromStr> Wanted<T> {
    /// Reads what the query of a list says.
    pub(crate) fn read(cursor: Option<&str>, limit: Option<u32>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            let says = format!("must be from 1 to {PAGE_MAX}");
            return Err(Problem::parameter("limit", Fault::OutOfRange, says));
        }
        let foreign = |_foreign| {
            let says = "is not one that a list answered";
            Problem::parameter("cursor", Fault::Malformed, says)
        };
        let after = cursor.map(str::parse).transpose().map_err(foreign)?;
        Ok(Self { after, limit })
    }
}

impl<T: FromStr> FromRequestParts<State> for Wanted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Query(PageQuery { cursor, limit }) = Query::from_request_parts(parts, state).await?;
        Self::read(cursor.as_deref(), limit)
    }
}

/// Which page is wanted of a list of things that can be archived.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShelfQuery {
    /// The last page's `next_cursor`.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of the page.
    #[serde(default)]
    limit: Option<u32>,
    /// `true`: what is archived, and nothing else; `false`: what is not.
    #[serde(default)]
    archived: bool,
}

/// The same, read.
pub(crate) struct Shelved<T> {
    pub(crate) shelf: Shelf,
    pub(crate) after: Option<T>,
    pub(crate) limit: u32,
}

impl<T: FromStr> FromRequestParts<State> for Shelved<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Query(query) = Query::<ShelfQuery>::from_request_parts(parts, state).await?;
        let Wanted { after, limit } = Wanted::read(query.cursor.as_deref(), query.limit)?;
        let shelf = if query.archived {
            Shelf::Archived
        } else {
            Shelf::InUse
        };
        Ok(Self {
            shelf,
            after,
            limit,
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Ask with it for the next page; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn new<R>(
        page: store::Page<R>,
        cursor: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> Self {
        let next_cursor = page.items.last().filter(|_row| page.more).map(cursor);
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor,
        }
    }
}

impl<T> fmt::Debug for Shelved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelved")
            .field("shelf", &self.shelf)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Wanted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
