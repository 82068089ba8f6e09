//! The shapes of rows: how each kind has changed since it was first written, and who may work with what.
//!
//! Functions and workers of two versions run side by side during every deploy, and after a rollback the
//! older one is alone with what the newer one wrote. So a row says in which shape it was written (`shape`,
//! absent: 1) and, where older code can work with it, the oldest shape that such code has to know
//! (`shape_min`, absent: the row's own). [`Table`](crate::Table) hands out rows in today's shape only, made
//! of older ones by the steps below, and refuses rows that this code does not know, for reading as
//! [`StoreError::Newer`] and for writing by a condition: they are never overwritten.
//!
//! What is no new shape: an attribute or field more that older code can do without. It passes over it, and
//! drops it when it writes the row. What is one: everything else (another name, another meaning, a word
//! more in a closed vocabulary, a field that must not be lost). Then add a step to the kind and, if older
//! code can work with the row all the same, say from which shape on. `tests/it/releases.rs` tells when.
//!
//! Rows that come about by updates in place (counts, hours, days of our numbers, pace, leases) cannot say a shape and have
//! the first for good: what has to be different there gets another sort key. Steps change no keys either: a row that nobody writes stays in the index where it is (`ARCHITECTURE.md`, "Safe
//! release").

use aws_sdk_dynamodb::types::AttributeValue;

use crate::StoreError;
use crate::table::Item;
use crate::table::schema::SK;

/// The shape that a row was written in.
const SHAPE: &str = "shape";
/// The oldest shape that code must know to work with the row.
const SHAPE_MIN: &str = "shape_min";
/// In expressions: the shape that this code knows.
const KNOWN: &str = ":shape_known";
const FIRST: u32 = 1;

/// Makes a row of the next shape, in place. It sees rows of the shape before, whatever code wrote them, and
/// leaves what it does not know.
type Upgrade = fn(&mut Item) -> Result<(), NotThatShape>;

/// A row is not of the shape that it says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotThatShape(&'static str);

/// A kind of row, told by its sort key.
#[derive(Debug)]
struct Kind {
    key: SortKey,
    name: &'static str,
    /// From the first shape to the second, from there to the third, …
    upgrades: &'static [Upgrade],
    /// The oldest shape whose code can work with rows as they are written today.
    readable_from: u32,
}

#[derive(Debug)]
enum SortKey {
    /// The whole sort key, or what it begins with before a `#`.
    Word(&'static str),
    /// An id with this prefix, and what may follow.
    Id(&'static str),
    /// A number.
    Number,
}

/// Every kind that there is.
static KINDS: &[Kind] = &[
    Kind::new("call", SortKey::Word("CALL")),
    Kind::new("snapshot", SortKey::Word("SNAPSHOT")),
    Kind::new("turn", SortKey::Word("TURN")),
    Kind::new("label", SortKey::Word("LABEL")),
    Kind::new("carrier call", SortKey::Word("CARRIER_CALL")),
    Kind::new("request", SortKey::Word("IDEMPOTENCY")),
    Kind::new("agent", SortKey::Word("AGENT")),
    Kind::new("prompt", SortKey::Word("PROMPT")),
    Kind::new("prompt version", SortKey::Word("VERSION")),
    Kind::new("tenant", SortKey::Word("TENANT")),
    Kind::new("user", SortKey::Word("USER")),
    Kind::new("number", SortKey::Word("NUMBER")),
    Kind::new("uses", SortKey::Word("USES")),
    Kind::new("API key", SortKey::Word("API_KEY")),
    Kind::new("owner", SortKey::Word("OWNER")),
    Kind::new("campaign", SortKey::Word("CAMPAIGN")),
    Kind::new("active campaign", SortKey::Id("ten_")),
    Kind::new("count", SortKey::Word("COUNT")),
    Kind::new("hour", SortKey::Word("HOUR")),
    Kind::new("copy", SortKey::Word("COPY")),
    Kind::new("plan", SortKey::Word("PLAN")),
    Kind::new("lead", SortKey::Id("lead_")),
    Kind::new("contact", SortKey::Word("CONTACT")),
    Kind::new("our number's day", SortKey::Word("DAY")),
    Kind::new("import", SortKey::Word("IMPORT")),
    Kind::new("rejects", SortKey::Word("REJECTS")),
    Kind::new("slot", SortKey::Number),
    Kind::new("pace", SortKey::Word("PACE")),
    Kind::new("lease", SortKey::Word("LEASE")),
    Kind::new("inbound call", SortKey::Id("call_")),
    Kind::new("follow-up", SortKey::Word("FOLLOW_UP")),
    Kind::new("reconciliation", SortKey::Word("RECONCILIATION")),
    Kind::new("left at the carrier", SortKey::Word("LEFT_AT_CARRIER")),
    Kind::new("worker", SortKey::Id("worker_")),
    Kind::new("event", SortKey::Id("evt_")),
];

/// What is known of a kind of row, for those who look at whole tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKind {
    pub name: &'static str,
    /// The shape that is written today, from 1.
    pub shape: u32,
    /// The oldest shape whose code can work with such a row.
    pub readable_from: u32,
}

impl RowKind {
    /// The kind of a row, by its sort key; `None`: nothing of ours.
    #[must_use]
    pub fn of(sort_key: &str) -> Option<Self> {
        Kind::of(sort_key).map(Kind::told)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(Kind::told)
    }
}

impl Kind {
    const fn new(name: &'static str, key: SortKey) -> Self {
        Self {
            key,
            name,
            upgrades: &[],
            readable_from: FIRST,
        }
    }

    fn of(sort_key: &str) -> Option<&'static Self> {
        let word = sort_key.split('#').next().unwrap_or_default();
        KINDS.iter().find(|kind| match kind.key {
            SortKey::Word(known) => word == known,
            SortKey::Id(prefix) => word.starts_with(prefix),
            SortKey::Number => !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()),
        })
    }

    /// The shape that this code writes.
    fn shape(&self) -> u32 {
        u32::try_from(self.upgrades.len()).map_or(u32::MAX, |steps| FIRST.saturating_add(steps))
    }

    fn open(&self, mut row: Item) -> Result<Item, StoreError> {
        let shape = readable(self, &row)?;
        row.remove(SHAPE);
        row.remove(SHAPE_MIN);
        let steps = usize::try_from(shape.saturating_sub(FIRST)).unwrap_or(usize::MAX);
        for upgrade in self.upgrades.iter().skip(steps) {
            upgrade(&mut row).map_err(StoreError::malformed(self.name))?;
        }
        Ok(row)
    }

    fn stamped(&self, mut row: Item) -> Item {
        let shape = self.shape();
        if shape > FIRST {
            row.insert(SHAPE.to_owned(), number(shape));
            if self.readable_from < shape {
                row.insert(SHAPE_MIN.to_owned(), number(self.readable_from));
            }
        }
        row
    }

    fn told(&self) -> RowKind {
        RowKind {
            name: self.name,
            shape: self.shape(),
            readable_from: self.readable_from,
        }
    }
}

/// The row in today's shape, without what says which it had.
pub(crate) fn open(row: Item) -> Result<Item, StoreError> {
    match kind_of(&row) {
        Some(kind) => kind.open(row),
        None => Ok(row),
    }
}

/// Refuses a row that this code does not know.
pub(crate) fn check(row: &Item) -> Result<(), StoreError> {
    match kind_of(row) {
        Some(kind) => readable(kind, row).map(|_shape| ()),
        None => Ok(()),
    }
}

/// The row with what says its shape, where that is not the first.
pub(crate) fn stamped(row: Item) -> Item {
    match kind_of(&row) {
        Some(kind) => kind.stamped(row),
        None => row,
    }
}

/// The condition with another one: that the row which is there, if there is one, is of a shape that this
/// code knows or can work with. Whoever writes without reading first would not see a newer one.
pub(crate) fn guarded(sort_key: &str, condition: Option<&str>, values: &mut Item) -> String {
    let known = Kind::of(sort_key).map_or(FIRST, Kind::shape);
    values.insert(KNOWN.to_owned(), number(known));
    let guard =
        format!("(attribute_not_exists({SHAPE}) OR {SHAPE} <= {KNOWN} OR {SHAPE_MIN} <= {KNOWN})");
    match condition {
        Some(condition) => format!("({condition}) AND {guard}"),
        None => guard,
    }
}

fn kind_of(row: &Item) -> Option<&'static Kind> {
    let sort_key = row.get(SK).and_then(|value| value.as_s().ok());
    sort_key.and_then(|sort_key| Kind::of(sort_key))
}

/// The row's shape, if this code can work with it.
fn readable(kind: &Kind, row: &Item) -> Result<u32, StoreError> {
    let shape = told(kind, row, SHAPE)?.unwrap_or(FIRST);
    let least = told(kind, row, SHAPE_MIN)?.unwrap_or(shape);
    if shape.min(least) > kind.shape() {
        return Err(StoreError::Newer { what: kind.name });
    }
    Ok(shape)
}

fn told(kind: &Kind, row: &Item, name: &str) -> Result<Option<u32>, StoreError> {
    let Some(value) = row.get(name) else {
        return Ok(None);
    };
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number
        .filter(|number| *number >= FIRST)
        .map(Some)
        .ok_or_else(|| StoreError::malformed(kind.name)(NoShape))
}

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// What should say the shape of a row does not.
#[derive(Debug, thiserror::Error)]
#[error("its shape is no number from 1")]
struct NoShape;

#[cfg(test)]
mod tests;
