//! Nobody speaks: remind, remind again, and say goodbye.

use std::time::Duration;

use model::{CallTime, SilencePolicy};

use crate::config::millis;

/// A sound without words yet puts off what is due this long: somebody may be about to speak.
const SOUND_WAIT: Duration = Duration::from_secs(2);
/// Sounds put it off by no more than this altogether, so that a noisy line does not go on for ever.
const PUT_OFF_MAX: Duration = Duration::from_secs(6);

/// The silence since somebody spoke last.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Silence {
    since: CallTime,
    reminders: u32,
    put_off_to: CallTime,
}

/// What the silence calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Remind,
    HangUp,
}

impl Silence {
    /// The agent stopped speaking, or the customer said something that needs no answer.
    pub(crate) const fn begins(&mut self, now: CallTime) {
        self.since = now;
    }

    /// The customer is there: reminders count from the beginning again.
    pub(crate) const fn broken(&mut self) {
        self.reminders = 0;
    }

    pub(crate) fn sound(&mut self, now: CallTime) {
        self.put_off_to = now + SOUND_WAIT;
    }

    pub(crate) const fn reminded(&mut self) {
        self.reminders = self.reminders.saturating_add(1);
    }

    pub(crate) const fn since(&self) -> CallTime {
        self.since
    }

    pub(crate) const fn reminders(&self) -> u32 {
        self.reminders
    }

    /// Until when a sound that was heard may become words.
    pub(crate) const fn sounds_until(&self) -> CallTime {
        self.put_off_to
    }

    /// Goes on from where another session was.
    pub(crate) const fn go_on(&mut self, since: CallTime, reminders: u32) {
        self.since = since;
        self.reminders = reminders;
    }

    pub(crate) fn due(&self, policy: &SilencePolicy) -> (CallTime, Due) {
        let (wait, due) = if self.reminders < policy.max_reminders {
            (policy.remind_after_ms, Due::Remind)
        } else {
            (policy.hang_up_after_ms, Due::HangUp)
        };
        let at = self.since + millis(wait);
        (at.max(self.put_off_to.min(at + PUT_OFF_MAX)), due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_puts_a_reminder_off_but_not_for_ever() {
        let at = CallTime::from_millis;
        let policy = SilencePolicy::default();
        let mut silence = Silence::default();
        silence.begins(at(1_000));
        assert_eq!(silence.due(&policy), (at(11_000), Due::Remind));
        silence.sound(at(10_500));
        assert_eq!(silence.due(&policy), (at(12_500), Due::Remind));
        silence.sound(at(30_000));
        assert_eq!(silence.due(&policy), (at(17_000), Due::Remind));
        silence.reminded();
        silence.reminded();
        assert_eq!(silence.due(&policy).1, Due::HangUp);
        silence.broken();
        assert_eq!(silence.due(&policy).1, Due::Remind);
    }
}
