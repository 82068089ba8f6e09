//! `<Gather>`: keys are awaited while something is heard, and for a while after it.

use std::collections::VecDeque;
use std::time::Duration;

use super::callbacks::named;
use super::instructions::{Heard, heard};
use super::{Doing, LegState, PhoneCall};
use crate::carriers::twilio::hook::Purpose;
use crate::carriers::twilio::twiml::{Gather, Prompt};

/// What a call does that awaits keys.
#[derive(Debug)]
pub(super) struct Gathering {
    gather: Gather,
    /// What is still to be heard.
    prompts: VecDeque<Prompt>,
    waits: Waits,
    keys: String,
}

#[derive(Debug, Clone, Copy)]
enum Waits {
    /// Until what is heard is over.
    Sound,
    Silence(Duration),
    /// All was heard, or a key came.
    Key(Duration),
}

impl Gathering {
    /// When [`PhoneCall::waited_for_keys`] is wanted.
    pub(super) const fn due(&self) -> Option<Duration> {
        match self.waits {
            Waits::Sound => None,
            Waits::Silence(until) | Waits::Key(until) => Some(until),
        }
    }

    fn until_key(&self, now: Duration) -> Waits {
        Waits::Key(now + Duration::from_secs(self.gather.timeout_s.into()))
    }
}

impl PhoneCall {
    pub(super) fn gather(&mut self, gather: Gather, now: Duration) {
        if let LegState::Live(live) = &mut self.state {
            live.doing = Doing::Gathering(Gathering {
                prompts: gather.prompts.clone().into(),
                gather,
                waits: Waits::Sound,
                keys: String::new(),
            });
        }
        self.waited_for_keys(now);
    }

    /// What was waited for is over: the next prompt, then the time-out for a key, then the end.
    pub(super) fn waited_for_keys(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let Doing::Gathering(gathering) = &mut live.doing else {
            return;
        };
        if let Waits::Key(_) = gathering.waits {
            return self.gathered(now);
        }
        gathering.waits = match gathering.prompts.pop_front().as_ref().map(heard) {
            Some(Heard::Sound(audio)) => {
                live.line.play_local(audio);
                Waits::Sound
            }
            Some(Heard::Silence(lasts)) => Waits::Silence(now + lasts),
            None => gathering.until_key(now),
        };
    }

    /// A key that nobody awaits is lost.
    pub(super) fn key(&mut self, key: char, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        let Doing::Gathering(gathering) = &mut live.doing else {
            return;
        };
        live.line.stop_local();
        gathering.prompts.clear();
        gathering.waits = gathering.until_key(now);
        if gathering.gather.finish_on == Some(key) {
            return self.gathered(now);
        }
        gathering.keys.push(key);
        if gathering.keys.len() >= gathering.gather.keys_max {
            self.gathered(now);
        }
    }

    /// The action is told the keys; without any the next verb follows.
    fn gathered(&mut self, now: Duration) {
        let LegState::Live(live) = &mut self.state else {
            return;
        };
        match std::mem::replace(&mut live.doing, Doing::Nothing) {
            Doing::Gathering(Gathering { gather, keys, .. })
                if gather.tells_nothing || !keys.is_empty() =>
            {
                let fields = [("msg", "Gather End".to_owned()), ("Digits", keys)];
                self.fetch(Purpose::Instructions, &gather.action, named(fields), now);
            }
            Doing::Gathering(_) => {}
            other @ (Doing::Nothing
            | Doing::Detecting
            | Doing::Fetching(_)
            | Doing::Playing
            | Doing::Pausing(_)
            | Doing::Connecting { .. }
            | Doing::Streaming { .. }) => live.doing = other,
        }
    }
}
