//! What the open doors do with strangers: wrong keys, forged signatures, used tokens, unknown calls.

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use super::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_strangers_with_problems_and_nothing_else() {
    let here = Installation::start().await;
    let http = reqwest::Client::new();
    let url = |path: &str| here.platform.url().join(path).unwrap();
    for (path, key, status, code) in [
        ("v1/calls", None, StatusCode::UNAUTHORIZED, "unauthorized"),
        (
            "v1/calls",
            Some("tk_wrong"),
            StatusCode::UNAUTHORIZED,
            "unauthorized",
        ),
        (
            "v1/calls/call_00000000000000000000000000",
            Some("owner"),
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            "v1/calls/no-id",
            Some("owner"),
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            "v2/calls",
            Some("owner"),
            StatusCode::NOT_FOUND,
            "not_found",
        ),
    ] {
        let mut request = http.get(url(path));
        if let Some(key) = key {
            let key = if key == "owner" {
                here.platform.owner().key.expose()
            } else {
                key
            };
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            answer.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{path}"
        );
        let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code, "{path}: {problem}");
    }
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_is_named_before_anybody_is_dialled() {
    let here = Installation::start().await;
    let mut body = here.request(local::demo::people::CHARACTERS[0].number);
    body["variables"] = serde_json::json!({ "name": "Dana" });
    let answer = reqwest::Client::new()
        .post(here.platform.url().join("v1/calls").unwrap())
        .bearer_auth(here.platform.owner().key.expose())
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "missing_variables", "{problem}");
    let fields = problem["errors"].as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|error| error["pointer"].as_str()).collect();
    assert_eq!(fields, [Some("/variables/day"), Some("/variables/time")]);
    let carrier = here.platform.far_side.carrier.as_ref().unwrap();
    assert!(carrier.calls().is_empty());
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_changes_nothing() {
    let here = Installation::start().await;
    let id = here.call("+14155550103").await;
    here.until(id, "the first turn", |call| !call.turns.is_empty())
        .await;
    let url = here
        .platform
        .url()
        .join(&format!(
            "carriers/twilio/status/{}/{id}",
            here.platform.tenant_id()
        ))
        .unwrap();
    let form = "CallSid=CA00000000000000000000000000000000&CallStatus=completed&SequenceNumber=9";
    for signature in [None, Some("bm8gc2lnbmF0dXJlIG9mIHR3aWxpbw==")] {
        let mut request = reqwest::Client::new()
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::FORBIDDEN
        );
    }
    let call = here.api.call(id).await.unwrap();
    assert_eq!(call.outcome, None, "the call goes on");
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_socket_without_the_carriers_signature_is_refused() {
    let here = Installation::start().await;
    let mut url = here.platform.url().join("media/twilio").unwrap();
    url.set_scheme("ws").unwrap();
    match connect_async(url.as_str()).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 403),
        other => panic!("not refused: {other:?}"),
    }
    here.finish().await;
}
