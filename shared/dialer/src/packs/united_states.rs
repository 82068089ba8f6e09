//! The United States: federal rules, and those of the states besides. `docs/protocols/calling-law-united-states.md` has
//! what was read of each.
//!
//! Hours of the states stand in their statutes for calls that sell; here they hold for every call but emergencies, as
//! people do not tell kinds apart when the phone rings. Rules that a consent lifts are for those kinds alone that the
//! statute names.

use model::{CallKind, ConsentKind};

use super::{
    Cap, CapRule, ConsentRule, DAILY, Hours, HoursRule, Kinds, MON_TO_FRI, MON_TO_SAT, OPENING,
    Pack, SAT, SUN, Source, Voice, Voices, always, hearsay, hours, per_day, read,
};

const SELLING: Kinds = Kinds::of(&[CallKind::Sales]);
const SOLICITING: Kinds = Kinds::of(&[CallKind::Sales, CallKind::Charity]);
const NOT_SELLING: Kinds = Kinds::of(&[
    CallKind::Information,
    CallKind::Debt,
    CallKind::Survey,
    CallKind::Charity,
    CallKind::Political,
]);
const ARTIFICIAL: Voices = Voices::Only(Voice::Artificial);

const TCPA: Source = read("47 CFR 64.1200(a)(1), (a)(2), (a)(3)", "2026-11-21");
const VENDOR: Source = hearsay("a vendor's table of state hours", "2026-11-21");

/// Numbers of the plan do not tell mobiles from landlines, so that the rule of mobiles holds for all.
const FEDERAL_CONSENT: &[ConsentRule] = &[
    ConsentRule {
        kinds: SELLING,
        voices: ARTIFICIAL,
        least: ConsentKind::Written,
        source: TCPA,
    },
    ConsentRule {
        kinds: NOT_SELLING,
        voices: ARTIFICIAL,
        least: ConsentKind::Express,
        source: TCPA,
    },
];

/// `docs/protocols/calling-law-united-states.md` has what was read then.
const READ_ON: &str = "2026-12-01";

const REG_F: Source = read("12 CFR 1006.14(b)(2)", "2026-11-30");

/// By jurisdiction.
pub(super) static PACKS: &[Pack] = &[
    state(
        "PR",
        &[always(
            &[hours(DAILY, 9, 21)],
            hearsay("Ley 210-2003, as a law firm has it", READ_ON),
        )],
    ),
    Pack {
        jurisdiction: "US",
        hours: &[always(
            &[hours(DAILY, 8, 21)],
            read("47 CFR 64.1200(c)(1), 16 CFR 310.4(c)", "2026-11-21"),
        )],
        caps: &[
            CapRule {
                kinds: Kinds::of(&[CallKind::Debt]),
                cap: Cap::AttemptsPer7Days(7),
                source: REG_F,
            },
            CapRule {
                kinds: Kinds::of(&[CallKind::Debt]),
                cap: Cap::DaysAfterConversation(7),
                source: REG_F,
            },
        ],
        consent: FEDERAL_CONSENT,
        opening: OPENING,
    },
    state("US-AL", &[closed(&[hours(MON_TO_SAT, 8, 20)])]),
    state(
        "US-CA",
        &[artificial(
            &[hours(DAILY, 9, 21)],
            read("Cal. Pub. Util. Code 2872(c)", READ_ON),
        )],
    ),
    state(
        "US-CT",
        &[always(
            &[hours(DAILY, 9, 20)],
            read("Conn. Gen. Stat. 42-288a", READ_ON),
        )],
    ),
    Pack {
        caps: &[per_day(3, read("Fla. Stat. 501.616(6)", READ_ON))],
        ..state(
            "US-FL",
            &[always(
                &[hours(DAILY, 8, 20)],
                read("Fla. Stat. 501.616(6)", READ_ON),
            )],
        )
    },
    state("US-IL", &[vendor(&[hours(DAILY, 9, 21)])]),
    Pack {
        consent: &[ConsentRule {
            kinds: Kinds::ALL_BUT_EMERGENCY,
            voices: ARTIFICIAL,
            least: ConsentKind::Express,
            source: read("Ind. Code 24-5-14-5", "2026-11-30"),
        }],
        ..state(
            "US-IN",
            &[artificial(
                &[hours(DAILY, 9, 20)],
                hearsay("Ind. Code 24-5-14-8, as a table has it", READ_ON),
            )],
        )
    },
    state("US-KY", &[vendor(&[hours(DAILY, 10, 21)])]),
    state("US-LA", &[closed(&[hours(MON_TO_SAT, 8, 20)])]),
    state(
        "US-MA",
        &[always(
            &[hours(DAILY, 8, 20)],
            read("201 CMR 12.02(2)", READ_ON),
        )],
    ),
    Pack {
        caps: &[per_day(3, hearsay("Md. Com. Law 14-4502", "2026-11-21"))],
        ..state(
            "US-MD",
            &[always(
                &[hours(DAILY, 8, 20)],
                hearsay("Md. Com. Law 14-4502", "2026-11-21"),
            )],
        )
    },
    state(
        "US-ME",
        &[HoursRule {
            kinds: SOLICITING,
            voices: ARTIFICIAL,
            ..always(
                &[hours(MON_TO_FRI, 9, 17)],
                hearsay(
                    "10 M.R.S. 1498(3), as quoted in a bill of 2003",
                    "2026-11-30",
                ),
            )
        }],
    ),
    state("US-MI", &[vendor(&[hours(DAILY, 9, 21)])]),
    state("US-MN", &[vendor(&[hours(DAILY, 9, 21)])]),
    // The law names Central Standard Time: in summer its eight is nine.
    state(
        "US-MS",
        &[HoursRule {
            closed_on_holidays: true,
            ..always(
                &[hours(MON_TO_SAT, 9, 20)],
                read("Miss. Code 77-3-723(1)", READ_ON),
            )
        }],
    ),
    state(
        "US-NE",
        &[HoursRule {
            voices: ARTIFICIAL,
            ..always(
                &[hours(MON_TO_SAT, 8, 21), hours(SUN, 13, 21)],
                hearsay(
                    "a vendor's page on prerecorded calls in Nebraska",
                    "2026-11-30",
                ),
            )
        }],
    ),
    state(
        "US-NM",
        &[always(
            &[hours(DAILY, 9, 21)],
            read("NMSA 57-12-22(B)(1)", READ_ON),
        )],
    ),
    state("US-NV", &[vendor(&[hours(DAILY, 9, 20)])]),
    Pack {
        caps: &[per_day(3, hearsay("15 O.S. 775C.3-.4", "2026-11-21"))],
        ..state(
            "US-OK",
            &[
                always(
                    &[hours(DAILY, 8, 20)],
                    hearsay("15 O.S. 775C.3-.4", "2026-11-21"),
                ),
                artificial(&[hours(DAILY, 9, 21)], read("15 O.S. 755.1", READ_ON)),
            ],
        )
    },
    Pack {
        caps: &[per_day(
            3,
            hearsay("ORS 646.563(1), as HB 3865 of 2025 has it", READ_ON),
        )],
        ..state(
            "US-OR",
            &[always(
                &[hours(DAILY, 8, 20)],
                hearsay("ORS 646.563(1), as HB 3865 of 2025 has it", READ_ON),
            )],
        )
    },
    state(
        "US-PA",
        &[HoursRule {
            closed_on_holidays: true,
            ..always(
                &[hours(MON_TO_SAT, 9, 19)],
                hearsay("73 P.S. 2245(a), as Act 47 of 2026 has it", READ_ON),
            )
        }],
    ),
    state(
        "US-RI",
        &[closed(&[hours(MON_TO_FRI, 9, 18), hours(SAT, 10, 17)])],
    ),
    state(
        "US-SC",
        &[artificial(
            &[hours(DAILY, 8, 19)],
            read("S.C. Code 16-17-446", READ_ON),
        )],
    ),
    state(
        "US-SD",
        &[HoursRule {
            kinds: SOLICITING,
            voices: ARTIFICIAL,
            ..always(
                &[hours(MON_TO_FRI, 9, 21)],
                read("SDCL 37-30-28", "2026-11-30"),
            )
        }],
    ),
    state(
        "US-TX",
        &[always(
            &[hours(MON_TO_SAT, 9, 21), hours(SUN, 12, 21)],
            hearsay("Tex. Bus. & Com. 301.051", "2026-11-21"),
        )],
    ),
    state(
        "US-UT",
        &[HoursRule {
            kinds: SELLING,
            lifted_by: Some(ConsentKind::Express),
            closed_on_holidays: true,
            ..always(
                &[hours(MON_TO_SAT, 8, 21)],
                read("Utah Code 13-25a-103(3), text of 2025-01-01", "2026-11-30"),
            )
        }],
    ),
    Pack {
        consent: &[ConsentRule {
            kinds: SELLING,
            voices: ARTIFICIAL,
            least: ConsentKind::Written,
            source: read("RCW 80.36.400", "2026-11-30"),
        }],
        ..state(
            "US-WA",
            &[always(
                &[hours(DAILY, 8, 20)],
                read("RCW 80.36.390(8)", READ_ON),
            )],
        )
    },
    state(
        "US-WY",
        &[always(
            &[hours(DAILY, 8, 20)],
            read("Wyo. Stat. 40-12-302(d)", READ_ON),
        )],
    ),
];

/// What a state says besides the federal rules, which hold there as well.
const fn state(jurisdiction: &'static str, hours: &'static [HoursRule]) -> Pack {
    Pack {
        jurisdiction,
        hours,
        caps: &[],
        consent: &[],
        opening: OPENING,
    }
}

/// Hours of an artificial voice, whatever it calls for.
const fn artificial(hours: &'static [Hours], source: Source) -> HoursRule {
    HoursRule {
        voices: ARTIFICIAL,
        ..always(hours, source)
    }
}

const fn vendor(hours: &'static [Hours]) -> HoursRule {
    always(hours, VENDOR)
}

/// Without calls on the state's holidays.
const fn closed(hours: &'static [Hours]) -> HoursRule {
    HoursRule {
        closed_on_holidays: true,
        ..vendor(hours)
    }
}
