//! The longest a call may last, and how it is brought to an end then.

use std::time::Duration;

use model::CallTime;

/// Somebody who is being spoken to at the limit may hear the sentence out, for this long.
const GRACE: Duration = Duration::from_secs(5);
/// The farewell takes no longer than this, whatever vendors and carrier do.
const FAREWELL_MAX: Duration = Duration::from_secs(60);
/// A call that is resumed has at least this much left: enough to say goodbye.
const RESUMED_MIN: Duration = Duration::from_secs(10);

/// How far the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The call may go on until then.
    At(CallTime),
    /// The limit is reached; the sentence in the air may end.
    Grace(CallTime),
    /// The farewell is being said.
    Farewell(CallTime),
}

impl Limit {
    /// Counted from the beginning of the call, whichever session it is `now` in.
    pub(crate) fn new(longest: Duration, now: CallTime) -> Self {
        let at = CallTime::ZERO + longest;
        Self::At(if now > CallTime::ZERO {
            at.max(now + RESUMED_MIN)
        } else {
            at
        })
    }

    pub(crate) const fn due(self) -> CallTime {
        match self {
            Self::At(at) | Self::Grace(at) | Self::Farewell(at) => at,
        }
    }

    pub(crate) fn grace(now: CallTime) -> Self {
        Self::Grace(now + GRACE)
    }

    pub(crate) fn farewell(now: CallTime) -> Self {
        Self::Farewell(now + FAREWELL_MAX)
    }
}
