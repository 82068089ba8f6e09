//! What was answered is kept: over a restart, and when the process is killed in mid-write.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use engines::Engines;
use settings::Settings;
use store::aws::Clients;
use store::schema::{self, QueueUrls};
use support::variable;

/// Answered writes of each engine before the kill: enough that some are always under way.
const WRITES_BEFORE_KILL: usize = 60;
const FOLDER: &str = "TRUNKLINE_TEST_KILLED_IN";
const ENGINES: [&str; 3] = ["dynamodb", "sqs", "s3"];

struct World {
    clients: Clients,
    names: settings::Storage,
    queues: QueueUrls,
}

impl World {
    async fn on(engines: &Engines) -> Self {
        let names = Settings::from_variables(&BTreeMap::new()).unwrap().storage;
        let clients = engines.clients().await;
        let queues = schema::create(&clients, &names).await.unwrap();
        Self {
            clients,
            names,
            queues,
        }
    }

    /// Returns when the write was answered.
    async fn write(&self, engine: &str, number: usize) {
        let text = format!("{engine}-{number}");
        match engine {
            "dynamodb" => {
                let put = self
                    .clients
                    .dynamodb
                    .put_item()
                    .table_name(&self.names.table);
                let put = put.set_item(Some(key(&text)));
                put.send().await.unwrap();
            }
            "sqs" => {
                let send = self.clients.sqs.send_message().queue_url(&self.queues.dial);
                send.message_body(text).send().await.unwrap();
            }
            _ => {
                let put = self.clients.s3.put_object().bucket(&self.names.bucket);
                let put = put.key(&text).body(ByteStream::from(text.into_bytes()));
                put.send().await.unwrap();
            }
        }
    }

    async fn assert_kept(&self, engine: &str, written: &[usize]) {
        if engine == "sqs" {
            let kept = self.received().await;
            let lost = written
                .iter()
                .find(|number| !kept.contains(&format!("sqs-{number}")));
            assert_eq!(lost, None, "a message that was answered is gone");
            return;
        }
        for number in written {
            let text = format!("{engine}-{number}");
            let is_kept = if engine == "dynamodb" {
                let get = self
                    .clients
                    .dynamodb
                    .get_item()
                    .table_name(&self.names.table);
                let get = get.set_key(Some(key(&text))).consistent_read(true);
                get.send().await.unwrap().item.is_some()
            } else {
                let get = self
                    .clients
                    .s3
                    .get_object()
                    .bucket(&self.names.bucket)
                    .key(&text);
                let body = get.send().await.unwrap().body.collect().await.unwrap();
                body.into_bytes() == text
            };
            assert!(is_kept, "{text} was answered and is gone");
        }
    }

    async fn received(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let receive = self
                .clients
                .sqs
                .receive_message()
                .queue_url(&self.queues.dial);
            let received = receive.max_number_of_messages(10).send().await.unwrap();
            if received.messages().is_empty() {
                return bodies;
            }
            let messages = received.messages.unwrap().into_iter();
            bodies.extend(messages.map(|message| message.body.unwrap()));
        }
    }
}

fn key(text: &str) -> HashMap<String, AttributeValue> {
    let value = || AttributeValue::S(text.to_owned());
    HashMap::from([("pk".to_owned(), value()), ("sk".to_owned(), value())])
}

#[tokio::test]
async fn a_restart_finds_everything_and_gives_back_what_was_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    let world = World::on(&engines).await;
    for engine in ENGINES {
        for number in 0..5 {
            world.write(engine, number).await;
        }
    }
    assert_eq!(world.received().await.len(), 5);
    engines.stop().await.unwrap();

    let engines = Engines::start(folder.path()).await.unwrap();
    let world = World::on(&engines).await;
    for engine in ENGINES {
        world.assert_kept(engine, &[0, 1, 2, 3, 4]).await;
    }
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_killed_in_mid_write_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let written = tokio::task::spawn_blocking({
        let folder = folder.path().to_owned();
        move || write_until_killed(&folder)
    });
    let written = written.await.unwrap();

    // The killed process holds no lock any more, and the files open as they are.
    let engines = Engines::start(folder.path()).await.unwrap();
    let world = World::on(&engines).await;
    for engine in ENGINES {
        let numbers = &written[engine];
        assert!(numbers.len() >= WRITES_BEFORE_KILL);
        world.assert_kept(engine, numbers).await;
    }
    engines.stop().await.unwrap();
}

/// Runs this test binary again as the writer, kills it, and returns what it was answered.
fn write_until_killed(folder: &std::path::Path) -> BTreeMap<String, Vec<usize>> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "conformance::durability::writer_to_be_killed"])
        .args(["--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut written: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut is_killed = false;
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((engine, number)) = line
            .strip_prefix("written ")
            .and_then(|w| w.split_once(' '))
        else {
            continue;
        };
        // The last line may be cut off.
        let Ok(number) = number.parse() else { continue };
        written.entry(engine.to_owned()).or_default().push(number);
        let is_enough = ENGINES.iter().all(|engine| {
            written
                .get(*engine)
                .is_some_and(|numbers| numbers.len() >= WRITES_BEFORE_KILL)
        });
        if is_enough && !is_killed {
            writer.kill().unwrap();
            is_killed = true;
        }
    }
    writer.wait().unwrap();
    assert!(is_killed, "the writer ended by itself");
    written
}

#[tokio::test]
#[ignore = "runs as the process that another test kills"]
async fn writer_to_be_killed() {
    let folder = variable(FOLDER).expect("the test that kills it names a folder");
    let engines = Engines::start(folder.as_ref()).await.unwrap();
    let world = World::on(&engines).await;
    let write_on = async |engine: &str| -> () {
        for number in 0.. {
            world.write(engine, number).await;
            println!("written {engine} {number}");
        }
    };
    tokio::join!(write_on("dynamodb"), write_on("sqs"), write_on("s3"));
}
