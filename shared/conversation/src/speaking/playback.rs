//! The agent's audio on its way to the carrier: re-framed, paced a small lead ahead of real time,
//! and known by position, so that it can be said at any moment how much of it was played.
//!
//! A position is a number of bytes since the beginning of the speech. It does not know what is said.

use std::collections::VecDeque;
use std::time::Duration;

use audio::frames::{padding, whole_frames};
use audio::{BYTES_PER_MS, FRAME_BYTES, SILENCE, bytes_in, duration_of};
use bytes::{Bytes, BytesMut};
use model::CallTime;

use crate::Mark;

/// How far ahead of real time audio is handed to the carrier, at most. Enough to ride out a late
/// timer or a slow network moment, and little enough that an interruption has little to clear.
pub(crate) const LEAD_BYTES_MAX: u64 = 200 * BYTES_PER_MS as u64;
/// The largest message: each send costs the same whatever its size, so full ones are five times
/// cheaper than single frames. The next one is due when the lead has fallen to this much.
pub(crate) const MESSAGE_BYTES_MAX: usize = 100 * BYTES_PER_MS;
/// The most audio that waits to be sent. The text is given to the voice piece by piece, so more than
/// this is a vendor out of control: its audio beyond is dropped.
pub(crate) const QUEUE_BYTES_MAX: usize = 60_000 * BYTES_PER_MS;
/// How much of what was sent is kept for going on after a false interruption: the lead, and before
/// it the longest word.
const KEPT_BYTES_MAX: usize = 2_000 * BYTES_PER_MS;
/// A mark that is later than this says that the carrier is behind our clock.
const MARK_LATE_MAX: Duration = Duration::from_millis(500);
/// Marks under way at most: each belongs to a chunk within the lead, so this is never reached by a
/// carrier that returns them.
const MARKS_MAX: usize = 64;

/// The audio of one speech.
#[derive(Debug, Default)]
pub(crate) struct Playback {
    queue: VecDeque<Bytes>,
    queued: usize,
    /// What was sent last, oldest first.
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    sent: u64,
    /// No more audio comes: the last frame may be padded.
    whole: bool,
    run: Option<Run>,
    first_sent_at: Option<CallTime>,
    marks: VecDeque<(Mark, u64)>,
    /// Played for sure: the carrier returned a mark behind it.
    confirmed: u64,
    /// When the carrier ran out of audio, until somebody asks.
    dry_at: Option<CallTime>,
}

/// A stretch of uninterrupted playing.
#[derive(Debug, Clone, Copy)]
struct Run {
    started: CallTime,
    /// The position at which it started.
    from: u64,
}

impl Playback {
    /// Adds audio; what does not fit is dropped, and `false` says so.
    pub(crate) fn push(&mut self, audio: Bytes) -> bool {
        if audio.is_empty() {
            return true;
        }
        if self.whole || self.queued + audio.len() > QUEUE_BYTES_MAX {
            return false;
        }
        self.queued += audio.len();
        self.queue.push_back(audio);
        true
    }

    /// Says that no more audio comes.
    pub(crate) fn finish(&mut self) {
        self.whole = true;
    }

    /// The next message that is due now, if any. To be called until it answers `None`.
    pub(crate) fn next_message(&mut self, now: CallTime) -> Option<Bytes> {
        let size = self.next_size();
        if size == 0 || self.ahead(now) > LEAD_BYTES_MAX - MESSAGE_BYTES_MAX as u64 {
            return None;
        }
        let message = self.take(size);
        self.note_run(now);
        self.first_sent_at.get_or_insert(now);
        self.sent += message.len() as u64;
        self.keep(message.clone());
        Some(message)
    }

    /// When the next message is due; `None` while there is nothing to send. Messages that are due
    /// already were taken by [`Self::next_message`].
    pub(crate) fn due(&self) -> Option<CallTime> {
        if self.next_size() == 0 {
            return None;
        }
        let wait_for = self
            .sent
            .saturating_sub(LEAD_BYTES_MAX - MESSAGE_BYTES_MAX as u64);
        Some(self.run.map_or(CallTime::ZERO, |run| {
            run.started + duration_of(wait_for.saturating_sub(run.from))
        }))
    }

    /// Notes that `mark` was sent: it comes back when all that was sent before it is played.
    pub(crate) fn mark_sent(&mut self, mark: Mark) {
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((mark, self.sent));
    }

    /// Notes that the carrier returned a mark. `false` when it is not one that is under way. A carrier
    /// cannot have played what time did not allow: a mark that is early counts as far as the clock.
    pub(crate) fn marked(&mut self, mark: Mark, now: CallTime) -> bool {
        let Some(place) = self.marks.iter().position(|(sent, _)| *sent == mark) else {
            return false;
        };
        let possible = self.by_clock(now);
        // Marks come back in order, so those before it are played too.
        for (_, position) in self.marks.drain(..=place) {
            self.confirmed = self.confirmed.max(position.min(possible));
        }
        true
    }

    /// How much was played by now: by the clock, and by marks where they know better.
    pub(crate) fn played(&self, now: CallTime) -> u64 {
        let by_clock = self.by_clock(now);
        let behind = self.marks.front().filter(|(_, position)| {
            self.run.is_some_and(|run| {
                let expected = run.started + duration_of(position.saturating_sub(run.from));
                now > expected + MARK_LATE_MAX
            })
        });
        let played = behind.map_or(by_clock, |(_, position)| by_clock.min(*position));
        played.max(self.confirmed)
    }

    /// When everything sent so far will have been played.
    pub(crate) fn ends_at(&self) -> Option<CallTime> {
        let run = self.run?;
        Some(run.started + duration_of(self.sent.saturating_sub(run.from)))
    }

    /// Everything was sent, and nothing more comes.
    pub(crate) fn is_sent(&self) -> bool {
        self.whole && self.queued == 0
    }

    /// When the first message was sent.
    pub(crate) const fn first_sent_at(&self) -> Option<CallTime> {
        self.first_sent_at
    }

    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// All audio that came, sent or not.
    pub(crate) const fn received(&self) -> u64 {
        self.sent + self.queued as u64
    }

    /// Audio that waits to be sent.
    pub(crate) const fn queued(&self) -> usize {
        self.queued
    }

    /// When the carrier ran out of audio before the message that was sent last, if it did; told once.
    pub(crate) const fn take_gap(&mut self) -> Option<CallTime> {
        self.dry_at.take()
    }

    /// Forgets audio that was not sent, from `position` on.
    pub(crate) fn truncate(&mut self, position: u64) {
        let keep = position.saturating_sub(self.sent);
        let mut keep = usize::try_from(keep).unwrap_or(usize::MAX);
        self.queued = self.queued.min(keep);
        self.queue.retain_mut(|piece| {
            piece.truncate(keep);
            keep -= piece.len();
            !piece.is_empty()
        });
    }

    /// The audio from `position` on, sent or not, and the position at which it really begins: later
    /// when that much is not kept any more.
    pub(crate) fn tail(mut self, position: u64) -> (Self, u64) {
        let oldest = self.sent - self.kept_bytes as u64;
        let from = position.clamp(oldest, self.received());
        let mut rest = Self::default();
        self.kept.append(&mut self.queue);
        let mut skip = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        for mut piece in self.kept {
            let audio = piece.split_off(skip.min(piece.len()));
            skip -= piece.len();
            rest.push(audio);
        }
        (rest, from)
    }

    fn ahead(&self, now: CallTime) -> u64 {
        self.sent - self.by_clock(now)
    }

    fn by_clock(&self, now: CallTime) -> u64 {
        self.run.map_or(0, |run| {
            (run.from + bytes_in(now.since(run.started))).min(self.sent)
        })
    }

    fn next_size(&self) -> usize {
        let size = self.queued.min(MESSAGE_BYTES_MAX);
        if self.whole && size == self.queued {
            size
        } else {
            whole_frames(size)
        }
    }

    /// A new run begins when nothing is being played at `now`.
    fn note_run(&mut self, now: CallTime) {
        let ended = self.ends_at();
        let dry_at = ended.filter(|end| *end < now);
        self.dry_at = self.dry_at.or(dry_at);
        if ended.is_none() || dry_at.is_some() {
            let from = self.sent;
            self.run = Some(Run { started: now, from });
        }
    }

    /// The next `size` bytes, padded to whole frames. Without a copy where one piece has them all.
    fn take(&mut self, size: usize) -> Bytes {
        self.queued -= size;
        let pad = padding(size);
        if let Some(front) = self.queue.front_mut().filter(|_| pad == 0) {
            if front.len() > size {
                return front.split_to(size);
            }
            if front.len() == size {
                return self.queue.pop_front().unwrap_or_default();
            }
        }
        let mut message = BytesMut::with_capacity(size + pad);
        let mut missing = size;
        while missing > 0
            && let Some(mut piece) = self.queue.pop_front()
        {
            let part = piece.split_to(missing.min(piece.len()));
            missing -= part.len();
            message.extend_from_slice(&part);
            if !piece.is_empty() {
                self.queue.push_front(piece);
            }
        }
        message.resize(message.len() + pad, SILENCE);
        debug_assert_eq!(message.len() % FRAME_BYTES, 0, "messages are whole frames");
        message.freeze()
    }

    fn keep(&mut self, message: Bytes) {
        self.kept_bytes += message.len();
        self.kept.push_back(message);
        while let Some(oldest) = self.kept.front()
            && self.kept_bytes - oldest.len() >= KEPT_BYTES_MAX
        {
            self.kept_bytes -= oldest.len();
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::UtteranceId;

    fn at(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    fn audio(ms: usize) -> Bytes {
        vec![7; ms * BYTES_PER_MS].into()
    }

    fn sizes_due(playback: &mut Playback, now: CallTime) -> Vec<usize> {
        std::iter::from_fn(|| playback.next_message(now))
            .map(|message| message.len() / BYTES_PER_MS)
            .collect()
    }

    #[test]
    fn the_first_frame_goes_at_once_and_then_a_lead_is_kept() {
        let mut playback = Playback::default();
        playback.push(audio(19));
        assert_eq!(sizes_due(&mut playback, at(0)), [0usize; 0]);
        playback.push(audio(1));
        assert_eq!(sizes_due(&mut playback, at(5)), [20]);
        playback.push(audio(1_000));
        assert_eq!(sizes_due(&mut playback, at(6)), [100]);
        assert_eq!(playback.due(), Some(at(25)));
        assert_eq!(sizes_due(&mut playback, at(24)), [0usize; 0]);
        assert_eq!(sizes_due(&mut playback, at(25)), [100]);
        assert_eq!(playback.due(), Some(at(125)));
    }

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let mut playback = Playback::default();
        playback.push(audio(130));
        assert_eq!(sizes_due(&mut playback, at(0)), [100, 20]);
        playback.finish();
        let last = playback.next_message(at(21)).unwrap();
        assert_eq!(last.len(), FRAME_BYTES);
        assert_eq!(last.last(), Some(&SILENCE));
        assert!(playback.is_sent());
        assert_eq!(playback.ends_at(), Some(at(140)));
    }

    #[test]
    fn a_gap_is_an_underrun_and_starts_the_clock_anew() {
        let mut playback = Playback::default();
        playback.push(audio(100));
        assert_eq!(sizes_due(&mut playback, at(0)), [100]);
        assert_eq!(playback.played(at(500)), 800);
        playback.push(audio(100));
        assert_eq!(sizes_due(&mut playback, at(500)), [100]);
        assert_eq!(playback.take_gap(), Some(at(100)));
        assert_eq!(playback.take_gap(), None);
        assert_eq!(playback.played(at(550)), 1_200);
    }

    #[test]
    fn a_carrier_that_is_behind_is_believed_more_than_the_clock() {
        let mark = |sentence| Mark {
            utterance: UtteranceId(0),
            sentence,
        };
        let mut playback = Playback::default();
        playback.push(audio(100));
        assert_eq!(sizes_due(&mut playback, at(0)), [100]);
        playback.mark_sent(mark(0));
        playback.push(audio(2_000));
        for ms in (0..1_500).step_by(20) {
            sizes_due(&mut playback, at(ms));
        }
        assert_eq!(playback.played(at(590)), 590 * 8);
        assert_eq!(playback.played(at(1_000)), 800);
        assert!(playback.marked(mark(0), at(1_000)));
        assert!(!playback.marked(mark(0), at(1_000)));
        assert_eq!(playback.played(at(1_000)), 8_000);
    }

    #[test]
    fn what_was_cut_off_can_be_said_again_from_a_position() {
        let mut playback = Playback::default();
        playback.push(Bytes::from(
            (0u8..=249).cycle().take(4_000).collect::<Vec<_>>(),
        ));
        assert_eq!(sizes_due(&mut playback, at(0)), [100, 100]);
        let (mut rest, from) = playback.tail(1_000);
        assert_eq!(from, 1_000);
        assert_eq!(rest.queued(), 3_000);
        let message = rest.next_message(at(0)).unwrap();
        assert_eq!(message.first(), Some(&0));
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_once_in_order_in_whole_frames_within_the_lead(
            pieces in proptest::collection::vec((0usize..3_000, 0u64..400), 1..40),
        ) {
            let mut playback = Playback::default();
            let (mut now, mut counter, mut out) = (0u64, 0u8, Vec::new());
            let mut given = 0;
            for (length, wait) in &pieces {
                let piece: Vec<u8> = (0..*length).map(|_| { counter = (counter + 1) % 251; counter }).collect();
                given += length;
                playback.push(piece.into());
                let until = now + wait;
                loop {
                    while let Some(message) = playback.next_message(at(now)) {
                        prop_assert_eq!(message.len() % FRAME_BYTES, 0);
                        prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
                        out.extend_from_slice(&message);
                    }
                    prop_assert!(playback.ahead(at(now)) <= LEAD_BYTES_MAX);
                    match playback.due() {
                        Some(due) if due <= at(until) => {
                            prop_assert!(due > at(now) || due.as_micros() > at(now).as_micros());
                            now = due.as_millis() + u64::from(due.as_micros() % 1_000 != 0);
                        }
                        _later => break,
                    }
                }
                now = now.max(until);
            }
            playback.finish();
            for _ in 0..10_000 {
                while let Some(message) = playback.next_message(at(now)) { out.extend_from_slice(&message); }
                if playback.is_sent() { break; }
                now += 10;
            }
            prop_assert!(playback.is_sent());
            prop_assert_eq!(out.len(), given.next_multiple_of(FRAME_BYTES));
            for (place, byte) in out.iter().take(given).enumerate() {
                prop_assert_eq!(usize::from(*byte), (place + 1) % 251);
            }
        }
    }
}
