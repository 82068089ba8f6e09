//! Texts that were read in another encoding than they were written in.

/// Tables that texts in UTF-8 are most often taken for.
const TABLES: [&encoding_rs::Encoding; 3] = [
    encoding_rs::WINDOWS_1252,
    encoding_rs::WINDOWS_1251,
    encoding_rs::WINDOWS_1250,
];

/// Whether a cell looks like that: letters that are lost, letters whose bytes are one letter of UTF-8 (`Ã¼`),
/// signs within words.
pub(crate) fn is_garbled(cell: &str) -> bool {
    if cell.contains(char::REPLACEMENT_CHARACTER) || has_lost_letters(cell) {
        return true;
    }
    !cell.is_ascii() && (TABLES.into_iter().any(|table| is_utf8(cell, table)) || has_signs(cell))
}

/// The text's bytes in a table are all letters of UTF-8.
fn is_utf8(cell: &str, table: &'static encoding_rs::Encoding) -> bool {
    let (bytes, _table, unknown) = table.encode(cell);
    !unknown && std::str::from_utf8(&bytes).is_ok()
}

/// `M?ller`: a program that wrote the list had no such letter.
fn has_lost_letters(cell: &str) -> bool {
    !cell.contains(['/', '=', ':', '&'])
        && within_letters(cell, |char, after| char == '?' && after.is_lowercase())
}

/// `M§ller`, `JŠrg`: neither signs nor capitals stand within words.
fn has_signs(cell: &str) -> bool {
    within_letters(cell, |char, after| {
        let sign = matches!(char, '\u{a1}'..='\u{bf}')
            && !matches!(char, 'ª' | '\u{ad}' | '´' | '·' | 'º' | 'µ');
        let capital = !char.is_ascii() && char.is_uppercase() && after.is_lowercase();
        sign || capital
    })
}

fn within_letters(cell: &str, is: impl Fn(char, char) -> bool) -> bool {
    let chars = cell.chars().zip(cell.chars().skip(1));
    let mut chars = chars.zip(cell.chars().skip(2));
    chars.any(|((before, char), after)| {
        before.is_alphabetic() && after.is_alphabetic() && is(char, after)
    })
}
