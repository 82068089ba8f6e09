//! How leads come into a campaign: by a list, by hand, and late.
//!
//! One rule for all of them. An open campaign takes leads. One that is completed goes on with the first that is new,
//! in the transaction that brings it, so that of two lists at once one opens it and both come in. One that was cancelled,
//! or whose end is past, takes nobody.

use std::sync::Arc;

use jiff::Timestamp;
use model::{Campaign, CampaignId, CampaignState, EventKind, TenantId};
use store::{Entry, NotLetIn, Reopening};

use super::AGENT;
use crate::{Clock, Fault, FieldProblem, Ids, Refused};

/// Decides on entries.
#[derive(Debug, Clone)]
pub(crate) struct Entries {
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Entries {
    pub(crate) fn new(campaigns: store::Campaigns, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            campaigns,
            clock,
            ids,
        }
    }

    /// The campaign, if leads may come into it.
    pub(crate) async fn campaign(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Campaign, Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        let found = found.ok_or(Refused::NotFound)?;
        check(&found, self.clock.now())?;
        Ok(found)
    }

    /// How leads come into a campaign as it was read.
    pub(crate) fn of(&self, campaign: &Campaign) -> Result<Entry, Refused> {
        let now = self.clock.now();
        check(campaign, now)?;
        if !campaign.state.is_closed() {
            return Ok(Entry::Open);
        }
        let after = Campaign {
            state: CampaignState::Running,
            updated_at: now,
            revision: campaign.revision.saturating_add(1),
            ..going_on(campaign.clone(), now)
        };
        let kind = EventKind::CampaignChanged {
            campaign_id: after.id,
            state: after.state,
        };
        Ok(Entry::Reopening(Box::new(Reopening {
            event: self.ids.event(after.tenant_id, kind, now),
            before: campaign.clone(),
            after,
        })))
    }

    /// How leads come in that were not let in: the campaign is read again.
    pub(crate) async fn again(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        because: NotLetIn,
    ) -> Result<Entry, Refused> {
        match because {
            NotLetIn::Campaign => self.of(&self.campaign(tenant, campaign).await?),
            NotLetIn::AgentArchived => Err(cannot_go_on(
                Fault::Archived,
                "is archived: the campaign goes on with it once it is unarchived",
            )),
            NotLetIn::AgentFull => Err(cannot_go_on(
                Fault::OutOfRange,
                "is used by as many others as may be: the campaign goes on with it when one is over",
            )),
        }
    }
}

/// A campaign that was completed, as it calls once more: its ramp begins anew.
pub(crate) fn going_on(campaign: Campaign, now: Timestamp) -> Campaign {
    Campaign {
        ended_at: None,
        last_started_at: Some(now),
        ..campaign
    }
}

fn check(campaign: &Campaign, now: Timestamp) -> Result<(), Refused> {
    let says = match campaign.state {
        CampaignState::Draft
        | CampaignState::Scheduled
        | CampaignState::Running
        | CampaignState::Paused => return Ok(()),
        CampaignState::Completed => {
            if campaign.fields.ends_at.is_none_or(|end| now < end) {
                return Ok(());
            }
            "is completed, and its `ends_at` is past"
        }
        CampaignState::Cancelled => "is cancelled, and that is for good",
    };
    Err(Refused::CampaignClosed { says })
}

fn cannot_go_on(fault: Fault, says: &str) -> Refused {
    Refused::CannotStart(vec![FieldProblem::new(AGENT, fault, says)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_come_into_whatever_may_still_call_and_open_what_is_completed() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let (past, later) = ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z");
        let mut table = String::new();
        for (state, ends_at) in CampaignState::ALL
            .into_iter()
            .flat_map(|state| [None, Some(past), Some(later)].map(|end| (state, end)))
        {
            let mut campaign = support::campaign(
                TenantId::from_parts(0, 0),
                CampaignId::from_parts(0, 0),
                now,
            );
            campaign.state = state;
            campaign.fields.ends_at = ends_at.map(|at| at.parse().unwrap());
            let may = match check(&campaign, now) {
                Ok(()) => "may",
                Err(Refused::CampaignClosed { says }) => says,
                Err(_other) => "?",
            };
            let end = match ends_at {
                None => "",
                Some(at) if at == past => ", end past",
                Some(_later) => ", end later",
            };
            table.push_str(&format!("{}{end}: {may}\n", state.code()));
        }
        expect_test::expect![[r#"
            draft: may
            draft, end past: may
            draft, end later: may
            scheduled: may
            scheduled, end past: may
            scheduled, end later: may
            running: may
            running, end past: may
            running, end later: may
            paused: may
            paused, end past: may
            paused, end later: may
            completed: may
            completed, end past: is completed, and its `ends_at` is past
            completed, end later: may
            cancelled: is cancelled, and that is for good
            cancelled, end past: is cancelled, and that is for good
            cancelled, end later: is cancelled, and that is for good
        "#]]
        .assert_eq(&table);
    }
}
