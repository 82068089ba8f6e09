//! Tools that the model uses.

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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Is Monday free?'
            2.800 ask 0@0: agent 'Hello.' / customer 'Is Monday free?'
            3.130 run look_up {"day":"Monday"} as t0
            3.130 voice u1@0: One moment please.
            3.230 audio begins
            4.000 observe StaleDropped
            4.170 audio ends (940 ms)
            4.200 ask 1@0: agent 'Hello.' / customer 'Is Monday free?' / agent 'One moment please.' +look_up / t0 -> free
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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Dance'
            2.800 ask 0@0: agent 'Hello.' / customer 'Dance'
            3.100 ask 1@0: agent 'Hello.' / customer 'Dance' / agent '' +dance +end_call / t0 -> There is no such tool. / t1 -> The arguments must be a JSON object.
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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Go'
            2.800 ask 0@0: agent 'Hello.' / customer 'Go'
            3.100 ask 1@0: agent 'Hello.' / customer 'Go' / agent '' +a / t0 -> There is no such tool.
            3.400 ask 2@0: agent 'Hello.' / customer 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
            3.700 ask 3@0: agent 'Hello.' / customer 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
            4.000 ask 4@0: agent 'Hello.' / customer 'Go' / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool. / agent '' +a / t0 -> There is no such tool.
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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Look'
            2.800 ask 0@0: agent 'Hello.' / customer 'Look'
            3.100 run look_up {} as t0
            13.100 ask 1@0: agent 'Hello.' / customer 'Look' / agent '' +look_up / t0 -> The tool did not answer in time.
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
            2.800 turn 1 customer Talk 2.000s-2.500s 'Look'
            2.800 ask 0@0: agent 'Hello.' / customer 'Look'
            3.180 run look_up {} as t0
            3.180 voice u1@0: One moment please, I will look for it.
            3.280 audio begins
            4.000 CLEAR (180 ms unplayed)
            4.000 cancel voice u1
            4.000 turn 2 agent Talk 3.280s-4.000s 'One moment' of 'One moment please, I will look for it.' [look_up {} -> false The customer interrupted before the result came; the tool may have run.]
            4.000 observe Interrupted(Words)
            4.300 turn 3 customer Talk 3.900s-4.250s 'Never mind.'
            4.300 ask 1@0: agent 'Hello.' / customer 'Look' / agent 'One moment [interrupted]' +look_up / t0 -> The customer interrupted before the result came; the tool may have run. / customer 'Never mind.'
            4.400 observe StaleDropped
            4.620 voice u2@0: All right.
            4.720 audio begins
            5.280 turn 4 agent Talk 4.720s-5.280s 'All right.'"#]],
    );
}
