//! Vendors that fail, and the next in the chain.

use super::*;

#[test]
fn a_model_that_fails_once_is_asked_again() {
    check(
        "model fails | 2.0 says 'Hello' 0.3s | 5.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            2.900 observe GenerationRetried
            3.100 ask 1@0: agent 'Hello.' / customer 'Hello'
            3.420 voice u1@0: All right.
            3.520 audio begins
            4.080 turn 2 agent Talk 3.520s-4.080s 'All right.'"#]],
    );
}

#[test]
fn a_model_that_fails_twice_ends_the_call_with_an_apology() {
    check(
        "model fails | model fails | 2.0 says 'Hello' 0.3s | 10.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            2.900 observe GenerationRetried
            3.100 ask 1@0: agent 'Hello.' / customer 'Hello'
            3.400 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            3.500 audio begins
            6.100 turn 2 agent Farewell 3.500s-6.100s 'I am sorry, I am having technical trouble. Goodbye.'
            6.100 END vendor_failed"#]],
    );
}

#[test]
fn the_next_model_in_the_chain_is_asked_at_once_and_kept() {
    check(
        "routes 2 | model refuses | 2.0 says 'Hello' 0.3s | 5.0 says 'Again' 0.3s | 7.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            2.900 observe GenerationRetried
            2.900 ask 1@1: agent 'Hello.' / customer 'Hello'
            3.220 voice u1@0: All right.
            3.320 audio begins
            3.880 turn 2 agent Talk 3.320s-3.880s 'All right.'
            3.880 audio ends (560 ms)
            5.600 turn 3 customer Talk 5.000s-5.300s 'Again'
            5.600 ask 2@1: agent 'Hello.' / customer 'Hello' / agent 'All right.' / customer 'Again'
            5.920 voice u2@0: All right.
            6.020 audio begins
            6.580 turn 4 agent Talk 6.020s-6.580s 'All right.'"#]],
    );
}

#[test]
fn a_model_that_breaks_off_goes_on_where_it_stopped() {
    check(
        "model breaks 'This is the first sentence. This is not' | answers 'And this is the second.'
        | 2.0 says 'Hello' 0.3s | 7.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            2.950 voice u1@0: This is the first sentence.
            2.980 observe GenerationRetried
            3.050 audio begins
            3.180 ask 1@0: agent 'Hello.' / customer 'Hello' / agent 'This is the first sentence.' / system (You were cut off. Go on exactly where your last message stops. Do not repeat any of it and do not mention this.)
            3.530 voice u1@0: And this is the second.
            5.650 turn 2 agent Talk 3.050s-5.650s 'This is the first sentence. And this is the second.'"#]],
    );
}

#[test]
fn a_model_that_says_nothing_is_not_waited_for() {
    check(
        "model silent | 2.0 says 'Hello' 0.3s | 13.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            10.600 cancel model 0
            10.600 observe GenerationRetried
            10.800 ask 1@0: agent 'Hello.' / customer 'Hello'
            11.120 voice u1@0: All right.
            11.220 audio begins
            11.780 turn 2 agent Talk 11.220s-11.780s 'All right.'"#]],
    );
    check(
        "model nothing | model nothing | 2.0 says 'Hello' 0.3s | 5.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.600 turn 1 customer Talk 2.000s-2.300s 'Hello'
            2.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            2.900 observe GenerationRetried
            2.900 ask 1@0: agent 'Hello.' / customer 'Hello'"#]],
    );
}

#[test]
fn another_voice_says_what_was_not_heard() {
    check_long(
        "routes 2 | voice 0 fails-later | 13.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello. How can I help you?
        0.100 audio begins
        1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
        1.460 audio ends (1360 ms)
        2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
        2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
        3.080 voice u1@0: We have a table on Monday at nine.
        3.160 voice u1@0: There is another one on Friday at ten.
        3.180 audio begins
        3.210 voice u1@0: Both are by the window.
        3.260 cancel voice u1
        3.260 observe SynthesisRetried
        3.260 voice u2@1: There is another one on Friday at ten.
        3.260 voice u2@1: Both are by the window.
        8.040 turn 2 agent Talk 3.180s-8.040s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'"#]],
    );
}

#[test]
fn a_voice_that_fails_at_the_greeting_is_replaced() {
    check(
        "routes 2 | voice 0 fails | 3.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello.
        0.100 cancel voice u0
        0.100 observe SynthesisRetried
        0.100 voice u1@1 (cacheable): Hello.
        0.200 audio begins
        0.560 turn 0 agent Greeting 0.200s-0.560s 'Hello.'"#]],
    );
}

#[test]
fn without_any_voice_the_call_ends() {
    check(
        "voice 0 fails | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 cancel voice u0
            0.100 observe SynthesisRetried
            0.100 voice u1@0 (cacheable): Hello.
            0.200 cancel voice u1
            0.200 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            0.300 cancel voice u2
            0.300 observe SynthesisRetried
            0.300 voice u3@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            0.400 cancel voice u3
            0.400 END vendor_failed"#]],
    );
    check(
        "voice 0 silent | 40.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            5.000 cancel voice u0
            5.000 observe SynthesisRetried
            5.000 voice u1@0 (cacheable): Hello.
            10.000 cancel voice u1
            10.000 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            15.000 cancel voice u2
            15.000 observe SynthesisRetried
            15.000 voice u3@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            20.000 cancel voice u3
            20.000 END vendor_failed"#]],
    );
}

#[test]
fn a_voice_without_times_is_followed_in_proportion() {
    check_long(
        "voice 0 untimed | 4.5 says 'Friday please' 0.6s | 8.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.600 CLEAR (180 ms unplayed)
            4.600 turn 2 agent Talk 3.180s-4.600s 'We have a table on Monday at' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.600 observe Interrupted(SpeechStarted)
            5.400 turn 3 customer Talk 4.500s-5.100s 'Friday please'
            5.400 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday at [interrupted]' / customer 'Friday please'
            5.720 voice u2@0: All right.
            5.820 audio begins
            6.380 turn 4 agent Talk 5.820s-6.380s 'All right.'
            6.380 audio ends (560 ms)
            8.000 END customer_hung_up"#]],
    );
}

#[test]
fn lost_recognition_is_reopened_and_at_last_given_up() {
    check(
        "2.0 deaf | 2.05 deaf | 4.0 says 'Hello' 0.3s | 7.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 observe RecognitionRetried
            2.000 open recognition 0
            4.600 turn 1 customer Talk 4.000s-4.300s 'Hello'
            4.600 ask 0@0: agent 'Hello.' / customer 'Hello'
            4.920 voice u1@0: All right.
            5.020 audio begins
            5.580 turn 2 agent Talk 5.020s-5.580s 'All right.'"#]],
    );
    check(
        "2.0 deaf | 2.2 deaf | 2.7 deaf | 3.5 deaf | 5.0 deaf | 8.0 deaf | 11.0 deaf | 20.0 stop",
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
            10.000 observe RecognitionRetried
            10.000 open recognition 0
            10.460 voice u1@0 (cacheable): Are you still there?
            10.560 audio begins
            11.000 CLEAR (160 ms unplayed)
            11.000 turn 1 agent Reminder 10.560s-11.000s 'Are you' of 'Are you still there?'
            11.000 voice u2@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            11.100 audio begins
            13.700 turn 2 agent Farewell 11.100s-13.700s 'I am sorry, I am having technical trouble. Goodbye.'
            13.700 END vendor_failed"#]],
    );
}
