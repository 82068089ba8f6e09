//! Revisions: an answer names its own in `ETag`, an edit those that it may be made from in `If-Match`.
//!
//! Conditions are RFC 9110's: `*` is whichever revision is current, of several tags one must be, and a weak tag
//! never matches. They are looked at where the thing is there and the request would be done without them, so a
//! missing thing is 404 and a body that cannot be read is told first (section 13.2.1).

use std::future::Future;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use service::Refused;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use crate::http::problem::{Code, Problem};
use crate::state::State;

/// Tries of an edit of whichever revision is current, while others edit it too.
const TRIES_MAX: u32 = 8;

/// Which revisions an edit may be made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Whichever is current.
    Any,
    /// Those with one of these strong tags, without their quotes.
    Tags(Vec<String>),
}

impl FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        let Some(said) = said(&parts.headers) else {
            let title =
                "Send If-Match with the ETag of what you changed, or with * for whatever it is.";
            return Err(Problem::new(Code::IfMatchRequired, title));
        };
        Self::read(&said).ok_or_else(|| {
            let title = "If-Match is *, or ETags as they were sent, as in \"3\".";
            Problem::new(Code::IfMatchInvalid, title)
        })
    }
}

/// All lines of the header are one list (RFC 9110, section 5.3).
fn said(headers: &HeaderMap) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = headers
        .get_all(header::IF_MATCH)
        .iter()
        .map(|line| line.as_bytes())
        .collect();
    (!lines.is_empty()).then(|| lines.join(&b','))
}

impl IfMatch {
    /// `*`, or a list of tags (RFC 9110, sections 8.8.3 and 13.1.1). `None`: it is neither.
    fn read(said: &[u8]) -> Option<Self> {
        let mut rest = said.trim_ascii();
        if rest == b"*" {
            return Some(Self::Any);
        }
        let (mut strong, mut any) = (Vec::new(), false);
        loop {
            rest = rest.trim_ascii_start();
            // Elements of a list may be empty (section 5.6.1).
            if let Some(next) = rest.strip_prefix(b",") {
                rest = next;
                continue;
            }
            if rest.is_empty() {
                return any.then_some(Self::Tags(strong));
            }
            let weak = rest.strip_prefix(b"W/");
            let quoted = weak.unwrap_or(rest).strip_prefix(b"\"")?;
            let end = quoted.iter().position(|byte| *byte == b'"')?;
            let (tag, after) = quoted.split_at_checked(end)?;
            if !tag.iter().all(|byte| is_of_a_tag(*byte)) {
                return None;
            }
            any = true;
            if weak.is_none() {
                strong.push(String::from_utf8_lossy(tag).into_owned());
            }
            rest = after.strip_prefix(b"\"")?.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return None;
            }
        }
    }

    /// Refuses the edit of a thing that has another revision.
    pub(crate) fn check(&self, current: u64) -> Result<(), Problem> {
        let tag = current.to_string();
        match self {
            Self::Any => Ok(()),
            Self::Tags(tags) if tags.contains(&tag) => Ok(()),
            Self::Tags(_others) => {
                let current = u32::try_from(current).unwrap_or(u32::MAX);
                Err(Refused::RevisionChanged { current }.into())
            }
        }
    }

    /// Edits a thing: `attempt` reads it, checks the condition and writes it over the revision that it read. When
    /// somebody else was faster, and any revision will do, it is edited as it is then.
    pub(crate) async fn edit<T, F: Future<Output = Result<T, Problem>>>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Problem> {
        for _try in 1..TRIES_MAX {
            match attempt().await {
                Err(problem) if *self == Self::Any && problem.is(Code::RevisionChanged) => {}
                done => return done,
            }
        }
        attempt().await
    }
}

const fn is_of_a_tag(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7E | 0x80..=0xFF)
}

impl IntoParams for IfMatch {
    fn into_params(_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let revision = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header);
        vec![revision.build()]
    }
}

/// An answer that says which revision it is.
pub(crate) fn tagged<T: Serialize>(status: StatusCode, revision: u64, body: &T) -> Response {
    (status, etag(revision), Json(body)).into_response()
}

/// The header of a revision.
pub(crate) fn etag(revision: u64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{revision}\""))]
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use axum::http::HeaderValue;

    use super::*;

    fn tags(tags: &[&str]) -> Option<IfMatch> {
        Some(IfMatch::Tags(
            tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ))
    }

    #[test]
    fn a_list_of_tags_is_read_and_weak_ones_match_nothing() {
        for (said, read) in [
            ("*", Some(IfMatch::Any)),
            ("  * ", Some(IfMatch::Any)),
            ("\"3\"", tags(&["3"])),
            ("\"3\", \"4\"", tags(&["3", "4"])),
            (",, \"3\" ,\t\"a,b\" ,", tags(&["3", "a,b"])),
            ("W/\"3\"", tags(&[])),
            ("W/\"3\",\"4\"", tags(&["4"])),
            ("\"\"", tags(&[""])),
            ("", None),
            (",", None),
            ("3", None),
            ("\"3", None),
            ("3\"", None),
            ("\"3\" \"4\"", None),
            ("\"3\"\"4\"", None),
            ("\"a b\"", None),
            ("w/\"3\"", None),
            ("W/3", None),
            ("*, \"3\"", None),
        ] {
            assert_eq!(IfMatch::read(said.as_bytes()), read, "{said}");
        }
    }

    #[test]
    fn the_lines_of_a_header_are_one_list() {
        let mut headers = HeaderMap::new();
        assert_eq!(said(&headers), None);
        for line in ["\"3\"", "\"4\""] {
            headers.append(header::IF_MATCH, HeaderValue::from_static(line));
        }
        let condition = IfMatch::read(&said(&headers).unwrap()).unwrap();
        assert!(condition.check(4).is_ok() && condition.check(3).is_ok());
        assert!(condition.check(5).unwrap_err().is(Code::RevisionChanged));
        assert!(IfMatch::Any.check(5).is_ok());
    }

    #[tokio::test]
    async fn an_edit_of_any_revision_is_tried_again_and_one_of_a_certain_revision_is_not() {
        let others = Cell::new(3);
        let attempt = || async {
            if others.get() == 0 {
                return Ok(());
            }
            others.set(others.get() - 1);
            IfMatch::Tags(Vec::new()).check(7)
        };
        let once = tags(&["6"]).unwrap().edit(attempt).await;
        assert!(once.unwrap_err().is(Code::RevisionChanged));
        assert_eq!(others.get(), 2);
        IfMatch::Any.edit(attempt).await.unwrap();
        others.set(u32::MAX);
        let outrun = IfMatch::Any.edit(attempt).await;
        assert!(outrun.unwrap_err().is(Code::RevisionChanged));
    }
}
