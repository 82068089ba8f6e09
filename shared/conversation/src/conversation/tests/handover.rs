//! Handing a conversation over.

use super::*;

const TABLE: &str = "greeting 'Hello. How can I help you?' | answers 'We have one at nine.'";

fn check_table(script: &str, expected: Expect) {
    check(&format!("{TABLE} | {script}"), expected);
}

#[test]
fn the_next_worker_answers_what_the_customer_asked_this_one() {
    check_table(
        "2.0 leave | 2.5 says 'A table please.' 0.8s | 7.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            3.620 redirect
            3.720 finalize recognition
            4.320 LEAVE
            4.320 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
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
        2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
        2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
            2.700 turn 1 customer Talk 1.600s-2.400s 'A table please.'
            2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            2.800 cancel model 0
            2.800 hand over, owing since 2.400s
            2.820 redirect
            2.920 finalize recognition
            3.520 LEAVE
            3.520 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
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
        2.700 turn 1 customer Talk 1.600s-2.400s 'When is a table free?'
        2.700 ask 0@0: agent 'Hello. How can I help you?' / customer 'When is a table free?'
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
fn a_customer_who_speaks_is_heard_out() {
    check_table(
        "1.6 interim 'I would' | 1.7 press | 2.4 interim 'I would like a' | 3.2 pause 'I would like a table'
        | 8.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.200 turn 1 customer Talk 2.800s-3.150s 'I would like a table'
            3.200 hand over, owing since 3.150s
            3.220 redirect
            3.320 finalize recognition
            3.920 LEAVE
            3.920 ask 0@0: agent 'Hello. How can I help you?' / customer 'I would like a table'
            4.270 voice u0@0: We have one at nine.
            4.370 audio begins
            5.430 turn 2 agent Talk 4.370s-5.430s 'We have one at nine.'"#]],
    );
}

#[test]
fn a_customer_who_speaks_up_before_the_carrier_is_asked_keeps_the_call_here() {
    check_table(
        "1.0 leave | 3.47 interim 'Is' | 4.0 pause 'Is there a table?' | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.460 hand over
            3.480 stay
            4.000 turn 1 customer Talk 3.600s-3.950s 'Is there a table?'
            4.000 ask 0@0: agent 'Hello. How can I help you?' / customer 'Is there a table?'
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
            4.180 turn 1 customer Talk 3.450s-3.550s 'A table please.'
            4.880 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
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
            4.180 turn 1 customer Talk 3.520s-3.520s 'A table'
            4.880 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table'
            5.200 cancel model 0
            5.400 turn 2 customer Talk 4.950s-5.400s 'for two people'
            5.400 ask 1@0: agent 'Hello. How can I help you?' / customer 'A table' / customer 'for two people'
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
            4.180 turn 1 customer Talk 3.520s-3.520s 'Please stop calling me'
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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Please stop calling me'
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
            1.700 turn 1 customer Talk 1.000s-1.400s 'Is nine free?'
            1.700 ask 0@0: agent 'Hello.' / customer 'Is nine free?'
            2.020 run look_up {} as t0
            2.020 voice u1@0: One moment.
            2.120 audio begins
            2.720 audio ends (600 ms)
            5.000 ask 1@0: agent 'Hello.' / customer 'Is nine free?' / agent 'One moment.' +look_up / t0 -> free
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
            3.700 turn 1 customer Talk 1.600s-2.200s '42' (keys)
            3.700 hand over, owing since 2.200s
            3.720 redirect
            3.820 finalize recognition
            4.420 LEAVE
            4.420 ask 0@0: agent 'Hello. How can I help you?' / customer '[pressed the keys 42]'
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
            5.900 ask for the verdict
            11.920 END voicemail"#]],
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
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            3.620 redirect
            3.720 stay
            3.720 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
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
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            3.620 redirect
            3.720 stay
            3.720 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            4.070 voice u1@0: We have one at nine.
            4.170 audio begins
            5.120 finalize recognition
            5.230 observe StaleDropped
            5.230 audio ends (1060 ms)
            5.720 LEAVE
            5.720 turn 2 agent Talk 4.170s-5.120s 'We have one at' of 'We have one at nine.'
            5.720 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            6.040 voice u0@0: All right.
            6.140 audio begins
            6.700 turn 3 agent Talk 6.140s-6.700s 'All right.'"#]],
    );
}

#[test]
fn a_carrier_that_never_answers_does_not_keep_the_customer_waiting() {
    check_table(
        "redirect silent | 2.0 leave | 2.5 says 'A table please.' 0.8s | 11.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            3.620 redirect
            7.620 stay
            7.620 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            7.970 voice u1@0: We have one at nine.
            8.070 audio begins
            9.130 turn 2 agent Talk 8.070s-9.130s 'We have one at nine.'"#]],
    );
}

#[test]
fn a_store_that_is_away_does_not_keep_the_customer_waiting() {
    check_table(
        "store-away | 2.0 leave | 2.5 says 'A table please.' 0.8s | 8.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            5.600 stay
            5.600 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
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
        3.465 END customer_hung_up"#]],
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

#[test]
fn words_that_come_late_are_answered_with_those_before_while_nothing_was_said() {
    check(
        "greeting 'Hello. How can I help you?' | model silent | 2.0 leave | 2.5 says 'A table please.' 0.8s | 3.65 interim 'for two' | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello. How can I help you?
            0.100 audio begins
            1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
            1.460 audio ends (1360 ms)
            3.600 turn 1 customer Talk 2.500s-3.300s 'A table please.'
            3.600 hand over, owing since 3.300s
            3.620 redirect
            3.720 finalize recognition
            4.320 LEAVE
            4.320 turn 2 customer Talk 3.650s-3.650s 'for two'
            4.320 ask 0@0: agent 'Hello. How can I help you?' / customer 'A table please.'
            5.020 cancel model 0
            5.020 ask 1@0: agent 'Hello. How can I help you?' / customer 'A table please.' / customer 'for two'
            5.340 voice u1@0: All right.
            5.440 audio begins
            6.000 turn 3 agent Talk 5.440s-6.000s 'All right.'"#]],
    );
}
