//! What tests of a whole installation begin with: storage of their own, in which nothing may be left behind, and
//! the campaigns in it.
//!
//! It writes rows through the product's repositories and knows neither routes nor carriers.

use engines::Engines;
use jiff::Timestamp;
use model::{
    Campaign, CampaignFields, CampaignId, CampaignState, DomainEvent, EventId, EventKind, Lead,
    LeadCounts, PhoneNumber, TenantId,
};
use service::Context;
use settings::Storage;
use store::aws::{AwsConfig, Clients, Endpoints};
use store::schema::{self, QueueUrls};
use store::{LaneCounts, LeadFilter, LeadRow, Store};
use support::variable;
use tempfile::TempDir;

use crate::conformance::fresh_name;
use crate::leftovers::{Left, Leftovers};

/// A table, a bucket and queues that no other test uses.
pub(crate) struct OwnStorage {
    // First: it looks while the engines are still there.
    left: Leftovers,
    pub(crate) store: Store,
    pub(crate) clients: Clients,
    pub(crate) names: Storage,
    pub(crate) queues: QueueUrls,
    engines: Option<(Engines, TempDir)>,
}

impl OwnStorage {
    /// On our own engines, or where `TRUNKLINE_CONFORMANCE_ENDPOINT` says.
    pub(crate) async fn start() -> Self {
        // Another endpoint serves all tests.
        let names = Storage {
            table: fresh_name("table"),
            bucket: fresh_name("bucket"),
            dial_queue: fresh_name("dial"),
            recordings_queue: fresh_name("recordings"),
            import_queue: fresh_name("import"),
        };
        let Some(endpoint) = variable("TRUNKLINE_CONFORMANCE_ENDPOINT") else {
            return Box::pin(Self::embedded(names)).await;
        };
        let config = AwsConfig {
            endpoints: Endpoints {
                dynamodb: Some(endpoint.clone()),
                sqs: Some(endpoint.clone()),
                s3: Some(endpoint),
            },
            ..AwsConfig::default()
        };
        Self::made(Clients::connect(&config).await, names, None).await
    }

    /// On our own engines, with these names.
    pub(crate) async fn embedded(names: Storage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engines = Engines::start(folder.path()).await.unwrap();
        let clients = engines.clients().await;
        Self::made(clients, names, Some((engines, folder))).await
    }

    async fn made(clients: Clients, names: Storage, engines: Option<(Engines, TempDir)>) -> Self {
        let queues = schema::create(&clients, &names).await.unwrap();
        let store = Store::new(&clients, &names, &queues);
        Self {
            left: Leftovers::of(&store),
            store,
            clients,
            names,
            queues,
            engines,
        }
    }

    /// Calls of these tenants must be over when the test ends.
    pub(crate) fn watch(&self, tenants: &[TenantId]) {
        self.left.watch(tenants);
    }

    /// What the test means to leave behind; without it, nothing.
    pub(crate) fn leaves(&self, left: Left) {
        self.left.expect(left);
    }

    /// See [`Leftovers::do_not_look`].
    pub(crate) fn leaves_unseen(&self) {
        self.left.do_not_look();
    }

    /// A doctor comes so many times as it comes on AWS. Our own engines do not know two of its questions, and
    /// log that.
    pub(crate) fn leaves_errors_of_doctor(&self, times: usize) {
        let errors = if self.engines.is_some() { 2 * times } else { 0 };
        self.leaves(Left::NOTHING.errors(errors));
    }
}

/// The campaigns of a tenant, as they are stored.
pub(crate) struct Campaigns<'a> {
    pub(crate) parts: &'a Context,
    pub(crate) tenant: TenantId,
}

impl Campaigns<'_> {
    pub(crate) async fn draft(&self) -> Campaign {
        self.draft_of(support::campaign_fields("Spring")).await
    }

    pub(crate) async fn draft_of(&self, fields: CampaignFields) -> Campaign {
        let id = self.parts.ids.fresh(CampaignId::from_parts);
        let campaign = Campaign {
            fields,
            ..support::campaign(self.tenant, id, self.now())
        };
        let campaigns = &self.parts.store.campaigns;
        campaigns.create(&campaign, None).await.unwrap();
        campaign
    }

    /// Puts people on its list who were not there.
    pub(crate) async fn add(&self, campaign: &Campaign, leads: &[Lead]) {
        let stored = &self.parts.store.leads;
        let inserted = stored.insert_many(self.tenant, campaign.id, leads).await;
        assert_eq!(inserted.unwrap().added.len(), leads.len());
    }

    /// Somebody called Dana, whose appointment is on Monday at nine and who may be called at once.
    pub(crate) fn dana(&self, campaign: &Campaign, number: PhoneNumber) -> Lead {
        let variables = [("name", "Dana"), ("day", "Monday"), ("time", "nine")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Lead {
            variables: variables.into(),
            ..support::lead(campaign.id, number, self.now())
        }
    }

    pub(crate) async fn get(&self, id: CampaignId) -> Campaign {
        let campaign = self.parts.store.campaigns.get(self.tenant, id).await;
        campaign.unwrap().unwrap()
    }

    /// Somebody changes its state.
    pub(crate) async fn moved(&self, campaign: &Campaign, state: CampaignState) -> Campaign {
        let now = self.now();
        let moved = self.changed(campaign, |after| {
            after.state = state;
            if state == CampaignState::Running {
                after.last_started_at = Some(now);
            }
        });
        moved.await
    }

    /// Somebody changes it.
    pub(crate) async fn changed(
        &self,
        before: &Campaign,
        change: impl FnOnce(&mut Campaign),
    ) -> Campaign {
        let mut after = before.clone();
        change(&mut after);
        after.revision += 1;
        let event = DomainEvent {
            id: self.parts.ids.fresh(EventId::from_parts),
            tenant_id: self.tenant,
            at: self.now(),
            kind: EventKind::CampaignChanged {
                campaign_id: after.id,
                state: after.state,
            },
        };
        let campaigns = &self.parts.store.campaigns;
        let replaced = campaigns.replace(before, &after, &event).await;
        replaced.unwrap();
        after
    }

    /// What its counters say, over all lanes.
    pub(crate) async fn sum(&self, id: CampaignId) -> LeadCounts {
        let lanes = self.parts.store.leads.counts(self.tenant, id).await;
        LaneCounts::sum(&lanes.unwrap())
    }

    /// Its leads, read by so many.
    pub(crate) async fn leads(
        &self,
        id: CampaignId,
        filter: &LeadFilter,
        limit: u32,
    ) -> Vec<LeadRow> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let leads = &self.parts.store.leads;
            let page = leads.list(self.tenant, id, filter, after, limit);
            let mut page = page.await.unwrap();
            assert!(page.items.len() <= usize::try_from(limit).unwrap());
            all.append(&mut page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}
