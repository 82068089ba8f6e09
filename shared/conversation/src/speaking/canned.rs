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
    /// The last words to somebody who does not want to be called again.
    pub(crate) opted_out: &'static str,
    /// Who calls, `{}` being the business's name.
    who: &'static str,
    /// Why, `{}` being half a sentence.
    why: &'static str,
}

const ENGLISH: Phrases = Phrases {
    reminder: "Are you still there?",
    apology: "I am sorry, I am having technical trouble.",
    bridge: "Sorry, the line was gone for a moment.",
    opted_out: "I understand. We will not call you again. Goodbye.",
    who: "This is {}.",
    why: "I am calling about {}.",
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
                opted_out: "Verstanden. Wir rufen Sie nicht mehr an. Auf Wiederhören.",
                who: "Hier ist {}.",
                why: "Ich rufe an wegen: {}.",
            },
            "es" => Self {
                reminder: "¿Sigue ahí?",
                apology: "Lo siento, tengo problemas técnicos.",
                bridge: "Perdone, se ha cortado un momento.",
                opted_out: "Entendido. No volveremos a llamarle. Adiós.",
                who: "Le llamamos de {}.",
                why: "El motivo de la llamada es: {}.",
            },
            "fr" => Self {
                reminder: "Êtes-vous toujours là ?",
                apology: "Je suis désolé, j'ai un problème technique.",
                bridge: "Pardon, la ligne a été coupée un instant.",
                opted_out: "C'est compris. Nous ne vous appellerons plus. Au revoir.",
                who: "Ici {}.",
                why: "J'appelle au sujet de : {}.",
            },
            "hi" => Self {
                reminder: "क्या आप लाइन पर हैं?",
                apology: "माफ़ कीजिए, अभी कुछ तकनीकी दिक्कत है।",
                bridge: "माफ़ कीजिए, लाइन थोड़ी देर के लिए कट गई थी।",
                opted_out: "ठीक है। हम आपको दोबारा कॉल नहीं करेंगे। नमस्ते।",
                who: "मैं {} से बोल रही हूँ।",
                why: "यह कॉल इस बारे में है: {}.",
            },
            "it" => Self {
                reminder: "È ancora in linea?",
                apology: "Mi dispiace, ho un problema tecnico.",
                bridge: "Mi scusi, la linea è caduta per un momento.",
                opted_out: "Capito. Non la chiameremo più. Arrivederci.",
                who: "Qui è {}.",
                why: "La chiamo per: {}.",
            },
            "nl" => Self {
                reminder: "Bent u er nog?",
                apology: "Het spijt me, ik heb een technisch probleem.",
                bridge: "Sorry, de lijn viel even weg.",
                opted_out: "Begrepen. Wij bellen u niet meer. Tot ziens.",
                who: "U spreekt met {}.",
                why: "Ik bel over: {}.",
            },
            "pt" => Self {
                reminder: "Ainda está aí?",
                apology: "Desculpe, estou com um problema técnico.",
                bridge: "Desculpe, a ligação caiu por um momento.",
                opted_out: "Entendido. Não voltaremos a ligar. Até logo.",
                who: "Aqui é {}.",
                why: "O motivo da ligação é: {}.",
            },
            _english_or_unknown => ENGLISH,
        }
    }

    /// Who calls and why, as far as there is something to say.
    pub(crate) fn introduction(&self, who: Option<&str>, why: Option<&str>) -> Option<String> {
        let who = who.map(|name| self.who.replacen("{}", name.trim(), 1));
        let why = why.map(|why| {
            let why = why.trim().trim_end_matches(['.', '।', '!']);
            self.why.replacen("{}", why, 1)
        });
        match (who, why) {
            (Some(who), Some(why)) => Some(format!("{who} {why}")),
            (who, why) => who.or(why),
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
