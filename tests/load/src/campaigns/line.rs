//! How soon a free line is used again, on a whole laptop installation: real functions, real sockets,
//! real time, simulated people.
//!
//! A campaign with one line calls one person after the other. From a call's end to the next request the
//! way is: the transaction that ends the call and frees its slots, its event, the planner's step, the
//! claim, the dial queue, the gate, and the request at the carrier, whose clock is the last one asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use local::platform::Platform;
use model::{
    CallId, CallState, Campaign, CampaignFields, CampaignId, CampaignState, DomainEvent, EventId,
    EventKind, Lead, PhoneNumber,
};
use settings::Settings;
use store::EVENT_SHARDS;

use super::{Table, thousands};

/// The people, in turns: a line is freed by the carrier's word, and by the end of a conversation.
const PEOPLE: [&str; 2] = ["busy", "answers after 1 rings\nhangs up after 300ms"];
/// How long a call may take, all in all.
const CALL_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const EVENTS_MAX: u32 = 10_000;

/// When what happened to a call.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    claimed: Option<Timestamp>,
    /// Passed the gate.
    placing: Option<Timestamp>,
    /// The carrier had the request.
    asked: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// Calls so many people and says how long the line was free in between.
pub(super) async fn measure(calls: u32) -> anyhow::Result<Table> {
    let state = tempfile::tempdir()?;
    let variables = BTreeMap::from([
        (
            "TRUNKLINE_STATE_DIR".to_owned(),
            state.path().to_string_lossy().into_owned(),
        ),
        ("TRUNKLINE_PORT".to_owned(), "0".to_owned()),
    ]);
    let mut settings = Settings::from_variables(&variables)?;
    settings.worker.drain = Duration::ZERO;
    let platform = Box::pin(Platform::start(settings, None)).await?;
    let campaign = begin(&platform, calls).await?;
    ended(&platform, &campaign, CALL_MAX * calls).await?;
    let times = times(&platform, &campaign).await?;
    anyhow::ensure!(
        times.len() == usize::try_from(calls)?,
        "{} calls instead of {calls}",
        times.len()
    );
    let violations = platform.far_side.violations();
    anyhow::ensure!(violations.is_empty(), "violations: {violations:?}");
    platform.stop().await?;
    table(&times)
}

fn table(times: &[Times]) -> anyhow::Result<Table> {
    let mut parts: [Vec<i128>; 4] = Default::default();
    for (one, next) in times.iter().zip(times.iter().skip(1)) {
        let freed = one.ended.context("a call without an end")?;
        let claimed = next.claimed.context("a call without a claim")?;
        let placing = next.placing.context("a call without a gate")?;
        let asked = next.asked.context("the carrier does not know a call")?;
        let spans = [
            (freed, asked),
            (freed, claimed),
            (claimed, placing),
            (placing, asked),
        ];
        for (part, (from, to)) in parts.iter_mut().zip(spans) {
            part.push(to.duration_since(from).as_micros());
        }
    }
    let mut table = Table::new(format!(
        "From a freed line to the next request at the carrier, {} calls over one line, whole laptop run",
        thousands(u64::try_from(times.len())?)
    ));
    table.row("ms", ["p50", "p95", "max"].map(str::to_owned));
    let names = [
        "freed → asked",
        "  freed → claimed",
        "  claimed → through the gate",
        "  gate → at the carrier",
    ];
    for (name, mut part) in names.into_iter().zip(parts) {
        part.sort_unstable();
        let at = |per_cent: usize| {
            let place = (part.len() * per_cent).div_ceil(100).saturating_sub(1);
            let micros = part.get(place).copied().unwrap_or_default();
            format!("{:.1}", micros as f64 / 1_000.0)
        };
        table.row(name, [at(50), at(95), at(100)]);
    }
    Ok(table)
}

/// Makes a campaign and starts it.
async fn begin(platform: &Platform, calls: u32) -> anyhow::Result<Campaign> {
    let parts = &platform.parts;
    let (store, tenant, now) = (&parts.store, platform.tenant_id(), parts.clock.now());
    let fields = CampaignFields {
        agent_id: Some(platform.agent_id()),
        max_concurrent_calls: 1,
        max_attempts: 1,
        windows: support::at_any_hour(),
        ..support::campaign_fields("Bench")
    };
    let id = parts.ids.fresh(CampaignId::from_parts);
    let mut campaign = Campaign {
        fields,
        ..support::campaign(tenant, id, now)
    };
    store.campaigns.create(&campaign, None).await?;
    let carrier = platform.far_side.carrier.as_ref();
    let carrier = carrier.context("the carrier is real")?;
    let mut leads = Vec::new();
    for (n, script) in (0..calls).zip(PEOPLE.iter().cycle()) {
        let number = format!("+1415556{n:04}");
        let person = script.parse();
        let person = person.map_err(|problem| anyhow::anyhow!("{problem}"))?;
        carrier.set_person(&number, person);
        leads.push(lead(&campaign, number.parse()?, now));
    }
    store.leads.insert_many(tenant, campaign.id, &leads).await?;
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
    store.campaigns.replace(&before, &campaign, &event).await?;
    Ok(campaign)
}

fn lead(campaign: &Campaign, number: PhoneNumber, now: Timestamp) -> Lead {
    let variables = [("name", "Dana"), ("day", "Monday"), ("time", "nine")];
    Lead {
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..support::lead(campaign.id, number, now)
    }
}

/// Waits until everybody was called.
async fn ended(platform: &Platform, campaign: &Campaign, longest: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + longest;
    let campaigns = &platform.parts.store.campaigns;
    loop {
        let known = campaigns.get(campaign.tenant_id, campaign.id).await?;
        if known.context("the campaign is gone")?.state == CampaignState::Completed {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "the campaign does not end");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What happened to each call, in their order.
async fn times(platform: &Platform, campaign: &Campaign) -> anyhow::Result<Vec<Times>> {
    let store = &platform.parts.store;
    let mut calls: BTreeMap<CallId, Times> = BTreeMap::new();
    for shard in 0..EVENT_SHARDS {
        let first = EventId::from_parts(0, 0);
        let page = store.calls.events_after(shard, first, EVENTS_MAX).await?;
        for event in page.items {
            let at = Some(event.at);
            match event.kind {
                EventKind::CallAdvanced { call_id, state } => {
                    let times = calls.entry(call_id).or_default();
                    match state {
                        CallState::Claimed => times.claimed = at,
                        CallState::Placing => times.placing = at,
                        CallState::Placed
                        | CallState::Ringing
                        | CallState::Answered
                        | CallState::Ended => {}
                    }
                }
                EventKind::CallEnded { call_id, .. } => {
                    let times = calls.entry(call_id).or_default();
                    times.ended = times.ended.or(at);
                }
                EventKind::CallAnsweredBy { .. }
                | EventKind::TurnStored { .. }
                | EventKind::RecordingStored { .. }
                | EventKind::RecordingKept { .. }
                | EventKind::CampaignChanged { .. }
                | EventKind::ImportAdvanced { .. }
                | EventKind::NumberSuppressed { .. } => {}
            }
        }
    }
    for (id, times) in &mut calls {
        let row = store.calls.get(campaign.tenant_id, *id).await?;
        let sid = row.and_then(|row| row.call.carrier_call_id);
        let view = sid.and_then(|sid| platform.far_side.carrier_call(&sid));
        times.asked = view.map(|view| view.created_at);
    }
    let mut times: Vec<Times> = calls.into_values().collect();
    times.sort_by_key(|times| times.claimed);
    Ok(times)
}
