//! Prompts: create, new version, read, archive, list.
//!
//! A prompt that an agent uses is not archived, and an archived one gets no new version and no agent.

use std::sync::Arc;

use jiff::Timestamp;
use model::{
    PromptId, PromptVersion, Template, TemplateProblem, TenantId, VALUE_CHARS_MAX, Variables,
    member,
};
use serde::{Deserialize, Serialize};
use store::{
    BindingRefused, Page, PromptHead, Prompts as PromptRows, Requests, Shelf, StoreError, Usable,
    Uses,
};

use crate::agent::answering;
use crate::context::requests::Keyed;
use crate::{Clock, Fault, FieldProblem, IdempotencyKey, Ids, Refused};

/// The most characters of a prompt's name.
pub const NAME_CHARS_MAX: usize = 100;
/// The most bytes of both texts of a version with its defaults: it is one row of a table that takes 400 KB.
pub const TEXT_BYTES_MAX: usize = 200_000;
/// The field with the defaults of variables.
const DEFAULTS: &str = "/defaults";
/// Tries of an archiving while others write versions of the prompt, or agents that use it.
const TRIES_MAX: u32 = 8;

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
    /// What stands for variables of somebody who calls and is not known, or whose lead lacks them. Each variable
    /// needs one where an agent with the prompt answers a number. Calls that are made need values of their own.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, String>))]
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    pub defaults: Variables,
}

/// The use cases of prompts.
#[derive(Debug, Clone)]
pub struct Prompts {
    prompts: PromptRows,
    requests: Requests,
    uses: Uses,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl Prompts {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            prompts: store.prompts.clone(),
            requests: store.requests.clone(),
            uses: store.uses.clone(),
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
        if head.archived_at.is_some() {
            return Err(Refused::Archived);
        }
        let now = self.clock.now();
        let number = head.latest_version.saturating_add(1);
        let version = check(fields, prompt, number, now)?;
        answering::check_version(&self.uses, tenant, &version).await?;
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

    /// Reads what a list shows of a prompt.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn head(&self, tenant: TenantId, prompt: PromptId) -> Result<PromptHead, Refused> {
        let found = self.prompts.head(tenant, prompt).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Archives a prompt that no agent uses. One that is archived stays so.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::InUse`] names the agents that use it.
    pub async fn archive(&self, tenant: TenantId, prompt: PromptId) -> Result<PromptHead, Refused> {
        self.shelve(tenant, prompt, Shelf::Archived).await
    }

    /// Takes a prompt out of the archive. One that is not in it stays as it is.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn unarchive(
        &self,
        tenant: TenantId,
        prompt: PromptId,
    ) -> Result<PromptHead, Refused> {
        self.shelve(tenant, prompt, Shelf::InUse).await
    }

    async fn shelve(
        &self,
        tenant: TenantId,
        prompt: PromptId,
        shelf: Shelf,
    ) -> Result<PromptHead, Refused> {
        for _try in 0..TRIES_MAX {
            let before = self.head(tenant, prompt).await?;
            if shelf == Shelf::of(before.archived_at.as_ref()) {
                return Ok(before);
            }
            let now = self.clock.now();
            let after = PromptHead {
                archived_at: (shelf == Shelf::Archived).then_some(now),
                updated_at: now,
                ..before.clone()
            };
            match self.prompts.shelve(tenant, &before, &after).await {
                Ok(()) => return Ok(after),
                Err(BindingRefused::InUse) => {
                    let by = self.uses.of(tenant, Usable::Prompt(prompt)).await?;
                    // What used it a moment ago may use it no more.
                    if !by.is_empty() {
                        return Err(Refused::InUse(by.into_iter().collect()));
                    }
                }
                // It is bound to nothing itself.
                Err(BindingRefused::Changed | BindingRefused::Archived | BindingRefused::Full) => {}
                Err(BindingRefused::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A tenant's prompts of a shelf, newest first, older than `after`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        shelf: Shelf,
        after: Option<PromptId>,
        limit: u32,
    ) -> Result<Page<PromptHead>, Refused> {
        Ok(self.prompts.list(tenant, shelf, after, limit).await?)
    }
}

fn check(
    fields: &PromptFields,
    id: PromptId,
    version: u32,
    created_at: Timestamp,
) -> Result<PromptVersion, Refused> {
    let problems = fields.problems();
    let texts = (
        Template::parse(&fields.system),
        Template::parse(&fields.greeting),
    );
    match texts {
        (Ok(system), Ok(greeting)) if problems.is_empty() => Ok(PromptVersion {
            id,
            version,
            name: fields.name.trim().to_owned(),
            system,
            greeting,
            defaults: fields.defaults.clone(),
            created_at,
        }),
        _problems => Err(Refused::Invalid(problems)),
    }
}

impl PromptFields {
    /// Everything that is wrong with them, all at once.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let mut say = |at: &str, fault, says: String| {
            problems.push(FieldProblem::new(at, fault, says));
        };
        let chars = self.name.trim().chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&chars) {
            let says = format!("must have 1 to {NAME_CHARS_MAX} characters, has {chars}");
            say("/name", Fault::OutOfRange, says);
        }
        if self.greeting.trim().is_empty() {
            say(
                "/greeting",
                Fault::OutOfRange,
                "must not be empty".to_owned(),
            );
        }
        let defaults = self
            .defaults
            .iter()
            .map(|(name, value)| name.len() + value.len());
        let bytes = self.system.len() + self.greeting.len() + defaults.sum::<usize>();
        if bytes > TEXT_BYTES_MAX {
            let says = format!(
                "must have at most {TEXT_BYTES_MAX} bytes with the greeting and the defaults"
            );
            say("/system", Fault::OutOfRange, says);
        }
        for (at, text) in [("/system", &self.system), ("/greeting", &self.greeting)] {
            if let Err(problem) = Template::parse(text) {
                say(at, fault(&problem), problem.to_string());
            }
        }
        problems.extend(self.wrong_defaults());
        problems
    }
}

impl PromptFields {
    /// A default of a variable that is in no text is a slip of the pen that nobody would notice.
    fn wrong_defaults(&self) -> Vec<FieldProblem> {
        let texts = [&self.system, &self.greeting].map(|text| Template::parse(text));
        let [Ok(system), Ok(greeting)] = &texts else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        for (name, value) in &self.defaults {
            let mut say = |fault, says: String| {
                problems.push(FieldProblem::new(member(DEFAULTS, name), fault, says));
            };
            let chars = value.chars().count();
            if !system
                .variables()
                .chain(greeting.variables())
                .any(|known| known == name)
            {
                say(Fault::Conflict, "is no variable of the texts".to_owned());
            } else if value.trim().is_empty() {
                say(Fault::OutOfRange, "must not be empty".to_owned());
            } else if chars > VALUE_CHARS_MAX {
                let says = format!("must have at most {VALUE_CHARS_MAX} characters, has {chars}");
                say(Fault::OutOfRange, says);
            }
        }
        problems
    }
}

/// What is wrong with a text that is no template.
pub(crate) const fn fault(problem: &TemplateProblem) -> Fault {
    match problem {
        TemplateProblem::Unclosed { .. } | TemplateProblem::Name { .. } => Fault::Malformed,
        TemplateProblem::TooLong => Fault::OutOfRange,
        TemplateProblem::Missing(_) => Fault::Missing,
    }
}
