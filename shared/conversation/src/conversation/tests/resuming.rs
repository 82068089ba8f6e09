//! Going on after a worker died.

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
            4.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.' / agent 'For when?' / agent 'Sorry, the line was gone for a moment.' / customer 'Monday'
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
            2.060 ask 0@0: agent 'Hello.' / customer 'A table please.' / agent 'Sorry, the line was gone for a moment.'
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
