//! How fast a list becomes leads, end to end: read, checked, written in transactions and counted.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use engines::Engines;
use jiff::Timestamp;
use model::{Campaign, CampaignId, TenantId};
use service::lead::imports::{ImportRunResult, Imports};
use service::{Clock, Ids, SystemClock};
use settings::Settings;
use store::aws::{AwsConfig, Clients, Endpoints};
use store::{Import, ImportCounts, ImportJob, ImportState, LaneCounts, Store, schema};

use crate::machine::Usage;
use crate::report::say;

/// What is imported, and into what.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportOptions {
    /// Rows of the list.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Another endpoint than our own engines, for all three services.
    #[arg(long)]
    endpoint: Option<String>,
}

/// What an import came to.
#[derive(Debug)]
pub(crate) struct Imported {
    into: String,
    rows: u64,
    took: Duration,
    /// Of this process: with the engines in it, if they are ours.
    cpu: Duration,
    resident_mb: u64,
}

/// Imports a list and says how long it took.
pub(crate) async fn run(options: &ImportOptions) -> anyhow::Result<()> {
    let imported = match &options.endpoint {
        None => Box::pin(embedded(options.rows)).await?,
        Some(endpoint) => {
            let every = Some(endpoint.clone());
            let config = AwsConfig {
                endpoints: Endpoints {
                    dynamodb: every.clone(),
                    sqs: every.clone(),
                    s3: every,
                },
                ..AwsConfig::default()
            };
            let clients = Clients::connect(&config).await;
            Box::pin(into(&clients, options.rows, endpoint)).await?
        }
    };
    say(&imported.to_string());
    Ok(())
}

/// Imports a list into fresh engines of our own.
pub(crate) async fn embedded(rows: u64) -> anyhow::Result<Imported> {
    let folder = tempfile::tempdir()?;
    let engines = Engines::start(&folder.path().join("state")).await?;
    let clients = engines.clients().await;
    let imported = Box::pin(into(&clients, rows, "the embedded engines")).await?;
    engines.stop().await?;
    Ok(imported)
}

/// Imports into a table, a bucket and queues that nobody else uses.
async fn into(clients: &Clients, rows: u64, named: &str) -> anyhow::Result<Imported> {
    let mut names = Settings::from_variables(&std::collections::BTreeMap::new())?.storage;
    let unique = Timestamp::now().as_millisecond();
    for name in [
        &mut names.table,
        &mut names.bucket,
        &mut names.dial_queue,
        &mut names.recordings_queue,
        &mut names.import_queue,
    ] {
        write!(name, "-{unique}")?;
    }
    let queues = schema::create(clients, &names).await?;
    let store = Store::new(clients, &names, &queues);
    let before = Usage::of(std::process::id())?;
    let took = measure(&store, rows).await?;
    let after = Usage::of(std::process::id())?;
    Ok(Imported {
        into: named.to_owned(),
        rows,
        took,
        cpu: after.cpu.saturating_sub(before.cpu),
        resident_mb: after.resident_kb / 1024,
    })
}

async fn measure(store: &Store, rows: u64) -> anyhow::Result<Duration> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Ids::new(Arc::clone(&clock));
    let imports = Imports::new(store, Arc::clone(&clock), ids.clone());
    let campaign = campaign(store, &ids, clock.now()).await?;
    let list = list(rows);
    let import = Import {
        id: ids.fresh(model::ImportId::from_parts),
        tenant_id: campaign.tenant_id,
        campaign_id: campaign.id,
        created_at: clock.now(),
        updated_at: clock.now(),
        version: 0,
        state: ImportState::Checking,
        object_key: "imports/bench.csv".to_owned(),
        bytes: u64::try_from(list.len())?,
        workbook: None,
        workbook_tries: 0,
        etag: None,
        options: intake::Options::default(),
        layout: None,
        at: None,
        rows_checked: 0,
        counts: ImportCounts::default(),
        last_started_at: None,
        reject_file: None,
    };
    store
        .bucket
        .put(&import.object_key, list.into(), "text/csv")
        .await?;
    store.imports.create(&import, None).await?;
    let job = ImportJob {
        tenant_id: import.tenant_id,
        import_id: import.id,
    };
    let from = Instant::now();
    while imports.run(job).await? == ImportRunResult::ToBeContinued {}
    let took = from.elapsed();
    let done = store.imports.get(job.tenant_id, job.import_id).await?;
    let done = done.context("the import is gone")?;
    anyhow::ensure!(
        matches!(done.state, ImportState::Completed { .. }) && done.counts.added == rows,
        "{} of {rows} rows were added",
        done.counts.added
    );
    let counts = store.leads.counts(campaign.tenant_id, campaign.id).await?;
    anyhow::ensure!(
        LaneCounts::sum(&counts).waiting == rows,
        "the counters do not add up"
    );
    Ok(took)
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = u128::from(self.rows) * 1_000 / self.took.as_millis().max(1);
        write!(
            f,
            "\nImport of {} rows into {}: {:.1} s, {rate} leads/s, {:.1} s of CPU and {} MB resident with everything in this process",
            self.rows,
            self.into,
            self.took.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.resident_mb
        )
    }
}

async fn campaign(store: &Store, ids: &Ids, now: Timestamp) -> anyhow::Result<Campaign> {
    let (tenant, id) = (
        ids.fresh(TenantId::from_parts),
        ids.fresh(CampaignId::from_parts),
    );
    let campaign = support::campaign(tenant, id, now);
    store.campaigns.create(&campaign, None).await?;
    Ok(campaign)
}

/// Different numbers in a few area codes, with what lists usually have.
fn list(rows: u64) -> String {
    const AREAS: [u64; 8] = [212, 415, 312, 617, 305, 206, 713, 303];
    let mut list = String::from("number,first_name,last_name,state,notes\n");
    for n in 0..rows {
        let areas = u64::try_from(AREAS.len()).unwrap_or(1);
        let area = usize::try_from(n % areas).unwrap_or_default();
        let area = AREAS.get(area).copied().unwrap_or(212);
        let line = 2_000_000 + n / areas;
        let written = writeln!(
            list,
            "+1{area}{line:07},Given{},Family{n},,asked to be called",
            n % 500
        );
        debug_assert!(written.is_ok(), "a string takes all");
    }
    list
}
