//! Going on after a stream broke or a worker died.

use super::*;

#[test]
fn a_resumed_call_goes_on_without_a_greeting() {
    check(
        "before agent 'Hello. How can I help you?' | before customer 'A table please.' | before agent 'For when?'
        | 4.0 says 'Monday' 0.4s | 7.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            0.100 audio begins
            2.060 turn 3 agent Bridge 0.100s-2.060s 'Sorry, the line was gone for a moment.'
            2.060 audio ends (1960 ms)
            4.700 turn 4 customer Talk 4.000s-4.400s 'Monday'
            4.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.' / agent 'For when?' / customer 'Monday'
            5.020 voice u1@0: All right.
            5.120 audio begins
            5.680 turn 5 agent Talk 5.120s-5.680s 'All right.'"#]],
    );
}

#[test]
fn a_customer_who_was_not_answered_before_the_break_is_answered_now() {
    check(
        "before agent 'Hello.' | before customer 'A table please.' | answers 'For when?' | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            0.100 audio begins
            2.060 turn 2 agent Bridge 0.100s-2.060s 'Sorry, the line was gone for a moment.'
            2.060 ask 0@0: agent 'Hello.' / customer 'A table please.'
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

#[test]
fn who_speaks_into_the_bridge_gets_one_answer_to_all() {
    check(
        "answers 'Lost.' | answers 'At nine, for two.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 2.7 says 'For two people.' 0.6s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            2.800 CLEAR (100 ms unplayed)
            2.800 turn 2 agent Bridge 2.500s-2.800s 'Sorry,' of 'Sorry, the line was gone for a moment.'
            2.800 observe Interrupted(SpeechStarted)
            3.600 turn 3 customer Talk 2.700s-3.300s 'For two people.'
            3.600 ask 0@0: agent 'Hello.' / customer 'A table please.' / customer 'For two people.'
            3.940 voice u1@0: At nine, for two.
            4.040 audio begins
            4.940 turn 4 agent Talk 4.040s-4.940s 'At nine, for two.'"#]],
    );
}

#[test]
fn a_sound_of_listening_does_not_take_the_owed_answer_away() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 3.0 says 'Mm-hm.' 0.2s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            3.100 CLEAR (100 ms unplayed)
            3.100 turn 2 agent Bridge 2.500s-3.100s 'Sorry, the' of 'Sorry, the line was gone for a moment.'
            3.100 observe Interrupted(SpeechStarted)
            3.500 observe BackchannelIgnored
            3.500 observe FalseInterruption
            3.500 audio begins
            4.900 turn 3 agent Bridge 3.500s-4.900s 'line was gone for a moment.'
            4.900 ask 0@0: agent 'Hello.' / customer 'A table please.'
            4.900 audio ends (1400 ms)
            5.220 voice u2@0: At nine.
            5.320 audio begins
            5.780 turn 4 agent Talk 5.320s-5.780s 'At nine.'"#]],
    );
}

#[test]
fn a_cough_in_the_last_word_of_the_bridge_does_not_take_the_owed_answer_away() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 4.3 sound | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            4.300 CLEAR (100 ms unplayed)
            4.300 turn 2 agent Bridge 2.500s-4.300s 'Sorry, the line was gone for a' of 'Sorry, the line was gone for a moment.'
            4.300 observe Interrupted(SpeechStarted)
            6.300 observe FalseInterruption
            6.300 audio begins
            6.700 turn 3 agent Bridge 6.300s-6.700s 'moment.'
            6.700 ask 0@0: agent 'Hello.' / customer 'A table please.'
            6.700 audio ends (400 ms)
            7.020 voice u2@0: At nine.
            7.120 audio begins
            7.580 turn 4 agent Talk 7.120s-7.580s 'At nine.'"#]],
    );
}

#[test]
fn words_that_the_recognizer_takes_back_do_not_take_the_owed_answer_away() {
    check(
        "preset protected | answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 4.3 interim 'And' | 4.9 interim '' | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            4.460 turn 2 agent Bridge 2.500s-4.460s 'Sorry, the line was gone for a moment.'
            4.460 audio ends (1960 ms)
            4.900 ask 0@0: agent 'Hello.' / customer 'A table please.'
            5.220 voice u1@0: At nine.
            5.320 audio begins
            5.780 turn 3 agent Talk 5.320s-5.780s 'At nine.'"#]],
    );
}

#[test]
fn a_noisy_line_does_not_take_the_owed_answer_away() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 2.6 sound | 4.8 sound | 7.0 sound | 9.1 sound | 11.2 sound | 13.3 sound | 24.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            2.600 CLEAR (100 ms unplayed)
            2.600 turn 2 agent Bridge 2.500s-2.600s '' of 'Sorry, the line was gone for a moment.'
            2.600 observe Interrupted(SpeechStarted)
            4.600 observe FalseInterruption
            4.600 audio begins
            4.800 CLEAR (100 ms unplayed)
            4.800 turn 3 agent Bridge 4.600s-4.800s '' of 'Sorry, the line was gone for a moment.'
            4.800 observe Interrupted(SpeechStarted)
            6.800 observe FalseInterruption
            6.800 audio begins
            7.000 CLEAR (100 ms unplayed)
            7.000 turn 4 agent Bridge 6.800s-7.000s '' of 'Sorry, the line was gone for a moment.'
            7.000 observe Interrupted(SpeechStarted)
            9.000 observe FalseInterruption
            9.000 audio begins
            9.100 CLEAR (100 ms unplayed)
            9.100 turn 5 agent Bridge 9.000s-9.100s '' of 'Sorry, the line was gone for a moment.'
            9.100 observe Interrupted(SpeechStarted)
            11.100 observe FalseInterruption
            11.100 audio begins
            11.200 CLEAR (100 ms unplayed)
            11.200 turn 6 agent Bridge 11.100s-11.200s '' of 'Sorry, the line was gone for a moment.'
            11.200 observe Interrupted(SpeechStarted)
            13.200 observe FalseInterruption
            13.200 audio begins
            13.300 CLEAR (100 ms unplayed)
            13.300 turn 7 agent Bridge 13.200s-13.300s '' of 'Sorry, the line was gone for a moment.'
            13.300 observe Interrupted(SpeechStarted)
            15.300 observe FalseInterruption
            15.300 ask 0@0: agent 'Hello.' / customer 'A table please.'
            15.620 voice u6@0: At nine.
            15.720 audio begins
            16.180 turn 8 agent Talk 15.720s-16.180s 'At nine.'"#]],
    );
}

#[test]
fn keys_pressed_into_the_bridge_are_answered_with_what_was_owed() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 3.0 key 4 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            3.000 CLEAR (100 ms unplayed)
            3.000 turn 2 agent Bridge 2.500s-3.000s 'Sorry, the' of 'Sorry, the line was gone for a moment.'
            3.000 observe Interrupted(Key)
            4.500 turn 3 customer Talk 3.000s-3.000s '4' (keys)
            4.500 ask 0@0: agent 'Hello.' / customer 'A table please.' / customer '[pressed the keys 4]'
            4.820 voice u1@0: At nine.
            4.920 audio begins
            5.380 turn 4 agent Talk 4.920s-5.380s 'At nine.'"#]],
    );
}

#[test]
fn who_wants_no_more_calls_says_so_into_the_bridge_and_nothing_else_is_said() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 2.7 says 'Please stop calling me.' 0.6s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            2.800 CLEAR (100 ms unplayed)
            2.800 turn 2 agent Bridge 2.500s-2.800s 'Sorry,' of 'Sorry, the line was gone for a moment.'
            2.800 observe Interrupted(SpeechStarted)
            3.600 OPT OUT Spoken
            3.600 turn 3 customer Talk 2.700s-3.300s 'Please stop calling me.'
            3.650 voice u1@0 (cacheable): I understand. We will not call you again. Goodbye.
            3.750 audio begins
            6.310 turn 4 agent Farewell 3.750s-6.310s 'I understand. We will not call you again. Goodbye.'
            6.310 END opted_out"#]],
    );
}

#[test]
fn the_line_breaks_again_during_the_bridge() {
    check(
        "answers 'Lost.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5 | 3.0 cut 0.5
        | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            3.000 turn 2 agent Bridge 2.500s-3.000s 'Sorry, the' of 'Sorry, the line was gone for a moment.'
            3.000 BREAKS OFF
            3.500 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            3.600 audio begins
            5.560 turn 3 agent Bridge 3.600s-5.560s 'Sorry, the line was gone for a moment.'
            5.560 ask 0@0: agent 'Hello.' / customer 'A table please.'
            5.560 audio ends (1960 ms)
            5.880 voice u1@0: At nine.
            5.980 audio begins
            6.440 turn 4 agent Talk 5.980s-6.440s 'At nine.'"#]],
    );
}

#[test]
fn the_line_breaks_again_while_the_owed_answer_is_thought_of() {
    check(
        "answers 'Lost.' | answers 'Lost too.' | answers 'At nine.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 4.5 cut 0.5 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            4.460 turn 2 agent Bridge 2.500s-4.460s 'Sorry, the line was gone for a moment.'
            4.460 ask 0@0: agent 'Hello.' / customer 'A table please.'
            4.460 audio ends (1960 ms)
            4.500 cancel model 0
            4.500 BREAKS OFF
            5.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            5.100 audio begins
            7.060 turn 3 agent Bridge 5.100s-7.060s 'Sorry, the line was gone for a moment.'
            7.060 ask 0@0: agent 'Hello.' / customer 'A table please.'
            7.060 audio ends (1960 ms)
            7.380 voice u1@0: At nine.
            7.480 audio begins
            7.940 turn 4 agent Talk 7.480s-7.940s 'At nine.'"#]],
    );
}

#[test]
fn an_answer_that_was_heard_in_part_is_taken_up_again() {
    check(
        "answers 'We have one at nine.' | answers 'We have one at nine, as I said.' | 1.0 says 'A table please.' 0.5s
        | 2.6 cut 0.5 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            2.150 voice u1@0: We have one at nine.
            2.250 audio begins
            2.600 turn 2 agent Talk 2.250s-2.600s 'We have' of 'We have one at nine.'
            2.600 BREAKS OFF
            3.100 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            3.200 audio begins
            5.160 turn 3 agent Bridge 3.200s-5.160s 'Sorry, the line was gone for a moment.'
            5.160 ask 0@0: agent 'Hello.' / customer 'A table please.' / agent 'We have [interrupted]' / system (The line broke while you were answering, and is back. Your last message was not heard to its end, or was not all of your answer. Take it up again with a whole sentence and say what is missing. Do not mention this.)
            5.160 audio ends (1960 ms)
            5.540 voice u1@0: We have one at nine, as I said.
            5.640 audio begins
            7.240 turn 4 agent Talk 5.640s-7.240s 'We have one at nine, as I said.'"#]],
    );
}

#[test]
fn an_answer_that_was_heard_whole_is_not_given_again() {
    check(
        "answers 'We have one at nine.' | 1.0 says 'A table please.' 0.5s | 4.0 cut 0.5 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            2.150 voice u1@0: We have one at nine.
            2.250 audio begins
            3.310 turn 2 agent Talk 2.250s-3.310s 'We have one at nine.'
            3.310 audio ends (1060 ms)
            4.000 BREAKS OFF
            4.500 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            4.600 audio begins
            6.560 turn 3 agent Bridge 4.600s-6.560s 'Sorry, the line was gone for a moment.'"#]],
    );
}

#[test]
fn an_answer_whose_worker_died_is_given_from_its_beginning() {
    check(
        "answers 'We have one at nine.' | answers 'We have one at nine.' | 1.0 says 'A table please.' 0.5s
        | 2.6 killed 0.5 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            2.150 voice u1@0: We have one at nine.
            2.250 audio begins
            2.600 KILLED
            3.100 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            3.200 audio begins
            5.160 turn 2 agent Bridge 3.200s-5.160s 'Sorry, the line was gone for a moment.'
            5.160 ask 0@0: agent 'Hello.' / customer 'A table please.'
            5.160 audio ends (1960 ms)
            5.510 voice u1@0: We have one at nine.
            5.610 audio begins
            6.670 turn 3 agent Talk 5.610s-6.670s 'We have one at nine.'"#]],
    );
}

#[test]
fn the_owed_answer_can_be_interrupted_like_any_other() {
    check(
        "answers 'Lost.' | answers 'We have one at nine and one at ten.' | 1.0 says 'A table please.' 0.5s | 1.9 cut 0.5
        | 5.6 says 'What about Sunday?' 0.5s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.800 turn 1 customer Talk 1.000s-1.500s 'A table please.'
            1.800 ask 0@0: agent 'Hello.' / customer 'A table please.'
            1.900 cancel model 0
            1.900 BREAKS OFF
            2.400 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.500 audio begins
            4.460 turn 2 agent Bridge 2.500s-4.460s 'Sorry, the line was gone for a moment.'
            4.460 ask 0@0: agent 'Hello.' / customer 'A table please.'
            4.460 audio ends (1960 ms)
            4.850 voice u1@0: We have one at nine and one at ten.
            4.950 audio begins
            5.700 CLEAR (150 ms unplayed)
            5.700 turn 3 agent Talk 4.950s-5.700s 'We have one at' of 'We have one at nine and one at ten.'
            5.700 observe Interrupted(SpeechStarted)
            6.400 turn 4 customer Talk 5.600s-6.100s 'What about Sunday?'
            6.400 ask 1@0: agent 'Hello.' / customer 'A table please.' / agent 'We have one at [interrupted]' / customer 'What about Sunday?'
            6.720 voice u2@0: All right.
            6.820 audio begins
            7.380 turn 5 agent Talk 6.820s-7.380s 'All right.'"#]],
    );
}

#[test]
fn a_tool_that_ran_when_the_line_broke_is_told_of_and_its_answer_is_owed() {
    check(
        "tool look_up | answers 'One moment.' then look_up {} | answers 'Nine is free.' | 1.0 says 'Is nine free?' 0.4s
        | 3.5 cut 0.5 | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.700 turn 1 customer Talk 1.000s-1.400s 'Is nine free?'
            1.700 ask 0@0: agent 'Hello.' / customer 'Is nine free?'
            2.020 run look_up {} as t0
            2.020 voice u1@0: One moment.
            2.120 audio begins
            2.720 audio ends (600 ms)
            3.500 cancel voice u1
            3.500 turn 2 agent Talk 2.120s-2.720s 'One moment.' of 'One moment.' [look_up {} -> false The customer interrupted before the result came; the tool may have run.]
            3.500 BREAKS OFF
            4.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            4.100 audio begins
            6.060 turn 3 agent Bridge 4.100s-6.060s 'Sorry, the line was gone for a moment.'
            6.060 ask 0@0: agent 'Hello.' / customer 'Is nine free?' / agent '' +look_up / turn2-0 -> The customer interrupted before the result came; the tool may have run. / agent 'One moment. [interrupted]' / system (The line broke while you were answering, and is back. Your last message was not heard to its end, or was not all of your answer. Take it up again with a whole sentence and say what is missing. Do not mention this.)
            6.060 audio ends (1960 ms)
            6.390 voice u1@0: Nine is free.
            6.490 audio begins
            7.190 turn 4 agent Talk 6.490s-7.190s 'Nine is free.'"#]],
    );
}

#[test]
fn what_is_said_into_the_gap_is_answered_behind_the_bridge() {
    check(
        "answers 'At nine.' | greeting 'Hello. How can I help you?' | 2.0 cut 0.5 | 2.3 says 'A table please.' 0.9s | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            2.000 BREAKS OFF
            2.500 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.600 audio begins
            3.300 CLEAR (100 ms unplayed)
            3.300 turn 1 agent Bridge 2.600s-3.300s 'Sorry, the' of 'Sorry, the line was gone for a moment.'
            3.300 observe Interrupted(Words)
            3.500 turn 2 customer Talk 2.500s-3.200s 'A table please.'
            3.500 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            3.820 voice u1@0: At nine.
            3.920 audio begins
            4.380 turn 3 agent Talk 3.920s-4.380s 'At nine.'"#]],
    );
}

#[test]
fn a_greeting_that_broke_off_is_said_again() {
    check(
        "greeting 'Hello, this is Anna of Bright Dental.' | 1.0 cut 0.5 | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            1.000 turn 0 agent Greeting 0.100s-1.000s 'Hello, this is' of 'Hello, this is Anna of Bright Dental.'
            1.000 BREAKS OFF
            1.500 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            1.600 audio begins
            3.500 turn 1 agent Greeting 1.600s-3.500s 'Hello, this is Anna of Bright Dental.'"#]],
    );
}

#[test]
fn who_only_said_hello_before_the_worker_died_is_greeted() {
    check(
        "greeting 'Hello, this is Anna of Bright Dental.' | before customer 'Hello?' | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 1 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'"#]],
    );
}
