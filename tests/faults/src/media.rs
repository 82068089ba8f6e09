//! A thin stand-in for the media worker: opens a session with the token that the stream brings, lets
//! some seconds pass, and writes how it ended; or dies in the middle of it.
//!
//! What is said on a call is the simulation of conversations; here only the session's dealings with the
//! control plane matter, which are the real ones (`service::call::media`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{OptOutHow, Outcome};
use serde_json::Value;
use service::call::media::{Hello, Media, MediaError, OpenError};
use tokio::sync::Notify;

use super::carrier::Carrier;
use super::chance::Chance;
use super::process::{self, Kind};
use super::tally::Fault;

/// What a worker tries again after storage failed, and how long it waits in between.
const TRIES_MAX: u32 = 6;
const PAUSE: Duration = Duration::from_secs(1);

/// The workers, and the streams that the carrier has opened to them.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    chance: Chance,
    media: Media,
    carrier: Carrier,
    deaths: u32,
    streams: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
}

impl Workers {
    pub(super) fn new(chance: Chance, media: Media, carrier: Carrier, deaths: u32) -> Self {
        Self {
            chance,
            media,
            carrier,
            deaths,
            streams: Arc::default(),
        }
    }

    /// The carrier opens a stream: a worker takes it, or none has room.
    pub(super) fn connect(&self, sid: &str) {
        if self.chance.strikes(Fault::StreamRefused, 30) {
            let refuse = |core: &mut sim::carriers::twilio::Core, now| {
                core.stream_refused(sid, 31_920, "the handshake was refused", now);
            };
            self.carrier.with(refuse);
            return;
        }
        self.carrier.with(|core, now| core.stream_opened(sid, now));
    }

    /// A message on the stream: its `start` begins the session.
    pub(super) fn message(
        &self,
        sid: &str,
        text: &str,
    ) -> Option<impl Future<Output = ()> + use<>> {
        if !text.starts_with(r#"{"event":"start""#) && !text.contains(r#""event":"start""#) {
            return None;
        }
        let start: Value = serde_json::from_str(text).unwrap();
        let parameters = start["start"]["customParameters"].clone();
        let gone = Arc::new(Notify::new());
        let mut streams = self.streams.lock().unwrap();
        streams.insert(sid.to_owned(), Arc::clone(&gone));
        let (workers, sid) = (self.clone(), sid.to_owned());
        Some(async move {
            let session = workers.session(&sid, &parameters, &gone);
            // Whether it ended or the worker died, the socket is gone.
            let session = Box::pin(session);
            let _ended = process::run(Kind::Media, &workers.chance, workers.deaths, session).await;
            let mut streams = workers.streams.lock().unwrap();
            if streams
                .get(&sid)
                .is_some_and(|open| Arc::ptr_eq(open, &gone))
            {
                streams.remove(&sid);
                drop(streams);
                workers
                    .carrier
                    .with(|core, now| core.stream_closed(&sid, now));
            }
        })
    }

    /// The carrier closed the stream.
    pub(super) fn closed(&self, sid: &str) {
        if let Some(gone) = self.streams.lock().unwrap().remove(sid) {
            gone.notify_one();
        }
    }

    async fn session(&self, sid: &str, parameters: &Value, gone: &Notify) {
        let of = |name: &str| parameters[name].as_str().unwrap();
        let hello = Hello {
            tenant_id: of("tenant_id").parse().unwrap(),
            call_id: of("call_id").parse().unwrap(),
            token: of("token").parse().unwrap(),
            stream_id: "MZ",
            carrier_call_id: sid,
        };
        let mut opened = Err(OpenError::Refused);
        for _try in 0..TRIES_MAX {
            opened = self.media.open(&hello).await;
            if !matches!(opened, Err(OpenError::Store(_))) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let Ok(session) = opened else { return };
        let key = session.key;
        write(|| self.media.opened(&key)).await;
        if self.chance.per_mille(40) {
            write(|| self.media.opt_out(&key, OptOutHow::Spoken)).await;
            write(|| self.media.close(&key, Some(Outcome::OptedOut))).await;
            return;
        }
        let outcome = tokio::select! {
            biased;
            () = gone.notified() => Some(Outcome::CustomerHungUp),
            () = tokio::time::sleep(self.chance.ms(1_000..=6_000)) => self.said(),
        };
        write(|| self.media.close(&key, outcome)).await;
    }

    fn said(&self) -> Option<Outcome> {
        match self.chance.number(0..=99) {
            0..=84 => Some(Outcome::AgentEnded),
            85..=94 => Some(Outcome::CustomerSilent),
            // The worker drains: another one resumes the call.
            _ => None,
        }
    }
}

/// Writes, and tries again while storage fails. What still fails is left to the sweeper.
async fn write<F>(act: impl Fn() -> F)
where
    F: Future<Output = Result<(), MediaError>>,
{
    for _try in 0..TRIES_MAX {
        match act().await {
            Ok(()) | Err(MediaError::Superseded | MediaError::Carrier(_)) => return,
            Err(MediaError::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
}
