//! TwiML: the instructions that a call follows, written with a real XML writer.
//!
//! Only the verbs that the product uses. Values are escaped by the writer; a character that XML
//! cannot carry is an error, never dropped. A document is checked against the limits of Twilio
//! before it exists as a [`Twiml`], so whoever holds one can send it.

use std::collections::BTreeSet;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use url::Url;

use crate::instructions::{
    AwaitKey, Instruction, Instructions, InstructionsProblem, Reject, Stream,
};

/// The most characters of a document given inline to the create request
/// (`docs/protocols/twilio-voice.md#creating-a-call`).
pub const TWIML_CHARS_MAX: usize = 4_000;

/// Name and value of one `<Parameter>` must be shorter than this together
/// (`docs/protocols/twilio-media-streams.md#the-stream-verb`).
pub const PARAMETER_CHARS_LIMIT: usize = 500;

/// The media type to answer a webhook with.
pub const CONTENT_TYPE: &str = "text/xml";

/// A finished document within all limits.
///
/// `Debug` shows only its length: parameters carry one-use tokens and spoken text is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Twiml(String);

impl Twiml {
    /// The document, as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ends the call: what is left where nothing else can be written.
#[must_use]
pub fn hang_up() -> Twiml {
    Twiml(write_infallibly(&[Instruction::HangUp]))
}

/// Checks every limit and writes the document.
///
/// # Errors
/// See [`InstructionsProblem`].
pub fn write(instructions: &Instructions) -> Result<Twiml, InstructionsProblem> {
    let steps = instructions.steps();
    if steps.is_empty() {
        return Err(InstructionsProblem::Empty);
    }
    for step in steps {
        check(step)?;
    }
    let document = write_infallibly(steps);
    let chars = document.chars().count();
    if chars > TWIML_CHARS_MAX {
        return Err(InstructionsProblem::TooLong {
            chars,
            max: TWIML_CHARS_MAX,
        });
    }
    Ok(Twiml(document))
}

fn check(step: &Instruction) -> Result<(), InstructionsProblem> {
    match step {
        Instruction::Stream(stream) => check_stream(stream),
        Instruction::Redirect(url) => check_callback(url),
        Instruction::Say { text, language } => check_say(text, language),
        Instruction::AwaitKey(wait) => {
            check_callback(&wait.pressed)?;
            check_say(&wait.text, &wait.language)
        }
        Instruction::Pause { .. } | Instruction::HangUp | Instruction::Reject(_) => Ok(()),
    }
}

fn check_say(text: &str, language: &str) -> Result<(), InstructionsProblem> {
    check_text(text)?;
    check_attribute(language)
}

fn check_stream(stream: &Stream) -> Result<(), InstructionsProblem> {
    let scheme_fits = ["wss", "ws"].contains(&stream.url.scheme());
    let bare = stream.url.query().is_none() && stream.url.fragment().is_none();
    if !scheme_fits || !bare || !stream.url.has_host() {
        return Err(InstructionsProblem::StreamUrl);
    }
    if let Some(callback) = &stream.status_callback {
        check_callback(callback)?;
    }
    let mut names = BTreeSet::new();
    for (name, value) in &stream.parameters {
        if name.is_empty() || !names.insert(name) {
            return Err(InstructionsProblem::ParameterName);
        }
        if name.chars().count() + value.chars().count() >= PARAMETER_CHARS_LIMIT {
            return Err(InstructionsProblem::ParameterTooLong {
                max: PARAMETER_CHARS_LIMIT - 1,
            });
        }
        check_attribute(name)?;
        check_attribute(value)?;
    }
    Ok(())
}

/// Callback URLs are absolute; their host has no underscore (`docs/protocols/twilio-voice.md#creating-a-call`).
pub(crate) fn check_callback(url: &Url) -> Result<(), InstructionsProblem> {
    let scheme_fits = ["https", "http"].contains(&url.scheme());
    let host_fits = url
        .host_str()
        .is_some_and(|host| !host.is_empty() && !host.contains('_'));
    if scheme_fits && host_fits {
        Ok(())
    } else {
        Err(InstructionsProblem::CallbackUrl)
    }
}

/// XML 1.0 has no way to write most control characters, not even escaped (W3C XML 1.0, `Char`). A
/// carriage return in text would arrive as a line feed.
fn check_text(text: &str) -> Result<(), InstructionsProblem> {
    let arrives = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(arrives) {
        Ok(())
    } else {
        Err(InstructionsProblem::Character)
    }
}

/// In an attribute white space other than a space would arrive as a space.
fn check_attribute(text: &str) -> Result<(), InstructionsProblem> {
    if text.contains(['\t', '\n']) {
        return Err(InstructionsProblem::Character);
    }
    check_text(text)
}

fn write_infallibly(steps: &[Instruction]) -> String {
    let mut bytes = Vec::with_capacity(512);
    #[expect(clippy::expect_used, reason = "writing into memory does not fail")]
    write_all(steps, &mut Writer::new(&mut bytes)).expect("memory");
    #[expect(clippy::expect_used, reason = "the writer is given text only")]
    String::from_utf8(bytes).expect("text")
}

fn write_all(steps: &[Instruction], xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("Response")))?;
    for step in steps {
        write_one(step, xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("Response")))
}

fn write_one(step: &Instruction, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    match step {
        Instruction::Stream(stream) => {
            xml.write_event(Event::Start(BytesStart::new("Connect")))?;
            write_stream(stream, xml)?;
            xml.write_event(Event::End(BytesEnd::new("Connect")))
        }
        Instruction::Redirect(url) => {
            let start = BytesStart::new("Redirect").with_attributes([("method", "POST")]);
            write_text(xml, start, url.as_str())
        }
        Instruction::Say { text, language } => write_say(text, language, xml),
        Instruction::AwaitKey(wait) => write_gather(wait, xml),
        Instruction::Pause { seconds } => {
            let mut pause = BytesStart::new("Pause");
            pause.push_attribute(("length", seconds.to_string().as_str()));
            xml.write_event(Event::Empty(pause))
        }
        Instruction::HangUp => xml.write_event(Event::Empty(BytesStart::new("Hangup"))),
        Instruction::Reject(why) => {
            let reason = match why {
                Reject::NotInService => "rejected",
                Reject::Busy => "busy",
            };
            let reject = BytesStart::new("Reject").with_attributes([("reason", reason)]);
            xml.write_event(Event::Empty(reject))
        }
    }
}

fn write_say(text: &str, language: &str, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let mut start = BytesStart::new("Say");
    if !language.is_empty() {
        start.push_attribute(("language", language));
    }
    write_text(xml, start, text)
}

/// One key ends it, whichever: without a `finishOnKey` of nothing `#` would end it and be told to nobody
/// (`docs/protocols/twilio-voice.md#twiml`).
fn write_gather(wait: &AwaitKey, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let gather = BytesStart::new("Gather").with_attributes([
        ("input", "dtmf"),
        ("numDigits", "1"),
        ("finishOnKey", ""),
        ("timeout", wait.seconds.to_string().as_str()),
        ("action", wait.pressed.as_str()),
        ("method", "POST"),
    ]);
    if wait.text.is_empty() {
        return xml.write_event(Event::Empty(gather));
    }
    xml.write_event(Event::Start(gather))?;
    write_say(&wait.text, &wait.language, xml)?;
    xml.write_event(Event::End(BytesEnd::new("Gather")))
}

fn write_stream(stream: &Stream, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let mut start = BytesStart::new("Stream");
    start.push_attribute(("url", stream.url.as_str()));
    if let Some(callback) = &stream.status_callback {
        start.push_attribute(("statusCallback", callback.as_str()));
        start.push_attribute(("statusCallbackMethod", "POST"));
    }
    xml.write_event(Event::Start(start))?;
    for (name, value) in &stream.parameters {
        let mut parameter = BytesStart::new("Parameter");
        parameter.push_attribute(("name", name.as_str()));
        parameter.push_attribute(("value", value.as_str()));
        xml.write_event(Event::Empty(parameter))?;
    }
    xml.write_event(Event::End(BytesEnd::new("Stream")))
}

fn write_text(
    xml: &mut Writer<&mut Vec<u8>>,
    start: BytesStart<'_>,
    text: &str,
) -> std::io::Result<()> {
    let end = start.to_end().into_owned();
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(text)))?;
    xml.write_event(Event::End(end))
}

impl std::fmt::Debug for Twiml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Twiml({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
