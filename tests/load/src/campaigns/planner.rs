//! What a planning step reads and how long it takes, among few and among many waiting leads.
//!
//! One campaign on the embedded engines grows from one number of leads to the next. It is always the
//! same Tuesday, 16:00 UTC: the East calls, the West sleeps. Of those who are awake most are not due.
//! The real functions claim, place and end calls; a carrier that takes everything stands behind them.

mod carrier;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::carrier::twilio::AccountSid;
use ::carrier::twilio::client::{Client, ClientConfig};
use ::carrier::twilio::signature::Tokens;
use ::carrier::twilio::webhook::StatusCallback;
use ::carrier::{CallStatus, CarrierName, Signatures};
use anyhow::Context as _;
use engines::Engines;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{
    AgentFields, Campaign, CampaignFields, CampaignId, CampaignState, DomainEvent, EventId,
    EventKind, Lead, LeadState, TenantId, Variables,
};
use service::account::keys::Keys;
use service::agent::Agents;
use service::agent::numbers::{NumberFields, Numbers};
use service::agent::prompts::{PromptFields, Prompts};
use service::call::callbacks::Callbacks;
use service::dialing::dial::{DialJobs, DialResult};
use service::dialing::planner::Planner;
use service::{Clock, Context, Ids, Links};
use settings::{Dialing, Roster, Secret, Settings};
use store::{Cost, LaneCounts, Meter, Scope, SlotRow, Store, schema};
use tempfile::TempDir;

use super::people::{self, Area};
use super::{Table, per_second, thousands};
use crate::control::{ACCOUNT_SID, AUTH_TOKEN};
use crate::report::progress;

/// A Tuesday that is no holiday anywhere, far enough ahead that nothing expires meanwhile.
const TUESDAY: &str = "2030-02-05T16:00:00Z";
/// Calls at once, and numbers of ours to call from.
const LINES: u32 = 20;
const OUR_NUMBERS: u32 = 10;
/// Steps with one line free, and steps with all of them free.
const SINGLE_STEPS: u32 = 60;
const WHOLE_STEPS: u32 = 5;
/// Steps that are not measured, after the table has grown.
const WARM_UP: u32 = 3;
/// Of those who are awake: one of so many is due in the first number of leads, and of later ones.
const DUE_FIRST: u64 = 2;
const DUE_LATER: u64 = 20;
/// Leads that are written side by side, and at once by each writer.
const WRITERS: usize = 4;
const LEADS_AT_ONCE: u64 = 1_900;

/// A clock that stands until it is moved: what is open and due never differs.
#[derive(Debug)]
struct StandingClock(Mutex<Timestamp>);

/// A campaign that runs.
struct Field {
    parts: Context,
    /// Not counted.
    store: Store,
    meter: Meter,
    scheduling: Planner,
    placing: DialJobs,
    callbacks: Callbacks,
    clock: Arc<StandingClock>,
    account: AccountSid,
    tenant: TenantId,
    campaign: CampaignId,
    areas: Vec<Area>,
    engines: Engines,
    _folder: TempDir,
}

/// Steps of a kind.
#[derive(Debug, Default)]
struct Steps {
    dials: u32,
    took: Vec<Duration>,
    costs: BTreeMap<&'static str, Cost>,
}

/// What was measured with so many leads.
#[derive(Debug)]
struct Measured {
    waiting: u64,
    lanes: usize,
    lanes_open: u32,
    written: Option<(u64, Duration)>,
    single: Steps,
    whole: Steps,
    /// What follows a claim: the gate with the carrier's answer, and the call's end.
    gate: Cost,
    end: Cost,
    ended: u32,
}

/// One column for each number of leads.
pub(super) async fn measure(waiting: &[u64]) -> anyhow::Result<Table> {
    let field = Field::start().await?;
    let mut all = Vec::new();
    let mut before = 0;
    for wanted in waiting {
        progress(&format!("{} waiting leads …", thousands(*wanted)));
        let begun = Instant::now();
        let first = before == 0;
        field
            .grow(before, *wanted, if first { DUE_FIRST } else { DUE_LATER })
            .await?;
        let written = (*wanted - before, begun.elapsed());
        before = *wanted;
        if first {
            field.run().await?;
        }
        let mut measured = Box::pin(field.steps()).await?;
        measured.written = Some(written);
        all.push(measured);
    }
    field.engines.stop().await?;
    table(&all)
}

fn table(all: &[Measured]) -> anyhow::Result<Table> {
    let mut table = Table::new(format!(
        "A planning step of one campaign, {LINES} lines, on the embedded engines over loopback"
    ));
    let mut headings: Vec<String> = all.iter().map(|one| thousands(one.waiting)).collect();
    headings.push("ratio".to_owned());
    table.row("waiting leads", headings);
    let mut plain = |name: &str, cell: &dyn Fn(&Measured) -> String| {
        table.row(name, all.iter().map(cell));
    };
    plain("lanes, open", &|one| {
        format!("{}, {}", one.lanes, one.lanes_open)
    });
    plain("leads/s written", &|one| {
        let (leads, took) = one.written.unwrap_or_default();
        per_second(leads, took)
    });
    let (first, last) = (all.first(), all.last());
    let (first, last) = first.zip(last).context("nothing was measured")?;
    let mut ratios = |name: &str, value: &dyn Fn(&Measured) -> f64| {
        let cells = all.iter().map(|one| format!("{:.1}", value(one)));
        let ratio = value(last) / value(first).max(f64::MIN_POSITIVE);
        table.row(name, cells.chain([format!("{ratio:.2}")]));
    };
    for (kind, of) in [
        (
            "one line free",
            (|one| &one.single) as fn(&Measured) -> &Steps,
        ),
        ("all lines free", |one| &one.whole),
    ] {
        ratios(&format!("{kind}: read units a dial"), &|one| {
            of(one).cost().read_units / of(one).dials()
        });
        for operation in ["Query", "GetItem", "BatchGetItem"] {
            ratios(&format!("  by {operation}"), &|one| {
                let cost = of(one).costs.get(operation);
                cost.map_or(0.0, |cost| cost.read_units) / of(one).dials()
            });
        }
        ratios("  write units a dial", &|one| {
            of(one).cost().write_units / of(one).dials()
        });
        ratios("  requests a dial", &|one| {
            f64::from(u32::try_from(of(one).cost().requests).unwrap_or(u32::MAX)) / of(one).dials()
        });
        ratios("  µs a dial, mean", &|one| {
            of(one).took.iter().sum::<Duration>().as_secs_f64() * 1e6 / of(one).dials()
        });
        ratios("  ms a step, p50", &|one| {
            of(one).median().as_secs_f64() * 1e3
        });
    }
    ratios("the gate: read units a dial", &|one| {
        one.gate.read_units / f64::from(one.ended.max(1))
    });
    ratios("  write units a dial", &|one| {
        one.gate.write_units / f64::from(one.ended.max(1))
    });
    ratios("a call's end: read units a dial", &|one| {
        one.end.read_units / f64::from(one.ended.max(1))
    });
    ratios("  write units a dial", &|one| {
        one.end.write_units / f64::from(one.ended.max(1))
    });
    Ok(table)
}

impl Steps {
    fn add(&mut self, dials: u32, took: Duration, costs: BTreeMap<&'static str, Cost>) {
        self.dials += dials;
        self.took.push(took);
        for (operation, cost) in costs {
            *self.costs.entry(operation).or_default() += cost;
        }
    }

    fn cost(&self) -> Cost {
        Cost::sum(&self.costs)
    }

    fn dials(&self) -> f64 {
        f64::from(self.dials.max(1))
    }

    fn median(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or_default()
    }
}

impl Field {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let engines = Engines::start(&folder.path().join("state")).await?;
        let names = Settings::from_variables(&BTreeMap::new())?.storage;
        let clients = engines.clients().await;
        let queues = schema::create(&clients, &names).await?;
        let store = Store::new(&clients, &names, &queues);
        let (counted, meter) = Meter::on(&clients);
        let clock = Arc::new(StandingClock(Mutex::new(TUESDAY.parse()?)));
        let now: Arc<dyn Clock> = Arc::<StandingClock>::clone(&clock);
        let account: AccountSid = ACCOUNT_SID.parse()?;
        let token = Secret::new(AUTH_TOKEN.to_owned());
        let url = carrier::start().await?;
        let config = ClientConfig::new(url.parse()?, account.clone(), token.clone());
        let parts = Context {
            store: Store::new(&counted, &names, &queues),
            carrier: Arc::new(Client::new(config)?),
            signatures: Signatures::Twilio(Tokens::new(token)),
            // Nobody calls back.
            links: Links::new(url.parse()?, url.parse()?, CarrierName::Twilio)?,
            dialing: Dialing {
                carrier_calls_max: LINES,
                tenant_calls_max: LINES,
                // The clock stands: calls must not wait for it.
                call_interval: Duration::from_millis(1),
            },
            vendors: Roster::default(),
            ids: Ids::seeded(Arc::clone(&now), 7),
            clock: now,
        };
        let (tenant, fields) = fields(&parts).await?;
        let now = parts.clock.now();
        let id = parts.ids.fresh(CampaignId::from_parts);
        let campaign = Campaign {
            fields,
            ..support::campaign(tenant, id, now)
        };
        store.campaigns.create(&campaign, None).await?;
        Ok(Self {
            scheduling: Planner::new(&parts),
            placing: DialJobs::new(&parts),
            callbacks: Callbacks::new(
                &parts.store,
                parts.carrier.clone(),
                parts.links.clone(),
                Arc::clone(&parts.clock),
                parts.ids.clone(),
            ),
            parts,
            store,
            meter,
            clock,
            account,
            tenant,
            campaign: campaign.id,
            areas: people::areas(),
            engines,
            _folder: folder,
        })
    }

    /// Adds leads until there are so many. Of every area's one in `due_each` is due now, the others
    /// tomorrow.
    async fn grow(&self, from: u64, to: u64, due_each: u64) -> anyhow::Result<()> {
        let many = u64::try_from(self.areas.len())?;
        let now = self.parts.clock.now();
        let mut chunks = Vec::new();
        for area in &self.areas {
            let mut first = from / many;
            while first < to / many {
                let last = (first + LEADS_AT_ONCE).min(to / many);
                chunks.push((area, first..last));
                first = last;
            }
        }
        let write = async |(area, lines): (&Area, std::ops::Range<u64>)| {
            let leads = lines.map(|line| {
                let due = line.is_multiple_of(due_each);
                self.lead(area, line, if due { now } else { tomorrow(now) })
            });
            let leads = leads.collect::<anyhow::Result<Vec<Lead>>>()?;
            let inserted = self
                .store
                .leads
                .insert_many(self.tenant, self.campaign, &leads)
                .await?;
            anyhow::ensure!(
                inserted.there_already.is_empty(),
                "a lead was there already"
            );
            Ok(())
        };
        stream::iter(chunks)
            .map(write)
            .buffer_unordered(WRITERS)
            .try_collect::<()>()
            .await
    }

    fn lead(&self, area: &Area, line: u64, due_at: Timestamp) -> anyhow::Result<Lead> {
        let number = area.number(line)?;
        let now = self.parts.clock.now();
        Ok(Lead {
            lane: area.lane.clone(),
            variables: [("name".to_owned(), format!("Family {line}"))].into(),
            state: LeadState::Waiting { due_at },
            ..support::lead(self.campaign, number, now)
        })
    }

    /// Starts the campaign.
    async fn run(&self) -> anyhow::Result<()> {
        let campaigns = &self.store.campaigns;
        let campaign = campaigns.get(self.tenant, self.campaign).await?;
        let before = campaign.context("the campaign is gone")?;
        let mut campaign = before.clone();
        let now = self.parts.clock.now();
        campaign.state = CampaignState::Running;
        campaign.last_started_at = Some(now);
        campaign.revision += 1;
        let event = DomainEvent {
            id: self.parts.ids.fresh(EventId::from_parts),
            tenant_id: self.tenant,
            at: now,
            kind: EventKind::CampaignChanged {
                campaign_id: campaign.id,
                state: campaign.state,
            },
        };
        campaigns.replace(&before, &campaign, &event).await?;
        Ok(())
    }

    async fn steps(&self) -> anyhow::Result<Measured> {
        let counts = self.store.leads.counts(self.tenant, self.campaign).await?;
        let mut measured = Measured {
            waiting: LaneCounts::sum(&counts).waiting,
            lanes: counts.len(),
            lanes_open: 0,
            written: None,
            single: Steps::default(),
            whole: Steps::default(),
            gate: Cost::default(),
            end: Cost::default(),
            ended: 0,
        };
        let mut unmeasured = Steps::default();
        for _step in 0..WARM_UP {
            self.step(LINES, &mut unmeasured).await?;
            self.place_all().await?;
            self.end(LINES).await?;
        }
        for _step in 0..WHOLE_STEPS {
            self.step(LINES, &mut measured.whole).await?;
            measured.gate += self.place_all().await?;
            measured.end += self.end(LINES).await?;
            measured.ended += LINES;
        }
        // All lines are taken but one, again and again.
        self.step(LINES, &mut unmeasured).await?;
        self.place_all().await?;
        for _step in 0..SINGLE_STEPS {
            self.end(1).await?;
            self.step(1, &mut measured.single).await?;
            self.place_all().await?;
        }
        self.end(LINES).await?;
        let note = self.store.plans.get(self.tenant, self.campaign).await?;
        measured.lanes_open = note.context("no step left a note")?.lanes_open;
        Ok(measured)
    }

    /// One planning step, that must claim as many as lines are free.
    async fn step(&self, free: u32, steps: &mut Steps) -> anyhow::Result<()> {
        drop(self.meter.take());
        let from = Instant::now();
        let stepped = self.scheduling.step().await?;
        let took = from.elapsed();
        let costs = self.meter.take();
        anyhow::ensure!(
            stepped.claimed == free,
            "{} of {free} lines were used",
            stepped.claimed
        );
        steps.add(stepped.claimed, took, costs);
        self.clock.pass();
        Ok(())
    }

    /// Takes every claimed call through the gate to the carrier. What it cost.
    async fn place_all(&self) -> anyhow::Result<Cost> {
        let live = self.live().await?;
        drop(self.meter.take());
        for slot in &live {
            let placed = self.placing.place(self.tenant, slot.call_id).await?;
            anyhow::ensure!(
                matches!(placed, DialResult::Placed | DialResult::Nothing),
                "a call was not placed: {placed:?}"
            );
        }
        let cost = Cost::sum(&self.meter.take());
        self.clock.pass();
        Ok(cost)
    }

    /// So many calls are busy, the carrier says. What it cost.
    async fn end(&self, calls: u32) -> anyhow::Result<Cost> {
        let live = self.live().await?;
        let mut cost = Cost::default();
        for slot in live.iter().take(usize::try_from(calls)?) {
            let call = self.store.calls.get(self.tenant, slot.call_id).await?;
            let sid = call.and_then(|row| row.call.carrier_call_id);
            let callback = StatusCallback {
                call_sid: sid.context("the carrier does not have the call")?.parse()?,
                account_sid: self.account.clone(),
                status: CallStatus::Busy,
                sequence: None,
                at: Some(self.parts.clock.now()),
                duration_seconds: None,
                sip_response_code: None,
                error_code: None,
                answered_by: None,
            };
            drop(self.meter.take());
            self.callbacks
                .status(self.tenant, slot.call_id, &callback.into())
                .await?;
            cost += Cost::sum(&self.meter.take());
        }
        self.clock.pass();
        Ok(cost)
    }

    async fn live(&self) -> anyhow::Result<Vec<SlotRow>> {
        let account = Scope::Account(self.account.as_str());
        Ok(self.store.slots.live(account).await?)
    }
}

impl StandingClock {
    /// Two seconds later.
    fn pass(&self) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = later(*now, SignedDuration::from_secs(2));
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tenant, and the campaign that it makes.
async fn fields(parts: &Context) -> anyhow::Result<(TenantId, CampaignFields)> {
    let (store, clock, ids) = (&parts.store, &parts.clock, &parts.ids);
    let keys = Keys::new(store, Arc::clone(clock), ids.clone());
    let secret: Secret = keys.fresh_secret();
    let tenant = keys.ensure_owner("Bench", &secret).await?.tenant_id;
    let prompt = PromptFields {
        name: "Bench".to_owned(),
        system: "You remind people of the dental clinic of their appointment, in two sentences."
            .to_owned(),
        greeting: "Hello {{name}}, this is the AI assistant of the dental clinic.".to_owned(),
        defaults: Variables::from([("name".to_owned(), "there".to_owned())]),
    };
    let prompts = Prompts::new(store, Arc::clone(clock), ids.clone());
    let prompt = prompts.create(tenant, &prompt, None).await?;
    let agents = Agents::new(store, Roster::default(), Arc::clone(clock), ids.clone());
    let agent = AgentFields::new("Bench", prompt.id);
    let agent = agents.create(tenant, agent, None).await?.id;
    let numbers = Numbers::new(store, Arc::clone(clock), ids.clone());
    for n in 0..OUR_NUMBERS {
        let number = NumberFields {
            number: format!("+1415555{n:04}").parse()?,
            agent_id: Some(agent),
        };
        numbers.create(tenant, &number, None).await?;
    }
    let mut fields = support::campaign_fields("Bench");
    fields.agent_id = Some(agent);
    fields.max_concurrent_calls = LINES;
    Ok((tenant, fields))
}

fn tomorrow(now: Timestamp) -> Timestamp {
    later(now, SignedDuration::from_hours(24))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
