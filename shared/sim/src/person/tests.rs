//! People on the phone as situations: what they hear, say and do, and when.

use expect_test::{Expect, expect};

use super::*;
use crate::voice::{FRAME_BYTES, SILENCE, speak};

/// Plays the agent's lines at their times to the person for a while, and shows what happened.
fn check(script: &str, agent: &[(u64, &str)], seconds: u64, expect: &Expect) {
    let person: Person = script.parse().unwrap();
    let mut line = vec![SILENCE; usize::try_from(seconds * 8_000).unwrap()];
    for (at_ms, text) in agent {
        let speech = speak(text, &Voice::named("agent"));
        let at = usize::try_from(at_ms * 8).unwrap();
        for (to, from) in line[at..].iter_mut().zip(&speech.audio) {
            *to = *from;
        }
    }
    let mut on_call = person.pick_up();
    let mut deeds = Vec::new();
    for (nth, played) in line.chunks(FRAME_BYTES).enumerate() {
        on_call.frame();
        while let Some(deed) = on_call.poll_deed() {
            deeds.push(format!("{:.2} {deed:?}\n", nth as f64 * 0.02));
        }
        on_call.hear(played, (nth * FRAME_BYTES) as u64);
    }
    on_call.end();
    expect.assert_eq(&format!("{}{}", on_call.log(), deeds.concat()));
}

#[test]
fn a_person_answers_when_the_agent_has_finished() {
    check(
        r#"answers after 1 ring | says "Yes, speaking." | hangs up after 300ms"#,
        &[(200, "Hello. Is this Sam?")],
        6,
        &expect![[r#"
            0.20-1.56 agent: Hello. Is this Sam?
            2.26-3.14 person: Yes, speaking.
            3.44 HangsUp
        "#]],
    );
}

#[test]
fn a_person_interrupts_in_mid_sentence() {
    check(
        r#"answers | interrupts after 2 words | says "Stop.""#,
        &[(200, "I would like to tell you about our offer")],
        6,
        &expect![[r#"
            0.20-0.72 agent: I would
            0.72-0.98 person: Stop.
            0.78-2.88 agent: like to tell you about our offer
        "#]],
    );
}

#[test]
fn a_person_mumbles_while_the_agent_speaks_and_keeps_waiting_for_their_turn() {
    check(
        r#"answers | mumbles "mm-hm" | says "Fine.""#,
        &[(200, "I would like to tell you about it")],
        6,
        &expect![[r#"
            0.20-0.32 agent: I
            0.32-0.58 person: mm-hm
            0.38-2.42 agent: would like to tell you about it
            3.12-3.38 person: Fine.
        "#]],
    );
}

#[test]
fn a_person_thinks_aloud_in_two_parts() {
    check(
        r#"answers | says "Let me think," | waits 1500ms | says "Tuesday.""#,
        &[(0, "When?")],
        6,
        &expect![[r#"
            0.00-0.26 agent: When?
            0.96-3.72 person: Let me think, Tuesday.
        "#]],
    );
}

#[test]
fn a_person_waits_for_certain_words() {
    check(
        r#"answers | when hears "press one" | presses 1 | waits 200ms | coughs 300ms"#,
        &[(0, "For sales,"), (2_000, "Press ONE. Thanks.")],
        6,
        &expect![[r#"
            0.00-3.30 agent: For sales, Press ONE. Thanks.
            2.60 Presses('1')
        "#]],
    );
}

#[test]
fn a_mailbox_greets_and_beeps() {
    check(
        r#"voicemail "Leave a message." after 2 rings | beep"#,
        &[(3_000, "Call us back")],
        6,
        &expect![[r#"
            0.00-1.04 person: Leave a message.
            3.00-3.78 agent: Call us back
            1.52 Beeped
        "#]],
    );
}

#[test]
fn a_mailbox_beeps_in_its_own_way() {
    check(
        r#"voicemail "Leave a message." | waits 300ms | beep 850hz 400ms"#,
        &[],
        3,
        &expect![[r#"
            0.00-1.04 person: Leave a message.
            1.72 Beeped
        "#]],
    );
}

#[test]
fn a_screening_service_asks_and_puts_through() {
    check(
        r#"screening "Who is calling?" | says "Hold on." | waits 1000ms | opens with "Hello?""#,
        &[(1_500, "Bright Dental.")],
        6,
        &expect![[r#"
            0.00-0.92 person: Who is calling?
            1.50-2.36 agent: Bright Dental.
            3.06-4.86 person: Hold on. Hello?
        "#]],
    );
}

#[test]
fn a_script_that_makes_no_sense_says_where() {
    for (script, expected) in [
        ("", expect!["step 1: expected at least one step"]),
        (
            r#"says "hi""#,
            expect!["step 1: expected how the phone is answered, such as `answers after 2 rings`"],
        ),
        (
            "fax | beep 850hz",
            expect![[r#"step 2: expected a step such as `says "…"` or `waits 500ms`"#]],
        ),
        (
            "answers | waits 5",
            expect![[r#"step 2: expected a step such as `says "…"` or `waits 500ms`"#]],
        ),
    ] {
        expected.assert_eq(&script.parse::<Person>().unwrap_err().to_string());
    }
}
