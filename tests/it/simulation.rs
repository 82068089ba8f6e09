//! Thousands of calls on virtual time, half of them with something failing on a far side, and every
//! promise of the conversation checked after each. `TRUNKLINE_SIM_SEEDS` plays others: a number of
//! calls (`20000`), or a range (`77..78`, which replays call 77 and shows every step of it).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use conversation::{Interruption, Observation};
use model::MessageCue;
use sim::world::{Gap, Promise, Report, Scene, run};

/// Calls in every run of the tests.
const CALLS: u64 = 3_000;
/// Reports of failed calls that are shown whole.
const SHOWN_MAX: usize = 5;

#[test]
fn every_promise_is_kept_in_thousands_of_calls_with_faults() {
    let seeds = seeds();
    let trace = seeds.end - seeds.start == 1;
    let tally = Mutex::new(Tally::default());
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _thread in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let mut scene = Scene::random(seed);
                    scene.trace = trace;
                    let report = run(&scene);
                    tally.lock().unwrap().note(report);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap();
    if trace {
        print!("{}", tally.shown());
    }
    assert!(
        tally.failed.is_empty(),
        "{} of {} calls broke a promise:\n{}\n{}",
        tally.failed.len(),
        seeds.end - seeds.start,
        tally.by_promise(),
        tally.shown(),
    );
    if seeds.end - seeds.start >= CALLS {
        tally.assert_that_everything_happened();
    }
}

#[derive(Default)]
struct Tally {
    failed: Vec<Report>,
    traced: Option<Report>,
    outcomes: BTreeMap<&'static str, u64>,
    /// Who answered, as the session saw it.
    answers: BTreeMap<&'static str, u64>,
    /// What a message waited for.
    cues: HashMap<MessageCue, u64>,
    /// What breaks broke into.
    gaps: BTreeSet<Gap>,
    observed: HashMap<Observation, u64>,
    /// Calls on whose line somebody was not heard.
    silent: u64,
}

impl Tally {
    fn note(&mut self, report: Report) {
        let outcome = report.outcome.map_or("none", |outcome| outcome.code());
        *self.outcomes.entry(outcome).or_default() += 1;
        let answer = report.answer.unwrap_or_default();
        *self.answers.entry(answer.class.code()).or_default() += 1;
        if let Some(left) = answer.message {
            *self.cues.entry(left.after).or_default() += 1;
        }
        self.silent += u64::from(!report.line.is_empty());
        self.gaps.extend(&report.gaps);
        for observation in &report.observations {
            *self.observed.entry(*observation).or_default() += 1;
        }
        if !report.broken.is_empty() {
            self.failed.push(report);
        } else if !report.trace.is_empty() {
            self.traced = Some(report);
        }
    }

    /// The failed calls of the lowest numbers, with how to see each again.
    fn shown(&mut self) -> String {
        self.failed.sort_by_key(|report| report.seed);
        let reports = self.failed.iter().take(SHOWN_MAX).chain(&self.traced);
        let shown = reports.map(|report| {
            let seed = report.seed;
            format!(
                "TRUNKLINE_SIM_SEEDS={seed}..{} shows every step of:\n{report}\n",
                seed + 1
            )
        });
        shown.collect()
    }

    fn by_promise(&self) -> String {
        let mut counts: BTreeMap<Promise, u64> = BTreeMap::new();
        for broken in self.failed.iter().flat_map(|report| &report.broken) {
            *counts.entry(broken.promise).or_default() += 1;
        }
        counts
            .iter()
            .map(|(promise, count)| format!("  {count:>6} {promise:?}\n"))
            .collect()
    }

    /// A simulation that never interrupts or never loses a vendor proves nothing about it.
    fn assert_that_everything_happened(&self) {
        for outcome in [
            "agent_ended",
            "customer_hung_up",
            "customer_silent",
            "vendor_failed",
            "stream_lost",
            "duration_limit",
            "hung_up_by_user",
            "voicemail",
            "voicemail_left",
            "fax",
            "screened",
            "opted_out",
        ] {
            assert!(
                self.outcomes.contains_key(outcome),
                "no call ended as {outcome}: {:?}",
                self.outcomes
            );
        }
        for answer in ["human", "machine", "screening", "fax", "unknown"] {
            assert!(
                self.answers.contains_key(answer),
                "never seen: {answer}: {:?}",
                self.answers
            );
        }
        assert!(self.silent > 0, "no line was dead");
        for gap in [
            Gap::BeforeVerdict,
            Gap::AfterVerdict,
            Gap::Owed,
            Gap::SpokenInto,
            Gap::InMessage,
        ] {
            assert!(
                self.gaps.contains(&gap),
                "nothing broke into: {gap:?}: {:?}",
                self.gaps
            );
        }
        for cue in [
            MessageCue::Beep,
            MessageCue::Carrier,
            MessageCue::Quiet,
            MessageCue::Begun,
        ] {
            assert!(
                self.cues.contains_key(&cue),
                "no message after: {cue:?}: {:?}",
                self.cues
            );
        }
        for observation in [
            Observation::Interrupted(Interruption::SpeechStarted),
            Observation::Interrupted(Interruption::Words),
            Observation::Interrupted(Interruption::Key),
            Observation::FalseInterruption,
            Observation::BackchannelIgnored,
            Observation::RecognitionRetried,
            Observation::GenerationRetried,
            Observation::SynthesisRetried,
        ] {
            assert!(
                self.observed.contains_key(&observation),
                "never seen: {observation:?}: {:?}",
                self.observed
            );
        }
    }
}

/// The calls to play.
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not a setting of the product"
)]
fn seeds() -> Range<u64> {
    let Ok(wanted) = std::env::var("TRUNKLINE_SIM_SEEDS") else {
        return 0..CALLS;
    };
    match wanted.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..wanted.parse().unwrap(),
    }
}
