//! What may be corrected of a lead, and what follows from it.

use model::{CampaignId, Consent, ConsentKind, PhoneNumber, TenantId};

use super::*;
use crate::lead::Leads;

const NOW: &str = "2026-03-02T20:00:00Z";
const WRONG: &str = "+14155550100";
const RIGHT: &str = "+12125550100";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn campaign() -> Campaign {
    support::campaign(
        TenantId::from_parts(0, 0),
        CampaignId::from_parts(0, 0),
        now(),
    )
}

/// A lead in California that was called once and is due tomorrow.
fn lead() -> Lead {
    let number: PhoneNumber = WRONG.parse().unwrap();
    let due_at = "2026-03-03T20:00:00Z".parse().unwrap();
    Lead {
        lane: Place::of(&number).lane(&StatedPlace::default(), None),
        state: LeadState::Waiting { due_at },
        attempts: 1,
        faults: 2,
        variables: [("name".to_owned(), "Sam".to_owned())].into(),
        ..support::lead(campaign().id, number, now())
    }
}

fn done(result: LeadResult, held_by: Option<Rule>) -> Lead {
    Lead {
        state: LeadState::Done {
            result,
            done_at: now(),
        },
        held_by,
        ..lead()
    }
}

fn with_number(lead: &Lead, number: &str) -> LeadFields {
    LeadFields {
        number: Some(number.parse().unwrap()),
        ..Leads::fields(lead)
    }
}

fn in_new_york(lead: &Lead) -> LeadFields {
    LeadFields {
        zone: Some("America/New_York".parse().unwrap()),
        region: Some("us-ny".parse().unwrap()),
        ..Leads::fields(lead)
    }
}

fn corrected(before: &Lead, fields: &LeadFields) -> Result<Corrected, Refused> {
    of(&campaign(), before, fields, None, now())
}

#[test]
fn a_corrected_place_makes_the_lane_anew_and_the_lead_keeps_its_time() {
    let before = lead();
    let Ok(Corrected::InPlace(after)) = corrected(&before, &in_new_york(&before)) else {
        panic!("in place");
    };
    let zones = ["America/Los_Angeles", "America/New_York"];
    assert_eq!(after.lane.zones, zones);
    assert_eq!(after.lane.own_zones, ["America/New_York"]);
    assert_eq!(after.lane.jurisdictions, ["US-CA", "US-NY"]);
    assert_eq!(after.state, before.state);
    assert_eq!((after.id, after.attempts), (before.id, 1));
    // Calls are counted where they were; once it is back where it was, there as ever.
    assert_eq!(after.counted_lane.as_ref(), Some(&before.lane));
    let back = LeadFields {
        zone: None,
        region: None,
        ..Leads::fields(&after)
    };
    let Ok(Corrected::InPlace(again)) = corrected(&after, &back) else {
        panic!("in place");
    };
    assert_eq!(again.lane, before.lane);
    assert_eq!(
        (again.counted_lane, again.stated_place),
        (None, before.stated_place)
    );
}

#[test]
fn a_corrected_number_is_another_lead_and_the_wrong_one_is_never_called_again() {
    let before = lead();
    let Ok(Corrected::Moved { stays, goes_on }) = corrected(&before, &with_number(&before, RIGHT))
    else {
        panic!("moved");
    };
    let right: PhoneNumber = RIGHT.parse().unwrap();
    assert_eq!(goes_on.id, LeadId::of(before.campaign_id, &right));
    assert_eq!(goes_on.state, before.state);
    assert_eq!((goes_on.attempts, goes_on.faults), (0, 0));
    assert_eq!(goes_on.lane.jurisdictions, ["US-NY"]);
    assert_eq!((goes_on.moved_to, &goes_on.counted_lane), (None, &None));
    assert!(is_renumbered(&stays));
    assert_eq!((stays.id, stays.attempts), (before.id, 1));
    // Nobody who calls back from it is taken for the person.
    assert_eq!(goes_on.variables, before.variables);
    assert!(stays.variables.is_empty() && !before.variables.is_empty());
    assert_eq!(
        (stays.moved_to, &stays.lane),
        (Some(goes_on.id), &before.lane)
    );

    // It is given back: what was counted of it counts on.
    let wrong_again = with_number(&goes_on, WRONG);
    let back = of(&campaign(), &goes_on, &wrong_again, Some(&stays), now());
    let Ok(Corrected::Moved { stays, goes_on }) = back else {
        panic!("moved back");
    };
    assert_eq!((goes_on.id, goes_on.attempts), (before.id, 1));
    assert_eq!(goes_on.moved_to, None);
    assert!(is_renumbered(&stays));
}

/// With another phone in New York, which is in turn, and a third.
fn lead_of_several() -> Lead {
    let others = [RIGHT, "+16175550101"].map(|number| number.parse().unwrap());
    let lead = lead();
    Lead {
        alternates: alternates(others.into_iter(), &lead.stated_place, None),
        rotation: Rotation::default().turned_to(1),
        ..lead
    }
}

fn others(lead: &Lead) -> Vec<&str> {
    numbers_of(&lead.alternates)
        .map(PhoneNumber::as_str)
        .collect()
}

#[test]
fn other_numbers_go_along_and_do_not_stay_with_whoever_has_the_wrong_one() {
    let before = lead_of_several();
    // One of them is the right one.
    let Ok(Corrected::Moved { stays, goes_on }) = corrected(&before, &with_number(&before, RIGHT))
    else {
        panic!("moved");
    };
    assert_eq!(others(&goes_on), ["+16175550101"]);
    assert_eq!(goes_on.number_in_turn().as_str(), RIGHT);
    assert!(stays.alternates.is_empty() && stays.rotation.is_fresh());
}

#[test]
fn a_corrected_place_is_that_of_all_numbers_and_the_one_in_turn_stays() {
    let before = lead_of_several();
    let Ok(Corrected::InPlace(after)) = corrected(&before, &in_new_york(&before)) else {
        panic!("in place");
    };
    assert_eq!(others(&after), others(&before));
    assert_eq!(after.rotation, before.rotation);
    let massachusetts = &after.alternates[1].lane;
    assert_eq!(massachusetts.zones, ["America/New_York"]);
    assert_eq!(massachusetts.jurisdictions, ["US-MA", "US-NY"]);
}

#[test]
fn with_others_than_before_the_own_number_is_in_turn() {
    let before = lead_of_several();
    let fields = LeadFields {
        alternates: Some(vec![RIGHT.parse().unwrap()]),
        ..Leads::fields(&before)
    };
    let Ok(Corrected::InPlace(after)) = corrected(&before, &fields) else {
        panic!("in place");
    };
    assert_eq!(others(&after), [RIGHT]);
    assert_eq!(after.number_in_turn(), &before.number);
}

#[test]
fn a_state_that_nobody_can_read_counts_until_one_is_named() {
    let mut before = lead();
    before.stated_place.any_region_of = Some("US".to_owned());
    before.lane = Place::of(&before.number).lane(&before.stated_place, None);
    let edited = LeadFields {
        variables: Variables::new(),
        ..Leads::fields(&before)
    };
    let Ok(Corrected::InPlace(after)) = corrected(&before, &edited) else {
        panic!("in place");
    };
    assert_eq!(after.lane.jurisdictions, ["US", "US-CA"]);
    let Ok(Corrected::InPlace(after)) = corrected(&before, &in_new_york(&before)) else {
        panic!("in place");
    };
    assert_eq!(after.lane.jurisdictions, ["US-CA", "US-NY"]);
}

#[test]
fn a_number_that_is_a_lead_already_is_not_taken() {
    let before = lead();
    let fields = with_number(&before, RIGHT);
    for there in [lead(), done(LeadResult::Reached, None)] {
        let refused = of(&campaign(), &before, &fields, Some(&there), now());
        assert!(matches!(refused, Err(Refused::NumberInCampaign)));
    }
}

/// Every result with every kind of correction, as a table that people can check.
#[test]
fn a_lead_that_is_done_is_brought_back_by_what_it_lacked_and_by_nothing_else() {
    let mut table = String::new();
    for result in LeadResult::ALL {
        let rules: &[Option<Rule>] = match result {
            LeadResult::NotAllowed => &[
                None,
                Some(Rule::ZoneUnknown),
                Some(Rule::LegalHours),
                Some(Rule::Consent),
                Some(Rule::CampaignState),
            ],
            LeadResult::Reached
            | LeadResult::VoicemailLeft
            | LeadResult::OptedOut
            | LeadResult::Suppressed
            | LeadResult::Unreachable
            | LeadResult::Exhausted
            | LeadResult::Failed
            | LeadResult::Cancelled
            | LeadResult::Renumbered => &[None],
        };
        for rule in rules {
            let before = done(result, *rule);
            let consent = Some(Consent {
                kind: ConsentKind::Written,
                at: None,
                source: None,
            });
            let consent = LeadFields {
                consent,
                ..Leads::fields(&before)
            };
            let tried = [
                ("number", with_number(&before, RIGHT)),
                ("place", in_new_york(&before)),
                ("consent", consent),
                ("nothing", Leads::fields(&before)),
            ];
            let lifting = tried
                .iter()
                .filter(|(_what, fields)| match corrected(&before, fields) {
                    Ok(Corrected::BroughtBack(after)) => !state_is_done(&after),
                    Ok(Corrected::Moved { goes_on, .. }) => !state_is_done(&goes_on),
                    Ok(Corrected::InPlace(_)) => panic!("it was done"),
                    Err(Refused::LeadNotWaiting) => false,
                    Err(other) => panic!("{other}"),
                });
            let lifting: Vec<&str> = lifting.map(|(what, _fields)| *what).collect();
            let lifting = if lifting.is_empty() {
                "never".to_owned()
            } else {
                lifting.join(" ")
            };
            let by = rule.map_or_else(String::new, |rule| format!(" by {}", rule.code()));
            table.push_str(&format!("{}{by}: {lifting}\n", result.code()));
        }
    }
    expect_test::expect![[r#"
        reached: never
        voicemail_left: never
        opted_out: never
        suppressed: never
        unreachable: number
        exhausted: number
        not_allowed: never
        not_allowed by zone_unknown: number place
        not_allowed by legal_hours: number place
        not_allowed by consent: consent
        not_allowed by campaign_state: never
        failed: never
        cancelled: never
        renumbered: never
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_lead_that_is_brought_back_waits_from_now_on_unless_no_hour_lets_it() {
    let before = done(LeadResult::NotAllowed, Some(Rule::LegalHours));
    let fields = in_new_york(&before);
    let Ok(Corrected::BroughtBack(after)) = corrected(&before, &fields) else {
        panic!("brought back");
    };
    assert_eq!(after.state, LeadState::Waiting { due_at: now() });
    assert_eq!(after.held_by, None);

    let mut over = campaign();
    over.fields.windows = serde_json::from_str("{}").unwrap();
    let Ok(Corrected::InPlace(after)) = of(&over, &before, &fields, None, now()) else {
        panic!("in place");
    };
    assert_eq!(
        (&after.state, after.held_by),
        (&before.state, before.held_by)
    );
    assert_eq!(after.stated_place.region.as_deref(), Some("US-NY"));
}

#[test]
fn nobody_is_corrected_while_they_are_on_a_call() {
    let call_id = model::CallId::from_parts(0, 1);
    let calling = Lead {
        state: LeadState::Calling { call_id },
        ..lead()
    };
    for fields in [with_number(&calling, RIGHT), in_new_york(&calling)] {
        let refused = corrected(&calling, &fields);
        assert!(matches!(refused, Err(Refused::LeadNotWaiting)));
    }
}
