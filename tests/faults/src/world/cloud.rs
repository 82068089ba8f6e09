//! What the cloud does with our functions: ticks, the table's stream, the dial queue, and the carrier's requests on their way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use sim::carriers::twilio::Output;

use super::{DIAL_QUEUE, World};
use crate::process::{self, Kind};
use crate::tally::Fault;

/// So often of a thousand times two planners are woken at once.
const AT_ONCE: u32 = 250;

impl World {
    /// The schedule's ticks: about every minute while something goes on, seldom while nobody may be
    /// called, now and then two at once.
    pub(super) async fn ticks(self: Arc<Self>) {
        loop {
            let seldom = self.chance.secs(1_200..=3_000);
            let mut waited = Duration::ZERO;
            // Whatever begins meanwhile ends a long wait.
            while waited < seldom {
                let wait = self.chance.secs(55..=80);
                tokio::time::sleep(wait).await;
                waited += wait;
                let quiet = self.rows.quiet_for() > Duration::from_secs(180);
                if !quiet || self.rows.is_anybody_on() {
                    break;
                }
            }
            let at_once = if self.chance.per_mille(AT_ONCE) { 2 } else { 1 };
            for _tick in 0..at_once {
                let world = Arc::clone(&self);
                self.spawn(async move {
                    tokio::time::sleep(world.chance.ms(0..=40)).await;
                    let tick = json!({ "detail-type": "Scheduled Event" });
                    let _fails_or_dies = world.schedule(&tick).await;
                });
            }
        }
    }

    /// The table's stream: tells the scheduler of events, some late, some twice, some out of order.
    pub(super) async fn stream(self: Arc<Self>) {
        /// Batches that fail are delivered again so often; then only the ticks are left.
        const TRIES_MAX: u32 = 3;
        // The batching window is a setting of the event source.
        let window_ms = *self.chance.pick(&[300, 2_000, 6_000]);
        loop {
            self.rows.told().await;
            tokio::time::sleep(self.chance.ms(window_ms / 4..=window_ms)).await;
            if self.chance.strikes(Fault::EventsLate, 20) {
                tokio::time::sleep(self.chance.secs(1..=60)).await;
            }
            let mut records = self.rows.new_events();
            self.chance.shuffle(&mut records);
            let records: Vec<Value> = records
                .into_iter()
                .map(|row| json!({ "eventName": "INSERT", "dynamodb": { "NewImage": row } }))
                .collect();
            let batch = json!({ "Records": records });
            // A batch that was given up for dead comes again while it is worked on.
            let at_once = if self.chance.strikes(Fault::EventsTwice, AT_ONCE) {
                2
            } else {
                1
            };
            for _batch in 0..at_once {
                let (world, batch) = (Arc::clone(&self), batch.clone());
                self.spawn(async move {
                    tokio::time::sleep(world.chance.ms(0..=40)).await;
                    for _try in 0..TRIES_MAX {
                        if world.schedule(&batch).await {
                            return;
                        }
                    }
                });
            }
        }
    }

    /// One call of the scheduler's function. Whether it did what it should.
    async fn schedule(&self, event: &Value) -> bool {
        let scheduler = self.chance.pick(&self.schedulers);
        let handled = scheduler::handle(event, scheduler);
        let kind = if event["Records"].is_null() {
            Kind::Tick
        } else {
            Kind::Stream
        };
        if self.planning.fetch_add(1, Ordering::Relaxed) > 0 {
            self.chance.struck(Fault::TwoPlanners);
        }
        let (chance, plug) = (&self.chance, &self.plug);
        let handled = process::run(kind, chance, plug, self.weather.deaths, handled).await;
        self.planning.fetch_sub(1, Ordering::Relaxed);
        self.rows.tell(|| format!("{kind:?}: {handled:?}"));
        handled.is_some_and(|handled| handled.is_ok())
    }

    /// Delivers what waits in the dial queue.
    pub(super) async fn pump(self: Arc<Self>) {
        loop {
            self.queues.ready(DIAL_QUEUE).await;
            if let Some(batch) = self.queues.receive(DIAL_QUEUE) {
                let world = Arc::clone(&self);
                self.spawn(async move {
                    let dial = world.chance.pick(&world.dials);
                    let event = batch.event.clone();
                    let handled = process::run(
                        Kind::Dial,
                        &world.chance,
                        &world.plug,
                        world.weather.deaths,
                        dial::handle(event, dial),
                    )
                    .await;
                    world
                        .rows
                        .tell(|| format!("dial {:?}: {handled:?}", batch.event));
                    let Some(response) = handled else { return };
                    let failed = response.batch_item_failures.into_iter();
                    let failed: Vec<String> =
                        failed.map(|failure| failure.item_identifier).collect();
                    world.queues.done(DIAL_QUEUE, &batch, &failed);
                });
            }
        }
    }

    /// Does what the carrier wants done.
    pub(super) async fn carry(self: Arc<Self>) {
        loop {
            let (sid, output) = self.carrier.next().await;
            match output {
                Output::Request(request) => {
                    let world = Arc::clone(&self);
                    self.spawn(async move {
                        let id = request.id;
                        let answer = world.deliver(request).await;
                        world.carrier.answered(&sid, id, answer);
                    });
                }
                Output::OpenStream { .. } => {
                    let world = Arc::clone(&self);
                    self.spawn(async move {
                        tokio::time::sleep(world.chance.ms(20..=120)).await;
                        if world
                            .chance
                            .strikes(Fault::KilledBeforeSession, world.weather.kills)
                        {
                            world.kill();
                        }
                        match &world.fleet {
                            None if world.is_deaf() => world.carrier.refuse_stream(&sid),
                            None => world.workers.connect(&sid),
                            Some(fleet) if world.is_deaf() => fleet.refuse(&sid),
                            Some(fleet) => fleet.connect(&sid),
                        }
                    });
                }
                Output::StreamText(text) => match &self.fleet {
                    None => {
                        if let Some(session) = self.workers.message(&sid, &text) {
                            self.spawn(session);
                        }
                    }
                    Some(fleet) => fleet.message(&sid, text),
                },
                closed @ (Output::CloseStream | Output::CutStream) => match &self.fleet {
                    None => self.workers.closed(&sid, closed == Output::CloseStream),
                    Some(fleet) => fleet.closed(&sid, closed == Output::CloseStream),
                },
                Output::AppendRecording {
                    sid: recording,
                    samples,
                    ..
                } => self.carrier.recorded(&sid, &recording, &samples),
                Output::FinishRecording { .. } | Output::Save => {}
            }
        }
    }
}
