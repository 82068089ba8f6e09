//! Lists are two: of what may be used, and of what was archived.

/// Which list: of what may be used, or of what was archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shelf {
    #[default]
    InUse,
    Archived,
}

impl Shelf {
    /// Where a thing is listed that was archived then, or not.
    #[must_use]
    pub const fn of<T>(archived_at: Option<&T>) -> Self {
        match archived_at {
            Some(_) => Self::Archived,
            None => Self::InUse,
        }
    }
}
