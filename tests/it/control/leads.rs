//! The rows of campaigns, leads and contacts: what is counted adds up to what is there.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{
    CallId, CampaignId, CampaignState, Contact, Lane, LaneId, Lead, LeadCounts, LeadId,
    LeadPriority, LeadResult, LeadState, PhoneNumber, Suppression, SuppressionReason,
};
use store::{DueSpan, LeadFilter, LeadRow, LeadsRefused, StoreError};

use super::World;

fn lead(world: &World, campaign: CampaignId, n: u32, zone: &str) -> Lead {
    let number: PhoneNumber = format!("+1415555{n:04}").parse().unwrap();
    Lead {
        lane: Lane::new(vec![zone.to_owned()], vec!["US-CA".to_owned()]),
        variables: [("name".to_owned(), format!("N{n}"))].into(),
        ..support::lead(campaign, number, world.parts.clock.now())
    }
}

fn done(mut lead: Lead, result: LeadResult) -> Lead {
    lead.state = LeadState::Done {
        result,
        done_at: lead.updated_at,
    };
    lead
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_died_and_goes_on_writes_everybody_once_and_counts_them() {
    let world = World::start().await;
    let campaigns = world.campaigns();
    let leads = &world.parts.store.leads;
    let campaign = campaigns.draft().await.id;
    let zones = ["America/Los_Angeles", "America/New_York", "America/Chicago"];
    let list: Vec<Lead> = (0..250)
        .zip(zones.iter().cycle())
        .map(|(n, zone)| lead(&world, campaign, n, zone))
        .collect();

    let before = leads.insert_many(world.tenant, campaign, &list[..120]);
    assert_eq!(before.await.unwrap().added.len(), 120);
    // The whole list again, with ten numbers twice in it.
    let mut again = list.clone();
    again.extend_from_slice(&list[240..]);
    let inserted = leads.insert_many(world.tenant, campaign, &again);
    let inserted = inserted.await.unwrap();
    assert_eq!(inserted.added.len(), 130);
    assert_eq!(inserted.there_already.len(), 130);
    let there: BTreeSet<LeadId> = inserted
        .there_already
        .iter()
        .map(|row| row.lead.id)
        .collect();
    let expected = list[..120].iter().chain(&list[240..]).map(|lead| lead.id);
    assert_eq!(there, expected.collect());

    let lanes = leads.counts(world.tenant, campaign).await.unwrap();
    assert_eq!(lanes.len(), 3);
    assert_eq!(campaigns.sum(campaign).await.waiting, 250);
    assert_eq!(campaigns.sum(campaign).await.total(), 250);

    let all = campaigns.leads(campaign, &LeadFilter::default(), 7).await;
    let ids: BTreeSet<LeadId> = all.iter().map(|row| row.lead.id).collect();
    assert_eq!((all.len(), ids.len()), (250, 250));
    assert_eq!(
        all.iter().filter(|row| list.contains(&row.lead)).count(),
        250
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_follow_leads_through_their_states() {
    let world = World::start().await;
    let campaigns = world.campaigns();
    let leads = &world.parts.store.leads;
    let campaign = campaigns.draft().await.id;
    let list: Vec<Lead> = (0..40)
        .map(|n| lead(&world, campaign, n, "America/Los_Angeles"))
        .collect();
    leads
        .insert_many(world.tenant, campaign, &list)
        .await
        .unwrap();
    let rows = campaigns.leads(campaign, &LeadFilter::default(), 100).await;

    let reached = done(rows[0].lead.clone(), LeadResult::Reached);
    let one = leads
        .replace(world.tenant, &rows[0], &reached)
        .await
        .unwrap();
    assert_eq!(one.row_version, 1);
    let stale = leads.replace(world.tenant, &rows[0], &reached).await;
    assert!(matches!(stale, Err(LeadsRefused::Changed)), "{stale:?}");

    // Of eleven that were read, one has changed meanwhile.
    let changes: Vec<_> = rows[..11]
        .iter()
        .map(|row| (row.clone(), done(row.lead.clone(), LeadResult::Cancelled)))
        .collect();
    let written = leads.replace_many(world.tenant, &changes).await.unwrap();
    assert_eq!(written, 10);
    assert_eq!(
        leads.remove_many(world.tenant, &rows[10..]).await.unwrap(),
        29
    );

    let counts = campaigns.sum(campaign).await;
    let expected = [(LeadResult::Reached, 1), (LeadResult::Cancelled, 10)];
    assert_eq!(counts.done, expected.into());
    assert_eq!((counts.waiting, counts.total()), (0, 11));
    for (filter, many) in [
        (
            LeadFilter {
                state: Some("waiting"),
                ..LeadFilter::default()
            },
            0,
        ),
        (
            LeadFilter {
                state: Some("done"),
                ..LeadFilter::default()
            },
            11,
        ),
        (
            LeadFilter {
                result: Some(LeadResult::Reached),
                ..LeadFilter::default()
            },
            1,
        ),
    ] {
        assert_eq!(
            campaigns.leads(campaign, &filter, 3).await.len(),
            many,
            "{filter:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_leads_come_by_priority_then_time_and_only_from_their_lane() {
    let world = World::start().await;
    let campaigns = world.campaigns();
    let leads = &world.parts.store.leads;
    let campaign = campaigns.draft().await.id;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let lead = |n, priority, due_at: &str, zone| {
        let mut lead = lead(&world, campaign, n, zone);
        lead.priority = priority;
        lead.state = LeadState::Waiting { due_at: at(due_at) };
        lead
    };
    let west = "America/Los_Angeles";
    let list = [
        lead(1, LeadPriority::Low, "2026-03-01T00:00:00Z", west),
        lead(2, LeadPriority::Normal, "2026-03-02T00:00:00Z", west),
        lead(3, LeadPriority::Normal, "2026-03-01T00:00:00Z", west),
        lead(4, LeadPriority::High, "2026-03-03T00:00:00Z", west),
        lead(5, LeadPriority::High, "2026-03-03T00:00:00.5Z", west),
        lead(
            6,
            LeadPriority::High,
            "2026-03-01T00:00:00Z",
            "America/Chicago",
        ),
    ];
    leads
        .insert_many(world.tenant, campaign, &list)
        .await
        .unwrap();
    let lane = list[0].lane.id();
    let due = async |until: &str, limit| {
        let due = leads
            .due(world.tenant, campaign, lane, at(until), limit)
            .await
            .unwrap();
        let place = |row: &LeadRow| 1 + list.iter().position(|lead| *lead == row.lead).unwrap();
        due.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(due("2026-03-03T00:00:00Z", 10).await, [4, 3, 2, 1]);
    assert_eq!(due("2026-03-03T00:00:00Z", 2).await, [4, 3]);
    assert_eq!(due("2026-03-01T00:00:00Z", 10).await, [3, 1]);
    assert!(due("2026-02-28T00:00:00Z", 10).await.is_empty());

    // Over all priorities, and of one lead as of many.
    let span = async |lane: LaneId, waiting| {
        let span = leads.due_span(world.tenant, campaign, lane, waiting).await;
        let span: Option<DueSpan> = span.unwrap();
        span.map(|span| (span.first, span.last))
    };
    let last = at("2026-03-03T00:00:00.5Z");
    assert_eq!(
        span(lane, 5).await,
        Some((at("2026-03-01T00:00:00Z"), last))
    );
    let only = Some((at("2026-03-01T00:00:00Z"), at("2026-03-01T00:00:00Z")));
    let chicago = list[5].lane.id();
    assert_eq!(
        (span(chicago, 1).await, span(chicago, 2).await),
        (only, only)
    );
    let nobody = Lane::new(vec!["Asia/Tokyo".to_owned()], Vec::new()).id();
    assert_eq!(span(nobody, 1).await, None);

    // Whoever is called is not due.
    let row = leads
        .get(world.tenant, campaign, list[3].id)
        .await
        .unwrap()
        .unwrap();
    let mut calling = row.lead.clone();
    calling.state = LeadState::Calling {
        call_id: world.parts.ids.fresh(CallId::from_parts),
    };
    leads.replace(world.tenant, &row, &calling).await.unwrap();
    assert_eq!(due("2026-03-04T00:00:00Z", 10).await, [5, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_campaign_takes_no_leads_and_stays_listed_until_it_is_retired() {
    let world = World::start().await;
    let campaigns = world.campaigns();
    let store = &world.parts.store;
    let draft = campaigns.draft().await;
    let list = [lead(&world, draft.id, 1, "America/Los_Angeles")];
    assert_eq!(store.campaigns.active_of(world.tenant).await.unwrap(), []);

    let running = campaigns.moved(&draft, CampaignState::Running).await;
    let refused = store.campaigns.retire(world.tenant, draft.id).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let active = store.campaigns.active_of(world.tenant).await.unwrap();
    assert_eq!(active[0].state, CampaignState::Running);
    assert_eq!(
        store.campaigns.active_of(world.other_tenant).await.unwrap(),
        []
    );

    let cancelled = campaigns.moved(&running, CampaignState::Cancelled).await;
    let refused = store.leads.insert_many(world.tenant, draft.id, &list).await;
    assert!(
        matches!(refused, Err(LeadsRefused::NotLetIn { .. })),
        "{refused:?}"
    );
    assert_eq!(campaigns.sum(draft.id).await, LeadCounts::default());
    assert_eq!(
        store.campaigns.active_of(world.tenant).await.unwrap().len(),
        1
    );
    store
        .campaigns
        .retire(world.tenant, draft.id)
        .await
        .unwrap();
    assert_eq!(store.campaigns.active_of(world.tenant).await.unwrap(), []);

    let refused = store.campaigns.delete(&cancelled).await;
    assert!(
        matches!(refused, Err(store::BindingRefused::Changed)),
        "{refused:?}"
    );
    let other = campaigns.draft().await;
    store.campaigns.delete(&other).await.unwrap();
    assert!(store.campaigns.active_of(world.tenant).await.unwrap()[0].deleted);
    assert_eq!(
        store.campaigns.get(world.tenant, other.id).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_contact_one_looks_again_and_only_suppressed_ones_are_listed() {
    let world = World::start().await;
    let contacts = &world.parts.store.contacts;
    let number = |n: u32| format!("+1415555{n:04}").parse::<PhoneNumber>().unwrap();
    let suppressed = |version| Contact {
        suppression: Some(Suppression {
            reason: SuppressionReason::Manual,
            at: "2026-03-01T00:00:00Z".parse().unwrap(),
            note: None,
            call_id: None,
        }),
        version,
        ..Contact::default()
    };
    let free = Contact {
        suppression: None,
        ..suppressed(1)
    };
    for n in [3, 1, 2, 4] {
        let contact = if n == 2 { free.clone() } else { suppressed(1) };
        contacts
            .replace(world.tenant, &number(n), &contact, None)
            .await
            .unwrap();
    }
    let stale = contacts
        .replace(world.tenant, &number(1), &free, None)
        .await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");

    let list = async |after: Option<PhoneNumber>, limit| {
        let page = contacts
            .suppressed(world.tenant, after.as_ref(), limit)
            .await
            .unwrap();
        let numbers: Vec<_> = page.items.into_iter().map(|row| row.number).collect();
        (numbers, page.more)
    };
    assert_eq!(list(None, 2).await, (vec![number(1), number(3)], true));
    assert_eq!(list(Some(number(3)), 2).await, (vec![number(4)], false));
    let freed = Contact {
        suppression: None,
        ..suppressed(2)
    };
    contacts
        .replace(world.tenant, &number(3), &freed, None)
        .await
        .unwrap();
    assert_eq!(list(None, 5).await.0, [number(1), number(4)]);
    let asked = [number(1), number(1), number(9)];
    let some = contacts.batch_get(world.tenant, &asked).await.unwrap();
    assert_eq!(some.len(), 1);
    let nobody = contacts.get(world.other_tenant, &number(1)).await.unwrap();
    assert_eq!(nobody, Contact::default());
}
