//! Keys of the phone.

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
            5.100 turn 1 customer Talk 2.000s-3.600s '123' (keys)
            5.100 ask 0@0: agent 'Hello.' / customer '[pressed the keys 123]'
            5.420 voice u1@0: All right.
            5.520 audio begins
            6.080 turn 2 agent Talk 5.520s-6.080s 'All right.'
            6.080 audio ends (560 ms)
            8.000 END customer_hung_up"#]],
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
        2.500 turn 1 customer Talk 2.000s-2.500s '4#' (keys)
        2.500 ask 0@0: agent 'Hello.' / customer '[pressed the keys 4#]'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
            3.080 voice u1@0: We have a table on Monday at nine.
            3.160 voice u1@0: There is another one on Friday at ten.
            3.180 audio begins
            3.210 voice u1@0: Both are by the window.
            4.300 CLEAR (180 ms unplayed)
            4.300 turn 2 agent Talk 3.180s-4.300s 'We have a table on' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
            4.300 observe Interrupted(Words)
            4.500 finalize recognition
            4.800 turn 3 customer Talk 4.400s-4.750s 'my number is'
            6.000 turn 4 customer Talk 4.500s-4.500s '7' (keys)
            6.000 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on [interrupted]' / customer 'my number is' / customer '[pressed the keys 7]'
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
        2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
        2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
        3.080 voice u1@0: We have a table on Monday at nine.
        3.160 voice u1@0: There is another one on Friday at ten.
        3.180 audio begins
        3.210 voice u1@0: Both are by the window.
        4.500 CLEAR (180 ms unplayed)
        4.500 turn 2 agent Talk 3.180s-4.500s 'We have a table on Monday' of 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
        4.500 observe Interrupted(Key)
        6.000 turn 3 customer Talk 4.500s-4.500s '7' (keys)
        6.000 ask 1@0: agent 'Hello. How can I help you?' / customer 'When is a table free?' / agent 'We have a table on Monday [interrupted]' / customer '[pressed the keys 7]'
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
            2.000 turn 1 customer Talk 0.500s-0.500s '5' (keys)
            2.000 ask 0@0: agent 'Please enter your number now.' / customer '[pressed the keys 5]'
            2.320 voice u1@0: All right.
            2.420 audio begins
            2.980 turn 2 agent Talk 2.420s-2.980s 'All right.'"#]],
    );
}
