//! What becomes of a lead, by everything that is known of its call: the tables of `docs/outcomes.md`, and all
//! combinations against the same rules written down a second time, in the plainest way.

mod other_numbers;

use std::fmt::Write as _;

use carrier::CallStatus;
use carrier::report::StatusReport;
use dialer::Talk;
use model::{AmdResult, CampaignId, CarrierVerdict, Delay, MachineAction, PhoneNumber, Retry};

use super::*;
use crate::call::lifecycle::{self, CarrierSays, Fact};
use crate::call::{callbacks, new_row};

/// Who of us had the call once it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Had {
    Nobody,
    /// A session that said how it ended.
    Session,
    /// A session whose worker died with it.
    DeadWorker,
    /// A session whose stream broke, and no other.
    BrokenStream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndedBy {
    Customer,
    Agent,
    /// Nobody spoke for as long as the agent waits.
    Silence,
    /// The longest call that the agent has.
    Limit,
    /// A user or program of the tenant.
    User,
    /// They asked not to be called again.
    OptOut,
}

/// Whose words the transcript has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Words {
    ours: bool,
    theirs: bool,
}

/// An answered call.
#[derive(Debug, Clone, Copy)]
struct Answered {
    had: Had,
    ended_by: EndedBy,
    words: Words,
    verdict: Option<CarrierVerdict>,
    /// The verdict came when the session was over.
    verdict_late: bool,
    /// The carrier's word that it is over came before the session's, and before what was said was stored.
    over_early: bool,
    /// What the session found; only of one that said how it ended.
    found: Option<AnsweredBy>,
    machine: MachineAction,
}

const HAD: [Had; 4] = [
    Had::Nobody,
    Had::Session,
    Had::DeadWorker,
    Had::BrokenStream,
];
const ENDED_BY: [EndedBy; 6] = [
    EndedBy::Customer,
    EndedBy::Agent,
    EndedBy::Silence,
    EndedBy::Limit,
    EndedBy::User,
    EndedBy::OptOut,
];
const WORDS: [Words; 4] = [
    Words {
        ours: false,
        theirs: false,
    },
    Words {
        ours: true,
        theirs: false,
    },
    Words {
        ours: false,
        theirs: true,
    },
    Words {
        ours: true,
        theirs: true,
    },
];
const VERDICTS: [Option<CarrierVerdict>; 8] = [
    None,
    Some(CarrierVerdict::Human),
    Some(CarrierVerdict::MachineStart),
    Some(CarrierVerdict::MachineEndBeep),
    Some(CarrierVerdict::MachineEndSilence),
    Some(CarrierVerdict::MachineEndOther),
    Some(CarrierVerdict::Fax),
    Some(CarrierVerdict::Unknown),
];
const ACTIONS: [MachineAction; 3] = [
    MachineAction::HangUp,
    MachineAction::LeaveMessage,
    MachineAction::Talk,
];
/// How the carrier tells of a call that nobody answered, with the SIP response that it names.
const UNANSWERED: [(CallStatus, Option<u16>); 13] = [
    (CallStatus::Busy, Some(486)),
    (CallStatus::NoAnswer, Some(487)),
    (CallStatus::Canceled, None),
    (CallStatus::Failed, None),
    (CallStatus::Failed, Some(404)),
    (CallStatus::Failed, Some(410)),
    (CallStatus::Failed, Some(484)),
    (CallStatus::Failed, Some(604)),
    (CallStatus::Failed, Some(403)),
    (CallStatus::Failed, Some(480)),
    (CallStatus::Failed, Some(500)),
    (CallStatus::Failed, Some(503)),
    (CallStatus::Failed, Some(603)),
];

#[test]
fn every_end_of_a_call_means_what_the_plain_rules_say() {
    let mut cases = 0_u32;
    for had in HAD {
        for ended_by in ENDED_BY.into_iter().filter(|by| can_tell(had, *by)) {
            for words in WORDS {
                for verdict in VERDICTS {
                    for machine in ACTIONS {
                        for (verdict_late, over_early) in orders(had) {
                            for found in found_by(had) {
                                let case = Answered {
                                    had,
                                    ended_by,
                                    words,
                                    verdict,
                                    verdict_late,
                                    over_early,
                                    found,
                                    machine,
                                };
                                let (_outcome, fate) = told(&facts(case), machine, words);
                                assert_eq!(fate, due(case), "{case:?}");
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    for (status, sip) in UNANSWERED {
        let (_outcome, fate) = told(&[status_fact(status, sip)], MachineAction::HangUp, WORDS[0]);
        assert_eq!(fate, due_unanswered(status, sip), "{status:?} {sip:?}");
        cases += 1;
    }
    assert!(cases > 5_000, "only {cases} combinations");
}

#[test]
fn the_table_in_the_documents_is_what_the_code_does() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/outcomes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let tables = [unanswered_table(), answered_table(), other_numbers::table()];
    let lacks: Vec<_> = tables
        .iter()
        .filter(|table| !page.contains(table.as_str()))
        .collect();
    assert!(
        lacks.is_empty(),
        "docs/outcomes.md lacks:\n{}",
        tables.join("\n")
    );
}

/// The rules once more. A lead is reached by a person who heard us or was heard by us in a session that ended as
/// conversations do; silence needs words of theirs. What a fault of ours or the carrier's cut off is tried again.
fn due(case: Answered) -> &'static str {
    let Words { ours, theirs } = case.words;
    let by_carrier = case.verdict.map(AnsweredBy::from).unwrap_or_default();
    let nobody_listens =
        case.had == Had::Nobody || case.had == Had::BrokenStream && case.verdict_late;
    if nobody_listens && case.machine == MachineAction::HangUp {
        if by_carrier == AnsweredBy::Machine {
            return "again as a mailbox";
        }
        if by_carrier == AnsweredBy::Fax {
            return "unreachable";
        }
    }
    if case.ended_by == EndedBy::OptOut {
        return "opted_out";
    }
    match case.had {
        Had::Nobody if case.ended_by == EndedBy::User => return "again as not answered",
        Had::Nobody => return "again as a fault",
        Had::DeadWorker | Had::BrokenStream if case.ended_by == EndedBy::Customer => {
            return "again as a fault";
        }
        Had::Session | Had::DeadWorker | Had::BrokenStream => {}
    }
    // Also when it comes after the end: a session that came to no verdict leaves it to the carrier.
    let found = case.found.filter(|found| *found != AnsweredBy::Unknown);
    let who = found.unwrap_or(by_carrier);
    if who == AnsweredBy::Machine || who == AnsweredBy::Fax {
        return "again as a mailbox";
    }
    let reached = if case.ended_by == EndedBy::Silence {
        theirs
    } else {
        ours || theirs
    };
    if reached {
        "reached"
    } else {
        "again as not answered"
    }
}

fn due_unanswered(status: CallStatus, sip: Option<u16>) -> &'static str {
    match (status, sip) {
        (CallStatus::Busy, _) => "again as busy",
        (CallStatus::Failed, Some(404 | 410 | 484 | 604)) => "unreachable",
        (CallStatus::Failed, _) => "again as a fault",
        _no_answer => "again as not answered",
    }
}

/// Only a session knows of silence, of limits and of wishes.
fn can_tell(had: Had, ended_by: EndedBy) -> bool {
    had == Had::Session || matches!(ended_by, EndedBy::Customer | EndedBy::User)
}

/// Whether the verdict comes late, and whether the carrier's word of the end comes first: only a session's may come
/// after it.
fn orders(had: Had) -> Vec<(bool, bool)> {
    let mut orders = vec![(false, false), (true, false)];
    if had == Had::Session {
        orders.extend([(false, true), (true, true)]);
    }
    orders
}

fn found_by(had: Had) -> Vec<Option<AnsweredBy>> {
    match had {
        Had::Session => {
            let known = AnsweredBy::ALL.into_iter().map(Some);
            known.chain([None]).collect()
        }
        Had::Nobody | Had::DeadWorker | Had::BrokenStream => vec![None],
    }
}

/// What is heard of the call, in order.
fn facts(case: Answered) -> Vec<Fact> {
    let mut facts = vec![status_fact(CallStatus::InProgress, None)];
    if case.had != Had::Nobody {
        facts.push(Fact::SessionOpened {
            session: 1,
            carrier_call_id: CARRIER_CALL.to_owned(),
            worker_id: None,
        });
    }
    let verdict = case.verdict.map(|answered_by| Fact::CarrierVerdict {
        carrier_call_id: CARRIER_CALL.to_owned(),
        answered_by,
        detection_ms: None,
    });
    facts.extend(verdict.clone().filter(|_| !case.verdict_late));
    if case.ended_by == EndedBy::User {
        facts.push(Fact::HangUpRequested);
    }
    let over = status_fact(CallStatus::Completed, None);
    facts.extend(case.over_early.then(|| over.clone()));
    match case.had {
        Had::Session => facts.push(Fact::SessionClosed {
            session: 1,
            outcome: Some(match case.ended_by {
                EndedBy::Customer | EndedBy::User => Outcome::CustomerHungUp,
                EndedBy::Agent => Outcome::AgentEnded,
                EndedBy::Silence => Outcome::CustomerSilent,
                EndedBy::Limit => Outcome::DurationLimit,
                EndedBy::OptOut => Outcome::OptedOut,
            }),
            answer: case.found.map(|class| AmdResult {
                class,
                ..AmdResult::default()
            }),
            line: None,
        }),
        Had::BrokenStream => facts.push(Fact::SessionClosed {
            session: 1,
            outcome: None,
            answer: None,
            line: None,
        }),
        Had::Nobody | Had::DeadWorker => {}
    }
    facts.extend(verdict.filter(|_| case.verdict_late));
    facts.extend((!case.over_early).then_some(over));
    facts
}

fn status_fact(status: CallStatus, sip_response_code: Option<u16>) -> Fact {
    let says: CarrierSays = callbacks::says(&StatusReport {
        call_id: CARRIER_CALL.parse().unwrap(),
        status,
        at: None,
        duration_seconds: None,
        sip_response_code,
        answered_by: None,
    });
    Fact::Status {
        carrier_call_id: CARRIER_CALL.to_owned(),
        says,
        at: None,
        duration_seconds: None,
    }
}

const CARRIER_CALL: &str = "CA00000000000000000000000000000001";

/// Writes the facts down as the recorder does: the outcome in the end, and what became of the lead.
fn told(facts: &[Fact], machine: MachineAction, words: Words) -> (Outcome, &'static str) {
    let now = Timestamp::from_second(1_000).unwrap();
    let snapshot = support::snapshot();
    let campaign = support::campaign(snapshot.tenant_id, CampaignId::from_parts(0, 1), now);
    let number: PhoneNumber = "+14155550100".parse().unwrap();
    let mut row = new_row(
        &snapshot,
        number.clone(),
        number.clone(),
        CallState::Claimed,
        now,
    );
    row.call.state = CallState::Placing;
    row.progress.machine = machine;
    row.progress.placing_at = Some(now);
    let call_id = row.call.id;
    let lead = Lead {
        state: LeadState::Calling { call_id },
        last_call_id: Some(call_id),
        ..support::lead(campaign.id, number, now)
    };
    let spoken = Spoken {
        agent: words.ours,
        customer: words.theirs,
    };
    let mut around = Around {
        campaign: Some(campaign.clone()),
        lead: Some(row_of(lead)),
        contact: None,
        talk: Talk::NoSession,
    };
    // Where a session tells how it ended, what was said is stored before that, and no earlier.
    let told_at = |fact: &Fact| matches!(fact, Fact::SessionClosed { .. });
    let mut is_stored = !facts.iter().any(told_at);
    for fact in facts {
        let Some(mut change) = lifecycle::apply(&row, fact, now).unwrap() else {
            continue;
        };
        is_stored |= told_at(fact);
        let stored = if is_stored { spoken } else { Spoken::default() };
        around.talk = talk(&change.row, stored);
        let ending = Ending::of(&row, &mut change.row, &around, now);
        if let Some(LeadMove::Becomes { after, .. }) = ending.lead {
            around.lead = Some(row_of(*after));
        }
        row = change.row;
    }
    let lead = around.lead.unwrap().lead;
    (
        row.call.outcome.unwrap(),
        fate(&campaign.fields.retry, &lead, now),
    )
}

const fn row_of(lead: Lead) -> LeadRow {
    LeadRow {
        lead,
        row_version: 0,
    }
}

/// The lead's fate by its name. A campaign's default delays all differ.
fn fate(retry: &Retry, lead: &Lead, now: Timestamp) -> &'static str {
    let due_at = match &lead.state {
        LeadState::Done { result, .. } => return result.code(),
        LeadState::Calling { .. } => return "still called",
        LeadState::Waiting { due_at } => *due_at,
    };
    let waits = due_at.duration_since(now);
    let named = [
        (retry.no_answer, 0, "again as not answered"),
        (retry.busy, 0, "again as busy"),
        (retry.voicemail, 0, "again as a mailbox"),
        (retry.failed, 1, "again as a fault"),
    ];
    let is_it = |delay: Delay, faults| {
        delay.as_duration() == waits && lead.faults == faults && lead.attempts == 1
    };
    let found = named
        .into_iter()
        .find(|(delay, faults, _)| is_it(*delay, *faults));
    found.map_or("waits otherwise", |(_, _, name)| name)
}

fn unanswered_table() -> String {
    let mut table =
        "| the carrier says | SIP response | outcome | the lead |\n|---|---|---|---|\n".to_owned();
    for (status, sip) in UNANSWERED {
        let (outcome, fate) = told(&[status_fact(status, sip)], MachineAction::HangUp, WORDS[0]);
        let says = match status {
            CallStatus::Busy => "busy",
            CallStatus::NoAnswer => "not answered",
            CallStatus::Canceled => "cancelled",
            CallStatus::Failed => "failed",
            CallStatus::Queued
            | CallStatus::Initiated
            | CallStatus::Ringing
            | CallStatus::InProgress
            | CallStatus::Completed => "not over",
        };
        let sip = sip.map_or_else(|| "none".to_owned(), |code| code.to_string());
        writeln!(table, "| {says} | {sip} | `{}` | {fate} |", outcome.code()).unwrap();
    }
    table
}

/// One line for each result, whatever words and verdicts lead to it.
fn answered_table() -> String {
    let mut table = "| who of us had it | who ended it | whose words were heard | a machine by verdict | outcome | the lead |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for had in HAD {
        for ended_by in ENDED_BY.into_iter().filter(|by| can_tell(had, *by)) {
            let lines = |verdict| lines_of(had, ended_by, verdict);
            let (person, machine) = (
                lines(Some(CarrierVerdict::Human)),
                lines(Some(CarrierVerdict::MachineStart)),
            );
            let by_verdict = if person == machine {
                vec![("either", person)]
            } else {
                vec![("no", person), ("yes", machine)]
            };
            for (is_machine, lines) in by_verdict {
                for (words, outcome, fate) in lines {
                    let (had, by) = (had_words(had), by_words(ended_by));
                    let code = outcome.code();
                    writeln!(
                        table,
                        "| {had} | {by} | {words} | {is_machine} | `{code}` | {fate} |"
                    )
                    .unwrap();
                }
            }
        }
    }
    table
}

fn lines_of(
    had: Had,
    ended_by: EndedBy,
    verdict: Option<CarrierVerdict>,
) -> Vec<(String, Outcome, &'static str)> {
    let mut lines: Vec<(Vec<&str>, Outcome, &str)> = Vec::new();
    // Where nobody of ours had the call there are no words.
    let known = if had == Had::Nobody { 1 } else { WORDS.len() };
    for words in WORDS.into_iter().take(known) {
        let case = Answered {
            had,
            ended_by,
            words,
            verdict,
            verdict_late: false,
            over_early: false,
            found: None,
            machine: MachineAction::Talk,
        };
        let (outcome, fate) = told(&facts(case), case.machine, words);
        let whose = match words {
            Words {
                ours: false,
                theirs: false,
            } => "none",
            Words {
                ours: true,
                theirs: false,
            } => "ours",
            Words {
                ours: false,
                theirs: true,
            } => "theirs",
            Words {
                ours: true,
                theirs: true,
            } => "both",
        };
        match lines
            .iter_mut()
            .find(|line| (line.1, line.2) == (outcome, fate))
        {
            Some(line) => line.0.push(whose),
            None => lines.push((vec![whose], outcome, fate)),
        }
    }
    let named = |whose: Vec<&str>| match whose.len() {
        4 => "any".to_owned(),
        _some => whose.join(", "),
    };
    lines
        .into_iter()
        .map(|(whose, outcome, fate)| (named(whose), outcome, fate))
        .collect()
}

const fn had_words(had: Had) -> &'static str {
    match had {
        Had::Nobody => "nobody",
        Had::Session => "a session",
        Had::DeadWorker => "a session whose worker died",
        Had::BrokenStream => "a session whose stream broke",
    }
}

const fn by_words(ended_by: EndedBy) -> &'static str {
    match ended_by {
        EndedBy::Customer => "the customer",
        EndedBy::Agent => "the agent",
        EndedBy::Silence => "silence",
        EndedBy::Limit => "the longest duration",
        EndedBy::User => "a user",
        EndedBy::OptOut => "an opt-out",
    }
}
