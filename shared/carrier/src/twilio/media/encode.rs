//! Messages that go: written straight into a buffer that is used again.

use bytes::{BufMut as _, BytesMut};

/// Appends the message that plays `audio` (µ-law, 8 kHz, any length).
pub fn encode_media(stream_sid: &str, audio: &[u8], into: &mut BytesMut) {
    let base64_bytes = base64_simd::STANDARD.encoded_length(audio.len());
    into.reserve(base64_bytes + stream_sid.len() + 64);
    into.put_slice(br#"{"event":"media","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#"","media":{"payload":""#);
    let start = into.len();
    into.resize(start + base64_bytes, 0);
    if let Some(payload) = into.get_mut(start..) {
        let _written = base64_simd::STANDARD.encode(audio, base64_simd::Out::from_slice(payload));
    }
    into.put_slice(br#""}}"#);
}

/// Appends the message that comes back once everything sent before it was played.
pub fn encode_mark(stream_sid: &str, name: &str, into: &mut BytesMut) {
    into.put_slice(br#"{"event":"mark","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#"","mark":{"name":""#);
    put_escaped(name, into);
    into.put_slice(br#""}}"#);
}

/// Appends the message that empties the playback buffer; all marks still out come back at once.
pub fn encode_clear(stream_sid: &str, into: &mut BytesMut) {
    into.put_slice(br#"{"event":"clear","streamSid":""#);
    put_escaped(stream_sid, into);
    into.put_slice(br#""}"#);
}

/// The inside of a JSON string.
fn put_escaped(text: &str, into: &mut BytesMut) {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        into.put_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match c {
            '"' => into.put_slice(br#"\""#),
            '\\' => into.put_slice(br"\\"),
            '\0'..='\u{1f}' => {
                into.put_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            other => into.put_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
