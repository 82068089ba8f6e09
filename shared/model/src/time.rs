//! The three clocks of a call. Wall time is `jiff::Timestamp`; the other two are here.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! clocks {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name { micros: u64 }

        impl $name {
            /// The beginning.
            pub const ZERO: Self = Self { micros: 0 };

            #[must_use]
            pub const fn from_micros(micros: u64) -> Self {
                Self { micros }
            }

            #[must_use]
            pub const fn from_millis(millis: u64) -> Self {
                Self { micros: millis.saturating_mul(1_000) }
            }

            #[must_use]
            pub const fn as_micros(self) -> u64 {
                self.micros
            }

            #[must_use]
            pub const fn as_millis(self) -> u64 {
                self.micros / 1_000
            }

            /// How long after `earlier` this is; zero when it is not after it.
            #[must_use]
            pub const fn since(self, earlier: Self) -> Duration {
                Duration::from_micros(self.micros.saturating_sub(earlier.micros))
            }
        }

        impl Add<Duration> for $name {
            type Output = Self;
            fn add(self, span: Duration) -> Self {
                let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
                Self { micros: self.micros.saturating_add(span) }
            }
        }

        impl AddAssign<Duration> for $name {
            fn add_assign(&mut self, span: Duration) {
                *self = *self + span;
            }
        }

        impl Sub<Duration> for $name {
            type Output = Self;
            fn sub(self, span: Duration) -> Self {
                let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
                Self { micros: self.micros.saturating_sub(span) }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{:03}s", self.micros / 1_000_000, self.micros / 1_000 % 1_000)
            }
        }
    )+};
}

clocks! {
    /// Time since the first media session of a call began, from a clock that never goes back. A session that
    /// resumes the call goes on where the one before was.
    CallTime;
    /// A place in the customer's audio: how much of it came before, silence for lost frames included.
    AudioPosition;
}
