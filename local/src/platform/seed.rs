//! What a new installation starts with, so that the first call needs one command: a prompt, an agent,
//! and, where the carrier is simulated, a number of ours. Made once; what the user changes stays.

use std::sync::Arc;

use anyhow::Context as _;
use model::{AgentFields, AgentId, TenantId};
use service::agent::Agents;
use service::agent::numbers::{NumberFields, Numbers};
use service::agent::prompts::{PromptFields, Prompts};
use service::{Context, Refused};
use store::Shelf;

/// What the first agent is told. The simulated language model reads the clinic out of it.
pub const SYSTEM: &str = "\
You are the automated assistant of a dental clinic and remind a patient of an appointment.
Speak in short sentences. Say goodbye and end the call when the patient has no more questions.
clinic: Bright Dental
dentist: Dr. Patel
patient: {{name}}
day: {{day}}
time: {{time}}
";
/// What it says first.
pub const GREETING: &str = "Hello {{name}}, this is the automated assistant of Bright Dental. I am calling to \
    remind you of your appointment {{day}} at {{time}}. Can you make it?";
/// What it says to somebody who calls and is not known.
pub const DEFAULTS: [(&str, &str); 3] = [("name", "there"), ("day", "this week"), ("time", "nine")];

/// What is there now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeded {
    pub(crate) agent_id: AgentId,
}

/// Makes what is missing.
///
/// # Errors
/// When the store cannot be reached.
pub(crate) async fn ensure(
    parts: &Context,
    tenant: TenantId,
    with_number: bool,
) -> anyhow::Result<Seeded> {
    let agents = Agents::new(
        &parts.store,
        parts.vendors.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    );
    let known = agents
        .list(tenant, Shelf::InUse, None, 1)
        .await
        .context("looking for an agent")?;
    let agent_id = match known.items.first() {
        Some(agent) => agent.id,
        None => first_agent(parts, tenant, &agents).await?,
    };
    if with_number {
        let numbers = Numbers::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone());
        let mut known = false;
        // One that was archived is not made a second time.
        for shelf in [Shelf::InUse, Shelf::Archived] {
            let found = numbers.list(tenant, shelf, None, 1).await;
            known |= !found.context("looking for a number")?.items.is_empty();
        }
        if !known {
            let mut fields = NumberFields {
                number: local_number()?,
                agent_id: Some(agent_id),
            };
            let mut made = numbers.create(tenant, &fields, None).await;
            // An agent of the user's own that wants to know who calls: calls are made from the number all the same.
            if let Err(Refused::NoDefaults { .. }) = made {
                fields.agent_id = None;
                made = numbers.create(tenant, &fields, None).await;
            }
            made.context("making a number")?;
        }
    }
    Ok(Seeded { agent_id })
}

async fn first_agent(
    parts: &Context,
    tenant: TenantId,
    agents: &Agents,
) -> anyhow::Result<AgentId> {
    let prompts = Prompts::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone());
    let fields = PromptFields {
        name: "Appointment reminder".to_owned(),
        system: SYSTEM.to_owned(),
        greeting: GREETING.to_owned(),
        defaults: DEFAULTS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let prompt = prompts
        .create(tenant, &fields, None)
        .await
        .context("making a prompt")?;
    let fields = AgentFields::new("Reminder", prompt.id);
    let agent = agents
        .create(tenant, fields, None)
        .await
        .context("making an agent")?;
    Ok(agent.id)
}

/// Our number in this installation, for calls whose request names none.
pub(crate) fn local_number() -> anyhow::Result<model::PhoneNumber> {
    "+15005550006".parse().context("our simulated number")
}
