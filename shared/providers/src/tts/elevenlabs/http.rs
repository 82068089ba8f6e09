//! A voice over ElevenLabs' HTTP streaming: one request for each text, one after another. It has no
//! alignment and starts a little later than the WebSocket; it is there when that is not.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::{Bytes, BytesMut};
use conversation::{FailureKind, Synthesis, UtteranceId};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::Response;
use tokio::time::{Instant, Sleep};
use url::Url;

use super::VENDOR;
use super::client::{Account, WAITING_BYTES_MAX, failure};
use super::codec;
use crate::tts::{FailedUtterances, Synthesizer, Vendor};
use crate::{SetupProblem, count, http_client};

/// Longest silence of the vendor, before its audio and within it.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// Most audio of one text: ten minutes. A vendor that does not stop is stopped.
const AUDIO_BYTES_MAX: usize = 10 * 60 * 8_000;

/// Smaller pieces are put together: 20 ms.
const PIECE_BYTES_MIN: usize = 160;

/// Most that is read of a refusal's explanation.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// Opens voices over HTTP.
pub(crate) struct OverHttp {
    account: Account,
    client: reqwest::Client,
    silence_max: Duration,
}

impl OverHttp {
    pub(crate) fn new(settings: &settings::VendorSettings) -> Result<Self, SetupProblem> {
        Ok(Self {
            account: Account::new(settings),
            client: http_client::client(&settings.proxies)?,
            silence_max: SILENCE_MAX,
        })
    }

    fn endpoint(&self, voice: Option<&str>, language: &str) -> Result<Endpoint, FailureKind> {
        let voice = self.account.voice(voice)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.account.key()?);
        Ok(Endpoint {
            client: self.client.clone(),
            url: codec::http_url(&self.account.base, voice),
            headers,
            model: self.account.model.clone(),
            language: language.to_owned(),
        })
    }
}

impl Vendor for OverHttp {
    fn name(&self) -> &'static str {
        VENDOR
    }

    fn open(&self, voice: Option<&str>, language: &str) -> Box<dyn Synthesizer> {
        Box::new(Voice {
            endpoint: self.endpoint(voice, language),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            speaking: None,
            previous: None,
            failed: FailedUtterances::default(),
            silence_max: self.silence_max,
        })
    }
}

struct Endpoint {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    model: String,
    language: String,
}

struct Voice {
    endpoint: Result<Endpoint, FailureKind>,
    waiting: VecDeque<Command>,
    waiting_bytes: usize,
    speaking: Option<Speaking>,
    /// What was spoken of which utterance before, for the intonation of what follows.
    previous: Option<(UtteranceId, String)>,
    failed: FailedUtterances,
    silence_max: Duration,
}

enum Command {
    Speak(UtteranceId, String),
    Finish(UtteranceId),
    Fail(UtteranceId, FailureKind),
}

impl Command {
    const fn utterance(&self) -> UtteranceId {
        match self {
            Self::Speak(utterance, _) | Self::Finish(utterance) | Self::Fail(utterance, _) => {
                *utterance
            }
        }
    }
}

/// A request under way.
struct Speaking {
    utterance: UtteranceId,
    state: RequestState,
    /// Audio too short to hand on.
    held: BytesMut,
    audio_bytes: usize,
    timer: Pin<Box<Sleep>>,
    /// When something came last.
    heard: Instant,
}

enum RequestState {
    Requested(BoxFuture<'static, reqwest::Result<Response>>),
    Refused {
        status: StatusCode,
        headers: HeaderMap,
        explanation: Vec<u8>,
        body: BoxStream<'static, reqwest::Result<Bytes>>,
    },
    Streaming(BoxStream<'static, reqwest::Result<Bytes>>),
    /// All is read; what was held is handed on.
    Done,
}

/// What a step of a request brought.
enum RequestStep {
    Audio(Bytes),
    Nothing,
    Done,
}

impl Voice {
    fn start(&mut self, utterance: UtteranceId, text: &str) -> Result<Speaking, FailureKind> {
        let endpoint = self.endpoint.as_ref().map_err(|kind| *kind)?;
        let previous = match &self.previous {
            Some((of, previous)) if *of == utterance => previous.as_str(),
            Some(_) | None => "",
        };
        let body = codec::http_body(text, &endpoint.model, &endpoint.language, previous);
        let request = endpoint
            .client
            .post(endpoint.url.clone())
            .headers(endpoint.headers.clone())
            .body(body);
        let spoken = format!("{previous} {}", text.trim());
        self.previous = Some((utterance, last_chars(spoken.trim_start())));
        Ok(Speaking {
            utterance,
            state: RequestState::Requested(Box::pin(request.send())),
            held: BytesMut::new(),
            audio_bytes: 0,
            timer: Box::pin(tokio::time::sleep(self.silence_max)),
            heard: Instant::now(),
        })
    }

    fn fail(&mut self, utterance: UtteranceId, kind: FailureKind) -> (UtteranceId, Synthesis) {
        self.forget(utterance);
        self.failed.note(utterance);
        (utterance, Synthesis::Failed(failure(kind)))
    }

    fn forget(&mut self, utterance: UtteranceId) {
        self.waiting
            .retain(|command| command.utterance() != utterance);
        self.waiting_bytes = self.waiting.iter().map(waiting_bytes).sum();
        if let Some(speaking) = &self.speaking
            && speaking.utterance == utterance
        {
            // Dropping the response ends the request.
            self.speaking = None;
        }
    }
}

impl Speaking {
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<RequestStep, FailureKind>> {
        Poll::Ready(match &mut self.state {
            RequestState::Requested(response) => {
                let response = ready!(response.as_mut().poll(cx));
                self.begin(response.map_err(|error| http_client::failed(&error)))
            }
            RequestState::Refused {
                status,
                headers,
                explanation,
                body,
            } => match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) if explanation.len() + bytes.len() <= REFUSAL_BYTES_MAX => {
                    explanation.extend_from_slice(&bytes);
                    Ok(RequestStep::Nothing)
                }
                // What there is of an explanation has to do.
                Some(_) | None => Err(codec::refused(*status, headers, explanation)),
            },
            RequestState::Streaming(body) => match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => self.hear(bytes),
                Some(Err(error)) => Err(http_client::failed(&error)),
                None if self.audio_bytes == 0 => {
                    count::garbage(VENDOR);
                    Err(FailureKind::Protocol)
                }
                None => {
                    self.state = RequestState::Done;
                    Ok(self.release())
                }
            },
            RequestState::Done => Ok(RequestStep::Done),
        })
    }

    fn begin(
        &mut self,
        response: Result<Response, FailureKind>,
    ) -> Result<RequestStep, FailureKind> {
        let response = response?;
        self.heard = Instant::now();
        let status = response.status();
        if status != StatusCode::OK {
            self.state = RequestState::Refused {
                status,
                headers: response.headers().clone(),
                explanation: Vec::new(),
                body: Box::pin(response.bytes_stream()),
            };
            return Ok(RequestStep::Nothing);
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
        // Text must not be played to the customer.
        if content_type.starts_with(b"application/json") || content_type.starts_with(b"text/") {
            count::garbage(VENDOR);
            return Err(FailureKind::Protocol);
        }
        self.state = RequestState::Streaming(Box::pin(response.bytes_stream()));
        Ok(RequestStep::Nothing)
    }

    fn hear(&mut self, bytes: Bytes) -> Result<RequestStep, FailureKind> {
        self.heard = Instant::now();
        self.audio_bytes += bytes.len();
        if self.audio_bytes > AUDIO_BYTES_MAX {
            return Err(FailureKind::Overflow);
        }
        if self.held.is_empty() && bytes.len() >= PIECE_BYTES_MIN {
            return Ok(RequestStep::Audio(bytes));
        }
        self.held.extend_from_slice(&bytes);
        if self.held.len() < PIECE_BYTES_MIN {
            return Ok(RequestStep::Nothing);
        }
        Ok(self.release())
    }

    fn release(&mut self) -> RequestStep {
        if self.held.is_empty() {
            return RequestStep::Nothing;
        }
        RequestStep::Audio(self.held.split().freeze())
    }

    /// Ready when the vendor was silent for too long. The timer is moved when it fires, not when
    /// something comes.
    fn poll_silence(&mut self, silence_max: Duration, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.heard + silence_max;
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

impl Synthesizer for Voice {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        self.failed.forgive(utterance);
        if !codec::is_speakable(text) {
            return;
        }
        self.waiting_bytes += text.len();
        if self.waiting_bytes > WAITING_BYTES_MAX {
            self.forget(utterance);
            self.failed.note(utterance);
            let overflow = Command::Fail(utterance, FailureKind::Overflow);
            return self.waiting.push_back(overflow);
        }
        self.waiting
            .push_back(Command::Speak(utterance, text.to_owned()));
    }

    fn finish(&mut self, utterance: UtteranceId) {
        if !self.failed.contains(utterance) {
            self.waiting.push_back(Command::Finish(utterance));
        }
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        self.forget(utterance);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<(UtteranceId, Synthesis)> {
        loop {
            let Some(speaking) = &mut self.speaking else {
                let Some(command) = self.waiting.pop_front() else {
                    return Poll::Pending;
                };
                self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting_bytes(&command));
                match command {
                    Command::Speak(utterance, text) => match self.start(utterance, &text) {
                        Ok(speaking) => self.speaking = Some(speaking),
                        Err(kind) => return Poll::Ready(self.fail(utterance, kind)),
                    },
                    Command::Finish(utterance) => {
                        return Poll::Ready((utterance, Synthesis::Finished));
                    }
                    Command::Fail(utterance, kind) => {
                        return Poll::Ready(self.fail(utterance, kind));
                    }
                }
                continue;
            };
            let utterance = speaking.utterance;
            let step = match speaking.poll_step(cx) {
                Poll::Ready(step) => step,
                Poll::Pending => {
                    ready!(speaking.poll_silence(self.silence_max, cx));
                    Err(FailureKind::Silent)
                }
            };
            match step {
                Ok(RequestStep::Audio(audio)) => {
                    let alignment = None;
                    return Poll::Ready((utterance, Synthesis::Audio { audio, alignment }));
                }
                Ok(RequestStep::Nothing) => {}
                Ok(RequestStep::Done) => self.speaking = None,
                Err(kind) => return Poll::Ready(self.fail(utterance, kind)),
            }
        }
    }
}

fn waiting_bytes(command: &Command) -> usize {
    match command {
        Command::Speak(_, text) => text.len(),
        Command::Finish(_) | Command::Fail(..) => 0,
    }
}

/// The end of the text, as much of it as the vendor is told.
fn last_chars(text: &str) -> String {
    let skipped = text
        .chars()
        .count()
        .saturating_sub(codec::PREVIOUS_TEXT_CHARS_MAX);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests;
