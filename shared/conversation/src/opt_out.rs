//! Whether somebody asks not to be called again: by their own words, in the languages that the product
//! speaks, whichever of them the agent has. Deterministic: what a model makes of the same words is
//! its own business.
//!
//! The cost of the two errors differs. Who is missed gets another call that the law forbids; who is taken
//! for someone that opts out loses a call. So plain requests count however they are wrapped, and what
//! is excluded is what people say every day and mean otherwise: not now, not before nine, do not stop.

mod handling;
pub(crate) mod state;

use std::sync::LazyLock;

use crate::listening::patterns::{Lexicon, Pattern, Word};

/// The longest text that is looked at, in words: a request is not hidden in a speech.
const WORDS_MAX: usize = 400;

/// One language's patterns.
struct Language<Patterns> {
    /// What a request looks like.
    asks: Patterns,
    /// The same, as long as nothing else follows in the sentence than [`Self::tails`].
    asks_at_end: Patterns,
    /// What may follow those.
    tails: Patterns,
    /// What turns a request into something else when it stands right before it.
    not_after: Patterns,
    /// … right behind it.
    not_before: Patterns,
    /// … anywhere in the sentence.
    never_with: Patterns,
}

type Written = Language<&'static [&'static str]>;
type Read = Language<Vec<Pattern>>;

/// All languages, read once.
static LANGUAGES: LazyLock<(Lexicon, Vec<Read>)> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    let written = [ENGLISH, SPANISH, FRENCH, GERMAN, PORTUGUESE, HINDI];
    let read = written.map(|language| language.read(&mut lexicon));
    (lexicon, Vec::from(read))
});

/// Whether these words ask not to be called again.
pub(crate) fn is_asked(text: &str) -> bool {
    let (lexicon, languages) = &*LANGUAGES;
    let mut left = WORDS_MAX;
    lexicon.sentences(text).iter().any(|words| {
        let words = words.get(..left.min(words.len())).unwrap_or_default();
        left -= words.len();
        languages.iter().any(|language| language.asks(words))
    })
}

impl Written {
    fn read(self, lexicon: &mut Lexicon) -> Read {
        Language {
            asks: lexicon.patterns(self.asks),
            asks_at_end: lexicon.patterns(self.asks_at_end),
            tails: lexicon.patterns(self.tails),
            not_after: lexicon.patterns(self.not_after),
            not_before: lexicon.patterns(self.not_before),
            never_with: lexicon.patterns(self.never_with),
        }
    }
}

impl Read {
    fn asks(&self, words: &[Word]) -> bool {
        let excluded = (self.never_with.iter()).any(|with| with.find(words).is_some());
        !excluded
            && ((self.asks.iter()).any(|pattern| self.meant(words, pattern, false))
                || (self.asks_at_end.iter()).any(|pattern| self.meant(words, pattern, true)))
    }

    /// Whether a pattern occurs somewhere and means what it says there.
    fn meant(&self, words: &[Word], pattern: &Pattern, at_end: bool) -> bool {
        (0..words.len()).any(|from| {
            let rest = words.get(from..).unwrap_or_default();
            let Some(length) = pattern.matched(rest) else {
                return false;
            };
            let after = rest.get(length..).unwrap_or_default();
            let starts = |patterns: &[Pattern]| {
                let mut patterns = patterns.iter();
                patterns.any(|pattern| pattern.matched(after).is_some())
            };
            let mut before = self.not_after.iter();
            !before.any(|before| before.ends_before(words, from))
                && !starts(&self.not_before)
                && (!at_end || after.is_empty() || starts(&self.tails))
        })
    }
}

const ENGLISH: Written = Language {
    asks: &[
        "stop|quit phoning|ringing|contacting|texting|messaging|bothering|harassing|pestering|spamming|disturbing me|us|my|our|here|this|people|again|please|now",
        "stop|quit calling my|our|here|this|people|again|please",
        "stop|quit calling me|us at|on|every|in|with|all|about|like|right|for",
        "stop ?with the|all|these|your|those|any ?damn ?more ?phone ?robo ?sales calls|contact|phonecalls|robocalls",
        "dont ?you ?ever ?dare ?please call|phone|ring|contact|text|message|bother|disturb|dial ?me|us|here|this|my|our ?phone ?number ?house again|anymore|ever",
        "never ?ever call|phone|ring|contact|text|message|bother|disturb|dial ?me|us|here|this|my|our ?phone ?number ?house again|ever",
        "do not ?you ?ever ?please call|phone|ring|contact|text|message|bother|disturb|dial ?me|us|here|this|my|our ?phone ?number ?house again|anymore|ever",
        "dont|never|not ?ever ?to call|phone|ring|contact ?me|us|here ?this ?number any more",
        "no more ?phone ?sales calls",
        "no further ?phone calls|contact",
        "lose|forget|delete|erase my|this|our ?phone ?telephone number",
        "remove|delete|erase|scrub|wipe|drop|strike my|this|our|the ?phone ?telephone ?cell ?mobile ?contact number|name|details|information|info|data|contact",
        "take|get|remove|cross|strike|pull|drop|scratch|cut me|us|my|this|our ?phone ?name ?number ?and ?name ?number off|from|out ?of ?all ?any ?of ?the ?your ?this ?that ?whatever ?damn ?stupid ?calling ?call ?calls ?phone ?marketing ?mailing ?contact list|lists|database|databases|system|systems|records|register|registry|books|campaign",
        "put|add|place|stick ?me|us|my|this ?phone ?number ?name ?down on|to|onto ?the ?your ?a ?that ?internal do|dont|dnc|no ?not call|calls|contact|list",
        "put|add|place|stick ?me|us|my|this ?phone ?number ?name ?down on|to|onto ?the ?your ?a ?that ?internal dnc",
        "on|to the|your|a|that ?national ?federal do not call|contact ?list|registry|register",
        "do not call list|registry|register",
        "unsubscribe",
        "how do|can i|we unsubscribe|opt",
        "opt ?me ?us out",
        "opting ?me out",
        "opted out",
        "leave me|us|my ?family alone",
        "i|we|she|he ?really ?just dont|do|doesnt ?not ?really want|need|like ?to ?receive ?get ?any ?more ?of ?these ?your ?those ?further ?phone ?sales ?marketing calls ?from ?you|anymore|again",
        "i|we|she|he ?really ?just dont|do|doesnt ?not ?really want|like ?to ?be ?getting ?you ?guys ?people ?to ?be called|calling|contacted|contacting|bothered|phoned|rung ?me|us|here|my|by|from ?phone ?number ?you ?anyone anymore|again|ever|please",
        "i|we|she|he ?really ?just dont|do|doesnt ?not ?really want ?you ?guys ?people ?anyone ?anybody ?to ?be call|calling|contact|contacting|phoning|ringing me|us|here|my",
        "cease and desist",
        "i|im|we|hereby ?hereby ?am ?now revoke|revoking|withdraw|withdrawing my|our consent|permission",
        "i|id|we|wed|im ?would ?just want|like|wish|asking|ask|asked|need|demand|request to be|get removed|taken|deleted|unsubscribed",
        "i|id|we ?would ?just want|like|wish off ?of your|this|the ?calling ?call list|lists",
        "i|ive|we|weve ?have ?already ?just told|asked|tell|said ?you ?guys ?people ?already ?before ?to not|dont|never ?to call|contact|phone|ring",
        "i|ive|we|weve|im ?have ?already ?just told|asked|tell|telling ?you ?guys ?people ?already ?before to stop calling|contacting|phoning|ringing",
    ],
    asks_at_end: &[
        "stop|quit calling|phoning|ringing|contacting|texting",
        "stop|quit calling me|us",
        "dont ?you ?ever ?please call|phone|ring|contact|text|bother|disturb ?me|us|here|back|this|my|our ?phone ?number ?house ?back",
        "do not ?you ?ever ?please call|phone|ring|contact|text|bother|disturb ?me|us|here|back|this|my|our ?phone ?number ?house ?back",
        "take|get me|us|my|this|our ?name ?number off",
        "remove me|us",
        "please remove me|us",
        "i|we dont want ?any ?more calls",
        "i|we dont want to be called|contacted",
    ],
    tails: &[
        "please",
        "okay|ok|alright|right",
        "and|or|because|cause|cuz|since|as|but|thanks|thank|goodbye|bye",
        "i|im|ive|we|were|you|youre|this|its|that|thats",
        "at all|all",
        "ever|again|anymore|any",
        "guys|people",
        "for good|ever|this|that|any|sales",
        "from|with",
        "no|not|never",
        "immediately|altogether|permanently|already|now",
        "about",
    ],
    not_after: &[
        "dont|didnt|wont|cant|cannot|couldnt|wouldnt|shouldnt|doesnt ?ever ?just ?really ?please ?want ?need ?mean ?have ?you ?me ?them ?him ?to",
        "do|did|does|will|would|could|should|can not ?ever ?just ?really ?please ?want ?need ?mean ?have ?you ?me ?them ?to",
        "not|never ?want|going|trying|gonna|planning|here ?you ?to",
        "to not",
        "dont|didnt|not|never|isnt|wasnt say|saying|said|ask|asking|asked|tell|telling|told|mean|want|request|requesting ?you|that|them|for ?guys ?to ?please",
        "no need|reason|point to|in",
        "if i|you|we|they",
        "what ?happens ?if ?i ?we",
        "i|we|they|he|she|who|whod|ill|well|theyll|hell|shell|theyd",
        "why",
        "why dont ?you",
        "did|when|until|before|after ?i|you|they ?never",
        "i|we|they|he|she|people|who|it can|could|will|would|should|must|may|might|often|usually|never",
    ],
    not_before: &[
        "now|today|tonight|tomorrow|yet|right|until|till|before|after|during|while|when|unless|between|past|early|earlier|late|later|so|too|that|names",
        "me|us now|today|tonight|tomorrow|yet|right|until|till|before|after|during|while|when|unless|between|past|early|earlier|late|later|so|too|that|names|a|an|the|bob|sir|maam|mister|mr|mrs|honey|dear|sweetheart|by",
        "back now|today|tonight|tomorrow|yet|right|until|till|before|after|during|while|when|unless|early|late|later|so|too",
        "again now|today|tonight|tomorrow|until|till|before|after|unless|so|too|this",
        "anymore|again today|tonight",
        "in|at the|an|a|ten|five|two|night|lunch|dinner ?morning",
        "on|at|this|in monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekends|weekdays|morning|afternoon|evening|week|weekend|month|hour|time|night",
        "of the|that|my|our|it|this ?extra ?additional coverage|plan|insurance|warranty|package|meeting|surgery|procedure|program|class|appointment|upgrade|it",
        "from|off the|my|that|your reservation|appointment|booking|order|account|waitlist|waiting|schedule|calendar|invoice|cart",
        "hold|speaker|speakerphone|mute",
        "if it|its|theres",
        "this early|late|week|month|morning|afternoon|evening|time",
        "it|him|her|them|that|around",
        "here ?on ?the ?a monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend|weekends|morning|mornings|now|today|tonight",
        "number now|today|tonight|before|after|until|during",
        "my|this number ?now|today|tonight before|after|until|during|at|today|tonight|now|try",
        "unless|if",
        "for|about a|an|the while|moment|minute|second|emergency|appointment|next",
        "lunch|dinner",
    ],
    never_with: &[
        "please call me|us ?back again|tomorrow|later",
        "dont forget",
        "do not forget",
    ],
};

const SPANISH: Written = Language {
    asks: &[
        "no ?me ?nos ?le llame|llamen|llames|llamees|marque|marquen|marques|telefonee|contacte|contacten|contactes|moleste|molesten|molestes|hable|hablen ?me ?por ?favor ?aqui ?a ?este ?mi ?numero ?nunca mas|jamas|nunca",
        "no ?me ?nos llame|llamen|llames|marque|marquen|contacte|contacten|moleste|molesten ?aqui ?por ?favor otra|de vez|nuevo",
        "nunca|jamas ?mas ?me ?nos ?vuelva|vuelvan ?a llame|llamen|llames|llamar|llamarme|llamarnos|contacten|contacte",
        "no ?me ?nos vuelva|vuelvan|vuelvas ?a ?me llamar|llamarme|llamarnos|marcar|marcarme|contactar|contactarme|molestar|molestarme|hablarme|telefonear",
        "deje|dejen|deja|dejad|pare|paren|para|ya ?ya ?dejen ?deje de llamar|llamarme|llamarnos|molestar|molestarme|molestarnos|marcar|marcarme|contactar|contactarme|hostigarme|acosarme|insistir",
        "quiteme|quitenme|quitame|saqueme|saquenme|sacame|borreme|borrenme|borrame|elimineme|eliminenme|eliminame|retireme|retirenme|remuevame|remuevanme|bajeme|tacheme de ?la ?su ?sus ?tu ?esa ?esta ?todas ?las lista|listas|base|bases|sistema|registro|registros|directorio",
        "quiten|quite|quita|saquen|saque|saca|borren|borre|borra|eliminen|elimine|elimina|retiren|retire|remuevan mi|este|el ?mi numero|nombre|telefono|contacto|datos",
        "me quiten|quite|saquen|saque|borren|borre|eliminen|elimine|retiren|retire ?de ?la ?su ?sus ?esa lista|listas|base|sistema|registro",
        "quitar|sacar|borrar|eliminar mi numero|nombre|telefono|datos",
        "quitarme|sacarme|borrarme|eliminarme de ?la ?su ?sus lista|listas|base|sistema",
        "no quiero ?que ?me ?nos ?vuelvan ?a ?recibir ?mas ?sus ?estas llamadas|llamen|llame|llames|llamar|llamarme|contacten|molesten|moleste",
        "no quiero ?recibir ?mas ?ninguna ?otra llamada|llamadas",
        "no deseo ?que ?me ?recibir ?mas ?sus llamadas|llamen|contacten",
        "deme|denme|dame|darme|darnos de baja",
        "lista de no llamar",
        "lista robinson",
        "ni una llamada mas",
        "no mas llamadas",
        "basta de llamadas|llamar",
        "dejeme|dejenme|dejame|dejadme|dejenos|dejennos ?en paz|tranquilo|tranquila",
        "desuscribir|desuscribirme|desuscribame|desuscribanme|desinscribir|desinscribirme",
        "cancelar|cancelen|cancele mi suscripcion",
        "no me interesa no llamen|llame|llames",
        "olvide|olviden|olvidese|olvidense de ?mi mi|este numero",
    ],
    asks_at_end: &[
        "no me|nos llame|llamen|llames|moleste|molesten|contacte|contacten",
        "no llame|llamen|llames ?a ?este ?aqui ?mi ?numero",
    ],
    tails: &[
        "por favor",
        "gracias",
        "a este|mi",
        "aqui",
        "ya",
        "y|o|porque|que|pero",
        "senor|senorita|senora",
        "adios",
    ],
    not_after: &[
        "no",
        "no quiero que ?me",
        "no le|les|te estoy|he ?pidiendo ?dicho ?pedido ?que",
        "si ?usted",
        "nunca",
        "no digo|dije que",
    ],
    not_before: &[
        "ahora|ahorita|hoy|antes|despues|temprano|tarde|todavia|aun|hasta|manana|en|durante|entre|mientras|por ?la manana|noche|tarde|momento|trabajo|horario",
        "ahora|ahorita|hoy|antes|despues|temprano|tarde|todavia|aun|hasta|manana|durante|entre|mientras",
        "mas tarde|temprano|hoy|de|tarde",
        "asi|senor|don|de usted|tu",
        "a|al trabajo|la|las|esta ?oficina",
        "tan",
        "los|el ?fin ?de lunes|martes|miercoles|jueves|viernes|sabado|sabados|domingo|domingos|semana",
        "por la|las manana|noche|tarde|mananas|noches",
    ],
    never_with: &[
        "llameme|llamenme|llamame ?mas manana|tarde|luego|despues|otro",
        "vuelva a llamarme mas",
    ],
};

const FRENCH: Written = Language {
    asks: &[
        "ne|n ?me ?nous mappelez|nous|appelez|rappelez|mappelle|telephonez|contactez|derangez|harcelez ?plus ?jamais ?surtout ?appelez plus|jamais",
        "nappelez|nappelle|nappeler|rappelez|mappelez|mappelle|mappeler ?plus|surtout ?ici ?ce ?numero plus|jamais",
        "me|nous rappelez|contactez|derangez|telephonez|rappeler|contacter plus|jamais",
        "plus jamais ?me ?nous mappeler|appeler|rappeler|contacter|mappelez",
        "ne plus ?jamais ?me ?nous mappeler|appeler|rappeler|contacter|deranger|etre",
        "arretez|arrete|arreter|cessez|cesse|cesser ?donc ?tout ?de ?suite ?immediatement de ?me ?nous mappeler|nous|appeler|rappeler|telephoner|contacter|deranger|harceler|mimportuner|importuner|membeter|embeter ?appeler",
        "arretez|cessez vos|ces|les ?tous appels|coups",
        "retirez|enlevez|supprimez|rayez|effacez|otez|sortez|radiez ?moi ?nous ?s ?il ?vous ?plait de|du ?la ?votre ?vos ?cette ?toutes liste|listes|fichier|fichiers|base|bases|repertoire|systeme",
        "retirez|enlevez|supprimez|rayez|effacez|otez|oubliez|retirer|supprimer|effacer|enlever mon|ce|notre ?numero|nom|numero ?de ?telephone|donnees|coordonnees numero|nom|coordonnees|donnees|telephone",
        "retirez|enlevez|supprimez|rayez|effacez|oubliez|retirer|supprimer|effacer|enlever mon|ce|notre|mes numero|nom|donnees|coordonnees",
        "me retirer|enlever|supprimer|rayer|effacer|desinscrire|desabonner ?de ?votre ?vos ?la ?cette ?ces liste|listes|fichier|fichiers|base",
        "etre retire|retiree|supprime|supprimee|raye|rayee|enleve|enlevee de|du ?votre ?vos ?la liste|listes|fichier|fichiers|base",
        "ne veux|veut|souhaite|desire ?vraiment plus|pas ?que ?vous ?jamais ?recevoir ?de ?d ?vos ?ces ?etre ?etre ?me mappeliez|appels|dappels|dappel|appele|appelee|mappeler|rappelle|contacte|contactee|derange|derangee|rappeliez|contactiez",
        "veux|souhaite plus ?que ?vous ?jamais ?recevoir ?de ?d ?vos ?ces ?etre ?me mappeliez|appels|dappels|dappel|appele|appelee|contacte|contactee|derange|derangee|rappele|rappelee",
        "desinscrivez|desabonnez|desinscrire|desabonner ?moi ?me",
        "laissez|laisse|fichez|foutez moi|nous ?en ?la tranquille|tranquilles|paix",
        "bloctel",
        "liste ?d ?des ?rouge opposition|doppposition|dopposition",
        "je moppose ?a ?aux ?vos appels|demarchage|etre",
        "plus dappel|dappels",
        "ne me rappelez plus|jamais",
        "retirez|enlevez|supprimez|rayez|effacez ?moi s|sil vous plait ?de ?votre ?vos ?la liste|listes|fichier",
    ],
    asks_at_end: &[
        "ne mappelez pas",
        "ne me rappelez pas",
        "ne rappelez pas",
        "nappelez pas",
    ],
    tails: &[
        "merci",
        "sil",
        "s",
        "svp",
        "monsieur|madame",
        "et|ou|car|parce|je|cest",
    ],
    not_after: &[
        "ne|n",
        "si ?je ?vous",
        "narretez|nenlevez|ne pas",
        "pas ?dit ?demande ?de|que",
    ],
    not_before: &[
        "maintenant|aujourdhui|tout|avant|apres|demain|pendant|le|si|trop|a|en|au|cette|entre|jusqu|jusqua",
        "tot|tard ?que",
        "comme|monsieur|madame",
        "pas maintenant|aujourdhui|tout|avant|apres|demain|ce|pendant|le|si|trop|en|au",
        "plus tard|tot|avant|le|souvent",
    ],
    never_with: &[
        "narretez pas",
        "arretez pas",
        "rappelez moi",
        "dites que ?je",
    ],
};

const GERMAN: Written = Language {
    asks: &[
        "rufen|ruf|rufe|rufts|ruft ?sie ?du ?ihr ?mich ?uns ?hier ?bitte ?diese ?nummer ?mich ?hier ?bitte ?nicht ?nie ?niemals mehr|nie|niemals|wieder ?mehr ?wieder ?hier an",
        "rufen|ruf|ruft ?sie ?mich ?uns ?hier ?bitte nicht|nie|niemals ?noch mehr|wieder|nochmal|noch|einmal ?mal",
        "nicht|nie|niemals|nimmer mehr|wieder anrufen|anzurufen|angerufen|kontaktieren|kontaktiert|melden|belastigen|belastigt",
        "nicht noch einmal anrufen",
        "nie|niemals|nicht mehr|wieder bei|hier mir|uns|an ?anrufen ?melden",
        "horen|hor|hort|hoeren ?sie ?bitte ?endlich ?sofort ?endlich auf ?damit ?endlich ?bitte ?mich ?uns ?hier ?staendig ?standig anzurufen|anzuklingeln|mit|belastigen|zu",
        "unterlassen|stoppen|lassen|beenden ?sie ?bitte ?diese ?die ?ihre ?das ?mich ?weitere anrufe|anrufen|werbeanrufe|telefonate|telefonwerbung",
        "nehmen|nimm|streichen|streich|loschen|losch|loesche|loeschen|entfernen|entferne|holen ?sie ?bitte mich|uns|meine|meinen|unsere|diese ?nummer ?telefonnummer ?namen ?daten ?bitte ?sofort ?endlich von|aus|vom ?der ?ihrer ?ihrem ?eurer ?dieser ?allen ?dem ?den liste|listen|anrufliste|kartei|datenbank|verteiler|system|telefonliste|datei|kontaktliste",
        "streichen|streich|loschen|losch|loesche|loeschen|entfernen|entferne|vergessen|vergiss ?sie ?bitte meine|meinen|unsere|diese|mich ?telefonnummer ?nummer|namen|daten|telefonnummer|kontaktdaten nummer|namen|daten|telefonnummer|kontaktdaten|rufnummer",
        "streichen|streich|loschen|losch|loesche|loeschen|entfernen|entferne|vergessen|vergiss ?sie ?bitte meine|meinen|unsere|diese nummer|namen|daten|telefonnummer|kontaktdaten|rufnummer",
        "keine ?weiteren ?solche ?ihre ?werbe anrufe|werbeanrufe|telefonwerbung ?von ?ihnen ?mehr",
        "keinen anruf mehr",
        "von|aus ?der ?ihrer ?eurer liste|verteiler|kartei|datenbank gestrichen|geloscht|entfernt|genommen|nehmen|streichen|loschen",
        "nicht|nie ?mehr ?wieder ?von ?ihnen ?telefonisch ?mehr angerufen|kontaktiert|belastigt|gestort werden",
        "lassen|lass|lasst ?sie mich|uns ?bitte ?endlich in ruhe|frieden",
        "melden|meld ?sie ?dich sich|dich|nicht ?bitte ?hier ?bei ?mir ?nicht ?nie ?niemals mehr|wieder",
        "kontaktieren|kontaktiere|belastigen|storen|stor ?sie mich|uns ?bitte ?hier nicht|nie ?mehr|wieder mehr|wieder",
        "kontaktieren|kontaktiere|belastigen|storen ?sie mich|uns ?bitte ?hier nicht|nie mehr|wieder",
        "tragen|trag ?sie mich|uns ?bitte ?dort ?da ?aus ?der ?ihrer ?ihrem ?liste ?verteiler aus",
        "mich|uns ?hier ?bitte ?davon abmelden|austragen|abbestellen",
        "widerrufe|widerspreche ?ich ?hiermit ?meine ?der ?den ?weiteren einwilligung|anrufen|kontaktaufnahme|nutzung|werbung",
        "robinsonliste",
    ],
    asks_at_end: &[],
    tails: &[],
    not_after: &[
        "nicht",
        "sie|du sollen|sollst|mussen|musst nicht",
        "wenn|falls ?ich ?sie ?wir",
        "nicht gesagt|gebeten ?dass ?sie ?mich",
        "warum",
    ],
    not_before: &[
        "vor|heute|jetzt|bis|so|wahrend|morgen|nach",
        "nicht",
        "an heute|jetzt",
        "reservierung|termin|bestellung",
        "vergesslich|sprechen|horen",
    ],
    never_with: &[
        "nicht auf",
        "termin|reservierung|bestellung|buchung|wartezimmer",
        "rufen sie ?mich|uns spater|morgen|wieder|gerne|bitte ?noch ?gerne ?mal ?einmal an",
    ],
};

const PORTUGUESE: Written = Language {
    asks: &[
        "nao ?me ?nos ?precisa ligue|liguem|liga|ligues|ligar|telefone|telefonem|contate|contatem|contacte|contactem|incomode|incomodem|perturbe|perturbem|chame|chamem ?me ?para ?pra ?aqui ?este ?esse ?ca ?numero ?por ?favor mais|nunca|jamais",
        "nao ?me ?nos ligue|liguem|ligues|telefone|contate|contacte|chame|chamem ?para ?aqui ?por ?favor de|novamente|outra ?novo ?vez novo|novamente|vez",
        "nao ?me ?nos ligue|liguem|contate|contacte|telefone novamente",
        "nunca|jamais ?mais ?me ?nos ?volte ?voltem ?a ligue|liguem|ligar|liga|telefone|contate|contacte|chame",
        "nao ?me ?nos volte|voltem|voltes|torne|tornem ?a ?me ligar|ligarme|telefonar|contatar|contactar|incomodar|chamar|a ?ligar",
        "pare|parem|para|deixe|deixem|deixa|chega|pára ?ja ?agora de ?me ?nos ?ficar ligar|ligarme|telefonar|incomodar|perturbar|contatar|contactar|chatear|importunar|encher",
        "tire|tirem|tira|retire|retirem|retira|remova|removam|remove|apague|apaguem|apaga|exclua|excluam|exclui|elimine|eliminem|risque|delete|deletem ?me ?nos ?o ?por ?favor ?meu ?o ?meu ?este ?nome ?numero ?telefone ?contato ?contacto ?cadastro da|de|do|das ?sua ?suas ?vossa ?tua ?lista ?essa lista|listas|cadastro|base|sistema|registro|registo",
        "tire|tirem|retire|retirem|remova|removam|apague|apaguem|exclua|excluam|elimine|eliminem|delete|deletem|esqueca|esquecam|tirar|remover|apagar|excluir ?o ?os meu|meus|este|esse numero|nome|telefone|contato|contacto|dados|cadastro",
        "me tire|tirem|tira|tirar|retire|retirar|remova|remover|exclua|excluir|apague ?por ?favor da|de|do|das ?sua ?suas ?dessa ?essa lista|listas|cadastro|base|sistema",
        "me tire|tirem|tira|remova|exclua ?por ?favor dessa|desta|dai lista|cadastro",
        "nao quero|queria|desejo|gostaria ?mais ?de ?receber ?mais ?que ?voces ?me ?suas ?essas ?nenhuma ?ser ligacoes|ligacao|chamadas|chamada|liguem|ligue|telefonemas|contatado|contactado|incomodado|incomodada|perturbado",
        "nao quero mais ?receber ?que ?me ?ser ligacoes|ligacao|chamadas|liguem|telefonemas|contatado|incomodado",
        "chega de ligacoes|ligar|chamadas|telefonemas",
        "sem mais ligacoes|chamadas",
        "nao mais ligacoes|chamadas",
        "me deixa|deixe|deixem ?em em|paz paz",
        "me deixa|deixe|deixem em paz",
        "deixe|deixem me|nos em paz",
        "descadastrar|descadastre|descadastrem|descadastra|desinscrever|desinscreva",
        "cancelar|cancele|cancelem minha|a ?minha inscricao|assinatura",
        "lista de nao|naos ?me ligar|perturbe|chamar",
        "nao me perturbe|incomode|incomodem ?mais",
    ],
    asks_at_end: &[
        "nao me|nos ligue|liguem|ligues|telefone|contate|contacte",
        "nao ligue|liguem|ligues ?para ?aqui ?este ?numero",
    ],
    tails: &[
        "por favor",
        "obrigado|obrigada",
        "e|ou|porque|pois|que|mas",
        "aqui|para|pra",
        "senhor|senhora|moca|moco",
        "tchau|adeus",
    ],
    not_after: &[
        "nao|num ?me ?nos",
        "nao quero que ?voce ?voces ?me",
        "se ?voce|eu ?quiser",
        "nao disse|pedi ?para|que",
        "nunca",
    ],
    not_before: &[
        "agora|hoje|antes|depois|cedo|ainda|ate|amanha|durante|enquanto|no|na|nesse|neste|nessa|nesta|a|as|entre|tao|aos|de",
        "mais tarde|cedo|hoje|agora|antes|depois",
        "tarde",
        "ficar|falar ?com",
        "comigo",
    ],
    never_with: &[
        "ligue|liga|ligar|retorne ?me ?mais amanha|tarde|depois|semana",
        "reserva|consulta|agendamento",
    ],
};

/// In both scripts: recognizers write either.
const HINDI: Written = Language {
    asks: &[
        "mujhe|mujhko|mereko|hume|hamein|humein|humko|yahan|yaha|idhar|is|mere ?number ?par ?pe ?ko ?ab ?aage ?se ?phir ?fir ?se ?kabhi ?bhi ?dobara ?dubara ?please ?aise call|phone|fone|fon|contact|disturb|pareshan|tang ?bhi mat|na|nahi|nahin ?karo|kare|karein|kijiye|kijiyega|kariye|kariyega|karna|karenge|karo|kar",
        "dobara|dubara|phir|fir|aage|aainda|ainda|kabhi ?se ?kabhi ?bhi ?mujhe ?yahan ?is ?number ?par call|phone|fone|fon|contact ?bhi mat|na|nahi|nahin karo|kare|karein|kijiye|kijiyega|kariye|kariyega|karna|karo",
        "call|phone|fone|fon mat|na|nahi karo|kare|karein|kijiye|kijiyega|kariye|kariyega|karna ?mujhe ?aap ?yahan dobara|dubara|phir|fir|kabhi|aage|aaj ?se ?ke ?baad",
        "call|phone|fone|fon|calls ?karna ?karne ?aana band|bandh karo|kar|kare|karein|kijiye|kijiyega|kariye|karna|karwa|karwao|karvao",
        "mera|mere|hamara|is|ye|yeh ?phone ?mobile number|naam|nambar|no ?apni ?apne ?ko ?list ?database ?system ?record ?se ?mein ?please hata|hatao|hataiye|hatayen|hata|delete|nikal|nikaal|nikalo|nikalo|nikaliye|mita|mitao|remove",
        "list|database|system|record|records|soochi ?se ?mein ?mera ?mere ?mujhe ?naam ?number ?ko se|hata|hatao|hataiye|nikal|nikaal|nikalo|nikaliye|remove|naam ?hata ?nikal hata|hatao|hataiye|nikal|nikaal|nikalo|nikaliye|remove|do|dijiye|kar|kaat|kaato",
        "mujhe ?apni ?apne ?is ?us list|database ?se hata|hatao|hataiye|se ?hata ?nikal ?nikaal",
        "mujhe ?aapki ?aapke ?aapka ?koi ?aur ?ye ?yeh call|calls|phone nahi|nahin chahiye|chaiye|chahie",
        "koi ?aur call|calls|phone nahi|nahin chahiye|chaiye|chahie",
        "pareshan|tang|disturb ?mat mat|na|karna karo|kare|karein|kijiye|kijiyega|kariye|karna|band",
        "do not disturb|dnd ?list ?mein ?pe daal|daalo|daliye|laga|lagao|activate|karo|kar|mein",
        "unsubscribe kar|karo|kijiye",
        "mera peecha chhodo|chodo|chhod",
        "मुझे|मुझको|मेरेको|हमें|हमको|यहां|इधर|इस|मेरे ?नंबर ?नम्बर ?पर ?को ?अब ?आगे ?से ?फिर ?से ?कभी ?भी ?दोबारा ?दुबारा ?प्लीज ?ऐसे कॉल|काल|फोन|कांटेक्ट|संपर्क|डिस्टर्ब|परेशान|तंग ?भी मत|न|ना|नहीं ?करो|करें|कीजिए|कीजिये|कीजिएगा|करिए|करिएगा|करना|करेंगे|करो|कर",
        "दोबारा|दुबारा|फिर|आगे|आइंदा|कभी ?से ?कभी ?भी ?मुझे ?यहां ?इस ?नंबर ?पर कॉल|काल|फोन|संपर्क ?भी मत|न|ना|नहीं करो|करें|कीजिए|कीजिये|कीजिएगा|करिए|करिएगा|करना",
        "कॉल|काल|फोन मत|न|ना करो|करें|कीजिए|कीजिये|कीजिएगा|करिए|करिएगा|करना ?मुझे ?आप ?यहां दोबारा|दुबारा|फिर|कभी|आगे|आज",
        "कॉल|काल|फोन|कॉल्स ?करना ?करने ?आना बंद|बन्द करो|कर|करें|कीजिए|कीजिये|कीजिएगा|करिए|करना|करवा|करवाइए",
        "मेरा|मेरे|हमारा|इस|ये|यह ?फोन ?मोबाइल नंबर|नम्बर|नाम ?अपनी ?अपने ?को ?लिस्ट ?सूची ?डेटाबेस ?सिस्टम ?रिकॉर्ड ?से ?प्लीज हटा|हटाओ|हटाइए|हटाएं|डिलीट|निकाल|निकालो|निकालिए|मिटा|मिटाइए|रिमूव",
        "लिस्ट|सूची|डेटाबेस|सिस्टम|रिकॉर्ड ?से ?मेरा ?मेरे ?मुझे ?नाम ?नंबर से|हटा|हटाओ|हटाइए|निकाल|निकालो|निकालिए ?मेरा ?मुझे ?नाम ?नंबर हटा|हटाओ|हटाइए|निकाल|निकालो|निकालिए|दो|दीजिए|दीजिये|काट",
        "मुझे ?अपनी ?अपने ?इस ?उस लिस्ट|सूची|डेटाबेस ?से हटा|हटाओ|हटाइए|निकाल|निकालो|निकालिए",
        "मुझे ?आपकी ?आपके ?आपका ?कोई ?और ?ये ?यह कॉल|काल|फोन नहीं चाहिए",
        "कोई ?और कॉल|काल|फोन नहीं चाहिए",
        "परेशान|तंग|डिस्टर्ब मत|न|ना करो|करें|कीजिए|कीजिये|कीजिएगा|करिए|करना",
        "परेशान|तंग करना बंद",
        "अनसब्सक्राइब",
    ],
    asks_at_end: &[],
    tails: &[],
    not_after: &[
        "abhi|aaj|kal|subah|raat|dopahar|shaam|baje ?ko ?ke ?se ?pehle ?baad ?mein ?mujhe",
        "अभी|आज|कल|सुबह|रात|दोपहर|शाम|बजे ?को ?के ?से ?पहले ?बाद ?में ?मुझे",
        "agar|अगर ?main|मैं",
    ],
    not_before: &[
        "abhi|aaj|kal|subah|raat|अभी|आज|कल|सुबह|रात ?ko ?को ?mein ?में",
        "mat|मत",
        "karte|karta|karti|करते|करता|करती",
    ],
    never_with: &[
        "band mat|na",
        "bandh mat",
        "बंद मत|न|ना",
        "abhi|aaj ?mujhe call|phone mat|na|nahi",
        "अभी|आज ?मुझे कॉल|काल|फोन मत|न|ना|नहीं",
        "mujhe abhi|aaj|raat ?ko call|phone",
        "मुझे अभी|आज|रात ?को कॉल|काल|फोन",
        "baje|बजे",
        "baad|बाद mein|में call|phone|कॉल|फोन",
        "mat|मत hatao|hataiye|hatana|हटाओ|हटाइए|हटाना",
        "mat|na|मत|न kaato|kato|kaatna|kaatiye|काटो|काटना|काटिए|rakhiye|rakho|रखिए|रखो",
    ],
};

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
