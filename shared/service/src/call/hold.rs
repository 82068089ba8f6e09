//! What a customer hears while no media worker can take the call: a sentence of the carrier's own voice, a
//! pause, and the same webhook again, until a worker has joined or it has lasted long enough.
//!
//! How often it has come round stands in the address, which the carrier signs; nothing is stored. A key comes to
//! the same address at once, and counts as a round: who presses the one that opts out is not held any longer.

use carrier::instructions::{AwaitKey, Instruction};
use carrier::{Capabilities, Capability, Instructions};
use url::Url;

/// From one look for a worker to the next, in seconds.
const PAUSE_SECONDS: u8 = 5;
/// Looks until the customer is asked to call again: five minutes. Where none runs it takes two or three until
/// one is asked for, has started and is found healthy.
pub const HOLDS_MAX: u32 = 60;
/// The sentence comes with every so manieth of them.
const SAID_EVERY: u32 = 4;

/// Fixed sentences of one language.
#[derive(Debug, Clone, Copy)]
struct Words {
    wait: &'static str,
    sorry: &'static str,
}

/// The instructions for a call that has been held so often; `again` is where the carrier asks next. Keys are heard
/// meanwhile where the carrier can. `None` when it was held long enough: [`give_up`].
pub(crate) fn hold(
    language: &str,
    held: u32,
    carrier: Capabilities,
    again: impl FnOnce(u32) -> Url,
) -> Option<Instructions> {
    if held >= HOLDS_MAX {
        return None;
    }
    let again = again(held + 1);
    let is_said = held.is_multiple_of(SAID_EVERY);
    let wait = if is_said {
        Words::of(language).wait
    } else {
        ""
    };
    let mut instructions = Instructions::default();
    if carrier.has(Capability::KeyEntry) {
        instructions = instructions.then(Instruction::AwaitKey(AwaitKey {
            text: wait.to_owned(),
            language: language.to_owned(),
            seconds: PAUSE_SECONDS,
            pressed: again.clone(),
        }));
    } else {
        if is_said {
            instructions = instructions.say(wait, language);
        }
        instructions = instructions.then(Instruction::Pause {
            seconds: PAUSE_SECONDS,
        });
    }
    Some(instructions.then(Instruction::Redirect(again)))
}

/// The last words to somebody whom nobody came to talk to.
pub(crate) fn give_up(language: &str) -> Instructions {
    Instructions::say_and_hang_up(Words::of(language).sorry, language)
}

impl Words {
    /// The sentences for a BCP 47 language; English where there are none.
    fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or(language);
        let (wait, sorry) = match primary.to_ascii_lowercase().as_str() {
            "de" => (
                "Einen Moment bitte, wir sind gleich für Sie da.",
                "Leider ist gerade niemand frei. Bitte rufen Sie später noch einmal an. Auf Wiederhören.",
            ),
            "es" => (
                "Un momento, por favor, enseguida le atendemos.",
                "Lo sentimos, ahora no podemos atenderle. Llame más tarde, por favor. Adiós.",
            ),
            "fr" => (
                "Un instant, s'il vous plaît, nous sommes bientôt à vous.",
                "Désolé, personne n'est disponible. Veuillez rappeler plus tard. Au revoir.",
            ),
            "hi" => (
                "कृपया एक पल रुकिए, हम जल्द ही आपसे बात करेंगे।",
                "माफ़ कीजिए, अभी कोई उपलब्ध नहीं है। कृपया बाद में कॉल करें। नमस्ते।",
            ),
            "it" => (
                "Un momento, per favore, siamo subito da lei.",
                "Ci dispiace, ora non c'è nessuno. Richiami più tardi, per favore. Arrivederci.",
            ),
            "nl" => (
                "Een ogenblik alstublieft, we zijn zo bij u.",
                "Het spijt ons, er is nu niemand vrij. Belt u later nog eens. Tot ziens.",
            ),
            "pt" => (
                "Um momento, por favor, já vamos atender.",
                "Lamentamos, agora não há ninguém livre. Ligue mais tarde, por favor. Até logo.",
            ),
            _english_or_unknown => (
                "One moment please, we will be with you shortly.",
                "Sorry, nobody is free just now. Please call again later. Goodbye.",
            ),
        };
        Self { wait, sorry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(held: u32) -> Url {
        format!("https://h.example/again?held={held}")
            .parse()
            .unwrap()
    }

    /// What a carrier with these capabilities does.
    fn held(held: u32, has: &'static [Capability]) -> Option<Vec<Instruction>> {
        let instructions = hold("de-AT", held, Capabilities::of(has), again)?;
        Some(instructions.steps().to_vec())
    }

    #[test]
    fn a_customer_hears_every_twenty_seconds_that_it_goes_on_and_not_for_ever() {
        const DEAF: &[Capability] = &[];
        let pause = Instruction::Pause { seconds: 5 };
        let [Instruction::Say { text, language }, rest @ ..] = &*held(0, DEAF).unwrap() else {
            panic!("nothing is said");
        };
        assert!(text.starts_with("Einen Moment"));
        assert_eq!(language, "de-AT");
        assert_eq!(rest, [pause, Instruction::Redirect(again(1))]);
        for (round, steps) in [(1, 2), (3, 2), (4, 3), (HOLDS_MAX - 1, 2)] {
            assert_eq!(held(round, DEAF).unwrap().len(), steps, "{round}");
        }
        assert_eq!(held(HOLDS_MAX, DEAF), None);
        let last = give_up("de");
        let [Instruction::Say { text, .. }, Instruction::HangUp] = last.steps() else {
            panic!("{last:?}");
        };
        assert!(text.contains("niemand frei"));
    }

    #[test]
    fn a_key_is_heard_while_the_sentence_is_said_and_in_the_silence_behind_it() {
        const HEARS: &[Capability] = &[Capability::KeyEntry];
        for (round, is_said) in [(0, true), (1, false), (3, false), (4, true)] {
            let steps = held(round, HEARS).unwrap();
            let [Instruction::AwaitKey(wait), Instruction::Redirect(next)] = &*steps else {
                panic!("{steps:?}");
            };
            assert_eq!(wait.text.starts_with("Einen Moment"), is_said, "{round}");
            assert_eq!((wait.language.as_str(), wait.seconds), ("de-AT", 5));
            assert_eq!(
                (&wait.pressed, next),
                (&again(round + 1), &again(round + 1))
            );
        }
        assert_eq!(held(HOLDS_MAX, HEARS), None);
    }
}
