//! What uses what: the campaigns and numbers that an agent is bound to, the agents that use a prompt.
//!
//! One row beside each agent and each prompt names everything that uses it. A binding enters itself there in the
//! transaction that makes it, on condition that the thing is not archived; a thing is archived on condition that
//! nothing is entered. So of a binding and an archiving at the same moment one is refused, and nothing calls
//! with an archived agent. Whether a campaign is closed, or a number answered, is decided elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{AgentId, CampaignId, NumberId, PromptId, TenantId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys::{self, Key};
use crate::table::{Item, Table, Transacted, Write};

/// The most campaigns and numbers that one agent, and agents that one prompt, may be bound to at once: their row
/// has 31 KB then, and each binding is charged by its size. Further bindings are refused.
pub const USES_MAX: u32 = 1_000;

/// What other things are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usable {
    Agent(AgentId),
    Prompt(PromptId),
}

/// Something that is bound to an agent or a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UsedBy {
    Agent(AgentId),
    Campaign(CampaignId),
    Number(NumberId),
}

/// No id of something that uses others.
#[derive(Debug, thiserror::Error)]
#[error("it names something that uses nothing")]
pub struct UnknownUse;

/// Why something that uses others, or is used, was not written. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum BindingRefused {
    /// The row has changed since it was read, or the request was made before.
    #[error("the row is not as expected")]
    Changed,
    /// What it was to be bound to is archived.
    #[error("what it is bound to is archived")]
    Archived,
    /// What it was to be bound to is used by [`USES_MAX`] others.
    #[error("what it is bound to is used by as many as may be")]
    Full,
    /// It was to be archived, and something uses it.
    #[error("something uses it")]
    InUse,
    #[error("it could not be written")]
    Store(#[source] StoreError),
}

/// The rows that say what uses what.
#[derive(Debug, Clone)]
pub struct Uses {
    table: Table,
}

#[derive(Deserialize)]
pub(crate) struct UsesRow {
    /// DynamoDB has no empty set: a row without one is of something that nothing uses.
    #[serde(default)]
    pub(crate) used_by: BTreeSet<UsedBy>,
}

/// The writes of one transaction, with what it means when each is refused.
#[derive(Debug, Default)]
pub(crate) struct Binding {
    writes: Vec<Write>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Row,
    Standing,
    Room,
    Unused,
}

impl Uses {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Everything that is bound to it.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn of(&self, tenant: TenantId, used: Usable) -> Result<BTreeSet<UsedBy>, StoreError> {
        let row: Option<UsesRow> = self.table.read(&used.uses(tenant), "uses").await?;
        Ok(row.map(|row| row.used_by).unwrap_or_default())
    }
}

impl Usable {
    fn row(self, tenant: TenantId) -> Key {
        match self {
            Self::Agent(agent) => keys::agent(tenant, agent),
            Self::Prompt(prompt) => keys::prompt(tenant, prompt),
        }
    }

    fn uses(self, tenant: TenantId) -> Key {
        keys::uses(&self.row(tenant))
    }
}

impl Binding {
    /// A write whose condition is about the thing itself, or about the request that makes it.
    pub(crate) fn row(&mut self, write: Write) {
        self.push(Part::Row, write);
    }

    /// Binds something to an agent or a prompt that is not archived.
    pub(crate) fn bind(
        &mut self,
        table: &Table,
        tenant: TenantId,
        (by, used): (UsedBy, Usable),
    ) -> Result<(), StoreError> {
        let standing = table.check(
            &used.row(tenant),
            "attribute_not_exists(archived_at)",
            HashMap::new(),
            Item::new(),
        )?;
        self.push(Part::Standing, standing);
        let most = AttributeValue::N(USES_MAX.to_string());
        let enter = table.update_if(
            &used.uses(tenant),
            "ADD used_by :by",
            "attribute_not_exists(used_by) OR size(used_by) < :most",
            HashMap::new(),
            Item::from([(":by".to_owned(), one(by)), (":most".to_owned(), most)]),
        )?;
        self.push(Part::Room, enter);
        Ok(())
    }

    /// Ends a binding. One that was never entered is nothing to end.
    pub(crate) fn release(
        &mut self,
        table: &Table,
        tenant: TenantId,
        (by, used): (UsedBy, Usable),
    ) -> Result<(), StoreError> {
        let leave = table.change(
            &used.uses(tenant),
            "DELETE used_by :by",
            Item::from([(":by".to_owned(), one(by))]),
        )?;
        self.push(Part::Row, leave);
        Ok(())
    }

    /// Moves a binding from what it was made to, to what it is made to now. Nothing, where that is the same.
    pub(crate) fn rebind(
        &mut self,
        table: &Table,
        tenant: TenantId,
        by: UsedBy,
        (before, after): (Option<Usable>, Option<Usable>),
    ) -> Result<(), StoreError> {
        if before == after {
            return Ok(());
        }
        if let Some(used) = after {
            self.bind(table, tenant, (by, used))?;
        }
        if let Some(used) = before {
            self.release(table, tenant, (by, used))?;
        }
        Ok(())
    }

    /// The condition that nothing uses it.
    pub(crate) fn unused(
        &mut self,
        table: &Table,
        tenant: TenantId,
        used: Usable,
    ) -> Result<(), StoreError> {
        let unused = table.check(
            &used.uses(tenant),
            "attribute_not_exists(used_by)",
            HashMap::new(),
            Item::new(),
        )?;
        self.push(Part::Unused, unused);
        Ok(())
    }

    /// Writes all or nothing.
    pub(crate) async fn write(mut self, table: &Table) -> Result<(), BindingRefused> {
        match table.transact(self.take()).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(failed) => {
                let refused = self.refusal(&failed);
                Err(refused.unwrap_or(BindingRefused::Changed))
            }
        }
    }

    /// Its writes, for a transaction.
    pub(crate) fn take(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    /// Why they were refused, from what of them failed; `None`: it was not for their sake.
    pub(crate) fn refusal(&self, failed: &[bool]) -> Option<BindingRefused> {
        let refused = self.parts.iter().zip(failed);
        let refused: Vec<Part> = refused
            .filter_map(|(part, failed)| failed.then_some(*part))
            .collect();
        // What was decided on an older row may be refused for other reasons than it seems.
        if refused.contains(&Part::Row) {
            return Some(BindingRefused::Changed);
        }
        Some(match refused.first()? {
            Part::Standing => BindingRefused::Archived,
            Part::Room => BindingRefused::Full,
            Part::Unused => BindingRefused::InUse,
            Part::Row => BindingRefused::Changed,
        })
    }

    fn push(&mut self, part: Part, write: Write) {
        self.parts.push(part);
        self.writes.push(write);
    }
}

fn one(by: UsedBy) -> AttributeValue {
    AttributeValue::Ss(vec![by.to_string()])
}

impl fmt::Display for UsedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => id.fmt(f),
            Self::Campaign(id) => id.fmt(f),
            Self::Number(id) => id.fmt(f),
        }
    }
}

impl FromStr for UsedBy {
    type Err = UnknownUse;

    fn from_str(text: &str) -> Result<Self, UnknownUse> {
        let agent = text.parse().map(Self::Agent);
        let campaign = || text.parse().map(Self::Campaign);
        let number = || text.parse().map(Self::Number);
        agent
            .or_else(|_other| campaign())
            .or_else(|_other| number())
            .map_err(|_other| UnknownUse)
    }
}

impl TryFrom<String> for UsedBy {
    type Error = UnknownUse;

    fn try_from(text: String) -> Result<Self, UnknownUse> {
        text.parse()
    }
}

impl From<UsedBy> for String {
    fn from(by: UsedBy) -> Self {
        by.to_string()
    }
}

impl From<StoreError> for BindingRefused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Changed,
            StoreError::Unavailable(_)
            | StoreError::Newer { .. }
            | StoreError::Malformed { .. } => Self::Store(error),
        }
    }
}

impl From<BindingRefused> for StoreError {
    fn from(refused: BindingRefused) -> Self {
        match refused {
            BindingRefused::Store(error) => error,
            BindingRefused::Changed
            | BindingRefused::Archived
            | BindingRefused::Full
            | BindingRefused::InUse => Self::Conflict,
        }
    }
}
