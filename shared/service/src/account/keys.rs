//! API keys: who a bearer token is, and the owner of an installation.

use std::sync::Arc;

use futures_util::future::try_join;
use model::{ApiKeyId, TenantId, UserId};
use settings::Secret;
use sha2::{Digest as _, Sha256};
use store::{Accounts, ApiKey, Owner, StoreError, Tenant, User};

use crate::account::access::{Principal, Role};
use crate::{Clock, Ids};

/// The longest bearer token that is looked at.
pub const SECRET_BYTES_MAX: usize = 256;

/// Why nobody is let in. The answer to the sender does not say which it was.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key is not known")]
    Unknown,
    #[error("the key could not be looked up or written")]
    Store(#[source] StoreError),
}

/// The use cases of API keys.
#[derive(Debug, Clone)]
pub struct Keys {
    accounts: Accounts,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Keys {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            accounts: store.accounts.clone(),
            clock,
            ids,
        }
    }

    /// Who this secret belongs to.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn authenticate(&self, secret: &Secret) -> Result<Principal, KeyError> {
        if secret.expose().len() > SECRET_BYTES_MAX {
            return Err(KeyError::Unknown);
        }
        let key = self.accounts.key(&hash(secret)).await;
        let key = key.map_err(KeyError::Store)?.ok_or(KeyError::Unknown)?;
        principal(&key)
    }

    /// A fresh secret: 160 bits of chance behind a prefix that scanners for leaked keys can look for.
    #[must_use]
    pub fn fresh_secret(&self) -> Secret {
        let chance = format!("{:032x}{:032x}", self.ids.chance(), self.ids.chance());
        let chance: String = chance.chars().take(40).collect();
        Secret::new(format!("tk_{chance}"))
    }

    /// Makes sure that this installation has a tenant with an owner, and that the secret is an API
    /// key of theirs. May be repeated, also with another secret, and by several at once.
    ///
    /// # Errors
    /// See [`KeyError`]; [`KeyError::Unknown`] when the secret is another tenant's key.
    pub async fn ensure_owner(&self, name: &str, secret: &Secret) -> Result<Principal, KeyError> {
        // At every start but the first both are there.
        let known = try_join(self.installed(), self.authenticate(secret));
        if let Ok((Some(owner), known)) = known.await
            && known.tenant_id == owner.tenant_id
        {
            return Ok(known);
        }
        let owner = self.owner(name).await.map_err(KeyError::Store)?;
        let key = ApiKey {
            id: self.ids.fresh(ApiKeyId::from_parts),
            tenant_id: owner.tenant_id,
            user_id: owner.user_id,
            role: Role::Owner.to_string(),
            created_at: self.clock.now(),
        };
        match self.accounts.add_key(&hash(secret), &key).await {
            Ok(()) => principal(&key),
            Err(StoreError::Conflict) => {
                let known = self.authenticate(secret).await?;
                if known.tenant_id == owner.tenant_id {
                    Ok(known)
                } else {
                    Err(KeyError::Unknown)
                }
            }
            Err(error) => Err(KeyError::Store(error)),
        }
    }

    async fn installed(&self) -> Result<Option<Owner>, KeyError> {
        self.accounts.owner().await.map_err(KeyError::Store)
    }

    async fn owner(&self, name: &str) -> Result<Owner, StoreError> {
        if let Some(owner) = self.accounts.owner().await? {
            return Ok(owner);
        }
        let (tenant, user) = self.organisation(name, Role::Owner);
        match self.accounts.found(&tenant, &user).await {
            Ok(()) => Ok(Owner {
                tenant_id: tenant.id,
                user_id: user.id,
            }),
            Err(StoreError::Conflict) => {
                let owner = self.accounts.owner().await?;
                owner.ok_or(StoreError::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes another tenant, with a first user and an API key of this role.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn add_tenant(
        &self,
        name: &str,
        role: Role,
        secret: &Secret,
    ) -> Result<Principal, KeyError> {
        let (tenant, user) = self.organisation(name, role);
        let added = self.accounts.add_tenant(&tenant, &user).await;
        added.map_err(KeyError::Store)?;
        self.add_key(tenant.id, user.id, role, secret).await
    }

    /// Gives a user of a tenant another key.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn add_key(
        &self,
        tenant_id: TenantId,
        user_id: UserId,
        role: Role,
        secret: &Secret,
    ) -> Result<Principal, KeyError> {
        let key = ApiKey {
            id: self.ids.fresh(ApiKeyId::from_parts),
            tenant_id,
            user_id,
            role: role.to_string(),
            created_at: self.clock.now(),
        };
        let added = self.accounts.add_key(&hash(secret), &key).await;
        added.map_err(KeyError::Store)?;
        principal(&key)
    }

    fn organisation(&self, name: &str, role: Role) -> (Tenant, User) {
        let created_at = self.clock.now();
        let tenant = Tenant {
            id: self.ids.fresh(TenantId::from_parts),
            name: name.to_owned(),
            created_at,
        };
        let user = User {
            id: self.ids.fresh(UserId::from_parts),
            tenant_id: tenant.id,
            name: name.to_owned(),
            role: role.to_string(),
            created_at,
        };
        (tenant, user)
    }
}

fn principal(key: &ApiKey) -> Result<Principal, KeyError> {
    Ok(Principal {
        tenant_id: key.tenant_id,
        key_id: key.id,
        // A role that this version does not know gives no rights.
        role: key
            .role
            .parse()
            .map_err(|_unknown_role| KeyError::Unknown)?,
    })
}

/// Keys have far more chance in them than anybody can try, so one round of SHA-256 is enough and a
/// lookup by it tells nothing.
fn hash(secret: &Secret) -> String {
    hex::encode(Sha256::digest(secret.expose().as_bytes()))
}
