//! From sound to words, however the sound was cut into messages.

use super::frame::{FRAME_BYTES, Frame};
use super::mulaw;

/// Silence after which a word that stopped in its middle is taken for cut: longer than any pause
/// between words, shorter than a pause that a listener would answer in.
const CUT_AFTER: u64 = 100 * 8;

/// Voice activity is judged in blocks of 10 ms.
const BLOCK: u32 = 80;
/// Samples of a block that must be loud for the block to be loud.
const BLOCK_LOUD: u32 = 12;
/// A sample is loud from this amplitude on (about -41 dB of full scale).
const LOUD: i16 = 300;
/// Loud blocks in a row that begin speech (30 ms, so that a click does not).
const BLOCKS_START: u32 = 3;
/// Quiet blocks in a row that end speech (200 ms: longer than the pause at a comma).
const BLOCKS_STOP: u32 = 20;

/// Something heard. Positions are samples (8 a millisecond) in the scale that [`Listener::hear`] is
/// given; `end` is the first sample after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Sound began, words or not.
    SpeechStarted { at: u64 },
    /// A whole word, as it was spoken, punctuation included.
    Word {
        text: String,
        start: u64,
        end: u64,
        /// Which speech it belongs to and its place in it, from 0.
        speech: u16,
        index: u16,
    },
    /// Words that were spoken and cannot be understood: frames of them are missing, altered, doubled,
    /// out of order or torn apart. `words` is how many.
    Garbled { words: u16, start: u64, end: u64 },
    /// Speech stopped in the middle of a word and did not go on. `text` is as much of its letters as
    /// arrived, which is often all of them; `heard` of `parts` frames were heard.
    Cut {
        text: String,
        start: u64,
        end: u64,
        heard: u8,
        parts: u8,
    },
    /// Sound ended at `at`, told when it has been quiet for 200 ms.
    SpeechStopped { at: u64 },
}

/// Hears words in audio. One per direction of a connection.
#[derive(Debug, Clone, Default)]
pub struct Listener {
    /// Samples not yet decided on: less than a frame between two calls.
    window: Vec<u8>,
    /// Position of the first sample of the window.
    window_at: u64,
    /// Whether anything was heard before, silence included: who joins in mid-speech has not missed
    /// the words before.
    listening: bool,
    word: Word,
    last: Last,
    sound: Sound,
}

/// The word under way.
#[derive(Debug, Clone, Default)]
enum Word {
    #[default]
    None,
    /// All of its frames so far came as they should.
    Whole {
        speech: u16,
        index: u16,
        next: u8,
        parts: u8,
        letters: Vec<u8>,
        start: u64,
        end: u64,
    },
    /// Something was wrong with it.
    Broken {
        speech: u16,
        index: u16,
        start: u64,
        end: u64,
    },
}

/// The last word that was heard in any way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A word, whole or garbled.
    Heard { speech: u16, index: u16, end: u64 },
    /// A word that was cut: the speaker may take it up again, or an earlier one.
    Cut { speech: u16, index: u16 },
}

impl Listener {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears the next audio. `position` is that of its first sample; a jump forward is a stretch that
    /// was not heard, a jump back starts over there.
    pub fn hear(&mut self, audio: &[u8], position: u64) -> Vec<Heard> {
        let mut heard = Vec::new();
        let expected = self.window_at + samples(self.window.len());
        if position != expected {
            self.window.clear();
            self.window_at = position;
            if expected != 0 && position > expected {
                self.silence_until(position, &mut heard);
            }
        }
        self.sound.hear(audio, position, &mut heard);
        self.window.extend_from_slice(audio);
        self.read_words(&mut heard);
        heard
    }

    /// No more audio comes.
    pub fn finish(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        let end = self.window_at + samples(self.window.len());
        self.window_at = end;
        self.window.clear();
        self.silence_until(end + CUT_AFTER + 1, &mut heard);
        if let Some(at) = self.sound.stop() {
            heard.push(Heard::SpeechStopped { at });
        }
        heard
    }

    /// Whether there is sound now, pauses of up to 200 ms included.
    #[must_use]
    pub fn in_speech(&self) -> bool {
        self.sound.speaking
    }

    /// First sample after the last sound.
    #[must_use]
    pub fn sound_until(&self) -> Option<u64> {
        self.sound.loud_until
    }

    fn read_words(&mut self, heard: &mut Vec<Heard>) {
        let window = std::mem::take(&mut self.window);
        let mut at = 0;
        while let Some(samples_here) = window.get(at..).and_then(<[u8]>::first_chunk) {
            if let Some(frame) = Frame::read(samples_here) {
                self.frame(&frame, self.window_at + samples(at), heard);
                at += FRAME_BYTES;
            } else {
                at += 1;
                self.listening = true;
            }
        }
        self.window_at += samples(at);
        self.window = window;
        self.window.drain(..at);
        self.silence_until(self.window_at, heard);
    }

    fn frame(&mut self, frame: &Frame, at: u64, heard: &mut Vec<Heard>) {
        let end = at + samples(FRAME_BYTES);
        self.silence_until(at, heard);
        match &mut self.word {
            Word::Whole {
                speech,
                index,
                next,
                letters,
                end: word_end,
                ..
            } if *speech == frame.speech
                && *index == frame.word
                && *next == frame.part
                && *word_end == at =>
            {
                letters.extend(frame.text.iter().filter(|byte| **byte != 0));
                *next = next.saturating_add(1);
                *word_end = end;
            }
            // Out of order, doubled or torn apart: the rest of the word belongs to the same mishap.
            Word::Whole {
                speech,
                index,
                start,
                ..
            }
            | Word::Broken {
                speech,
                index,
                start,
                ..
            } if *speech == frame.speech && *index == frame.word => {
                self.word = Word::Broken {
                    speech: frame.speech,
                    index: frame.word,
                    start: *start,
                    end,
                };
            }
            Word::None | Word::Whole { .. } | Word::Broken { .. } => {
                self.give_up_word(heard);
                self.first_frame(frame, at, heard);
            }
        }
        self.listening = true;
        self.complete_word(heard);
    }

    /// The first frame that is heard of a word.
    fn first_frame(&mut self, frame: &Frame, at: u64, heard: &mut Vec<Heard>) {
        let missed = match self.last {
            Last::Heard { speech, index, .. } if speech == frame.speech && frame.word > index => {
                frame.word - index - 1
            }
            Last::Cut { speech, index } if speech == frame.speech => {
                frame.word.saturating_sub(index.saturating_add(1))
            }
            Last::Nothing | Last::Heard { .. } | Last::Cut { .. } => {
                if self.listening {
                    frame.word
                } else {
                    0
                }
            }
        };
        // The same word or one before it again, without a new beginning.
        let doubled = matches!(self.last, Last::Heard { speech, index, .. }
            if speech == frame.speech && frame.word <= index && frame.word > 0);
        let end = at + samples(FRAME_BYTES);
        if missed > 0 && !doubled {
            let start = match self.last {
                Last::Heard { speech, end, .. } if speech == frame.speech => end,
                Last::Nothing | Last::Heard { .. } | Last::Cut { .. } => at,
            };
            heard.push(Heard::Garbled {
                words: missed,
                start,
                end: at,
            });
        }
        self.word = if frame.part == 0 && !doubled {
            Word::Whole {
                speech: frame.speech,
                index: frame.word,
                next: 1,
                parts: frame.parts,
                letters: frame
                    .text
                    .iter()
                    .copied()
                    .filter(|byte| *byte != 0)
                    .collect(),
                start: at,
                end,
            }
        } else {
            Word::Broken {
                speech: frame.speech,
                index: frame.word,
                start: at,
                end,
            }
        };
    }

    /// Reports the word under way when its last frame has come.
    fn complete_word(&mut self, heard: &mut Vec<Heard>) {
        let Word::Whole {
            speech,
            index,
            next,
            parts,
            letters,
            start,
            end,
        } = &mut self.word
        else {
            return;
        };
        if *next < *parts {
            return;
        }
        heard.push(Heard::Word {
            text: String::from_utf8_lossy(letters).into_owned(),
            start: *start,
            end: *end,
            speech: *speech,
            index: *index,
        });
        self.last = Last::Heard {
            speech: *speech,
            index: *index,
            end: *end,
        };
        self.word = Word::None;
    }

    /// Another word begins although the one under way is not complete.
    fn give_up_word(&mut self, heard: &mut Vec<Heard>) {
        let (speech, index, start, end) = match &self.word {
            Word::None => return,
            Word::Whole {
                speech,
                index,
                start,
                end,
                ..
            }
            | Word::Broken {
                speech,
                index,
                start,
                end,
            } => (*speech, *index, *start, *end),
        };
        heard.push(Heard::Garbled {
            words: 1,
            start,
            end,
        });
        self.last = Last::Heard { speech, index, end };
        self.word = Word::None;
    }

    /// Nothing was heard before `now` since the last frame: a word under way may be over.
    fn silence_until(&mut self, now: u64, heard: &mut Vec<Heard>) {
        match &mut self.word {
            Word::Whole {
                speech,
                index,
                next,
                parts,
                letters,
                start,
                end,
            } if now > *end + CUT_AFTER => {
                heard.push(Heard::Cut {
                    text: String::from_utf8_lossy(letters).into_owned(),
                    start: *start,
                    end: *end,
                    heard: *next,
                    parts: *parts,
                });
                self.last = Last::Cut {
                    speech: *speech,
                    index: *index,
                };
                self.word = Word::None;
            }
            Word::Broken { end, .. } if now > *end + CUT_AFTER => self.give_up_word(heard),
            Word::None | Word::Whole { .. } | Word::Broken { .. } => {}
        }
    }
}

/// Voice activity by loudness alone.
#[derive(Debug, Clone, Default)]
struct Sound {
    speaking: bool,
    loud_until: Option<u64>,
    started_at: u64,
    block_samples: u32,
    block_loud: u32,
    run: u32,
}

impl Sound {
    fn hear(&mut self, audio: &[u8], position: u64, heard: &mut Vec<Heard>) {
        for (offset, byte) in (1_u64..).zip(audio) {
            self.block_samples += 1;
            if *byte != super::SILENCE && mulaw::decode(*byte).unsigned_abs() >= LOUD.unsigned_abs()
            {
                self.block_loud += 1;
            }
            if self.block_samples == BLOCK {
                let loud = self.block_loud >= BLOCK_LOUD;
                self.block_samples = 0;
                self.block_loud = 0;
                self.block(loud, position + offset, heard);
            }
        }
    }

    fn block(&mut self, loud: bool, end: u64, heard: &mut Vec<Heard>) {
        if loud {
            self.loud_until = Some(end);
        }
        if loud == self.speaking {
            self.run = 0;
            return;
        }
        if self.run == 0 {
            self.started_at = end.saturating_sub(u64::from(BLOCK));
        }
        self.run += 1;
        if loud && self.run >= BLOCKS_START {
            self.speaking = true;
            self.run = 0;
            heard.push(Heard::SpeechStarted {
                at: self.started_at,
            });
        } else if !loud && self.run >= BLOCKS_STOP {
            heard.extend(self.stop().map(|at| Heard::SpeechStopped { at }));
        }
    }

    fn stop(&mut self) -> Option<u64> {
        let was_speaking = std::mem::take(&mut self.speaking);
        self.run = 0;
        was_speaking.then(|| self.loud_until.unwrap_or(0))
    }
}

fn samples(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
