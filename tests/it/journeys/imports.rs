//! An operations person's list, from the file to the leads, on a whole installation.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Installation, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_previewed_imported_and_taken_back() {
    let here = Installation::start().await;
    let campaign = here.campaigns().draft().await.id;
    let list = "Telefon;Vorname;Ort\r\n(415) 555-2671;J\u{f6}rg;K\u{f6}ln\r\n555;Kurz;\r\n";
    let list: Vec<u8> = list
        .chars()
        .map(|char| u8::try_from(char).unwrap())
        .collect();
    let path = format!("v1/campaigns/{campaign}/imports?default_country=US");
    let preview = send(&here, "POST", &format!("{path}&dry_run=true"), list.clone()).await;
    assert_eq!(preview["encoding"], "windows-1252");
    assert_eq!(preview["first"][0]["variables"]["first_name"], "J\u{f6}rg");
    let made = send(&here, "POST", &path, list).await;
    assert_eq!(
        (&made["state"], &made["added"]),
        (&json!("completed"), &json!(1))
    );

    let import = made["id"].as_str().unwrap();
    let rejects = send(
        &here,
        "GET",
        &format!("v1/imports/{import}/rejects"),
        Vec::new(),
    )
    .await;
    let rejects = rejects.as_str().unwrap();
    assert!(rejects.contains("555;Kurz;;3;A;number_short;"), "{rejects}");

    send(&here, "DELETE", &format!("v1/imports/{import}"), Vec::new()).await;
    let undone = until(&here, import, "undone").await;
    assert_eq!(undone["removed"], 1);
    assert_eq!(here.campaigns().sum(campaign).await.total(), 0);
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_list_is_put_into_the_bucket_and_worked_on_by_itself() {
    let here = Installation::start().await;
    let campaign = here.campaigns().draft().await.id;
    let rows = (0..3_000).map(|n| format!("+1415555{n:04},Person {n}\n"));
    let list = format!("number,name\n{}", rows.collect::<String>());
    let path = format!("v1/campaigns/{campaign}/uploads");
    let begun: Value = here
        .api
        .post(&path, &json!({ "bytes": list.len() }))
        .await
        .unwrap();
    let mut put = reqwest::Client::new().put(begun["url"].as_str().unwrap());
    for (name, value) in begun["headers"].as_object().unwrap() {
        put = put.header(name, value.as_str().unwrap());
    }
    let put = put.body(list).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.status());

    let import = begun["import"]["id"].as_str().unwrap();
    let path = format!("v1/imports/{import}/start");
    let started: Value = here.api.post(&path, &json!({})).await.unwrap();
    assert_eq!(started["state"], "checking");
    let done = until(&here, import, "completed").await;
    assert_eq!(
        (&done["rows"], &done["added"]),
        (&json!(3_000), &json!(3_000))
    );
    assert_eq!(here.campaigns().sum(campaign).await.total(), 3_000);
    here.finish().await;
}

async fn until(here: &Installation, import: &str, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let told: Value = here.api.get(&format!("v1/imports/{import}")).await.unwrap();
        if told["state"] == state {
            return told;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "waited in vain for {state}: {told:#}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// JSON, or the text of what is none.
async fn send(here: &Installation, method: &str, path: &str, body: Vec<u8>) -> Value {
    let url = here.platform.url().join(path).unwrap();
    let request = reqwest::Client::new().request(method.parse().unwrap(), url);
    let request = request.bearer_auth(here.platform.owner().key.expose());
    let request = request.header("content-type", "text/csv");
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
