//! What a client may send on the multi-context socket, with no field more.

use serde::Deserialize;

/// Stability and the like; each in its range.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoiceSettings {
    stability: Option<f64>,
    similarity_boost: Option<f64>,
    style: Option<f64>,
    #[serde(rename = "use_speaker_boost")]
    _use_speaker_boost: Option<bool>,
    pub(super) speed: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GenerationConfig {
    pub(super) chunk_length_schedule: Option<Vec<u32>>,
}

/// Any message, before its meaning is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    text: Option<String>,
    context_id: Option<String>,
    voice_settings: Option<VoiceSettings>,
    generation_config: Option<GenerationConfig>,
    #[serde(default)]
    flush: bool,
    close_context: Option<bool>,
    close_socket: Option<bool>,
}

/// A message with its meaning.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// Text for a context; an empty one keeps it alive.
    Text {
        context: String,
        text: String,
        voice_settings: Option<VoiceSettings>,
        generation_config: Option<GenerationConfig>,
        flush: bool,
    },
    Flush {
        context: String,
    },
    CloseContext {
        context: String,
    },
    CloseSocket,
}

const CONTEXT_ID_CHARS_MAX: usize = 128;

impl Message {
    /// Reads a message; the error names the rule that was broken, never what was said.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|problem| match problem.classify() {
            serde_json::error::Category::Data => format!("message: {}", rule(&problem.to_string())),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "message: not JSON".to_owned(),
        })?;
        if let Some(close) = raw.close_socket {
            let alone =
                raw.text.is_none() && raw.context_id.is_none() && raw.close_context.is_none();
            return match close && alone {
                true => Ok(Self::CloseSocket),
                false => Err("close_socket: must be true and alone".to_owned()),
            };
        }
        let context = raw.context_id.unwrap_or_else(|| "default".to_owned());
        if context.is_empty() || context.chars().count() > CONTEXT_ID_CHARS_MAX {
            return Err("context_id: wrong length".to_owned());
        }
        let settled = raw.voice_settings.is_some() || raw.generation_config.is_some();
        match (raw.text, raw.close_context) {
            (Some(_), Some(_)) => Err("close_context: not together with text".to_owned()),
            (None, Some(true)) if !settled && !raw.flush => Ok(Self::CloseContext { context }),
            (None, Some(_)) => Err("close_context: must be true and alone".to_owned()),
            (None, None) if raw.flush && !settled => Ok(Self::Flush { context }),
            (None, None) => Err("text: missing".to_owned()),
            (Some(text), None) => {
                if let Some(settings) = &raw.voice_settings {
                    settings.check()?;
                }
                if let Some(config) = &raw.generation_config {
                    config.check()?;
                }
                Ok(Self::Text {
                    context,
                    text,
                    voice_settings: raw.voice_settings,
                    generation_config: raw.generation_config,
                    flush: raw.flush,
                })
            }
        }
    }
}

impl VoiceSettings {
    pub(super) fn check(&self) -> Result<(), String> {
        let ranges = [
            ("stability", self.stability, 0.0..=1.0),
            ("similarity_boost", self.similarity_boost, 0.0..=1.0),
            ("style", self.style, 0.0..=1.0),
            ("speed", self.speed, 0.7..=1.2),
        ];
        for (name, value, range) in ranges {
            if value.is_some_and(|value| !range.contains(&value)) {
                return Err(format!("voice_settings.{name}: out of range"));
            }
        }
        Ok(())
    }

    /// Speed in percent; as spoken by [`crate::voice::Voice::at_rate`].
    pub(super) fn rate_percent(&self) -> u32 {
        let speed = self.speed.unwrap_or(1.0);
        (70..=120)
            .find(|percent| f64::from(*percent) >= speed * 100.0 - 0.5)
            .unwrap_or(100)
    }
}

impl GenerationConfig {
    fn check(&self) -> Result<(), String> {
        let Some(schedule) = &self.chunk_length_schedule else {
            return Ok(());
        };
        if schedule.is_empty() || schedule.iter().any(|chars| !(50..=500).contains(chars)) {
            return Err("generation_config.chunk_length_schedule: items are 50 to 500".to_owned());
        }
        Ok(())
    }
}

/// The beginning of serde's words, which names a field but repeats no value.
fn rule(problem: &str) -> String {
    match problem
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'))
    {
        Some((field, _)) => format!("unknown field {field}"),
        None => "wrong type of a field".to_owned(),
    }
}
