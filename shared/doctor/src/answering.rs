//! Whether each number that has an agent would be answered, whoever calls it.

use std::collections::BTreeMap;

use model::{Agent, AgentId, TenantId};
use store::{Store, StoreError};

use crate::carrier::ours;
use crate::{Check, Finding, Group, Here, check};

/// Why an agent answers nobody, or not everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Silent {
    why: String,
    mend: String,
}

/// Numbers are those of `tenant`, or else of the installation's owner.
pub(crate) async fn examine(here: &Here<'_>, tenant: Option<TenantId>) -> Vec<Check> {
    let look = Box::pin(look(here, tenant));
    vec![check(Group::Numbers, "answering", api(" /v1/numbers"), look).await]
}

async fn look(here: &Here<'_>, tenant: Option<TenantId>) -> Finding {
    let numbers = match ours(here, tenant).await {
        Ok(numbers) => numbers,
        Err(finding) => return finding,
    };
    let Some(store) = here.store() else {
        return Finding::skipped("see table");
    };
    let mut agents: BTreeMap<AgentId, Option<Silent>> = BTreeMap::new();
    let (mut bound, mut details, mut mend) = (0_u32, Vec::new(), None);
    for number in numbers {
        let Some(id) = number.agent_id else { continue };
        bound += 1;
        let silent = match agents.get(&id) {
            Some(known) => known.clone(),
            None => match silent(store, number.tenant_id, id).await {
                Ok(found) => found,
                Err(_error) => return Finding::skipped("the table cannot be read, see table"),
            },
        };
        agents.insert(id, silent.clone());
        if let Some(Silent { why, mend: command }) = silent {
            details.push(format!("{}: {why}", number.number.as_str()));
            mend.get_or_insert(command);
        }
    }
    match mend {
        Some(mend) => {
            let (wrong, first) = (details.len(), details.first().cloned().unwrap_or_default());
            let found = format!("{wrong} of {bound} turn away who calls; {first}");
            Finding::failed(found, mend).with_details(details)
        }
        None if bound == 0 => Finding::ok("no number has an agent"),
        None => Finding::ok("whoever calls a number with an agent is answered"),
    }
}

async fn silent(
    store: &Store,
    tenant: TenantId,
    id: AgentId,
) -> Result<Option<Silent>, StoreError> {
    let number = api(" /v1/numbers");
    let Some(agent) = store.agents.get(tenant, id).await? else {
        let why = format!("{id} is not there");
        return Ok(Some(Silent { why, mend: number }));
    };
    let Agent {
        archived_at,
        fields,
        ..
    } = agent;
    if archived_at.is_some() {
        let why = format!("{id} is archived");
        let mend = api(&format!(" -X POST /v1/agents/{id}/unarchive"));
        return Ok(Some(Silent { why, mend }));
    }
    let Some(prompt) = store.prompts.latest(tenant, fields.prompt_id).await? else {
        let why = format!("{id} has no prompt");
        let mend = api(&format!(" -X PATCH /v1/agents/{id}"));
        return Ok(Some(Silent { why, mend }));
    };
    let names = prompt.without_default();
    if names.is_empty() {
        return Ok(None);
    }
    let why = format!(
        "the prompt of {id} has no default for {}, and not everybody who calls is known",
        names.join(", ")
    );
    let defaults: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name}\":\"…\""))
        .collect();
    let mend = format!(
        "{} -d '{{\"name\":\"…\",\"system\":\"…\",\"greeting\":\"…\",\"defaults\":{{{}}}}}'",
        api(&format!(" /v1/prompts/{}/versions", prompt.id)),
        defaults.join(",")
    );
    Ok(Some(Silent { why, mend }))
}

/// A request to the API, as it is typed.
fn api(asked: &str) -> String {
    let asked = asked.replacen("/v1/", "$API/v1/", 1);
    format!("curl -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json'{asked}")
}
