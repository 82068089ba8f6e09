//! Campaigns as they are dialled: claimed, let through the gate or turned back, ended, and counted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use model::{
    AmdResult, AnsweredBy, CallId, CallState, Campaign, CampaignFields, CampaignId, CampaignState,
    Lead, LeadResult, LeadState, NextNumberAfter, Outcome, PhoneNumber, Speaker, Suppression,
    SuppressionReason, Turn,
};
use serde_json::{Value, json};
use service::call::media::Found;
use store::{LaneCounts, LeadFilter, LeadRow, Scope};

use super::sessions::turn;
use super::{World, carrier};
use crate::leftovers::Left;

/// A running campaign in a world of its own.
pub(super) struct Field {
    pub(super) world: World,
    pub(super) campaign: CampaignId,
    numbers: Vec<PhoneNumber>,
}

impl Field {
    /// With this many leads, that may be called at any hour.
    pub(super) async fn start(leads: u32, change: impl FnOnce(&mut CampaignFields)) -> Self {
        let world = World::start().await;
        Box::pin(Self::start_in(world, leads, change)).await
    }

    pub(super) async fn start_in(
        world: World,
        leads: u32,
        change: impl FnOnce(&mut CampaignFields),
    ) -> Self {
        let agent = world
            .agent_saying("Remind {{name}}.", "Hello {{name}}!")
            .await;
        let mut fields = CampaignFields {
            agent_id: Some(agent.parse().unwrap()),
            windows: support::at_any_hour(),
            ..support::campaign_fields("Spring")
        };
        change(&mut fields);
        let campaigns = world.campaigns();
        let campaign = campaigns.draft_of(fields).await;
        let numbers: Vec<PhoneNumber> = (0..leads)
            .map(|n| format!("+1415555{n:04}").parse().unwrap())
            .collect();
        let leads = numbers.iter().cloned();
        let leads = leads.map(|number| campaigns.dana(&campaign, number));
        let leads: Vec<Lead> = leads.collect();
        campaigns.add(&campaign, &leads).await;
        let field = Self {
            campaign: campaign.id,
            world,
            numbers,
        };
        field.becomes(CampaignState::Running).await;
        field
    }

    /// A campaign that is there already.
    pub(super) fn of(world: World, campaign: CampaignId, numbers: Vec<PhoneNumber>) -> Self {
        Self {
            world,
            campaign,
            numbers,
        }
    }

    /// Somebody changes the campaign's state.
    pub(super) async fn becomes(&self, state: CampaignState) {
        let before = self.campaign().await;
        self.world.campaigns().moved(&before, state).await;
    }

    pub(super) async fn campaign(&self) -> Campaign {
        self.world.campaigns().get(self.campaign).await
    }

    /// One planning step; answers how many were claimed.
    pub(super) async fn step(&self) -> u32 {
        let stepped = scheduler::step(&self.world.scheduler).await.unwrap();
        stepped.claimed
    }

    /// Steps, and delivers every dial message.
    pub(super) async fn dial(&self) -> u32 {
        let claimed = self.step().await;
        self.world.dial_all().await;
        claimed
    }

    pub(super) async fn leads(&self) -> Vec<LeadRow> {
        let campaigns = self.world.campaigns();
        let filter = LeadFilter::default();
        campaigns.leads(self.campaign, &filter, 1_000).await
    }

    pub(super) async fn lead(&self, n: usize) -> Lead {
        let leads = &self.world.parts.store.leads;
        let lead = leads.of_number(self.world.tenant, self.campaign, &self.numbers[n]);
        lead.await.unwrap().unwrap().lead
    }

    /// Calls of the campaign that are not over, with the carrier's ids where there are some.
    pub(super) async fn live(&self) -> Vec<(String, Option<String>)> {
        let mut live = Vec::new();
        for row in self.leads().await {
            if let LeadState::Calling { call_id } = row.lead.state {
                let call = self.world.row(&call_id.to_string()).await.call;
                live.push((call_id.to_string(), call.carrier_call_id));
            }
        }
        live
    }

    /// The carrier says of every call that it has how it ended.
    pub(super) async fn all_end(&self, status: &str) -> usize {
        let mut ended = 0;
        for (call, sid) in self.live().await {
            let Some(sid) = sid else { continue };
            let told = self.world.status(&call, &sid, status, "3").await;
            assert_eq!(told.status, 204);
            ended += 1;
        }
        ended
    }

    /// Promises P2 and P4, and that counters add up: whatever state the world is in.
    pub(super) async fn check(&self) {
        let leads = self.leads().await;
        let store = &self.world.parts.store;
        let counts = self.world.campaigns().sum(self.campaign).await;
        let mut seen = model::LeadCounts::default();
        let mut calls = BTreeSet::new();
        for LeadRow { lead, .. } in &leads {
            match &lead.state {
                LeadState::Waiting { .. } => seen.waiting += 1,
                LeadState::Calling { call_id } => {
                    seen.calling += 1;
                    let row = self.world.row(&call_id.to_string()).await;
                    assert_ne!(row.call.state, CallState::Ended, "a lead is stuck");
                    assert!(row.progress.slots.is_some(), "a live call has no slots");
                    calls.insert(*call_id);
                }
                LeadState::Done { result, .. } => *seen.done.entry(*result).or_default() += 1,
            }
        }
        assert_eq!(
            (counts.waiting, counts.calling, &counts.done),
            (seen.waiting, seen.calling, &seen.done)
        );
        let campaign = Scope::Campaign(self.world.tenant, self.campaign);
        for scope in [
            Scope::Account(carrier::ACCOUNT),
            Scope::Tenant(self.world.tenant),
            campaign,
        ] {
            let slots = store.slots.live(scope).await.unwrap();
            let held: BTreeSet<CallId> = slots.iter().map(|slot| slot.call_id).collect();
            assert_eq!(held.len(), slots.len(), "a call holds two slots");
            assert_eq!(held, calls, "slots are those of live calls");
        }
        let most = self.campaign().await.fields.max_concurrent_calls;
        assert!(
            calls.len() <= usize::try_from(most).unwrap(),
            "over the limit"
        );
    }

    async fn results(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.world.campaigns().sum(self.campaign).await;
        let done = counts.done.into_iter();
        done.map(|(result, count)| (result.code(), count)).collect()
    }
}

fn done(lead: &Lead) -> Option<LeadResult> {
    match lead.state {
        LeadState::Done { result, .. } => Some(result),
        LeadState::Waiting { .. } | LeadState::Calling { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_campaign_is_called_from_its_first_lead_to_its_last() {
    let field = Field::start(7, |fields| fields.max_concurrent_calls = 3).await;
    let mut rounds = 0;
    while field.dial().await > 0 {
        field.check().await;
        assert!(field.live().await.len() <= 3);
        field.all_end("busy").await;
        field.check().await;
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    assert_eq!(field.world.carrier.asked_to_call(), 7);
    // Busy is tried again after four hours, three times in all.
    let first = field.lead(0).await;
    let now = field.world.parts.clock.now();
    let LeadState::Waiting { due_at } = first.state else {
        panic!("{first:?}");
    };
    assert_eq!(due_at.duration_since(now).as_hours(), 4);
    assert_eq!(
        (first.attempts, first.last_outcome),
        (1, Some(Outcome::Busy))
    );
    for _ in 0..2 {
        field.world.clock.pass(4 * 3600 + 1);
        while field.dial().await > 0 {
            field.all_end("busy").await;
            field.check().await;
        }
    }
    assert_eq!(field.world.carrier.asked_to_call(), 21);
    assert_eq!(field.results().await, [("exhausted", 7)].into());
    field.step().await;
    assert_eq!(field.campaign().await.state, CampaignState::Completed);
    field.step().await;
    let active = field.world.parts.store.campaigns.active().await.unwrap();
    assert_eq!(active, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_that_plan_at_once_claim_nobody_twice() {
    let field = Field::start(20, |fields| fields.max_concurrent_calls = 8).await;
    for _ in 0..3 {
        join_all((0..4).map(|_| field.step())).await;
        field.check().await;
        join_all((0..3).map(|_| field.world.dial_all())).await;
        field.all_end("no-answer").await;
        field.check().await;
    }
    let mut called = BTreeSet::new();
    for place in 0..field.world.carrier.asked_to_call() {
        assert!(called.insert(field.world.carrier.form(place)["To"].clone()));
    }
    assert_eq!(called.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_claimed_when_the_campaign_is_paused_is_turned_back_and_nothing_counted() {
    let field = Field::start(4, |fields| fields.max_concurrent_calls = 2).await;
    field.world.leaves(Left::NOTHING.calls(2));
    assert_eq!(field.dial().await, 2);
    let talking = field.live().await;
    field.all_end("in-progress").await;
    // Two more are claimed, and the campaign is paused before they are dialled.
    field.all_end("busy").await;
    assert_eq!(field.step().await, 2);
    let claimed = field.live().await;
    field.becomes(CampaignState::Paused).await;
    field.world.dial_all().await;
    assert_eq!(field.world.carrier.asked_to_call(), 2);
    for (call, _sid) in &claimed {
        assert_eq!(field.world.told(call).await, "ended campaign_stopped");
        let permit = field.world.row(call).await.call.permit.unwrap();
        assert_eq!(permit.denied_by.unwrap().code(), "campaign_state");
    }
    field.check().await;
    assert_eq!(field.step().await, 0);
    for row in field.leads().await {
        let was_called = talking.iter().any(|(call, _)| {
            row.lead
                .last_call_id
                .is_some_and(|last| last.to_string() == *call)
        });
        assert_eq!(row.lead.attempts, u32::from(was_called), "{row:?}");
        assert!(matches!(row.lead.state, LeadState::Waiting { .. }));
    }
    // It goes on where it stopped.
    field.becomes(CampaignState::Running).await;
    assert_eq!(field.dial().await, 2);
    assert_eq!(field.world.carrier.asked_to_call(), 4);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_campaign_lets_live_calls_end_and_settles_the_rest() {
    let field = Field::start(6, |fields| fields.max_concurrent_calls = 2).await;
    assert_eq!(field.dial().await, 2);
    field.becomes(CampaignState::Cancelled).await;
    field.step().await;
    assert_eq!(field.results().await, [("cancelled", 4)].into());
    field.check().await;
    assert_eq!(
        field
            .world
            .parts
            .store
            .campaigns
            .active()
            .await
            .unwrap()
            .len(),
        1
    );
    field.all_end("no-answer").await;
    assert_eq!(field.results().await, [("cancelled", 6)].into());
    field.step().await;
    assert_eq!(
        field.world.parts.store.campaigns.active().await.unwrap(),
        []
    );
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_suppressed_while_its_call_waits_is_not_dialled() {
    let field = Field::start(1, |_fields| ()).await;
    assert_eq!(field.step().await, 1);
    let number = field.numbers[0].clone();
    let contacts = &field.world.parts.store.contacts;
    let mut contact = contacts.get(field.world.tenant, &number).await.unwrap();
    contact.suppression = Some(Suppression {
        reason: SuppressionReason::Manual,
        at: field.world.parts.clock.now(),
        note: None,
        call_id: None,
    });
    contact.version += 1;
    let written = contacts.replace(field.world.tenant, &number, &contact, None);
    written.await.unwrap();
    field.world.dial_all().await;
    assert_eq!(field.world.carrier.asked_to_call(), 0);
    assert_eq!(done(&field.lead(0).await), Some(LeadResult::Suppressed));
    field.check().await;
    let agent = field.world.agent().await;
    let call = json!({ "to": number.as_str(), "kind": "information", "agent_id": agent, "override": super::any_hour() });
    let refused = field.world.ask("POST", "/v1/calls", Some(call)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "number_suppressed".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_ten_times_at_once_is_one_attempt_of_the_contact() {
    let field = Field::start(1, |_fields| ()).await;
    field.world.leaves(Left::NOTHING.dials(1));
    assert_eq!(field.step().await, 1);
    let (call, _) = field.live().await.remove(0);
    let message = field.world.dial_message(&call);
    let deliveries = (0..10).map(|_| field.world.deliver(&message));
    assert!(join_all(deliveries).await.iter().all(|failed| !failed));
    assert_eq!(field.world.carrier.asked_to_call(), 1);
    let contacts = &field.world.parts.store.contacts;
    let contact = contacts
        .get(field.world.tenant, &field.numbers[0])
        .await
        .unwrap();
    assert_eq!(contact.attempts.len(), 1);
    let permit = field.world.row(&call).await.call.permit.unwrap();
    assert!(permit.allowed && !permit.checks.is_empty());
    // Its end is told ten times, at once.
    let sid = field.world.row(&call).await.call.carrier_call_id.unwrap();
    let told = (0..10).map(|_| field.world.status(&call, &sid, "no-answer", "3"));
    assert!(join_all(told).await.iter().all(|told| told.status == 204));
    field.check().await;
    let lead = field.lead(0).await;
    assert_eq!(
        (lead.attempts, lead.last_outcome),
        (1, Some(Outcome::NoAnswer))
    );
    let contact = contacts
        .get(field.world.tenant, &field.numbers[0])
        .await
        .unwrap();
    assert_eq!(contact.attempts[0].outcome, Some(Outcome::NoAnswer));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_corrected_corrects_the_lead_unless_it_is_called_again() {
    let field = Field::start(2, |fields| fields.caps.conversations_per_day = 2).await;
    field.world.leaves(Left::NOTHING.calls(1).dials(1));
    assert_eq!(field.dial().await, 2);
    let media = super::sessions::media(&field.world);
    let live = field.live().await;
    let session = |place: usize| service::call::media::SessionKey {
        tenant_id: field.world.tenant,
        call_id: live[place].0.parse().unwrap(),
        session: 1,
        carrier_call_id: live[place].1.clone().unwrap(),
    };
    for place in [0, 1] {
        media.opened(&session(place)).await.unwrap();
    }
    // The carrier's word comes while the sessions are open: their workers are taken for lost.
    assert_eq!(field.all_end("completed").await, 2);
    for (call, _sid) in &live {
        assert_eq!(field.world.told(call).await, "ended worker_lost");
    }
    field.check().await;
    let key = session(0);
    let said = turn(0, "Hello Dana!");
    media.store_turn(&key, &said).await.unwrap();
    let close = media.close(&key, Some(Outcome::AgentEnded));
    close.await.unwrap();
    field.check().await;
    let lead = |n: usize| {
        let call: CallId = live[n].0.parse().unwrap();
        let leads = field.leads();
        async move {
            let leads = leads.await;
            let lead = leads
                .into_iter()
                .find(|row| row.lead.last_call_id == Some(call));
            lead.map(|row| row.lead)
        }
    };
    let corrected = lead(0).await.unwrap();
    assert_eq!(done(&corrected), Some(LeadResult::Reached));
    assert_eq!((corrected.attempts, corrected.faults), (1, 0));
    // The other one is being called again when its session speaks.
    field.world.clock.pass(3600);
    assert_eq!(field.step().await, 1);
    let key = session(1);
    let close = media.close(&key, Some(Outcome::AgentEnded));
    close.await.unwrap();
    assert!(lead(1).await.is_none(), "another call has it");
    assert_eq!(field.live().await.len(), 1);
    field.check().await;
    let counts = field
        .world
        .parts
        .store
        .leads
        .counts(field.world.tenant, field.campaign);
    let counts = LaneCounts::sum(&counts.await.unwrap());
    assert_eq!(counts.calls, [(Outcome::AgentEnded, 2)].into());
}

/// Noon in New York, six in the morning in Honolulu.
const NOON: &str = "2026-06-03T16:00:00Z";
const OWN: &str = "+12125550100";
const HONOLULU: &str = "+18085550101";
const SECOND: &str = "+12125550102";

/// A running campaign that calls people's next numbers after these ends, and whose leads have these numbers, each
/// their own first.
pub(super) async fn with_alternates(
    world: World,
    after: &[NextNumberAfter],
    people: &[&[&str]],
) -> Field {
    let field = Field::start_in(world, 0, |fields| {
        fields.alternate_numbers.after = after.to_vec();
    });
    let field = Box::pin(field).await;
    let leads: Vec<Value> = people
        .iter()
        .map(|numbers| {
            let variables = json!({ "name": "Dana" });
            json!({ "number": numbers[0], "alternates": &numbers[1..], "variables": variables })
        })
        .collect();
    let path = format!("/v1/campaigns/{}/leads", field.campaign);
    let added = field
        .world
        .ask("POST", &path, Some(json!({ "leads": leads })));
    let added = added.await;
    assert_eq!(added.json()["added"], people.len(), "{}", added.text);
    field
}

/// The numbers that the carrier was asked to call, in order.
fn called(field: &Field) -> Vec<String> {
    let asked = 0..field.world.carrier.asked_to_call();
    asked
        .map(|place| field.world.carrier.form(place)["To"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_called_on_their_next_number_in_its_own_hours() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let people: &[&[&str]] = &[&[OWN, HONOLULU, SECOND]];
    let field = Box::pin(with_alternates(world, &[NextNumberAfter::NoAnswer], people)).await;
    assert_eq!(field.dial().await, 1);
    field.check().await;
    field.all_end("no-answer").await;
    field.check().await;
    // The law forbids calls to the next number at this hour of its own place.
    assert_eq!(field.dial().await, 0);
    let waits = field.leads().await.remove(0).lead;
    assert_eq!(waits.number_in_turn().as_str(), HONOLULU);
    let check = async |number: &str, rest: &str| {
        let (number, campaign) = (number.replace('+', "%2B"), &field.campaign);
        let path = format!("/v1/permits/check?to={number}&campaign_id={campaign}{rest}");
        field.world.ask("GET", &path, None).await
    };
    let as_theirs = format!("&lead_id={}", waits.id);
    let permit = check(HONOLULU, &as_theirs).await.json();
    assert_eq!(permit["lead_id"], json!(waits.id));
    assert_eq!(permit["denied_by"], "legal_hours");
    assert_eq!(check(HONOLULU, "").await.json()["lead_id"], Value::Null);
    let nobodys = check("+12125550199", &as_theirs).await;
    assert_eq!(
        (nobodys.status, nobodys.fields()),
        (422, vec!["lead_id".to_owned()])
    );
    field.world.clock.pass(2 * 3600);
    for _ in 0..2 {
        assert_eq!(field.dial().await, 1);
        field.check().await;
        field.all_end("no-answer").await;
        field.check().await;
    }
    assert_eq!(called(&field), [OWN, HONOLULU, SECOND]);
    // One person, three attempts: no number of theirs has more.
    assert_eq!(field.dial().await, 0);
    assert_eq!(field.results().await, [("exhausted", 1)].into());
    let path = format!("/v1/campaigns/{}/leads", field.campaign);
    let listed = field.world.ask("GET", &path, None).await.json();
    let lead = &listed["items"][0];
    assert_eq!(lead["number"], OWN);
    assert_eq!(lead["number_in_turn"], SECOND);
    assert_eq!(lead["attempts"], 3);
    assert_eq!(lead["alternates"][0]["number"], HONOLULU);
    assert_eq!(lead["alternates"][0]["zones"], json!(["Pacific/Honolulu"]));
    let last_call = lead["last_call_id"].as_str().unwrap();
    let call = field.world.row(last_call).await.call;
    assert_eq!(call.to.as_str(), SECOND);
    let permit = call.permit.unwrap();
    assert_eq!(permit.zones[0].zone, "America/New_York");
    let export = format!("/v1/campaigns/{}/leads.csv", field.campaign);
    let export = field.world.ask("GET", &export, None).await;
    assert!(
        export.text.contains(&format!("{HONOLULU} / {SECOND}")),
        "{}",
        export.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_names_no_end_calls_the_own_number_alone() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let field = Box::pin(with_alternates(world, &[], &[&[OWN, SECOND]])).await;
    for _ in 0..3 {
        assert_eq!(field.dial().await, 1);
        field.all_end("no-answer").await;
        field.world.clock.pass(2 * 3600 + 1);
    }
    assert_eq!(called(&field), [OWN, OWN, OWN]);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_two_people_share_rings_for_one_at_a_time() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    world.leaves(Left::NOTHING.calls(1));
    let people: &[&[&str]] = &[&[OWN, SECOND], &["+12125550109", SECOND]];
    let field = Box::pin(with_alternates(world, &[NextNumberAfter::NoAnswer], people)).await;
    assert_eq!(field.dial().await, 2);
    field.all_end("no-answer").await;
    // Both are to be called on the same number now.
    for _ in 0..2 {
        field.dial().await;
    }
    let to_second = called(&field).into_iter().filter(|to| to == SECOND);
    assert_eq!(to_second.count(), 1);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_in_two_campaigns_is_called_on_one_number_at_a_time() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    world.leaves(Left::NOTHING.calls(1));
    let after = &[NextNumberAfter::NoAnswer];
    let one = Box::pin(with_alternates(world, after, &[&[OWN, SECOND]])).await;
    // Claimed, and not yet through the gate, while the other campaign dials the same person on another number.
    assert_eq!(one.step().await, 1);
    let Field {
        world, campaign, ..
    } = one;
    let other = Box::pin(with_alternates(world, after, &[&[SECOND, OWN]])).await;
    assert_eq!(other.step().await, 1);
    other.world.dial_all().await;
    assert_eq!(called(&other).len(), 1);
    let busy = Field::of(other.world, campaign, Vec::new());
    let filter = LeadFilter::default();
    let mut denied = Vec::new();
    for campaign in [busy.campaign, other.campaign] {
        let leads = busy.world.campaigns().leads(campaign, &filter, 10).await;
        let call = leads[0].lead.last_call_id.unwrap().to_string();
        let permit = busy.world.row(&call).await.call.permit.unwrap();
        denied.extend(permit.denied_by.map(model::Rule::code));
    }
    assert_eq!(denied, ["number_busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_put_on_the_list_gives_way_to_the_next() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let after = &[NextNumberAfter::Suppressed];
    let field = Box::pin(with_alternates(world, after, &[&[OWN, SECOND]])).await;
    let path = format!("/v1/suppressions/{OWN}");
    let put = field.world.ask("PUT", &path, None).await;
    assert_eq!(put.json()["leads_ended"], 0, "{}", put.text);
    field.check().await;
    assert_eq!(field.dial().await, 1);
    assert_eq!(called(&field), [SECOND]);
    let lead = field.leads().await.remove(0).lead;
    let given_up: Vec<&str> = lead.given_up_numbers().map(PhoneNumber::as_str).collect();
    assert_eq!(given_up, [OWN]);
    // The last number goes the same way: then the lead is done.
    let path = format!("/v1/suppressions/{SECOND}");
    field.world.ask("PUT", &path, None).await;
    field.all_end("busy").await;
    field.world.clock.pass(4 * 3600 + 1);
    assert_eq!(field.dial().await, 0);
    assert_eq!(field.results().await, [("suppressed", 1)].into());
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_on_one_number_not_to_be_called_is_on_the_list_with_all_of_them() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let people: &[&[&str]] = &[&[OWN, SECOND]];
    let field = Box::pin(with_alternates(world, &[NextNumberAfter::NoAnswer], people)).await;
    assert_eq!(field.dial().await, 1);
    field.all_end("no-answer").await;
    assert_eq!(field.dial().await, 1);
    let (call, _sid) = field.live().await.remove(0);
    let suppressions = service::lead::suppressions::Suppressions::new(
        &field.world.parts.store,
        std::sync::Arc::clone(&field.world.parts.clock),
        field.world.parts.ids.clone(),
    );
    let call_id: CallId = call.parse().unwrap();
    let wish = suppressions.opt_out(field.world.tenant, call_id, model::OptOutHow::Spoken);
    wish.await.unwrap();
    for number in [OWN, SECOND] {
        let path = format!("/v1/suppressions/{number}");
        let entry = field.world.ask("GET", &path, None).await.json();
        assert_eq!(
            (&entry["reason"], &entry["call_id"]),
            (&json!("spoken"), &json!(call))
        );
    }
    field.all_end("no-answer").await;
    assert_eq!(field.results().await, [("opted_out", 1)].into());
    field.check().await;
}

/// What is stored of a call, and what its lead is then.
struct Talked {
    /// Turns of the agent and of the customer, in order.
    turns: &'static [Speaker],
    /// What the session says; `None`: there was none.
    outcome: Option<Outcome>,
    class: AnsweredBy,
    lead: &'static str,
}

/// The call is answered, talked in as the story says, and over.
async fn play(field: &Field, call: &str, sid: &str, story: &Talked) {
    let answered = field.world.status(call, sid, "in-progress", "2").await;
    assert_eq!(answered.status, 204);
    if let Some(outcome) = story.outcome {
        let media = super::sessions::media(&field.world);
        let key = service::call::media::SessionKey {
            tenant_id: field.world.tenant,
            call_id: call.parse().unwrap(),
            session: 1,
            carrier_call_id: sid.to_owned(),
        };
        media.opened(&key).await.unwrap();
        for (seq, speaker) in (0..).zip(story.turns) {
            let said = Turn {
                speaker: *speaker,
                ..turn(seq, "Hello?")
            };
            media.store_turn(&key, &said).await.unwrap();
        }
        let found = Found {
            answer: Some(AmdResult {
                class: story.class,
                ..AmdResult::default()
            }),
            line: None,
        };
        let close = media.close_with(&key, Some(outcome), found);
        close.await.unwrap();
    }
    let ended = field.world.status(call, sid, "completed", "3").await;
    assert_eq!(ended.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_conversation_with_a_person_reaches_a_lead() {
    use Speaker::{Agent, Customer};
    let talked = |turns, outcome, lead| Talked {
        turns,
        outcome: Some(outcome),
        class: AnsweredBy::Human,
        lead,
    };
    let stories = [
        // They picked up while nobody of us was there.
        Talked {
            outcome: None,
            ..talked(&[], Outcome::CustomerHungUp, "waits 1800 s, faults 1")
        },
        talked(&[], Outcome::CustomerHungUp, "waits 7200 s, faults 0"),
        talked(&[Agent], Outcome::CustomerHungUp, "reached"),
        talked(&[Agent], Outcome::CustomerSilent, "waits 7200 s, faults 0"),
        // Four turns of talk, then they leave the line open.
        talked(
            &[Agent, Customer, Agent, Customer, Agent],
            Outcome::CustomerSilent,
            "reached",
        ),
        // Their first words come late, behind more of ours than are read at once.
        talked(
            &[
                Agent, Agent, Agent, Agent, Agent, Agent, Agent, Agent, Customer,
            ],
            Outcome::CustomerSilent,
            "reached",
        ),
        Talked {
            class: AnsweredBy::Machine,
            ..talked(
                &[Customer, Agent],
                Outcome::CustomerHungUp,
                "waits 86400 s, faults 0",
            )
        },
    ];
    let field = Field::start(u32::try_from(stories.len()).unwrap(), |_fields| ()).await;
    let mut calls = Vec::new();
    for story in &stories {
        if field.live().await.is_empty() {
            field.dial().await;
        }
        let (call, sid) = field.live().await.remove(0);
        play(&field, &call, &sid.unwrap(), story).await;
        calls.push(call);
    }
    let now = field.world.parts.clock.now();
    let leads = field.leads().await;
    for (call, story) in calls.iter().zip(&stories) {
        let call_id = Some(call.parse().unwrap());
        let row = leads.iter().find(|row| row.lead.last_call_id == call_id);
        let lead = &row.unwrap().lead;
        let told = match &lead.state {
            LeadState::Waiting { due_at } => {
                let waits = due_at.duration_since(now).as_secs();
                format!("waits {waits} s, faults {}", lead.faults)
            }
            LeadState::Done { result, .. } => result.code().to_owned(),
            LeadState::Calling { .. } => "is still called".to_owned(),
        };
        assert_eq!(told, story.lead, "{:?} {:?}", story.turns, story.outcome);
        assert_eq!(lead.attempts, 1);
    }
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_without_the_words_it_needs_is_told_of_and_holds_up_nobody() {
    let field = Field::start(3, |fields| {
        fields.disclosure.opening = Some("Hello {{first_name}}".to_owned());
    })
    .await;
    field.dial().await;
    assert_eq!(field.world.carrier.asked_to_call(), 0);
    assert_eq!(field.results().await, [("failed", 3)].into());
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_starts_and_ends_at_its_times() {
    let field = Field::start(3, |_fields| ()).await;
    let now = field.world.parts.clock.now();
    let before = field.campaign().await;
    let campaigns = field.world.campaigns();
    let changed = campaigns.changed(&before, |campaign| {
        campaign.state = CampaignState::Scheduled;
        campaign.fields.starts_at = Some(now + jiff::SignedDuration::from_mins(10));
        campaign.fields.ends_at = Some(now + jiff::SignedDuration::from_mins(20));
        campaign.fields.max_concurrent_calls = 1;
    });
    changed.await;
    assert_eq!(field.step().await, 0);
    field.world.clock.pass(600);
    assert_eq!(field.dial().await, 1);
    assert_eq!(field.campaign().await.state, CampaignState::Running);
    field.world.clock.pass(601);
    assert_eq!(field.step().await, 0);
    assert_eq!(field.results().await, [("not_allowed", 2)].into());
    field.all_end("busy").await;
    assert_eq!(field.results().await, [("not_allowed", 3)].into());
    field.step().await;
    assert_eq!(field.campaign().await.state, CampaignState::Completed);
    field.check().await;
}
