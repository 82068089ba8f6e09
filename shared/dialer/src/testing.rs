//! Campaigns, leads and contacts for the tests of this crate, out of short texts.

use jiff::{SignedDuration, Timestamp};
use model::{
    AlternateNumber, Attempt, CallId, Campaign, CampaignFields, CampaignId, CampaignState, Contact,
    Lead, PhoneNumber, Suppression, SuppressionReason, TenantId,
};

use crate::numbers::Place;

/// A running campaign with these fields.
pub(crate) fn campaign(fields: CampaignFields) -> Campaign {
    let tenant = TenantId::from_parts(1_700_000_000_000, 1);
    let id = CampaignId::from_parts(1_700_000_000_000, 1);
    Campaign {
        state: CampaignState::Running,
        last_started_at: Some(Timestamp::UNIX_EPOCH),
        fields,
        ..support::campaign(tenant, id, Timestamp::UNIX_EPOCH)
    }
}

/// The fields of a body that goes on after the name. Where it says no kind, the campaign informs people, whose consent
/// is kept elsewhere.
pub(crate) fn fields(body: &str) -> CampaignFields {
    let comma = if body.is_empty() { "" } else { "," };
    let fields: CampaignFields =
        serde_json::from_str(&format!(r#"{{"name":"Spring"{comma}{body}}}"#)).unwrap();
    if fields.kind.is_some() {
        return fields;
    }
    let usual = support::campaign_fields("Spring");
    CampaignFields {
        kind: usual.kind,
        consent_elsewhere: usual.consent_elsewhere,
        ..fields
    }
}

/// A lead that waits since the epoch.
pub(crate) fn lead(campaign: &Campaign, number: &str) -> Lead {
    let number: PhoneNumber = number.parse().unwrap();
    Lead {
        lane: Place::of(&number).lane(&model::StatedPlace::default(), None),
        ..support::lead(campaign.id, number, Timestamp::UNIX_EPOCH)
    }
}

/// A lead that waits since the epoch and has these numbers, the first its own.
pub(crate) fn lead_with(campaign: &Campaign, numbers: &[&str]) -> Lead {
    let mut numbers = numbers.iter();
    let mut lead = lead(campaign, numbers.next().unwrap());
    lead.alternates = numbers
        .map(|number| {
            let number: PhoneNumber = number.parse().unwrap();
            AlternateNumber {
                lane: Place::of(&number).lane(&model::StatedPlace::default(), None),
                number,
            }
        })
        .collect();
    lead
}

/// What is known of a number: `busy 3h, agent_ended! 30h, live 1m, suppressed`. Times are before `now`,
/// `!` says that somebody picked up. Oldest first.
pub(crate) fn contact(text: &str, now: Timestamp) -> Contact {
    let mut contact = Contact::default();
    for (place, item) in text.split(", ").filter(|item| !item.is_empty()).enumerate() {
        if item == "suppressed" {
            contact.suppression = Some(Suppression {
                reason: SuppressionReason::Spoken,
                at: now,
                note: None,
                call_id: None,
            });
            continue;
        }
        let (what, ago) = item.split_once(' ').unwrap();
        let outcome = what.trim_end_matches('!');
        let ago: SignedDuration = ago.parse().unwrap();
        let outcome = (outcome != "live").then(|| {
            serde_json::from_value(serde_json::Value::String(outcome.to_owned())).unwrap()
        });
        contact.attempts.push(Attempt {
            call_id: CallId::from_parts(1_700_000_000_000, place as u128),
            at: now - ago,
            outcome,
            answered: what.ends_with('!'),
        });
    }
    contact.attempts.sort_by_key(|attempt| attempt.at);
    contact
}
