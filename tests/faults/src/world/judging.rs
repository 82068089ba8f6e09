//! The world is judged: while it goes on, and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use sim::carriers::twilio::CallView;

use super::{DIAL_QUEUE, RECORDINGS_QUEUE, World};
use crate::fleet::Fleet;
use crate::judge;
use crate::ledger::{self, Phoned};
use crate::offence::Offence;
use crate::rows::Book;
use crate::talk::{self, Turn, Whole};
use crate::tally::Fault;

const ATTEMPTS_PER_DAY: usize = 6;
/// A worker's row counts for 20 seconds by its own clock.
const ROW_OF_A_WORKER_MAX: SignedDuration = SignedDuration::from_secs(20 + 15);

impl World {
    pub(super) fn look_at_the_carrier(&self) {
        let limit = usize::try_from(self.dialing.carrier_calls_max).unwrap();
        let over_for = |call: &str| self.rows.over_for(call);
        let live = self.carrier.live();
        for offence in judge::at_the_carrier(&live, &self.people, over_for, limit) {
            self.rows.problem(offence);
        }
        let over = self.carrier.over(|call| over_for(call).is_none());
        let late = |book: &Book| ledger::ends_are_heard(book, &over, self.time.now());
        for offence in self.rows.look(late) {
            self.rows.problem(offence);
        }
    }

    pub(super) fn at_rest(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
            && self.queues.waiting(DIAL_QUEUE) == 0
            && self.queues.waiting(RECORDINGS_QUEUE) == 0
            && self.fleet.as_ref().is_none_or(|fleet| fleet.calls() == 0)
            && self
                .carrier
                .with(|core, _now| core.poll_timeout().is_none())
    }

    pub(super) fn judge(&self) {
        let requests = self.carrier.requests();
        let came = self.came.lock().unwrap();
        for made in requests.iter().filter_map(|request| request.sid.as_ref()) {
            if !came.ended.contains(made) {
                self.chance.struck(Fault::WebhookNever);
            }
        }
        let mut offences = judge::asked_once(&requests);
        offences.extend(judge::within_caps(
            &requests,
            &self.people,
            ATTEMPTS_PER_DAY,
        ));
        let interval = self.dialing.call_interval;
        offences.extend(judge::paced(&requests, interval, self.weather.clocks_wrong));
        if self.weather.clocks_wrong.is_zero() {
            offences.extend(ledger::arrivals(&requests, interval));
        }
        offences.extend(self.ledger());
        offences.extend(self.rows.look(judge::settled));
        let listed = self.people.numbers().into_iter().collect();
        offences.extend(self.rows.look(|book| judge::nobody_lost(book, &listed)));
        for offence in offences {
            self.rows.problem(offence);
        }
        if !self.at_rest() {
            self.rows.problem(Offence::NotAtRest {
                at_work: self.busy.load(Ordering::Relaxed),
                messages: self.queues.waiting(DIAL_QUEUE) + self.queues.waiting(RECORDINGS_QUEUE),
                carriers_next: self.carrier.with(|core, _now| core.poll_timeout()),
                workers_calls: self.fleet.as_ref().map(Fleet::calls),
            });
        }
        self.aws.compare();
    }

    /// The carrier's ledger against our books.
    fn ledger(&self) -> Vec<Offence> {
        let requests = self.carrier.requests();
        let made = requests
            .iter()
            .filter_map(|request| Some((request.call.clone(), request.sid.clone()?)));
        let mut calls: BTreeMap<String, CallView> = made
            .map(|(call, sid)| (call, self.carrier.person(&sid)))
            .collect();
        let numbers: BTreeMap<String, String> = calls
            .iter()
            .map(|(call, view)| (call.clone(), view.to.clone()))
            .collect();
        // Calls to our numbers nobody asked for.
        let others = self.rows.look(|book| {
            let others = book.calls.iter();
            let others = others.filter(|(call, _row)| !calls.contains_key(*call));
            let others = others.filter_map(|(call, row)| Some((call.clone(), row.sid.clone()?)));
            others.collect::<Vec<_>>()
        });
        for (call, sid) in others {
            calls.insert(call, self.carrier.person(&sid));
        }
        let phoned: Vec<Phoned<'_>> = calls
            .iter()
            .map(|(call, view)| Phoned {
                call,
                view,
                number: numbers.get(call).unwrap_or(&view.from),
            })
            .collect();
        let recorded = self.carrier.recordings();
        let with_machines = self.rows.with_machines();
        self.rows.look(|book| {
            let mut offences = ledger::durations(book, &phoned);
            offences.extend(ledger::recordings(book, &recorded, |key| {
                self.objects.get(key)
            }));
            offences.extend(ledger::reached(book, &phoned, &with_machines));
            offences
        })
    }

    /// Conversations are whole although workers came and went, and nothing of them is left behind.
    pub(super) fn judge_talks(&self) {
        let Some(fleet) = &self.fleet else { return };
        let rows = self.aws.rows();
        let mut turns: BTreeMap<String, Vec<Turn>> = BTreeMap::new();
        let soon = self.time.now().checked_add(ROW_OF_A_WORKER_MAX).unwrap();
        for (pk, sk, row) in &rows {
            if sk.starts_with("TURN#") {
                let call = pk.rsplit('#').next().unwrap();
                turns
                    .entry(call.to_owned())
                    .or_default()
                    .push(Turn::of(row));
            }
            if pk == "INBOUND" {
                self.rows.problem(Offence::StillListed { call: sk.clone() });
            }
            if pk == "WORKERS" {
                let until: Timestamp = row["until"].as_str().unwrap().parse().unwrap();
                if until > soon || !row.contains_key("ttl") {
                    let worker = sk.clone();
                    self.rows
                        .problem(Offence::WorkerStillCounts { worker, until });
                }
            }
        }
        let held = self.came.lock().unwrap().held.clone();
        let outbound: BTreeSet<String> = self
            .carrier
            .requests()
            .into_iter()
            .map(|request| request.call)
            .collect();
        let calls = self.rows.look(|book| book.calls.clone());
        for (id, call) in &calls {
            let Some(sid) = &call.sid else { continue };
            if call.outcome.as_deref() == Some("no_capacity") && held.contains(sid) {
                self.chance.struck(Fault::HungUpWhileHeld);
            }
            let view = self.carrier.with(|core, _now| core.view(sid));
            let Some(view) = view.filter(|view| view.streams > 0) else {
                continue;
            };
            let whole = if fleet.is_hurt(sid) || held.contains(sid) {
                Whole::BrokeOff
            } else {
                Whole::Yes
            };
            if view.streams > 1 {
                self.chance.struck(match whole {
                    Whole::Yes => Fault::HandedOver,
                    Whole::BrokeOff => Fault::Resumed,
                });
            }
            let turns = turns.remove(id).unwrap_or_default();
            let mut offences = talk::transcript(id, &view, &turns, whole);
            if whole == Whole::Yes {
                let phoned = Phoned {
                    call: id,
                    view: &view,
                    number: if outbound.contains(id) {
                        &view.to
                    } else {
                        &view.from
                    },
                };
                let opt_outs = |book: &Book| ledger::opt_outs(book, &[phoned]);
                offences.extend(self.rows.look(opt_outs));
            }
            for offence in offences {
                self.rows.problem(offence);
            }
        }
    }
}
