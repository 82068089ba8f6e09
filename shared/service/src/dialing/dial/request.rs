//! The one request of a call's life (promise P1).

use std::time::Duration;

use carrier::call::{CreateCall, MachineDetection, MachineDetectionMode, RecordCall};
use carrier::{CarrierCallId, CreateError};
use jiff::{SignedDuration, Timestamp};
use model::{AmdMode, AmdThresholds, Outcome, TokenId};
use store::{CallRow, Progress, Reserved};
use tracing::warn;
use url::Url;

use super::gate::PACE_AHEAD_MAX;
use super::{DialJobs, DialResult, PlaceError, REQUEST_DELAY_MAX};
use crate::call::ending::is_recorded;
use crate::call::lifecycle::Fact;

/// How long it rings.
pub(crate) const RING_TIMEOUT: Duration = Duration::from_secs(45);
/// What the carrier allows a call beyond the agent's own limit, so that the farewell is heard.
const TIME_LIMIT_MARGIN: Duration = Duration::from_secs(60);
/// The usual ceiling of an account (`docs/protocols/carriers.md#calls`).
const TIME_LIMIT_MAX: Duration = Duration::from_secs(14_400);
/// Calls that the carrier holds back longer than this are looked at again: what was allowed when it was
/// asked must be allowed when it rings.
const CARRIER_QUEUE_MAX: SignedDuration = SignedDuration::from_secs(2);
/// Connections that are tried for the one request while nothing has been sent.
const CONNECT_TRIES_MAX: u32 = 3;
const CONNECT_PAUSE: Duration = Duration::from_millis(500);

impl DialJobs {
    /// The one request of a call's life.
    pub(super) async fn ask(
        &self,
        row: &CallRow,
        request: &CreateCall,
        place: Timestamp,
    ) -> Result<DialResult, PlaceError> {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        let mut place = place;
        for attempt in 1..=CONNECT_TRIES_MAX {
            self.wait_until(place).await;
            while self.is_late(place) && self.since_gate(row) <= REQUEST_DELAY_MAX {
                // Who is through the gate waits longer for another place than who is before it.
                let left = REQUEST_DELAY_MAX - self.since_gate(row);
                match self.reserve((left / 2).max(PACE_AHEAD_MAX)).await? {
                    Reserved::Granted(at) => place = at,
                    Reserved::Later(_) => {
                        let outcome = Outcome::CarrierRateLimited;
                        return self.not_placed(tenant, call, outcome).await;
                    }
                }
                self.wait_until(place).await;
            }
            if self.since_gate(row) > REQUEST_DELAY_MAX {
                warn!(call.id = %call, "too late after the gate to begin the request");
                break;
            }
            let problem = match self.carrier.place(request).await {
                Ok(carrier_call) => {
                    let queue = carrier_call.queue_ms.unwrap_or_default();
                    let carrier_call_id = String::from(carrier_call.id);
                    let placed = self.placed(tenant, call, carrier_call_id.clone()).await?;
                    Box::pin(self.look_behind_queue(row, &carrier_call_id, queue)).await?;
                    return Ok(placed);
                }
                Err(problem) => problem,
            };
            metrics::counter!("trunkline_carrier_create_failures_total", "kind" => problem.code())
                .increment(1);
            warn!(call.id = %call, kind = problem.code(), "the carrier did not confirm the call");
            match problem {
                CreateError::Unknown(_) => return self.look_later(&row.call).await,
                // Nothing was sent: trying again is still the first request.
                CreateError::NotSent(_) if attempt < CONNECT_TRIES_MAX => {
                    tokio::time::sleep(CONNECT_PAUSE * attempt).await;
                }
                CreateError::NotSent(_)
                | CreateError::Unsupported(_)
                | CreateError::Invalid(_)
                | CreateError::RateLimited { .. }
                | CreateError::Refused(_) => {
                    let outcome = problem.outcome().unwrap_or(Outcome::PlatformFailed);
                    return self.not_placed(tenant, call, outcome).await;
                }
            }
        }
        self.not_placed(tenant, call, Outcome::PlatformFailed).await
    }

    /// A call that the carrier holds back is taken back if it may not ring by then.
    pub(super) async fn look_behind_queue(
        &self,
        row: &CallRow,
        carrier_call_id: &str,
        queue_ms: u32,
    ) -> Result<(), PlaceError> {
        let queue = SignedDuration::from_millis(i64::from(queue_ms));
        if queue <= CARRIER_QUEUE_MAX {
            return Ok(());
        }
        let call = row.call.id;
        warn!(call.id = %call, queue_ms, "the carrier holds a call back");
        let rings_at = self.now().checked_add(queue).unwrap_or(Timestamp::MAX);
        let known = Box::pin(self.known(row)).await?;
        let permit = known.permit(row, rings_at);
        if permit.allowed {
            return Ok(());
        }
        // Only while it does not ring. Where it cannot be taken back, its callbacks tell how it went.
        let Ok(id) = carrier_call_id.parse::<CarrierCallId>() else {
            return Ok(());
        };
        match self.carrier.cancel(&id).await {
            Ok(_cancelled) => {
                let ended = self.turn_back(row, Fact::TakenBack, permit).await;
                ended.map(|_ended| ())
            }
            Err(problem) => {
                warn!(call.id = %call, kind = problem.code(), "the carrier did not take a call back");
                Ok(())
            }
        }
    }

    pub(super) fn request(&self, row: &CallRow, token: TokenId) -> CreateCall {
        let (tenant, call) = (row.call.tenant_id, row.call.id);
        CreateCall {
            to: row.call.to.clone(),
            from: row.call.from.clone(),
            instructions: self.links.connect(tenant, call, token),
            status_callback: self.links.status(tenant, call),
            ring_timeout: Some(RING_TIMEOUT),
            duration_max: Some(time_limit(row.progress.max_duration_seconds)),
            recording: is_recorded(&row.call).then(|| RecordCall {
                status_callback: self.links.recording(tenant, call),
            }),
            machine_detection: machine_detection(&row.progress, self.links.amd(tenant, call)),
        }
    }
}

/// Always in the background: nobody waits for it in silence.
fn machine_detection(progress: &Progress, callback: Url) -> Option<MachineDetection> {
    let mode = match progress.detect {
        AmdMode::Off => return None,
        AmdMode::Start => MachineDetectionMode::Start,
        AmdMode::MessageEnd => MachineDetectionMode::MessageEnd,
    };
    let AmdThresholds {
        timeout_seconds,
        speech_threshold_ms,
        speech_end_threshold_ms,
        silence_timeout_ms,
    } = progress.thresholds;
    Some(MachineDetection {
        mode,
        callback,
        timeout_seconds: Some(timeout_seconds),
        speech_threshold_ms: Some(speech_threshold_ms),
        speech_end_threshold_ms: Some(speech_end_threshold_ms),
        silence_timeout_ms: Some(silence_timeout_ms),
    })
}

/// When the carrier ends the call although nobody of us did: what it costs is bounded even if every
/// worker is gone.
pub(crate) fn time_limit(max_duration_seconds: u32) -> Duration {
    let agent = Duration::from_secs(u64::from(max_duration_seconds));
    (agent + TIME_LIMIT_MARGIN).min(TIME_LIMIT_MAX)
}
