//! What a media worker answers to a carrier that is not one, or that misbehaves; and that the calls
//! beside it notice nothing.

use futures_util::SinkExt as _;
use media_worker::MESSAGE_BYTES_MAX;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::scene::{ACCOUNT, CONNECTED, PATIENCE, Scene, start, start_with, token};

#[tokio::test]
async fn only_the_carrier_s_signature_opens_a_socket() {
    let scene = Scene::new(1).await;
    assert_eq!(scene.dial(None).await.err(), Some(403));
    assert_eq!(scene.dial(Some("bm90IGl0")).await.err(), Some(403));
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"signature\"}")
            .await
            >= 2
    );
    assert_eq!(scene.worker.calls(), 0);
    scene.carrier().await.is_alive().await;
}

#[tokio::test]
async fn a_plain_request_is_told_that_this_is_a_websocket() {
    let scene = Scene::new(1).await;
    assert_eq!(scene.get("/media/twilio").await.0, 426);
    assert_eq!(
        scene.get("/health").await,
        (200, r#"{"status":"ok","calls":0,"calls_max":1}"#.to_owned())
    );
    scene.check_health().await.unwrap();
}

#[tokio::test]
async fn metrics_with_a_port_of_their_own_are_not_where_the_sockets_are() {
    assert_eq!(Scene::new(1).await.get("/metrics").await.0, 200);
    let scene = Scene::with(&[("TRUNKLINE_WORKER_METRICS_PORT", "9090")]).await;
    assert_eq!(scene.get("/metrics").await.0, 404);
    assert_eq!(scene.get("/health").await.0, 200);
}

#[tokio::test]
async fn a_call_beyond_capacity_is_refused_and_the_first_one_goes_on() {
    let scene = Scene::new(1).await;
    let mut first = scene.call(0).await;
    let signature = scene.signature();
    assert_eq!(scene.dial(Some(&signature)).await.err(), Some(503));
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"capacity\"}")
            .await
            >= 1
    );
    first.is_alive().await;
    first.says(r#"{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC","callSid":"CA1"}}"#).await;
    scene
        .control
        .reaches("0 closed with customer_hung_up")
        .await;
    while scene.worker.calls() > 0 {
        tokio::task::yield_now().await;
    }
    scene.call(1).await.is_alive().await;
}

#[tokio::test]
async fn a_token_opens_one_session_and_no_other_call() {
    let scene = Scene::new(9).await;
    let mut first = scene.call(0).await;
    for (number, used) in [(0, token(0)), (3, token(99))] {
        let mut again = scene.carrier().await;
        again.says(CONNECTED).await;
        again.says(&start_with(number, used, ACCOUNT, 8_000)).await;
        assert_eq!(again.closed_with().await, CloseCode::Policy);
    }
    assert!(
        scene
            .counted("trunkline_calls_refused_total{reason=\"token\"}")
            .await
            >= 2
    );
    first.is_alive().await;
}

#[tokio::test]
async fn what_comes_before_the_start_is_refused_by_its_kind() {
    let scene = Scene::new(9).await;
    let foreign = "AC00000000000000000000000000000002";
    for (messages, code, reason) in [
        (
            vec![Message::text(start(0))],
            CloseCode::Policy,
            "out_of_order",
        ),
        (
            vec![Message::text(CONNECTED), Message::text("{\"event\":")],
            CloseCode::Policy,
            "malformed",
        ),
        (
            vec![Message::text(CONNECTED), Message::binary(vec![0; 160])],
            CloseCode::Unsupported,
            "binary",
        ),
        (
            vec![Message::text("x".repeat(MESSAGE_BYTES_MAX + 1))],
            CloseCode::Size,
            "oversized",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start_with(0, token(0), foreign, 8_000)),
            ],
            CloseCode::Policy,
            "foreign_account",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start_with(0, token(0), ACCOUNT, 16_000)),
            ],
            CloseCode::Policy,
            "format",
        ),
        (
            vec![
                Message::text(CONNECTED),
                Message::text(start(0).replace("call_id", "call")),
            ],
            CloseCode::Policy,
            "parameters",
        ),
    ] {
        let mut carrier = scene.carrier().await;
        for message in messages {
            carrier.socket.send(message).await.unwrap();
        }
        assert_eq!(carrier.closed_with().await, code, "{reason}");
        let name = format!("trunkline_calls_refused_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    // None of it used the token up.
    scene.call(0).await.is_alive().await;
}

#[tokio::test]
async fn what_a_running_call_may_not_send_ends_that_call_alone() {
    let scene = Scene::new(9).await;
    let mut beside = scene.call(9).await;
    let bad = [
        (Message::text(start(1)), CloseCode::Policy, "second_start"),
        (
            Message::binary(vec![0; 160]),
            CloseCode::Unsupported,
            "binary",
        ),
        (
            Message::text("x".repeat(MESSAGE_BYTES_MAX + 1)),
            CloseCode::Size,
            "oversized",
        ),
    ];
    for (number, (message, code, reason)) in (1..).zip(bad) {
        let mut carrier = scene.call(number).await;
        carrier.frame(0).await;
        carrier.socket.send(message).await.unwrap();
        assert_eq!(carrier.closed_with().await, code, "{reason}");
        // The call is left to be resumed.
        scene
            .control
            .reaches(&format!("{number} closed with nothing"))
            .await;
        let name = format!("trunkline_carrier_streams_refused_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    beside.is_alive().await;
}

#[tokio::test]
async fn messages_that_mean_nothing_are_counted_and_the_call_goes_on() {
    let scene = Scene::new(1).await;
    let mut carrier = scene.call(0).await;
    carrier.frame(0).await;
    carrier.frame(0).await;
    carrier.frame(3).await;
    carrier.frame(2).await;
    for message in [
        "not json",
        r#"{"event":"weather"}"#,
        r#"{"event":"mark","sequenceNumber":"50","streamSid":"MZ1","mark":{"name":"theirs"}}"#,
        r#"{"event":"dtmf","sequenceNumber":"51","streamSid":"MZ2","dtmf":{"track":"inbound_track","digit":"1"}}"#,
        CONNECTED,
    ] {
        carrier.says(message).await;
    }
    carrier.is_alive().await;
    for reason in [
        "duplicate",
        "out_of_order",
        "not_json",
        "unknown_event",
        "foreign_mark",
        "foreign_stream",
        "second_connected",
    ] {
        let name = format!("trunkline_carrier_messages_ignored_total{{reason=\"{reason}\"}}");
        assert!(scene.counted(&name).await >= 1, "{name}");
    }
    assert!(
        scene
            .counted("trunkline_customer_audio_lost_bytes_total")
            .await
            >= 320
    );
}

#[tokio::test]
async fn a_stream_of_nonsense_is_refused_in_the_end() {
    let scene = Scene::new(1).await;
    let mut carrier = scene.call(0).await;
    for _ in 0..=media_worker::BAD_MESSAGES_MAX {
        carrier.says("nonsense").await;
    }
    assert_eq!(carrier.closed_with().await, CloseCode::Policy);
    scene.control.reaches("0 closed with nothing").await;
}

#[tokio::test]
async fn a_carrier_that_vanishes_leaves_the_call_to_be_resumed() {
    let scene = Scene::new(1).await;
    drop(scene.call(0).await);
    scene.control.reaches("0 closed with nothing").await;
}

#[tokio::test]
async fn a_stopping_worker_refuses_new_calls_and_hands_the_running_one_over() {
    let scene = Scene::with(&[("TRUNKLINE_WORKER_DRAIN_SECONDS", "1")]).await;
    let mut running = scene.call(0).await;
    let draining = tokio::spawn({
        let worker = scene.worker.clone();
        async move { worker.drain().await }
    });
    while scene.get("/health").await.0 != 503 {
        tokio::task::yield_now().await;
    }
    assert!(scene.check_health().await.is_err());
    let signature = scene.signature();
    assert_eq!(scene.dial(Some(&signature)).await.err(), Some(503));
    running.is_alive().await;
    assert_eq!(running.closed_with().await, CloseCode::Away);
    scene.control.reaches("0 closed with nothing").await;
    tokio::time::timeout(PATIENCE, draining)
        .await
        .unwrap()
        .unwrap();
}
