//! The OpenAPI document, generated from the handlers, and the words in it from the types of `model`.

use axum::Json;
use model::{CallState, Outcome, Stage};
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};

use crate::{
    agents, calls, campaigns, examination, forecasts, imports, labels, leads, numbers, permits,
    problem, prompts, suppressions,
};

/// The document that [`serve`] answers.
#[derive(OpenApi)]
#[openapi(
    info(title = "Trunkline", description = "AI phone calls in your own AWS account."),
    paths(
        crate::health,
        serve,
        calls::create,
        calls::list,
        calls::read,
        calls::hang_up,
        calls::recording,
        agents::create,
        agents::list,
        agents::read,
        agents::change,
        prompts::create,
        prompts::list,
        prompts::read,
        prompts::add_version,
        prompts::read_version,
        campaigns::create,
        campaigns::list,
        campaigns::read,
        campaigns::change,
        campaigns::delete,
        campaigns::start,
        campaigns::pause,
        campaigns::resume,
        campaigns::cancel,
        campaigns::redial,
        campaigns::progress,
        labels::matrix,
        labels::label,
        leads::add,
        leads::list,
        leads::read,
        leads::change,
        leads::remove,
        leads::export,
        suppressions::add,
        suppressions::add_list,
        suppressions::list,
        suppressions::read,
        suppressions::remove,
        suppressions::export,
        permits::check,
        numbers::create,
        numbers::list,
        forecasts::simulate,
        imports::create,
        imports::begin_upload,
        imports::start,
        imports::list,
        imports::read,
        imports::rejects,
        imports::undo,
        examination::examine,
    ),
    components(schemas(problem::Problem, problem::FieldError)),
    modifiers(&ApiKeys),
    security(("api_key" = [])),
)]
struct Document;

struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// The API's description.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "health", security(()),
    responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    pub(crate) status: String,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `body::Wanted` reads")]
pub(crate) struct PageParams {
    /// The last page's `next_cursor`.
    cursor: Option<String>,
    /// 1 to 100, 50 where absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What may be set of an agent. Only `name` and `prompt_id` are needed to make one.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `model::AgentFields`; a test compares them"
)]
pub(crate) struct AgentBody {
    name: String,
    prompt_id: String,
    /// `cascade`: speech recognition, language model, speech synthesis.
    engine: Option<String>,
    /// BCP 47, as the recognizer takes it: `en`, `en-IN`, `hi`.
    language: Option<String>,
    /// The speech vendor's voice id; absent means the deployment's default voice.
    voice_id: Option<String>,
    /// The language model's name; absent means the deployment's default model.
    model: Option<String>,
    turn_taking: Option<TurnTakingBody>,
    /// Whether the customer can cut the greeting short.
    greeting_interruptible: Option<bool>,
    silence: Option<SilenceBody>,
    /// The call is ended politely after this long: 10 to 14400.
    duration_seconds_max: Option<u32>,
    /// When a machine answers an outbound call: `ignore`, `note` (the verdict is stored) or
    /// `hang_up` (the default).
    answering_machine: Option<String>,
    /// Names of tools, as in `end_call`.
    tools: Option<Vec<String>>,
    /// What is said before hanging up for silence, a limit or an outage.
    farewell: Option<String>,
}

/// When the customer's turn is over and when the customer interrupts.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `model::TurnTaking`; a test compares them"
)]
pub(crate) struct TurnTakingBody {
    /// `immediate`, `balanced` or `protected`.
    barge_in: Option<String>,
    endpointing_ms: Option<u32>,
    end_of_turn_ms_max: Option<u32>,
    false_interruption_ms: Option<u32>,
}

/// What happens when nobody speaks.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `model::SilencePolicy`; a test compares them"
)]
pub(crate) struct SilenceBody {
    remind_after_ms: Option<u32>,
    reminders_max: Option<u32>,
    hang_up_after_ms: Option<u32>,
}

/// An agent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `model::Agent`; a test compares them")]
pub(crate) struct AgentView {
    id: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Rises by one with each change.
    revision: u32,
    #[schema(inline)]
    #[serde(flatten)]
    fields: AgentBody,
}

/// The word that a value of a closed vocabulary has in JSON.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

fn words<T: Serialize>(values: &[T]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().map(word)))
        .build()
}

pub(crate) fn call_state() -> Object {
    words(&CallState::ALL)
}

pub(crate) fn outcome() -> Object {
    words(&Outcome::ALL)
}

pub(crate) fn doing() -> Object {
    let mut doings: Vec<_> = Outcome::ALL.into_iter().map(Outcome::doing).collect();
    doings.sort_unstable();
    doings.dedup();
    words(&doings)
}

pub(crate) fn stage() -> Object {
    words(&Stage::ALL)
}

pub(crate) fn stage_owner() -> Object {
    let mut owners: Vec<_> = Stage::ALL.map(|stage| word(&stage.owner())).into();
    owners.sort_unstable();
    owners.dedup();
    words(&owners)
}

pub(crate) fn direction() -> Object {
    use model::Direction::{Inbound, Outbound};
    words(&[Outbound, Inbound])
}

pub(crate) fn answered_by() -> Object {
    use model::CarrierVerdict as By;
    words(&[
        By::Human,
        By::MachineStart,
        By::MachineEndBeep,
        By::MachineEndSilence,
        By::MachineEndOther,
        By::Fax,
        By::Unknown,
    ])
}

pub(crate) fn campaign_state() -> Object {
    words(&model::CampaignState::ALL)
}

pub(crate) fn lead_state() -> Object {
    words(&["waiting", "calling", "done"])
}

pub(crate) fn lead_result() -> Object {
    words(&model::LeadResult::ALL)
}

pub(crate) fn lead_priority() -> Object {
    use model::LeadPriority::{High, Low, Normal};
    words(&[High, Normal, Low])
}

pub(crate) fn added() -> Object {
    words(&["added", "there_already", "suppressed"])
}

pub(crate) fn suppression_reason() -> Object {
    use model::SuppressionReason::{Keypad, Manual, Spoken, Upload};
    words(&[Spoken, Keypad, Manual, Upload])
}

pub(crate) fn picked() -> Object {
    words(&service::call::labels::Picked::ALL)
}

pub(crate) fn import_state() -> Object {
    words(&[
        "uploading",
        "checking",
        "running",
        "completed",
        "undoing",
        "undone",
        "failed",
    ])
}

pub(crate) fn check_state() -> Object {
    words(&doctor::CheckState::ALL)
}

pub(crate) fn check_group() -> Object {
    words(&doctor::Group::ALL)
}

pub(crate) fn recording_state() -> Object {
    words(&["ready", "stored", "archived", "absent"])
}

pub(crate) fn speaker() -> Object {
    use model::Speaker::{Agent, Customer};
    words(&[Customer, Agent])
}

pub(crate) fn turn_kind() -> Object {
    use model::TurnKind as Kind;
    words(&[
        Kind::Greeting,
        Kind::Talk,
        Kind::Reminder,
        Kind::Bridge,
        Kind::Farewell,
    ])
}

pub(crate) fn turn_input() -> Object {
    use model::TurnInput::{Keypad, Speech};
    words(&[Speech, Keypad])
}
