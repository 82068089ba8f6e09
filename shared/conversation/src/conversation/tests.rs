//! Situations: what a person on the phone would notice, and what must not happen.

mod amd;
mod amd_after_breaks;
mod ending;
mod failing_vendors;
mod handover;
mod interrupting;
mod keys;
mod notice;
mod opt_out;
mod properties;
mod resuming;
mod scene;
mod screening;
mod silence;
mod talking;
mod tools;

use expect_test::{Expect, expect};

#[expect(clippy::needless_pass_by_value, reason = "reads better at every use")]
fn check(script: &str, expected: Expect) {
    expected.assert_eq(scene::play(script).trace());
}

/// The stage for most situations: a greeting of 1.4 s, and a long answer from about 3 s on.
const LONG: &str = "greeting 'Hello. How can I help you?'
    | answers 'We have a table on Monday at nine. There is another one on Friday at ten. Both are by the window.'
    | 1.6 says 'When is a table free?' 0.8s";

fn check_long(script: &str, expected: Expect) {
    check(&format!("{LONG} | {script}"), expected);
}
