//! An installation as a command finds it that is typed beside it: the one in the state folder, whether it runs or
//! not, or the one on AWS that the environment names.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use doctor::{Installation, Place};
use engines::{Engines, EnginesError, HomeError};
use service::SystemClock;
use settings::{Secret, Variables};
use store::Store;
use store::aws::{AccessKey, AwsConfig, Clients, Endpoints};
use store::schema::QueueUrls;
use store::secrets::Secrets;

use crate::cli::DOCTOR;
use crate::platform::environment;

/// An installation, and what was started to look at it.
pub(crate) struct Found {
    /// Which it is, for people.
    pub(crate) about: String,
    pub(crate) installation: Installation,
    /// To be stopped at the end.
    pub(crate) engines: Option<Engines>,
}

impl Found {
    pub(crate) async fn here() -> anyhow::Result<Self> {
        let variables = Variables::from_environment();
        if variables.secrets().is_empty() {
            Self::laptop(variables).await
        } else {
            Ok(Self::aws(variables).await)
        }
    }

    async fn aws(mut variables: Variables) -> Self {
        let secrets = Secrets::connect().await;
        for id in variables.secrets() {
            // One that cannot be read is told of by the doctor.
            if let Ok(fields) = secrets.read(&id).await {
                variables.lay_beneath(&id, fields);
            }
        }
        let clients = Clients::connect(&AwsConfig::of_environment()).await;
        let store = store_of(&clients, &variables);
        Self {
            about: "the installation on AWS that the environment names".to_owned(),
            installation: Installation {
                variables,
                place: Place::Aws,
                store: Some(store),
                secrets: Some(secrets),
                clock: Arc::new(SystemClock),
                command: Some(DOCTOR.to_owned()),
            },
            engines: None,
        }
    }

    async fn laptop(mut variables: Variables) -> anyhow::Result<Self> {
        let (settings, _told_by_the_doctor) = variables.settings_and_problems();
        let folder = settings.local.state_dir;
        let mut engines = None;
        let mut runs = false;
        let mut store = None;
        let stands = folder.join("engines").is_dir();
        if stands {
            match Engines::start(&folder).await {
                Ok(started) => {
                    store = Some(store_of(&started.clients().await, &variables));
                    engines = Some(started);
                }
                Err(EnginesError::Home(HomeError::InUse { .. })) => {
                    runs = true;
                    store = Some(beside(&folder, &mut variables).await?);
                }
                Err(error) => return Err(error).context("opening the state folder"),
            }
        }
        let shown = folder.display();
        let about = match (stands, runs) {
            (_, true) => format!("the installation that runs in {shown}"),
            (true, false) => format!("the installation in {shown}, which does not run"),
            (false, false) => format!("{shown}, where nothing is installed yet"),
        };
        Ok(Self {
            about,
            installation: Installation {
                variables,
                place: Place::Laptop { runs },
                store,
                secrets: None,
                clock: Arc::new(SystemClock),
                command: Some(DOCTOR.to_owned()),
            },
            engines,
        })
    }
}

/// The storage of the process that runs on this folder, which has left word how it is reached; what it
/// runs with is laid beneath our own environment.
async fn beside(folder: &Path, variables: &mut Variables) -> anyhow::Result<Store> {
    let kept = environment::kept(folder)?.unwrap_or_default();
    let value = |name: &str| {
        let found = kept.iter().find(|(kept, _value)| kept == name);
        found.map(|(_name, value)| value.clone())
    };
    let credentials = match (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Some(AccessKey {
            id,
            secret: Secret::new(secret),
        }),
        (_, _) => None,
    };
    let config = AwsConfig {
        region: value("AWS_REGION"),
        endpoints: Endpoints {
            dynamodb: value("AWS_ENDPOINT_URL_DYNAMODB"),
            sqs: value("AWS_ENDPOINT_URL_SQS"),
            s3: value("AWS_ENDPOINT_URL_S3"),
        },
        credentials,
        ..AwsConfig::default()
    };
    let file = folder.join(environment::ENVIRONMENT_FILE);
    variables.lay_beneath(&file.to_string_lossy(), kept);
    Ok(store_of(&Clients::connect(&config).await, variables))
}

/// Storage by the names of the settings, whether it is there or not.
fn store_of(clients: &Clients, variables: &Variables) -> Store {
    let (settings, _told_by_the_doctor) = variables.settings_and_problems();
    let names = settings.storage;
    let queues = QueueUrls {
        dial: names.dial_queue.clone(),
        recordings: names.recordings_queue.clone(),
        imports: names.import_queue.clone(),
    };
    Store::new(clients, &names, &queues)
}
