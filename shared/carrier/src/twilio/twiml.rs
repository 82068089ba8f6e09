//! TwiML: the instructions that a call follows, written with a real XML writer.
//!
//! Only the verbs that the product uses. Values are escaped by the writer; a character that XML
//! cannot carry is an error, never dropped. A document is checked against the limits of Twilio
//! before it exists as a [`Twiml`], so whoever holds one can send it.

use std::collections::BTreeSet;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use url::Url;

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

/// What a call does, step by step.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    verbs: Vec<Verb>,
}

/// A two-way media stream to our worker.
#[derive(Clone)]
pub struct Stream {
    /// `wss`, or `ws` towards a simulated carrier; no query and no fragment, which Twilio drops.
    pub url: Url,
    /// Where the carrier tells of the stream's start, stop and errors.
    pub status_callback: Option<Url>,
    /// What arrives again in the stream's start message. Names are unique.
    pub parameters: Vec<(String, String)>,
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// "The number you have dialled is not in service."
    NotInService,
    /// A busy tone.
    Busy,
}

/// Why a document cannot be sent. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TwimlProblem {
    #[error("the document has {chars} characters, more than {TWIML_CHARS_MAX}")]
    TooLong { chars: usize },
    #[error("name and value of a parameter have {PARAMETER_CHARS_LIMIT} characters or more")]
    ParameterTooLong,
    #[error("a parameter's name is empty or comes twice")]
    ParameterName,
    #[error("a stream's URL has scheme wss (or ws on a laptop) and no query or fragment")]
    StreamUrl,
    #[error("a callback's URL has scheme https or http, and a host without underscore")]
    CallbackUrl,
    #[error("a character that XML cannot carry")]
    Character,
    #[error("the document has no instruction")]
    Empty,
}

#[derive(Debug, Clone)]
enum Verb {
    Connect(Stream),
    Redirect(Url),
    Say { text: String, language: String },
    Pause { seconds: u8 },
    Hangup,
    Reject(Reject),
}

impl Twiml {
    /// The document, as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ends the call.
#[must_use]
pub fn hang_up() -> Twiml {
    Twiml(write_infallibly(&[Verb::Hangup]))
}

/// Does not take an inbound call.
#[must_use]
pub fn reject(why: Reject) -> Twiml {
    Twiml(write_infallibly(&[Verb::Reject(why)]))
}

/// Hands the call to our worker and asks `resume` what to do once the worker's socket is closed, for
/// whatever reason.
///
/// # Errors
/// See [`TwimlProblem`].
pub fn connect_stream(stream: Stream, resume: Url) -> Result<Twiml, TwimlProblem> {
    Builder::default().connect(stream).redirect(resume).finish()
}

/// Says a sentence with the carrier's own voice and ends the call: the last resort when no worker
/// can speak. `language` is BCP 47, as in `en-US`.
///
/// # Errors
/// See [`TwimlProblem`].
pub fn say_and_hang_up(text: &str, language: &str) -> Result<Twiml, TwimlProblem> {
    Builder::default().say(text, language).hang_up().finish()
}

impl Builder {
    /// Blocks until our server closes the stream's socket.
    #[must_use]
    pub fn connect(self, stream: Stream) -> Self {
        self.then(Verb::Connect(stream))
    }

    /// Goes on with the document that a POST to `url` answers.
    #[must_use]
    pub fn redirect(self, url: Url) -> Self {
        self.then(Verb::Redirect(url))
    }

    #[must_use]
    pub fn say(self, text: &str, language: &str) -> Self {
        self.then(Verb::Say {
            text: text.to_owned(),
            language: language.to_owned(),
        })
    }

    #[must_use]
    pub fn pause(self, seconds: u8) -> Self {
        self.then(Verb::Pause { seconds })
    }

    #[must_use]
    pub fn hang_up(self) -> Self {
        self.then(Verb::Hangup)
    }

    /// Checks every limit and writes the document.
    ///
    /// # Errors
    /// See [`TwimlProblem`].
    pub fn finish(self) -> Result<Twiml, TwimlProblem> {
        if self.verbs.is_empty() {
            return Err(TwimlProblem::Empty);
        }
        for verb in &self.verbs {
            verb.check()?;
        }
        let document = write_infallibly(&self.verbs);
        let chars = document.chars().count();
        if chars > TWIML_CHARS_MAX {
            return Err(TwimlProblem::TooLong { chars });
        }
        Ok(Twiml(document))
    }

    fn then(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }
}

impl Verb {
    fn check(&self) -> Result<(), TwimlProblem> {
        match self {
            Self::Connect(stream) => stream.check(),
            Self::Redirect(url) => check_callback(url),
            Self::Say { text, language } => {
                check_text(text)?;
                check_attribute(language)
            }
            Self::Pause { .. } | Self::Hangup | Self::Reject(_) => Ok(()),
        }
    }
}

impl Stream {
    fn check(&self) -> Result<(), TwimlProblem> {
        let scheme_fits = ["wss", "ws"].contains(&self.url.scheme());
        let bare = self.url.query().is_none() && self.url.fragment().is_none();
        if !scheme_fits || !bare || !self.url.has_host() {
            return Err(TwimlProblem::StreamUrl);
        }
        if let Some(callback) = &self.status_callback {
            check_callback(callback)?;
        }
        let mut names = BTreeSet::new();
        for (name, value) in &self.parameters {
            if name.is_empty() || !names.insert(name) {
                return Err(TwimlProblem::ParameterName);
            }
            if name.chars().count() + value.chars().count() >= PARAMETER_CHARS_LIMIT {
                return Err(TwimlProblem::ParameterTooLong);
            }
            check_attribute(name)?;
            check_attribute(value)?;
        }
        Ok(())
    }
}

/// Callback URLs are absolute; their host has no underscore (`docs/protocols/twilio-voice.md#creating-a-call`).
pub(crate) fn check_callback(url: &Url) -> Result<(), TwimlProblem> {
    let scheme_fits = ["https", "http"].contains(&url.scheme());
    let host_fits = url
        .host_str()
        .is_some_and(|host| !host.is_empty() && !host.contains('_'));
    if scheme_fits && host_fits {
        Ok(())
    } else {
        Err(TwimlProblem::CallbackUrl)
    }
}

/// XML 1.0 has no way to write most control characters, not even escaped (W3C XML 1.0, `Char`). A
/// carriage return in text would arrive as a line feed.
fn check_text(text: &str) -> Result<(), TwimlProblem> {
    let arrives = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(arrives) {
        Ok(())
    } else {
        Err(TwimlProblem::Character)
    }
}

/// In an attribute white space other than a space would arrive as a space.
fn check_attribute(text: &str) -> Result<(), TwimlProblem> {
    if text.contains(['\t', '\n']) {
        return Err(TwimlProblem::Character);
    }
    check_text(text)
}

fn write_infallibly(verbs: &[Verb]) -> String {
    let mut bytes = Vec::with_capacity(512);
    #[expect(clippy::expect_used, reason = "writing into memory does not fail")]
    write(verbs, &mut Writer::new(&mut bytes)).expect("memory");
    #[expect(clippy::expect_used, reason = "the writer is given text only")]
    String::from_utf8(bytes).expect("text")
}

fn write(verbs: &[Verb], xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("Response")))?;
    for verb in verbs {
        verb.write(xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("Response")))
}

impl Verb {
    fn write(&self, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
        match self {
            Self::Connect(stream) => {
                xml.write_event(Event::Start(BytesStart::new("Connect")))?;
                stream.write(xml)?;
                xml.write_event(Event::End(BytesEnd::new("Connect")))
            }
            Self::Redirect(url) => {
                let start = BytesStart::new("Redirect").with_attributes([("method", "POST")]);
                write_text(xml, start, url.as_str())
            }
            Self::Say { text, language } => {
                let mut start = BytesStart::new("Say");
                if !language.is_empty() {
                    start.push_attribute(("language", language.as_str()));
                }
                write_text(xml, start, text)
            }
            Self::Pause { seconds } => {
                let mut pause = BytesStart::new("Pause");
                pause.push_attribute(("length", seconds.to_string().as_str()));
                xml.write_event(Event::Empty(pause))
            }
            Self::Hangup => xml.write_event(Event::Empty(BytesStart::new("Hangup"))),
            Self::Reject(why) => {
                let reason = match why {
                    Reject::NotInService => "rejected",
                    Reject::Busy => "busy",
                };
                let reject = BytesStart::new("Reject").with_attributes([("reason", reason)]);
                xml.write_event(Event::Empty(reject))
            }
        }
    }
}

impl Stream {
    fn write(&self, xml: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new("Stream");
        start.push_attribute(("url", self.url.as_str()));
        if let Some(callback) = &self.status_callback {
            start.push_attribute(("statusCallback", callback.as_str()));
            start.push_attribute(("statusCallbackMethod", "POST"));
        }
        xml.write_event(Event::Start(start))?;
        for (name, value) in &self.parameters {
            let mut parameter = BytesStart::new("Parameter");
            parameter.push_attribute(("name", name.as_str()));
            parameter.push_attribute(("value", value.as_str()));
            xml.write_event(Event::Empty(parameter))?;
        }
        xml.write_event(Event::End(BytesEnd::new("Stream")))
    }
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

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({} parameters)", self.parameters.len())
    }
}

#[cfg(test)]
mod tests;
