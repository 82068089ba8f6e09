//! The few sentences that the core itself says, by language. Everything else is the agent's.

/// Fixed sentences of one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phrases {
    /// Asks whether somebody is still there.
    pub(crate) reminder: &'static str,
    /// Comes before the farewell when the vendors fail us.
    pub(crate) apology: &'static str,
    /// Comes first when a broken call goes on.
    pub(crate) bridge: &'static str,
}

const ENGLISH: Phrases = Phrases {
    reminder: "Are you still there?",
    apology: "I am sorry, I am having technical trouble.",
    bridge: "Sorry, the line was gone for a moment.",
};

impl Phrases {
    /// The sentences for a BCP 47 language; English where there are none.
    pub(crate) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or(language);
        match primary.to_ascii_lowercase().as_str() {
            "de" => Self {
                reminder: "Sind Sie noch da?",
                apology: "Es tut mir leid, ich habe gerade technische Probleme.",
                bridge: "Entschuldigung, die Leitung war kurz weg.",
            },
            "es" => Self {
                reminder: "¿Sigue ahí?",
                apology: "Lo siento, tengo problemas técnicos.",
                bridge: "Perdone, se ha cortado un momento.",
            },
            "fr" => Self {
                reminder: "Êtes-vous toujours là ?",
                apology: "Je suis désolé, j'ai un problème technique.",
                bridge: "Pardon, la ligne a été coupée un instant.",
            },
            "hi" => Self {
                reminder: "क्या आप लाइन पर हैं?",
                apology: "माफ़ कीजिए, अभी कुछ तकनीकी दिक्कत है।",
                bridge: "माफ़ कीजिए, लाइन थोड़ी देर के लिए कट गई थी।",
            },
            "it" => Self {
                reminder: "È ancora in linea?",
                apology: "Mi dispiace, ho un problema tecnico.",
                bridge: "Mi scusi, la linea è caduta per un momento.",
            },
            "nl" => Self {
                reminder: "Bent u er nog?",
                apology: "Het spijt me, ik heb een technisch probleem.",
                bridge: "Sorry, de lijn viel even weg.",
            },
            "pt" => Self {
                reminder: "Ainda está aí?",
                apology: "Desculpe, estou com um problema técnico.",
                bridge: "Desculpe, a ligação caiu por um momento.",
            },
            _english_or_unknown => ENGLISH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_decides_and_english_is_the_fallback() {
        assert_eq!(Phrases::of("de-AT").reminder, "Sind Sie noch da?");
        assert_eq!(Phrases::of("en-IN").reminder, ENGLISH.reminder);
        assert_eq!(Phrases::of("").reminder, ENGLISH.reminder);
    }
}
