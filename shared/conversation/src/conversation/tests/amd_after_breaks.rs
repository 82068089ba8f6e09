//! Who answers is told apart and left by the rules, also when the line breaks meanwhile.

use super::*;

const MAILBOX: &str =
    "machine 'Please call us back.' | greeting 'Hello, this is Anna of Bright Dental.'";

fn check_mailbox(script: &str, expected: Expect) {
    check(&format!("{MAILBOX} | {script}"), expected);
}

#[test]
fn a_verdict_that_came_while_nobody_was_there_counts_and_nothing_else_is_said_to_the_mailbox() {
    check_mailbox(
        "verdict beep @2.2 | 2.1 cut 0.6 | 12.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 audio begins
        2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
        2.000 audio ends (1900 ms)
        2.100 BREAKS OFF
        2.700 voice u0@0 (cacheable): Please call us back.
        2.800 audio begins
        3.860 turn 1 agent Voicemail 2.800s-3.860s 'Please call us back.'
        3.860 END voicemail_left"#]],
    );
}

#[test]
fn a_beep_after_the_break_starts_the_message() {
    check_mailbox(
        "verdict start @2.2 | 2.1 cut 0.6 | 4.0 beep | 12.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            4.200 voice u0@0 (cacheable): Please call us back.
            4.300 audio begins
            5.360 turn 1 agent Voicemail 4.300s-5.360s 'Please call us back.'
            5.360 END voicemail_left"#]],
    );
}

#[test]
fn a_mailbox_that_beeped_in_the_gap_is_silent_and_gets_its_message() {
    check_mailbox(
        "verdict start @2.2 | 2.1 cut 0.6 | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            7.200 voice u0@0 (cacheable): Please call us back.
            7.300 audio begins
            8.360 turn 1 agent Voicemail 7.300s-8.360s 'Please call us back.'
            8.360 END voicemail_left"#]],
    );
}

#[test]
fn a_mailbox_that_still_speaks_is_no_silent_one() {
    check_mailbox(
        "verdict start @2.2 | 2.1 cut 0.6 | 3.0 says 'You have reached Sam.' 2.0s | 7.9 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            5.300 turn 1 customer Talk 3.000s-5.000s 'You have reached Sam.'
            8.100 voice u0@0 (cacheable): Please call us back.
            8.200 audio begins
            9.260 turn 2 agent Voicemail 8.200s-9.260s 'Please call us back.'
            9.260 END voicemail_left"#]],
    );
}

#[test]
fn a_verdict_later_than_the_break_counts() {
    check_mailbox(
        "verdict start @5.0 | 2.1 cut 0.6 | 7.0 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            2.700 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.800 audio begins
            4.760 turn 1 agent Bridge 2.800s-4.760s 'Sorry, the line was gone for a moment.'
            4.760 audio ends (1960 ms)
            5.740 ask for the verdict
            7.200 voice u1@0 (cacheable): Please call us back.
            7.300 audio begins
            8.360 turn 2 agent Voicemail 7.300s-8.360s 'Please call us back.'
            8.360 END voicemail_left"#]],
    );
}

#[test]
fn a_beep_before_any_verdict_counts_after_a_break_too() {
    check_mailbox(
        "1.5 cut 0.5 | 4.6 beep | 14.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 audio begins
        1.500 turn 0 agent Greeting 0.100s-1.500s 'Hello, this is Anna of' of 'Hello, this is Anna of Bright Dental.'
        1.500 BREAKS OFF
        2.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        2.100 audio begins
        4.000 turn 1 agent Greeting 2.100s-4.000s 'Hello, this is Anna of Bright Dental.'
        4.000 audio ends (1900 ms)
        4.800 voice u1@0 (cacheable): Please call us back.
        4.900 audio begins
        5.960 turn 2 agent Voicemail 4.900s-5.960s 'Please call us back.'
        5.960 END voicemail_left"#]],
    );
}

#[test]
fn words_that_the_break_cut_in_two_are_a_mailboxs() {
    check_mailbox(
        "0.3 sound | 0.5 interim 'Please leave' | 1.5 interim 'Please leave a' | 1.6 cut 0.4
        | 2.1 says 'message after the tone.' 1.4s | 5.0 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.300 CLEAR (100 ms unplayed)
            0.300 turn 0 agent Greeting 0.100s-0.300s '' of 'Hello, this is Anna of Bright Dental.'
            0.300 observe Interrupted(SpeechStarted)
            1.600 turn 1 customer Talk 0.300s-1.500s 'Please leave a'
            1.600 BREAKS OFF
            2.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.100 audio begins
            2.200 CLEAR (100 ms unplayed)
            2.200 turn 2 agent Bridge 2.100s-2.200s '' of 'Sorry, the line was gone for a moment.'
            2.200 observe Interrupted(SpeechStarted)
            3.800 turn 3 customer Talk 2.100s-3.500s 'message after the tone.'
            5.200 voice u1@0 (cacheable): Please call us back.
            5.300 audio begins
            6.360 turn 4 agent Voicemail 5.300s-6.360s 'Please call us back.'
            6.360 END voicemail_left"#]],
    );
}

#[test]
fn a_mailbox_that_was_understood_before_the_break_is_still_one() {
    check_mailbox(
        "0.5 says 'Please leave a message after the tone.' 2.0s | 3.5 killed 0.5 | 6.0 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental.'
            0.600 observe Interrupted(SpeechStarted)
            2.800 turn 1 customer Talk 0.500s-2.500s 'Please leave a message after the tone.'
            3.500 KILLED
            6.200 voice u0@0 (cacheable): Please call us back.
            6.300 audio begins
            7.360 turn 2 agent Voicemail 6.300s-7.360s 'Please call us back.'
            7.360 END voicemail_left"#]],
    );
}

#[test]
fn a_break_while_the_message_waits_leaves_it_to_the_next_session() {
    check_mailbox(
        "verdict start @2.0 | 3.0 cut 0.5 | 4.5 beep | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 ask for the verdict
            2.000 audio ends (1900 ms)
            3.000 BREAKS OFF
            4.700 voice u0@0 (cacheable): Please call us back.
            4.800 audio begins
            5.860 turn 1 agent Voicemail 4.800s-5.860s 'Please call us back.'
            5.860 END voicemail_left"#]],
    );
}

#[test]
fn a_message_that_broke_off_is_left_again_whole() {
    check_mailbox(
        "4.0 beep | 4.9 cut 0.5 | 14.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 audio begins
        2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
        2.000 audio ends (1900 ms)
        4.200 voice u1@0 (cacheable): Please call us back.
        4.300 audio begins
        4.900 turn 1 agent Voicemail 4.300s-4.900s 'Please call' of 'Please call us back.'
        4.900 BREAKS OFF
        5.400 voice u0@0 (cacheable): Please call us back.
        5.500 audio begins
        6.560 turn 2 agent Voicemail 5.500s-6.560s 'Please call us back.'
        6.560 END voicemail_left"#]],
    );
}

#[test]
fn a_message_whose_worker_died_is_left_whole_when_the_line_is_silent() {
    check_mailbox(
        "verdict start @2.0 | 4.0 beep | 4.9 killed 0.5 | 16.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 ask for the verdict
            2.000 audio ends (1900 ms)
            4.200 voice u1@0 (cacheable): Please call us back.
            4.300 audio begins
            4.900 KILLED
            9.900 voice u0@0 (cacheable): Please call us back.
            10.000 audio begins
            11.060 turn 1 agent Voicemail 10.000s-11.060s 'Please call us back.'
            11.060 END voicemail_left"#]],
    );
}

#[test]
fn a_message_that_was_left_whole_is_not_left_again() {
    check_mailbox(
        "before voicemail 'Please call us back.' | 9.0 stop",
        expect!["0.000 END voicemail_left"],
    );
}

#[test]
fn a_mailbox_that_hangs_up_after_the_break_was_not_reached() {
    check_mailbox(
        "verdict start @2.2 | 2.1 cut 0.6 | 5.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            5.000 END voicemail"#]],
    );
}

#[test]
fn breaks_do_not_make_a_message_wait_longer_for_its_beep() {
    check_mailbox(
        "verdict start @2.0 | 3.0 says 'You have reached Sam.' 1.0s | 40.0 cut 0.5 | 41.0 says 'Press one.' 1.0s | 75.0 cut 0.5 | 76.0 says 'Press two.' 1.0s | 130.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 ask for the verdict
            2.000 audio ends (1900 ms)
            4.300 turn 1 customer Talk 3.000s-4.000s 'You have reached Sam.'
            40.000 BREAKS OFF
            42.300 turn 2 customer Talk 41.000s-42.000s 'Press one.'
            75.000 BREAKS OFF
            77.300 turn 3 customer Talk 76.000s-77.000s 'Press two.'
            105.000 END voicemail"#]],
    );
}

#[test]
fn a_person_by_verdict_is_talked_to() {
    check_mailbox(
        "verdict human @2.2 | 2.1 cut 0.6 | 4.0 beep | 9.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
            0.100 audio begins
            2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
            2.000 audio ends (1900 ms)
            2.100 BREAKS OFF
            2.700 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            2.800 audio begins
            4.760 turn 1 agent Bridge 2.800s-4.760s 'Sorry, the line was gone for a moment.'
            4.760 audio ends (1960 ms)
            9.000 END customer_hung_up"#]],
    );
}

#[test]
fn a_fax_by_verdict_is_left_before_a_word() {
    check_mailbox(
        "verdict fax @2.2 | 2.1 cut 0.6 | 9.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental.
        0.100 audio begins
        2.000 turn 0 agent Greeting 0.100s-2.000s 'Hello, this is Anna of Bright Dental.'
        2.000 audio ends (1900 ms)
        2.100 BREAKS OFF
        2.700 END fax"#]],
    );
}

#[test]
fn a_machine_that_is_to_be_hung_up_on_hears_no_bridge() {
    check(
        "machine hang-up | verdict start @2.2 | 2.1 cut 0.6 | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.100 BREAKS OFF
            8.700 END voicemail"#]],
    );
}

#[test]
fn a_verdict_is_asked_for_until_its_time_is_over() {
    check(
        "show-asks | amd | reminders 0 | 1.0 killed 29.0 | 40.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            1.000 KILLED
            30.000 voice u0@0 (cacheable): Sorry, the line was gone for a moment.
            30.100 audio begins
            32.060 turn 1 agent Bridge 30.100s-32.060s 'Sorry, the line was gone for a moment.'
            32.060 audio ends (1960 ms)
            33.000 ask for the verdict
            36.020 ask for the verdict"#]],
    );
}

#[test]
fn a_screening_service_is_told_who_calls_although_the_line_broke() {
    check(
        "amd | calls-from 'Bright Dental' | 0.5 says 'State your name and why you are calling.' 2.0s
        | 3.5 cut 0.5 | 9.0 says 'Hello, this is Ann.' 1.0s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.800 turn 1 customer Talk 0.500s-2.500s 'State your name and why you are calling.'
            2.800 voice u1@0 (cacheable): This is Bright Dental.
            2.900 audio begins
            3.500 turn 2 agent Screening 2.900s-3.500s 'This is' of 'This is Bright Dental.'
            3.500 BREAKS OFF
            4.000 voice u0@0 (cacheable): This is Bright Dental.
            4.100 audio begins
            5.260 turn 3 agent Screening 4.100s-5.260s 'This is Bright Dental.'
            5.260 audio ends (1160 ms)
            10.300 turn 4 customer Talk 9.000s-10.000s 'Hello, this is Ann.'
            10.300 voice u1@0 (cacheable): Hello.
            10.400 audio begins
            10.760 turn 5 agent Greeting 10.400s-10.760s 'Hello.'"#]],
    );
}

#[test]
fn a_person_behind_a_screening_service_is_waited_for_although_the_line_broke() {
    check(
        "amd | calls-from 'Bright Dental' | 0.5 says 'State your name and why you are calling.' 2.0s
        | 6.0 cut 0.5 | 9.0 says 'Hello, this is Ann.' 1.0s | 14.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.800 turn 1 customer Talk 0.500s-2.500s 'State your name and why you are calling.'
            2.800 voice u1@0 (cacheable): This is Bright Dental.
            2.900 audio begins
            4.060 turn 2 agent Screening 2.900s-4.060s 'This is Bright Dental.'
            4.060 audio ends (1160 ms)
            6.000 BREAKS OFF
            10.300 turn 3 customer Talk 9.000s-10.000s 'Hello, this is Ann.'
            10.300 voice u0@0 (cacheable): Hello.
            10.400 audio begins
            10.760 turn 4 agent Greeting 10.400s-10.760s 'Hello.'"#]],
    );
}
