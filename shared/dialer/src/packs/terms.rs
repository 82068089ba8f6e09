//! What the law of a lane's places says of one kind of call.

use model::{CallKind, Caps, ConsentKind, Lane};

use crate::packs::{Cap, ConsentRule, HoursRule, Pack, Voice, packs};

/// A call as the law sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub kind: CallKind,
    pub voice: Voice,
}

impl Terms {
    /// A call with an artificial voice. One whose kind nobody has said is taken for the kind with the strictest rules.
    #[must_use]
    pub fn artificial(kind: Option<CallKind>) -> Self {
        Self {
            kind: kind.unwrap_or(CallKind::Sales),
            voice: Voice::Artificial,
        }
    }
}

/// The weakest consent that a call to these places needs; `None`: it needs none.
#[must_use]
pub fn least_consent<'p>(
    terms: Terms,
    places: impl IntoIterator<Item = &'p str>,
) -> Option<ConsentKind> {
    let rules = packs_of(places).flat_map(|pack| pack.consent);
    let fits = |rule: &&ConsentRule| rule.kinds.has(terms.kind) && rule.voices.have(terms.voice);
    rules.filter(fits).map(|rule| rule.least).max()
}

/// The rules of hours that hold for such a call to a lane, each with its pack. Those that the consent of the lane's
/// leads lifts are left out.
pub(crate) fn hours_rules(
    terms: Terms,
    lane: &Lane,
) -> impl Iterator<Item = (&'static Pack, &'static HoursRule)> {
    let consent = lane.consent;
    let rules =
        packs_of_lane(lane).flat_map(|pack| pack.hours.iter().map(move |rule| (pack, rule)));
    rules.filter(move |(_pack, rule)| {
        let is_lifted = rule
            .lifted_by
            .is_some_and(|least| consent.is_some_and(|given| given >= least));
        rule.kinds.has(terms.kind) && rule.voices.have(terms.voice) && !is_lifted
    })
}

/// The caps that hold for such a call to a lane: the campaign's, and what its places demand.
#[must_use]
pub fn caps_of(caps: Caps, terms: Terms, lane: &Lane) -> Caps {
    let rules = packs_of_lane(lane).flat_map(|pack| pack.caps);
    let rules = rules.filter(|rule| rule.kinds.has(terms.kind));
    rules.fold(caps, |caps, rule| match rule.cap {
        Cap::AttemptsPerDay(most) => Caps {
            attempts_per_day: most.min(caps.attempts_per_day),
            ..caps
        },
        Cap::AttemptsPer7Days(most) => Caps {
            attempts_per_7_days: Some(caps.attempts_per_7_days.map_or(most, |own| own.min(most))),
            ..caps
        },
        Cap::AttemptsPer30Days(most) => Caps {
            attempts_per_30_days: most.min(caps.attempts_per_30_days),
            ..caps
        },
        Cap::DaysAfterConversation(days) => Caps {
            days_after_conversation: caps.days_after_conversation.max(Some(days)),
            ..caps
        },
    })
}

fn packs_of_lane(lane: &Lane) -> impl Iterator<Item = &'static Pack> {
    packs_of(lane.jurisdictions.iter().map(String::as_str))
}

fn packs_of<'p>(places: impl IntoIterator<Item = &'p str>) -> impl Iterator<Item = &'static Pack> {
    let packs: Vec<&'static Pack> = places.into_iter().flat_map(packs).collect();
    packs.into_iter()
}
