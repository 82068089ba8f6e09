//! Answering machines and mailboxes.

use super::*;

const MESSAGE: &str =
    "machine 'Please call us back.' | greeting 'Hello, this is Anna of Bright Dental.'";

fn check_message(script: &str, expected: Expect) {
    check(&format!("{MESSAGE} | {script}"), expected);
}

#[test]
fn a_person_is_spoken_to_at_once_and_the_verdict_changes_nothing() {
    check(
        "show-asks | verdict human @3.1 | greeting 'Hello, this is Anna of Bright Dental.'
        | 2.6 says 'Yes?' 0.3s | 6.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 ask for the verdict
            2.000 audio ends (1900 ms)
            3.020 ask for the verdict
            3.200 turn 1 customer Talk 2.600s-2.900s 'Yes?'
            3.200 ask 0@0: agent 'Hello, this is Anna of Bright Dental.' / customer 'Yes?'
            3.520 voice u1@0: All right.
            3.620 audio begins
            4.040 ask for the verdict
            4.180 turn 2 agent Talk 3.620s-4.180s 'All right.'
            4.180 audio ends (560 ms)
            6.000 END customer_hung_up"#]],
    );
}

#[test]
fn an_unknown_verdict_is_a_person() {
    check(
        "verdict unknown @5.0 | 2.6 says 'Yes?' 0.3s | 9.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.200 turn 1 customer Talk 2.600s-2.900s 'Yes?'
            3.200 ask 0@0: agent 'Hello.' / customer 'Yes?'
            3.520 voice u1@0: All right.
            3.620 audio begins
            4.180 turn 2 agent Talk 3.620s-4.180s 'All right.'
            4.180 audio ends (560 ms)
            5.060 ask for the verdict
            9.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_machine_is_hung_up_on_when_its_words_are_no_screening_services() {
    check(
        "verdict start @3.0 | 0.5 says 'You have reached the office of Sam' 4.0s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.020 ask for the verdict
            4.800 turn 1 customer Talk 0.500s-4.500s 'You have reached the office of Sam'
            4.800 END voicemail"#]],
    );
    check(
        "verdict start @3.0 | 0.5 interim 'You have reached' | 3.5 interim 'You have reached Sam. Leave a message' | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.020 ask for the verdict
            3.500 turn 1 customer Talk 0.500s-3.500s 'You have reached Sam. Leave a message'
            3.500 END voicemail"#]],
    );
}

#[test]
fn a_machine_whose_words_nobody_understands_is_heard_out_for_a_while_only() {
    check(
        "verdict start @3.0 | 20.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        3.020 ask for the verdict
        9.040 END voicemail"#]],
    );
}

#[test]
fn a_machine_that_was_understood_already_is_hung_up_on_at_once() {
    check(
        "verdict silence @6.0 | 0.5 says 'This is the phone of Sam' 2.0s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.800 turn 1 customer Talk 0.500s-2.500s 'This is the phone of Sam'
            2.800 ask 0@0: agent 'Hello.' / customer 'This is the phone of Sam'
            3.120 voice u1@0: All right.
            3.220 audio begins
            3.780 turn 2 agent Talk 3.220s-3.780s 'All right.'
            3.780 audio ends (560 ms)
            6.080 ask for the verdict
            6.100 END voicemail"#]],
    );
}

#[test]
fn the_message_is_left_after_our_own_beep() {
    check_message(
        "verdict start @3.0 | 0.5 says 'You have reached Sam. Please leave a message after the tone.' 6.0s
        | 7.9 beep | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental.'
            6.800 turn 2 customer Talk 0.500s-6.500s 'You have reached Sam. Please leave a message after the tone.'
            8.100 voice u2@0 (cacheable): Please call us back.
            8.200 audio begins
            9.260 turn 3 agent Voicemail 8.200s-9.260s 'Please call us back.'
            9.260 END voicemail_left"#]],
    );
}

#[test]
fn the_message_is_left_when_the_carrier_says_that_the_greeting_is_over() {
    check_message(
        "verdict beep @8.0 | 0.5 says 'Please leave a message after the tone.' 6.0s | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            4.160 turn 1 agent Greeting 2.600s-4.160s 'this is Anna of Bright Dental.'
            4.160 audio ends (1560 ms)
            6.800 turn 2 customer Talk 0.500s-6.500s 'Please leave a message after the tone.'
            8.120 ask for the verdict
            8.140 voice u2@0 (cacheable): Please call us back.
            8.240 audio begins
            9.300 turn 3 agent Voicemail 8.240s-9.300s 'Please call us back.'
            9.300 END voicemail_left"#]],
    );
}

#[test]
fn the_message_is_left_once_although_both_say_so() {
    check_message(
        "verdict beep @8.6 | 0.5 says 'Please leave a message after the tone.' 6.0s | 7.9 beep
        | 9.5 beep | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            4.160 turn 1 agent Greeting 2.600s-4.160s 'this is Anna of Bright Dental.'
            4.160 audio ends (1560 ms)
            6.800 turn 2 customer Talk 0.500s-6.500s 'Please leave a message after the tone.'
            8.100 voice u2@0 (cacheable): Please call us back.
            8.200 audio begins
            9.140 ask for the verdict
            9.260 turn 3 agent Voicemail 8.200s-9.260s 'Please call us back.'
            9.260 END voicemail_left
            9.260 audio ends (1060 ms)"#]],
    );
}

#[test]
fn without_a_beep_the_message_is_left_when_the_line_is_quiet() {
    check_message(
        "verdict start @3.0 | 0.5 says 'Please leave a message.' 4.0s | 9.0 quiet | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental.'
            4.800 turn 2 customer Talk 0.500s-4.500s 'Please leave a message.'
            9.000 voice u2@0 (cacheable): Please call us back.
            9.100 audio begins
            10.160 turn 3 agent Voicemail 9.100s-10.160s 'Please call us back.'
            10.160 END voicemail_left"#]],
    );
}

#[test]
fn a_silence_of_long_ago_is_no_cue() {
    check_message(
        "verdict unknown @6.0 | 5.5 quiet | 9.0 interim 'Please leave a message' | 12.0 beep | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            6.080 ask for the verdict
            12.000 finalize recognition
            12.200 voice u1@0 (cacheable): Please call us back.
            12.300 audio begins
            12.500 turn 1 customer Talk 9.000s-9.000s 'Please leave a message'
            13.360 turn 2 agent Voicemail 12.300s-13.360s 'Please call us back.'
            13.360 END voicemail_left"#]],
    );
}

#[test]
fn a_mailbox_that_never_beeps_is_left_in_the_end() {
    check_message(
        "verdict start @3.0 | 0.5 says 'Please leave a message.' 4.0s | 60.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental.'
            4.800 turn 2 customer Talk 0.500s-4.500s 'Please leave a message.'
            48.040 END voicemail"#]],
    );
}

#[test]
fn a_beep_before_any_verdict_is_a_machine() {
    check_message(
        "4.0 beep | 20.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 audio begins
        2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
        2.000 audio ends (1900 ms)
        4.200 voice u1@0 (cacheable): Please call us back.
        4.300 audio begins
        5.360 turn 1 agent Voicemail 4.300s-5.360s 'Please call us back.'
        5.360 END voicemail_left"#]],
    );
}

#[test]
fn a_beep_after_a_person_was_heard_means_nothing() {
    check_message(
        "verdict human @2.5 | 4.0 beep | 8.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            3.020 ask for the verdict
            8.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_beep_behind_words_that_are_no_mailboxs_waits_for_the_carrier() {
    check_message(
        "verdict human @3.0 | 0.3 says 'Good morning, who is calling?' 1.7s | 2.0 beep | 7.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.400 CLEAR (100 ms unplayed)
            0.400 turn 0 agent Greeting 0.100s-0.400s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.400 observe Interrupted(SpeechStarted)
            2.300 turn 1 customer Talk 0.300s-2.000s 'Good morning, who is calling?'
            2.300 ask 0@0: agent 'Hello, [interrupted]' / customer 'Good morning, who is calling?'
            2.620 voice u1@0: All right.
            2.720 audio begins
            3.020 ask for the verdict
            3.280 turn 2 agent Talk 2.720s-3.280s 'All right.'
            3.280 audio ends (560 ms)
            7.000 END customer_hung_up"#]],
    );
    check_message(
        "verdict start @3.0 | 0.3 says 'Buenos días a todos.' 1.7s | 2.6 beep | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.400 CLEAR (100 ms unplayed)
            0.400 turn 0 agent Greeting 0.100s-0.400s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.400 observe Interrupted(SpeechStarted)
            2.300 turn 1 customer Talk 0.300s-2.000s 'Buenos días a todos.'
            2.300 ask 0@0: agent 'Hello, [interrupted]' / customer 'Buenos días a todos.'
            2.620 voice u1@0: All right.
            2.720 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (180 ms unplayed)
            3.040 turn 2 agent Talk 2.720s-3.040s 'All' of 'All right.'
            3.040 voice u2@0 (cacheable): Please call us back.
            3.140 audio begins
            4.200 turn 3 agent Voicemail 3.140s-4.200s 'Please call us back.'
            4.200 END voicemail_left"#]],
    );
}

#[test]
fn a_tone_in_the_middle_of_a_greeting_is_no_cue() {
    check_message(
        "verdict start @3.0 | 0.3 sound | 1.2 beep | 1.5 interim 'You have' | 2.8 interim 'You have reached' | 0.3 says 'You have reached Sam.' 4.0s | 5.5 beep | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.300 CLEAR (100 ms unplayed)
            0.300 turn 0 agent Greeting 0.100s-0.300s '' of 'Hello, this is Anna of Bright Dental.'
            0.300 observe Interrupted(SpeechStarted)
            3.020 ask for the verdict
            4.600 turn 1 customer Talk 0.300s-4.300s 'You have reached Sam.'
            5.700 voice u1@0 (cacheable): Please call us back.
            5.800 audio begins
            6.860 turn 2 agent Voicemail 5.800s-6.860s 'Please call us back.'
            6.860 END voicemail_left"#]],
    );
}

#[test]
fn a_mailbox_that_cuts_the_message_off_has_no_message() {
    check_message(
        "0.5 says 'Please leave a message after the tone.' 3.0s | 4.5 beep | 5.6 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.600 CLEAR (100 ms unplayed)
            3.600 turn 1 agent Greeting 2.600s-3.600s 'this is Anna of' of 'this is Anna of Bright Dental.'
            3.800 turn 2 customer Talk 0.500s-3.500s 'Please leave a message after the tone.'
            4.700 voice u2@0 (cacheable): Please call us back.
            4.800 audio begins
            5.600 turn 3 agent Voicemail 4.800s-5.600s 'Please call us' of 'Please call us back.'
            5.600 END voicemail"#]],
    );
}

#[test]
fn nothing_stops_the_message() {
    check_message(
        "0.5 says 'Please leave a message after the tone.' 3.0s | 4.5 beep | 5.2 says 'Hello? Stop!' 0.4s | 5.3 key 1 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.600 CLEAR (100 ms unplayed)
            3.600 turn 1 agent Greeting 2.600s-3.600s 'this is Anna of' of 'this is Anna of Bright Dental.'
            3.800 turn 2 customer Talk 0.500s-3.500s 'Please leave a message after the tone.'
            4.700 voice u2@0 (cacheable): Please call us back.
            4.800 audio begins
            5.860 turn 3 agent Voicemail 4.800s-5.860s 'Please call us back.'
            5.860 turn 4 customer Talk 5.200s-5.600s 'Hello? Stop!'
            5.860 END voicemail_left
            5.860 audio ends (1060 ms)"#]],
    );
}

#[test]
fn keys_are_not_answered_while_the_message_waits() {
    check_message(
        "verdict start @3.0 | 0.5 says 'Please leave a message after the tone.' 6.0s | 2.5 key 5 | 8.0 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.500 finalize recognition
            3.020 ask for the verdict
            4.000 turn 1 customer Talk 2.500s-2.500s '5' (keys)
            6.800 turn 2 customer Talk 0.500s-6.500s 'Please leave a message after the tone.'
            8.200 voice u1@0 (cacheable): Please call us back.
            8.300 audio begins
            9.360 turn 3 agent Voicemail 8.300s-9.360s 'Please call us back.'
            9.360 END voicemail_left"#]],
    );
}

#[test]
fn a_fax_is_left_at_once() {
    check(
        "verdict fax @3.0 | 12.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        3.020 ask for the verdict
        3.040 END fax"#]],
    );
    check(
        "amd | 1.7 fax-tone | 12.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        1.700 END fax"#]],
    );
}

#[test]
fn a_fax_is_noticed_where_the_carrier_does_not_listen() {
    check(
        "amd off | 1.7 fax-tone | 12.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        1.700 END fax"#]],
    );
}

#[test]
fn a_machine_may_be_talked_to() {
    check(
        "verdict start @3.0 | machine talk | 3.5 says 'Who is this?' 0.5s | 9.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.020 ask for the verdict
            4.300 turn 1 customer Talk 3.500s-4.000s 'Who is this?'
            4.300 ask 0@0: agent 'Hello.' / customer 'Who is this?'
            4.620 voice u1@0: All right.
            4.720 audio begins
            5.280 turn 2 agent Talk 4.720s-5.280s 'All right.'
            5.280 audio ends (560 ms)
            9.000 END customer_hung_up"#]],
    );
}

#[test]
fn an_inbound_call_is_never_asked_about() {
    check(
        "show-asks | verdict start @1.0 | inbound | 2.0 says 'Leave a message after the tone.' 0.5s | 4.0 beep | 6.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.800 turn 1 customer Talk 2.000s-2.500s 'Leave a message after the tone.'
            2.800 ask 0@0: agent 'Hello.' / customer 'Leave a message after the tone.'
            3.120 voice u1@0: All right.
            3.220 audio begins
            3.780 turn 2 agent Talk 3.220s-3.780s 'All right.'
            3.780 audio ends (560 ms)
            6.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_message_that_no_voice_says_is_not_left() {
    check_message(
        "voice 0 fails | 4.0 beep | 20.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 cancel voice u0
        0.100 observe SynthesisRetried
        0.100 voice u1@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.200 cancel voice u1
        0.200 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
        0.300 cancel voice u2
        0.300 observe SynthesisRetried
        0.300 voice u3@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
        0.400 cancel voice u3
        0.400 END vendor_failed"#]],
    );
}
