//! Countries other than the United States.

use model::CallKind;

use super::{
    CONSENT, Cap, CapRule, DAILY, Hours, HoursRule, Kinds, MON_TO_FRI, OPENING, PRODUCT, Pack, SAT,
    SAT_AND_SUN, always, hearsay, hours, per_day,
};

/// By jurisdiction.
pub(super) static PACKS: &[Pack] = &[
    Pack {
        hours: &[HoursRule {
            closed_on_holidays: true,
            ..always(
                &[hours(MON_TO_FRI, 9, 20), hours(SAT, 9, 17)],
                hearsay(
                    "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017",
                    "2026-12-01",
                ),
            )
        }],
        ..national("AU")
    },
    Pack {
        hours: &[always(
            &[
                Hours {
                    weekdays: MON_TO_FRI,
                    start: 9 * 60,
                    end: 21 * 60 + 30,
                },
                hours(SAT_AND_SUN, 10, 18),
            ],
            hearsay("CRTC Unsolicited Telecommunications Rules", "2026-11-21"),
        )],
        ..national("CA")
    },
    Pack {
        hours: &[HoursRule {
            closed_on_holidays: true,
            ..always(
                &[hours(MON_TO_FRI, 10, 13), hours(MON_TO_FRI, 14, 20)],
                hearsay(
                    "Décret 2022-1313, article D. 223-9 du code de la consommation",
                    "2026-12-01",
                ),
            )
        }],
        caps: &[
            per_day(3, PRODUCT),
            CapRule {
                kinds: Kinds::of(&[CallKind::Sales]),
                cap: Cap::AttemptsPer30Days(4),
                source: hearsay(
                    "Décret 2022-1313, article D. 223-9 du code de la consommation",
                    "2026-12-01",
                ),
            },
        ],
        ..national("FR")
    },
    Pack {
        hours: &[always(
            &[hours(MON_TO_FRI, 8, 21), hours(SAT_AND_SUN, 10, 20)],
            hearsay(
                "no statutory hour in PECR; common code 8-21 on weekdays, later on weekends",
                "2026-11-21",
            ),
        )],
        ..national("GB")
    },
    Pack {
        hours: &[always(
            &[hours(DAILY, 10, 21)],
            hearsay(
                "TCCCPR 2018, default time band of marketing calls",
                "2026-11-21",
            ),
        )],
        ..national("IN")
    },
];

const fn national(jurisdiction: &'static str) -> Pack {
    Pack {
        jurisdiction,
        hours: &[],
        caps: &[],
        consent: CONSENT,
        opening: OPENING,
    }
}
