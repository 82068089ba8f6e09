//! The query of `/v1/listen`, as the real service takes it.

use std::collections::BTreeSet;

/// Silence that ends an utterance when nothing is asked for.
const ENDPOINTING_DEFAULT_MS: u64 = 10;
const ENDPOINTING_MAX_MS: u64 = 10_000;
const UTTERANCE_END_MS: std::ops::RangeInclusive<u64> = 1_000..=10_000;
/// Names that may be given more than once.
const REPEATABLE: [&str; 8] = [
    "keyterm",
    "keywords",
    "language_hint",
    "redact",
    "replace",
    "search",
    "extra",
    "tag",
];

/// What a connection asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) model: String,
    pub(super) interim_results: bool,
    /// Silence that ends an utterance, or never.
    pub(super) endpointing_ms: Option<u64>,
    pub(super) utterance_end_ms: Option<u64>,
    pub(super) vad_events: bool,
    /// Capitals and punctuation stay in the transcript.
    pub(super) punctuate: bool,
}

impl Parameters {
    /// Reads the query; the error names the rule that was broken.
    pub(super) fn parse(query: &str, models: &BTreeSet<String>) -> Result<Self, String> {
        let mut parameters = Self {
            model: String::new(),
            interim_results: false,
            endpointing_ms: Some(ENDPOINTING_DEFAULT_MS),
            utterance_end_ms: None,
            vad_events: false,
            punctuate: false,
        };
        let mut seen = BTreeSet::new();
        let mut encoding = None;
        let mut sample_rate = None;
        let mut language = "en".to_owned();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !seen.insert(name.to_string()) && !REPEATABLE.contains(&name.as_ref()) {
                return Err(format!("query {name}: given twice"));
            }
            let wrong = || format!("query {name}: wrong value");
            match name.as_ref() {
                "model" => parameters.model = value.into_owned(),
                "language" => language = value.into_owned(),
                "encoding" => encoding = Some(value.into_owned()),
                "sample_rate" => sample_rate = Some(value.into_owned()),
                "channels" => {
                    if value != "1" {
                        return Err("query channels: the simulation hears one channel".to_owned());
                    }
                }
                "interim_results" => {
                    parameters.interim_results = boolean(&value).ok_or_else(wrong)?;
                }
                "vad_events" => parameters.vad_events = boolean(&value).ok_or_else(wrong)?,
                "endpointing" => {
                    parameters.endpointing_ms = match value.as_ref() {
                        "false" => None,
                        "true" => Some(ENDPOINTING_DEFAULT_MS),
                        number => {
                            let ms: u64 = number.parse().map_err(|_not_a_number| wrong())?;
                            Some(ms)
                                .filter(|ms| *ms <= ENDPOINTING_MAX_MS)
                                .ok_or_else(wrong)?
                                .into()
                        }
                    };
                }
                "utterance_end_ms" => {
                    let ms: u64 = value.parse().map_err(|_not_a_number| wrong())?;
                    if !UTTERANCE_END_MS.contains(&ms) {
                        return Err(wrong());
                    }
                    parameters.utterance_end_ms = Some(ms);
                }
                "smart_format" | "punctuate" => {
                    parameters.punctuate |= boolean(&value).ok_or_else(wrong)?;
                }
                "multichannel" | "numerals" | "dictation" | "profanity_filter" | "diarize"
                | "detect_entities" | "mip_opt_out" => {
                    boolean(&value).ok_or_else(wrong)?;
                }
                "keyterm" | "keywords" | "language_hint" | "redact" | "replace" | "search"
                | "extra" | "tag" | "callback" | "version" | "diarize_model" => {
                    if value.is_empty() {
                        return Err(wrong());
                    }
                }
                _unknown => return Err(format!("query {name}: unknown")),
            }
        }
        if parameters.model.is_empty() {
            return Err("query model: missing".to_owned());
        }
        let public = ["nova-3", "nova-2"].iter().any(|family| {
            parameters.model == *family || parameters.model.starts_with(&format!("{family}-"))
        });
        if !public && !models.contains(&parameters.model) {
            return Err("query model: no such model".to_owned());
        }
        if seen.contains("keyterm") && !parameters.model.starts_with("nova-3") {
            return Err("query keyterm: only with nova-3".to_owned());
        }
        if seen.contains("language_hint") && language != "multi" {
            return Err("query language_hint: only with language=multi".to_owned());
        }
        let known = |char: char| char.is_ascii_alphanumeric() || char == '-';
        if language.is_empty() || !language.chars().all(known) {
            return Err("query language: wrong value".to_owned());
        }
        match (encoding.as_deref(), sample_rate.as_deref()) {
            (Some("mulaw"), Some("8000")) => {}
            (None, _) => return Err("query encoding: missing for raw audio".to_owned()),
            (_, None) => return Err("query sample_rate: missing for raw audio".to_owned()),
            (Some(_), Some(_)) => {
                return Err("query encoding: the simulation hears mulaw at 8000".to_owned());
            }
        }
        if parameters.utterance_end_ms.is_some() && !parameters.interim_results {
            return Err("query utterance_end_ms: needs interim_results=true".to_owned());
        }
        Ok(parameters)
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _other => None,
    }
}
