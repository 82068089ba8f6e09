//! What a customer hears while no media worker can take the call: a sentence of the carrier's own voice, a
//! pause, and the same webhook again, until a worker has joined or it has lasted long enough.
//!
//! How often it has come round stands in the address, which the carrier signs; nothing is stored.

use carrier::twilio::twiml::{Builder, Twiml, TwimlProblem, say_and_hang_up};
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

/// The document for a call that has been held so often; `again` is where the carrier asks next. `None` when
/// it was held long enough: [`give_up`].
pub(crate) fn hold(
    language: &str,
    held: u32,
    again: impl FnOnce(u32) -> Url,
) -> Option<Result<Twiml, TwimlProblem>> {
    if held >= HOLDS_MAX {
        return None;
    }
    let mut document = Builder::default();
    if held.is_multiple_of(SAID_EVERY) {
        document = document.say(Words::of(language).wait, language);
    }
    Some(
        document
            .pause(PAUSE_SECONDS)
            .redirect(again(held + 1))
            .finish(),
    )
}

/// The last words to somebody whom nobody came to talk to.
pub(crate) fn give_up(language: &str) -> Result<Twiml, TwimlProblem> {
    say_and_hang_up(Words::of(language).sorry, language)
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

    fn held(held: u32) -> Option<String> {
        let again = |held| {
            format!("https://h.example/again?held={held}")
                .parse()
                .unwrap()
        };
        let document = hold("de-AT", held, again)?.unwrap();
        Some(document.as_str().to_owned())
    }

    #[test]
    fn a_customer_hears_every_twenty_seconds_that_it_goes_on_and_not_for_ever() {
        let first = held(0).unwrap();
        assert!(first.contains("<Say language=\"de-AT\">Einen Moment"));
        assert!(first.contains("<Pause length=\"5\"/>"));
        assert!(first.contains("/again?held=1</Redirect>"));
        let second = held(1).unwrap();
        assert!(!second.contains("<Say"));
        assert!(held(4).unwrap().contains("<Say"));
        assert!(held(HOLDS_MAX - 1).is_some());
        assert_eq!(held(HOLDS_MAX), None);
        let last = give_up("de").unwrap();
        assert!(last.as_str().contains("niemand frei") && last.as_str().contains("<Hangup/>"));
    }
}
