//! Campaigns, with revisions that edits must name, and the list of those that somebody looks after.
//!
//! A campaign is on the active list from its first start or schedule until [`Campaigns::retire`]: in
//! the same transaction as each change of its state. A closed or deleted one stays there until its
//! leads are settled, so that whoever walks the list finds the chore; so does a draft that takes leads of
//! another campaign over. Leads only come into campaigns that
//! are open, or that are opened again in the transaction that brings them ([`Entry`]), so what is counted of
//! a closed one is final.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{
    Campaign, CampaignId, CampaignState, DomainEvent, LeadId, LeadResult, Outcome, TenantId,
};
use serde::{Deserialize, Serialize};

use crate::rows::account::uses::Binding;
use crate::rows::events::event_write;
use crate::table::keys::{self, IndexKey};
use crate::table::{Item, Page, Range, Table, Transacted, Write, from_item, to_item};
use crate::{BindingRefused, Idempotency, StoreError, Usable, UsedBy};

/// A campaign that somebody has to look at: to plan calls, to start it at its time, or to settle
/// leads that a cancelled or deleted one has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveCampaign {
    pub tenant_id: TenantId,
    pub campaign_id: CampaignId,
    pub state: CampaignState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// The campaign is gone, its leads are not yet.
    #[serde(default)]
    pub deleted: bool,
}

/// Leads of another campaign that a draft takes over, and how far that is. While it is there the draft
/// cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub from: CampaignId,
    /// Leads that are done with one of these results, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<LeadResult>,
    /// … or whose last call ended with one of these outcomes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// The last lead that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LeadId>,
    pub leads_copied: u64,
    /// Rises by one with each page.
    pub pages: u64,
}

/// How leads come into a campaign.
#[derive(Debug, Clone, Default)]
pub enum Entry {
    /// It is open: a draft, scheduled, running or paused.
    #[default]
    Open,
    /// It is closed as it was read, and is opened again in the transaction that brings the first of them.
    Reopening(Box<Reopening>),
}

/// A closed campaign, as it was read and as it goes on, and what others are told of it.
#[derive(Debug, Clone)]
pub struct Reopening {
    pub before: Campaign,
    pub after: Campaign,
    pub event: DomainEvent,
}

/// Why leads did not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLetIn {
    /// The campaign is closed, gone, or not as it was read.
    Campaign,
    /// It is to be opened again, and its agent is archived.
    AgentArchived,
    /// It is to be opened again, and its agent is used by as many others as may be.
    AgentFull,
}

/// Writes that let leads in, at most: campaign, event, active row, and the binding to the agent.
pub(crate) const ENTRY_WRITES_MAX: usize = 5;

/// The campaign rows.
#[derive(Debug, Clone)]
pub struct Campaigns {
    table: Table,
}

impl Campaigns {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new draft and binds it to its agent.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when the request was made before.
    pub async fn create(
        &self,
        campaign: &Campaign,
        request: Option<&Idempotency>,
    ) -> Result<(), BindingRefused> {
        let binding = self.new_draft(campaign, request)?;
        binding.write(&self.table).await
    }

    /// Writes a new draft that takes leads of another campaign over. It is on the active list until it
    /// has them all.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when the request was made before.
    pub async fn create_copy(
        &self,
        campaign: &Campaign,
        copy: &Copy,
        request: Option<&Idempotency>,
    ) -> Result<(), BindingRefused> {
        let mut binding = self.new_draft(campaign, request)?;
        let copy = copy_row(campaign.tenant_id, campaign.id, copy)?;
        binding.row(self.table.new_row(copy)?);
        binding.row(self.table.put(active_row(&ActiveCampaign {
            tenant_id: campaign.tenant_id,
            campaign_id: campaign.id,
            state: campaign.state,
            starts_at: None,
            deleted: false,
        })?)?);
        binding.write(&self.table).await
    }

    fn new_draft(
        &self,
        campaign: &Campaign,
        request: Option<&Idempotency>,
    ) -> Result<Binding, StoreError> {
        let tenant = campaign.tenant_id;
        let mut binding = Binding::default();
        binding.row(self.table.new_row(row(campaign)?)?);
        let by = UsedBy::Campaign(campaign.id);
        binding.rebind(&self.table, tenant, by, (None, agent_of(campaign)))?;
        if let Some(request) = request {
            binding.row(request.write(&self.table, tenant)?);
        }
        Ok(binding)
    }

    /// How far a draft is with leads of another campaign; `None` when it has them all, or takes none.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn copying(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Option<Copy>, StoreError> {
        let key = keys::copy(tenant, campaign);
        self.table.read(&key, "copy").await
    }

    /// Notes a page more than before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another one noted it first.
    pub async fn copied_page(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        copy: &Copy,
    ) -> Result<(), StoreError> {
        let put = self.table.put_if(
            copy_row(tenant, campaign, copy)?,
            "pages = :before",
            Item::from([(
                ":before".to_owned(),
                AttributeValue::N(copy.pages.saturating_sub(1).to_string()),
            )]),
        )?;
        self.transact(vec![put]).await
    }

    /// All leads are there: the draft is like any other.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is no draft any more.
    pub async fn copied(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), StoreError> {
        let writes = vec![
            self.table.check(
                &keys::campaign(tenant, campaign),
                "#state = :draft",
                state_name(),
                Item::from([(":draft".to_owned(), state(CampaignState::Draft))]),
            )?,
            self.table.delete(&keys::copy(tenant, campaign))?,
            self.table
                .delete(&keys::active_campaign(tenant, campaign))?,
        ];
        self.transact(writes).await
    }

    /// Reads a campaign as it is now.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
    ) -> Result<Option<Campaign>, StoreError> {
        let key = keys::campaign(tenant, campaign);
        self.table.read(&key, "campaign").await
    }

    /// Replaces a campaign, which has the revision after, and tells others. It is bound to its agent until it
    /// is closed.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when it has another revision by now.
    pub async fn replace(
        &self,
        before: &Campaign,
        campaign: &Campaign,
        event: &DomainEvent,
    ) -> Result<(), BindingRefused> {
        let binding = replacing(&self.table, before, campaign, event)?;
        binding.write(&self.table).await
    }

    /// Tells others of something about a campaign that changes no row of its own.
    ///
    /// # Errors
    /// When storage cannot be reached.
    pub async fn tell(&self, event: &DomainEvent) -> Result<(), StoreError> {
        self.transact(vec![event_write(&self.table, event)?]).await
    }

    /// Deletes a draft of this revision. It is on the active list from then on, until its leads are
    /// gone too.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when it has another revision or is no draft.
    pub async fn delete(&self, campaign: &Campaign) -> Result<(), BindingRefused> {
        let key = keys::campaign(campaign.tenant_id, campaign.id);
        let mut values = revision(campaign.revision);
        values.insert(":draft".to_owned(), state(CampaignState::Draft));
        let mut binding = Binding::default();
        binding.row(self.table.delete_if(
            &key,
            "revision = :before AND #state = :draft",
            state_name(),
            values,
        )?);
        binding.row(self.table.put(active_row(&ActiveCampaign {
            tenant_id: campaign.tenant_id,
            campaign_id: campaign.id,
            state: CampaignState::Cancelled,
            starts_at: None,
            deleted: true,
        })?)?);
        let by = UsedBy::Campaign(campaign.id);
        let agents = (agent_of(campaign), None);
        binding.rebind(&self.table, campaign.tenant_id, by, agents)?;
        binding.write(&self.table).await
    }

    /// A tenant's campaigns, newest first.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<Page<Campaign>, StoreError> {
        self.table
            .rows_by_index(
                &keys::campaigns_of(tenant),
                after.map(|id| id.to_string()),
                limit,
                "campaign",
            )
            .await
    }

    /// Every campaign on the active list, of all tenants.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn active(&self) -> Result<Vec<ActiveCampaign>, StoreError> {
        self.active_in(Range::All).await
    }

    /// A tenant's campaigns on the active list.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn active_of(&self, tenant: TenantId) -> Result<Vec<ActiveCampaign>, StoreError> {
        let prefix = keys::active_campaigns_of(tenant);
        self.active_in(Range::BeginsWith(&prefix)).await
    }

    /// Takes a campaign that is closed or deleted off the active list, once its leads are settled.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is open.
    pub async fn retire(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), StoreError> {
        let values = Item::from([
            (":completed".to_owned(), state(CampaignState::Completed)),
            (":cancelled".to_owned(), state(CampaignState::Cancelled)),
        ]);
        let writes = vec![
            self.table.check(
                &keys::campaign(tenant, campaign),
                "attribute_not_exists(pk) OR #state IN (:completed, :cancelled)",
                state_name(),
                values,
            )?,
            self.table
                .delete(&keys::active_campaign(tenant, campaign))?,
            self.table.delete(&keys::copy(tenant, campaign))?,
        ];
        self.transact(writes).await
    }

    async fn active_in(&self, range: Range<'_>) -> Result<Vec<ActiveCampaign>, StoreError> {
        let items = self.table.all_of(keys::ACTIVE_CAMPAIGNS, range).await?;
        let read = |item| from_item(item, "active campaign");
        items.into_iter().map(read).collect()
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }
}

/// What lets leads into a campaign, in the transaction that brings them.
pub(crate) fn enter(
    table: &Table,
    tenant: TenantId,
    campaign: CampaignId,
    entry: &Entry,
) -> Result<Binding, StoreError> {
    match entry {
        Entry::Open => {
            let mut binding = Binding::default();
            binding.row(open(table, tenant, campaign)?);
            Ok(binding)
        }
        Entry::Reopening(reopening) => {
            let Reopening {
                before,
                after,
                event,
            } = &**reopening;
            replacing(table, before, after, event)
        }
    }
}

fn replacing(
    table: &Table,
    before: &Campaign,
    campaign: &Campaign,
    event: &DomainEvent,
) -> Result<Binding, StoreError> {
    let mut binding = Binding::default();
    binding.row(table.put_if(
        row(campaign)?,
        "revision = :before",
        revision(before.revision),
    )?);
    binding.row(event_write(table, event)?);
    let by = UsedBy::Campaign(campaign.id);
    let agents = (agent_of(before), agent_of(campaign));
    binding.rebind(table, campaign.tenant_id, by, agents)?;
    if campaign.state != CampaignState::Draft {
        binding.row(table.put(active_row(&ActiveCampaign {
            tenant_id: campaign.tenant_id,
            campaign_id: campaign.id,
            state: campaign.state,
            starts_at: campaign.fields.starts_at,
            deleted: false,
        })?)?);
    }
    Ok(binding)
}

impl From<BindingRefused> for NotLetIn {
    fn from(refused: BindingRefused) -> Self {
        match refused {
            BindingRefused::Archived => Self::AgentArchived,
            BindingRefused::Full => Self::AgentFull,
            BindingRefused::Changed | BindingRefused::InUse | BindingRefused::Store(_) => {
                Self::Campaign
            }
        }
    }
}

/// The condition that a campaign takes leads: it is there and not closed.
fn open(table: &Table, tenant: TenantId, campaign: CampaignId) -> Result<Write, StoreError> {
    let values = Item::from([
        (":completed".to_owned(), state(CampaignState::Completed)),
        (":cancelled".to_owned(), state(CampaignState::Cancelled)),
    ]);
    table.check(
        &keys::campaign(tenant, campaign),
        "attribute_exists(pk) AND NOT #state IN (:completed, :cancelled)",
        state_name(),
        values,
    )
}

/// The condition that a campaign is as it was read.
pub(crate) fn unchanged(
    table: &Table,
    tenant: TenantId,
    campaign: CampaignId,
    read: u32,
) -> Result<Write, StoreError> {
    table.check(
        &keys::campaign(tenant, campaign),
        "revision = :before",
        HashMap::new(),
        revision(read),
    )
}

fn row(campaign: &Campaign) -> Result<Item, StoreError> {
    let key = keys::campaign(campaign.tenant_id, campaign.id);
    let index = IndexKey {
        pk: keys::campaigns_of(campaign.tenant_id),
        sk: campaign.id.to_string(),
    };
    to_item(&key, Some(&index), campaign, "campaign")
}

/// A closed campaign uses nothing.
fn agent_of(campaign: &Campaign) -> Option<Usable> {
    let agent = campaign.fields.agent_id.map(Usable::Agent);
    agent.filter(|_agent| !campaign.state.is_closed())
}

fn copy_row(tenant: TenantId, campaign: CampaignId, copy: &Copy) -> Result<Item, StoreError> {
    to_item(&keys::copy(tenant, campaign), None, copy, "copy")
}

fn active_row(active: &ActiveCampaign) -> Result<Item, StoreError> {
    let key = keys::active_campaign(active.tenant_id, active.campaign_id);
    to_item(&key, None, active, "active campaign")
}

/// `state` is a reserved word of DynamoDB's expressions.
fn state_name() -> HashMap<String, String> {
    HashMap::from([("#state".to_owned(), "state".to_owned())])
}

fn state(state: CampaignState) -> AttributeValue {
    AttributeValue::S(state.code().to_owned())
}

fn revision(before: u32) -> Item {
    Item::from([(":before".to_owned(), number(before))])
}

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
