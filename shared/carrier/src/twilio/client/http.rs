//! One request and its repetition: the only place that touches the network.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderValue, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::redirect;
use serde::Deserialize;
use settings::{Proxies, Secret};
use url::Url;

use super::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, ClientConfig, READ_TIMEOUT, Retry};
use crate::error::{CarrierRefusal, Lost, NoConnection, RefusalKind, RequestError};
use crate::twilio::transport::{Broken, Transport};

/// The version of the API, the first segment of every path.
const VERSION: &str = "2010-04-01";

#[derive(Debug, Clone)]
pub(super) struct Http {
    way: Way,
    /// `{base}/2010-04-01/Accounts/{AccountSid}/`.
    account_url: Url,
    /// The base without a trailing slash.
    base: String,
    user: String,
    secret: Secret,
    request_timeout: Duration,
    retry: Retry,
}

/// How requests travel.
#[derive(Debug, Clone)]
enum Way {
    Network {
        shared: reqwest::Client,
        /// For what must not be repeated: never on a connection that was used before. One that died
        /// while it was idle (or while a Lambda function was frozen) would make the answer's fate
        /// unknown.
        fresh: reqwest::Client,
    },
    Given(Arc<dyn Transport>),
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Shared,
    Fresh,
}

/// What is asked, with the named values of a form.
#[derive(Clone, Copy)]
pub(super) enum Verb<'a> {
    Get,
    Post(&'a [(&'static str, String)]),
    Delete,
}

/// When a request may be made again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is doing it once.
    Always,
    /// Only after an answer that proves that it was not done.
    WhenNotDone,
}

/// No answer.
pub(super) enum SendError {
    /// The request certainly did not leave: no connection was made.
    NotSent(NoConnection),
    Lost(Lost),
}

pub(super) struct HttpAnswer {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// What could be read of the body.
    body: Result<Vec<u8>, Lost>,
}

/// What an answer proves.
pub(super) enum RetryVerdict {
    /// Done; the body is what could be read of it.
    Done(Result<Vec<u8>, Lost>),
    /// Not done, because there were too many requests.
    TooMany {
        code: Option<u32>,
        retry_after: Option<Duration>,
    },
    /// Not done.
    Refused(CarrierRefusal),
    /// Nothing is proven.
    Unclear { status: u16 },
}

/// Twilio's error body (`docs/protocols/twilio-voice.md#refusals`). Its `message` repeats phone numbers and is
/// not read.
#[derive(Deserialize)]
struct ErrorBody {
    code: u32,
}

impl Http {
    /// Requests are made in the account's own name.
    pub(super) fn account_sid(&self) -> &str {
        &self.user
    }

    pub(super) fn new(config: ClientConfig) -> Result<Self, reqwest::Error> {
        let way = Way::Network {
            shared: builder(&config.proxies).build()?,
            fresh: builder(&config.proxies).pool_max_idle_per_host(0).build()?,
        };
        Ok(Self::by(config, way))
    }

    pub(super) fn over(config: ClientConfig, transport: Arc<dyn Transport>) -> Self {
        Self::by(config, Way::Given(transport))
    }

    fn by(config: ClientConfig, way: Way) -> Self {
        let base = config.base_url.as_str().trim_end_matches('/').to_owned();
        let mut account_url = config.base_url;
        account_url.set_path(&format!(
            "{}/{VERSION}/Accounts/{}/",
            account_url.path().trim_end_matches('/'),
            config.account_sid
        ));
        Self {
            way,
            account_url,
            base,
            user: config.account_sid.to_string(),
            secret: config.auth_token,
            request_timeout: config.request_timeout,
            retry: config.retry,
        }
    }

    /// The account itself.
    pub(super) fn account(&self) -> Url {
        let mut url = self.account_url.clone();
        let path = format!("{}.json", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// A resource of the account. `path` is built from checked identifiers only.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.account_url.clone();
        let full = format!("{}{path}", url.path());
        url.set_path(&full);
        url
    }

    /// The next page of a list that began at `first`: `uri` is relative to the API's root. It must
    /// stay within the same list, since our credentials go with the request.
    pub(super) fn next_page(&self, first: &Url, uri: &str) -> Result<Url, RequestError> {
        let unreadable = || RequestError::Lost(Lost::Unreadable);
        if !uri.starts_with('/') {
            return Err(unreadable());
        }
        let joined = format!("{}{uri}", self.base);
        let url = Url::parse(&joined).map_err(|_not_a_url| unreadable())?;
        if url.origin() == first.origin() && url.path() == first.path() {
            Ok(url)
        } else {
            Err(unreadable())
        }
    }

    /// Sends a request until it is done, refused, or tried often enough, and returns the body.
    pub(super) async fn send(
        &self,
        verb: Verb<'_>,
        url: &Url,
        repeat: Repeat,
    ) -> Result<Vec<u8>, RequestError> {
        self.repeat(repeat, || async move {
            let answer = self.send_by(Connection::Shared, verb, url).await?;
            Ok(match answer.verdict() {
                RetryVerdict::Done(body) => Attempt::Done(body.map_err(SendError::Lost)?),
                RetryVerdict::TooMany { retry_after, .. } => Attempt::TooMany { retry_after },
                RetryVerdict::Refused(refusal) => Attempt::Refused(refusal),
                RetryVerdict::Unclear { status } => Attempt::Unclear { status },
            })
        })
        .await
    }

    /// Repeats `attempt` as far as `repeat` allows, waiting in between.
    ///
    /// Not `AsyncFn`: its futures are not provably `Send`, and handlers that use the client must be.
    pub(super) async fn repeat<T, F>(
        &self,
        repeat: Repeat,
        attempt: impl Fn() -> F,
    ) -> Result<T, RequestError>
    where
        F: Future<Output = Result<Attempt<T>, SendError>>,
    {
        let mut made = 0;
        loop {
            made += 1;
            let (error, retry_after) = match attempt().await {
                Ok(Attempt::Done(done)) => return Ok(done),
                Ok(Attempt::Refused(refusal)) => return Err(RequestError::Refused(refusal)),
                Ok(Attempt::TooMany { retry_after }) => {
                    (RequestError::RateLimited { retry_after }, retry_after)
                }
                Err(SendError::NotSent(source)) => (RequestError::Unreachable(source), None),
                Ok(Attempt::Unclear { status }) => {
                    let error = RequestError::Unavailable { status };
                    let server_side = (500..=599).contains(&status);
                    if repeat == Repeat::WhenNotDone || !server_side {
                        return Err(error);
                    }
                    (error, None)
                }
                Err(SendError::Lost(lost)) => {
                    let error = RequestError::Lost(lost);
                    if repeat == Repeat::WhenNotDone {
                        return Err(error);
                    }
                    (error, None)
                }
            };
            let Some(wait) = self.wait_before(made, retry_after) else {
                return Err(error);
            };
            tracing::debug!(
                attempt = made,
                reason = error.code(),
                "asking the carrier again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    /// The wait before the next attempt after `made` of them; `None` when there is to be none.
    fn wait_before(&self, made: u32, retry_after: Option<Duration>) -> Option<Duration> {
        let retry = self.retry;
        if made >= retry.attempts_max {
            return None;
        }
        let asked = retry_after.unwrap_or_default();
        if asked > retry.retry_after_max {
            return None;
        }
        let doubled = retry.base.saturating_mul(1 << (made - 1).min(20));
        // Chance over the whole range keeps workers that failed together from coming back together.
        let wait = doubled.min(retry.wait_max).mul_f64(rand::random::<f64>());
        Some(wait.max(asked))
    }

    /// The one request of what must never be done twice.
    pub(super) async fn send_only_once(
        &self,
        verb: Verb<'_>,
        url: &Url,
    ) -> Result<HttpAnswer, SendError> {
        self.send_by(Connection::Fresh, verb, url).await
    }

    /// One request, whose answer is read to its end.
    async fn send_by(
        &self,
        connection: Connection,
        verb: Verb<'_>,
        url: &Url,
    ) -> Result<HttpAnswer, SendError> {
        let mut request = self.request(verb, url);
        *request.timeout_mut() = Some(self.request_timeout);
        let response = self.exchange(connection, request).await?;
        Ok(HttpAnswer::read(response).await)
    }

    /// One request, whose answer's body is left to be read.
    pub(super) async fn open(&self, url: &Url) -> Result<reqwest::Response, SendError> {
        let request = self.request(Verb::Get, url);
        // The head of the answer comes within the usual time, or not at all.
        let exchange = self.exchange(Connection::Shared, request);
        match tokio::time::timeout(self.request_timeout, exchange).await {
            Ok(answered) => answered,
            Err(_elapsed) => Err(SendError::Lost(Lost::Silent)),
        }
    }

    async fn exchange(
        &self,
        connection: Connection,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, SendError> {
        let transport = match (&self.way, connection) {
            (Way::Network { shared, .. }, Connection::Shared) => {
                return shared.execute(request).await.map_err(SendError::from);
            }
            (Way::Network { fresh, .. }, Connection::Fresh) => {
                return fresh.execute(request).await.map_err(SendError::from);
            }
            (Way::Given(transport), _) => transport,
        };
        let request = ::http::Request::try_from(request)?;
        let request = request.map(|body| body.as_bytes().map(<[u8]>::to_vec).unwrap_or_default());
        let answered = tokio::time::timeout(self.request_timeout, transport.exchange(request));
        match answered.await {
            Ok(Ok(response)) => Ok(response.into()),
            Ok(Err(Broken::NotConnected)) => Err(SendError::NotSent(NoConnection::Transport)),
            Ok(Err(Broken::AfterSending)) => Err(SendError::Lost(Lost::BrokenOff)),
            Err(_elapsed) => Err(SendError::Lost(Lost::Silent)),
        }
    }

    fn request(&self, verb: Verb<'_>, url: &Url) -> reqwest::Request {
        let (method, form) = match verb {
            Verb::Get => (Method::GET, None),
            Verb::Post(form) => (Method::POST, Some(form)),
            Verb::Delete => (Method::DELETE, None),
        };
        let mut request = reqwest::Request::new(method, url.clone());
        let headers = request.headers_mut();
        let credentials = STANDARD.encode(format!("{}:{}", self.user, self.secret.expose()));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {credentials}")) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(form) = form {
            let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form_type);
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish();
            *request.body_mut() = Some(body.into());
        }
        request
    }
}

fn builder(proxies: &Proxies) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(redirect::Policy::none())
        // What is repeated is decided here, request by request.
        .retry(reqwest::retry::never());
    // Only settings say where requests go, and by way of whom.
    if proxies.are_none() {
        return builder.no_proxy();
    }
    let proxies = proxies.clone();
    let way = move |url: &Url| proxies.to(url).map(|proxy| proxy.with_password());
    builder.proxy(reqwest::Proxy::custom(way))
}

/// What one attempt came to.
pub(super) enum Attempt<T> {
    Done(T),
    TooMany { retry_after: Option<Duration> },
    Refused(CarrierRefusal),
    Unclear { status: u16 },
}

impl HttpAnswer {
    pub(super) async fn read(mut response: reqwest::Response) -> Self {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        let body = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                    break Err(Lost::TooLong);
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break Ok(body),
                Err(error) => break Err(Lost::from(error)),
            }
        };
        Self {
            status,
            retry_after,
            body,
        }
    }

    pub(super) fn verdict(self) -> RetryVerdict {
        let status = self.status.as_u16();
        if self.status.is_success() {
            return RetryVerdict::Done(self.body);
        }
        let body = self.body.ok();
        let error: Option<ErrorBody> = body.and_then(|body| serde_json::from_slice(&body).ok());
        let code = error.map(|ErrorBody { code }| code);
        match status {
            429 => RetryVerdict::TooMany {
                code,
                retry_after: self.retry_after,
            },
            503 if code.is_some() => RetryVerdict::TooMany {
                code,
                retry_after: self.retry_after,
            },
            408 => RetryVerdict::Unclear { status },
            400..=499 => RetryVerdict::Refused(CarrierRefusal {
                status,
                code,
                kind: refusal_kind(status, code),
            }),
            _other => RetryVerdict::Unclear { status },
        }
    }
}

/// What Twilio's codes mean (`docs/protocols/twilio-voice.md#refusals`).
const fn refusal_kind(status: u16, code: Option<u32>) -> RefusalKind {
    match (code, status) {
        (Some(20003), _) | (None, 401) => RefusalKind::Credentials,
        (Some(20404), _) => RefusalKind::NotFound,
        (Some(21211 | 21217), _) => RefusalKind::ToInvalid,
        (Some(21214), _) => RefusalKind::ToUnreachable,
        (Some(21210 | 21212), _) => RefusalKind::FromRefused,
        (Some(21215), _) => RefusalKind::CountryNotPermitted,
        (Some(21216), _) => RefusalKind::Blocked,
        (Some(21219), _) => RefusalKind::TrialUnverified,
        (Some(10004), _) => RefusalKind::ConcurrencyLimit,
        (Some(22005), _) => RefusalKind::QueueFull,
        (Some(21220), _) => RefusalKind::NotInState,
        (Some(_), 401) => RefusalKind::Credentials,
        (_, 403) => RefusalKind::Forbidden,
        (_, 404) => RefusalKind::NotFound,
        (_, _) => RefusalKind::Other,
    }
}

impl From<reqwest::Error> for SendError {
    fn from(error: reqwest::Error) -> Self {
        // A URL of ours can carry a phone number.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Self::NotSent(NoConnection::Network(error))
        } else {
            Self::Lost(Lost::from(error))
        }
    }
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::Timeout(error)
        } else {
            Self::Broken(error)
        }
    }
}
