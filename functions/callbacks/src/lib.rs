//! The carrier's webhooks.
//!
//! Every request is checked in this order: its size, its form, its signature over the configured public
//! address, the ids in its path, its fields. Only then is it believed. Refusals are problem documents
//! and counted as `trunkline_webhooks_refused_total`; none of them changes anything stored:
//!
//! | status | code | why |
//! |---|---|---|
//! | 413 | `form_too_long` | more than 64 KiB |
//! | 400 | `form_…` | a form or a field that cannot be read |
//! | 403 | `signature_refused` | no signature, or one that does not match |
//! | 404 | `call_unknown` | the ids in the path name no call |
//! | 409 | `call_mismatch` | the call is another one at the carrier |
//! | 503 | `unavailable` | storage did not answer: the carrier may try again |

mod refusal;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use carrier::twilio::signature::{self, Tokens};
use carrier::twilio::twiml::{self, Twiml};
use carrier::twilio::webhook::{
    AmdCallback, FORM_BYTES_MAX, Form, RecordingCallback, StatusCallback, StreamCallback,
    VoiceRequest, WebhookProblem,
};
use model::{CallId, TenantId};
use service::Context;
use service::call::callbacks::Callbacks;
use tracing::{Instrument as _, info_span};
use url::Url;

use refusal::WebhookRefusal;

/// What the function works with.
#[derive(Clone)]
pub struct CallbackState {
    callbacks: Callbacks,
    tokens: Tokens,
    public: Url,
}

impl CallbackState {
    #[must_use]
    pub fn new(parts: &Context) -> Self {
        Self {
            callbacks: Callbacks::new(
                &parts.store,
                parts.carrier.clone(),
                parts.links.clone(),
                Arc::clone(&parts.clock),
                parts.ids.clone(),
            ),
            tokens: parts.tokens.clone(),
            public: parts.links.public().clone(),
        }
    }
}

impl fmt::Debug for CallbackState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("callbacks::State").finish_non_exhaustive()
    }
}

/// The webhooks under `/twilio`.
pub fn router(state: CallbackState) -> Router {
    Router::new()
        .route("/twilio/voice", post(voice))
        .route("/twilio/status/{tenant_id}/{call_id}", post(status))
        .route("/twilio/amd/{tenant_id}/{call_id}", post(amd))
        .route("/twilio/recording/{tenant_id}/{call_id}", post(recording))
        .route("/twilio/stream/{tenant_id}/{call_id}", post(stream))
        .route("/twilio/resume/{tenant_id}/{call_id}", post(resume))
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
    Query(asked): Query<Asked>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let request = VoiceRequest::try_from(&form)?;
    let twiml = state
        .callbacks
        .inbound_voice(&request, held(&asked))
        .await?;
    Ok(instructions(&twiml))
}

async fn status(
    Shared(state): Shared<CallbackState>,
    Path(ids): Path<Ids>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let (tenant, call) = parse(&ids)?;
    let callback = StatusCallback::try_from(&form)?;
    state.callbacks.status(tenant, call, &callback).await?;
    Ok(taken())
}

async fn amd(
    Shared(state): Shared<CallbackState>,
    Path(ids): Path<Ids>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let (tenant, call) = parse(&ids)?;
    let callback = AmdCallback::try_from(&form)?;
    state.callbacks.amd(tenant, call, &callback).await?;
    Ok(taken())
}

async fn recording(
    Shared(state): Shared<CallbackState>,
    Path(ids): Path<Ids>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let (tenant, call) = parse(&ids)?;
    let callback = RecordingCallback::try_from(&form)?;
    state.callbacks.recording(tenant, call, &callback).await?;
    Ok(taken())
}

async fn stream(
    Shared(state): Shared<CallbackState>,
    Path(ids): Path<Ids>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let (tenant, call) = parse(&ids)?;
    let callback = StreamCallback::try_from(&form)?;
    state.callbacks.stream(tenant, call, &callback).await?;
    Ok(taken())
}

async fn resume(
    Shared(state): Shared<CallbackState>,
    Path(ids): Path<Ids>,
    Query(asked): Query<Asked>,
    request: Request,
) -> WebhookAnswer {
    let form = believe(&state, request).await?;
    let (tenant, call) = parse(&ids)?;
    let request = VoiceRequest::try_from(&form)?;
    let resumed = state
        .callbacks
        .resume(tenant, call, &request.call_sid, held(&asked));
    Ok(instructions(&resumed.await?))
}

type Ids = (String, String);

/// What stands behind the question mark.
type Asked = BTreeMap<String, String>;

/// How often a call that comes again was held. The address is signed, so this is our own number.
fn held(asked: &Asked) -> u32 {
    let held = asked.get("held").and_then(|digits| digits.parse().ok());
    held.unwrap_or_default()
}

/// Reads the form of a request that the carrier signed.
async fn believe(state: &CallbackState, request: Request) -> Result<Form, WebhookRefusal> {
    let (parts, body) = request.into_parts();
    let uri = parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |uri| &uri.0);
    let url = signed_url(&state.public, uri);
    let form = read(body).await?;
    let signature = single(&parts.headers, signature::HEADER);
    signature::verify_form(&state.tokens, &url, form.fields(), signature)
        .map_err(WebhookRefusal::Signature)?;
    Ok(form)
}

async fn read(body: Body) -> Result<Form, WebhookRefusal> {
    let body = to_bytes(body, FORM_BYTES_MAX).await;
    let body = body.map_err(|_too_long_or_broken| WebhookRefusal::Form(WebhookProblem::TooLong))?;
    Ok(Form::parse(&body)?)
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

/// The value of a header that comes once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn parse((tenant, call): &Ids) -> Result<(TenantId, CallId), WebhookRefusal> {
    match (tenant.parse(), call.parse()) {
        (Ok(tenant), Ok(call)) => Ok((tenant, call)),
        (Err(_), _) | (_, Err(_)) => Err(WebhookRefusal::UnknownCall),
    }
}

fn instructions(twiml: &Twiml) -> Response {
    let headers = [(header::CONTENT_TYPE, twiml::CONTENT_TYPE)];
    (StatusCode::OK, headers, twiml.as_str().to_owned()).into_response()
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
                "/twilio/voice?a=%20b",
                "https://h.example/twilio/voice?a=%20b",
            ),
            (
                "https://h.example/",
                "/twilio/voice",
                "https://h.example/twilio/voice",
            ),
            (
                "https://h.example/x",
                "/twilio/voice",
                "https://h.example/x/twilio/voice",
            ),
            (
                "https://h.example/x/",
                "/x/twilio/voice",
                "https://h.example/x/twilio/voice",
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

    #[test]
    fn a_signature_that_comes_twice_is_none() {
        let mut headers = HeaderMap::new();
        headers.append("x-twilio-signature", "a".parse().unwrap());
        assert_eq!(single(&headers, signature::HEADER), Some("a"));
        headers.append("x-twilio-signature", "b".parse().unwrap());
        assert_eq!(single(&headers, signature::HEADER), None);
    }
}
