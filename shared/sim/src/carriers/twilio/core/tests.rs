//! Whole calls on virtual time, without a socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expect_test::expect;
use serde_json::Value;

use super::*;
use crate::voice::{Voice, speak};

const SID: &str = "AC00000000000000000000000000000001";

fn post(core: &mut Core, path: &str, form: &[(&str, &str)], now: Duration) -> Value {
    let path = format!("/2010-04-01/Accounts/{SID}/{path}");
    let authorization = format!("Basic {}", STANDARD.encode(format!("{SID}:12345")));
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = RestRequest {
        method: "POST",
        path: &path,
        query: None,
        authorization: Some(&authorization),
        content_type: Some("application/x-www-form-urlencoded"),
        body: body.as_bytes(),
    };
    match core.request(&request, now).body {
        RestBody::Json(json) => serde_json::from_str(&json).unwrap(),
        other @ (RestBody::Empty | RestBody::Wav { .. }) => panic!("{other:?}"),
    }
}

/// Plays a call to a person on virtual time: the worker says one sentence and closes when it was
/// played. Gives what happened and when.
fn run(person: &str, twiml: &str, faults: Faults) -> String {
    let people = Directory::everybody(person.parse().unwrap());
    let mut config = CoreConfig::new(SID, "12345", Timestamp::UNIX_EPOCH, people);
    config.faults = faults;
    let mut core = Core::new(config);
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", twiml),
        ("Record", "true"),
        ("StatusCallback", "https://h.example/status"),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("RecordingStatusCallback", "https://h.example/recording"),
    ];
    let call = post(&mut core, "Calls.json", &form, Duration::ZERO);
    let sid = call["sid"].as_str().unwrap();
    let mut happened = String::new();
    let mut now = Duration::ZERO;
    while let Some(next) = core.poll_timeout() {
        now = now.max(next);
        core.handle_timeout(now);
        while let Some((sid, output)) = core.poll_output() {
            let line = match output {
                Output::Request(request) => {
                    let fields: BTreeMap<_, _> =
                        form_urlencoded::parse(request.body.as_ref().unwrap().as_bytes())
                            .into_owned()
                            .collect();
                    let answer = WebhookAnswer::Answered {
                        status: 204,
                        content_type: String::new(),
                        body: String::new(),
                    };
                    core.webhook_answered(&sid, request.id, answer, now);
                    match fields.get("RecordingStatus") {
                        Some(status) => format!("recording {status}"),
                        None => format!("{} {}", fields["SequenceNumber"], fields["CallStatus"]),
                    }
                }
                Output::OpenStream { .. } => {
                    core.stream_opened(&sid, now);
                    continue;
                }
                Output::StreamText(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let stream = &message["streamSid"];
                    match message["event"].as_str().unwrap() {
                        "start" => {
                            let audio = speak("Are you there?", &Voice::named("agent")).audio;
                            let media = serde_json::json!({"event": "media", "streamSid": stream,
                                "media": {"payload": STANDARD.encode(audio)}});
                            core.stream_text(&sid, &media.to_string(), now);
                            let mark = serde_json::json!({"event": "mark", "streamSid": stream,
                                "mark": {"name": "end"}});
                            core.stream_text(&sid, &mark.to_string(), now);
                            "stream starts".to_owned()
                        }
                        "mark" => {
                            core.stream_closed(&sid, now);
                            "mark".to_owned()
                        }
                        "stop" => "stream stops".to_owned(),
                        _ => continue,
                    }
                }
                Output::CloseStream => "socket closed".to_owned(),
                Output::CutStream => "socket broke".to_owned(),
                Output::FinishRecording { .. } => "file finished".to_owned(),
                Output::AppendRecording { .. } | Output::Save => continue,
            };
            happened += &format!("{:.3} {line}\n", now.as_secs_f64());
        }
    }
    let view = core.view(sid).unwrap();
    assert_eq!(core.violations(), []);
    format!(
        "{happened}{}: {}\n{}",
        view.status.as_str(),
        view.playout.underruns,
        view.log
    )
}

const STREAM: &str = r#"<Response><Connect><Stream url="wss://m.example/media"/></Connect><Pause/><Say>Bye.</Say></Response>"#;

#[test]
fn a_call_takes_its_course() {
    expect![[r#"
        0.000 0 initiated
        0.050 1 ringing
        2.050 2 in-progress
        2.050 stream starts
        3.210 mark
        4.710 3 completed
        5.010 file finished
        5.010 recording completed
        completed: 0
        0.00-2.36 agent: Are you there? Bye.
    "#]]
    .assert_eq(&run("answers after 2 rings", STREAM, Faults::default()));
}

#[test]
fn the_callee_hangs_up_in_mid_sentence() {
    let person = "answers after 0 rings | waits 400ms | hangs up";
    expect![[r#"
        0.000 0 initiated
        0.050 1 ringing
        0.050 2 in-progress
        0.050 stream starts
        0.470 stream stops
        0.470 socket closed
        0.470 3 completed
        0.770 file finished
        0.770 recording completed
        completed: 0
        0.00-0.42 agent: Are you-
    "#]]
    .assert_eq(&run(person, STREAM, Faults::default()));
}

#[test]
fn a_stream_breaks_by_a_fault() {
    let faults = Faults {
        stream_breaks_after: Some(Duration::from_millis(500)),
        ..Faults::default()
    };
    expect![[r#"
        0.000 0 initiated
        0.050 1 ringing
        0.050 2 in-progress
        0.050 stream starts
        0.550 socket broke
        2.050 3 completed
        2.350 file finished
        2.350 recording completed
        completed: 0
        0.00-1.70 agent: Are you Bye.
    "#]]
    .assert_eq(&run("answers after 0 rings", STREAM, faults));
}

#[test]
fn a_stream_takes_its_time_to_open() {
    let faults = Faults {
        stream_opens_after: Duration::from_millis(250),
        ..Faults::default()
    };
    expect![[r#"
        0.000 0 initiated
        0.050 1 ringing
        0.050 2 in-progress
        0.300 stream starts
        1.460 mark
        2.970 3 completed
        3.270 file finished
        3.270 recording completed
        completed: 0
        0.25-2.61 agent: Are you there? Bye.
    "#]]
    .assert_eq(&run("answers after 0 rings", STREAM, faults));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let faults = Faults {
        callbacks: super::super::CallbackFaults {
            drop_percent: 20,
            duplicate_percent: 30,
            delay_percent: 50,
            delay_max: Duration::from_secs(3),
        },
        ..Faults::default()
    };
    let run = || run("answers after 1 ring", STREAM, faults);
    assert_eq!(run(), run());
}

#[test]
fn a_ring_that_nobody_takes_and_a_call_that_lasts_too_long_have_an_end() {
    let people = Directory::everybody(Person::no_answer())
        .with("+14155550101", Person::answers_after_rings(0));
    let mut core = Core::new(CoreConfig::new(SID, "12345", Timestamp::UNIX_EPOCH, people));
    let mut sids = Vec::new();
    for to in ["+14155550100", "+14155550101"] {
        let form = [
            ("To", to),
            ("From", "+15005550006"),
            ("Twiml", r#"<Response><Pause length="1000"/></Response>"#),
            ("Timeout", "20"),
            ("TimeLimit", "90"),
        ];
        let call = post(&mut core, "Calls.json", &form, Duration::ZERO);
        sids.push(call["sid"].as_str().unwrap().to_owned());
    }
    let mut ended: Vec<(String, Status, u64)> = Vec::new();
    while let Some(now) = core.poll_timeout() {
        core.handle_timeout(now);
        while core.poll_output().is_some() {}
        for sid in &sids {
            let status = core.view(sid).unwrap().status;
            if status.is_over() && !ended.iter().any(|(known, ..)| known == sid) {
                ended.push((sid.clone(), status, now.as_secs()));
            }
        }
    }
    let ended: Vec<_> = ended
        .into_iter()
        .map(|(_sid, status, at)| (status, at))
        .collect();
    assert_eq!(ended, [(Status::NoAnswer, 20), (Status::Completed, 91)]);
}

/// Our request may cross with the call's end. Asked long after it, somebody does not follow the call.
#[test]
fn a_request_that_crosses_with_the_end_breaks_no_rule_and_a_late_one_does() {
    let people = Directory::everybody("answers after 0 rings | hangs up".parse().unwrap());
    let mut core = Core::new(CoreConfig::new(SID, "12345", Timestamp::UNIX_EPOCH, people));
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", r#"<Response><Pause length="10"/></Response>"#),
    ];
    let call = post(&mut core, "Calls.json", &form, Duration::ZERO);
    let path = format!("Calls/{}.json", call["sid"].as_str().unwrap());
    let mut ended = Duration::ZERO;
    while let Some(now) = core.poll_timeout() {
        core.handle_timeout(now);
        while core.poll_output().is_some() {}
        ended = now;
    }
    for (later, violations) in [(1, 0), (3, 1)] {
        let now = ended + Duration::from_secs(later);
        let refused = post(&mut core, &path, &[("Status", "completed")], now);
        assert_eq!(refused["code"], 21_220);
        assert_eq!(core.violations().len(), violations);
    }
}

#[test]
fn who_was_out_at_the_first_call_picks_up_at_the_next() {
    let number = "+14155550100";
    let mut directory = Directory::everybody("busy".parse().unwrap())
        .with_next(number, "no answer".parse().unwrap())
        .with_next(number, "answers after 1 rings".parse().unwrap());
    let at_phone: Vec<_> = (0..3).map(|_call| directory.called(number)).collect();
    let answers: Person = "answers after 1 rings".parse().unwrap();
    assert_eq!(at_phone[0], "no answer".parse().unwrap());
    assert_eq!(at_phone[1..], [answers.clone(), answers]);
    assert_eq!(directory.called("+14155550101"), "busy".parse().unwrap());
}

/// Calls somebody and tells when the carrier asks what to do, with which keys, and what they heard. Each answer is
/// a sentence.
fn gathered(person: &str, twiml: &str) -> String {
    let people = Directory::everybody(person.parse().unwrap());
    let mut core = Core::new(CoreConfig::new(SID, "12345", Timestamp::UNIX_EPOCH, people));
    let form = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Twiml", twiml),
    ];
    let call = post(&mut core, "Calls.json", &form, Duration::ZERO);
    let mut happened = String::new();
    let mut now = Duration::ZERO;
    while let Some(next) = core.poll_timeout() {
        now = now.max(next);
        core.handle_timeout(now);
        while let Some((sid, output)) = core.poll_output() {
            let Output::Request(request) = output else {
                continue;
            };
            let form: BTreeMap<_, _> =
                form_urlencoded::parse(request.body.as_ref().unwrap().as_bytes())
                    .into_owned()
                    .collect();
            let path = request.url.strip_prefix("https://h.example").unwrap();
            let keys = form.get("Digits");
            happened += &format!("{:.2} {path} {keys:?}\n", now.as_secs_f64());
            let answer = WebhookAnswer::Answered {
                status: 200,
                content_type: "text/xml".to_owned(),
                body: "<Response><Say>Bye.</Say></Response>".to_owned(),
            };
            core.webhook_answered(&sid, request.id, answer, now);
        }
    }
    assert_eq!(core.violations(), []);
    let view = core.view(call["sid"].as_str().unwrap()).unwrap();
    format!("{happened}{}", view.log)
}

#[test]
fn a_key_is_awaited_while_something_is_said_and_for_a_while_after_it() {
    const HOLD: &str = r#"<Response><Gather numDigits="1" finishOnKey="" timeout="2" action="https://h.example/key"><Say>One moment please.</Say></Gather><Redirect>https://h.example/on</Redirect></Response>"#;
    for (person, expect) in [
        (
            "answers after 0 rings",
            expect![[r#"
                3.47 /on None
                0.00-3.62 agent: One moment please. Bye.
            "#]],
        ),
        (
            "answers after 0 rings | waits 500ms | presses 9",
            expect![[r#"
                0.57 /key Some("9")
                0.00-0.72 agent: One [garbled] Bye.
            "#]],
        ),
        (
            "answers after 0 rings | waits 2500ms | presses # | waits 20ms | presses 9",
            expect![[r##"
                2.57 /key Some("#")
                0.00-2.72 agent: One moment please. Bye.
            "##]],
        ),
    ] {
        expect.assert_eq(&gathered(person, HOLD));
    }
}

#[test]
fn more_keys_are_awaited_from_key_to_key_and_none_is_told_only_where_that_is_wanted() {
    let pin = |more: &str| {
        format!(
            r#"<Response><Gather timeout="2" action="https://h.example/key" {more}><Pause length="1"/></Gather><Redirect>https://h.example/on</Redirect></Response>"#
        )
    };
    let presses = |keys: &[char]| {
        let presses: Vec<_> = keys
            .iter()
            .map(|key| format!("waits 1500ms | presses {key}"))
            .collect();
        format!("answers after 0 rings | {}", presses.join(" | "))
    };
    for (keys, more, expect) in [
        (
            &['1', '2', '#', '3'][..],
            "",
            expect![[r#"
                4.57 /key Some("12")
                4.52-4.72 agent: Bye.
            "#]],
        ),
        (
            &['1', '2'],
            "",
            expect![[r#"
                5.07 /key Some("12")
                5.02-5.22 agent: Bye.
            "#]],
        ),
        (
            &['#'],
            "",
            expect![[r#"
                1.57 /on None
                1.52-1.72 agent: Bye.
            "#]],
        ),
        (
            &['#'],
            r#"actionOnEmptyResult="true""#,
            expect![[r#"
                1.57 /key Some("")
                1.52-1.72 agent: Bye.
            "#]],
        ),
        (
            &[],
            r#"actionOnEmptyResult="true""#,
            expect![[r#"
                3.05 /key Some("")
                3.00-3.20 agent: Bye.
            "#]],
        ),
    ] {
        let person = match keys {
            [] => "answers after 0 rings".to_owned(),
            keys => presses(keys),
        };
        expect.assert_eq(&gathered(&person, &pin(more)));
    }
}
