//! TwiML as the simulated carrier reads it: strictly.
//!
//! Known are the verbs that a call of ours needs: `Connect` with `Stream`, `Start` with `Recording`,
//! `Say`, `Play`, `Pause`, `Gather` of keys, `Redirect`, `Hangup`, `Reject`. Everything else, and every
//! attribute that is not documented, is a problem with the carrier's code, and ends the call.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::{Host, Url};

use super::hook::{Hook, Method};

/// Characters of inline TwiML in a request.
pub const TWIML_CHARS_MAX: usize = 4_000;
/// Name and value of a stream's parameter together stay below this.
pub const PARAMETER_CHARS_MAX: usize = 500;
/// Documents nest three deep.
const DEPTH_MAX: usize = 4;

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    Connect {
        stream: Stream,
        action: Option<Hook>,
    },
    StartRecording {
        channels: u16,
        callback: Option<Hook>,
        events: Vec<String>,
    },
    Prompt(Prompt),
    Gather(Gather),
    Redirect(Hook),
    Hangup,
    Reject {
        busy: bool,
    },
}

/// What is heard, by itself or while keys are awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    Say {
        text: String,
        times: u32,
    },
    /// The file is not fetched: what is heard is two seconds of silence.
    Play {
        times: u32,
    },
    Pause {
        seconds: u32,
    },
}

/// Keys are awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gather {
    pub(super) prompts: Vec<Prompt>,
    /// So many keys are enough.
    pub(super) keys_max: usize,
    /// Ends the entry and is none of it.
    pub(super) finish_on: Option<char>,
    /// Until the first key once all was heard, and from key to key.
    pub(super) timeout_s: u32,
    pub(super) action: Hook,
    /// Whether the action is asked for also without a key.
    pub(super) tells_nothing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) url: String,
    pub(super) name: Option<String>,
    pub(super) callback: Option<Hook>,
    pub(super) parameters: Vec<(String, String)>,
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TwimlProblem {
    /// The carrier's code: 12100 not well-formed, 12200 not by the schema, 319xx of streams, 11100 bad
    /// URL.
    pub(super) code: u32,
    pub(super) what: String,
}

/// An element with what is in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
    text: String,
}

/// Reads a document. `base` is where it came from: URLs in it may be relative to that.
pub(super) fn parse(document: &str, base: Option<&Url>) -> Result<Vec<Verb>, TwimlProblem> {
    let root = tree(document)?;
    if root.name != "Response" {
        return Err(schema("the document is not a <Response>"));
    }
    Taken::of(&root).no_more()?;
    if !root.text.trim().is_empty() {
        return Err(schema("text outside of a verb"));
    }
    root.children
        .iter()
        .map(|element| verb(element, base))
        .collect()
}

fn verb(element: &Element, base: Option<&Url>) -> Result<Verb, TwimlProblem> {
    let mut taken = Taken::of(element);
    let verb = match element.name.as_str() {
        "Connect" => {
            let action = taken.hook("action", "method", base)?;
            let [stream] = element.children.as_slice() else {
                return Err(schema("<Connect> without exactly one noun"));
            };
            let stream = self::stream(stream, base)?;
            taken.no_text()?;
            Verb::Connect { stream, action }
        }
        "Start" => {
            let [recording] = element.children.as_slice() else {
                return Err(schema("<Start> without exactly one noun"));
            };
            taken.no_text()?;
            start_recording(recording, base)?
        }
        "Say" | "Play" | "Pause" => Verb::Prompt(prompt(&mut taken, base)?),
        "Gather" => {
            let gather = gather(&mut taken, base)?;
            taken.no_text()?;
            Verb::Gather(gather)
        }
        "Redirect" => {
            let method = taken.method("method")?;
            let url = url(element.text.trim(), base)?.to_string();
            Verb::Redirect(Hook { url, method })
        }
        "Hangup" => {
            taken.no_text()?;
            Verb::Hangup
        }
        "Reject" => {
            let busy = match taken.take("reason").as_deref() {
                None | Some("rejected") => false,
                Some("busy") => true,
                Some(_) => return Err(schema("<Reject> with an unknown reason")),
            };
            Verb::Reject { busy }
        }
        other => {
            return Err(schema(&format!(
                "<{other}> is not a verb that the simulated carrier knows"
            )));
        }
    };
    let may_have_more = matches!(
        verb,
        Verb::Connect { .. } | Verb::StartRecording { .. } | Verb::Gather(_)
    );
    if !may_have_more && !element.children.is_empty() {
        return Err(schema(&format!("<{}> with something inside", element.name)));
    }
    taken.no_more()?;
    Ok(verb)
}

fn prompt(taken: &mut Taken<'_>, base: Option<&Url>) -> Result<Prompt, TwimlProblem> {
    let text = taken.element.text.trim();
    match taken.element.name.as_str() {
        "Say" => {
            taken.take("voice");
            taken.take("language");
            let times = taken.number("loop", 1)?;
            if text.is_empty() {
                return Err(schema("<Say> without text"));
            }
            let text = text.to_owned();
            Ok(Prompt::Say { text, times })
        }
        "Play" => {
            let digits = taken.take("digits");
            let times = taken.number("loop", 1)?;
            if digits.is_none() {
                url(text, base)?;
            }
            Ok(Prompt::Play { times })
        }
        "Pause" => Ok(Prompt::Pause {
            seconds: taken.number("length", 1)?,
        }),
        other => Err(schema(&format!("<Gather> with <{other}> inside"))),
    }
}

/// Without an action the document's own address is asked again.
fn gather(taken: &mut Taken<'_>, base: Option<&Url>) -> Result<Gather, TwimlProblem> {
    if taken.take("input").is_some_and(|input| input != "dtmf") {
        let what = "<Gather> of anything but dtmf is not known to the simulated carrier";
        return Err(schema(what));
    }
    let method = taken.method("method")?;
    let action = match (taken.take("action"), base) {
        (Some(text), base) => url(&text, base)?,
        (None, Some(base)) => base.clone(),
        (None, None) => return Err(schema("<Gather> without action in a document without URL")),
    };
    let finish_on = taken.take("finishOnKey").unwrap_or_else(|| "#".to_owned());
    let mut keys = finish_on.chars();
    let finish_on = match (keys.next(), keys.next()) {
        (None, _) => None,
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Some(key),
        (Some(_), _) => return Err(schema("<Gather> with a finishOnKey that is no key")),
    };
    let tells_nothing = match taken.take("actionOnEmptyResult").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(schema("actionOnEmptyResult is neither true nor false")),
    };
    let keys_max = taken.number("numDigits", u32::MAX)?;
    let timeout_s = taken.number("timeout", 5)?;
    if keys_max == 0 || timeout_s == 0 {
        return Err(schema("<Gather> with a number that is not positive"));
    }
    let prompts = taken.element.children.iter().map(|element| {
        let mut taken = Taken::of(element);
        let prompt = prompt(&mut taken, base)?;
        taken.no_more()?;
        if !element.children.is_empty() {
            return Err(schema(&format!("<{}> with something inside", element.name)));
        }
        Ok(prompt)
    });
    Ok(Gather {
        prompts: prompts.collect::<Result<_, _>>()?,
        keys_max: usize::try_from(keys_max).unwrap_or(usize::MAX),
        finish_on,
        timeout_s,
        action: Hook {
            url: action.to_string(),
            method,
        },
        tells_nothing,
    })
}

fn stream(element: &Element, base: Option<&Url>) -> Result<Stream, TwimlProblem> {
    if element.name != "Stream" {
        let what = format!(
            "<Connect><{}> is not known to the simulated carrier",
            element.name
        );
        return Err(schema(&what));
    }
    let mut taken = Taken::of(element);
    let url = taken
        .take("url")
        .ok_or_else(|| schema("<Stream> without url"))?;
    check_stream_url(&url)?;
    if taken
        .take("track")
        .is_some_and(|track| track != "inbound_track")
    {
        return Err(TwimlProblem {
            code: 31_941,
            what: "a bidirectional stream has only the inbound track".to_owned(),
        });
    }
    let name = taken.take("name");
    let callback = taken.hook("statusCallback", "statusCallbackMethod", base)?;
    taken.no_text()?;
    taken.no_more()?;
    let parameters = element.children.iter().map(parameter);
    Ok(Stream {
        url,
        name,
        callback,
        parameters: parameters.collect::<Result<_, _>>()?,
    })
}

fn parameter(element: &Element) -> Result<(String, String), TwimlProblem> {
    if element.name != "Parameter" {
        return Err(schema(
            "<Stream> with something else than <Parameter> inside",
        ));
    }
    let mut taken = Taken::of(element);
    let name = taken
        .take("name")
        .ok_or_else(|| schema("<Parameter> without name"))?;
    let value = taken
        .take("value")
        .ok_or_else(|| schema("<Parameter> without value"))?;
    taken.no_text()?;
    taken.no_more()?;
    if name.chars().count() + value.chars().count() >= PARAMETER_CHARS_MAX {
        return Err(schema("a <Parameter> of 500 characters or more"));
    }
    Ok((name, value))
}

fn start_recording(element: &Element, base: Option<&Url>) -> Result<Verb, TwimlProblem> {
    if element.name != "Recording" {
        let what = format!(
            "<Start><{}> is not known to the simulated carrier",
            element.name
        );
        return Err(schema(&what));
    }
    let mut taken = Taken::of(element);
    let channels = match taken.take("channels").as_deref() {
        None | Some("mono") => 1,
        Some("dual") => 2,
        Some(_) => return Err(schema("<Recording> with unknown channels")),
    };
    for (name, values) in [
        ("trim", ["trim-silence", "do-not-trim", ""]),
        ("track", ["inbound", "outbound", "both"]),
    ] {
        if taken
            .take(name)
            .is_some_and(|value| !values.contains(&value.as_str()))
        {
            return Err(schema(&format!("<Recording> with an unknown {name}")));
        }
    }
    taken.take("name");
    let callback = taken.hook(
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        base,
    )?;
    let events = taken.take("recordingStatusCallbackEvent");
    let events = events.as_deref().unwrap_or("completed").split_whitespace();
    let events: Vec<String> = events.map(str::to_owned).collect();
    taken.no_text()?;
    taken.no_more()?;
    Ok(Verb::StartRecording {
        channels,
        callback,
        events,
    })
}

/// The carrier takes `wss` only; the simulated one also `ws` to this machine.
fn check_stream_url(text: &str) -> Result<(), TwimlProblem> {
    let problem = |code, what: &str| TwimlProblem {
        code,
        what: what.to_owned(),
    };
    let url = Url::parse(text).map_err(|_relative| problem(31_923, "a malformed stream URL"))?;
    match url.scheme() {
        "wss" => {}
        "ws" if is_loopback(&url) => {}
        _ => return Err(problem(31_922, "a stream URL that is not wss")),
    }
    if url.query().is_some() {
        return Err(problem(31_920, "a query string in a stream URL"));
    }
    Ok(())
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn url(text: &str, base: Option<&Url>) -> Result<Url, TwimlProblem> {
    let joined = match base {
        Some(base) => base.join(text),
        None => Url::parse(text),
    };
    match joined {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(_) => Err(TwimlProblem {
            code: 11_100,
            what: "an invalid URL".to_owned(),
        }),
    }
}

/// Attributes of an element, taken one after the other; what is left at the end is not documented.
struct Taken<'a> {
    element: &'a Element,
    names: Vec<&'static str>,
}

impl<'a> Taken<'a> {
    const fn of(element: &'a Element) -> Self {
        Self {
            element,
            names: Vec::new(),
        }
    }

    fn take(&mut self, name: &'static str) -> Option<String> {
        self.names.push(name);
        let found = self
            .element
            .attributes
            .iter()
            .find(|(key, _value)| key == name);
        found.map(|(_key, value)| value.clone())
    }

    fn number(&mut self, name: &'static str, default: u32) -> Result<u32, TwimlProblem> {
        self.take(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_not_a_number| schema(&format!("{name} is not a number")))
        })
    }

    fn method(&mut self, name: &'static str) -> Result<Method, TwimlProblem> {
        self.take(name).map_or(Ok(Method::Post), |text| {
            Method::parse(&text).ok_or_else(|| schema(&format!("{name} is neither GET nor POST")))
        })
    }

    fn hook(
        &mut self,
        name: &'static str,
        method: &'static str,
        base: Option<&Url>,
    ) -> Result<Option<Hook>, TwimlProblem> {
        let method = self.method(method)?;
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        let url = url(&text, base)?.to_string();
        Ok(Some(Hook { url, method }))
    }

    fn no_text(&self) -> Result<(), TwimlProblem> {
        if self.element.text.trim().is_empty() {
            Ok(())
        } else {
            Err(schema(&format!("text inside <{}>", self.element.name)))
        }
    }

    fn no_more(&self) -> Result<(), TwimlProblem> {
        let unknown = self
            .element
            .attributes
            .iter()
            .find(|(name, _value)| !self.names.contains(&name.as_str()));
        match unknown {
            None => Ok(()),
            Some((name, _value)) => Err(schema(&format!(
                "<{}> has no attribute {name}",
                self.element.name
            ))),
        }
    }
}

fn tree(document: &str) -> Result<Element, TwimlProblem> {
    let malformed = |what: &str| TwimlProblem {
        code: 12_100,
        what: format!("not well-formed: {what}"),
    };
    let mut reader = Reader::from_str(document);
    // An element that holds the whole document.
    let mut open = vec![Element::default()];
    loop {
        let event = reader
            .read_event()
            .map_err(|problem| malformed(&problem.to_string()))?;
        match event {
            Event::Start(start) => {
                if open.len() > DEPTH_MAX {
                    return Err(malformed("nested too deep"));
                }
                open.push(element(&start).ok_or_else(|| malformed("an attribute"))?);
            }
            Event::Empty(start) => {
                let element = element(&start).ok_or_else(|| malformed("an attribute"))?;
                if let Some(parent) = open.last_mut() {
                    parent.children.push(element);
                }
            }
            Event::End(_) => {
                if let Some(element) = open.pop()
                    && let Some(parent) = open.last_mut()
                {
                    parent.children.push(element);
                }
            }
            Event::Text(text) => {
                let text = text
                    .decode()
                    .map_err(|_encoding| malformed("its encoding"))?;
                push_text(&mut open, &text);
            }
            Event::CData(data) => {
                let text = data
                    .decode()
                    .map_err(|_encoding| malformed("its encoding"))?;
                push_text(&mut open, &text);
            }
            Event::GeneralRef(reference) => {
                let escaped = format!("&{};", String::from_utf8_lossy(&reference));
                let text = quick_xml::escape::unescape(&escaped)
                    .map_err(|_unknown| malformed("an unknown entity"))?;
                push_text(&mut open, &text);
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::PI(_) | Event::DocType(_) => return Err(malformed("not a plain document")),
            Event::Eof => break,
        }
    }
    let [whole] = open.as_mut_slice() else {
        return Err(malformed("an element is not closed"));
    };
    if !whole.text.trim().is_empty() || whole.children.len() != 1 {
        return Err(malformed("not exactly one element"));
    }
    whole.children.pop().ok_or_else(|| malformed("empty"))
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = String::from_utf8(attribute.key.as_ref().to_vec()).ok()?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::default())
            .ok()?;
        attributes.push((name, value.into_owned()));
    }
    Some(Element {
        name: String::from_utf8(start.name().as_ref().to_vec()).ok()?,
        attributes,
        ..Element::default()
    })
}

fn schema(what: &str) -> TwimlProblem {
    TwimlProblem {
        code: 12_200,
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(document: &str, expect: &Expect) {
        let base = Url::parse("https://h.example/carriers/twilio/voice").unwrap();
        let shown = match parse(document, Some(&base)) {
            Ok(verbs) => verbs.iter().map(|verb| format!("{verb:?}\n")).collect(),
            Err(problem) => format!("{} {}\n", problem.code, problem.what),
        };
        expect.assert_eq(&shown);
    }

    fn response(inside: &str, expect: &Expect) {
        check(&format!("<Response>{inside}</Response>"), expect);
    }

    #[test]
    fn a_stream_with_parameters_and_what_comes_after() {
        check(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <Response>
              <Connect action="/after"><Stream url="wss://m.example/media/twilio" statusCallback="https://h.example/s">
                <Parameter name="token" value="a&amp;b &lt;&#39;&gt;"/><Parameter name="n" value=""/>
              </Stream></Connect>
              <Redirect method="POST">https://h.example/resume?a=1&amp;b=2</Redirect>
              <Say voice="alice">Fish &amp; chips</Say><Pause length="3"/><Hangup/>
            </Response>"#,
            &expect![[r#"
                Connect { stream: Stream { url: "wss://m.example/media/twilio", name: None, callback: Some(Hook { url: "https://h.example/s", method: Post }), parameters: [("token", "a&b <'>"), ("n", "")] }, action: Some(Hook { url: "https://h.example/after", method: Post }) }
                Redirect(Hook { url: "https://h.example/resume?a=1&b=2", method: Post })
                Prompt(Say { text: "Fish & chips", times: 1 })
                Prompt(Pause { seconds: 3 })
                Hangup
            "#]],
        );
    }

    #[test]
    fn keys_are_gathered_by_the_documented_rules() {
        response(
            r#"<Gather input="dtmf" numDigits="1" finishOnKey="" timeout="7" action="/pressed?held=1" method="POST" actionOnEmptyResult="true">
                 <Say language="de">Moment.</Say><Pause length="2"/>
               </Gather>
               <Gather/>"#,
            &expect![[r#"
                Gather(Gather { prompts: [Say { text: "Moment.", times: 1 }, Pause { seconds: 2 }], keys_max: 1, finish_on: None, timeout_s: 7, action: Hook { url: "https://h.example/pressed?held=1", method: Post }, tells_nothing: true })
                Gather(Gather { prompts: [], keys_max: 4294967295, finish_on: Some('#'), timeout_s: 5, action: Hook { url: "https://h.example/carriers/twilio/voice", method: Post }, tells_nothing: false })
            "#]],
        );
        for (gather, expect) in [
            (
                r#"<Gather input="dtmf speech"/>"#,
                expect![[r#"
                    12200 <Gather> of anything but dtmf is not known to the simulated carrier
                "#]],
            ),
            (
                r#"<Gather numDigits="0"/>"#,
                expect![[r#"
                    12200 <Gather> with a number that is not positive
                "#]],
            ),
            (
                r#"<Gather timeout="soon"/>"#,
                expect![[r#"
                    12200 timeout is not a number
                "#]],
            ),
            (
                r#"<Gather finishOnKey="12"/>"#,
                expect![[r#"
                    12200 <Gather> with a finishOnKey that is no key
                "#]],
            ),
            (
                r#"<Gather keys="1"/>"#,
                expect![[r#"
                    12200 <Gather> has no attribute keys
                "#]],
            ),
            (
                "<Gather><Hangup/></Gather>",
                expect![[r#"
                    12200 <Gather> with <Hangup> inside
                "#]],
            ),
            (
                "<Gather>Press one.</Gather>",
                expect![[r#"
                    12200 text inside <Gather>
                "#]],
            ),
        ] {
            response(gather, &expect);
        }
    }

    #[test]
    fn what_the_carrier_refuses() {
        for (inside, expect) in [
            (
                "<Connect>",
                expect![[r#"
                12100 not well-formed: ill-formed document: expected `</Connect>`, but `</Response>` was found
            "#]],
            ),
            (
                "<Dance/>",
                expect![[r#"
                12200 <Dance> is not a verb that the simulated carrier knows
            "#]],
            ),
            (
                "hello",
                expect![[r#"
                12200 text outside of a verb
            "#]],
            ),
            (
                "<Hangup now='1'/>",
                expect![[r#"
                12200 <Hangup> has no attribute now
            "#]],
            ),
            (
                "<Connect/>",
                expect![[r#"
                12200 <Connect> without exactly one noun
            "#]],
            ),
            (
                r#"<Connect><Stream url="https://m/x"/></Connect>"#,
                expect![[r#"
                    31922 a stream URL that is not wss
                "#]],
            ),
            (
                r#"<Connect><Stream url="ws://m.example/x"/></Connect>"#,
                expect![[r#"
                    31922 a stream URL that is not wss
                "#]],
            ),
            (
                r#"<Connect><Stream url="ws://127.0.0.1:1/x"/></Connect>"#,
                expect![[r#"
                    Connect { stream: Stream { url: "ws://127.0.0.1:1/x", name: None, callback: None, parameters: [] }, action: None }
                "#]],
            ),
            (
                r#"<Connect><Stream url="wss://m/x?a=1"/></Connect>"#,
                expect![[r#"
                    31920 a query string in a stream URL
                "#]],
            ),
            (
                r#"<Connect><Stream url="media"/></Connect>"#,
                expect![[r#"
                31923 a malformed stream URL
            "#]],
            ),
            (
                r#"<Connect><Stream url="wss://m/x" track="both_tracks"/></Connect>"#,
                expect![[r#"
                    31941 a bidirectional stream has only the inbound track
                "#]],
            ),
            (
                r#"<Connect><Stream url="wss://m/x" audioFormat="pcm"/></Connect>"#,
                expect![[r#"
                    12200 <Stream> has no attribute audioFormat
                "#]],
            ),
            (
                "<Say>&nbsp;</Say>",
                expect![[r#"
                12100 not well-formed: an unknown entity
            "#]],
            ),
            (
                "<Say></Say>",
                expect![[r#"
                12200 <Say> without text
            "#]],
            ),
            (
                "<Redirect>ftp://h/x</Redirect>",
                expect![[r#"
                11100 an invalid URL
            "#]],
            ),
            (
                "<Reject reason='rude'/>",
                expect![[r#"
                12200 <Reject> with an unknown reason
            "#]],
            ),
        ] {
            response(inside, &expect);
        }
        let long = format!(
            r#"<Connect><Stream url="wss://m/x"><Parameter name="n" value="{}"/></Stream></Connect>"#,
            "v".repeat(499)
        );
        response(
            &long,
            &expect![[r#"
            12200 a <Parameter> of 500 characters or more
        "#]],
        );
        check(
            "<Answer/>",
            &expect![[r#"
            12200 the document is not a <Response>
        "#]],
        );
        check(
            "",
            &expect![[r#"
            12100 not well-formed: not exactly one element
        "#]],
        );
        check(
            "<Response/><Response/>",
            &expect![[r#"
            12100 not well-formed: not exactly one element
        "#]],
        );
    }
}
