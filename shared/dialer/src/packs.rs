//! Rule packs: what the law of a place says about calling hours, caps and openings, as a table.
//!
//! `docs/protocols/calling-compliance.md#hours-and-caps` has the sources, `docs/protocols/calling-compliance.md#unconfirmed`
//! the doubts: where a source is not confirmed, the stricter reading is in the table. Not legal advice.
//! What a campaign sets applies besides, never instead.

pub(crate) mod calendar;

use crate::packs::calendar::Calendar;

/// Version of the table, stored with every permit.
pub const RULES_VERSION: &str = "2026-11-21";

/// Rules of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// `US-FL`, `GB`; `US` holds in every state besides the state's own. [`DEFAULT`] has none.
    pub jurisdiction: &'static str,
    /// Hours by weekday, in order and without overlap; a weekday that is not named is a day off.
    pub hours: &'static [Hours],
    /// Public holidays, on which campaigns do not call unless they say so.
    pub holidays: Option<Calendar>,
    /// Calling on those holidays is forbidden, whatever a campaign says.
    pub closed_on_holidays: bool,
    /// Most attempts at one number in any 24 hours.
    pub attempts_per_day: Option<u32>,
    /// Sales calls need consent in writing.
    pub written_consent_for_sales: bool,
    /// What has to be said at the beginning of a call.
    pub opening: &'static [Demand],
    /// Where it is written.
    pub source: &'static str,
    /// Every hour of it was read in the law itself or two sources agree.
    pub confirmed: bool,
    pub checked_on: &'static str,
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

/// What holds where no other pack does: hours that no law we know of forbids, and no Sunday.
pub const DEFAULT: Pack = Pack {
    jurisdiction: "",
    hours: &[hours(MON_TO_SAT, 9, 20)],
    holidays: None,
    closed_on_holidays: false,
    attempts_per_day: Some(3),
    written_consent_for_sales: true,
    opening: OPENING,
    source: "product default for places without a pack",
    confirmed: true,
    checked_on: CHECKED_ON,
};

const CHECKED_ON: &str = "2026-11-21";

/// Every pack, by jurisdiction.
pub static PACKS: &[Pack] = &[
    Pack {
        hours: &[
            Hours {
                weekdays: MON_TO_FRI,
                start: 9 * 60,
                end: 21 * 60 + 30,
            },
            hours(SAT_AND_SUN, 10, 18),
        ],
        holidays: Some(Calendar::Canada),
        source: "CRTC Unsolicited Telecommunications Rules",
        ..national("CA")
    },
    Pack {
        hours: &[hours(MON_TO_FRI, 8, 21), hours(SAT_AND_SUN, 10, 20)],
        holidays: Some(Calendar::UnitedKingdom),
        source: "no statutory hour in PECR; common code 8-21 on weekdays, later on weekends",
        confirmed: false,
        ..national("GB")
    },
    Pack {
        hours: &[hours(DAILY, 10, 21)],
        holidays: Some(Calendar::India),
        source: "TCCCPR 2018, default time band of marketing calls",
        ..national("IN")
    },
    // Everywhere in the United States and their territories.
    Pack {
        hours: &[hours(DAILY, 8, 21)],
        holidays: Some(Calendar::UnitedStates),
        source: "47 CFR 64.1200(c)(1), 16 CFR 310.4(c)",
        ..national("US")
    },
    Pack {
        hours: &[hours(MON_TO_SAT, 8, 20)],
        closed_on_holidays: true,
        ..state("US-AL", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 9, 20)],
        ..state("US-CT", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 8, 20)],
        attempts_per_day: Some(3),
        ..state("US-FL", "Fla. Stat. 501.616(6), 501.059(8)")
    },
    Pack {
        hours: &[hours(DAILY, 9, 21)],
        confirmed: false,
        ..state("US-IL", "vendor table, the later of two starts")
    },
    Pack {
        hours: &[hours(DAILY, 10, 21)],
        ..state("US-KY", "vendor table")
    },
    Pack {
        hours: &[hours(MON_TO_SAT, 8, 20)],
        closed_on_holidays: true,
        ..state("US-LA", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 8, 20)],
        confirmed: false,
        ..state("US-MA", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 8, 20)],
        attempts_per_day: Some(3),
        ..state("US-MD", "Md. Com. Law 14-4502")
    },
    Pack {
        hours: &[hours(DAILY, 9, 21)],
        ..state("US-MI", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 9, 21)],
        ..state("US-MN", "vendor table")
    },
    Pack {
        hours: &[hours(MON_TO_SAT, 8, 20)],
        closed_on_holidays: true,
        ..state("US-MS", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 9, 21)],
        ..state("US-NM", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 9, 20)],
        ..state("US-NV", "vendor table")
    },
    Pack {
        hours: &[hours(DAILY, 8, 20)],
        attempts_per_day: Some(3),
        ..state("US-OK", "15 O.S. 775C.3-.4")
    },
    Pack {
        hours: &[hours(MON_TO_SAT, 9, 21)],
        closed_on_holidays: true,
        confirmed: false,
        ..state(
            "US-PA",
            "vendor table; limits on Sundays and holidays taken as none at all",
        )
    },
    Pack {
        hours: &[hours(MON_TO_FRI, 9, 18), hours(SAT, 10, 17)],
        closed_on_holidays: true,
        confirmed: false,
        ..state("US-RI", "vendor table; Saturday shorter")
    },
    Pack {
        hours: &[hours(MON_TO_SAT, 9, 21), hours(SUN, 12, 21)],
        ..state("US-TX", "Tex. Bus. & Com. 301.051")
    },
    Pack {
        hours: &[hours(DAILY, 8, 20)],
        confirmed: false,
        ..state("US-WA", "vendor table")
    },
];

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
    let default = (!PACKS.iter().any(holds)).then_some(&DEFAULT);
    let picked: Vec<&'static Pack> = PACKS.iter().filter(|pack| holds(pack)).collect();
    picked.into_iter().chain(default)
}

const fn hours(weekdays: Weekdays, start: u16, end: u16) -> Hours {
    Hours {
        weekdays,
        start: start * 60,
        end: end * 60,
    }
}

const fn national(jurisdiction: &'static str) -> Pack {
    Pack {
        jurisdiction,
        hours: &[],
        holidays: None,
        closed_on_holidays: false,
        attempts_per_day: None,
        written_consent_for_sales: true,
        opening: OPENING,
        source: "",
        confirmed: true,
        checked_on: CHECKED_ON,
    }
}

const fn state(jurisdiction: &'static str, source: &'static str) -> Pack {
    Pack {
        holidays: Some(Calendar::UnitedStates),
        source,
        ..national(jurisdiction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(jurisdiction: &str) -> Vec<&'static str> {
        packs(jurisdiction).map(|pack| pack.jurisdiction).collect()
    }

    #[test]
    fn a_state_adds_to_the_federal_rules() {
        assert_eq!(named("US-FL"), ["US", "US-FL"]);
        assert_eq!(named("US-OH"), ["US"]);
        assert_eq!(named("PR"), ["US"]);
        assert_eq!(named("US").len(), 19);
        assert_eq!(named("CA-ON"), ["CA"]);
        assert_eq!(named("FR"), [""]);
    }

    #[test]
    fn every_pack_is_whole() {
        assert!(PACKS.is_sorted_by_key(|pack| pack.jurisdiction));
        for pack in PACKS.iter().chain([&DEFAULT]) {
            let place = pack.jurisdiction;
            assert!(!pack.hours.is_empty(), "{place}: never open");
            assert!(!pack.source.is_empty(), "{place}: without a source");
            assert!(
                pack.holidays.is_some() || !pack.closed_on_holidays,
                "{place}"
            );
            let mut after = 0;
            for hours in pack.hours {
                assert!(hours.weekdays.first >= after, "{place}: a weekday twice");
                assert!(hours.weekdays.first <= hours.weekdays.last && hours.weekdays.last < 7);
                assert!(hours.start < hours.end && hours.end <= 24 * 60, "{place}");
                after = hours.weekdays.last + 1;
            }
        }
    }

    #[test]
    fn no_state_is_laxer_than_the_federal_rule() {
        for pack in PACKS {
            if pack.jurisdiction.starts_with("US") {
                for hours in pack.hours {
                    assert!(hours.start >= 8 * 60 && hours.end <= 21 * 60);
                }
            }
        }
    }
}
