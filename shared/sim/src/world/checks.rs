//! What must hold after every call, whatever happened in it.

pub(super) mod answering;
mod line;

use std::collections::BTreeSet;
use std::time::Duration;

use conversation::Observation;
use model::{Outcome, Speaker, Stage, Turn, TurnInput, TurnKind};

use super::promise::{Broken, Promise};
use super::worker::Worker;
use super::{Network, Scene, World, call_time};
use crate::person::{Experience, Log};
use crate::voice::Heard;

/// The carrier never holds more than this: what the worker sends ahead, a message, and jitter.
const LEAD_MAX: Duration = Duration::from_millis(400);
/// Words said this long before the end of the call may be lost with it: they were not final yet.
const LAST_WORDS: Duration = Duration::from_millis(4_000);
/// Sounds that only show that somebody listens: they need not become a turn.
pub(super) const MUMBLES: [&str; 3] = ["mm-hm", "uh-huh", "okay"];
/// Words that are no turn either when they come while the agent speaks or is about to.
const ACKNOWLEDGEMENTS: [&str; 3] = ["Sure.", "Yes,", "Hm,"];
/// In the world the engine itself takes no time; waiting for the next frame is all that is left.
const ENGINE_MAX: Duration = Duration::from_millis(40);
/// Words that a change of voice may lose or repeat: a voice without times begins its sentence again.
const DIFFERENCES_PER_RETRY: usize = 12;
/// From the person's mouth to the recognizer's clock and back to the call's.
const STOPPED_SLACK_MS: u64 = 250;
/// Less than a frame.
const GREETING_MAX: Duration = Duration::from_millis(20);

/// Every promise that was broken.
pub(super) fn broken(world: &World<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let scene = world.scene;
    let observed = &world.observed;
    if let Some(stuck) = observed.stuck {
        broken.push(Promise::Ends.broken(format!("stuck: {stuck}")));
    }
    if observed.outcomes.len() > 1 {
        broken.push(Promise::OneOutcome.broken(format!("{} outcomes", observed.outcomes.len())));
    }
    if observed.outcomes.is_empty() {
        broken.push(Promise::Ends.broken("no outcome"));
    }
    if observed.actions_after_end > 0 {
        broken.push(Promise::NothingAfterTheEnd.broken(format!(
            "{} actions after the end",
            observed.actions_after_end
        )));
    }
    broken.extend(world.line.problems().iter().cloned());
    broken.extend(
        world
            .workers()
            .flat_map(Worker::violations)
            .map(|what| Promise::VendorProtocol.broken(format!("vendor: {what}"))),
    );
    marks(world, &mut broken);
    turns(&observed.turns, &mut broken);
    answered_once(world, &mut broken);
    // What a session that died said last is in no turn.
    if observed.breaks.count() == 0 || scene.breaks.iter().all(|one| !one.kills) {
        heard(
            scene,
            &observed.turns,
            &observed.observations,
            world.line.log(),
            &mut broken,
        );
    }
    said(world, &mut broken);
    line::findings(world, &mut broken);
    answering::message(world, &mut broken);
    answering::opt_out(world, &mut broken);
    if let [(_, outcome)] = observed.outcomes.as_slice() {
        answering::ending(world, *outcome, &mut broken);
    }
    if world.line.lead_max() > LEAD_MAX {
        broken.push(
            Promise::BoundedLead.broken(format!("{:?} sent ahead of time", world.line.lead_max())),
        );
    }
    if scene.works() {
        let count = |wanted| {
            let seen = observed.observations.iter();
            seen.filter(|seen| **seen == wanted).count()
        };
        let alarms = count(Observation::FalseInterruption);
        let (underruns, told) = (world.line.underruns(), count(Observation::Underrun));
        // On a slow network the next piece of audio may come later than the one before it lasts.
        let steady = scene.network == Network::nearby();
        // After a false alarm the model is asked for the rest while the first sentence is said again.
        if steady && (underruns > alarms || told > 0) {
            broken.push(
                Promise::SteadyAudio.broken(format!("{underruns} underruns, {told} noticed")),
            );
        }
        // After a false alarm the word in the air is said again, and twice is broken to the ear.
        let garbled = garbled_words(world.line.log());
        if garbled > alarms && (steady || underruns == 0) {
            broken.push(Promise::WholeWords.broken(format!("{garbled} garbled words")));
        }
        let [(_, outcome)] = observed.outcomes.as_slice() else {
            return broken;
        };
        if matches!(
            outcome,
            Outcome::VendorFailed | Outcome::PlatformFailed | Outcome::StreamLost
        ) {
            broken.push(
                Promise::NoFailureWithoutFault
                    .broken(format!("ended as {} without a fault", outcome.code())),
            );
        }
        waterfalls(world, &mut broken);
        greeting(world, &mut broken);
    }
    broken
}

/// Marks come back in the order in which they were sent, and only those that were due.
fn marks(world: &World<'_>, broken: &mut Vec<Broken>) {
    let mut sent = world.observed.marks_sent.iter();
    for told in &world.observed.marks_told {
        if !sent.any(|name| name == told) {
            broken.push(Promise::MarksInOrder.broken("marks came back out of order"));
            break;
        }
    }
    if world.observed.marks_unplayed > 0 {
        let early = world.observed.marks_unplayed;
        broken.push(Promise::MarksWhenPlayed.broken(format!(
            "{early} marks came back before their audio was played"
        )));
    }
}

/// Turns are numbered without gaps, and their times make sense.
fn turns(turns: &[Turn], broken: &mut Vec<Broken>) {
    for (place, turn) in (0_u32..).zip(turns) {
        if turn.seq != place {
            broken.push(
                Promise::NumberedTurns
                    .broken(format!("turn {} is stored as number {place}", turn.seq)),
            );
            break;
        }
    }
    for turn in turns {
        if turn.speaker == Speaker::Customer && turn.text.trim().is_empty() {
            broken.push(
                Promise::SoundTurns
                    .broken(format!("turn {} of the customer has no words", turn.seq)),
            );
        }
        if turn.ended_at < turn.started_at {
            broken.push(
                Promise::SoundTurns.broken(format!("turn {} ends before it begins", turn.seq)),
            );
        }
        if let Some(waterfall) = &turn.waterfall {
            let sum: u64 = waterfall.parts().map(|(_, micros)| micros).sum();
            if sum != waterfall.total_micros() {
                broken.push(
                    Promise::SoundTurns
                        .broken(format!("the parts of turn {} do not add up", turn.seq)),
                );
            }
        }
    }
}

/// Nobody hears two whole answers without having said anything since the first began.
fn answered_once(world: &World<'_>, broken: &mut Vec<Broken>) {
    let observed = &world.observed;
    let mut answer: Option<&Turn> = None;
    // Who speaks while the agent does has their turn stored first.
    let mut asked_at = None;
    for (turn, stored_at) in observed.turns.iter().zip(&observed.stored_at) {
        if turn.speaker == Speaker::Customer {
            asked_at = Some(call_time(*stored_at));
        } else if turn.kind == TurnKind::Talk && !turn.interrupted {
            if let Some(before) = answer.filter(|before| asked_at <= Some(before.started_at)) {
                broken.push(Promise::AnsweredOnce.broken(format!(
                    "turn {} follows turn {}, and nobody asked",
                    turn.seq, before.seq
                )));
            }
            answer = Some(turn);
        }
    }
}

/// What the transcript says was heard is what the person heard, to the word. Of an interrupted turn
/// the word at the cut may be counted either way, so there may be several ways to match.
fn heard(
    scene: &Scene,
    turns: &[Turn],
    observations: &[Observation],
    log: &Log,
    broken: &mut Vec<Broken>,
) {
    let heard = sounds(log);
    if !scene.elevenlabs.faults.is_none() {
        return heard_roughly(&heard, turns, observations, broken);
    }
    let breaks = !scene.breaks.is_empty();
    let slack = if breaks || scene.stream_lost_at.is_some() {
        3
    } else {
        1
    };
    let agent: Vec<_> = (turns.iter())
        .filter(|turn| turn.speaker == Speaker::Agent)
        .collect();
    // How many sounds may have been heard before the next turn.
    let mut places = BTreeSet::from([0]);
    for (nth, turn) in agent.iter().enumerate() {
        let last = nth + 1 == agent.len() && scene.stream_lost_at.is_some();
        let cut = turn.interrupted || last || breaks;
        let words: Vec<_> = turn.text.split_whitespace().collect();
        let mut after = places.clone();
        let mut reached = places.clone();
        for (place, word) in words.iter().enumerate() {
            let last = place + 1 == words.len();
            let mut next = follow(&heard, &after, word, last);
            if cut && place + slack >= words.len() {
                // It was not heard after all.
                next.extend(&after);
            }
            if next.is_empty() {
                let sound = reached.last().and_then(|place| heard.get(*place));
                broken.push(Promise::HeardIsTold.broken(format!(
                    "turn {}: the transcript has {word:?}, the person heard {sound:?}",
                    turn.seq
                )));
                return;
            }
            reached.clone_from(&next);
            after = next;
        }
        if cut && let Some(intended) = &turn.intended {
            let mut more = after.clone();
            for word in intended.split_whitespace().skip(words.len()).take(slack) {
                more = follow(&heard, &more, word, true);
                after.extend(&more);
            }
        }
        places = after;
    }
    let ends = |place: &usize| {
        let rest = heard.get(*place..).unwrap_or_default();
        rest.iter().all(|sound| !matches!(sound, Sound::Word(_)))
    };
    if !places.iter().any(ends) {
        let sound = places.last().and_then(|place| heard.get(*place));
        broken.push(
            Promise::HeardIsTold.broken(format!("the person heard {sound:?}, which no turn has")),
        );
    }
}

/// Something in the agent's voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound<'a> {
    Word(&'a str),
    /// The beginning of a word, perhaps all of its letters.
    Cut(&'a str),
    /// So many words that could not be understood.
    Garbled(u16),
}

/// The places after `word` was heard at one of these places. Cut words may be passed over; the last
/// word of a turn may itself be the cut one.
fn follow(
    heard: &[Sound<'_>],
    places: &BTreeSet<usize>,
    word: &str,
    last: bool,
) -> BTreeSet<usize> {
    let mut after = BTreeSet::new();
    for place in places {
        for (passed, sound) in heard.iter().enumerate().skip(*place) {
            match sound {
                Sound::Word(said) => {
                    if *said == word {
                        after.insert(passed + 1);
                    }
                    break;
                }
                Sound::Cut(said) => {
                    if last && *said == word {
                        after.insert(passed + 1);
                    }
                }
                Sound::Garbled(words) => {
                    // Any of its words, so the place before it stays possible while it has more.
                    after.insert(passed + 1);
                    if *words > 1 {
                        after.insert(passed);
                    }
                }
            }
        }
    }
    after
}

/// When a voice breaks, the word in the air is lost, and what follows may begin a few words back.
fn heard_roughly(
    heard: &[Sound<'_>],
    turns: &[Turn],
    observations: &[Observation],
    broken: &mut Vec<Broken>,
) {
    let heard: Vec<&str> = (heard.iter())
        .filter_map(|sound| match sound {
            Sound::Word(word) => Some(*word),
            Sound::Cut(_) | Sound::Garbled(_) => None,
        })
        .collect();
    let told: Vec<&str> = (turns.iter())
        .filter(|turn| turn.speaker == Speaker::Agent)
        .flat_map(|turn| turn.text.split_whitespace())
        .collect();
    let retries = (observations.iter())
        .filter(|seen| **seen == Observation::SynthesisRetried)
        .count();
    let cuts = turns.iter().filter(|turn| turn.interrupted).count();
    let differences = differences(&heard, &told);
    let allowed = DIFFERENCES_PER_RETRY * retries + cuts + 1;
    if differences > allowed {
        broken.push(Promise::HeardIsTold.broken(format!(
            "{differences} words differ between what was heard and the transcript after {retries} retries"
        )));
    }
}

/// How many words must be added or taken away to get from one text to the other.
fn differences(one: &[&str], other: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, word) in one.iter().enumerate() {
        let mut diagonal = nth;
        let mut left = nth + 1;
        let mut next = vec![left];
        for (place, known) in other.iter().enumerate() {
            let above = row.get(place + 1).copied().unwrap_or(usize::MAX);
            left = if word == known {
                diagonal
            } else {
                above.min(left) + 1
            };
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Words that came broken. One that was cut because something else is said instead is not.
fn garbled_words(log: &Log) -> usize {
    let heard: Vec<_> = (log.entries().iter())
        .filter_map(|entry| match entry {
            Experience::Heard(heard) => Some(heard),
            Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        })
        .filter(|heard| {
            !matches!(
                heard,
                Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. }
            )
        })
        .collect();
    let mut next = heard.iter().skip(1);
    let count = heard.iter().map(|heard| match (heard, next.next()) {
        (
            Heard::Garbled { words: 1, end, .. },
            Some(Heard::Word {
                start, index: 0, ..
            }),
        ) if start >= end => 0,
        (Heard::Garbled { words, .. }, _) => usize::from(*words),
        (
            Heard::Word { .. }
            | Heard::Cut { .. }
            | Heard::SpeechStarted { .. }
            | Heard::SpeechStopped { .. },
            _,
        ) => 0,
    });
    count.sum()
}

fn sounds(log: &Log) -> Vec<Sound<'_>> {
    let sounds = log.entries().iter().filter_map(|entry| match entry {
        Experience::Heard(Heard::Word { text, .. }) => Some(Sound::Word(text)),
        Experience::Heard(Heard::Cut { text, .. }) => Some(Sound::Cut(text)),
        Experience::Heard(Heard::Garbled { words, .. }) => Some(Sound::Garbled(*words)),
        Experience::Heard(Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. })
        | Experience::Said { .. }
        | Experience::Pressed { .. }
        | Experience::Beeped { .. }
        | Experience::HungUp { .. } => None,
    });
    sounds.collect()
}

/// What the person said is what was recognized, but for mumbles and the call's last words.
fn said(world: &World<'_>, broken: &mut Vec<Broken>) {
    if !world.scene.hears() {
        return;
    }
    let turns = world.observed.turns.iter();
    let customer =
        turns.filter(|turn| turn.speaker == Speaker::Customer && turn.input == TurnInput::Speech);
    let mut recognized = customer
        .flat_map(|turn| turn.text.split_whitespace())
        .peekable();
    let ended_ms = u64::try_from(world.now.as_millis()).unwrap_or(u64::MAX);
    let last_ms = u64::try_from(LAST_WORDS.as_millis()).unwrap_or(0);
    let ignored = (world.observed.observations).contains(&Observation::BackchannelIgnored);
    for entry in world.line.log().entries() {
        let Experience::Said { text, end, .. } = entry else {
            continue;
        };
        let may_be_lost = MUMBLES.contains(&text.as_str()) || end / 8 + last_ms > ended_ms;
        for word in text.split_whitespace() {
            let acknowledges = ignored && ACKNOWLEDGEMENTS.contains(&word);
            let found = recognized.next_if(|next| *next == word).is_some();
            if !(found || may_be_lost || acknowledges) {
                let was = recognized.peek().copied().unwrap_or("nothing");
                broken.push(Promise::SaidIsTold.broken(format!(
                    "the person said {word:?}, the transcript has {was:?}"
                )));
                return;
            }
        }
    }
    if let Some(word) = recognized.next() {
        broken.push(
            Promise::SaidIsTold.broken(format!("the transcript has {word:?}, which was not said")),
        );
    }
}

/// Answers are counted from the customer's real last sound, and the engine adds nothing to them.
fn waterfalls(world: &World<'_>, broken: &mut Vec<Broken>) {
    // A person pauses within what they say, so any moment of it may be where they stopped.
    let said: Vec<_> = (world.line.log().entries().iter())
        .filter_map(|entry| match entry {
            Experience::Said { start, end, .. } => Some(start / 8..=end / 8 + STOPPED_SLACK_MS),
            Experience::Heard(_)
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        })
        .collect();
    for turn in &world.observed.turns {
        let Some(waterfall) = &turn.waterfall else {
            continue;
        };
        if u128::from(waterfall.engine_micros()) > ENGINE_MAX.as_micros() {
            let micros = waterfall.engine_micros();
            broken.push(
                Promise::EngineTakesNoTime
                    .broken(format!("turn {}: the engine took {micros} µs", turn.seq)),
            );
        }
        if let Some(stopped) = waterfall.at(Stage::CustomerStopped) {
            let stopped_ms = stopped.as_millis();
            let keyed = world
                .observed
                .turns
                .iter()
                .any(|turn| turn.input == TurnInput::Keypad);
            if !keyed && !said.iter().any(|said| said.contains(&stopped_ms)) {
                broken.push(Promise::AnswersFromTheLastSound.broken(format!(
                    "turn {}: nobody stopped speaking at {stopped:?}",
                    turn.seq
                )));
            }
        }
    }
}

/// A greeting that is in the cache starts with the first frame that time allows.
fn greeting(world: &World<'_>, broken: &mut Vec<Broken>) {
    let (Some(connected), Some(turn)) = (world.worker.connected_at(), world.observed.turns.first())
    else {
        return;
    };
    let waited = turn.started_at.since(call_time(connected));
    if world.scene.speech_cached && turn.kind == TurnKind::Greeting && waited > GREETING_MAX {
        broken.push(
            Promise::GreetingAtOnce
                .broken(format!("the greeting started {waited:?} after the stream")),
        );
    }
}
