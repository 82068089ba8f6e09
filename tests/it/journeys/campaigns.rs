//! A campaign on a whole installation: real functions, real sockets, real time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{CallId, CallState, CampaignFields, CampaignState, EventId, EventKind, Lead};
use store::{EVENT_SHARDS, LeadFilter, Scope};

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
    let campaigns = here.campaigns();
    let fields = CampaignFields {
        agent_id: Some(here.platform.agent_id()),
        max_concurrent_calls: 1,
        max_attempts: 1,
        windows: support::at_any_hour(),
        ..support::campaign_fields("Reminders")
    };
    let campaign = campaigns.draft_of(fields).await;
    let leads = numbers.iter().map(|n| {
        let number = format!("+14155550{n}");
        campaigns.dana(&campaign, number.parse().unwrap())
    });
    let leads: Vec<Lead> = leads.collect();
    campaigns.add(&campaign, &leads).await;
    let id = campaigns.moved(&campaign, CampaignState::Running).await.id;

    let begun = Instant::now();
    loop {
        let state = campaigns.get(id).await.state;
        let account = Scope::Account(parts.carrier.account_id());
        assert!(parts.store.slots.live(account).await.unwrap().len() <= 1);
        if state == CampaignState::Completed {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the campaign does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let counts = campaigns.sum(id).await;
    let total = u64::try_from(numbers.len()).unwrap();
    assert_eq!(
        (counts.waiting, counts.calling, counts.total()),
        (0, 0, total)
    );
    let leads = campaigns.leads(id, &LeadFilter::default(), 10).await;
    leads
        .into_iter()
        .map(|row| row.lead.last_call_id.unwrap())
        .collect()
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
