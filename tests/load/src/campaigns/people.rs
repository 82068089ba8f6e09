//! A list as large as one likes: numbers all over the United States, the same in each run.

use dialer::{NumberKind, Place};
use model::{Lane, PhoneNumber};

/// The first line of each area; the others follow.
const LINE_FIRST: u64 = 2_000_000;

/// Where somebody on the list may be.
#[derive(Debug, Clone)]
pub(super) struct Area {
    code: u64,
    /// The lane that an import gives its numbers.
    pub(super) lane: Lane,
}

/// Every area code whose numbers belong to one of the United States.
pub(super) fn areas() -> Vec<Area> {
    (200..1_000).filter_map(Area::of).collect()
}

impl Area {
    fn of(code: u64) -> Option<Self> {
        let number = number(code, 0)?;
        let place = Place::of(&number);
        let callable = matches!(place.kind(), NumberKind::Geographic | NumberKind::Mobile);
        let somewhere = !place.jurisdictions().is_empty()
            && place
                .jurisdictions()
                .iter()
                .all(|one| one.starts_with("US-"));
        (callable && somewhere).then(|| Self {
            code,
            lane: place.lane(&model::StatedPlace::default(), None),
        })
    }

    /// The number of a line in it, counted from 0.
    pub(super) fn number(&self, line: u64) -> anyhow::Result<PhoneNumber> {
        let number = number(self.code, line);
        number.ok_or_else(|| anyhow::anyhow!("an area has fewer lines than are asked for"))
    }
}

fn number(code: u64, line: u64) -> Option<PhoneNumber> {
    format!("+1{code}{:07}", LINE_FIRST + line).parse().ok()
}
