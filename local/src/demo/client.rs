//! A small client of our own REST API: the first scene uses the product as any program would.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::StatusCode;
use model::{CallId, CallState, Outcome, Speaker};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use settings::Secret;
use url::Url;

/// Everything is on this machine: an answer that takes longer is a fault worth stopping at.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Speaks to the API of a running platform.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    base: Url,
    key: Secret,
}

/// A call as the API tells it, as far as a viewer needs it.
#[derive(Debug, Clone, Deserialize)]
pub struct CallView {
    pub id: CallId,
    pub state: CallState,
    pub carrier_call_id: Option<String>,
    pub answered_at: Option<String>,
    pub outcome: Option<Outcome>,
    pub outcome_by: Option<String>,
    pub recording: Option<RecordingView>,
    /// Absent in the answer to a request that makes a call.
    #[serde(default)]
    pub turns: Vec<TurnView>,
}

/// What happened to the recording so far.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordingView {
    /// `ready`, `stored`, `kept` or `absent`.
    pub state: String,
    pub carrier_recording_id: String,
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
}

/// One side's utterance.
#[derive(Debug, Clone, Deserialize)]
pub struct TurnView {
    pub speaker: Speaker,
    pub text: String,
    pub intended: Option<String>,
    pub interrupted: bool,
    pub waterfall: Option<WaterfallView>,
}

/// Where the time of an answer went.
#[derive(Debug, Clone, Deserialize)]
pub struct WaterfallView {
    pub parts: Vec<PartView>,
    pub total_us: u64,
    pub voice_to_voice_us: Option<u64>,
    pub engine_us: u64,
}

/// The time that led up to a stage.
#[derive(Debug, Clone, Deserialize)]
pub struct PartView {
    pub stage: String,
    pub owner: String,
    pub us: u64,
}

impl ApiClient {
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(base: Url, key: Secret) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_TIMEOUT)
            // Whatever the environment says: it is next door.
            .no_proxy()
            .build()
            .context("building an HTTP client")?;
        Ok(Self { http, base, key })
    }

    /// One call with its turns so far.
    ///
    /// # Errors
    /// When the API does not answer with it.
    pub async fn call(&self, id: CallId) -> anyhow::Result<CallView> {
        self.get(&format!("v1/calls/{id}")).await
    }

    /// The recording of a call, as it is in the object store.
    ///
    /// # Errors
    /// When the API does not answer with it.
    pub async fn recording(&self, id: CallId) -> anyhow::Result<Vec<u8>> {
        let request = self
            .http
            .get(self.url(&format!("v1/calls/{id}/recording"))?);
        let answer = request
            .bearer_auth(self.key.expose())
            .send()
            .await
            .context("asking the API")?;
        if !answer.status().is_success() {
            bail!("the API answered {} for the recording", answer.status());
        }
        Ok(answer
            .bytes()
            .await
            .context("reading the recording")?
            .to_vec())
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// When the API does not answer with one of this shape.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.send(self.http.get(self.url(path)?)).await
    }

    /// Creates a resource.
    ///
    /// # Errors
    /// When the API refuses or answers with another shape.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        let request = self.http.post(self.url(path)?);
        self.send(
            request
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    /// Puts a resource where it is named.
    ///
    /// # Errors
    /// When the API refuses or answers with another shape.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        let request = self.http.put(self.url(path)?);
        self.send(
            request
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    /// Sends a list of leads or numbers as CSV.
    ///
    /// # Errors
    /// When the API refuses or answers with another shape.
    pub async fn post_list<T: DeserializeOwned>(
        &self,
        path: &str,
        list: String,
    ) -> anyhow::Result<T> {
        let request = self.http.post(self.url(path)?);
        self.send(request.header("content-type", "text/csv").body(list))
            .await
    }

    /// Reads a text, such as an export.
    ///
    /// # Errors
    /// When the API does not answer with one.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let request = self.http.get(self.url(path)?);
        let body = self.body(request).await?;
        String::from_utf8(body.to_vec()).context("the API's answer is not text")
    }

    /// Removes what may not be there.
    ///
    /// # Errors
    /// When the API can neither remove it nor say that it is not there.
    pub async fn delete_if_there(&self, path: &str) -> anyhow::Result<()> {
        let answer = self
            .http
            .delete(self.url(path)?)
            .bearer_auth(self.key.expose())
            .send()
            .await
            .context("asking the API")?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => bail!("the API answered {status} when asked to remove something"),
        }
    }

    /// Creates a resource once, however often it is asked with this key.
    ///
    /// # Errors
    /// When the API refuses or answers with another shape.
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        key: &str,
    ) -> anyhow::Result<T> {
        let request = self
            .http
            .post(self.url(path)?)
            .header("Idempotency-Key", key);
        self.send(
            request
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let body = self.body(request).await?;
        serde_json::from_slice(&body).context("the API's answer has another shape")
    }

    async fn body(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Bytes> {
        let answer = request
            .bearer_auth(self.key.expose())
            .send()
            .await
            .context("asking the API")?;
        let status = answer.status();
        let body = answer.bytes().await.context("reading the API's answer")?;
        if !status.is_success() {
            bail!(
                "the API answered {status}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(body)
    }

    fn url(&self, path: &str) -> anyhow::Result<Url> {
        self.base
            .join(path)
            .context("joining a path to the API's address")
    }
}
