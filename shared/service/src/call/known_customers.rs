//! Who calls one of our numbers, as far as we have called them: the lead that they are, by their number.
//!
//! The calls of late to a number are with its contact, and so is the latest to another number of the same person, so
//! nothing has to be searched: of these the latest that was made from the number that is now called counts, and where
//! there is none, the latest of all. After a month in
//! which nobody called them they are not known any more. A number can be forged: an agent should not tell a customer
//! more than what the lead's variables may be told to whoever has the phone.

use std::cmp::Reverse;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use model::{Call, CallId, Contact, KnownLead, Lead, PhoneNumber, TenantId, Variables};
use store::{Calls, Contacts, Leads, StoreError};

/// Calls of late that are looked at, the latest first: more in a month is nobody called.
const CALLS_LOOKED_AT: usize = 10;
/// Corrections of one lead's number that are followed: more in a month is nobody's list.
const CORRECTIONS_FOLLOWED: usize = 5;

/// Finds who calls.
#[derive(Debug, Clone)]
pub(crate) struct KnownCustomers {
    calls: Calls,
    contacts: Contacts,
    leads: Leads,
}

/// A customer whom we have called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownCustomer {
    pub(crate) lead: KnownLead,
    pub(crate) variables: Variables,
}

impl KnownCustomers {
    pub(crate) fn new(store: &store::Store) -> Self {
        Self {
            calls: store.calls.clone(),
            contacts: store.contacts.clone(),
            leads: store.leads.clone(),
        }
    }

    /// Whoever has this number, if they are known; `dialled` is the number of ours that they called.
    pub(crate) async fn find(
        &self,
        tenant: TenantId,
        number: &PhoneNumber,
        dialled: &PhoneNumber,
    ) -> Result<Option<KnownCustomer>, StoreError> {
        let contact = self.contacts.get(tenant, number).await?;
        let calls = latest_calls(&contact).into_iter();
        let calls = calls.map(|call| self.calls.get(tenant, call));
        let rows = try_join_all(calls).await?;
        let calls: Vec<Call> = rows.into_iter().flatten().map(|row| row.call).collect();
        for called in leads_of(&calls, dialled) {
            let found = self.today(tenant, called).await?;
            if let Some(lead) = found.filter(|lead| is_theirs(lead, number)) {
                return Ok(Some(KnownCustomer {
                    lead: KnownLead {
                        campaign_id: lead.campaign_id,
                        lead_id: lead.id,
                    },
                    variables: lead.variables,
                }));
            }
        }
        Ok(None)
    }

    /// The lead, or the one that it goes on as since its number was corrected.
    async fn today(&self, tenant: TenantId, called: KnownLead) -> Result<Option<Lead>, StoreError> {
        let mut id = called.lead_id;
        let mut found = None;
        for _hop in 0..CORRECTIONS_FOLLOWED {
            let row = self.leads.get(tenant, called.campaign_id, id).await?;
            found = row.map(|row| row.lead);
            let Some(moved_to) = found.as_ref().and_then(|lead| lead.moved_to) else {
                break;
            };
            id = moved_to;
        }
        Ok(found)
    }
}

/// Where the number was wrong, whoever has it is somebody else.
fn is_theirs(lead: &Lead, number: &PhoneNumber) -> bool {
    lead.moved_to.is_none() && lead.place_of(number).is_some()
}

/// Calls of late to the number, or to the person on another one, the latest first.
fn latest_calls(contact: &Contact) -> Vec<CallId> {
    let attempts = contact.attempts.iter().rev().take(CALLS_LOOKED_AT);
    let attempts = attempts.map(|attempt| (attempt.at, attempt.call_id));
    let elsewhere = contact.called_elsewhere.iter();
    let elsewhere = elsewhere.map(|called| (called.at, called.call_id));
    let mut calls: Vec<(Timestamp, CallId)> = attempts.chain(elsewhere).collect();
    calls.sort_by_key(|(at, _call)| Reverse(*at));
    calls.into_iter().map(|(_at, call)| call).collect()
}

/// The leads that calls, the latest first, were made for: those that were made from `dialled` before the others,
/// each once.
fn leads_of(calls: &[Call], dialled: &PhoneNumber) -> Vec<KnownLead> {
    let (from_there, from_elsewhere): (Vec<&Call>, Vec<&Call>) =
        calls.iter().partition(|call| call.from == *dialled);
    let mut leads: Vec<KnownLead> = Vec::new();
    for call in from_there.into_iter().chain(from_elsewhere) {
        if let (Some(campaign_id), Some(lead_id)) = (call.campaign_id, call.lead_id) {
            let lead = KnownLead {
                campaign_id,
                lead_id,
            };
            if !leads.contains(&lead) {
                leads.push(lead);
            }
        }
    }
    leads
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use model::{Attempt, CallState, CalledElsewhere, CampaignId};

    use super::*;
    use crate::call::new_row;

    const ONE: &str = "+14155550198";
    const OTHER: &str = "+14155550199";
    const ELSEWHERE: &str = "+14155550197";

    /// A call from a number, for the one lead of so manieth campaign; 0: a single call.
    fn call((from, campaign): (&str, u64)) -> Call {
        let to: PhoneNumber = "+14155550100".parse().unwrap();
        let mut snapshot = support::snapshot();
        if campaign > 0 {
            let id = CampaignId::from_parts(campaign, 0);
            snapshot.campaign_id = Some(id);
            snapshot.lead_id = Some(model::LeadId::of(id, &to));
        }
        let from = from.parse().unwrap();
        new_row(&snapshot, to, from, CallState::Ended, Timestamp::UNIX_EPOCH).call
    }

    /// The campaigns that somebody is known by who calls a number, in order.
    fn known(calls: &[(&str, u64)], dialled: &str) -> Vec<u64> {
        let calls: Vec<Call> = calls.iter().copied().map(call).collect();
        leads_of(&calls, &dialled.parse().unwrap())
            .into_iter()
            .map(|lead| lead.campaign_id.unix_ms())
            .collect()
    }

    #[test]
    fn who_calls_back_from_another_of_their_numbers_is_known_by_the_call_that_they_missed() {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let id = |n| CallId::from_parts(n, 0);
        let attempt = |n| Attempt {
            call_id: id(n),
            at: at(i64::try_from(n).unwrap()),
            outcome: None,
            answered: false,
        };
        let elsewhere = |n, hours| CalledElsewhere {
            call_id: id(n),
            at: at(hours),
        };
        let mut contact = Contact {
            attempts: vec![attempt(1), attempt(3)],
            ..Contact::default()
        };
        assert_eq!(latest_calls(&contact), [id(3), id(1)]);
        contact.called_elsewhere = Some(elsewhere(9, 2));
        assert_eq!(latest_calls(&contact), [id(3), id(9), id(1)]);
        contact.attempts.clear();
        assert_eq!(latest_calls(&contact), [id(9)]);
    }

    #[test]
    fn who_has_a_number_that_was_corrected_is_somebody_else() {
        let (one, other) = (ONE.parse().unwrap(), OTHER.parse().unwrap());
        let campaign = CampaignId::from_parts(1, 0);
        let lead = support::lead(campaign, ONE.parse().unwrap(), Timestamp::UNIX_EPOCH);
        assert!(is_theirs(&lead, &one));
        assert!(!is_theirs(&lead, &other));
        let moved = Lead {
            moved_to: Some(model::LeadId::of(campaign, &other)),
            ..lead
        };
        assert!(!is_theirs(&moved, &one));
    }

    #[test]
    fn who_calls_back_is_the_lead_that_was_called_last_from_the_number_that_they_call() {
        let calls = [(OTHER, 3), (ONE, 2), (ONE, 2), (ONE, 1), (ONE, 0)];
        assert_eq!(known(&calls, ONE), [2, 1, 3]);
        assert_eq!(known(&calls, OTHER), [3, 2, 1]);
        assert_eq!(known(&calls, ELSEWHERE), [3, 2, 1]);
        assert_eq!(known(&[(ONE, 0)], ONE), [0_u64; 0]);
    }
}
