//! What can go wrong with storage, as far as code above it matches on it.

use std::error::Error;

use aws_smithy_types::error::ErrorMetadata;

/// Storage did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A conditional write found something else than it expected: somebody was there first.
    #[error("the row is not as expected")]
    Conflict,
    /// The service was asked and did not do it, after the client's own retries.
    #[error("storage cannot be reached")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A row is there that a newer version has written, in a shape that this one does not know. It is
    /// left as it is.
    #[error("a stored {what} is of a newer version, which this one cannot work with")]
    Newer { what: &'static str },
    /// A row or message is there and is not what we write.
    #[error("a stored {what} cannot be read")]
    Malformed {
        what: &'static str,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    pub(crate) fn unavailable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(InWords(in_words(&source))))
    }

    pub(crate) fn malformed<E: Error + Send + Sync + 'static>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Malformed {
            what,
            source: Box::new(source),
        }
    }
}

/// An error with its causes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct InWords(String);

/// An error of the SDK with its causes, for people: what the service says of itself comes in Rust's debug form
/// otherwise.
pub(crate) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = match error.downcast_ref::<ErrorMetadata>() {
            Some(said) => match (said.message(), said.code()) {
                (Some(message), Some(code)) => format!("{message} ({code})"),
                (Some(only), None) | (None, Some(only)) => only.to_owned(),
                (None, None) => "the service says no more".to_owned(),
            },
            None => error.to_string(),
        };
        // Some repeat their cause.
        if words.last() != Some(&said) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("service error")]
    struct Outer(#[source] ErrorMetadata);

    #[test]
    fn what_the_service_says_comes_in_words() {
        let said = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("You may not do this")
            .build();
        let unavailable = StoreError::unavailable(Outer(said));
        let cause = unavailable.source().unwrap().to_string();
        assert_eq!(cause, "service error: You may not do this (AccessDenied)");
        let broken = StoreError::unavailable(io::Error::other("no route"));
        assert_eq!(broken.source().unwrap().to_string(), "no route");
    }
}
