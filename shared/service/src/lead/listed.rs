//! Which new leads are kept out because of the suppression list.

use std::collections::BTreeMap;

use model::{AlternateNumbers, Lead, NextNumberAfter, PhoneNumber, SuppressionReason};
use store::ContactRow;

/// Why numbers are on the suppression list; those that are not are missing.
pub type Listed = BTreeMap<PhoneNumber, SuppressionReason>;

/// Whether somebody with these numbers, the lead's own first, is kept out.
///
/// Who asked not to be called is called on no number. Otherwise the own number decides, unless the campaign passes
/// over numbers that are on the list and there is another one.
pub fn is_kept_out<'a>(
    numbers: impl IntoIterator<Item = &'a PhoneNumber>,
    listed: &Listed,
    alternates: &AlternateNumbers,
) -> bool {
    let reasons: Vec<Option<SuppressionReason>> = numbers
        .into_iter()
        .map(|number| listed.get(number).copied())
        .collect();
    let mut all = reasons.iter().flatten();
    if all.any(|reason| reason.is_their_own_word()) {
        return true;
    }
    let Some((Some(_own), others)) = reasons.split_first() else {
        return false;
    };
    let passed_over = alternates.after.contains(&NextNumberAfter::Suppressed);
    !passed_over || others.iter().all(Option::is_some)
}

/// Those of these numbers that are on the list.
pub(crate) fn listed(contacts: Vec<ContactRow>) -> Listed {
    let contacts = contacts.into_iter();
    contacts
        .filter_map(|row| Some((row.number, row.contact.suppression?.reason)))
        .collect()
}

/// Whether it hangs on the campaign who of these leads is kept out.
pub(crate) fn depends_on_the_campaign(leads: &[Lead], listed: &Listed) -> bool {
    let mut leads = leads.iter();
    leads.any(|lead| !lead.alternates.is_empty() && listed.contains_key(&lead.number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "+14155550100";
    const OTHER: &str = "+14155550101";

    fn kept_out(listed: &[(&str, SuppressionReason)], passes_over: bool) -> bool {
        let number = |text: &str| -> PhoneNumber { text.parse().unwrap() };
        let listed = listed.iter().map(|(text, reason)| (number(text), *reason));
        let mut alternates = AlternateNumbers::default();
        if passes_over {
            alternates.after.push(NextNumberAfter::Suppressed);
        }
        is_kept_out(
            &[number(OWN), number(OTHER)],
            &listed.collect(),
            &alternates,
        )
    }

    #[test]
    fn a_number_on_the_list_keeps_its_lead_out_unless_it_is_passed_over() {
        let upload = SuppressionReason::Upload;
        assert!(!kept_out(&[], false));
        assert!(kept_out(&[(OWN, upload)], false));
        assert!(!kept_out(&[(OWN, upload)], true));
        assert!(kept_out(&[(OWN, upload), (OTHER, upload)], true));
        assert!(!kept_out(&[(OTHER, upload)], false));
    }

    #[test]
    fn who_asked_for_it_on_any_number_is_kept_out() {
        for number in [OWN, OTHER] {
            for reason in [SuppressionReason::Spoken, SuppressionReason::Keypad] {
                assert!(kept_out(&[(number, reason)], true));
            }
        }
    }
}
