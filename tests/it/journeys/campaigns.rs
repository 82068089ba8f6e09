//! A campaign on a whole installation: real functions, real sockets, real time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{
    CallId, CallState, Campaign, CampaignFields, CampaignId, CampaignState, DomainEvent, EventId,
    EventKind, Lead, PhoneNumber,
};
use store::{EVENT_SHARDS, LaneCounts, LeadFilter, Scope};

use super::{Installation, PATIENCE};

/// From a freed line to the next request, on a machine that does nothing else: see the README. Here
/// other tests run beside.
const GAP_MAX: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_calls_one_after_the_other_without_a_pause() {
    let here = Installation::start().await;
    // Who is busy, lets it ring, mumbles and hangs up, and has a mailbox.
    let called = run_campaign(&here, &[105, 106, 102, 104]).await;
    assert_eq!(called.len(), 4);

    let mut gaps = Vec::new();
    let mut freed: Option<Timestamp> = None;
    for (at, kind) in events(&here).await {
        if matches!(kind, EventKind::CallEnded { .. }) {
            freed = freed.or(Some(at));
        }
        let dials = matches!(
            kind,
            EventKind::CallAdvanced {
                state: CallState::Placing,
                ..
            }
        );
        if dials {
            gaps.extend(freed.take().map(|freed| at.duration_since(freed)));
        }
    }
    println!("from a freed line to the gate: {gaps:?}");
    assert_eq!(gaps.len(), 3);
    for gap in gaps {
        assert!(gap.unsigned_abs() < GAP_MAX, "{gap:?}");
    }
    here.finish().await;
}

/// Runs a campaign that calls these numbers of ours at +14155550… one after the other, to its end.
/// Answers the calls.
pub(super) async fn run_campaign(here: &Installation, numbers: &[u16]) -> BTreeSet<CallId> {
    let parts = &here.platform.parts;
    let (store, tenant) = (&parts.store, here.platform.tenant_id());
    let now = parts.clock.now();
    let fields = CampaignFields {
        agent_id: Some(here.platform.agent_id()),
        max_concurrent_calls: 1,
        max_attempts: 1,
        windows: support::at_any_hour(),
        ..CampaignFields::new("Reminders")
    };
    let id = parts.ids.fresh(CampaignId::from_parts);
    let mut campaign = Campaign {
        fields,
        ..support::campaign(tenant, id, now)
    };
    store.campaigns.create(&campaign, None).await.unwrap();
    let leads = numbers
        .iter()
        .map(|n| lead(&campaign, &format!("+14155550{n}"), now));
    let leads: Vec<Lead> = leads.collect();
    let inserted = store.leads.insert_many(tenant, campaign.id, &leads).await;
    inserted.unwrap();
    let before = campaign.clone();
    campaign.state = CampaignState::Running;
    campaign.last_started_at = Some(now);
    campaign.revision += 1;
    let event = DomainEvent {
        id: parts.ids.fresh(EventId::from_parts),
        tenant_id: tenant,
        at: now,
        kind: EventKind::CampaignChanged {
            campaign_id: campaign.id,
            state: campaign.state,
        },
    };
    let replaced = store.campaigns.replace(&before, &campaign, &event);
    replaced.await.unwrap();

    let begun = Instant::now();
    loop {
        let known = store
            .campaigns
            .get(tenant, campaign.id)
            .await
            .unwrap()
            .unwrap();
        let account = Scope::Account(parts.carrier.account_id());
        assert!(store.slots.live(account).await.unwrap().len() <= 1);
        if known.state == CampaignState::Completed {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the campaign does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let counts = store.leads.counts(tenant, campaign.id).await.unwrap();
    let counts = LaneCounts::sum(&counts);
    let total = u64::try_from(numbers.len()).unwrap();
    assert_eq!(
        (counts.waiting, counts.calling, counts.total()),
        (0, 0, total)
    );
    let filter = LeadFilter::default();
    let leads = store
        .leads
        .list(tenant, campaign.id, &filter, None, 10)
        .await;
    leads
        .unwrap()
        .items
        .into_iter()
        .map(|row| row.lead.last_call_id.unwrap())
        .collect()
}

fn lead(campaign: &Campaign, number: &str, now: Timestamp) -> Lead {
    let number: PhoneNumber = number.parse().unwrap();
    let variables = [("name", "Dana"), ("day", "Monday"), ("time", "nine")];
    Lead {
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..support::lead(campaign.id, number, now)
    }
}

/// Every event there is, in the order of time.
async fn events(here: &Installation) -> Vec<(Timestamp, EventKind)> {
    let calls = &here.platform.parts.store.calls;
    let mut events = Vec::new();
    for shard in 0..EVENT_SHARDS {
        let first = EventId::from_parts(0, 0);
        let page = calls.events_after(shard, first, 1_000).await.unwrap();
        events.extend(page.items.into_iter().map(|event| (event.at, event.kind)));
    }
    events.sort_by_key(|(at, _kind)| *at);
    events
}
