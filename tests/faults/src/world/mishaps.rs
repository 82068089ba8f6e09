//! What goes wrong by itself: processes die or are deaf, storage has its storms, clocks step.

use std::sync::Arc;

use jiff::SignedDuration;

use super::World;
use crate::tally::Fault;

impl World {
    /// Everything of ours dies, and starts again.
    pub(super) fn kill(self: &Arc<Self>) {
        self.chance.struck(Fault::Killed);
        self.rows.tell(|| "everything dies".to_owned());
        self.be_deaf();
        self.plug.pull();
        let world = Arc::clone(self);
        if self.fleet.is_none() {
            self.spawn(async move { world.workers.die().await });
        }
    }

    /// Nothing that comes to us is let in for a while.
    fn be_deaf(&self) {
        self.chance.struck(Fault::Deaf);
        let until = self.time.elapsed() + self.chance.ms(1_000..=30_000);
        let mut deaf_until = self.deaf_until.lock().unwrap();
        *deaf_until = until.max(*deaf_until);
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.time.elapsed() < *self.deaf_until.lock().unwrap()
    }

    /// Now and then we are deaf, and half of the time because everything died.
    pub(super) async fn deafness(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(120..=3_600)).await;
            if self.chance.per_mille(500) {
                self.kill();
            } else {
                self.be_deaf();
            }
        }
    }

    /// Now and then the table throttles most of what it is asked, for seconds or minutes.
    pub(super) async fn storms(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(120..=3_600)).await;
            self.chance.struck(Fault::StorageStorm);
            // A worker gives up the end of a conversation after a minute.
            let longest = if self.fleet.is_some() { 20 } else { 90 };
            self.aws
                .throttle(u32::try_from(self.chance.number(200..=900)).unwrap());
            tokio::time::sleep(self.chance.secs(2..=longest)).await;
            self.aws.throttle(0);
        }
    }

    /// Clocks run wrong and are set.
    pub(super) async fn clock_steps(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(60..=1_800)).await;
            let clock = self.chance.pick(&self.clocks);
            let most = i64::try_from(self.weather.clocks_wrong.as_millis()).unwrap();
            let ms = self.chance.number(0..=u64::try_from(2 * most).unwrap());
            let wrong_by = SignedDuration::from_millis(i64::try_from(ms).unwrap() - most);
            clock.step_to(wrong_by);
            self.chance.struck(Fault::ClockStepped);
        }
    }
}
