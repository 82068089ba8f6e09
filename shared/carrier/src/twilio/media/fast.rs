//! Reads the usual form of an audio message by hand: one pass, nothing built, no copy.
//!
//! The usual form is compact JSON whose members are known, come once, and hold strings without an
//! escape. Their order does not matter. Everything else is `None`, which means "ask the other
//! reader", never "wrong". Where it answers, the answer is that of `slow::decode`.

use std::borrow::Cow;

use super::{number, track as track_of};
use crate::media::{Inbound, Track};

/// The message, if it is an audio message in its usual form.
pub(super) fn media(text: &str) -> Option<Inbound<'_>> {
    let mut rest = text.strip_prefix(r#"{"event":"media""#)?;
    let mut sequence = None;
    let mut stream_sid = None;
    let mut media = None;
    loop {
        if rest == "}" {
            break;
        }
        rest = rest.strip_prefix(',')?;
        if let Some(after) = rest.strip_prefix(r#""sequenceNumber":"#) {
            let (value, after) = string(after)?;
            put_once(&mut sequence, number(value)?)?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix(r#""streamSid":"#) {
            let (value, after) = string(after)?;
            put_once(&mut stream_sid, value)?;
            rest = after;
        } else {
            let (value, after) = body(rest.strip_prefix(r#""media":{"#)?)?;
            put_once(&mut media, value)?;
            rest = after;
        }
    }
    let Body {
        track,
        timestamp_ms,
        payload,
    } = media?;
    Some(Inbound::Media {
        stream_id: Cow::Borrowed(stream_sid?),
        sequence: sequence?,
        timestamp_ms,
        track,
        payload_base64: Cow::Borrowed(payload),
    })
}

struct Body<'a> {
    track: Track,
    timestamp_ms: u64,
    payload: &'a str,
}

/// The members of `media` behind its opening brace, and what follows its closing one.
fn body(mut rest: &str) -> Option<(Body<'_>, &str)> {
    let mut track = None;
    let mut chunk = None;
    let mut timestamp_ms = None;
    let mut payload = None;
    let after = loop {
        if let Some(after) = rest.strip_prefix(r#""payload":"#) {
            let (value, after) = string(after)?;
            put_once(&mut payload, value)?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix(r#""timestamp":"#) {
            let (value, after) = string(after)?;
            put_once(&mut timestamp_ms, number(value)?)?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix(r#""track":"#) {
            let (value, after) = string(after)?;
            put_once(&mut track, track_of(value))?;
            rest = after;
        } else {
            let (value, after) = string(rest.strip_prefix(r#""chunk":"#)?)?;
            put_once(&mut chunk, value)?;
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('}') {
            break after;
        }
        rest = rest.strip_prefix(',')?;
    };
    let body = Body {
        track: track?,
        timestamp_ms: timestamp_ms?,
        payload: payload?,
    };
    Some((body, after))
}

/// A JSON string without escapes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let (inside, after) = text.strip_prefix('"')?.split_once('"')?;
    // No early exit: this is the loop over the audio, and so it is done many bytes at a time.
    let odd = inside
        .as_bytes()
        .iter()
        .fold(false, |odd, byte| odd | (*byte < b' ') | (*byte == b'\\'));
    (!odd).then_some((inside, after))
}

/// Fills an empty place; a second value is not the usual form.
fn put_once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    match place {
        Some(_) => None,
        None => {
            *place = Some(value);
            Some(())
        }
    }
}
