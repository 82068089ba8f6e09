//! Whether vendors take our keys: one small request each, which uses up nothing.
//!
//! What is asked and what the answer means is in each vendor's folder; here is how it is asked. For
//! whoever looks for what is wrong, never in a call.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use conversation::FailureKind;
use jiff::Timestamp;
use settings::Proxies;
use url::Url;

use crate::{SetupProblem, http_client, refusal};

/// A vendor that takes longer than this to say who we are is as good as out of reach.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Longest answer that is read: a host's list of some thousand models.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a vendor's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorVerdict {
    /// The key is taken, and what we want to use is there.
    Works,
    /// The key is taken, and may not be used for this question: what calls need is still open.
    Limited,
    /// The key is taken, and the model or voice of the settings is not there for it.
    Missing,
    /// The host does not answer such questions.
    NotAnswered,
    Failed(FailureKind),
}

/// Asks vendors.
#[derive(Debug, Clone)]
pub struct Probes {
    client: reqwest::Client,
}

/// A request, and how its answer is understood.
pub(crate) struct Question {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) judge: Box<dyn Fn(StatusCode, &[u8]) -> VendorVerdict + Send + Sync>,
}

impl Probes {
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(proxies: &Proxies) -> Result<Self, SetupProblem> {
        Ok(Self {
            client: http_client::client(proxies)?,
        })
    }

    pub(crate) async fn ask(&self, question: Result<Question, FailureKind>) -> VendorVerdict {
        let question = match question {
            Ok(question) => question,
            Err(kind) => return VendorVerdict::Failed(kind),
        };
        match tokio::time::timeout(ANSWER_MAX, self.answer(question)).await {
            Ok(verdict) => verdict,
            Err(_elapsed) => VendorVerdict::Failed(FailureKind::Silent),
        }
    }

    async fn answer(&self, question: Question) -> VendorVerdict {
        let request = self.client.get(question.url).headers(question.headers);
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return VendorVerdict::Failed(http_client::failed(&error)),
        };
        let status = answer.status();
        let by_status = refusal::by_status(status, answer.headers(), Timestamp::now());
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                    body.extend_from_slice(&chunk);
                }
                Ok(None) => break,
                // More than that, or broken off.
                Ok(Some(_)) | Err(_) => return VendorVerdict::Failed(FailureKind::Protocol),
            }
        }
        let verdict = (question.judge)(status, &body);
        if verdict == VendorVerdict::Failed(FailureKind::Refused) {
            // The status and its headers say more than that it was refused.
            return VendorVerdict::Failed(by_status);
        }
        verdict
    }
}
