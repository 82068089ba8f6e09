//! The media worker's session on virtual time: feeds the conversation core and does what it says,
//! one event at a time, through the product's codecs.

use std::collections::VecDeque;
use std::time::Duration;

use audio::line::Finding;
use audio::{Beep, CustomerFrame, LineListener, LineMeter, LineSound, Loudness};
use bytes::BytesMut;
use carrier::media::{Inbound, MediaCodec as _};
use carrier::twilio::media::{self, MediaStreams};
use conversation::{
    Action, Alignment, CarrierClosed, Conversation, EarlierSessions, Event, FailureKind,
    Generation, GenerationId, Mark, Recognition, Routes, Synthesis, Synthesize, UtteranceId,
};
use model::{AnsweredBy, CarrierVerdict, Speaker, Turn};
use providers::stt::ReplayBuffer;
use rand_chacha::ChaCha8Rng;

use super::legs::{Around, Hearing, Requests, Spoken, Thinking, Voice};
use super::wants::{Happened, Heard, Out, Said, ToCarrier, VOICE_ID, failure};
use super::{Defect, STREAM_SID, Scene, call_time};
use crate::peer::latency::chance;
use crate::vendors::{deepgram, elevenlabs, openai};
use crate::voice::{self, FRAME_BYTES, Room, SAMPLES_PER_MS, SILENCE};

/// How long the table takes for a read.
const TABLE_TAKES: Duration = Duration::from_millis(15);
/// The beep of [`Defect::BeepImagined`], and the frame at which it is told.
const IMAGINED_AT: u64 = 100;
const IMAGINED: Beep = Beep {
    starts_at: 12_000,
    ends_at: 14_400,
    hz: 1_000,
};
/// When [`Defect::LastWordsTwice`] strikes, after the beginning of the stream: the owed answer is in the air.
const TWICE_AFTER: Duration = Duration::from_secs(6);
/// How long a tool takes.
const TOOL_TAKES: Duration = Duration::from_millis(50);
/// Routes of the product's chains: one recognizer, one model, and the voice over a socket or HTTP.
const ROUTES: Routes = Routes {
    recognition: 1,
    generation: 1,
    synthesis: 2,
};

/// The session of one call.
pub(super) struct Worker<'a> {
    scene: &'a Scene,
    /// Neither tones nor verdicts reach it.
    deaf: bool,
    /// What it is told twice.
    twice: Option<Turn>,
    call: Conversation,
    out: VecDeque<Out>,
    buffer: BytesMut,
    audio: Vec<u8>,
    customer_frames: u64,
    customer_samples: u64,
    replay: ReplayBuffer,
    deepgram: deepgram::Vendor,
    openai: openai::Model,
    elevenlabs: elevenlabs::Vendor,
    hearing: Option<Hearing>,
    connections: u32,
    thinking: Vec<(GenerationId, Thinking)>,
    /// The voice over a socket, and the one over HTTP.
    voice: Voice,
    requests: Requests,
    /// Utterances that the cache speaks.
    cached: Vec<UtteranceId>,
    connected_at: Option<Duration>,
    /// Listens for tones, and from which sample of the customer's on.
    line: Option<(u64, LineListener)>,
    meter: LineMeter,
    findings: Vec<(Duration, Finding)>,
    /// The carrier's, on the call's row.
    verdict: Option<CarrierVerdict>,
    /// When the wish not to be called again is stored.
    opted_out_at: Option<Duration>,
    table: ChaCha8Rng,
    ended: bool,
}

impl<'a> Worker<'a> {
    /// The session of this number, from 0, which goes on from those before.
    pub(super) fn new(scene: &'a Scene, session: u32, past: EarlierSessions) -> Self {
        let mut customers = past.turns.iter();
        let last = customers.rfind(|turn| turn.speaker == Speaker::Customer);
        let twice = last.filter(|_| scene.defect == Some(Defect::LastWordsTwice));
        Self {
            scene,
            deaf: is_deaf(scene, session),
            twice: twice.cloned(),
            call: Conversation::new(&scene.snapshot, ROUTES, past),
            out: VecDeque::new(),
            buffer: BytesMut::new(),
            audio: Vec::new(),
            customer_frames: 0,
            customer_samples: 0,
            replay: ReplayBuffer::new(),
            deepgram: deepgram::Vendor::new(scene.deepgram.clone()),
            openai: openai::Model::new(scene.openai.clone()),
            elevenlabs: elevenlabs::Vendor::new(scene.elevenlabs.clone()),
            hearing: None,
            connections: 0,
            thinking: Vec::new(),
            voice: Voice::default(),
            requests: Requests::default(),
            cached: Vec::new(),
            connected_at: None,
            line: None,
            meter: LineMeter::new(),
            findings: Vec::new(),
            verdict: None,
            opted_out_at: None,
            table: chance(scene.seed, "table", session.into()),
            ended: false,
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// When the stream began for the worker.
    pub(super) fn connected_at(&self) -> Option<Duration> {
        self.connected_at
    }

    /// The carrier's verdict is on the call's row from now on.
    pub(super) fn verdict_is(&mut self, verdict: CarrierVerdict) {
        if !self.deaf {
            self.verdict.get_or_insert(verdict);
        }
    }

    /// What was found of the line.
    pub(super) fn findings(&self) -> &[(Duration, Finding)] {
        &self.findings
    }

    /// It is gone at once, and with it what was not stored.
    pub(super) fn die(&mut self, now: Duration) {
        self.let_go();
        self.opted_out_at = self.opted_out_at.filter(|at| *at <= now);
    }

    fn let_go(&mut self) {
        self.ended = true;
        self.hearing = None;
        self.thinking.clear();
        self.voice = Voice::default();
        self.requests = Requests::default();
    }

    /// What the session found out about who answered.
    pub(super) fn answered(&self) -> Option<model::AmdResult> {
        self.call.answered()
    }

    /// When the wish not to be called again is stored, be it after the end of the call.
    pub(super) fn opted_out_at(&self) -> Option<Duration> {
        self.opted_out_at
    }

    /// Where vendors say that their protocol was broken.
    pub(super) fn violations(&self) -> Vec<String> {
        let all = [
            ("deepgram", self.deepgram.violations()),
            ("openai", self.openai.violations()),
            ("elevenlabs", self.elevenlabs.violations()),
        ];
        all.iter()
            .flat_map(|(vendor, violations)| {
                let list = violations.list().into_iter();
                list.map(move |what| format!("{vendor}: {what}"))
            })
            .collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let core = (!self.ended).then(|| self.call.poll_timeout()).flatten();
        let core = core.map(|(at, _reason)| Duration::from_micros(at.as_micros()));
        let legs = (self.hearing.iter().filter_map(Hearing::poll_timeout))
            .chain(
                self.thinking
                    .iter()
                    .filter_map(|(_, leg)| leg.poll_timeout()),
            )
            .chain(self.voice.poll_timeout())
            .chain(self.requests.poll_timeout())
            .min();
        match (core, legs) {
            (Some(core), Some(legs)) => Some(core.min(legs)),
            (core, legs) => core.or(legs),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if let Some(hearing) = &mut self.hearing {
            let failed = hearing.handle_timeout(now, &mut self.out);
            if let Some(kind) = failed {
                self.lose_hearing(kind, now);
            }
        }
        let failed: Vec<_> = (self.thinking.iter())
            .filter(|(_, leg)| leg.poll_timeout().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in failed {
            self.thinking.retain(|(known, _)| *known != id);
            let event = Generation::Failed(failure("openai", FailureKind::Silent));
            self.feed(Event::Generation { id, event }, now);
        }
        let (voice, requests, mut around) = self.speech(now);
        let mut events = voice.handle_timeout(&mut around);
        events.extend(requests.handle_timeout(&mut around));
        self.spoken(events, now);
        let core_due = self
            .call
            .poll_timeout()
            .is_some_and(|(at, _)| at <= call_time(now));
        if core_due && !self.ended {
            self.call.handle_timeout(call_time(now));
            self.drain(now);
        }
    }

    /// A message of the carrier.
    pub(super) fn carrier_message(&mut self, text: &str, now: Duration) {
        match media::decode(text) {
            Ok(Inbound::Start(_)) => {
                self.connected_at = Some(now);
                self.connect_hearing(now);
                self.warm_speech(now);
                if let Some(turn) = self.twice.take() {
                    let late = Happened::Late(Box::new(turn));
                    self.out.push_back(Out::At(now + TWICE_AFTER, late));
                }
                self.feed(Event::Connected, now);
            }
            Ok(Inbound::Media {
                payload_base64,
                timestamp_ms,
                ..
            }) => {
                self.audio.clear();
                if MediaStreams
                    .decode_payload(&payload_base64, &mut self.audio)
                    .is_ok()
                {
                    self.measure(timestamp_ms, now);
                    self.take_audio(now);
                }
            }
            Ok(Inbound::Dtmf { digit, .. }) => self.feed(Event::Key(digit), now),
            Ok(Inbound::Mark { name, .. }) => {
                if let Ok(mark) = name.parse::<Mark>() {
                    self.meter.marked(self.line_ms(now));
                    self.feed(Event::Marked(mark), now);
                }
            }
            Ok(Inbound::Stop { .. }) => self.carrier_closed(CarrierClosed::Stopped, now),
            Ok(Inbound::Connected | Inbound::Unknown) | Err(_) => {}
        }
    }

    pub(super) fn carrier_closed(&mut self, closed: CarrierClosed, now: Duration) {
        self.feed(Event::CarrierClosed(closed), now);
    }

    pub(super) fn hang_up(&mut self, now: Duration) {
        self.feed(Event::HangUp, now);
    }

    pub(super) fn happened(&mut self, happened: Happened, now: Duration) {
        if self.ended {
            return;
        }
        match happened {
            Happened::Hearing { connection, what } => self.hearing_happened(connection, what, now),
            Happened::Thinking { id, what } => self.thinking_happened(id, what, now),
            Happened::Voice { connection, what } => {
                let (voice, _, mut around) = self.speech(now);
                let events = voice.take(connection, what, &mut around);
                self.spoken(events, now);
            }
            Happened::Request { request, what } => {
                let (_, requests, mut around) = self.speech(now);
                let events = requests.take(request, what, &mut around);
                self.spoken(events, now);
            }
            Happened::Cached { utterance, what } => self.cached_spoke(utterance, what, now),
            Happened::Ready { utterance, event } => {
                self.feed(Event::Synthesis { utterance, event }, now);
            }
            Happened::Verdict => self.feed(Event::Verdict(self.verdict), now),
            Happened::OptOutStored => self.feed(Event::OptOutStored, now),
            Happened::Late(turn) => self.feed(Event::LateTurn(*turn), now),
            Happened::Tool { id } => self.feed(
                Event::ToolDone {
                    id,
                    result: Ok("{}".to_owned()),
                },
                now,
            ),
        }
    }

    /// Since the stream's begin.
    fn line_ms(&self, now: Duration) -> u64 {
        let since = now.saturating_sub(self.connected_at.unwrap_or_default());
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells the meter of the line the next frame, and keeps what it finds. Nothing is lost on the way here.
    fn measure(&mut self, timestamp_ms: u64, now: Duration) {
        let heard = Loudness::of(&self.audio);
        let loudness = match self.scene.defect {
            Some(Defect::DeadLineUnnoticed) if heard.is_flat() => {
                Loudness::of(&Room::new(1).frame())
            }
            Some(Defect::QuietTakenForDead) if heard.mean() < 100 => {
                Loudness::of(&[SILENCE; FRAME_BYTES])
            }
            Some(_) | None => heard,
        };
        let frame = CustomerFrame {
            loudness,
            lost_ms: 0,
            timestamp_ms,
        };
        let now_ms = self.line_ms(now);
        self.meter.hear(frame, now_ms);
        let call = &self.call;
        let expected = || {
            call.answered().is_some_and(|answer| match answer.class {
                AnsweredBy::Machine | AnsweredBy::Screening | AnsweredBy::Fax => true,
                AnsweredBy::Human | AnsweredBy::Unknown => false,
            })
        };
        while let Some(finding) = self.meter.poll(now_ms, expected) {
            self.findings.push((now, finding));
        }
    }

    fn take_audio(&mut self, now: Duration) {
        self.customer_frames += 1;
        self.customer_samples += u64::try_from(self.audio.len()).unwrap_or(0);
        self.replay.push(&self.audio);
        if let Some(Defect::CustomerAudioLost { every }) = self.scene.defect
            && every > 0
            && self.customer_frames.is_multiple_of(every)
        {
            return;
        }
        if let Some(hearing) = &mut self.hearing {
            hearing.send_audio(&self.audio, now, &mut self.out);
        }
        if self.scene.defect == Some(Defect::BeepImagined) && self.customer_frames == IMAGINED_AT {
            self.feed(Event::LineSound(LineSound::Beep(IMAGINED)), now);
        }
        self.listen_for_tones(now);
    }

    fn listen_for_tones(&mut self, now: Duration) {
        if self.deaf || !self.call.wants_line_sounds() {
            self.line = None;
            return;
        }
        let before = self.customer_samples - u64::try_from(self.audio.len()).unwrap_or(0);
        let (from, line) = (self.line).get_or_insert_with(|| (before, LineListener::new()));
        let mut sounds = Vec::new();
        line.hear(&self.audio, |sound| sounds.push(sound.later_by(*from)));
        for sound in sounds {
            self.feed(Event::LineSound(sound), now);
        }
    }

    fn connect_hearing(&mut self, now: Duration) {
        self.connections += 1;
        let from = self.replay.start();
        let hearing = Hearing::connect(
            self.connections,
            self.scene,
            &self.deepgram,
            from,
            now,
            &mut self.out,
        );
        self.hearing = Some(hearing);
    }

    fn hearing_happened(&mut self, connection: u32, what: Heard, now: Duration) {
        let Some(hearing) = (self.hearing.as_mut()).filter(|leg| leg.connection() == connection)
        else {
            return;
        };
        if matches!(what, Heard::Connected) {
            hearing.connected(now);
            let (older, newer) = self.replay.audio();
            for part in [older, newer] {
                hearing.send_audio(part, now, &mut self.out);
            }
            self.feed(Event::Recognition(Recognition::Opened), now);
            return;
        }
        match hearing.take(what, now, &mut self.out) {
            Ok(Some(event)) => {
                if let Recognition::Final { end, text, .. } = &event {
                    self.replay.settle(*end);
                    if !text.is_empty() {
                        self.meter.understood();
                    }
                }
                self.feed(Event::Recognition(event), now);
            }
            Ok(None) => {}
            Err(kind) => self.lose_hearing(kind, now),
        }
    }

    fn lose_hearing(&mut self, kind: FailureKind, now: Duration) {
        self.hearing = None;
        let lost = Recognition::Lost(failure("deepgram", kind));
        self.feed(Event::Recognition(lost), now);
    }

    fn thinking_happened(&mut self, id: GenerationId, what: Said, now: Duration) {
        let Some((_, leg)) = self.thinking.iter_mut().find(|(known, _)| *known == id) else {
            return;
        };
        leg.take(what, now);
        loop {
            let Some((_, leg)) = self.thinking.iter_mut().find(|(known, _)| *known == id) else {
                return;
            };
            let Some(event) = leg.next_event() else {
                return;
            };
            let last = matches!(event, Generation::Finished { .. } | Generation::Failed(_));
            if last {
                self.thinking.retain(|(known, _)| *known != id);
            }
            self.feed(Event::Generation { id, event }, now);
        }
    }

    fn spoken(&mut self, events: Spoken, now: Duration) {
        for (utterance, event) in events {
            self.feed(Event::Synthesis { utterance, event }, now);
        }
    }

    /// The cache speaks in the next round, as it does in the session.
    fn cached_spoke(&mut self, utterance: UtteranceId, what: Said, now: Duration) {
        if !self.cached.contains(&utterance) {
            return;
        }
        let event = match what {
            Said::Speech { audio, alignment } => Synthesis::Audio { audio, alignment },
            Said::End => {
                self.cached.retain(|known| *known != utterance);
                Synthesis::Finished
            }
            Said::Piece(_) | Said::Failed(_) => return,
        };
        self.feed(Event::Synthesis { utterance, event }, now);
    }

    /// Both voices, and what they need.
    fn speech(&mut self, now: Duration) -> (&mut Voice, &mut Requests, Around<'a, '_>) {
        let around = Around {
            scene: self.scene,
            vendor: &self.elevenlabs,
            now,
            out: &mut self.out,
        };
        (&mut self.voice, &mut self.requests, around)
    }

    fn warm_speech(&mut self, now: Duration) {
        let (voice, _, mut around) = self.speech(now);
        voice.warm(&mut around);
    }

    /// One event, then everything that the core wants done about it.
    fn feed(&mut self, event: Event, now: Duration) {
        if self.ended {
            return;
        }
        if self.scene.trace {
            self.out
                .push_back(Out::Note(format!("> {}", brief(&event))));
        }
        self.call.handle(event, call_time(now));
        self.drain(now);
    }

    fn drain(&mut self, now: Duration) {
        while let Some(action) = self.call.poll_action() {
            if self.scene.trace {
                self.out
                    .push_back(Out::Note(format!("< {}", brief_action(&action))));
            }
            self.perform(&action, now);
            self.out.push_back(Out::Action(action));
        }
    }

    fn perform(&mut self, action: &Action, now: Duration) {
        match action {
            Action::OpenRecognition { route: _ } => self.connect_hearing(now),
            Action::FinalizeRecognition => {
                if let Some(hearing) = &mut self.hearing {
                    hearing.finalize(now, &mut self.out);
                }
            }
            Action::Generate(request) => {
                let leg = Thinking::ask(self.scene, &self.openai, request, now, &mut self.out);
                self.thinking.push((request.id, leg));
            }
            Action::CancelGeneration(id) => self.thinking.retain(|(known, _)| known != id),
            Action::Synthesize(wanted) => self.synthesize(wanted, now),
            Action::FinishSynthesis(utterance) => {
                let utterance = *utterance;
                if self.cached.contains(&utterance) {
                    let what = Said::End;
                    self.out
                        .push_back(Out::At(now, Happened::Cached { utterance, what }));
                    return;
                }
                let (voice, requests, mut around) = self.speech(now);
                voice.finish(utterance, &mut around);
                let events = requests.finish(utterance, &mut around);
                self.later(events, now);
            }
            Action::CancelSynthesis(utterance) => {
                let utterance = *utterance;
                self.cached.retain(|known| *known != utterance);
                let (voice, requests, mut around) = self.speech(now);
                voice.cancel(utterance, &mut around);
                let events = requests.cancel(utterance, &mut around);
                self.later(events, now);
            }
            Action::SendAudio(audio) => {
                self.meter.play(audio, self.line_ms(now));
                self.buffer.clear();
                media::encode_media(STREAM_SID, audio, &mut self.buffer);
                let text = self.written();
                self.out.push_back(Out::Carrier(ToCarrier::Audio(text)));
            }
            Action::SendMark(mark) => {
                self.meter.mark(self.line_ms(now));
                self.buffer.clear();
                let name = mark.to_string();
                media::encode_mark(STREAM_SID, &name, &mut self.buffer);
                let text = self.written();
                self.out
                    .push_back(Out::Carrier(ToCarrier::Mark { text, name }));
            }
            Action::Clear => {
                self.meter.clear(self.line_ms(now));
                self.buffer.clear();
                media::encode_clear(STREAM_SID, &mut self.buffer);
                let text = self.written();
                self.out.push_back(Out::Carrier(ToCarrier::Clear(text)));
            }
            Action::RunTool(tool) => {
                let id = tool.id.clone();
                self.out
                    .push_back(Out::At(now + TOOL_TAKES, Happened::Tool { id }));
            }
            Action::End(_) => {
                if self.scene.defect != Some(Defect::EndIgnored) {
                    self.let_go();
                }
            }
            Action::AskVerdict => {
                let at = now + TABLE_TAKES;
                self.out.push_back(Out::At(at, Happened::Verdict));
            }
            Action::OptOut(_) => {
                let stored = now + self.scene.store.draw(&mut self.table);
                let told = match self.scene.defect {
                    Some(Defect::OptOutToldEarly) => now,
                    Some(_) | None => stored,
                };
                if self.scene.defect != Some(Defect::OptOutLost) {
                    self.opted_out_at = Some(stored);
                }
                self.out.push_back(Out::At(told, Happened::OptOutStored));
            }
            // No worker of this world stops.
            Action::HandOver(_) | Action::Redirect | Action::Stay | Action::Leave(_) => {}
            // Nor is anything of it recorded.
            Action::StoreTurn(_) | Action::Observe(_) | Action::Record => {}
        }
    }

    fn synthesize(&mut self, wanted: &Synthesize, now: Duration) {
        let Synthesize {
            utterance,
            route,
            text,
            cacheable,
        } = wanted;
        let utterance = *utterance;
        if *cacheable && self.scene.speech_cached {
            let speech = voice::speak(text, &self.elevenlabs.voice(VOICE_ID));
            let chars = speech.chars.iter().map(|(letter, at)| {
                let ms = u32::try_from(at / SAMPLES_PER_MS).unwrap_or(u32::MAX);
                (*letter, ms)
            });
            let alignment = Some(Alignment {
                chars: chars.collect(),
            });
            let audio = speech.audio.into();
            let what = Said::Speech { audio, alignment };
            self.cached.push(utterance);
            self.out
                .push_back(Out::At(now, Happened::Cached { utterance, what }));
            return;
        }
        let (voice, requests, mut around) = self.speech(now);
        if *route == 0 {
            voice.speak(utterance, text, &mut around);
        } else {
            let events = requests.speak(utterance, text, &mut around);
            self.later(events, now);
        }
    }

    /// What comes at once of an action is an event of its own: it waits until the action's own event
    /// is dealt with.
    fn later(&mut self, events: Spoken, now: Duration) {
        for (utterance, event) in events {
            self.out
                .push_back(Out::At(now, Happened::Ready { utterance, event }));
        }
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// Whether tones and verdicts do not reach a session, by a defect.
pub(super) fn is_deaf(scene: &Scene, session: u32) -> bool {
    match scene.defect {
        Some(Defect::MachinesUnheard) => true,
        Some(Defect::MachinesForgotten) => session > 0,
        Some(_) | None => false,
    }
}

/// An event for the trace: long ones cut.
fn brief(event: &Event) -> String {
    match event {
        Event::Synthesis {
            utterance,
            event: Synthesis::Audio { audio, .. },
        } => {
            format!("{utterance} audio {} ms", audio.len() / 8)
        }
        other @ (Event::Connected
        | Event::Key(_)
        | Event::Marked(_)
        | Event::Recognition(_)
        | Event::Generation { .. }
        | Event::Synthesis { .. }
        | Event::ToolDone { .. }
        | Event::HandedOver(_)
        | Event::Verdict(_)
        | Event::LineSound(_)
        | Event::OptOutStored
        | Event::HandOver(_)
        | Event::HandOverReady
        | Event::HandOverFailed { .. }
        | Event::LateTurn(_)
        | Event::HangUp
        | Event::Closing
        | Event::DrainDeadline
        | Event::CarrierClosed(_)) => format!("{other:?}"),
    }
}

fn brief_action(action: &Action) -> String {
    match action {
        Action::SendAudio(audio) => format!("SendAudio {} ms", audio.len() / 8),
        Action::Generate(request) => format!(
            "Generate {:?} of {} messages",
            request.id,
            request.messages.len()
        ),
        other @ (Action::OpenRecognition { .. }
        | Action::FinalizeRecognition
        | Action::CancelGeneration(_)
        | Action::Synthesize(_)
        | Action::FinishSynthesis(_)
        | Action::CancelSynthesis(_)
        | Action::SendMark(_)
        | Action::Clear
        | Action::RunTool(_)
        | Action::StoreTurn(_)
        | Action::AskVerdict
        | Action::OptOut(_)
        | Action::Record
        | Action::Observe(_)
        | Action::HandOver(_)
        | Action::Redirect
        | Action::Stay
        | Action::Leave(_)
        | Action::End(_)) => format!("{other:?}"),
    }
}
