//! Notes: what the latest step said of a campaign, and the calls that have ended since.

use std::collections::BTreeMap;

use dialer::Recent;
use jiff::{SignedDuration, Timestamp};
use model::Campaign;
use store::{PlanNote, RecentCall};

/// A note that says the same again is written when the one before is this old.
const NOTE_AGE_MAX: SignedDuration = SignedDuration::from_secs(30);

/// The note with the calls that have ended since: as many as the circuit breaker looks at, because every
/// step reads them all.
pub(super) fn with_ended(
    mut note: PlanNote,
    calls: &BTreeMap<model::Outcome, u64>,
    kept: u32,
    now: Timestamp,
) -> PlanNote {
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let mut ended = Vec::new();
    for (outcome, count) in calls {
        let seen = note.seen.get(outcome).copied().unwrap_or_default();
        let fresh = usize::try_from(count.saturating_sub(seen)).unwrap_or(kept);
        let call = RecentCall {
            outcome: *outcome,
            at: now,
        };
        ended.extend(std::iter::repeat_n(call, fresh.min(kept)));
    }
    // Which of them ended first is not known: failures count as the older ones.
    ended.sort_by_key(|call| dialer::is_failure(call.outcome));
    ended.append(&mut note.recent);
    ended.truncate(kept);
    note.recent = ended;
    note.seen.clone_from(calls);
    note
}

/// Whether the new note is worth a write: steps that find the same follow each other closely.
pub(super) fn says_more(before: &PlanNote, note: &PlanNote) -> bool {
    let same = PlanNote {
        at: note.at,
        wake_at: note.wake_at,
        ..before.clone()
    };
    same != *note || note.at.duration_since(before.at) > NOTE_AGE_MAX
}

pub(super) fn recent(note: &PlanNote, campaign: &Campaign) -> Recent {
    let calls = note.recent.iter().map(|call| (call.outcome, call.at));
    Recent::of(calls, &campaign.fields.breaker)
}
