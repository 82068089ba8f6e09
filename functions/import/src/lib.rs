//! The import queue's function: checks lists of leads, writes them, takes them away again.
//!
//! Takes the batches that SQS delivers and answers which messages must come again. What a message
//! does is the use case `service::lead::imports`; nothing is decided here.

use std::fmt;
use std::sync::Arc;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use service::Context;
use service::lead::imports::{ImportRunError, Imports};
use store::ImportJob;
use telemetry::Chain;
use tracing::{error, info};

/// What the function works with.
#[derive(Clone)]
pub struct ImportState {
    imports: Imports,
}

impl ImportState {
    #[must_use]
    pub fn new(parts: &Context) -> Self {
        let clock = Arc::clone(&parts.clock);
        Self {
            imports: Imports::new(&parts.store, clock, parts.ids.clone()),
        }
    }
}

impl fmt::Debug for ImportState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("import::State").finish_non_exhaustive()
    }
}

/// Works on one batch, its messages side by side; each is sent again by itself before its time is over.
///
/// Messages that could not be worked on, and those that cannot be read, are answered as failed: SQS
/// delivers them again and moves them to the dead-letter queue in the end.
pub async fn handle(event: SqsEvent, state: &ImportState) -> SqsBatchResponse {
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
async fn work(message: &SqsMessage, state: &ImportState) -> bool {
    let body = message.body.as_deref().unwrap_or_default();
    let Ok(job) = serde_json::from_str::<ImportJob>(body) else {
        metrics::counter!("trunkline_import_messages_total", "result" => "unreadable").increment(1);
        error!("a message of the import queue cannot be read");
        return false;
    };
    match state.imports.run(job).await {
        Ok(ran) => {
            metrics::counter!("trunkline_import_messages_total", "result" => "done").increment(1);
            info!(import.id = %job.import_id, tenant.id = %job.tenant_id, result = ran.code(), "import message worked on");
            true
        }
        Err(ImportRunError::Busy) => {
            metrics::counter!("trunkline_import_messages_total", "result" => "again").increment(1);
            info!(import.id = %job.import_id, tenant.id = %job.tenant_id, "another worker is at an import; its message comes again");
            false
        }
        Err(problem @ ImportRunError::Store(_)) => {
            metrics::counter!("trunkline_import_messages_total", "result" => "again").increment(1);
            error!(import.id = %job.import_id, tenant.id = %job.tenant_id, problem = %Chain(&problem), "an import message must come again");
            false
        }
    }
}
