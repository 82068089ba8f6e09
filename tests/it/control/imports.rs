//! Lists on their way into a campaign: what is added, what is kept out, and that every row counts once
//! whatever dies in between.

pub(super) mod faults;
mod previews;
mod rejects;
mod workbooks;

use std::sync::Arc;

use expect_test::{Expect, expect};
use model::{
    CallId, Campaign, CampaignId, CampaignState, Contact, DomainEvent, EventId, EventKind, Lead,
    LeadState, PhoneNumber, Suppression, SuppressionReason,
};
use reqwest::Method;
use serde_json::{Value, json};
use service::lead::imports::{ImportRunError, ImportRunResult, Imports};
use store::{ImportJob, LeadFilter, Store};

use faults::{Faults, When};

use super::{Answer, World};
use crate::leftovers::Left;
use crate::template::iam::Who;

const LIST: &str = "Phone,First Name,State,Priority\r\n\
    (415) 555-2671,Anna,CA,high\r\n\
    not a number,Bob,CA,\r\n\
    +1 415 555 2672,Carl,,\r\n\
    1-415-555-2671,Anna again,CA,low\r\n\
    +1 415 555 2673,Dora,CA,\r\n\
    +1 900 555 1234,Eve,,\r\n";

struct Scene {
    world: Box<World>,
    campaign: Campaign,
}

impl Scene {
    async fn new() -> Self {
        let world = Box::new(Box::pin(World::start()).await);
        let campaign = world.campaigns().draft().await;
        Self { world, campaign }
    }

    async fn post(&self, query: &str, list: impl Into<reqwest::Body>) -> Answer {
        let path = format!("/v1/campaigns/{}/imports{query}", self.campaign.id);
        self.world.ask_raw(&path, "text/csv", list).await
    }

    async fn uploaded(&self, list: &str) -> String {
        let path = format!("/v1/campaigns/{}/uploads", self.campaign.id);
        let body = json!({ "bytes": list.len() });
        let begun = self.world.ask("POST", &path, Some(body)).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        let begun = begun.json();
        put(&begun, list).await;
        begun["import"]["id"].as_str().unwrap().to_owned()
    }

    async fn start(&self, import: &str, options: Value) -> Answer {
        let path = format!("/v1/imports/{import}/start");
        self.world.ask("POST", &path, Some(options)).await
    }

    async fn told(&self, import: &str) -> Value {
        let path = format!("/v1/imports/{import}");
        let told = self.world.ask("GET", &path, None).await;
        assert_eq!(told.status, 200, "{}", told.text);
        told.json()
    }

    async fn leads(&self) -> Vec<Lead> {
        let campaigns = self.world.campaigns();
        let rows = campaigns
            .leads(self.campaign.id, &LeadFilter::default(), 100)
            .await;
        let mut leads: Vec<_> = rows.into_iter().map(|row| row.lead).collect();
        leads.sort_by(|a, b| a.number.cmp(&b.number));
        leads
    }

    /// Counters are the leads, always.
    async fn assert_adds_up(&self) -> usize {
        let counts = self.world.campaigns().sum(self.campaign.id).await;
        let leads = self.leads().await;
        let waiting = |lead: &&Lead| matches!(lead.state, LeadState::Waiting { .. });
        let waiting = leads.iter().filter(waiting).count();
        assert_eq!(usize::try_from(counts.waiting).unwrap(), waiting);
        assert_eq!(usize::try_from(counts.total()).unwrap(), leads.len());
        leads.len()
    }

    async fn suppress(&self, number: &str) {
        let number: PhoneNumber = number.parse().unwrap();
        let parts = &self.world.parts;
        let contact = Contact {
            suppression: Some(Suppression {
                reason: SuppressionReason::Manual,
                at: parts.clock.now(),
                note: None,
                call_id: None,
            }),
            version: 1,
            ..Contact::default()
        };
        let event = DomainEvent {
            id: parts.ids.fresh(EventId::from_parts),
            tenant_id: self.world.tenant,
            at: parts.clock.now(),
            kind: EventKind::NumberSuppressed { call_id: None },
        };
        let contacts = &parts.store.contacts;
        let written = contacts.replace(self.world.tenant, &number, &contact, Some(&event));
        written.await.unwrap();
    }

    async fn rejects(&self, import: &str) -> String {
        let path = format!("/v1/imports/{import}/rejects");
        let redirect = self.world.ask("GET", &path, None).await;
        assert_eq!(redirect.status, 307, "{}", redirect.text);
        let file = reqwest::get(redirect.location.unwrap()).await.unwrap();
        file.text().await.unwrap().replace("\r\n", "\n")
    }

    /// A lead as if a call had been made to it.
    async fn called(&self, number: &str) {
        let number: PhoneNumber = number.parse().unwrap();
        let (parts, tenant) = (&self.world.parts, self.world.tenant);
        let leads = &parts.store.leads;
        let row = leads.of_number(tenant, self.campaign.id, &number).await;
        let row = row.unwrap().unwrap();
        let mut after = row.lead.clone();
        after.attempts = 1;
        after.last_call_id = Some(parts.ids.fresh(CallId::from_parts));
        leads.replace(tenant, &row, &after).await.unwrap();
    }
}

pub(super) async fn put(begun: &Value, list: &str) {
    let upload = reqwest::Client::new();
    let url = begun["url"].as_str().unwrap();
    let mut request = upload.request(Method::PUT, url).body(list.to_owned());
    for (name, value) in begun["headers"].as_object().unwrap() {
        if name != "content-length" && name != "host" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert!(
        status.is_success(),
        "{status}: {}",
        answer.text().await.unwrap()
    );
}

/// What is told of an import, without ids and times.
fn shown(import: &Value) -> String {
    let kept = [
        "state",
        "encoding",
        "delimiter",
        "percent",
        "rows",
        "added",
        "rejected",
        "removed",
        "kept",
        "problem",
    ];
    let lines = kept.map(|name| format!("{name}: {}\n", import[name]));
    lines.concat()
}

#[track_caller]
fn same(said: &str, expected: &Expect) {
    expected.assert_eq(said);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_several_phones_is_one_lead_with_other_numbers() {
    let scene = Scene::new().await;
    scene.suppress("+14155550109").await;
    let list = "Name,Mobile Phone,Home Phone,State\n\
        Anna,+14155550101,+12125550102,\n\
        Bob,n/a,+14155550109,\n\
        Carl,+14155550103,+14155550109,TX\n";
    let made = scene.post("", list).await;
    assert_eq!(
        (&made.json()["added"], &made.json()["rejected"]),
        (&json!(2), &json!({ "suppressed": 1 })),
        "{}",
        made.text
    );
    let rejects = scene.rejects(&made.id()).await;
    assert!(rejects.contains(",3,C,suppressed,"), "{rejects}");
    let leads = scene.leads().await;
    let numbers: Vec<Vec<&str>> = leads
        .iter()
        .map(|lead| {
            lead.numbers()
                .map(|(number, _lane)| number.as_str())
                .collect()
        })
        .collect();
    assert_eq!(
        numbers,
        [
            ["+14155550101", "+12125550102"],
            ["+14155550103", "+14155550109"]
        ]
    );
    // Each number in its own zone; what the list says of the place holds for all of them.
    let lanes = leads.iter().flat_map(Lead::numbers).map(|(_number, lane)| {
        let (zones, places) = (lane.zones.join(" "), lane.jurisdictions.join(" "));
        format!("{zones} by {places}")
    });
    assert_eq!(
        lanes.collect::<Vec<_>>(),
        [
            "America/Los_Angeles by US-CA",
            "America/New_York by US-NY",
            "America/Chicago America/Denver America/Los_Angeles by US-CA US-TX",
            "America/Chicago America/Denver America/Los_Angeles by US-CA US-TX",
        ]
    );
    scene.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_small_list_is_in_the_campaign_when_the_request_answers() {
    let scene = Scene::new().await;
    scene.suppress("+14155552673").await;
    let made = scene.post("?default_country=US", LIST).await;
    assert_eq!(made.status, 201, "{}", made.text);
    same(
        &shown(&made.json()),
        &expect![[r#"
        state: "completed"
        encoding: "ascii"
        delimiter: "comma"
        percent: 100
        rows: 6
        added: 2
        rejected: {"duplicate_in_file":1,"number_premium":1,"number_unreadable":1,"suppressed":1}
        removed: 0
        kept: 0
        problem: null
    "#]],
    );
    let leads = scene.leads().await;
    let first = &leads[0];
    assert_eq!(first.number.as_str(), "+14155552671");
    assert_eq!(first.variables["first_name"], "Anna");
    assert_eq!(first.lane.zones, ["America/Los_Angeles"]);
    assert_eq!(scene.assert_adds_up().await, 2);
    same(
        &scene.rejects(&made.id()).await,
        &expect![[r#"
            Phone,First Name,State,Priority,trunkline_row,trunkline_column,trunkline_code,trunkline_reason
            not a number,Bob,CA,,3,A,number_unreadable,is not a phone number
            1-415-555-2671,Anna again,CA,low,5,A,duplicate_in_file,has the same number as row 2
            '+1 415 555 2673,Dora,CA,,6,A,suppressed,has a number that must not be called
            '+1 900 555 1234,Eve,,,7,A,number_premium,is a premium-rate number
        "#]],
    );
    // The message that would have gone on if the request had died finds nothing to do.
    let job = ImportJob {
        tenant_id: scene.world.tenant,
        import_id: made.id().parse().unwrap(),
    };
    assert_eq!(
        imports(&scene.world).run(job).await.unwrap(),
        ImportRunResult::Finished
    );
    assert_eq!(scene.told(&made.id()).await["added"], 2);

    // The same list once more: everybody is there already.
    let again = scene.post("?default_country=US", LIST).await;
    assert_eq!(again.json()["added"], 0);
    assert_eq!(again.json()["rejected"]["already_in_campaign"], 1 + 1);
    assert_eq!(again.json()["rejected"]["duplicate_in_file"], 1);
    assert_eq!(scene.assert_adds_up().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_would_happen_and_writes_nothing() {
    let scene = Scene::new().await;
    scene.suppress("+14155552673").await;
    let preview = scene.post("?default_country=US&dry_run=true", LIST).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    same(
        &format!("{:#}\n", preview.json()),
        &expect![[r#"
            {
              "callable": 2,
              "columns": [
                {
                  "because": "name",
                  "header": "Phone",
                  "letter": "A",
                  "sentence": "Phone is taken for the phone number, by its name",
                  "target": "number"
                },
                {
                  "because": "name",
                  "header": "First Name",
                  "letter": "B",
                  "sentence": "First Name is taken for a variable, by its name",
                  "target": {
                    "variable": "first_name"
                  }
                },
                {
                  "because": "name",
                  "header": "State",
                  "letter": "C",
                  "sentence": "State is taken for the state or province, by its name",
                  "target": "region"
                },
                {
                  "because": "name",
                  "header": "Priority",
                  "letter": "D",
                  "sentence": "Priority is taken for the priority, by its name",
                  "target": "priority"
                }
              ],
              "delimiter": "comma",
              "duplicates": 1,
              "encoding": "ascii",
              "first": [
                {
                  "alternates": [],
                  "consent_at": null,
                  "consent_kind": null,
                  "consent_source": null,
                  "country": null,
                  "number": "+14155552671",
                  "number_country": "US",
                  "number_kind": "landline_or_mobile",
                  "postal_code": null,
                  "priority": "high",
                  "region": "US-CA",
                  "region_unreadable": null,
                  "row": 2,
                  "variables": {
                    "first_name": "Anna",
                    "state": "CA"
                  },
                  "zones": [
                    "America/Los_Angeles"
                  ]
                },
                {
                  "alternates": [],
                  "consent_at": null,
                  "consent_kind": null,
                  "consent_source": null,
                  "country": null,
                  "number": "+14155552672",
                  "number_country": "US",
                  "number_kind": "landline_or_mobile",
                  "postal_code": null,
                  "priority": "normal",
                  "region": null,
                  "region_unreadable": null,
                  "row": 4,
                  "variables": {
                    "first_name": "Carl"
                  },
                  "zones": [
                    "America/Los_Angeles"
                  ]
                }
              ],
              "first_rejected": [
                {
                  "code": "number_unreadable",
                  "column": "A",
                  "row": 3,
                  "sentence": "row 3, column A (Phone): is not a phone number"
                },
                {
                  "code": "duplicate_in_file",
                  "column": "A",
                  "row": 5,
                  "sentence": "row 5, column A (Phone): has the same number as row 2"
                },
                {
                  "code": "suppressed",
                  "column": "A",
                  "row": 6,
                  "sentence": "row 6, column A (Phone): has a number that must not be called"
                },
                {
                  "code": "number_premium",
                  "column": "A",
                  "row": 7,
                  "sentence": "row 7, column A (Phone): is a premium-rate number"
                }
              ],
              "good": 2,
              "lacking_variables": 0,
              "missing_variables": {},
              "never_called": 0,
              "never_called_by_rule": [],
              "other_phone_columns": [],
              "rejected": {
                "duplicate_in_file": 1,
                "number_premium": 1,
                "number_unreadable": 1,
                "suppressed": 1
              },
              "rows": 6,
              "sheet": null,
              "sheets": [],
              "suppressed": 1,
              "warnings": [],
              "whole": true
            }
        "#]],
    );
    assert_eq!(scene.assert_adds_up().await, 0);
    let listed = format!("/v1/campaigns/{}/imports", scene.campaign.id);
    let listed = scene.world.ask("GET", &listed, None).await;
    assert_eq!(listed.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_list_is_a_problem_that_names_the_place_and_nothing_is_imported() {
    let scene = Scene::new().await;
    let good = "+14155552671,Anna\n".repeat(3);
    let lists: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("no header", good.clone().into_bytes()),
        ("header only", b"number,name\n".to_vec()),
        ("binary", b"PK\x03\x04\x14\x00\x00\x00".to_vec()),
        ("a page", b"<html><table><tr><td>Phone</td></tr></table></html>".to_vec()),
        (
            "XML",
            b"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"/>".to_vec(),
        ),
        ("no numbers", b"name,city\nAnna,Berlin\n".to_vec()),
        (
            "wrong encoding",
            b"number,na\x01me\n+14155552671,Anna\n".to_vec(),
        ),
        (
            "a wide one",
            format!("number{}\n", ",x".repeat(300)).into_bytes(),
        ),
    ];
    let mut said = String::new();
    for (what, list) in lists {
        let answer = scene.post("", list).await;
        let error = &answer.json()["errors"][0];
        said.push_str(&format!(
            "{what}: {} {}: {}: {}\n",
            answer.status,
            answer.code(),
            super::place(error),
            error["detail"].as_str().unwrap_or_default(),
        ));
    }
    for query in [
        "?encoding=latin",
        "?header_row=9",
        "?delimiter=x",
        "?default_country=ZZ",
        "?columns=x",
        "?dry_run=1",
        "?x=1",
        "?columns=%7B%22Nope%22%3A%22number%22%7D",
    ] {
        let answer = scene.post(query, LIST).await;
        said.push_str(&format!(
            "{query}: {} {} {:?}\n",
            answer.status,
            answer.code(),
            answer.fields()
        ));
    }
    let large = scene.post("", vec![b'x'; 1_000_001]).await;
    said.push_str(&format!("large: {} {}\n", large.status, large.code()));
    let uploads = format!("/v1/campaigns/{}/uploads", scene.campaign.id);
    for bytes in [0_u64, 2_000_000_001] {
        let answer = scene
            .world
            .ask("POST", &uploads, Some(json!({ "bytes": bytes })))
            .await;
        said.push_str(&format!(
            "{bytes} bytes: {} {}\n",
            answer.status,
            answer.code()
        ));
    }
    same(
        &said,
        &expect![[r#"
        empty: 422 file_empty: the body: the file is empty
        no header: 422 header_missing: row 1: row 1 holds data, not column names (column A looks like a phone number): put a row such as `number,first_name,last_name` above it
        header only: 422 file_without_rows: the body: the file has a header and no rows below it
        binary: 422 file_not_text: the body: the file is a workbook that cannot be read, not a CSV: open it in the spreadsheet program and save it as CSV
        a page: 422 file_html: the body: the file is a table in HTML, whatever its name says: open it in the spreadsheet program and save it as CSV or .xlsx
        XML: 422 file_xml: the body: the file is an XML Spreadsheet 2003, not a CSV: open it in the spreadsheet program and save it as CSV or .xlsx
        no numbers: 422 number_column_missing: the body: no column has phone numbers in it: name one `number`, or say which it is
        wrong encoding: 422 header_unreadable: the body: the name of column B cannot be read: the file is not in the encoding that it says
        a wide one: 422 header_too_wide: the body: the header has more than 200 columns
        ?encoding=latin: 422 invalid ["encoding"]
        ?header_row=9: 422 header_row ["row 9"]
        ?delimiter=x: 422 invalid ["delimiter"]
        ?default_country=ZZ: 422 invalid ["default_country"]
        ?columns=x: 422 invalid ["columns"]
        ?dry_run=1: 422 invalid ["dry_run"]
        ?x=1: 422 invalid ["x"]
        ?columns=%7B%22Nope%22%3A%22number%22%7D: 422 column_unknown ["the body"]
        large: 413 body_too_large
        0 bytes: 422 invalid
        2000000001 bytes: 422 invalid
    "#]],
    );
    assert_eq!(scene.assert_adds_up().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_large_list_goes_by_the_bucket_and_the_queue() {
    let scene = Scene::new().await;
    let path = format!("/v1/campaigns/{}/uploads", scene.campaign.id);
    let begun = scene
        .world
        .ask("POST", &path, Some(json!({ "bytes": LIST.len() })))
        .await;
    let import = begun.json()["import"]["id"].as_str().unwrap().to_owned();
    let early = scene.start(&import, json!({})).await;
    assert_eq!((early.status, early.code().as_str()), (409, "not_uploaded"));
    put(&begun.json(), LIST).await;

    let path = format!("/v1/imports/{import}/start?dry_run=true");
    let preview = scene
        .world
        .ask("POST", &path, Some(json!({ "default_country": "US" })))
        .await;
    assert_eq!(preview.json()["good"], 3, "{}", preview.text);
    let bad = scene
        .start(&import, json!({ "columns": { "Nope": "number" } }))
        .await;
    assert_eq!((bad.status, bad.code().as_str()), (422, "column_unknown"));
    assert_eq!(scene.told(&import).await["state"], "uploading");
    let unfinished = format!("/v1/imports/{import}/rejects");
    let unfinished = scene.world.ask("GET", &unfinished, None).await;
    assert_eq!(unfinished.code(), "import_unfinished");

    let started = scene
        .start(&import, json!({ "default_country": "US" }))
        .await;
    assert_eq!(started.status, 202, "{}", started.text);
    assert_eq!(started.json()["state"], "checking");
    let twice = scene.start(&import, json!({})).await;
    assert_eq!(
        (twice.status, twice.code().as_str()),
        (409, "import_started")
    );
    assert_eq!(
        scene.world.import_all().await,
        2,
        "the second start wakes it once more"
    );
    same(
        &shown(&scene.told(&import).await),
        &expect![[r#"
        state: "completed"
        encoding: "ascii"
        delimiter: "comma"
        percent: 100
        rows: 6
        added: 3
        rejected: {"duplicate_in_file":1,"number_premium":1,"number_unreadable":1}
        removed: 0
        kept: 0
        problem: null
    "#]],
    );
    assert_eq!(scene.assert_adds_up().await, 3);

    // Nobody else's: neither to see nor to touch.
    for (method, path) in [
        ("GET", format!("/v1/imports/{import}")),
        ("DELETE", format!("/v1/imports/{import}")),
        ("GET", format!("/v1/imports/{import}/rejects")),
        (
            "GET",
            format!("/v1/campaigns/{}/imports", scene.campaign.id),
        ),
    ] {
        let answer = scene.world.other_asks(method, &path, None).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_quote_far_down_in_a_large_list_loses_nobody() {
    let scene = Scene::new().await;
    // One that is never closed, and one that the next cell in quotes seems to close.
    let list = format!(
        "number,name\n{}+14155559999,\"Bob\n{}+14155559998,\"Bea\n{}+14155559997,\"Ben\"\n",
        rows(0, 200),
        rows(600, 1_800),
        rows(300, 320)
    );
    let import = scene.uploaded(&list).await;
    assert_eq!(scene.start(&import, json!({})).await.status, 202);
    scene.world.import_all().await;
    same(
        &shown(&scene.told(&import).await),
        &expect![[r#"
        state: "completed"
        encoding: "ascii"
        delimiter: "comma"
        percent: 100
        rows: 1423
        added: 1423
        rejected: {}
        removed: 0
        kept: 0
        problem: null
    "#]],
    );
    assert_eq!(scene.assert_adds_up().await, 1_423);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_read_is_called_by_the_rules_of_all() {
    let scene = Scene::new().await;
    let list = "phone,state\n+14155552671,Calif.\n+14155552672,Bavaria\n+4930901820,Bayern\n+14155552673,\n";
    let preview = scene.post("?dry_run=true", list).await.json();
    let said: Vec<_> = preview["first"].as_array().unwrap().iter().collect();
    let said: Vec<_> = said
        .iter()
        .map(|row| (row["region"].as_str(), row["region_unreadable"].as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (Some("US-CA"), None),
            (None, Some("US")),
            (None, None),
            (None, None)
        ]
    );
    assert_eq!(scene.post("", list).await.status, 201);
    let leads = scene.leads().await;
    let places: Vec<_> = leads
        .iter()
        .map(|lead| lead.lane.jurisdictions.join(" "))
        .collect();
    // The United States as such stand for the strictest of all states.
    assert_eq!(places, ["US-CA", "US US-CA", "US-CA", "DE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_replaced_while_it_is_read_is_taken_back() {
    let scene = Scene::new().await;
    let list = format!("number,name\n{}", rows(0, 300));
    let path = format!("/v1/campaigns/{}/uploads", scene.campaign.id);
    let begun = scene
        .world
        .ask("POST", &path, Some(json!({ "bytes": list.len() })))
        .await
        .json();
    put(&begun, &list).await;
    let import = begun["import"]["id"].as_str().unwrap().to_owned();
    scene.start(&import, json!({})).await;
    let job = job(&scene, &import);
    // It dies after its first leads, …
    let faults = Faults::new(12, When::Before);
    let ran = imports_over(&faults.store(&scene.world, Who::Import), &scene.world)
        .run(job)
        .await;
    assert!(matches!(ran, Err(ImportRunError::Store(_))), "{ran:?}");
    assert!(scene.assert_adds_up().await > 0);
    // … and the next one finds another list.
    put(&begun, &list.replace("Person", "Nobody")).await;
    scene.world.import_all().await;
    let told = scene.told(&import).await;
    assert_eq!(told["state"], "failed");
    assert_eq!(told["problem"]["code"], "list_changed");
    assert_eq!(told["added"], told["removed"]);
    assert_eq!(scene.assert_adds_up().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_import_is_undone_but_for_those_who_were_called() {
    let scene = Scene::new().await;
    let other = scene.post("", "number\n+14155550001\n+14155550002\n").await;
    assert_eq!(other.status, 201, "{}", other.text);
    let list = format!("number,name\n{}", rows(0, 200));
    let made = scene.post("", list).await;
    // Two of them are there from the first list.
    assert_eq!(made.json()["added"], 198, "{}", made.text);
    scene.called("+14155550010").await;
    scene.called("+14155550011").await;
    let undone = scene
        .world
        .ask("DELETE", &format!("/v1/imports/{}", made.id()), None)
        .await;
    assert_eq!(
        (undone.status, &undone.json()["state"]),
        (202, &json!("undoing"))
    );
    scene.world.import_all().await;
    let told = scene.told(&made.id()).await;
    assert_eq!(
        (&told["state"], &told["removed"], &told["kept"]),
        (&json!("undone"), &json!(196), &json!(2))
    );
    assert_eq!(scene.assert_adds_up().await, 4);
    let again = scene
        .world
        .ask("DELETE", &format!("/v1/imports/{}", made.id()), None)
        .await;
    assert_eq!(again.json()["state"], "undone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_campaign_takes_no_list() {
    let scene = Scene::new().await;
    let import = scene.uploaded(LIST).await;
    let campaigns = scene.world.campaigns();
    assert_eq!(
        scene
            .start(&import, json!({ "default_country": "US" }))
            .await
            .status,
        202
    );
    campaigns
        .moved(&scene.campaign, CampaignState::Cancelled)
        .await;
    scene.world.import_all().await;
    assert_eq!(
        scene.told(&import).await["problem"]["code"],
        "campaign_closed"
    );
    let refused = scene.post("", LIST).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "campaign_closed")
    );
    let unknown = format!(
        "/v1/campaigns/{}/imports",
        scene.world.parts.ids.fresh(CampaignId::from_parts)
    );
    let unknown = scene.world.ask_raw(&unknown, "text/csv", LIST).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn the_same_request_twice_is_one_import() {
    let scene = Scene::new().await;
    let path = format!(
        "/v1/campaigns/{}/imports?default_country=US",
        scene.campaign.id
    );
    let ask = async |list: &'static str| {
        let request = reqwest::Client::new().post(format!("{}{path}", scene.world.url));
        let request = request
            .bearer_auth(super::OWNER_KEY)
            .header("idempotency-key", "k")
            .header("content-type", "text/csv");
        super::answer(request.body(list)).await
    };
    let first = ask(LIST).await;
    let second = ask(LIST).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.id(), second.id());
    assert_eq!(second.json()["added"], 3);
    let other = ask("number\n+14155550001\n").await;
    assert_eq!(other.code(), "idempotency_key_reused");
}

/// Dies at every single request, before it is sent or after it was answered, and is delivered again:
/// every row counts once, and counters add up at every moment.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_dies_anywhere_counts_every_row_once() {
    for when in [When::Before, When::After] {
        let mut scene = Scene::new().await;
        scene.suppress("+14155550007").await;
        let mut at = 1;
        // A death later each time, until the work is done before it comes.
        loop {
            scene.campaign = scene.world.campaigns().draft().await;
            let import = begun_import(&scene).await;
            let died = dies(&scene, &import, at, when).await;
            finishes(&scene, &import).await;
            imported_once(&scene, &import).await;
            if !died {
                break;
            }
            at += 1;
        }
        // Workers were called by hand: nobody took the jobs.
        scene.world.leaves(Left::NOTHING.imports(at.into()));
        assert!(at > 15, "{when:?}: it has only {at} requests to die at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_its_undoing_that_die_again_and_again_come_to_their_end() {
    for when in [When::Before, When::After] {
        let scene = Scene::new().await;
        scene.world.leaves(Left::NOTHING.imports(2));
        scene.suppress("+14155550007").await;
        let import = begun_import(&scene).await;
        dies_again_and_again(&scene, &import, when).await;
        imported_once(&scene, &import).await;

        scene.called("+14155550020").await;
        let path = format!("/v1/imports/{import}");
        scene.world.ask("DELETE", &path, None).await;
        dies_again_and_again(&scene, &import, when).await;
        let told = scene.told(&import).await;
        assert_eq!(told["state"], "undone");
        assert_eq!((&told["removed"], &told["kept"]), (&json!(227), &json!(1)));
        assert_eq!(scene.assert_adds_up().await, 2);
    }
}

/// An import of a list with some of everything, just started.
async fn begun_import(scene: &Scene) -> String {
    let there = scene.post("", "number\n+14155550008\n").await;
    assert_eq!(there.status, 201, "{}", there.text);
    let list = format!(
        "number,name\n{}junk,x\n{}+1 415 555 0003,again\n",
        rows(0, 150),
        rows(150, 230)
    );
    let import = scene.uploaded(&list).await;
    assert_eq!(scene.start(&import, json!({})).await.status, 202);
    import
}

/// Works on an import and dies at a request. Whether it did: it may have been done before.
async fn dies(scene: &Scene, import: &str, at: u32, when: When) -> bool {
    let faults = Faults::new(at, when);
    let worker = imports_over(&faults.store(&scene.world, Who::Import), &scene.world);
    let ran = worker.run(job(scene, import)).await;
    scene.assert_adds_up().await;
    ran.is_err()
}

async fn finishes(scene: &Scene, import: &str) {
    let ran = imports(&scene.world).run(job(scene, import)).await;
    assert_eq!(ran.unwrap(), ImportRunResult::Finished);
}

async fn dies_again_and_again(scene: &Scene, import: &str, when: When) {
    // The longest way to a write is the list of an import's leads: a request for each shard.
    const LATEST: u32 = 30;
    let mut deaths = 0;
    while dies(scene, import, deaths % LATEST + 1, when).await {
        deaths += 1;
    }
    assert!(deaths > 5, "{when:?}: {deaths} deaths");
}

async fn imported_once(scene: &Scene, import: &str) {
    let told = scene.told(import).await;
    same(
        &shown(&told),
        &expect![[r#"
            state: "completed"
            encoding: "ascii"
            delimiter: "comma"
            percent: 100
            rows: 232
            added: 228
            rejected: {"already_in_campaign":1,"duplicate_in_file":1,"number_unreadable":1,"suppressed":1}
            removed: 0
            kept: 0
            problem: null
        "#]],
    );
    assert_eq!(scene.assert_adds_up().await, 229);
    // Which row had a number first is forgotten with the process.
    let rejects = scene.rejects(import).await;
    same(
        &rejects.replace("as row 5", "as an earlier row"),
        &expect![[r#"
            number,name,trunkline_row,trunkline_column,trunkline_code,trunkline_reason
            '+1 415 555 0007,Person 7,9,A,suppressed,has a number that must not be called
            '+1 415 555 0008,Person 8,10,A,already_in_campaign,has a number that the campaign has already
            junk,x,152,A,number_unreadable,is not a phone number
            '+1 415 555 0003,again,233,A,duplicate_in_file,has the same number as an earlier row
        "#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_import_add_nobody_twice() {
    let scene = Scene::new().await;
    scene.world.leaves(Left::NOTHING.imports(1));
    let list = format!("number,name\n{}", rows(0, 900));
    let import = scene.uploaded(&list).await;
    scene.start(&import, json!({})).await;
    let job = job(&scene, &import);
    let workers = [(); 3].map(|()| imports(&scene.world));
    let [first, second, third] = &workers;
    let (first, second, third) = tokio::join!(first.run(job), second.run(job), third.run(job));
    let finished = [first, second, third]
        .into_iter()
        .filter(|ran| ran.is_ok())
        .count();
    assert!(finished > 0);
    let told = scene.told(&import).await;
    assert_eq!((&told["rows"], &told["added"]), (&json!(900), &json!(900)));
    assert_eq!(scene.assert_adds_up().await, 900);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_import_whose_time_is_over_sends_itself_again() {
    let scene = Scene::new().await;
    let list = format!("number,name\n{}", rows(0, 400));
    let import = scene.uploaded(&list).await;
    scene.start(&import, json!({})).await;
    let faults = Faults::slow(&scene.world.clock, 30);
    let ran = imports_over(&faults.store(&scene.world, Who::Import), &scene.world)
        .run(job(&scene, &import))
        .await;
    assert_eq!(ran.unwrap(), ImportRunResult::ToBeContinued);
    let told = scene.told(&import).await;
    assert_eq!(told["state"], "running");
    assert!(told["ends_at"].is_string(), "{told}");
    scene.world.import_all().await;
    let told = scene.told(&import).await;
    assert_eq!(
        (&told["state"], &told["added"]),
        (&json!("completed"), &json!(400))
    );
    assert_eq!(scene.assert_adds_up().await, 400);
}

/// Rows with a number and a name each.
fn rows(from: u32, to: u32) -> String {
    (from..to)
        .map(|n| format!("+1 {} 555 {:04},Person {n}\n", 415 + n / 10_000, n % 10_000))
        .collect()
}

fn job(scene: &Scene, import: &str) -> ImportJob {
    ImportJob {
        tenant_id: scene.world.tenant,
        import_id: import.parse().unwrap(),
    }
}

fn imports(world: &World) -> Imports {
    imports_over(&world.parts.store, world)
}

fn imports_over(store: &Store, world: &World) -> Imports {
    let clock = Arc::clone(&world.parts.clock);
    Imports::new(store, clock, world.parts.ids.clone())
}
