//! What carriers differ in.

use std::fmt;

/// What not every carrier can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Finds out who answered.
    MachineDetection,
    /// Records calls and hands the recordings out.
    Recording,
    /// Gives a live call other instructions.
    Redirect,
    /// Listens for a key while it speaks and waits by itself.
    KeyEntry,
}

impl Capability {
    pub const ALL: [Self; 4] = [
        Self::MachineDetection,
        Self::Recording,
        Self::Redirect,
        Self::KeyEntry,
    ];

    /// In problems, logs and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MachineDetection => "answering machine detection",
            Self::Recording => "recording",
            Self::Redirect => "redirection of live calls",
            Self::KeyEntry => "key entry",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The capabilities of a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(&'static [Capability]);

impl Capabilities {
    #[must_use]
    pub const fn of(has: &'static [Capability]) -> Self {
        Self(has)
    }

    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}
