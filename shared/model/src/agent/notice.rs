//! That a call is recorded, in the languages that we have a sentence in.
//!
//! In any other nothing is said for the agent: a notice that the customer does not understand is none.

/// The sentence for a BCP 47 language.
pub(crate) fn of(language: &str) -> Option<&'static str> {
    let primary = language.split(['-', '_']).next().unwrap_or(language);
    Some(match primary.to_ascii_lowercase().as_str() {
        "en" => "This call is recorded.",
        "de" => "Dieses Gespräch wird aufgezeichnet.",
        "es" => "Esta llamada se graba.",
        "fr" => "Cet appel est enregistré.",
        "hi" => "यह कॉल रिकॉर्ड की जा रही है।",
        "it" => "Questa chiamata viene registrata.",
        "nl" => "Dit gesprek wordt opgenomen.",
        "pt" => "Esta chamada é gravada.",
        _other => return None,
    })
}
