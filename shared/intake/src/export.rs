//! CSV that is safe to open in a spreadsheet.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or an end of line may be run as a formula by the
//! program that opens the file. Such a cell gets an apostrophe in front (the advice of OWASP), which
//! spreadsheets take as "this is text". Left alone are what no program can take for more than a value:
//! phone numbers in E.164 and plain numbers such as `-12.5`. So a number comes out as `+14155550100`, is
//! of use to any other program, and goes back in as it came out.

/// Appends one record to a CSV with commas, quoted where needed, ended by CR LF (RFC 4180).
pub fn record<'a>(csv: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    let before = csv.len();
    let mut count = 0;
    for cell in cells {
        if count > 0 {
            csv.push(',');
        }
        push(csv, cell);
        count += 1;
    }
    // A record of one empty cell would be a blank line, which is no record.
    if count == 1 && csv.len() == before {
        csv.push_str("\"\"");
    }
    csv.push_str("\r\n");
}

fn push(csv: &mut String, cell: &str) {
    let escaped = runs(cell);
    let quoted = escaped || cell.contains([',', '"', '\r', '\n', ';', '\t']) || cell.trim() != cell;
    if !quoted {
        csv.push_str(cell);
        return;
    }
    csv.push('"');
    if escaped {
        csv.push('\'');
    }
    for part in cell.split_inclusive('"') {
        csv.push_str(part);
        if part.ends_with('"') {
            csv.push('"');
        }
    }
    csv.push('"');
}

/// Whether a cell of a reject file gets an apostrophe in front: a spreadsheet could run it, or it looks
/// like one that got an apostrophe. So [`unguarded`] finds each cell as it was.
pub(crate) fn is_guarded(cell: &str) -> bool {
    runs(cell.trim_start_matches('\''))
}

/// A cell of a reject file without the apostrophe that it got.
pub(crate) fn unguarded(cell: &str) -> &str {
    let without = cell.strip_prefix('\'');
    without.filter(|cell| is_guarded(cell)).unwrap_or(cell)
}

/// Whether a spreadsheet could run the cell. Full-width signs and blanks in front are seen through, as
/// some programs do.
fn runs(cell: &str) -> bool {
    let Some(first) = cell.chars().next() else {
        return false;
    };
    let sign = |char| matches!(char, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let begins = matches!(first, '\t' | '\r' | '\n' | '\0') || cell.trim_start().starts_with(sign);
    begins && !is_value(cell)
}

/// `+` and digits, or a number with an optional sign and point.
fn is_value(cell: &str) -> bool {
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(cell: &str) -> String {
        let mut csv = String::new();
        record(&mut csv, [cell, "x"]);
        csv.trim_end_matches(",x\r\n").to_owned()
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_made_text() {
        for cell in [
            "=1+1",
            "+1+1",
            "-1-cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "＝1",
            "+",
            "-",
            "+1(415)",
        ] {
            assert!(
                one(cell).starts_with("\"'"),
                "{cell:?} became {}",
                one(cell)
            );
        }
        assert_eq!(one("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }

    #[test]
    fn numbers_stay_what_they_are() {
        for cell in ["+14155550100", "-12.5", "0", "", "Anna", "a=b", "1-2"] {
            assert_eq!(one(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn a_guarded_cell_is_found_as_it_was(cell in "'{0,3}[ =+@\\-a1]{0,6}") {
            let written = if is_guarded(&cell) { format!("'{cell}") } else { cell.clone() };
            prop_assert!(!runs(&written), "{written:?} could be run");
            prop_assert_eq!(unguarded(&written), cell);
        }

        #[test]
        fn what_is_written_reads_back(cells in proptest::collection::vec("[ -~\r\n\té=+@]{0,12}", 1..6)) {
            let mut csv = String::new();
            record(&mut csv, cells.iter().map(String::as_str));
            let mut output = [0; 512];
            let mut ends = [0; 16];
            let mut reader = csv_core::Reader::new();
            let (result, used, _, count) = reader.read_record(csv.as_bytes(), &mut output, &mut ends);
            prop_assert_eq!(result, csv_core::ReadRecordResult::Record);
            prop_assert!(used + 1 >= csv.len());
            let mut from = 0;
            let read: Vec<_> = ends[..count].iter().map(|end| {
                let cell = std::str::from_utf8(&output[from..*end]).unwrap();
                from = *end;
                cell
            }).collect();
            let expected: Vec<_> = cells.iter().map(|cell| if runs(cell) { format!("'{cell}") } else { cell.clone() }).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
