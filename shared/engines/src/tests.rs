//! The engines as a whole: one folder, one process, guarded ports.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use settings::Settings;
use tempfile::TempDir;

use super::*;

async fn started() -> (TempDir, Engines) {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    (folder, engines)
}

#[tokio::test]
async fn a_laptop_gets_its_table_queues_and_bucket_once_and_finds_them_again() {
    let (folder, engines) = started().await;
    let names = Settings::from_variables(&BTreeMap::new()).unwrap().storage;
    let clients = engines.clients().await;
    let made = store::schema::create(&clients, &names).await.unwrap();
    let again = store::schema::create(&clients, &names).await.unwrap();
    assert_eq!(made, again);
    engines.stop().await.unwrap();

    let engines = Engines::start(folder.path()).await.unwrap();
    let clients = engines.clients().await;
    store::schema::create(&clients, &names).await.unwrap();
    // An address from before the restart, with the port of then, still names its queue.
    let sent = clients
        .sqs
        .send_message()
        .queue_url(made.dial)
        .message_body("hello");
    sent.send().await.unwrap();
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_told_who_uses_it() {
    let (folder, engines) = started().await;
    let refused = Engines::start(folder.path()).await.unwrap_err();
    let told = refused.to_string();
    assert!(told.contains(&std::process::id().to_string()), "{told}");
    assert!(told.contains("TRUNKLINE_STATE_DIR"), "{told}");
    engines.stop().await.unwrap();
    Engines::start(folder.path())
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_folder_of_another_layout_is_refused_and_left_alone() {
    let (folder, engines) = started().await;
    engines.stop().await.unwrap();
    let files = folder.path().join("engines");
    let layout = files.join("layout");
    assert_eq!(std::fs::read_to_string(&layout).unwrap(), "3\n");
    let table = files.join("dynamodb.sqlite");
    let before = std::fs::read(&table).unwrap();
    for (said, told) in [
        ("1\n", "before the first release"),
        ("2\n", "before the first release"),
        ("4\n", "newer version"),
        ("two", "number from 1"),
    ] {
        std::fs::write(&layout, said).unwrap();
        let refused = Engines::start(folder.path()).await.unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
        assert_eq!(std::fs::read_to_string(&layout).unwrap(), said);
    }
    assert!(
        std::fs::read(&table).unwrap() == before,
        "the table was written"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn other_users_of_the_machine_cannot_read_the_state() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let engines = Engines::start(&state).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join("engines/access-key.json")), 0o600);
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_use_the_ports() {
    let (_folder, engines) = started().await;
    let endpoints = engines.aws_config().endpoints.clone();
    let web = reqwest::Client::builder().no_proxy().build().unwrap();
    for url in [endpoints.dynamodb, endpoints.sqs, endpoints.s3].map(Option::unwrap) {
        let from_page = web
            .post(&url)
            .header("origin", "https://evil.example")
            .send();
        let answer = from_page.await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{url}");
        assert!(
            answer
                .headers()
                .get("access-control-allow-origin")
                .is_none()
        );

        // A name of the page's own that was pointed at this machine.
        let rebound = web.post(&url).header("host", "evil.example").send();
        assert_eq!(
            rebound.await.unwrap().status(),
            StatusCode::FORBIDDEN,
            "{url}"
        );

        let unsigned = web.get(&url).send().await.unwrap();
        assert!(unsigned.status().is_client_error(), "{url}");
    }
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn engines_that_cannot_write_say_so_and_keep_what_they_acknowledged() {
    let (folder, engines) = started().await;
    let sqs = engines.clients().await.sqs;
    let (queue, _dead) = store::schema::create_queue_pair(&sqs, "jobs")
        .await
        .unwrap();
    let send = |body: String| {
        sqs.send_message()
            .queue_url(&queue)
            .message_body(body)
            .send()
    };
    send("kept".to_owned()).await.unwrap();
    assert!(folder.path().join("engines/reserve").exists());

    // What is tried every second finds no room any more.
    let (tried, instead) = (
        folder.path().join("engines/room"),
        folder.path().join("engines/instead"),
    );
    std::fs::create_dir(&instead).unwrap();
    while std::fs::rename(&instead, &tried).is_err() {
        std::fs::remove_file(&tried).ok();
    }
    let full = tokio::time::timeout(Duration::from_secs(2), engines.disk_full()).await;
    let told = full
        .expect("nobody said that the disk takes no more")
        .to_string();
    assert!(
        told.contains(&folder.path().display().to_string()),
        "{told}"
    );
    assert!(!folder.path().join("engines/reserve").exists());
    // Those who stop now are served to the last.
    send("a last word".to_owned()).await.unwrap();
    engines.stop().await.unwrap();

    std::fs::remove_dir(&tried).unwrap();
    let engines = Engines::start(folder.path()).await.unwrap();
    assert!(folder.path().join("engines/reserve").exists());
    let sqs = engines.clients().await.sqs;
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let receive = sqs
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(10);
        let received = receive.send().await.unwrap();
        assert!(!received.messages().is_empty(), "only {bodies:?} is left");
        let received = received.messages.unwrap_or_default();
        bodies.extend(received.into_iter().filter_map(|message| message.body));
    }
    bodies.sort();
    assert_eq!(bodies, ["a last word", "kept"]);
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_answers_those_who_wait_for_messages() {
    let (_folder, engines) = started().await;
    let sqs = engines.clients().await.sqs;
    let (queue, _dead) = store::schema::create_queue_pair(&sqs, "jobs")
        .await
        .unwrap();
    let receive = sqs.receive_message().queue_url(queue).wait_time_seconds(20);
    let waiting = tokio::spawn(receive.send());
    // The stop must be quick whether the receiver waits by now or comes too late.
    tokio::task::yield_now().await;
    let stop = tokio::time::timeout(STOP_DEADLINE / 2, engines.stop());
    stop.await.expect("nobody held up the stop").unwrap();
    if let Ok(received) = waiting.await.unwrap() {
        assert!(received.messages().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_secret_opens_nothing() {
    let (_folder, engines) = started().await;
    let mut config = engines.aws_config().clone();
    let right = config.credentials.take().unwrap();
    config.credentials = Some(AccessKey {
        id: right.id,
        secret: Secret::new("wrong".to_owned()),
    });
    let clients = Clients::connect(&config).await;
    let table = clients.dynamodb.list_tables().send().await.unwrap_err();
    assert_eq!(
        aws_sdk_code(&table.into_service_error()).as_deref(),
        Some("InvalidSignatureException")
    );
    assert!(clients.sqs.list_queues().send().await.is_err());
    assert!(clients.s3.list_buckets().send().await.is_err());
    engines.stop().await.unwrap();
}

fn aws_sdk_code(
    error: &impl aws_smithy_types::error::metadata::ProvideErrorMetadata,
) -> Option<String> {
    error.code().map(str::to_owned)
}
