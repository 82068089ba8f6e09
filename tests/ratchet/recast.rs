//! The real control plane, whose calls are all of a campaign that leaves messages and takes a key for "no
//! more calls": what the agent of a single call cannot be told.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use media_worker::{Control, Hello, Record};
use model::{CarrierVerdict, Checkpoint, LineReport, MachineAction, Outcome, Turn};
use service::call::media::{
    Found, HandOver, Media, MediaError, MediaSession, OpenError, RedirectError, SessionKey,
};

#[derive(Debug)]
pub(super) struct Recast(pub(super) Media);

impl Control for Recast {
    fn open(&self, hello: Hello) -> BoxFuture<'static, Result<MediaSession, OpenError>> {
        let opening = Control::open(&self.0, hello);
        Box::pin(async move {
            let mut session = opening.await?;
            let answering = &mut session.snapshot.answering;
            answering.machine = MachineAction::LeaveMessage;
            answering.voicemail_message =
                Some("Hello, this is Bright Dental. Please call us back about Friday.".to_owned());
            answering.business_name = Some("Bright Dental".to_owned());
            answering.purpose = Some("your appointment on Friday".to_owned());
            answering.opt_out_key = Some('9');
            Ok(session)
        })
    }

    fn store(
        &self,
        session: Arc<SessionKey>,
        record: Record,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        Control::store(&self.0, session, record)
    }

    fn close(
        &self,
        session: Arc<SessionKey>,
        outcome: Option<Outcome>,
        found: Found,
    ) -> BoxFuture<'static, Result<(), MediaError>> {
        Control::close(&self.0, session, outcome, found)
    }

    fn verdict(
        &self,
        session: Arc<SessionKey>,
    ) -> BoxFuture<'static, Result<Option<CarrierVerdict>, MediaError>> {
        Control::verdict(&self.0, session)
    }

    fn prepare_hand_over(
        &self,
        session: Arc<SessionKey>,
        checkpoint: Checkpoint,
        line: LineReport,
    ) -> BoxFuture<'static, Result<HandOver, MediaError>> {
        Control::prepare_hand_over(&self.0, session, checkpoint, line)
    }

    fn redirect(
        &self,
        session: Arc<SessionKey>,
        to: HandOver,
    ) -> BoxFuture<'static, Result<(), RedirectError>> {
        Control::redirect(&self.0, session, to)
    }

    fn late_turns(
        &self,
        session: Arc<SessionKey>,
        seq: Option<u32>,
    ) -> BoxFuture<'static, Result<Vec<Turn>, MediaError>> {
        Control::late_turns(&self.0, session, seq)
    }

    fn record(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        Control::record(&self.0, session)
    }

    fn hang_up(&self, session: Arc<SessionKey>) -> BoxFuture<'static, Result<(), MediaError>> {
        Control::hang_up(&self.0, session)
    }
}
