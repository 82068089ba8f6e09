//! The whole product in one process: engines, far side, API, webhooks, dial pump, planner, media worker.
//!
//! The parts are the production parts, wired as the template wires them on AWS; what differs is where
//! the settings point.

pub mod environment;
pub mod far_side;
pub(crate) mod owner;
pub(crate) mod planner;
pub mod pump;
pub mod scenes;
pub(crate) mod seed;
pub mod tailer;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use carrier::connection::Patience;
use carrier::{CarrierName, Connection};
use doctor::Doctor;
use media_worker::Worker;
use model::{AgentId, TenantId};
use service::account::keys::Keys;
use service::{Clock, Context, Ids, Links, SystemClock};
use settings::{Secret, Settings, Variables};
use store::{EVENT_ROWS, Store, schema};
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::demo::client::ApiClient;
use crate::demo::scene::{Company, LOOK_EVERY, SCENE_TIME_MAX, SceneStage};
use crate::platform::far_side::FarSide;
use crate::platform::owner::OwnerKey;
use crate::platform::planner::Planner;
use crate::platform::pump::Pump;
use crate::platform::scenes::SceneNote;
use crate::platform::seed::Seeded;
use crate::platform::tailer::Tailer;
use engines::{DiskFull, Engines};

/// How far change events were delivered, in the state folder.
const EVENTS_FILE: &str = "events.json";
/// Dial messages handled at once: each is one request to the carrier, which paces by the second.
const DIAL_HANDLERS_MAX: usize = 8;
/// Imports worked on at once: each reads a list as fast as the table takes its leads.
const IMPORT_HANDLERS_MAX: usize = 2;

/// A running installation.
#[derive(Debug)]
pub struct Platform {
    engines: Engines,
    pub far_side: FarSide,
    pub parts: Context,
    base: Url,
    settings: Settings,
    owner: OwnerKey,
    tenant_id: TenantId,
    seeded: Seeded,
    worker: Worker,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// How what waits in queues, events of the table and ticks come to dial, import and scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliveries {
    /// As AWS brings them.
    ByThemselves,
    /// Somebody hands them to functions that run elsewhere.
    ByHand,
}

impl Platform {
    /// Starts everything. With it started, a call can be placed.
    ///
    /// # Errors
    /// When the state folder is in use or unusable, or a port is taken.
    pub async fn start(settings: Settings, metrics: Option<Metrics>) -> anyhow::Result<Self> {
        Box::pin(Self::start_with(
            settings,
            metrics,
            Deliveries::ByThemselves,
        ))
        .await
    }

    /// Starts everything but what `deliveries` leaves to somebody else.
    ///
    /// # Errors
    /// When the state folder is in use or unusable, or a port is taken.
    pub async fn start_with(
        mut settings: Settings,
        metrics: Option<Metrics>,
        deliveries: Deliveries,
    ) -> anyhow::Result<Self> {
        let state_dir = absolute(&settings.local.state_dir)?;
        // The lock on the folder comes first: whatever else is in it is ours only with the lock.
        let engines = Engines::start(&state_dir)
            .await
            .context("starting the embedded engines")?;
        let clients = engines.clients().await;
        let queues = schema::create(&clients, &settings.storage)
            .await
            .context("creating table, queues and bucket")?;
        let store = Store::new(&clients, &settings.storage, &queues);

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.local.port));
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("opening {address}; TRUNKLINE_PORT chooses another port"))?;
        let base = Url::parse(&format!(
            "http://{}/",
            listener.local_addr().context("reading the port")?
        ))
        .context("forming the local address")?;
        let public = settings
            .public
            .public_url
            .get_or_insert_with(|| base.clone())
            .clone();
        let media = settings
            .public
            .media_url
            .get_or_insert_with(|| base.clone())
            .clone();
        let links = Links::new(public, media, CarrierName::OF_SETTINGS)
            .context("PUBLIC_URL and MEDIA_URL")?;
        let far_side = Box::pin(FarSide::start(&mut settings, &state_dir)).await?;

        let parts = parts(&settings, store, links)?;
        let keys = Keys::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone());
        let owner = OwnerKey::ensure(&state_dir, settings.local.api_key.as_ref(), || {
            keys.fresh_secret()
        })?;
        let principal = keys
            .ensure_owner("Owner", &owner.key)
            .await
            .context("creating the owner")?;
        let seeded = seed::ensure(&parts, principal.tenant_id, far_side.carrier.is_some()).await?;

        // Before anything plans: with a real carrier by now, they would call strangers.
        SceneNote::of(&state_dir)
            .cancel_all(&parts, principal.tenant_id)
            .await?;

        let variables = environment::variables(&settings, engines.environment());
        environment::keep(&state_dir, principal.tenant_id, &variables)?;
        if let Some(carrier) = &far_side.carrier {
            // The simulated account has the first number, and its calls come here.
            let voice = parts.links.voice();
            carrier.set_voice_url(seed::local_number()?.as_str(), voice.as_str());
        }
        let doctor = Doctor::of_function(in_force(&settings.local.state_dir, variables), &parts);

        let stop = CancellationToken::new();
        let worker = media_worker::worker_parts(&settings, &parts, metrics);
        let worker = Worker::start(worker.context("setting up the media worker")?);
        let router = api::router(api::State::new(&parts, doctor))
            .merge(callbacks::router(callbacks::CallbackState::new(&parts)))
            .merge(worker.router_beside_others());
        let mut tasks = vec![tokio::spawn(serve(listener, router, stop.clone()))];
        let dial = Arc::new(dial::DialState::new(&parts));
        let dial_pump = Pump::new(clients.sqs.clone(), &queues.dial, DIAL_HANDLERS_MAX);
        let handle_dials = move |event| {
            let dial = Arc::clone(&dial);
            async move { Ok::<_, Infallible>(dial::handle(event, &dial).await) }
        };
        let planner = Planner::new(scheduler::SchedulerState::new(&parts));
        let tailer = Tailer::open(parts.store.calls.clone(), &state_dir.join(EVENTS_FILE))
            .context("opening the events' checkpoint")?
            .told_by(engines.on_write_of(EVENT_ROWS));
        let hears = planner.clone();
        let hear = move |event| std::future::ready(hears.hear(&event));
        let import = Arc::new(import::ImportState::new(&parts));
        let import_pump = Pump::new(clients.sqs.clone(), &queues.imports, IMPORT_HANDLERS_MAX);
        let handle_imports = move |event| {
            let import = Arc::clone(&import);
            async move { Ok::<_, Infallible>(import::handle(event, &import).await) }
        };
        let recordings = media_worker::recordings(&parts);
        let enlisting = {
            let (worker, stop) = (worker.clone(), stop.clone());
            async move {
                // What comes to this process comes to this worker: it need not ask. Nothing, or the stop.
                stop.run_until_cancelled(media_worker::stay_enlisted(&worker))
                    .await;
            }
        };
        tasks.push(tokio::spawn(enlisting));
        tasks.push(tokio::spawn(media_worker::keep_recordings(
            recordings,
            stop.clone().cancelled_owned(),
        )));
        match deliveries {
            Deliveries::ByThemselves => tasks.extend([
                tokio::spawn(dial_pump.run(handle_dials, stop.clone())),
                tokio::spawn(tailer.run(hear, stop.clone())),
                tokio::spawn(planner.run(stop.clone())),
                tokio::spawn(import_pump.run(handle_imports, stop.clone())),
            ]),
            Deliveries::ByHand => {}
        }

        Ok(Self {
            engines,
            far_side,
            parts,
            base,
            settings,
            owner,
            tenant_id: principal.tenant_id,
            seeded,
            worker,
            stop,
            tasks,
        })
    }

    /// Where the API, the webhooks and the media socket are.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.base
    }

    /// The settings as they are in force, simulated sides included.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The owner's API key.
    #[must_use]
    pub fn owner(&self) -> &OwnerKey {
        &self.owner
    }

    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The agent that the first scene is played with.
    #[must_use]
    pub fn agent_id(&self) -> AgentId {
        self.seeded.agent_id
    }

    /// The AWS SDK's variables for a process beside this one.
    #[must_use]
    pub fn engines_environment(&self) -> Vec<(&'static str, Secret)> {
        self.engines.environment()
    }

    /// A client of this installation's API with the owner's key.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn client(&self) -> anyhow::Result<ApiClient> {
        ApiClient::new(self.base.clone(), self.owner.key.clone())
    }

    /// What the first scene is played on.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn stage(&self) -> anyhow::Result<SceneStage<'_>> {
        Ok(SceneStage {
            api: self.client()?,
            far_side: &self.far_side,
            agent_id: self.agent_id(),
            company: Company::Small,
            look_every: LOOK_EVERY,
            time_max: SCENE_TIME_MAX,
            note: Some(SceneNote::of(&self.settings.local.state_dir)),
            worker: Some(&self.worker),
        })
    }

    /// Completes once the disk of the state folder takes no more.
    pub async fn disk_full(&self) -> DiskFull {
        self.engines.disk_full().await
    }

    /// Cancels the campaigns of scenes that were played here.
    ///
    /// # Errors
    /// When storage or the state folder cannot be reached.
    pub async fn cancel_scenes(&self) -> anyhow::Result<()> {
        SceneNote::of(&self.settings.local.state_dir)
            .cancel_all(&self.parts, self.tenant_id)
            .await
    }

    /// Stops: no new calls; running ones end by themselves or, when their time is over, with a word; then
    /// everything closes.
    ///
    /// # Errors
    /// When the engines do not stop in time.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.end(false).await
    }

    /// The same, with no time for running calls but for a last word.
    ///
    /// # Errors
    /// When the engines do not stop in time.
    pub async fn stop_at_once(self) -> anyhow::Result<()> {
        self.end(true).await
    }

    async fn end(self, at_once: bool) -> anyhow::Result<()> {
        self.worker.close(at_once).await;
        self.stop.cancel();
        for task in self.tasks {
            task.await.context("stopping a part")?;
        }
        media_worker::leave(&self.worker).await;
        drop(self.far_side);
        self.engines
            .stop()
            .await
            .context("stopping the embedded engines")
    }
}

/// What every entry point is built from.
fn parts(settings: &Settings, store: Store, links: Links) -> anyhow::Result<Context> {
    let Connection { client, signatures } =
        Connection::of(&settings.carrier, Patience::Usual).context("setting up the carrier")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Context {
        store,
        carrier: client,
        signatures,
        links,
        dialing: settings.dialing,
        vendors: settings.roster(),
        ids: Ids::new(Arc::clone(&clock)),
        clock,
    })
}

/// What a doctor is told of the settings: as they are in force, simulated sides included.
fn in_force(state_dir: &Path, kept: Vec<(&'static str, Secret)>) -> Variables {
    let folder = state_dir.to_string_lossy().into_owned();
    let folder = [("TRUNKLINE_STATE_DIR".to_owned(), folder)];
    let mut variables = Variables::from(BTreeMap::from(folder));
    let file = state_dir.join(environment::ENVIRONMENT_FILE);
    let kept = kept.into_iter();
    let kept = kept.map(|(name, value)| (name.to_owned(), value.expose().to_owned()));
    variables.lay_beneath(&file.to_string_lossy(), kept);
    variables
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the local server ended"
        );
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).context("TRUNKLINE_STATE_DIR")
}
