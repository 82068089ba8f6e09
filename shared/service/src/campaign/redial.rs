//! Redial: a new draft with those leads of a campaign that are done in a certain way.
//!
//! The draft, and a note of which leads it takes, are written in one transaction; leads follow page by
//! page, at first in the request, then by the scheduler, until the note says that all are there. Until
//! then the draft cannot be started, so that a list is never half there unseen. Each page may be repeated:
//! leads have derived ids.

use jiff::Timestamp;
use model::{
    CampaignFields, CampaignId, Lead, LeadId, LeadResult, LeadState, Outcome, Rotation, TenantId,
    element,
};
use serde::{Deserialize, Serialize};
use store::{BindingRefused, Copy, LeadFilter, LeadsRefused, StoreError};

use super::{AGENT, CampaignWithCopy, Campaigns};
use crate::context::requests::Keyed;
use crate::{Fault, FieldProblem, IdempotencyKey, Refused};

/// Leads that are read at once.
const PAGE: u32 = 500;
/// Pages that the request itself does: a list of some thousand leads is whole in the answer.
const PAGES_AT_ONCE: u32 = 8;

/// Which leads of a campaign are called again, in a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Redial {
    /// Leads that are done with one of these.
    pub results: Vec<LeadResult>,
    /// Leads that are done and whose last call ended with one of these.
    pub outcomes: Vec<Outcome>,
    /// The new campaign's; absent: the old one's with "(redial)".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Campaigns {
    /// Makes a draft with the fields of a campaign and those of its leads that match.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn redial(
        &self,
        tenant: TenantId,
        from: CampaignId,
        redial: &Redial,
        key: Option<&IdempotencyKey>,
    ) -> Result<CampaignWithCopy, Refused> {
        let keyed = Keyed::new("redials", key, &(from, redial))?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.get_with_copy(tenant, made).await;
        }
        let old = self.get(tenant, from).await?;
        let problems = problems(redial);
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        let name = redial.name.clone().unwrap_or_else(|| {
            format!(
                "{} (redial)",
                old.fields.name.chars().take(90).collect::<String>()
            )
        });
        let fields = CampaignFields {
            name,
            starts_at: None,
            ends_at: None,
            ..old.fields
        };
        self.check_fields(tenant, &fields).await?;
        let campaign = self.draft(tenant, fields);
        let copy = Copy {
            from,
            results: redial.results.clone(),
            outcomes: redial.outcomes.clone(),
            after: None,
            leads_copied: 0,
            pages: 0,
        };
        let at = campaign.created_at;
        let made = keyed.as_ref().map(|keyed| keyed.makes(&campaign.id, at));
        let created = self
            .campaigns
            .create_copy(&campaign, &copy, made.as_ref())
            .await;
        match created {
            Ok(()) => {}
            Err(BindingRefused::Changed) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                let made = made.ok_or(StoreError::Conflict)?;
                return self.get_with_copy(tenant, made).await;
            }
            Err(refused) => return Err(Refused::unbound(AGENT, refused)),
        }
        for _page in 0..PAGES_AT_ONCE {
            if !copy_page(
                &self.campaigns,
                &self.leads,
                tenant,
                campaign.id,
                self.clock.now(),
            )
            .await?
            {
                break;
            }
        }
        self.get_with_copy(tenant, campaign.id).await
    }
}

/// Takes a page of leads over into a draft that has not got them all. Whether more may follow.
///
/// # Errors
/// When storage does not do it; the next try goes on.
pub(crate) async fn copy_page(
    campaigns: &store::Campaigns,
    leads: &store::Leads,
    tenant: TenantId,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(copy) = campaigns.copying(tenant, campaign).await? else {
        return Ok(false);
    };
    let filter = LeadFilter {
        state: Some("done"),
        ..LeadFilter::default()
    };
    let page = leads
        .list(tenant, copy.from, &filter, copy.after, PAGE)
        .await?;
    let fresh: Vec<Lead> = page
        .items
        .iter()
        .filter(|row| matches(&copy, &row.lead))
        .map(|row| again(&row.lead, campaign, now))
        .collect();
    match leads.insert_many(tenant, campaign, &fresh).await {
        Ok(_inserted) => {}
        // The draft was deleted meanwhile: whoever removes its leads removes the note.
        Err(LeadsRefused::NotLetIn { .. }) => return Ok(false),
        Err(LeadsRefused::Changed) => return Err(StoreError::Conflict),
        Err(LeadsRefused::Store(error)) => return Err(error),
    }
    let copied = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
    let next = Copy {
        after: page.next,
        leads_copied: copy.leads_copied.saturating_add(copied),
        pages: copy.pages.saturating_add(1),
        ..copy
    };
    let noted = if page.next.is_some() {
        campaigns.copied_page(tenant, campaign, &next).await
    } else {
        campaigns.copied(tenant, campaign).await
    };
    match noted {
        Ok(()) => Ok(page.next.is_some()),
        // Somebody else did the same page: it is done, and they go on.
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

fn problems(redial: &Redial) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if redial.results.is_empty() && redial.outcomes.is_empty() {
        let says = "or `results` must name who is called again";
        problems.push(FieldProblem::new("/outcomes", Fault::Missing, says));
    }
    for (place, result) in redial.results.iter().enumerate() {
        if let Some(says) = cannot_be(*result) {
            let at = element("/results", place);
            problems.push(FieldProblem::new(at, Fault::Conflict, says));
        }
    }
    for (place, outcome) in redial.outcomes.iter().enumerate() {
        if *outcome == Outcome::OptedOut {
            let says = ASKED_NOT_TO_BE;
            let at = element("/outcomes", place);
            problems.push(FieldProblem::new(at, Fault::Conflict, says));
        }
    }
    problems
}

const ASKED_NOT_TO_BE: &str = "cannot be called again: they asked not to be";

/// Why leads with this result are not called again.
const fn cannot_be(result: LeadResult) -> Option<&'static str> {
    match result {
        LeadResult::OptedOut | LeadResult::Suppressed => Some(ASKED_NOT_TO_BE),
        LeadResult::Renumbered => Some("cannot be called again: the number was wrong"),
        LeadResult::Reached
        | LeadResult::VoicemailLeft
        | LeadResult::Unreachable
        | LeadResult::Exhausted
        | LeadResult::NotAllowed
        | LeadResult::Failed
        | LeadResult::Cancelled => None,
    }
}

fn matches(copy: &Copy, lead: &Lead) -> bool {
    let LeadState::Done { result, .. } = lead.state else {
        return false;
    };
    if cannot_be(result).is_some() {
        return false;
    }
    let outcome = lead.last_outcome;
    copy.results.contains(&result)
        || outcome.is_some_and(|outcome| copy.outcomes.contains(&outcome))
}

/// The lead in another campaign, as if it had just been added.
fn again(lead: &Lead, campaign_id: CampaignId, now: Timestamp) -> Lead {
    Lead {
        id: LeadId::of(campaign_id, &lead.number),
        campaign_id,
        number: lead.number.clone(),
        lane: lead.lane.clone(),
        alternates: lead.alternates.clone(),
        rotation: Rotation::default(),
        stated_place: lead.stated_place.clone(),
        counted_lane: None,
        variables: lead.variables.clone(),
        priority: lead.priority,
        consent: lead.consent.clone(),
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
