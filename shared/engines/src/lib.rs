//! DynamoDB, SQS and S3 on this machine, inside this process, kept in one folder.
//!
//! [`Engines::start`] opens three servers on loopback ports that the system chooses; the product
//! reaches them through the same AWS SDK clients as on AWS. They are made for one person's laptop:
//! the data outlives the process (also a killed one), but nothing here is production storage.
//!
//! They run on threads of their own, because SQLite blocks and media must not wait for it. Nothing
//! here knows what the product stores.

mod dynamodb;
mod guard;
mod home;
mod queue;
mod room;
mod s3;
mod serve;
mod signature;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use settings::Secret;
use store::aws::{AccessKey, AwsConfig, Clients, Endpoints, LOCAL_REGION};
use tokio::sync::{Notify, oneshot, watch};

pub use dynamodb::Table;
use dynamodb::Watch;
pub use home::HomeError;
pub use room::DiskFull;

use guard::Guard;
use home::Home;
use room::Room;
use serve::Listener;

/// Threads that serve the engines. Two, so that a long table scan does not stop the queues.
const WORKER_THREADS: usize = 2;
/// Threads for SQLite and files. The table and the queues have one writer each; more threads than
/// this would only wait for them.
const BLOCKING_THREADS_MAX: usize = 16;
/// How long a stop waits for requests that are under way before it lets go of them.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Why the engines could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EnginesError {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("the embedded table could not be opened")]
    Table(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the embedded queues could not be opened")]
    Queues(#[source] rusqlite::Error),
    #[error("the embedded object store could not be opened")]
    Objects(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("an embedded engine could not listen on the loopback address")]
    Listen(#[source] io::Error),
    #[error("the embedded engines ended unexpectedly")]
    Ended,
    #[error("the embedded engines did not stop in time")]
    Stuck,
}

/// The running engines. Dropping them stops them too, without waiting for it.
#[derive(Debug)]
pub struct Engines {
    config: AwsConfig,
    watch: Arc<Watch>,
    room: Room,
    stop: watch::Sender<bool>,
    stopped: oneshot::Receiver<()>,
}

impl Engines {
    /// Opens the state folder, creating what is missing, and starts serving.
    ///
    /// # Errors
    /// Another process uses the folder, it cannot be written, or an engine refuses its data.
    pub async fn start(state_dir: &Path) -> Result<Self, EnginesError> {
        let home = Home::open(state_dir)?;
        let room = home.keep_room(state_dir)?;
        let looking = room.clone();
        let (stop, stopping) = watch::channel(false);
        let watch = Arc::<Watch>::default();
        let watching = Arc::clone(&watch);
        let (started_sender, started) = oneshot::channel();
        let (stopped_sender, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("engines")
            .enable_all()
            .build()
            .map_err(EnginesError::Listen)?;
        thread::Builder::new()
            .name("engines".to_owned())
            .spawn(move || {
                runtime.block_on(run(&home, looking, watching, stopping, started_sender));
                runtime.shutdown_timeout(STOP_DEADLINE);
                // The lock on the folder goes last: the next process may open it now.
                drop(home);
                // Nobody may be waiting any more.
                stopped_sender.send(()).ok();
            })
            .map_err(EnginesError::Listen)?;
        let config = started.await.map_err(|_closed| EnginesError::Ended)??;
        Ok(Self {
            config,
            watch,
            room,
            stop,
            stopped,
        })
    }

    /// Is told after each write to the table that has this text in its request: who waits for rows of a
    /// kind need not ask for them again and again. One text; the first stands.
    #[must_use]
    pub fn on_write_of(&self, text: &'static str) -> Arc<Notify> {
        self.watch.of(text)
    }

    /// Completes once the disk takes no more. What was answered before is stored; what comes after may fail.
    pub async fn disk_full(&self) -> DiskFull {
        let mut full = self.room.full();
        let found = full.wait_for(Option::is_some).await;
        match found.ok().and_then(|full| full.clone()) {
            Some(full) => full,
            // The sender is beside us.
            None => std::future::pending().await,
        }
    }

    /// What the store needs to build clients of these engines.
    #[must_use]
    pub fn aws_config(&self) -> &AwsConfig {
        &self.config
    }

    /// Clients of these engines.
    pub async fn clients(&self) -> Clients {
        Clients::connect(&self.config).await
    }

    /// The AWS SDK's own variables, for a process beside this one (a function under
    /// `cargo lambda watch`). They hold the access key: not for logs.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, Secret)> {
        let mut variables = vec![("AWS_EC2_METADATA_DISABLED", Secret::new("true".to_owned()))];
        let mut set = |name, value: Option<&String>| {
            if let Some(value) = value {
                variables.push((name, Secret::new(value.clone())));
            }
        };
        set("AWS_REGION", self.config.region.as_ref());
        set(
            "AWS_ENDPOINT_URL_DYNAMODB",
            self.config.endpoints.dynamodb.as_ref(),
        );
        set("AWS_ENDPOINT_URL_SQS", self.config.endpoints.sqs.as_ref());
        set("AWS_ENDPOINT_URL_S3", self.config.endpoints.s3.as_ref());
        if let Some(key) = &self.config.credentials {
            variables.push(("AWS_ACCESS_KEY_ID", Secret::new(key.id.clone())));
            variables.push(("AWS_SECRET_ACCESS_KEY", key.secret.clone()));
        }
        variables
    }

    /// Refuses new requests, lets running ones finish, closes the files and frees the folder.
    ///
    /// # Errors
    /// It took longer than the deadline; the folder may then still be locked.
    pub async fn stop(self) -> Result<(), EnginesError> {
        self.stop.send_replace(true);
        // Requests have their deadline, then blocking work has the same again.
        match tokio::time::timeout(STOP_DEADLINE * 3, self.stopped).await {
            Ok(_stopped_or_gone) => Ok(()),
            Err(_elapsed) => Err(EnginesError::Stuck),
        }
    }
}

async fn run(
    home: &Home,
    room: Room,
    watch: Arc<Watch>,
    stopping: watch::Receiver<bool>,
    started: oneshot::Sender<Result<AwsConfig, EnginesError>>,
) {
    match open(home, room, watch, &stopping).await {
        Ok((config, servers)) => {
            // The starter may have given up; the servers then stop by the closed channel.
            started.send(Ok(config)).ok();
            servers.join().await;
        }
        Err(error) => {
            started.send(Err(error)).ok();
        }
    }
}

async fn open(
    home: &Home,
    room: Room,
    watch: Arc<Watch>,
    stopping: &watch::Receiver<bool>,
) -> Result<(AwsConfig, serve::Servers), EnginesError> {
    let key = home.access_key();
    let mut servers = serve::Servers::new(stopping.clone(), STOP_DEADLINE);

    let table = Table::open(&home.table_file(), watch).map_err(EnginesError::Table)?;
    let table = table.with(room.clone());
    let listener = Listener::bind().await.map_err(EnginesError::Listen)?;
    let dynamodb = listener.url();
    let guard = Guard::signed(&listener, "dynamodb", Arc::clone(&key));
    servers.spawn_task(room.clone().watch(stopping.clone()));
    servers.spawn_task(table.sweeps(stopping.clone()));
    servers.serve(listener, guard.protect(dynamodb::router(table)));

    let queues = queue::Queues::open(&home.queues_file()).map_err(EnginesError::Queues)?;
    let listener = Listener::bind().await.map_err(EnginesError::Listen)?;
    let sqs = listener.url();
    let guard = Guard::signed(&listener, "sqs", Arc::clone(&key));
    servers.spawn_task(queues.sweeps(stopping.clone()));
    servers.serve(
        listener,
        guard.protect(queue::router(
            queues,
            sqs.clone(),
            room.clone(),
            stopping.clone(),
        )),
    );

    let objects = s3::router(&home.objects_dir(), &key, room).map_err(EnginesError::Objects)?;
    let listener = Listener::bind().await.map_err(EnginesError::Listen)?;
    let s3 = listener.url();
    let guard = Guard::address_only(&listener);
    servers.serve(listener, guard.protect(objects));

    let config = AwsConfig {
        region: Some(LOCAL_REGION.to_owned()),
        endpoints: Endpoints {
            dynamodb: Some(dynamodb),
            sqs: Some(sqs),
            s3: Some(s3),
        },
        credentials: Some(AccessKey::clone(&key)),
        ..AwsConfig::default()
    };
    Ok((config, servers))
}

#[cfg(test)]
mod tests;
