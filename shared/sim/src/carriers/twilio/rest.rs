//! The REST API: what is asked, checked as the carrier checks it, and its answers.

pub(super) mod form;
pub(super) mod numbers;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;

use self::form::{Form, Refused, invalid, is_phone_number};
use super::media::detector::Detection;
use super::record::{API_VERSION, DetectOrder, Instructions, Order, Record, RecordOrder, Status};
use super::twiml::TWIML_CHARS_MAX;

/// Seconds after which a call ends, unless asked otherwise; also the most that can be asked for.
const TIME_LIMIT_S: u32 = 14_400;

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct RestRequest<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// What follows the question mark, if anything.
    pub query: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestAnswer {
    pub status: u16,
    pub body: RestBody,
    pub effect: Option<RestEffect>,
    /// The connection breaks instead: the request was processed, the answer is lost.
    pub lost: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestBody {
    Empty,
    Json(String),
    /// The file of this recording, mixed into one channel or as it is.
    Wav {
        sid: String,
        mix_to_mono: bool,
    },
}

/// What the owner has to do because of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestEffect {
    /// There is a new call to be driven.
    Started(String),
    /// A call has something to put out.
    Changed(String),
    /// The file of this recording is to be deleted, and its call has something to put out.
    DeleteRecording { sid: String, call_sid: String },
    /// The record of this call is to be deleted.
    DeleteCall(String),
}

/// A path below the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    Account,
    Numbers,
    Number(&'a str),
    CallerIds,
    Calls,
    Call(&'a str),
    CallRecordings(&'a str),
    CallStream { call: &'a str, stream: &'a str },
    Recordings,
    Recording(&'a str),
    RecordingMedia(&'a str),
}

impl RestAnswer {
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            body: RestBody::Json(value.to_string()),
            effect: None,
            lost: false,
        }
    }

    pub(super) fn refused(refused: &Refused) -> Self {
        Self {
            status: refused.status,
            body: RestBody::Json(refused.to_json()),
            effect: None,
            lost: false,
        }
    }

    pub(super) fn with(mut self, effect: RestEffect) -> Self {
        self.effect = Some(effect);
        self
    }
}

impl RestRequest<'_> {
    /// Checks who asks, by account and token.
    pub(super) fn authorize(&self, account_sid: &str, auth_token: &str) -> Result<(), Refused> {
        let expected = format!("{account_sid}:{auth_token}");
        let given = self
            .authorization
            .and_then(|header| header.strip_prefix("Basic "))
            .and_then(|encoded| STANDARD.decode(encoded).ok());
        if given.as_deref() == Some(expected.as_bytes()) {
            Ok(())
        } else {
            Err(Refused::new(401, 20_003, "Authenticate"))
        }
    }

    /// What is asked for, below this account.
    pub(super) fn resource(&self, account_sid: &str) -> Result<Resource<'_>, Refused> {
        let missing = || Refused::new(404, 20_404, "The requested resource was not found");
        let rest = self
            .path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(API_VERSION))
            .and_then(|path| path.strip_prefix("/Accounts/"))
            .and_then(|path| path.strip_prefix(account_sid))
            .ok_or_else(missing)?;
        if rest == ".json" {
            return Ok(Resource::Account);
        }
        let rest = rest.strip_prefix('/').ok_or_else(missing)?;
        if let Some(path) = rest.strip_suffix(".wav") {
            let sid = path.strip_prefix("Recordings/").ok_or_else(missing)?;
            return Ok(Resource::RecordingMedia(sid));
        }
        // Without the extension the carrier answers in XML, which nobody here wants.
        let path = rest.strip_suffix(".json").ok_or_else(missing)?;
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["Calls"] => Ok(Resource::Calls),
            ["Calls", call] => Ok(Resource::Call(call)),
            ["Calls", call, "Recordings"] => Ok(Resource::CallRecordings(call)),
            ["Calls", call, "Streams", stream] => Ok(Resource::CallStream { call, stream }),
            ["IncomingPhoneNumbers"] => Ok(Resource::Numbers),
            ["IncomingPhoneNumbers", sid] => Ok(Resource::Number(sid)),
            ["OutgoingCallerIds"] => Ok(Resource::CallerIds),
            ["Recordings"] => Ok(Resource::Recordings),
            ["Recordings", sid] => Ok(Resource::Recording(sid)),
            _ => Err(missing()),
        }
    }

    /// The form of a POST.
    pub(super) fn form(&self) -> Result<Form, Refused> {
        let kind = self
            .content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        if !self.body.is_empty() && kind.trim() != "application/x-www-form-urlencoded" {
            return Err(Refused::bad(
                20_001,
                "parameters must be application/x-www-form-urlencoded",
            ));
        }
        Ok(Form::parse(self.body))
    }

    /// The parameters of a GET.
    pub(super) fn query(&self) -> Form {
        Form::parse(self.query.unwrap_or_default().as_bytes())
    }
}

/// A request for a call: from, to, and what to do.
pub(super) fn call_order(
    mut form: Form,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(String, String, Order), Refused> {
    let to = form.one("To")?.filter(|to| !to.is_empty());
    let to = to.ok_or_else(|| Refused::bad(21_201, "No 'To' number is specified"))?;
    let from = form.one("From")?.filter(|from| !from.is_empty());
    let from = from.ok_or_else(|| Refused::bad(21_213, "No 'From' number is specified"))?;
    if !is_phone_number(&to) {
        return Err(Refused::bad(
            21_211,
            "The 'To' number is not a valid phone number",
        ));
    }
    if !is_phone_number(&from) {
        return Err(Refused::bad(
            21_212,
            "The 'From' number is not a valid phone number",
        ));
    }
    if !is_ours(&from) {
        return Err(Refused::bad(21_210, "The 'From' number is not yours"));
    }
    let instructions = instructions(&mut form)?
        .ok_or_else(|| Refused::bad(21_205, "One of Url and Twiml must be given"))?;
    let send_digits = form.one("SendDigits")?;
    let valid = |digits: &String| {
        let known = |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'#' | b'*' | b'w' | b'W');
        digits.len() <= 32 && digits.bytes().all(known)
    };
    if !send_digits.as_ref().is_none_or(valid) {
        return Err(invalid("SendDigits"));
    }
    form.one("CallReason")?;
    let record = record_order(&mut form)?;
    let detect = detect_order(&mut form)?.filter(|_detect| send_digits.is_none());
    let order = Order {
        instructions,
        fallback: form.hook("FallbackUrl", "FallbackMethod", 21_502)?,
        status_callback: form.hook("StatusCallback", "StatusCallbackMethod", 21_609)?,
        status_events: form.events(
            "StatusCallbackEvent",
            &["initiated", "ringing", "answered", "completed"],
            &["completed"],
        )?,
        ring_timeout_s: form.number("Timeout", 60, (1, 600))?,
        time_limit_s: form.number("TimeLimit", TIME_LIMIT_S, (1, TIME_LIMIT_S))?,
        record,
        detect,
    };
    form.no_more()?;
    Ok((from, to, order))
}

/// `Twiml`, or else `Url`.
pub(super) fn instructions(form: &mut Form) -> Result<Option<Instructions>, Refused> {
    let hook = form.hook("Url", "Method", 21_205)?;
    let Some(document) = form.one("Twiml")? else {
        return Ok(hook.map(Instructions::At));
    };
    if document.chars().count() > TWIML_CHARS_MAX {
        return Err(invalid("Twiml"));
    }
    Ok(Some(Instructions::Inline(document)))
}

/// A request to record a call that is on.
pub(super) fn recording_order(mut form: Form) -> Result<RecordOrder, Refused> {
    let order = recording_parameters(&mut form, "StartCallRecordingAPI")?;
    form.no_more()?;
    Ok(order)
}

fn record_order(form: &mut Form) -> Result<Option<RecordOrder>, Refused> {
    let wanted = form.flag("Record")?;
    let order = recording_parameters(form, "OutboundAPI")?;
    Ok(wanted.then_some(order))
}

fn recording_parameters(form: &mut Form, source: &str) -> Result<RecordOrder, Refused> {
    let channels = form.choice("RecordingChannels", &[("mono", 1), ("dual", 2)])?;
    form.choice(
        "RecordingTrack",
        &[("inbound", ()), ("outbound", ()), ("both", ())],
    )?;
    form.choice("Trim", &[("trim-silence", ()), ("do-not-trim", ())])?;
    Ok(RecordOrder {
        channels: channels.unwrap_or(1),
        callback: form.hook(
            "RecordingStatusCallback",
            "RecordingStatusCallbackMethod",
            21_609,
        )?,
        events: form.events(
            "RecordingStatusCallbackEvent",
            &["in-progress", "completed", "absent"],
            &["completed"],
        )?,
        source: source.to_owned(),
    })
}

fn detect_order(form: &mut Form) -> Result<Option<DetectOrder>, Refused> {
    let mode = form.choice(
        "MachineDetection",
        &[("Enable", false), ("DetectMessageEnd", true)],
    )?;
    let timeout_s = form.number("MachineDetectionTimeout", 30, (3, 59))?;
    let detection = Detection {
        wait_for_message_end: mode.unwrap_or(false),
        timeout_ms: timeout_s * 1_000,
        speech_threshold_ms: form.number(
            "MachineDetectionSpeechThreshold",
            2_400,
            (1_000, 6_000),
        )?,
        speech_end_threshold_ms: form.number(
            "MachineDetectionSpeechEndThreshold",
            1_200,
            (500, 5_000),
        )?,
        silence_timeout_ms: form.number(
            "MachineDetectionSilenceTimeout",
            5_000,
            (2_000, 10_000),
        )?,
    };
    let in_background = form.flag("AsyncAmd")?;
    let callback = form.hook(
        "AsyncAmdStatusCallback",
        "AsyncAmdStatusCallbackMethod",
        21_609,
    )?;
    Ok(mode.map(|_given| DetectOrder {
        detection,
        in_background,
        callback,
    }))
}

/// Which calls a list wants.
#[derive(Debug, Default)]
pub(super) struct CallFilter {
    to: Option<String>,
    from: Option<String>,
    status: Option<Status>,
    starts: Vec<(Compare, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Compare {
    On,
    From,
    Until,
}

impl CallFilter {
    pub(super) fn take(form: &mut Form) -> Result<Self, Refused> {
        let status = match form.one("Status")? {
            None => None,
            Some(text) => Some(Status::parse(&text).ok_or_else(|| invalid("Status"))?),
        };
        form.one("ParentCallSid")?;
        let mut starts = Vec::new();
        for (name, compare) in [
            ("StartTime", Compare::On),
            ("StartTime>", Compare::From),
            ("StartTime<", Compare::Until),
        ] {
            if let Some(day) = form.one(name)? {
                let is_day = day.parse::<jiff::civil::Date>().is_ok() && day.len() == 10;
                if !is_day {
                    return Err(invalid(name));
                }
                starts.push((compare, day));
            }
        }
        Ok(Self {
            to: form.one("To")?,
            from: form.one("From")?,
            status,
            starts,
        })
    }

    /// A call that has not begun has no start, so no condition on it holds.
    pub(super) fn wants(&self, call: &Record) -> bool {
        let day = call
            .started_at
            .map(|at| at.strftime("%Y-%m-%d").to_string());
        let begun = |(compare, wanted): &(Compare, String)| {
            day.as_ref().is_some_and(|day| match compare {
                Compare::On => day == wanted,
                Compare::From => day >= wanted,
                Compare::Until => day <= wanted,
            })
        };
        self.to.as_ref().is_none_or(|to| *to == call.to)
            && self.from.as_ref().is_none_or(|from| *from == call.from)
            && self.status.is_none_or(|status| status == call.status)
            && self.starts.iter().all(begun)
    }
}

/// Which part of a list is wanted.
#[derive(Debug)]
pub(super) struct Page {
    size: usize,
    number: u32,
    /// The last entry of the page before.
    after: Option<String>,
}

impl Page {
    pub(super) fn take(form: &mut Form) -> Result<Self, Refused> {
        let size = form.number("PageSize", 50, (1, 1_000))?;
        let number = form.number("Page", 0, (0, u32::MAX))?;
        let after = match form.one("PageToken")? {
            None if number > 0 => return Err(invalid("Page")),
            None => None,
            Some(token) => Some(
                token
                    .strip_prefix("PA")
                    .ok_or_else(|| invalid("PageToken"))?
                    .to_owned(),
            ),
        };
        Ok(Self {
            size: usize::try_from(size).unwrap_or(50),
            number,
            after,
        })
    }

    /// The envelope with this page of `entries`, each with its sid, newest first.
    pub(super) fn envelope(
        &self,
        name: &str,
        request: &RestRequest<'_>,
        entries: Vec<(String, Value)>,
    ) -> Value {
        let mut entries = entries.into_iter().peekable();
        if let Some(after) = &self.after {
            while entries.next_if(|(sid, _value)| sid != after).is_some() {}
            entries.next();
        }
        let page: Vec<(String, Value)> = entries.by_ref().take(self.size).collect();
        let more = entries.peek().is_some();
        let start = usize::try_from(self.number).unwrap_or(0) * self.size;
        let last = page.last().map(|(sid, _value)| sid.clone());
        let uri = |number: u32, token: Option<String>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let given = form_urlencoded::parse(request.query.unwrap_or_default().as_bytes());
            for (name, value) in given {
                if !matches!(&*name, "Page" | "PageToken" | "PageSize") {
                    query.append_pair(&name, &value);
                }
            }
            query.append_pair("PageSize", &self.size.to_string());
            query.append_pair("Page", &number.to_string());
            if let Some(token) = token {
                query.append_pair("PageToken", &format!("PA{token}"));
            }
            format!("{}?{}", request.path, query.finish())
        };
        let next = last
            .filter(|_sid| more)
            .map(|sid| uri(self.number + 1, Some(sid)));
        let end = (start + page.len()).saturating_sub(1);
        let values: Vec<Value> = page.into_iter().map(|(_sid, value)| value).collect();
        let mut envelope = json!({
            "page": self.number,
            "page_size": self.size,
            "start": start,
            "end": end,
            "uri": uri(self.number, self.after.clone()),
            "first_page_uri": uri(0, None),
            "next_page_uri": next,
            "previous_page_uri": null,
        });
        if let Value::Object(envelope) = &mut envelope {
            envelope.insert(name.to_owned(), values.into());
        }
        envelope
    }
}
