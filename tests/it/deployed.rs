//! A stack that was deployed from `template.yaml`: the first scene, with twenty people, through its HTTP
//! API, functions, queues, stream and schedule, a call that is followed through all logs, what the doctor
//! says of it all, and a message that nobody can work on.
//!
//! `.ci/deploy.sh` deploys it onto an emulator of AWS and says here what it came to:
//! `TRUNKLINE_DEPLOYED_OUTPUTS` is the stack's outputs in a file, `…_ENDPOINT` where AWS is, `…_WORKER` the
//! media worker's binary and `…_MEDIA` the base of media sockets that the template was given.

mod logs;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{PointInTimeRecoverySpecification, TimeToLiveSpecification};
use aws_sdk_sqs::types::QueueAttributeName;
use local::demo::client::ApiClient;
use local::demo::scene::{self, Company, SceneStage};
use local::platform::environment;
use local::platform::far_side::FarSide;
use local::{DEFAULTS, GREETING, SYSTEM};
use model::AgentId;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::{Secret, Settings};
use support::variable;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

/// Who waits for time alone waits for the schedule, which comes every minute.
const SCENE_TIME_MAX: Duration = Duration::from_secs(400);
/// How long anything else may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The number that the simulated carrier's account has.
const OUR_NUMBER: &str = "+15005550006";
/// Where the carrier sends its calls until somebody says otherwise.
const VOICE_URL_OF_A_NEW_NUMBER: &str = "https://demo.twilio.com/welcome/voice/";
/// What the scene's people and the simulated sides are reached by.
const KEYS: [&str; 4] = ["TWILIO_", "DEEPGRAM_", "OPENAI_", "ELEVENLABS_"];

/// What the stack says of itself.
struct Deployed {
    outputs: BTreeMap<String, String>,
    shared: SdkConfig,
    secrets: aws_sdk_secretsmanager::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    endpoint: String,
    worker: String,
    media: Url,
    /// What is kept beside the stack: the simulated carrier's books, the worker's log.
    beside: TempDir,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

impl Deployed {
    async fn named() -> Self {
        let outputs = named("TRUNKLINE_DEPLOYED_OUTPUTS");
        let outputs = std::fs::read_to_string(outputs).unwrap();
        let outputs: Vec<Output> = serde_json::from_str(&outputs).unwrap();
        let outputs = outputs.into_iter();
        let endpoint = named("TRUNKLINE_DEPLOYED_ENDPOINT");
        let shared = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true);
        Self {
            outputs: outputs
                .map(|output| (output.output_key, output.output_value))
                .collect(),
            secrets: aws_sdk_secretsmanager::Client::new(&shared),
            sqs: aws_sdk_sqs::Client::new(&shared),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            endpoint,
            worker: named("TRUNKLINE_DEPLOYED_WORKER"),
            media: named("TRUNKLINE_DEPLOYED_MEDIA").parse().unwrap(),
            beside: TempDir::new().unwrap(),
            shared,
        }
    }

    fn output(&self, name: &str) -> &str {
        let value = self.outputs.get(name);
        value.unwrap_or_else(|| panic!("the stack has no output {name}"))
    }

    /// Puts the keys where README, "Deploy", has its reader put them.
    async fn put_keys(&self, settings: &Settings) {
        let keys: BTreeMap<&str, String> = environment::variables(settings, Vec::new())
            .into_iter()
            .filter(|(name, _key)| KEYS.iter().any(|prefix| name.starts_with(prefix)))
            .map(|(name, key)| (name, key.expose().to_owned()))
            .collect();
        let put = self.secrets.put_secret_value();
        let put = put.secret_id(self.output("KeysSecretArn"));
        let put = put.secret_string(serde_json::to_string(&keys).unwrap());
        put.send().await.unwrap();
    }

    async fn owner_key(&self) -> Secret {
        let secret = self.secrets.get_secret_value();
        let secret = secret.secret_id(self.output("OwnerSecretArn"));
        let value = secret.send().await.unwrap();
        let value: Value = serde_json::from_str(value.secret_string().unwrap()).unwrap();
        Secret::new(value["TRUNKLINE_API_KEY"].as_str().unwrap().to_owned())
    }

    async fn api(&self) -> ApiClient {
        let base = format!("{}/", self.output("ApiUrl"));
        ApiClient::new(base.parse().unwrap(), self.owner_key().await).unwrap()
    }

    fn worker_log(&self) -> PathBuf {
        self.beside.path().join("media-worker.log")
    }

    /// Starts the media worker as the template's task starts it, beside the emulator.
    async fn start_worker(&self) -> Child {
        let public = self
            .output("WebhookUrl")
            .strip_suffix("/carriers/twilio/voice");
        let port = self.media.port().unwrap().to_string();
        let worker = Command::new(&self.worker)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("TRUNKLINE_SECRETS", self.output("KeysSecretArn"))
            .env("TRUNKLINE_TABLE", self.output("TableName"))
            .env("TRUNKLINE_BUCKET", self.output("BucketName"))
            .env("TRUNKLINE_DIAL_QUEUE", self.output("DialQueueUrl"))
            .env(
                "TRUNKLINE_RECORDINGS_QUEUE",
                self.output("RecordingsQueueUrl"),
            )
            .env("TRUNKLINE_IMPORT_QUEUE", self.output("ImportQueueUrl"))
            .env("PUBLIC_URL", public.unwrap())
            .env("MEDIA_URL", self.media.as_str())
            .env("TRUNKLINE_WORKER_PORT", &port)
            .env("TRUNKLINE_WORKER_DRAIN_SECONDS", "0")
            .env("TRUNKLINE_LOG_FORMAT", "json")
            .stdout(File::create(self.worker_log()).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.worker_answers("/health", "waiting_for_keys").await;
        worker
    }

    async fn worker_takes_calls(&self) {
        self.worker_answers("/media/ready", "ok").await;
    }

    async fn worker_answers(&self, path: &str, status: &str) {
        let port = self.media.port().unwrap();
        let url = format!("http://127.0.0.1:{port}{path}");
        eventually(status, async || {
            let answer = reqwest::get(&url).await.ok()?;
            let answer = answer.error_for_status().ok()?.text().await.ok()?;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            (answer["status"] == status).then_some(())
        })
        .await;
    }

    /// How many messages are in a queue, waiting or in somebody's hands.
    async fn messages(&self, queue: &str) -> u32 {
        let asked = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self.sqs.get_queue_attributes().queue_url(queue);
        let attributes = attributes.set_attribute_names(Some(asked.to_vec()));
        let attributes = attributes.send().await.unwrap().attributes.unwrap();
        let numbers = asked.iter().map(|name| attributes[name].parse::<u32>());
        numbers.map(Result::unwrap).sum()
    }

    async fn recordings(&self) -> usize {
        let listed = self.s3.list_objects_v2().bucket(self.output("BucketName"));
        let listed = listed.prefix("recordings/").send().await.unwrap();
        listed.contents().len()
    }
}

#[expect(clippy::print_stdout, reason = "the gate looks for it")]
fn tell(what: &str) {
    println!("deployed: {what}");
}

async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not come: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a newcomer makes before the first campaign: a prompt, an agent, a number of ours.
async fn prepare(api: &ApiClient) -> AgentId {
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let defaults = BTreeMap::from(DEFAULTS);
    let prompt = json!({
        "name": "Reminder", "system": SYSTEM, "greeting": GREETING, "defaults": defaults,
    });
    let prompt: Made = api.post("v1/prompts", &prompt).await.unwrap();
    let agent = json!({ "name": "Reminder", "prompt_id": prompt.id });
    let agent: Made = api.post("v1/agents", &agent).await.unwrap();
    let number = json!({ "number": OUR_NUMBER, "agent_id": agent.id });
    let _number: Value = api.post("v1/numbers", &number).await.unwrap();
    agent.id.parse().unwrap()
}

/// What `.ci/deploy.sh` says of the stack.
fn named(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("{name} is not set: make deploy-check"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "asks a stack that is deployed: make deploy-check"]
async fn a_campaign_of_twenty_people_runs_on_the_deployed_stack() {
    let stack = Deployed::named().await;
    tell(&format!("asking {}", stack.output("ApiUrl")));
    a_stranger_is_refused(&stack).await;
    let begun = Instant::now();
    let mut settings = Settings::from_variables(&BTreeMap::new()).unwrap();
    let far_side = Box::pin(FarSide::start(&mut settings, stack.beside.path()));
    let far_side = far_side.await.unwrap();
    let carrier = far_side.carrier.as_ref().unwrap();
    carrier.set_voice_url(OUR_NUMBER, VOICE_URL_OF_A_NEW_NUMBER);
    // As a newcomer does: the stack is there with its worker before the keys are.
    let mut worker = stack.start_worker().await;
    stack.put_keys(&settings).await;
    stack.worker_takes_calls().await;
    let api = stack.api().await;
    let agent_id = prepare(&api).await;
    tell(&format!("ready for calls after {:.1?}", begun.elapsed()));

    the_doctor_names_what_is_missing_and_how_it_is_mended(&stack, &api, &settings).await;
    let stage = SceneStage {
        api,
        far_side: &far_side,
        agent_id,
        company: Company::Large,
        look_every: LOOK_EVERY,
        time_max: SCENE_TIME_MAX,
        note: None,
        worker: None,
    };
    let verdict = Box::pin(scene::play(&stage)).await.unwrap();
    assert!(verdict.complete(), "some steps did not happen (see above)");
    logs::a_call_is_found_in_all_logs_by_its_trace(&stack, agent_id).await;
    logs::functions_tell_their_metrics(&stack).await;
    every_recording_is_here_and_nowhere_else(&stack, &far_side).await;
    nothing_is_left_to_do(&stack).await;
    a_message_that_nobody_can_work_on_is_set_aside(&stack).await;

    let pid = worker.id().unwrap().to_string();
    let told = Command::new("kill").arg(pid).status().await.unwrap();
    assert!(told.success());
    let left = tokio::time::timeout(PATIENCE, worker.wait()).await;
    assert!(left.expect("the worker leaves").unwrap().success());
}

/// The functions run with the rights of their roles; this shows that rights mean something there.
async fn a_stranger_is_refused(stack: &Deployed) {
    let credentials = Credentials::from_keys("AKIASTRANGER00000000", "nobody's", None);
    let provider = aws_sdk_sqs::config::SharedCredentialsProvider::new(credentials);
    let config = stack
        .sqs
        .config()
        .to_builder()
        .credentials_provider(provider);
    let stranger = aws_sdk_sqs::Client::from_conf(config.build());
    let queue = stack.output("DialQueueUrl");
    let sent = stranger.send_message().queue_url(queue).message_body("x");
    assert!(sent.send().await.is_err(), "the emulator lets anybody in");
}

/// The doctor names what is missing, each with the command that mends it, and does so no more when it is done:
/// what the template asks of a table and the emulator leaves out, and what only the owner can do: the carrier
/// sends calls to a new number elsewhere.
async fn the_doctor_names_what_is_missing_and_how_it_is_mended(
    stack: &Deployed,
    api: &ApiClient,
    settings: &Settings,
) {
    let report = examine(api).await;
    let mends: BTreeMap<&str, &str> = report
        .iter()
        .filter(|check| !check.is_fine())
        .map(|check| {
            assert!(!check.found.is_empty(), "{check:?}");
            (&*check.name, check.mend.as_deref().unwrap())
        })
        .collect();
    let names: Vec<&str> = mends.keys().copied().collect();
    assert_eq!(
        names,
        [OUR_NUMBER, "table expiry", "table recovery"],
        "{report:#?}"
    );

    // AWS's own command is on few machines: its words are looked at, and its client asked for the same.
    let table = stack.output("TableName");
    let dynamodb = aws_sdk_dynamodb::Client::new(&stack.shared);
    let said = |name: &str, words: &str| {
        let mend = mends[name];
        assert!(
            mend.contains(&format!(" dynamodb {words} --table-name {table} ")),
            "{mend}"
        );
    };
    said("table expiry", "update-time-to-live");
    let expiry = TimeToLiveSpecification::builder().enabled(true);
    let expiry = expiry.attribute_name("ttl").build().unwrap();
    let mended = dynamodb.update_time_to_live().table_name(table);
    mended
        .time_to_live_specification(expiry)
        .send()
        .await
        .unwrap();
    said("table recovery", "update-continuous-backups");
    let recovery = PointInTimeRecoverySpecification::builder();
    let recovery = recovery
        .point_in_time_recovery_enabled(true)
        .build()
        .unwrap();
    let mended = dynamodb.update_continuous_backups().table_name(table);
    mended
        .point_in_time_recovery_specification(recovery)
        .send()
        .await
        .unwrap();
    let token = settings.carrier.auth_token.as_ref().unwrap();
    let mended = Command::new("sh")
        .args(["-c", mends[OUR_NUMBER]])
        .env("TWILIO_AUTH_TOKEN", token.expose())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(mended.await.unwrap().success(), "{}", mends[OUR_NUMBER]);

    let report = examine(api).await;
    assert!(report.iter().all(Check::is_fine), "{report:#?}");
    for group in doctor::Group::ALL {
        let mut seen = report.iter().filter(|check| check.state == "ok");
        let seen = seen.any(|check| check.group == group.as_str());
        assert!(
            seen,
            "nothing of {} was looked at: {report:#?}",
            group.as_str()
        );
    }
}

async fn examine(api: &ApiClient) -> Vec<Check> {
    #[derive(Deserialize)]
    struct Report {
        checks: Vec<Check>,
    }
    let report: Report = api.get("v1/doctor").await.unwrap();
    report.checks
}

/// What the doctor says of one thing.
#[derive(Debug, Deserialize)]
struct Check {
    group: String,
    name: String,
    state: String,
    found: String,
    mend: Option<String>,
}

impl Check {
    fn is_fine(&self) -> bool {
        ["ok", "skipped"].contains(&&*self.state)
    }
}

async fn every_recording_is_here_and_nowhere_else(stack: &Deployed, far_side: &FarSide) {
    let carrier = far_side.carrier.as_ref().unwrap();
    let made = carrier.calls().into_iter();
    let made: Vec<_> = made.filter(|call| !call.recordings.is_empty()).collect();
    assert!(made.len() >= 16, "{} calls were recorded", made.len());
    eventually(
        "each recording is in the bucket, and gone at the carrier",
        async || {
            let kept = made
                .iter()
                .filter(|call| far_side.recordings_kept(&call.sid) != Some(0));
            (stack.recordings().await == made.len() && kept.count() == 0).then_some(())
        },
    )
    .await;
}

async fn nothing_is_left_to_do(stack: &Deployed) {
    for queue in ["DialQueueUrl", "RecordingsQueueUrl", "ImportQueueUrl"] {
        eventually(queue, async || {
            (stack.messages(stack.output(queue)).await == 0).then_some(())
        })
        .await;
    }
    assert_eq!(stack.messages(stack.output("DialDeadLettersUrl")).await, 0);
}

async fn a_message_that_nobody_can_work_on_is_set_aside(stack: &Deployed) {
    let queue = stack.output("DialQueueUrl");
    // Five receives a minute apart are long to wait for.
    let hidden = stack.sqs.set_queue_attributes().queue_url(queue);
    let hidden = hidden.attributes(QueueAttributeName::VisibilityTimeout, "1");
    hidden.send().await.unwrap();
    let poison = stack.sqs.send_message().queue_url(queue);
    poison.message_body("no job of ours").send().await.unwrap();
    eventually("it is with the dead letters", async || {
        (stack.messages(stack.output("DialDeadLettersUrl")).await == 1).then_some(())
    })
    .await;
    assert_eq!(stack.messages(queue).await, 0);
    let shown = stack.sqs.set_queue_attributes().queue_url(queue);
    let shown = shown.attributes(
        QueueAttributeName::VisibilityTimeout,
        store::schema::VISIBILITY_SECONDS.to_string(),
    );
    shown.send().await.unwrap();
}
