//! Prompts: create, new version, read, list.

use std::sync::Arc;

use jiff::Timestamp;
use model::{PromptId, PromptVersion, Template, TemplateProblem, TenantId};
use serde::{Deserialize, Serialize};
use store::{Page, PromptHead, Prompts as PromptRows, Requests, StoreError};

use crate::context::requests::Keyed;
use crate::{Clock, FieldProblem, IdempotencyKey, Ids, Refused};

/// The most characters of a prompt's name.
pub const NAME_CHARS_MAX: usize = 100;
/// The most bytes of both texts of a version: it is one row of a table that takes 400 KB.
pub const TEXT_BYTES_MAX: usize = 200_000;

/// What a user sets of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NewPrompt))]
#[serde(deny_unknown_fields)]
pub struct PromptFields {
    pub name: String,
    /// The instructions to the language model, with `{{variables}}`.
    pub system: String,
    /// The agent's first words, with `{{variables}}`.
    pub greeting: String,
}

/// The use cases of prompts.
#[derive(Debug, Clone)]
pub struct Prompts {
    prompts: PromptRows,
    requests: Requests,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Prompts {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            prompts: store.prompts.clone(),
            requests: store.requests.clone(),
            clock,
            ids,
        }
    }

    /// Makes a prompt with its first version.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn create(
        &self,
        tenant: TenantId,
        fields: &PromptFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<PromptVersion, Refused> {
        let keyed = Keyed::new("prompts", key, fields)?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.version(tenant, made, Some(1)).await;
        }
        let now = self.clock.now();
        let first = check(fields, self.ids.fresh(PromptId::from_parts), 1, now)?;
        let made = keyed.as_ref().map(|keyed| keyed.makes(&first.id, now));
        match self.prompts.create(tenant, &first, made.as_ref()).await {
            Ok(()) => Ok(first),
            Err(StoreError::Conflict) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                let made = made.ok_or(StoreError::Conflict)?;
                self.version(tenant, made, Some(1)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the next version of a prompt. Calls that are made already keep theirs.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add_version(
        &self,
        tenant: TenantId,
        prompt: PromptId,
        fields: &PromptFields,
        key: Option<&IdempotencyKey>,
    ) -> Result<PromptVersion, Refused> {
        let keyed = Keyed::new("prompt_versions", key, &(prompt, fields))?;
        if let Some(keyed) = &keyed
            && let Some(made) = keyed.made_before(&self.requests, tenant).await?
        {
            return self.version(tenant, prompt, Some(made)).await;
        }
        let head = self.prompts.head(tenant, prompt).await?;
        let head = head.ok_or(Refused::NotFound)?;
        let now = self.clock.now();
        let number = head.latest_version.saturating_add(1);
        let version = check(fields, prompt, number, now)?;
        let made = keyed.as_ref().map(|keyed| keyed.makes(&number, now));
        let added = self
            .prompts
            .add_version(tenant, &head, &version, made.as_ref())
            .await;
        match added {
            Ok(()) => Ok(version),
            Err(StoreError::Conflict) => {
                let made = match &keyed {
                    Some(keyed) => keyed.made_before(&self.requests, tenant).await?,
                    None => None,
                };
                match made {
                    Some(made) => self.version(tenant, prompt, Some(made)).await,
                    None => Err(Refused::RevisionChanged { current: number }),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a version, the latest where none is named.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn version(
        &self,
        tenant: TenantId,
        prompt: PromptId,
        version: Option<u32>,
    ) -> Result<PromptVersion, Refused> {
        let found = match version {
            Some(version) => self.prompts.version(tenant, prompt, version).await?,
            None => self.prompts.latest(tenant, prompt).await?,
        };
        found.ok_or(Refused::NotFound)
    }

    /// A tenant's prompts, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<PromptId>,
        limit: u32,
    ) -> Result<Page<PromptHead>, Refused> {
        Ok(self.prompts.list(tenant, after, limit).await?)
    }
}

fn check(
    fields: &PromptFields,
    id: PromptId,
    version: u32,
    created_at: Timestamp,
) -> Result<PromptVersion, Refused> {
    let mut problems = Vec::new();
    let name = fields.name.trim();
    let chars = name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&chars) {
        let problem = format!("must have 1 to {NAME_CHARS_MAX} characters, has {chars}");
        problems.push(FieldProblem::new("name", problem));
    }
    if fields.greeting.trim().is_empty() {
        problems.push(FieldProblem::new("greeting", "must not be empty"));
    }
    let bytes = fields.system.len() + fields.greeting.len();
    if bytes > TEXT_BYTES_MAX {
        let problem = format!("must have at most {TEXT_BYTES_MAX} bytes with the greeting");
        problems.push(FieldProblem::new("system", problem));
    }
    let mut read = |field: &str, text: &str| -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(problem) => {
                problems.push(FieldProblem::new(field, said(&problem)));
                None
            }
        }
    };
    let system = read("system", &fields.system);
    let greeting = read("greeting", &fields.greeting);
    match (system, greeting) {
        (Some(system), Some(greeting)) if problems.is_empty() => Ok(PromptVersion {
            id,
            version,
            name: name.to_owned(),
            system,
            greeting,
            created_at,
        }),
        _problems => Err(Refused::Invalid(problems)),
    }
}

fn said(problem: &TemplateProblem) -> String {
    problem.to_string()
}
