//! One timer wheel for all calls of a worker: a thousand calls with a deadline each are one sleeping
//! task and a hundred wake-ups a second, not a thousand timers.
//!
//! A session arms its slot with the time it wants to be woken at; the wheel wakes it at the next
//! [`TICK`] after that, never before. Being woken early is allowed (a deadline beyond
//! the wheel's horizon wakes at the horizon), so a session looks at the clock itself. The wheel does
//! not know what a deadline is for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How finely deadlines are told apart. Customer audio wakes a session every 20 ms anyway, and pacing
/// runs 200 ms ahead, so nothing that is heard hangs on less than this.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Slots of the wheel: its horizon is this many ticks (5.12 s, just above the silence after which
/// a carrier's socket counts as dead). A deadline further away costs one wake-up per horizon.
const SLOTS: usize = 512;

/// [`SLOTS`] as ticks.
const HORIZON: u64 = SLOTS as u64;

/// A wake-up that is no longer needed is taken back when it is nearer than this; a further one costs
/// less than the taking back.
const NEAR: Duration = Duration::from_millis(200);

/// The wheel. Clones of its `Arc` are handed to the sessions.
#[derive(Debug)]
pub(crate) struct Timers {
    wheel: Mutex<Wheel>,
    /// Tells the driver that something is due before the time it sleeps until.
    earlier: Notify,
    started: Instant,
}

/// One session's place in the wheel. Dropping it forgets the deadline.
#[derive(Debug)]
pub(crate) struct TimerSlot {
    timers: Arc<Timers>,
    index: usize,
    /// What the wheel has, so that arming the same tick again costs no lock.
    armed: Option<u64>,
}

#[derive(Debug)]
struct Wheel {
    /// Sessions with a deadline in the tick that maps to the place. May hold sessions that have
    /// re-armed since: those are known by their `due` and skipped.
    slots: Vec<Vec<usize>>,
    sessions: Vec<Option<Session>>,
    vacant: Vec<usize>,
    /// Every tick up to and with this one has been served.
    served: u64,
    /// Places in `slots` that are taken, stale ones included.
    waiting: usize,
    /// The tick that the driver sleeps until; `u64::MAX` while it waits for anything at all.
    driver_until: u64,
}

#[derive(Debug)]
struct Session {
    waker: Option<Waker>,
    due: Option<u64>,
    /// The earliest tick in whose place the wheel has the session. A deadline that moves to a later
    /// tick leaves it there: it moves on when that tick comes.
    placed: Option<u64>,
}

impl Timers {
    /// An empty wheel. Somebody must run [`Timers::drive`].
    #[must_use]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            wheel: Mutex::new(Wheel {
                slots: vec![Vec::new(); SLOTS],
                sessions: Vec::new(),
                vacant: Vec::new(),
                served: 0,
                waiting: 0,
                driver_until: u64::MAX,
            }),
            earlier: Notify::new(),
            started: Instant::now(),
        })
    }

    /// A place for one session.
    #[must_use]
    pub(crate) fn slot(self: &Arc<Self>) -> TimerSlot {
        let session = Session {
            waker: None,
            due: None,
            placed: None,
        };
        let mut wheel = self.wheel();
        let index = match wheel.vacant.pop() {
            Some(index) => {
                if let Some(place) = wheel.sessions.get_mut(index) {
                    *place = Some(session);
                }
                index
            }
            None => {
                wheel.sessions.push(Some(session));
                wheel.sessions.len() - 1
            }
        };
        drop(wheel);
        TimerSlot {
            timers: Arc::clone(self),
            index,
            armed: None,
        }
    }

    /// Wakes every session now: something changed that concerns them all.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = {
            let wheel = self.wheel();
            let sessions = wheel.sessions.iter().flatten();
            sessions
                .filter_map(|session| session.waker.clone())
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Serves the wheel for ever. One task of the worker runs this.
    pub(crate) async fn drive(self: Arc<Self>) {
        let mut due = Vec::new();
        loop {
            let next = self.serve(self.tick_now(), &mut due);
            due.drain(..).for_each(Waker::wake);
            let earlier = self.earlier.notified();
            match next {
                None => earlier.await,
                Some(tick) => {
                    // Either way the loop looks at the clock again.
                    tokio::select! {
                        () = earlier => {}
                        () = tokio::time::sleep_until(self.at(tick)) => {}
                    }
                }
            }
        }
    }

    /// Collects the wakers of everything due up to `now` and says which tick to come back at.
    fn serve(&self, now: u64, due: &mut Vec<Waker>) -> Option<u64> {
        let mut guard = self.wheel();
        let wheel = &mut *guard;
        // After a long stop (a suspended laptop) one turn of the wheel visits every place.
        let turns = now.saturating_sub(wheel.served).min(HORIZON);
        let mut moved = Vec::new();
        for tick in (now - turns + 1)..=now {
            let Some(place) = wheel.slots.get_mut(slot_of(tick)) else {
                continue;
            };
            wheel.waiting -= place.len();
            for index in place.drain(..) {
                let Some(Some(session)) = wheel.sessions.get_mut(index) else {
                    continue;
                };
                if session.placed.is_none_or(|at| at > now) {
                    // Left behind by one that has moved to an earlier tick and been woken there.
                    continue;
                }
                session.placed = None;
                match session.due {
                    Some(at) if at <= now => {
                        session.due = None;
                        due.extend(session.waker.clone());
                    }
                    Some(at) => moved.push((index, at)),
                    None => {}
                }
            }
        }
        wheel.served = wheel.served.max(now);
        for (index, at) in moved {
            wheel.put(index, at);
        }
        let next = (wheel.waiting > 0)
            .then(|| {
                (wheel.served + 1..=wheel.served + HORIZON).find(|tick| {
                    wheel
                        .slots
                        .get(slot_of(*tick))
                        .is_some_and(|place| !place.is_empty())
                })
            })
            .flatten();
        wheel.driver_until = next.unwrap_or(u64::MAX);
        next
    }

    fn arm(&self, index: usize, tick: u64, waker: &Waker) -> u64 {
        let mut guard = self.wheel();
        let wheel = &mut *guard;
        if wheel.waiting == 0 {
            // The driver rests while nothing waits: there is nothing to serve up to now.
            wheel.served = wheel.served.max(self.tick_now());
        }
        // Not in a tick that was served already: it would wait a whole turn of the wheel.
        let tick = tick.clamp(wheel.served + 1, wheel.served + HORIZON);
        let Some(Some(session)) = wheel.sessions.get_mut(index) else {
            return tick;
        };
        session.due = Some(tick);
        if !session
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            session.waker = Some(waker.clone());
        }
        if session.placed.is_some_and(|placed| placed <= tick) {
            return tick;
        }
        wheel.put(index, tick);
        if tick < wheel.driver_until {
            wheel.driver_until = tick;
            self.earlier.notify_one();
        }
        tick
    }

    fn leave(&self, index: usize) {
        let mut wheel = self.wheel();
        if let Some(place) = wheel.sessions.get_mut(index) {
            *place = None;
            wheel.vacant.push(index);
        }
    }

    /// The tick that has just passed.
    fn tick_now(&self) -> u64 {
        let micros = self.started.elapsed().as_micros() / TICK.as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// The first tick that is not before `at`.
    fn tick_of(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.started).as_micros();
        u64::try_from(micros.div_ceil(TICK.as_micros())).unwrap_or(u64::MAX)
    }

    fn at(&self, tick: u64) -> Instant {
        self.started + TICK * u32::try_from(tick).unwrap_or(u32::MAX)
    }

    fn wheel(&self) -> MutexGuard<'_, Wheel> {
        // No code that can panic runs under the lock; a poisoned wheel is still a whole one.
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wheel {
    /// Puts a session into the place of `tick`, or of the horizon where that is nearer.
    fn put(&mut self, index: usize, tick: u64) {
        let tick = tick.clamp(self.served + 1, self.served + HORIZON);
        if let Some(Some(session)) = self.sessions.get_mut(index) {
            session.placed = Some(tick);
        }
        if let Some(place) = self.slots.get_mut(slot_of(tick)) {
            place.push(index);
            self.waiting += 1;
        }
    }
}

impl TimerSlot {
    /// Wakes `waker` at the first tick that is not before `at`, instead of the time that was set
    /// before. `now` is when the session was woken.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant, waker: &Waker) {
        let tick = self.timers.tick_of(at);
        if let Some(armed) = self.armed
            && (armed == tick || armed < tick && self.timers.at(armed) > now + NEAR)
        {
            return;
        }
        self.armed = Some(self.timers.arm(self.index, tick, waker));
    }

    /// To be called when the session runs: forgets a wake-up that has passed, so that [`Self::arm`]
    /// sets the next one.
    pub(crate) fn passed(&mut self, now: Instant) {
        if self.armed.is_some_and(|armed| self.timers.at(armed) <= now) {
            self.armed = None;
        }
    }
}

impl Drop for TimerSlot {
    fn drop(&mut self) {
        self.timers.leave(self.index);
    }
}

fn slot_of(tick: u64) -> usize {
    usize::try_from(tick % HORIZON).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    /// Sleeps by the wheel, as a session does.
    async fn sleep(timers: &Arc<Timers>, span: Duration) -> Duration {
        let started = Instant::now();
        let at = started + span;
        let mut slot = timers.slot();
        let mut wakes = 0_u32;
        poll_fn(|cx| {
            let now = Instant::now();
            slot.passed(now);
            if now >= at {
                return Poll::Ready(());
            }
            wakes += 1;
            assert!(wakes < 100, "woken again and again before the time");
            slot.arm(at, now, cx.waker());
            Poll::Pending
        })
        .await;
        started.elapsed()
    }

    fn driven() -> Arc<Timers> {
        let timers = Timers::new();
        tokio::spawn(Arc::clone(&timers).drive());
        timers
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_met_within_a_tick_and_never_early() {
        let timers = driven();
        for millis in [0, 1, 9, 10, 11, 100, 199, 5_000] {
            let span = Duration::from_millis(millis);
            let slept = sleep(&timers, span).await;
            // Tokio's own clock rounds up by a millisecond.
            let late = TICK + Duration::from_millis(2);
            assert!(slept >= span && slept <= span + late, "{span:?}: {slept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_beyond_the_horizon_is_met_too() {
        let timers = driven();
        let span = Duration::from_secs(61);
        let slept = sleep(&timers, span).await;
        assert!(slept >= span && slept < span + 2 * TICK, "{slept:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_calls_are_each_woken_at_their_own_time() {
        let timers = driven();
        let mut calls = Vec::new();
        for call in 0..500_u64 {
            let timers = Arc::clone(&timers);
            calls.push(tokio::spawn(async move {
                let span = Duration::from_millis(call * 37 % 7_000);
                (span, sleep(&timers, span).await)
            }));
        }
        for call in calls {
            let (span, slept) = call.await.unwrap();
            assert!(
                slept >= span && slept < span + 2 * TICK,
                "{span:?}: {slept:?}"
            );
        }
        let wheel = timers.wheel();
        assert_eq!(wheel.waiting, 0);
        assert_eq!(wheel.vacant.len(), wheel.sessions.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_nearer_deadline_replaces_a_further_one() {
        let timers = driven();
        let started = Instant::now();
        let mut slot = timers.slot();
        let mut polls = 0_u32;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                slot.arm(started + Duration::from_secs(4), started, cx.waker());
                slot.arm(started + Duration::from_millis(50), started, cx.waker());
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        assert!(started.elapsed() < Duration::from_millis(70));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_away_does_not_wake() {
        let timers = driven();
        let started = Instant::now();
        let mut slot = timers.slot();
        let mut polls = 0_u32;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                slot.arm(started + Duration::from_millis(50), started, cx.waker());
                slot.arm(started + Duration::from_millis(900), started, cx.waker());
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        assert!(started.elapsed() >= Duration::from_millis(900));
        assert_eq!(timers.wheel().waiting, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_ended_is_not_woken_and_its_place_is_used_again() {
        let timers = driven();
        let mut first = timers.slot();
        let soon = Instant::now() + Duration::from_millis(30);
        first.arm(soon, Instant::now(), Waker::noop());
        let index = first.index;
        drop(first);
        let second = timers.slot();
        assert_eq!(second.index, index);
        // The stale entry of the first must not be taken for the second's.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(
            timers.wheel().sessions[index]
                .as_ref()
                .unwrap()
                .waker
                .is_none()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waking_all_reaches_a_call_that_sleeps() {
        let timers = driven();
        let waiting = {
            let timers = Arc::clone(&timers);
            tokio::spawn(async move {
                let mut slot = timers.slot();
                let mut polls = 0_u32;
                poll_fn(|cx| {
                    polls += 1;
                    let now = Instant::now();
                    slot.arm(now + Duration::from_secs(4), now, cx.waker());
                    if polls == 1 {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
                .await;
                Instant::now()
            })
        };
        tokio::task::yield_now().await;
        let now = Instant::now();
        timers.wake_all();
        assert_eq!(waiting.await.unwrap(), now);
    }
}
