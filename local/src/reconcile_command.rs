//! `trunkline reconcile`: compares the recordings at the carrier's account with ours, or deletes there by ids, and
//! prints what came of it.
//!
//! It walks by itself, so that nothing need run; where something does, both go on from the same place. What is done
//! about a recording is decided in `service`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use carrier::Connection;
use carrier::connection::Patience;
use jiff::Timestamp;
use model::{CallId, LeftBecause};
use serde::Serialize;
use service::Ids;
use service::call::carrier_recordings::{
    CarrierRecordings, Deleted, Deletion, DeletionRefused, ReconcileStep, ReconciliationReport,
    ReconciliationState,
};
use store::LeftRecording;

use crate::cli::Reconcile;
use crate::demo::scene::say;
use crate::installation::Found;

/// Before a step that failed is tried again, or one that somebody else is at.
const PAUSE: Duration = Duration::from_secs(1);
/// How long somebody else is waited for: longer than the lease of one who died.
const WAIT_MAX: Duration = Duration::from_secs(180);
/// Recordings that are named on a terminal; `--json` has all that are named at all.
const SHOWN_MAX: usize = 50;

/// Compares or deletes, prints, and tells by its status whether all of it was done.
///
/// # Errors
/// When the state folder cannot be read, there is no carrier, or storage does not answer.
pub(crate) fn run(arguments: &Reconcile) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(Box::pin(begin(arguments)))
}

async fn begin(arguments: &Reconcile) -> anyhow::Result<ExitCode> {
    let found = Found::here().await?;
    let done = Box::pin(act(&found, arguments)).await;
    if let Some(engines) = found.engines {
        engines
            .stop()
            .await
            .context("stopping the embedded engines")?;
    }
    done
}

async fn act(found: &Found, arguments: &Reconcile) -> anyhow::Result<ExitCode> {
    let recordings = recordings_of(found)?;
    let complete = if arguments.delete.is_empty() {
        let report = compared(&recordings).await?;
        if arguments.json {
            say(&as_json(&Document::from(&report))?);
        } else {
            say(&told(&found.about, &report));
        }
        report.state == ReconciliationState::Finished
    } else {
        let mut deletions = Vec::new();
        for ids in arguments.delete.chunks(CarrierRecordings::DELETIONS_MAX) {
            deletions.extend(Box::pin(recordings.delete_by_ids(None, ids)).await);
        }
        if arguments.json {
            let documents: Vec<_> = deletions.iter().map(DeletionDocument::from).collect();
            say(&as_json(&documents)?);
        } else {
            say(&told_of(&deletions));
        }
        deletions
            .iter()
            .all(|one| !matches!(one.result, Deleted::Refused(_)))
    };
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn recordings_of(found: &Found) -> anyhow::Result<CarrierRecordings> {
    let (settings, _told_by_the_doctor) = found.installation.variables.settings_and_problems();
    let store = found.installation.store.as_ref();
    let store = store.with_context(|| found.about.clone())?;
    let connection = Connection::of(&settings.carrier, Patience::Usual)
        .context("there is no carrier to ask; a simulated one is there while Trunkline runs")?;
    let clock = Arc::clone(&found.installation.clock);
    let ids = Ids::new(Arc::clone(&clock));
    Ok(CarrierRecordings::new(store, connection.client, clock, ids))
}

/// Walks until the run is over.
async fn compared(recordings: &CarrierRecordings) -> anyhow::Result<ReconciliationReport> {
    recordings.begin().await.context("beginning to compare")?;
    let mut waited = Duration::ZERO;
    loop {
        match recordings.step().await.context("comparing recordings")? {
            ReconcileStep::Ended | ReconcileStep::Nothing => break,
            ReconcileStep::More => waited = Duration::ZERO,
            ReconcileStep::Failed => tokio::time::sleep(PAUSE).await,
            ReconcileStep::Busy if waited >= WAIT_MAX => break,
            ReconcileStep::Busy => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
        }
    }
    let report = recordings.report(None).await;
    report.context("reading what came of it")
}

/// The report as a person reads it.
fn told(about: &str, report: &ReconciliationReport) -> String {
    let counts = report.counts;
    let state = match (report.state, &report.problem) {
        (ReconciliationState::Finished, _) => "all of them were compared".to_owned(),
        (ReconciliationState::Failed, Some(problem)) => format!("GIVEN UP: {problem}"),
        (ReconciliationState::Failed, None) => "GIVEN UP".to_owned(),
        (ReconciliationState::Running | ReconciliationState::None, _) => {
            "somebody else is still at it".to_owned()
        }
    };
    let mut told = format!(
        "Recordings at the carrier, of {about}: {state}\n\n\
         {:>7}  deleted there: ours, and the copy is in the bucket\n\
         {:>7}  on their way to be copied: ours, deleted there after it\n\
         {:>7}  left alone for now: of calls that are on or have just ended\n\
         {:>7}  left there\n",
        counts.deleted, counts.queued, counts.waiting, counts.left
    );
    if !report.left.is_empty() {
        told.push('\n');
    }
    for left in report.left.iter().take(SHOWN_MAX) {
        told.push_str(&line(left));
    }
    let shown = u64::try_from(report.left.len().min(SHOWN_MAX)).unwrap_or(u64::MAX);
    let more = counts.left.saturating_sub(shown);
    if more > 0 {
        told.push_str(&format!("and {more} more\n"));
    }
    if report
        .left
        .iter()
        .any(|one| one.because == LeftBecause::NotOurs)
    {
        told.push_str(
            "\nWhat is not ours is deleted only by its id: cargo run -- reconcile --delete ID…\n",
        );
    }
    told.truncate(told.trim_end().len());
    told
}

fn line(left: &LeftRecording) -> String {
    let or = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let why = match left.because {
        LeftBecause::NotOurs => "not ours",
        LeftBecause::AnotherRecording => "another recording of a call of ours",
        LeftBecause::CopyMissing => "ours, and our copy is gone",
        LeftBecause::NothingRecorded => "ours, nothing was recorded",
        LeftBecause::NotDeleted => "ours and copied, the carrier does not delete it",
    };
    let call = left.call_id.map(|id| format!(" ({id})"));
    format!(
        "{}  {:>20}  {:>6}  {:>10}  {why}{}\n",
        left.carrier_recording_id,
        or(left.started_at.map(|at| at.to_string())),
        or(left.duration_seconds.map(|seconds| format!("{seconds} s"))),
        or(left
            .bytes_about
            .map(|bytes| format!("{} kB", bytes / 1_000))),
        call.unwrap_or_default(),
    )
}

fn told_of(deletions: &[Deletion]) -> String {
    let lines: Vec<String> = deletions
        .iter()
        .map(|one| {
            let what = match one.result {
                Deleted::Done => "deleted",
                Deleted::NotThere => "not there",
                Deleted::Refused(because) => match because {
                    DeletionRefused::NoVerifiedCopy => {
                        "REFUSED: of a call of ours that has no verified copy"
                    }
                    DeletionRefused::NotFinished => "REFUSED: not over for long enough",
                    DeletionRefused::NotDeleted => "REFUSED: the carrier does not delete it",
                    DeletionRefused::Unavailable => {
                        "REFUSED: carrier or storage do not answer; ask again"
                    }
                    DeletionRefused::NotTried => "REFUSED: there was no time left; ask again",
                },
            };
            format!("{}  {what}", one.carrier_recording_id)
        })
        .collect();
    lines.join("\n")
}

fn as_json<T: Serialize>(document: &T) -> anyhow::Result<String> {
    serde_json::to_string_pretty(document).context("writing the report")
}

/// The report for programs, in the words of the API's answer.
#[derive(Serialize)]
struct Document<'a> {
    state: ReconciliationState,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    problem: Option<&'a str>,
    deleted: u64,
    queued: u64,
    waiting: u64,
    left: u64,
    recordings: Vec<LeftDocument<'a>>,
    omitted: u64,
    next_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct LeftDocument<'a> {
    carrier_recording_id: &'a str,
    because: LeftBecause,
    call_id: Option<CallId>,
    started_at: Option<Timestamp>,
    duration_seconds: Option<u32>,
    bytes_about: Option<u64>,
}

#[derive(Serialize)]
struct DeletionDocument<'a> {
    carrier_recording_id: &'a str,
    result: &'static str,
    refused_because: Option<DeletionRefused>,
}

impl<'a> From<&'a ReconciliationReport> for Document<'a> {
    fn from(report: &'a ReconciliationReport) -> Self {
        let left = report.left.iter().map(|left| LeftDocument {
            carrier_recording_id: &left.carrier_recording_id,
            because: left.because,
            call_id: left.call_id,
            started_at: left.started_at,
            duration_seconds: left.duration_seconds,
            bytes_about: left.bytes_about,
        });
        Self {
            state: report.state,
            started_at: report.started_at,
            ended_at: report.ended_at,
            problem: report.problem.as_deref(),
            deleted: report.counts.deleted,
            queued: report.counts.queued,
            waiting: report.counts.waiting,
            left: report.counts.left,
            recordings: left.collect(),
            omitted: report.omitted,
            next_at: report.next_at,
        }
    }
}

impl<'a> From<&'a Deletion> for DeletionDocument<'a> {
    fn from(deletion: &'a Deletion) -> Self {
        let (result, refused_because) = match deletion.result {
            Deleted::Done => ("deleted", None),
            Deleted::NotThere => ("not_there", None),
            Deleted::Refused(because) => ("refused", Some(because)),
        };
        Self {
            carrier_recording_id: &deletion.carrier_recording_id,
            result,
            refused_because,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_with_its_day_and_size_and_the_rest_is_counted() {
        let foreign = LeftRecording {
            carrier_recording_id: "RE1".to_owned(),
            because: LeftBecause::NotOurs,
            call_id: None,
            tenant_id: None,
            started_at: Some("2026-11-20T23:00:00Z".parse().unwrap()),
            duration_seconds: Some(19),
            bytes_about: Some(608_000),
        };
        let report = ReconciliationReport {
            state: ReconciliationState::Finished,
            started_at: None,
            ended_at: None,
            problem: None,
            counts: store::ReconciliationCounts {
                deleted: 200,
                queued: 1,
                waiting: 0,
                left: 200,
            },
            left: vec![foreign; 200],
            omitted: 0,
            next_at: None,
        };
        let told = told("the installation in x", &report);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines.first().copied(),
            Some("Recordings at the carrier, of the installation in x: all of them were compared")
        );
        assert!(lines.contains(&"    200  left there"), "{told}");
        let named = "RE1  2026-11-20T23:00:00Z    19 s      608 kB  not ours";
        assert_eq!(lines.iter().filter(|line| **line == named).count(), 50);
        assert!(lines.contains(&"and 150 more"), "{told}");
        assert!(told.ends_with("cargo run -- reconcile --delete ID…"));
    }
}
