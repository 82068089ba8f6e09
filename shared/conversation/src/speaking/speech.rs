//! One stretch of agent speech, from its first word to the last mark: text on its way to the voice,
//! audio on its way to the carrier, and what was heard of it.

use std::collections::VecDeque;
use std::time::Duration;

use model::{
    BargeIn, CallTime, Outcome, Speaker, Stage, ToolUse, Turn, TurnInput, TurnKind, Waterfall,
};

use crate::Deadline;
use crate::conversation::outbox::Outbox;
use crate::listening::barge_in::Saying;
use crate::reply::history::agent_text;
use crate::reply::rounds::{CUT_OFF, Reply};
use crate::speaking::heard_text::{BYTES_PER_CHAR, Heard, Script};
use crate::speaking::playback::Playback;
use crate::speaking::speakable::speakable;
use crate::speaking::splitter::Splitter;
use crate::{
    Action, Alignment, ChatMessage, Mark, Observation, Synthesis, Synthesize, UtteranceId,
};

/// A voice that owes audio and gives none for this long counts as failed.
const VOICE_SILENT_MAX: Duration = Duration::from_secs(5);
/// How much longer than the audio lasts its last mark is waited for.
const LAST_MARK_WAIT: Duration = Duration::from_secs(1);
/// Text is given to the voice only as long as less than this waits to be played, so that a long
/// answer needs little memory and an interrupted one costs little.
const AHEAD_BYTES_MAX: u64 = 6_000 * audio::BYTES_PER_MS as u64;
/// With less than this in hand the estimate of what is still to come is not trusted.
const AHEAD_BYTES_MIN: usize = 2_000 * audio::BYTES_PER_MS;
/// Fixed words up to this length (some 40 seconds) are one piece for the cache of synthesised speech;
/// longer ones are said sentence by sentence.
const CACHEABLE_BYTES_MAX: usize = 600;
/// How often a speech goes on after a false interruption; on a noisier line it is better to listen.
pub(crate) const RESUMES_MAX: u32 = 5;
/// Characters around the word in the air within which an echo is looked for.
const RECENT_CHARS: usize = 80;
/// How much of the text behind the word in the air the line may have carried already.
const UPCOMING_CHARS: usize = 20;

/// A stretch of speech.
#[derive(Debug)]
pub(crate) struct Speech {
    pub(crate) kind: TurnKind,
    /// What may stop it.
    pub(crate) guard: BargeIn,
    pub(crate) then: Then,
    /// Where the words come from; `None` for fixed ones.
    pub(crate) answer: Option<Reply>,
    pub(crate) waterfall: Option<Waterfall>,
    /// Stages that were decided and whose doing was not confirmed.
    unsettled: Vec<Stage>,
    /// How often it went on after a false interruption.
    pub(crate) resumes: u32,
    /// Failures of voices.
    pub(crate) voice_failures: usize,
    utterance: UtteranceId,
    cacheable: bool,
    /// Fit to be spoken, and not given to the voice yet.
    unsaid: VecDeque<String>,
    script: Script,
    voice: Voice,
    playback: Playback,
    /// Since when the voice owes audio for text that it was given.
    owed_since: Option<CallTime>,
    /// Chunks that were marked.
    marked: usize,
    ending: Option<Ending>,
}

/// What follows when all is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Listen,
    /// The call begins only then.
    Open,
    End(Outcome),
}

/// The vendor's side of the speech.
#[derive(Debug, Clone, Copy)]
enum Voice {
    /// The current utterance was given no text.
    Idle,
    Speaking {
        /// When the last text was given or the last audio came.
        last: CallTime,
        /// Audio came since text was given last.
        answered: bool,
        /// It was told that no more text comes.
        finishing: bool,
    },
    /// No more audio comes.
    Done,
}

/// All audio is with the carrier.
#[derive(Debug, Clone, Copy)]
struct Ending {
    mark: Mark,
    /// When the speech is over: with the mark's return, or when it was waited for long enough.
    deadline: CallTime,
}

/// What became of a piece of synthesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voiced {
    Taken,
    Stale,
    Failed { may_heal: bool },
}

/// A speech that is over, in the words of the transcript and of the language model.
#[derive(Debug)]
pub(crate) struct Told {
    /// Without its place in the call; `None` when nothing was heard and nothing done.
    pub(crate) turn: Option<Turn>,
    /// For the history, in order: rounds of tools.
    pub(crate) messages: Vec<ChatMessage>,
    /// The words after them as heard, with the marker of an interruption.
    pub(crate) last_words: String,
}

impl Speech {
    /// The answer to the customer, to be asked for.
    pub(crate) fn answer(
        guard: BargeIn,
        waterfall: Waterfall,
        now: CallTime,
        out: &mut Outbox,
    ) -> Self {
        Self {
            answer: Some(Reply::new(now)),
            waterfall: Some(waterfall),
            cacheable: false,
            ..Self::fixed(TurnKind::Talk, "", guard, Then::Listen, out)
        }
    }

    /// Words that are always the same.
    pub(crate) fn fixed(
        kind: TurnKind,
        text: &str,
        guard: BargeIn,
        then: Then,
        out: &mut Outbox,
    ) -> Self {
        let mut unsaid = VecDeque::new();
        let text = speakable(text);
        let cacheable = text.len() <= CACHEABLE_BYTES_MAX;
        if cacheable {
            unsaid.extend((!text.is_empty()).then_some(text));
        } else {
            let mut splitter = Splitter::default();
            splitter.push(&text);
            let chunks = std::iter::from_fn(|| splitter.next_chunk());
            unsaid.extend(chunks.map(|chunk| chunk.trim().to_owned()));
            unsaid.extend(splitter.finish().map(|chunk| chunk.trim().to_owned()));
        }
        Self {
            kind,
            guard,
            then,
            answer: None,
            waterfall: None,
            unsettled: Vec::new(),
            resumes: 0,
            voice_failures: 0,
            utterance: out.name_utterance(),
            cacheable,
            unsaid,
            script: Script::default(),
            voice: Voice::Idle,
            playback: Playback::default(),
            owed_since: None,
            marked: 0,
            ending: None,
        }
    }

    /// Adds words as they were written.
    pub(crate) fn say(&mut self, raw: &str) {
        let text = speakable(raw);
        if !text.is_empty() {
            self.unsaid.push_back(text);
        }
    }

    /// Adds last words behind what is being said. `false` when the voice was told already that no more
    /// comes.
    pub(crate) fn add_last_words(&mut self, words: &[&str], outcome: Outcome) -> bool {
        let open = matches!(
            self.voice,
            Voice::Speaking {
                finishing: false,
                ..
            }
        );
        if !open {
            return false;
        }
        for text in words {
            self.say(text);
        }
        self.kind = TurnKind::Farewell;
        self.guard = BargeIn::Protected;
        self.then = Then::End(outcome);
        true
    }

    /// Moves everything forward that can be: text to the voice, audio and marks to the carrier.
    pub(crate) fn advance(&mut self, route: usize, now: CallTime, out: &mut Outbox) {
        self.feed_voice(route, now, out);
        while let Some(message) = self.playback.next_message(now) {
            out.push(Action::SendAudio(message));
            self.reach(Stage::FirstFrameOut, now);
            self.mark_chunks(out);
            self.feed_voice(route, now, out);
        }
        // Silence while the model or a tool takes its time is no underrun.
        if let Some(dry_at) = self.playback.take_gap()
            && self.owed_since.is_some_and(|since| since <= dry_at)
        {
            out.observe(Observation::Underrun);
        }
        if self.owed_since.is_some() && self.script.chars_uncovered(self.playback.received()) == 0 {
            self.owed_since = None;
        }
        self.mark_end(now, out);
    }

    /// Everything was played, as far as can be known.
    pub(crate) fn is_over(&self, now: CallTime) -> bool {
        match &self.ending {
            Some(ending) => ending.deadline <= now,
            None => matches!(self.voice, Voice::Done) && self.playback.is_sent(),
        }
    }

    /// When something is due of itself, and what.
    pub(crate) fn due(&self) -> Option<(CallTime, Deadline)> {
        let playback = self.playback.due().map(|at| (at, Deadline::Playback));
        let voice = self.voice_due().map(|at| (at, Deadline::VoiceSilent));
        let ending = self
            .ending
            .map(|ending| (ending.deadline, Deadline::LastMark));
        let answer = self.answer.as_ref().and_then(Reply::due);
        [playback, voice, ending, answer]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the voice has been silent for too long, if it owes anything.
    pub(crate) fn voice_due(&self) -> Option<CallTime> {
        match self.voice {
            Voice::Speaking {
                last, finishing, ..
            } if self.playback.queued() < AHEAD_BYTES_MIN
                && (finishing || !self.unsaid.is_empty() || self.playback.received() == 0) =>
            {
                Some(last + VOICE_SILENT_MAX)
            }
            Voice::Speaking { .. } | Voice::Idle | Voice::Done => None,
        }
    }

    /// Takes what the voice gave.
    pub(crate) fn synthesised(
        &mut self,
        utterance: UtteranceId,
        event: Synthesis,
        now: CallTime,
    ) -> Voiced {
        let Voice::Speaking { finishing, .. } = self.voice else {
            return Voiced::Stale;
        };
        if utterance != self.utterance {
            return Voiced::Stale;
        }
        match event {
            Synthesis::Audio { audio, alignment } => self.hear(audio, alignment.as_ref(), now),
            Synthesis::Finished if !finishing => Voiced::Stale,
            // Words without a sound.
            Synthesis::Finished if self.playback.received() == 0 => {
                Voiced::Failed { may_heal: true }
            }
            Synthesis::Finished => {
                self.voice = Voice::Done;
                self.playback.finish();
                Voiced::Taken
            }
            Synthesis::Failed(failure) => Voiced::Failed {
                may_heal: failure.kind.may_heal(),
            },
        }
    }

    /// Has everything that was not heard yet said by another voice.
    pub(crate) fn change_voice(&mut self, out: &mut Outbox) {
        let sent = self.playback.sent();
        let (text_end, audio_end) = self.script.restart(sent, self.playback.received());
        self.playback.truncate(audio_end);
        for chunk in self.script.take_from(text_end).into_iter().rev() {
            self.unsaid.push_front(chunk);
        }
        self.cacheable &= text_end == 0;
        self.marked = self.marked.min(self.script.chunks());
        self.utterance = out.name_utterance();
        self.voice = Voice::Idle;
    }

    /// Takes a returned mark. `false` when it is none of this speech's.
    pub(crate) fn marked(&mut self, mark: Mark, now: CallTime) -> bool {
        if !self.playback.marked(mark, now) {
            return false;
        }
        self.reach(Stage::FirstMark, now);
        if let Some(ending) = self.ending.as_mut().filter(|ending| ending.mark == mark) {
            // Not before the clock says so, see `Playback::marked`.
            ending.deadline = self.playback.ends_at().unwrap_or(now).max(now);
        }
        true
    }

    /// Tells the vendors that no more is wanted.
    pub(crate) fn cancel(&mut self, out: &mut Outbox) {
        if let Some(id) = self.answer.as_ref().and_then(Reply::asked) {
            out.push(Action::CancelGeneration(id));
        }
        self.cancel_voice(out);
    }

    /// Tells the voice that it is not wanted any more.
    pub(crate) fn cancel_voice(&mut self, out: &mut Outbox) {
        if let Voice::Speaking { .. } = self.voice {
            out.push(Action::CancelSynthesis(self.utterance));
            self.voice = Voice::Idle;
        }
    }

    pub(crate) fn reach(&mut self, stage: Stage, now: CallTime) {
        if let Some(waterfall) = &mut self.waterfall
            && waterfall.at(stage).is_none()
        {
            waterfall.reach(stage, now);
            self.unsettled.push(stage);
        }
    }

    /// What `stage` decided is done. Counts once: a request that is made again is not our time.
    pub(crate) fn settle(&mut self, stage: Stage, now: CallTime) {
        if let Some(waterfall) = &mut self.waterfall
            && let Some(place) = self.unsettled.iter().position(|known| *known == stage)
        {
            self.unsettled.swap_remove(place);
            waterfall.settle(stage, now);
        }
    }

    /// Whether the customer could have heard anything of it.
    pub(crate) const fn is_audible(&self) -> bool {
        self.playback.first_sent_at().is_some()
    }

    pub(crate) const fn first_sent_at(&self) -> Option<CallTime> {
        self.playback.first_sent_at()
    }

    /// Whether there is anything to say so far.
    pub(crate) fn has_words(&self) -> bool {
        !self.script.text().is_empty() || !self.unsaid.is_empty()
    }

    /// Whether nothing is left to be heard, by the clock.
    pub(crate) fn is_heard(&self, now: CallTime) -> bool {
        self.ending.is_some() && self.playback.played(now) >= self.playback.sent()
    }

    /// What is in the air, for judging an interruption.
    pub(crate) fn saying(&self, now: CallTime) -> Saying<'_> {
        let place = self.heard(now).text_end;
        let text = self.script.text();
        let from = back_by(text, place, RECENT_CHARS);
        let upcoming = text.get(place..).unwrap_or_default();
        let to = upcoming.char_indices().nth(UPCOMING_CHARS);
        let to = to.map_or(text.len(), |(at, _)| place + at);
        Saying {
            guard: self.guard,
            sentence: self.script.sentence_at(place),
            recent: text.get(from..to).unwrap_or_default(),
        }
    }

    /// All text of the speech so far, said or not.
    pub(crate) fn text(&self) -> String {
        let mut text = self.script.text().to_owned();
        for chunk in &self.unsaid {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(chunk);
        }
        text
    }

    /// The speech as it is remembered when it stops at `now`.
    pub(crate) fn told(&mut self, now: CallTime) -> Told {
        let mut intended = self.text();
        let mut more_to_come = false;
        if let Some(answer) = &mut self.answer
            && !answer.is_complete()
        {
            more_to_come = true;
            answer.fail_running_tools(CUT_OFF);
        }
        let complete = self.is_heard(now) || self.is_over(now);
        let heard_end = if complete {
            self.script.text().len()
        } else {
            self.heard(now).text_end
        };
        let heard = self.script.up_to(heard_end).to_owned();
        if let Some(answer) = &self.answer {
            let rest = speakable(answer.splitter.rest());
            if !rest.is_empty() {
                intended.push_str(if intended.is_empty() { "" } else { " " });
                intended.push_str(&rest);
            }
        }
        // Also where all was heard that was known by then.
        let interrupted = more_to_come || heard.len() < intended.len();
        let (messages, from) = match &self.answer {
            Some(answer) => answer.messages(&heard),
            None => (Vec::new(), 0),
        };
        let words = heard.get(from..).unwrap_or_default().trim();
        let last_words = if words.is_empty() {
            String::new()
        } else {
            agent_text(words, interrupted)
        };
        let tools = self.answer.as_ref().map(Reply::tool_uses);
        Told {
            turn: self.turn(heard, intended, interrupted, tools.unwrap_or_default(), now),
            messages,
            last_words,
        }
    }

    /// What is left to say after a false interruption at `stopped`: the same audio from the last
    /// word on where all of it is here, otherwise the text from the last sentence boundary on.
    pub(crate) fn go_on(
        mut self,
        stopped: CallTime,
        now: CallTime,
        out: &mut Outbox,
    ) -> Option<Self> {
        let heard = self.heard(stopped);
        let unfinished = self
            .answer
            .as_ref()
            .is_some_and(|answer| !answer.is_complete());
        let mut rest = Self {
            resumes: self.resumes + 1,
            cacheable: false,
            answer: unfinished.then(|| Reply::going_on(now)),
            ..Self::fixed(self.kind, "", self.guard, self.then, out)
        };
        if matches!(self.voice, Voice::Done) {
            let (playback, from) = self.playback.tail(heard.next_word_at);
            rest.script = self.script.tail(heard.text_end, from);
            rest.playback = playback;
            rest.playback.finish();
            rest.voice = Voice::Done;
        } else {
            let start = self.script.chunk_start(heard.text_end);
            rest.unsaid = self.script.take_from(start).into();
            rest.unsaid.append(&mut self.unsaid);
        }
        (unfinished || rest.has_words()).then_some(rest)
    }

    fn hear(
        &mut self,
        audio: bytes::Bytes,
        alignment: Option<&Alignment>,
        now: CallTime,
    ) -> Voiced {
        let (base, length) = (self.playback.received(), audio.len() as u64);
        if !self.playback.push(audio) {
            // What is in hand is kept; the rest is said again.
            return Voiced::Failed { may_heal: true };
        }
        self.script.align(base, length, alignment);
        if let Voice::Speaking { last, answered, .. } = &mut self.voice {
            *last = now;
            *answered = true;
        }
        self.reach(Stage::FirstAudio, now);
        Voiced::Taken
    }

    fn feed_voice(&mut self, route: usize, now: CallTime, out: &mut Outbox) {
        if matches!(self.voice, Voice::Done) {
            return;
        }
        while self.wants_text()
            && let Some(text) = self.unsaid.pop_front()
        {
            self.script.push(&text);
            self.reach(Stage::FirstChunk, now);
            self.reach(Stage::SpeechAsked, now);
            self.owed_since.get_or_insert(now);
            self.voice = Voice::Speaking {
                last: now,
                answered: false,
                finishing: false,
            };
            out.push(Action::Synthesize(Synthesize {
                utterance: self.utterance,
                route,
                text,
                cacheable: self.cacheable,
            }));
        }
        if !self.unsaid.is_empty() || !self.words_are_complete() {
            return;
        }
        match self.voice {
            Voice::Idle => {
                self.voice = Voice::Done;
                self.playback.finish();
            }
            Voice::Speaking {
                last,
                answered,
                finishing: false,
            } => {
                self.voice = Voice::Speaking {
                    last: last.max(now),
                    answered,
                    finishing: true,
                };
                out.push(Action::FinishSynthesis(self.utterance));
            }
            Voice::Speaking {
                finishing: true, ..
            }
            | Voice::Done => {}
        }
    }

    fn wants_text(&self) -> bool {
        if self.unsaid.is_empty() {
            return false;
        }
        let Voice::Speaking { answered, .. } = self.voice else {
            return true;
        };
        let queued = self.playback.queued();
        let to_come = self.script.chars_uncovered(self.playback.received()) * BYTES_PER_CHAR;
        queued as u64 + to_come < AHEAD_BYTES_MAX || answered && queued < AHEAD_BYTES_MIN
    }

    fn words_are_complete(&self) -> bool {
        self.answer.as_ref().is_none_or(Reply::is_complete)
    }

    /// A mark behind each chunk; the last one is marked as the end.
    fn mark_chunks(&mut self, out: &mut Outbox) {
        if self.playback.is_sent() {
            return;
        }
        let ended = self.script.chunks_ended(self.playback.sent());
        let is_last = matches!(self.voice, Voice::Done) && ended == self.script.chunks();
        if ended > self.marked && !is_last {
            self.marked = ended;
            self.send_mark(ended - 1, out);
        }
    }

    fn mark_end(&mut self, now: CallTime, out: &mut Outbox) {
        let over = self.playback.is_sent() && self.is_audible() && self.ending.is_none();
        if let Some(ends_at) = self.playback.ends_at().filter(|_| over) {
            let last = self.script.chunks().saturating_sub(1);
            let mark = self.send_mark(last.max(self.marked), out);
            self.ending = Some(Ending {
                mark,
                deadline: ends_at.max(now) + LAST_MARK_WAIT,
            });
        }
    }

    fn send_mark(&mut self, sentence: usize, out: &mut Outbox) -> Mark {
        let mark = Mark {
            utterance: self.utterance,
            sentence: u32::try_from(sentence).unwrap_or(u32::MAX),
        };
        self.playback.mark_sent(mark);
        out.push(Action::SendMark(mark));
        mark
    }

    fn heard(&self, now: CallTime) -> Heard {
        let total = match self.voice {
            Voice::Done => Some(self.playback.received()),
            Voice::Idle | Voice::Speaking { .. } => None,
        };
        self.script.heard(self.playback.played(now), total)
    }

    /// The turn for the transcript; `None` when nobody could hear it and no tool was used.
    fn turn(
        &self,
        heard: String,
        intended: String,
        interrupted: bool,
        tools: Vec<ToolUse>,
        now: CallTime,
    ) -> Option<Turn> {
        if !self.is_audible() && tools.is_empty() {
            return None;
        }
        let started_at = self.playback.first_sent_at().unwrap_or(now);
        let ended_at = self.playback.ends_at().map_or(now, |end| end.min(now));
        Some(Turn {
            seq: 0,
            speaker: Speaker::Agent,
            kind: self.kind,
            text: heard,
            intended: interrupted.then_some(intended),
            interrupted,
            input: TurnInput::Speech,
            started_at,
            ended_at: ended_at.max(started_at),
            tools,
            waterfall: self.waterfall.clone(),
        })
    }
}

/// The place `chars` characters before `place`.
fn back_by(text: &str, place: usize, chars: usize) -> usize {
    let before = text.get(..place).unwrap_or_default();
    let start = before.char_indices().rev().take(chars).last();
    start.map_or(place, |(at, _)| at)
}
