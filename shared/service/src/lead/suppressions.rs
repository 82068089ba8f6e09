//! The suppression list: who must not be called any more, across all campaigns of a tenant.
//!
//! A number is on the list from the write on: the gate of each call depends on the contact's row, so a
//! call that is decided at the same moment is decided again. What waits for the number in campaigns is
//! ended right after; if that does not come to pass, the gate ends it when its time comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dialer::{AfterDenial, Denial, after_denial};
use futures_util::future::try_join_all;
use intake::export::record;
use intake::{Entry, Intake, Options, Reject};
use jiff::Timestamp;
use model::{
    ApiKeyId, Call, CallId, Campaign, Contact, Direction, EventKind, Lead, LeadId, LeadResult,
    LeadState, OptOutHow, PhoneNumber, Release, Rule, Suppression, SuppressionReason, TenantId,
};
use store::{CONTACTS_AT_ONCE_MAX, ContactRow, LeadRow, Page, StoreError};
use tracing::{info, warn};

use super::sheet::ListCsv;
use crate::{Clock, Fault, FieldProblem, Ids, Place, Refused};

/// The longest note, and the longest reason for a removal.
pub const NOTE_CHARS_MAX: usize = 500;
/// Numbers of one uploaded list; a longer one comes in several.
pub const NUMBERS_AT_ONCE_MAX: usize = 20_000;
/// Numbers that are read and written at once.
const CHUNK: usize = CONTACTS_AT_ONCE_MAX;
/// Numbers of one page of an export.
const PAGE: u32 = 500;
/// Rows of a list that are named as wrong; the rest is a count.
const REJECTS_TOLD_MAX: usize = 99;
/// Looks again when the contact changes meanwhile: its writers are the calls to one number.
const TRIES_MAX: u32 = 10;

/// A number that is on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    pub number: PhoneNumber,
    pub suppression: Suppression,
}

/// What became of a number that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    pub suppressed: Suppressed,
    /// It was on the list before.
    pub there_already: bool,
    /// Waiting leads that end with it.
    pub leads_ended: u64,
}

/// What became of an uploaded list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutList {
    pub added: u64,
    pub there_already: u64,
    pub leads_ended: u64,
    /// Rows that name no number, with the reason, from 1 on; the first of them.
    pub rejected: Vec<(u64, String)>,
    pub rejected_total: u64,
}

/// The use cases of suppression.
#[derive(Debug, Clone)]
pub struct Suppressions {
    calls: store::Calls,
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    leads: store::Leads,
    ids: Ids,
}

impl Suppressions {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            calls: store.calls.clone(),
            campaigns: store.campaigns.clone(),
            clock,
            contacts: store.contacts.clone(),
            leads: store.leads.clone(),
            ids,
        }
    }

    /// Puts a number on the list. Of one that is on it since when and why stay; a note replaces the earlier one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add(
        &self,
        tenant: TenantId,
        number: &PhoneNumber,
        note: Option<String>,
    ) -> Result<Put, Refused> {
        check_note(Place::Body("/note".to_owned()), note.as_deref())?;
        let suppression = Suppression {
            reason: SuppressionReason::Manual,
            at: self.clock.now(),
            note,
            call_id: None,
        };
        let numbers = std::slice::from_ref(number);
        Ok(self.put(tenant, numbers, suppression).await?)
    }

    /// Somebody in a call wants no more calls: the other side's number is put on the list at once, and with it every
    /// other number that their lead has. The call's own lead ends as `opted_out`, whatever else becomes of the call.
    /// May be repeated.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::NotFound`] when there is no such call.
    pub async fn opt_out(
        &self,
        tenant: TenantId,
        call_id: CallId,
        how: OptOutHow,
    ) -> Result<Put, Refused> {
        let put = self.wished(tenant, call_id, how).await?;
        put.ok_or(Refused::NotFound)
    }

    /// The same for the media worker; `None`: there is no such call.
    pub(crate) async fn wished(
        &self,
        tenant: TenantId,
        call_id: CallId,
        how: OptOutHow,
    ) -> Result<Option<Put>, StoreError> {
        let Some(row) = self.calls.get(tenant, call_id).await? else {
            return Ok(None);
        };
        let number = match row.call.direction {
            Direction::Outbound => &row.call.to,
            Direction::Inbound => &row.call.from,
        };
        let suppression = Suppression {
            reason: how.into(),
            at: self.clock.now(),
            note: None,
            call_id: Some(call_id),
        };
        let others = self.other_numbers(tenant, &row.call, number).await?;
        let numbers: Vec<PhoneNumber> = [number.clone()].into_iter().chain(others).collect();
        let put = self.put(tenant, &numbers, suppression).await?;
        if !put.there_already {
            info!(call.id = %call_id, how = how.code(), "somebody wants no more calls");
        }
        Ok(Some(put))
    }

    /// The other numbers of whoever is on the line, as far as a lead of theirs is known.
    async fn other_numbers(
        &self,
        tenant: TenantId,
        call: &Call,
        number: &PhoneNumber,
    ) -> Result<Vec<PhoneNumber>, StoreError> {
        let called = call.campaign_id.zip(call.lead_id);
        let known = call.known_as.map(|lead| (lead.campaign_id, lead.lead_id));
        let Some((campaign, lead)) = called.or(known) else {
            return Ok(Vec::new());
        };
        let row = self.leads.get(tenant, campaign, lead).await?;
        // A number that was corrected since is somebody else's.
        let lead = row.map(|row| row.lead);
        let lead = lead.filter(|lead| lead.place_of(number).is_some());
        let others = lead.iter().flat_map(|lead| lead.numbers_besides(number));
        Ok(others.cloned().collect())
    }

    /// Puts the numbers of a person on the list, all or none. Answers what became of the first.
    async fn put(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
        suppression: Suppression,
    ) -> Result<Put, StoreError> {
        for _try in 0..TRIES_MAX {
            let reads = numbers
                .iter()
                .map(|number| self.contacts.get(tenant, number));
            let contacts = try_join_all(reads).await?;
            let there_already = contacts
                .first()
                .is_some_and(|contact| contact.suppression.is_some());
            let mut entries = Vec::new();
            let mut rows = Vec::new();
            for (number, contact) in numbers.iter().zip(contacts) {
                let entry = entry(contact.suppression.as_ref(), &suppression);
                if contact.suppression.as_ref() != Some(&entry) {
                    rows.push(with_suppression(number, contact, entry.clone()));
                }
                entries.push((number, entry));
            }
            if !rows.is_empty() {
                match self.write(tenant, &rows, suppression.call_id).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict) => continue,
                    Err(error) => return Err(error),
                }
            }
            let Some((number, entry)) = entries.into_iter().next() else {
                break;
            };
            return Ok(Put {
                leads_ended: self.end_leads(tenant, numbers, &entry).await,
                suppressed: Suppressed {
                    number: number.clone(),
                    suppression: entry,
                },
                there_already,
            });
        }
        Err(StoreError::Conflict)
    }

    /// Puts the numbers of a file on the list: any that leads come in, or a column of numbers with a
    /// header. Rows without a number are told and do not hold up the others.
    ///
    /// # Errors
    /// See [`Refused`]: nothing is written when the file cannot be read to its end. When storage fails on
    /// the way, the numbers before are on the list, and the same file again does the rest.
    pub async fn add_list(
        &self,
        tenant: TenantId,
        file: bytes::Bytes,
        options: Options,
        note: Option<String>,
    ) -> Result<PutList, Refused> {
        check_note(Place::Parameter("note".to_owned()), note.as_deref())?;
        let file = ListCsv::of_file(file, options, &self.clock).await?;
        let (numbers, mut list) = read(file.csv, file.options)?;
        let suppression = Suppression {
            reason: SuppressionReason::Upload,
            at: self.clock.now(),
            note,
            call_id: None,
        };
        for some in numbers.chunks(CHUNK) {
            let (added, there_already) = self.put_some(tenant, some, &suppression).await?;
            list.added = list.added.saturating_add(added);
            list.there_already = list.there_already.saturating_add(there_already);
            let ended = self.end_leads(tenant, some, &suppression).await;
            list.leads_ended = list.leads_ended.saturating_add(ended);
        }
        Ok(list)
    }

    async fn put_some(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
        suppression: &Suppression,
    ) -> Result<(u64, u64), StoreError> {
        let mut added = 0;
        'again: for _try in 0..TRIES_MAX {
            let known = self.contacts.batch_get(tenant, numbers).await?;
            let mut known: BTreeMap<PhoneNumber, Contact> = known
                .into_iter()
                .map(|ContactRow { number, contact }| (number, contact))
                .collect();
            let rows: Vec<ContactRow> = numbers
                .iter()
                .filter_map(|number| {
                    let contact = known.remove(number).unwrap_or_default();
                    let fresh = contact.suppression.is_none();
                    fresh.then(|| with_suppression(number, contact, suppression.clone()))
                })
                .collect();
            for some in at_once(&rows) {
                match self.write(tenant, some, None).await {
                    Ok(()) => added += some.len(),
                    Err(StoreError::Conflict) => continue 'again,
                    Err(error) => return Err(error),
                }
            }
            let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
            return Ok((count(added), count(numbers.len().saturating_sub(added))));
        }
        Err(StoreError::Conflict)
    }

    async fn write(
        &self,
        tenant: TenantId,
        rows: &[ContactRow],
        call_id: Option<CallId>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let kind = EventKind::NumberSuppressed { call_id };
        let event = self.ids.event(tenant, kind, now);
        self.contacts.replace_many(tenant, rows, &event).await
    }

    /// Ends what waits for these numbers. The list holds without it, so a failure is told and not passed
    /// on: the gate ends what is left, and what has other numbers that the campaign may call instead.
    async fn end_leads(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
        suppression: &Suppression,
    ) -> u64 {
        match self.try_end_leads(tenant, numbers, suppression).await {
            Ok(ended) => ended,
            Err(problem) => {
                warn!(
                    problem = &problem as &dyn std::error::Error,
                    "leads of a suppressed number wait until they are due"
                );
                0
            }
        }
    }

    async fn try_end_leads(
        &self,
        tenant: TenantId,
        numbers: &[PhoneNumber],
        suppression: &Suppression,
    ) -> Result<u64, StoreError> {
        let mut ended = 0_u64;
        for active in self.campaigns.active_of(tenant).await? {
            let campaign = active.campaign_id;
            let ids: Vec<LeadId> = numbers
                .iter()
                .map(|number| LeadId::of(campaign, number))
                .collect();
            let rows = self.leads.batch_get(tenant, campaign, &ids).await?;
            let now = self.clock.now();
            // Another number may be called in place of one that was put on the list by somebody else.
            let own_word = suppression.reason.is_their_own_word();
            let (with_others, alone): (Vec<LeadRow>, Vec<LeadRow>) = rows
                .into_iter()
                .partition(|row| !own_word && !row.lead.alternates.is_empty());
            let changes: Vec<(LeadRow, Lead)> = alone
                .into_iter()
                .filter_map(|row| {
                    let lead = ended_by(&row.lead, suppression, now)?;
                    Some((row, lead))
                })
                .collect();
            if !changes.is_empty() {
                let done = self.leads.replace_many(tenant, &changes).await?;
                ended = ended.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            }
            if with_others.is_empty() {
                continue;
            }
            let Some(campaign) = self.campaigns.get(tenant, campaign).await? else {
                continue;
            };
            let changes = with_others.into_iter().filter_map(|row| {
                let lead = passed_over(&campaign, &row.lead, numbers, now)?;
                Some((row, lead))
            });
            let (over, on): (Vec<_>, Vec<_>) =
                changes.partition(|(_row, lead)| matches!(lead.state, LeadState::Done { .. }));
            let done = self.leads.replace_many(tenant, &over).await?;
            ended = ended.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            self.leads.replace_many(tenant, &on).await?;
        }
        Ok(ended)
    }

    /// A number's entry.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::NotFound`] when it is not on the list.
    pub async fn get(&self, tenant: TenantId, number: &PhoneNumber) -> Result<Suppressed, Refused> {
        let contact = self.contacts.get(tenant, number).await?;
        Ok(Suppressed {
            number: number.clone(),
            suppression: contact.suppression.ok_or(Refused::NotFound)?,
        })
    }

    /// A tenant's list in the order of the digits, after a number.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<&PhoneNumber>,
        limit: u32,
    ) -> Result<Page<Suppressed>, Refused> {
        let page = self.contacts.suppressed(tenant, after, limit);
        let page = page.await?;
        let items = page.items.into_iter().filter_map(|row| {
            Some(Suppressed {
                number: row.number,
                // The index is a moment behind: one that was just taken off is left out.
                suppression: row.contact.suppression?,
            })
        });
        Ok(Page {
            items: items.collect(),
            more: page.more,
        })
    }

    /// Takes a number off the list. Why, and by whom, is kept with the number.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::NotFound`] when it is not on the list.
    pub async fn remove(
        &self,
        tenant: TenantId,
        number: &PhoneNumber,
        reason: &str,
        by: ApiKeyId,
    ) -> Result<(), Refused> {
        if reason.trim().is_empty() {
            let missing = FieldProblem::parameter("reason", Fault::Missing, "must say why");
            return Err(Refused::Invalid(vec![missing]));
        }
        check_note(Place::Parameter("reason".to_owned()), Some(reason))?;
        for _try in 0..TRIES_MAX {
            let mut contact = self.contacts.get(tenant, number).await?;
            let was = contact.suppression.take().ok_or(Refused::NotFound)?;
            contact.released = Some(Release {
                at: self.clock.now(),
                reason: reason.to_owned(),
                by,
                was,
            });
            contact.version = contact.version.saturating_add(1);
            let written = self.contacts.replace(tenant, number, &contact, None);
            match written.await {
                Ok(()) => {
                    info!(key.id = %by, "a number was taken off the suppression list");
                    return Ok(());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A part of the list as CSV, after a number, and the number to go on after. The first part has the
    /// header.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn export(
        &self,
        tenant: TenantId,
        after: Option<&PhoneNumber>,
    ) -> Result<(String, Option<PhoneNumber>), Refused> {
        let page = self.list(tenant, after, PAGE).await?;
        let mut csv = String::new();
        if after.is_none() {
            record(&mut csv, ["number", "reason", "at", "note", "call_id"]);
        }
        for entry in &page.items {
            let suppression = &entry.suppression;
            let call = suppression.call_id.map(|call| call.to_string());
            record(
                &mut csv,
                [
                    entry.number.as_str(),
                    suppression.reason.code(),
                    &suppression.at.to_string(),
                    suppression.note.as_deref().unwrap_or_default(),
                    &call.unwrap_or_default(),
                ],
            );
        }
        let last = page.items.last().filter(|_entry| page.more);
        Ok((csv, last.map(|entry| entry.number.clone())))
    }
}

/// What a number's entry becomes: since when and why it is on the list stays.
fn entry(before: Option<&Suppression>, now: &Suppression) -> Suppression {
    match before {
        Some(before) => Suppression {
            note: now.note.clone().or_else(|| before.note.clone()),
            ..before.clone()
        },
        None => now.clone(),
    }
}

fn with_suppression(
    number: &PhoneNumber,
    mut contact: Contact,
    suppression: Suppression,
) -> ContactRow {
    contact.suppression = Some(suppression);
    contact.version = contact.version.saturating_add(1);
    ContactRow {
        number: number.clone(),
        contact,
    }
}

/// The rows in context that one transaction takes (4 MB): an attempt has about 100 bytes, and a number that
/// was called by hand may have hundreds of them.
fn at_once(rows: &[ContactRow]) -> impl Iterator<Item = &[ContactRow]> {
    const ATTEMPTS_MAX: usize = 20_000;
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut attempts = 0;
        let mut fits = 0;
        for row in rest {
            attempts += row.contact.attempts.len();
            if fits > 0 && attempts > ATTEMPTS_MAX {
                break;
            }
            fits += 1;
        }
        let (some, left) = rest.split_at(fits);
        rest = left;
        (!some.is_empty()).then_some(some)
    })
}

/// What a lead becomes by a suppression: one that waits is done. The lead of the very call in which it
/// was asked for is done by it even if the call has ended in another way first; a lead that is being
/// called is done when its call ends.
fn ended_by(lead: &Lead, suppression: &Suppression, now: Timestamp) -> Option<Lead> {
    let own_call = suppression.call_id.is_some() && lead.last_call_id == suppression.call_id;
    let result = match lead.state {
        LeadState::Waiting { .. } if own_call => LeadResult::OptedOut,
        LeadState::Waiting { .. } => LeadResult::Suppressed,
        LeadState::Calling { .. } => return None,
        LeadState::Done { result, .. } => {
            if !own_call || result == LeadResult::OptedOut {
                return None;
            }
            LeadResult::OptedOut
        }
    };
    let rule = Some(Rule::Suppressed);
    Some(crate::call::ending::done(lead, result, rule, now))
}

/// What a lead with other numbers becomes whose number in turn was put on the list: another one is in turn, or it is
/// done. `None`: it does not wait, or for another number.
fn passed_over(
    campaign: &Campaign,
    lead: &Lead,
    numbers: &[PhoneNumber],
    now: Timestamp,
) -> Option<Lead> {
    let waits = matches!(lead.state, LeadState::Waiting { .. });
    if !waits || !numbers.contains(lead.number_in_turn()) {
        return None;
    }
    let denial = Denial {
        rule: Rule::Suppressed,
        retry_at: None,
    };
    let AfterDenial { state, rotation } = after_denial(campaign, lead, denial, now);
    let state = match (&lead.state, state) {
        // The next number is called no sooner than this one was to be.
        (LeadState::Waiting { due_at: before }, LeadState::Waiting { due_at }) => {
            LeadState::Waiting {
                due_at: due_at.max(*before),
            }
        }
        (_, state) => state,
    };
    Some(Lead {
        state,
        rotation,
        held_by: Some(denial.rule),
        updated_at: now,
        ..lead.clone()
    })
}

/// The numbers of a list, each once: every number of a row, as whoever asks not to be called means all their
/// phones.
fn read(csv: bytes::Bytes, options: Options) -> Result<(Vec<PhoneNumber>, PutList), Refused> {
    let mut intake = Intake::new(options);
    intake.push(csv);
    intake.end();
    let mut list = PutList::default();
    let mut numbers: Vec<PhoneNumber> = Vec::new();
    let mut seen: BTreeSet<PhoneNumber> = BTreeSet::new();
    loop {
        match intake.next_entry() {
            Ok(Entry::Row(row)) => {
                let known = seen.contains(&row.number);
                list.there_already = list.there_already.saturating_add(u64::from(known));
                let row = std::iter::once(row.number).chain(row.alternates);
                numbers.extend(row.filter(|number| seen.insert(number.clone())));
            }
            Ok(Entry::Rejected(reject)) if is_duplicate(&reject) => {
                list.there_already = list.there_already.saturating_add(1);
                let others = intake.alternates_of_duplicate().iter();
                let others = others.filter(|number| seen.insert((*number).clone()));
                numbers.extend(others.cloned());
            }
            Ok(Entry::Rejected(reject)) => {
                list.rejected_total = list.rejected_total.saturating_add(1);
                if list.rejected.len() < REJECTS_TOLD_MAX {
                    let says = reject.reason.sentence();
                    list.rejected.push((reject.row, says));
                }
            }
            Ok(Entry::End) => break,
            Ok(Entry::NeedsInput) => {
                return Err(Refused::field("", Fault::Malformed, "ends in the middle"));
            }
            Err(problem) => return Err(problem.into()),
        }
        if numbers.len() > NUMBERS_AT_ONCE_MAX {
            let says =
                format!("must have at most {NUMBERS_AT_ONCE_MAX} numbers: send it in context");
            return Err(Refused::field("", Fault::OutOfRange, &says));
        }
    }
    if numbers.is_empty() {
        let mut says = "has no row with a phone number".to_owned();
        let named = list.rejected.len();
        if list.rejected_total > u64::try_from(named).unwrap_or(u64::MAX) {
            says.push_str(&format!(
                "; of {} rows the first {named} are named",
                list.rejected_total
            ));
        }
        let mut problems = vec![FieldProblem::new("", Fault::Missing, says)];
        for (row, says) in list.rejected {
            problems.push(FieldProblem::row(row, Fault::Malformed, says));
        }
        return Err(Refused::Invalid(problems));
    }
    Ok((numbers, list))
}

fn is_duplicate(reject: &Reject) -> bool {
    matches!(reject.reason, intake::Reason::DuplicateInFile { .. })
}

fn check_note(at: Place, note: Option<&str>) -> Result<(), Refused> {
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(Refused::Invalid(vec![FieldProblem {
            at,
            fault: Fault::OutOfRange,
            says: format!("must have at most {NOTE_CHARS_MAX} characters"),
        }]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Attempt;

    use super::*;

    fn contact(n: usize, attempts: usize) -> ContactRow {
        let attempt = Attempt {
            call_id: CallId::from_parts(0, 0),
            at: Timestamp::UNIX_EPOCH,
            outcome: None,
            answered: false,
        };
        ContactRow {
            number: format!("+1415555{n:04}").parse().unwrap(),
            contact: Contact {
                attempts: vec![attempt; attempts],
                ..Contact::default()
            },
        }
    }

    #[test]
    fn rows_go_in_parts_that_a_transaction_takes_and_none_is_left_out() {
        let rows: Vec<ContactRow> = [15_000, 4_000, 2_000, 50_000, 1, 1]
            .into_iter()
            .enumerate()
            .map(|(n, attempts)| contact(n, attempts))
            .collect();
        let context: Vec<usize> = at_once(&rows).map(<[_]>::len).collect();
        assert_eq!(context, [2, 1, 1, 2]);
        assert_eq!(at_once(&[]).count(), 0);
    }

    #[test]
    fn a_number_on_the_list_is_passed_over_where_the_campaign_says_so() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let due_at: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let number = |n: u32| -> PhoneNumber { format!("+1415555010{n}").parse().unwrap() };
        let mut campaign = support::campaign(
            TenantId::from_parts(0, 0),
            model::CampaignId::from_parts(0, 0),
            now,
        );
        let mut lead = Lead {
            state: LeadState::Waiting { due_at },
            ..support::lead(campaign.id, number(0), now)
        };
        lead.alternates.push(model::AlternateNumber {
            number: number(1),
            lane: lead.lane.clone(),
        });
        let ended = passed_over(&campaign, &lead, &[number(0)], now).unwrap();
        assert!(matches!(ended.state, LeadState::Done { .. }));
        campaign
            .fields
            .alternate_numbers
            .after
            .push(model::NextNumberAfter::Suppressed);
        let next = passed_over(&campaign, &lead, &[number(0)], now).unwrap();
        assert_eq!(next.number_in_turn(), &number(1));
        assert_eq!(
            next.state,
            LeadState::Waiting { due_at },
            "no sooner than before"
        );
        // Not its turn: it is looked at when it is.
        assert_eq!(passed_over(&campaign, &lead, &[number(1)], now), None);
    }

    #[test]
    fn a_lead_ends_by_a_suppression_as_its_state_allows() {
        let call = CallId::from_parts(1, 1);
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let lead = |state, last_call_id| {
            let number: PhoneNumber = "+14155550100".parse().unwrap();
            let campaign_id = model::CampaignId::from_parts(0, 0);
            Lead {
                state,
                attempts: 1,
                last_call_id,
                ..support::lead(campaign_id, number, now)
            }
        };
        let waiting = LeadState::Waiting { due_at: now };
        let calling = LeadState::Calling { call_id: call };
        let done = |result| LeadState::Done {
            result,
            done_at: now,
        };
        let becomes = |state, last_call, asked_in| {
            let suppression = Suppression {
                reason: SuppressionReason::Spoken,
                at: now,
                note: None,
                call_id: asked_in,
            };
            let ended = ended_by(&lead(state, last_call), &suppression, now)?;
            match ended.state {
                LeadState::Done { result, .. } => Some(result.code()),
                LeadState::Waiting { .. } | LeadState::Calling { .. } => Some("not done"),
            }
        };
        let (own, other) = (Some(call), Some(CallId::from_parts(2, 2)));
        assert_eq!(becomes(waiting.clone(), None, None), Some("suppressed"));
        assert_eq!(becomes(waiting.clone(), other, own), Some("suppressed"));
        assert_eq!(becomes(waiting, own, own), Some("opted_out"));
        assert_eq!(becomes(calling, own, own), None);
        assert_eq!(
            becomes(done(LeadResult::Reached), own, own),
            Some("opted_out")
        );
        assert_eq!(becomes(done(LeadResult::Reached), own, None), None);
        assert_eq!(becomes(done(LeadResult::Reached), None, None), None);
        assert_eq!(becomes(done(LeadResult::OptedOut), own, own), None);
    }

    #[test]
    fn whoever_must_not_be_called_is_not_called_on_another_phone() {
        let options = Options {
            default_country: "US".parse().ok(),
            ..Options::default()
        };
        let csv = "Mobile,Home Phone\n4155552671,4155552672\n4155552671,4155552673\n,4155552672\n";
        let (numbers, list) = read(csv.into(), options).unwrap();
        let numbers: Vec<&str> = numbers.iter().map(PhoneNumber::as_str).collect();
        assert_eq!(numbers, ["+14155552671", "+14155552672", "+14155552673"]);
        assert_eq!((list.there_already, list.rejected_total), (2, 0));
    }
}
