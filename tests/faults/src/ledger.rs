//! The carrier's ledger and what people went through, held against our books: what a call is billed for, that it
//! is over, its recording, who was reached, who wants no more calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use sim::carriers::twilio::CallView;
use sim::person::Experience;
use sim::voice::{Heard, SAMPLES_PER_MS};

use super::carrier::Request;
use super::files::Recorded;
use super::offence::Offence;
use super::people::OPT_OUT_KEY;
use super::rows::Book;

/// How long a call that is over at the carrier may go on for us where no callback tells of its end. An answered
/// call whose worker is gone, or that waits for three minutes to be resumed, is asked about at the next tick; a
/// storm keeps a tick from its work and it dies, the next one comes after 80 seconds, and a clock may be wrong.
const GOES_ON_MAX: Duration = Duration::from_secs(12 * 60);
/// By the carrier's clock no such time has more requests for calls than the pace allows in a second.
const SECOND: Duration = Duration::from_millis(950);
/// A key that is pressed so close to a gap between two streams, or to the beginning, may not have come through.
const KEY_MARGIN_MS: u64 = 1_500;
/// Nor one so close to the end.
const KEY_END_MARGIN_MS: u64 = 300;

/// A call of the carrier's that was asked for, or came in.
#[derive(Debug)]
pub(super) struct Phoned<'a> {
    /// Our id.
    pub(super) call: &'a str,
    pub(super) view: &'a CallView,
    /// The number of the person on the phone.
    pub(super) number: &'a str,
}

/// Calls that are over at the carrier are over for us soon. `over` are those that go on for us, with the time of
/// their end.
pub(super) fn ends_are_heard(
    book: &Book,
    over: &[(String, Timestamp)],
    now: Timestamp,
) -> Vec<Offence> {
    let late = over.iter().filter_map(|(call, ended_at)| {
        let over_for = Duration::try_from(now.duration_since(*ended_at)).ok()?;
        (over_for > GOES_ON_MAX).then(|| Offence::GoesOnForUs {
            call: call.clone(),
            state: book.calls[call].state.clone(),
            over_for,
        })
    });
    late.collect()
}

/// What each answered call is billed for is known.
pub(super) fn durations(book: &Book, phoned: &[Phoned<'_>]) -> Vec<Offence> {
    let answered = phoned
        .iter()
        .filter(|phoned| phoned.view.answered_at.is_some());
    let unknown = answered.filter_map(|phoned| {
        let billed = phoned.view.billed_seconds?;
        let known = book.calls.get(phoned.call).and_then(|call| call.duration);
        (known != Some(billed)).then(|| Offence::DurationUnknown {
            call: phoned.call.to_owned(),
            known,
            billed,
        })
    });
    unknown.collect()
}

/// Each recording that the carrier made is ours now, byte by byte, and deleted there.
pub(super) fn recordings(
    book: &Book,
    recorded: &[Recorded],
    object: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Offence> {
    let ours: BTreeMap<&str, &str> = book
        .calls
        .iter()
        .filter_map(|(id, call)| Some((call.sid.as_deref()?, id.as_str())))
        .collect();
    let mut offences = Vec::new();
    for recorded in recorded {
        let Some(id) = ours.get(recorded.call.as_str()) else {
            offences.push(Offence::RecordingMissing {
                call: recorded.call.clone(),
                state: None,
            });
            continue;
        };
        let recording = book.calls[*id].recording.as_ref();
        let state = recording.map(|recording| recording.state.clone());
        if state.as_deref() != Some("kept") || !recorded.deleted {
            let call = (*id).to_owned();
            offences.push(Offence::RecordingMissing { call, state });
            continue;
        }
        let copy = recording
            .and_then(|recording| recording.key.as_deref())
            .and_then(&object);
        if copy.as_ref() != Some(&recorded.bytes) {
            offences.push(Offence::RecordingDiffers {
                call: (*id).to_owned(),
                ours: copy.map(|copy| copy.len()),
                carriers: recorded.bytes.len(),
            });
        }
    }
    offences
}

/// Requests for calls come to the carrier at the pace that is allowed, by its own clock: those that nothing held up on
/// their way.
pub(super) fn arrivals(requests: &[Request], interval: Duration) -> Vec<Offence> {
    let allowed = Duration::from_secs(1).as_millis() / interval.as_millis();
    let allowed = usize::try_from(allowed.max(1)).unwrap();
    let on_time = requests.iter().filter(|request| request.on_time);
    let mut times: Vec<Duration> = on_time.map(|request| request.at).collect();
    times.sort_unstable();
    let spans = times.windows(allowed + 1);
    let too_many = spans.filter(|span| span[allowed] - span[0] < SECOND);
    let too_many = too_many.map(|span| Offence::TooManyAtOnce {
        asked: allowed + 1,
        allowed,
        from: span[0],
        to: span[allowed],
    });
    too_many.take(1).collect()
}

/// Who counts as reached heard a word of ours, or said one to us, and was no machine. `with_machines` are calls of
/// which was known that one answered.
pub(super) fn reached(
    book: &Book,
    phoned: &[Phoned<'_>],
    with_machines: &BTreeSet<String>,
) -> Vec<Offence> {
    let mut with_words = BTreeSet::new();
    let mut with_people = BTreeSet::new();
    for phoned in phoned {
        if let Some(call) = book.calls.get(phoned.call)
            && let (Some(campaign), Some(lead)) = (&call.campaign, &call.lead)
            && phoned.view.streams > 0
            && phoned.view.log.entries().iter().any(is_a_word)
        {
            let of = (campaign.clone(), lead.clone());
            with_words.insert(of.clone());
            if !with_machines.contains(phoned.call) {
                with_people.insert(of);
            }
        }
    }
    let mut offences = Vec::new();
    for (of, lead) in &book.leads {
        if lead.result.as_deref() != Some("reached") {
            continue;
        }
        let (campaign, lead) = of.clone();
        if !with_words.contains(of) {
            offences.push(Offence::ReachedWithoutAWord { campaign, lead });
        } else if !with_people.contains(of) {
            offences.push(Offence::ReachedAMachine { campaign, lead });
        }
    }
    offences
}

fn is_a_word(entry: &Experience) -> bool {
    match entry {
        Experience::Heard(Heard::Word { .. } | Heard::Garbled { .. } | Heard::Cut { .. })
        | Experience::Said { .. } => true,
        Experience::Heard(Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. })
        | Experience::Pressed { .. }
        | Experience::Beeped { .. }
        | Experience::HungUp { .. } => false,
    }
}

/// Who pressed the key for it while we were on the phone is not called again. `phoned` are calls of which no session
/// broke off.
pub(super) fn opt_outs(book: &Book, phoned: &[Phoned<'_>]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for phoned in phoned {
        let is_suppressed = |number: &str| {
            let contact = book.contacts.get(number);
            contact.is_some_and(|contact| contact.suppressed)
        };
        let Some(pressed_ms) = pressed_ms(phoned.view) else {
            continue;
        };
        if !is_suppressed(phoned.number) {
            let call = phoned.call.to_owned();
            offences.push(Offence::OptOutUnheard { call, pressed_ms });
        }
    }
    offences
}

/// When somebody opted out by key on a stream of ours.
fn pressed_ms(view: &CallView) -> Option<u64> {
    let lasted = view.ended_at?.duration_since(view.answered_at?);
    let lasted_ms = u64::try_from(lasted.as_millis()).ok()?;
    view.log.entries().iter().find_map(|entry| match entry {
        Experience::Pressed { key, at } if *key == OPT_OUT_KEY => {
            let at = at / SAMPLES_PER_MS;
            let in_a_gap = view
                .gaps
                .iter()
                .any(|gap| at < gap.to_ms + KEY_MARGIN_MS && gap.from_ms < at + KEY_MARGIN_MS);
            (!in_a_gap && at > KEY_MARGIN_MS && at + KEY_END_MARGIN_MS < lasted_ms).then_some(at)
        }
        Experience::Pressed { .. }
        | Experience::Heard(_)
        | Experience::Said { .. }
        | Experience::Beeped { .. }
        | Experience::HungUp { .. } => None,
    })
}
