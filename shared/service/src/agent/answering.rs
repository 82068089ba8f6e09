//! Whether an agent can answer whoever calls: every variable of its prompt has a default.
//!
//! Somebody who calls one of our numbers may be nobody whom we know. Where a number is bound to an agent, and where
//! what it is bound to changes, an agent whose prompt needs more is refused. What is looked at is not written with
//! the change: of two changes at the same moment both may pass, then the doctor tells and such calls leave a row.

use model::{AgentId, PromptId, PromptVersion, TenantId};
use store::{Prompts, StoreError, Usable, UsedBy, Uses};

use crate::Refused;

/// Refuses an agent with this prompt for calls of people whom nobody knows. `at` is the field that leads to it.
pub(crate) async fn check_prompt(
    prompts: &Prompts,
    tenant: TenantId,
    prompt: PromptId,
    at: &'static str,
) -> Result<(), Refused> {
    match prompts.latest(tenant, prompt).await? {
        Some(version) => check(at, &version),
        None => Ok(()),
    }
}

/// Refuses a version of a prompt with which a number would be answered no more.
pub(crate) async fn check_version(
    uses: &Uses,
    tenant: TenantId,
    version: &PromptVersion,
) -> Result<(), Refused> {
    // Most have no variables, or defaults for all: nobody is asked then.
    let Err(refused) = check("/defaults", version) else {
        return Ok(());
    };
    for user in uses.of(tenant, Usable::Prompt(version.id)).await? {
        if let UsedBy::Agent(agent) = user
            && has_number(uses, tenant, agent).await?
        {
            return Err(refused);
        }
    }
    Ok(())
}

/// Whether calls to a number come to the agent.
pub(crate) async fn has_number(
    uses: &Uses,
    tenant: TenantId,
    agent: AgentId,
) -> Result<bool, StoreError> {
    let users = uses.of(tenant, Usable::Agent(agent)).await?;
    Ok(users.iter().any(|user| matches!(user, UsedBy::Number(_))))
}

fn check(at: &'static str, version: &PromptVersion) -> Result<(), Refused> {
    let names = version.without_default();
    if names.is_empty() {
        Ok(())
    } else {
        Err(Refused::NoDefaults { at, names })
    }
}
