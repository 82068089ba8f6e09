//! What must hold of calls that something else than a person answers, and of people who want no more calls.

use std::time::Duration;

use model::{AnsweredBy, MachineAction, Outcome, Speaker, TurnInput, TurnKind};

use crate::person::{CarrierVerdict, Experience, Pickup};
use crate::world::promise::{Broken, Promise};
use crate::world::worker::Worker;
use crate::world::{Scene, World, call_time};

/// What people of the random scenes say and press who want no more calls.
pub(in crate::world) const OPT_OUTS: [&str; 4] = [
    "Please take me off your list.",
    "Stop calling me.",
    "Do not call me again.",
    "Remove my number, please.",
];
/// What is enough of each.
const OPT_OUT_WORDS: [&str; 4] = [
    "take me off",
    "Stop calling",
    "Do not call",
    "Remove my number",
];
pub(in crate::world) const OPT_OUT_KEY: &str = "9";
/// The acknowledgement of an opt-out waits for the store no longer.
const STORED_WAIT_MAX: Duration = Duration::from_secs(3);
/// From an opt-out to the end of the call: the store, the acknowledgement and a slow voice.
const OPTED_OUT_ENDS_MAX: Duration = Duration::from_secs(30);
/// What a person says who comes to the phone after a screening service.
pub(in crate::world) const PUT_THROUGH: &str = "Hello, this is Ann.";
/// By then they are greeted.
const ANSWERED_MS_MAX: u64 = 4_000;
/// By then a session has asked for the carrier's verdict once more.
const VERDICT_KNOWN_AFTER: Duration = Duration::from_secs(4);
/// A message is on the mailbox whole, from its first word, and none of it came before the beep.
pub(in crate::world) fn message(world: &World<'_>, broken: &mut Vec<Broken>) {
    let outcome = world.observed.outcomes.first().map(|(_, outcome)| *outcome);
    let left: Vec<_> = (world.observed.turns.iter())
        .filter(|turn| turn.kind == TurnKind::Voicemail)
        .collect();
    // One that a break cut short is left again.
    let breaks = world.observed.breaks.count();
    let whole = left.iter().filter(|turn| !turn.interrupted).count();
    if whole > 1 || left.len() > 1 + breaks {
        broken
            .push(Promise::OneMessage.broken(format!("the message was left {} times", left.len())));
    }
    let Some(turn) = left.last() else {
        if outcome == Some(Outcome::VoicemailLeft) {
            broken.push(Promise::OneMessage.broken("ended as voicemail_left without a message"));
        }
        return;
    };
    let lost = breaks > 0 || world.scene.stream_lost_at.is_some();
    let gone = lost && outcome == Some(Outcome::StreamLost);
    if !gone
        && !matches!(
            outcome,
            Some(Outcome::VoicemailLeft | Outcome::Voicemail | Outcome::OptedOut)
        )
    {
        broken.push(Promise::OneMessage.broken(format!(
            "a message was left and the call ended as {outcome:?}"
        )));
    }
    match answered_by(world.scene) {
        // What it asked may have fallen into a gap.
        Some(CarrierVerdict::Screening) if breaks > 0 => return,
        Some(CarrierVerdict::Machine | CarrierVerdict::Screening) => {}
        // A carrier that takes a person for a machine has a message left to a person.
        Some(CarrierVerdict::Human | CarrierVerdict::Fax) | None => return,
    }
    let log = world.line.log();
    let records = if world.scene.person.has_beep() {
        log.beeped_ms()
    } else {
        log.said_ms()
    };
    let Some(records) = records.filter(|at| turn.started_at.as_millis() >= *at) else {
        broken.push(Promise::MessageAfterBeep.broken(format!(
            "the message began at {:?}, the mailbox recorded from {records:?} ms on",
            turn.started_at
        )));
        return;
    };
    let recorded = log.heard_since(records);
    let message = world.scene.snapshot.answering.voicemail_message.as_deref();
    if outcome == Some(Outcome::VoicemailLeft)
        && world.scene.elevenlabs.faults.is_none()
        // What the agent said when the beep came is on it as well, until it knew of the beep.
        && message.is_none_or(|message| !recorded.ends_with(message))
    {
        broken.push(Promise::WholeMessage.broken(format!("the mailbox recorded {recorded:?}")));
    }
}

/// Nobody who is a person is taken for a machine by us, and where nothing fails every machine is left as
/// the rules say.
pub(in crate::world) fn ending(world: &World<'_>, outcome: Outcome, broken: &mut Vec<Broken>) {
    let scene = world.scene;
    let undisturbed = scene.works() && scene.hung_up_at.is_none() && outcome != Outcome::OptedOut;
    let answering = &scene.snapshot.answering;
    let carrier = (world.worker.answered())
        .and_then(|answer| answer.carrier)
        .map(|(verdict, _)| AnsweredBy::from(verdict));
    let mut turns = world.observed.turns.iter();
    let as_machine = matches!(
        outcome,
        Outcome::Voicemail | Outcome::VoicemailLeft | Outcome::Fax | Outcome::Screened
    ) || turns.any(|turn| turn.kind == TurnKind::Voicemail);
    let Some(by) = answered_by(scene) else {
        return;
    };
    let as_mailbox = match answering.machine {
        MachineAction::HangUp => outcome == Outcome::Voicemail,
        MachineAction::LeaveMessage => outcome == Outcome::VoicemailLeft,
        MachineAction::Talk => !as_machine,
    };
    let right = match by {
        // Who talks at length on the phone is a machine to the carrier, and we take its word.
        CarrierVerdict::Human => !as_machine || carrier == Some(AnsweredBy::Machine),
        CarrierVerdict::Machine => {
            // With a short greeting and no beep it sounds like a person to the carrier.
            let human = carrier == Some(AnsweredBy::Human) && !scene.person.has_beep();
            // Whatever broke: who is a machine by the carrier's word is left as one.
            let known = world.verdict.is_some_and(|(at, verdict)| {
                let machine = AnsweredBy::from(verdict) == AnsweredBy::Machine;
                machine && at + VERDICT_KNOWN_AFTER < world.now
            });
            let broke = !scene.breaks.is_empty() && scene.has_vendors();
            as_mailbox || human || !(undisturbed || broke && known)
        }
        CarrierVerdict::Fax => outcome == Outcome::Fax || !undisturbed,
        // It hands over to its mailbox.
        CarrierVerdict::Screening if scene.person.has_beep() => as_mailbox || !undisturbed,
        CarrierVerdict::Screening => {
            let ended_ms = u64::try_from(world.now.as_millis()).unwrap_or(u64::MAX);
            let mut entries = world.line.log().entries().iter();
            let came = entries.find_map(|entry| match entry {
                Experience::Said { text, end, .. } if text == PUT_THROUGH => Some(end / 8),
                Experience::Said { .. }
                | Experience::Heard(_)
                | Experience::Pressed { .. }
                | Experience::Beeped { .. }
                | Experience::HungUp { .. } => None,
            });
            let met = came.is_some_and(|at| at + ANSWERED_MS_MAX < ended_ms);
            let screened = outcome == Outcome::Screened;
            screened && !met || !screened && came.is_some() || !undisturbed
        }
    };
    if !right {
        broken.push(Promise::MachineByRule.broken(format!(
            "{by:?} answered, the rule is {:?}, the carrier said {carrier:?}, and the call ended as {}",
            answering.machine,
            outcome.code()
        )));
    }
}

fn answered_by(scene: &Scene) -> Option<CarrierVerdict> {
    match scene.person.pickup() {
        Pickup::Answers { by, .. } => Some(by),
        Pickup::Busy | Pickup::NoAnswer | Pickup::Unreachable => None,
    }
}

/// Whoever asked not to be called again is suppressed before anything is said about it and before the
/// call ends, and the call ends as that.
pub(in crate::world) fn opt_out(world: &World<'_>, broken: &mut Vec<Broken>) {
    let observed = &world.observed;
    // A session that goes on finds it in the turns, and says so once more.
    if observed.opt_outs.len() > 1 + observed.breaks.count() {
        broken.push(
            Promise::OptOutHeard.broken(format!("opted out {} times", observed.opt_outs.len())),
        );
    }
    let customers = (observed.turns.iter()).filter(|turn| turn.speaker == Speaker::Customer);
    let (spoken, keyed): (Vec<_>, Vec<_>) =
        customers.partition(|turn| turn.input == TurnInput::Speech);
    // Pauses may cut a sentence into turns.
    let spoken: Vec<&str> = spoken.iter().map(|turn| turn.text.as_str()).collect();
    let spoken = spoken.join(" ");
    let asked = OPT_OUTS.iter().any(|words| spoken.contains(words))
        || keyed.iter().any(|turn| turn.text == OPT_OUT_KEY);
    // The end of the call may cut the sentence.
    let begun = OPT_OUT_WORDS.iter().any(|words| spoken.contains(words));
    let taken = !observed.opt_outs.is_empty();
    if asked && !taken || taken && !asked && !begun {
        broken.push(
            Promise::OptOutHeard
                .broken(format!("asked to opt out: {asked}, taken for it: {taken}")),
        );
    }
    let (Some(at), Some((ended_at, outcome))) =
        (observed.opt_outs.first(), observed.outcomes.first())
    else {
        return;
    };
    if *outcome != Outcome::OptedOut {
        broken.push(Promise::OptOutEnds.broken(format!(
            "opted out, and the call ended as {}",
            outcome.code()
        )));
    }
    if *ended_at > *at + OPTED_OUT_ENDS_MAX && observed.breaks.count() == 0 {
        broken.push(Promise::OptOutEnds.broken("the call went on after an opt-out"));
    }
    let stored = world.workers().filter_map(Worker::opted_out_at).min();
    let Some(stored) = stored else {
        broken.push(Promise::OptOutStored.broken("an opt-out was not stored"));
        return;
    };
    let acknowledged = observed.turns.iter().find(|turn| {
        turn.speaker == Speaker::Agent && turn.started_at > call_time(*at) && !turn.text.is_empty()
    });
    // Nobody is left in silence for longer than this.
    let by = stored.min(*at + STORED_WAIT_MAX);
    if acknowledged.is_some_and(|turn| turn.started_at < call_time(by)) {
        broken.push(
            Promise::OptOutStoredFirst.broken("an opt-out was acknowledged before it was stored"),
        );
    }
}
