//! Reads a call, decides what a fact makes of it, and writes that if the call is still as it was.
//!
//! What ends a call also gives its slots back, moves its lead on with the counts, and notes the
//! outcome with its contact: all in the one transaction (promises P2 and P4). A fact that ends nothing
//! reads and writes the call's own rows only.

use std::sync::Arc;
use std::time::Duration;

use dialer::Talk;
use futures_util::future::try_join3;
use jiff::Timestamp;
use model::{
    Call, CallId, CallState, CampaignId, Contact, DomainEvent, EventKind, Permit, TenantId,
};
use store::{
    CallRow, Calls, Campaigns, ContactRow, Contacts, Leads, NewToken, Slots, Spoken, StoreError,
    Turns, WriteRefused, WrittenWith,
};

use crate::call::ending::{self, Around, Ending, LeadMove};
use crate::call::lifecycle::{self, Fact};
use crate::{Clock, Ids};

/// A call has a handful of writers at most (carrier, session, user), and so has its contact; more
/// collisions than this on one row are a defect.
const TRIES_MAX: u32 = 12;
const PAUSE_MS_MAX: u64 = 20;

/// The calls as a book that facts are written into.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    calls: Calls,
    leads: Leads,
    contacts: Contacts,
    campaigns: Campaigns,
    slots: Slots,
    turns: Turns,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

/// A call after a fact.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) row: CallRow,
    /// The state before.
    pub(crate) before: CallState,
    /// Whether the fact was news.
    pub(crate) changed: bool,
}

/// Why a fact was not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("there is no such call")]
    Unknown,
    #[error("the call is another one at the carrier")]
    OtherCall,
    #[error("the call could not be written")]
    Store(#[source] StoreError),
}

/// What goes with passing the gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate<'a> {
    pub(crate) token: NewToken<'a>,
    /// What is known of the number, with this attempt.
    pub(crate) contact: &'a Contact,
    /// What is known of the person's other numbers, with this call.
    pub(crate) others: &'a [ContactRow],
    /// The campaign's revision that the permit was decided on.
    pub(crate) campaign: Option<(CampaignId, u32)>,
}

/// What happened at the gate.
#[derive(Debug)]
pub(crate) enum Passed {
    /// The one way to the carrier is ours.
    Ours(CallRow),
    /// Something that the permit was decided on is not as it was: decide again.
    Again,
}

/// What is logged from here on, in a span that has a place for it, is of this call and its trace.
pub(crate) fn follow(call: &Call) {
    let span = tracing::Span::current();
    span.record("call.id", tracing::field::display(call.id));
    span.record("trace_id", tracing::field::display(call.trace()));
}

impl Recorder {
    pub(crate) fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            calls: store.calls.clone(),
            leads: store.leads.clone(),
            contacts: store.contacts.clone(),
            campaigns: store.campaigns.clone(),
            slots: store.slots.clone(),
            turns: store.turns.clone(),
            clock,
            ids,
        }
    }

    /// Writes a fact into a call.
    pub(crate) async fn record(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: &Fact,
    ) -> Result<Recorded, RecordError> {
        self.record_with(tenant, call, fact, None).await
    }

    /// Writes a fact into a call and, if it is news, a token that opens a session.
    pub(crate) async fn record_with(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: &Fact,
        token: Option<NewToken<'_>>,
    ) -> Result<Recorded, RecordError> {
        // On the heap: every entry point awaits it, and rows are large.
        Box::pin(self.write_fact(tenant, call, fact, token)).await
    }

    async fn write_fact(
        &self,
        tenant: TenantId,
        call: CallId,
        fact: &Fact,
        token: Option<NewToken<'_>>,
    ) -> Result<Recorded, RecordError> {
        for _try in 0..TRIES_MAX {
            let row = self.calls.get(tenant, call).await;
            let row = row
                .map_err(RecordError::Store)?
                .ok_or(RecordError::Unknown)?;
            follow(&row.call);
            let before = row.call.state;
            let now = self.clock.now();
            let change = lifecycle::apply(&row, fact, now)
                .map_err(|lifecycle::OtherCall| RecordError::OtherCall)?;
            let Some(mut change) = change else {
                return Ok(Recorded {
                    row,
                    before,
                    changed: false,
                });
            };
            let around = self.around(&row, &change.row).await;
            let around = around.map_err(RecordError::Store)?;
            let ending = Ending::of(&row, &mut change.row, &around, now);
            let carrier_call_id = change.row.call.carrier_call_id.as_deref();
            let along = WrittenWith {
                events: self.events(tenant, change.events, now),
                carrier_call_id: carrier_call_id.filter(|_id| change.adopts),
                token,
                forget_tokens: change.forget_tokens,
                slots: ending.slots.as_ref(),
                lead: ending.lead.as_ref().map(LeadMove::change),
                contact: ending
                    .contact
                    .as_ref()
                    .map(|contact| (&change.row.call.to, contact)),
                others: &[],
                campaign: None,
                follow_up: ending.follow_up,
            };
            match self.calls.replace(&change.row, along).await {
                Ok(()) => {
                    ending.count(&change.row);
                    return Ok(Recorded {
                        row: change.row,
                        before,
                        changed: true,
                    });
                }
                Err(WriteRefused::Changed | WriteRefused::CampaignChanged) => self.pause().await,
                Err(WriteRefused::CarrierCallTaken) => return Err(RecordError::OtherCall),
                Err(WriteRefused::SlotsLost) => {
                    self.let_go_of_slots(&change.row, ending.slots.as_ref())
                        .await?;
                }
                Err(WriteRefused::Store(error)) => return Err(RecordError::Store(error)),
            }
        }
        Err(RecordError::Store(StoreError::Conflict))
    }

    /// Takes a claimed call through the gate, if it and everything that the permit was decided on is
    /// as it was read. The permit is stored with the call.
    pub(crate) async fn pass(
        &self,
        row: &CallRow,
        permit: Permit,
        gate: Gate<'_>,
    ) -> Result<Passed, RecordError> {
        let now = self.clock.now();
        let fact = Fact::GatePassed(Box::new(permit));
        let change = lifecycle::apply(row, &fact, now)
            .map_err(|lifecycle::OtherCall| RecordError::OtherCall)?;
        let Some(change) = change else {
            return Ok(Passed::Again);
        };
        let along = WrittenWith {
            events: self.events(row.call.tenant_id, change.events, now),
            token: Some(gate.token),
            contact: Some((&row.call.to, gate.contact)),
            others: gate.others,
            campaign: gate.campaign,
            ..WrittenWith::default()
        };
        let written = Box::pin(self.calls.replace(&change.row, along)).await;
        match written {
            Ok(()) => Ok(Passed::Ours(change.row)),
            Err(WriteRefused::Changed | WriteRefused::CampaignChanged) => {
                self.pause().await;
                Ok(Passed::Again)
            }
            Err(WriteRefused::CarrierCallTaken) => Err(RecordError::OtherCall),
            Err(WriteRefused::SlotsLost) => Err(RecordError::Store(StoreError::Conflict)),
            Err(WriteRefused::Store(error)) => Err(RecordError::Store(error)),
        }
    }

    /// Reads what a call's end, or its correction, is decided on; nothing for any other change.
    async fn around(&self, before: &CallRow, after: &CallRow) -> Result<Around, StoreError> {
        if !ending::decides(before, after) {
            return Ok(Around::default());
        }
        let call = &after.call;
        let tenant = call.tenant_id;
        let mut around = Around::default();
        if let (Some(campaign), Some(lead)) = (call.campaign_id, call.lead_id) {
            (around.campaign, around.lead, around.talk) = try_join3(
                self.campaigns.get(tenant, campaign),
                self.leads.get(tenant, campaign, lead),
                Box::pin(self.talk(after)),
            )
            .await?;
        }
        if ending::noted_with_contact(after) {
            around.contact = Some(self.contacts.get(tenant, &call.to).await?);
        }
        Ok(around)
    }

    /// What was said in the call, as far as it is stored.
    async fn talk(&self, row: &CallRow) -> Result<Talk, StoreError> {
        let call = &row.call;
        let spoken = match row.progress.session {
            0 => Spoken::default(),
            _sessions => self.turns.spoken(call.tenant_id, call.id).await?,
        };
        Ok(ending::talk(row, spoken))
    }

    /// A slot that the call should give back is not its own: cannot be, and must not keep the call
    /// from ending. Those that are its own are given back; the call is written without them.
    async fn let_go_of_slots(
        &self,
        row: &CallRow,
        held: Option<&store::SlotsHeld>,
    ) -> Result<(), RecordError> {
        let Some(held) = held else { return Ok(()) };
        let call = &row.call;
        tracing::error!(call.id = %call.id, "a call does not hold the slots it should give back");
        metrics::counter!("trunkline_slots_healed_total", "reason" => "not_held").increment(1);
        self.slots
            .reclaim(&held.account, call.tenant_id, call.campaign_id, call.id)
            .await
            .map_err(RecordError::Store)?;
        let fact = Fact::SlotsLost;
        self.record(call.tenant_id, call.id, &fact).await?;
        Ok(())
    }

    /// Of writers who met at a row each comes back at another moment.
    async fn pause(&self) {
        let pause = u64::try_from(self.ids.chance() % u128::from(PAUSE_MS_MAX));
        let pause = Duration::from_millis(pause.unwrap_or_default());
        tokio::time::sleep(pause).await;
    }

    fn events(
        &self,
        tenant_id: TenantId,
        kinds: Vec<EventKind>,
        at: Timestamp,
    ) -> Vec<DomainEvent> {
        let kinds = kinds.into_iter();
        kinds
            .map(|kind| self.ids.event(tenant_id, kind, at))
            .collect()
    }
}
