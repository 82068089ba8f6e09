//! Situations: facts in words, one per step, and what the call is after each. Properties: the order
//! and number of deliveries make no difference, and nothing ever goes back.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use model::{AbsentBecause, SilentSide};

use super::*;
use crate::call::new_row;

#[test]
fn a_call_from_claim_to_goodbye() {
    check(
        "gate | placed CA1 | ringing CA1 | answered CA1 | opened 1 | closed 1 agent_ended | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            ringing CA1: ringing
            answered CA1: answered
            opened 1: answered
            closed 1 agent_ended: ended agent_ended
            completed CA1: ended agent_ended"#]],
    );
}

#[test]
fn a_rule_ends_a_call_before_the_gate_and_never_after_it() {
    check(
        "denied legal_hours | gate",
        expect![[r#"
            denied legal_hours: ended not_permitted
            gate: nothing new"#]],
    );
    check(
        "denied campaign_state",
        expect!["denied campaign_state: ended campaign_stopped"],
    );
    check(
        "gate | denied campaign_state | not begun platform_failed | placed CA1",
        expect![[r#"
            gate: placing
            denied campaign_state: nothing new
            not begun platform_failed: nothing new
            placed CA1: placed, adopts"#]],
    );
}

#[test]
fn a_call_that_the_carrier_held_back_too_long_is_taken_back_before_it_is_answered() {
    check(
        "gate | placed CA1 | taken back legal_hours | ringing CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            taken back legal_hours: ended not_permitted, forgets tokens
            ringing CA1: nothing new"#]],
    );
    check(
        "gate | placed CA1 | answered CA1 | taken back legal_hours",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            taken back legal_hours: nothing new"#]],
    );
}

#[test]
fn a_callback_that_overtakes_the_answer_to_our_request_is_believed() {
    check(
        "gate | ringing CA1 | placed CA1 | placed CA2",
        expect![[r#"
            gate: placing
            ringing CA1: ringing, adopts
            placed CA1: nothing new
            placed CA2: another call"#]],
    );
}

#[test]
fn a_call_that_has_ended_does_not_ring_again() {
    check(
        "gate | placed CA1 | busy CA1 | ringing CA1 | answered CA1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            busy CA1: ended busy
            ringing CA1: nothing new
            answered CA1: ended busy
            completed CA1: nothing new"#]],
    );
}

#[test]
fn the_carrier_says_completed_before_the_worker_says_how() {
    check(
        "gate | placed CA1 | answered CA1 | opened 1 | completed CA1 | closed 1 customer_hung_up | closed 1 stream_lost",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            opened 1: answered
            completed CA1: ended worker_lost for now
            closed 1 customer_hung_up: ended customer_hung_up
            closed 1 stream_lost: nothing new"#]],
    );
}

#[test]
fn a_worker_that_died_leaves_its_own_outcome() {
    check(
        "gate | placed CA1 | opened 1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            completed CA1: ended worker_lost for now"#]],
    );
}

#[test]
fn a_callee_who_hangs_up_while_the_call_moves_to_another_worker_hung_up() {
    check(
        "gate | placed CA1 | opened 1 | leaving 1 | closed 1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            leaving 1: answered
            closed 1: answered
            completed CA1: ended customer_hung_up for now"#]],
    );
    check(
        "gate | placed CA1 | opened 1 | leaving 1 | stream failed CA1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            leaving 1: answered
            stream failed CA1: answered
            completed CA1: ended worker_lost for now"#]],
    );
    check(
        "gate | placed CA1 | opened 1 | leaving 1 | opened 2 | closed 1 | leaving 1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            leaving 1: answered
            opened 2: answered
            closed 1: nothing new
            leaving 1: nothing new
            completed CA1: ended worker_lost for now"#]],
    );
}

#[test]
fn a_line_that_is_silent_is_noted_at_once_and_taken_back_with_the_next_sound() {
    check(
        "gate | placed CA1 | opened 1 | line 1 250 silent | line 1 250 silent | line 1 400 | line 1 250 silent | closed 1 agent_ended 900 | line 1 400",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            line 1 250 silent: answered, line 1: 250 frames silent
            line 1 250 silent: nothing new
            line 1 400: answered, line 1: 400 frames
            line 1 250 silent: nothing new
            closed 1 agent_ended 900: ended agent_ended, line 1: 900 frames
            line 1 400: nothing new"#]],
    );
}

#[test]
fn each_session_of_a_call_has_a_line_and_one_that_is_gone_has_no_say() {
    check(
        "gate | placed CA1 | opened 1 | line 1 250 silent | resumed CA1 | opened 2 | line 1 900 | line 2 300 | closed 2 agent_ended 900",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            line 1 250 silent: answered, line 1: 250 frames silent
            resumed CA1: answered
            opened 2: answered
            line 1 900: nothing new
            line 2 300: answered, line 1: 250 frames silent, 2: 300 frames
            closed 2 agent_ended 900: ended agent_ended, line 1: 250 frames silent, 2: 900 frames"#]],
    );
}

#[test]
fn a_call_that_is_to_end_is_not_handed_over() {
    check(
        "gate | placed CA1 | opened 1 | hang up | leaving 1 | closed 1 agent_ended | leaving 1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            hang up: answered
            leaving 1: nothing new
            closed 1 agent_ended: ended agent_ended
            leaving 1: nothing new"#]],
    );
}

#[test]
fn a_callee_who_was_gone_before_the_media_came_heard_nobody() {
    check(
        "gate | placed CA1 | answered CA1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            completed CA1: ended platform_failed for now"#]],
    );
}

#[test]
fn a_superseded_session_has_no_say() {
    check(
        "gate | placed CA1 | opened 1 | resumed CA1 | opened 2 | closed 1 worker_lost | closed 2 agent_ended",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            resumed CA1: answered
            opened 2: answered
            closed 1 worker_lost: nothing new
            closed 2 agent_ended: ended agent_ended"#]],
    );
}

#[test]
fn no_worker_ever_had_room() {
    check(
        "gate | placed CA1 | answered CA1 | stream failed CA1 | resumed CA1 | exhausted",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            stream failed CA1: answered
            resumed CA1: answered
            exhausted: ended no_capacity"#]],
    );
}

#[test]
fn who_hangs_up_while_held_was_missed_and_who_had_talked_was_lost() {
    check(
        "gate | placed CA1 | answered CA1 | stream failed CA1 | held CA1 | held CA1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            stream failed CA1: answered
            held CA1: answered
            held CA1: nothing new
            completed CA1: ended no_capacity for now"#]],
    );
    check(
        "gate | placed CA1 | opened 1 | held CA1 | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            held CA1: answered
            completed CA1: ended worker_lost for now"#]],
    );
    check(
        "gate | placed CA1 | held CA1 | resumed CA1 | completed CA1 | held CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            held CA1: placed
            resumed CA1: placed
            completed CA1: ended platform_failed for now
            held CA1: nothing new"#]],
    );
}

#[test]
fn who_opts_out_while_held_has_opted_out_whatever_else_is_told() {
    check(
        "gate | placed CA1 | opened 1 | held CA1 | opted out CA1 | opted out CA1 | completed CA1 | closed 1 agent_ended",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            held CA1: answered
            opted out CA1: ended opted_out
            opted out CA1: nothing new
            completed CA1: ended opted_out
            closed 1 agent_ended: ended opted_out"#]],
    );
    check(
        "gate | placed CA1 | held CA1 | completed CA1 | opted out CA2 | opted out CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            held CA1: placed
            completed CA1: ended no_capacity for now
            opted out CA2: another call
            opted out CA1: ended opted_out"#]],
    );
}

#[test]
fn a_user_cancels_before_anybody_dialled() {
    check(
        "hang up | gate",
        expect![[r#"
            hang up: ended cancelled
            gate: nothing new"#]],
    );
}

#[test]
fn a_user_hangs_up_while_they_talk() {
    check(
        "gate | placed CA1 | opened 1 | hang up | hung up | closed 1 customer_hung_up | completed CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            opened 1: answered
            hang up: answered
            hung up: nothing new
            closed 1 customer_hung_up: ended hung_up_by_user
            completed CA1: ended hung_up_by_user"#]],
    );
}

#[test]
fn a_user_hangs_up_while_it_is_queued_at_the_carrier() {
    check(
        "gate | placed CA1 | hang up | hung up",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            hang up: placed
            hung up: ended cancelled, forgets tokens"#]],
    );
}

#[test]
fn a_machine_answers() {
    check(
        "gate | placed CA1 | answered CA1 | opened 1 | amd machine_start CA1 | amd human CA1 | closed 1 voicemail",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            opened 1: answered
            amd machine_start CA1: answered
            amd human CA1: nothing new
            closed 1 voicemail: ended voicemail"#]],
    );
}

#[test]
fn a_machine_answers_and_no_worker_has_room() {
    check(
        "gate | placed CA1 | answered CA1 | amd machine_start CA1 | amd human CA1",
        expect![[r#"
            gate: placing
            placed CA1: placed, adopts
            answered CA1: answered
            amd machine_start CA1: ended voicemail, forgets tokens
            amd human CA1: nothing new"#]],
    );
}

#[test]
fn a_request_whose_answer_was_lost_and_that_nobody_knows() {
    check(
        "gate | not placed carrier_unconfirmed | ringing CA1",
        expect![[r#"
            gate: placing
            not placed carrier_unconfirmed: ended carrier_unconfirmed, forgets tokens
            ringing CA1: ended carrier_unconfirmed, adopts"#]],
    );
}

#[test]
fn a_recording_is_kept_step_by_step_and_only_once() {
    check(
        "ready RE1 | kept RE1 | stored RE1 | ready RE1 | stored RE2 | kept RE1 | stored RE1 | absent RE1",
        expect![[r#"
            ready RE1: claimed, recording ready
            kept RE1: nothing new
            stored RE1: claimed, recording stored
            ready RE1: nothing new
            stored RE2: nothing new
            kept RE1: claimed, recording kept
            stored RE1: nothing new
            absent RE1: nothing new"#]],
    );
}

proptest! {
    #[test]
    fn the_same_facts_end_the_same_in_any_order(
        facts in Just(conversation()).prop_shuffle(),
        again in proptest::collection::vec(0_usize..10, 0..12),
    ) {
        let mut row = claimed();
        tell(&mut row, &gate())?;
        let mut told = facts.clone();
        for place in again {
            told.push(facts[place % facts.len()].clone());
        }
        for fact in &told {
            tell(&mut row, fact)?;
        }
        let mut expected = claimed();
        tell(&mut expected, &gate())?;
        for fact in conversation() {
            tell(&mut expected, &fact)?;
        }
        row.progress.row_version = expected.progress.row_version;
        prop_assert_eq!(row, expected);
    }

    #[test]
    fn no_facts_at_all_take_a_call_back_or_change_a_final_outcome(
        facts in proptest::collection::vec(0..ALL_FACTS.len(), 0..40),
    ) {
        let mut row = claimed();
        for place in facts {
            tell(&mut row, &parse(ALL_FACTS[place]))?;
        }
    }
}

/// Applies a fact and checks what must hold of any step.
fn tell(row: &mut CallRow, fact: &Fact) -> Result<(), TestCaseError> {
    let Ok(Some(change)) = apply(row, fact, now()) else {
        return Ok(());
    };
    let (before, after) = (&*row, &change.row);
    prop_assert!(after.call.state >= before.call.state);
    prop_assert_eq!(
        after.call.state == CallState::Ended,
        after.call.outcome.is_some()
    );
    if before.call.outcome.is_some() && !before.progress.provisional {
        prop_assert_eq!(after.call.outcome, before.call.outcome);
        prop_assert!(!after.progress.provisional);
    }
    if before.call.carrier_call_id.is_some() {
        prop_assert_eq!(&after.call.carrier_call_id, &before.call.carrier_call_id);
    }
    prop_assert_eq!(after.progress.row_version, before.progress.row_version + 1);
    *row = change.row;
    Ok(())
}

/// One whole conversation in the order in which it happens.
fn conversation() -> Vec<Fact> {
    let facts = [
        "placed CA1",
        "accepted CA1",
        "ringing CA1",
        "answered CA1",
        "opened 1",
        "amd human CA1",
        "line 1 250 silent",
        "closed 1 agent_ended 900",
        "completed CA1",
        "ready RE1",
    ];
    facts.map(parse).into()
}

const ALL_FACTS: [&str; 36] = [
    "gate",
    "placed CA1",
    "placed CA2",
    "not placed carrier_refused",
    "not placed carrier_unconfirmed",
    "accepted CA1",
    "ringing CA1",
    "answered CA1",
    "completed CA1",
    "busy CA1",
    "no-answer CA1",
    "cancelled CA1",
    "failed CA1",
    "unreachable CA2",
    "amd human CA1",
    "amd machine_start CA1",
    "stream failed CA1",
    "resumed CA1",
    "held CA1",
    "exhausted",
    "opted out CA1",
    "opened 1",
    "opened 2",
    "closed 1 agent_ended",
    "closed 1 customer_hung_up",
    "closed 1",
    "closed 2 worker_lost",
    "closed 2",
    "line 1 300",
    "line 2 40 silent",
    "hang up",
    "hung up",
    "ready RE1",
    "stored RE1",
    "kept RE1",
    "absent RE1",
];

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that a situation reads `check(.., expect![..])`"
)]
fn check(story: &str, expected: Expect) {
    let mut row = claimed();
    let mut told = Vec::new();
    for step in story.split('|').map(str::trim) {
        let seen = match apply(&row, &parse(step), now()) {
            Err(OtherCall) => "another call".to_owned(),
            Ok(None) => "nothing new".to_owned(),
            Ok(Some(change)) => {
                let seen = describe(&row, &change);
                row = change.row;
                seen
            }
        };
        told.push(format!("{step}: {seen}"));
    }
    expected.assert_eq(&told.join("\n"));
}

fn describe(before: &CallRow, change: &Change) -> String {
    let call = &change.row.call;
    let mut seen = format!("{:?}", call.state).to_lowercase();
    if let Some(outcome) = call.outcome {
        seen.push(' ');
        seen.push_str(outcome.code());
    }
    if change.row.progress.provisional {
        seen.push_str(" for now");
    }
    if change.adopts {
        seen.push_str(", adopts");
    }
    if change.forget_tokens {
        seen.push_str(", forgets tokens");
    }
    if before.call.line != call.line {
        let told = call.line.iter().map(|line| {
            let silent = line.silent_side.map_or("", |_side| " silent");
            format!("{}: {} frames{silent}", line.session, line.frames)
        });
        let told: Vec<_> = told.collect();
        seen.push_str(&format!(", line {}", told.join(", ")));
    }
    if before.call.recording != call.recording {
        let state = match call.recording.as_ref().unwrap() {
            RecordingState::Ready { .. } => "ready",
            RecordingState::Stored { .. } => "stored",
            RecordingState::Kept { .. } => "kept",
            RecordingState::Absent { .. } => "absent",
        };
        seen.push_str(&format!(", recording {state}"));
    }
    seen
}

fn gate() -> Fact {
    Fact::GatePassed(Box::new(permit(None)))
}

fn permit(denied_by: Option<Rule>) -> Permit {
    Permit {
        at: Timestamp::UNIX_EPOCH,
        allowed: denied_by.is_none(),
        denied_by,
        retry_at: None,
        zones: Vec::new(),
        jurisdictions: Vec::new(),
        checks: Vec::new(),
        rules_version: String::new(),
    }
}

fn parse(step: &str) -> Fact {
    let words: Vec<&str> = step.split_whitespace().collect();
    let status = |says, id: &str, at| Fact::Status {
        carrier_call_id: id.to_owned(),
        says,
        at: Some(Timestamp::from_second(at).unwrap()),
        duration_seconds: None,
    };
    match words.as_slice() {
        ["gate"] => gate(),
        ["denied", rule] => Fact::NotPermitted(Box::new(permit(Some(word(rule))))),
        ["taken", "back", rule] => Fact::TakenBack(Box::new(permit(Some(word(rule))))),
        ["not", "begun", outcome] => Fact::NotBegun(word(outcome)),
        ["placed", id] => Fact::Placed {
            carrier_call_id: (*id).to_owned(),
        },
        ["not", "placed", outcome] => Fact::NotPlaced(word(outcome)),
        ["accepted", id] => status(CarrierSays::Accepted, id, 10),
        ["ringing", id] => status(CarrierSays::Ringing, id, 20),
        ["answered", id] => status(CarrierSays::Answered, id, 30),
        ["completed", id] => status(CarrierSays::Completed, id, 90),
        ["busy", id] => status(CarrierSays::Busy, id, 90),
        ["no-answer", id] => status(CarrierSays::NoAnswer, id, 90),
        ["cancelled", id] => status(CarrierSays::Cancelled, id, 90),
        ["failed", id] => status(CarrierSays::Failed, id, 90),
        ["unreachable", id] => status(CarrierSays::Unreachable, id, 90),
        ["amd", by, id] => Fact::CarrierVerdict {
            carrier_call_id: (*id).to_owned(),
            answered_by: word(by),
            detection_ms: None,
        },
        ["stream", "failed", id] => Fact::StreamFailed {
            carrier_call_id: (*id).to_owned(),
        },
        ["resumed", id] => Fact::Resumed {
            carrier_call_id: (*id).to_owned(),
        },
        ["held", id] => Fact::Held {
            carrier_call_id: (*id).to_owned(),
        },
        ["exhausted"] => Fact::ResumesExhausted,
        ["opted", "out", id] => Fact::OptedOut {
            carrier_call_id: (*id).to_owned(),
        },
        ["leaving", session] => Fact::HandingOver {
            session: session.parse().unwrap(),
            line: None,
        },
        ["line", session, rest @ ..] => Fact::Line(line(session, rest)),
        ["opened", session] => Fact::SessionOpened {
            session: session.parse().unwrap(),
            carrier_call_id: "CA1".to_owned(),
            worker_id: None,
        },
        ["closed", session] => Fact::SessionClosed {
            session: session.parse().unwrap(),
            outcome: None,
            answer: None,
            line: None,
        },
        ["closed", session, outcome, rest @ ..] => Fact::SessionClosed {
            session: session.parse().unwrap(),
            outcome: Some(word(outcome)),
            answer: None,
            line: (!rest.is_empty()).then(|| line(session, rest)),
        },
        ["hang", "up"] => Fact::HangUpRequested,
        ["hung", "up"] => Fact::HungUpAtCarrier,
        [state, id] => Fact::Recording(recording(state, id)),
        other => panic!("no such fact: {other:?}"),
    }
}

/// So many frames long, and perhaps silent.
fn line(session: &str, rest: &[&str]) -> LineReport {
    LineReport {
        session: session.parse().unwrap(),
        frames: rest.first().unwrap().parse().unwrap(),
        silent_side: (rest.get(1) == Some(&"silent")).then_some(SilentSide::Customer),
        ..LineReport::default()
    }
}

fn recording(state: &str, id: &str) -> RecordingState {
    let carrier_recording_id = id.to_owned();
    let (object_key, sha256) = ("k".to_owned(), "s".to_owned());
    match state {
        "ready" => RecordingState::Ready {
            carrier_recording_id,
            duration_seconds: None,
        },
        "absent" => RecordingState::Absent {
            carrier_recording_id: Some(carrier_recording_id),
            because: AbsentBecause::NothingRecorded,
        },
        "stored" => RecordingState::Stored {
            carrier_recording_id,
            object_key,
            bytes: 1,
            sha256,
            duration_seconds: None,
            stored_at: now(),
        },
        "kept" => RecordingState::Kept {
            carrier_recording_id,
            object_key,
            bytes: 1,
            sha256,
            duration_seconds: None,
            stored_at: now(),
            carrier_copy_deleted_at: now(),
        },
        other => panic!("no such recording: {other}"),
    }
}

fn word<T: serde::de::DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(100).unwrap()
}

fn claimed() -> CallRow {
    let (to, from) = ("+14155550100", "+14155550199");
    new_row(
        &support::snapshot(),
        to.parse().unwrap(),
        from.parse().unwrap(),
        CallState::Claimed,
        Timestamp::UNIX_EPOCH,
    )
}
