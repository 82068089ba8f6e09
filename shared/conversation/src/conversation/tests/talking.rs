//! Talking: a question, an answer, a pause.

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
            4.300 turn 1 customer Talk 3.000s-4.000s 'When do you open?'
            4.300 ask 0@0: agent 'Hello. How can I help you?' / customer 'When do you open?'
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
            9.000 END customer_hung_up"#]],
    );
}

#[test]
fn an_agent_without_a_greeting_listens_first() {
    check(
        "greeting '' | answers 'Hello, this is Anna.' | 0.5 says 'Hello?' 0.3s | 4.0 hang-up",
        expect![[r#"
            1.100 turn 0 customer Talk 0.500s-0.800s 'Hello?'
            1.100 ask 0@0: customer 'Hello?'
            1.440 voice u1@0: Hello, this is Anna.
            1.540 audio begins
            2.600 turn 1 agent Talk 1.540s-2.600s 'Hello, this is Anna.'
            2.600 audio ends (1060 ms)
            4.000 END customer_hung_up"#]],
    );
}

#[test]
fn words_said_while_picking_up_do_not_stop_the_greeting_and_are_not_answered_twice() {
    check(
        "greeting 'Hello. How can I help you?' | 0.05 says 'Hello?' 0.3s | 4.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            0.650 turn 0 customer Talk 0.050s-0.350s 'Hello?'
            1.460 turn 1 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            4.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_customer_who_goes_on_after_a_pause_is_answered_once() {
    check(
        "1.0 says 'I would like a table' 1.0s | 2.4 says 'for two people' 0.5s | 6.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.300 turn 1 customer Talk 1.000s-2.000s 'I would like a table'
            2.300 ask 0@0: agent 'Hello.' / customer 'I would like a table'
            2.620 voice u1@0: All right.
            2.720 audio begins
            3.000 CLEAR (120 ms unplayed)
            3.000 turn 2 agent Talk 2.720s-3.000s 'All' of 'All right.'
            3.000 observe Interrupted(Words)
            3.200 turn 3 customer Talk 2.400s-2.900s 'for two people'
            3.200 ask 1@0: agent 'Hello.' / customer 'I would like a table' / agent 'All [interrupted]' / customer 'for two people'
            3.520 voice u2@0: All right.
            3.620 audio begins
            4.180 turn 4 agent Talk 3.620s-4.180s 'All right.'
            4.180 audio ends (560 ms)
            6.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_recognizer_that_never_decides_does_not_keep_the_customer_waiting_for_ever() {
    check(
        "1.0 interim 'book a' | 1.5 final 'book a table' | 6.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            4.500 turn 1 customer Talk 1.100s-1.450s 'book a table'
            4.500 ask 0@0: agent 'Hello.' / customer 'book a table'
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
            1.900 turn 1 customer Talk 0.600s-0.950s 'book a table'
            1.900 ask 0@0: agent 'Hello.' / customer 'book a table'
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
            1.600 turn 1 customer Talk 1.000s-1.300s 'Where?'
            1.600 ask 0@0: agent 'Hello.' / customer 'Where?'
            1.900 voice u1@0: Sure!
            1.950 voice u1@0: See our page.
            2.000 audio begins
            3.000 turn 2 agent Talk 2.000s-3.000s 'Sure! See our page.'"#]],
    );
}
