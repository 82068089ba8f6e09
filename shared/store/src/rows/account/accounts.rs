//! Tenants, users and API keys. Keys are kept as hashes.

use jiff::Timestamp;
use model::{ApiKeyId, TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::table::keys;
use crate::table::{Table, Transacted, to_item};

/// A customer organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub created_at: Timestamp,
}

/// A person who signs in. `role` is a word of the role table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub tenant_id: TenantId,
    pub name: String,
    pub role: String,
    pub created_at: Timestamp,
}

/// An API key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    /// Who it acts for.
    pub user_id: UserId,
    pub role: String,
    pub created_at: Timestamp,
}

/// The owner of a laptop installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub tenant_id: TenantId,
    pub user_id: UserId,
}

/// The account rows.
#[derive(Debug, Clone)]
pub struct Accounts {
    table: Table,
}

impl Accounts {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The key with this hash (hex SHA-256 of the secret).
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn key(&self, sha256: &str) -> Result<Option<ApiKey>, StoreError> {
        self.table.read(&keys::api_key(sha256), "API key").await
    }

    /// Writes a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the hash is there already.
    pub async fn add_key(&self, sha256: &str, key: &ApiKey) -> Result<(), StoreError> {
        let row = to_item(&keys::api_key(sha256), None, key, "API key")?;
        self.table.put_new(row).await
    }

    /// Who owns this installation.
    ///
    /// # Errors
    /// When storage cannot be reached or the row cannot be read.
    pub async fn owner(&self) -> Result<Option<Owner>, StoreError> {
        self.table.read(&keys::owner(), "owner").await
    }

    /// Makes a tenant with its owner the owner of this installation.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the installation has an owner.
    pub async fn found(&self, tenant: &Tenant, user: &User) -> Result<(), StoreError> {
        let owner = Owner {
            tenant_id: tenant.id,
            user_id: user.id,
        };
        self.create(tenant, user, Some(owner)).await
    }

    /// Writes a tenant with its first user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one of them is there already.
    pub async fn add_tenant(&self, tenant: &Tenant, user: &User) -> Result<(), StoreError> {
        self.create(tenant, user, None).await
    }

    async fn create(
        &self,
        tenant: &Tenant,
        user: &User,
        owner: Option<Owner>,
    ) -> Result<(), StoreError> {
        let tenant_key = keys::tenant(tenant.id);
        let user_key = keys::user(tenant.id, user.id);
        let mut writes = vec![
            self.table
                .new_row(to_item(&tenant_key, None, tenant, "tenant")?)?,
            self.table
                .new_row(to_item(&user_key, None, user, "user")?)?,
        ];
        if let Some(owner) = owner {
            let row = to_item(&keys::owner(), None, &owner, "owner")?;
            writes.push(self.table.new_row(row)?);
        }
        match self.table.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }
}
