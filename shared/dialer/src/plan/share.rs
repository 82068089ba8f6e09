//! Fair shares: lines are drawn for, with as many tickets as a campaign has priority.
//!
//! Tickets are drawn without putting them back until none is left of those who want lines. So shares
//! are exact over a round, every campaign has a chance at each single line, and nothing has to be
//! remembered between two steps.

use rand::Rng;

/// Tickets of campaigns, by place.
#[derive(Debug)]
pub(super) struct Tickets {
    priorities: Vec<u32>,
    left: Vec<u32>,
}

impl Tickets {
    pub(super) fn new(priorities: impl Iterator<Item = u8>) -> Self {
        let priorities: Vec<u32> = priorities.map(|one| u32::from(one.max(1))).collect();
        Self {
            left: priorities.clone(),
            priorities,
        }
    }

    /// Draws one among those who want a line; none when nobody does. The ticket is not spent yet.
    pub(super) fn draw(
        &mut self,
        wants: impl Fn(usize) -> bool,
        rng: &mut impl Rng,
    ) -> Option<usize> {
        let in_hand = |left: &[u32]| {
            let hands = left.iter().enumerate().filter(|(place, _)| wants(*place));
            hands.map(|(_, left)| *left).sum::<u32>()
        };
        let mut total = in_hand(&self.left);
        if total == 0 {
            self.left.clone_from(&self.priorities);
            total = in_hand(&self.left);
        }
        let mut drawn = below(rng, total)?;
        for (place, left) in self.left.iter().enumerate() {
            if !wants(place) {
                continue;
            }
            match drawn.checked_sub(*left) {
                Some(rest) => drawn = rest,
                None => return Some(place),
            }
        }
        None
    }

    pub(super) fn spend(&mut self, place: usize) {
        if let Some(left) = self.left.get_mut(place) {
            *left = left.saturating_sub(1);
        }
    }
}

/// A number from 0 up to, not including, `end`; none below 0. The same on every version of `rand`. A
/// single possible answer takes no chance.
pub(super) fn below(rng: &mut impl Rng, end: u32) -> Option<u32> {
    if end <= 1 {
        return end.checked_sub(1);
    }
    let wide = u64::from(rng.next_u32()) * u64::from(end);
    u32::try_from(wide >> 32).ok()
}
