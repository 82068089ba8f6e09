//! Which of our numbers calls: one from the callee's own area if there is one, and among those the one
//! that has called least today.

use std::collections::BTreeSet;

use model::{CampaignFields, PhoneNumber};
use rand::Rng;

use super::OurNumber;
use super::share::below;
use crate::numbers::Place;

/// The numbers of a tenant, with the calls of this plan counted.
#[derive(Debug)]
pub(super) struct OurNumberPool<'a> {
    numbers: &'a [OurNumber],
    /// Made when the first number is needed.
    pool: Vec<Candidate<'a>>,
}

#[derive(Debug)]
struct Candidate<'a> {
    number: &'a PhoneNumber,
    place: Place,
    calls_today: u32,
}

/// How near a number of ours is to the callee, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Area,
    State,
    Country,
    Elsewhere,
}

impl<'a> OurNumberPool<'a> {
    pub(super) fn new(numbers: &'a [OurNumber]) -> Self {
        Self {
            numbers,
            pool: Vec::new(),
        }
    }

    /// Takes a number to call `to` from; none when the campaign has none left today.
    pub(super) fn choose(
        &mut self,
        campaign: &CampaignFields,
        to: &PhoneNumber,
        rng: &mut impl Rng,
    ) -> Option<&'a PhoneNumber> {
        if self.pool.is_empty() {
            self.pool = self.numbers.iter().map(Candidate::new).collect();
        }
        let allowed: BTreeSet<&PhoneNumber> = campaign.numbers.iter().collect();
        let to_place = Place::of(to);
        let rank = |candidate: &Candidate<'_>| {
            let may = (allowed.is_empty() || allowed.contains(candidate.number))
                && candidate.calls_today < campaign.calls_per_number_per_day
                && candidate.number != to;
            let nearness = if campaign.local_presence {
                nearness(&candidate.place, &to_place)
            } else {
                Nearness::Elsewhere
            };
            may.then_some((nearness, candidate.calls_today))
        };
        let best = self.pool.iter().filter_map(rank).min()?;
        let is_best = |candidate: &Candidate<'_>| rank(candidate) == Some(best);
        let ties = self
            .pool
            .iter()
            .filter(|candidate| is_best(candidate))
            .count();
        let drawn = below(rng, u32::try_from(ties).unwrap_or(u32::MAX))?;
        let drawn = usize::try_from(drawn).unwrap_or_default();
        let mut ties = self.pool.iter_mut().filter(|candidate| is_best(candidate));
        let candidate = ties.nth(drawn)?;
        candidate.calls_today = candidate.calls_today.saturating_add(1);
        Some(candidate.number)
    }
}

impl<'a> Candidate<'a> {
    fn new(ours: &'a OurNumber) -> Self {
        Self {
            number: &ours.number,
            place: Place::of(&ours.number),
            calls_today: ours.calls_today,
        }
    }
}

fn nearness(ours: &Place, callee: &Place) -> Nearness {
    if ours.area_code().is_some() && ours.area_code() == callee.area_code() {
        Nearness::Area
    } else if !ours.country().is_empty()
        && ours.area_code().is_some()
        && ours.jurisdictions() == callee.jurisdictions()
    {
        Nearness::State
    } else if !ours.country().is_empty() && ours.country() == callee.country() {
        Nearness::Country
    } else {
        Nearness::Elsewhere
    }
}
