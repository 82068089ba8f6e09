//! What must hold for any input to the parsers of Twilio's side: used by the fuzz targets and by the
//! replay of the corpora in `tests/it`.

use bytes::BytesMut;
use carrier::media::{Inbound, MESSAGE_BYTES_MAX, MediaCodec as _, Track};
use carrier::twilio::media::{self, MediaStreams};
use carrier::twilio::signature::{self, Tokens};
use carrier::twilio::webhook::{
    AmdCallback, Form, RecordingCallback, StatusCallback, StreamCallback, VoiceRequest,
};
use serde_json::{Value, json};
use settings::Secret;

/// A message of a media socket.
///
/// - No text makes the reader panic.
/// - White space at the end changes nothing; with it a message is never in its usual form, so that the
///   short way of reading is held against the long one.
/// - A message that was read, written as documented, is read as the same message.
/// - Audio that was read, sent and read again, is the same audio; base64 that cannot be read leaves
///   the buffer as it was.
/// - Any bytes can be sent as audio, and any text as identifier and mark, in exactly the documented
///   members.
pub(super) fn media(data: &[u8]) {
    sends_exactly("MZ0", "u1-s0", data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    sends_exactly(text, text, &[]);
    let mut buffer = vec![7];
    if MediaStreams.decode_payload(text, &mut buffer).is_err() {
        assert_eq!(buffer, [7], "a failed reading changed the buffer");
    }
    let read = media::decode(text);
    let spaced = format!("{text} ");
    if spaced.len() <= MESSAGE_BYTES_MAX {
        assert_eq!(read, media::decode(&spaced), "{text}");
    }
    let Ok(message) = read else {
        return;
    };
    if let Some(written) = written(&message) {
        assert_eq!(media::decode(&written), Ok(message.clone()), "{written}");
    }
    if let Inbound::Media { payload_base64, .. } = &message {
        let mut audio = Vec::new();
        if MediaStreams
            .decode_payload(payload_base64, &mut audio)
            .is_ok()
        {
            sends_exactly("MZ0", "u1-s0", &audio);
        }
    }
}

/// A webhook: the body, or a line with the URL and then the body.
///
/// - No body makes the form or a typed reading panic.
/// - A form that was read, written and read again, is the same form.
/// - What we sign we believe; with one field more, or another token, we do not.
pub(super) fn webhook(data: &[u8]) {
    let (url, body) = match data.split(|byte| *byte == b'\n').next() {
        Some(line) if line.len() < data.len() => (line, &data[line.len() + 1..]),
        Some(_) | None => (
            &b"https://dialer.example.com/carriers/twilio/status"[..],
            data,
        ),
    };
    let Ok(form) = Form::parse(body) else {
        return;
    };
    let again = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form.fields())
        .finish();
    // Escaping lengthens; a form at the limit may be over it when it is written again.
    if let Ok(again) = Form::parse(again.as_bytes()) {
        assert_eq!(again, form, "written again it is another form");
    }
    let readings = [
        VoiceRequest::try_from(&form).is_ok(),
        StatusCallback::try_from(&form).is_ok(),
        AmdCallback::try_from(&form).is_ok(),
        RecordingCallback::try_from(&form).is_ok(),
        StreamCallback::try_from(&form).is_ok(),
    ];
    if form.fields().is_empty() {
        assert_eq!(readings, [false; 5], "an empty form was read as something");
    }
    signed(&String::from_utf8_lossy(url), &form, body);
}

fn signed(url: &str, form: &Form, body: &[u8]) {
    let token = Secret::new("12345".to_owned());
    let tokens = Tokens::new(token.clone());
    let signature = signature::sign_form(&token, url, form.fields());
    let told = Some(signature.as_str());
    let believed = signature::verify_form(&tokens, url, form.fields(), told);
    // Where the URL has no host nothing is believed; elsewhere what was signed is, unless the URL
    // writes its port in a way that only the sender would.
    if believed.is_ok() {
        let mut more = form.fields().to_vec();
        more.push(("zz-more".to_owned(), signature.clone()));
        assert!(signature::verify_form(&tokens, url, &more, told).is_err());
        let other = Tokens::new(Secret::new("54321".to_owned()));
        assert!(signature::verify_form(&other, url, form.fields(), told).is_err());
    }
    assert!(signature::verify_form(&tokens, url, form.fields(), None).is_err());
    let _any = signature::verify_json(&tokens, url, body, told).is_ok();
    let _any = signature::verify_websocket(&tokens, url, told).is_ok();
}

fn sends_exactly(stream_id: &str, name: &str, audio: &[u8]) {
    let mut text = BytesMut::new();
    media::encode_media(stream_id, audio, &mut text);
    let sent: Value = serde_json::from_slice(&text).unwrap();
    let payload = sent["media"]["payload"].as_str().unwrap();
    let expected = json!({"event": "media", "streamSid": stream_id, "media": {"payload": payload}});
    assert_eq!(sent, expected);
    let mut heard = Vec::new();
    MediaStreams.decode_payload(payload, &mut heard).unwrap();
    assert_eq!(heard, audio, "what was heard is not what was sent");
    text.clear();
    media::encode_mark(stream_id, name, &mut text);
    let sent: Value = serde_json::from_slice(&text).unwrap();
    let expected = json!({"event": "mark", "streamSid": stream_id, "mark": {"name": name}});
    assert_eq!(sent, expected);
    text.clear();
    media::encode_clear(stream_id, &mut text);
    let sent: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(sent, json!({"event": "clear", "streamSid": stream_id}));
}

/// The message as the carrier would write it; `None` where there is nothing to write (a message of an
/// unknown kind) or it would be longer than is read.
fn written(message: &Inbound<'_>) -> Option<String> {
    let stream_id = message.stream_id();
    let sequence = message.sequence().map(|number| number.to_string());
    let json = match message {
        Inbound::Connected => json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
        Inbound::Start(start) => {
            let mut parameters = serde_json::Map::new();
            for (name, value) in &start.custom_parameters {
                let twice = parameters.insert(name.to_string(), json!(value)).is_some();
                if twice {
                    return None;
                }
            }
            // A map writes its members in the order of names.
            if !start.custom_parameters.is_sorted() {
                return None;
            }
            json!({
                "event": "start", "sequenceNumber": sequence, "streamSid": stream_id,
                "start": {
                    "streamSid": stream_id, "accountSid": start.account_id, "callSid": start.call_id,
                    "tracks": ["inbound"], "customParameters": parameters,
                    "mediaFormat": {
                        "encoding": start.format.encoding,
                        "sampleRate": start.format.sample_rate_hz,
                        "channels": start.format.channels,
                    },
                },
            })
        }
        Inbound::Media {
            timestamp_ms,
            track,
            payload_base64,
            ..
        } => json!({
            "event": "media", "sequenceNumber": sequence, "streamSid": stream_id,
            "media": {
                "track": match track { Track::Inbound => "inbound", Track::Other => "outbound" },
                "chunk": "1", "timestamp": timestamp_ms.to_string(), "payload": payload_base64,
            },
        }),
        Inbound::Dtmf { digit, .. } => json!({
            "event": "dtmf", "sequenceNumber": sequence, "streamSid": stream_id,
            "dtmf": {"track": "inbound_track", "digit": digit.to_string()},
        }),
        Inbound::Mark { name, .. } => json!({
            "event": "mark", "sequenceNumber": sequence, "streamSid": stream_id, "mark": {"name": name},
        }),
        Inbound::Stop { .. } => json!({
            "event": "stop", "sequenceNumber": sequence, "streamSid": stream_id, "stop": {},
        }),
        Inbound::Unknown => return None,
    };
    let text = json.to_string();
    (text.len() <= MESSAGE_BYTES_MAX).then_some(text)
}
