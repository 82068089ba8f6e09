//! Makes written text fit to be spoken: without Markdown, emoji and other marks that a voice would
//! read out or stumble over. Words are never changed.

/// The text as it is handed to a voice: one line, single spaces. Empty when nothing is left that a
/// voice could say.
pub(crate) fn speakable(raw: &str) -> String {
    let mut spoken = String::with_capacity(raw.len());
    for line in raw.lines() {
        push_line(&mut spoken, without_line_marks(line));
    }
    if spoken.chars().any(char::is_alphanumeric) {
        spoken.truncate(spoken.trim_end().len());
        spoken
    } else {
        String::new()
    }
}

/// A line without the marks of headings, quotes, lists and code fences in front.
fn without_line_marks(line: &str) -> &str {
    let mut line = line.trim_start();
    if line.starts_with("```") {
        return "";
    }
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.trim_start();
    }
    let heading = line.trim_start_matches('#');
    if heading.len() < line.len() && heading.starts_with(' ') {
        line = heading.trim_start();
    }
    let bullet = ["- ", "* ", "+ ", "• "];
    let item = bullet.iter().find_map(|mark| line.strip_prefix(mark));
    item.unwrap_or(line)
}

fn push_line(spoken: &mut String, line: &str) {
    push_space(spoken);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = after;
        match c {
            '[' => {
                if let Some((label, after_link)) = link(after) {
                    push_line(spoken, label);
                    rest = after_link;
                }
            }
            ']' | '*' | '`' | '~' | '|' | '\\' => {}
            '!' if after.starts_with('[') => {}
            // Around a word it is emphasis; within one it is part of a name.
            '_' if !(after.starts_with(char::is_alphanumeric)
                && spoken.ends_with(char::is_alphanumeric)) => {}
            space if space.is_whitespace() => push_space(spoken),
            picture if is_picture(picture) => {}
            letter => spoken.push(letter),
        }
    }
}

fn push_space(spoken: &mut String) {
    if !spoken.is_empty() && !spoken.ends_with(' ') {
        spoken.push(' ');
    }
}

/// The label and the rest after a link, from behind its opening bracket.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, address) = text.split_once("](")?;
    let (_address, rest) = address.split_once(')')?;
    (!label.contains(['[', ']'])).then_some((label, rest))
}

/// Emoji, dingbats, arrows, box drawings and the invisible characters that join emoji.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c),
        0x200B..=0x200F | 0x20E3 | 0x2190..=0x21FF | 0x2300..=0x23FF | 0x2460..=0x27BF
        | 0x2900..=0x297F | 0x2B00..=0x2BFF | 0xFE00..=0xFE0F | 0xFEFF
        | 0x1F000..=0x1FAFF | 0xE0000..=0xE0FFF)
        // Joins letters in Hindi and other scripts of India.
        && c != '\u{200C}' && c != '\u{200D}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_dropped_and_words_kept() {
        let cases = [
            ("**Great** news! 🎉", "Great news!"),
            ("## Times\n- *Monday*\n- _Friday_", "Times Monday Friday"),
            (
                "See [our page](https://x.example/a_b) or ![map](m.png) now",
                "See our page or map now",
            ),
            ("`snake_case` is  one\tword", "snake_case is one word"),
            ("> quoted ~~gone~~ | cell", "quoted gone cell"),
            ("```rust\ncode\n```", "code"),
            ("#5 is first [1]", "#5 is first 1"),
            ("👍🏽 ✔️ →", ""),
            ("Das kostet 5 €, 20 °C.", "Das kostet 5 €, 20 °C."),
            ("हाँ, ठीक है।", "हाँ, ठीक है।"),
            ("...", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(speakable(raw), expected, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn it_is_one_line_with_single_spaces_whatever_comes(raw in "\\PC{0,80}|[-#>*_\\[\\]()!| \\na-z]{0,80}") {
            let spoken = speakable(&raw);
            prop_assert_eq!(spoken.trim(), &spoken);
            prop_assert!(!spoken.contains("  ") && !spoken.contains('\n'), "{:?}", spoken);
        }
    }
}
