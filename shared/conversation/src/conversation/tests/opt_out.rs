//! People who want no more calls.

use super::*;
use crate::opted_out_by_keys;

#[test]
fn it_is_stored_before_it_is_acknowledged_and_the_call_ends() {
    check(
        "2.0 says 'Please take me off your list.' 0.8s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'Please take me off your list.'
            3.150 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            3.250 audio begins
            5.810 turn 2 agent Farewell 3.250s-5.810s 'I understand. We will not call you again. Goodbye.'
            5.810 END opted_out"#]],
    );
}

#[test]
fn even_protected_speech_stops_for_it() {
    check(
        "greeting 'Hello, this is a very long greeting that must be heard to its end.' | uninterruptible
        | 1.0 says 'Stop calling me.' 0.5s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is a very long greeting that must be heard to its end.
            0.100 audio begins
            1.800 OPT OUT Spoken
            1.800 turn 0 customer Talk 1.000s-1.500s 'Stop calling me.'
            1.800 CLEAR (100 ms unplayed)
            1.800 turn 1 agent Greeting 0.100s-1.800s 'Hello, this is a very long' of 'Hello, this is a very long greeting that must be heard to its end.'
            1.850 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            1.950 audio begins
            4.510 turn 2 agent Farewell 1.950s-4.510s 'I understand. We will not call you again. Goodbye.'
            4.510 END opted_out"#]],
    );
}

#[test]
fn keys_of_somebody_who_is_held_are_looked_at_one_by_one() {
    let mut snapshot = support::snapshot();
    let last_words = |snapshot: &_, keys: &str| opted_out_by_keys(snapshot, keys);
    snapshot.answering.opt_out_key = Some('9');
    for (keys, opts_out) in [
        ("9", true),
        ("99", true),
        ("59", true),
        ("9#", true),
        ("5", false),
        ("#", false),
        ("", false),
    ] {
        assert_eq!(last_words(&snapshot, keys).is_some(), opts_out, "{keys}");
    }
    assert_eq!(
        last_words(&snapshot, "9").unwrap(),
        "I understand. We will not call you again. Goodbye."
    );
    snapshot.answering.opt_out_acknowledgement = Some("So be it.".to_owned());
    snapshot.answering.opt_out_key = Some('#');
    assert_eq!(last_words(&snapshot, "#").unwrap(), "So be it.");
    assert_eq!(last_words(&snapshot, "9"), None);
    snapshot.answering.opt_out_key = None;
    assert_eq!(last_words(&snapshot, "9#"), None);
}

#[test]
fn it_is_acknowledged_although_the_store_is_away() {
    check(
        "store-away | 2.0 says 'Do not call me again.' 0.8s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'Do not call me again.'
            6.100 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            6.200 audio begins
            8.760 turn 2 agent Farewell 6.200s-8.760s 'I understand. We will not call you again. Goodbye.'
            8.760 END opted_out"#]],
    );
}

#[test]
fn who_asks_and_hangs_up_has_opted_out() {
    check(
        "2.0 interim 'take me off your list' | 2.2 hang-up | 3.5 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.200 finalize recognition
            2.700 OPT OUT Spoken
            2.700 turn 1 customer Talk 2.000s-2.000s 'take me off your list'
            2.800 END opted_out"#]],
    );
    check(
        "2.0 says 'Take me off your list.' 0.8s | 3.12 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'Take me off your list.'
            3.120 END opted_out"#]],
    );
    // What they said is understood only when they are gone.
    check(
        "2.0 sound | 2.2 hang-up | 2.5 final 'take me off your list' | 3.5 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.200 finalize recognition
            2.800 OPT OUT Spoken
            2.800 turn 1 customer Talk 2.100s-2.450s 'take me off your list'
            2.800 END opted_out"#]],
    );
    check(
        "2.0 deaf | 2.1 hang-up | 4.0 final 'take me off your list' | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 observe RecognitionRetried
            2.000 open recognition 0
            2.100 finalize recognition
            5.100 OPT OUT Spoken
            5.100 turn 1 customer Talk 3.600s-3.950s 'take me off your list'
            5.100 END opted_out"#]],
    );
}

#[test]
fn a_key_of_its_own_opts_out_and_one_within_a_number_does_not() {
    check(
        "opt-out-key 9 | 2.0 key 9 | 12.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        3.500 OPT OUT Keypad
        3.500 turn 1 customer Talk 2.000s-2.000s '9' (keys)
        3.550 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
        3.650 audio begins
        6.210 turn 2 agent Farewell 3.650s-6.210s 'I understand. We will not call you again. Goodbye.'
        6.210 END opted_out"#]],
    );
    check(
        "opt-out-key 9 | 2.0 key 5 | 2.3 key 9 | 2.6 key # | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.600s '59#' (keys)
            2.600 ask 0@0: agent 'Hello.' / customer '[pressed the keys 59#]'
            2.920 voice u1@0: All right.
            3.020 audio begins
            3.580 turn 2 agent Talk 3.020s-3.580s 'All right.'"#]],
    );
    check(
        "2.0 key 9 | 6.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 audio begins
        0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
        0.460 audio ends (360 ms)
        3.500 turn 1 customer Talk 2.000s-2.000s '9' (keys)
        3.500 ask 0@0: agent 'Hello.' / customer '[pressed the keys 9]'
        3.820 voice u1@0: All right.
        3.920 audio begins
        4.480 turn 2 agent Talk 3.920s-4.480s 'All right.'"#]],
    );
}

#[test]
fn asking_twice_is_asking_once() {
    check(
        "opt-out-key 9 | 2.0 says 'Stop calling me.' 0.8s | 3.3 says 'Did you hear? Stop calling me!' 0.8s | 3.5 key 9 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'Stop calling me.'
            3.150 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            3.250 audio begins
            4.400 turn 2 customer Talk 3.300s-4.100s 'Did you hear? Stop calling me!'
            5.810 turn 3 agent Farewell 3.250s-5.810s 'I understand. We will not call you again. Goodbye.'
            5.810 END opted_out"#]],
    );
}

#[test]
fn a_pause_in_the_middle_of_it_changes_nothing() {
    check(
        "2.0 says 'Please do not' 0.6s | 3.4 says 'call me again.' 0.6s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.900 turn 1 customer Talk 2.000s-2.600s 'Please do not'
            2.900 ask 0@0: agent 'Hello.' / customer 'Please do not'
            3.220 voice u1@0: All right.
            3.320 audio begins
            3.500 CLEAR (120 ms unplayed)
            3.500 turn 2 agent Talk 3.320s-3.500s 'All' of 'All right.'
            3.500 observe Interrupted(SpeechStarted)
            4.300 OPT OUT Spoken
            4.300 turn 3 customer Talk 3.400s-4.000s 'call me again.'
            4.350 voice u2@0 (cacheable): I understand. We will not call you again. Goodbye.
            4.450 audio begins
            7.010 turn 4 agent Farewell 4.450s-7.010s 'I understand. We will not call you again. Goodbye.'
            7.010 END opted_out"#]],
    );
}

#[test]
fn what_was_said_long_ago_is_another_sentence() {
    check(
        "2.0 says 'Please do not' 0.6s | 9.0 says 'call me again.' 0.6s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.900 turn 1 customer Talk 2.000s-2.600s 'Please do not'
            2.900 ask 0@0: agent 'Hello.' / customer 'Please do not'
            3.220 voice u1@0: All right.
            3.320 audio begins
            3.880 turn 2 agent Talk 3.320s-3.880s 'All right.'
            3.880 audio ends (560 ms)
            9.900 turn 3 customer Talk 9.000s-9.600s 'call me again.'
            9.900 ask 1@0: agent 'Hello.' / customer 'Please do not' / agent 'All right.' / customer 'call me again.'
            10.220 voice u2@0: All right.
            10.320 audio begins
            10.880 turn 4 agent Talk 10.320s-10.880s 'All right.'"#]],
    );
}

#[test]
fn the_longest_call_waits_for_the_store() {
    check(
        "longest 30 | store-away | 27.0 says 'Stop calling me.' 1.5s | 50.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            10.460 voice u1@0 (cacheable): Are you still there?
            10.560 audio begins
            11.620 turn 1 agent Reminder 10.560s-11.620s 'Are you still there?'
            11.620 audio ends (1060 ms)
            21.620 voice u2@0 (cacheable): Are you still there?
            21.720 audio begins
            22.780 turn 2 agent Reminder 21.720s-22.780s 'Are you still there?'
            22.780 audio ends (1060 ms)
            28.800 OPT OUT Spoken
            28.800 turn 3 customer Talk 27.000s-28.500s 'Stop calling me.'
            31.800 voice u3@0 (cacheable): I understand. We will not call you again. Goodbye.
            31.900 audio begins
            34.460 turn 4 agent Farewell 31.900s-34.460s 'I understand. We will not call you again. Goodbye.'
            34.460 END opted_out"#]],
    );
}

#[test]
fn a_recognizer_that_fails_then_needs_no_apology() {
    check(
        "opt-out-key 9 | store-away | 2.0 deaf | 2.2 deaf | 2.7 deaf | 3.5 deaf | 5.0 deaf | 8.0 deaf | 8.2 key 9 | 11.0 deaf | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 observe RecognitionRetried
            2.000 open recognition 0
            2.450 observe RecognitionRetried
            2.450 open recognition 0
            3.200 observe RecognitionRetried
            3.200 open recognition 0
            4.500 observe RecognitionRetried
            4.500 open recognition 0
            7.000 observe RecognitionRetried
            7.000 open recognition 0
            9.700 OPT OUT Keypad
            9.700 turn 1 customer Talk 8.200s-8.200s '9' (keys)
            10.000 observe RecognitionRetried
            10.000 open recognition 0
            12.700 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            12.800 audio begins
            15.360 turn 2 agent Farewell 12.800s-15.360s 'I understand. We will not call you again. Goodbye.'
            15.360 END opted_out"#]],
    );
}

#[test]
fn it_is_said_in_the_agents_language_or_the_campaigns_words() {
    check(
        "language es-MX | 2.0 says 'No me llame más.' 0.8s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'No me llame más.'
            3.150 voice u1@0 (cacheable): Entendido. No volveremos a llamarle. Adiós.
            3.250 audio begins
            5.450 turn 2 agent Farewell 3.250s-5.450s 'Entendido. No volveremos a llamarle. Adiós.'
            5.450 END opted_out"#]],
    );
    check(
        "acknowledges 'You are off the list.' | 2.0 says 'Unsubscribe' 0.8s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.100 OPT OUT Spoken
            3.100 turn 1 customer Talk 2.000s-2.800s 'Unsubscribe'
            3.150 voice u1@0 (cacheable): You are off the list.
            3.250 audio begins
            4.350 turn 2 agent Farewell 3.250s-4.350s 'You are off the list.'
            4.350 END opted_out"#]],
    );
}

#[test]
fn a_mailbox_that_asks_for_no_calls_gets_none_and_no_message() {
    check(
        "machine 'Please call us back.' | verdict start @3.0 | 0.5 says 'You have reached Sam. Do not call me again.' 5.0s | 9.0 beep | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.020 ask for the verdict
            5.800 OPT OUT Spoken
            5.800 turn 1 customer Talk 0.500s-5.500s 'You have reached Sam. Do not call me again.'
            5.800 END opted_out"#]],
    );
}

#[test]
fn who_opts_out_during_the_message_hears_no_more_of_it() {
    check(
        "opt-out-key 9 | machine 'Please call us back about your appointment on Tuesday.' | verdict beep @2.0 | 3.2 says 'Stop calling me.' 0.5s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 ask for the verdict
            2.020 voice u1@0 (cacheable): Please call us back about your appointment on Tuesday.
            2.120 audio begins
            4.000 OPT OUT Spoken
            4.000 turn 1 customer Talk 3.200s-3.700s 'Stop calling me.'
            4.000 turn 2 agent Voicemail 2.120s-4.000s 'Please call us back about your' of 'Please call us back about your appointment on Tuesday.'
            4.000 END opted_out"#]],
    );
}

#[test]
fn who_picks_up_during_the_message_and_presses_the_key_is_heard() {
    check(
        "opt-out-key 9 | machine 'Please call us back about your appointment on Tuesday.' | verdict beep @2.0 | 3.2 key 5 | 3.6 key 9 | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 ask for the verdict
            2.020 voice u1@0 (cacheable): Please call us back about your appointment on Tuesday.
            2.120 audio begins
            3.600 OPT OUT Keypad
            3.600 turn 1 customer Talk 3.600s-3.600s '9' (keys)
            3.600 turn 2 agent Voicemail 2.120s-3.600s 'Please call us back about' of 'Please call us back about your appointment on Tuesday.'
            3.600 END opted_out"#]],
    );
}

#[test]
fn the_key_is_heard_during_the_last_words() {
    check(
        "opt-out-key 9 | answers 'Goodbye and have a very nice day, my friend.' then end_call {} | 2.0 says 'Bye' 0.3s | 4.0 key 9 | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Bye'
            2.600 ask 0@0: agent 'Hello.' / customer 'Bye'
            2.960 voice u1@0: Goodbye and have a very nice day,
            2.990 voice u1@0: my friend.
            3.060 audio begins
            4.000 OPT OUT Keypad
            4.000 turn 2 customer Talk 4.000s-4.000s '9' (keys)
            5.320 turn 3 agent Farewell 3.060s-5.320s 'Goodbye and have a very nice day, my friend.' [end_call {} -> true The call ends after these words.]
            5.320 END opted_out"#]],
    );
}

#[test]
fn last_words_that_are_being_said_are_not_begun_again() {
    check(
        "answers 'Goodbye and have a very nice day, my friend.' then end_call {} | 2.0 says 'Bye' 0.3s | 4.0 says 'And take me off your list.' 0.6s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Bye'
            2.600 ask 0@0: agent 'Hello.' / customer 'Bye'
            2.960 voice u1@0: Goodbye and have a very nice day,
            2.990 voice u1@0: my friend.
            3.060 audio begins
            4.900 OPT OUT Spoken
            4.900 turn 2 customer Talk 4.000s-4.600s 'And take me off your list.'
            5.320 turn 3 agent Farewell 3.060s-5.320s 'Goodbye and have a very nice day, my friend.' [end_call {} -> true The call ends after these words.]
            5.320 END opted_out"#]],
    );
}

#[test]
fn last_words_that_nobody_heard_yet_give_way_to_the_acknowledgement() {
    check(
        "opt-out-key 9 | longest 3 | 1.55 key 9 | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            3.000 voice u1@0 (cacheable): Goodbye.
            3.050 OPT OUT Keypad
            3.050 turn 1 customer Talk 1.550s-1.550s '9' (keys)
            3.050 cancel voice u1
            3.100 voice u2@0 (cacheable): I understand. We will not call you again. Goodbye.
            3.200 audio begins
            5.760 turn 2 agent Farewell 3.200s-5.760s 'I understand. We will not call you again. Goodbye.'
            5.760 END opted_out"#]],
    );
}

#[test]
fn a_request_before_the_line_broke_is_kept() {
    check(
        "before agent 'Hello.' | before customer 'Do not call me again.' | 9.0 stop",
        expect![[r#"
            0.000 OPT OUT Spoken
            0.050 voice u0@0 (cacheable): I understand. We will not call you again. Goodbye.
            0.150 audio begins
            2.710 turn 2 agent Farewell 0.150s-2.710s 'I understand. We will not call you again. Goodbye.'
            2.710 END opted_out"#]],
    );
}
