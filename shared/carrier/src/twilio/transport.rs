//! Another way for requests to travel than the network.

use std::fmt;
use std::pin::Pin;

/// What a [`Transport`] answers with, later.
pub type Exchange<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Broken>> + Send + 'a>>;

/// Carries one request and brings its answer. Time-outs and repetition are the client's.
///
/// For a carrier in the same process, on the same (also virtual) clock: sockets know real time only.
pub trait Transport: fmt::Debug + Send + Sync {
    /// One request, one answer. An answer that never comes is a time-out.
    fn exchange(&self, request: http::Request<Vec<u8>>) -> Exchange<'_>;
}

/// No answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The request certainly did not leave.
    NotConnected,
    /// The connection broke before an answer came; the request may have been taken.
    AfterSending,
}
