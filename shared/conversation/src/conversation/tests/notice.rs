//! A call that is recorded, and says so.

use super::*;

const RECORDED: &str =
    "inbound | notice 'This call is recorded.' | greeting 'Hello. How can I help you?'";

#[test]
fn who_calls_is_told_that_the_call_is_recorded_before_anything_is() {
    check(
        &format!("{RECORDED} | 4.0 stop"),
        expect![[r#"
        0.000 voice u0@0 (cacheable): This call is recorded.
        0.100 audio begins
        0.100 RECORD
        1.260 turn 0 agent Notice 0.100s-1.260s 'This call is recorded.'
        1.260 voice u1@0 (cacheable): Hello. How can I help you?
        1.260 audio ends (1160 ms)
        1.360 audio begins
        2.720 turn 1 agent Greeting 1.360s-2.720s 'Hello. How can I help you?'"#]],
    );
}

#[test]
fn words_and_keys_do_not_cut_the_notice_and_a_question_is_answered_after_it() {
    check(
        &format!(
            "{RECORDED} | answers 'At nine.' | 0.4 says 'When do you open?' 0.4s | 0.9 key 1 | 7.0 stop"
        ),
        expect![[r#"
            0.000 voice u0@0 (cacheable): This call is recorded.
            0.100 audio begins
            0.100 RECORD
            0.900 finalize recognition
            1.100 turn 0 customer Talk 0.400s-0.800s 'When do you open?'
            1.260 turn 1 agent Notice 0.100s-1.260s 'This call is recorded.'
            1.260 voice u1@0 (cacheable): Hello. How can I help you?
            1.260 audio ends (1160 ms)
            1.360 audio begins
            2.400 turn 2 customer Talk 0.900s-0.900s '1' (keys)
            2.720 turn 3 agent Greeting 1.360s-2.720s 'Hello. How can I help you?'
            2.720 ask 0@0: agent 'This call is recorded.' / agent 'Hello. How can I help you?' / customer 'When do you open?' / customer '[pressed the keys 1]'
            2.720 audio ends (1360 ms)
            3.040 voice u2@0: At nine.
            3.140 audio begins
            3.600 turn 4 agent Talk 3.140s-3.600s 'At nine.'"#]],
    );
}

#[test]
fn words_said_while_picking_up_are_not_answered_after_the_notice() {
    check(
        &format!("{RECORDED} | 0.05 says 'Hello?' 0.3s | 4.0 stop"),
        expect![[r#"
            0.000 voice u0@0 (cacheable): This call is recorded.
            0.100 audio begins
            0.100 RECORD
            0.650 turn 0 customer Talk 0.050s-0.350s 'Hello?'
            1.260 turn 1 agent Notice 0.100s-1.260s 'This call is recorded.'
            1.260 voice u1@0 (cacheable): Hello. How can I help you?
            1.260 audio ends (1160 ms)
            1.360 audio begins
            2.720 turn 2 agent Greeting 1.360s-2.720s 'Hello. How can I help you?'"#]],
    );
}

#[test]
fn a_worker_that_died_before_the_notice_was_heard_leaves_it_to_the_next() {
    check(
        &format!("{RECORDED} | before customer 'Hello?' | answers 'Yes?' | 8.0 stop"),
        expect![[r#"
            0.000 voice u0@0 (cacheable): This call is recorded.
            0.100 audio begins
            0.100 RECORD
            1.260 turn 1 agent Notice 0.100s-1.260s 'This call is recorded.'
            1.260 voice u1@0 (cacheable): Hello. How can I help you?
            1.260 audio ends (1160 ms)
            1.360 audio begins
            2.720 turn 2 agent Greeting 1.360s-2.720s 'Hello. How can I help you?'"#]],
    );
}

#[test]
fn a_call_that_goes_on_elsewhere_is_recorded_on_and_its_notice_is_not_repeated() {
    check(
        &format!(
            "{RECORDED} | before notice 'This call is recorded.' | before agent 'Hello.' | 3.0 stop"
        ),
        expect![[r#"
            0.000 RECORD
            0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            0.100 audio begins
            2.060 turn 2 agent Bridge 0.100s-2.060s 'Sorry, the line was gone for a moment.'"#]],
    );
}

#[test]
fn a_voice_that_never_speaks_records_nothing() {
    check(
        &format!("{RECORDED} | voice 0 fails | 6.0 stop"),
        expect![[r#"
            0.000 voice u0@0 (cacheable): This call is recorded.
            0.100 cancel voice u0
            0.100 observe SynthesisRetried
            0.100 voice u1@0 (cacheable): This call is recorded.
            0.200 cancel voice u1
            0.200 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            0.300 cancel voice u2
            0.300 observe SynthesisRetried
            0.300 voice u3@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            0.400 cancel voice u3
            0.400 END vendor_failed"#]],
    );
}

#[test]
fn who_says_stop_over_the_notice_is_not_greeted_any_more() {
    check(
        &format!("{RECORDED} | 0.4 says 'Stop calling me.' 0.4s | 6.0 stop"),
        expect![[r#"
            0.000 voice u0@0 (cacheable): This call is recorded.
            0.100 audio begins
            0.100 RECORD
            1.100 OPT OUT Spoken
            1.100 turn 0 customer Talk 0.400s-0.800s 'Stop calling me.'
            1.100 CLEAR (100 ms unplayed)
            1.100 turn 1 agent Notice 0.100s-1.100s 'This call is' of 'This call is recorded.'
            1.150 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            1.250 audio begins
            3.810 turn 2 agent Farewell 1.250s-3.810s 'I understand. We will not call you again. Goodbye.'
            3.810 END opted_out"#]],
    );
}
