//! Phone numbers of ours: add, list.

use std::sync::Arc;

use model::{AgentId, NumberId, PhoneNumber, TenantId};
use serde::{Deserialize, Serialize};
use store::{Agents, Number, NumberRefused, Numbers as NumberRows, Page, Requests, StoreError};

use crate::context::requests::Keyed;
use crate::{Clock, IdempotencyKey, Ids, Refused};

/// What a user says of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NewNumber))]
#[serde(deny_unknown_fields)]
pub struct NumberFields {
    pub number: PhoneNumber,
    /// Who answers when it is called; absent, calls to it are rejected.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// The use cases of numbers.
#[derive(Debug, Clone)]
pub struct Numbers {
    numbers: NumberRows,
    agents: Agents,
    requests: Requests,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Numbers {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            numbers: store.numbers.clone(),
            agents: store.agents.clone(),
            requests: store.requests.clone(),
            clock,
            ids,
        }
    }

    /// Adds a number. It must be bought or verified at the carrier already.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn create(
        &self,
        tenant_id: TenantId,
        fields: &NumberFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<Number, Refused> {
        let keyed = Keyed::new("numbers", key, fields)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed
                .made_before::<NumberId>(&self.requests, tenant_id)
                .await?
        {
            return self.made(tenant_id, made, fields).await;
        }
        if let Some(agent) = fields.agent_id
            && self.agents.get(tenant_id, agent).await?.is_none()
        {
            return Err(Refused::field("agent_id", "there is no such agent"));
        }
        let now = self.clock.now();
        let number = Number {
            id: self.ids.fresh(NumberId::from_parts),
            tenant_id,
            number: fields.number.clone(),
            agent_id: fields.agent_id,
            created_at: now,
        };
        let made = keyed.as_ref().map(|keyed| keyed.makes(&number.id, now));
        match self.numbers.create(&number, made.as_ref()).await {
            Ok(()) => Ok(number),
            Err(NumberRefused::Repeated) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant_id).await?,
                    None => None,
                };
                let made = made.ok_or(StoreError::Conflict)?;
                self.made(tenant_id, made, fields).await
            }
            Err(NumberRefused::Taken) => Err(Refused::NumberTaken),
            Err(NumberRefused::Store(error)) => Err(error.into()),
        }
    }

    async fn made(
        &self,
        tenant: TenantId,
        id: NumberId,
        fields: &NumberFields,
    ) -> Result<Number, Refused> {
        let found = self.numbers.of_tenant(tenant, &fields.number).await?;
        found
            .filter(|number| number.id == id)
            .ok_or(Refused::NotFound)
    }

    /// A tenant's numbers, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<NumberId>,
        limit: u32,
    ) -> Result<Page<Number>, Refused> {
        Ok(self.numbers.list(tenant, after, limit).await?)
    }
}
