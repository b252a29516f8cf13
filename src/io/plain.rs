//! Text of others as it may be shown: in a terminal, in a picture, in XML.

use std::borrow::Cow;

/// The longest word that is shown whole: longer than most paths.
const WORD: usize = 512;

/// The longest message that is shown whole.
const MESSAGE: usize = 4096;

/// Whether a character does something in place of standing for something: control characters, escapes among them, and
/// marks that turn the direction of writing.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with each active character as its escape, `\u{1b}` for ESC; newlines stay if `lines`.
fn escaped(text: &str, lines: bool) -> Cow<'_, str> {
    let bad = |c: char| is_active(c) && !(lines && c == '\n');
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .fold(String::with_capacity(text.len() + 16), |mut out, c| {
            if bad(c) {
                out.extend(c.escape_default())
            } else {
                out.push(c)
            }
            out
        })
        .into()
}

/// A name, in one line.
pub fn name(text: &str) -> Cow<'_, str> {
    escaped(text, false)
}

/// A text of several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, true)
}

/// The longest number that is shown digit by digit.
const NUMBER: usize = 18;

/// A number of very many digits with an exponent, `1e-50`; None for any other word.
fn shorter(word: &str) -> Option<String> {
    let marks = |c: char| !(c.is_ascii_digit() || c == '.' || c == '-');
    let start = word.find(|c| !marks(c))?;
    let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
    let number = word.get(start..end).filter(|n| n.len() > NUMBER && !n.contains(marks))?;
    let value = number.parse::<f64>().ok().filter(|v| v.is_finite())?;
    let shown = format!("{}{value:e}{}", &word[..start], &word[end..]);
    (shown.len() < word.len()).then_some(shown)
}

/// A message in one line, whose words may come from a file: what is too long for a word is cut, numbers are written
/// with an exponent where they have very many digits.
pub fn message(text: &str) -> String {
    let text = escaped(text, false);
    let cut = |word: &str| match word.char_indices().nth(WORD) {
        Some((at, _)) if !word.contains(|c: char| c.is_ascii_digit()) || shorter(word).is_none() => {
            format!("{}… ({} bytes)", &word[..at], word.len())
        }
        _ => shorter(word).unwrap_or_else(|| word.to_string()),
    };
    let text = text.split(' ').map(cut).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_active_is_shown_and_long_words_are_cut() {
        assert_eq!(name("κ = 3 µm"), "κ = 3 µm");
        assert_eq!(name("a\u{1b}[31m\nb\u{9b}\u{202e}"), "a\\u{1b}[31m\\nb\\u{9b}\\u{202e}");
        assert_eq!(lines("a\nb\r"), "a\nb\\r");
        let cut = message(&format!("a.mtx: line 1: \"{}\" is not", "x".repeat(70_000)));
        assert!(cut.len() < 600 && cut.ends_with("… (70002 bytes) is not"), "{cut}");
        for (number, shown) in [
            ("a = 0.00000000000000000000000000000000000000000000000001: must", "a = 1e-50: must"),
            ("[-100000000000000000000000000000000.0, 3.5]", "[-1e32, 3.5]"),
            ("100000000000 of 123456789012345678", "100000000000 of 123456789012345678"),
            ("/tmp/100000000000000000000000000000000.h5: no", "/tmp/100000000000000000000000000000000.h5: no"),
        ] {
            assert_eq!(message(number), shown);
        }
        let path = format!("{}/a.mtx", "d/".repeat(200));
        assert_eq!(message(&path), path);
    }
}
