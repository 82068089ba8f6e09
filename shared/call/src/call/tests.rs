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
        expect![[]],
    );
}
