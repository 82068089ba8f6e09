//! Rows for tests, whole and the same every time, and what a test is asked to do. A test says what it is about and takes the rest from here:
//! `Lead { lane, ..support::lead(campaign, number, now) }`.
//!
//! It knows the words of the product and nothing else, so that every crate's tests can use it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{
    AgentFields, AgentId, AmdPolicy, CallId, CallKind, CallSnapshot, Campaign, CampaignFields,
    CampaignId, CampaignState, ConsentElsewhere, ConsentKind, Direction, Lane, Lead, LeadId,
    LeadPriority, LeadState, MinuteOfDay, PhoneNumber, PromptId, RenderedPrompt, Rotation, Span,
    StatedPlace, TenantId, Windows,
};

/// Somebody who was never called, waits since `now`, and is at a place that no rules are known for, so that
/// it may be called at any hour.
#[must_use]
pub fn lead(campaign_id: CampaignId, number: PhoneNumber, now: Timestamp) -> Lead {
    Lead {
        id: LeadId::of(campaign_id, &number),
        campaign_id,
        number,
        lane: Lane::new(vec!["Etc/UTC".to_owned()], Vec::new()),
        alternates: Vec::new(),
        rotation: Rotation::default(),
        stated_place: StatedPlace::default(),
        counted_lane: None,
        variables: BTreeMap::new(),
        priority: LeadPriority::Normal,
        consent: None,
        state: LeadState::Waiting { due_at: now },
        attempts: 0,
        faults: 0,
        last_call_id: None,
        last_attempt_at: None,
        last_outcome: None,
        held_by: None,
        moved_to: None,
        import_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// A draft without an agent.
#[must_use]
pub fn campaign(tenant_id: TenantId, id: CampaignId, now: Timestamp) -> Campaign {
    Campaign {
        id,
        tenant_id,
        state: CampaignState::Draft,
        created_at: now,
        updated_at: now,
        revision: 1,
        last_started_at: None,
        ended_at: None,
        fields: campaign_fields("Spring"),
    }
}

/// A campaign that informs people, whose consent is kept elsewhere.
#[must_use]
pub fn campaign_fields(name: &str) -> CampaignFields {
    CampaignFields {
        kind: Some(CallKind::Information),
        consent_elsewhere: Some(ConsentElsewhere {
            kind: ConsentKind::Express,
            reason: "signed forms".to_owned(),
            by: None,
        }),
        ..CampaignFields::new(name)
    }
}

/// Hours that are always open.
#[must_use]
pub fn at_any_hour() -> Windows {
    let midnight = MinuteOfDay::new(0, 0);
    let day = midnight.map(|from| Span(from, MinuteOfDay::DAY_END));
    let day: Vec<Span> = day.into_iter().collect();
    Windows {
        mon: day.clone(),
        tue: day.clone(),
        wed: day.clone(),
        thu: day.clone(),
        fri: day.clone(),
        sat: day.clone(),
        sun: day,
    }
}

/// What an outbound call of an agent with every default is held with. All ids are the first of all.
#[must_use]
pub fn snapshot() -> CallSnapshot {
    let prompt_id = PromptId::from_parts(0, 0);
    CallSnapshot {
        tenant_id: TenantId::from_parts(0, 0),
        call_id: CallId::from_parts(0, 0),
        direction: Direction::Outbound,
        agent_id: AgentId::from_parts(0, 0),
        agent: AgentFields::new("Reminder", prompt_id),
        prompt: RenderedPrompt {
            id: prompt_id,
            version: 1,
            system: "Be brief.".to_owned(),
            greeting: "Hello.".to_owned(),
        },
        campaign_id: None,
        lead_id: None,
        notice: None,
        answering: AmdPolicy::default(),
        trace_id: None,
    }
}

/// What a test is told by a variable, if it is not empty.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "what a test is asked to do is no setting of the product"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
