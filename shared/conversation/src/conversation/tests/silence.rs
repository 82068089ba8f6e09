//! Silence: reminders and giving up.

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
        33.340 END customer_silent"#]],
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
            12.800 turn 2 customer Talk 12.000s-12.500s 'I am here'
            12.800 ask 0@0: agent 'Hello.' / agent 'Are you still there?' / customer 'I am here'
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
            11.500 turn 2 customer Talk 10.700s-11.200s 'Wait I am here'
            11.500 ask 0@0: agent 'Hello.' / customer 'Wait I am here'
            11.820 voice u2@0: All right.
            11.920 audio begins
            12.480 turn 3 agent Talk 11.920s-12.480s 'All right.'"#]],
    );
}
