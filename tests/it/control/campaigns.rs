//! Campaigns and leads through the API: what a person does with them, and what they are told when it
//! cannot be done.

use jiff::Timestamp;
use model::CampaignId;
use serde_json::{Value, json};

use super::{Answer, OUR_NUMBER, World};

/// An opening that says all that is demanded in California.
pub(super) const OPENING: &str = "Hi {{name}}, the AI assistant of Acme Dental about your appointment. \
     This call is recorded and transcribed. Say stop or press 9 to opt out.";

/// A world with a draft that lacks nothing but leads.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) campaign: String,
    pub(super) agent: String,
}

impl Desk {
    /// On the heap, as every test holds it.
    pub(super) async fn start() -> Self {
        Box::pin(Self::open(Timestamp::now())).await
    }

    pub(super) async fn open(now: Timestamp) -> Self {
        let world = World::start_at(now).await;
        let prompt = json!({
            "name": "p",
            "system": "Remind {{name}}.",
            "greeting": "Hello {{name}}!",
            "defaults": { "name": "there" },
        });
        let agent = world.agent_of(prompt, true).await;
        let desk = Self {
            campaign: String::new(),
            world,
            agent,
        };
        let made = desk.post("/v1/campaigns", desk.body()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        Self {
            campaign: made.id(),
            ..desk
        }
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "name": "Spring",
            "kind": "information",
            "agent_id": self.agent,
            "consent_elsewhere": { "kind": "express", "reason": "signed forms" },
            "disclosure": {
                "business_name": "Acme Dental", "purpose": "your appointment", "opening": OPENING,
            },
        })
    }

    /// A path under the campaign.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v1/campaigns/{}{rest}", self.campaign)
    }

    pub(super) async fn get(&self, rest: &str) -> Answer {
        self.world.ask("GET", &self.path(rest), None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.world.ask("POST", path, Some(body)).await
    }

    pub(super) async fn make(&self, verb: &str) -> Answer {
        self.world.ask("POST", &self.path(verb), None).await
    }

    pub(super) async fn patch(&self, etag: &str, body: Value) -> Answer {
        let headers = [("If-Match", etag)];
        let path = self.path("");
        self.world
            .ask_with(&headers, "PATCH", &path, Some(body))
            .await
    }

    /// Adds leads with a name each; answers what became of them.
    pub(super) async fn add(&self, numbers: impl Iterator<Item = u32>) -> Answer {
        let leads: Vec<Value> = numbers
            .map(|n| json!({ "number": number(n), "variables": { "name": format!("N{n}") } }))
            .collect();
        self.post(&self.path("/leads"), json!({ "leads": leads }))
            .await
    }

    pub(super) async fn running(leads: u32) -> Self {
        let desk = Self::start().await;
        let added = desk.add(0..leads).await;
        assert_eq!(added.status, 200, "{}", added.text);
        let started = desk.make("/start").await;
        assert_eq!(started.status, 200, "{}", started.text);
        desk
    }

    pub(super) async fn progress(&self) -> Value {
        self.get("/progress").await.json()
    }
}

pub(super) fn number(n: u32) -> String {
    format!("+1415555{n:04}")
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_campaign_is_made_read_listed_changed_and_deleted() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let read = desk.get("").await;
    assert_eq!((read.status, read.etag.as_deref()), (200, Some("\"1\"")));
    assert_eq!(read.json()["state"], "draft");
    assert_eq!(read.json()["max_concurrent_calls"], 5);
    assert!(read.json().get("tenant_id").is_none());

    world.clock.pass(1);
    let other = desk
        .post("/v1/campaigns", json!({ "name": "Autumn" }))
        .await;
    let listed = world.ask("GET", "/v1/campaigns?limit=1", None).await.json();
    assert_eq!(listed["items"][0]["id"], other.id());
    let path = format!(
        "/v1/campaigns?cursor={}",
        listed["next_cursor"].as_str().unwrap()
    );
    let listed = world.ask("GET", &path, None).await.json();
    assert_eq!(listed["items"][0]["id"], desk.campaign.as_str());
    assert_eq!(listed["next_cursor"], Value::Null);

    let change = json!({ "max_attempts": 5, "retry": { "busy_seconds": 3600 }, "disclosure": { "purpose": null } });
    let changed = desk.patch("\"1\"", change).await;
    assert_eq!(
        (changed.status, changed.etag.as_deref()),
        (200, Some("\"2\""))
    );
    assert_eq!(changed.json()["retry"]["busy_seconds"], 3600);
    assert_eq!(changed.json()["retry"]["no_answer_seconds"], 7200);
    assert_eq!(changed.json()["disclosure"]["purpose"], Value::Null);
    let stale = desk.patch("\"1\"", json!({ "max_attempts": 6 })).await;
    assert_eq!(
        (stale.status, stale.code().as_str()),
        (412, "revision_changed")
    );
    let path = desk.path("");
    let unnamed = world.ask("PATCH", &path, Some(json!({}))).await;
    assert_eq!(
        (unnamed.status, unnamed.code().as_str()),
        (428, "if_match_required")
    );

    assert_eq!(world.other_asks("GET", &path, None).await.status, 404);
    assert_eq!(world.other_asks("DELETE", &path, None).await.status, 404);
    assert_eq!(world.ask("DELETE", &path, None).await.status, 204);
    assert_eq!(desk.get("").await.status, 404);
    assert_eq!(world.ask("DELETE", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_with_its_key_makes_one_campaign() {
    let desk = Desk::start().await;
    let key = [("Idempotency-Key", "spring-1")];
    let body = json!({ "name": "Autumn" });
    let ask = |body| {
        desk.world
            .ask_with(&key, "POST", "/v1/campaigns", Some(body))
    };
    let first = ask(body.clone()).await;
    let second = ask(body).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.id(), second.id());
    let other = ask(json!({ "name": "Winter" })).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    // What was deleted is not made once more.
    let path = format!("/v1/campaigns/{}", first.id());
    let world = &desk.world;
    assert_eq!(world.ask("DELETE", &path, None).await.status, 204);
    let gone = ask(json!({ "name": "Autumn" })).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_campaign_is_named_at_once() {
    let desk = Desk::start().await;
    let bad = json!({
        "agent_id": "agent_01j0000000000000000000000a",
        "windows": { "mon": [["19:00", "10:00"]], "monday": [] },
        "retry": { "busy_seconds": "soon", "no_answer_seconds": -3600 },
        "max_concurrent_calls": "many",
        "nmae": "x",
    });
    let answer = desk.post("/v1/campaigns", bad).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let mut fields = answer.fields();
    fields.sort();
    let expected = [
        "/agent_id",
        "/max_concurrent_calls",
        "/name",
        "/nmae",
        "/retry/busy_seconds",
        "/retry/no_answer_seconds",
        "/windows/mon/0",
        "/windows/monday",
    ];
    assert_eq!(fields, expected, "{}", answer.text);

    let absurd = json!({
        "name": "Spring",
        "agent_id": "agent_01j0000000000000000000000a",
        "windows": {},
        "max_concurrent_calls": 0,
        "max_attempts": 1_000_000,
        "calls_per_number_per_day": 0,
        "caps": { "attempts_per_day": 0 },
        "priority": 10,
        "numbers": ["+14155550177"],
        "starts_at": "2026-03-02T00:00:00Z",
        "ends_at": "2026-03-01T00:00:00Z",
        "amd": { "machine": "leave_message", "timeout_seconds": 2 },
        "opt_out": { "key": "x" },
        "disclosure": { "opening": "Hello {{name" },
    });
    let answer = desk.post("/v1/campaigns", absurd).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let fields = answer.fields();
    for field in [
        "/windows",
        "/max_concurrent_calls",
        "/max_attempts",
        "/calls_per_number_per_day",
        "/caps/attempts_per_day",
        "/priority",
        "/numbers/0",
        "/ends_at",
        "/amd/timeout_seconds",
        "/amd/voicemail_message",
        "/opt_out/key",
        "/disclosure/opening",
        "/agent_id",
    ] {
        assert!(fields.contains(&field.to_owned()), "{field} in {fields:?}");
    }
    let none = desk.world.ask("GET", "/v1/campaigns", None).await.json();
    assert_eq!(none["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_left_by_a_campaign_that_has_one_and_detects_machines() {
    let desk = Desk::start().await;
    let refused = async |amd: Value| {
        let answer = desk.patch("*", json!({ "amd": amd })).await;
        let errors = answer.json()["errors"].as_array().cloned();
        let errors = errors.unwrap_or_default().into_iter();
        let told = errors.map(|error| {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            (text("pointer"), text("code"))
        });
        (answer.status, told.collect::<Vec<_>>())
    };
    let told = |at: &str, code: &str| (at.to_owned(), code.to_owned());
    let message = "We call about your appointment.";
    for (amd, faults) in [
        (
            json!({ "machine": "leave_message" }),
            vec![told("/amd/voicemail_message", "missing")],
        ),
        (
            json!({ "machine": "leave_message", "detect": "off", "voicemail_message": message }),
            vec![told("/amd/detect", "conflict")],
        ),
        (
            json!({ "machine": "leave_message", "voicemail_message": " " }),
            vec![told("/amd/voicemail_message", "out_of_range")],
        ),
    ] {
        assert_eq!(refused(amd.clone()).await, (422, faults), "{amd}");
    }
    assert_eq!(desk.get("").await.json()["amd"]["machine"], "hang_up");
    let whole = json!({ "machine": "leave_message", "voicemail_message": message });
    assert_eq!(refused(whole).await, (200, Vec::new()));
    let taken_away = json!({ "voicemail_message": null });
    let missing = vec![told("/amd/voicemail_message", "missing")];
    assert_eq!(refused(taken_away).await, (422, missing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_lacks_something_does_not_start_and_is_told_all_of_it() {
    let world = World::start().await;
    let desk = Desk {
        campaign: String::new(),
        agent: String::new(),
        world,
    };
    let made = desk.post("/v1/campaigns", json!({ "name": "Bare" })).await;
    let desk = Desk {
        campaign: made.id(),
        ..desk
    };
    let answer = desk.make("/start").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "cannot_start")
    );
    assert_eq!(
        answer.fields(),
        ["/numbers", "/kind", "/leads", "/agent_id"],
        "{}",
        answer.text
    );
    assert_eq!(desk.get("").await.json()["state"], "draft");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_does_not_say_what_is_demanded_keeps_a_campaign_from_starting() {
    let desk = Desk::start().await;
    let silent =
        json!({ "disclosure": { "opening": "Hello {{name}}, {{doctor}} here." }, "kind": "sales" });
    assert_eq!(desk.patch("\"1\"", silent).await.status, 200);
    desk.add(0..3).await;
    let answer = desk.make("/start").await;
    assert_eq!(answer.code(), "cannot_start");
    let fields = answer.fields();
    for field in ["/disclosure/opening", "/consent", "/variables/doctor"] {
        assert!(
            fields.contains(&field.to_owned()),
            "{field} in {}",
            answer.text
        );
    }
    for demand in ["artificial", "business name", "recorded"] {
        assert!(answer.text.contains(demand), "{demand} in {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_some_leads_lack_is_a_warning() {
    let desk = Desk::start().await;
    desk.add(0..3).await;
    let nameless = json!({ "leads": [{ "number": number(9) }] });
    desk.post(&desk.path("/leads"), nameless).await;
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let warnings = started.json()["warnings"].to_string();
    assert!(warnings.contains("1 of the 4 leads"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_where_nobody_can_ever_be_called_and_what_would_open_it() {
    let desk = Desk::start().await;
    desk.add(0..2).await;
    let variables = json!({ "name": "Dana" });
    let far = ["+79161234567", "+79161234568"];
    let far = far.map(|number| json!({ "number": number, "variables": variables.clone() }));
    let added = desk
        .post(&desk.path("/leads"), json!({ "leads": far }))
        .await;
    assert_eq!(added.json()["added"], 2);
    let day = json!([["10:00", "19:00"]]);
    let windows = json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": null, "sun": null });
    let narrow = json!({ "windows": windows });
    assert_eq!(desk.patch("*", narrow).await.status, 200);
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let warnings = started.json()["warnings"].to_string();
    for says in [
        "2 leads in 11 zones",
        "end as not_allowed",
        "windows from 09:00 to 20:00",
    ] {
        assert!(warnings.contains(says), "{says} in {warnings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_twice_is_refused_and_pausing_twice_changes_nothing() {
    let desk = Desk::running(2).await;
    let again = desk.make("/start").await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "already_started")
    );
    assert!(again.text.contains("running already"), "{}", again.text);

    let paused = desk.make("/pause").await;
    assert_eq!(paused.json()["campaign"]["state"], "paused");
    assert_eq!(paused.json()["leads"]["waiting"], 2);
    assert!(paused.text.contains("keep their place"), "{}", paused.text);
    let twice = desk.make("/pause").await;
    assert_eq!((twice.status, twice.etag.clone()), (200, paused.etag));
    let start = desk.make("/start").await;
    assert_eq!(
        (start.status, start.code().as_str()),
        (409, "campaign_state")
    );

    assert_eq!(
        desk.make("/resume").await.json()["campaign"]["state"],
        "running"
    );
    let cancelled = desk.make("/cancel").await;
    assert_eq!(cancelled.json()["campaign"]["state"], "cancelled");
    assert_eq!(desk.make("/cancel").await.status, 200);
    for verb in ["/start", "/pause", "/resume"] {
        let answer = desk.make(verb).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "campaign_state"),
            "{verb}"
        );
    }
    let path = desk.path("");
    let kept = desk.world.ask("DELETE", &path, None).await;
    assert_eq!((kept.status, kept.code().as_str()), (409, "campaign_state"));

    scheduler::step(&desk.world.scheduler).await.unwrap();
    let progress = desk.progress().await;
    assert_eq!(progress["leads"]["done"]["cancelled"], 2);
    assert_eq!(progress["leads"]["waiting"], 0);
    assert_eq!(desk.add(5..6).await.code(), "campaign_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_at_a_time_is_a_schedule_that_can_be_moved() {
    // Five hours later it is night where the leads are: nobody is called.
    let evening = "2030-02-05T04:00:00Z".parse().unwrap();
    let desk = Box::pin(Desk::open(evening)).await;
    desk.add(0..2).await;
    let later = desk.world.parts.clock.now() + jiff::SignedDuration::from_hours(5);
    let body = json!({ "at": later.to_string() });
    let scheduled = desk.post(&desk.path("/start"), body.clone()).await;
    assert_eq!(
        scheduled.json()["campaign"]["state"],
        "scheduled",
        "{}",
        scheduled.text
    );
    assert_eq!(desk.progress().await["held"][0]["rule"], "campaign_state");
    let twice = desk.make("/start").await;
    assert_eq!(twice.code(), "already_started");
    scheduler::step(&desk.world.scheduler).await.unwrap();
    assert_eq!(desk.get("").await.json()["state"], "scheduled");
    desk.world.clock.pass(5 * 3_600 + 1);
    scheduler::step(&desk.world.scheduler).await.unwrap();
    assert_eq!(desk.get("").await.json()["state"], "running");
    let unknown = desk
        .post(&desk.path("/start"), json!({ "when": "now" }))
        .await;
    assert_eq!(unknown.fields(), ["/when"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_and_limits_may_change_while_it_runs_and_the_agent_may_not() {
    let desk = Desk::running(2).await;
    let other = desk.world.agent_saying("Sell.", "Hello!").await;
    let locked = json!({ "agent_id": other, "consent": "written", "max_attempts": 2 });
    let answer = desk.patch("\"2\"", locked).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "fields_locked")
    );
    assert_eq!(answer.fields(), ["/agent_id", "/consent"]);
    assert!(
        answer.text.contains("draft, scheduled, paused"),
        "{}",
        answer.text
    );

    let free = json!({
        "max_attempts": 2, "max_concurrent_calls": 1, "retry": { "busy_seconds": 3600 },
        "windows": { "mon": [["10:00", "12:00"]] }, "priority": 9, "name": "Spring 2",
    });
    let answer = desk.patch("\"2\"", free).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // What would not have been let go cannot be edited in afterwards.
    let silent = json!({ "disclosure": { "opening": "Hello." } });
    let answer = desk.patch("\"3\"", silent).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "cannot_start")
    );
    let never = json!({ "windows": {
        "mon": [["03:00", "04:00"]], "tue": null, "wed": null, "thu": null, "fri": null,
        "sat": null, "sun": null,
    } });
    let answer = desk.patch("\"3\"", never).await;
    assert_eq!(answer.fields(), ["/windows"], "{}", answer.text);
    let opened_by = "windows from 09:00 to 21:00 would open some";
    assert!(answer.text.contains(opened_by), "{}", answer.text);

    desk.make("/pause").await;
    let answer = desk.patch("\"4\"", json!({ "agent_id": other })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    desk.make("/cancel").await;
    let answer = desk.patch("\"6\"", json!({ "max_attempts": 1 })).await;
    assert_eq!(answer.code(), "fields_locked");
    assert_eq!(
        desk.patch("\"6\"", json!({ "name": "Old" })).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_adds_up_and_says_why_nobody_is_called() {
    let desk = Desk::running(7).await;
    let progress = desk.progress().await;
    assert_eq!(progress["leads"]["total"], 7);
    assert_eq!(progress["percent_done"], 0);
    assert_eq!(progress["calls_per_hour"], Value::Null);
    let lanes = progress["lanes"].as_array().unwrap();
    let waiting: u64 = lanes
        .iter()
        .map(|lane| lane["waiting"].as_u64().unwrap())
        .sum();
    assert_eq!(waiting, 7);

    // Closed every day but one that is not today.
    let now = desk.world.parts.clock.now();
    let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap();
    let day = now.to_zoned(zone).weekday().wrapping_add(3);
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        [usize::try_from(day.to_monday_zero_offset()).unwrap()];
    let windows = json!({ "mon": null, "tue": null, "wed": null, "thu": null, "fri": null, "sat": null, "sun": null });
    let mut windows = windows;
    windows[day] = json!([["13:00", "14:00"]]);
    let changed = desk.patch("\"2\"", json!({ "windows": windows })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let progress = desk.progress().await;
    assert_eq!(progress["held"][0]["rule"], "campaign_window");
    assert_eq!(progress["held"][0]["leads"], 7);
    assert!(progress["next_opening"].is_string(), "{progress}");
    assert_eq!(progress["next_opening"], progress["held"][0]["until"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_last_lead_waits_for_the_night_is_said_to_end_in_the_morning() {
    // Tuesday noon in California.
    let noon = "2030-02-05T20:00:00Z".parse().unwrap();
    let desk = Box::pin(Desk::open(noon)).await;
    let windows = json!({ "tue": [["10:00", "19:00"]], "wed": [["10:00", "19:00"]] });
    let changed = desk.patch("\"1\"", json!({ "windows": windows })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    // A mailbox that is tried again at 01:08.
    let mailbox = json!({ "leads": [{ "number": number(1), "due_at": "2030-02-06T09:08:00Z",
        "variables": { "name": "Ann", "city": "Köln" } }] });
    desk.post(&desk.path("/leads"), mailbox).await;
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let ends = async || -> Timestamp {
        let progress = desk.progress().await;
        progress["ends_about"].as_str().unwrap().parse().unwrap()
    };
    let (ten, eleven) = ("2030-02-06T18:00:00Z", "2030-02-06T19:00:00Z");
    let morning = ten.parse().unwrap()..eleven.parse().unwrap();
    assert!(morning.contains(&ends().await));
    // Whoever may be called at once does not bring it forward, in that lane or in another.
    let others = json!({ "leads": [
        { "number": number(2), "priority": "low" },
        { "number": "+12125550100", "priority": "high" },
    ] });
    desk.post(&desk.path("/leads"), others).await;
    assert!(morning.contains(&ends().await));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn leads_are_added_once_filtered_changed_and_removed() {
    let desk = Desk::start().await;
    let leads = json!({ "leads": [
        { "number": number(1), "zone": "america/chicago", "priority": "high",
          "variables": { "name": "Ada" }, "consent": { "kind": "written", "source": "form" } },
        { "number": number(2) },
        { "number": number(1) },
    ] });
    let answer = desk.post(&desk.path("/leads"), leads.clone()).await;
    assert_eq!(answer.json()["added"], 2, "{}", answer.text);
    let status = |n: usize| answer.json()["leads"][n]["status"].clone();
    assert_eq!(
        (status(0), status(2)),
        (json!("added"), json!("there_already"))
    );
    let again = desk.post(&desk.path("/leads"), leads).await;
    assert_eq!(
        (
            again.json()["added"].clone(),
            again.json()["there_already"].clone()
        ),
        (json!(0), json!(3))
    );

    let id = answer.json()["leads"][0]["id"].as_str().unwrap().to_owned();
    let path = desk.path(&format!("/leads/{id}"));
    let lead = desk.world.ask("GET", &path, None).await;
    let zones = json!(["America/Chicago", "America/Los_Angeles"]);
    assert_eq!(lead.json()["zones"], zones);
    assert_eq!(lead.json()["state"], "waiting");
    assert_eq!(desk.world.other_asks("GET", &path, None).await.status, 404);

    let patch = json!({ "priority": "low", "variables": { "name": null, "clinic": "Acme" } });
    let etag = lead.etag.unwrap();
    let headers = [("If-Match", etag.as_str())];
    let changed = desk
        .world
        .ask_with(&headers, "PATCH", &path, Some(patch.clone()))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["variables"], json!({ "clinic": "Acme" }));
    assert_eq!(changed.json()["consent"]["kind"], "written");
    let stale = desk
        .world
        .ask_with(&headers, "PATCH", &path, Some(patch))
        .await;
    assert_eq!(stale.code(), "revision_changed");
    let headers = [("If-Match", "\"1\"")];
    let unknown = desk
        .world
        .ask_with(&headers, "PATCH", &path, Some(json!({ "number": "x" })))
        .await;
    assert_eq!(unknown.fields(), ["/number"]);

    let listed = desk.get("/leads?state=waiting&limit=1").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let none = desk.get("/leads?state=done&result=reached").await.json();
    assert_eq!(none["items"], json!([]));
    for (query, field) in [
        ("state=asleep", "state"),
        ("result=won", "result"),
        ("last_outcome=x", "last_outcome"),
        ("import_id=x", "import_id"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
        ("colour=red", "colour"),
    ] {
        let answer = desk.get(&format!("/leads?{query}")).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (422, vec![field.to_owned()])
        );
    }

    assert_eq!(desk.world.ask("DELETE", &path, None).await.status, 204);
    assert_eq!(desk.world.ask("DELETE", &path, None).await.status, 404);
    assert_eq!(desk.progress().await["leads"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_bad_leads_every_field_is_named_and_nobody_is_added() {
    let desk = Desk::start().await;
    let bad = json!({ "leads": [
        { "number": number(1) },
        { "number": "4155550100", "zone": "EST" },
        { "number": "+19005550100" },
        { "numbr": number(2) }, // typos: on purpose
        { "number": number(3), "variables": { "name": "x".repeat(3_000) } },
    ] });
    let answer = desk.post(&desk.path("/leads"), bad).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
    let fields = answer.fields();
    for field in [
        "/leads/1/number",
        "/leads/1/zone",
        "/leads/2/number",
        "/leads/3/number",
        "/leads/3/numbr", // typos: on purpose
        "/leads/4/variables/name",
    ] {
        assert!(fields.contains(&field.to_owned()), "{field} in {fields:?}");
    }
    let bad = json!({ "leads": [
        { "number": number(1) },
        { "number": "+19005550100" },
        { "number": number(3), "variables": { "name": "x".repeat(3_000) } },
    ] });
    let answer = desk.post(&desk.path("/leads"), bad).await;
    assert_eq!(
        answer.fields(),
        ["/leads/2/variables/name", "/leads/1/number"],
        "{}",
        answer.text
    );
    let long: Value = (0..20)
        .map(|n| (format!("v{n}"), json!("x".repeat(1_900))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let bad = json!({ "leads": [{ "number": number(1), "variables": long }] });
    let answer = desk.post(&desk.path("/leads"), bad).await;
    assert_eq!(answer.fields(), ["/leads/0/variables"], "{}", answer.text);
    let answer = desk
        .post(&desk.path("/leads"), json!({ "leads": [] }))
        .await;
    assert_eq!(answer.fields(), ["/leads"]);
    let answer = desk.add(0..1_001).await;
    assert_eq!(answer.fields(), ["/leads"]);
    assert_eq!(desk.progress().await["leads"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_is_called_or_done_cannot_be_changed() {
    let desk = Desk::running(1).await;
    let leads = desk.get("/leads").await.json();
    let lead = leads["items"][0]["id"].as_str().unwrap().to_owned();
    desk.make("/cancel").await;
    scheduler::step(&desk.world.scheduler).await.unwrap();
    let path = desk.path(&format!("/leads/{lead}"));
    let now = desk.world.ask("GET", &path, None).await;
    assert_eq!(now.json()["result"], "cancelled");
    let etag = now.etag.unwrap();
    let headers = [("If-Match", etag.as_str())];
    let changed = desk
        .world
        .ask_with(&headers, "PATCH", &path, Some(json!({})))
        .await;
    assert_eq!(
        (changed.status, changed.code().as_str()),
        (409, "lead_not_waiting")
    );
    let removed = desk.world.ask("DELETE", &path, None).await;
    assert_eq!(
        (removed.status, removed.code().as_str()),
        (409, "lead_not_waiting")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_lead_and_runs_no_formula() {
    let desk = Desk::start().await;
    desk.add(0..650).await;
    let evil = json!({ "leads": [{ "number": number(9_000),
        "variables": { "name": "=HYPERLINK(\"http://x\")", "city": "Köln" } }] });
    desk.post(&desk.path("/leads"), evil).await;
    let export = desk.get("/leads.csv").await;
    assert_eq!(export.status, 200);
    let lines: Vec<&str> = export.text.lines().collect();
    assert_eq!(lines.len(), 652);
    assert!(
        lines[0].starts_with("number,alternate_numbers,number_in_turn,lead_id,state,result"),
        "{}",
        lines[0]
    );
    assert!(export.text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""));
    assert!(export.text.contains("Köln"));
    for n in 0..650 {
        assert!(export.text.contains(&number(n)), "{n}");
    }
    let some = desk.get("/leads.csv?state=done").await;
    assert_eq!(some.text.lines().count(), 1);
    assert_eq!(desk.get("/leads.csv?limit=3").await.status, 422);
    let path = desk.path("/leads.csv");
    assert_eq!(desk.world.other_asks("GET", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_redial_takes_those_who_match_and_cannot_start_before_all_are_there() {
    let desk = Desk::running(40).await;
    desk.make("/cancel").await;
    scheduler::step(&desk.world.scheduler).await.unwrap();
    for (body, fields) in [
        (json!({}), vec!["/outcomes"]),
        (
            json!({ "results": ["opted_out", "reached"], "outcomes": ["opted_out"] }),
            vec!["/results/0", "/outcomes/0"],
        ),
    ] {
        let answer = desk.post(&desk.path("/redial"), body).await;
        assert_eq!(answer.fields(), fields, "{}", answer.text);
    }
    let key = [("Idempotency-Key", "again")];
    let body = json!({ "results": ["cancelled"], "name": "Second" });
    let path = desk.path("/redial");
    let ask = || desk.world.ask_with(&key, "POST", &path, Some(body.clone()));
    let made = ask().await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["name"], "Second");
    assert_eq!(made.json()["state"], "draft");
    assert_eq!(made.json()["copying"], Value::Null, "{}", made.text);
    assert_eq!(ask().await.id(), made.id());
    let progress = desk
        .world
        .ask(
            "GET",
            &format!("/v1/campaigns/{}/progress", made.id()),
            None,
        )
        .await;
    assert_eq!(progress.json()["leads"]["waiting"], 40);
    let started = desk
        .world
        .ask("POST", &format!("/v1/campaigns/{}/start", made.id()), None)
        .await;
    assert_eq!(started.status, 200, "{}", started.text);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_redial_that_is_not_whole_goes_on_by_itself() {
    let desk = Desk::running(10).await;
    desk.make("/cancel").await;
    scheduler::step(&desk.world.scheduler).await.unwrap();
    // As if the process had died right after it made the draft.
    let store = &desk.world.parts.store;
    let from: CampaignId = desk.campaign.parse().unwrap();
    let mut draft = store
        .campaigns
        .get(desk.world.tenant, from)
        .await
        .unwrap()
        .unwrap();
    draft.id = desk.world.parts.ids.fresh(CampaignId::from_parts);
    draft.state = model::CampaignState::Draft;
    let copy = store::Copy {
        from,
        results: vec![model::LeadResult::Cancelled],
        outcomes: Vec::new(),
        after: None,
        leads_copied: 0,
        pages: 0,
    };
    store
        .campaigns
        .create_copy(&draft, &copy, None)
        .await
        .unwrap();
    let desk = Desk {
        campaign: draft.id.to_string(),
        ..desk
    };
    assert_eq!(desk.get("").await.json()["copying"]["leads_copied"], 0);
    let early = desk.make("/start").await;
    assert!(
        early.fields().contains(&"/leads".to_owned()),
        "{}",
        early.text
    );
    scheduler::step(&desk.world.scheduler).await.unwrap();
    assert_eq!(desk.get("").await.json()["copying"], Value::Null);
    assert_eq!(desk.progress().await["leads"]["waiting"], 10);
    assert_eq!(desk.make("/start").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_draft_leaves_nothing_behind() {
    let desk = Desk::start().await;
    desk.add(0..250).await;
    let path = desk.path("");
    assert_eq!(desk.world.ask("DELETE", &path, None).await.status, 204);
    assert_eq!(desk.get("/leads").await.status, 404);
    scheduler::step(&desk.world.scheduler).await.unwrap();
    let store = &desk.world.parts.store;
    let id: CampaignId = desk.campaign.parse().unwrap();
    let left = store.leads.counts(desk.world.tenant, id).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(
        store.campaigns.active_of(desk.world.tenant).await.unwrap(),
        []
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_ours_is_needed_to_call_from() {
    let desk = Desk::start().await;
    let foreign = json!({ "name": "x", "numbers": [OUR_NUMBER, "+14155550101"] });
    let answer = desk.post("/v1/campaigns", foreign).await;
    assert_eq!(answer.fields(), ["/numbers/1"]);
}
