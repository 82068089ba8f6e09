//! What lists call things, in the languages they come in.

use deunicode::deunicode;

use crate::column::Target;

/// How sure the name of a column makes it that it has phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PhoneName {
    /// Its cells have to show it: `number` is also that of a house, a customer or an order, and `Home` may be an
    /// address.
    Perhaps,
    Certain,
}

/// Whether a header names a column of phone numbers. Every word of it has to be one that goes with
/// phones: `Work Phone 2` and `Phone 1 - Value` do, `Phone Type`, `Home Fax` and `Assistant's Phone` do not.
pub(crate) fn phone_name(header: &str) -> Option<PhoneName> {
    let plain_name = plain(header);
    let name = plain_name.trim_end_matches(|char: char| char.is_ascii_digit());
    if PHONE_NAMES.contains(&name) || PHONE_NAMES.contains(&plain_name.as_str()) {
        return Some(PhoneName::Certain);
    }
    if PERHAPS_NAMES.contains(&name) {
        return Some(PhoneName::Perhaps);
    }
    let words = words(header);
    if let [word] = words.as_slice()
        && PERHAPS_PLACES.contains(&word.as_str())
    {
        return Some(PhoneName::Perhaps);
    }
    let (mut phone, mut number, mut whose) = (false, false, false);
    for word in &words {
        let word = word.as_str();
        if PHONE_WORDS.contains(&word) {
            phone = true;
        } else if NUMBER_WORDS.contains(&word) {
            number = true;
        } else if NUMBER_OWNERS.contains(&word) {
            whose = true;
        } else if !PHONE_QUALIFIERS.contains(&word)
            && !word.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
    }
    (phone || number && whose).then_some(PhoneName::Certain)
}

/// Whether it is one of a row of columns: `number1`.
pub(crate) fn is_numbered(header: &str) -> bool {
    let name = plain(header);
    let stem = name.trim_end_matches(|char: char| char.is_ascii_digit());
    stem != name && PERHAPS_NAMES.contains(&stem)
}

/// Whether a text says that a number is that of a machine nobody talks to.
pub(crate) fn says_fax(text: &str) -> bool {
    let text = plain(text);
    MACHINES.iter().any(|machine| text.contains(machine))
}

/// What a column is taken for that may hold calling codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeName {
    /// Nothing else is called so.
    Certain,
    /// The code of a country may be `44` or `GB`.
    OrCountry,
}

pub(crate) fn code_name(header: &str) -> Option<CodeName> {
    let name = plain(header);
    if CODE_NAMES.contains(&name.as_str()) {
        Some(CodeName::Certain)
    } else if CODE_OR_COUNTRY_NAMES.contains(&name.as_str()) {
        Some(CodeName::OrCountry)
    } else {
        None
    }
}

/// Letters and digits only, lower case: `Phone-Number ` and `phone_number` are the same.
pub(crate) fn plain(header: &str) -> String {
    let letters = deunicode(header);
    let kept = letters.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|char| char.to_ascii_lowercase()).collect()
}

/// The words of a header, lower case: `MobilePhone2`, `mobile_phone 2` and `Mobile Phone #2` are the same.
fn words(header: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for char in deunicode(header).chars() {
        // `Person's` is one word.
        if char == '\'' {
            continue;
        }
        if char.is_ascii_alphanumeric() {
            let goes_on = before.is_ascii_alphanumeric()
                && before.is_ascii_digit() == char.is_ascii_digit()
                && !(before.is_ascii_lowercase() && char.is_ascii_uppercase());
            let char = char.to_ascii_lowercase();
            match words.last_mut() {
                Some(word) if goes_on => word.push(char),
                Some(_) | None => words.push(char.to_string()),
            }
        }
        before = char;
    }
    words
}

/// Columns of phone numbers whose names are written in one word.
const PHONE_NAMES: &[&str] = &[
    "phonenumber",
    "e164",
    "mobilephone",
    "mobilenumber",
    "mobileno",
    "cellphone",
    "cellnumber",
    "phoneno",
    "telephonenumber",
    "contactnumber",
    "contactphone",
    "primaryphone",
    "altphone",
    "alternatephone",
    "otherphone",
    "homephone",
    "workphone",
    "businessphone",
    "officephone",
    "dayphone",
    "eveningphone",
    "phonehome",
    "phonework",
    "phonemobile",
    "msisdn",
    "whatsapp",
    "whatsappnumber",
    "handynummer",
    "mobilnummer",
    "mobiltelefon",
    "telefonnummer",
    "telefonnr",
    "festnetznummer",
    "numerodetelefono",
    "numerodetelephone",
    "numerotelefono",
    "telefoonnummer",
    "numerodetelefone",
];

/// Columns that may have phone numbers, by their name.
const PERHAPS_NAMES: &[&str] = &["number", "to"];

/// Where somebody's phone may be; such a column may have addresses as well.
const PERHAPS_PLACES: &[&str] = &["home", "work", "office"];

/// Words that only phones have.
const PHONE_WORDS: &[&str] = &[
    "phone",
    "phones",
    "ph",
    "telephone",
    "tel",
    "telno",
    "mobile",
    "mob",
    "cell",
    "cellphone",
    "cellular",
    "landline",
    "msisdn",
    "whatsapp",
    "gsm",
    "handy",
    "handynummer",
    "mobil",
    "mobilnummer",
    "mobiltelefon",
    "mobilfunk",
    "mobilfunknummer",
    "telefon",
    "telefonnummer",
    "rufnummer",
    "festnetz",
    "festnetznummer",
    "telefono",
    "telefonos",
    "movil",
    "celular",
    "telemovel",
    "portable",
    "telephonique",
    "telefone",
    "fone",
    "cellulare",
    "telefoon",
    "telefoonnummer",
    "mobiel",
    "mobiltlf",
    "tlf",
    "puhelin",
    "mobilni",
    "komorkowy",
    "mobilnyi",
];

/// Words for a number that is a phone's where it is said whose.
const NUMBER_WORDS: &[&str] = &["number", "numbers", "nummer", "numero", "num", "no", "nr"];

/// Whose number is that of a phone.
const NUMBER_OWNERS: &[&str] = &[
    "contact",
    "kontakt",
    "contacto",
    "contato",
    "home",
    "work",
    "office",
    "alternate",
    "alt",
    "alternative",
    "secondary",
    "direct",
    "callback",
];

/// Words that go with phones and say whose or which.
const PHONE_QUALIFIERS: &[&str] = &[
    "a",
    "additional",
    "address",
    "alterno",
    "altra",
    "altro",
    "ander",
    "andere",
    "anderes",
    "arbeit",
    "attributes",
    "autre",
    "backup",
    "best",
    "bill",
    "billing",
    "buero",
    "bureau",
    "buro",
    "business",
    "car",
    "casa",
    "client",
    "cliente",
    "comercial",
    "company",
    "contact",
    "corporate",
    "customer",
    "data",
    "day",
    "daytime",
    "de",
    "default",
    "del",
    "delivery",
    "di",
    "dienstlich",
    "do",
    "domicile",
    "du",
    "e",
    "e164",
    "erste",
    "evening",
    "fields",
    "fija",
    "fijo",
    "firma",
    "first",
    "fisso",
    "fixe",
    "fixo",
    "full",
    "geschaeftlich",
    "geschaftlich",
    "haupt",
    "hq",
    "huis",
    "international",
    "intl",
    "kunde",
    "kunden",
    "la",
    "lavoro",
    "lead",
    "line",
    "mailing",
    "main",
    "maison",
    "my",
    "night",
    "oficina",
    "other",
    "otra",
    "otro",
    "outro",
    "perso",
    "person",
    "personal",
    "personnel",
    "preferred",
    "primary",
    "principal",
    "principale",
    "privat",
    "private",
    "privates",
    "prive",
    "pro",
    "professionnel",
    "profile",
    "properties",
    "record",
    "residencial",
    "second",
    "secondaire",
    "secondario",
    "secundario",
    "ship",
    "shipping",
    "third",
    "thuis",
    "to",
    "trabajo",
    "trabalho",
    "traits",
    "travail",
    "tweede",
    "ufficio",
    "user",
    "value",
    "vast",
    "weitere",
    "weiteres",
    "werk",
    "work",
    "your",
    "zakelijk",
    "zweite",
    "zweites",
];

/// Machines that nobody talks to.
const MACHINES: &[&str] = &["fax", "pager", "beeper", "telex"];

/// Columns of calling codes.
const CODE_NAMES: &[&str] = &[
    "phonecode",
    "phonecountrycode",
    "callingcode",
    "callcode",
    "dialcode",
    "dialingcode",
    "diallingcode",
    "countrycallingcode",
    "countrydialcode",
    "countrydialingcode",
    "countrydiallingcode",
    "countryphonecode",
    "countryprefix",
    "internationalcode",
    "internationaldialingcode",
    "isd",
    "isdcode",
    "landervorwahl",
    "laendervorwahl",
    "landesvorwahl",
    "indicatifpays",
    "prefijointernacional",
    "prefissointernazionale",
    "ddi",
];

/// Columns of countries' codes, of whatever kind.
const CODE_OR_COUNTRY_NAMES: &[&str] = &[
    "countrycode",
    "codigopais",
    "codigodepais",
    "codigodopais",
    "codepays",
    "landcode",
    "landercode",
];

/// Columns with another meaning, best first.
pub(crate) const NAMES: &[(Target, &[&str])] = &[
    (
        Target::Zone,
        &[
            "zone",
            "timezone",
            "tz",
            "ianazone",
            "timezoneid",
            "timezonename",
            "zeitzone",
            "zonahoraria",
            "fuseauhoraire",
        ],
    ),
    (
        Target::Country,
        &[
            "country",
            "countrycode",
            "countryname",
            "land",
            "pais",
            "pays",
        ],
    ),
    (
        Target::Region,
        &[
            "region",
            "state",
            "province",
            "stateprovince",
            "stateregion",
            "provincestate",
            "regioncode",
            "statecode",
        ],
    ),
    (
        Target::PostalCode,
        &[
            "postalcode",
            "postcode",
            "zip",
            "zipcode",
            "zippostalcode",
            "zippostcode",
            "postalzipcode",
            "mailingzippostalcode",
            "mailingpostalcode",
            "billingzippostalcode",
            "billingpostalcode",
            "mailingzip",
            "billingzip",
            "homepostalcode",
            "businesspostalcode",
            "plz",
            "postleitzahl",
            "codigopostal",
            "codepostal",
            "cap",
            "cep",
            "pincode",
            "postnummer",
        ],
    ),
    (
        Target::Priority,
        &["priority", "prio", "prioritaet", "prioritat", "prioridad"],
    ),
    (
        Target::ConsentKind,
        &["consentkind", "consenttype", "consent"],
    ),
    (
        Target::ConsentAt,
        &[
            "consentat",
            "consentdate",
            "consenttime",
            "consenttimestamp",
            "consentedat",
        ],
    ),
    (
        Target::ConsentSource,
        &["consentsource", "consenturl", "consentform"],
    ),
];

/// Variables that have one name, whatever the list calls them.
pub(crate) const VARIABLE_NAMES: &[(&str, &[&str])] = &[
    (
        "first_name",
        &[
            "firstname",
            "fname",
            "givenname",
            "forename",
            "vorname",
            "nombre",
            "prenom",
            "voornaam",
            "nome",
        ],
    ),
    (
        "last_name",
        &[
            "lastname",
            "lname",
            "surname",
            "familyname",
            "nachname",
            "apellido",
            "apellidos",
            "nomdefamille",
            "achternaam",
            "cognome",
            "sobrenome",
        ],
    ),
];
