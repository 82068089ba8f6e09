//! What the worker needs of the control plane, as a port: so that a session can be tested without a
//! table, and a table without a session.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use model::{CarrierVerdict, Checkpoint, LineReport, Outcome, Turn};
use service::call::media::{
    self, Found, HandOver, Media, MediaError, MediaSession, OpenError, RedirectError, SessionKey,
};

use crate::carrier_leg::handshake::Hello;
use crate::session::turn_writer::Record;

/// The control plane, as a media session sees it. [`Media`] is the real one.
pub trait Control: fmt::Debug + Send + Sync {
    /// Consumes the token and gives the call's snapshot.
    fn open(&self, hello: Hello) -> BoxFuture<'static, Result<MediaSession, OpenError>>;

    /// Stores one record of the session. Twice is as good as once.
    fn store(
        &self,
        session: Arc<SessionKey>,
        record: Record,
    ) -> BoxFuture<'static, Result<(), MediaError>>;

    /// Ends the session: with an outcome the call too, without one it is left to be resumed. `found` is what it
    /// found out about the call.
    fn close(
        &self,
        session: Arc<SessionKey>,
        outcome: Option<Outcome>,
        found: Found,
    ) -> BoxFuture<'static, Result<(), MediaError>>;

    /// The carrier's verdict on who answered, once there is one.
    fn verdict(
        &self,
        session: Arc<SessionKey>,
    ) -> BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>>;

    /// Stores a token for another session that goes on from here, and what the line was like until now.
    fn prepare_hand_over(
        &self,
        session: Arc<SessionKey>,
        checkpoint: Checkpoint,
        line: LineReport,
    ) -> BoxFuture<'static, Result<HandOver, MediaError>>;

    /// Has the carrier end this session's stream and open that of the session that was prepared.
    fn redirect(
        &self,
        session: Arc<SessionKey>,
        to: HandOver,
    ) -> BoxFuture<'static, Result<(), RedirectError>>;

    /// Turns behind this one that an earlier session stored.
    fn late_turns(
        &self,
        session: Arc<SessionKey>,
        seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<Turn>, MediaError>>;

    /// Has the carrier record the call, unless it does.
    fn record(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>>;

    /// Asks the carrier to end a call whose socket is gone.
    fn hang_up(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>>;
}

impl Control for Media {
    fn open(&self, hello: Hello) -> BoxFuture<'static, Result<MediaSession, OpenError>> {
        let media = self.clone();
        Box::pin(async move {
            media
                .open(&media::Hello {
                    tenant_id: hello.tenant_id,
                    call_id: hello.call_id,
                    token: hello.token,
                    stream_id: &hello.stream_id,
                    carrier_call_id: &hello.carrier_call_id,
                })
                .await
        })
    }

    fn store(
        &self,
        session: Arc<SessionKey>,
        record: Record,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        let media = self.clone();
        Box::pin(async move {
            match record {
                Record::Opened => media.opened(&session).await,
                Record::Turn(turn) => media.store_turn(&session, &turn).await,
                Record::LateTurns(turn) => media.store_left_behind(&session, &turn).await,
                Record::OptOut(how) => media.opt_out(&session, how).await,
                Record::Line(report) => media.line(&session, &report).await,
            }
        })
    }

    fn close(
        &self,
        session: Arc<SessionKey>,
        outcome: Option<Outcome>,
        found: Found,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        let media = self.clone();
        Box::pin(async move { media.close_with(&session, outcome, found).await })
    }

    fn verdict(
        &self,
        session: Arc<SessionKey>,
    ) -> BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>> {
        let media = self.clone();
        Box::pin(async move { media.verdict(&session).await })
    }

    fn prepare_hand_over(
        &self,
        session: Arc<SessionKey>,
        checkpoint: Checkpoint,
        line: LineReport,
    ) -> BoxFuture<'static, Result<HandOver, MediaError>> {
        let media = self.clone();
        Box::pin(async move {
            let prepared = media.prepare_hand_over(&session, &checkpoint, Some(line));
            prepared.await
        })
    }

    fn redirect(
        &self,
        session: Arc<SessionKey>,
        to: HandOver,
    ) -> BoxFuture<'static, Result<(), RedirectError>> {
        let media = self.clone();
        Box::pin(async move { media.redirect(&session, &to).await })
    }

    fn late_turns(
        &self,
        session: Arc<SessionKey>,
        seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<Turn>, MediaError>> {
        let media = self.clone();
        Box::pin(async move { media.late_turns(&session, seq).await })
    }

    fn record(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        let media = self.clone();
        Box::pin(async move { media.record(&session).await })
    }

    fn hang_up(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        let media = self.clone();
        Box::pin(async move { media.hang_up(&session).await })
    }
}
