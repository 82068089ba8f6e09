//! Why a use case did not do what was asked, in terms that an API can answer with.

use intake::FileProblem;
use jiff::Timestamp;
use model::{CampaignState, Rule};
use store::{BindingRefused, StoreError, USES_MAX, UsedBy};

use crate::{Fault, FieldProblem};

/// A use case's answer to what it does not do. Every variant has one status and one stable code in
/// the API.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing, or it is another tenant's: nobody can tell which.
    #[error("there is no such thing")]
    NotFound,
    #[error("fields cannot be as they are")]
    Invalid(Vec<FieldProblem>),
    /// Every variable of the prompt that has no value.
    #[error("variables of the prompt have no value")]
    MissingVariables(Vec<String>),
    /// Every variable of the prompt that has no default, where the agent answers a number: whoever calls may not be
    /// known. `at` is the field that leads to the prompt.
    #[error("variables of the prompt have no default")]
    NoDefaults {
        at: &'static str,
        names: Vec<String>,
    },
    /// The same `Idempotency-Key` came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The edit was made from another revision than the current one.
    #[error("the revision is not the current one")]
    RevisionChanged { current: u32 },
    #[error("the number is in use")]
    NumberTaken,
    /// An archived thing stays as it is until it is taken back.
    #[error("it is archived")]
    Archived,
    /// It cannot be archived while these use it.
    #[error("other things use it")]
    InUse(Vec<UsedBy>),
    /// The campaign's state does not allow it; the sentence says why.
    #[error("the campaign's state does not allow it: {says}")]
    CampaignState {
        state: CampaignState,
        says: &'static str,
    },
    /// A second start, of a campaign that runs or is scheduled.
    #[error("the campaign was started before")]
    AlreadyStarted {
        state: CampaignState,
        starts_at: Option<Timestamp>,
    },
    /// Fields that cannot change while the campaign is in its state.
    #[error("fields cannot change in the campaign's state")]
    FieldsLocked {
        state: CampaignState,
        fields: Vec<FieldProblem>,
    },
    /// Everything that is missing before the campaign may call.
    #[error("the campaign is not ready to call")]
    CannotStart(Vec<FieldProblem>),
    /// Only a lead that waits can be changed or removed, and one that is done corrected where that is what it lacked.
    #[error("the lead does not wait")]
    LeadNotWaiting,
    /// A lead cannot get a number that is a lead of its campaign already.
    #[error("the number is a lead of the campaign already")]
    NumberInCampaign,
    /// The number is on the suppression list.
    #[error("the number is on the suppression list")]
    NumberSuppressed,
    /// A rule says that the number is not called now.
    #[error("a rule does not permit the call now")]
    NotPermitted {
        rule: Rule,
        /// When it may be asked again with hope.
        retry_at: Option<Timestamp>,
    },
    /// As many calls are on as the carrier's account or the tenant may have.
    #[error("no line is free")]
    NoFreeLine,
    /// A list that is refused as a whole.
    #[error("the list cannot be used")]
    List(#[source] FileProblem),
    /// The campaign is cancelled, or over by its end; the rest of a sentence says which.
    #[error("the campaign takes no leads any more: it {says}")]
    CampaignClosed { says: &'static str },
    /// The list is not in the bucket, or has not the length that was said.
    #[error("the list is not uploaded")]
    NotUploaded,
    /// The import was started before.
    #[error("the import was started before")]
    ImportStarted,
    /// There is no file of rejects until all rows are read.
    #[error("the import is not completed")]
    ImportUnfinished,
    /// The carrier could not be asked, or did not do it.
    #[error("the carrier cannot be reached")]
    Carrier,
    /// The process stops before the work was done.
    #[error("the process is stopping")]
    Stopping,
    #[error("storage did not answer")]
    Unavailable(#[source] StoreError),
}

impl Refused {
    pub(crate) fn field(pointer: &str, fault: Fault, says: &str) -> Self {
        Self::Invalid(vec![FieldProblem::new(pointer, fault, says)])
    }

    /// What is answered when something was to be bound to what this field names.
    pub(crate) fn unbound(pointer: &str, refused: BindingRefused) -> Self {
        match refused {
            BindingRefused::Archived => {
                Self::field(pointer, Fault::Archived, "is archived: unarchive it first")
            }
            BindingRefused::Full => {
                let says = format!("is used by {USES_MAX} others, and by no more at once");
                Self::field(pointer, Fault::OutOfRange, &says)
            }
            BindingRefused::Changed | BindingRefused::InUse => StoreError::Conflict.into(),
            BindingRefused::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<FileProblem> for Refused {
    fn from(problem: FileProblem) -> Self {
        Self::List(problem)
    }
}
