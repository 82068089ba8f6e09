//! Path and query of a request, as the real service takes them.

use std::collections::BTreeSet;
use std::time::Duration;

/// Models that take a text over a WebSocket.
const MODELS: [&str; 5] = [
    "eleven_flash_v2_5",
    "eleven_flash_v2",
    "eleven_turbo_v2_5",
    "eleven_turbo_v2",
    "eleven_multilingual_v2",
];
/// Every format of the real service, though the simulation makes only µ-law.
const FORMATS: [&str; 12] = [
    "mp3_22050_32",
    "mp3_44100_32",
    "mp3_44100_64",
    "mp3_44100_96",
    "mp3_44100_128",
    "mp3_44100_192",
    "pcm_8000",
    "pcm_16000",
    "pcm_24000",
    "pcm_44100",
    "alaw_8000",
    "opus_48000_32",
];
const INACTIVITY_DEFAULT_SECONDS: u64 = 20;
const INACTIVITY_MAX_SECONDS: u64 = 180;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) voice_id: String,
    /// Every text is spoken at once instead of gathered.
    pub(super) auto_mode: bool,
    pub(super) inactivity_timeout: Duration,
}

impl Parameters {
    /// Reads path and query of the endpoint `.../{voice_id}/{endpoint}`; the error names the rule that
    /// was broken.
    pub(super) fn parse(path: &str, query: &str, endpoint: &str) -> Result<Self, String> {
        let voice_id = path
            .strip_prefix("/v1/text-to-speech/")
            .and_then(|rest| rest.strip_suffix(endpoint))
            .and_then(|rest| rest.strip_suffix('/'))
            .filter(|voice| !voice.is_empty() && !voice.contains('/'))
            .ok_or("path: no such endpoint")?;
        let websocket = endpoint != "stream";
        let mut parameters = Self {
            voice_id: voice_id.to_owned(),
            auto_mode: false,
            inactivity_timeout: Duration::from_secs(INACTIVITY_DEFAULT_SECONDS),
        };
        let mut seen = BTreeSet::new();
        let mut format = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !seen.insert(name.clone()) {
                return Err(format!("query {name}: given twice"));
            }
            let wrong = || format!("query {name}: wrong value");
            match (name.as_ref(), websocket) {
                ("output_format", _) => format = Some(value.into_owned()),
                ("enable_logging", _) => {
                    boolean(&value).ok_or_else(wrong)?;
                }
                ("optimize_streaming_latency", false) => {
                    let level: u8 = value.parse().map_err(|_not_a_number| wrong())?;
                    if level > 4 {
                        return Err(wrong());
                    }
                }
                ("model_id", true) => {
                    if !MODELS.contains(&value.as_ref()) {
                        return Err(wrong());
                    }
                }
                ("language_code", true) => check_language(&value).ok_or_else(wrong)?,
                ("auto_mode", true) => parameters.auto_mode = boolean(&value).ok_or_else(wrong)?,
                ("sync_alignment" | "enable_ssml_parsing", true) => {
                    boolean(&value).ok_or_else(wrong)?;
                }
                ("inactivity_timeout", true) => {
                    let seconds: u64 = value.parse().map_err(|_not_a_number| wrong())?;
                    if !(1..=INACTIVITY_MAX_SECONDS).contains(&seconds) {
                        return Err(wrong());
                    }
                    parameters.inactivity_timeout = Duration::from_secs(seconds);
                }
                ("apply_text_normalization", true) => {
                    if !["auto", "on", "off"].contains(&value.as_ref()) {
                        return Err(wrong());
                    }
                }
                ("seed", true) => {
                    let _seed: u32 = value.parse().map_err(|_not_a_number| wrong())?;
                }
                (_, true | false) => return Err(format!("query {name}: unknown")),
            }
        }
        match format.as_deref() {
            Some("ulaw_8000") => Ok(parameters),
            Some(known) if FORMATS.contains(&known) => {
                Err("query output_format: the simulation makes only ulaw_8000".to_owned())
            }
            Some(_) => Err("query output_format: wrong value".to_owned()),
            // The real service would send MP3, which nobody on a telephone line wants.
            None => Err("query output_format: missing".to_owned()),
        }
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _other => None,
    }
}

/// ISO 639-1.
pub(super) fn check_language(value: &str) -> Option<()> {
    (value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(())
}

/// The HTTP stream names its model in the body.
pub(super) fn is_model(name: &str) -> bool {
    MODELS.contains(&name) || name == "eleven_v3"
}
