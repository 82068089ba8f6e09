//! Situations: how a call ended and what becomes of its lead; and that no outcome loses one.

use expect_test::{Expect, expect};

use super::*;
use crate::testing;

fn noon() -> Timestamp {
    "2026-06-03T16:00:00Z".parse().unwrap()
}

fn campaign(body: &str) -> Campaign {
    testing::campaign(testing::fields(body))
}

fn shown(after: &AfterCall) -> String {
    let state = match &after.state {
        LeadState::Waiting { due_at } => format!("waits {:#}", due_at.duration_since(noon())),
        LeadState::Done { result, .. } => result.code().to_owned(),
        LeadState::Calling { .. } => "still called".to_owned(),
    };
    format!(
        "{state}, attempts {}, faults {}",
        after.attempts, after.faults
    )
}

/// The ways in which a call can have come to an outcome.
fn ends(outcome: Outcome) -> impl Iterator<Item = (&'static str, CallEnd)> {
    let answered = move |talk, machine| CallEnd {
        outcome,
        answered: true,
        talk,
        machine,
    };
    [
        ("not answered", CallEnd::unanswered(outcome)),
        ("no session", answered(Talk::NoSession, false)),
        ("nothing heard", answered(Talk::Nothing, false)),
        ("they listened", answered(Talk::Listened, false)),
        ("they spoke", answered(Talk::Spoke, false)),
        ("a machine spoke", answered(Talk::Spoke, true)),
    ]
    .into_iter()
}

/// Every outcome for a lead with this many attempts and faults before the call.
fn check(body: &str, attempts: u32, faults: u32, expected: &Expect) {
    let campaign = campaign(body);
    let mut lead = testing::lead(&campaign, "+12125550100");
    lead.attempts = attempts;
    lead.faults = faults;
    let mut told = String::new();
    for outcome in Outcome::ALL {
        let mut last = String::new();
        for (when, end) in ends(outcome) {
            let after = shown(&after_call(&campaign, &lead, end, noon()));
            if last.is_empty() {
                told += &format!("{}: {after}\n", outcome.code());
            } else if after != last {
                told += &format!("    {when}: {after}\n");
            }
            last = after;
        }
    }
    expected.assert_eq(&told);
}

#[test]
fn after_a_first_attempt() {
    check(
        "",
        0,
        0,
        &expect![[r#"
            agent_ended: waits 30m, attempts 1, faults 1
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            customer_hung_up: waits 30m, attempts 1, faults 1
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            customer_silent: waits 30m, attempts 1, faults 1
                nothing heard: waits 2h, attempts 1, faults 0
                they spoke: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            busy: waits 4h, attempts 1, faults 0
            no_answer: waits 2h, attempts 1, faults 0
            voicemail: waits 24h, attempts 1, faults 0
            voicemail_left: voicemail_left, attempts 1, faults 0
            fax: unreachable, attempts 1, faults 0
            opted_out: opted_out, attempts 1, faults 0
            screened: waits 24h, attempts 1, faults 0
            number_unreachable: unreachable, attempts 1, faults 0
            carrier_refused: waits 30m, attempts 1, faults 1
            carrier_rate_limited: waits 1m, attempts 0, faults 1
            carrier_unconfirmed: waits 30m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            carrier_failed: waits 30m, attempts 1, faults 1
            stream_lost: waits 1m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            vendor_failed: waits 1m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            no_capacity: waits 1m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            worker_lost: waits 1m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            platform_failed: waits 1m, attempts 0, faults 1
                no session: waits 30m, attempts 1, faults 1
            duration_limit: waits 30m, attempts 1, faults 1
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            cancelled: waits 2h, attempts 1, faults 0
            hung_up_by_user: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            not_permitted: waits 5m, attempts 0, faults 0
            campaign_stopped: waits 5m, attempts 0, faults 0
            rejected: waits 5m, attempts 0, faults 0
        "#]],
    );
}

#[test]
fn after_the_last_attempt() {
    check(
        r#""max_attempts":1"#,
        0,
        0,
        &expect![[r#"
            agent_ended: failed, attempts 1, faults 1
                nothing heard: exhausted, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: exhausted, attempts 1, faults 0
            customer_hung_up: failed, attempts 1, faults 1
                nothing heard: exhausted, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: exhausted, attempts 1, faults 0
            customer_silent: failed, attempts 1, faults 1
                nothing heard: exhausted, attempts 1, faults 0
                they spoke: reached, attempts 1, faults 0
                a machine spoke: exhausted, attempts 1, faults 0
            busy: exhausted, attempts 1, faults 0
            no_answer: exhausted, attempts 1, faults 0
            voicemail: exhausted, attempts 1, faults 0
            voicemail_left: voicemail_left, attempts 1, faults 0
            fax: unreachable, attempts 1, faults 0
            opted_out: opted_out, attempts 1, faults 0
            screened: exhausted, attempts 1, faults 0
            number_unreachable: unreachable, attempts 1, faults 0
            carrier_refused: failed, attempts 1, faults 1
            carrier_rate_limited: waits 1m, attempts 0, faults 1
            carrier_unconfirmed: waits 30m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            carrier_failed: failed, attempts 1, faults 1
            stream_lost: waits 1m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            vendor_failed: waits 1m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            no_capacity: waits 1m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            worker_lost: waits 1m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            platform_failed: waits 1m, attempts 0, faults 1
                no session: failed, attempts 1, faults 1
            duration_limit: failed, attempts 1, faults 1
                nothing heard: exhausted, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: exhausted, attempts 1, faults 0
            cancelled: exhausted, attempts 1, faults 0
            hung_up_by_user: exhausted, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: exhausted, attempts 1, faults 0
            not_permitted: waits 5m, attempts 0, faults 0
            campaign_stopped: waits 5m, attempts 0, faults 0
            rejected: waits 5m, attempts 0, faults 0
        "#]],
    );
}

#[test]
fn after_many_faults_in_a_row() {
    check(
        "",
        0,
        FAULTS_MAX - 1,
        &expect![[r#"
            agent_ended: failed, attempts 1, faults 8
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            customer_hung_up: failed, attempts 1, faults 8
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            customer_silent: failed, attempts 1, faults 8
                nothing heard: waits 2h, attempts 1, faults 0
                they spoke: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            busy: waits 4h, attempts 1, faults 0
            no_answer: waits 2h, attempts 1, faults 0
            voicemail: waits 24h, attempts 1, faults 0
            voicemail_left: voicemail_left, attempts 1, faults 0
            fax: unreachable, attempts 1, faults 0
            opted_out: opted_out, attempts 1, faults 0
            screened: waits 24h, attempts 1, faults 0
            number_unreachable: unreachable, attempts 1, faults 0
            carrier_refused: failed, attempts 1, faults 8
            carrier_rate_limited: failed, attempts 0, faults 8
            carrier_unconfirmed: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            carrier_failed: failed, attempts 1, faults 8
            stream_lost: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            vendor_failed: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            no_capacity: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            worker_lost: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            platform_failed: failed, attempts 0, faults 8
                no session: failed, attempts 1, faults 8
            duration_limit: failed, attempts 1, faults 8
                nothing heard: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            cancelled: waits 2h, attempts 1, faults 0
            hung_up_by_user: waits 2h, attempts 1, faults 0
                they listened: reached, attempts 1, faults 0
                a machine spoke: waits 24h, attempts 1, faults 0
            not_permitted: waits 5m, attempts 0, faults 7
            campaign_stopped: waits 5m, attempts 0, faults 7
            rejected: waits 5m, attempts 0, faults 7
        "#]],
    );
}

#[test]
fn waits_are_the_campaigns() {
    check(
        r#""retry":{"no_answer_seconds":600,"busy_seconds":1200,"failed_seconds":2400,"voicemail_seconds":3000}"#,
        1,
        3,
        &expect![[r#"
            agent_ended: waits 40m, attempts 2, faults 4
                nothing heard: waits 10m, attempts 2, faults 0
                they listened: reached, attempts 2, faults 0
                a machine spoke: waits 50m, attempts 2, faults 0
            customer_hung_up: waits 40m, attempts 2, faults 4
                nothing heard: waits 10m, attempts 2, faults 0
                they listened: reached, attempts 2, faults 0
                a machine spoke: waits 50m, attempts 2, faults 0
            customer_silent: waits 40m, attempts 2, faults 4
                nothing heard: waits 10m, attempts 2, faults 0
                they spoke: reached, attempts 2, faults 0
                a machine spoke: waits 50m, attempts 2, faults 0
            busy: waits 20m, attempts 2, faults 0
            no_answer: waits 10m, attempts 2, faults 0
            voicemail: waits 50m, attempts 2, faults 0
            voicemail_left: voicemail_left, attempts 2, faults 0
            fax: unreachable, attempts 2, faults 0
            opted_out: opted_out, attempts 2, faults 0
            screened: waits 50m, attempts 2, faults 0
            number_unreachable: unreachable, attempts 2, faults 0
            carrier_refused: waits 40m, attempts 2, faults 4
            carrier_rate_limited: waits 8m, attempts 1, faults 4
            carrier_unconfirmed: waits 40m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            carrier_failed: waits 40m, attempts 2, faults 4
            stream_lost: waits 8m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            vendor_failed: waits 8m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            no_capacity: waits 8m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            worker_lost: waits 8m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            platform_failed: waits 8m, attempts 1, faults 4
                no session: waits 40m, attempts 2, faults 4
            duration_limit: waits 40m, attempts 2, faults 4
                nothing heard: waits 10m, attempts 2, faults 0
                they listened: reached, attempts 2, faults 0
                a machine spoke: waits 50m, attempts 2, faults 0
            cancelled: waits 10m, attempts 2, faults 0
            hung_up_by_user: waits 10m, attempts 2, faults 0
                they listened: reached, attempts 2, faults 0
                a machine spoke: waits 50m, attempts 2, faults 0
            not_permitted: waits 5m, attempts 1, faults 3
            campaign_stopped: waits 5m, attempts 1, faults 3
            rejected: waits 5m, attempts 1, faults 3
        "#]],
    );
}

#[test]
fn every_chain_of_outcomes_ends() {
    // The same outcome over and over: done after a bounded number of calls, whatever it is.
    let campaign = campaign("");
    for outcome in Outcome::ALL {
        // A call that was turned back was not made; its rule decides, see `after_denial`.
        if matches!(
            outcome,
            Outcome::NotPermitted | Outcome::CampaignStopped | Outcome::Rejected
        ) {
            continue;
        }
        for (_when, end) in ends(outcome) {
            let mut lead = testing::lead(&campaign, "+12125550100");
            let mut calls = 0;
            loop {
                calls += 1;
                assert!(calls <= FAULTS_MAX, "{outcome:?} never ends");
                let after = after_call(&campaign, &lead, end, noon());
                (lead.attempts, lead.faults) = (after.attempts, after.faults);
                lead.rotation = after.rotation;
                match after.state {
                    LeadState::Waiting { due_at } => assert!(due_at > noon(), "{outcome:?}"),
                    LeadState::Done { .. } => break,
                    LeadState::Calling { .. } => panic!("{outcome:?} leaves the lead called"),
                }
            }
        }
    }
}

#[test]
fn a_cancelled_or_finished_campaign_keeps_nobody_waiting() {
    let end = CallEnd::unanswered(Outcome::Busy);
    for (state, body, result) in [
        (CampaignState::Cancelled, "", "cancelled"),
        (CampaignState::Completed, "", "not_allowed"),
        (
            CampaignState::Running,
            r#""ends_at":"2026-06-03T18:00:00Z""#,
            "not_allowed",
        ),
        (CampaignState::Paused, "", "waits 4h"),
        (
            CampaignState::Running,
            r#""ends_at":"2026-06-03T20:00:01Z""#,
            "waits 4h",
        ),
    ] {
        let mut campaign = campaign(body);
        campaign.state = state;
        let lead = testing::lead(&campaign, "+12125550100");
        let after = shown(&after_call(&campaign, &lead, end, noon()));
        assert!(after.starts_with(result), "{state:?} {body}: {after}");
        let reached = CallEnd {
            outcome: Outcome::OptedOut,
            answered: true,
            talk: Talk::Spoke,
            machine: false,
        };
        let after = shown(&after_call(&campaign, &lead, reached, noon()));
        assert!(after.starts_with("opted_out"), "{state:?} {body}: {after}");
    }
}

/// A lead with three numbers, and how its calls end one after the other: which number is called next, and when.
fn round(body: &str, outcomes: &[Outcome]) -> String {
    let campaign = campaign(body);
    let numbers = ["+12125550100", "+13105550101", "+442079460102"];
    let mut lead = testing::lead_with(&campaign, &numbers);
    let mut told = String::new();
    for outcome in outcomes {
        let after = after_call(&campaign, &lead, CallEnd::unanswered(*outcome), noon());
        (lead.attempts, lead.faults) = (after.attempts, after.faults);
        lead.rotation = after.rotation;
        let given_up: Vec<_> = lead
            .given_up_numbers()
            .map(model::PhoneNumber::as_str)
            .collect();
        told += &format!(
            "{}: {} {}",
            outcome.code(),
            shown(&after),
            lead.number_in_turn().as_str()
        );
        if !given_up.is_empty() {
            told += &format!(", without {}", given_up.join(" and "));
        }
        told += "\n";
        if let LeadState::Done { .. } = after.state {
            break;
        }
    }
    told
}

#[test]
fn nobody_answers_on_any_number() {
    let body = r#""max_attempts":5,"alternate_numbers":{"after":["no_answer"],"wait_seconds":60}"#;
    expect![[r#"
        no_answer: waits 1m, attempts 1, faults 0 +13105550101
        no_answer: waits 1m, attempts 2, faults 0 +442079460102
        no_answer: waits 2h, attempts 3, faults 0 +12125550100
        no_answer: waits 1m, attempts 4, faults 0 +13105550101
        no_answer: exhausted, attempts 5, faults 0 +13105550101
    "#]]
    .assert_eq(&round(body, &[Outcome::NoAnswer; 9]));
}

#[test]
fn what_a_campaign_does_not_name_leaves_the_number_in_turn() {
    let body = r#""max_attempts":9,"alternate_numbers":{"after":["no_answer"]}"#;
    let outcomes = [
        Outcome::Busy,
        Outcome::CarrierFailed,
        Outcome::NoAnswer,
        Outcome::Voicemail,
        Outcome::NumberUnreachable,
    ];
    expect![[r#"
        busy: waits 4h, attempts 1, faults 0 +12125550100
        carrier_failed: waits 30m, attempts 2, faults 1 +12125550100
        no_answer: waits 0s, attempts 3, faults 0 +13105550101
        voicemail: waits 24h, attempts 4, faults 0 +13105550101
        number_unreachable: waits 2h, attempts 4, faults 0 +12125550100, without +13105550101
    "#]]
    .assert_eq(&round(body, &outcomes));
}

#[test]
fn numbers_that_nobody_has_cost_no_attempt_while_another_is_left() {
    let body = r#""max_attempts":1,"alternate_numbers":{"after":["unreachable"]}"#;
    expect![[r#"
        number_unreachable: waits 0s, attempts 0, faults 0 +13105550101, without +12125550100
        fax: waits 0s, attempts 0, faults 0 +442079460102, without +12125550100 and +13105550101
        number_unreachable: unreachable, attempts 1, faults 0 +442079460102, without +12125550100 and +13105550101
    "#]]
    .assert_eq(&round(body, &[Outcome::NumberUnreachable, Outcome::Fax, Outcome::NumberUnreachable]));
}

#[test]
fn who_was_reached_or_asked_for_it_is_called_on_no_other_number() {
    let mut fields = testing::fields("");
    fields.alternate_numbers.after = NextNumberAfter::ALL.to_vec();
    let campaign = testing::campaign(fields);
    let lead = testing::lead_with(&campaign, &["+12125550100", "+13105550101"]);
    for outcome in [
        Outcome::OptedOut,
        Outcome::VoicemailLeft,
        Outcome::CustomerHungUp,
    ] {
        let end = CallEnd {
            outcome,
            answered: true,
            talk: Talk::Spoke,
            machine: false,
        };
        let after = after_call(&campaign, &lead, end, noon());
        assert!(matches!(after.state, LeadState::Done { .. }), "{outcome:?}");
    }
}

#[test]
fn going_back_to_a_number_after_a_denial_waits_as_after_a_call() {
    let campaign = campaign(r#""alternate_numbers":{"after":["no_answer"]}"#);
    let mut lead = testing::lead_with(&campaign, &["+12125550100", "+13105550101"]);
    lead.rotation = lead.rotation.turned_to(1);
    lead.last_attempt_at = Some(noon() - SignedDuration::from_mins(30));
    let denial = Denial {
        rule: Rule::NotCallable,
        retry_at: None,
    };
    let after = after_denial(&campaign, &lead, denial, noon());
    let due_at = noon() + SignedDuration::from_mins(90);
    assert_eq!(after.state, LeadState::Waiting { due_at });
    assert_eq!(after.rotation.in_turn(), 0);
    assert!(after.rotation.is_given_up(1));
}

#[test]
fn a_rule_ends_a_lead_or_gives_it_a_time() {
    let campaign = campaign("");
    let lead = testing::lead(&campaign, "+12125550100");
    let mut told = String::new();
    for rule in RULES {
        let state = |retry_at| {
            let denial = Denial { rule, retry_at };
            let AfterDenial { state, rotation } = after_denial(&campaign, &lead, denial, noon());
            let after = AfterCall {
                state,
                attempts: 0,
                faults: 0,
                rotation,
            };
            shown(&after)
                .trim_end_matches(", attempts 0, faults 0")
                .to_owned()
        };
        let (never, later) = (
            state(None),
            state(Some(later(noon(), SignedDuration::from_hours(3)))),
        );
        told += &format!("{}: {never} | later: {later}\n", rule.code());
    }
    expect![[r#"
        not_callable: unreachable | later: unreachable
        suppressed: suppressed | later: suppressed
        consent: not_allowed | later: not_allowed
        zone_unknown: not_allowed | later: not_allowed
        campaign_window: not_allowed | later: waits 3h
        legal_hours: not_allowed | later: waits 3h
        holiday: not_allowed | later: waits 3h
        blocked_day: not_allowed | later: waits 3h
        frequency_cap: not_allowed | later: waits 3h
        minimum_gap: waits 5m | later: waits 3h
        attempts: exhausted | later: exhausted
        not_due: waits 5m | later: waits 3h
        campaign_state: waits 0s | later: waits 3h
        alternate_numbers: waits 0s | later: waits 0s
        number_busy: waits 5m | later: waits 3h
        campaign_concurrency: waits 0s | later: waits 3h
        tenant_concurrency: waits 0s | later: waits 3h
        account_concurrency: waits 0s | later: waits 3h
        no_worker: waits 0s | later: waits 3h
        pacing: waits 0s | later: waits 3h
        ramp: waits 0s | later: waits 3h
        circuit_breaker: waits 0s | later: waits 3h
        our_number: waits 0s | later: waits 3h
        fair_share: waits 0s | later: waits 3h
    "#]]
    .assert_eq(&told);
}

const RULES: [Rule; 24] = [
    Rule::NotCallable,
    Rule::Suppressed,
    Rule::Consent,
    Rule::ZoneUnknown,
    Rule::CampaignWindow,
    Rule::LegalHours,
    Rule::Holiday,
    Rule::BlockedDay,
    Rule::FrequencyCap,
    Rule::MinimumGap,
    Rule::Attempts,
    Rule::NotDue,
    Rule::CampaignState,
    Rule::AlternateNumbers,
    Rule::NumberBusy,
    Rule::CampaignConcurrency,
    Rule::TenantConcurrency,
    Rule::AccountConcurrency,
    Rule::NoWorker,
    Rule::Pacing,
    Rule::Ramp,
    Rule::CircuitBreaker,
    Rule::OurNumber,
    Rule::FairShare,
];
