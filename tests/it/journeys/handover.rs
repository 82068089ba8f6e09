//! Workers come and go while people talk: a planned stop that nobody notices, and a machine that is gone.

use std::net::SocketAddr;
use std::time::Duration;

use local::demo::client::TurnView;
use media_worker::Worker;
use model::{CallId, Outcome, Speaker};
use sim::balancer::Balancer;
use sim::person::{Experience, Log};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::hearing::assert_heard;
use super::{Installation, PATIENCE, said_by, words};

/// What everybody says, one after the other, each after the agent's answer.
const LINES: [&str; 4] = [
    "Yes, I can make it.",
    "Is there any parking?",
    "How long does it take?",
    "No, thank you. Goodbye.",
];
const BRIDGE: &str = "Sorry, the line was gone for a moment.";
const CALLS: usize = 6;

/// A media worker with a port of its own, behind the balancer.
struct Beside {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Beside {
    async fn start(here: &Installation, balancer: &Balancer) -> Self {
        let platform = &here.platform;
        let parts = media_worker::worker_parts(platform.settings(), &platform.parts, None).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let worker = Worker::start(parts);
        let serving = tokio::spawn(async move {
            let served = media_worker::serve(worker, listener, None, stopped).await;
            served.unwrap();
        });
        assert!(balancer.add(address, PATIENCE).await, "the worker serves");
        Self {
            address,
            stop,
            serving,
        }
    }

    /// Stops it, and waits until its last call is gone.
    async fn stop(self) {
        self.stop.cancel();
        let stopped = tokio::time::timeout(PATIENCE, self.serving).await;
        stopped.expect("the worker lets go of its calls").unwrap();
    }
}

async fn installation(balancer: &Balancer) -> Installation {
    let media = balancer.url().parse().unwrap();
    let here = Installation::start_with(|settings| {
        settings.public.media_url = Some(media);
        settings.worker.drain = PATIENCE;
    })
    .await;
    let script: Vec<String> = LINES.iter().map(|line| format!("says {line:?}")).collect();
    let person: sim::person::Person = format!("answers after 1 rings\n{}", script.join("\n"))
        .parse()
        .unwrap();
    let carrier = here.platform.far_side.carrier.as_ref().unwrap();
    for nth in 0..CALLS {
        carrier.set_person(&number(nth), person.clone());
    }
    here
}

fn number(nth: usize) -> String {
    format!("+1415555020{nth}")
}

/// All calls, each when the agent has said something.
async fn calls(here: &Installation) -> Vec<CallId> {
    let mut calls = Vec::new();
    for nth in 0..CALLS {
        calls.push(here.call(&number(nth)).await);
    }
    for id in &calls {
        here.until(*id, "the greeting", |call| !call.turns.is_empty())
            .await;
    }
    calls
}

fn said(log: &Log) -> String {
    let entries = log.entries().iter();
    let said = entries.filter_map(|entry| match entry {
        Experience::Said { text, .. } => Some(text.as_str()),
        Experience::Heard(_)
        | Experience::Pressed { .. }
        | Experience::Beeped { .. }
        | Experience::HungUp { .. } => None,
    });
    said.collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_replaced_while_people_talk_and_nobody_notices() {
    let balancer = Balancer::start().await.unwrap();
    let here = installation(&balancer).await;
    let old = Beside::start(&here, &balancer).await;
    let calls = calls(&here).await;
    let new = Beside::start(&here, &balancer).await;
    old.stop().await;

    for id in calls {
        let call = here.ended(id).await;
        assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
        let seen = here.at_the_phone(&call).await;
        assert_eq!(seen.streams, 2, "handed over once: {call:#?}");
        let agent = said_by(&call, Speaker::Agent);
        assert!(!agent.iter().any(|text| text == BRIDGE), "{agent:#?}");
        // Not a word of either side is lost or said twice.
        let customer = said_by(&call, Speaker::Customer).join(" ");
        assert_eq!(words(&said(&seen.log)), words(&LINES.join(" ")));
        assert_eq!(words(&customer), words(&LINES.join(" ")));
        assert_heard(&seen, &agent.join(" "));
        assert!(seen.log.garbled_words() == 0 || seen.playout.underruns > 0);
    }
    new.stop().await;
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_gone_and_its_calls_go_on_with_a_short_apology() {
    let balancer = Balancer::start().await.unwrap();
    let here = installation(&balancer).await;
    let lost = Beside::start(&here, &balancer).await;
    let calls = calls(&here).await;
    let other = Beside::start(&here, &balancer).await;
    balancer.cut(lost.address);

    for id in calls {
        let call = here.ended(id).await;
        assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
        let seen = here.at_the_phone(&call).await;
        assert_eq!(seen.streams, 2, "resumed once: {call:#?}");
        // Somebody who talks on may interrupt it.
        let begun = |turn: &&TurnView| turn.intended.as_ref().unwrap_or(&turn.text) == BRIDGE;
        let apologies = call.turns.iter().filter(begun).count();
        assert_eq!(apologies, 1, "{call:#?}");
        let gap = seen.gaps[0].to_ms - seen.gaps[0].from_ms;
        assert!(gap < 5_000, "{gap} ms between two streams");
    }
    lost.stop().await;
    other.stop().await;
    here.finish().await;
}

/// Nobody else is there: a call is not sent away into nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_worker_that_stops_keeps_its_calls_to_their_end() {
    let balancer = Balancer::start().await.unwrap();
    let here = installation(&balancer).await;
    let only = Beside::start(&here, &balancer).await;
    let id = here.call(&number(0)).await;
    here.until(id, "the greeting", |call| !call.turns.is_empty())
        .await;
    only.stop().await;
    let call = here.ended(id).await;
    assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
    assert_eq!(here.at_the_phone(&call).await.streams, 1);
    tokio::time::timeout(Duration::from_secs(10), here.finish())
        .await
        .unwrap();
}
