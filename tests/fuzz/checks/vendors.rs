//! What must hold for any input to the parsers of vendors' messages: used by the fuzz targets and by
//! the replay of the corpora in `tests/it`.

use std::time::Duration;

use conversation::{Generation, GenerationId, Recognition};
use model::AudioPosition;
use providers::llm::openai::codec as openai;
use providers::sse;
use providers::stt::deepgram::codec as deepgram;
use providers::tts::elevenlabs::codec as elevenlabs;

/// A text message of Deepgram's.
///
/// - No text makes the reader panic.
/// - No time lies outside the audio that was sent, and no stretch ends before it starts.
/// - The place of the connection in the call moves every time by the same amount.
pub(super) fn deepgram(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let scale = |start_ms| deepgram::Scale {
        start: AudioPosition::from_millis(start_ms),
        end: AudioPosition::from_millis(start_ms + 60_000),
    };
    let (early, late) = (scale(0), scale(7_000));
    let read = deepgram::decode(text, early);
    let moved = deepgram::decode(text, late);
    assert_eq!(read.is_ok(), moved.is_ok());
    let (Ok(read), Ok(moved)) = (read, moved) else {
        return;
    };
    let (read, moved) = (times(&read), times(&moved));
    assert!(read.is_sorted(), "{read:?}");
    assert_eq!(read.len(), moved.len());
    for (read, moved) in read.into_iter().zip(moved) {
        assert!(read <= early.end);
        assert_eq!(read + Duration::from_secs(7), moved);
    }
}

/// A text message of ElevenLabs'.
///
/// - No text makes the reader panic.
/// - White space around it changes nothing.
pub(super) fn elevenlabs(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let spaced = format!(" {text}\n");
    let spaced = elevenlabs::decode(&spaced);
    assert_eq!(elevenlabs::decode(text), spaced);
    if let Ok(message) = spaced {
        let timed = message
            .alignment
            .map_or(0, |alignment| alignment.chars.len());
        assert!(timed <= text.len() && message.audio.len() <= text.len());
    }
}

/// The bytes of a streamed answer.
///
/// - No bytes make the reader panic.
/// - Cutting them anywhere changes no event.
/// - There is exactly one last event, and it is the last; no answer is longer than its limits.
pub(super) fn openai_sse(data: &[u8]) {
    let whole = answer(&[data]);
    let last =
        |event: &Generation| matches!(event, Generation::Finished { .. } | Generation::Failed(_));
    assert_eq!(whole.iter().filter(|event| last(event)).count(), 1);
    assert!(whole.last().is_some_and(last));
    let (mut text_bytes, mut calls) = (0, 0);
    for event in &whole {
        match event {
            Generation::Text(text) => text_bytes += text.len(),
            Generation::ToolCall { arguments, .. } => {
                calls += 1;
                assert!(arguments.len() <= openai::ARGUMENTS_BYTES_MAX);
            }
            Generation::Finished { .. } | Generation::Failed(_) => {}
        }
    }
    assert!(text_bytes <= openai::ANSWER_BYTES_MAX && calls <= openai::TOOL_CALLS_MAX);
    // A piece longer than an event may be is only noticed when it is whole.
    if data.len() <= sse::EVENT_BYTES_MAX {
        let middle = data.split_at(data.len() / 2);
        assert_eq!(answer(&[middle.0, middle.1]), whole, "cut in two");
        let bytes: Vec<_> = data.chunks(1).collect();
        assert_eq!(answer(&bytes), whole, "cut into bytes");
    }
    let _any = openai::error_kind(&String::from_utf8_lossy(data));
}

fn answer(pieces: &[&[u8]]) -> Vec<Generation> {
    let mut answer = openai::Answer::new(GenerationId(0));
    let mut events = Vec::new();
    for piece in pieces {
        answer.push(piece);
        events.extend(std::iter::from_fn(|| answer.next_event()));
    }
    answer.end();
    events.extend(std::iter::from_fn(|| answer.next_event()));
    events
}

/// The times in a message, in the order in which they must be.
fn times(message: &deepgram::Message) -> Vec<AudioPosition> {
    let deepgram::Message::Heard(heard) = message else {
        return Vec::new();
    };
    match heard {
        Recognition::SpeechStarted { at } => vec![*at],
        Recognition::Interim { end, .. } => vec![*end],
        Recognition::Final { start, end, .. } => vec![*start, *end],
        Recognition::Opened | Recognition::UtteranceEnded | Recognition::Lost(_) => Vec::new(),
    }
}
