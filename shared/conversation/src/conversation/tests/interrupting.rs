//! Interrupting: what stops the agent, and what is kept of it.

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
fn a_noise_stops_the_agent_for_two_seconds_and_then_it_goes_on_from_the_word() {
    check_long(
        "4.5 sound | 13.0 stop",
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
            1.600 turn 1 customer Talk 1.000s-1.300s 'Count'
            1.600 ask 0@0: agent 'Hello.' / customer 'Count'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            5.200 observe BackchannelIgnored
            5.900 observe BackchannelIgnored
            8.080 turn 2 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            8.080 audio ends (4900 ms)
            10.000 END customer_hung_up"#]],
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
        2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
        2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
        10.000 END customer_hung_up"#]],
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
fn yes_while_the_agent_still_thinks_goes_on_with_the_customers_turn() {
    check(
        "greeting 'Can you come on Monday at nine?' | model silent | answers 'See you then.'
        | 3.0 says 'Let me see.' 0.6s | 4.1 says 'Yes.' 0.4s | 6.5 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Can you come on Monday at nine?
            0.100 audio begins
            1.700 turn 0 agent Greeting 0.100s-1.700s 'Can you come on Monday at nine?'
            1.700 audio ends (1600 ms)
            3.900 turn 1 customer Talk 3.000s-3.600s 'Let me see.'
            3.900 ask 0@0: agent 'Can you come on Monday at nine?' / customer 'Let me see.'
            4.600 cancel model 0
            4.800 turn 2 customer Talk 4.100s-4.500s 'Yes.'
            4.800 ask 1@0: agent 'Can you come on Monday at nine?' / customer 'Let me see.' / customer 'Yes.'
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
            3.200 turn 1 customer Talk 2.500s-2.900s 'Yes.'
            3.200 ask 0@0: agent 'Good morning to you. Do you have a minute for a short [interrupted]' / customer 'Yes.'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.900 CLEAR (180 ms unplayed)
            4.900 turn 2 agent Talk 3.180s-4.900s 'We have a table on Monday at nine.' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.900 observe Interrupted(Words)
            5.200 turn 3 customer Talk 4.800s-5.150s 'Friday'
            5.200 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday at nine. [interrupted]' / customer 'Friday'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.500 CLEAR (180 ms unplayed)
            4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.500 observe Interrupted(Words)
            4.800 turn 3 customer Talk 4.400s-4.750s 'Stop.'
            4.800 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / customer 'Stop.'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            5.400 turn 2 customer Talk 4.500s-5.100s 'Stop, Friday please'
            8.080 turn 3 agent Talk 3.180s-8.080s 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            8.080 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.' / customer 'Stop, Friday please'
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
            1.700 turn 0 customer Talk 0.800s-1.400s 'wait a moment'
            2.260 turn 1 agent Greeting 0.100s-2.260s 'This call is recorded. How can I help you?'
            2.260 ask 0@0: agent 'This call is recorded. How can I help you?' / customer 'wait a moment'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
            1.500 turn 1 customer Talk 1.100s-1.450s 'Fine.'
            1.500 ask 0@0: agent 'How are you?' / customer 'Fine.'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
            4.900 turn 3 customer Talk 4.500s-4.850s 'No.'
            4.900 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / customer 'No.'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
            8.300 turn 4 customer Talk 7.500s-8.000s 'Enough of that'
            8.300 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday at nine. There is [interrupted]' / customer 'Enough of that'
            8.620 voice u3@0: All right.
            8.720 audio begins
            9.280 turn 5 agent Talk 8.720s-9.280s 'All right.'"#]],
    );
}

#[test]
fn words_that_waited_are_answered_with_those_that_stop_the_agent() {
    check(
        "preset balanced | greeting 'Hello, this is Anna of Bright Dental. How can I help you today?' | 0.5 says 'Tables' 0.1s | 1.6 says 'No, wait, a question.' 0.5s | 9.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. How can I help you today?
            0.100 audio begins
            0.900 turn 0 customer Talk 0.500s-0.600s 'Tables'
            2.200 CLEAR (100 ms unplayed)
            2.200 turn 1 agent Greeting 0.100s-2.200s 'Hello, this is Anna of Bright Dental. How' of 'Hello, this is Anna of Bright Dental. How can I help you today?'
            2.200 observe Interrupted(Words)
            2.400 turn 2 customer Talk 1.600s-2.100s 'No, wait, a question.'
            2.400 ask 0@0: agent 'Hello, this is Anna of Bright Dental. How [interrupted]' / customer 'Tables' / customer 'No, wait, a question.'
            2.720 voice u1@0: All right.
            2.820 audio begins
            3.380 turn 3 agent Talk 2.820s-3.380s 'All right.'"#]],
    );
}
