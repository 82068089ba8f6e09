//! Leads: a contact's row in one campaign, and the contact's number across campaigns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApiKeyId, CallId, CampaignId, Consent, ImportId, Lane, LeadId, Outcome, PhoneNumber, Rule,
    Variables,
};

/// The most numbers that a lead has besides its own: two phones at home, two at work.
pub const ALTERNATES_MAX: usize = 4;

/// A contact's row in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    pub id: LeadId,
    pub campaign_id: CampaignId,
    /// The lead's own number, which it is known by.
    pub number: PhoneNumber,
    /// What decides when that number may be called: made of the number and of what is said of the place below.
    pub lane: Lane,
    /// Other numbers of the same person, in the order in which they are called, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<AlternateNumber>,
    #[serde(default, skip_serializing_if = "Rotation::is_fresh")]
    pub rotation: Rotation,
    #[serde(default, skip_serializing_if = "StatedPlace::is_empty")]
    pub stated_place: StatedPlace,
    /// The lane that its calls are counted in, where its own was corrected since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_lane: Option<Lane>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: Variables,
    #[serde(default)]
    pub priority: LeadPriority,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    #[serde(flatten)]
    pub state: LeadState,
    /// Attempts that count: those that reached the carrier and were not our own fault.
    #[serde(default)]
    pub attempts: u32,
    /// Attempts in a row that came to nothing by our own or the carrier's fault.
    #[serde(default)]
    pub faults: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_call_id: Option<CallId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<Outcome>,
    /// The rule that turned it back, put it off or ended it when it was looked at last; absent once a call is on
    /// its way or has ended otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Rule>,
    /// The lead that it goes on as, of one whose number was corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<LeadId>,
    /// The import that brought it; absent for one that was added by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_id: Option<ImportId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Another number of a lead, with what decides when it may be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlternateNumber {
    pub number: PhoneNumber,
    /// Made of the number and of what is said of the person's place.
    pub lane: Lane,
}

/// Which of a lead's numbers is in turn, and which are not called any more. They are counted from the lead's own, 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    #[serde(default)]
    in_turn: u8,
    /// A bit for each number that this campaign does not call any more.
    #[serde(default)]
    given_up: u8,
}

/// Where a lead is, as its list or a user says it. What is absent the number tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedPlace {
    /// An IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// State or province in ISO 3166-2, `US-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Two letters, `US`: the list names a state of this country that cannot be read, so all of its states count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_region_of: Option<String>,
    /// As it is written: `96813`, `K1A 0B1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Two letters, `US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Where a lead stands. Every lead of a running campaign waits with a due time, is being called, or
/// is done (promise P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LeadState {
    /// To be called from then on, when its lane is open.
    Waiting { due_at: Timestamp },
    /// A call has it, from the claim to the call's end.
    Calling { call_id: CallId },
    /// Not called again in this campaign.
    Done {
        result: LeadResult,
        done_at: Timestamp,
    },
}

/// What came of a lead in the end: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeadResult {
    /// Somebody answered and was talked to.
    Reached,
    /// The campaign's message was left on a mailbox, and that is all the campaign wants.
    VoicemailLeft,
    /// They asked not to be called again, in this campaign.
    OptedOut,
    /// On the suppression list, or put there by another campaign, text or upload.
    Suppressed,
    /// The number does not exist, cannot be reached, or is a fax.
    Unreachable,
    /// All attempts were made and nobody was reached.
    Exhausted,
    /// No rule allows calling it before the campaign ends, or consent is missing.
    NotAllowed,
    /// Our or the carrier's faults used up all tries.
    Failed,
    /// The campaign was cancelled first.
    Cancelled,
    /// Its number was corrected: the lead goes on under the other one, and this one is not called again.
    Renumbered,
}

/// Which of several due leads goes first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeadPriority {
    High,
    #[default]
    Normal,
    Low,
}

/// What is known of a number across all campaigns of a tenant: what frequency caps and suppression
/// are decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppression>,
    /// Attempts of the last 30 days, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The latest call to the same person on another of their numbers: a lead had both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_elsewhere: Option<CalledElsewhere>,
    /// When and why it was taken off the suppression list, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Release>,
    /// Rises with each change of the row.
    #[serde(default)]
    pub version: u64,
}

/// The end of a suppression, with whose word it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub at: Timestamp,
    /// Why, in a user's words.
    pub reason: String,
    /// The API key that did it.
    pub by: ApiKeyId,
    /// What it ended.
    pub was: Suppression,
}

/// One attempt to reach a number, in any campaign or by a single call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub call_id: CallId,
    /// When the carrier was asked.
    pub at: Timestamp,
    /// How it ended; absent while the call lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Somebody or something picked up.
    #[serde(default)]
    pub answered: bool,
}

/// A call to another number of the person whose number this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledElsewhere {
    pub call_id: CallId,
    /// When the carrier was asked.
    pub at: Timestamp,
}

/// Why a number must not be called or texted, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub reason: SuppressionReason,
    pub at: Timestamp,
    /// A user's note, or the file it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The call in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
}

/// How a suppression came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// Asked for in a call, by words.
    Spoken,
    /// Asked for in a call, by a key.
    Keypad,
    /// A user put it there.
    Manual,
    /// It came with an uploaded list.
    Upload,
}

/// How many leads of a campaign are in each state. Changed with the leads, so it always adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadCounts {
    pub waiting: u64,
    pub calling: u64,
    /// By result; one that is missing is zero.
    pub done: BTreeMap<LeadResult, u64>,
    /// Ended calls of the campaign by outcome; one that is missing is zero.
    pub calls: BTreeMap<Outcome, u64>,
}

impl Lead {
    /// The number that is called next.
    #[must_use]
    pub fn number_in_turn(&self) -> &PhoneNumber {
        self.alternate_in_turn()
            .map_or(&self.number, |alternate| &alternate.number)
    }

    /// What decides when that number may be called: the lane in which the lead waits.
    #[must_use]
    pub fn lane_in_turn(&self) -> &Lane {
        self.alternate_in_turn()
            .map_or(&self.lane, |alternate| &alternate.lane)
    }

    /// Every number of the person with its lane, the lead's own first.
    pub fn numbers(&self) -> impl Iterator<Item = (&PhoneNumber, &Lane)> {
        let alternates = self.alternates.iter();
        let alternates = alternates.map(|alternate| (&alternate.number, &alternate.lane));
        std::iter::once((&self.number, &self.lane)).chain(alternates)
    }

    /// The numbers of the person but this one.
    pub fn numbers_besides<'a>(
        &'a self,
        number: &'a PhoneNumber,
    ) -> impl Iterator<Item = &'a PhoneNumber> {
        let numbers = self.numbers().map(|(number, _lane)| number);
        numbers.filter(move |other| *other != number)
    }

    /// What decides when one of the lead's numbers may be called; `None`: it is none of them.
    #[must_use]
    pub fn lane_of(&self, number: &PhoneNumber) -> Option<&Lane> {
        let found = self.numbers().find(|(known, _lane)| *known == number);
        found.map(|(_number, lane)| lane)
    }

    /// Where a number is among the lead's.
    #[must_use]
    pub fn place_of(&self, number: &PhoneNumber) -> Option<u8> {
        let place = self.numbers().position(|(known, _lane)| known == number)?;
        u8::try_from(place).ok()
    }

    /// The numbers that this campaign does not call any more.
    pub fn given_up_numbers(&self) -> impl Iterator<Item = &PhoneNumber> {
        let numbers = (0..).zip(self.numbers());
        numbers
            .filter(|(place, _number)| self.rotation.is_given_up(*place))
            .map(|(_place, (number, _lane))| number)
    }

    fn alternate_in_turn(&self) -> Option<&AlternateNumber> {
        let place = usize::from(self.rotation.in_turn).checked_sub(1)?;
        self.alternates.get(place)
    }
}

impl Rotation {
    /// The lead's own number is in turn, and none is given up: as every lead begins.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        *self == Self::default()
    }

    /// The number that is called next, or is being called; of a lead that is done, the last one.
    #[must_use]
    pub const fn in_turn(self) -> u8 {
        self.in_turn
    }

    #[must_use]
    pub fn is_given_up(self, place: u8) -> bool {
        self.given_up & bit(place) != 0
    }

    /// Another number is in turn.
    #[must_use]
    pub const fn turned_to(self, in_turn: u8) -> Self {
        Self { in_turn, ..self }
    }

    /// The number that is in turn is not called any more.
    #[must_use]
    pub fn without_this(self) -> Self {
        Self {
            given_up: self.given_up | bit(self.in_turn),
            ..self
        }
    }

    /// A number is in turn, and may be called again if it was given up.
    #[must_use]
    pub fn back_to(self, in_turn: u8) -> Self {
        Self {
            in_turn,
            given_up: self.given_up & !bit(in_turn),
        }
    }
}

fn bit(place: u8) -> u8 {
    1_u8.checked_shl(place.into()).unwrap_or_default()
}

impl LeadCounts {
    /// All leads.
    #[must_use]
    pub fn total(&self) -> u64 {
        let done: u64 = self.done.values().sum();
        self.waiting
            .saturating_add(self.calling)
            .saturating_add(done)
    }

    /// Adds another part of the same campaign.
    pub fn add(&mut self, other: &Self) {
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.calling = self.calling.saturating_add(other.calling);
        for (result, number) in &other.done {
            let sum = self.done.entry(*result).or_default();
            *sum = sum.saturating_add(*number);
        }
        for (outcome, number) in &other.calls {
            let sum = self.calls.entry(*outcome).or_default();
            *sum = sum.saturating_add(*number);
        }
    }
}

impl StatedPlace {
    /// Whether nothing is said: the number tells all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LeadPriority {
    /// Every priority, in the order in which leads are called.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];
}

impl SuppressionReason {
    /// Whether the person said so themselves. Then it is meant for every number of theirs.
    #[must_use]
    pub const fn is_their_own_word(self) -> bool {
        match self {
            Self::Spoken | Self::Keypad => true,
            Self::Manual | Self::Upload => false,
        }
    }

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Spoken => "spoken",
            Self::Keypad => "keypad",
            Self::Manual => "manual",
            Self::Upload => "upload",
        }
    }
}

impl LeadResult {
    /// Every result, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Reached,
        Self::VoicemailLeft,
        Self::OptedOut,
        Self::Suppressed,
        Self::Unreachable,
        Self::Exhausted,
        Self::NotAllowed,
        Self::Failed,
        Self::Cancelled,
        Self::Renumbered,
    ];

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::VoicemailLeft => "voicemail_left",
            Self::OptedOut => "opted_out",
            Self::Suppressed => "suppressed",
            Self::Unreachable => "unreachable",
            Self::Exhausted => "exhausted",
            Self::NotAllowed => "not_allowed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Renumbered => "renumbered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lead with so many numbers, `+14155550100` and those after it, each in a lane of its own.
    fn lead(numbers: usize) -> Lead {
        let number = |n: usize| -> PhoneNumber { format!("+1415555010{n}").parse().unwrap() };
        let lane = |n: usize| Lane::new(vec![format!("Zone/{n}")], Vec::new());
        let campaign_id = CampaignId::from_parts(0, 0);
        let first = number(0);
        Lead {
            id: LeadId::of(campaign_id, &first),
            campaign_id,
            number: first,
            lane: lane(0),
            alternates: (1..numbers)
                .map(|n| AlternateNumber {
                    number: number(n),
                    lane: lane(n),
                })
                .collect(),
            rotation: Rotation::default(),
            stated_place: StatedPlace::default(),
            counted_lane: None,
            variables: Variables::new(),
            priority: LeadPriority::Normal,
            consent: None,
            state: LeadState::Waiting {
                due_at: Timestamp::UNIX_EPOCH,
            },
            attempts: 0,
            faults: 0,
            last_call_id: None,
            last_attempt_at: None,
            last_outcome: None,
            held_by: None,
            moved_to: None,
            import_id: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_lead_without_other_numbers_is_stored_as_if_nobody_had_any() {
        let stored = serde_json::to_value(lead(1)).unwrap();
        assert!(stored.get("alternates").is_none() && stored.get("rotation").is_none());
    }

    #[test]
    fn the_number_in_turn_comes_with_its_own_lane() {
        let mut lead = lead(ALTERNATES_MAX + 1);
        for place in 0..=ALTERNATES_MAX {
            lead.rotation = lead.rotation.turned_to(u8::try_from(place).unwrap());
            assert_eq!(
                lead.number_in_turn().as_str(),
                format!("+1415555010{place}")
            );
            assert_eq!(lead.lane_in_turn().zones, [format!("Zone/{place}")]);
            let number = lead.number_in_turn();
            assert_eq!(lead.lane_of(number), Some(lead.lane_in_turn()));
            assert_eq!(lead.place_of(number), Some(lead.rotation.in_turn()));
            assert_eq!(lead.numbers_besides(number).count(), ALTERNATES_MAX);
            let read: Lead = serde_json::from_value(serde_json::to_value(&lead).unwrap()).unwrap();
            assert_eq!(read, lead);
        }
        // A place behind the last, of whichever row: the lead's own number.
        lead.rotation = lead.rotation.turned_to(9);
        assert_eq!(lead.number_in_turn(), &lead.number);
    }

    #[test]
    fn a_number_that_is_given_up_stays_so_when_another_is_in_turn() {
        let mut lead = lead(3);
        lead.rotation = lead.rotation.without_this().turned_to(2).without_this();
        let given_up: Vec<&str> = lead.given_up_numbers().map(PhoneNumber::as_str).collect();
        assert_eq!(given_up, ["+14155550100", "+14155550102"]);
        assert!(!lead.rotation.is_given_up(1) && !lead.rotation.is_given_up(200));
        lead.rotation = lead.rotation.turned_to(1).back_to(2);
        let given_up: Vec<&str> = lead.given_up_numbers().map(PhoneNumber::as_str).collect();
        assert_eq!(
            (lead.rotation.in_turn(), given_up),
            (2, vec!["+14155550100"])
        );
    }

    #[test]
    fn the_code_is_what_is_stored() {
        for result in LeadResult::ALL {
            let stored = serde_json::to_string(&result).unwrap();
            assert_eq!(stored, format!("\"{}\"", result.code()));
        }
    }
}
