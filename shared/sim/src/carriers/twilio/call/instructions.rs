//! What a call was told to do: TwiML, inline or fetched, verb by verb.

use std::time::Duration;

use url::Url;

use super::callbacks::named;
use super::{Doing, LegState, PhoneCall};
use crate::carriers::twilio::hook::{Hook, Purpose, Settled, WebhookAnswer};
use crate::carriers::twilio::record::{Instructions, RecordOrder, Status};
use crate::carriers::twilio::twiml::{self, Prompt, TwimlProblem, Verb};
use crate::voice::{SILENCE, Voice, speak};

/// What a played file sounds like here.
const PLAY_SAMPLES: usize = 2 * 8_000;

impl PhoneCall {
    /// REST with new instructions: what runs is over.
    pub(in crate::carriers::twilio) fn redirect(
        &mut self,
        instructions: &Instructions,
        now: Duration,
    ) {
        self.leave_stream(now);
        if let LegState::Live(live) = &mut self.state {
            live.line.stop_local();
            live.program.clear();
            live.stream_is_due = false;
            if let Doing::Fetching(id) = std::mem::replace(&mut live.doing, Doing::Nothing) {
                self.hooks.forget(id);
            }
        }
        self.instruct(instructions, now);
        self.handle_timeout(now);
    }

    /// Runs new instructions, now or when they are fetched.
    pub(super) fn instruct(&mut self, instructions: &Instructions, now: Duration) {
        match instructions {
            Instructions::Inline(document) => self.program(document, None, now),
            Instructions::At(hook) => self.fetch(Purpose::Instructions, hook, Vec::new(), now),
        }
    }

    pub(super) fn program(&mut self, document: &str, base: Option<Url>, now: Duration) {
        match twiml::parse(document, base.as_ref()) {
            Ok(verbs) => {
                if let LegState::Live(live) = &mut self.state {
                    live.program = verbs.into();
                    live.base = base;
                    live.doing = Doing::Nothing;
                }
            }
            Err(problem) => self.bad_instructions(&problem, now),
        }
    }

    pub(super) fn bad_instructions(&mut self, problem: &TwimlProblem, now: Duration) {
        self.account
            .violated(problem.code, problem.what.clone(), Some(&self.record.sid));
        self.over(Status::Completed, "200", now);
    }

    pub(super) fn fetch(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        extra: Vec<(String, String)>,
        now: Duration,
    ) {
        let mut fields = self.record.fields(self.record.status.as_str());
        if let Some(answered_by) = &self.record.answered_by {
            fields.push(("AnsweredBy".to_owned(), answered_by.clone()));
        }
        fields.extend(extra);
        let id = self.hooks.fetch(purpose, hook, fields, now);
        if let (LegState::Live(live), Some(id)) = (&mut self.state, id) {
            live.doing = Doing::Fetching(id);
        }
    }

    /// Instructions came, or did not.
    pub(super) fn fetched(&mut self, settled: Settled, now: Duration) {
        let wanted = match &self.state {
            LegState::Live(live) => matches!(live.doing, Doing::Fetching(id) if id == settled.id),
            LegState::Inbound { fetching } => *fetching == settled.id,
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Over => false,
        };
        if !wanted {
            return;
        }
        let sid = self.record.sid.clone();
        let document = match settled.answer {
            WebhookAnswer::Answered {
                status,
                content_type,
                body,
            } if status / 100 == 2 => {
                if is_xml(&content_type) {
                    Some(body)
                } else {
                    self.account
                        .violated(12_300, "instructions that are not text/xml", Some(&sid));
                    None
                }
            }
            WebhookAnswer::Answered { status, .. } => {
                let what = format!("instructions answered with status {status}");
                self.account.noticed(11_200, what, Some(&sid));
                None
            }
            WebhookAnswer::NotConnected => {
                self.account
                    .noticed(11_205, "no connection for instructions", Some(&sid));
                None
            }
            WebhookAnswer::NotAnswered => {
                self.account
                    .noticed(11_200, "no answer with instructions", Some(&sid));
                None
            }
        };
        let base = Url::parse(&settled.url).ok();
        match (document, &self.state) {
            (Some(document), LegState::Inbound { .. }) => {
                self.pick_up_inbound(&document, base, now);
            }
            (Some(document), _) => self.program(&document, base, now),
            (None, LegState::Live(_)) if settled.purpose == Purpose::Instructions => {
                match self.record.order.fallback.clone() {
                    Some(hook) => {
                        let error = [("ErrorCode", "11200".to_owned()), ("ErrorUrl", settled.url)];
                        self.fetch(Purpose::Fallback, &hook, named(error), now);
                    }
                    None => self.over(Status::Completed, "200", now),
                }
            }
            (None, LegState::Inbound { .. }) => self.over(Status::Failed, "200", now),
            (None, _) => self.over(Status::Completed, "200", now),
        }
    }

    /// The first instructions of an inbound call: any verb but `Reject` picks up.
    pub(super) fn pick_up_inbound(&mut self, document: &str, base: Option<Url>, now: Duration) {
        match twiml::parse(document, base.as_ref()) {
            Ok(verbs) => match verbs.first() {
                Some(Verb::Reject { busy }) => {
                    let status = if *busy {
                        Status::Busy
                    } else {
                        Status::NoAnswer
                    };
                    self.over(status, "486", now);
                }
                Some(_) | None => {
                    self.go_live(now);
                    if let LegState::Live(live) = &mut self.state {
                        live.program = verbs.into();
                        live.base = base;
                    }
                }
            },
            Err(problem) => {
                self.account
                    .violated(problem.code, problem.what, Some(&self.record.sid));
                self.over(Status::Failed, "200", now);
            }
        }
    }

    pub(super) fn execute(&mut self, verb: Verb, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let opens_after = self.account.faults().stream_opens_after;
        match verb {
            connect @ Verb::Connect { .. } if !opens_after.is_zero() && !live.stream_is_due => {
                live.stream_is_due = true;
                live.program.push_front(connect);
                live.doing = Doing::Pausing(now + opens_after);
            }
            Verb::Connect { stream, action } => {
                live.stream_is_due = false;
                self.open_stream(stream, action);
            }
            Verb::StartRecording {
                channels,
                callback,
                events,
            } => {
                let order = RecordOrder {
                    channels,
                    callback,
                    events,
                    source: "StartCallRecordingTwiML".to_owned(),
                };
                self.start_recording(order, now);
            }
            Verb::Prompt(prompt) => {
                live.doing = match heard(&prompt) {
                    Heard::Sound(audio) => {
                        live.line.play_local(audio);
                        Doing::Playing
                    }
                    Heard::Silence(lasts) => Doing::Pausing(now + lasts),
                };
            }
            Verb::Gather(gather) => self.gather(gather, now),
            Verb::Redirect(hook) => self.fetch(Purpose::Instructions, &hook, Vec::new(), now),
            Verb::Hangup | Verb::Reject { .. } => self.over(Status::Completed, "200", now),
        }
    }
}

/// What a prompt comes to.
pub(super) enum Heard {
    Sound(Vec<u8>),
    Silence(Duration),
}

pub(super) fn heard(prompt: &Prompt) -> Heard {
    match prompt {
        Prompt::Say { text, times } => {
            let once = speak(text, &Voice::named("twilio")).audio;
            Heard::Sound(repeated(&once, *times))
        }
        Prompt::Play { times } => Heard::Sound(repeated(&[SILENCE; PLAY_SAMPLES], *times)),
        Prompt::Pause { seconds } => Heard::Silence(Duration::from_secs((*seconds).into())),
    }
}

/// Audio of the carrier itself, so many times; 0 times means for as long as a call can last, which a
/// minute stands for here.
fn repeated(once: &[u8], times: u32) -> Vec<u8> {
    const LOOP_SAMPLES_MAX: usize = 60 * 8_000;
    let times = if times == 0 { u32::MAX } else { times };
    let mut audio = once.to_vec();
    for _again in 1..times {
        if once.is_empty() || audio.len() + once.len() > LOOP_SAMPLES_MAX {
            break;
        }
        audio.extend_from_slice(once);
    }
    audio
}

fn is_xml(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/xml") || kind.eq_ignore_ascii_case("application/xml")
}
