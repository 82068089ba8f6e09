//! Which numbers a file has had already, exactly, in bounded memory.
//!
//! An E.164 number is at most 15 digits, so the number itself is the key: there is no hash to collide,
//! and nobody is taken for somebody else. A million numbers take 24 MB.

use model::PhoneNumber;

/// How many numbers are remembered: 393,216 in 6.3 MB, and half as much again while the table grows.
///
/// A list may have more. Then a number that comes again is not noticed here but by whoever stores it, on the condition that it
/// is not there: a list of ten million rows takes no more memory than one of a million.
pub const NUMBERS_MAX: usize = SLOTS_MAX / 4 * 3;

const SLOTS_MIN: usize = 1 << 10;
const SLOTS_MAX: usize = 1 << 19;
/// Slots that are looked at for one number. Numbers chosen to fall together cost no more than this;
/// one that finds no place is simply not remembered.
const PROBES_MAX: usize = 512;

/// A table with open addressing: numbers, and the row that each was in first.
#[derive(Debug)]
pub(crate) struct Seen {
    numbers: Vec<u64>,
    /// Rows beyond 4 billion are not told.
    rows: Vec<u32>,
    len: usize,
    slots_max: usize,
}

impl Seen {
    /// Remembers up to [`NUMBERS_MAX`].
    pub(crate) fn new() -> Self {
        Self {
            numbers: vec![0; SLOTS_MIN],
            rows: vec![0; SLOTS_MIN],
            len: 0,
            slots_max: SLOTS_MAX,
        }
    }

    /// Remembers at least so many: 16 to 32 bytes each.
    pub(crate) fn remember(&mut self, numbers: usize) {
        let slots = numbers.saturating_add(numbers / 3 + 1);
        self.slots_max = slots.next_power_of_two().max(SLOTS_MAX);
    }

    /// The row that had the number first, if one had; else remembers that this one has it.
    pub(crate) fn first(&mut self, number: &PhoneNumber, row: u64) -> Option<u64> {
        let key = number
            .as_str()
            .trim_start_matches('+')
            .parse()
            .unwrap_or_default();
        if self.len >= self.numbers.len() / 4 * 3 && self.numbers.len() < self.slots_max {
            self.grow();
        }
        self.place(key, u32::try_from(row).unwrap_or(u32::MAX))
    }

    fn place(&mut self, key: u64, row: u32) -> Option<u64> {
        let slots = self.numbers.len();
        let room = self.len < slots / 4 * 3;
        let mut slot = usize::try_from(mix(key)).unwrap_or_default() & (slots - 1);
        for _probe in 0..PROBES_MAX {
            match self.numbers.get_mut(slot) {
                Some(number) if *number == key => {
                    return self.rows.get(slot).copied().map(u64::from);
                }
                Some(number) if *number == 0 => {
                    if room {
                        *number = key;
                        self.len += 1;
                        if let Some(first) = self.rows.get_mut(slot) {
                            *first = row;
                        }
                    }
                    return None;
                }
                Some(_) | None => slot = (slot + 1) & (slots - 1),
            }
        }
        None
    }

    fn grow(&mut self) {
        let slots = self.numbers.len() * 2;
        let numbers = std::mem::replace(&mut self.numbers, vec![0; slots]);
        let rows = std::mem::replace(&mut self.rows, vec![0; slots]);
        self.len = 0;
        for (number, row) in numbers.into_iter().zip(rows) {
            if number != 0 {
                self.place(number, row);
            }
        }
    }
}

/// Spreads neighbouring numbers over the table (the finishing step of splitmix64).
const fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u64) -> PhoneNumber {
        format!("+{}", 10_000_000_000 + n).parse().unwrap()
    }

    #[test]
    fn a_number_is_found_again_with_its_first_row_through_every_growth() {
        let mut seen = Seen::new();
        for n in 0..50_000 {
            assert_eq!(seen.first(&number(n * 7), n + 2), None);
        }
        for n in 0..50_000 {
            assert_eq!(seen.first(&number(n * 7), 99_999), Some(n + 2));
            assert_eq!(seen.first(&number(n * 7 + 3), 1), None);
        }
    }

    #[test]
    fn a_full_table_forgets_new_numbers_and_mistakes_none() {
        let mut seen = Seen::new();
        let most = u64::try_from(NUMBERS_MAX).unwrap();
        for n in 0..most + 1_000 {
            seen.first(&number(n), 2);
        }
        assert_eq!(seen.numbers.len(), SLOTS_MAX);
        assert_eq!(seen.len, NUMBERS_MAX);
        assert_eq!(seen.first(&number(5), 3), Some(2));
        assert_eq!(seen.first(&number(most + 5_000_000), 3), None);
        assert_eq!(seen.first(&number(most + 5_000_000), 4), None);
    }

    #[test]
    fn whoever_has_no_table_behind_asks_for_more() {
        let mut seen = Seen::new();
        seen.remember(NUMBERS_MAX + 1_000);
        let most = u64::try_from(NUMBERS_MAX).unwrap() + 1_000;
        for n in 0..most {
            assert_eq!(seen.first(&number(n), 2), None);
        }
        assert_eq!(seen.first(&number(most - 1), 3), Some(2));
    }
}
