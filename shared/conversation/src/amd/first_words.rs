//! What the first words on the line say about who answered: a call screening service, a mailbox, or
//! nothing of the kind. Deterministic, in the languages that the product speaks, by phrases that hardly
//! anybody uses who picks up a phone.

use std::sync::LazyLock;
use std::time::Duration;

use crate::listening::patterns::{Lexicon, Pattern};

/// What words sound like, where they sound like something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstWords {
    /// A service asks who calls and why.
    Screening,
    /// Leave a message.
    Mailbox,
    /// Mailboxes begin like this, and so do some people.
    MailboxPerhaps,
    /// A service that was told who calls tries to put us through.
    Hold,
    /// Nobody will come.
    Unavailable,
}

/// Beeps and first words mean something for this long: mailboxes with longer greetings are menus.
pub(crate) const OPENING_MAX: Duration = Duration::from_secs(60);

/// More of a greeting than this says nothing new, in words.
const WORDS_MAX: usize = 120;

/// What is said in the languages that the product speaks, read once.
struct Phrases {
    lexicon: Lexicon,
    screening: Vec<Pattern>,
    mailbox: Vec<Pattern>,
    offers: Vec<Pattern>,
    mailbox_perhaps: Vec<Pattern>,
    hold: Vec<Pattern>,
    unavailable: Vec<Pattern>,
}

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    Phrases {
        screening: lexicon.patterns(SCREENING),
        mailbox: lexicon.patterns(MAILBOX),
        offers: lexicon.patterns(OFFERS),
        mailbox_perhaps: lexicon.patterns(MAILBOX_PERHAPS),
        hold: lexicon.patterns(HOLD),
        unavailable: lexicon.patterns(UNAVAILABLE),
        lexicon,
    }
});

/// What the words so far sound like.
pub(crate) fn class(text: &str) -> Option<FirstWords> {
    let phrases = &*PHRASES;
    let words = phrases.lexicon.words(text);
    let words = words.get(..WORDS_MAX.min(words.len())).unwrap_or_default();
    let says = |patterns: &[Pattern]| {
        let mut patterns = patterns.iter();
        patterns.any(|pattern| pattern.find(words).is_some())
    };
    // A screening service offers to record a name; a mailbox does not ask for a reason.
    if says(&phrases.screening) {
        Some(FirstWords::Screening)
    } else if says(&phrases.mailbox) && !says(&phrases.offers) {
        Some(FirstWords::Mailbox)
    } else if says(&phrases.unavailable) {
        Some(FirstWords::Unavailable)
    } else if says(&phrases.mailbox_perhaps) {
        Some(FirstWords::MailboxPerhaps)
    } else if says(&phrases.hold) {
        Some(FirstWords::Hold)
    } else {
        None
    }
}

const SCREENING: &[&str] = &[
    // English
    "screening service|assistant|system|feature|calls",
    "call screening",
    "screen|screens|screening ?my ?his ?her ?their ?all ?your ?the ?this ?incoming ?unknown call|calls",
    "using|uses a|an|the|their ?call screening|assistant ?service *6 copy|record|transcript",
    "record|say|state|give|tell|leave *2 your name and ?the ?your why|reason|purpose|what",
    "record|say|state|give|provide *2 your|the name *3 reason|purpose ?for|of ?your calling|call|for",
    "say|state|tell *3 who ?you ?is ?are calling|this *1 and *3 why|what|reason",
    "what ?is ?the ?your ?is ?the ?reason|purpose ?for|of ?your call|calling ill|and|before",
    "state|say ?the ?your reason|purpose for|of|why ?your ?you ?are call|calling|youre",
    "ill see|check if ?this ?the ?they ?he ?she *2 available",
    "see if this person is|wants|can",
    "reason|purpose for ?your calling *6 available",
    // Spanish
    "servicio de filtrado|filtro|filtracion ?de ?llamadas",
    "filtrado|filtra|filtrando|filtrar ?de ?las ?sus llamadas",
    "diga|indique|grabe|diganos *2 nombre y *4 motivo|razon|por|llama",
    "motivo|razon de ?su ?la llamada",
    "por que llama",
    // French
    "filtrage|filtre|filtrer ?d ?des ?les ?ses ?de ?vos appels|dappels|dappel",
    "service de filtrage",
    "dites|indiquez|enregistrez|donnez|precisez *2 nom et *5 raison|motif|objet|pourquoi|appelez",
    "raison|motif|objet de votre appel",
    // German
    "anruffilter|anruferfilter|anrufscreening|anrufprufung",
    "anrufe|anruf ?werden ?wird gefiltert|filtert|uberpruft",
    "filterdienst|screening",
    "nennen|sagen|sprechen|hinterlassen *3 namen und *5 grund|warum|weshalb|anliegen",
    "grund ihres|deines|des|fur|fuer ?ihren anrufs|anruf",
    // Portuguese
    "filtro|filtragem|triagem de chamadas|ligacoes|ligacao|chamada",
    "servico de filtragem|triagem|filtro",
    "diga|informe|grave *3 nome e *4 motivo|razao|por|porque|assunto",
    "motivo|razao|assunto da|de ?sua ?esta ?o ligacao|chamada|contato",
    // Hindi
    "कॉल स्क्रीनिंग|स्क्रीन",
    "स्क्रीनिंग सर्विस|सेवा",
    "नाम और *4 कारण|वजह|क्यों",
    "naam aur *4 kaaran|karan|wajah|kyun|kyon",
    "call screening|screen",
];

const MAILBOX: &[&str] = &[
    // English
    "after|at|following the ?sound ?of ?the tone|beep|signal",
    "wait|listen for the tone|beep",
    "leave *4 message",
    "leave ?me|us your|a ?detailed ?brief ?short name *4 number|message",
    "record ?your|a ?brief ?short message",
    "voicemail|voice ?mail|mailbox ?of ?for ?box is full|has|been|system|service|of|for|box",
    "mailbox",
    "voicemail",
    "voice mail",
    "answering machine|service",
    "forwarded to ?an ?a ?the voicemail|automated|automatic|voice",
    "automatic|automated voice message|messaging",
    "get back to you as soon",
    "return|returning your call as soon",
    "ill|well call|get ?back ?to you back ?as|when|soon",
    "when you ?are ?have finished recording|hang",
    "press|para|or ?just pound|hash|star for|when|to *5 options|message|finished",
    "your message has|will|is",
    "no one|nobody is|can ?here *3 to take your call",
    // Spanish
    "despues|tras|al|luego del|de|el|oir|escuchar ?el ?la ?el ?senal tono|bip|senal|pitido",
    "deje|dejar|dejenos|dejeme|dejanos ?su ?un ?tu ?el mensaje",
    "buzon de|esta ?voz",
    "buzon",
    "contestador|contestadora",
    "grabe su|el|un mensaje",
    // French
    "apres|au ?le ?signal ?la bip|signal|tonalite|tone",
    "laissez|laisser|laisse ?moi ?nous ?un ?votre ?vos message|messages",
    "laissez ?moi ?nous ?un ?votre *2 message",
    "messagerie|repondeur|boite ?de ?vocale vocale|de|du|est",
    "messagerie",
    "repondeur",
    "boite vocale",
    // German
    "nach dem|einem signalton|piepton|ton|piep|signal|pfeifton",
    "nachricht ?nach ?auf ?dem hinterlassen|nach|sprechen",
    "hinterlassen ?sie *4 nachricht",
    "mailbox|anrufbeantworter|sprachbox|sprachnachricht",
    "aufs|auf band",
    // Portuguese
    "apos|depois|ao ?do ?o ?ouvir ?o sinal|bip|tom|bipe|apito",
    "deixe|deixar|grave|gravar ?a ?o ?um ?sua ?seu ?uma ?seu recado|mensagem",
    "caixa postal|de",
    "correio de voz",
    "secretaria eletronica",
    // Hindi
    "बीप|टोन के|की ?बाद",
    "संदेश|मैसेज छोड़|छोड|छोडें|रिकॉर्ड",
    "sandesh|message chhod|chod|chhoden|chhodiye|record",
    "beep|tone ke|ki baad",
    "वॉइसमेल|वॉयसमेल|वॉइस मेल|संदेश",
];

/// Somebody offers to take a message: a person.
const OFFERS: &[&str] = &[
    "would|do|did|can|could|may|shall|should you|i|we *3 leave|take|give|pass ?me ?him ?her ?them ?a ?your message",
    "want|like to leave a message",
    "take a message",
    "if you ?would want|like to leave *3 message",
    "you can|could leave *3 message ?with ?for me|him|her|us",
    "quiere|desea|quieres|gustaria ?usted dejar|dejarle",
    "voulez|souhaitez|veux vous|tu *2 laisser",
    "mochten|wollen|soll|kann|darf|willst|moechten *5 hinterlassen|ausrichten",
    "quer|gostaria|deseja ?de deixar",
    "उसे|उनको संदेश",
];

const MAILBOX_PERHAPS: &[&str] = &[
    "youve|you|have reached",
    "you have reached",
    "reached the|my ?voice ?desk ?office of|mail|desk|phone|number|home",
    "cant|cannot|unable|not|isnt *3 come|take|answer *4 phone|call|your",
    "not|isnt ?currently ?here ?right available|here|home *3 ?now ?at|right|to",
    "please hang up|call",
    "thank|thanks you ?for calling",
    "the person|number|subscriber ?you ?are *4 not|unavailable",
    "ha|has llamado|comunicado|marcado a|al|con",
    "no|podemos ?puedo ?puede ?esta atender|contestar|atenderle|atenderte|disponible",
    "en este momento no",
    "vous etes|bien|avez ?bien ?sur ?joint",
    "ne suis|sommes|peux|pouvons|puis pas *3 disponible|repondre|joignable|la",
    "sie haben|sind *4 erreicht|verbunden",
    "nicht|zurzeit|leider erreichbar|zu|persoenlich",
    "derzeit|momentan|gerade *3 nicht",
    "voce ligou|ligaste para",
    "nao posso|podemos|estou *3 atender|disponivel",
    "आप जिस|जिससे *4 संपर्क|कॉल",
];

const HOLD: &[&str] = &[
    "hold|stay|remain ?on ?please ?the ?on line|on|moment|while|please",
    "please hold|wait|stay",
    "one|just ?a moment|second|minute",
    "thanks|thank you",
    "thanks",
    "connecting|connect|transferring|putting ?you",
    "trying to|your reach|connect|call",
    "checking|check|see if",
    "got it",
    "let me",
    "okay|ok",
    "hold ?on",
    "un momento|segundo",
    "espere|espera|gracias|conectando|manteng|mantengase|transfiriendo",
    "patientez|instant|moment|merci|transfere|quittez",
    "bitte|moment|augenblick ?bitte ?warten warten|moment|bleiben|einen|danke|verbinde",
    "einen|danke moment|augenblick",
    "danke",
    "verbinde|verbunden",
    "aguarde|momento|obrigado|obrigada|espere|transferindo|conectando",
    "कृपया|रुकिए|होल्ड|धन्यवाद|इंतजार|प्रतीक्षा",
    "rukiye|ruko|hold|dhanyavaad|intezaar|ek minute|second",
];

const UNAVAILABLE: &[&str] = &[
    "not|isnt|is|unavailable ?currently ?able ?to ?not available|unavailable ?right ?to ?take",
    "unavailable",
    "not available",
    "isnt available",
    "cant|cannot|couldnt|unable ?to take|answer|reach|talk|speak|come|connect *4 call|calls|now|phone|you|them|him|her",
    "call|try ?again ?back later|again|another",
    "not accepting|taking|interested",
    "goodbye|bye|good bye",
    "declined|blocked|rejected",
    "remove|stop|take this|calling|me number",
    "no ?esta ?se ?puede disponible|atender|encuentra|contestar",
    "adios|llame ?mas ?tarde ?luego",
    "pas|non disponible|joignable|repondre|indisponible",
    "indisponible|injoignable",
    "rappelez|revoir plus|tard",
    "au revoir",
    "nicht verfugbar|erreichbar|moglich|verfuegbar",
    "wiederhoren|wiederhoeren|tschuss",
    "nao ?esta ?pode disponivel|atender",
    "indisponivel|tchau|adeus|ligue ?mais",
    "उपलब्ध|नहीं",
    "uplabdh|nahi ?hai",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Option<FirstWords>, lines: &str) {
        let mut wrong = Vec::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let found = class(line);
            if found != expected {
                wrong.push(format!("{found:?}: {line}"));
            }
        }
        assert!(wrong.is_empty(), "not {expected:?}:\n{}", wrong.join("\n"));
    }

    #[test]
    fn screening_services_are_told_from_their_first_words() {
        check(
            Some(FirstWords::Screening),
            "
            Hi, the person you're calling is using a screening service from Google, and will get a copy of this conversation. Go ahead and say your name, and why you're calling.
            Hi, if you record your name and reason for calling, I'll see if this person is available.
            The person you're calling is using a screening service
            Hello, the Google subscriber you have called is using call screening.
            Please say your name and the reason for your call.
            Please state your name and why you are calling after the tone.
            This call is being screened. Please state the purpose of your call. Call screening is on.
            Hi, I'm screening calls for Sam. Who is calling?
            Before I try to connect you, can I ask what is the reason for your call and who's calling?
            Record your name and the reason for calling.
            Hola, la persona a la que llama utiliza un servicio de filtrado de llamadas.
            Diga su nombre y el motivo de su llamada.
            Grabe su nombre y la razón por la que llama.
            Bonjour, la personne que vous appelez utilise un service de filtrage d'appels.
            Indiquez votre nom et la raison de votre appel.
            Die Person, die Sie anrufen, nutzt einen Anruffilter.
            Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs.
            Olá, a pessoa para quem você está ligando usa um serviço de filtragem de chamadas.
            Diga o seu nome e o motivo da ligação.
            कृपया अपना नाम और कॉल करने का कारण बताइए।
            ",
        );
    }

    #[test]
    fn mailboxes_are_told_from_their_first_words() {
        check(
            Some(FirstWords::Mailbox),
            "
            Hi, you've reached Sam. Leave a message after the tone.
            Please leave your name and number and I'll call you back.
            Your call has been forwarded to an automatic voice message system.
            At the tone, please record your message. When you have finished recording, you may hang up.
            The mailbox is full and cannot accept any messages at this time.
            Hey, it's Ann, I can't come to the phone right now, so leave me a message.
            You have reached the voicemail box of five five five one two.
            Sorry I missed you. Wait for the beep.
            No one is available to take your call.
            Ha llamado al buzón de voz de Ana. Deje su mensaje después del tono.
            En este momento no puedo atender. Deje un mensaje tras la señal.
            Bonjour, vous êtes bien sur la messagerie de Paul. Laissez un message après le bip.
            Vous êtes bien sur le répondeur de Marie.
            Sie sind mit der Mailbox von Anna verbunden.
            Guten Tag, hinterlassen Sie bitte eine Nachricht nach dem Signalton.
            Este é o correio de voz de Ana.
            Deixe o seu recado após o sinal.
            Sua chamada está sendo encaminhada para a caixa postal.
            कृपया बीप के बाद अपना संदेश छोड़ें।
            ",
        );
    }

    #[test]
    fn people_who_pick_up_are_neither() {
        check(
            None,
            "
            Hello?
            Hi, this is Sam.
            Yes, speaking.
            Good morning, Bright Dental, how can I help?
            Who is this?
            Who's calling please?
            What's this about?
            Sam's phone, who is it?
            I'm driving, what is it?
            Hola, ¿quién habla?
            ¿Bueno?
            Allô ?
            Oui, bonjour.
            Müller, guten Tag.
            Ja, hallo?
            Alô, quem fala?
            हैलो, कौन बोल रहा है?
            Haan ji, boliye.
            Would you like to leave a message?
            He is out. Can I take a message for him?
            Do you want to leave him a message?
            Möchten Sie eine Nachricht hinterlassen?
            ",
        );
    }

    #[test]
    fn a_service_that_tries_is_told_from_one_that_gives_up() {
        check(
            Some(FirstWords::Hold),
            "
            Thanks. Please stay on the line.
            Please hold while I try to connect you.
            One moment please.
            Un momento, por favor.
            Einen Moment bitte.
            Aguarde um momento.
            ",
        );
        check(
            Some(FirstWords::Unavailable),
            "
            The person you are calling is not available.
            Sorry, they can't take your call right now. Goodbye.
            This person is unavailable.
            Lo siento, la persona no está disponible.
            La personne n'est pas disponible, au revoir.
            Die Person ist nicht verfügbar.
            A pessoa não está disponível.
            ",
        );
    }
}
