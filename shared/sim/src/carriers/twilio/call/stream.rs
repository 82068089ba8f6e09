//! The media stream of a call: one WebSocket after another, each with its callbacks.

use std::time::Duration;

use super::callbacks::named;
use super::view::Gap;
use super::{Doing, LegState, Output, PhoneCall};
use crate::carriers::twilio::hook::{Hook, Purpose};
use crate::carriers::twilio::media::stream::{MediaStream, StreamIds, StreamProblem};
use crate::carriers::twilio::twiml::Stream;

impl PhoneCall {
    /// The WebSocket of [`Output::OpenStream`] stands.
    pub(in crate::carriers::twilio) fn stream_opened(&mut self, now: Duration) {
        let breaks_after = self.account.faults().stream_breaks_after;
        let LegState::Live(live) = &mut self.state else {
            return self.outputs.push_back(Output::CloseStream);
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Connecting {
                stream,
                action,
                ids,
            } => {
                let sid = ids.stream_sid.clone();
                live.line.connect(ids, &stream.parameters, now);
                self.seen.streams += 1;
                if let Some(from_ms) = self.seen.stream_ended_ms.take() {
                    let to_ms = live.line.elapsed_ms();
                    self.seen.gaps.push(Gap { from_ms, to_ms });
                }
                live.doing = Doing::Streaming {
                    stream: stream.clone(),
                    action,
                    breaks_at: breaks_after.map(|after| now + after),
                };
                self.stream_event((&stream, &sid), "stream-started", None, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Gathering(_)
            | Doing::Streaming { .. }) => {
                // Redirected meanwhile.
                live.doing = other;
                self.outputs.push_back(Output::CloseStream);
            }
        }
        self.handle_timeout(now);
    }

    /// The WebSocket could not be opened.
    pub(in crate::carriers::twilio) fn stream_refused(
        &mut self,
        code: u32,
        what: &str,
        now: Duration,
    ) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Connecting {
                stream,
                action,
                ids,
            } => {
                self.account.noticed(code, what, Some(&self.record.sid));
                let error = Some(format!("{code}: {what}"));
                self.stream_event((&stream, &ids.stream_sid), "stream-error", error, now);
                self.after_stream(action, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Gathering(_)
            | Doing::Streaming { .. }) => live.doing = other,
        }
        self.handle_timeout(now);
    }

    /// A text message on the WebSocket.
    pub(in crate::carriers::twilio) fn stream_text(&mut self, text: &str, now: Duration) {
        if let LegState::Live(live) = &mut self.state {
            live.line.receive(text, now);
        }
        self.handle_timeout(now);
    }

    /// A binary message on the WebSocket.
    pub(in crate::carriers::twilio) fn stream_binary(&mut self, bytes: usize, now: Duration) {
        if let LegState::Live(live) = &mut self.state
            && let Some(stream) = live.line.stream_mut()
        {
            stream.receive_binary(bytes);
        }
        self.handle_timeout(now);
    }

    /// The other side broke the rules of WebSockets.
    pub(in crate::carriers::twilio) fn stream_violated(&self, code: u32, what: &str) {
        self.account.violated(code, what, Some(&self.record.sid));
    }

    /// The other side closed the WebSocket, or it broke (`problem` says how).
    pub(in crate::carriers::twilio) fn stream_closed(
        &mut self,
        problem: Option<(u32, &str)>,
        now: Duration,
    ) {
        self.end_stream(problem, now);
        self.handle_timeout(now);
    }

    /// Breaks the media stream without a word, as a network does.
    pub(in crate::carriers::twilio) fn cut_stream(&mut self, now: Duration) {
        self.outputs.push_back(Output::CutStream);
        self.stream_closed(Some((31_903, "the connection broke")), now);
    }

    /// REST on the stream: the carrier ends it, the call goes on.
    pub(in crate::carriers::twilio) fn stop_stream(&mut self, now: Duration) {
        let action = match &self.state {
            LegState::Live(live) => match &live.doing {
                Doing::Streaming { action, .. } => action.clone(),
                Doing::Nothing
                | Doing::Detecting
                | Doing::Fetching(_)
                | Doing::Playing
                | Doing::Pausing(_)
                | Doing::Gathering(_)
                | Doing::Connecting { .. } => None,
            },
            LegState::Queued { .. }
            | LegState::Dialing { .. }
            | LegState::Ringing { .. }
            | LegState::Inbound { .. }
            | LegState::Over => None,
        };
        self.leave_stream(now);
        self.after_stream(action, now);
        self.handle_timeout(now);
    }

    /// The name and id of the media stream, while there is one.
    pub(in crate::carriers::twilio) fn stream(&self) -> Option<(Option<&str>, &str)> {
        let LegState::Live(live) = &self.state else {
            return None;
        };
        let Doing::Streaming { stream, .. } = &live.doing else {
            return None;
        };
        Some((
            stream.name.as_deref(),
            &live.line.stream()?.ids().stream_sid,
        ))
    }

    pub(super) fn open_stream(&mut self, stream: Stream, action: Option<Hook>) {
        let ids = StreamIds {
            account_sid: self.record.account_sid.clone(),
            call_sid: self.record.sid.clone(),
            stream_sid: self.fresh_sid("MZ"),
        };
        self.outputs.push_back(Output::OpenStream {
            url: stream.url.clone(),
            signed: self.account.signer.sign(&stream.url, &[]),
        });
        if let LegState::Live(live) = &mut self.state {
            live.doing = Doing::Connecting {
                stream,
                action,
                ids,
            };
        }
    }

    /// The stream ended from the other side.
    pub(super) fn end_stream(&mut self, problem: Option<(u32, &str)>, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Streaming { stream, action, .. } => {
                let mut sid = String::new();
                if let Some(media) = live.line.disconnect(now) {
                    self.seen.stream_ended_ms = Some(live.line.elapsed_ms());
                    sid.clone_from(&media.ids().stream_sid);
                    self.keep_stream(&media);
                }
                if let Some((code, what)) = problem {
                    self.account.noticed(code, what, Some(&self.record.sid));
                    let error = Some(format!("{code}: {what}"));
                    self.stream_event((&stream, &sid), "stream-error", error, now);
                }
                self.stream_event((&stream, &sid), "stream-stopped", None, now);
                self.after_stream(action, now);
            }
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Gathering(_)
            | Doing::Connecting { .. }) => live.doing = other,
        }
    }

    /// The carrier ends the stream: `stop`, then the socket closes.
    pub(super) fn leave_stream(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let stream = match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Streaming { stream, .. } => stream,
            Doing::Connecting { .. } => return self.outputs.push_back(Output::CloseStream),
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Gathering(_)) => {
                live.doing = other;
                return;
            }
        };
        let Some(mut media) = live.line.disconnect(now) else {
            return;
        };
        self.seen.stream_ended_ms = Some(live.line.elapsed_ms());
        if self.account.faults().no_stop_message {
            while let Some(message) = media.poll_message() {
                self.outputs.push_back(Output::StreamText(message));
            }
            self.outputs.push_back(Output::CutStream);
        } else {
            media.stop();
            while let Some(message) = media.poll_message() {
                self.outputs.push_back(Output::StreamText(message));
            }
            self.outputs.push_back(Output::CloseStream);
        }
        self.keep_stream(&media);
        self.stream_event(
            (&stream, &media.ids().stream_sid),
            "stream-stopped",
            None,
            now,
        );
    }

    /// After `<Connect>`: its action, or the next verb.
    pub(super) fn after_stream(&mut self, action: Option<Hook>, now: Duration) {
        if let Some(hook) = action {
            self.fetch(Purpose::Instructions, &hook, Vec::new(), now);
        }
    }

    pub(super) fn keep_stream(&mut self, stream: &MediaStream) {
        self.seen.playout = self.seen.playout.and(stream.stats());
        self.seen.stream_messages += stream.messages();
        // The carrier warns of each kind once per stream.
        for kind in [31_950, 31_951] {
            let mut of_kind = stream
                .problems()
                .iter()
                .filter(|problem| problem.code == kind);
            if let Some(StreamProblem { code, what }) = of_kind.next() {
                let what = match of_kind.count() {
                    0 => what.clone(),
                    more => format!("{what} (and {more} more like it)"),
                };
                self.account.violated(*code, what, Some(&self.record.sid));
            }
        }
    }

    pub(super) fn stream_event(
        &mut self,
        (stream, stream_sid): (&Stream, &str),
        event: &str,
        error: Option<String>,
        now: Duration,
    ) {
        let Some(hook) = stream.callback.clone() else {
            return;
        };
        let name = stream.name.clone().unwrap_or_else(|| stream_sid.to_owned());
        let mut fields = named([
            ("AccountSid", self.record.account_sid.clone()),
            ("CallSid", self.record.sid.clone()),
            ("StreamSid", stream_sid.to_owned()),
            ("StreamName", name),
            ("StreamEvent", event.to_owned()),
            ("Timestamp", self.account.wall(now).to_string()),
        ]);
        fields.extend(error.map(|text| ("StreamError".to_owned(), text)));
        self.call_back(Purpose::Stream, &hook, fields, now);
    }
}
