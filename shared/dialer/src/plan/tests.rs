//! Situations: a snapshot as text, the plan as text; and properties over random snapshots.

use expect_test::{Expect, expect};
use model::CampaignState;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::testing;

mod never;
mod properties;

/// Noon in New York, nine in the morning in Los Angeles, on a Wednesday.
fn noon() -> Timestamp {
    "2026-06-03T16:00:00Z".parse().unwrap()
}

/// What a snapshot is made of.
struct World {
    account: AccountRoom,
    free_slots: u32,
    numbers: Vec<OurNumber>,
    campaigns: Vec<(Campaign, u32, Recent, Vec<Known>)>,
}

impl World {
    /// Reads lines:
    ///
    /// - `account 2 free, 3 free on workers, 1s apart, from 5s`: slots, room on media workers, pace, when the
    ///   pace is free
    /// - `tenant 9 free: +12125550001 x3, +14155550002`: slots, numbers with their calls of today
    /// - `campaign "priority":9 | live 2, calls xx.x | +12125550100 | +12125550101 busy 1h`: fields, calls
    ///   that are on, ended calls newest first, due leads with what is known of them
    fn read(text: &str) -> Self {
        let mut world = Self {
            account: AccountRoom {
                free_slots: 100,
                workers_free: u32::MAX,
                call_interval: SignedDuration::from_secs(1),
                pace_from: noon(),
            },
            free_slots: 100,
            numbers: vec![our_number("+12025550001")],
            campaigns: Vec::new(),
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
            match what {
                "account" => {
                    for item in rest.split(", ") {
                        let word = item.split(' ').next().unwrap();
                        let after = || item.split(' ').nth(1).unwrap().parse().unwrap();
                        if item.ends_with("free on workers") {
                            world.account.workers_free = word.parse().unwrap();
                        } else if item.ends_with("free") {
                            world.account.free_slots = word.parse().unwrap();
                        } else if item.ends_with("apart") {
                            world.account.call_interval = word.parse().unwrap();
                        } else {
                            let wait: SignedDuration = after();
                            world.account.pace_from = noon() + wait;
                        }
                    }
                }
                "tenant" => {
                    let (free, numbers) = rest.split_once(" free").unwrap();
                    world.free_slots = free.parse().unwrap();
                    let numbers = numbers.trim_start_matches(':').split(',').map(str::trim);
                    world.numbers = numbers
                        .filter(|number| !number.is_empty())
                        .map(our_number)
                        .collect();
                }
                "campaign" => {
                    let place = world.campaigns.len();
                    world.campaigns.push(campaign(rest, place));
                }
                other => panic!("{other}"),
            }
        }
        world
    }

    fn plan(&self, seed: u64) -> String {
        self.with_snapshot(|snapshot| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let plan = plan(snapshot, &mut Lanes::new(), noon(), &mut rng);
            self.told(&plan)
        })
    }

    fn with_snapshot<T>(&self, act: impl FnOnce(&Snapshot<'_>) -> T) -> T {
        let due: Vec<Vec<Due<'_>>> = self
            .campaigns
            .iter()
            .map(|(_, _, _, leads)| leads.iter().map(due).collect())
            .collect();
        let campaigns: Vec<CampaignRoom<'_>> = self
            .campaigns
            .iter()
            .zip(&due)
            .map(|((campaign, live_calls, recent, _), due)| CampaignRoom {
                campaign,
                live_calls: *live_calls,
                recent: *recent,
                due,
            })
            .collect();
        let tenants = [TenantRoom {
            tenant_id: testing::campaign(testing::fields("")).tenant_id,
            free_slots: self.free_slots,
            numbers: &self.numbers,
        }];
        act(&Snapshot {
            account: self.account,
            tenants: &tenants,
            campaigns: &campaigns,
        })
    }

    fn told(&self, plan: &Plan<'_>) -> String {
        let letter = |id: CampaignId| {
            let place = self.campaigns.iter().position(|(one, ..)| one.id == id);
            char::from(b'A' + u8::try_from(place.unwrap()).unwrap())
        };
        let number = |id: LeadId| {
            let mut leads = self.campaigns.iter().flat_map(|(_, _, _, leads)| leads);
            let (lead, ..) = leads.find(|(lead, ..)| lead.id == id).unwrap();
            lead.number_in_turn().as_str()
        };
        let after = |at: Timestamp| format!("{:#}", at.duration_since(noon()));
        let mut told = String::new();
        for dial in &plan.dials {
            told += &format!(
                "dial {} {} from {} after {}\n",
                letter(dial.campaign.id),
                dial.lead.number_in_turn().as_str(),
                dial.from.as_str(),
                after(dial.not_before)
            );
        }
        for held in &plan.held {
            let (campaign, number) = (letter(held.campaign_id), number(held.lead_id));
            told += &format!("hold {campaign} {number}: {}", held.rule.code());
            if let Some(until) = held.until {
                told += &format!(" for {}", after(until));
            }
            told += "\n";
        }
        for deferral in &plan.deferrals {
            let mut lead = deferral.lead.clone();
            let number = lead.number_in_turn().as_str().to_owned();
            told += &format!("defer {number} by {}", after(deferral.due_at));
            if deferral.rotation != lead.rotation {
                lead.rotation = deferral.rotation;
                told += &format!(" for {}", lead.number_in_turn().as_str());
            }
            told += "\n";
        }
        for ending in &plan.endings {
            let number = ending.lead.number_in_turn().as_str();
            told += &format!("end {number}: {}\n", ending.result.code());
        }
        if let Some(at) = plan.wake_at {
            told += &format!("wake after {}\n", after(at));
        }
        told
    }
}

/// A lead with what is known of its number in turn and of its other ones.
type Known = (Lead, Contact, Vec<Contact>);

fn due((lead, contact, others): &Known) -> Due<'_> {
    Due {
        lead,
        lane_id: lead.lane_in_turn().id(),
        contact: Some(contact),
        others: others.iter().collect(),
    }
}

fn our_number(text: &str) -> OurNumber {
    let (number, calls) = text.split_once(" x").unwrap_or((text, "0"));
    OurNumber {
        number: number.parse().unwrap(),
        calls_today: calls.parse().unwrap(),
    }
}

fn campaign(text: &str, place: usize) -> (Campaign, u32, Recent, Vec<Known>) {
    let mut parts = text.split('|').map(str::trim);
    let mut campaign = testing::campaign(testing::fields(parts.next().unwrap()));
    campaign.id = CampaignId::from_parts(1_700_000_000_000, place as u128 + 1);
    let (mut live, mut recent) = (0, Recent::default());
    for item in parts
        .next()
        .unwrap()
        .split(", ")
        .filter(|item| !item.is_empty())
    {
        let (what, value) = item.split_once(' ').unwrap();
        match what {
            "live" => live = value.parse().unwrap(),
            "calls" => {
                let calls = value.bytes().map(|letter| {
                    let outcome = match letter {
                        b'x' => model::Outcome::CarrierFailed,
                        _ => model::Outcome::NoAnswer,
                    };
                    (outcome, noon() - SignedDuration::from_mins(1))
                });
                recent = Recent::of(calls, &campaign.fields.breaker);
            }
            "since" => {
                let since: SignedDuration = value.parse().unwrap();
                campaign.last_started_at = Some(noon() - since);
            }
            "state" => {
                campaign.state = match value {
                    "paused" => CampaignState::Paused,
                    "cancelled" => CampaignState::Cancelled,
                    other => panic!("{other}"),
                }
            }
            other => panic!("{other}"),
        }
    }
    let leads = parts.map(|part| {
        let (number, known) = part.split_once(' ').unwrap_or((part, ""));
        let numbers: Vec<&str> = number.split('/').collect();
        let mut lead = testing::lead_with(&campaign, &numbers);
        let (mut past, mut elsewhere) = (Vec::new(), Vec::new());
        for item in known.split(", ") {
            match item.split_once(' ') {
                Some(("due", after)) => {
                    let after: SignedDuration = after.parse().unwrap();
                    lead.state = LeadState::Waiting {
                        due_at: noon() + after,
                    };
                }
                Some(("attempts", made)) => lead.attempts = made.parse().unwrap(),
                Some(("turn", place)) => {
                    lead.rotation = lead.rotation.turned_to(place.parse().unwrap());
                }
                Some(("elsewhere", past)) => elsewhere.push(past),
                _known => match item {
                    "high" => lead.priority = model::LeadPriority::High,
                    "low" => lead.priority = model::LeadPriority::Low,
                    _past => past.push(item),
                },
            }
        }
        let contact = testing::contact(&past.join(", "), noon());
        let others = elsewhere.iter().map(|past| testing::contact(past, noon()));
        (lead, contact, others.collect())
    });
    let leads = leads.collect();
    (campaign, live, recent, leads)
}

fn check(text: &str, expected: &Expect) {
    let world = World::read(text);
    let told = world.plan(7);
    assert_eq!(told, world.plan(7), "the same seed, another plan");
    expected.assert_eq(&told);
}

#[test]
fn due_leads_are_dialled_at_the_accounts_pace() {
    check(
        r#"
        account 9 free, 500ms apart, from 3s
        campaign | | +12125550100 | +12125550101 | +12125550102
        "#,
        &expect![[r#"
            dial A +12125550101 from +12025550001 after 3s
            dial A +12125550102 from +12025550001 after 3s 500ms
            dial A +12125550100 from +12025550001 after 4s
        "#]],
    );
}

#[test]
fn what_is_due_longest_goes_first_and_priority_before_that() {
    check(
        r#"
        account 3 free
        campaign | | +12125550100 due -1m | +12125550101 due -9m | +12125550102 due -5m, high | +12125550103 due -20m, low
        "#,
        &expect![[r#"
            dial A +12125550102 from +12025550001 after 0s
            dial A +12125550101 from +12025550001 after 1s
            dial A +12125550100 from +12025550001 after 2s
            hold A +12125550103: account_concurrency
        "#]],
    );
}

#[test]
fn no_more_are_called_than_workers_have_room_for() {
    check(
        r#"
        account 3 free, 1 free on workers
        campaign | | +12125550100 | +12125550101
        "#,
        &expect![[r#"
            dial A +12125550101 from +12025550001 after 0s
            hold A +12125550100: no_worker
        "#]],
    );
}

#[test]
fn every_lead_that_is_passed_over_has_its_rule() {
    check(
        r#"
        campaign | | +12125550100 busy 30m | +13105550101 | +12125550102 suppressed | +12125550103 due 5m
        campaign "kind":"information","consent":"express" | | +12125550104
        campaign "windows":{"mon":[["10:00","12:00"]]} | | +12125550105
        campaign | | +12125550106 no_answer 20h, no_answer 10h, no_answer 5h | +12125550107 live 1m | +12125550108 attempts 3
        campaign "max_concurrent_calls":2 | live 2 | +12125550109
        campaign "ramp":{"from":1,"over_seconds":600},"max_concurrent_calls":11 | live 2, since 90s | +12125550110
        campaign "breaker":{"failures_percent":50,"calls":5,"pause_seconds":300} | calls xx.x. | +12125550111
        campaign | state paused | +12125550112
        campaign | state cancelled | +12125550113
        campaign "ends_at":"2026-06-03T15:00:00Z" | | +12125550114
        campaign "starts_at":"2026-06-03T16:30:00Z" | | +12125550115
        "#,
        &expect![[r#"
            dial A +13105550101 from +12025550001 after 0s
            hold A +12125550100: minimum_gap for 1h 30m
            hold A +12125550102: suppressed
            hold A +12125550103: not_due for 5m
            hold B +12125550104: consent
            hold C +12125550105: campaign_window for 118h
            hold D +12125550106: frequency_cap for 4h
            hold D +12125550107: number_busy for 5m
            hold D +12125550108: attempts
            hold H +12125550112: campaign_state
            hold I +12125550113: campaign_state
            hold J +12125550114: campaign_state
            hold K +12125550115: campaign_state for 30m
            hold E +12125550109: campaign_concurrency
            hold F +12125550110: ramp for 30s
            hold G +12125550111: circuit_breaker for 4m
            defer +12125550100 by 1h 30m
            defer +12125550106 by 4h
            defer +12125550107 by 5m
            end +12125550102: suppressed
            end +12125550104: not_allowed
            end +12125550108: exhausted
            end +12125550113: cancelled
            end +12125550114: not_allowed
            wake after 30s
        "#]],
    );
}

#[test]
fn limits_of_account_tenant_and_pace_are_never_passed() {
    let leads = "+12125550100 | +12125550101 | +12125550102";
    check(
        &format!("account 1 free\ncampaign | | {leads}"),
        &expect![[r#"
            dial A +12125550101 from +12025550001 after 0s
            hold A +12125550102: account_concurrency
            hold A +12125550100: account_concurrency
        "#]],
    );
    check(
        &format!("tenant 2 free: +12125550001\ncampaign | | {leads}"),
        &expect![[r#"
            dial A +12125550101 from +12125550001 after 0s
            dial A +12125550102 from +12125550001 after 1s
            hold A +12125550100: tenant_concurrency
        "#]],
    );
    check(
        &format!("account 9 free, 25s apart, from 20s\ncampaign | | {leads}"),
        &expect![[r#"
            dial A +12125550101 from +12025550001 after 20s
            dial A +12125550102 from +12025550001 after 45s
            hold A +12125550100: pacing for 40s
            wake after 40s
        "#]],
    );
    check(
        &format!("account 9 free, 1s apart, from 90s\ncampaign | | {leads}"),
        &expect![[r#"
            hold A +12125550101: pacing for 1m
            hold A +12125550102: pacing for 1m
            hold A +12125550100: pacing for 1m
            wake after 1m
        "#]],
    );
}

#[test]
fn nobody_is_called_by_two_campaigns_at_once() {
    check(
        "campaign | | +12125550100\ncampaign | | +12125550100",
        &expect![[r#"
            dial A +12125550100 from +12025550001 after 0s
            hold B +12125550100: number_busy
        "#]],
    );
}

#[test]
fn the_number_in_turn_is_dialled_in_its_own_hours() {
    // Noon in New York, five in the afternoon in London, six in the morning in Honolulu.
    check(
        r#"
        campaign "alternate_numbers":{"after":["no_answer"]} | | +12125550100/+18085550101 | +12125550102/+18085550103 turn 1 | +18085550104/+12125550105 turn 1
        campaign | | +12125550106/+12125550107 turn 1
        "#,
        &expect![[r#"
            dial A +12125550105 from +12025550001 after 0s
            dial A +12125550100 from +12025550001 after 1s
            hold A +18085550103: campaign_window for 3h
            hold B +12125550107: alternate_numbers for 0s
            defer +12125550107 by 0s for +12125550106
            wake after 0s
        "#]],
    );
}

#[test]
fn a_number_that_is_never_called_is_passed_over_for_the_next() {
    check(
        r#"
        campaign "alternate_numbers":{"after":["suppressed","unreachable","not_allowed"]} | | +12125550100/+12125550101 suppressed | +19005550102/+12125550103 | +12125550104/+12125550105 suppressed, turn 1
        campaign "alternate_numbers":{"after":["no_answer"]} | | +12125550106/+12125550107 suppressed
        "#,
        &expect![[r#"
            hold A +12125550100: suppressed for 0s
            hold A +19005550102: not_callable for 0s
            hold A +12125550105: suppressed for 0s
            hold B +12125550106: suppressed
            defer +12125550100 by 0s for +12125550101
            defer +19005550102 by 0s for +12125550103
            defer +12125550105 by 0s for +12125550104
            end +12125550106: suppressed
            wake after 0s
        "#]],
    );
}

#[test]
fn a_person_is_called_on_their_numbers_together_as_often_as_on_one() {
    check(
        r#"
        campaign | | +12125550100/+12125550101 busy 5h, elsewhere no_answer 9h, elsewhere no_answer 20h | +12125550102/+12125550103 elsewhere live 1m | +12125550104/+12125550105 elsewhere suppressed | +12125550106/+12125550107 elsewhere busy 10m
        "#,
        &expect![[r#"
            dial A +12125550106 from +12025550001 after 0s
            hold A +12125550100: frequency_cap for 4h
            hold A +12125550102: number_busy for 5m
            hold A +12125550104: suppressed
            defer +12125550100 by 4h
            defer +12125550102 by 5m
            end +12125550104: suppressed
            wake after 5m
        "#]],
    );
}

#[test]
fn an_open_breaker_lets_a_few_calls_through_when_its_pause_is_over() {
    check(
        r#"
        campaign "breaker":{"failures_percent":50,"calls":5,"pause_seconds":30} | live 1, calls xx.x. | +12125550100 | +12125550101 | +12125550102
        "#,
        &expect![[r#"
            dial A +12125550101 from +12025550001 after 0s
            dial A +12125550102 from +12025550001 after 1s
            hold A +12125550100: circuit_breaker
        "#]],
    );
}

#[test]
fn our_numbers_are_near_the_callee_and_take_turns() {
    let numbers = "+12125550001, +12125550002 x1, +15185550003, +14155550004, +442079460005";
    check(
        &format!(
            "tenant 9 free: {numbers}\ncampaign \"windows\":{{\"wed\":[[\"08:00\",\"20:00\"]]}} | | +12125550100 | \
             +12125550101 | +12125550102 | +16465550103 | +13105550104 | +442079460106"
        ),
        &expect![[r#"
            dial A +442079460106 from +442079460005 after 0s
            dial A +13105550104 from +14155550004 after 1s
            dial A +12125550101 from +12125550001 after 2s
            dial A +12125550102 from +12125550001 after 3s
            dial A +16465550103 from +15185550003 after 4s
            hold A +12125550100: campaign_concurrency
        "#]],
    );
    check(
        &format!(
            "tenant 9 free: {numbers}\ncampaign \"local_presence\":false | | +12125550100 | +12125550101 | +12125550102"
        ),
        &expect![[r#"
            dial A +12125550101 from +12125550001 after 0s
            dial A +12125550102 from +15185550003 after 1s
            dial A +12125550100 from +442079460005 after 2s
        "#]],
    );
}

#[test]
fn a_number_of_ours_that_has_called_enough_rests_until_tomorrow() {
    check(
        r#"
        tenant 9 free: +12125550001 x9, +14155550002 x10
        campaign "calls_per_number_per_day":10 | | +12125550100 | +12125550101
        campaign "numbers":["+14155550002"] | | +12125550102
        "#,
        &expect![[r#"
            dial A +12125550101 from +12125550001 after 0s
            dial B +12125550102 from +14155550002 after 1s
            hold A +12125550100: our_number for 8h
            wake after 8h
        "#]],
    );
}

#[test]
fn lines_are_shared_by_priority_and_nobody_starves() {
    let leads = |from: u32| {
        let leads = (0..60).map(|n| format!("+1212556{:04}", from + n));
        leads.collect::<Vec<_>>().join(" | ")
    };
    let world = |free: u32| {
        World::read(&format!(
            "account {free} free\n\
             campaign \"priority\":9,\"max_concurrent_calls\":100 | | {}\n\
             campaign \"priority\":3,\"max_concurrent_calls\":100 | | {}\n\
             campaign \"priority\":1,\"max_concurrent_calls\":100 | | {}",
            leads(0),
            leads(100),
            leads(200)
        ))
    };
    let shares =
        |told: &str| ['A', 'B', 'C'].map(|letter| told.matches(&format!("dial {letter}")).count());
    // Whole rounds are exact.
    let many = world(26);
    for seed in 0..20 {
        assert_eq!(shares(&many.plan(seed)), [18, 6, 2]);
    }
    // A single line, again and again: everybody's chance is its share.
    let one = world(1);
    let mut sums = [0; 3];
    for seed in 0..1_300 {
        for (sum, share) in sums.iter_mut().zip(shares(&one.plan(seed))) {
            *sum += share;
        }
    }
    assert_eq!(sums.iter().sum::<usize>(), 1_300);
    for (sum, expected) in sums.into_iter().zip([900, 300, 100]) {
        assert!(usize::abs_diff(sum, expected) < 60, "{sums:?}");
    }
}
