//! Campaigns: who is called by which agent, when, how often and how fast.

pub(crate) mod consent;
pub(crate) mod delay;
pub(crate) mod kind;
pub(crate) mod lane;
pub(crate) mod lead;
pub(crate) mod permit;
pub(crate) mod windows;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    AgentId, AmdThresholds, CallKind, CampaignId, ConsentElsewhere, ConsentKind, Delay, Fault,
    FieldProblem, Limit, PhoneNumber, TenantId, Windows, ZoneTrust, chars,
};

use consent::REASON_CHARS_MAX;

/// The most numbers that one campaign calls from.
pub const OUR_NUMBERS_MAX: usize = 500;
/// The most days that a campaign can leave out by date.
pub const BLOCKED_DAYS_MAX: usize = 366;

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    pub id: CampaignId,
    pub tenant_id: TenantId,
    pub state: CampaignState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Rises by one with each change; edits name the revision they were made from.
    pub revision: u32,
    /// When it began to call, the latest time: the start ramp counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(flatten)]
    pub fields: CampaignFields,
}

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// Being put together. The only state in which it can be deleted.
    Draft,
    /// Starts by itself at `starts_at`.
    Scheduled,
    Running,
    /// Calls that are on go on, no new ones begin.
    Paused,
    /// Every lead is done, or its time was over. Leads that come late let it run again, if its end is not past.
    Completed,
    /// For good.
    Cancelled,
}

/// What a user may set of a campaign. Everything but the name has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NewCampaign))]
pub struct CampaignFields {
    pub name: String,
    /// What the calls are for. Needed before the start: hours, caps and consent go by it.
    #[serde(default)]
    pub kind: Option<CallKind>,
    /// Who talks. Needed before the start.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// When numbers are called, in the callee's local time. The law's hours apply besides.
    #[serde(default)]
    pub windows: Windows,
    /// Dates on which nobody is called, in the callee's local date.
    #[serde(default)]
    pub blocked_days: Vec<Date>,
    /// Whether public holidays of the callee's place are working days for this campaign. Where the law
    /// forbids calling on them they are not, whatever this says.
    #[serde(default)]
    pub call_on_holidays: bool,
    /// Whose zones have to allow a call: those of the number, of the lead's own zone and of its address together, or
    /// the lead's alone where its list names any.
    #[serde(default)]
    pub zones: ZoneTrust,
    #[serde(default = "default_concurrency")]
    pub max_concurrent_calls: u32,
    /// Attempts for each lead.
    #[serde(default = "default_attempts")]
    pub max_attempts: u32,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub alternate_numbers: AlternateNumbers,
    #[serde(default)]
    pub caps: Caps,
    /// Numbers of ours to call from; empty: every number of the tenant.
    #[serde(default)]
    pub numbers: Vec<PhoneNumber>,
    /// Prefer a number of ours from the callee's own area.
    #[serde(default = "yes")]
    pub local_presence: bool,
    /// The most calls from one number of ours in one UTC day: numbers that call too often are marked
    /// as spam by carriers.
    #[serde(default = "default_calls_per_number")]
    pub calls_per_number_per_day: u32,
    #[serde(default)]
    pub amd: Amd,
    #[serde(default)]
    pub opt_out: OptOut,
    #[serde(default)]
    pub disclosure: Disclosure,
    /// The weakest consent that a lead must carry, where that is more than the law of its place asks for.
    #[serde(default)]
    pub consent: Option<ConsentKind>,
    /// Consent that is kept outside the product, for leads that carry none. Whoever sets it needs the permission to
    /// override rules.
    #[serde(default)]
    pub consent_elsewhere: Option<ConsentElsewhere>,
    /// 1 to 9; of two campaigns, shares of free lines go as their priorities.
    #[serde(default = "default_priority")]
    pub priority: u8,
    #[serde(default)]
    pub ramp: Ramp,
    #[serde(default)]
    pub breaker: Breaker,
    /// Starts by itself then, once it was started or scheduled; `null`: at once.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// No call begins from then on; what is left is `not_allowed`.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
}

/// How long to wait after an attempt, by how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Retry {
    #[serde(rename = "no_answer_seconds")]
    pub no_answer: Delay,
    #[serde(rename = "busy_seconds")]
    pub busy: Delay,
    /// The carrier or we failed.
    #[serde(rename = "failed_seconds")]
    pub failed: Delay,
    #[serde(rename = "voicemail_seconds")]
    pub voicemail: Delay,
}

/// Whether a lead's other numbers are called where nobody was reached on the one before.
// docs/outcomes.md#other-numbers
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AlternateNumbers {
    /// After which ends the next number is in turn. Empty: only the lead's own number is ever called.
    pub after: Vec<NextNumberAfter>,
    /// From such an end to the call to the next number. Behind the last one the first is in turn again, after
    /// the `retry` of the end.
    #[serde(rename = "wait_seconds")]
    pub wait: Delay,
}

/// What may bring a lead's next number into turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NextNumberAfter {
    NoAnswer,
    Busy,
    /// A mailbox or a screening service.
    Voicemail,
    /// The number does not exist, cannot be reached, or is a fax: it is not called again.
    Unreachable,
    /// The number is on the suppression list, and not because the person asked for it: then no number of theirs is
    /// called.
    Suppressed,
    /// No rule will allow calling the number.
    NotAllowed,
}

/// How often one number is called, over all campaigns of the tenant.
///
/// A person whose lead has several numbers is called no more often on all of them together.
// docs/protocols/calling-compliance.md#hours-and-caps
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Caps {
    /// Attempts in any 24 hours.
    pub attempts_per_day: u32,
    /// Attempts in any 30 days.
    pub attempts_per_30_days: u32,
    /// Attempts in any 7 days; `null`: as many as the others allow.
    pub attempts_per_7_days: Option<u32>,
    /// Conversations in any 24 hours.
    pub conversations_per_day: u32,
    /// Days after a conversation without another attempt; `null`: none.
    pub days_after_conversation: Option<u32>,
    /// From an attempt that was busy or not answered to the next one, by whichever campaign. A shorter
    /// `retry` is held back by it.
    #[serde(rename = "minimum_gap_seconds")]
    pub minimum_gap: Delay,
}

/// Answering machines: how they are told from people, and what is done about them. Detection never
/// keeps a person waiting: the agent speaks at once, and the verdict comes while it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Amd {
    pub detect: AmdMode,
    /// What happens when a machine answered.
    pub machine: MachineAction,
    /// What is left after the beep; needed for `leave_message`. Takes `{{variables}}`.
    pub voicemail_message: Option<String>,
    // The carrier's thresholds: docs/protocols/carriers.md#answering-machine-detection
    /// When detection gives up, seconds, 3 to 59.
    pub timeout_seconds: u32,
    /// Speech longer than this is a machine's, milliseconds, 1,000 to 6,000.
    pub speech_threshold_ms: u32,
    /// Silence after speech that ends it, milliseconds, 500 to 5,000.
    pub speech_end_threshold_ms: u32,
    /// Silence at the start after which it is unknown, milliseconds, 2,000 to 10,000.
    pub silence_timeout_ms: u32,
    /// Who calls and why, said to a call screening service. Takes `{{variables}}`; `null`: the
    /// disclosure's business name and purpose.
    pub screening_answer: Option<String>,
}

/// Whether and how the carrier detects machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AmdMode {
    Off,
    /// A verdict as soon as there is one.
    #[default]
    Start,
    /// Also waits for the end of a machine's greeting.
    MessageEnd,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MachineAction {
    /// The lead is tried again as `retry.voicemail_seconds` says.
    #[default]
    HangUp,
    /// Leave the message after the beep; the lead is done then.
    LeaveMessage,
    /// Talk to it as to a person.
    Talk,
}

/// How people say that they do not want to be called again. Words are always understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct OptOut {
    /// The key; `null`: no key.
    #[cfg_attr(feature = "schema", schema(pattern = "^[0-9*#]$", example = "9"))]
    pub key: Option<char>,
    /// What the agent says then; `null`: a sentence in its language.
    pub acknowledgement: Option<String>,
}

/// Who calls and why, and what has to be said of it.
// docs/protocols/calling-compliance.md#opening and docs/protocols/calling-compliance.md#recording-notice
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Disclosure {
    /// The registered name of the business that is responsible.
    pub business_name: Option<String>,
    /// Half a sentence: "your appointment on Tuesday".
    pub purpose: Option<String>,
    /// What the agent says first in place of its prompt's greeting. Takes `{{variables}}`.
    pub opening: Option<String>,
}

/// How a campaign goes up to its concurrency after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Ramp {
    /// Calls at once in the beginning.
    pub from: u32,
    /// Time from there to `max_concurrent_calls`, in a straight line; zero: at once.
    #[serde(rename = "over_seconds")]
    pub over: Delay,
}

/// When a campaign stops by itself for a while because its calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Breaker {
    /// Per cent of the latest calls that failed by the carrier's, a vendor's or our fault; 100 never
    /// trips it.
    pub failures_percent: u32,
    /// How many of the latest calls are looked at; fewer never trip it.
    pub calls: u32,
    /// How long it stays open before a few calls are tried.
    #[serde(rename = "pause_seconds")]
    pub pause: Delay,
}

impl CampaignFields {
    /// A campaign of this name with every default.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: None,
            agent_id: None,
            windows: Windows::default(),
            blocked_days: Vec::new(),
            call_on_holidays: false,
            zones: ZoneTrust::default(),
            max_concurrent_calls: default_concurrency(),
            max_attempts: default_attempts(),
            retry: Retry::default(),
            alternate_numbers: AlternateNumbers::default(),
            caps: Caps::default(),
            numbers: Vec::new(),
            local_presence: true,
            calls_per_number_per_day: default_calls_per_number(),
            amd: Amd::default(),
            opt_out: OptOut::default(),
            disclosure: Disclosure::default(),
            consent: None,
            consent_elsewhere: None,
            priority: default_priority(),
            ramp: Ramp::default(),
            breaker: Breaker::default(),
            starts_at: None,
            ends_at: None,
        }
    }

    /// What its fields may be.
    pub const LIMITS: [Limit<Self>; 27] = [
        Limit::number("max_concurrent_calls", 1, 10_000, |campaign| {
            Some(campaign.max_concurrent_calls.into())
        }),
        Limit::number("max_attempts", 1, 20, |campaign| {
            Some(campaign.max_attempts.into())
        }),
        Limit::number("caps.attempts_per_day", 1, 24, |campaign| {
            Some(campaign.caps.attempts_per_day.into())
        }),
        Limit::number("caps.attempts_per_30_days", 1, 200, |campaign| {
            Some(campaign.caps.attempts_per_30_days.into())
        }),
        Limit::number("caps.attempts_per_7_days", 1, 100, |campaign| {
            campaign.caps.attempts_per_7_days.map(Into::into)
        }),
        Limit::number("caps.conversations_per_day", 1, 24, |campaign| {
            Some(campaign.caps.conversations_per_day.into())
        }),
        Limit::number("caps.days_after_conversation", 1, 30, |campaign| {
            campaign.caps.days_after_conversation.map(Into::into)
        }),
        Limit::number("calls_per_number_per_day", 1, 1_000_000, |campaign| {
            Some(campaign.calls_per_number_per_day.into())
        }),
        Limit::number("priority", 1, 9, |campaign| Some(campaign.priority.into())),
        Limit::number("amd.timeout_seconds", 3, 59, |campaign| {
            Some(campaign.amd.timeout_seconds.into())
        }),
        Limit::number("amd.speech_threshold_ms", 1_000, 6_000, |campaign| {
            Some(campaign.amd.speech_threshold_ms.into())
        }),
        Limit::number("amd.speech_end_threshold_ms", 500, 5_000, |campaign| {
            Some(campaign.amd.speech_end_threshold_ms.into())
        }),
        Limit::number("amd.silence_timeout_ms", 2_000, 10_000, |campaign| {
            Some(campaign.amd.silence_timeout_ms.into())
        }),
        Limit::number("ramp.from", 1, 10_000, |campaign| {
            Some(campaign.ramp.from.into())
        }),
        Limit::number("breaker.failures_percent", 1, 100, |campaign| {
            Some(campaign.breaker.failures_percent.into())
        }),
        Limit::number("breaker.calls", 5, 1_000, |campaign| {
            Some(campaign.breaker.calls.into())
        }),
        Limit::text("name", 100, |campaign| Some(chars(&campaign.name))),
        Limit::text("amd.voicemail_message", 1_000, |campaign| {
            campaign.amd.voicemail_message.as_deref().map(chars)
        }),
        Limit::text("amd.screening_answer", 500, |campaign| {
            campaign.amd.screening_answer.as_deref().map(chars)
        }),
        Limit::text("opt_out.acknowledgement", 500, |campaign| {
            campaign.opt_out.acknowledgement.as_deref().map(chars)
        }),
        Limit::text("disclosure.business_name", 200, |campaign| {
            campaign.disclosure.business_name.as_deref().map(chars)
        }),
        Limit::text("disclosure.purpose", 300, |campaign| {
            campaign.disclosure.purpose.as_deref().map(chars)
        }),
        Limit::text("disclosure.opening", 1_000, |campaign| {
            campaign.disclosure.opening.as_deref().map(chars)
        }),
        Limit::text(
            "consent_elsewhere.reason",
            REASON_CHARS_MAX as u64,
            |campaign| {
                let elsewhere = campaign.consent_elsewhere.as_ref();
                elsewhere.map(|elsewhere| chars(&elsewhere.reason))
            },
        ),
        Limit::items("numbers", OUR_NUMBERS_MAX as u64, |campaign| {
            u64::try_from(campaign.numbers.len()).ok()
        }),
        Limit::items(
            "alternate_numbers.after",
            NextNumberAfter::ALL.len() as u64,
            |campaign| u64::try_from(campaign.alternate_numbers.after.len()).ok(),
        ),
        Limit::items("blocked_days", BLOCKED_DAYS_MAX as u64, |campaign| {
            u64::try_from(campaign.blocked_days.len()).ok()
        }),
    ];

    /// Every field that cannot be as it is, with the reason.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let windows = self.windows.problems().into_iter();
        let windows = windows.map(|problem| problem.below("/windows"));
        let limits = Self::LIMITS.iter().filter_map(|limit| limit.problem(self));
        let mut problems: Vec<_> = windows.chain(limits).collect();
        let mut say = |at: &str, fault: Fault, says: String| {
            problems.push(FieldProblem::new(at, fault, says));
        };
        if self.amd.machine == MachineAction::LeaveMessage && self.amd.voicemail_message.is_none() {
            say(
                "/amd/voicemail_message",
                Fault::Missing,
                "is needed when `amd.machine` is `leave_message`".to_owned(),
            );
        }
        if self.amd.machine == MachineAction::LeaveMessage && self.amd.detect == AmdMode::Off {
            say(
                "/amd/detect",
                Fault::Conflict,
                "must not be `off` when `amd.machine` is `leave_message`".to_owned(),
            );
        }
        if let Some(elsewhere) = &self.consent_elsewhere
            && elsewhere.reason.trim().is_empty()
        {
            say(
                "/consent_elsewhere/reason",
                Fault::OutOfRange,
                "must say where the consent is kept".to_owned(),
            );
        }
        if let Some(key) = self.opt_out.key
            && !(key.is_ascii_digit() || key == '*' || key == '#')
        {
            say(
                "/opt_out/key",
                Fault::Malformed,
                "must be one of 0-9, * and #".to_owned(),
            );
        }
        if let (Some(starts), Some(ends)) = (self.starts_at, self.ends_at)
            && starts >= ends
        {
            say(
                "/ends_at",
                Fault::Conflict,
                "must be after `starts_at`".to_owned(),
            );
        }
        problems
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            no_answer: Delay::from_hours(2),
            busy: Delay::from_hours(4),
            failed: Delay::from_mins(30),
            voicemail: Delay::from_hours(24),
        }
    }
}

impl AlternateNumbers {
    /// Whether numbers of a lead other than its own are ever called.
    #[must_use]
    pub fn are_called(&self) -> bool {
        !self.after.is_empty()
    }
}

impl NextNumberAfter {
    /// Every one, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::NoAnswer,
        Self::Busy,
        Self::Voicemail,
        Self::Unreachable,
        Self::Suppressed,
        Self::NotAllowed,
    ];
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            attempts_per_day: 3,
            attempts_per_30_days: 6,
            attempts_per_7_days: None,
            conversations_per_day: 1,
            days_after_conversation: None,
            minimum_gap: Delay::from_hours(2),
        }
    }
}

impl Amd {
    /// What the carrier is asked to detect by.
    #[must_use]
    pub const fn thresholds(&self) -> AmdThresholds {
        AmdThresholds {
            timeout_seconds: self.timeout_seconds,
            speech_threshold_ms: self.speech_threshold_ms,
            speech_end_threshold_ms: self.speech_end_threshold_ms,
            silence_timeout_ms: self.silence_timeout_ms,
        }
    }
}

impl Default for Amd {
    /// The carrier's own defaults.
    fn default() -> Self {
        let AmdThresholds {
            timeout_seconds,
            speech_threshold_ms,
            speech_end_threshold_ms,
            silence_timeout_ms,
        } = AmdThresholds::default();
        Self {
            detect: AmdMode::default(),
            machine: MachineAction::default(),
            voicemail_message: None,
            timeout_seconds,
            speech_threshold_ms,
            speech_end_threshold_ms,
            silence_timeout_ms,
            screening_answer: None,
        }
    }
}

impl Default for OptOut {
    fn default() -> Self {
        Self {
            key: Some('9'),
            acknowledgement: None,
        }
    }
}

impl Default for Ramp {
    fn default() -> Self {
        Self {
            from: 1,
            over: Delay::ZERO,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures_percent: 50,
            calls: 20,
            pause: Delay::from_mins(5),
        }
    }
}

impl CampaignState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Cancelled,
    ];

    /// Whether it is over: nobody is called, and it uses no agent. One that is completed may be opened again, by leads
    /// that come late.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled => true,
            Self::Draft | Self::Scheduled | Self::Running | Self::Paused => false,
        }
    }

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

fn default_concurrency() -> u32 {
    5
}

fn default_attempts() -> u32 {
    3
}

fn default_calls_per_number() -> u32 {
    200
}

fn default_priority() -> u8 {
    5
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn a_name_is_a_campaign() {
        let fields: CampaignFields = serde_json::from_str(r#"{"name":"Spring"}"#).unwrap();
        assert_eq!(fields, CampaignFields::new("Spring"));
        assert!(!fields.alternate_numbers.are_called());
        assert_eq!(fields.problems(), []);
    }

    #[test]
    fn the_body_reads_as_documented() {
        let fields: CampaignFields = serde_json::from_str(
            r#"{
                "name": "Spring",
                "windows": {"mon": [["10:00","19:00"]]},
                "max_concurrent_calls": 20,
                "max_attempts": 2,
                "retry": {"no_answer_seconds": 7200, "busy_seconds": 14400},
                "alternate_numbers": {"after": ["no_answer", "unreachable"]},
                "numbers": ["+15005550006"],
                "amd": {"detect": "message_end", "machine": "leave_message",
                        "voicemail_message": "Please call us back."},
                "starts_at": "2026-03-01T10:00:00Z"
            }"#,
        )
        .unwrap();
        assert_eq!(fields.problems(), []);
        assert_eq!(fields.retry.failed, Retry::default().failed);
        assert!(fields.alternate_numbers.are_called());
    }

    #[test]
    fn every_absurd_field_is_named_at_once() {
        let mut fields = CampaignFields::new(" ");
        fields.max_concurrent_calls = 0;
        fields.max_attempts = 1_000;
        fields.amd.machine = MachineAction::LeaveMessage;
        fields.opt_out.key = Some('x');
        let named: Vec<_> = fields
            .problems()
            .into_iter()
            .map(|problem| problem.at)
            .collect();
        let pointers = [
            "/max_concurrent_calls",
            "/max_attempts",
            "/name",
            "/amd/voicemail_message",
            "/opt_out/key",
        ];
        assert_eq!(named, pointers.map(|at| Place::Body(at.to_owned())));
    }
}
