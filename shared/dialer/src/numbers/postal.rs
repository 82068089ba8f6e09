//! States and provinces by postal code, in countries whose states lie in several zones or have rules of their own.
//!
//! The ranges are the postal services' own, at the width at which they tell states apart. Where one holds more than
//! one state, all of them count.

/// From and up to, both included, and the states.
type Ranges = &'static [(u32, u32, &'static [&'static str])];

/// The first three digits of a ZIP code.
#[rustfmt::skip]
static UNITED_STATES: Ranges = &[
    (5, 5, &["US-NY"]), (6, 7, &["US-PR"]), (8, 8, &["US-VI"]), (9, 9, &["US-PR"]),
    (10, 27, &["US-MA"]), (28, 29, &["US-RI"]), (30, 38, &["US-NH"]), (39, 49, &["US-ME"]),
    (50, 54, &["US-VT"]), (55, 55, &["US-MA"]), (56, 59, &["US-VT"]), (60, 62, &["US-CT"]),
    (63, 63, &["US-CT", "US-NY"]), (64, 69, &["US-CT"]), (70, 89, &["US-NJ"]), (100, 149, &["US-NY"]),
    (150, 196, &["US-PA"]), (197, 199, &["US-DE"]), (200, 200, &["US-DC"]), (201, 201, &["US-VA"]),
    (202, 205, &["US-DC"]), (206, 219, &["US-MD"]), (220, 246, &["US-VA"]), (247, 268, &["US-WV"]),
    (270, 289, &["US-NC"]), (290, 299, &["US-SC"]), (300, 319, &["US-GA"]), (320, 339, &["US-FL"]),
    (341, 349, &["US-FL"]), (350, 369, &["US-AL"]), (370, 385, &["US-TN"]), (386, 397, &["US-MS"]),
    (398, 399, &["US-GA"]), (400, 427, &["US-KY"]), (430, 459, &["US-OH"]), (460, 479, &["US-IN"]),
    (480, 499, &["US-MI"]), (500, 528, &["US-IA"]), (530, 549, &["US-WI"]), (550, 567, &["US-MN"]),
    (569, 569, &["US-DC"]), (570, 577, &["US-SD"]), (580, 588, &["US-ND"]), (590, 599, &["US-MT"]),
    (600, 629, &["US-IL"]), (630, 658, &["US-MO"]), (660, 679, &["US-KS"]), (680, 693, &["US-NE"]),
    (700, 715, &["US-LA"]), (716, 729, &["US-AR"]), (730, 732, &["US-OK"]), (733, 733, &["US-TX"]),
    (734, 749, &["US-OK"]), (750, 799, &["US-TX"]), (800, 816, &["US-CO"]), (820, 831, &["US-WY"]),
    (832, 838, &["US-ID"]), (840, 847, &["US-UT"]), (850, 865, &["US-AZ"]), (870, 884, &["US-NM"]),
    (885, 885, &["US-TX"]), (889, 898, &["US-NV"]), (900, 961, &["US-CA"]), (967, 968, &["US-HI"]),
    (969, 969, &["US-GU", "US-MP"]), (970, 979, &["US-OR"]), (980, 994, &["US-WA"]), (995, 999, &["US-AK"]),
];

/// All four digits.
#[rustfmt::skip]
static AUSTRALIA: Ranges = &[
    (200, 299, &["AU-ACT"]), (800, 999, &["AU-NT"]), (1000, 2599, &["AU-NSW"]), (2600, 2618, &["AU-ACT", "AU-NSW"]),
    (2619, 2899, &["AU-NSW"]), (2900, 2920, &["AU-ACT"]), (2921, 2999, &["AU-NSW"]), (3000, 3999, &["AU-VIC"]),
    (4000, 4999, &["AU-QLD"]), (5000, 5999, &["AU-SA"]), (6000, 6797, &["AU-WA"]), (6800, 6999, &["AU-WA"]),
    (7000, 7999, &["AU-TAS"]), (8000, 8999, &["AU-VIC"]), (9000, 9999, &["AU-QLD"]),
];

/// The first five digits of a CEP.
#[rustfmt::skip]
static BRAZIL: Ranges = &[
    (1000, 19999, &["BR-SP"]), (20000, 28999, &["BR-RJ"]), (29000, 29999, &["BR-ES"]), (30000, 39999, &["BR-MG"]),
    (40000, 48999, &["BR-BA"]), (49000, 49999, &["BR-SE"]), (50000, 56999, &["BR-PE"]), (57000, 57999, &["BR-AL"]),
    (58000, 58999, &["BR-PB"]), (59000, 59999, &["BR-RN"]), (60000, 63999, &["BR-CE"]), (64000, 64999, &["BR-PI"]),
    (65000, 65999, &["BR-MA"]), (66000, 68899, &["BR-PA"]), (68900, 68999, &["BR-AP"]), (69000, 69299, &["BR-AM"]),
    (69300, 69399, &["BR-RR"]), (69400, 69899, &["BR-AM"]), (69900, 69999, &["BR-AC"]), (70000, 72799, &["BR-DF"]),
    (72800, 72999, &["BR-GO"]), (73000, 73699, &["BR-DF"]), (73700, 76799, &["BR-GO"]), (76800, 76999, &["BR-RO"]),
    (77000, 77999, &["BR-TO"]), (78000, 78899, &["BR-MT"]), (79000, 79999, &["BR-MS"]), (80000, 87999, &["BR-PR"]),
    (88000, 89999, &["BR-SC"]), (90000, 99999, &["BR-RS"]),
];

/// The first two digits.
#[rustfmt::skip]
static MEXICO: Ranges = &[
    (0, 16, &["MX-CMX"]), (20, 20, &["MX-AGU"]), (21, 22, &["MX-BCN"]), (23, 23, &["MX-BCS"]), (24, 24, &["MX-CAM"]),
    (25, 27, &["MX-COA"]), (28, 28, &["MX-COL"]), (29, 30, &["MX-CHP"]), (31, 33, &["MX-CHH"]), (34, 35, &["MX-DUR"]),
    (36, 38, &["MX-GUA"]), (39, 41, &["MX-GRO"]), (42, 43, &["MX-HID"]), (44, 49, &["MX-JAL"]), (50, 57, &["MX-MEX"]),
    (58, 61, &["MX-MIC"]), (62, 62, &["MX-MOR"]), (63, 63, &["MX-NAY"]), (64, 67, &["MX-NLE"]), (68, 71, &["MX-OAX"]),
    (72, 75, &["MX-PUE"]), (76, 76, &["MX-QUE"]), (77, 77, &["MX-ROO"]), (78, 79, &["MX-SLP"]), (80, 82, &["MX-SIN"]),
    (83, 85, &["MX-SON"]), (86, 86, &["MX-TAB"]), (87, 89, &["MX-TAM"]), (90, 90, &["MX-TLA"]), (91, 96, &["MX-VER"]),
    (97, 97, &["MX-YUC"]), (98, 99, &["MX-ZAC"]),
];

/// The states that a postal code of a country lies in, as ISO 3166-2; none: it tells none, or is no such code.
///
/// Takes what spreadsheets leave of a code: `2139` for `02139`, `02139-4307`, `k1a0b1`.
pub(super) fn regions(country: &str, code: &str) -> &'static [&'static str] {
    match country {
        "US" => zip(code).map_or(&[], |zip| within(UNITED_STATES, zip)),
        "AU" => digits(code, 3..=4).map_or(&[], |code| within(AUSTRALIA, code)),
        "BR" => digits(code, 7..=8).map_or(&[], |code| within(BRAZIL, code / 1000)),
        "MX" => digits(code, 4..=5).map_or(&[], |code| within(MEXICO, code / 1000)),
        "CA" => canadian(code),
        _other => &[],
    }
}

fn within(ranges: Ranges, code: u32) -> &'static [&'static str] {
    let place = ranges.partition_point(|(_from, to, _states)| *to < code);
    match ranges.get(place) {
        Some((from, _to, states)) if *from <= code => states,
        Some(_) | None => &[],
    }
}

/// The first three of the five digits.
fn zip(code: &str) -> Option<u32> {
    let five = code.trim().split(['-', ' ']).next()?;
    let code = match five.len() {
        9 => five.get(..5)?,
        3..=5 => five,
        _other => return None,
    };
    Some(digits(code, 3..=5)? / 100)
}

/// The number that a code of so many digits is.
fn digits(code: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let separates = |c: &char| matches!(c, '-' | '.' | ' ');
    let digits: String = code.chars().filter(|c| !separates(c)).collect();
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    (all && length.contains(&digits.len()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The first letter tells; a digit follows it.
fn canadian(code: &str) -> &'static [&'static str] {
    let code = code.trim().as_bytes();
    let [letter, digit, ..] = code else {
        return &[];
    };
    if !digit.is_ascii_digit() {
        return &[];
    }
    match letter.to_ascii_uppercase() {
        b'A' => &["CA-NL"],
        b'B' => &["CA-NS"],
        b'C' => &["CA-PE"],
        b'E' => &["CA-NB"],
        b'G' | b'H' | b'J' => &["CA-QC"],
        b'K' | b'L' | b'M' | b'N' | b'P' => &["CA-ON"],
        b'R' => &["CA-MB"],
        b'S' => &["CA-SK"],
        b'T' => &["CA-AB"],
        b'V' => &["CA-BC"],
        b'X' => &["CA-NT", "CA-NU"],
        b'Y' => &["CA-YT"],
        _none => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postal_code_tells_its_state() {
        for (country, code, states) in [
            ("US", "96813", "US-HI"),
            ("US", "02139", "US-MA"),
            ("US", "2139", "US-MA"),
            ("US", "02139-4307", "US-MA"),
            ("US", "021394307", "US-MA"),
            ("US", "501", "US-NY"),
            ("US", "06390", "US-CT US-NY"),
            ("US", "37402", "US-TN"),
            ("US", "09012", ""),
            ("US", "0", ""),
            ("US", "SW1A 1AA", ""),
            ("CA", "k1a 0b1", "CA-ON"),
            ("CA", "X0A 0H0", "CA-NT CA-NU"),
            ("CA", "90210", ""),
            ("AU", "2000", "AU-NSW"),
            ("AU", "800", "AU-NT"),
            ("AU", "6798", ""),
            ("BR", "69005-070", "BR-AM"),
            ("BR", "1310100", "BR-SP"),
            ("MX", "01000", "MX-CMX"),
            ("MX", "83000", "MX-SON"),
            ("DE", "10115", ""),
        ] {
            assert_eq!(regions(country, code).join(" "), states, "{country} {code}");
        }
    }

    #[test]
    fn the_ranges_are_in_order_and_their_states_have_zones() {
        for ranges in [UNITED_STATES, AUSTRALIA, BRAZIL, MEXICO] {
            assert!(ranges.is_sorted_by(|one, next| one.1 < next.0));
            for (from, to, states) in ranges {
                assert!(from <= to && !states.is_empty());
                for state in *states {
                    assert!(super::super::regions::zones(state).is_some(), "{state}");
                }
            }
        }
    }
}
