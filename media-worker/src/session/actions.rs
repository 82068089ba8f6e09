//! What the core wants done.

use std::sync::Arc;

use conversation::Action;
use providers::llm::Tuning;

use super::{Elsewhere, GENERATIONS_MAX, Session, WakeSource};
use crate::meters::Meters;
use crate::session::recording::RecordingRequest;

impl Session {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::SendAudio(audio) => self.play(&audio),
            Action::SendMark(mark) => {
                let socket = &mut self.parts.socket;
                if self.playout.mark(socket, mark, self.woken_at) {
                    self.line.mark();
                }
            }
            Action::Clear => {
                self.playout.clear(&mut self.parts.socket, self.woken_at);
                self.line.cleared();
            }
            Action::OpenRecognition { route } => {
                self.parts.ear.connect(route);
                self.due.add(WakeSource::Recognition);
            }
            Action::FinalizeRecognition => {
                self.parts.ear.finalize();
                self.due.add(WakeSource::Recognition);
            }
            Action::Generate(request) => {
                if self.generations.len() >= GENERATIONS_MAX {
                    drop(self.generations.remove(0));
                }
                let tuning = Tuning {
                    model: self.parts.model.as_deref(),
                    prompt_cache_key: Some(&self.parts.prompt_cache_key),
                };
                self.answering = self.parts.models.vendor(request.route);
                let stream = self.parts.models.generate(request.route, &request, tuning);
                self.generations.push((request.id, stream));
                self.handed_over.model = true;
                self.due.add(WakeSource::Generation);
            }
            Action::CancelGeneration(id) => self.generations.retain(|(of, _)| *of != id),
            Action::Synthesize(wanted) => {
                self.playout.speaks(wanted.utterance);
                if self.voiced < Some(wanted.utterance) {
                    self.voiced = Some(wanted.utterance);
                    self.handed_over.voice = true;
                    self.silent_so_far = true;
                }
                self.parts.tts.speak(wanted);
                self.due.add(WakeSource::Speech);
            }
            Action::FinishSynthesis(utterance) => {
                self.parts.tts.finish(utterance);
                self.due.add(WakeSource::Speech);
            }
            Action::CancelSynthesis(utterance) => {
                self.parts.tts.cancel(utterance);
                self.due.add(WakeSource::Speech);
            }
            Action::RunTool(call) => {
                self.running_tools.start(&self.parts.tools, call);
                self.due.add(WakeSource::Tools);
            }
            Action::StoreTurn(turn) => {
                if let Some(answer) = &turn.waterfall {
                    self.parts.meters.answered(answer);
                }
                if self.parts.turns.push(turn).is_err() {
                    self.parts.meters.turns_lost.increment(1);
                    tracing::error!("the store has been away for too long, a turn is lost");
                }
                self.due.add(WakeSource::Turns);
            }
            Action::AskVerdict => {
                let key = Arc::clone(&self.parts.key);
                self.verdict = Some(self.parts.control.verdict(key));
                self.due.add(WakeSource::Turns);
            }
            Action::OptOut(how) => {
                self.parts.turns.push_opt_out(how);
                self.due.add(WakeSource::Turns);
            }
            Action::Record => {
                let (control, key) = (Arc::clone(&self.parts.control), Arc::clone(&self.parts.key));
                let ask = move || control.record(Arc::clone(&key));
                let request = RecordingRequest::new(ask, self.woken_at);
                self.recording = Some(Box::new(request));
                self.due.add(WakeSource::Turns);
            }
            Action::Observe(observation) => Meters::observed(observation),
            Action::HandOver(checkpoint) => {
                let line = self.line.report();
                self.mover.prepare(checkpoint, line);
                self.due.add(WakeSource::Turns);
            }
            Action::Redirect => {
                self.mover.redirect();
                self.due.add(WakeSource::Turns);
            }
            Action::Stay => self.mover.stay(),
            Action::Leave(turns) => {
                for turn in turns {
                    self.parts.turns.push_left_behind(turn);
                }
                self.elsewhere = Some(Elsewhere::HandedOver);
            }
            Action::End(outcome) => self.end = Some(outcome),
        }
    }

    pub(super) fn play(&mut self, audio: &[u8]) {
        self.handed_over.audio |= std::mem::take(&mut self.silent_so_far);
        let was_dropping = self.playout.is_dropping();
        if self
            .playout
            .play(&mut self.parts.socket, audio, self.woken_at)
        {
            self.parts.meters.media_sent.increment(1);
            let bytes = u64::try_from(audio.len()).unwrap_or(0);
            self.parts.meters.audio_sent_bytes.increment(bytes);
            self.line.played(audio);
        } else if !was_dropping {
            self.parts.meters.playouts_dropped.increment(1);
            tracing::warn!("the carrier does not read, what the agent says is dropped");
        }
    }
}
