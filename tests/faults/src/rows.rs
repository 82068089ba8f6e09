//! The table's rows as they are after each write, kept beside it, and what must be true of them at every
//! step.
//!
//! Knows the keys that `ARCHITECTURE.md`, "Data", documents and reads rows as they are stored, not
//! through the product's repositories. After each request that wrote something:
//!
//! - the counts of a campaign, by lane, are what its leads and ended calls add up to;
//! - a call holds its slots while it lives and no slot names another call, and no scope has more slots
//!   than its limit;
//! - a lead is being called exactly while a call of it lives;
//! - a call that passed the gate to the carrier was allowed to, at that moment ([`super::judge`]);
//! - a call's state does not go backwards, and nobody who is done is undone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engines::Table;
use jiff::{SignedDuration, Timestamp};
use model::Lane;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::clock::TrueTime;
use super::judge;
use super::offence::{Offence, Problem};
use super::people::People;

pub(super) const TABLE: &str = "trunkline";

const FOLLOW_UPS: &str = "FOLLOW_UPS";

/// Problems that are kept; a world that has one has soon a thousand.
const PROBLEMS_MAX: usize = 20;

#[derive(Debug, Clone)]
pub(super) struct Rows {
    inner: Arc<Mutex<Inner>>,
    told: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    time: TrueTime,
    people: People,
    limits: Limits,
    /// Transactions that were done: the same again answers the same and writes nothing.
    tokens: BTreeSet<String>,
    book: Book,
    /// Events that nobody was told of yet.
    events: VecDeque<Value>,
    told: BTreeSet<String>,
    /// Keys of the turns that were stored.
    turns: BTreeSet<(String, String)>,
    /// Calls in which a person and we talked, as who talked with them knows.
    talked: BTreeSet<String>,
    /// Calls of which a turn of the customer's is stored.
    heard: BTreeSet<String>,
    /// Calls of which the carrier had said that a machine answered when they ended, and no session said otherwise.
    with_machines: BTreeSet<String>,
    /// When a row was written that is looked at here.
    written_at: Duration,
    /// When calls ended.
    over_at: BTreeMap<String, Duration>,
    /// Every change, while somebody wants to read it.
    story: Option<Vec<String>>,
    problems: Vec<Problem>,
}

/// How many calls may live at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) account: usize,
    pub(super) tenant: usize,
}

/// What the rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) calls: BTreeMap<String, Call>,
    pub(super) campaigns: BTreeMap<String, Campaign>,
    /// By campaign and id.
    pub(super) leads: BTreeMap<(String, String), Lead>,
    /// By number.
    pub(super) contacts: BTreeMap<String, Contact>,
    /// The call in each slot.
    slots: BTreeMap<Slot, String>,
    /// What is looked at again after its end.
    follow_ups: BTreeSet<String>,
    /// Numbers of count rows by campaign and sort key.
    counts: BTreeMap<(String, String), Numbers>,
    /// For each campaign: what its leads and calls add up to, and what its count rows do.
    sums: BTreeMap<String, (Numbers, Numbers)>,
}

/// Scope and number.
pub(super) type Slot = (String, String);

/// By lane and name.
pub(super) type Numbers = BTreeMap<(String, String), i64>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) state: String,
    pub(super) outcome: Option<String>,
    pub(super) to: String,
    pub(super) campaign: Option<String>,
    pub(super) lead: Option<String>,
    /// What it holds while it lives.
    slots: BTreeSet<Slot>,
    pub(super) permit_allowed: Option<bool>,
    /// The carrier's id.
    pub(super) sid: Option<String>,
    /// The carrier's word on who answered.
    pub(super) verdict: Option<String>,
    /// Whether a session has a word on it.
    has_answer: bool,
    /// Seconds that the carrier bills.
    pub(super) duration: Option<u64>,
    pub(super) recording: Option<Recording>,
}

/// How far the copy of a recording is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) state: String,
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Campaign {
    pub(super) state: String,
    pub(super) fields: Value,
    /// The highest limit of calls that it had.
    concurrency_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lead {
    /// `waiting`, `calling` or `done`.
    pub(super) state: String,
    pub(super) number: String,
    pub(super) due_at: Option<Timestamp>,
    pub(super) call: Option<String>,
    pub(super) result: Option<String>,
    pub(super) attempts: u64,
    /// Of the number in turn.
    lane: String,
    /// Of the lead's own number: there its calls are counted.
    own_lane: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) suppressed: bool,
    /// They asked for it themselves.
    pub(super) their_own_word: bool,
    /// The calls that were attempts to reach it.
    pub(super) attempts: BTreeSet<String>,
}

impl Call {
    pub(super) fn is_over(&self) -> bool {
        self.state == "ended"
    }

    /// Whether the carrier said that no person answered.
    pub(super) fn is_a_machines(&self) -> bool {
        let verdict = self.verdict.as_deref().unwrap_or_default();
        verdict.starts_with("machine") || verdict == "fax"
    }
}

impl Rows {
    pub(super) fn new(time: TrueTime, people: People, limits: Limits, told: bool) -> Self {
        let inner = Inner {
            time,
            people,
            limits,
            tokens: BTreeSet::new(),
            book: Book::default(),
            events: VecDeque::new(),
            told: BTreeSet::new(),
            turns: BTreeSet::new(),
            talked: BTreeSet::new(),
            heard: BTreeSet::new(),
            with_machines: BTreeSet::new(),
            written_at: Duration::ZERO,
            over_at: BTreeMap::new(),
            story: told.then(Vec::new),
            problems: Vec::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            told: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // One that panicked with it has said so.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table did what a request asked for: looks at every row that it names.
    pub(super) fn written(&self, operation: &str, body: &[u8], table: &Table) {
        let is_write = [
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems",
            "BatchWriteItem",
        ];
        if is_write.contains(&operation) {
            let request = serde_json::from_slice(body).unwrap();
            let writes = writes(operation, &request);
            let mut inner = self.lock();
            if let Some(token) = request["ClientRequestToken"].as_str()
                && !inner.tokens.insert(token.to_owned())
            {
                return;
            }
            inner.written(&writes, table);
            if !inner.events.is_empty() {
                self.told.notify_one();
            }
        }
    }

    /// Waits until there are new events.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    /// How long ago the last row was written that is looked at here.
    pub(super) fn quiet_for(&self) -> Duration {
        let inner = self.lock();
        inner.time.elapsed() - inner.written_at
    }

    /// The rows of events that were written since this was asked last.
    pub(super) fn new_events(&self) -> Vec<Value> {
        self.lock().events.drain(..).collect()
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.lock().book)
    }

    /// Whether a call lives, or somebody is to be called soon.
    pub(super) fn is_anybody_waiting(&self, soon: SignedDuration) -> bool {
        let inner = self.lock();
        let soon = inner.time.now().checked_add(soon).unwrap();
        let due = |lead: &Lead| lead.due_at.is_some_and(|at| at <= soon);
        let mut leads = inner.book.leads.values();
        let mut calls = inner.book.calls.values();
        calls.any(|call| !call.is_over()) || leads.any(|lead| lead.state == "waiting" && due(lead))
    }

    /// A person and we talked in this call, all of it is stored, and so is its end.
    pub(super) fn talked(&self, call: &str) {
        self.lock().talked.insert(call.to_owned());
    }

    /// Calls of which was known that a machine answered when they ended.
    pub(super) fn with_machines(&self) -> BTreeSet<String> {
        self.lock().with_machines.clone()
    }

    /// Whether a call lives.
    pub(super) fn is_anybody_on(&self) -> bool {
        self.look(|book| book.calls.values().any(|call| !call.is_over()))
    }

    /// How long a call has been over.
    pub(super) fn over_for(&self, call: &str) -> Option<Duration> {
        let inner = self.lock();
        let over_at = inner.over_at.get(call)?;
        Some(inner.time.elapsed() - *over_at)
    }

    /// Something is not as it must be.
    pub(super) fn problem(&self, offence: Offence) {
        self.lock().problem(offence);
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        self.lock().problems.clone()
    }

    /// Adds a line to the story, if it is told.
    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        let mut inner = self.lock();
        let now = inner.time.now();
        if let Some(story) = &mut inner.story {
            story.push(format!("{now} {}", what()));
        }
    }

    pub(super) fn story(&self) -> Vec<String> {
        self.lock().story.clone().unwrap_or_default()
    }

    /// Reads the whole table: what was kept beside it must be what is in it.
    pub(super) fn compare(&self, table: &Table) {
        let mut rows = all(table);
        rows.retain(|(pk, sk, _row)| Book::follows(pk, sk));
        // What calls add up to is told by their leads' lanes.
        rows.sort_by_key(|(pk, sk, _row)| lead_of(pk, sk).is_none());
        let mut read = Book::default();
        for (pk, sk, row) in &rows {
            read.take(pk, sk, Some(row));
        }
        let mut inner = self.lock();
        for campaign in inner.book.campaigns.values_mut() {
            campaign.concurrency_max = 0;
        }
        for campaign in read.campaigns.values_mut() {
            campaign.concurrency_max = 0;
        }
        inner
            .book
            .sums
            .retain(|_campaign, sums| *sums != Default::default());
        if inner.book != read {
            inner.problem(Offence::RowsDiffer);
        }
    }
}

/// Every row of the table.
pub(super) fn all(table: &Table) -> Vec<(String, String, Row)> {
    let mut rows = Vec::new();
    let mut start = Value::Null;
    loop {
        let mut request = json!({ "TableName": TABLE, "ConsistentRead": true });
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let (status, answer) = table.answer("Scan", request.to_string().as_bytes());
        assert!(status.is_success(), "{answer}");
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        for item in answer["Items"].as_array().unwrap() {
            let (pk, sk) = key_of(item);
            rows.push((pk, sk, plain_row(item)));
        }
        start = answer["LastEvaluatedKey"].take();
        if start.is_null() {
            return rows;
        }
    }
}

/// One write of a request.
#[derive(Debug)]
struct Write<'a> {
    kind: &'a str,
    key: (String, String),
    body: &'a Value,
}

impl Inner {
    fn written(&mut self, writes: &[Write<'_>], table: &Table) {
        let mut before = BTreeMap::new();
        let mut touched = Touched::default();
        for write in writes {
            let (pk, sk) = &write.key;
            if pk.starts_with("EVENTS#") {
                self.event(sk, &write.body["Item"]);
                continue;
            }
            if sk.starts_with("TURN#") && !self.turns.insert((pk.clone(), sk.clone())) {
                let (pk, sk) = (pk.clone(), sk.clone());
                self.problem(Offence::TurnWrittenOver { pk, sk });
            }
            if sk.starts_with("TURN#") && write.body["Item"]["speaker"]["S"] == "customer" {
                let call = pk.rsplit('#').next().unwrap();
                self.heard.insert(call.to_owned());
            }
            if !Book::follows(pk, sk) {
                continue;
            }
            let row = match write.kind {
                "Put" => Some(plain_row(&write.body["Item"])),
                "Delete" => None,
                "Update" => read(table, pk, sk).as_ref().map(plain_row),
                other => panic!("a write of kind {other}"),
            };
            self.written_at = self.time.elapsed();
            touched.note(pk, sk, &self.book);
            if let Some(call) = call_of(pk, sk) {
                before.insert(call.to_owned(), self.book.calls.get(call).cloned());
            }
            if let (Some(story), Some(row)) = (&mut self.story, &row) {
                let shown = [
                    "state", "outcome", "due_at", "call_id", "result", "attempts", "faults",
                ];
                let shown = shown
                    .into_iter()
                    .filter_map(|name| Some((name, row.get(name)?)));
                let shown: Vec<String> = shown
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect();
                story.push(format!(
                    "{} {pk} {sk} {}",
                    self.time.now(),
                    shown.join(", ")
                ));
            }
            let suppressed = self.book.suppressed();
            self.book.take(pk, sk, row.as_ref());
            touched.note(pk, sk, &self.book);
            // Nobody takes people off the list here.
            if sk == "CONTACT" && !suppressed.is_subset(&self.book.suppressed()) {
                self.problem(Offence::SuppressionForgotten);
            }
        }
        self.check(&touched, &before);
    }

    fn event(&mut self, id: &str, item: &Value) {
        if item.is_null() || !self.told.insert(id.to_owned()) {
            return;
        }
        self.events.push_back(item.clone());
    }

    fn check(&mut self, touched: &Touched, before: &BTreeMap<String, Option<Call>>) {
        for (call, before) in before {
            let after = self.book.calls[call].clone();
            if let Some(before) = before
                && rank(&after.state) < rank(&before.state)
            {
                self.problem(Offence::WentBack {
                    call: call.clone(),
                    from: before.state.clone(),
                    to: after.state.clone(),
                });
            }
            if after.is_over() {
                let now = self.time.elapsed();
                let news = !self.over_at.contains_key(call);
                self.over_at.entry(call.clone()).or_insert(now);
                if news && after.is_a_machines() && !after.has_answer {
                    self.with_machines.insert(call.clone());
                }
            }
            let had_passed = before
                .as_ref()
                .is_some_and(|before| before.state != "claimed");
            if after.state == "placing" && !had_passed {
                let now = self.time.now();
                let talked = |call: &str| judge::Talked {
                    certainly: self.talked.contains(call),
                    heard: self.heard.contains(call),
                };
                for breach in judge::gate(&self.book, &self.people, talked, call, now) {
                    let call = call.clone();
                    self.problem(Offence::PassedGate { call, breach });
                }
            }
        }
        for call in &touched.calls {
            for offence in self.book.slots_and_lead_of(call) {
                self.problem(offence);
            }
        }
        for campaign in &touched.campaigns {
            if let Some((leads, counts)) = self.book.sums.get(campaign)
                && leads != counts
            {
                let (leads, counted) = (leads.clone(), counts.clone());
                let campaign = campaign.clone();
                self.problem(Offence::Miscounted {
                    campaign,
                    leads,
                    counted,
                });
            }
        }
        for scope in &touched.scopes {
            let taken = self.book.slots_of(scope);
            let limit = self.limit_of(scope);
            if taken > limit {
                self.problem(Offence::TooManySlots {
                    scope: scope.clone(),
                    taken,
                    limit,
                });
            }
        }
    }

    fn limit_of(&self, scope: &str) -> usize {
        if scope.starts_with("SLOTS#") {
            return self.limits.account;
        }
        match scope.split_once("#CAMPAIGN#") {
            None => self.limits.tenant,
            Some((_tenant, rest)) => {
                let campaign = rest.trim_end_matches("#SLOTS");
                self.book.campaigns[campaign].concurrency_max
            }
        }
    }

    fn problem(&mut self, offence: Offence) {
        if self.problems.len() < PROBLEMS_MAX {
            let at = self.time.now();
            self.problems.push(Problem { at, offence });
        }
    }
}

/// What a request's writes are about.
#[derive(Debug, Default)]
struct Touched {
    calls: BTreeSet<String>,
    campaigns: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

impl Touched {
    fn note(&mut self, pk: &str, sk: &str, book: &Book) {
        if let Some(call) = call_of(pk, sk) {
            self.calls.insert(call.to_owned());
            if let Some(campaign) = book.calls.get(call).and_then(|call| call.campaign.clone()) {
                self.campaigns.insert(campaign);
            }
        }
        if is_slot(pk) {
            let slot = (pk.to_owned(), sk.to_owned());
            self.calls.extend(book.slots.get(&slot).cloned());
            self.scopes.insert(pk.to_owned());
        }
        if let Some((campaign, lead)) = lead_of(pk, sk) {
            let lead = book.leads.get(&(campaign.clone(), lead));
            self.calls.extend(lead.and_then(|lead| lead.call.clone()));
            self.campaigns.insert(campaign);
        }
        if let Some(campaign) = count_of(pk, sk) {
            self.campaigns.insert(campaign);
        }
    }
}

impl Book {
    /// Whether a row is looked at at all.
    fn follows(pk: &str, sk: &str) -> bool {
        call_of(pk, sk).is_some()
            || is_slot(pk)
            || lead_of(pk, sk).is_some()
            || count_of(pk, sk).is_some()
            || sk == "CAMPAIGN"
            || sk == "CONTACT"
            || pk == FOLLOW_UPS
    }

    /// A row is like this from now on, or gone.
    fn take(&mut self, pk: &str, sk: &str, row: Option<&Row>) {
        if let Some(call) = call_of(pk, sk) {
            self.take_call(pk, call, row.expect("calls are never deleted"));
        } else if is_slot(pk) {
            let slot = (pk.to_owned(), sk.to_owned());
            match row {
                Some(row) => self.slots.insert(slot, text(row, "call_id").unwrap()),
                None => self.slots.remove(&slot),
            };
        } else if let Some((campaign, lead)) = lead_of(pk, sk) {
            self.take_lead(&campaign, lead, row);
        } else if let Some(campaign) = count_of(pk, sk) {
            self.take_count(&campaign, sk, row);
        } else if pk == FOLLOW_UPS {
            match row {
                Some(_row) => self.follow_ups.insert(sk.to_owned()),
                None => self.follow_ups.remove(sk),
            };
        } else if sk == "CAMPAIGN" {
            let campaign = pk.rsplit('#').next().unwrap();
            match row {
                Some(row) => self.take_campaign(campaign, row),
                None => drop(self.campaigns.remove(campaign)),
            }
        } else if sk == "CONTACT" {
            let number = pk.rsplit('#').next().unwrap().to_owned();
            let row = row.expect("contacts are not deleted");
            let attempts = row.get("attempts").and_then(Value::as_array);
            let attempts = attempts.into_iter().flatten();
            let contact = Contact {
                suppressed: row.contains_key("suppression"),
                their_own_word: row.get("suppression").is_some_and(|suppression| {
                    ["spoken", "keypad"].contains(&suppression["reason"].as_str().unwrap())
                }),
                attempts: attempts
                    .map(|attempt| attempt["call_id"].as_str().unwrap().to_owned())
                    .collect(),
            };
            self.contacts.insert(number, contact);
        }
    }

    fn take_call(&mut self, pk: &str, id: &str, row: &Row) {
        let (tenant, _call) = pk.split_once("#CALL#").unwrap();
        let campaign = text(row, "campaign_id");
        let mut slots = BTreeSet::new();
        if let Some(held) = row.get("slots") {
            let number = |name: &str| held[name].as_u64().map(|number| format!("{number:05}"));
            let account = held["account"].as_str().unwrap();
            slots.insert((format!("SLOTS#{account}"), number("account_slot").unwrap()));
            slots.insert((format!("{tenant}#SLOTS"), number("tenant_slot").unwrap()));
            if let (Some(campaign), Some(number)) = (&campaign, number("campaign_slot")) {
                slots.insert((format!("{tenant}#CAMPAIGN#{campaign}#SLOTS"), number));
            }
        }
        let call = Call {
            state: text(row, "state").unwrap(),
            outcome: text(row, "outcome"),
            to: text(row, "to").unwrap(),
            lead: text(row, "lead_id"),
            campaign,
            slots,
            permit_allowed: row
                .get("permit")
                .map(|permit| permit["allowed"].as_bool().unwrap()),
            sid: text(row, "carrier_call_id"),
            verdict: text(row, "carrier_verdict"),
            has_answer: row.contains_key("answer"),
            duration: row.get("carrier_duration_seconds").and_then(Value::as_u64),
            recording: row.get("recording").map(|recording| Recording {
                state: recording["state"].as_str().unwrap().to_owned(),
                key: recording["object_key"].as_str().map(str::to_owned),
            }),
        };
        if let Some(before) = self.calls.get(id).cloned() {
            self.add_call(&before, -1);
        }
        self.add_call(&call, 1);
        self.calls.insert(id.to_owned(), call);
    }

    fn take_campaign(&mut self, id: &str, row: &Row) {
        let concurrency = row["max_concurrent_calls"].as_u64().unwrap();
        let concurrency = usize::try_from(concurrency).unwrap();
        let before = self.campaigns.get(id);
        let before = before.map_or(0, |campaign| campaign.concurrency_max);
        let campaign = Campaign {
            state: text(row, "state").unwrap(),
            fields: Value::Object(row.clone()),
            concurrency_max: concurrency.max(before),
        };
        self.campaigns.insert(id.to_owned(), campaign);
    }

    fn take_lead(&mut self, campaign: &str, id: String, row: Option<&Row>) {
        let key = (campaign.to_owned(), id);
        if let Some(before) = self.leads.remove(&key) {
            self.add(
                campaign,
                &before.lane,
                &before.counted_as(),
                -1,
                Side::Leads,
            );
        }
        let Some(row) = row else { return };
        let lane = |value: &Value| {
            let lane: Lane = serde_json::from_value(value.clone()).unwrap();
            lane.id().to_string()
        };
        let own_lane = lane(&row["lane"]);
        let in_turn = row.get("rotation").map_or(0, |rotation| {
            usize::try_from(rotation["in_turn"].as_u64().unwrap()).unwrap()
        });
        let lane = match in_turn.checked_sub(1) {
            None => own_lane.clone(),
            Some(alternate) => lane(&row["alternates"][alternate]["lane"]),
        };
        let lead = Lead {
            state: text(row, "state").unwrap(),
            number: text(row, "number").unwrap(),
            due_at: text(row, "due_at").map(|at| at.parse().unwrap()),
            call: text(row, "call_id"),
            result: text(row, "result"),
            attempts: row["attempts"].as_u64().unwrap(),
            lane,
            own_lane,
        };
        self.add(campaign, &lead.lane, &lead.counted_as(), 1, Side::Leads);
        self.leads.insert(key, lead);
    }

    fn take_count(&mut self, campaign: &str, sk: &str, row: Option<&Row>) {
        let lane = sk.split('#').nth(1).unwrap().to_owned();
        let key = (campaign.to_owned(), sk.to_owned());
        let mut numbers = Numbers::new();
        for (name, value) in row.into_iter().flatten() {
            if let Some(number) = value.as_i64() {
                numbers.insert((lane.clone(), name.clone()), number);
            }
        }
        let before = self.counts.insert(key, numbers.clone());
        for ((lane, name), number) in before.into_iter().flatten() {
            self.add(campaign, &lane, &name, -number, Side::Counts);
        }
        for ((lane, name), number) in numbers {
            self.add(campaign, &lane, &name, number, Side::Counts);
        }
    }

    fn add_call(&mut self, call: &Call, by: i64) {
        let (Some(campaign), Some(lead), Some(outcome)) =
            (&call.campaign, &call.lead, &call.outcome)
        else {
            return;
        };
        let lead = self.leads.get(&(campaign.clone(), lead.clone()));
        let lane = lead
            .expect("leads are written before their calls")
            .own_lane
            .clone();
        let name = format!("calls_{outcome}");
        self.add(&campaign.clone(), &lane, &name, by, Side::Leads);
    }

    fn add(&mut self, campaign: &str, lane: &str, name: &str, by: i64, side: Side) {
        let (leads, counts) = self.sums.entry(campaign.to_owned()).or_default();
        let numbers = match side {
            Side::Leads => leads,
            Side::Counts => counts,
        };
        let key = (lane.to_owned(), name.to_owned());
        let number = numbers.entry(key.clone()).or_default();
        *number += by;
        if *number == 0 {
            numbers.remove(&key);
        }
    }

    fn slots_of(&self, scope: &str) -> usize {
        self.slots
            .range((scope.to_owned(), String::new())..)
            .take_while(|((of, _number), _call)| of == scope)
            .count()
    }

    /// A call holds its slots while it lives, and then none; so does it its lead.
    fn slots_and_lead_of(&self, id: &str) -> Vec<Offence> {
        let mut offences = Vec::new();
        let Some(call) = self.calls.get(id) else {
            return vec![Offence::NoSuchCall {
                call: id.to_owned(),
            }];
        };
        let held = self.slots.iter();
        let held: BTreeSet<Slot> = held
            .filter(|(_slot, holder)| *holder == id)
            .map(|(slot, _holder)| slot.clone())
            .collect();
        if call.is_over() && !held.is_empty() {
            let call = id.to_owned();
            offences.push(Offence::SlotsAfterItsEnd { call, held });
        } else if !call.is_over() && held != call.slots {
            offences.push(Offence::SlotsNotItsOwn {
                call: id.to_owned(),
                state: call.state.clone(),
                held,
                wanted: call.slots.clone(),
            });
        }
        if let (Some(campaign), Some(lead)) = (&call.campaign, &call.lead) {
            let lead = self.leads.get(&(campaign.clone(), lead.clone()));
            let has = lead
                .is_some_and(|lead| lead.state == "calling" && lead.call.as_deref() == Some(id));
            if has == call.is_over() {
                offences.push(Offence::LeadDisagrees {
                    call: id.to_owned(),
                    state: call.state.clone(),
                    lead: lead.cloned(),
                });
            }
        }
        offences
    }

    fn suppressed(&self) -> BTreeSet<String> {
        let suppressed = self.contacts.iter();
        let suppressed = suppressed.filter(|(_number, contact)| contact.suppressed);
        suppressed
            .map(|(number, _contact)| number.clone())
            .collect()
    }

    /// Whether nothing is to be looked at again after its end.
    pub(super) fn is_followed_up(&self) -> bool {
        self.follow_ups.is_empty()
    }

    /// Slots that are taken, in any scope.
    pub(super) fn slots_taken(&self) -> usize {
        self.slots.len()
    }
}

#[derive(Clone, Copy)]
enum Side {
    Leads,
    Counts,
}

impl Lead {
    fn counted_as(&self) -> String {
        match &self.result {
            Some(result) => format!("done_{result}"),
            None => self.state.clone(),
        }
    }
}

/// A row without DynamoDB's types.
pub(super) type Row = Map<String, Value>;

fn plain_row(item: &Value) -> Row {
    let item = item.as_object().unwrap().iter();
    item.map(|(name, value)| (name.clone(), plain(value)))
        .collect()
}

fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" | "BOOL" => value.clone(),
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "M" => Value::Object(plain_row(value)),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        _other => Value::Null,
    }
}

fn text(row: &Row, name: &str) -> Option<String> {
    Some(row.get(name)?.as_str()?.to_owned())
}

fn call_of<'a>(pk: &'a str, sk: &str) -> Option<&'a str> {
    let (_tenant, call) = pk.split_once("#CALL#").filter(|_| sk == "CALL")?;
    Some(call)
}

fn is_slot(pk: &str) -> bool {
    pk.starts_with("SLOTS#") || pk.ends_with("#SLOTS")
}

fn lead_of(pk: &str, sk: &str) -> Option<(String, String)> {
    let (_tenant, rest) = pk.split_once("#CAMPAIGN#")?;
    let (campaign, _shard) = rest.split_once("#LEADS#")?;
    Some((campaign.to_owned(), sk.to_owned()))
}

fn count_of(pk: &str, sk: &str) -> Option<String> {
    let (_tenant, campaign) = pk.split_once("#CAMPAIGN#")?;
    sk.starts_with("COUNT#").then(|| campaign.to_owned())
}

fn rank(state: &str) -> usize {
    let states = [
        "claimed", "placing", "placed", "ringing", "answered", "ended",
    ];
    let rank = states.iter().position(|known| *known == state);
    rank.unwrap_or_else(|| panic!("{state} is no state of a call"))
}

fn read(table: &Table, pk: &str, sk: &str) -> Option<Value> {
    let request = json!({
        "TableName": TABLE,
        "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
        "ConsistentRead": true,
    });
    let (_status, answer) = table.answer("GetItem", request.to_string().as_bytes());
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    let item = answer["Item"].take();
    (!item.is_null()).then_some(item)
}

fn key_of(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    (text("pk"), text("sk"))
}

/// Every write of a request but conditions.
fn writes<'a>(operation: &'a str, request: &'a Value) -> Vec<Write<'a>> {
    let mut found: Vec<(&str, &Value)> = Vec::new();
    match operation {
        "TransactWriteItems" => {
            for item in request["TransactItems"].as_array().unwrap() {
                let item = item.as_object().unwrap().iter();
                found.extend(item.map(|(kind, write)| (kind.as_str(), write)));
            }
        }
        "BatchWriteItem" => {
            for requests in request["RequestItems"].as_object().unwrap().values() {
                for item in requests.as_array().unwrap() {
                    let item = item.as_object().unwrap().iter();
                    let kind = |kind: &'a str| kind.trim_end_matches("Request");
                    found.extend(item.map(|(name, write)| (kind(name), write)));
                }
            }
        }
        single => found.push((single.trim_end_matches("Item"), request)),
    }
    found.retain(|(kind, _write)| *kind != "ConditionCheck");
    let write = |(kind, body): (&'a str, &'a Value)| Write {
        kind,
        key: key_of(if kind == "Put" {
            &body["Item"]
        } else {
            &body["Key"]
        }),
        body,
    };
    found.into_iter().map(write).collect()
}
