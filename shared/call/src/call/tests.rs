//! Situations: what a person on the phone would notice, and what must not happen.

mod properties;
mod scene;

use expect_test::{Expect, expect};

#[expect(clippy::needless_pass_by_value, reason = "reads better at every use")]
fn check(script: &str, expected: Expect) {
    expected.assert_eq(scene::play(script).trace());
}

/// The stage for most situations: a greeting of 1.4 s, and a long answer from about 3 s on.
const LONG: &str = "greeting 'Hello. How can I help you?'
    | answers 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
    | 1.6 says 'When is a table free?' 0.8s";

fn check_long(script: &str, expected: Expect) {
    check(&format!("{LONG} | {script}"), expected);
}

mod talking {
    use super::*;

    #[test]
    fn a_question_is_answered() {
        check(
            "show | greeting 'Hello. How can I help you?' | answers 'We open at nine. Please come in.'
            | 3.0 says 'When do you open?' 1.0s | 9.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                0.100 send 100 ms
                0.100 send 100 ms
                0.200 send 100 ms
                0.300 send 100 ms
                0.400 send 100 ms
                0.500 send 100 ms
                0.600 send 100 ms
                0.700 send 100 ms
                0.800 send 100 ms
                0.900 send 100 ms
                1.000 send 100 ms
                1.100 send 100 ms
                1.200 send 100 ms
                1.300 send 60 ms
                1.300 mark u0-s0
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                4.300 turn 1 caller Talk 3.000s-4.000s 'When do you open?'
                4.300 ask 0@0: agent 'Hello. How can I help you?' / caller 'When do you open?'
                4.640 voice u1@0: We open at nine.
                4.670 voice u1@0: Please come in.
                4.740 audio begins
                4.740 send 100 ms
                4.740 send 100 ms
                4.840 send 100 ms
                4.940 send 100 ms
                5.040 send 100 ms
                5.140 send 100 ms
                5.240 send 100 ms
                5.340 send 100 ms
                5.340 mark u1-s0
                5.440 send 100 ms
                5.540 send 100 ms
                5.640 send 100 ms
                5.740 send 100 ms
                5.840 send 100 ms
                5.940 send 100 ms
                6.040 send 100 ms
                6.140 send 100 ms
                6.240 send 60 ms
                6.240 mark u1-s1
                6.400 turn 2 agent Talk 4.740s-6.400s 'We open at nine. Please come in.'
                6.400 audio ends (1660 ms)
                9.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn an_agent_without_a_greeting_listens_first() {
        check(
            "greeting '' | answers 'Hello, this is Anna.' | 0.5 says 'Hello?' 0.3s | 4.0 hang-up",
            expect![[r#"
                1.100 turn 0 caller Talk 0.500s-0.800s 'Hello?'
                1.100 ask 0@0: caller 'Hello?'
                1.440 voice u1@0: Hello, this is Anna.
                1.540 audio begins
                2.600 turn 1 agent Talk 1.540s-2.600s 'Hello, this is Anna.'
                2.600 audio ends (1060 ms)
                4.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn words_said_while_picking_up_do_not_stop_the_greeting_and_are_not_answered_twice() {
        check(
            "greeting 'Hello. How can I help you?' | 0.05 says 'Hello?' 0.3s | 4.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                0.650 turn 0 caller Talk 0.050s-0.350s 'Hello?'
                1.460 turn 1 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                4.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_caller_who_goes_on_after_a_pause_is_answered_once() {
        check(
            "1.0 says 'I would like a table' 1.0s | 2.4 says 'for two people' 0.5s | 6.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.300 turn 1 caller Talk 1.000s-2.000s 'I would like a table'
                2.300 ask 0@0: agent 'Hello.' / caller 'I would like a table'
                2.620 voice u1@0: All right.
                2.720 audio begins
                3.000 CLEAR (120 ms unplayed)
                3.000 turn 2 agent Talk 2.720s-3.000s 'All' of 'All right.'
                3.000 observe Interrupted(Words)
                3.200 turn 3 caller Talk 2.400s-2.900s 'for two people'
                3.200 ask 1@0: agent 'Hello.' / caller 'I would like a table' / agent 'All [interrupted]' / caller 'for two people'
                3.520 voice u2@0: All right.
                3.620 audio begins
                4.180 turn 4 agent Talk 3.620s-4.180s 'All right.'
                4.180 audio ends (560 ms)
                6.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_recogniser_that_never_decides_does_not_keep_the_caller_waiting_for_ever() {
        check(
            "1.0 interim 'book a' | 1.5 final 'book a table' | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                4.500 turn 1 caller Talk 1.100s-1.450s 'book a table'
                4.500 ask 0@0: agent 'Hello.' / caller 'book a table'
                4.820 voice u1@0: All right.
                4.920 audio begins
                5.480 turn 2 agent Talk 4.920s-5.480s 'All right.'"#]],
        );
    }

    #[test]
    fn an_utterance_end_rescues_a_noisy_line() {
        check(
            "1.0 final 'book a table' | 1.9 utterance-end | 2.0 utterance-end | 4.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                1.900 turn 1 caller Talk 0.600s-0.950s 'book a table'
                1.900 ask 0@0: agent 'Hello.' / caller 'book a table'
                2.220 voice u1@0: All right.
                2.320 audio begins
                2.880 turn 2 agent Talk 2.320s-2.880s 'All right.'"#]],
        );
    }

    #[test]
    fn emoji_and_markdown_are_not_read_out() {
        check(
            "answers '**Sure!** 🎉 See [our page](https://x.example).' | 1.0 says 'Where?' 0.3s | 5.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                1.600 turn 1 caller Talk 1.000s-1.300s 'Where?'
                1.600 ask 0@0: agent 'Hello.' / caller 'Where?'
                1.900 voice u1@0: Sure!
                1.950 voice u1@0: See our page.
                2.000 audio begins
                3.000 turn 2 agent Talk 2.000s-3.000s 'Sure! See our page.'"#]],
        );
    }
}

mod interrupting {
    use super::*;

    #[test]
    fn the_first_sound_silences_the_agent_and_words_are_answered() {
        check_long(
            "4.5 says 'Friday please' 0.6s | 8.0 hang-up",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.600 CLEAR (180 ms unplayed)
            4.600 turn 2 agent Talk 3.180s-4.600s 'We have a table on Monday at' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.600 observe Interrupted(SpeechStarted)
            5.400 turn 3 caller Talk 4.500s-5.100s 'Friday please'
            5.400 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday at [interrupted]' / caller 'Friday please'
            5.720 voice u2@0: All right.
            5.820 audio begins
            6.380 turn 4 agent Talk 5.820s-6.380s 'All right.'
            6.380 audio ends (560 ms)
            8.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_noise_stops_the_agent_for_two_seconds_and_then_it_goes_on_from_the_word() {
        check_long(
            "4.5 sound | 13.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.500 CLEAR (180 ms unplayed)
            4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.500 observe Interrupted(SpeechStarted)
            6.500 observe FalseInterruption
            6.500 audio begins
            10.100 turn 3 agent Talk 6.500s-10.100s 'at nine. There is another one on Friday at ten. Both are by the window.'"#]],
        );
    }

    #[test]
    fn a_noise_before_all_was_synthesised_goes_back_to_the_sentence() {
        check(
            "answers 'One two three four five six seven eight nine ten eleven twelve thirteen fourteen. \
             Fifteen sixteen seventeen eighteen nineteen twenty and so on and on and on. And more of it \
             comes after that for a very long time indeed, as nobody can know. The end is near now.'
            | 1.0 says 'Count' 0.3s | 4.0 sound | 14.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                1.600 turn 1 caller Talk 1.000s-1.300s 'Count'
                1.600 ask 0@0: agent 'Hello.' / caller 'Count'
                2.040 voice u1@0: One two three four five six seven eight nine ten eleven twelve thirteen fourteen.
                2.140 audio begins
                2.170 voice u1@0: Fifteen sixteen seventeen eighteen nineteen twenty and so on and on and on.
                3.940 voice u1@0: And more of it comes after that for a very long time indeed, as nobody can know.
                4.000 CLEAR (140 ms unplayed)
                4.000 cancel voice u1
                4.000 turn 2 agent Talk 2.140s-4.000s 'One two three four five six seven' of 'One two three four five six seven eight nine ten eleven twelve thirteen fourteen. Fifteen sixteen seventeen eighteen nineteen twenty and so on and on and on. And more of it comes after that for a very long time indeed, as nobody can know. The end is near now.'
                4.000 observe Interrupted(SpeechStarted)
                6.000 observe FalseInterruption
                6.000 voice u2@0: One two three four five six seven eight nine ten eleven twelve thirteen fourteen.
                6.000 voice u2@0: Fifteen sixteen seventeen eighteen nineteen twenty and so on and on and on.
                6.100 audio begins
                7.900 voice u2@0: And more of it comes after that for a very long time indeed, as nobody can know.
                11.900 voice u2@0: The end is near now."#]],
        );
    }

    #[test]
    fn listening_sounds_are_not_an_interruption_and_not_a_turn() {
        check_long(
            "preset balanced | 4.5 says 'mm-hm' 0.4s | 5.2 says 'Okay.' 0.4s | 10.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                5.200 observe BackchannelIgnored
                5.900 observe BackchannelIgnored
                8.080 turn 2 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                8.080 audio ends (4900 ms)
                10.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn with_immediate_a_listening_sound_stops_the_agent_only_until_it_is_understood() {
        check_long(
            "4.5 says 'mm-hm' 0.4s | 10.0 hang-up",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.600 CLEAR (180 ms unplayed)
            4.600 turn 2 agent Talk 3.180s-4.600s 'We have a table on Monday at' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.600 observe Interrupted(SpeechStarted)
            5.200 observe BackchannelIgnored
            5.200 observe FalseInterruption
            5.200 audio begins
            8.660 turn 3 agent Talk 5.200s-8.660s 'nine. There is another one on Friday at ten. Both are by the window.'
            8.660 audio ends (3460 ms)
            10.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_listening_sound_early_in_a_greeting_that_ends_with_a_question_is_no_answer() {
        check(
            "greeting 'Good morning to you. Do you have a minute for a short question?'
            | 0.6 says 'mm-hm' 0.3s | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Good morning to you. Do you have a minute for a short question?
                0.100 audio begins
                0.700 CLEAR (100 ms unplayed)
                0.700 turn 0 agent Greeting 0.100s-0.700s 'Good morning' of 'Good morning to you. Do you have a minute for a short question?'
                0.700 observe Interrupted(SpeechStarted)
                1.200 observe BackchannelIgnored
                1.200 observe FalseInterruption
                1.200 audio begins
                3.760 turn 1 agent Greeting 1.200s-3.760s 'to you. Do you have a minute for a short question?'"#]],
        );
    }

    #[test]
    fn yes_while_the_agent_still_thinks_goes_on_with_the_callers_turn() {
        check(
            "greeting 'Can you come on Monday at nine?' | model silent | answers 'See you then.'
            | 3.0 says 'Let me see.' 0.6s | 4.1 says 'Yes.' 0.4s | 6.5 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Can you come on Monday at nine?
                0.100 audio begins
                1.700 turn 0 agent Greeting 0.100s-1.700s 'Can you come on Monday at nine?'
                1.700 audio ends (1600 ms)
                3.900 turn 1 caller Talk 3.000s-3.600s 'Let me see.'
                3.900 ask 0@0: agent 'Can you come on Monday at nine?' / caller 'Let me see.'
                4.600 cancel model 0
                4.800 turn 2 caller Talk 4.100s-4.500s 'Yes.'
                4.800 ask 1@0: agent 'Can you come on Monday at nine?' / caller 'Let me see.' / caller 'Yes.'
                5.130 voice u2@0: See you then.
                5.230 audio begins
                5.930 turn 3 agent Talk 5.230s-5.930s 'See you then.'"#]],
        );
    }

    #[test]
    fn yes_to_a_question_is_an_answer() {
        check(
            "preset balanced | greeting 'Good morning to you. Do you have a minute for a short question?'
            | 2.5 says 'Yes.' 0.4s | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Good morning to you. Do you have a minute for a short question?
                0.100 audio begins
                3.000 CLEAR (100 ms unplayed)
                3.000 turn 0 agent Greeting 0.100s-3.000s 'Good morning to you. Do you have a minute for a short' of 'Good morning to you. Do you have a minute for a short question?'
                3.000 observe Interrupted(Words)
                3.200 turn 1 caller Talk 2.500s-2.900s 'Yes.'
                3.200 ask 0@0: agent 'Good morning to you. Do you have a minute for a short [interrupted]' / caller 'Yes.'
                3.520 voice u1@0: All right.
                3.620 audio begins
                4.180 turn 2 agent Talk 3.620s-4.180s 'All right.'"#]],
        );
    }

    #[test]
    fn balanced_needs_two_words_or_a_long_one() {
        check_long(
            "preset balanced | 4.5 sound | 4.6 interim 'Fri' | 4.9 interim 'Friday' | 5.2 pause 'Friday' | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.900 CLEAR (180 ms unplayed)
                4.900 turn 2 agent Talk 3.180s-4.900s 'We have a table on Monday at nine.' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.900 observe Interrupted(Words)
                5.200 turn 3 caller Talk 4.800s-5.150s 'Friday'
                5.200 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday at nine. [interrupted]' / caller 'Friday'
                5.520 voice u2@0: All right.
                5.620 audio begins
                6.180 turn 4 agent Talk 5.620s-6.180s 'All right.'"#]],
        );
    }

    #[test]
    fn balanced_stops_at_once_for_stop() {
        check_long(
            "preset balanced | 4.5 interim 'stop' | 4.8 pause 'Stop.' | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.500 CLEAR (180 ms unplayed)
                4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.500 observe Interrupted(Words)
                4.800 turn 3 caller Talk 4.400s-4.750s 'Stop.'
                4.800 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / caller 'Stop.'
                5.120 voice u2@0: All right.
                5.220 audio begins
                5.780 turn 4 agent Talk 5.220s-5.780s 'All right.'"#]],
        );
    }

    #[test]
    fn protected_speech_is_heard_out_and_what_was_said_is_answered_then() {
        check_long(
            "preset protected | 4.5 says 'Stop, Friday please' 0.6s | 13.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                5.400 turn 2 caller Talk 4.500s-5.100s 'Stop, Friday please'
                8.080 turn 3 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                8.080 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.' / caller 'Stop, Friday please'
                8.080 audio ends (4900 ms)
                8.400 voice u2@0: All right.
                8.500 audio begins
                9.060 turn 4 agent Talk 8.500s-9.060s 'All right.'"#]],
        );
    }

    #[test]
    fn a_greeting_that_must_be_heard_is_heard() {
        check(
            "uninterruptible | greeting 'This call is recorded. How can I help you?' | 0.8 says 'wait a moment' 0.6s | 5.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): This call is recorded. How can I help you?
                0.100 audio begins
                1.700 turn 0 caller Talk 0.800s-1.400s 'wait a moment'
                2.260 turn 1 agent Greeting 0.100s-2.260s 'This call is recorded. How can I help you?'
                2.260 ask 0@0: agent 'This call is recorded. How can I help you?' / caller 'wait a moment'
                2.260 audio ends (2160 ms)
                2.580 voice u1@0: All right.
                2.680 audio begins
                3.240 turn 2 agent Talk 2.680s-3.240s 'All right.'"#]],
        );
    }

    #[test]
    fn the_agents_own_echo_does_not_stop_it() {
        check_long(
            "preset balanced | 4.4 interim 'Monday at nine' | 4.6 pause 'Monday at nine.' | 9.5 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                8.080 turn 2 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'"#]],
        );
    }

    #[test]
    fn an_answer_right_after_the_last_word_interrupts_nothing() {
        check(
            "greeting 'How are you?' | 0.78 sound | 1.3 interim 'Fine' | 1.5 pause 'Fine.' | 3.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): How are you?
                0.100 audio begins
                0.760 turn 0 agent Greeting 0.100s-0.760s 'How are you?'
                0.760 audio ends (660 ms)
                1.500 turn 1 caller Talk 1.100s-1.450s 'Fine.'
                1.500 ask 0@0: agent 'How are you?' / caller 'Fine.'
                1.820 voice u1@0: All right.
                1.920 audio begins
                2.480 turn 2 agent Talk 1.920s-2.480s 'All right.'"#]],
        );
    }

    #[test]
    fn late_audio_text_and_marks_of_what_was_cut_change_nothing() {
        check_long(
            "4.5 interim 'no' | 4.6 audio-of 1 | 4.6 text-of 0 'More. And more.' | 4.7 mark u1-s0 | 4.7 mark u9-s9
            | 4.9 pause 'No.' @4.85 | 4.95 pause 'No.' @4.85 | 4.96 final 'No' @4.7 | 6.5 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.500 CLEAR (180 ms unplayed)
                4.500 cancel voice u1
                4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.500 observe Interrupted(Words)
                4.600 observe StaleDropped
                4.600 observe StaleDropped
                4.700 observe StaleDropped
                4.700 observe StaleDropped
                4.900 turn 3 caller Talk 4.500s-4.850s 'No.'
                4.900 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / caller 'No.'
                4.950 observe StaleDropped
                4.960 observe StaleDropped
                5.220 voice u2@0: All right.
                5.320 audio begins
                5.880 turn 4 agent Talk 5.320s-5.880s 'All right.'"#]],
        );
    }

    #[test]
    fn a_second_interruption_after_going_on_is_remembered_as_one_answer() {
        check_long(
            "4.5 sound | 7.5 says 'Enough of that' 0.5s | 9.5 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.500 CLEAR (180 ms unplayed)
                4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.500 observe Interrupted(SpeechStarted)
                6.500 observe FalseInterruption
                6.500 audio begins
                7.600 CLEAR (100 ms unplayed)
                7.600 turn 3 agent Talk 6.500s-7.600s 'at nine. There is' of 'at nine. There is another one on Friday at ten. Both are by the window.'
                7.600 observe Interrupted(SpeechStarted)
                8.300 turn 4 caller Talk 7.500s-8.000s 'Enough of that'
                8.300 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday at nine. There is [interrupted]' / caller 'Enough of that'
                8.620 voice u3@0: All right.
                8.720 audio begins
                9.280 turn 5 agent Talk 8.720s-9.280s 'All right.'"#]],
        );
    }
}

mod keys {
    use super::*;

    #[test]
    fn digits_are_one_turn() {
        check(
            "2.0 key 1 | 2.8 key 2 | 3.6 key 3 | 8.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                5.100 turn 1 caller Talk 2.000s-3.600s '123' (keys)
                5.100 ask 0@0: agent 'Hello.' / caller '[pressed the keys 123]'
                5.420 voice u1@0: All right.
                5.520 audio begins
                6.080 turn 2 agent Talk 5.520s-6.080s 'All right.'
                6.080 audio ends (560 ms)
                8.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_hash_ends_the_entry_at_once() {
        check(
            "2.0 key 4 | 2.5 key # | 2.6 key x | 4.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.500 turn 1 caller Talk 2.000s-2.500s '4#' (keys)
            2.500 ask 0@0: agent 'Hello.' / caller '[pressed the keys 4#]'
            2.820 voice u1@0: All right.
            2.920 audio begins
            3.480 turn 2 agent Talk 2.920s-3.480s 'All right.'"#]],
        );
    }

    #[test]
    fn a_key_stops_the_agent_and_ends_what_was_being_said() {
        check_long(
            "4.3 interim 'my number' | 4.5 key 7 | 4.8 pause 'my number is' | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.300 CLEAR (180 ms unplayed)
                4.300 turn 2 agent Talk 3.180s-4.300s 'We have a table on' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.300 observe Interrupted(Words)
                4.500 finalize recognition
                4.800 turn 3 caller Talk 4.400s-4.750s 'my number is'
                6.000 turn 4 caller Talk 4.500s-4.500s '7' (keys)
                6.000 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on [interrupted]' / caller 'my number is' / caller '[pressed the keys 7]'
                6.320 voice u2@0: All right.
                6.420 audio begins
                6.980 turn 5 agent Talk 6.420s-6.980s 'All right.'"#]],
        );
    }

    #[test]
    fn a_key_while_the_agent_speaks_stops_it_for_good() {
        check_long(
            "4.5 key 7 | 8.5 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.500 CLEAR (180 ms unplayed)
            4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.500 observe Interrupted(Key)
            6.000 turn 3 caller Talk 4.500s-4.500s '7' (keys)
            6.000 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / caller '[pressed the keys 7]'
            6.320 voice u2@0: All right.
            6.420 audio begins
            6.980 turn 4 agent Talk 6.420s-6.980s 'All right.'"#]],
        );
    }

    #[test]
    fn keys_during_protected_speech_are_answered_afterwards() {
        check(
            "uninterruptible | greeting 'Please enter your number now.' | 0.5 key 5 | 4.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Please enter your number now.
                0.100 audio begins
                1.600 turn 0 agent Greeting 0.100s-1.600s 'Please enter your number now.'
                1.600 audio ends (1500 ms)
                2.000 turn 1 caller Talk 0.500s-0.500s '5' (keys)
                2.000 ask 0@0: agent 'Please enter your number now.' / caller '[pressed the keys 5]'
                2.320 voice u1@0: All right.
                2.420 audio begins
                2.980 turn 2 agent Talk 2.420s-2.980s 'All right.'"#]],
        );
    }
}

mod silence {
    use super::*;

    #[test]
    fn nobody_there_is_reminded_twice_and_then_left_politely() {
        check(
            "40.0 stop",
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
            32.780 voice u3@0 (cacheable): Goodbye.
            32.880 audio begins
            33.340 turn 3 agent Farewell 32.880s-33.340s 'Goodbye.'
            33.340 END callee_silent"#]],
        );
    }

    #[test]
    fn somebody_who_comes_back_is_not_hung_up_on() {
        check(
            "reminders 1 | 12.0 says 'I am here' 0.5s | 27.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                10.460 voice u1@0 (cacheable): Are you still there?
                10.560 audio begins
                11.620 turn 1 agent Reminder 10.560s-11.620s 'Are you still there?'
                11.620 audio ends (1060 ms)
                12.800 turn 2 caller Talk 12.000s-12.500s 'I am here'
                12.800 ask 0@0: agent 'Hello.' / agent 'Are you still there?' / caller 'I am here'
                13.120 voice u2@0: All right.
                13.220 audio begins
                13.780 turn 3 agent Talk 13.220s-13.780s 'All right.'
                13.780 audio ends (560 ms)
                23.780 voice u3@0 (cacheable): Are you still there?
                23.880 audio begins
                24.940 turn 4 agent Reminder 23.880s-24.940s 'Are you still there?'"#]],
        );
    }

    #[test]
    fn somebody_who_speaks_up_during_the_goodbye_is_listened_to() {
        check(
            "reminders 0 | 10.7 says 'Wait I am here' 0.5s | 13.5 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                10.460 voice u1@0 (cacheable): Goodbye.
                10.560 audio begins
                10.800 CLEAR (160 ms unplayed)
                10.800 turn 1 agent Farewell 10.560s-10.800s '' of 'Goodbye.'
                10.800 observe Interrupted(SpeechStarted)
                11.500 turn 2 caller Talk 10.700s-11.200s 'Wait I am here'
                11.500 ask 0@0: agent 'Hello.' / caller 'Wait I am here'
                11.820 voice u2@0: All right.
                11.920 audio begins
                12.480 turn 3 agent Talk 11.920s-12.480s 'All right.'"#]],
        );
    }
}

mod ending {
    use super::*;

    #[test]
    fn the_agent_ends_the_call_after_its_last_word_was_played() {
        check(
            "answers 'It was nice to talk to you. Goodbye!' then end_call {} | 2.0 says 'That was all' 0.5s
            | 4.5 says 'stop wait' 0.3s | 20.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'That was all'
                2.800 ask 0@0: agent 'Hello.' / caller 'That was all'
                3.170 voice u1@0: It was nice to talk to you.
                3.180 voice u1@0: Goodbye!
                3.270 audio begins
                5.100 turn 2 caller Talk 4.500s-4.800s 'stop wait'
                5.130 turn 3 agent Farewell 3.270s-5.130s 'It was nice to talk to you. Goodbye!' [end_call {} -> true The call ends after these words.]
                5.130 END agent_ended"#]],
        );
    }

    #[test]
    fn a_goodbye_without_words_uses_the_agents_farewell() {
        check(
            "answers '' then end_call | 2.0 says 'Bye' 0.3s | 20.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.600 turn 1 caller Talk 2.000s-2.300s 'Bye'
                2.600 ask 0@0: agent 'Hello.' / caller 'Bye'
                2.900 voice u1@0: Goodbye.
                3.000 audio begins
                3.460 turn 2 agent Farewell 3.000s-3.460s 'Goodbye.' [end_call  -> true The call ends after these words.]
                3.460 END agent_ended"#]],
        );
    }

    #[test]
    fn a_model_may_choose_its_last_words() {
        check(
            "answers '' then end_call {\"farewell\":\"Take care!\"} | 2.0 says 'Bye' 0.3s | 20.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.600 turn 1 caller Talk 2.000s-2.300s 'Bye'
                2.600 ask 0@0: agent 'Hello.' / caller 'Bye'
                2.900 voice u1@0: Take care!
                3.000 audio begins
                3.560 turn 2 agent Farewell 3.000s-3.560s 'Take care!' [end_call {"farewell":"Take care!"} -> true The call ends after these words.]
                3.560 END agent_ended"#]],
        );
    }

    #[test]
    fn the_longest_call_ends_politely_after_the_sentence_in_the_air() {
        check(
            "longest 10 | answers 'We have a table on Monday at nine.' | 8.0 says 'When?' 0.5s | 30.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                8.800 turn 1 caller Talk 8.000s-8.500s 'When?'
                8.800 ask 0@0: agent 'Hello.' / caller 'When?'
                9.180 voice u1@0: We have a table on Monday at nine.
                9.280 audio begins
                11.040 turn 2 agent Talk 9.280s-11.040s 'We have a table on Monday at nine.'
                11.040 voice u2@0 (cacheable): Goodbye.
                11.040 audio ends (1760 ms)
                11.140 audio begins
                11.600 turn 3 agent Farewell 11.140s-11.600s 'Goodbye.'
                11.600 END duration_limit"#]],
        );
    }

    #[test]
    fn a_long_speech_at_the_limit_is_cut() {
        check(
            "longest 10 | answers 'We have a table on Monday at nine. There is another one on Friday at ten. \
             Both are by the window and both of them have a very nice view of the old harbour and the sea.'
            | 7.0 says 'When?' 0.5s | 30.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                7.800 turn 1 caller Talk 7.000s-7.500s 'When?'
                7.800 ask 0@0: agent 'Hello.' / caller 'When?'
                8.180 voice u1@0: We have a table on Monday at nine.
                8.260 voice u1@0: There is another one on Friday at ten.
                8.280 audio begins
                8.470 voice u1@0: Both are by the window and both of them have a very nice view of the old harbour and the sea.
                15.000 CLEAR (180 ms unplayed)
                15.000 turn 2 agent Talk 8.280s-15.000s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window and both of them have a very nice' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window and both of them have a very nice view of the old harbour and the sea.'
                15.000 voice u2@0 (cacheable): Goodbye.
                15.100 audio begins
                15.560 turn 3 agent Farewell 15.100s-15.560s 'Goodbye.'
                15.560 END duration_limit"#]],
        );
    }

    #[test]
    fn hanging_up_in_the_middle_keeps_what_was_heard_and_said() {
        check_long(
            "4.4 interim 'I must go' | 4.5 hang-up | 4.6 hang-up | 4.7 key 1 | 5.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.400 CLEAR (180 ms unplayed)
                4.400 turn 2 agent Talk 3.180s-4.400s 'We have a table on' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.400 observe Interrupted(Words)
                4.500 turn 3 caller Talk 4.400s-4.400s 'I must go'
                4.500 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_broken_line_a_user_and_a_stopping_worker_each_end_it_their_way() {
        check(
            "2.0 broken | 2.1 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 END stream_lost"#]],
        );
        check(
            "2.0 user-hangs-up | 2.1 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 END hung_up_by_user"#]],
        );
        check(
            "0.5 drain | 2.1 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            0.500 END worker_lost"#]],
        );
    }
}

mod tools {
    use super::*;

    #[test]
    fn a_tool_is_run_and_its_result_is_told() {
        check(
            "tool look_up | answers 'One moment please.' then look_up {\"day\":\"Monday\"} | answers 'Monday is free.'
            | 2.0 says 'Is Monday free?' 0.5s | 4.0 tool-done t9 'other' | 4.2 tool-done t0 'free' | 4.3 tool-done t0 'taken' | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'Is Monday free?'
                2.800 ask 0@0: agent 'Hello.' / caller 'Is Monday free?'
                3.130 run look_up {"day":"Monday"} as t0
                3.130 voice u1@0: One moment please.
                3.230 audio begins
                4.000 observe StaleDropped
                4.170 audio ends (940 ms)
                4.200 ask 1@0: agent 'Hello.' / caller 'Is Monday free?' / agent 'One moment please.' +look_up / t0 -> free
                4.300 observe StaleDropped
                4.530 voice u1@0: Monday is free.
                4.630 audio begins
                5.450 turn 2 agent Talk 3.230s-5.450s 'One moment please. Monday is free.' [look_up {"day":"Monday"} -> true free]"#]],
        );
    }

    #[test]
    fn unknown_tools_and_bad_arguments_are_told_to_the_model() {
        check(
            "answers '' then dance {} then end_call [] | answers 'I cannot dance.' | 2.0 says 'Dance' 0.5s | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'Dance'
                2.800 ask 0@0: agent 'Hello.' / caller 'Dance'
                3.100 ask 1@0: agent 'Hello.' / caller 'Dance' / agent '' +dance +end_call / t0 -> There is no such tool. / t1 -> The arguments must be a JSON object.
                3.430 voice u1@0: I cannot dance.
                3.530 audio begins
                4.330 turn 2 agent Talk 3.530s-4.330s 'I cannot dance.' [dance {} -> false There is no such tool.] [end_call [] -> false The arguments must be a JSON object.]"#]],
        );
    }

    #[test]
    fn a_model_that_only_uses_tools_must_answer_at_last() {
        check(
            "answers '' then a {} | answers '' then a {} | answers '' then a {} | answers '' then a {} | answers 'Well.' then a {}
            | 2.0 says 'Go' 0.5s | 7.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'Go'
                2.800 ask 0@0: agent 'Hello.' / caller 'Go'
                3.100 ask 1@0: agent 'Hello.' / caller 'Go' / agent '' +a / t0 -> There is no such tool.
                3.400 ask 2@0: agent 'Hello.' / caller 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
                3.700 ask 3@0: agent 'Hello.' / caller 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
                4.000 ask 4@0: agent 'Hello.' / caller 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
                4.000   without tools
                4.310 voice u1@0: Well.
                4.410 audio begins
                4.710 turn 2 agent Talk 4.410s-4.710s 'Well.' [a {} -> false There is no such tool.] [a {} -> false There is no such tool.] [a {} -> false There is no such tool.] [a {} -> false There is no such tool.]"#]],
        );
    }

    #[test]
    fn a_tool_that_never_answers_is_given_up() {
        check(
            "tool look_up | answers '' then look_up {} | answers 'I could not find out.' | 2.0 says 'Look' 0.5s | 16.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'Look'
                2.800 ask 0@0: agent 'Hello.' / caller 'Look'
                3.100 run look_up {} as t0
                13.100 ask 1@0: agent 'Hello.' / caller 'Look' / agent '' +look_up / t0 -> The tool did not answer in time.
                13.450 voice u1@0: I could not find out.
                13.550 audio begins
                14.650 turn 2 agent Talk 13.550s-14.650s 'I could not find out.' [look_up {} -> false The tool did not answer in time.]"#]],
        );
    }

    #[test]
    fn interrupting_a_running_tool_tells_the_model_that_it_may_have_run() {
        check(
            "tool look_up | answers 'One moment please, I will look for it.' then look_up {} | 2.0 says 'Look' 0.5s
            | 4.0 interim 'never mind' | 4.3 pause 'Never mind.' | 4.4 tool-done t0 'late' | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 2.000s-2.500s 'Look'
                2.800 ask 0@0: agent 'Hello.' / caller 'Look'
                3.180 run look_up {} as t0
                3.180 voice u1@0: One moment please, I will look for it.
                3.280 audio begins
                4.000 CLEAR (180 ms unplayed)
                4.000 cancel voice u1
                4.000 turn 2 agent Talk 3.280s-4.000s 'One moment' of 'One moment please, I will look for it.' [look_up {} -> false The caller interrupted before the result came; the tool may have run.]
                4.000 observe Interrupted(Words)
                4.300 turn 3 caller Talk 3.900s-4.250s 'Never mind.'
                4.300 ask 1@0: agent 'Hello.' / caller 'Look' / agent 'One moment [interrupted]' +look_up / t0 -> The caller interrupted before the result came; the tool may have run. / caller 'Never mind.'
                4.400 observe StaleDropped
                4.620 voice u2@0: All right.
                4.720 audio begins
                5.280 turn 4 agent Talk 4.720s-5.280s 'All right.'"#]],
        );
    }
}

mod failing_vendors {
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                2.900 observe GenerationRetried
                3.100 ask 1@0: agent 'Hello.' / caller 'Hello'
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                2.900 observe GenerationRetried
                3.100 ask 1@0: agent 'Hello.' / caller 'Hello'
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                2.900 observe GenerationRetried
                2.900 ask 1@1: agent 'Hello.' / caller 'Hello'
                3.220 voice u1@0: All right.
                3.320 audio begins
                3.880 turn 2 agent Talk 3.320s-3.880s 'All right.'
                3.880 audio ends (560 ms)
                5.600 turn 3 caller Talk 5.000s-5.300s 'Again'
                5.600 ask 2@1: agent 'Hello.' / caller 'Hello' / agent 'All right.' / caller 'Again'
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                2.950 voice u1@0: This is the first sentence.
                2.980 observe GenerationRetried
                3.050 audio begins
                3.180 ask 1@0: agent 'Hello.' / caller 'Hello' / agent 'This is the first sentence.' / system (You were cut off. Go on exactly where your last message stops. Do not repeat any of it and do not mention this.)
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                10.600 cancel model 0
                10.600 observe GenerationRetried
                10.800 ask 1@0: agent 'Hello.' / caller 'Hello'
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Hello'
                2.600 ask 0@0: agent 'Hello.' / caller 'Hello'
                2.900 observe GenerationRetried
                2.900 ask 1@0: agent 'Hello.' / caller 'Hello'"#]],
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
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
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
                2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
                3.080 voice u1@0: We have a table on Monday at nine.
                3.160 voice u1@0: There is another one on Friday at ten.
                3.180 audio begins
                3.210 voice u1@0: Both are by the window.
                4.600 CLEAR (180 ms unplayed)
                4.600 turn 2 agent Talk 3.180s-4.600s 'We have a table on Monday at' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
                4.600 observe Interrupted(SpeechStarted)
                5.400 turn 3 caller Talk 4.500s-5.100s 'Friday please'
                5.400 ask 1@0: agent 'Hello. How can I help you?' / caller 'When is a table free?' / agent 'We have a table on Monday at [interrupted]' / caller 'Friday please'
                5.720 voice u2@0: All right.
                5.820 audio begins
                6.380 turn 4 agent Talk 5.820s-6.380s 'All right.'
                6.380 audio ends (560 ms)
                8.000 END callee_hung_up"#]],
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
                4.600 turn 1 caller Talk 4.000s-4.300s 'Hello'
                4.600 ask 0@0: agent 'Hello.' / caller 'Hello'
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
}

mod resuming {
    use super::*;

    #[test]
    fn a_resumed_call_goes_on_without_a_greeting() {
        check(
            "before agent 'Hello. How can I help you?' | before caller 'A table please.' | before agent 'For when?'
            | 4.0 says 'Monday' 0.4s | 7.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
                0.100 audio begins
                2.060 turn 3 agent Bridge 0.100s-2.060s 'Sorry, the line was gone for a moment.'
                2.060 audio ends (1960 ms)
                4.700 turn 4 caller Talk 4.000s-4.400s 'Monday'
                4.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.' / agent 'For when?' / agent 'Sorry, the line was gone for a moment.' / caller 'Monday'
                5.020 voice u1@0: All right.
                5.120 audio begins
                5.680 turn 5 agent Talk 5.120s-5.680s 'All right.'"#]],
        );
    }

    #[test]
    fn a_caller_who_was_not_answered_before_the_break_is_answered_now() {
        check(
            "before agent 'Hello.' | before caller 'A table please.' | answers 'For when?' | 6.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
                0.100 audio begins
                2.060 turn 2 agent Bridge 0.100s-2.060s 'Sorry, the line was gone for a moment.'
                2.060 ask 0@0: agent 'Hello.' / caller 'A table please.' / agent 'Sorry, the line was gone for a moment.'
                2.060 audio ends (1960 ms)
                2.380 voice u1@0: For when?
                2.480 audio begins
                2.980 turn 3 agent Talk 2.480s-2.980s 'For when?'"#]],
        );
    }

    #[test]
    fn who_opted_out_by_a_key_before_the_break_is_not_talked_to_again() {
        check(
            "opt-out-key 9 | before agent 'Press nine for no more calls.' | before keys '9' | 4.0 stop",
            expect![[r#"
                0.000 OPT OUT Keypad
                0.050 voice u0@0 (cacheable): I understand. We will not call you again. Goodbye.
                0.150 audio begins
                2.710 turn 2 agent Farewell 0.150s-2.710s 'I understand. We will not call you again. Goodbye.'
                2.710 END opted_out"#]],
        );
    }

    #[test]
    fn connecting_twice_greets_once() {
        check(
            "0.5 connected | 2.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)"#]],
        );
    }
}

mod leaving {
    use super::*;

    const TABLE: &str = "greeting 'Hello. How can I help you?' | answers 'We have one at nine.'";

    fn check_table(script: &str, expected: Expect) {
        check(&format!("{TABLE} | {script}"), expected);
    }

    #[test]
    fn the_next_worker_answers_what_the_caller_asked_this_one() {
        check_table(
            "2.0 leave | 2.5 says 'A table please.' 0.8s | 7.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.600 turn 1 caller Talk 2.500s-3.300s 'A table please.'
                3.600 hand over, owing since 3.300s
                3.620 redirect
                3.720 finalize recognition
                4.320 LEAVE
                4.320 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                4.670 voice u0@0: We have one at nine.
                4.770 audio begins
                5.830 turn 2 agent Talk 4.770s-5.830s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn a_silence_that_lasts_is_quiet_and_is_not_counted_twice() {
        check_table(
            "1.0 leave | 20.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.460 hand over
            3.480 redirect
            3.580 finalize recognition
            4.180 LEAVE
            11.460 voice u0@0 (cacheable): Are you still there?
            11.560 audio begins
            12.620 turn 1 agent Reminder 11.560s-12.620s 'Are you still there?'"#]],
        );
    }

    #[test]
    fn an_agent_who_speaks_finishes_first() {
        check_long(
            "3.5 leave | 16.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            8.080 turn 2 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            8.080 audio ends (4900 ms)
            10.080 hand over
            10.100 redirect
            10.200 finalize recognition
            10.800 LEAVE"#]],
        );
    }

    #[test]
    fn in_haste_an_answer_that_nobody_heard_yet_is_left_to_the_next_worker() {
        check_table(
            "1.6 says 'A table please.' 0.8s | 2.8 press | 7.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.700 turn 1 caller Talk 1.600s-2.400s 'A table please.'
                2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                2.800 cancel model 0
                2.800 hand over, owing since 2.400s
                2.820 redirect
                2.920 finalize recognition
                3.520 LEAVE
                3.520 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                3.840 voice u0@0: All right.
                3.940 audio begins
                4.500 turn 2 agent Talk 3.940s-4.500s 'All right.'"#]],
        );
    }

    #[test]
    fn in_haste_an_agent_who_speaks_still_finishes() {
        check_long(
            "3.5 press | 14.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.700 turn 1 caller Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / caller 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            8.080 turn 2 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            8.080 hand over
            8.080 audio ends (4900 ms)
            8.100 redirect
            8.200 finalize recognition
            8.800 LEAVE"#]],
        );
    }

    #[test]
    fn a_caller_who_speaks_is_heard_out() {
        check_table(
            "1.6 interim 'I would' | 1.7 press | 2.4 interim 'I would like a' | 3.2 pause 'I would like a table'
            | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.200 turn 1 caller Talk 2.800s-3.150s 'I would like a table'
                3.200 hand over, owing since 3.150s
                3.220 redirect
                3.320 finalize recognition
                3.920 LEAVE
                3.920 ask 0@0: agent 'Hello. How can I help you?' / caller 'I would like a table'
                4.270 voice u0@0: We have one at nine.
                4.370 audio begins
                5.430 turn 2 agent Talk 4.370s-5.430s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn a_caller_who_speaks_up_before_the_carrier_is_asked_keeps_the_call_here() {
        check_table(
            "1.0 leave | 3.47 interim 'Is' | 4.0 pause 'Is there a table?' | 12.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.460 hand over
                3.480 stay
                4.000 turn 1 caller Talk 3.600s-3.950s 'Is there a table?'
                4.000 ask 0@0: agent 'Hello. How can I help you?' / caller 'Is there a table?'
                4.350 voice u1@0: We have one at nine.
                4.450 audio begins
                5.510 turn 2 agent Talk 4.450s-5.510s 'We have one at nine.'
                5.510 audio ends (1060 ms)
                7.510 hand over
                7.530 redirect
                7.630 finalize recognition
                8.230 LEAVE"#]],
        );
    }

    #[test]
    fn words_said_to_the_worker_that_leaves_reach_the_next_one() {
        check_table(
            "1.0 leave | 3.45 says 'A table please.' 0.1s | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.460 hand over
                3.480 redirect
                3.580 finalize recognition
                4.180 LEAVE
                4.180 turn 1 caller Talk 3.450s-3.550s 'A table please.'
                4.880 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                5.230 voice u0@0: We have one at nine.
                5.330 audio begins
                6.390 turn 2 agent Talk 5.330s-6.390s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn words_begun_here_are_answered_with_those_said_there() {
        check_table(
            "1.0 leave | 3.52 interim 'A table' | 4.5 says 'for two people' 0.6s | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.460 hand over
                3.480 redirect
                3.580 finalize recognition
                4.180 LEAVE
                4.180 turn 1 caller Talk 3.520s-3.520s 'A table'
                4.880 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table'
                5.200 cancel model 0
                5.400 turn 2 caller Talk 4.950s-5.400s 'for two people'
                5.400 ask 1@0: agent 'Hello. How can I help you?' / caller 'A table' / caller 'for two people'
                5.720 voice u1@0: All right.
                5.820 audio begins
                6.380 turn 3 agent Talk 5.820s-6.380s 'All right.'"#]],
        );
    }

    #[test]
    fn somebody_who_wants_no_more_calls_while_the_call_moves_is_told_so_there() {
        check_table(
            "1.0 leave | 3.52 interim 'Please stop calling me' | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.460 hand over
                3.480 redirect
                3.580 finalize recognition
                4.080 OPT OUT Spoken
                4.180 LEAVE
                4.180 turn 1 caller Talk 3.520s-3.520s 'Please stop calling me'
                4.880 OPT OUT Spoken
                4.930 voice u0@0 (cacheable): I understand. We will not call you again. Goodbye.
                5.030 audio begins
                7.590 turn 2 agent Farewell 5.030s-7.590s 'I understand. We will not call you again. Goodbye.'
                7.590 END opted_out"#]],
        );
    }

    #[test]
    fn an_opt_out_in_progress_is_finished_here() {
        check_table(
            "2.0 says 'Please stop calling me' 0.5s | 2.8 leave | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                2.800 OPT OUT Spoken
                2.800 turn 1 caller Talk 2.000s-2.500s 'Please stop calling me'
                2.850 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
                2.950 audio begins
                5.510 turn 2 agent Farewell 2.950s-5.510s 'I understand. We will not call you again. Goodbye.'
                5.510 END opted_out"#]],
        );
    }

    #[test]
    fn a_tool_that_runs_is_waited_for() {
        check(
            "tool look_up | answers 'One moment.' then look_up {} | answers 'Nine is free.'
            | 1.0 says 'Is nine free?' 0.4s | 2.1 press | 5.0 tool-done t0 'free' | 12.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                1.700 turn 1 caller Talk 1.000s-1.400s 'Is nine free?'
                1.700 ask 0@0: agent 'Hello.' / caller 'Is nine free?'
                2.020 run look_up {} as t0
                2.020 voice u1@0: One moment.
                2.120 audio begins
                2.720 audio ends (600 ms)
                5.000 ask 1@0: agent 'Hello.' / caller 'Is nine free?' / agent 'One moment.' +look_up / t0 -> free
                5.330 voice u1@0: Nine is free.
                5.430 audio begins
                6.130 turn 2 agent Talk 2.120s-6.130s 'One moment. Nine is free.' [look_up {} -> true free]
                6.130 hand over
                6.130 audio ends (700 ms)
                6.150 redirect
                6.250 finalize recognition
                6.850 LEAVE"#]],
        );
    }

    #[test]
    fn a_key_entry_is_waited_for() {
        check_table(
            "1.6 key 4 | 1.8 press | 2.2 key 2 | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.700 turn 1 caller Talk 1.600s-2.200s '42' (keys)
                3.700 hand over, owing since 2.200s
                3.720 redirect
                3.820 finalize recognition
                4.420 LEAVE
                4.420 ask 0@0: agent 'Hello. How can I help you?' / caller '[pressed the keys 42]'
                4.770 voice u0@0: We have one at nine.
                4.870 audio begins
                5.930 turn 2 agent Talk 4.870s-5.930s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn a_message_on_a_mailbox_is_left_to_its_end() {
        check(
            "machine 'Please call us back.' | verdict start @2.0 | greeting 'Hello, this is Anna.'
            | 2.2 press | 3.0 beep | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna.
                0.100 audio begins
                1.160 turn 0 agent Greeting 0.100s-1.160s 'Hello, this is Anna.'
                1.160 audio ends (1060 ms)
                2.000 ask for the verdict
                3.200 voice u1@0 (cacheable): Please call us back.
                3.300 audio begins
                4.360 turn 1 agent Voicemail 3.300s-4.360s 'Please call us back.'
                4.360 END voicemail_left"#]],
        );
    }

    #[test]
    fn a_verdict_that_comes_after_the_move_counts() {
        check(
            "machine hang-up | verdict start @5.0 | greeting 'Hello, this is Anna.' | 1.0 leave | 14.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna.
                0.100 audio begins
                1.160 turn 0 agent Greeting 0.100s-1.160s 'Hello, this is Anna.'
                1.160 audio ends (1060 ms)
                3.160 hand over
                3.180 redirect
                3.280 finalize recognition
                3.880 LEAVE
                5.920 ask for the verdict
                11.940 END voicemail"#]],
        );
    }

    #[test]
    fn a_carrier_that_refuses_leaves_the_call_here_and_is_asked_again() {
        check_table(
            "redirect refused | 2.0 leave | 2.5 says 'A table please.' 0.8s | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.600 turn 1 caller Talk 2.500s-3.300s 'A table please.'
                3.600 hand over, owing since 3.300s
                3.620 redirect
                3.720 stay
                3.720 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                4.070 voice u1@0: We have one at nine.
                4.170 audio begins
                5.230 turn 2 agent Talk 4.170s-5.230s 'We have one at nine.'
                5.230 audio ends (1060 ms)
                7.230 hand over
                7.250 redirect
                7.350 stay"#]],
        );
    }

    #[test]
    fn a_lost_answer_keeps_the_call_here_until_the_stream_ends_after_all() {
        check_table(
            "redirect lost 1.5 | 2.0 leave | 2.5 says 'A table please.' 0.8s | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.600 turn 1 caller Talk 2.500s-3.300s 'A table please.'
                3.600 hand over, owing since 3.300s
                3.620 redirect
                3.720 stay
                3.720 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                4.070 voice u1@0: We have one at nine.
                4.170 audio begins
                5.120 finalize recognition
                5.230 observe StaleDropped
                5.230 audio ends (1060 ms)
                5.720 LEAVE
                5.720 turn 2 agent Talk 4.170s-5.120s 'We have one at' of 'We have one at nine.'
                5.720 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                6.040 voice u0@0: All right.
                6.140 audio begins
                6.700 turn 3 agent Talk 6.140s-6.700s 'All right.'"#]],
        );
    }

    #[test]
    fn a_carrier_that_never_answers_does_not_keep_the_caller_waiting() {
        check_table(
            "redirect silent | 2.0 leave | 2.5 says 'A table please.' 0.8s | 11.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.600 turn 1 caller Talk 2.500s-3.300s 'A table please.'
                3.600 hand over, owing since 3.300s
                3.620 redirect
                7.620 stay
                7.620 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                7.970 voice u1@0: We have one at nine.
                8.070 audio begins
                9.130 turn 2 agent Talk 8.070s-9.130s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn a_store_that_is_away_does_not_keep_the_caller_waiting() {
        check_table(
            "store-away | 2.0 leave | 2.5 says 'A table please.' 0.8s | 8.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello. How can I help you?
                0.100 audio begins
                1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
                1.460 audio ends (1360 ms)
                3.600 turn 1 caller Talk 2.500s-3.300s 'A table please.'
                3.600 hand over, owing since 3.300s
                5.600 stay
                5.600 ask 0@0: agent 'Hello. How can I help you?' / caller 'A table please.'
                5.950 voice u1@0: We have one at nine.
                6.050 audio begins
                7.110 turn 2 agent Talk 6.050s-7.110s 'We have one at nine.'"#]],
        );
    }

    #[test]
    fn who_hangs_up_before_the_carrier_is_asked_has_hung_up() {
        check_table(
            "1.0 leave | 3.465 hang-up",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.460 hand over
            3.465 END callee_hung_up"#]],
        );
    }

    #[test]
    fn the_longest_call_counts_from_its_beginning() {
        check_table(
            "longest 15 | 1.0 leave | 20.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.460 hand over
            3.480 redirect
            3.580 finalize recognition
            4.180 LEAVE
            11.460 voice u0@0 (cacheable): Are you still there?
            11.560 audio begins
            12.620 turn 1 agent Reminder 11.560s-12.620s 'Are you still there?'
            12.620 audio ends (1060 ms)
            15.000 voice u1@0 (cacheable): Goodbye.
            15.100 audio begins
            15.560 turn 2 agent Farewell 15.100s-15.560s 'Goodbye.'
            15.560 END duration_limit"#]],
        );
    }
}

mod answering_machines {
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
                3.200 turn 1 caller Talk 2.600s-2.900s 'Yes?'
                3.200 ask 0@0: agent 'Hello, this is Anna of Bright Dental.' / caller 'Yes?'
                3.520 voice u1@0: All right.
                3.620 audio begins
                4.040 ask for the verdict
                4.180 turn 2 agent Talk 3.620s-4.180s 'All right.'
                4.180 audio ends (560 ms)
                6.000 END callee_hung_up"#]],
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
                3.200 turn 1 caller Talk 2.600s-2.900s 'Yes?'
                3.200 ask 0@0: agent 'Hello.' / caller 'Yes?'
                3.520 voice u1@0: All right.
                3.620 audio begins
                4.180 turn 2 agent Talk 3.620s-4.180s 'All right.'
                4.180 audio ends (560 ms)
                5.060 ask for the verdict
                9.000 END callee_hung_up"#]],
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
                4.800 turn 1 caller Talk 0.500s-4.500s 'You have reached the office of Sam'
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
                3.500 turn 1 caller Talk 0.500s-3.500s 'You have reached Sam. Leave a message'
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
                2.800 turn 1 caller Talk 0.500s-2.500s 'This is the phone of Sam'
                2.800 ask 0@0: agent 'Hello.' / caller 'This is the phone of Sam'
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
                6.800 turn 2 caller Talk 0.500s-6.500s 'You have reached Sam. Please leave a message after the tone.'
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
                6.800 turn 2 caller Talk 0.500s-6.500s 'Please leave a message after the tone.'
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
                6.800 turn 2 caller Talk 0.500s-6.500s 'Please leave a message after the tone.'
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
                4.800 turn 2 caller Talk 0.500s-4.500s 'Please leave a message.'
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
                12.500 turn 1 caller Talk 9.000s-9.000s 'Please leave a message'
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
                4.800 turn 2 caller Talk 0.500s-4.500s 'Please leave a message.'
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
                8.000 END callee_hung_up"#]],
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
                2.300 turn 1 caller Talk 0.300s-2.000s 'Good morning, who is calling?'
                2.300 ask 0@0: agent 'Hello, [interrupted]' / caller 'Good morning, who is calling?'
                2.620 voice u1@0: All right.
                2.720 audio begins
                3.020 ask for the verdict
                3.280 turn 2 agent Talk 2.720s-3.280s 'All right.'
                3.280 audio ends (560 ms)
                7.000 END callee_hung_up"#]],
        );
        check_message(
            "verdict start @3.0 | 0.3 says 'Buenos días a todos.' 1.7s | 2.6 beep | 12.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
                0.100 audio begins
                0.400 CLEAR (100 ms unplayed)
                0.400 turn 0 agent Greeting 0.100s-0.400s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
                0.400 observe Interrupted(SpeechStarted)
                2.300 turn 1 caller Talk 0.300s-2.000s 'Buenos días a todos.'
                2.300 ask 0@0: agent 'Hello, [interrupted]' / caller 'Buenos días a todos.'
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
                4.600 turn 1 caller Talk 0.300s-4.300s 'You have reached Sam.'
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
                3.800 turn 2 caller Talk 0.500s-3.500s 'Please leave a message after the tone.'
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
                3.800 turn 2 caller Talk 0.500s-3.500s 'Please leave a message after the tone.'
                4.700 voice u2@0 (cacheable): Please call us back.
                4.800 audio begins
                5.860 turn 3 agent Voicemail 4.800s-5.860s 'Please call us back.'
                5.860 turn 4 caller Talk 5.200s-5.600s 'Hello? Stop!'
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
                4.000 turn 1 caller Talk 2.500s-2.500s '5' (keys)
                6.800 turn 2 caller Talk 0.500s-6.500s 'Please leave a message after the tone.'
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
                4.300 turn 1 caller Talk 3.500s-4.000s 'Who is this?'
                4.300 ask 0@0: agent 'Hello.' / caller 'Who is this?'
                4.620 voice u1@0: All right.
                4.720 audio begins
                5.280 turn 2 agent Talk 4.720s-5.280s 'All right.'
                5.280 audio ends (560 ms)
                9.000 END callee_hung_up"#]],
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
                2.800 turn 1 caller Talk 2.000s-2.500s 'Leave a message after the tone.'
                2.800 ask 0@0: agent 'Hello.' / caller 'Leave a message after the tone.'
                3.120 voice u1@0: All right.
                3.220 audio begins
                3.780 turn 2 agent Talk 3.220s-3.780s 'All right.'
                3.780 audio ends (560 ms)
                6.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn a_resumed_call_to_a_machine_is_ended() {
        check(
            "machine 'Please call us back.' | before agent 'Hello.' | verdict start @0.0 | 9.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
                0.000 ask for the verdict
                0.020 cancel voice u0
                0.020 END voicemail"#]],
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
}

mod screening {
    use super::*;

    const ASKS: &str = "Hi, the person you are calling is using a screening service. Say your name and why you are calling.";

    fn check_screening(script: &str, expected: Expect) {
        let stage = format!(
            "greeting 'Hello, this is Anna of Bright Dental. Do you have a moment?' | calls-from 'Bright Dental'
            | calls-about 'your appointment on Tuesday' | verdict start @3.0 | 0.5 says '{ASKS}' 5.0s"
        );
        check(&format!("{stage} | {script}"), expected);
    }

    #[test]
    fn the_service_is_told_who_calls_and_why_and_then_the_person_is_greeted() {
        check_screening(
            "11.5 says 'Thanks. Please stay on the line.' 1.0s | 20.0 says 'Hello, this is Sam.' 0.8s | 30.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.600 observe FalseInterruption
                2.600 audio begins
                3.020 ask for the verdict
                3.040 CLEAR (160 ms unplayed)
                3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
                5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
                5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                5.900 audio begins
                9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                9.460 audio ends (3560 ms)
                12.800 turn 4 caller Talk 11.500s-12.500s 'Thanks. Please stay on the line.'
                21.100 turn 5 caller Talk 20.000s-20.800s 'Hello, this is Sam.'
                21.100 voice u3@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                21.200 audio begins
                24.200 turn 6 agent Greeting 21.200s-24.200s 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                24.200 audio ends (3000 ms)
                30.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn nobody_is_put_through() {
        check_screening(
            "12.0 says 'The person you are calling is not available.' 1.0s | 20.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.600 observe FalseInterruption
                2.600 audio begins
                3.020 ask for the verdict
                3.040 CLEAR (160 ms unplayed)
                3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
                5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
                5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                5.900 audio begins
                9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                9.460 audio ends (3560 ms)
                13.300 turn 4 caller Talk 12.000s-13.000s 'The person you are calling is not available.'
                13.300 END screened"#]],
        );
        check_screening(
            "80.0 stop",
            expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            65.800 END screened"#]],
        );
    }

    #[test]
    fn a_service_that_asks_again_is_answered_again_but_not_for_ever() {
        check_screening(
            "12.0 says 'Please say your name and why you are calling.' 1.0s
            | 22.0 says 'Please say your name and why you are calling.' 1.0s
            | 32.0 says 'Please say your name and why you are calling.' 1.0s | 50.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.600 observe FalseInterruption
                2.600 audio begins
                3.020 ask for the verdict
                3.040 CLEAR (160 ms unplayed)
                3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
                5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
                5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                5.900 audio begins
                9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                9.460 audio ends (3560 ms)
                13.300 turn 4 caller Talk 12.000s-13.000s 'Please say your name and why you are calling.'
                13.300 voice u3@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                13.400 audio begins
                16.960 turn 5 agent Screening 13.400s-16.960s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                16.960 audio ends (3560 ms)
                23.300 turn 6 caller Talk 22.000s-23.000s 'Please say your name and why you are calling.'
                23.300 voice u4@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                23.400 audio begins
                26.960 turn 7 agent Screening 23.400s-26.960s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                26.960 audio ends (3560 ms)
                33.300 turn 8 caller Talk 32.000s-33.000s 'Please say your name and why you are calling.'
                33.300 END screened"#]],
        );
    }

    #[test]
    fn a_question_that_goes_on_is_answered_at_its_end() {
        check(
            "greeting 'Hello, this is Anna of Bright Dental. Do you have a moment?' | calls-from 'Bright Dental'
            | calls-about 'your appointment on Tuesday' | amd
            | 0.5 says 'This is a call screening service.' 2.0s | 3.2 says 'Say your name,' 1.0s | 4.4 says 'and the matter.' 3.5s
            | 15.0 says 'Hello?' 0.4s | 22.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.800 turn 1 caller Talk 0.500s-2.500s 'This is a call screening service.'
                2.800 voice u1@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                2.900 audio begins
                4.500 turn 2 caller Talk 3.200s-4.200s 'Say your name,'
                4.500 CLEAR (100 ms unplayed)
                4.500 turn 3 agent Screening 2.900s-4.500s 'This is Bright Dental. I am' of 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                4.500 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                4.600 audio begins
                8.160 turn 4 agent Screening 4.600s-8.160s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                8.160 audio ends (3560 ms)
                8.200 turn 5 caller Talk 4.400s-7.900s 'and the matter.'
                8.200 voice u3@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                8.300 audio begins
                11.860 turn 6 agent Screening 8.300s-11.860s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                11.860 audio ends (3560 ms)
                15.700 turn 7 caller Talk 15.000s-15.400s 'Hello?'
                15.700 voice u4@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                15.800 audio begins
                18.800 turn 8 agent Greeting 15.800s-18.800s 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                18.800 audio ends (3000 ms)
                22.000 END callee_hung_up"#]],
        );
    }

    #[test]
    fn the_campaigns_own_answer_is_given() {
        check(
            "amd | screening-answer 'It is Anna about Tuesday.' | 0.5 says 'Please say your name and why you are calling.' 2.0s | 9.0 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.800 turn 1 caller Talk 0.500s-2.500s 'Please say your name and why you are calling.'
                2.800 voice u1@0 (cacheable): It is Anna about Tuesday.
                2.900 audio begins
                4.200 turn 2 agent Screening 2.900s-4.200s 'It is Anna about Tuesday.'
                4.200 audio ends (1300 ms)
                9.000 END screened"#]],
        );
    }

    #[test]
    fn a_service_that_goes_to_its_mailbox_gets_the_message() {
        check_screening(
            "machine 'Please call us back.' | 12.0 says 'They are not there. Please leave a message after the tone.' 2.0s | 14.5 beep | 30.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.600 observe FalseInterruption
                2.600 audio begins
                3.020 ask for the verdict
                3.040 CLEAR (160 ms unplayed)
                3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
                5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
                5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                5.900 audio begins
                9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                9.460 audio ends (3560 ms)
                14.300 turn 4 caller Talk 12.000s-14.000s 'They are not there. Please leave a message after the tone.'
                14.700 voice u3@0 (cacheable): Please call us back.
                14.800 audio begins
                15.860 turn 5 agent Voicemail 14.800s-15.860s 'Please call us back.'
                15.860 END voicemail_left"#]],
        );
    }

    #[test]
    fn the_beep_of_such_a_mailbox_may_come_before_its_words_are_understood() {
        check_screening(
            "machine 'Please call us back.' | 12.0 says 'They are not there. Please leave a message after the tone.' 2.0s | 14.05 beep | 30.0 stop",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
                0.100 audio begins
                0.600 CLEAR (100 ms unplayed)
                0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
                0.600 observe Interrupted(SpeechStarted)
                2.600 observe FalseInterruption
                2.600 audio begins
                3.020 ask for the verdict
                3.040 CLEAR (160 ms unplayed)
                3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
                5.800 turn 2 caller Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
                5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
                5.900 audio begins
                9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
                9.460 audio ends (3560 ms)
                14.300 turn 4 caller Talk 12.000s-14.000s 'They are not there. Please leave a message after the tone.'
                14.300 voice u3@0 (cacheable): Please call us back.
                14.400 audio begins
                15.460 turn 5 agent Voicemail 14.400s-15.460s 'Please call us back.'
                15.460 END voicemail_left"#]],
        );
    }
}

mod opting_out {
    use super::*;

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
                3.100 turn 1 caller Talk 2.000s-2.800s 'Please take me off your list.'
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
                1.800 turn 0 caller Talk 1.000s-1.500s 'Stop calling me.'
                1.800 CLEAR (100 ms unplayed)
                1.800 turn 1 agent Greeting 0.100s-1.800s 'Hello, this is a very long' of 'Hello, this is a very long greeting that must be heard to its end.'
                1.850 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
                1.950 audio begins
                4.510 turn 2 agent Farewell 1.950s-4.510s 'I understand. We will not call you again. Goodbye.'
                4.510 END opted_out"#]],
        );
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
                3.100 turn 1 caller Talk 2.000s-2.800s 'Do not call me again.'
                6.100 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
                6.200 audio begins
                8.760 turn 2 agent Farewell 6.200s-8.760s 'I understand. We will not call you again. Goodbye.'
                8.760 END opted_out"#]],
        );
    }

    #[test]
    fn who_asks_and_hangs_up_has_opted_out() {
        check(
            "2.0 interim 'take me off your list' | 2.2 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                2.200 OPT OUT Spoken
                2.200 turn 1 caller Talk 2.000s-2.000s 'take me off your list'
                2.200 END opted_out"#]],
        );
        check(
            "2.0 says 'Take me off your list.' 0.8s | 3.12 hang-up",
            expect![[r#"
                0.000 voice u0@0 (cacheable): Hello.
                0.100 audio begins
                0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
                0.460 audio ends (360 ms)
                3.100 OPT OUT Spoken
                3.100 turn 1 caller Talk 2.000s-2.800s 'Take me off your list.'
                3.120 END opted_out"#]],
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
            3.500 turn 1 caller Talk 2.000s-2.000s '9' (keys)
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
                2.600 turn 1 caller Talk 2.000s-2.600s '59#' (keys)
                2.600 ask 0@0: agent 'Hello.' / caller '[pressed the keys 59#]'
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
            3.500 turn 1 caller Talk 2.000s-2.000s '9' (keys)
            3.500 ask 0@0: agent 'Hello.' / caller '[pressed the keys 9]'
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
                3.100 turn 1 caller Talk 2.000s-2.800s 'Stop calling me.'
                3.150 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
                3.250 audio begins
                4.400 turn 2 caller Talk 3.300s-4.100s 'Did you hear? Stop calling me!'
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
                2.900 turn 1 caller Talk 2.000s-2.600s 'Please do not'
                2.900 ask 0@0: agent 'Hello.' / caller 'Please do not'
                3.220 voice u1@0: All right.
                3.320 audio begins
                3.500 CLEAR (120 ms unplayed)
                3.500 turn 2 agent Talk 3.320s-3.500s 'All' of 'All right.'
                3.500 observe Interrupted(SpeechStarted)
                4.300 OPT OUT Spoken
                4.300 turn 3 caller Talk 3.400s-4.000s 'call me again.'
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
                2.900 turn 1 caller Talk 2.000s-2.600s 'Please do not'
                2.900 ask 0@0: agent 'Hello.' / caller 'Please do not'
                3.220 voice u1@0: All right.
                3.320 audio begins
                3.880 turn 2 agent Talk 3.320s-3.880s 'All right.'
                3.880 audio ends (560 ms)
                9.900 turn 3 caller Talk 9.000s-9.600s 'call me again.'
                9.900 ask 1@0: agent 'Hello.' / caller 'Please do not' / agent 'All right.' / caller 'call me again.'
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
                28.800 turn 3 caller Talk 27.000s-28.500s 'Stop calling me.'
                31.800 voice u3@0 (cacheable): I understand. We will not call you again. Goodbye.
                31.900 audio begins
                34.460 turn 4 agent Farewell 31.900s-34.460s 'I understand. We will not call you again. Goodbye.'
                34.460 END opted_out"#]],
        );
    }

    #[test]
    fn a_recogniser_that_fails_then_needs_no_apology() {
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
                9.700 turn 1 caller Talk 8.200s-8.200s '9' (keys)
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
                3.100 turn 1 caller Talk 2.000s-2.800s 'No me llame más.'
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
                3.100 turn 1 caller Talk 2.000s-2.800s 'Unsubscribe'
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
                5.800 turn 1 caller Talk 0.500s-5.500s 'You have reached Sam. Do not call me again.'
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
                4.000 turn 1 caller Talk 3.200s-3.700s 'Stop calling me.'
                4.000 turn 2 agent Voicemail 2.120s-4.000s 'Please call us back about your' of 'Please call us back about your appointment on Tuesday.'
                4.000 END opted_out"#]],
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
                2.600 turn 1 caller Talk 2.000s-2.300s 'Bye'
                2.600 ask 0@0: agent 'Hello.' / caller 'Bye'
                2.960 voice u1@0: Goodbye and have a very nice day,
                2.990 voice u1@0: my friend.
                3.060 audio begins
                4.900 OPT OUT Spoken
                4.900 turn 2 caller Talk 4.000s-4.600s 'And take me off your list.'
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
                3.050 turn 1 caller Talk 1.550s-1.550s '9' (keys)
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
            "before agent 'Hello.' | before caller 'Do not call me again.' | 9.0 stop",
            expect![[r#"
                0.000 OPT OUT Spoken
                0.050 voice u0@0 (cacheable): I understand. We will not call you again. Goodbye.
                0.150 audio begins
                2.710 turn 2 agent Farewell 0.150s-2.710s 'I understand. We will not call you again. Goodbye.'
                2.710 END opted_out"#]],
        );
    }
}
