//! Situations: an opening as a team would write it, and what the lint says of it.

use expect_test::{Expect, expect};

use super::phrases::LANGUAGES;
use super::*;

fn script<'a>(language: &'a str, opening: &'a str) -> Script<'a> {
    Script {
        language,
        opening,
        voicemail: None,
        business_name: Some("Müller & Söhne"),
        purpose: Some("your appointment"),
        opt_out_key: Some('9'),
        marketing: false,
        recorded: true,
    }
}

fn told(script: &Script<'_>) -> String {
    let problems = script_problems(script, ["US-CA"]);
    let lines = problems
        .iter()
        .map(|problem| format!("{}: {problem}\n", problem.field()));
    lines.collect()
}

fn check(opening: &str, expected: &Expect) {
    expected.assert_eq(&told(&script("en-US", opening)));
}

#[test]
fn an_opening_that_says_it_all() {
    check(
        "Hi {{first_name}}, this is the AI assistant of Mueller and Sons.",
        &expect![[r#"
            /disclosure/opening: must say the business name as it is in `disclosure.business_name`
            /disclosure/opening: must say why it calls, as in `disclosure.purpose`
            /disclosure/opening: must say how to have no more calls, as in "say stop or press 9"
            /disclosure/opening: must say that the call is recorded and transcribed
        "#]],
    );
    check(
        "Hi, I'm the A.I. agent of Müller & Söhne, calling about your appointment. We record calls. Press 9 to opt out.",
        &expect![[""]],
    );
    check(
        "This recorded call is from MÜLLER & SÖHNE's automated assistant regarding your appointment. Say stop to end these calls.",
        &expect![[""]],
    );
}

#[test]
fn nothing_is_said_by_saying_that_it_is_not_so() {
    check(
        "Hello, Müller & Söhne here, I am not a robot. I am calling about your visit, this is not recorded. Say stop for no more calls.",
        &expect![[r#"
            /disclosure/opening: must say that the voice is an artificial one, as in "this is the AI assistant of"
            /disclosure/opening: must say that the call is recorded and transcribed
        "#]],
    );
    check(
        "Müller & Söhne here. I am not a human. Calling about your visit, recorded. Say stop for no more calls.",
        &expect![[""]],
    );
}

#[test]
fn a_long_opening_and_the_wrong_key() {
    check(
        "Good morning {{first_name}} {{last_name}}, how are you doing today? I hope that this is a good moment. \
         My name is Anna and I am the friendly AI assistant of Müller & Söhne, calling about your appointment. \
         This call is recorded. To opt out of further calls press one.",
        &expect![[r#"
            /disclosure/opening: names another key for opting out than `opt_out.key`
            /disclosure/opening: takes about 17 s to say, at most 10 s are allowed
        "#]],
    );
}

#[test]
fn an_empty_opening_lacks_everything() {
    check(
        "",
        &expect![[r#"
            /disclosure/opening: must say that the voice is an artificial one, as in "this is the AI assistant of"
            /disclosure/opening: must say the business name as it is in `disclosure.business_name`
            /disclosure/opening: must say why it calls, as in `disclosure.purpose`
            /disclosure/opening: must say how to have no more calls, as in "say stop or press 9"
            /disclosure/opening: must say that the call is recorded and transcribed
        "#]],
    );
    let mut empty = script("en", "");
    empty.business_name = None;
    empty.purpose = Some(" ");
    empty.recorded = false;
    expect![[r#"
        /disclosure/opening: must say that the voice is an artificial one, as in "this is the AI assistant of"
        /disclosure/business_name: needs the registered name of the business that is responsible for the calls
        /disclosure/purpose: needs the purpose of the calls
        /disclosure/opening: must say how to have no more calls, as in "say stop or press 9"
    "#]].assert_eq(&told(&empty));
    expect![[r#"
        /agent_id: is in a language that openings cannot be checked in
    "#]]
    .assert_eq(&told(&script("ja", "こんにちは")));
}

#[test]
fn a_sales_message_on_a_mailbox_names_a_toll_free_number() {
    let opening =
        "AI assistant of Müller & Söhne, calling about your visit, recorded. Press 9 to opt out.";
    let mut sales = script("en", opening);
    sales.marketing = true;
    sales.voicemail = Some("Please call us back at +1 415 555 0100.");
    expect![[r#"
        /amd/voicemail_message: must say the business name on a mailbox
        /amd/voicemail_message: must say a toll-free number to opt out at on a mailbox
    "#]]
    .assert_eq(&told(&sales));
    sales.voicemail = Some("Müller & Söhne called. To have no more calls ring (800) 555-1212.");
    expect![[""]].assert_eq(&told(&sales));
    assert_eq!(script_problems(&sales, ["FR"]), []);
}

#[test]
fn openings_in_every_language_of_ours_pass() {
    let openings = [
        "Hi, this is the AI assistant of Müller & Söhne about your appointment. The call is recorded. Press 9 to opt out.",
        "Hola, soy la asistente virtual de Müller & Söhne. Le llamo por su cita. La llamada se graba. Pulse 9 para no recibir más llamadas.",
        "नमस्ते, मैं Müller & Söhne की एआई सहायक हूँ, आपकी अपॉइंटमेंट के बारे में। कॉल रिकॉर्ड हो रही है। कॉल बंद करने के लिए 9 दबाएं।",
        "Bonjour, je suis l'assistante virtuelle de Müller & Söhne, au sujet de votre rendez-vous. Appel enregistré. Dites stop pour ne plus être appelé.",
        "Guten Tag, hier ist die KI-Assistentin von Müller & Söhne wegen Ihres Termins. Das Gespräch wird aufgezeichnet. Keine Anrufe mehr: Taste 9.",
        "Salve, sono l'assistente virtuale di Müller & Söhne. La chiamo per il suo appuntamento. Chiamata registrata. Prema 9 per non ricevere più chiamate.",
        "Goedendag, de AI-assistent van Müller & Söhne over uw afspraak. Dit gesprek wordt opgenomen. Zeg stop om niet meer gebeld te worden.",
        "Olá, sou a assistente virtual da Müller & Söhne. Ligo sobre a sua consulta. A chamada é gravada. Diga parar para não receber mais.",
    ];
    for (language, opening) in LANGUAGES.into_iter().zip(openings) {
        assert_eq!(told(&script(language, opening)), "", "{language}");
        // And none of them passes with a part left out.
        let bare = script(language, "Müller & Söhne");
        assert!(script_problems(&bare, ["FR"]).len() >= 4, "{language}");
    }
}

#[test]
fn no_text_breaks_the_lint() {
    for text in [
        "{{",
        "}}",
        "{{a}}{{",
        "*#9",
        "\u{0}",
        "🙂🙂",
        "ßßß",
        "{{{{a}}}}",
        "अ",
        ". . .",
        "9 9 9",
    ] {
        for language in LANGUAGES {
            let mut odd = script(language, text);
            odd.voicemail = Some(text);
            odd.marketing = true;
            odd.business_name = Some(text);
            let _problems = script_problems(&odd, ["US", "", "XX"]);
        }
    }
}
