//! Random snapshots: whatever comes in, no plan breaks a limit, calls outside hours or forgets a lead.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::breaker::concurrency;
use crate::windows::Schedule;

/// Numbers of several zones, places and kinds; few, so that campaigns share some of them.
const NUMBERS: [&str; 12] = [
    "+12125550100",
    "+12125550101",
    "+13105550102",
    "+13055550103",
    "+14235550104",
    "+16055550105",
    "+18085550106",
    "+18005550107",
    "+442079460108",
    "+919876543109",
    "+19005550110",
    "+61812345678",
];

const BODIES: [&str; 9] = [
    "",
    r#""priority":9,"max_concurrent_calls":2"#,
    r#""windows":{"wed":[["00:00","24:00"]],"thu":[["00:00","24:00"]]}"#,
    r#""ramp":{"from":1,"over_seconds":1200},"max_concurrent_calls":9"#,
    r#""breaker":{"failures_percent":30,"calls":5,"pause_seconds":120}"#,
    r#""calls_per_number_per_day":3"#,
    r#""numbers":["+14155550002"],"local_presence":false"#,
    r#""consent":"express""#,
    r#""alternate_numbers":{"after":["no_answer","suppressed","unreachable","not_allowed"]}"#,
];

const PASTS: [&str; 7] = [
    "",
    "",
    "busy 30m",
    "no_answer 5h",
    "no_answer 20h, no_answer 10h, busy 5h",
    "suppressed",
    "live 1m",
];

prop_compose! {
    fn a_campaign()(
        body in 0..BODIES.len(),
        live in 0_u32..4,
        calls in "[x.]{0,8}",
        since in 0_u32..2_000,
        leads in prop::collection::btree_map(
            0..NUMBERS.len(),
            (0..PASTS.len(), -600_i32..60, prop::option::of((0..NUMBERS.len(), 0_u8..2, 0..PASTS.len()))),
            0..8,
        ),
    ) -> String {
        let leads = leads.into_iter().map(|(number, (past, due, other))| {
            let (mut numbers, mut known) = (NUMBERS[number].to_owned(), format!("due {due}s"));
            if let Some((other, turn, past)) = other
                && other != number
            {
                numbers += &format!("/{}", NUMBERS[other]);
                known += &format!(", turn {turn}");
                // One attempt there at most: an item of the text is one.
                if let Some(past) = PASTS[past].split(", ").find(|past| !past.is_empty()) {
                    known += &format!(", elsewhere {past}");
                }
            }
            known += &format!(", {}", PASTS[past]);
            format!("| {numbers} {}", known.trim_end_matches(", "))
        });
        let calls = if calls.is_empty() { String::new() } else { format!(", calls {calls}") };
        format!(
            "campaign {} | live {live}, since {since}s{calls} {}\n",
            BODIES[body],
            leads.collect::<String>()
        )
    }
}

prop_compose! {
    fn a_world()(
        account in 0_u32..8,
        tenant in 0_u32..8,
        apart in 1_u32..40,
        from in 0_u32..80,
        campaigns in prop::collection::vec(a_campaign(), 0..5),
    ) -> String {
        format!(
            "account {account} free, {apart}s apart, from {from}s\n\
             tenant {tenant} free: +12125550001 x2, +14155550002 x1, +12025550003\n{}",
            campaigns.concat()
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_a_limit_or_forgets_a_lead(text in a_world(), seed: u64) {
        let world = World::read(&text);
        world.with_snapshot(|snapshot| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut lanes = Lanes::new();
            plan(snapshot, &mut lanes, noon() - SignedDuration::from_hours(30), &mut rng);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let remembering = plan(snapshot, &mut lanes, noon(), &mut rng);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let plan = plan(snapshot, &mut Lanes::new(), noon(), &mut rng);
            assert_eq!(remembering, plan, "what was asked before decides");
            limits_hold(snapshot, &plan);
            everybody_is_told_of(snapshot, &plan);
            for dial in &plan.dials {
                may_be_called(snapshot, dial);
            }
        });
    }
}

fn limits_hold(snapshot: &Snapshot<'_>, plan: &Plan<'_>) {
    let dials = u32::try_from(plan.dials.len()).unwrap();
    assert!(dials <= snapshot.account.free_slots);
    let tenant = snapshot.tenants.first().unwrap();
    assert!(dials <= tenant.free_slots);

    let mut at = snapshot.account.pace_from.max(noon());
    for dial in &plan.dials {
        assert!(dial.not_before >= at, "faster than the account allows");
        assert!(dial.not_before < noon() + PLAN_HORIZON);
        at = dial.not_before + snapshot.account.call_interval;
    }

    let numbers = plan.dials.iter().map(|dial| dial.lead.number_in_turn());
    let numbers: BTreeSet<_> = numbers.collect();
    assert_eq!(numbers.len(), plan.dials.len(), "a number twice");

    for room in snapshot.campaigns {
        let begun = plan
            .dials
            .iter()
            .filter(|dial| dial.campaign.id == room.campaign.id);
        let begun = u32::try_from(begun.count()).unwrap();
        let most = concurrency(room.campaign, &room.recent, noon()).most;
        assert!(begun == 0 || room.live_calls + begun <= most);
    }

    let mut calls: BTreeMap<&PhoneNumber, u32> = tenant
        .numbers
        .iter()
        .map(|ours| (&ours.number, ours.calls_today))
        .collect();
    for dial in &plan.dials {
        let fields = &dial.campaign.fields;
        let calls = calls.get_mut(dial.from).expect("a number of the tenant");
        assert!(*calls < fields.calls_per_number_per_day);
        *calls += 1;
        assert!(fields.numbers.is_empty() || fields.numbers.contains(dial.from));
    }
}

fn everybody_is_told_of(snapshot: &Snapshot<'_>, plan: &Plan<'_>) {
    let mut told: BTreeMap<(CampaignId, LeadId), i32> = BTreeMap::new();
    let mut due: BTreeMap<(CampaignId, LeadId), i32> = BTreeMap::new();
    for room in snapshot.campaigns {
        for one in room.due {
            *due.entry((room.campaign.id, one.lead.id)).or_default() += 1;
        }
    }
    for dial in &plan.dials {
        *told.entry((dial.campaign.id, dial.lead.id)).or_default() += 1;
    }
    for held in &plan.held {
        *told.entry((held.campaign_id, held.lead_id)).or_default() += 1;
    }
    assert_eq!(told, due);
    let held: BTreeSet<_> = plan.held.iter().map(|held| held.lead_id).collect();
    for deferral in &plan.deferrals {
        assert!(held.contains(&deferral.lead.id));
        let another = deferral.rotation != deferral.lead.rotation;
        assert!(deferral.due_at > noon() || (another && deferral.due_at == noon()));
    }
    for ending in &plan.endings {
        assert!(held.contains(&ending.lead.id));
    }
}

fn may_be_called(snapshot: &Snapshot<'_>, dial: &Dial<'_>) {
    let lead = dial.lead;
    let (number, lane) = (lead.number_in_turn(), lead.lane_in_turn());
    assert!(number == &lead.number || dial.campaign.fields.alternate_numbers.are_called());
    assert_eq!(
        lane,
        &crate::Place::of(number).lane(&model::StatedPlace::default(), None),
        "another number's lane"
    );
    let mut schedule = Schedule::new(Some(&dial.campaign.fields), lane);
    assert!(schedule.is_open(noon()), "outside the window");
    let room = snapshot
        .campaigns
        .iter()
        .find(|room| room.campaign.id == dial.campaign.id);
    let due = room
        .unwrap()
        .due
        .iter()
        .find(|due| due.lead.id == dial.lead.id);
    let asking = Asking {
        number,
        lane,
        contact: due.unwrap().contact,
        others: &due.unwrap().others,
        campaign: Some(dial.campaign),
        single: Single::default(),
        lead: Some(dial.lead),
        call_id: None,
    };
    let permit = crate::permit(&asking, noon());
    assert!(permit.allowed, "{permit:?}");
}
