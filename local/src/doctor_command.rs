//! `trunkline doctor`: looks at an installation from outside and prints what it found.
//!
//! The installation is the one in the state folder, whether it runs or not, or the one on AWS that the
//! environment names. What is looked at and what mends it is in `doctor`; here is where things are, and
//! how a report looks on a terminal.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use doctor::{Check, CheckState, Installation, Place, Report};
use service::SystemClock;
use settings::{Secret, Variables};
use store::Store;
use store::aws::{AccessKey, AwsConfig, Clients, Endpoints};
use store::schema::QueueUrls;
use store::secrets::Secrets;

use crate::cli::{Doctor, Fix};
use crate::demo::scene::say;
use crate::platform::environment;
use engines::{Engines, EnginesError, HomeError};

/// How this command is typed.
const COMMAND: &str = "cargo run -- doctor";

/// Looks, prints, and tells by its status whether something is wrong.
///
/// # Errors
/// When the state folder cannot be read or used.
pub(crate) fn run(arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(Box::pin(examine(arguments)))
}

async fn examine(arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let found = Found::here().await?;
    let doctor = doctor::Doctor::new(found.installation);
    let fixed = match arguments.fix {
        Some(Fix::Numbers) => Some(Box::pin(doctor.fix_numbers(None)).await),
        None => None,
    };
    let report = Box::pin(doctor.examine(None)).await;
    if let Some(engines) = found.engines {
        engines
            .stop()
            .await
            .context("stopping the embedded engines")?;
    }
    let failed = |check: &Check| check.state == CheckState::Failed;
    let not_fixed = fixed.iter().flatten().any(failed);
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).context("writing the report")?;
        say(&json);
    } else {
        if let Some(fixed) = &fixed {
            say(&told_of_fixing(fixed));
        }
        say(&told(&found.about, &report, arguments.verbose));
    }
    Ok(if report.state == CheckState::Failed || not_fixed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// An installation, and what was started to look at it.
struct Found {
    about: String,
    installation: Installation,
    engines: Option<Engines>,
}

impl Found {
    async fn here() -> anyhow::Result<Self> {
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
        let clients = Clients::connect(&AwsConfig::default()).await;
        let store = store_of(&clients, &variables);
        Self {
            about: "the installation on AWS that the environment names".to_owned(),
            installation: Installation {
                variables,
                place: Place::Aws,
                store: Some(store),
                secrets: Some(secrets),
                clock: Arc::new(SystemClock),
                command: Some(COMMAND.to_owned()),
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
                command: Some(COMMAND.to_owned()),
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

fn told_of_fixing(fixed: &[Check]) -> String {
    if fixed.is_empty() {
        return "numbers: nothing to mend\n".to_owned();
    }
    let lines = fixed.iter().map(|check| {
        let mend = check.mend.as_ref();
        let mend = mend.map(|mend| format!("\n  $ {mend}")).unwrap_or_default();
        format!("numbers: {}: {}{mend}\n", check.name, check.found)
    });
    lines.collect()
}

/// A report as a person reads it: a line for each check, and below those that need it what mends them.
fn told(about: &str, report: &Report, verbose: bool) -> String {
    let mut told = format!("Trunkline doctor: {about}\n\n");
    let width = |of: fn(&Check) -> &str| {
        let widths = report.checks.iter().map(|check| of(check).chars().count());
        widths.max().unwrap_or_default()
    };
    let groups = width(|check| check.group.as_str());
    let names = width(|check| &check.name);
    let mut group = None;
    for check in &report.checks {
        let heading = if group == Some(check.group) {
            ""
        } else {
            check.group.as_str()
        };
        group = Some(check.group);
        let state = match check.state {
            CheckState::Ok => "ok",
            CheckState::Skipped => "-",
            CheckState::Warning => "warning",
            CheckState::Failed => "FAILED",
        };
        line(
            &mut told,
            format_args!(
                "{heading:groups$}  {state:7}  {:names$}  {}",
                check.name, check.found
            ),
        );
        let indent = groups + 2 + 7 + 2;
        if verbose {
            for detail in &check.details {
                line(&mut told, format_args!("{:indent$}{detail}", ""));
            }
        }
        if let Some(mend) = &check.mend {
            line(&mut told, format_args!("{:indent$}$ {mend}", ""));
        }
    }
    let counts = [
        (CheckState::Failed, "failed"),
        (CheckState::Warning, "to look at"),
        (CheckState::Ok, "ok"),
        (CheckState::Skipped, "not looked at (-)"),
    ];
    let counts = counts.map(|(state, words)| (report.count(state), words));
    let counts = counts.iter().filter(|(number, _words)| *number > 0);
    let counts: Vec<String> = counts
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    let seconds = report.elapsed.as_secs_f64();
    line(
        &mut told,
        format_args!("\n{}, in {seconds:.1} s", counts.join(", ")),
    );
    told.truncate(told.trim_end().len());
    told
}

fn line(told: &mut String, line: std::fmt::Arguments<'_>) {
    told.push_str(line.to_string().trim_end());
    told.push('\n');
}
