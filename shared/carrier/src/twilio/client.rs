//! The REST client: places, reads, changes and ends calls, and fetches and deletes recordings.
//!
//! What may be repeated is repeated here, with exponential back-off and jitter, a bounded number of
//! times; what may not, never is. [`Carrier::place`] is sent exactly once and says, when it
//! fails, whether the carrier certainly did not place the call (promise P1). Redirects are not
//! followed. No phone number and no text of the carrier's is in an error: its messages repeat the
//! number that was called.
//!
//! | request | asked again after |
//! |---|---|
//! | create a call | nothing, ever; on a connection of its own |
//! | read, list, delete, hang up, cancel, set a number's webhook | no connection, a lost answer, 429, 5xx |
//! | new instructions or a recording for a live call | no connection, 429, 503 of the API itself |
//! | audio of a recording | as reading, until its first byte; then the customer begins again |

mod answer;
mod create;
mod http;
mod recording_media;

use std::sync::Arc;
use std::time::Duration;

use model::PhoneNumber;
use settings::{Proxies, Secret};
use url::Url;

use super::media::MediaStreams;
use super::status::call_word;
use super::{AccountSid, CallSid, NumberSid, RecordingSid, twiml};
use crate::account::{CarrierAccount, CarrierNumber, FormRequest, NumberWish};
use crate::call::{
    CallStatus, CarrierCall, CarrierCallId, CarrierNumberId, CarrierRecordingId, CreateCall,
    FindCalls, Listed, ListedPage, RecordCall,
};
use crate::capability::{Capabilities, Capability};
use crate::carriers::CarrierName;
use crate::error::Answer;
use crate::error::{CreateError, Lost, RefusalKind, RequestError};
use crate::instructions::Instructions;
use crate::media::MediaCodec;
use crate::port::Carrier;
use crate::recording::{CarrierRecording, Channels, RecordingMedia};
use crate::twilio::transport::Transport;

pub use create::RING_SECONDS_MAX;

use answer::{CallPage, CallerIdPage, NumberPage, Page as _, RecordingPage};
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

/// Entries asked for per page of a list that is read a page at a time: what is done about one page is done in
/// seconds.
pub const SMALL_PAGE_SIZE: usize = 50;

/// The longest address of a next page that is handed out, to be kept.
pub const NEXT_PAGE_CHARS_MAX: usize = 2_048;

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
    /// By way of whom it is reached.
    pub proxies: Proxies,
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

impl ClientConfig {
    #[must_use]
    pub fn new(base_url: Url, account_sid: AccountSid, auth_token: Secret) -> Self {
        Self {
            base_url,
            account_sid,
            auth_token,
            request_timeout: REQUEST_TIMEOUT,
            retry: Retry::default(),
            proxies: Proxies::default(),
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

    async fn set_status(
        &self,
        call: &CarrierCallId,
        status: CallStatus,
    ) -> Result<CarrierCall, RequestError> {
        let form = [("Status", call_word(status).to_owned())];
        let url = self.call_url(call)?;
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

    fn call_url(&self, call: &CarrierCallId) -> Result<Url, RequestError> {
        let sid = CallSid::try_from(call)?;
        Ok(self.http.url(&format!("Calls/{sid}.json")))
    }

    fn recording_url(&self, id: &CarrierRecordingId, extension: &str) -> Result<Url, RequestError> {
        let sid = RecordingSid::try_from(id)?;
        Ok(self.http.url(&format!("Recordings/{sid}.{extension}")))
    }

    fn number_url(&self, id: &CarrierNumberId) -> Result<Url, RequestError> {
        let sid = NumberSid::try_from(id)?;
        Ok(self.http.url(&format!("IncomingPhoneNumbers/{sid}.json")))
    }

    fn list_url(&self, list: &str) -> Url {
        self.list_url_by(list, PAGE_SIZE)
    }

    fn list_url_by(&self, list: &str, page_size: usize) -> Url {
        let mut url = self.http.url(list);
        url.query_pairs_mut()
            .append_pair("PageSize", &page_size.to_string());
        url
    }
}

impl Carrier for Client {
    fn name(&self) -> CarrierName {
        CarrierName::Twilio
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&Capability::ALL)
    }

    fn account_id(&self) -> &str {
        self.http.account_sid()
    }

    fn media(&self) -> &'static dyn MediaCodec {
        &MediaStreams
    }

    fn place<'a>(&'a self, call: &'a CreateCall) -> Answer<'a, CarrierCall, CreateError> {
        Box::pin(async {
            self.capabilities().allow(call)?;
            let form = create::form(call)?;
            let url = self.http.url("Calls.json");
            let answer = self.http.send_only_once(Verb::Post(&form), &url).await;
            create::judge(answer)
        })
    }

    fn fetch_call<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        Box::pin(async {
            let url = self.call_url(call)?;
            answer::call(&self.http.send(Verb::Get, &url, Repeat::Always).await?)
        })
    }

    /// Up to [`PAGES_MAX`] pages. Twilio has no condition on when it took a call: those are chosen from
    /// its answers, whose times have whole seconds.
    fn find_calls<'a>(&'a self, find: &'a FindCalls) -> Answer<'a, Listed<CarrierCall>> {
        Box::pin(async {
            let mut listed = self.pages::<CallPage>(find_url(&self.http, find)).await?;
            if let Some(since) = find.created_since {
                let since = since.as_second();
                listed.items.retain(|call| {
                    call.created_at
                        .is_none_or(|created| created.as_second() >= since)
                });
            }
            Ok(listed)
        })
    }

    /// `Status=completed`. A call that is over already is refused, also when it was this request that
    /// ended it and its first answer was lost.
    fn hang_up<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        Box::pin(self.set_status(call, CallStatus::Completed))
    }

    /// `Status=canceled`. A call that was still queued fires no status callback: who asked marks it ended
    /// on success.
    fn cancel<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        Box::pin(self.set_status(call, CallStatus::Canceled))
    }

    /// Only repeated when the carrier certainly did not do it, since a second replacement would start the
    /// new instructions again.
    fn redirect<'a>(
        &'a self,
        call: &'a CarrierCallId,
        to: &'a Instructions,
    ) -> Answer<'a, CarrierCall> {
        Box::pin(async {
            let twiml = twiml::write(to).map_err(RequestError::Instructions)?;
            let form = [("Twiml", twiml.as_str().to_owned())];
            let url = self.call_url(call)?;
            let verb = Verb::Post(&form);
            answer::call(&self.http.send(verb, &url, Repeat::WhenNotDone).await?)
        })
    }

    /// In two channels and never trimmed, as a call that is placed with it.
    fn begin_recording<'a>(
        &'a self,
        call: &'a CarrierCallId,
        order: &'a RecordCall,
    ) -> Answer<'a, CarrierRecording> {
        Box::pin(async move {
            let sid = CallSid::try_from(call)?;
            let form = create::recording_form(order)?;
            let url = self.http.url(&format!("Calls/{sid}/Recordings.json"));
            let verb = Verb::Post(&form);
            answer::recording(&self.http.send(verb, &url, Repeat::WhenNotDone).await?)
        })
    }

    fn fetch_recording<'a>(&'a self, id: &'a CarrierRecordingId) -> Answer<'a, CarrierRecording> {
        Box::pin(async {
            let url = self.recording_url(id, "json")?;
            answer::recording(&self.http.send(Verb::Get, &url, Repeat::Always).await?)
        })
    }

    fn list_recordings<'a>(
        &'a self,
        call: &'a CarrierCallId,
    ) -> Answer<'a, Listed<CarrierRecording>> {
        Box::pin(async move {
            let sid = CallSid::try_from(call)?;
            let mut url = self.list_url("Recordings.json");
            url.query_pairs_mut().append_pair("CallSid", sid.as_str());
            self.pages::<RecordingPage>(url).await
        })
    }

    /// Pages of [`SMALL_PAGE_SIZE`]. What is deleted already is not in them. The word for the next page is Twilio's
    /// own address of it, which must be of this very list: our token goes with it.
    fn list_account_recordings<'a>(
        &'a self,
        after: Option<&'a str>,
    ) -> Answer<'a, ListedPage<CarrierRecording>> {
        Box::pin(async move {
            let first = self.list_url_by("Recordings.json", SMALL_PAGE_SIZE);
            let url = match after {
                Some(uri) => self.http.next_page(&first, uri)?,
                None => first.clone(),
            };
            let body = self.http.send(Verb::Get, &url, Repeat::Always).await?;
            let (items, next) = RecordingPage::read(&body)?;
            if let Some(uri) = &next {
                self.http.next_page(&first, uri)?;
                if uri.len() > NEXT_PAGE_CHARS_MAX {
                    return Err(RequestError::Lost(Lost::TooLong));
                }
            }
            Ok(ListedPage { items, next })
        })
    }

    /// A recording that has only one channel comes with one even when two are asked for. Repeated until
    /// the answer begins, not in mid-stream.
    fn recording_media<'a>(
        &'a self,
        id: &'a CarrierRecordingId,
        channels: Channels,
    ) -> Answer<'a, RecordingMedia> {
        Box::pin(async move {
            let url = self.recording_url(id, "wav")?;
            recording_media::open(&self.http, url, channels).await
        })
    }

    fn delete_recording<'a>(&'a self, id: &'a CarrierRecordingId) -> Answer<'a, ()> {
        Box::pin(async {
            let url = self.recording_url(id, "json")?;
            match self.http.send(Verb::Delete, &url, Repeat::Always).await {
                Ok(_no_content) => Ok(()),
                // Already gone, so that a deletion whose answer was lost can be repeated.
                Err(RequestError::Refused(refusal)) if refusal.kind == RefusalKind::NotFound => {
                    Ok(())
                }
                Err(other) => Err(other),
            }
        })
    }

    fn fetch_account(&self) -> Answer<'_, CarrierAccount> {
        Box::pin(async {
            let url = self.http.account();
            answer::account(&self.http.send(Verb::Get, &url, Repeat::Always).await?)
        })
    }

    fn list_numbers(&self) -> Answer<'_, Listed<CarrierNumber>> {
        Box::pin(self.pages::<NumberPage>(self.list_url("IncomingPhoneNumbers.json")))
    }

    fn list_caller_ids(&self) -> Answer<'_, Listed<PhoneNumber>> {
        Box::pin(self.pages::<CallerIdPage>(self.list_url("OutgoingCallerIds.json")))
    }

    fn set_voice_url<'a>(
        &'a self,
        number: &'a CarrierNumber,
        voice_url: &'a Url,
    ) -> Answer<'a, CarrierNumber> {
        Box::pin(async {
            let form = answer::voice_form(number, voice_url);
            let url = self.number_url(&number.id)?;
            let verb = Verb::Post(&form);
            answer::number(&self.http.send(verb, &url, Repeat::Always).await?)
        })
    }

    fn by_hand(&self, wish: NumberWish<'_>) -> Option<FormRequest> {
        match wish {
            NumberWish::PointAt(number, voice_url) => Some(FormRequest {
                url: self.number_url(&number.id).ok()?,
                form: answer::voice_form(number, voice_url),
            }),
            NumberWish::Buy(number, voice_url) => {
                let mut form = vec![("PhoneNumber", number.as_str().to_owned())];
                form.extend(voice_url.map(|url| ("VoiceUrl", url.to_string())));
                Some(FormRequest {
                    url: self.http.url("IncomingPhoneNumbers.json"),
                    form,
                })
            }
        }
    }
}

fn find_url(http: &Http, find: &FindCalls) -> Url {
    let mut url = http.url("Calls.json");
    {
        let mut query = url.query_pairs_mut();
        if let Some(to) = &find.to {
            query.append_pair("To", to.as_str());
        }
        if let Some(from) = &find.from {
            query.append_pair("From", from.as_str());
        }
        if let Some(status) = find.status {
            query.append_pair("Status", call_word(status));
        }
        if let Some(day) = find.started_from {
            query.append_pair("StartTime>", &day.to_string());
        }
        query.append_pair("PageSize", &PAGE_SIZE.to_string());
    }
    url
}

#[cfg(test)]
mod tests;
