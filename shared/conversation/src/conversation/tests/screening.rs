//! Call screening services.

use super::*;

const ASKS: &str = "Hi, the person you are calling is using a screening service. Say your name and why you are calling.";

fn check_screening(script: &str, expected: Expect) {
    let stage = format!(
        "greeting 'Hello, this is Anna of Bright Dental. Do you have a moment?' | calls-from 'Bright Dental'
        | calls-about 'your appointment on Tuesday' | verdict start @3.0 | 0.5 says '{ASKS}' 5.0s"
    );
    check(&format!("{stage} | {script}"), expected);
}

#[test]
fn the_service_is_told_who_calls_and_why_and_then_the_person_is_greeted() {
    check_screening(
        "11.5 says 'Thanks. Please stay on the line.' 1.0s | 20.0 says 'Hello, this is Sam.' 0.8s | 30.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            12.800 turn 4 customer Talk 11.500s-12.500s 'Thanks. Please stay on the line.'
            21.100 turn 5 customer Talk 20.000s-20.800s 'Hello, this is Sam.'
            21.100 voice u3@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            21.200 audio begins
            24.200 turn 6 agent Greeting 21.200s-24.200s 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            24.200 audio ends (3000 ms)
            30.000 END customer_hung_up"#]],
    );
}

#[test]
fn nobody_is_put_through() {
    check_screening(
        "12.0 says 'The person you are calling is not available.' 1.0s | 20.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            13.300 turn 4 customer Talk 12.000s-13.000s 'The person you are calling is not available.'
            13.300 END screened"#]],
    );
    check_screening(
        "80.0 stop",
        expect![[r#"
        0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
        0.100 audio begins
        0.600 CLEAR (100 ms unplayed)
        0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
        0.600 observe Interrupted(SpeechStarted)
        2.600 observe FalseInterruption
        2.600 audio begins
        3.020 ask for the verdict
        3.040 CLEAR (160 ms unplayed)
        3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
        5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
        5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
        5.900 audio begins
        9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
        9.460 audio ends (3560 ms)
        65.800 END screened"#]],
    );
}

#[test]
fn a_service_that_asks_again_is_answered_again_but_not_for_ever() {
    check_screening(
        "12.0 says 'Please say your name and why you are calling.' 1.0s
        | 22.0 says 'Please say your name and why you are calling.' 1.0s
        | 32.0 says 'Please say your name and why you are calling.' 1.0s | 50.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            13.300 turn 4 customer Talk 12.000s-13.000s 'Please say your name and why you are calling.'
            13.300 voice u3@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            13.400 audio begins
            16.960 turn 5 agent Screening 13.400s-16.960s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            16.960 audio ends (3560 ms)
            23.300 turn 6 customer Talk 22.000s-23.000s 'Please say your name and why you are calling.'
            23.300 voice u4@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            23.400 audio begins
            26.960 turn 7 agent Screening 23.400s-26.960s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            26.960 audio ends (3560 ms)
            33.300 turn 8 customer Talk 32.000s-33.000s 'Please say your name and why you are calling.'
            33.300 END screened"#]],
    );
}

#[test]
fn a_question_that_goes_on_is_answered_at_its_end() {
    check(
        "greeting 'Hello, this is Anna of Bright Dental. Do you have a moment?' | calls-from 'Bright Dental'
        | calls-about 'your appointment on Tuesday' | amd
        | 0.5 says 'This is a call screening service.' 2.0s | 3.2 says 'Say your name,' 1.0s | 4.4 says 'and the matter.' 3.5s
        | 15.0 says 'Hello?' 0.4s | 22.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.800 turn 1 customer Talk 0.500s-2.500s 'This is a call screening service.'
            2.800 voice u1@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            2.900 audio begins
            4.500 turn 2 customer Talk 3.200s-4.200s 'Say your name,'
            4.500 CLEAR (100 ms unplayed)
            4.500 turn 3 agent Screening 2.900s-4.500s 'This is Bright Dental. I am' of 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            4.500 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            4.600 audio begins
            8.160 turn 4 agent Screening 4.600s-8.160s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            8.160 audio ends (3560 ms)
            8.200 turn 5 customer Talk 4.400s-7.900s 'and the matter.'
            8.200 voice u3@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            8.300 audio begins
            11.860 turn 6 agent Screening 8.300s-11.860s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            11.860 audio ends (3560 ms)
            15.700 turn 7 customer Talk 15.000s-15.400s 'Hello?'
            15.700 voice u4@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            15.800 audio begins
            18.800 turn 8 agent Greeting 15.800s-18.800s 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            18.800 audio ends (3000 ms)
            22.000 END customer_hung_up"#]],
    );
}

#[test]
fn the_campaigns_own_answer_is_given() {
    check(
        "amd | screening-answer 'It is Anna about Tuesday.' | 0.5 says 'Please say your name and why you are calling.' 2.0s | 9.0 hang-up",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello.
            0.100 audio begins
            0.460 turn 0 agent Greeting 0.100s-0.460s 'Hello.'
            0.460 audio ends (360 ms)
            2.800 turn 1 customer Talk 0.500s-2.500s 'Please say your name and why you are calling.'
            2.800 voice u1@0 (cacheable): It is Anna about Tuesday.
            2.900 audio begins
            4.200 turn 2 agent Screening 2.900s-4.200s 'It is Anna about Tuesday.'
            4.200 audio ends (1300 ms)
            9.000 END screened"#]],
    );
}

#[test]
fn a_service_that_goes_to_its_mailbox_gets_the_message() {
    check_screening(
        "machine 'Please call us back.' | 12.0 says 'They are not there. Please leave a message after the tone.' 2.0s | 14.5 beep | 30.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            14.300 turn 4 customer Talk 12.000s-14.000s 'They are not there. Please leave a message after the tone.'
            14.700 voice u3@0 (cacheable): Please call us back.
            14.800 audio begins
            15.860 turn 5 agent Voicemail 14.800s-15.860s 'Please call us back.'
            15.860 END voicemail_left"#]],
    );
}

#[test]
fn the_beep_of_such_a_mailbox_may_come_before_its_words_are_understood() {
    check_screening(
        "machine 'Please call us back.' | 12.0 says 'They are not there. Please leave a message after the tone.' 2.0s | 14.05 beep | 30.0 stop",
        expect![[r#"
            0.000 voice u0@0 (cacheable): Hello, this is Anna of Bright Dental. Do you have a moment?
            0.100 audio begins
            0.600 CLEAR (100 ms unplayed)
            0.600 turn 0 agent Greeting 0.100s-0.600s 'Hello,' of 'Hello, this is Anna of Bright Dental. Do you have a moment?'
            0.600 observe Interrupted(SpeechStarted)
            2.600 observe FalseInterruption
            2.600 audio begins
            3.020 ask for the verdict
            3.040 CLEAR (160 ms unplayed)
            3.040 turn 1 agent Greeting 2.600s-3.040s 'this is' of 'this is Anna of Bright Dental. Do you have a moment?'
            5.800 turn 2 customer Talk 0.500s-5.500s 'Hi, the person you are calling is using a screening service. Say your name and why you are calling.'
            5.800 voice u2@0 (cacheable): This is Bright Dental. I am calling about your appointment on Tuesday.
            5.900 audio begins
            9.460 turn 3 agent Screening 5.900s-9.460s 'This is Bright Dental. I am calling about your appointment on Tuesday.'
            9.460 audio ends (3560 ms)
            14.300 turn 4 customer Talk 12.000s-14.000s 'They are not there. Please leave a message after the tone.'
            14.300 voice u3@0 (cacheable): Please call us back.
            14.400 audio begins
            15.460 turn 5 agent Voicemail 14.400s-15.460s 'Please call us back.'
            15.460 END voicemail_left"#]],
    );
}
