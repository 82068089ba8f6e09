//! What lists call things, in the languages they come in.

use deunicode::deunicode;

use crate::column::Target;

/// Columns of phone numbers, best first.
pub(crate) const NUMBER_NAMES: &[&str] = &[
    "number",
    "phonenumber",
    "e164",
    "mobile",
    "mobilephone",
    "mobilenumber",
    "mobileno",
    "cell",
    "cellphone",
    "cellnumber",
    "phone",
    "phoneno",
    "telephone",
    "telephonenumber",
    "tel",
    "contactnumber",
    "primaryphone",
    "msisdn",
    "whatsapp",
    "whatsappnumber",
    "handy",
    "handynummer",
    "mobil",
    "mobilnummer",
    "mobiltelefon",
    "telefon",
    "telefonnummer",
    "rufnummer",
    "telefono",
    "numerodetelefono",
    "movil",
    "celular",
    "portable",
    "numerodetelephone",
    "telefone",
    "cellulare",
    "telefoonnummer",
    "mobiel",
    "homephone",
    "workphone",
    "businessphone",
    "phone1",
    "phone2",
    "to",
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

/// Letters and digits only, lower case: `Phone-Number ` and `phone_number` are the same.
pub(crate) fn plain(text: &str) -> String {
    let letters = deunicode(text);
    let kept = letters.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|char| char.to_ascii_lowercase()).collect()
}
