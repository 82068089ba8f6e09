//! Leads with several numbers: which one is called next, as the third table of `docs/outcomes.md` says.

use std::fmt::Write as _;

use dialer::{Denial, after_call, after_denial};
use model::{AlternateNumber, Campaign, CampaignId, NextNumberAfter, PhoneNumber, Rotation, Rule};

use super::*;

/// A lead with three numbers that was called a moment ago, and this one of them in turn.
fn lead(campaign: &Campaign, in_turn: u8, now: Timestamp) -> Lead {
    let number = |n: usize| -> PhoneNumber { format!("+1415555010{n}").parse().unwrap() };
    let mut lead = Lead {
        last_attempt_at: Some(now),
        rotation: Rotation::default().turned_to(in_turn),
        ..support::lead(campaign.id, number(0), now)
    };
    let lane = lead.lane.clone();
    lead.alternates = (1..3)
        .map(|n| AlternateNumber {
            number: number(n),
            lane: lane.clone(),
        })
        .collect();
    lead
}

fn campaign(after: &[NextNumberAfter], now: Timestamp) -> Campaign {
    let tenant = model::TenantId::from_parts(0, 0);
    let mut campaign = support::campaign(tenant, CampaignId::from_parts(0, 1), now);
    campaign.state = model::CampaignState::Running;
    campaign.fields.alternate_numbers.after = after.to_vec();
    campaign.fields.alternate_numbers.wait = Delay::from_mins(1);
    campaign
}

/// What becomes of a lead by this, in words: the number in turn, and when it is called.
fn becomes(why: NextNumberAfter, in_turn: u8, named: bool) -> String {
    let now = Timestamp::from_second(1_000).unwrap();
    let after: &[NextNumberAfter] = if named { &[why] } else { &[] };
    let campaign = campaign(after, now);
    let before = lead(&campaign, in_turn, now);
    let called = |outcome| {
        let then = after_call(&campaign, &before, CallEnd::unanswered(outcome), now);
        (then.state, then.rotation)
    };
    let denied = |rule| {
        let denial = Denial {
            rule,
            retry_at: None,
        };
        let then = after_denial(&campaign, &before, denial, now);
        (then.state, then.rotation)
    };
    let (state, rotation) = match why {
        NextNumberAfter::NoAnswer => called(Outcome::NoAnswer),
        NextNumberAfter::Busy => called(Outcome::Busy),
        NextNumberAfter::Voicemail => called(Outcome::Voicemail),
        NextNumberAfter::Unreachable => called(Outcome::NumberUnreachable),
        NextNumberAfter::Suppressed => denied(Rule::Suppressed),
        NextNumberAfter::NotAllowed => denied(Rule::ZoneUnknown),
    };
    let due_at = match state {
        LeadState::Done { result, .. } => return result.code().to_owned(),
        LeadState::Calling { .. } => return "still called".to_owned(),
        LeadState::Waiting { due_at } => due_at,
    };
    let number = match (rotation.in_turn(), in_turn) {
        (next, now) if next == now => "the same",
        (0, _) => "the first",
        (1, _) => "the second",
        _ => "the third",
    };
    let retry = &campaign.fields.retry;
    let when = match due_at.duration_since(now) {
        wait if wait.is_zero() => "at once",
        wait if wait == campaign.fields.alternate_numbers.wait.as_duration() => {
            "after `wait_seconds`"
        }
        wait if wait == retry.no_answer.as_duration() => "as not answered",
        wait if wait == retry.busy.as_duration() => "as busy",
        wait if wait == retry.voicemail.as_duration() => "as a mailbox",
        _otherwise => "otherwise",
    };
    let given_up = if rotation.is_given_up(in_turn) {
        "; this one never again"
    } else {
        ""
    };
    format!("{number} {when}{given_up}")
}

pub(super) fn table() -> String {
    let mut table = "| word | named, of three the first | named, of three the last | not named, the first | not named, the last |\n|---|---|---|---|---|\n".to_owned();
    for why in NextNumberAfter::ALL {
        let word = serde_json::to_string(&why).unwrap();
        let word = word.trim_matches('"');
        let cells = [(0, true), (2, true), (0, false), (2, false)];
        let [first, last, alone, alone_last] =
            cells.map(|(in_turn, named)| becomes(why, in_turn, named));
        writeln!(
            table,
            "| `{word}` | {first} | {last} | {alone} | {alone_last} |"
        )
        .unwrap();
    }
    table
}

/// What a lead becomes when the end of a call to its first number turns out to be another one. Its campaign goes on
/// to the next number from a mailbox and from a number that nobody has.
fn corrected(lead: Lead, from: Outcome, to: Outcome) -> Option<Lead> {
    let now = Timestamp::from_second(1_000).unwrap();
    let number: PhoneNumber = "+14155550100".parse().unwrap();
    let snapshot = support::snapshot();
    let mut before = new_row(&snapshot, number.clone(), number, CallState::Ended, now);
    before.call.outcome = Some(from);
    before.progress.provisional = true;
    before.progress.lead_before = Some(LeadBefore {
        attempts: 0,
        faults: 0,
    });
    let lead = Lead {
        last_call_id: Some(before.call.id),
        last_outcome: Some(from),
        ..lead
    };
    let mut after = before.clone();
    after.call.outcome = Some(to);
    after.progress.provisional = false;
    let after_these = [NextNumberAfter::Voicemail, NextNumberAfter::Unreachable];
    let around = Around {
        campaign: Some(campaign(&after_these, now)),
        lead: Some(row_of(lead)),
        ..Around::default()
    };
    match Ending::of(&before, &mut after, &around, now).lead? {
        LeadMove::Becomes { after, .. } => Some(*after),
        LeadMove::Recount { .. } => None,
    }
}

/// Three numbers, this one in turn by now.
fn called(in_turn: u8) -> Lead {
    let now = Timestamp::from_second(1_000).unwrap();
    lead(&campaign(&[], now), in_turn, now)
}

#[test]
fn a_correction_goes_on_from_the_number_that_was_called() {
    // The second number is in turn by then, as somebody put the first on the list.
    let lead = corrected(called(1), Outcome::WorkerLost, Outcome::Voicemail);
    // The first was called, so the second is next: not the third.
    assert_eq!(lead.unwrap().rotation.in_turn(), 1);
}

#[test]
fn a_number_that_somebody_has_after_all_is_not_given_up() {
    let given_up = Lead {
        rotation: Rotation::default().without_this().turned_to(1),
        ..called(1)
    };
    let lead = corrected(given_up, Outcome::NumberUnreachable, Outcome::Voicemail);
    let lead = lead.unwrap();
    assert_eq!(lead.rotation.in_turn(), 1);
    assert_eq!(lead.given_up_numbers().count(), 0);
}

#[test]
fn of_a_number_that_was_taken_away_nothing_follows_for_the_others() {
    let mut lead = called(1);
    lead.number = "+14155550109".parse().unwrap();
    let lead = corrected(lead, Outcome::WorkerLost, Outcome::NumberUnreachable);
    assert_eq!(lead, None);
}
