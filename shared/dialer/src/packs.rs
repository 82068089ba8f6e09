//! Rule packs: what the law of a place says about calling hours, consent, caps and openings, as tables.
//!
//! `docs/protocols/calling-compliance.md#hours-and-caps` has the sources, `docs/protocols/calling-compliance.md#unconfirmed`
//! the doubts: where a source is not confirmed, the stricter reading is in the table. Not legal advice.
//! What a campaign sets applies besides, never instead.

pub(crate) mod calendar;
pub(crate) mod terms;
mod united_states;
mod world;

use model::{CallKind, ConsentKind};

/// Version of the tables, stored with every permit.
pub const RULES_VERSION: &str = "2026-12-01";

/// Rules of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// `US-FL`, `GB`; `US` holds in every state besides the state's own. [`DEFAULT`] has none.
    pub jurisdiction: &'static str,
    /// All that fit a call hold together. A call that none fits may be made at any hour.
    pub hours: &'static [HoursRule],
    pub caps: &'static [CapRule],
    /// The strongest of those that fit a call is needed.
    pub consent: &'static [ConsentRule],
    /// What has to be said at the beginning of a call.
    pub opening: &'static [Demand],
}

/// Where a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    pub text: &'static str,
    /// The law's own words were read, in this text. What somebody else says of them never confirms.
    pub confirmed: bool,
    /// When it was read.
    pub read_on: &'static str,
}

/// When calls of some kinds may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoursRule {
    pub kinds: Kinds,
    pub voices: Voices,
    /// Does not hold for leads that carry such a consent, or a stronger one.
    pub lifted_by: Option<ConsentKind>,
    /// Hours by weekday; those of one weekday in order and apart from each other. A weekday that is not named is a
    /// day off.
    pub hours: &'static [Hours],
    /// Calling on public holidays is forbidden, whatever a campaign says.
    pub closed_on_holidays: bool,
    pub source: Source,
}

/// How strong a consent calls of some kinds need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentRule {
    pub kinds: Kinds,
    pub voices: Voices,
    pub least: ConsentKind,
    pub source: Source,
}

/// How often one number may be called for some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapRule {
    pub kinds: Kinds,
    pub cap: Cap,
    pub source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Attempts in any 24 hours.
    AttemptsPerDay(u32),
    /// Attempts in any 7 days.
    AttemptsPer7Days(u32),
    /// Attempts in any 30 days.
    AttemptsPer30Days(u32),
    /// No attempt for so many days after a conversation.
    DaysAfterConversation(u32),
}

/// A set of kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

/// Whose voice speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Voice {
    /// A synthesised or recorded one, whatever answers behind it.
    Artificial,
    /// A human operator's.
    Human,
}

/// Which voices a rule holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voices {
    Any,
    Only(Voice),
}

/// The same hours on some weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub weekdays: Weekdays,
    /// Minutes since local midnight: from, up to.
    pub start: u16,
    pub end: u16,
}

/// Consecutive weekdays, from Monday, 0, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays {
    pub first: usize,
    pub last: usize,
}

/// Something that the first words of a call have to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// That the voice is an artificial one.
    ArtificialVoice,
    /// Who is responsible for the call.
    BusinessName,
    Purpose,
    /// How to end such calls for good.
    OptOut,
    /// That the call is recorded and transcribed.
    RecordingNotice,
}

impl Kinds {
    /// Every kind but emergencies: those no rule of hours, caps or consent holds back.
    pub const ALL_BUT_EMERGENCY: Self = Self::of(&[
        CallKind::Sales,
        CallKind::Information,
        CallKind::Debt,
        CallKind::Survey,
        CallKind::Charity,
        CallKind::Political,
    ]);

    #[must_use]
    pub const fn of(kinds: &[CallKind]) -> Self {
        let mut set = 0;
        let mut rest = kinds;
        while let [kind, others @ ..] = rest {
            set |= 1 << *kind as u8;
            rest = others;
        }
        Self(set)
    }

    #[must_use]
    pub const fn has(self, kind: CallKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

impl Voices {
    #[must_use]
    pub fn have(self, voice: Voice) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == voice,
        }
    }
}

const DAILY: Weekdays = Weekdays { first: 0, last: 6 };
const MON_TO_FRI: Weekdays = Weekdays { first: 0, last: 4 };
const MON_TO_SAT: Weekdays = Weekdays { first: 0, last: 5 };
const SAT: Weekdays = Weekdays { first: 5, last: 5 };
const SUN: Weekdays = Weekdays { first: 6, last: 6 };
const SAT_AND_SUN: Weekdays = Weekdays { first: 5, last: 6 };

/// All of them, everywhere: `docs/protocols/calling-compliance.md#opening`, and the recording notice because an area
/// code only hints at the law that applies (`docs/protocols/calling-compliance.md#recording-notice`).
const OPENING: &[Demand] = &[
    Demand::ArtificialVoice,
    Demand::BusinessName,
    Demand::Purpose,
    Demand::OptOut,
    Demand::RecordingNotice,
];

/// The product's own rule where no law is known that asks for more: an artificial voice sells to nobody who has not
/// said yes in writing, and asks for money or votes nobody who has not said yes.
const CONSENT: &[ConsentRule] = &[
    ConsentRule {
        kinds: Kinds::of(&[CallKind::Sales]),
        voices: Voices::Only(Voice::Artificial),
        least: ConsentKind::Written,
        source: PRODUCT,
    },
    ConsentRule {
        kinds: Kinds::of(&[CallKind::Charity, CallKind::Political]),
        voices: Voices::Only(Voice::Artificial),
        least: ConsentKind::Express,
        source: PRODUCT,
    },
];

const PRODUCT: Source = Source {
    text: "the product's own, for want of a law that is known to ask for more",
    confirmed: false,
    read_on: "2026-11-21",
};

/// What holds where no other pack does: hours that no law we know of forbids, and no Sunday.
pub const DEFAULT: Pack = Pack {
    jurisdiction: "",
    hours: &[always(&[hours(MON_TO_SAT, 9, 20)], PRODUCT)],
    caps: &[per_day(3, PRODUCT)],
    consent: CONSENT,
    opening: OPENING,
};

/// Every pack, by jurisdiction.
pub fn all() -> impl Iterator<Item = &'static Pack> {
    world::PACKS.iter().chain(united_states::PACKS)
}

/// Territories in which the federal rules hold, though their numbers have countries of their own.
const US_TERRITORIES: [&str; 5] = ["AS", "GU", "MP", "PR", "VI"];

/// The packs that hold in a jurisdiction, all of them together.
///
/// A state of the US: the federal one and its own; `US` alone, when the state is not known: those of
/// all states. A place without any: the default.
pub fn packs(jurisdiction: &str) -> impl Iterator<Item = &'static Pack> {
    let country = jurisdiction.split('-').next().unwrap_or_default();
    let country = if US_TERRITORIES.contains(&country) {
        "US"
    } else {
        country
    };
    let holds = move |pack: &Pack| {
        pack.jurisdiction == country
            || pack.jurisdiction == jurisdiction
            || (jurisdiction == "US" && pack.jurisdiction.starts_with("US-"))
    };
    let picked: Vec<&'static Pack> = all().filter(|pack| holds(pack)).collect();
    let default = picked.is_empty().then_some(&DEFAULT);
    picked.into_iter().chain(default)
}

const fn hours(weekdays: Weekdays, start: u16, end: u16) -> Hours {
    Hours {
        weekdays,
        start: start * 60,
        end: end * 60,
    }
}

/// Hours of every call but emergencies.
const fn always(hours: &'static [Hours], source: Source) -> HoursRule {
    HoursRule {
        kinds: Kinds::ALL_BUT_EMERGENCY,
        voices: Voices::Any,
        lifted_by: None,
        hours,
        closed_on_holidays: false,
        source,
    }
}

const fn per_day(most: u32, source: Source) -> CapRule {
    CapRule {
        kinds: Kinds::ALL_BUT_EMERGENCY,
        cap: Cap::AttemptsPerDay(most),
        source,
    }
}

/// The law's own words, read on that day.
const fn read(text: &'static str, read_on: &'static str) -> Source {
    Source {
        text,
        confirmed: true,
        read_on,
    }
}

/// What others say of it, on that day.
const fn hearsay(text: &'static str, read_on: &'static str) -> Source {
    Source {
        text,
        confirmed: false,
        read_on,
    }
}

#[cfg(test)]
mod tests;
