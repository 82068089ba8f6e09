//! What the product relies on from DynamoDB, SQS and S3, as named checks.
//!
//! The same list runs on the embedded engines, in every test run, and by the tests that are ignored
//! otherwise on any other endpoint: `TRUNKLINE_CONFORMANCE_ENDPOINT` for all three services, or
//! `TRUNKLINE_CONFORMANCE_DYNAMODB`, `…_SQS`, `…_S3` for one. `aws` as a value means AWS itself. Key
//! and region then come from the SDK's own variables. `.ci/ministack.sh` runs it on an independent
//! emulator.
//!
//! A check stays only if that emulator passes it, or AWS's documentation is cited beside it: the
//! embedded engines are not to be their own judge.

mod durability;
mod dynamodb;
mod s3;
mod sqs;

use std::any::Any;
use std::pin::Pin;
use std::time::Duration;

use engines::Engines;
use futures_util::StreamExt as _;
use futures_util::stream;
use store::aws::{AwsConfig, Clients, Endpoints};
use support::variable;

/// Checks that run at one time: most of their time is waiting for visibility and delays.
const CHECKS_AT_ONCE: usize = 16;
/// No check takes longer than this anywhere, also on a loaded machine.
const CHECK_DEADLINE: Duration = Duration::from_secs(60);
/// How long something may take to become true.
const EVENTUALLY_DEADLINE: Duration = Duration::from_secs(20);
const EVENTUALLY_PAUSE: Duration = Duration::from_millis(25);

/// One thing that the product relies on.
struct Check<W> {
    name: &'static str,
    /// Panics where the promise is broken.
    run: fn(W) -> Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Why the independent emulator is not asked: where AWS documents it.
    documented: Option<&'static str>,
}

/// Lists a module's checks; `name @ "where AWS documents it"` for those that the emulator lacks.
macro_rules! checks {
    ($world:ty: $($name:ident $(@ $documented:literal)?),+ $(,)?) => {
        pub(super) const CHECKS: &[crate::conformance::Check<$world>] = &[$(
            crate::conformance::Check {
                name: stringify!($name),
                run: |world| Box::pin($name(world)),
                documented: crate::conformance::checks!(@ $($documented)?),
            }
        ),+];
    };
    (@) => { None };
    (@ $documented:literal) => { Some($documented) };
}
use checks;

/// Runs every check and fails with all that were broken.
async fn judge<W: Clone + Send + 'static>(endpoint: &str, checks: &'static [Check<W>], world: W) {
    // An emulator is not held to what only the documentation says; we are, and so is AWS.
    let is_emulator = endpoint.starts_with("http");
    let asked = checks
        .iter()
        .filter(|check| !is_emulator || check.documented.is_none());
    let broken: Vec<String> = stream::iter(asked)
        .map(|check| {
            let run = tokio::spawn((check.run)(world.clone()));
            async move {
                match tokio::time::timeout(CHECK_DEADLINE, run).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(format!("{}: {}", check.name, told(error.into_panic()))),
                    Err(_elapsed) => Some(format!("{}: took too long", check.name)),
                }
            }
        })
        .buffer_unordered(CHECKS_AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        broken.is_empty(),
        "{endpoint} breaks {} of {} promises:\n{}",
        broken.len(),
        checks.len(),
        broken.join("\n")
    );
}

fn told(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_other| "panicked".to_owned(), |text| (*text).to_owned()),
    }
}

/// Waits until `look` finds something.
async fn eventually<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    let found = tokio::time::timeout(EVENTUALLY_DEADLINE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(EVENTUALLY_PAUSE).await;
        }
    });
    found.await.expect("it became true in time")
}

/// A name that no other run uses.
pub(crate) fn fresh_name(kind: &str) -> String {
    format!(
        "trunkline-{kind}-{}",
        hex::encode(rand::random::<[u8; 6]>())
    )
}

struct Embedded {
    _folder: tempfile::TempDir,
    engines: Engines,
    clients: Clients,
}

async fn embedded() -> Embedded {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    let clients = engines.clients().await;
    Embedded {
        _folder: folder,
        engines,
        clients,
    }
}

/// The other endpoint to ask for a service.
#[expect(
    clippy::print_stdout,
    reason = "a run says whom it asked, so that nobody takes silence for a pass"
)]
async fn named(service: &str) -> (String, Clients) {
    let one = format!("TRUNKLINE_CONFORMANCE_{service}");
    let value = variable(&one).or_else(|| variable("TRUNKLINE_CONFORMANCE_ENDPOINT"));
    let value =
        value.unwrap_or_else(|| panic!("neither {one} nor TRUNKLINE_CONFORMANCE_ENDPOINT is set"));
    println!("{service}: asking {value}");
    let endpoint = (value != "aws").then(|| value.clone());
    let config = AwsConfig {
        endpoints: Endpoints {
            dynamodb: endpoint.clone(),
            sqs: endpoint.clone(),
            s3: endpoint,
        },
        ..AwsConfig::default()
    };
    (value, Clients::connect(&config).await)
}

#[tokio::test]
async fn embedded_dynamodb_keeps_every_promise() {
    let embedded = embedded().await;
    let world = dynamodb::World::new(embedded.clients.dynamodb.clone()).await;
    judge("embedded DynamoDB", dynamodb::CHECKS, world).await;
    embedded.engines.stop().await.unwrap();
}

#[tokio::test]
async fn embedded_sqs_keeps_every_promise() {
    let embedded = embedded().await;
    let world = sqs::World::new(embedded.clients.sqs.clone());
    judge("embedded SQS", sqs::CHECKS, world).await;
    embedded.engines.stop().await.unwrap();
}

#[tokio::test]
async fn embedded_s3_keeps_every_promise() {
    let embedded = embedded().await;
    let world = s3::World::new(embedded.clients.s3.clone()).await;
    judge("embedded S3", s3::CHECKS, world).await;
    embedded.engines.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "asks an implementation that is not ours: make conformance"]
async fn another_dynamodb_keeps_every_promise() {
    let (endpoint, clients) = named("DYNAMODB").await;
    let world = dynamodb::World::new(clients.dynamodb).await;
    judge(&endpoint, dynamodb::CHECKS, world.clone()).await;
    world.remove().await;
}

#[tokio::test]
#[ignore = "asks an implementation that is not ours: make conformance"]
async fn another_sqs_keeps_every_promise() {
    let (endpoint, clients) = named("SQS").await;
    let world = sqs::World::new(clients.sqs);
    judge(&endpoint, sqs::CHECKS, world.clone()).await;
    world.remove().await;
}

#[tokio::test]
#[ignore = "asks an implementation that is not ours: make conformance"]
async fn another_s3_keeps_every_promise() {
    let (endpoint, clients) = named("S3").await;
    let world = s3::World::new(clients.s3).await;
    judge(&endpoint, s3::CHECKS, world.clone()).await;
    world.remove().await;
}
