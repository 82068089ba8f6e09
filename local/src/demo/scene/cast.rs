//! Who is on the first scene's list, how each of them meets the call, and what has to come of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Somebody on the list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// The number as the list has it.
    pub(crate) written: &'static str,
    /// What the person does, in half a sentence.
    pub(crate) about: &'static str,
    /// How the phone is met at the first call, the second, …; nothing for those who are never called.
    pub(crate) scripts: &'static [&'static str],
    /// It is night where they are.
    pub(crate) asleep: bool,
    pub(crate) fate: Fate,
}

/// What has to come of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The list's row is kept out, by the code of the reason.
    KeptOut(&'static str),
    /// The lead is done with this result, after so many attempts.
    Done { result: &'static str, attempts: u64 },
    /// The lead waits for its morning and was not called.
    Waits,
}

/// Who asked in an earlier scene not to be called: each scene begins anew.
pub(crate) const OPT_OUTS: [&str; 2] = ["+14155550116", "+14155550117"];
/// Who is on the suppression list before the scene begins.
pub(crate) const SUPPRESSED: &str = "+14155550118";
/// Attempts for each lead.
pub(crate) const ATTEMPTS_MAX: u64 = 2;
/// The one whose call is looked at to the word.
pub(crate) const INTERRUPTER: &str = "+14155550110";

const fn done(result: &'static str, attempts: u64) -> Fate {
    Fate::Done { result, attempts }
}

pub(crate) const CAST: &[Member] = &[
    Member {
        name: "Dana",
        written: "+1 415 555 0110",
        about: "interrupts the opening and says yes",
        scripts: &[
            "answers after 1 rings\ninterrupts after 4 words\nsays \"Yes, I will be there. Goodbye.\"",
        ],
        asleep: false,
        fate: done("reached", 1),
    },
    Member {
        name: "Sam",
        written: "415-555-0111",
        about: "listens, asks about parking, says goodbye",
        scripts: &[
            "answers after 2 rings\nsays \"Yes, I can make it.\"\nsays \"Is there any parking?\"\nsays \"No, thank you. Goodbye.\"",
        ],
        asleep: false,
        fate: done("reached", 1),
    },
    Member {
        name: "Robin",
        written: "(415) 555-0112",
        about: "mumbles along, then hangs up in mid-sentence",
        scripts: &["answers after 1 rings\nmumbles \"mm-hm\"\nhangs up after 2500ms"],
        asleep: false,
        fate: done("reached", 1),
    },
    Member {
        name: "Kim",
        written: "+14155550113",
        about: "has a mailbox: the message is left after the beep",
        scripts: &["voicemail \"Hello, please leave a message after the tone.\"\nbeep"],
        asleep: false,
        fate: done("voicemail_left", 1),
    },
    Member {
        name: "Lee",
        written: "+14155550114",
        about: "is busy, both times",
        scripts: &["busy"],
        asleep: false,
        fate: done("exhausted", ATTEMPTS_MAX),
    },
    Member {
        name: "Noor",
        written: "+14155550115",
        about: "lets it ring, and answers the second call",
        scripts: &[
            "no answer",
            "answers after 1 rings\nsays \"Yes, I can make it. Goodbye.\"",
        ],
        asleep: false,
        fate: done("reached", 2),
    },
    Member {
        name: "Alex",
        written: OPT_OUTS[0],
        about: "says: please take me off your list",
        scripts: &["answers after 1 rings\nsays \"Please take me off your list.\"\nwaits 600000ms"],
        asleep: false,
        fate: done("opted_out", 1),
    },
    Member {
        name: "Pat",
        written: OPT_OUTS[1],
        about: "presses 9",
        scripts: &["answers after 1 rings\nwaits 2000ms\npresses 9\nwaits 600000ms"],
        asleep: false,
        fate: done("opted_out", 1),
    },
    Member {
        name: "Mika",
        written: SUPPRESSED,
        about: "is on the suppression list",
        scripts: &[],
        asleep: false,
        fate: Fate::KeptOut("suppressed"),
    },
    Member {
        name: "Jo",
        written: "+1 415 555",
        about: "has half a number",
        scripts: &[],
        asleep: false,
        fate: Fate::KeptOut("number_unknown"),
    },
    Member {
        name: "Dana again",
        written: "(415) 555-0110",
        about: "is the first one, written another way",
        scripts: &[],
        asleep: false,
        fate: Fate::KeptOut("duplicate_in_file"),
    },
    Member {
        name: "Ray",
        written: "+14155550119",
        about: "has a number that is out of service",
        scripts: &["unreachable"],
        asleep: false,
        fate: done("unreachable", 1),
    },
    Member {
        name: "Ola",
        written: "+14155550120",
        about: "sleeps: it is night there",
        scripts: &["answers after 1 rings\nsays \"Do you know what time it is?\""],
        asleep: true,
        fate: Fate::Waits,
    },
];

/// Who joins them where calls are to be many at a time: people like the above, each with a phone of
/// their own.
pub(crate) const CROWD: &[Member] = &[
    reached("Ada", "+14155550130", 1, &[YES]),
    reached("Ben", "+14155550131", 1, &[YES]),
    reached("Cy", "+14155550132", 1, &[ASKS]),
    reached("Di", "+14155550133", 1, &[ASKS]),
    reached("Eli", "+14155550134", 2, &["no answer", YES]),
    reached("Fay", "+14155550135", 2, &["busy", ASKS]),
    Member {
        name: "Gus",
        written: "+14155550136",
        about: "has a mailbox too",
        scripts: &["voicemail \"This is Gus. Please leave a message.\"\nbeep"],
        asleep: false,
        fate: done("voicemail_left", 1),
    },
    Member {
        name: "Hal",
        written: "+14155550137",
        about: "never picks up",
        scripts: &["no answer"],
        asleep: false,
        fate: done("exhausted", ATTEMPTS_MAX),
    },
    reached("Ivy", "+14155550138", 1, &[YES]),
    reached("Joy", "+14155550139", 1, &[YES]),
];

const YES: &str = "answers after 1 rings\nsays \"Yes, I can make it. Goodbye.\"";
const ASKS: &str = "answers after 1 rings\nsays \"Yes, I can make it.\"\nsays \"Is there any parking?\"\nsays \"No, thank you. Goodbye.\"";

const fn reached(
    name: &'static str,
    written: &'static str,
    attempts: u64,
    scripts: &'static [&'static str],
) -> Member {
    Member {
        name,
        written,
        about: "listens, in the end, and says goodbye",
        scripts,
        asleep: false,
        fate: done("reached", attempts),
    }
}

impl Member {
    /// The number as carriers write it. All of the cast live where numbers begin with +1.
    pub(crate) fn number(&self) -> String {
        let digits: String = self.written.chars().filter(char::is_ascii_digit).collect();
        match digits.len() {
            10 => format!("+1{digits}"),
            _with_country_code => format!("+{digits}"),
        }
    }
}

/// Where it is early afternoon, and where it is night: whenever the scene is played, the law of the
/// callee's place allows it for the one and not for the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zones {
    pub(crate) awake: &'static str,
    pub(crate) asleep: &'static str,
}

/// Places all around the Earth, three hours apart at most.
const PLACES: [&str; 10] = [
    "Pacific/Honolulu",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "Europe/Berlin",
    "Asia/Dubai",
    "Asia/Dhaka",
    "Asia/Tokyo",
    "Pacific/Auckland",
];
const AFTERNOON_MINUTE: i32 = 14 * 60;

impl Zones {
    pub(crate) fn at(now: Timestamp) -> Self {
        // How far a place's clock is from early afternoon, around the dial.
        let away = |place: &str| {
            let Ok(zone) = TimeZone::get(place) else {
                return i32::MAX;
            };
            let local = now.to_zoned(zone);
            let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
            let apart = (minute - AFTERNOON_MINUTE).rem_euclid(24 * 60);
            apart.min(24 * 60 - apart)
        };
        let awake = PLACES.iter().min_by_key(|place| away(place));
        let known = PLACES.iter().filter(|place| away(place) != i32::MAX);
        let asleep = known.max_by_key(|place| away(place));
        Self {
            awake: awake.copied().unwrap_or("Etc/UTC"),
            asleep: asleep.copied().unwrap_or("Etc/UTC"),
        }
    }

    /// The list, as a spreadsheet would save it.
    pub(crate) fn list(self, cast: impl Iterator<Item = &'static Member>) -> String {
        let mut list = "Name,Phone,Timezone,Day,Time,Consent Kind\n".to_owned();
        for member in cast {
            let zone = if member.asleep {
                self.asleep
            } else {
                self.awake
            };
            let row = [
                member.name,
                member.written,
                zone,
                "tomorrow",
                "half past two",
                "express",
            ];
            list.push_str(&row.join(","));
            list.push('\n');
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn at_every_hour_somebody_may_be_called_and_somebody_sleeps() {
        for hour in 0..24 * 7 {
            let now = Timestamp::from_second(1_772_323_200 + hour * 3_600).unwrap();
            let zones = Zones::at(now);
            let local = |zone| now.in_tz(zone).unwrap().hour();
            assert!((11..=17).contains(&local(zones.awake)), "{now} {zones:?}");
            let night = local(zones.asleep);
            assert!(!(7..=21).contains(&night), "{now} {zones:?} {night}");
        }
    }

    #[test]
    fn the_list_has_a_row_for_everybody() {
        let zones = Zones::at(Timestamp::UNIX_EPOCH);
        assert_eq!(zones.list(CAST.iter()).lines().count(), CAST.len() + 1);
        assert_eq!(CAST[0].number(), INTERRUPTER);
        assert_eq!(CAST[0].number(), CAST[10].number());
    }

    #[test]
    fn twenty_people_are_called_or_wait_where_the_crowd_joins_in() {
        let all = || CAST.iter().chain(CROWD);
        let kept_out = |member: &&Member| matches!(member.fate, Fate::KeptOut(_));
        assert_eq!(all().filter(|member| !kept_out(member)).count(), 20);
        let numbers: BTreeSet<String> = all().map(Member::number).collect();
        assert_eq!(numbers.len(), CAST.len() + CROWD.len() - 1, "but for Dana");
    }
}
