//! What is found of a line: in time where something is wrong with it, and nothing where nothing is.

use std::time::Duration;

use audio::line::{Finding, Side};
use model::AnsweredBy;

use crate::world::World;
use crate::world::promise::{Broken, Promise};

/// From a line's death until it is known, and the slowest network on the way.
const FOUND_WITHIN: Duration = Duration::from_millis(6_000);
const ON_THE_WAY_MAX: Duration = Duration::from_millis(100);

pub(super) fn findings(world: &World<'_>, broken: &mut Vec<Broken>) {
    let findings = world.worker.findings();
    let Some(died) = world.scene.line_dead_at else {
        if let Some((at, finding)) = findings.first() {
            let says = format!("{finding:?} of a healthy line after {at:?}");
            broken.push(Promise::NothingFoundInVain.broken(says));
        }
        return;
    };
    let Some(connected) = world.worker.connected_at() else {
        return;
    };
    let by = died.max(connected) + ON_THE_WAY_MAX + FOUND_WITHIN;
    let over = (world.observed.outcomes.first()).map_or(world.now, |(at, _outcome)| *at);
    let answer = world.worker.answered();
    // A machine need not make a sound.
    let machine = answer
        .is_some_and(|answer| !matches!(answer.class, AnsweredBy::Human | AnsweredBy::Unknown));
    let silent = Finding::Silent(Side::Customer);
    let found = findings.iter().find(|(_, finding)| *finding == silent);
    if over > by && !machine && found.is_none_or(|(at, _)| *at > by) {
        let says = format!("the line died at {died:?} and was found silent: {found:?}");
        broken.push(Promise::DeadLineFound.broken(says));
    }
}
