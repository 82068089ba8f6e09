//! What the turns of earlier sessions say about who answered. A session that goes on after a break was told
//! nothing else of it but the carrier's verdict.

use model::{CallTime, LeftMessage, MessageCue, Speaker, Turn, TurnInput, TurnKind};

use crate::amd::first_words::{self, FirstWords, OPENING_MAX};

/// Where the call stood with a machine, as far as turns tell.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    pub(crate) stage: RecalledStage,
    /// When words that are a mailbox's had ended.
    pub(crate) mailbox_at: Option<CallTime>,
    /// The words may be those of a mailbox.
    pub(crate) hinted: bool,
    /// What was heard last and answered by nothing: the break may have cut it.
    pub(crate) words: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecalledStage {
    #[default]
    Talking,
    /// A screening service was told `answers` times who calls; `asked`: where its words ended so far;
    /// `waits`: it was not told since, or not all of it.
    Screening {
        answers: u32,
        asked: CallTime,
        waits: bool,
    },
    /// A message was begun on a mailbox.
    Leaving(LeftMessage),
}

/// Goes through the turns of a call, in order.
pub(crate) fn recall(turns: &[Turn]) -> Recalled {
    let mut recalled = Recalled::default();
    for turn in turns {
        match (turn.speaker, turn.input) {
            (Speaker::Customer, TurnInput::Speech) => recalled.heard(turn),
            (Speaker::Customer, TurnInput::Keypad) => {}
            (Speaker::Agent, _) => recalled.said(turn),
        }
    }
    recalled
}

impl Recalled {
    fn heard(&mut self, turn: &Turn) {
        if !self.words.is_empty() {
            self.words.push(' ');
        }
        self.words.push_str(&turn.text);
        let opens = turn.started_at <= CallTime::ZERO + OPENING_MAX;
        let class = first_words::class(&self.words).filter(|_| opens);
        match (class, &mut self.stage) {
            (_, RecalledStage::Leaving(_)) => {}
            (
                Some(FirstWords::Mailbox),
                RecalledStage::Talking | RecalledStage::Screening { .. },
            ) => {
                self.stage = RecalledStage::Talking;
                self.mailbox_at = Some(turn.ended_at);
                self.hinted = true;
            }
            (Some(FirstWords::Screening), RecalledStage::Talking) => {
                self.stage = RecalledStage::Screening {
                    answers: 0,
                    asked: turn.ended_at,
                    waits: true,
                };
            }
            (Some(FirstWords::MailboxPerhaps), RecalledStage::Talking) => self.hinted = true,
            (_, RecalledStage::Screening { asked, waits, .. }) => {
                *asked = turn.ended_at;
                *waits = true;
            }
            (Some(FirstWords::Unavailable | FirstWords::Hold) | None, RecalledStage::Talking) => {}
        }
    }

    fn said(&mut self, turn: &Turn) {
        if matches!(turn.kind, TurnKind::Bridge | TurnKind::Notice) {
            return;
        }
        self.words.clear();
        match (turn.kind, &mut self.stage) {
            (TurnKind::Voicemail, _) => {
                let heard = turn.ended_at.since(turn.started_at);
                self.stage = RecalledStage::Leaving(LeftMessage {
                    started_at: turn.started_at,
                    heard_ms: u64::try_from(heard.as_millis()).unwrap_or(u64::MAX),
                    whole: !turn.interrupted,
                    after: MessageCue::Begun,
                });
            }
            (TurnKind::Screening, RecalledStage::Screening { answers, waits, .. }) => {
                *answers += u32::from(!turn.interrupted);
                *waits = turn.interrupted;
            }
            (TurnKind::Screening, RecalledStage::Talking) => {
                // Its question was never final.
                self.stage = RecalledStage::Screening {
                    answers: u32::from(!turn.interrupted),
                    asked: turn.started_at,
                    waits: turn.interrupted,
                };
            }
            // It put us through.
            (TurnKind::Greeting, RecalledStage::Screening { .. }) => {
                self.stage = RecalledStage::Talking;
            }
            (
                TurnKind::Notice
                | TurnKind::Greeting
                | TurnKind::Talk
                | TurnKind::Reminder
                | TurnKind::Bridge
                | TurnKind::Farewell
                | TurnKind::Screening,
                RecalledStage::Talking
                | RecalledStage::Screening { .. }
                | RecalledStage::Leaving(_),
            ) => {}
        }
    }
}
