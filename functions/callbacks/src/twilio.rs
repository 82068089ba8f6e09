//! Twilio's webhooks: believes what it signed, says it in the product's types, answers in TwiML.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use carrier::Instructions;
use carrier::report::{
    AmdReport, CallRequest, RecordingReport, StatusReport, StreamReport, WebhookProblem,
};
use carrier::twilio::signature::{Signed, Tokens, verify_form};
use carrier::twilio::twiml::{self, CONTENT_TYPE};
use carrier::twilio::webhook::{
    AmdCallback, Form, RecordingCallback, StatusCallback, StreamCallback, VoiceRequest,
};
use tracing::error;

use crate::refusal::WebhookRefusal;
use crate::{Received, Webhooks};

/// Reads what is signed with these tokens.
#[derive(Debug)]
pub(crate) struct TwilioWebhooks(pub(crate) Tokens);

impl TwilioWebhooks {
    fn believe<T>(&self, received: &Received) -> Result<T, WebhookRefusal>
    where
        T: for<'a> TryFrom<&'a Form, Error = WebhookProblem>,
    {
        let form = Form::parse(&received.body)?;
        let signed = Signed::of(&received.headers);
        verify_form(&self.0, &received.url, form.fields(), signed)
            .map_err(WebhookRefusal::Signature)?;
        Ok(T::try_from(&form)?)
    }
}

impl Webhooks for TwilioWebhooks {
    fn call_request(&self, received: &Received) -> Result<CallRequest, WebhookRefusal> {
        self.believe::<VoiceRequest>(received).map(Into::into)
    }

    fn status(&self, received: &Received) -> Result<StatusReport, WebhookRefusal> {
        self.believe::<StatusCallback>(received).map(Into::into)
    }

    fn amd(&self, received: &Received) -> Result<AmdReport, WebhookRefusal> {
        self.believe::<AmdCallback>(received).map(Into::into)
    }

    fn recording(&self, received: &Received) -> Result<RecordingReport, WebhookRefusal> {
        self.believe::<RecordingCallback>(received).map(Into::into)
    }

    fn stream(&self, received: &Received) -> Result<StreamReport, WebhookRefusal> {
        self.believe::<StreamCallback>(received).map(Into::into)
    }

    /// Our addresses were checked at the start and our sentences are short, so the document can always be
    /// written; if it could not, hanging up is all that is left.
    fn answer(&self, instructions: &Instructions) -> Response {
        let document = twiml::write(instructions).unwrap_or_else(|problem| {
            error!(%problem, "a call's instructions cannot be written");
            twiml::hang_up()
        });
        let headers = [(header::CONTENT_TYPE, CONTENT_TYPE)];
        (StatusCode::OK, headers, document.as_str().to_owned()).into_response()
    }
}
