//! "May I call this number now?": the answer that the gate would give, in full, without a call.

use std::sync::Arc;

use dialer::{Asking, permit};
use model::{Campaign, CampaignId, Contact, Lead, Permit, PhoneNumber, TenantId};

use crate::dialing::policy::lane_of;
use crate::{Clock, Fault, FieldProblem, Refused};

/// The use cases of permits.
#[derive(Debug, Clone)]
pub struct Permits {
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    leads: store::Leads,
}

/// A permit with what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub permit: Permit,
    /// The number's lead in the campaign that was asked for.
    pub lead: Option<Lead>,
}

impl Permits {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            campaigns: store.campaigns.clone(),
            clock,
            contacts: store.contacts.clone(),
            leads: store.leads.clone(),
        }
    }

    /// Decides as the gate would, now. With a campaign its rules apply, and the number's lead in it
    /// counts if there is one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn check(
        &self,
        tenant: TenantId,
        to: &PhoneNumber,
        campaign: Option<CampaignId>,
    ) -> Result<Checked, Refused> {
        let (campaign, lead): (Option<Campaign>, Option<Lead>) = match campaign {
            None => (None, None),
            Some(id) => {
                let found = self.campaigns.get(tenant, id).await?;
                let campaign = found.ok_or_else(no_campaign)?;
                let row = self.leads.of_number(tenant, id, to).await?;
                (Some(campaign), row.map(|row| row.lead))
            }
        };
        let contact = self.contacts.get(tenant, to).await?;
        let lane = lead
            .as_ref()
            .map_or_else(|| lane_of(to), |lead| lead.lane.clone());
        let numbers = lead.iter().flat_map(|lead| lead.numbers_besides(to));
        let numbers: Vec<PhoneNumber> = numbers.cloned().collect();
        let others = if numbers.is_empty() {
            Vec::new()
        } else {
            self.contacts.batch_get(tenant, &numbers).await?
        };
        let others: Vec<&Contact> = others.iter().map(|row| &row.contact).collect();
        let asking = Asking {
            number: to,
            lane: &lane,
            contact: Some(&contact),
            others: &others,
            campaign: campaign.as_ref(),
            lead: lead.as_ref(),
            call_id: None,
        };
        let permit = permit(&asking, self.clock.now());
        Ok(Checked { permit, lead })
    }
}

/// The answer in a sentence.
#[must_use]
pub fn sentence(permit: &Permit) -> String {
    let Some(rule) = permit.denied_by else {
        let overridden = permit.checks.iter().filter(|check| !check.passed);
        let overridden: Vec<&str> = overridden.map(|check| check.rule.code()).collect();
        return if overridden.is_empty() {
            "Yes: every rule that was looked at allows a call now.".to_owned()
        } else {
            format!("Yes, by an override of {}.", overridden.join(", "))
        };
    };
    let because = permit.checks.iter().find(|check| !check.passed);
    let because = because.map_or(rule.code(), |check| check.because.as_str());
    let when = permit.retry_at.map_or_else(
        || " Asking later is of no use unless something changes.".to_owned(),
        |at| format!(" Ask again at {at}."),
    );
    format!("No: {} ({because}).{when}", rule.code())
}

fn no_campaign() -> Refused {
    let says = "there is no such campaign";
    Refused::Invalid(vec![FieldProblem::parameter(
        "campaign_id",
        Fault::NotFound,
        says,
    )])
}
