//! The suite, in the port's words alone.

use std::collections::BTreeSet;

use carrier::call::{CreateCall, FindCalls};
use carrier::instructions::{AwaitKey, Instruction};
use carrier::recording::{Channels, RecordingStatus};
use carrier::{
    CallStatus, Capabilities, Capability, CarrierCallId, CreateError, Instructions, RefusalKind,
    RequestError,
};
use expect_test::expect;

use super::receiver::Receiver;
use super::{Fails, Subject};

pub(super) async fn a_call_is_placed_followed_and_recorded<S: Subject>() {
    let subject = S::start(
        r#"answers after 1 ring | when hears "there" | opens with "It is me." | presses 7"#,
    )
    .await;
    let connection = subject.connection();
    let carrier = &*connection.client;
    let receiver = Receiver::start(&connection).await;
    let call = carrier.place(&receiver.call()).await.unwrap();
    assert_eq!(
        (call.status, call.queue_ms),
        (Some(CallStatus::Queued), Some(0))
    );
    assert_eq!(subject.heard(&call.id).await, "Who is there?");
    subject.settled().await;
    expect![[r#"
        customer: It is me.
        key 7
        recording Completed
        resume Outbound
        status Completed
        status InProgress
        status Initiated
        status Ringing
        stream Started
        stream Stopped
        verdict Human"#]]
    .assert_eq(&receiver.told_sorted().join("\n"));
    assert_eq!(subject.complaints(), [""; 0]);

    let call = carrier.fetch_call(&call.id).await.unwrap();
    assert_eq!(call.status, Some(CallStatus::Completed));
    assert!(call.duration_seconds.is_some() && call.started_at.is_some());
    let wanted = FindCalls {
        to: call.to.clone(),
        created_since: call.created_at,
        ..FindCalls::default()
    };
    let found = carrier.find_calls(&wanted).await.unwrap();
    assert_eq!((found.items, found.complete), (vec![call.clone()], true));

    let recordings = carrier.list_recordings(&call.id).await.unwrap().items;
    let [recording] = recordings.as_slice() else {
        panic!("{recordings:?}");
    };
    assert_eq!(recording.status, Some(RecordingStatus::Completed));
    let media = carrier.recording_media(&recording.id, Channels::Two).await;
    let mut media = media.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = media.chunk().await.unwrap() {
        bytes += chunk.len() as u64;
    }
    assert_eq!(media.content_length, Some(bytes));
    carrier.delete_recording(&recording.id).await.unwrap();
    carrier.delete_recording(&recording.id).await.unwrap();
    let gone = carrier.recording_media(&recording.id, Channels::Two).await;
    assert!(gone.is_err_and(|problem| problem.is_not_found()));
}

pub(super) async fn an_error_says_whether_the_call_is_under_way<S: Subject>() {
    let subject = S::start("no answer").await;
    let connection = subject.connection();
    let receiver = Receiver::start(&connection).await;
    let carrier = &*connection.client;
    let intruder = subject.intruder().client.place(&receiver.call()).await;
    assert!(
        matches!(&intruder, Err(CreateError::Refused(refusal)) if refusal.kind == RefusalKind::Credentials),
        "{intruder:?}"
    );
    subject.next_request(Fails::TooMany);
    let too_many = carrier.place(&receiver.call()).await;
    assert!(
        matches!(too_many, Err(CreateError::RateLimited { .. })),
        "{too_many:?}"
    );
    let unwritable = carrier
        .place(&CreateCall {
            instructions: Instructions::default(),
            ..receiver.call()
        })
        .await;
    assert!(
        matches!(unwritable, Err(CreateError::Invalid(_))),
        "{unwritable:?}"
    );
    let known = || async { carrier.find_calls(&FindCalls::default()).await.unwrap() };
    assert_eq!(known().await.items, [], "none of these was placed");

    subject.next_request(Fails::AnswerLost);
    let lost = carrier.place(&receiver.call()).await;
    assert!(matches!(lost, Err(CreateError::Unknown(_))), "{lost:?}");
    let found = known().await;
    assert_eq!(found.items.len(), 1, "it was placed");
    let canceled = carrier.cancel(&found.items[0].id).await.unwrap();
    assert_eq!(canceled.status, Some(CallStatus::Canceled));
}

pub(super) async fn a_key_is_heard_while_the_carrier_speaks_and_waits<S: Subject>() {
    for (person, heard, told) in [
        (
            "answers after 1 ring",
            "One moment please.",
            "resume Outbound",
        ),
        (
            r#"answers after 1 ring | when hears "moment" | presses 9"#,
            "One moment",
            "resume Outbound key 9",
        ),
        (
            r#"answers after 1 ring | when hears "please" | waits 300ms | presses #"#,
            "One moment please.",
            "resume Outbound key #",
        ),
    ] {
        let subject = S::start(person).await;
        let connection = subject.connection();
        let carrier = &*connection.client;
        let receiver = Receiver::start(&connection).await;
        let wait = AwaitKey {
            text: "One moment please.".to_owned(),
            language: "en-US".to_owned(),
            seconds: 1,
            pressed: receiver.url("resume"),
        };
        let call = CreateCall {
            instructions: Instructions::default()
                .then(Instruction::AwaitKey(wait))
                .then(Instruction::Redirect(receiver.url("resume"))),
            recording: None,
            machine_detection: None,
            ..receiver.call()
        };
        let placed = carrier.place(&call).await;
        if !carrier.capabilities().has(Capability::KeyEntry) {
            assert!(
                matches!(placed, Err(CreateError::Unsupported(Capability::KeyEntry))),
                "{placed:?}"
            );
            return;
        }
        assert_eq!(subject.heard(&placed.unwrap().id).await, heard, "{person}");
        subject.settled().await;
        let all = receiver.told_sorted();
        let resumed: Vec<_> = all.iter().filter(|one| one.starts_with("resume")).collect();
        assert_eq!(resumed, [told], "{person}");
        assert_eq!(subject.complaints(), [""; 0]);
    }
}

pub(super) async fn a_call_can_be_ended_at_any_time_and_only_once<S: Subject>() {
    let subject = S::start("no answer").await;
    let connection = subject.connection();
    let receiver = Receiver::start(&connection).await;
    let carrier = &*connection.client;
    let call = carrier.place(&receiver.call()).await.unwrap();
    let ended = carrier.hang_up(&call.id).await.unwrap();
    assert!(ended.status.is_some_and(CallStatus::is_final), "{ended:?}");
    let again = carrier.hang_up(&call.id).await;
    assert!(
        matches!(&again, Err(RequestError::Refused(refusal)) if refusal.kind == RefusalKind::NotInState),
        "{again:?}"
    );
    let redirected = carrier.redirect(&call.id, &Instructions::hang_up()).await;
    assert!(
        matches!(&redirected, Err(RequestError::Refused(refusal)) if refusal.kind == RefusalKind::NotInState),
        "{redirected:?}"
    );
    let foreign: CarrierCallId = "somebody-elses".parse().unwrap();
    for asked in [
        carrier.fetch_call(&foreign).await,
        carrier.hang_up(&foreign).await,
        carrier.cancel(&foreign).await,
    ] {
        assert!(asked.is_err_and(|problem| problem.is_not_found()));
    }
}

pub(super) async fn all_recordings_of_the_account_are_read_page_by_page<S: Subject>() {
    let subject = S::start("no answer").await;
    let carrier = subject.connection().client;
    if !carrier.capabilities().has(Capability::Recording) {
        let refused = carrier.list_account_recordings(None).await;
        assert!(
            matches!(
                refused,
                Err(RequestError::Unsupported(Capability::Recording))
            ),
            "{refused:?}"
        );
        return;
    }
    let none = carrier.list_account_recordings(None).await.unwrap();
    assert_eq!((none.items, none.next), (Vec::new(), None));
    let made: BTreeSet<_> = (0..130).map(|_| subject.records_elsewhere()).collect();
    let mut read = BTreeSet::new();
    let mut pages = 0;
    let mut next = None;
    let mut marked = None;
    loop {
        let page = carrier.list_account_recordings(next.as_deref()).await;
        let page = page.unwrap();
        assert!(!page.items.is_empty());
        pages += 1;
        marked = page.items.last().map(|one| one.id.clone()).or(marked);
        for one in page.items {
            assert_eq!(one.status, Some(RecordingStatus::Completed));
            assert!(one.call_id.is_some() && one.started_at.is_some());
            assert_eq!((one.duration_seconds, one.channels), (Some(2), Some(1)));
            assert!(read.insert(one.id.clone()), "{} comes twice", one.id);
            // What a page was read of may go, but for what marks the place of the next.
            if Some(&one.id) != marked.as_ref() {
                carrier.delete_recording(&one.id).await.unwrap();
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(read, made);
    assert!(pages > 1, "{pages}");
    assert_eq!(subject.complaints(), [""; 0]);
    // Whatever is kept as the place in the list, our secret goes to no other list.
    let elsewhere = carrier.list_account_recordings(Some("//elsewhere.example.com/"));
    assert!(matches!(elsewhere.await, Err(RequestError::Lost(_))));
}

pub(super) async fn what_the_carrier_did_not_sign_is_not_believed<S: Subject>() {
    let subject = S::start("busy").await;
    let connection = subject.connection();
    let receiver = Receiver::start(&subject.intruder()).await;
    connection.client.place(&receiver.call()).await.unwrap();
    subject.settled().await;
    let told = receiver.told_sorted();
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|told| told.ends_with("not believed")),
        "{told:?}"
    );
    let socket = "wss://media.example.com/media";
    let unsigned = connection
        .signatures
        .verify_socket(socket, &http::HeaderMap::new());
    assert!(unsigned.is_err());
}

pub(super) async fn what_a_carrier_lacks_is_refused_by_name_and_nothing_is_sent<S: Subject>() {
    let subject = S::start("no answer").await;
    let connection = subject.connection();
    let receiver = Receiver::start(&connection).await;
    let (carrier, call) = (&*connection.client, receiver.call());
    for (capability, asked) in [
        (
            Capability::MachineDetection,
            call.machine_detection.is_some(),
        ),
        (Capability::Recording, call.recording.is_some()),
    ] {
        assert!(asked, "the call asks for {capability}");
        if carrier.capabilities().has(capability) {
            continue;
        }
        let refused = carrier.place(&call).await;
        assert!(
            matches!(refused, Err(CreateError::Unsupported(lacks)) if lacks == capability),
            "{refused:?}"
        );
        let known = carrier.find_calls(&FindCalls::default()).await.unwrap();
        assert_eq!(known.items, []);
    }
    // What every carrier asks before it sends, shown with one that can do nothing.
    let nothing = Capabilities::of(&[]);
    let refused = nothing.allow(&call).unwrap_err();
    assert!(refused.certainly_not_placed());
    assert_eq!(
        refused.to_string(),
        "the carrier has no answering machine detection"
    );
}
