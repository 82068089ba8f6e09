//! Which of a lead's numbers is called next.
//!
//! They are called one at a time, in their order, and behind the last begins the next round. What brings the next one
//! into turn, a campaign says; without its word the number in turn stays. A number that is given up is passed over
//! in all rounds. Where going on from it is not allowed, those before it are left: they were called already, and an
//! alternate number that comes to nothing takes nobody's attempts away.

use model::{AlternateNumbers, Lead, NextNumberAfter, Rotation};

/// Another number is in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Onward {
    pub(super) rotation: Rotation,
    /// It stands before the one that was in turn.
    pub(super) next_round: bool,
}

/// The number that follows, as nobody was reached on the one in turn. `None`: that one stays.
pub(super) fn next(
    alternates: &AlternateNumbers,
    lead: &Lead,
    why: NextNumberAfter,
) -> Option<Onward> {
    if !alternates.after.contains(&why) {
        return None;
    }
    let rotation = lead.rotation;
    following(lead, rotation).or_else(|| before(lead, rotation))
}

/// The number that follows, as the one in turn is not called any more. `None`: the lead is done.
pub(super) fn without_this(
    alternates: &AlternateNumbers,
    lead: &Lead,
    why: NextNumberAfter,
) -> Option<Onward> {
    let rotation = lead.rotation.without_this();
    if alternates.after.contains(&why) {
        following(lead, rotation).or_else(|| before(lead, rotation))
    } else if why == NextNumberAfter::Suppressed {
        None
    } else {
        before(lead, rotation)
    }
}

/// The lead's own number again, as the campaign calls no others. `None`: that one is given up.
pub(super) fn own(lead: &Lead) -> Option<Rotation> {
    (!lead.rotation.is_given_up(0)).then_some(lead.rotation.turned_to(0))
}

fn following(lead: &Lead, rotation: Rotation) -> Option<Onward> {
    let places = (0..).zip(lead.numbers()).map(|(place, _number)| place);
    let place = places
        .filter(|place| *place > rotation.in_turn())
        .find(|place| !rotation.is_given_up(*place))?;
    Some(Onward {
        rotation: rotation.turned_to(place),
        next_round: false,
    })
}

/// The first of those before the one in turn.
fn before(lead: &Lead, rotation: Rotation) -> Option<Onward> {
    let places = (0..).zip(lead.numbers()).map(|(place, _number)| place);
    let place = places
        .take_while(|place| *place < rotation.in_turn())
        .find(|place| !rotation.is_given_up(*place))?;
    Some(Onward {
        rotation: rotation.turned_to(place),
        next_round: true,
    })
}

#[cfg(test)]
mod tests {
    use model::NextNumberAfter as After;

    use super::*;
    use crate::testing;

    const NUMBERS: [&str; 3] = ["+12125550100", "+13105550101", "+442079460102"];

    /// Which of a lead's three numbers is in turn after this: its place, with `!` in the next round.
    fn turns(after: &[After], in_turn: u8, given_up: &[u8], why: After, is_out: bool) -> String {
        let mut fields = testing::fields("");
        fields.alternate_numbers.after = after.to_vec();
        let campaign = testing::campaign(fields);
        let mut lead = testing::lead_with(&campaign, &NUMBERS);
        for place in given_up {
            lead.rotation = lead.rotation.turned_to(*place).without_this();
        }
        lead.rotation = lead.rotation.turned_to(in_turn);
        let alternates = &campaign.fields.alternate_numbers;
        let onward = if is_out {
            without_this(alternates, &lead, why)
        } else {
            next(alternates, &lead, why)
        };
        onward.map_or_else(
            || "none".to_owned(),
            |onward| {
                assert_eq!(onward.rotation.is_given_up(in_turn), is_out);
                for place in given_up {
                    assert!(onward.rotation.is_given_up(*place));
                }
                let round = if onward.next_round { "!" } else { "" };
                format!("{}{round}", onward.rotation.in_turn())
            },
        )
    }

    #[test]
    fn numbers_are_called_in_their_order_and_then_the_first_again() {
        let after = [After::NoAnswer];
        let missed =
            |in_turn, given_up: &[u8]| turns(&after, in_turn, given_up, After::NoAnswer, false);
        assert_eq!(
            [missed(0, &[]), missed(1, &[]), missed(2, &[])],
            ["1", "2", "0!"]
        );
        assert_eq!([missed(0, &[1]), missed(2, &[0])], ["2", "1!"]);
        // The only one that is left stays.
        assert_eq!(missed(1, &[0, 2]), "none");
    }

    #[test]
    fn without_the_campaigns_word_the_number_stays() {
        for why in After::ALL {
            assert_eq!(turns(&[], 0, &[], why, false), "none");
            assert_eq!(turns(&[], 0, &[], why, true), "none");
        }
        assert_eq!(
            turns(&[After::Busy], 0, &[], After::NoAnswer, false),
            "none"
        );
    }

    #[test]
    fn a_number_that_is_given_up_gives_way_to_those_that_may_be_called() {
        let all = After::ALL;
        assert_eq!(turns(&all, 0, &[], After::Unreachable, true), "1");
        assert_eq!(turns(&all, 2, &[], After::Suppressed, true), "0!");
        assert_eq!(turns(&all, 2, &[0, 1], After::Unreachable, true), "none");
        // No going on from it: those that were called before are left, unless it is on the list.
        let some = [After::NoAnswer];
        assert_eq!(turns(&some, 0, &[], After::Unreachable, true), "none");
        assert_eq!(turns(&some, 1, &[], After::Unreachable, true), "0!");
        assert_eq!(turns(&some, 1, &[], After::NotAllowed, true), "0!");
        assert_eq!(turns(&some, 1, &[], After::Suppressed, true), "none");
    }
}
