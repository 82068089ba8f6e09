//! Situations: what a person on the phone would notice, and what must not happen.

mod scene;

use expect_test::{Expect, expect};

fn check(script: &str, expected: Expect) {
    expected.assert_eq(scene::play(script).trace());
}

#[test]
fn a_question_is_answered() {
    check(
        "greeting 'Hello. How can I help you?' | answers 'We open at nine. Please come in.'
        | 3.0 says 'When do you open?' 1.0s | 9.0 hang-up",
        expect![[r#"
              0.000 voice u0@0 (cacheable): Hello. How can I help you?
              0.100 audio begins
              1.460 turn 0 agent Greeting 0.100s-1.460s 'Hello. How can I help you?'
              1.460 audio ends (1360 ms)
              4.300 turn 1 caller Talk 3.000s-4.000s 'When do you open?'
              4.300 ask 0@0: agent 'Hello. How can I help you?' / caller 'When do you open?'
              4.640 voice u1@0: We open at nine.
              4.670 voice u1@0: Please come in.
              4.740 audio begins
              6.400 turn 2 agent Talk 4.740s-6.400s 'We open at nine. Please come in.'
              6.400 audio ends (1660 ms)
              9.000 END callee_hung_up"#]],
    );
}
