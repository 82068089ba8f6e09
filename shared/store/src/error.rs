//! What can go wrong with storage, as far as code above it matches on it.

use std::error::Error;

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
        Self::Unavailable(Box::new(source))
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
