//! The dial queue's function: places calls, and settles those whose request's answer was lost.
//!
//! Takes the batches that SQS delivers and answers which messages must come again. What a message
//! does is the use case `service::dialing::dial`; nothing is decided here.

use std::fmt;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use service::Context;
use service::dialing::dial::DialJobs;
use store::DialJob;
use telemetry::Chain;
use tracing::{Instrument as _, error, info, info_span};

/// What the function works with.
#[derive(Clone)]
pub struct DialState {
    placing: DialJobs,
}

impl DialState {
    #[must_use]
    pub fn new(parts: &Context) -> Self {
        Self {
            placing: DialJobs::new(parts),
        }
    }
}

impl fmt::Debug for DialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("dial::State").finish_non_exhaustive()
    }
}

/// Works on one batch, its messages side by side (SQS delivers ten at most).
///
/// Messages that could not be worked on, and those that cannot be read, are answered as failed: SQS
/// delivers them again and moves them to the dead-letter queue in the end.
pub async fn handle(event: SqsEvent, state: &DialState) -> SqsBatchResponse {
    let works = event.records.iter().map(async |message| {
        let done = work(message, state).await;
        (message.message_id.clone().unwrap_or_default(), done)
    });
    let mut response = SqsBatchResponse::default();
    for (message_id, done) in join_all(works).await {
        if !done {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// Whether the message is done with.
async fn work(message: &SqsMessage, state: &DialState) -> bool {
    let body = message.body.as_deref().unwrap_or_default();
    let Ok(job) = serde_json::from_str::<DialJob>(body) else {
        metrics::counter!("trunkline_dial_messages_total", "result" => "unreadable").increment(1);
        error!("a message of the dial queue cannot be read");
        return false;
    };
    let span = info_span!(
        "dial",
        call.id = %job.call_id,
        tenant.id = %job.tenant_id,
        trace_id = tracing::field::Empty,
    );
    if let Some(trace) = job.trace_id {
        span.record("trace_id", tracing::field::display(trace));
    }
    work_on(job, state).instrument(span).await
}

async fn work_on(job: DialJob, state: &DialState) -> bool {
    match state.placing.place(job.tenant_id, job.call_id).await {
        Ok(placed) => {
            metrics::counter!("trunkline_dial_messages_total", "result" => "done").increment(1);
            info!(result = placed.code(), "dial message worked on");
            true
        }
        Err(problem) => {
            metrics::counter!("trunkline_dial_messages_total", "result" => "again").increment(1);
            error!(problem = %Chain(&problem), "a dial message must come again");
            false
        }
    }
}
