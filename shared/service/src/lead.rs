//! Leads by hand: add, read, list, change and remove while they wait, export.
//!
//! A number is one lead of a campaign, however often it is added. Numbers that must not be called are
//! kept out when they are added, and looked at again at the moment of dialling.

pub mod export;
pub mod imports;
pub mod suppressions;

use std::collections::BTreeSet;
use std::sync::Arc;

use dialer::{NumberKind, Place, ZoneName};
use jiff::Timestamp;
use model::{
    Campaign, CampaignId, CampaignState, Consent, Contact, EventKind, Lead, LeadId, LeadPriority,
    LeadState, PhoneNumber, TenantId, VALUE_CHARS_MAX, Variables, element, member,
};
use serde::{Deserialize, Serialize};
use store::{LeadFilter, LeadPage, LeadRow, LeadsRefused, StoreError};

use crate::call::VARIABLES_MAX;
use crate::campaign::entry::Entries;
use crate::{Clock, Fault, FieldProblem, Ids, Refused};

/// Leads of one request. More come in several requests, or as a file.
pub const LEADS_AT_ONCE_MAX: usize = 1_000;
/// Bytes of a lead's variables with their names, all together: as long as a row of an imported list may be.
pub const VARIABLES_BYTES_MAX: usize = 32 * 1024;
/// The longest text on where a consent was given.
pub const CONSENT_SOURCE_CHARS_MAX: usize = 500;

/// Tries of a write while its campaign is closed, opened or completed by others.
const ENTRY_TRIES_MAX: u32 = 8;

/// A lead as a user adds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewLead {
    pub number: PhoneNumber,
    /// The lead's own zone, an IANA name; absent: every zone that the number may be in.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = "time-zone", example = "America/Chicago"))]
    #[serde(default, deserialize_with = "zone")]
    pub zone: Option<ZoneName>,
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    #[serde(default)]
    pub variables: Variables,
    #[serde(default)]
    pub priority: LeadPriority,
    #[serde(default)]
    pub consent: Option<Consent>,
    /// Not called before; absent: at once.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

/// What may be set of a lead, and changed while it waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LeadFields {
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub variables: Variables,
    pub priority: LeadPriority,
    pub consent: Option<Consent>,
    /// Not called before; absent: at once.
    pub due_at: Option<Timestamp>,
}

/// What became of a lead that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = LeadAdded))]
#[serde(rename_all = "snake_case")]
pub enum Added {
    Added,
    /// The campaign, or the same request, has the number already.
    ThereAlready,
    /// The number must not be called: it was kept out.
    Suppressed,
}

/// The use cases of leads.
#[derive(Debug, Clone)]
pub struct Leads {
    campaigns: store::Campaigns,
    entries: Entries,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    leads: store::Leads,
    ids: Ids,
}

impl Leads {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            campaigns: store.campaigns.clone(),
            entries: Entries::new(store.campaigns.clone(), Arc::clone(&clock), ids.clone()),
            clock,
            contacts: store.contacts.clone(),
            leads: store.leads.clone(),
            ids,
        }
    }

    /// Adds leads to a campaign: all of them, or none and everything that is wrong. May be repeated: who is
    /// there already stays as they are. A campaign that is completed goes on with them.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        new: &[NewLead],
    ) -> Result<Vec<(LeadId, Added)>, Refused> {
        let found = self.entries.campaign(tenant, campaign).await?;
        let problems = problems(new);
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        let numbers: Vec<PhoneNumber> = new.iter().map(|lead| lead.number.clone()).collect();
        let contacts = self.contacts.batch_get(tenant, &numbers).await?;
        let suppressed = |number: &PhoneNumber| {
            contacts
                .iter()
                .any(|row| row.number == *number && is_suppressed(&row.contact))
        };
        let now = self.clock.now();
        let rows: Vec<Lead> = new
            .iter()
            .filter(|lead| !suppressed(&lead.number))
            .map(|lead| row(lead, campaign, now))
            .collect();
        let mut added = self.let_in(&found, &rows).await?;
        if !added.is_empty() {
            self.tell(&found, now).await?;
        }
        let became = new.iter().map(|lead| {
            let id = LeadId::of(campaign, &lead.number);
            // Of a number that was given twice the first is the lead.
            let became = if added.remove(&id) {
                Added::Added
            } else if suppressed(&lead.number) {
                Added::Suppressed
            } else {
                Added::ThereAlready
            };
            (id, became)
        });
        Ok(became.collect())
    }

    /// Lets leads into a campaign, which may be closed or opened meanwhile. Answers those that are new.
    async fn let_in(
        &self,
        campaign: &Campaign,
        leads: &[Lead],
    ) -> Result<BTreeSet<LeadId>, Refused> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let mut entry = self.entries.of(campaign)?;
        let mut all = BTreeSet::new();
        for _try in 0..ENTRY_TRIES_MAX {
            match self.leads.let_in(tenant, id, leads, entry).await {
                Ok(inserted) => {
                    all.extend(inserted.added);
                    return Ok(all);
                }
                Err(LeadsRefused::NotLetIn { because, added }) => {
                    all.extend(added);
                    entry = self.entries.again(tenant, id, because).await?;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Reads a lead.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
    ) -> Result<LeadRow, Refused> {
        self.there(tenant, campaign).await?;
        let found = self.leads.get(tenant, campaign, lead).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Leads of a campaign that pass the filter, in a fixed order, after a lead. A page may have fewer
    /// than `limit`, or none, and another one after it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        filter: &LeadFilter,
        after: Option<LeadId>,
        limit: u32,
    ) -> Result<LeadPage, Refused> {
        self.there(tenant, campaign).await?;
        let leads = &self.leads;
        Ok(leads.list(tenant, campaign, filter, after, limit).await?)
    }

    /// What may be changed of a lead, as it is now.
    #[must_use]
    pub fn fields(lead: &Lead) -> LeadFields {
        LeadFields {
            variables: lead.variables.clone(),
            priority: lead.priority,
            consent: lead.consent.clone(),
            due_at: match lead.state {
                LeadState::Waiting { due_at } => Some(due_at),
                LeadState::Calling { .. } | LeadState::Done { .. } => None,
            },
        }
    }

    /// Changes a lead that waits and has the version that the change was made from.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::LeadNotWaiting`] while it is called and when it is done.
    pub async fn change(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
        version: u64,
        fields: LeadFields,
    ) -> Result<LeadRow, Refused> {
        let before = self.get(tenant, campaign, lead).await?;
        if before.row_version != version {
            return Err(changed(&before));
        }
        let LeadState::Waiting { .. } = before.lead.state else {
            return Err(Refused::LeadNotWaiting);
        };
        let problems = fields.problems();
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        let now = self.clock.now();
        let after = Lead {
            variables: fields.variables,
            priority: fields.priority,
            consent: fields.consent,
            state: LeadState::Waiting {
                due_at: fields.due_at.unwrap_or(now),
            },
            updated_at: now,
            ..before.lead.clone()
        };
        match self.leads.replace(tenant, &before, &after).await {
            Ok(row) => Ok(row),
            Err(LeadsRefused::Changed) => Err(changed(&self.get(tenant, campaign, lead).await?)),
            Err(error) => Err(refused(error)),
        }
    }

    /// Removes a lead that waits. Its calls, if there were any, are kept.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::LeadNotWaiting`] while it is called and when it is done.
    pub async fn remove(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
    ) -> Result<(), Refused> {
        loop {
            let row = self.get(tenant, campaign, lead).await?;
            let LeadState::Waiting { .. } = row.lead.state else {
                return Err(Refused::LeadNotWaiting);
            };
            // Whoever was faster has changed it: it is looked at again, until it does not wait.
            if self.leads.remove_many(tenant, &[row]).await? == 1 {
                return Ok(());
            }
        }
    }

    async fn there(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        found.map(|_there| ()).ok_or(Refused::NotFound)
    }

    /// Leads of a running campaign that are new, or may be called where they might not, may be called at once. One
    /// that is opened with them is told of in that transaction.
    async fn tell(&self, campaign: &Campaign, now: Timestamp) -> Result<(), Refused> {
        let (campaign_id, state) = (campaign.id, campaign.state);
        if state != CampaignState::Running {
            return Ok(());
        }
        let kind = EventKind::CampaignChanged { campaign_id, state };
        let event = self.ids.event(campaign.tenant_id, kind, now);
        Ok(self.campaigns.tell(&event).await?)
    }
}

pub(crate) fn is_suppressed(contact: &Contact) -> bool {
    contact.suppression.is_some()
}

fn row(new: &NewLead, campaign_id: CampaignId, now: Timestamp) -> Lead {
    Lead {
        id: LeadId::of(campaign_id, &new.number),
        campaign_id,
        number: new.number.clone(),
        lane: Place::of(&new.number).lane(new.zone.as_ref()),
        variables: new.variables.clone(),
        priority: new.priority,
        consent: new.consent.clone(),
        state: LeadState::Waiting {
            due_at: new.due_at.unwrap_or(now),
        },
        attempts: 0,
        faults: 0,
        last_call_id: None,
        last_attempt_at: None,
        last_outcome: None,
        import_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// Everything that is wrong with leads that are to be added, all at once.
#[must_use]
pub fn problems(new: &[NewLead]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if !(1..=LEADS_AT_ONCE_MAX).contains(&new.len()) {
        let says = format!("must be from 1 to {LEADS_AT_ONCE_MAX}, are {}", new.len());
        problems.push(FieldProblem::new("/leads", Fault::OutOfRange, says));
        return problems;
    }
    for (place, lead) in new.iter().enumerate() {
        let at = element("/leads", place);
        let says = match Place::of(&lead.number).kind() {
            NumberKind::Invalid => {
                let says = "is in no range of numbers that its country has";
                Some((Fault::Malformed, says))
            }
            NumberKind::Premium => Some((Fault::OutOfRange, "is a premium-rate number")),
            NumberKind::Geographic
            | NumberKind::Mobile
            | NumberKind::TollFree
            | NumberKind::Other => None,
        };
        problems.extend(
            says.map(|(fault, says)| FieldProblem::new(member(&at, "number"), fault, says)),
        );
        field_problems(&at, &lead.variables, lead.consent.as_ref(), &mut problems);
    }
    problems
}

impl LeadFields {
    /// Everything that is wrong with them, all at once.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let consent = self.consent.as_ref();
        field_problems("", &self.variables, consent, &mut problems);
        problems
    }
}

fn field_problems(
    at: &str,
    variables: &Variables,
    consent: Option<&Consent>,
    problems: &mut Vec<FieldProblem>,
) {
    let variables_at = member(at, "variables");
    if variables.len() > VARIABLES_MAX {
        let says = format!("must be at most {VARIABLES_MAX}, are {}", variables.len());
        problems.push(FieldProblem::new(&variables_at, Fault::OutOfRange, says));
    }
    for (name, value) in variables.iter().take(VARIABLES_MAX) {
        let chars = value.chars().count();
        if chars > VALUE_CHARS_MAX {
            let says = format!("must have at most {VALUE_CHARS_MAX} characters, has {chars}");
            let at = member(&variables_at, name);
            problems.push(FieldProblem::new(at, Fault::OutOfRange, says));
        }
    }
    let bytes = variables
        .iter()
        .map(|(name, value)| name.len() + value.len());
    let bytes: usize = bytes.sum();
    if bytes > VARIABLES_BYTES_MAX {
        let says = format!("must have at most {VARIABLES_BYTES_MAX} bytes in all, have {bytes}");
        problems.push(FieldProblem::new(&variables_at, Fault::OutOfRange, says));
    }
    let source = consent.and_then(|consent| consent.source.as_ref());
    if source.is_some_and(|source| source.chars().count() > CONSENT_SOURCE_CHARS_MAX) {
        let says = format!("must have at most {CONSENT_SOURCE_CHARS_MAX} characters");
        problems.push(FieldProblem::new(
            format!("{at}/consent/source"),
            Fault::OutOfRange,
            says,
        ));
    }
}

fn changed(row: &LeadRow) -> Refused {
    let current = u32::try_from(row.row_version).unwrap_or(u32::MAX);
    Refused::RevisionChanged { current }
}

fn refused(error: LeadsRefused) -> Refused {
    match error {
        LeadsRefused::NotLetIn { .. } | LeadsRefused::Changed => {
            Refused::Unavailable(StoreError::Conflict)
        }
        LeadsRefused::Store(error) => Refused::Unavailable(error),
    }
}

fn zone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<ZoneName>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let zone = text.map(|text| text.parse::<ZoneName>());
    zone.transpose().map_err(serde::de::Error::custom)
}
