//! Endings: goodbyes, limits, hang-ups.

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
            2.800 turn 1 customer Talk 2.000s-2.500s 'That was all'
            2.800 ask 0@0: agent 'Hello.' / customer 'That was all'
            3.170 voice u1@0: It was nice to talk to you.
            3.180 voice u1@0: Goodbye!
            3.270 audio begins
            5.100 turn 2 customer Talk 4.500s-4.800s 'stop wait'
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
            2.600 turn 1 customer Talk 2.000s-2.300s 'Bye'
            2.600 ask 0@0: agent 'Hello.' / customer 'Bye'
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
            2.600 turn 1 customer Talk 2.000s-2.300s 'Bye'
            2.600 ask 0@0: agent 'Hello.' / customer 'Bye'
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
            8.800 turn 1 customer Talk 8.000s-8.500s 'When?'
            8.800 ask 0@0: agent 'Hello.' / customer 'When?'
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
            7.800 turn 1 customer Talk 7.000s-7.500s 'When?'
            7.800 ask 0@0: agent 'Hello.' / customer 'When?'
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
        "4.4 interim 'I must go' | 4.5 hang-up | 4.6 hang-up | 4.7 key 1 | 6.0 stop",
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
            4.400 CLEAR (180 ms unplayed)
            4.400 turn 2 agent Talk 3.180s-4.400s 'We have a table on' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.400 observe Interrupted(Words)
            4.500 finalize recognition
            4.700 finalize recognition
            5.000 turn 3 customer Talk 4.400s-4.400s 'I must go'
            5.100 turn 4 customer Talk 4.700s-4.700s '1' (keys)
            5.100 END customer_hung_up"#]],
    );
}

#[test]
fn nobody_goes_on_with_the_call_and_it_ends_with_a_word() {
    check(
        "2.0 closing | 9.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.000 voice u1@0 (cacheable): I am sorry, I am having technical trouble. Goodbye.
            2.100 audio begins
            4.700 turn 1 agent Farewell 2.100s-4.700s 'I am sorry, I am having technical trouble. Goodbye.'
            4.700 END platform_failed"#]],
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
