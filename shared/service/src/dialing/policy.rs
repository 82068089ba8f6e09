//! The permit at the moment of dialling: what the rows say, put to `dialer`.
//!
//! A single call may carry an owner's word that hours and caps do not matter for it (a test call to
//! one's own phone); whom the number belongs to decides that, never a campaign. That a number is on the
//! suppression list, or is none that may be called, nobody overrides.

use dialer::{Asking, Place, Single};
use jiff::{SignedDuration, Timestamp};
use model::{
    Attempt, Call, CalledElsewhere, Campaign, Check, Consent, Contact, Lane, Lead, LeadState,
    Permit, PhoneNumber, Rule, StatedPlace,
};
use store::{CallRow, ContactRow, Overriding};

/// The longest that an attempt matters to any cap.
const ATTEMPTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Attempts that are kept of one number, however many there are: several times what any cap allows in
/// thirty days. Beyond, the oldest are forgotten.
const ATTEMPTS_MAX: usize = 500;

/// What a call is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    Single,
    Lead {
        campaign: Campaign,
        lead: Lead,
    },
    /// Its campaign or lead is not there any more, or the lead is not this call's, or has another number by now.
    Nothing,
}

/// What a permit is decided on, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ReadWith {
    pub(crate) purpose: Purpose,
    /// Of the number that is called.
    pub(crate) contact: Contact,
    /// Of the lead's other numbers.
    pub(crate) others: Vec<ContactRow>,
}

impl ReadWith {
    /// Whether this call may be dialled now.
    pub(crate) fn permit(&self, row: &CallRow, now: Timestamp) -> Permit {
        let call = &row.call;
        let (campaign, lead) = match &self.purpose {
            Purpose::Single => (None, None),
            Purpose::Lead { campaign, lead } => (Some(campaign), Some(lead)),
            Purpose::Nothing => return stopped(now),
        };
        let own = lead.and_then(|lead| lead.lane_of(&call.to)).cloned();
        let lane = own.unwrap_or_else(|| lane_of(&call.to, call.consent.as_ref()));
        let others: Vec<&Contact> = self.others.iter().map(|row| &row.contact).collect();
        let permit = dialer::permit(
            &Asking {
                number: &call.to,
                lane: &lane,
                contact: Some(&self.contact),
                others: &others,
                campaign,
                single: Single {
                    kind: call.kind,
                    consent: call.consent.as_ref(),
                },
                lead,
                call_id: Some(call.id),
            },
            now,
        );
        match &row.progress.overriding {
            Some(overriding) if campaign.is_none() => overridden(permit, overriding),
            Some(_) | None => permit,
        }
    }

    /// The contact with this attempt, for the row that the gate writes.
    pub(crate) fn with_attempt(&self, call: &Call, at: Timestamp) -> Contact {
        let mut contact = self.contact.clone();
        contact
            .attempts
            .retain(|attempt| at.duration_since(attempt.at) < ATTEMPTS_KEPT);
        let surplus = contact.attempts.len().saturating_sub(ATTEMPTS_MAX - 1);
        contact.attempts.drain(..surplus);
        contact.attempts.push(Attempt {
            call_id: call.id,
            at,
            outcome: None,
            answered: false,
        });
        contact.version = contact.version.saturating_add(1);
        contact
    }

    /// The other numbers' contacts with this call, for the rows that the gate writes: so neither a stop request nor
    /// a call on one of them is overtaken, and who calls back from one is known.
    pub(crate) fn others_with_call(&self, call: &Call, at: Timestamp) -> Vec<ContactRow> {
        let others = self.others.iter().cloned();
        others
            .map(|mut row| {
                row.contact.called_elsewhere = Some(CalledElsewhere {
                    call_id: call.id,
                    at,
                });
                row.contact.version = row.contact.version.saturating_add(1);
                row
            })
            .collect()
    }
}

/// The purpose that a call's rows show.
pub(crate) fn purpose(call: &Call, campaign: Option<Campaign>, lead: Option<Lead>) -> Purpose {
    if call.campaign_id.is_none() {
        return Purpose::Single;
    }
    match (campaign, lead) {
        (Some(campaign), Some(lead))
            if lead.state == (LeadState::Calling { call_id: call.id })
                && lead.lane_of(&call.to).is_some() =>
        {
            Purpose::Lead { campaign, lead }
        }
        (Some(_) | None, Some(_) | None) => Purpose::Nothing,
    }
}

/// What is decided for a number that no list says more of than what the person has agreed to.
pub(crate) fn lane_of(number: &PhoneNumber, consent: Option<&Consent>) -> Lane {
    Place::of(number).lane(&StatedPlace::default(), consent)
}

/// The permit with an owner's word over its no. The first no stays in it, to be seen; what comes before
/// it in the order of rules (suppression above all) has passed.
pub(crate) fn overridden(mut permit: Permit, overriding: &Overriding) -> Permit {
    let Some(rule) = permit.denied_by.filter(|rule| !rule.stands()) else {
        return permit;
    };
    permit.allowed = true;
    permit.denied_by = None;
    permit.retry_at = None;
    permit.checks.push(Check {
        rule,
        passed: true,
        because: format!("overridden by {}: {}", overriding.by, overriding.reason),
    });
    permit
}

fn stopped(now: Timestamp) -> Permit {
    Permit {
        at: now,
        allowed: false,
        denied_by: Some(Rule::CampaignState),
        retry_at: None,
        zones: Vec::new(),
        jurisdictions: Vec::new(),
        checks: vec![Check {
            rule: Rule::CampaignState,
            passed: false,
            because: "the lead or its campaign is not there any more".to_owned(),
        }],
        rules_version: dialer::RULES_VERSION.to_owned(),
    }
}
