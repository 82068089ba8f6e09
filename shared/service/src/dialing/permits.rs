//! "May I call this number now?": the answer that the gate would give, in full, without a call.

use std::sync::Arc;

use dialer::{Asking, Single, permit};
use model::{
    CallKind, Campaign, CampaignId, Consent, ConsentKind, Contact, Lane, Lead, LeadId, Permit,
    PhoneNumber, TenantId,
};

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
    /// Whom the number belongs to in the campaign that was asked for.
    pub lead: Option<Lead>,
}

/// For whom a number would be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledFor {
    /// Nobody of a campaign: a single call, for which this is said.
    Single(Option<CallKind>, Option<ConsentKind>),
    /// The campaign's lead that is known by the number, if there is one.
    Campaign(CampaignId),
    /// A lead that has the number, as its own or besides.
    Lead(CampaignId, LeadId),
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

    /// Decides as the gate would, now. With a campaign its rules apply, and what is known of the lead.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn check(
        &self,
        tenant: TenantId,
        to: &PhoneNumber,
        called_for: CalledFor,
    ) -> Result<Checked, Refused> {
        let (campaign, lead) = self.asked_for(tenant, to, called_for).await?;
        let contact = self.contacts.get(tenant, to).await?;
        let own = lead.as_ref().and_then(|lead| lead.lane_of(to));
        let (kind, consent) = match called_for {
            CalledFor::Single(kind, consent) => (kind, consent),
            CalledFor::Campaign(_) | CalledFor::Lead(_, _) => (None, None),
        };
        let consent = consent.map(|kind| Consent {
            kind,
            at: None,
            source: None,
        });
        let lane = own.map_or_else(|| lane_of(to, consent.as_ref()), Lane::clone);
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
            single: Single {
                kind,
                consent: consent.as_ref(),
            },
            lead: lead.as_ref(),
            call_id: None,
        };
        let permit = permit(&asking, self.clock.now());
        Ok(Checked { permit, lead })
    }

    async fn asked_for(
        &self,
        tenant: TenantId,
        to: &PhoneNumber,
        called_for: CalledFor,
    ) -> Result<(Option<Campaign>, Option<Lead>), Refused> {
        let (campaign, lead) = match called_for {
            CalledFor::Single(_kind, _consent) => return Ok((None, None)),
            CalledFor::Campaign(campaign) => (campaign, None),
            CalledFor::Lead(campaign, lead) => (campaign, Some(lead)),
        };
        let found = self.campaigns.get(tenant, campaign).await?;
        let found = found.ok_or_else(|| unfit("campaign_id", "there is no such campaign"))?;
        let row = match lead {
            None => self.leads.of_number(tenant, campaign, to).await?,
            Some(id) => {
                let row = self.leads.get(tenant, campaign, id).await?;
                let row = row.filter(|row| row.lead.lane_of(to).is_some());
                let says = "is no lead of the campaign that has this number";
                Some(row.ok_or_else(|| unfit("lead_id", says))?)
            }
        };
        Ok((Some(found), row.map(|row| row.lead)))
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

fn unfit(parameter: &'static str, says: &str) -> Refused {
    Refused::Invalid(vec![FieldProblem::parameter(
        parameter,
        Fault::NotFound,
        says,
    )])
}
