//! Prompts: a head row that lists them, and immutable versions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{PromptId, PromptVersion, TenantId};
use serde::{Deserialize, Serialize};

use crate::rows::account::uses::Binding;
use crate::table::keys::{self, IndexKey};
use crate::table::{Ask, Item, Page, Table, Transacted, to_item};
use crate::{BindingRefused, Idempotency, Shelf, StoreError, Usable};

/// What a list shows of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptHead {
    pub id: PromptId,
    /// The name of the latest version.
    pub name: String,
    pub latest_version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Since when it is archived: readable, and not used for anything new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

/// The prompt rows.
#[derive(Debug, Clone)]
pub struct Prompts {
    table: Table,
}

impl Prompts {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes the first version of a new prompt.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the request was made before.
    pub async fn create(
        &self,
        tenant: TenantId,
        first: &PromptVersion,
        request: Option<&Idempotency>,
    ) -> Result<(), StoreError> {
        let head = head_of(first, first.created_at);
        let mut writes = vec![
            self.table.new_row(head_row(tenant, &head)?)?,
            self.table.new_row(version_row(tenant, first)?)?,
        ];
        if let Some(request) = request {
            writes.push(request.write(&self.table, tenant)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Writes the version after `before`'s latest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is a newer one, or the prompt is archived.
    pub async fn add_version(
        &self,
        tenant: TenantId,
        before: &PromptHead,
        version: &PromptVersion,
        request: Option<&Idempotency>,
    ) -> Result<(), StoreError> {
        let head = head_of(version, before.created_at);
        let mut writes = vec![
            self.table.put_if(
                head_row(tenant, &head)?,
                "latest_version = :before AND attribute_not_exists(archived_at)",
                version_of(before),
            )?,
            self.table.new_row(version_row(tenant, version)?)?,
        ];
        if let Some(request) = request {
            writes.push(request.write(&self.table, tenant)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Archives a prompt that nothing uses, or takes it back: `after` says which.
    ///
    /// # Errors
    /// See [`BindingRefused`]; [`BindingRefused::Changed`] when there is a newer version.
    pub async fn shelve(
        &self,
        tenant: TenantId,
        before: &PromptHead,
        after: &PromptHead,
    ) -> Result<(), BindingRefused> {
        let mut binding = Binding::default();
        binding.row(self.table.put_if(
            head_row(tenant, after)?,
            "latest_version = :before",
            version_of(before),
        )?);
        if after.archived_at.is_some() {
            binding.unused(&self.table, tenant, Usable::Prompt(after.id))?;
        }
        binding.write(&self.table).await
    }

    /// Reads what the list shows of a prompt.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn head(
        &self,
        tenant: TenantId,
        prompt: PromptId,
    ) -> Result<Option<PromptHead>, StoreError> {
        self.table
            .read(&keys::prompt(tenant, prompt), "prompt")
            .await
    }

    /// Reads one version.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn version(
        &self,
        tenant: TenantId,
        prompt: PromptId,
        version: u32,
    ) -> Result<Option<PromptVersion>, StoreError> {
        self.table
            .read(
                &keys::prompt_version(tenant, prompt, version),
                "prompt version",
            )
            .await
    }

    /// Reads the latest version, in one request.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn latest(
        &self,
        tenant: TenantId,
        prompt: PromptId,
    ) -> Result<Option<PromptVersion>, StoreError> {
        let ask = Ask {
            after: None,
            newest_first: true,
            limit: 1,
        };
        let page = self
            .table
            .rows_of(
                &keys::prompt_partition(tenant, prompt),
                keys::VERSION_PREFIX,
                ask,
                "prompt version",
            )
            .await?;
        Ok(page.items.into_iter().next())
    }

    /// A tenant's prompts of a shelf, newest first.
    ///
    /// # Errors
    /// When storage cannot be reached or a row cannot be read.
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<PromptId>,
        limit: u32,
    ) -> Result<Page<PromptHead>, StoreError> {
        self.table
            .rows_by_index(
                &keys::prompts_of(tenant, shelf),
                after.map(|id| id.to_string()),
                limit,
                "prompt",
            )
            .await
    }
}

fn head_of(version: &PromptVersion, created_at: Timestamp) -> PromptHead {
    PromptHead {
        id: version.id,
        name: version.name.clone(),
        latest_version: version.version,
        created_at,
        updated_at: version.created_at,
        archived_at: None,
    }
}

/// For the condition that there is no newer version.
fn version_of(head: &PromptHead) -> Item {
    let latest = AttributeValue::N(head.latest_version.to_string());
    HashMap::from([(":before".to_owned(), latest)])
}

fn head_row(tenant: TenantId, head: &PromptHead) -> Result<Item, StoreError> {
    let key = keys::prompt(tenant, head.id);
    let index = IndexKey {
        pk: keys::prompts_of(tenant, Shelf::of(head.archived_at.as_ref())),
        sk: head.id.to_string(),
    };
    to_item(&key, Some(&index), head, "prompt")
}

fn version_row(tenant: TenantId, version: &PromptVersion) -> Result<Item, StoreError> {
    let key = keys::prompt_version(tenant, version.id, version.version);
    to_item(&key, None, version, "prompt version")
}
