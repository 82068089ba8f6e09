//! What a worker says of itself to those who give calls to workers or decide how many there are.
//!
//! Every worker renews its row (`service::dialing::workforce`). It writes its metrics among its logs, how many calls it
//! holds above all: the service grows and shrinks by the average. And while it holds calls it asks ECS to end
//! idle workers before it (Amazon ECS developer guide, "Task scale-in protection"). No call hangs on any of
//! it: a worker that has to go hands its calls over.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Client;
use service::dialing::workforce::BEAT_EVERY;
use store::WorkerState;
use tokio::time::{Instant, MissedTickBehavior};
use url::Url;

use crate::handover::readiness::calls_arrive;
use crate::process::worker::Worker;

/// A metric of CloudWatch has a point a minute; told twice in each, so that none is without.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// How often is looked whether calls are held.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A protection that is not renewed ends after this: ECS counts in minutes.
const PROTECTED_MINUTES: u32 = 2;
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// ECS waits with a deploy for protected workers. After so long with calls at every look a worker is left
/// unprotected for [`OPEN_FOR`], so that a deploy that waits gets its turn and the calls are handed over.
const PROTECTED_AT_A_TIME: Duration = Duration::from_secs(15 * 60);
const OPEN_FOR: Duration = Duration::from_secs(5 * 60);
/// The agent is on the same machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new worker may take to be reached at the public address, by way of the load balancer. One that
/// cannot see itself from inside is counted after that: the carrier may see more.
const REACHED_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long the table may take to forget a worker that stops; its row ends by itself.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Keeps the worker's row among the workers, from when calls arrive on. What the table does not take is said
/// again at the next beat.
pub async fn enlist(worker: &Worker) {
    let arrive = calls_arrive(worker.media_socket());
    if tokio::time::timeout(REACHED_WAIT_MAX, arrive)
        .await
        .is_err()
    {
        tracing::warn!("this worker does not see itself at the public media address");
    }
    stay_enlisted(worker).await;
}

/// Keeps the worker's row among the workers, from now on.
pub async fn stay_enlisted(worker: &Worker) {
    let Some(enlisted) = worker.enlisted() else {
        return std::future::pending().await;
    };
    loop {
        let serving = worker.is_serving();
        let state = if serving {
            WorkerState::Ready
        } else {
            WorkerState::Draining
        };
        let count = |calls| u32::try_from(calls).unwrap_or(u32::MAX);
        let (calls, calls_max) = (count(worker.calls()), count(worker.settings().calls_max));
        if let Err(error) = Box::pin(enlisted.beat(state, calls, calls_max)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "others could not be told that this worker is there"
            );
        }
        // That it stops is said at once.
        tokio::select! {
            () = tokio::time::sleep(BEAT_EVERY) => {}
            () = worker.stops(), if serving => {}
        }
    }
}

/// Takes the worker's row away.
pub async fn leave(worker: &Worker) {
    let Some(enlisted) = worker.enlisted() else {
        return;
    };
    let left = tokio::time::timeout(LEAVE_WAIT_MAX, Box::pin(enlisted.leave())).await;
    if !matches!(left, Ok(Ok(()))) {
        tracing::warn!("others could not be told that this worker is gone");
    }
}

/// Says again and again how many calls the worker holds, and what else there is to say.
pub(crate) async fn tell_metrics(worker: &Worker) {
    let mut tick = tokio::time::interval(TELL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        worker.tell_metrics();
    }
}

/// Keeps the worker protected while it holds calls, if it runs where `agent` is.
pub(crate) async fn protect(worker: &Worker, agent: Option<&Url>) {
    let Some(agent) = agent else {
        return std::future::pending().await;
    };
    let agent = match Agent::new(agent) {
        Ok(agent) => agent,
        Err(error) => {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "ECS cannot be asked"
            );
            return std::future::pending().await;
        }
    };
    let mut protection = Protection::default();
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(protected) = protection.wanted(worker.calls() > 0, Instant::now()) else {
            continue;
        };
        match agent.put(protected).await {
            Ok(()) => protection.is(protected, Instant::now()),
            // It is tried again at the next look; until then an idle worker may outlive this one.
            Err(error) => tracing::warn!(
                error = &*error as &dyn std::error::Error,
                protected,
                "ECS did not take what protects this worker"
            ),
        }
    }
}

/// What ECS was told, and since when.
#[derive(Debug, Default)]
struct Protection {
    /// Since when without a break, and when it was told last.
    held: Option<(Instant, Instant)>,
    open_until: Option<Instant>,
}

impl Protection {
    /// What ECS is to be told now, if anything.
    fn wanted(&self, holds_calls: bool, now: Instant) -> Option<bool> {
        let open = self.open_until.is_some_and(|until| now < until);
        match self.held {
            None => (holds_calls && !open).then_some(true),
            Some((since, _told)) if !holds_calls || now >= since + PROTECTED_AT_A_TIME => {
                Some(false)
            }
            Some((_since, told)) => (now >= told + RENEW_EVERY).then_some(true),
        }
    }

    /// ECS took it.
    fn is(&mut self, protected: bool, now: Instant) {
        if protected {
            let since = self.held.map_or(now, |(since, _told)| since);
            self.held = Some((since, now));
            return;
        }
        if let Some((since, _told)) = self.held.take()
            && now >= since + PROTECTED_AT_A_TIME
        {
            self.open_until = Some(now + OPEN_FOR);
        }
    }
}

/// The agent of ECS beside the container.
struct Agent {
    client: Client,
    url: Url,
}

impl Agent {
    fn new(base: &Url) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(ANSWER_TIMEOUT).no_proxy().build();
        let mut url = base.clone();
        let path = format!(
            "{}/task-protection/v1/state",
            url.path().trim_end_matches('/')
        );
        url.set_path(&path);
        Ok(Self {
            client: client.context("building an HTTP client")?,
            url,
        })
    }

    async fn put(&self, protected: bool) -> anyhow::Result<()> {
        let body = if protected {
            format!(r#"{{"ProtectionEnabled":true,"ExpiresInMinutes":{PROTECTED_MINUTES}}}"#)
        } else {
            r#"{"ProtectionEnabled":false}"#.to_owned()
        };
        let asked = self.client.put(self.url.clone());
        let asked = asked.header("content-type", "application/json").body(body);
        let answer = asked.send().await.context("asking the agent of ECS")?;
        let status = answer.status();
        let text = answer.text().await.context("reading its answer")?;
        // A refusal of the service behind it comes with status 200 and a field that says so.
        anyhow::ensure!(
            status.is_success() && !text.contains(r#""failure""#) && !text.contains(r#""error""#),
            "it answered {status}: {text}"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every five seconds for so long; answers what ECS was told, in seconds from the beginning.
    fn told(seconds: u64, holds_calls: impl Fn(u64) -> bool) -> Vec<(u64, bool)> {
        let begin = Instant::now();
        let mut protection = Protection::default();
        let mut told = Vec::new();
        for second in (0..seconds).step_by(5) {
            let now = begin + Duration::from_secs(second);
            if let Some(protected) = protection.wanted(holds_calls(second), now) {
                protection.is(protected, now);
                told.push((second, protected));
            }
        }
        told
    }

    #[test]
    fn a_worker_is_protected_while_it_holds_calls() {
        let calls = |second| (10..150).contains(&second);
        let expected = [(10, true), (70, true), (130, true), (150, false)];
        assert_eq!(told(600, calls), expected);
        assert_eq!(told(600, |_second| false), []);
    }

    #[test]
    fn a_worker_that_always_holds_calls_lets_a_deploy_have_its_turn() {
        let told = told(3_600, |_second| true);
        let ends: Vec<u64> = told
            .iter()
            .filter(|(_, held)| !held)
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(ends, [900, 2_100, 3_300]);
        let mut begins = vec![0];
        begins.extend(told.windows(2).filter(|two| !two[0].1).map(|two| two[1].0));
        assert_eq!(begins, [0, 1_200, 2_400]);
        // Renewed well before it would end by itself.
        let gaps = told
            .windows(2)
            .filter(|two| two[0].1)
            .map(|two| two[1].0 - two[0].0);
        assert!(gaps.max() <= Some(u64::from(PROTECTED_MINUTES) * 30));
    }
}
