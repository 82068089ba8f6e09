//! The people on the list: where they live, what they do each time their phone rings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sim::person::Person;

use super::chance::Chance;

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

/// What somebody does when the phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Talks,
    HangsUp,
    Busy,
    NoAnswer,
    Machine,
    NoSuchNumber,
}

#[derive(Debug, Clone)]
pub(super) struct People(Arc<Mutex<BTreeMap<String, Somebody>>>);

#[derive(Debug, Clone)]
pub(super) struct Somebody {
    pub(super) place: Place,
    /// One after the other; the last for ever.
    fates: Vec<Fate>,
    rung: usize,
}

impl People {
    pub(super) fn of(chance: &Chance, count: usize) -> Self {
        let mut places = PLACES;
        chance.shuffle(&mut places);
        let places = &places[..chance.index(PLACES_MAX) + 1];
        let somebody = |nth: usize| {
            let place = *chance.pick(places);
            let number = format!("{}{nth:04}", place.prefix);
            let fates = match chance.number(0..=99) {
                0..=39 => vec![Fate::Talks],
                40..=49 => vec![Fate::HangsUp],
                50..=57 => vec![Fate::Busy, Fate::Talks],
                58..=61 => vec![Fate::Busy],
                62..=73 => vec![Fate::NoAnswer, Fate::Talks],
                74..=79 => vec![Fate::NoAnswer],
                80..=87 => vec![Fate::Machine, Fate::HangsUp],
                88..=91 => vec![Fate::Machine],
                _ => vec![Fate::NoSuchNumber],
            };
            let rung = 0;
            (number, Somebody { place, fates, rung })
        };
        Self(Arc::new(Mutex::new((0..count).map(somebody).collect())))
    }

    pub(super) fn numbers(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    pub(super) fn at(&self, number: &str) -> Somebody {
        self.0.lock().unwrap()[number].clone()
    }

    /// What this number's owner does at the next ringing.
    pub(super) fn pick_up(&self, number: &str) -> Person {
        let mut people = self.0.lock().unwrap();
        let somebody = people.get_mut(number).expect("somebody on the list");
        let fate = somebody.fates[somebody.rung.min(somebody.fates.len() - 1)];
        somebody.rung += 1;
        let person = match fate {
            Fate::Talks => "answers after 2 rings | waits 60000ms",
            Fate::HangsUp => "answers after 1 ring | hangs up after 1500ms",
            Fate::Busy => "busy",
            Fate::NoAnswer => "no answer",
            Fate::Machine => r#"voicemail "Please leave a message" | beep"#,
            Fate::NoSuchNumber => "unreachable",
        };
        person.parse().unwrap()
    }
}
