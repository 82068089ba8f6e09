//! What is looked at before a campaign is written, and before it starts to call.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use dialer::{Lanes, Script, Terms};
use jiff::Timestamp;
use model::{
    AgentFields, CallKind, Campaign, CampaignFields, CampaignState, ConsentKind, Lane,
    MachineAction, NextNumberAfter, PhoneNumber, PromptVersion, Template, TenantId, Variables,
    element, member,
};
use store::{Agents, LaneCounts, LeadFilter, Prompts, Shelf, StoreError};

use super::{AGENT, Campaigns};
use crate::agent::{prompts, vendors};
use crate::{Fault, FieldProblem, Place, Refused};

/// Leads that are looked at for the variables that the campaign's texts need. All leads of an import
/// have the same columns, so a page shows what a million would; one that lacks a value all the same is
/// not called and ends as `failed`.
const LEADS_LOOKED_AT: u32 = 500;
/// Places that are never open of which a start tells one by one, those of most leads first.
const CLOSED_LANES_NAMED: usize = 5;

/// What the look before a start found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Why it cannot start.
    pub(crate) problems: Vec<FieldProblem>,
    /// What a person should know all the same.
    pub(crate) warnings: Vec<String>,
}

/// A field and the states in which it can change.
struct Lock {
    at: &'static str,
    changes: fn(&CampaignFields, &CampaignFields) -> bool,
    free_in: &'static [CampaignState],
}

const LOCKS: [Lock; 5] = {
    use CampaignState::{Draft, Paused, Scheduled};
    [
        Lock {
            at: "/agent_id",
            changes: |before, after| before.agent_id != after.agent_id,
            free_in: &[Draft, Scheduled, Paused],
        },
        Lock {
            at: "/consent",
            changes: |before, after| before.consent != after.consent,
            free_in: &[Draft, Scheduled, Paused],
        },
        Lock {
            at: "/consent_elsewhere",
            changes: |before, after| before.consent_elsewhere != after.consent_elsewhere,
            free_in: &[Draft, Scheduled, Paused],
        },
        Lock {
            at: "/kind",
            changes: |before, after| before.kind != after.kind,
            free_in: &[Draft, Scheduled, Paused],
        },
        Lock {
            at: "/starts_at",
            changes: |before, after| before.starts_at != after.starts_at,
            free_in: &[Draft, Scheduled],
        },
    ]
};

/// Fields that the change would change and that cannot change in the campaign's state.
pub(super) fn locked(before: &Campaign, after: &CampaignFields) -> Vec<FieldProblem> {
    match before.state {
        CampaignState::Completed | CampaignState::Cancelled => {
            let mut named = before.fields.clone();
            named.name.clone_from(&after.name);
            if named == *after {
                return Vec::new();
            }
            let says = "the campaign is over: only its name can change";
            vec![FieldProblem::new("", Fault::Locked, says)]
        }
        CampaignState::Draft
        | CampaignState::Scheduled
        | CampaignState::Running
        | CampaignState::Paused => LOCKS
            .iter()
            .filter(|lock| {
                !lock.free_in.contains(&before.state) && (lock.changes)(&before.fields, after)
            })
            .map(|lock| {
                let free: Vec<_> = lock.free_in.iter().map(|state| state.code()).collect();
                let says = format!(
                    "can change while the campaign is {}; it is {}",
                    free.join(", "),
                    before.state.code()
                );
                FieldProblem::new(lock.at, Fault::Locked, says)
            })
            .collect(),
    }
}

/// Which fields a change touches, by the first part of their names.
pub(super) struct Touched(BTreeSet<&'static str>);

pub(super) fn touched(before: &CampaignFields, after: &CampaignFields) -> Touched {
    let fields = [
        ("agent_id", before.agent_id != after.agent_id),
        ("amd", before.amd != after.amd),
        (
            "consent",
            before.consent != after.consent || before.consent_elsewhere != after.consent_elsewhere,
        ),
        ("disclosure", before.disclosure != after.disclosure),
        ("ends_at", before.ends_at != after.ends_at),
        ("kind", before.kind != after.kind),
        ("numbers", before.numbers != after.numbers),
        ("opt_out", before.opt_out != after.opt_out),
        (
            "windows",
            before.windows != after.windows
                || before.blocked_days != after.blocked_days
                || before.ends_at != after.ends_at,
        ),
    ];
    let changed = fields.into_iter().filter(|(_field, changed)| *changed);
    Touched(changed.map(|(field, _changed)| field).collect())
}

impl Touched {
    /// Whether the problem may come from the change.
    pub(super) fn concerns(&self, problem: &FieldProblem) -> bool {
        let Place::Body(pointer) = &problem.at else {
            return true;
        };
        let first = pointer.split('/').nth(1).unwrap_or_default();
        // What is said, who says it and whom it is said to hang together.
        let script = [
            "agent_id",
            "amd",
            "consent",
            "disclosure",
            "kind",
            "opt_out",
        ];
        if script.contains(&first) || first == "variables" {
            return script.iter().any(|field| self.0.contains(field));
        }
        self.0.contains(first)
    }
}

impl Campaigns {
    /// Everything that is wrong with the fields, all at once.
    ///
    /// # Errors
    /// When storage cannot be asked.
    pub async fn problems(
        &self,
        tenant: TenantId,
        fields: &CampaignFields,
    ) -> Result<Vec<FieldProblem>, Refused> {
        let mut problems = fields.problems();
        for (at, text) in texts(fields) {
            if let Err(wrong) = Template::parse(text) {
                let fault = prompts::fault(&wrong);
                problems.push(FieldProblem::new(at, fault, wrong.to_string()));
            }
        }
        let mut say = |at: &str, fault, says| problems.push(FieldProblem::new(at, fault, says));
        if let Some(agent) = fields.agent_id {
            match self.agents.get(tenant, agent).await? {
                None => say(AGENT, Fault::NotFound, "there is no such agent"),
                Some(agent) if agent.archived_at.is_some() => {
                    say(AGENT, Fault::Archived, "is archived: unarchive it first");
                }
                Some(_usable) => {}
            }
        }
        if fields.numbers.len() <= model::OUR_NUMBERS_MAX {
            let ours = self.numbers.of_tenant_among(tenant, &fields.numbers);
            let ours: BTreeMap<PhoneNumber, bool> = ours
                .await?
                .into_iter()
                .map(|row| (row.number, row.archived_at.is_some()))
                .collect();
            for (place, number) in fields.numbers.iter().enumerate() {
                let at = element("/numbers", place);
                match ours.get(number) {
                    None => say(&at, Fault::NotFound, "is not one of your numbers"),
                    Some(true) => say(&at, Fault::Archived, "is archived: unarchive it first"),
                    Some(false) => {}
                }
            }
        }
        Ok(problems)
    }

    /// What speaks against calling with this campaign now.
    pub(super) async fn check_start(&self, campaign: &Campaign) -> Result<Checked, Refused> {
        let tenant = campaign.tenant_id;
        let fields = &campaign.fields;
        let now = self.clock.now();
        let mut checked = Checked {
            problems: self.problems(tenant, fields).await?,
            warnings: Vec::new(),
        };
        if fields.ends_at.is_some_and(|end| end <= now) {
            checked.say("/ends_at", Fault::Conflict, "is over already");
        }
        if fields.numbers.is_empty() {
            let one = self.numbers.list(tenant, Shelf::InUse, None, 1).await?;
            if one.items.is_empty() {
                let says = "are missing: you have no number to call from";
                checked.say("/numbers", Fault::Missing, says);
            }
        }
        let lanes = self.leads.counts(tenant, campaign.id).await?;
        if fields.kind.is_some() {
            check_consent(fields, &lanes, &mut checked);
        } else {
            let says =
                "is needed before the start: what the calls are for decides hours and consent";
            checked.say("/kind", Fault::Missing, says);
        }
        self.check_leads(campaign, &lanes, &mut checked).await?;
        let Some(agent) = fields.agent_id else {
            checked.say(AGENT, Fault::Missing, "is needed before the start");
            return Ok(checked);
        };
        let Some(agent) = self.agents.get(tenant, agent).await? else {
            return Ok(checked);
        };
        if let Some((fault, says)) = vendors::unfit(&agent.fields, &self.vendors) {
            checked.say(AGENT, fault, &says);
        }
        let prompt = self.prompts.latest(tenant, agent.fields.prompt_id).await?;
        let Some(prompt) = prompt else {
            let says = "names an agent whose prompt is missing";
            checked.say(AGENT, Fault::NotFound, says);
            return Ok(checked);
        };
        check_script(fields, &agent.fields, &prompt, &lanes, &mut checked);
        self.check_variables(campaign, &prompt, &mut checked)
            .await?;
        Ok(checked)
    }

    async fn check_leads(
        &self,
        campaign: &Campaign,
        lanes: &[LaneCounts],
        checked: &mut Checked,
    ) -> Result<(), Refused> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        if campaign.state == CampaignState::Draft
            && self.campaigns.copying(tenant, id).await?.is_some()
        {
            checked.say(
                "/leads",
                Fault::Conflict,
                "are still being taken over from the other campaign: start it when all are there",
            );
        }
        let counts = LaneCounts::sum(lanes);
        if counts.total() == 0 {
            let says = "are missing: add or import some first";
            checked.say("/leads", Fault::Missing, says);
            return Ok(());
        }
        let waiting = lanes.iter().filter(|lane| lane.counts.waiting > 0);
        let waiting: Vec<&LaneCounts> = waiting.collect();
        let now = self.clock.now();
        let asked = waiting.iter().map(|lane| (lane.lane.id(), &lane.lane));
        let never = Lanes::new().open(campaign, asked, now).never;
        let is_closed = |lane: &&LaneCounts| never.contains(&lane.lane.id());
        let mut closed: Vec<&LaneCounts> = waiting.iter().copied().filter(is_closed).collect();
        if closed.is_empty() {
            return Ok(());
        }
        closed.sort_by_key(|lane| Reverse(lane.counts.waiting));
        let fields = &campaign.fields;
        let goes_on = fields
            .alternate_numbers
            .after
            .contains(&NextNumberAfter::NotAllowed);
        if closed.len() == waiting.len() && !goes_on {
            let opened_by = closed.first().map(|lane| &lane.lane);
            let opened_by = opened_by.map(|lane| dialer::openers(fields, lane, now));
            let says = format!(
                "never let anybody be called: no hour of them is within the legal hours of every zone \
                 that the leads may be in, before the campaign ends; {}",
                dialer::opened_by(&opened_by.unwrap_or_default())
            );
            checked.say("/windows", Fault::Conflict, &says);
            return Ok(());
        }
        let then = if goes_on {
            "they are called on their next number, or end as not_allowed"
        } else {
            "they end as not_allowed"
        };
        for lane in closed.iter().take(CLOSED_LANES_NAMED) {
            checked.warnings.push(never_called(fields, lane, then, now));
        }
        let others = closed.iter().skip(CLOSED_LANES_NAMED);
        let others: u64 = others.map(|lane| lane.counts.waiting).sum();
        if others > 0 {
            let says = format!("{others} more leads elsewhere can never be called either: {then}");
            checked.warnings.push(says);
        }
        Ok(())
    }

    /// Variables of the texts that no lead has a value for.
    async fn check_variables(
        &self,
        campaign: &Campaign,
        prompt: &PromptVersion,
        checked: &mut Checked,
    ) -> Result<(), Refused> {
        let needed = needed(&campaign.fields, Some(prompt));
        if needed.is_empty() {
            return Ok(());
        }
        let filter = LeadFilter {
            state: Some("waiting"),
            ..LeadFilter::default()
        };
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let page = self
            .leads
            .list(tenant, id, &filter, None, LEADS_LOOKED_AT)
            .await?;
        if page.items.is_empty() {
            return Ok(());
        }
        let leads = page.items.iter().map(|row| &row.lead.variables);
        let leads: Vec<&Variables> = leads.collect();
        for (name, lacking) in lacking(&needed, &leads) {
            if lacking == leads.len() {
                let at = member("/variables", name);
                let says = "is in the campaign's texts and no lead has a value for it";
                checked.say(&at, Fault::Missing, says);
            } else {
                checked.warnings.push(format!(
                    "{lacking} of the {} leads that were looked at have no value for {name}: such leads \
                     are not called and end as failed",
                    leads.len()
                ));
            }
        }
        Ok(())
    }
}

/// Leads that wait in a lane that never opens: how many and where, what becomes of them, what would open it.
fn never_called(
    fields: &CampaignFields,
    closed: &LaneCounts,
    then: &str,
    now: Timestamp,
) -> String {
    let leads = match closed.counts.waiting {
        1 => "1 lead".to_owned(),
        leads => format!("{leads} leads"),
    };
    let lane = &closed.lane;
    let place = match lane.zones.as_slice() {
        [] => "without a known zone".to_owned(),
        [only] => format!("in {only}"),
        [first, .., last] => format!("in {} zones from {first} to {last}", lane.zones.len()),
    };
    let opened_by = dialer::opened_by(&dialer::openers(fields, lane, now));
    format!("{leads} {place} can never be called in these windows: {then}; {opened_by}")
}

impl Checked {
    fn say(&mut self, at: &str, fault: Fault, says: &str) {
        self.problems.push(FieldProblem::new(at, fault, says));
    }
}

/// The fields that take variables.
fn texts(fields: &CampaignFields) -> impl Iterator<Item = (&'static str, &str)> {
    [
        ("/amd/voicemail_message", &fields.amd.voicemail_message),
        ("/amd/screening_answer", &fields.amd.screening_answer),
        ("/opt_out/acknowledgement", &fields.opt_out.acknowledgement),
        ("/disclosure/opening", &fields.disclosure.opening),
    ]
    .into_iter()
    .filter_map(|(field, text)| Some((field, text.as_deref()?)))
}

/// The variables of everything that a campaign says, as its agent and texts are now.
pub(crate) async fn variables_said(
    agents: &Agents,
    prompts: &Prompts,
    tenant: TenantId,
    fields: &CampaignFields,
) -> Result<BTreeSet<String>, StoreError> {
    let agent = match fields.agent_id {
        Some(agent) => agents.get(tenant, agent).await?,
        None => None,
    };
    let prompt = match agent {
        Some(agent) => prompts.latest(tenant, agent.fields.prompt_id).await?,
        None => None,
    };
    Ok(needed(fields, prompt.as_ref()))
}

/// The variables of everything that is said.
fn needed(fields: &CampaignFields, prompt: Option<&PromptVersion>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(prompt) = prompt {
        names.extend(prompt.system.variables().map(str::to_owned));
        // The campaign's opening comes in place of the prompt's greeting.
        if fields.disclosure.opening.is_none() {
            names.extend(prompt.greeting.variables().map(str::to_owned));
        }
    }
    for (_field, text) in texts(fields) {
        if let Ok(template) = Template::parse(text) {
            names.extend(template.variables().map(str::to_owned));
        }
    }
    names
}

/// How many leads have no value for each of these variables; those that all have are left out.
pub(crate) fn lacking<'a>(
    needed: &'a BTreeSet<String>,
    leads: &[&Variables],
) -> BTreeMap<&'a str, usize> {
    let has =
        |lead: &Variables, name: &str| lead.get(name).is_some_and(|value| !value.trim().is_empty());
    needed
        .iter()
        .map(|name| {
            let lacking = leads.iter().filter(|lead| !has(lead, name)).count();
            (name.as_str(), lacking)
        })
        .filter(|(_name, lacking)| *lacking > 0)
        .collect()
}

/// Whether what is said first says what the rules of the leads' places demand.
fn check_script(
    fields: &CampaignFields,
    agent: &AgentFields,
    prompt: &PromptVersion,
    lanes: &[LaneCounts],
    checked: &mut Checked,
) {
    let places: BTreeSet<&str> = lanes
        .iter()
        .filter(|lane| lane.counts.waiting > 0)
        .flat_map(|lane| jurisdictions(&lane.lane))
        .collect();
    let greeting = prompt.greeting.to_string();
    let disclosure = &fields.disclosure;
    let leaves = fields.amd.machine == MachineAction::LeaveMessage;
    let script = Script {
        language: &agent.language,
        opening: disclosure.opening.as_deref().unwrap_or(&greeting),
        voicemail: fields
            .amd
            .voicemail_message
            .as_deref()
            .filter(|_message| leaves),
        business_name: disclosure.business_name.as_deref(),
        purpose: disclosure.purpose.as_deref(),
        opt_out_key: fields.opt_out.key,
        marketing: fields.kind == Some(CallKind::Sales),
        // Every call is, see `carrier::call::MachineDetection`.
        recorded: true,
    };
    for wrong in dialer::script_problems(&script, places.iter().copied()) {
        checked.say(wrong.field(), Fault::Conflict, &wrong.to_string());
    }
}

/// Whether leads have agreed to such calls, as far as their places and the campaign ask for it.
fn check_consent(fields: &CampaignFields, lanes: &[LaneCounts], checked: &mut Checked) {
    let terms = Terms::artificial(fields.kind);
    let elsewhere = fields.consent_elsewhere.as_ref();
    let elsewhere = elsewhere.map(|elsewhere| elsewhere.kind);
    let (mut lacking, mut all) = (BTreeMap::<ConsentKind, u64>::new(), 0_u64);
    for lane in lanes.iter().filter(|lane| lane.counts.waiting > 0) {
        let waiting = lane.counts.waiting;
        all = all.saturating_add(waiting);
        let needed = dialer::least_consent(terms, jurisdictions(&lane.lane)).max(fields.consent);
        let given = lane.lane.consent.max(elsewhere);
        if let Some(needed) = needed.filter(|needed| given < Some(*needed)) {
            let leads = lacking.entry(needed).or_default();
            *leads = leads.saturating_add(waiting);
        }
    }
    if lacking.is_empty() {
        return;
    }
    let say = |(needed, leads): (&ConsentKind, &u64)| {
        let needed = needed.code();
        format!("{leads} of {all} leads lack the {needed} consent that is needed")
    };
    let told: Vec<String> = lacking.iter().map(say).collect();
    let told = told.join(", ");
    if lacking.values().sum::<u64>() < all {
        let warning = format!("{told}: they end as not_allowed");
        checked.warnings.push(warning);
    } else {
        let says = format!(
            "nobody could be called: {told}; name it in the columns consent_kind and consent_at, or say in \
             consent_elsewhere where it is kept"
        );
        checked.say("/consent", Fault::Conflict, &says);
    }
}

/// A lane without a place is under the default rules.
fn jurisdictions(lane: &Lane) -> Vec<&str> {
    if lane.jurisdictions.is_empty() {
        vec![dialer::DEFAULT.jurisdiction]
    } else {
        lane.jurisdictions.iter().map(String::as_str).collect()
    }
}
