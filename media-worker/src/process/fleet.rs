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
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use url::Url;

use crate::handover::readiness::Question;
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
/// How often it asks meanwhile, and after that.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_EVERY_LATER: Duration = Duration::from_secs(15);
/// How soon it says again that it is not reached; twice as late each time.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(15);
const TOLD_AGAIN_AFTER_MAX: Duration = Duration::from_secs(10 * 60);
/// How long the table may take to forget a worker that stops; its row ends by itself.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Keeps the worker's row among the workers.
///
/// Calls are given to it from when they would come to it on; until then it says why they would not, in the log and
/// to the doctor. What the table does not take is said again at the next beat.
pub async fn enlist(worker: &Worker) {
    let sight = watch::Sender::new(Sight::Unknown);
    tokio::join!(look(worker, &sight), keep_row(worker, sight.subscribe()));
}

/// Keeps the worker's row among the workers, from now on: for a process that carries what comes to it itself.
pub async fn stay_enlisted(worker: &Worker) {
    let sight = watch::Sender::new(Sight::Reached);
    keep_row(worker, sight.subscribe()).await;
}

/// What a new worker knows of its public media address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sight {
    /// It has not heard yet.
    Unknown,
    Reached,
    Unreached {
        why: String,
        /// It has waited for long enough: it takes what comes to it.
        counts: bool,
    },
}

impl Sight {
    /// What the worker says of itself; nothing, before it knows.
    fn state(&self) -> Option<WorkerState> {
        match self {
            Self::Unknown => None,
            Self::Reached | Self::Unreached { counts: true, .. } => Some(WorkerState::Ready),
            Self::Unreached { counts: false, .. } => Some(WorkerState::Unreached),
        }
    }

    fn why(&self) -> Option<String> {
        match self {
            Self::Unknown | Self::Reached => None,
            Self::Unreached { why, .. } => Some(why.clone()),
        }
    }
}

/// Asks at the public media address until it leads to a worker.
async fn look(worker: &Worker, sight: &watch::Sender<Sight>) {
    let settings = worker.settings();
    let Some(question) = Question::at(worker.media_socket(), &settings.proxies) else {
        sight.send_replace(Sight::Reached);
        return;
    };
    let begun = Instant::now();
    let mut telling = Telling::default();
    loop {
        let why = match question.ask().await {
            Ok(()) => break,
            Err(why) => why,
        };
        let counts = begun.elapsed() >= REACHED_WAIT_MAX;
        let url = question.url();
        if telling.is_due(Instant::now()) {
            tracing::warn!(
                %url,
                problem = %why,
                "calls do not come to this worker: MEDIA_URL must lead to its port"
            );
        }
        let counted = matches!(*sight.borrow(), Sight::Unreached { counts: true, .. });
        if counts && !counted {
            tracing::warn!(
                %url,
                "calls are given to this worker all the same: the carrier may see what it does not"
            );
        }
        let why = format!("{url}: {why}");
        sight.send_if_modified(|sight| {
            let now = Sight::Unreached { why, counts };
            let is_news = *sight != now;
            *sight = now;
            is_news
        });
        let pause = if counts { ASK_EVERY_LATER } else { ASK_EVERY };
        tokio::time::sleep(pause).await;
    }
    if telling.has_told() {
        tracing::info!(url = %question.url(), "calls come to this worker now");
    }
    sight.send_replace(Sight::Reached);
}

/// When something that lasts is told: at once, and then ever more seldom.
#[derive(Debug, Default)]
struct Telling {
    next: Option<(Instant, Duration)>,
}

impl Telling {
    fn is_due(&mut self, now: Instant) -> bool {
        let pause = match self.next {
            None => TOLD_AGAIN_AFTER,
            Some((at, _pause)) if now < at => return false,
            Some((_at, pause)) => (pause * 2).min(TOLD_AGAIN_AFTER_MAX),
        };
        self.next = Some((now + pause, pause));
        true
    }

    fn has_told(&self) -> bool {
        self.next.is_some()
    }
}

async fn keep_row(worker: &Worker, mut sight: watch::Receiver<Sight>) {
    let Some(enlisted) = worker.enlisted() else {
        return std::future::pending().await;
    };
    loop {
        let serving = worker.is_serving();
        let seen = sight.borrow_and_update().clone();
        let state = if serving {
            seen.state()
        } else {
            Some(WorkerState::Draining)
        };
        let count = |calls| u32::try_from(calls).unwrap_or(u32::MAX);
        let (calls, calls_max) = (count(worker.calls()), count(worker.settings().calls_max));
        if let Some(state) = state
            && let Err(error) =
                Box::pin(enlisted.beat_unreached(state, calls, calls_max, seen.why())).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "others could not be told that this worker is there"
            );
        }
        let news = async {
            // Once all is seen nobody is left to tell more.
            if sight.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        // That it stops, or sees something else, is said at once.
        tokio::select! {
            () = tokio::time::sleep(BEAT_EVERY) => {}
            () = worker.stops(), if serving => {}
            () = news => {}
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
    fn what_lasts_is_told_at_once_and_then_ever_more_seldom() {
        let begin = Instant::now();
        let mut telling = Telling::default();
        assert!(!telling.has_told());
        let told: Vec<u64> = (0..3_600)
            .filter(|second| telling.is_due(begin + Duration::from_secs(*second)))
            .collect();
        assert_eq!(
            told,
            [0, 15, 45, 105, 225, 465, 945, 1_545, 2_145, 2_745, 3_345]
        );
        assert!(telling.has_told());
    }

    #[test]
    fn a_worker_that_is_not_reached_takes_calls_after_a_while_and_goes_on_saying_why() {
        let unreached = |counts| Sight::Unreached {
            why: "no answer".to_owned(),
            counts,
        };
        assert_eq!(Sight::Unknown.state(), None);
        assert_eq!(unreached(false).state(), Some(WorkerState::Unreached));
        assert_eq!(unreached(true).state(), Some(WorkerState::Ready));
        assert_eq!(unreached(true).why().as_deref(), Some("no answer"));
        assert_eq!(Sight::Reached.state(), Some(WorkerState::Ready));
        assert_eq!(Sight::Reached.why(), None);
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
