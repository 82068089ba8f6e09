//! The people on the list: where they live, what they do each time their phone rings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sim::person::Person;

use super::chance::Chance;
use super::vendors::LAST_WORD;

/// Somebody's number and where they may be: area codes whose zones anybody can look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    prefix: &'static str,
    pub(super) zones: &'static [&'static str],
}

const PLACES: [Place; 7] = [
    Place {
        prefix: "+1212555",
        zones: &["America/New_York"],
    },
    Place {
        prefix: "+1312555",
        zones: &["America/Chicago"],
    },
    Place {
        prefix: "+1303555",
        zones: &["America/Denver"],
    },
    Place {
        prefix: "+1602555",
        zones: &["America/Phoenix"],
    },
    Place {
        prefix: "+1213555",
        zones: &["America/Los_Angeles"],
    },
    // Idaho has two zones: both must allow.
    Place {
        prefix: "+1208555",
        zones: &["America/Boise", "America/Los_Angeles"],
    },
    Place {
        prefix: "+1808555",
        zones: &["Pacific/Honolulu"],
    },
];

/// People of one world live in so many places at most: each is a lane that the planner reads.
const PLACES_MAX: usize = 4;

/// The last digits of people's other numbers begin here: those on lists have lower ones.
const OTHERS_FROM: usize = 5_000;

/// What somebody does when the phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Listens, and answers.
    Talks,
    /// Says who they are before they hear anything.
    Greets,
    /// Hears us and says nothing.
    Listens,
    HangsUp,
    Busy,
    NoAnswer,
    Machine,
    NoSuchNumber,
}

/// Opts out: what a campaign that names no other key takes for it.
pub(super) const OPT_OUT_KEY: char = '9';

#[derive(Debug, Clone)]
pub(super) struct People {
    somebody: Arc<Mutex<BTreeMap<String, Somebody>>>,
    /// Who talks says something; without it they only listen.
    says: Option<Chance>,
    /// Some have other numbers, which campaigns call: what is left to chance of that.
    others: Option<Chance>,
}

/// What somebody says, one after the other; no word comes twice.
const LINES: [&str; 8] = [
    "Maple river copper.",
    "Lantern orchard.",
    "Velvet harbour seven winters.",
    "Pepper.",
    "Marble garden thunder.",
    "Silver meadow.",
    "Window planet bicycle.",
    "Juniper.",
];

#[derive(Debug, Clone)]
pub(super) struct Somebody {
    pub(super) place: Place,
    /// One after the other; the last for ever.
    fates: Vec<Fate>,
    rung: usize,
    /// Whose number it is, where it is not on a list itself.
    of: Option<String>,
}

impl Somebody {
    fn at(place: Place, fates: Vec<Fate>, of: Option<String>) -> Self {
        Self {
            place,
            fates,
            rung: 0,
            of,
        }
    }

    /// What they do, or did when it rang last.
    fn last(&self) -> Fate {
        self.fates[self.rung.saturating_sub(1).min(self.fates.len() - 1)]
    }
}

impl People {
    pub(super) fn of(chance: &Chance, count: usize, talking: bool) -> Self {
        let mut places = PLACES;
        chance.shuffle(&mut places);
        let places = &places[..chance.index(PLACES_MAX) + 1];
        let somebody = |nth: usize| {
            let place = *chance.pick(places);
            let number = format!("{}{nth:04}", place.prefix);
            (number, Somebody::at(place, fates(chance), None))
        };
        let somebody = (0..count).map(somebody).collect();
        Self {
            somebody: Arc::new(Mutex::new(somebody)),
            says: talking.then(|| chance.clone()),
            others: None,
        }
    }

    /// Some of them have one or two other numbers, wherever those are. By a chance of its own, so that worlds are
    /// otherwise as they would be.
    pub(super) fn with_other_numbers(self, chance: &Chance) -> Self {
        let numbers = self.numbers();
        let mut others = BTreeMap::new();
        for number in numbers {
            for _other in 0..*chance.pick(&[0, 0, 1, 2]) {
                let place = *chance.pick(&PLACES);
                let other = format!("{}{:04}", place.prefix, OTHERS_FROM + others.len());
                let somebody = Somebody::at(place, fates(chance), Some(number.clone()));
                others.insert(other, somebody);
            }
        }
        self.somebody.lock().unwrap().append(&mut others);
        Self {
            others: Some(chance.clone()),
            ..self
        }
    }

    /// Who is on a list: every person by one number.
    pub(super) fn numbers(&self) -> Vec<String> {
        let people = self.somebody.lock().unwrap();
        let listed = people
            .iter()
            .filter(|(_number, somebody)| somebody.of.is_none());
        listed.map(|(number, _somebody)| number.clone()).collect()
    }

    /// The number by which the person is on a list whose number this is.
    pub(super) fn listed_as(&self, number: &str) -> String {
        let people = self.somebody.lock().unwrap();
        let of = people.get(number).and_then(|somebody| somebody.of.clone());
        of.unwrap_or_else(|| number.to_owned())
    }

    /// The other numbers of somebody who is on a list by this one.
    pub(super) fn others(&self, listed: &str) -> Vec<String> {
        let people = self.somebody.lock().unwrap();
        let others = people
            .iter()
            .filter(|(_number, somebody)| somebody.of.as_deref() == Some(listed));
        others.map(|(number, _somebody)| number.clone()).collect()
    }

    /// What decides in campaigns about other numbers, where people have some.
    pub(super) fn others_by_chance(&self) -> Option<&Chance> {
        self.others.as_ref()
    }

    pub(super) fn at(&self, number: &str) -> Somebody {
        self.somebody.lock().unwrap()[number].clone()
    }

    /// Whether there is a phone at this number.
    pub(super) fn has_phone(&self, number: &str) -> bool {
        !self.at(number).fates.contains(&Fate::NoSuchNumber)
    }

    /// Whether a person has the phone at this number, and no machine, since it rang last.
    pub(super) fn is_person(&self, number: &str) -> bool {
        match self.at(number).last() {
            Fate::Talks | Fate::Greets | Fate::Listens | Fate::HangsUp => true,
            Fate::Busy | Fate::NoAnswer | Fate::Machine | Fate::NoSuchNumber => false,
        }
    }

    /// What this number's owner does at the next ringing.
    pub(super) fn pick_up(&self, number: &str) -> Person {
        let mut people = self.somebody.lock().unwrap();
        let somebody = people.get_mut(number).expect("somebody on the list");
        let fate = somebody.fates[somebody.rung.min(somebody.fates.len() - 1)];
        somebody.rung += 1;
        if let Some(chance) = &self.says {
            match fate {
                Fate::Talks | Fate::Greets | Fate::Listens => {
                    return talker(chance, "answers after 1 rings");
                }
                Fate::Machine if chance.per_mille(500) => return late_picker(chance),
                Fate::HangsUp
                | Fate::Busy
                | Fate::NoAnswer
                | Fate::Machine
                | Fate::NoSuchNumber => {}
            }
        }
        let person = match fate {
            Fate::Talks => r#"answers after 2 rings | says "Yes, speaking." | waits 60000ms"#,
            Fate::Greets => r#"answers after 2 rings | opens with "Hello?" | waits 60000ms"#,
            Fate::Listens => "answers after 2 rings | waits 60000ms",
            Fate::HangsUp => "answers after 1 ring | hangs up after 1500ms",
            Fate::Busy => "busy",
            Fate::NoAnswer => "no answer",
            Fate::Machine if self.says.is_some() => r#"voicemail "Please leave a message" | beep"#,
            // Long enough to be known for what it is.
            Fate::Machine => {
                r#"voicemail "Please leave a message after the tone and we will call you back" | beep"#
            }
            Fate::NoSuchNumber => "unreachable",
        };
        person.parse().unwrap()
    }
}

fn fates(chance: &Chance) -> Vec<Fate> {
    match chance.number(0..=99) {
        0..=19 => vec![Fate::Talks],
        20..=29 => vec![Fate::Greets],
        30..=39 => vec![Fate::Listens],
        40..=49 => vec![Fate::HangsUp],
        50..=57 => vec![Fate::Busy, Fate::Talks],
        58..=61 => vec![Fate::Busy],
        62..=73 => vec![Fate::NoAnswer, Fate::Talks],
        74..=79 => vec![Fate::NoAnswer],
        80..=87 => vec![Fate::Machine, Fate::HangsUp],
        88..=91 => vec![Fate::Machine],
        _ => vec![Fate::NoSuchNumber],
    }
}

/// Somebody who calls us: most have something to say, some do not wait long.
pub(super) fn customer(chance: &Chance) -> Person {
    if chance.per_mille(300) {
        let ms = chance.number(1_000..=30_000);
        return format!("answers | waits {ms}ms | hangs up after 0ms")
            .parse()
            .unwrap();
    }
    talker(chance, "answers")
}

/// A mailbox, and somebody who takes the phone from it while a message is left, and wants no more calls.
fn late_picker(chance: &Chance) -> Person {
    let ms = chance.number(200..=6_000);
    let script = format!(
        r#"voicemail "Please leave a message after the tone, and we will call you back as soon as we can" | beep |
        waits {ms}ms | presses {OPT_OUT_KEY} | waits 30000ms"#
    );
    script.parse().unwrap()
}

/// Somebody who has a conversation; one in ten wants no more calls.
fn talker(chance: &Chance, answers: &str) -> Person {
    let mut lines = LINES;
    chance.shuffle(&mut lines);
    if chance.per_mille(100) {
        let (line, ms) = (lines[0], chance.number(300..=4_000));
        let script = format!(
            "{answers} | says {line:?} | waits {ms}ms | presses {OPT_OUT_KEY} | waits 30000ms"
        );
        return script.parse().unwrap();
    }
    let mut script = vec![answers.to_owned()];
    for line in &lines[..2 + chance.index(LINES.len() - 2)] {
        script.push(format!("says {line:?}"));
        if chance.per_mille(200) {
            script.push(format!("waits {}ms", chance.number(500..=4_000)));
        }
    }
    script.push(if chance.per_mille(700) {
        format!("says {LAST_WORD:?}")
    } else {
        "hangs up after 900ms".to_owned()
    });
    script.join("\n").parse().unwrap()
}
