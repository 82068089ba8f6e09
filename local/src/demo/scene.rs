//! The first scene: a list of a dozen people becomes a campaign, everybody on it meets the call in a
//! way of their own, and every one of them is accounted for.
//!
//! It looks at the product from outside only: the API, and the simulated carrier's own books. What
//! would take hours takes seconds: phones ring ten times as fast and retries wait seconds. So it is played
//! on whatever has an API and calls through the simulated sides: this process, or an installation beside.

mod bar;
pub(crate) mod cast;
mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use media_worker::{VendorOutage, Worker};
use model::{AgentId, CallId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::DOCTOR;
use crate::demo::client::ApiClient;
use crate::platform::far_side::FarSide;
use crate::platform::scenes::SceneNote;

use bar::{Bar, Count};
use cast::{ATTEMPTS_MAX, CAST, CROWD, Fate, Member, OPT_OUTS, SUPPRESSED, Zones};
pub use judge::{SceneStep, SceneVerdict};

/// Between two looks on a laptop.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The scene takes half a minute on a laptop; one that takes longer than this is stuck.
pub(crate) const SCENE_TIME_MAX: Duration = Duration::from_secs(150);
/// The last recordings are kept this soon after the last call.
const KEEP_TIME_MAX: Duration = Duration::from_secs(20);

/// What a scene is played on.
#[derive(Debug, Clone)]
pub struct SceneStage<'a> {
    pub api: ApiClient,
    /// What the product behind the API calls through.
    pub far_side: &'a FarSide,
    /// Who calls.
    pub agent_id: AgentId,
    pub company: Company,
    /// Between two looks at the campaign: short against a person's patience, long against the work of a
    /// look.
    pub look_every: Duration,
    /// One that takes longer than this is stuck.
    pub time_max: Duration,
    /// Where its campaign is noted, to be ended with the scene; absent for an installation beside.
    pub note: Option<SceneNote>,
    /// Whose vendors are looked after meanwhile; absent likewise.
    pub worker: Option<&'a Worker>,
}

/// Who is on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Everybody's fate once.
    Small,
    /// Twenty people to call, so that calls are many at a time.
    Large,
}

impl SceneStage<'_> {
    fn cast(&self) -> impl Iterator<Item = &'static Member> + use<> {
        let crowd: &'static [Member] = match self.company {
            Company::Small => &[],
            Company::Large => CROWD,
        };
        CAST.iter().chain(crowd)
    }
}

/// A campaign as the scene needs it.
#[derive(Debug, Clone, Deserialize)]
struct CampaignView {
    id: String,
}

/// What the list came to.
#[derive(Debug, Clone, Deserialize)]
struct ImportView {
    id: String,
    rows: u64,
    added: u64,
    rejected: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct ProgressView {
    leads: CountsView,
    calls: CallsView,
    next_opening: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct CountsView {
    total: u64,
    waiting: u64,
    calling: u64,
    done: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct CallsView {
    total: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct LeadView {
    number: String,
    state: String,
    result: Option<String>,
    attempts: u64,
    last_call_id: Option<CallId>,
}

#[derive(Debug, Clone, Deserialize)]
struct LeadsView {
    items: Vec<LeadView>,
}

/// What the scene came to, for whoever judges it.
#[derive(Debug, Clone)]
struct Played {
    import: ImportView,
    rejects: String,
    progress: ProgressView,
    leads: Vec<LeadView>,
    /// How often the carrier had been asked for each number before the scene.
    dials_before: BTreeMap<String, u64>,
}

/// Plays the scene and tells it on standard output.
///
/// # Errors
/// When the product cannot be asked; a step that did not happen is in the verdict instead.
pub async fn play(stage: &SceneStage<'_>) -> anyhow::Result<SceneVerdict> {
    let api = &stage.api;
    let begun = Instant::now();
    say("\nA first campaign, over the real wire protocols:\n");
    let dials_before = stage.far_side.dials().unwrap_or_default();
    prepare(api).await?;
    let campaign: CampaignView = api
        .post("v1/campaigns", &body(stage.agent_id))
        .await
        .context("making the campaign")?;
    if let Some(note) = &stage.note {
        note.add(&campaign.id)?;
    }
    let list = Zones::at(Timestamp::now()).list(stage.cast());
    let path = format!("v1/campaigns/{}/imports?default_country=US", campaign.id);
    let import: ImportView = api
        .post_list(&path, list)
        .await
        .context("importing the list")?;
    say(&format!(
        "  {} rows read: {} people to call, {} rows kept out\n",
        import.rows,
        import.added,
        import.rejected.values().sum::<u64>()
    ));
    let path = format!("v1/campaigns/{}/start", campaign.id);
    let _started: Value = api
        .post(&path, &json!({}))
        .await
        .context("starting the campaign")?;
    let progress = watch(stage, &campaign.id).await?;
    let (leads, rejects) = look_back(stage, &campaign.id, &import).await?;
    let played = Played {
        import,
        rejects,
        progress,
        leads,
        dials_before,
    };
    let verdict = judge::judge(stage, &played).await;
    tell(stage, &played, &verdict, begun.elapsed());
    Ok(verdict)
}

/// Begins anew: who asked in an earlier scene not to be called may be called again, and one number is
/// on the suppression list.
async fn prepare(api: &ApiClient) -> anyhow::Result<()> {
    for number in OPT_OUTS {
        let path = format!("v1/suppressions/{number}?reason=the%20first%20scene%20begins%20anew");
        api.delete_if_there(&path).await.context("beginning anew")?;
    }
    let entry = json!({ "note": "the first scene" });
    let _entry: Value = api
        .put(&format!("v1/suppressions/{SUPPRESSED}"), &entry)
        .await
        .context("suppressing a number")?;
    Ok(())
}

/// The campaign: any hour that the law allows, and waits of seconds. The same people are called at every
/// start of this installation, so the caps are wide.
fn body(agent_id: AgentId) -> Value {
    let all_day = json!([["00:00", "24:00"]]);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let windows: BTreeMap<_, _> = days.iter().map(|day| (*day, all_day.clone())).collect();
    json!({
        "name": "First scene",
        "kind": "information",
        "zones": "lead",
        "agent_id": agent_id,
        "windows": windows,
        "call_on_holidays": true,
        "max_concurrent_calls": 6,
        "max_attempts": ATTEMPTS_MAX,
        "retry": { "no_answer_seconds": 2, "busy_seconds": 2, "failed_seconds": 2, "voicemail_seconds": 2 },
        "caps": {
            "attempts_per_day": 24,
            "attempts_per_30_days": 200,
            "conversations_per_day": 24,
            "minimum_gap_seconds": 0,
        },
        "amd": {
            "detect": "message_end",
            "machine": "leave_message",
            "voicemail_message":
                "Hello {{name}}, this is the automated assistant of Bright Dental. Please call us back.",
        },
        "disclosure": {
            "business_name": "Bright Dental",
            "purpose": "your appointment {{day}}",
            "opening":
                "Hello {{name}}, this is the AI assistant of Bright Dental on a recorded line, about your \
                 appointment. Press nine to opt out. Can you make it?",
        },
    })
}

/// Follows the campaign until only those wait who are asleep, or until that can no longer be expected.
async fn watch(stage: &SceneStage<'_>, campaign: &str) -> anyhow::Result<ProgressView> {
    let api = &stage.api;
    let begun = Instant::now();
    let asleep = stage.cast().filter(|member| member.fate == Fate::Waits);
    let asleep = u64::try_from(asleep.count()).unwrap_or(u64::MAX);
    let mut bar = Bar::new();
    let mut vendors = VendorNews::default();
    loop {
        let progress: ProgressView = api
            .get(&format!("v1/campaigns/{campaign}/progress"))
            .await
            .context("looking at the campaign")?;
        vendors.tell(stage, &mut bar);
        let leads = &progress.leads;
        bar.show(Count {
            total: leads.total,
            done: leads.done.values().sum(),
            calling: leads.calling,
            waiting: leads.waiting,
        });
        let over = leads.calling == 0 && leads.waiting <= asleep;
        if over || begun.elapsed() > stage.time_max {
            bar.end();
            return Ok(progress);
        }
        tokio::time::sleep(stage.look_every).await;
    }
}

/// Vendors that were told of as failing.
#[derive(Default)]
struct VendorNews(BTreeSet<(String, &'static str)>);

impl VendorNews {
    /// Says it once of each, with what tells more.
    fn tell(&mut self, stage: &SceneStage<'_>, bar: &mut Bar) {
        let outages = stage.worker.map(Worker::vendor_outages);
        for VendorOutage { vendor, leg, kind } in outages.unwrap_or_default() {
            if self.0.insert((vendor.clone(), leg)) {
                bar.interrupt();
                say(&format!(
                    "  {vendor} fails at {leg}: {kind}. `{DOCTOR}` says what mends it."
                ));
            }
        }
    }
}

/// The leads and the reject file, once the last recordings are where they belong.
async fn look_back(
    stage: &SceneStage<'_>,
    campaign: &str,
    import: &ImportView,
) -> anyhow::Result<(Vec<LeadView>, String)> {
    let api = &stage.api;
    let leads: LeadsView = api
        .get(&format!("v1/campaigns/{campaign}/leads?limit=100"))
        .await
        .context("reading the leads")?;
    let rejects = api
        .text(&format!("v1/imports/{}/rejects", import.id))
        .await
        .context("reading the rows that were kept out")?;
    // Recordings follow their calls by a moment.
    let begun = Instant::now();
    for lead in &leads.items {
        let Some(id) = lead.last_call_id else {
            continue;
        };
        while begun.elapsed() < KEEP_TIME_MAX {
            let call = api.call(id).await.context("looking at a call")?;
            let open = call
                .recording
                .as_ref()
                .is_some_and(|recording| recording.state == "ready" || recording.state == "stored");
            let due = call.answered_at.is_some() && call.recording.is_none();
            if !open && !due {
                break;
            }
            tokio::time::sleep(stage.look_every).await;
        }
    }
    Ok((leads.items, rejects))
}

fn tell(stage: &SceneStage<'_>, played: &Played, verdict: &SceneVerdict, took: Duration) {
    say("");
    for member in stage.cast() {
        let lead = judge::lead_of(played, member);
        say(&format!(
            "  {:<10} {:<52} {}",
            member.name,
            member.about,
            judge::came_to(member, lead)
        ));
    }
    if let Some(opening) = &played.progress.next_opening {
        say(&format!("\n  Who sleeps is called from {opening} on."));
    }
    say("");
    for step in &verdict.steps {
        let mark = if step.happened { "ok  " } else { "MISS" };
        say(&format!("  {mark} {}", step.what));
        if !step.happened {
            say(&format!("       {}", step.seen));
        }
    }
    say(&format!(
        "\n{} of {} steps happened, in {:.1} s.",
        verdict.happened(),
        verdict.steps.len(),
        took.as_secs_f64()
    ));
    if !verdict.complete() {
        say(&format!(
            "`{DOCTOR}` says what is wrong with the installation, and its log has the rest."
        ));
    }
}

/// Writes a line to standard output. A reader that went away is no reason to stop a phone system.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}
