//! What a media worker needs of the control plane: opening a session with a one-use token, storing
//! turns as they end, and the outcome.

use std::sync::Arc;
use std::time::Duration;

use carrier::call::RecordCall;
use carrier::{Carrier, CarrierCallId, Instructions, RequestError};
use futures_util::future::try_join;
use model::{
    AmdResult, CallId, CallSnapshot, CallState, CarrierVerdict, Checkpoint, EventKind, LineReport,
    OptOutHow, Outcome, TenantId, TokenId, Turn, WorkerId,
};
use store::{HandedOver, NewToken, Sessions, StoreError, StoredTurn, TokenHash, TurnStored, Turns};
use tracing::{info, warn};

use crate::call::callbacks::stream_deadline;
use crate::call::ending::is_recorded;
use crate::call::hang_up_at_carrier;
use crate::call::lifecycle::Fact;
use crate::call::recorder::{RecordError, Recorder};
use crate::lead::suppressions::Suppressions;
use crate::{Clock, Ids, Links};

/// What a media socket says of itself in its `start` message.
#[derive(Debug, Clone, Copy)]
pub struct Hello<'a> {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    /// Good for one session.
    pub token: TokenId,
    /// The carrier's id of this stream.
    pub stream_id: &'a str,
    /// The carrier's id of the call.
    pub carrier_call_id: &'a str,
}

/// Which session of which call: handed back with everything that is stored of it. What an older
/// session still writes after the call was resumed elsewhere is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    /// From 1; rises with each session of the call.
    pub session: u32,
    pub carrier_call_id: String,
}

/// An opened session.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaSession {
    pub key: SessionKey,
    pub snapshot: CallSnapshot,
    /// The turns stored by earlier sessions of the call, in order; empty unless it is resumed.
    pub history: Vec<Turn>,
    /// How long ago the call's first session was opened.
    pub elapsed: Duration,
    /// Where the session before stood, if it handed the call over; `None` also where it broke off.
    pub checkpoint: Option<Checkpoint>,
    /// The carrier's verdict on who answered, if it has one by now; a first session asks later.
    pub verdict: Option<CarrierVerdict>,
}

/// What a session found out about its call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// About who answered.
    pub answer: Option<AmdResult>,
    pub line: Option<LineReport>,
}

/// The instructions with which the carrier opens the stream of the session that was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver(Instructions);

/// The carrier did not open another stream.
#[derive(Debug, thiserror::Error)]
pub enum RedirectError {
    /// As it says, or as it was never asked.
    #[error("the carrier did not open another stream")]
    NotDone(#[source] RequestError),
    /// It was asked, and may have.
    #[error("it is not known whether the carrier opens another stream")]
    Unknown(#[source] RequestError),
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such call, a token that is wrong or used, or another carrier call than the token was made
    /// for: the same answer for all, so that nothing can be probed.
    #[error("the token does not open a session")]
    Refused,
    #[error("the session could not be opened")]
    Store(#[source] MediaError),
}

/// Why something of a session could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Another session of the call was opened since, or another turn has this place: what this
    /// session still has to say of the call is not wanted.
    #[error("the session is not the call's current one")]
    Superseded,
    /// Worth trying again.
    #[error("the session could not be written")]
    Unavailable(#[source] StoreError),
    /// The carrier could not be asked.
    #[error("the carrier did not hang up")]
    Carrier(#[source] RequestError),
}

/// Places after the turn's own that are tried when the session before left a turn there.
const SHIFTS_MAX: u32 = 8;

/// The use cases of a media session.
#[derive(Debug, Clone)]
pub struct Media {
    recorder: Recorder,
    calls: store::Calls,
    clock: Arc<dyn Clock>,
    ids: Ids,
    sessions: Sessions,
    turns: Turns,
    suppressions: Suppressions,
    carrier: Arc<dyn Carrier>,
    links: Links,
    /// The media worker that this is for.
    worker_id: Option<WorkerId>,
}

impl Media {
    #[must_use]
    pub fn new(
        store: &store::Store,
        carrier: Arc<dyn Carrier>,
        links: Links,
        clock: Arc<dyn Clock>,
        ids: Ids,
    ) -> Self {
        Self {
            suppressions: Suppressions::new(store, Arc::clone(&clock), ids.clone()),
            recorder: Recorder::new(store, Arc::clone(&clock), ids.clone()),
            calls: store.calls.clone(),
            clock,
            ids,
            sessions: store.sessions.clone(),
            turns: store.turns.clone(),
            carrier,
            links,
            worker_id: None,
        }
    }

    /// For the sessions of this media worker: where it is gone, their calls are looked after.
    #[must_use]
    pub fn of_worker(self, id: WorkerId) -> Self {
        Self {
            worker_id: Some(id),
            ..self
        }
    }

    /// Consumes the token and reads the call's snapshot: one request to the table for a first
    /// session, two more at once, for the history and the carrier's verdict, for one that goes on.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(&self, hello: &Hello<'_>) -> Result<MediaSession, OpenError> {
        let Hello {
            tenant_id,
            call_id,
            token,
            stream_id: _,
            carrier_call_id,
        } = *hello;
        let token = TokenHash::of(token);
        let now = self.clock.now();
        let opened = self
            .sessions
            .open(tenant_id, call_id, &token, carrier_call_id, now)
            .await
            .map_err(|error| OpenError::Store(MediaError::Unavailable(error)))?
            .ok_or(OpenError::Refused)?;
        let (history, row) = if opened.session > 1 {
            let history = self.turns.of_call(tenant_id, call_id);
            let row = self.calls.get(tenant_id, call_id);
            Box::pin(try_join(history, row))
                .await
                .map_err(|error| OpenError::Store(MediaError::Unavailable(error)))?
        } else {
            (Vec::new(), None)
        };
        Ok(MediaSession {
            key: SessionKey {
                tenant_id,
                call_id,
                session: opened.session,
                carrier_call_id: carrier_call_id.to_owned(),
            },
            snapshot: opened.snapshot,
            history,
            elapsed: opened.elapsed,
            checkpoint: opened.checkpoint,
            verdict: row.and_then(|row| row.call.carrier_verdict),
        })
    }

    /// Prepares another session that goes on from `checkpoint`: its one-use token, in one write with the
    /// checkpoint, on condition that this is the call's current session and the call goes on. Until the
    /// carrier is told nothing has changed; a token that nobody uses expires. `line`: what it was like so far.
    ///
    /// # Errors
    /// [`MediaError::Superseded`] also when the call is over or is to be.
    pub async fn prepare_hand_over(
        &self,
        session: &SessionKey,
        checkpoint: &Checkpoint,
        line: Option<LineReport>,
    ) -> Result<HandOver, MediaError> {
        let SessionKey {
            tenant_id, call_id, ..
        } = *session;
        let token = self.ids.fresh(TokenId::from_parts);
        let hash = TokenHash::of(token);
        let given = NewToken {
            hash: &hash,
            until: stream_deadline(self.clock.now()),
            from: Some(HandedOver {
                session: session.session,
                checkpoint,
            }),
        };
        let fact = Fact::HandingOver {
            session: session.session,
            line,
        };
        let recorded = self
            .recorder
            .record_with(tenant_id, call_id, &fact, Some(given))
            .await;
        match recorded {
            Ok(recorded) if !recorded.changed => return Err(MediaError::Superseded),
            Ok(_written) => {}
            Err(RecordError::Unknown | RecordError::OtherCall) => {
                return Err(MediaError::Superseded);
            }
            Err(RecordError::Store(error)) => return Err(MediaError::Unavailable(error)),
        }
        Ok(HandOver(self.links.connect(tenant_id, call_id, token)))
    }

    /// Has the carrier end the stream of `session` and open that of the session that was prepared.
    ///
    /// # Errors
    /// See [`RedirectError`].
    pub async fn redirect(&self, session: &SessionKey, to: &HandOver) -> Result<(), RedirectError> {
        let id = session.carrier_call_id.parse::<CarrierCallId>();
        let foreign = |_malformed| RedirectError::NotDone(RequestError::ForeignId);
        match self.carrier.redirect(&id.map_err(foreign)?, &to.0).await {
            Ok(_redirected) => Ok(()),
            Err(
                error @ (RequestError::Unsupported(_)
                | RequestError::ForeignId
                | RequestError::Instructions(_)
                | RequestError::Refused(_)
                | RequestError::RateLimited { .. }
                | RequestError::Unreachable(_)),
            ) => Err(RedirectError::NotDone(error)),
            Err(error @ (RequestError::Unavailable { .. } | RequestError::Lost(_))) => {
                Err(RedirectError::Unknown(error))
            }
        }
    }

    /// Turns behind `seq` (all, when absent) that an earlier session of the call left behind.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn late_turns(
        &self,
        session: &SessionKey,
        seq: Option<u32>,
    ) -> Result<Vec<Turn>, MediaError> {
        let rows = self.turns.after(session.tenant_id, session.call_id, seq);
        let rows = rows.await.map_err(MediaError::Unavailable)?;
        let earlier = rows.into_iter().filter(|row| row.session < session.session);
        Ok(earlier.map(|row| row.turn).collect())
    }

    /// Notes on the call that its session runs (the call is answered, by this carrier call). Not
    /// needed before the first word: the session runs it behind, before any other write of its own.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn opened(&self, session: &SessionKey) -> Result<(), MediaError> {
        let fact = Fact::SessionOpened {
            session: session.session,
            carrier_call_id: session.carrier_call_id.clone(),
            worker_id: self.worker_id,
        };
        self.write(session, &fact).await
    }

    /// Stores a turn with its event. Storing the same turn again changes nothing. Where a turn of an
    /// earlier session took its place meanwhile, it comes after that.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn store_turn(&self, session: &SessionKey, turn: &Turn) -> Result<(), MediaError> {
        self.put_turn(session, turn, false).await
    }

    /// Stores a turn that the session heard before the carrier took the call to the next one, behind what that
    /// one has stored by now.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn store_left_behind(
        &self,
        session: &SessionKey,
        turn: &Turn,
    ) -> Result<(), MediaError> {
        self.put_turn(session, turn, true).await
    }

    async fn put_turn(
        &self,
        session: &SessionKey,
        turn: &Turn,
        behind_others: bool,
    ) -> Result<(), MediaError> {
        let mut row = StoredTurn {
            session: session.session,
            turn: turn.clone(),
        };
        let now = self.clock.now();
        for shift in 0..=SHIFTS_MAX {
            row.turn.seq = turn.seq.saturating_add(shift);
            let kind = EventKind::TurnStored {
                call_id: session.call_id,
                seq: row.turn.seq,
                speaker: turn.speaker,
                interrupted: turn.interrupted,
            };
            let event = self.ids.event(session.tenant_id, kind, now);
            let stored = self
                .turns
                .store(session.tenant_id, session.call_id, &row, &event)
                .await
                .map_err(MediaError::Unavailable)?;
            let TurnStored::Taken(there) = stored else {
                return Ok(());
            };
            if *there == row {
                return Ok(());
            }
            if there.session > session.session && !behind_others {
                return Err(MediaError::Superseded);
            }
        }
        Err(MediaError::Superseded)
    }

    /// Notes on the call what the session finds of its line while it is on.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn line(&self, session: &SessionKey, report: &LineReport) -> Result<(), MediaError> {
        self.write(session, &Fact::Line(*report)).await
    }

    /// The carrier's verdict on who answered, if there is one: one read of the call.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn verdict(
        &self,
        session: &SessionKey,
    ) -> Result<Option<CarrierVerdict>, MediaError> {
        let row = self.calls.get(session.tenant_id, session.call_id);
        let row = row.await.map_err(MediaError::Unavailable)?;
        Ok(row.and_then(|row| row.call.carrier_verdict))
    }

    /// The other side of the call asked not to be called again: their number is suppressed when this
    /// returns. Asked twice, the first time stands. It holds whatever became of the session.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`]: to be tried again until it is done.
    pub async fn opt_out(&self, session: &SessionKey, how: OptOutHow) -> Result<(), MediaError> {
        let SessionKey {
            tenant_id, call_id, ..
        } = *session;
        let wished = self.suppressions.wished(tenant_id, call_id, how).await;
        match wished.map_err(MediaError::Unavailable)? {
            Some(_put) => Ok(()),
            None => Err(MediaError::Superseded),
        }
    }

    /// Has the carrier record the call from now on: its customer is being told so. May be repeated, also by another
    /// session of the call: where a recording was begun, none is begun again.
    ///
    /// A carrier that refuses for good is told of in the log, and the call goes on without; that there is no
    /// recording is noted with the call some minutes after its end.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`] and [`MediaError::Carrier`]: worth trying again.
    pub async fn record(&self, session: &SessionKey) -> Result<(), MediaError> {
        let SessionKey {
            tenant_id, call_id, ..
        } = *session;
        let row = self.calls.get(tenant_id, call_id).await;
        let row = row
            .map_err(MediaError::Unavailable)?
            .ok_or(MediaError::Superseded)?;
        let is_begun = row.progress.recording_begun_at.is_some() || row.call.recording.is_some();
        if is_begun || !is_recorded(&row.call) || row.call.state == CallState::Ended {
            return Ok(());
        }
        match self.begin_recording(session).await {
            Ok(()) => {}
            Err(problem) if may_heal(&problem) => return Err(MediaError::Carrier(problem)),
            Err(problem) => {
                warn!(call.id = %call_id, kind = problem.code(), "the carrier does not record a call");
                return Ok(());
            }
        }
        self.write(session, &Fact::RecordingBegun).await
    }

    /// The answer to an earlier request may have been lost, so it is looked first.
    async fn begin_recording(&self, session: &SessionKey) -> Result<(), RequestError> {
        let id = session.carrier_call_id.parse::<CarrierCallId>();
        let id = id.map_err(|_malformed| RequestError::ForeignId)?;
        if !self.carrier.list_recordings(&id).await?.items.is_empty() {
            return Ok(());
        }
        let order = RecordCall {
            status_callback: self.links.recording(session.tenant_id, session.call_id),
        };
        self.carrier.begin_recording(&id, &order).await?;
        info!(call.id = %session.call_id, "a call to one of our numbers is recorded from here on");
        Ok(())
    }

    /// Ends the session. With an outcome the call is over and the outcome stands (unless a final one
    /// stood before); write it before the socket is closed, so that the carrier's next request hangs
    /// up. Without one the call is left to be resumed by another session.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn close(
        &self,
        session: &SessionKey,
        outcome: Option<Outcome>,
    ) -> Result<(), MediaError> {
        self.close_with(session, outcome, Found::default()).await
    }

    /// The same, with what the session found out: no write of its own.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn close_with(
        &self,
        session: &SessionKey,
        outcome: Option<Outcome>,
        found: Found,
    ) -> Result<(), MediaError> {
        let Found { answer, line } = found;
        let fact = Fact::SessionClosed {
            session: session.session,
            outcome,
            answer,
            line,
        };
        self.write(session, &fact).await
    }

    /// Asks the carrier to end the call: only for a session whose socket is already gone. A call
    /// that the carrier has already ended is fine.
    ///
    /// # Errors
    /// [`MediaError::Carrier`] when the carrier cannot be asked.
    pub async fn hang_up(&self, session: &SessionKey) -> Result<(), MediaError> {
        hang_up_at_carrier(&*self.carrier, &session.carrier_call_id)
            .await
            .map_err(MediaError::Carrier)
    }

    async fn write(&self, session: &SessionKey, fact: &Fact) -> Result<(), MediaError> {
        let recorded = self
            .recorder
            .record(session.tenant_id, session.call_id, fact)
            .await;
        match recorded {
            Ok(recorded) if recorded.row.progress.session > session.session => {
                Err(MediaError::Superseded)
            }
            Ok(_written) => Ok(()),
            Err(RecordError::Unknown | RecordError::OtherCall) => Err(MediaError::Superseded),
            Err(RecordError::Store(error)) => Err(MediaError::Unavailable(error)),
        }
    }
}

/// Whether the carrier may record the call when it is asked again.
const fn may_heal(problem: &RequestError) -> bool {
    match problem {
        RequestError::RateLimited { .. }
        | RequestError::Unreachable(_)
        | RequestError::Unavailable { .. }
        | RequestError::Lost(_) => true,
        RequestError::Unsupported(_)
        | RequestError::ForeignId
        | RequestError::Instructions(_)
        | RequestError::Refused(_) => false,
    }
}
