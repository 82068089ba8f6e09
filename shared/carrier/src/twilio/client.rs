//! The REST client: places, reads, changes and ends calls, and fetches and deletes recordings.
//!
//! What may be repeated is repeated here, with exponential back-off and jitter, a bounded number of
//! times; what may not, never is. [`Client::create_call`] is sent exactly once and says, when it
//! fails, whether the carrier certainly did not place the call (promise P1). Redirects are not
//! followed. No phone number and no text of the carrier's is in an error: its messages repeat the
//! number that was called.
//!
//! | request | asked again after |
//! |---|---|
//! | create a call | nothing, ever; on a connection of its own |
//! | read, list, delete, hang up, cancel, set a number's webhook | no connection, a lost answer, 429, 5xx |
//! | new instructions for a live call | no connection, 429, 503 of the API itself |
//! | audio of a recording | as reading, until its first byte; then the customer begins again |

mod answer;
mod create;
mod error;
mod http;
mod media;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use model::PhoneNumber;
use settings::Secret;
use url::Url;

use super::twiml::Twiml;
use super::{AccountSid, CallSid, CallStatus, NumberSid, RecordingSid};

pub use answer::{
    AccountState, CarrierAccount, CarrierCall, CarrierNumber, CarrierRecording, Listed, Voice,
};
pub use create::{CreateCall, MachineDetection, MachineDetectionMode, RING_SECONDS_MAX, Recording};
pub use error::{
    CarrierRefusal, CreateError, CreateProblem, Lost, NoConnection, RefusalClass, RefusalKind,
    RequestError,
};
pub use media::{Channels, RECORDING_BYTES_MAX, RecordingMedia};
pub use transport::{Broken, Exchange, Transport};

use answer::{CallPage, CallerIdPage, NumberPage, RecordingPage};
use http::{Http, Repeat, Verb};

/// How long a TCP and TLS connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one request may take from its start to the end of its answer.
///
/// Not so for audio, which may flow for as long as it flows: there each read has [`READ_TIMEOUT`].
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest silence while an answer is read.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer that is read, audio apart: several times a full page of a list.
pub const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Entries asked for per page of a list.
pub const PAGE_SIZE: usize = 200;

/// The most pages of a list that are followed. What lies behind is left out, and
/// [`Listed::complete`] says so.
pub const PAGES_MAX: usize = 10;

/// Where and as whom to speak to Twilio.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `https://api.twilio.com`, or a simulated carrier on loopback.
    pub base_url: Url,
    pub account_sid: AccountSid,
    pub auth_token: Secret,
    /// See [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    pub retry: Retry,
}

/// How requests that may be repeated are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Requests in all, the first one included; at least one is made.
    pub attempts_max: u32,
    /// The wait before the n-th repetition is chance times `base` times 2ⁿ⁻¹, at most `wait_max`.
    pub base: Duration,
    pub wait_max: Duration,
    /// When the carrier names a longer wait than this, the request fails with that wait instead.
    pub retry_after_max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            base: Duration::from_millis(250),
            wait_max: Duration::from_secs(4),
            retry_after_max: Duration::from_secs(10),
        }
    }
}

/// A client that cannot be built (no TLS roots on this machine, for instance).
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct ClientProblem {
    #[source]
    source: reqwest::Error,
}

/// One account at Twilio. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
}

/// Which calls to list. All given conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct ListCalls {
    pub to: Option<PhoneNumber>,
    pub from: Option<PhoneNumber>,
    pub status: Option<CallStatus>,
    /// Calls that began on this UTC day or later. A call that still waits in the carrier's queue has
    /// not begun and may be left out: to look for a call whose fate is unknown use `created_since`.
    pub started_from: Option<Date>,
    /// Calls that the carrier took at this moment or later, by its clock, to the second. Chosen from
    /// the answers here; the carrier has no such condition.
    pub created_since: Option<Timestamp>,
}

impl ClientConfig {
    #[must_use]
    pub fn new(base_url: Url, account_sid: AccountSid, auth_token: Secret) -> Self {
        Self {
            base_url,
            account_sid,
            auth_token,
            request_timeout: REQUEST_TIMEOUT,
            retry: Retry::default(),
        }
    }
}

impl Client {
    /// # Errors
    /// When this machine cannot speak TLS.
    pub fn new(config: ClientConfig) -> Result<Self, ClientProblem> {
        let http = Http::new(config).map_err(|source| ClientProblem { source })?;
        Ok(Self { http })
    }

    /// Requests go this way instead of over the network.
    #[must_use]
    pub fn over(config: ClientConfig, transport: Arc<dyn Transport>) -> Self {
        let http = Http::over(config, transport);
        Self { http }
    }

    /// The account that it speaks as.
    #[must_use]
    pub fn account_sid(&self) -> &str {
        self.http.account_sid()
    }

    /// The account itself.
    ///
    /// # Errors
    /// See [`RequestError`]; a wrong token is [`RefusalKind::Credentials`].
    pub async fn fetch_account(&self) -> Result<CarrierAccount, RequestError> {
        let url = self.http.account();
        let body = self.http.send(Verb::Get, &url, Repeat::Always).await?;
        answer::account(&body)
    }

    /// The account's phone numbers that can be called.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn list_numbers(&self) -> Result<Listed<CarrierNumber>, RequestError> {
        let mut url = self.http.url("IncomingPhoneNumbers.json");
        url.query_pairs_mut()
            .append_pair("PageSize", &PAGE_SIZE.to_string());
        self.pages::<NumberPage>(url).await
    }

    /// Numbers elsewhere that calls may be made from, because their owner verified them.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn list_caller_ids(&self) -> Result<Listed<PhoneNumber>, RequestError> {
        let mut url = self.http.url("OutgoingCallerIds.json");
        url.query_pairs_mut()
            .append_pair("PageSize", &PAGE_SIZE.to_string());
        self.pages::<CallerIdPage>(url).await
    }

    /// Has calls to a number of the account ask this address what to do, by POST.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn set_voice_url(
        &self,
        number: &CarrierNumber,
        voice_url: &Url,
    ) -> Result<CarrierNumber, RequestError> {
        let form = number.voice_form(voice_url);
        let url = self.number_url(&number.sid);
        let verb = Verb::Post(&form);
        let body = self.http.send(verb, &url, Repeat::Always).await?;
        answer::number(&body)
    }

    /// Where a number of the account is read and changed.
    #[must_use]
    pub fn number_url(&self, sid: &NumberSid) -> Url {
        self.http.url(&format!("IncomingPhoneNumbers/{sid}.json"))
    }

    /// Where the account's numbers are listed and bought.
    #[must_use]
    pub fn numbers_url(&self) -> Url {
        self.http.url("IncomingPhoneNumbers.json")
    }

    /// Asks the carrier to place a call: one request, never repeated.
    ///
    /// # Errors
    /// [`CreateError::Unknown`] means that the call may be under way; every other error means that
    /// the carrier certainly did not take it.
    pub async fn create_call(&self, call: &CreateCall) -> Result<CarrierCall, CreateError> {
        let form = call.form()?;
        let url = self.http.url("Calls.json");
        let answer = self.http.send_only_once(Verb::Post(&form), &url).await;
        create::judge(answer)
    }

    /// # Errors
    /// See [`RequestError`]; a call that the carrier does not know is [`RefusalKind::NotFound`].
    pub async fn fetch_call(&self, sid: &CallSid) -> Result<CarrierCall, RequestError> {
        let url = self.call_url(sid);
        let body = self.http.send(Verb::Get, &url, Repeat::Always).await?;
        answer::call(&body)
    }

    /// Hangs up, whatever the call's state (`Status=completed`). Saying it twice changes nothing.
    ///
    /// # Errors
    /// See [`RequestError`]. A call that is over already is [`RefusalKind::NotInState`], also when it
    /// was this request that ended it and its first answer was lost.
    pub async fn hang_up(&self, sid: &CallSid) -> Result<CarrierCall, RequestError> {
        self.set_status(sid, CallStatus::Completed).await
    }

    /// Ends the call only if nobody answered yet (`Status=canceled`). A call that was still queued
    /// fires no status callback: the customer marks it ended on success.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn cancel(&self, sid: &CallSid) -> Result<CarrierCall, RequestError> {
        self.set_status(sid, CallStatus::Canceled).await
    }

    /// Replaces what a live call does; its media stream ends. Only repeated when the carrier
    /// certainly did not do it, since a second replacement would start the new instructions again.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn update_call(
        &self,
        sid: &CallSid,
        twiml: &Twiml,
    ) -> Result<CarrierCall, RequestError> {
        let form = [("Twiml", twiml.as_str().to_owned())];
        let url = self.call_url(sid);
        let verb = Verb::Post(&form);
        let body = self.http.send(verb, &url, Repeat::WhenNotDone).await?;
        answer::call(&body)
    }

    /// Lists calls, newest pages first, up to [`PAGES_MAX`] pages.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn list_calls(&self, list: &ListCalls) -> Result<Listed<CarrierCall>, RequestError> {
        let mut url = self.http.url("Calls.json");
        {
            let mut query = url.query_pairs_mut();
            if let Some(to) = &list.to {
                query.append_pair("To", to.as_str());
            }
            if let Some(from) = &list.from {
                query.append_pair("From", from.as_str());
            }
            if let Some(status) = list.status {
                query.append_pair("Status", status.as_str());
            }
            if let Some(day) = list.started_from {
                query.append_pair("StartTime>", &day.to_string());
            }
            query.append_pair("PageSize", &PAGE_SIZE.to_string());
        }
        let mut listed = self.pages::<CallPage>(url).await?;
        if let Some(since) = list.created_since {
            // The carrier's times have whole seconds.
            let since = since.as_second();
            listed.items.retain(|call| {
                call.created_at
                    .is_none_or(|created| created.as_second() >= since)
            });
        }
        Ok(listed)
    }

    /// What the carrier knows of a recording; the audio is [`Self::recording_media`].
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn fetch_recording(
        &self,
        sid: &RecordingSid,
    ) -> Result<CarrierRecording, RequestError> {
        let url = self.recording_url(sid, "json");
        let body = self.http.send(Verb::Get, &url, Repeat::Always).await?;
        answer::recording(&body)
    }

    /// The recordings of one call.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn list_recordings(
        &self,
        call: &CallSid,
    ) -> Result<Listed<CarrierRecording>, RequestError> {
        let mut url = self.http.url("Recordings.json");
        url.query_pairs_mut()
            .append_pair("CallSid", call.as_str())
            .append_pair("PageSize", &PAGE_SIZE.to_string());
        self.pages::<RecordingPage>(url).await
    }

    /// Begins to fetch a recording as WAV. A recording that has only one channel comes with one even
    /// when two are asked for. Repeated until the answer begins, not in mid-stream.
    ///
    /// # Errors
    /// See [`RequestError`]; before the recording is complete it is [`RefusalKind::NotFound`].
    pub async fn recording_media(
        &self,
        sid: &RecordingSid,
        channels: Channels,
    ) -> Result<RecordingMedia, RequestError> {
        media::open(&self.http, self.recording_url(sid, "wav"), channels).await
    }

    /// Deletes a recording at the carrier. One that is already gone is no error, so that a deletion
    /// whose answer was lost can be repeated.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn delete_recording(&self, sid: &RecordingSid) -> Result<(), RequestError> {
        let url = self.recording_url(sid, "json");
        match self.http.send(Verb::Delete, &url, Repeat::Always).await {
            Ok(_no_content) => Ok(()),
            Err(RequestError::Refused(refusal)) if refusal.kind() == RefusalKind::NotFound => {
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    async fn set_status(
        &self,
        sid: &CallSid,
        status: CallStatus,
    ) -> Result<CarrierCall, RequestError> {
        let form = [("Status", status.as_str().to_owned())];
        let url = self.call_url(sid);
        let verb = Verb::Post(&form);
        let body = self.http.send(verb, &url, Repeat::Always).await?;
        answer::call(&body)
    }

    async fn pages<P: answer::Page>(&self, first: Url) -> Result<Listed<P::Item>, RequestError> {
        let mut items = Vec::new();
        let mut next = Some(first.clone());
        for _page in 0..PAGES_MAX {
            let Some(url) = next.take() else {
                break;
            };
            let body = self.http.send(Verb::Get, &url, Repeat::Always).await?;
            let (found, more) = P::read(&body)?;
            items.extend(found);
            next = match more {
                Some(uri) => Some(self.http.next_page(&first, &uri)?),
                None => None,
            };
        }
        Ok(Listed {
            items,
            complete: next.is_none(),
        })
    }

    fn call_url(&self, sid: &CallSid) -> Url {
        self.http.url(&format!("Calls/{sid}.json"))
    }

    fn recording_url(&self, sid: &RecordingSid, extension: &str) -> Url {
        self.http.url(&format!("Recordings/{sid}.{extension}"))
    }
}

#[cfg(test)]
mod tests;
