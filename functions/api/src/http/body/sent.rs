//! A body with all of its faults: those that the document finds, and those that only a use case can find.
//!
//! The use case looks at what is left of a body that the document finds something wrong with, and what it finds comes
//! into the same answer.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde_json::Value;
use service::{FieldProblem, Refused};

use crate::http::body::mended::Mended;
use crate::http::body::{Held, read};
use crate::http::problem::Problem;

/// A body of a type of ours, or what is left of it.
#[derive(Debug)]
pub(crate) struct Sent<T> {
    /// `None`: what is left cannot be read.
    value: Option<T>,
    faults: Vec<FieldProblem>,
    left: Mended,
}

impl Held {
    /// The body as a type of ours, without what is wrong with it.
    pub(crate) fn sent<T: DeserializeOwned>(self) -> Sent<T> {
        self.sent_as(read)
    }

    /// The same, of a body that becomes the type in another way than by reading it.
    pub(crate) fn sent_as<T>(self, read: impl FnOnce(Value) -> Result<T, FieldProblem>) -> Sent<T> {
        let Self { mut left, faults } = self;
        let (value, faults) = match read(left.value.take()) {
            Ok(value) => (Some(value), faults),
            Err(problem) if faults.is_empty() => (None, vec![problem]),
            Err(_of_what_is_left) => (None, faults),
        };
        Sent {
            value,
            faults,
            left,
        }
    }
}

impl<T> Sent<T> {
    /// The body, if nothing is wrong with it; otherwise all that is, with what `check` finds in what is left.
    pub(crate) async fn or_all_faults<F: Future<Output = Result<Vec<FieldProblem>, Refused>>>(
        self,
        check: impl FnOnce(T) -> F,
    ) -> Result<T, Problem> {
        let Self {
            value,
            mut faults,
            left,
        } = self;
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            Some(value) => {
                let more = check(value).await?;
                faults.extend(more.into_iter().filter_map(|problem| left.told(problem)));
                Err(Problem::invalid(faults))
            }
            None => Err(Problem::invalid(faults)),
        }
    }
}
