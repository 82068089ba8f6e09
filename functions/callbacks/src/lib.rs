//! The carrier's webhooks.
//!
//! They arrive under `/carriers/{carrier}`. Every request is checked in this order: its carrier, its size, its
//! form, its signature over the configured public address, its fields, the ids in its path. Only then is it
//! believed. How a request is read, is its carrier's own module. Refusals are problem documents and counted as
//! `trunkline_webhooks_refused_total`; none of them changes anything stored:
//!
//! | status | code | why |
//! |---|---|---|
//! | 413 | `form_too_long` | more than 64 KiB |
//! | 400 | `form_…` | a form or a field that cannot be read |
//! | 403 | `signature_refused` | no signature, or one that does not match |
//! | 404 | `carrier_unknown` | no account of ours is at a carrier of this name |
//! | 404 | `call_unknown` | the ids in the path name no call |
//! | 409 | `call_mismatch` | the call is another one at the carrier |
//! | 503 | `unavailable` | storage did not answer: the carrier may try again |

mod refusal;
mod twilio;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{OriginalUri, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use carrier::report::{
    AmdReport, CallRequest, RecordingReport, StatusReport, StreamReport, WEBHOOK_BYTES_MAX,
    WebhookProblem,
};
use carrier::{CarrierName, Instructions, Signatures};
use model::{CallId, TenantId};
use service::Context;
use service::call::callbacks::Callbacks;
use tracing::{Instrument as _, info_span};
use url::Url;

pub use refusal::WebhookRefusal;
use twilio::TwilioWebhooks;

/// What the function works with.
#[derive(Clone)]
pub struct CallbackState {
    callbacks: Callbacks,
    carrier: CarrierName,
    webhooks: Arc<dyn Webhooks>,
    public: Url,
}

/// The reader of a carrier's webhooks.
#[must_use]
pub fn webhooks_of(signatures: &Signatures) -> Arc<dyn Webhooks> {
    match signatures {
        Signatures::Twilio(tokens) => Arc::new(TwilioWebhooks(tokens.clone())),
    }
}

/// A webhook as it came.
#[derive(Debug)]
pub struct Received {
    /// The address as the carrier was given it.
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What one carrier's webhooks say. Each reading believes only what that carrier signed.
pub trait Webhooks: Send + Sync {
    /// # Errors
    /// See [`WebhookRefusal`], as for all of them.
    fn call_request(&self, received: &Received) -> Result<CallRequest, WebhookRefusal>;
    /// # Errors
    /// As above.
    fn status(&self, received: &Received) -> Result<StatusReport, WebhookRefusal>;
    /// # Errors
    /// As above.
    fn amd(&self, received: &Received) -> Result<AmdReport, WebhookRefusal>;
    /// # Errors
    /// As above.
    fn recording(&self, received: &Received) -> Result<RecordingReport, WebhookRefusal>;
    /// # Errors
    /// As above.
    fn stream(&self, received: &Received) -> Result<StreamReport, WebhookRefusal>;
    /// What the carrier does next, in its own language.
    fn answer(&self, instructions: &Instructions) -> Response;
}

impl CallbackState {
    #[must_use]
    pub fn new(parts: &Context) -> Self {
        Self {
            callbacks: Callbacks::new(
                &parts.store,
                Arc::clone(&parts.carrier),
                parts.links.clone(),
                Arc::clone(&parts.clock),
                parts.ids.clone(),
            ),
            carrier: parts.signatures.carrier(),
            webhooks: webhooks_of(&parts.signatures),
            public: parts.links.public().clone(),
        }
    }

    /// The request, if it came to the address of the carrier that we have an account at.
    async fn receive(&self, carrier: &str, request: Request) -> Result<Received, WebhookRefusal> {
        if carrier.parse() != Ok(self.carrier) {
            return Err(WebhookRefusal::UnknownCarrier);
        }
        let (parts, body) = request.into_parts();
        let uri = parts.extensions.get::<OriginalUri>();
        let uri = uri.map_or(&parts.uri, |uri| &uri.0);
        Ok(Received {
            url: signed_url(&self.public, uri),
            headers: parts.headers,
            body: read(body).await?,
        })
    }
}

impl fmt::Debug for CallbackState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("callbacks::State").finish_non_exhaustive()
    }
}

/// The webhooks under `/carriers/{carrier}`.
pub fn router(state: CallbackState) -> Router {
    let of_call = |kind: &str| format!("/carriers/{{carrier}}/{kind}/{{tenant_id}}/{{call_id}}");
    Router::new()
        .route("/carriers/{carrier}/voice", post(voice))
        .route(&of_call("status"), post(status))
        .route(&of_call("amd"), post(amd))
        .route(&of_call("recording"), post(recording))
        .route(&of_call("stream"), post(stream))
        .route(&of_call("resume"), post(resume))
        .layer(middleware::from_fn(follow))
        .with_state(state)
}

/// What is logged on a webhook is of the call that its address names, and of the call's trace once the call
/// was read.
async fn follow(request: Request, next: Next) -> Response {
    let empty = tracing::field::Empty;
    let span = info_span!(
        "webhook",
        call.id = empty,
        tenant.id = empty,
        trace_id = empty
    );
    let mut ids = request.uri().path().rsplit('/');
    if let Some(Ok(call)) = ids.next().map(str::parse::<CallId>) {
        span.record("call.id", tracing::field::display(call));
    }
    if let Some(Ok(tenant)) = ids.next().map(str::parse::<TenantId>) {
        span.record("tenant.id", tracing::field::display(tenant));
    }
    next.run(request).instrument(span).await
}

type WebhookAnswer = Result<Response, WebhookRefusal>;

async fn voice(
    Shared(state): Shared<CallbackState>,
    Path(carrier): Path<String>,
    Query(asked): Query<Asked>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&carrier, request).await?;
    let request = state.webhooks.call_request(&received)?;
    let next = state.callbacks.inbound_voice(&request, held(&asked));
    Ok(state.webhooks.answer(&next.await?))
}

async fn status(
    Shared(state): Shared<CallbackState>,
    Path(named): Path<Named>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&named.0, request).await?;
    let report = state.webhooks.status(&received)?;
    let (tenant, call) = ids(&named)?;
    state.callbacks.status(tenant, call, &report).await?;
    Ok(taken())
}

async fn amd(
    Shared(state): Shared<CallbackState>,
    Path(named): Path<Named>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&named.0, request).await?;
    let report = state.webhooks.amd(&received)?;
    let (tenant, call) = ids(&named)?;
    state.callbacks.amd(tenant, call, &report).await?;
    Ok(taken())
}

async fn recording(
    Shared(state): Shared<CallbackState>,
    Path(named): Path<Named>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&named.0, request).await?;
    let report = state.webhooks.recording(&received)?;
    let (tenant, call) = ids(&named)?;
    state.callbacks.recording(tenant, call, &report).await?;
    Ok(taken())
}

async fn stream(
    Shared(state): Shared<CallbackState>,
    Path(named): Path<Named>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&named.0, request).await?;
    let report = state.webhooks.stream(&received)?;
    let (tenant, call) = ids(&named)?;
    state.callbacks.stream(tenant, call, &report).await?;
    Ok(taken())
}

async fn resume(
    Shared(state): Shared<CallbackState>,
    Path(named): Path<Named>,
    Query(asked): Query<Asked>,
    request: Request,
) -> WebhookAnswer {
    let received = state.receive(&named.0, request).await?;
    let request = state.webhooks.call_request(&received)?;
    let (tenant, call) = ids(&named)?;
    // Those that could not be looked at, and come again with the address; then what was pressed last.
    let keys: String = (asked.get("keys").into_iter())
        .chain(&request.keys)
        .map(String::as_str)
        .collect();
    let next = state
        .callbacks
        .resume(tenant, call, &request.call_id, held(&asked), &keys);
    Ok(state.webhooks.answer(&next.await?))
}

/// Carrier, tenant and call, as the path has them.
type Named = (String, String, String);

fn ids((_carrier, tenant, call): &Named) -> Result<(TenantId, CallId), WebhookRefusal> {
    match (tenant.parse(), call.parse()) {
        (Ok(tenant), Ok(call)) => Ok((tenant, call)),
        (Err(_), _) | (_, Err(_)) => Err(WebhookRefusal::UnknownCall),
    }
}

/// What stands behind the question mark.
type Asked = BTreeMap<String, String>;

/// How often a call that comes again was held. The address is signed, so this is our own number.
fn held(asked: &Asked) -> u32 {
    let held = asked.get("held").and_then(|digits| digits.parse().ok());
    held.unwrap_or_default()
}

async fn read(body: Body) -> Result<Bytes, WebhookRefusal> {
    let body = to_bytes(body, WEBHOOK_BYTES_MAX).await;
    body.map_err(|_too_long_or_broken| WebhookRefusal::Form(WebhookProblem::TooLong))
}

/// The address as the carrier was given it: our configured base, the path and the raw query as they
/// came. Headers that say something else are the sender's choice and are not asked.
fn signed_url(public: &Url, uri: &Uri) -> String {
    let base = public.as_str().trim_end_matches('/');
    let prefix = public.path().trim_end_matches('/');
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    // A proxy in front may or may not have taken the base's own path off.
    let rest = asked
        .strip_prefix(prefix)
        .filter(|rest| rest.starts_with('/'));
    format!("{base}{}", rest.unwrap_or(asked))
}

fn taken() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_was_signed_is_rebuilt_from_our_own_base() {
        for (base, asked, signed) in [
            (
                "https://h.example",
                "/carriers/any/voice?a=%20b",
                "https://h.example/carriers/any/voice?a=%20b",
            ),
            (
                "https://h.example/",
                "/carriers/any/voice",
                "https://h.example/carriers/any/voice",
            ),
            (
                "https://h.example/x",
                "/carriers/any/voice",
                "https://h.example/x/carriers/any/voice",
            ),
            (
                "https://h.example/x/",
                "/x/carriers/any/voice",
                "https://h.example/x/carriers/any/voice",
            ),
            (
                "https://h.example/x",
                "/xy/voice",
                "https://h.example/x/xy/voice",
            ),
        ] {
            let base: Url = base.parse().unwrap();
            assert_eq!(signed_url(&base, &asked.parse().unwrap()), signed);
        }
    }
}
