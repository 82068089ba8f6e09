//! Deleting recordings at the carrier by a list of ids that a person gives: the only way in which what is not ours
//! is deleted. Each is looked at again just before.

use carrier::CarrierRecordingId;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use model::{LeftBecause, TenantId};
use serde::Serialize;
use tracing::warn;

use super::fate::{Fate, is_finished};
use super::{CarrierRecordings, Found, NotDeleted};

/// How long a request begins new deletions: whoever asked waits for the answer.
const DELETING_MAX: SignedDuration = SignedDuration::from_secs(15);
/// Recordings that are dealt with side by side.
const RECORDINGS_AT_ONCE: usize = 8;

/// What became of a recording that was to be deleted at the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    pub carrier_recording_id: String,
    pub result: Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    /// The carrier has no such recording, or it is another tenant's: nobody can tell which.
    NotThere,
    Refused(DeletionRefused),
}

/// Why a recording was not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletionRefused {
    /// Of a call of yours, and no copy of it is in the bucket, verified.
    NoVerifiedCopy,
    /// The call, or the recording, is not over for long enough.
    NotFinished,
    /// The carrier refuses to delete it.
    NotDeleted,
    /// The carrier or the storage does not answer. It may be deleted: ask again.
    Unavailable,
    /// There was no time left for it: ask again.
    NotTried,
}

impl DeletionRefused {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoVerifiedCopy => "no_verified_copy",
            Self::NotFinished => "not_finished",
            Self::NotDeleted => "not_deleted",
            Self::Unavailable => "unavailable",
            Self::NotTried => "not_tried",
        }
    }
}

impl CarrierRecordings {
    /// The most ids of one request.
    pub const DELETIONS_MAX: usize = 100;

    /// Deletes at the carrier, id by id, what is nobody's that we know, and what is ours and has a verified copy.
    /// Of our calls those of `tenant`; without one, everybody's. An id that is there twice is dealt with once.
    pub async fn delete_by_ids(&self, tenant: Option<TenantId>, ids: &[String]) -> Vec<Deletion> {
        let until = self.clock.now().checked_add(DELETING_MAX);
        let until = until.unwrap_or(Timestamp::MAX);
        let mut once: Vec<String> = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(id) {
                once.push(id.clone());
            }
        }
        stream::iter(once)
            .map(|id| self.delete_in_time(tenant, id, until))
            .buffered(RECORDINGS_AT_ONCE)
            .collect()
            .await
    }

    async fn delete_in_time(
        &self,
        tenant: Option<TenantId>,
        carrier_recording_id: String,
        until: Timestamp,
    ) -> Deletion {
        let result = if self.clock.now() >= until {
            Deleted::Refused(DeletionRefused::NotTried)
        } else {
            self.delete_by_id(tenant, &carrier_recording_id).await
        };
        Deletion {
            carrier_recording_id,
            result,
        }
    }

    async fn delete_by_id(&self, tenant: Option<TenantId>, id: &str) -> Deleted {
        let Ok(id) = id.parse::<CarrierRecordingId>() else {
            return Deleted::NotThere;
        };
        let recording = match self.carrier.fetch_recording(&id).await {
            Ok(recording) => recording,
            Err(problem) if problem.is_not_found() => return Deleted::NotThere,
            Err(problem) => {
                warn!(
                    kind = problem.code(),
                    "the carrier cannot be asked for a recording"
                );
                return Deleted::Refused(DeletionRefused::Unavailable);
            }
        };
        let found = match self.find(recording).await {
            Ok(found) => found,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "a recording of the carrier's could not be compared"
                );
                return Deleted::Refused(DeletionRefused::Unavailable);
            }
        };
        let of = found.tenant();
        if tenant.is_some() && of.is_some() && of != tenant {
            return Deleted::NotThere;
        }
        if let Some(refused) = refusal(found.fate(self.clock.now()), is_finished(&found.recording))
        {
            return Deleted::Refused(refused);
        }
        self.delete_at_last(&found).await
    }

    async fn delete_at_last(&self, found: &Found) -> Deleted {
        match self.delete_found(found).await {
            Ok(()) => {
                metrics::counter!("trunkline_recordings_reconciled_total", "result" => "deleted_by_id")
                    .increment(1);
                Deleted::Done
            }
            Err(NotDeleted::Carrier(problem)) if !problem.may_heal() => {
                warn!(
                    kind = problem.code(),
                    "the carrier does not delete a recording"
                );
                Deleted::Refused(DeletionRefused::NotDeleted)
            }
            Err(NotDeleted::Carrier(problem)) => {
                warn!(
                    kind = problem.code(),
                    "the carrier does not delete a recording"
                );
                Deleted::Refused(DeletionRefused::Unavailable)
            }
            Err(NotDeleted::Store(error)) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the deletion of a recording at the carrier could not be noted"
                );
                Deleted::Refused(DeletionRefused::Unavailable)
            }
        }
    }
}

/// Why a recording with this fate is not deleted although a person named it.
fn refusal(fate: Fate, finished: bool) -> Option<DeletionRefused> {
    match fate {
        Fate::Delete => None,
        Fate::Leave(LeftBecause::NotOurs) if finished => None,
        Fate::Leave(LeftBecause::NotOurs) | Fate::Wait => Some(DeletionRefused::NotFinished),
        Fate::Copy
        | Fate::Leave(
            LeftBecause::AnotherRecording
            | LeftBecause::CopyMissing
            | LeftBecause::NothingRecorded
            | LeftBecause::NotDeleted,
        ) => Some(DeletionRefused::NoVerifiedCopy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ours_only_what_is_copied_and_of_others_what_is_finished() {
        let told = |fate, finished| refusal(fate, finished).map(DeletionRefused::code);
        let left = |because| Fate::Leave(because);
        assert_eq!(told(Fate::Delete, true), None);
        assert_eq!(told(left(LeftBecause::NotOurs), true), None);
        assert_eq!(
            told(left(LeftBecause::NotOurs), false),
            Some("not_finished")
        );
        assert_eq!(told(Fate::Wait, true), Some("not_finished"));
        for fate in [
            Fate::Copy,
            left(LeftBecause::AnotherRecording),
            left(LeftBecause::CopyMissing),
            left(LeftBecause::NothingRecorded),
        ] {
            assert_eq!(told(fate, true), Some("no_verified_copy"), "{fate:?}");
        }
    }
}
